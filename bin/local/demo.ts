import { randomBytes } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import * as z from "zod";
import { describeCause, LocalFailure } from "./failure.ts";
import type { Gateway } from "./gateway.ts";

export interface Demo {
  readonly projectId: string;
  readonly connectionId: string;
  readonly token: string;
}

const projectName = "Demo";
const connectionName = "Demo SSO";
/** API.md §3, tokens: at most two live ones. */
const liveTokensMax = 2;
const adminPageSizeMax = 200;

const demoSchema = z.object({ projectId: z.string(), connectionId: z.string(), token: z.string() });
const namedSchema = z.object({ id: z.string(), name: z.string() });
const listSchema = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), nextCursor: z.string().optional() });

/**
 * Makes sure that there is a project "Demo" with a connection and a token that works, and returns them.
 * `memoryFile` keeps them between starts, since a token can be read only when it is made.
 */
export async function seedDemo(gateway: Gateway, memoryFile?: string): Promise<Demo> {
  const remembered = memoryFile === undefined ? undefined : recall(memoryFile);
  if (remembered !== undefined && (await opensItsConnection(gateway, remembered))) return remembered;

  const projects = await listAll(gateway, "/projects", namedSchema);
  const project =
    projects.find(({ name }) => name === projectName) ??
    (await callAdmin(gateway, "POST", "/projects", namedSchema, {
      name: projectName,
      quotas: { users: 50, reviewers: 10, readers: 100 },
    }));
  const connectionsPath = `/projects/${project.id}/connections`;
  const connections = await listAll(gateway, connectionsPath, namedSchema);
  const connection =
    connections.find(({ name }) => name === connectionName) ??
    (await callAdmin(gateway, "POST", connectionsPath, namedSchema, { name: connectionName }));

  const demo = {
    projectId: project.id,
    connectionId: connection.id,
    token: await mintToken(gateway, `${connectionsPath}/${connection.id}/tokens`),
  };
  if (memoryFile !== undefined) remember(memoryFile, demo);
  return demo;
}

/** What to paste where: into an IdP, into a shell. */
export function describeDemo(demo: Demo, origin: string): string {
  const scimBaseUrl = `${origin}/scim/v2/${demo.connectionId}`;
  // A name of its own at every start, so that the command works again on data that was kept.
  const userName = `ada.${randomBytes(3).toString("hex")}@example.com`;
  const user = {
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"],
    userName,
    name: { givenName: "Ada", familyName: "Lovelace" },
    emails: [{ value: userName, type: "work", primary: true }],
    active: true,
  };
  return `Paste into an identity provider:
  SCIM base URL  ${scimBaseUrl}
  Bearer token   ${demo.token}

Or provision a user from a shell:
  curl -i '${scimBaseUrl}/Users' \\
    -H 'Authorization: Bearer ${demo.token}' \\
    -H 'Content-Type: application/scim+json' \\
    -d '${JSON.stringify(user)}'

See the members of the demo project:
  curl ${origin}/admin/v1/projects/${demo.projectId}/members`;
}

function recall(memoryFile: string): Demo | undefined {
  try {
    return demoSchema.parse(JSON.parse(readFileSync(memoryFile, "utf8")));
  } catch {
    // Missing on the first start; damaged is as good as missing.
    return undefined;
  }
}

function remember(memoryFile: string, demo: Demo): void {
  // Renamed into place, so that a crash leaves the old one or the new one.
  const draft = `${memoryFile}.new`;
  writeFileSync(draft, `${JSON.stringify(demo, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, memoryFile);
}

async function opensItsConnection(gateway: Gateway, demo: Demo): Promise<boolean> {
  const { status } = await gateway.invoke({
    method: "GET",
    path: `/scim/v2/${encodeURIComponent(demo.connectionId)}/ServiceProviderConfig`,
    headers: [
      ["Host", "localhost"],
      ["Authorization", `Bearer ${demo.token}`],
    ],
    body: Buffer.alloc(0),
    sourceIp: "127.0.0.1",
  });
  return status === 200;
}

async function mintToken(gateway: Gateway, tokensPath: string): Promise<string> {
  const tokens = await listAll(gateway, tokensPath, z.object({ id: z.string(), createdAt: z.string() }));
  if (tokens.length >= liveTokensMax) {
    // The newer one may be in use by another server on the same table.
    const [oldest] = tokens.toSorted((a, b) => (a.createdAt < b.createdAt ? -1 : 1));
    if (oldest !== undefined) await callAdmin(gateway, "DELETE", `${tokensPath}/${oldest.id}`, z.unknown());
  }
  const minted = await callAdmin(gateway, "POST", tokensPath, z.object({ token: z.string() }), {
    label: "demo",
  });
  return minted.token;
}

async function listAll<T extends z.ZodType>(gateway: Gateway, path: string, item: T): Promise<z.output<T>[]> {
  const items: z.output<T>[] = [];
  let cursor: string | undefined;
  do {
    const query = cursor === undefined ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const page = await callAdmin(
      gateway,
      "GET",
      `${path}?limit=${adminPageSizeMax}${query}`,
      listSchema(item),
    );
    items.push(...(page.items as z.output<T>[]));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return items;
}

async function callAdmin<T extends z.ZodType>(
  gateway: Gateway,
  method: string,
  path: string,
  schema: T,
  body?: unknown,
): Promise<z.output<T>> {
  const response = await gateway.invoke({
    method,
    path: `/admin/v1${path}`,
    headers: [
      ["Host", "localhost"],
      ["Content-Type", "application/json"],
    ],
    body: body === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(body)),
    sourceIp: "127.0.0.1",
  });
  const text = response.body.toString("utf8");
  try {
    if (response.status >= 300) throw new Error(`${response.status} ${text}`);
    return schema.parse(text === "" ? undefined : JSON.parse(text));
  } catch (cause) {
    throw new LocalFailure(
      `seeding the demo failed at ${method} ${path}: ${describeCause(cause)} (--no-demo skips it)`,
      1,
      { cause },
    );
  }
}
