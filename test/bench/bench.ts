/**
 * `npm run bench`: what each operation yields under an open-loop load against a local service of its own, what it costs
 * by DynamoDB's own account, and how large the bundles are and how long they take to import.
 *
 * The service, the embedded DynamoDB and the load share this machine's cores: requests per second and latency compare
 * releases on one machine and are no statement about AWS. Trips and capacity units hold anywhere.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { Agent, request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { functionNames } from "../../lambda/http/routes.ts";
import { streamFunctionNames } from "../../lambda/stream/stream-mapping.ts";
import { handlerBuildOptions } from "../../lib/bundling.ts";
import { isWithinBudget, openGroupGround } from "../budgets/group-budgets.ts";
import { countCalls, type Tally } from "../support/counting-client.ts";
import { repositoryRoot, startLocalProcess } from "../support/local-process.ts";
import { startService } from "../support/service.ts";
import { startTable } from "../support/table.ts";
import { type LoadResult, openLoop } from "./open-loop.ts";
import { type BenchUser, newUserBody, operations } from "./operations.ts";

export interface BenchOptions {
  /** How long each operation is asked for at its rate. */
  readonly seconds: number;
  /** Share of each operation's own rate, 1 for all of it. */
  readonly pace: number;
  /** Fresh processes an import is timed in. */
  readonly imports: number;
}

export interface OperationRow extends LoadResult {
  readonly operation: string;
  readonly asked: number;
  readonly trips: number;
  readonly rcu: number;
  readonly wcu: number;
}

export interface BundleRow {
  readonly handler: string;
  readonly kilobytes: number;
  readonly gzipped: number;
  /** Median milliseconds of importing the bundle in a fresh process. */
  readonly importMs: number;
}

export interface GroupRow {
  readonly operation: string;
  readonly members: number;
  readonly trips: number;
  readonly rcu: number;
  readonly wcu: number;
  readonly withinBudget: boolean;
}

/** DESIGN §2's rows on groups, at sizes that take a while to seed. */
export async function benchGroups(options: {
  readonly users: number;
  readonly sizes: readonly number[];
}): Promise<readonly GroupRow[]> {
  const ground = await openGroupGround(options.users);
  try {
    const rows: GroupRow[] = [];
    for (const size of options.sizes) {
      for (const measured of await ground.measure(size)) {
        const { name: operation, members, cost } = measured;
        rows.push({ operation, members, ...cost, withinBudget: isWithinBudget(measured) });
      }
    }
    return rows;
  } finally {
    await ground.stop();
  }
}

export async function benchOperations(options: BenchOptions): Promise<readonly OperationRow[]> {
  const costs = await operationCosts();
  const server = await startLocalProcess(["--no-demo"]);
  try {
    const scim = await openScim(server.origin);
    // A process just started compiles while it answers; what is compared is one that has run for a while.
    await createUsers(scim, Math.ceil(40 * options.seconds));
    const rows: OperationRow[] = [];
    for (const operation of operations) {
      const rate = operation.rate * options.pace;
      const requests = Math.ceil(rate * options.seconds);
      const users = await createUsers(scim, operation.consumes ? requests : Math.min(100, requests));
      const load = await openLoop({
        rate,
        requests,
        send: async (index) => {
          const { status, ...request } = operation.request(users[index % users.length]!, index);
          return (await scim(request)).status === status;
        },
      });
      const { trips, readCapacity, writeCapacity } = costs.get(operation.name)!;
      rows.push({
        operation: operation.name,
        asked: rate,
        ...load,
        trips,
        rcu: readCapacity,
        wcu: writeCapacity,
      });
    }
    return rows;
  } finally {
    server.child.kill("SIGTERM");
    await server.ended;
  }
}

export async function benchBundles({ imports }: BenchOptions): Promise<readonly BundleRow[]> {
  const directory = mkdtempSync(join(tmpdir(), "rollcall-bench-"));
  try {
    return await Promise.all(
      [...functionNames, ...streamFunctionNames].map(async (handler) => {
        const outfile = join(directory, `${handler}.mjs`);
        const entry = join(repositoryRoot, "lambda/handlers", `${handler}.ts`);
        await build({ ...handlerBuildOptions, entryPoints: [entry], outfile, logLevel: "error" });
        return {
          handler,
          kilobytes: statSync(outfile).size / 1_000,
          gzipped: gzipSync(readFileSync(outfile)).length / 1_000,
          importMs: medianImport(outfile, imports),
        };
      }),
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function medianImport(file: string, times: number): number {
  const script = `const t = performance.now(); await import(${JSON.stringify(file)}); console.log(performance.now() - t)`;
  const taken = Array.from({ length: times }, () =>
    Number(execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" })),
  ).sort((a, b) => a - b);
  return taken[Math.floor(taken.length / 2)] ?? Number.NaN;
}

/** Each operation once, alone, on a table of its own. */
async function operationCosts(): Promise<ReadonlyMap<string, Tally>> {
  const table = await startTable();
  const client = table.newClient();
  const counter = countCalls(client);
  const service = await startService({ table, client });
  try {
    const connection = await service.createConnection();
    const costs = new Map<string, Tally>();
    for (const operation of operations) {
      const body = newUserBody();
      const { body: created } = await connection.scim("POST", "/Users", { body });
      const user = { id: created.id, userName: body.userName, externalId: body.externalId };
      const { method, path, body: sent } = operation.request(user, 0);
      const { tally } = await counter.measure(() => connection.scim(method, path, { body: sent }));
      costs.set(operation.name, tally);
    }
    return costs;
  } finally {
    await service.stop();
    await table.stop();
  }
}

interface ScimRequest {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
}
type Scim = (request: ScimRequest) => Promise<{ readonly status: number; readonly body: string }>;

/** A project, a connection and a token of their own. */
async function openScim(origin: string): Promise<Scim> {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const admin = async (path: string, body: unknown) => {
    const answer = await send(agent, `${origin}/admin/v1${path}`, { method: "POST", path, body }, {});
    return JSON.parse(answer.body);
  };
  const { id: projectId } = await admin("/projects", { name: "Bench" });
  const connection = await admin(`/projects/${projectId}/connections`, { name: "Bench" });
  const { token } = await admin(`/projects/${projectId}/connections/${connection.id}/tokens`, {});
  return (request) =>
    send(agent, connection.scimBaseUrl + request.path, request, { Authorization: `Bearer ${token}` });
}

function send(
  agent: Agent,
  url: string,
  { method, body }: ScimRequest,
  headers: Readonly<Record<string, string>>,
): ReturnType<Scim> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      url,
      {
        method,
        agent,
        headers: { ...headers, ...(body !== undefined && { "Content-Type": "application/json" }) },
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("end", () =>
          resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks).toString("utf8") }),
        );
        incoming.on("error", reject);
      },
    );
    outgoing.on("error", reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function createUsers(scim: Scim, count: number): Promise<readonly BenchUser[]> {
  const users: BenchUser[] = [];
  while (users.length < count) {
    const batch = Array.from({ length: Math.min(20, count - users.length) }, async () => {
      const body = newUserBody();
      const created = await scim({ method: "POST", path: "/Users", body });
      return { id: JSON.parse(created.body).id, userName: body.userName, externalId: body.externalId };
    });
    users.push(...(await Promise.all(batch)));
  }
  return users;
}
