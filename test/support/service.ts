import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import * as z from "zod";
import { createGateway, type Gateway } from "../../bin/local/gateway.ts";
import { createAdminHandler } from "../../lambda/handlers/admin.ts";
import { createBulkHandler } from "../../lambda/handlers/bulk.ts";
import { createDiscoveryHandler } from "../../lambda/handlers/discovery.ts";
import { createFallbackHandler } from "../../lambda/handlers/fallback.ts";
import { createGroupsHandler } from "../../lambda/handlers/groups.ts";
import { createUsersHandler } from "../../lambda/handlers/users.ts";
import { routes } from "../../lambda/http/routes.ts";
import type { Log } from "../../lambda/runtime/log.ts";
import { createRuntime } from "../../lambda/runtime/runtime.ts";
import { startTable, type TestTable } from "./table.ts";

export interface ServiceOptions {
  /** Shared with other services; without it the service starts a table of its own, and stops it in `stop`. */
  readonly table?: TestTable;
  /** Default: the table's. Give `table.newClient()` to count or to fail this service's calls alone. */
  readonly client?: DynamoDBClient;
  /** Epoch milliseconds. */
  readonly clock?: () => number;
  readonly random?: (bytes: number) => Buffer;
  readonly sleep?: (milliseconds: number) => Promise<void>;
  readonly log?: Log;
}

export interface ServiceResponse {
  readonly status: number;
  /** By lower-case name; of repeated ones the last. */
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed JSON; undefined when the body is empty. Untyped, for tests to reach into. */
  // biome-ignore lint/suspicious/noExplicitAny: every test would narrow the same answers again
  readonly body: any;
}

export interface ScimRequest {
  /** A string goes out as it is, anything else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Bearer token; without it the request has no `Authorization`. */
  readonly token?: string;
}

export interface TestProject {
  readonly id: string;
}

export interface TestConnection {
  readonly project: TestProject;
  readonly connection: { readonly id: string };
  readonly token: string;
  /** Path of the SCIM root: `/scim/v2/{connectionId}`. */
  readonly baseUrl: string;
  /** `scim` with this connection's root before the path, and its token unless another is given. */
  scim(method: string, path: string, request?: ScimRequest): Promise<ServiceResponse>;
}

export interface TestService {
  readonly gateway: Gateway;
  readonly table: TestTable;
  /** `path` is the whole one with query, `/scim/v2/…`, percent-encoded by the caller. */
  scim(method: string, path: string, request?: ScimRequest): Promise<ServiceResponse>;
  /** `path` comes after `/admin/v1`. */
  admin(method: string, path: string, body?: unknown): Promise<ServiceResponse>;
  createProject(fields?: Readonly<Record<string, unknown>>): Promise<TestProject>;
  /** A connection and a token for it, in `project` or in a new project. */
  createConnection(
    fields?: Readonly<Record<string, unknown>>,
    project?: TestProject,
  ): Promise<TestConnection>;
  /** The same connection, reached through this service: for several services over one table. */
  adopt(connection: TestConnection): TestConnection;
  stop(): Promise<void>;
}

const createdSchema = z.object({ id: z.string() });
const tokenSchema = z.object({ token: z.string() });

/** Rollcall without sockets: the deployed handlers behind the gateway emulation, over an embedded table. */
export async function startService(options: ServiceOptions = {}): Promise<TestService> {
  const table = options.table ?? (await startTable());
  const runtime = createRuntime({
    client: options.client ?? table.client,
    tableName: table.tableName,
    ...(options.clock && { clock: options.clock }),
    ...(options.random && { random: options.random }),
    ...(options.sleep && { sleep: options.sleep }),
    ...(options.log && { log: options.log }),
  });
  const gateway = createGateway({
    routes,
    handlers: {
      users: createUsersHandler(runtime),
      groups: createGroupsHandler(runtime),
      bulk: createBulkHandler(runtime),
      discovery: createDiscoveryHandler(runtime),
      fallback: createFallbackHandler(runtime),
      admin: createAdminHandler(runtime),
    },
    // Races on two cores may take longer than a gateway would wait.
    timeoutMilliseconds: 120_000,
  });

  const scim: TestService["scim"] = (method, path, request = {}) =>
    send(gateway, method, path, "application/scim+json", request);
  const admin: TestService["admin"] = (method, path, body) =>
    send(gateway, method, `/admin/v1${path}`, "application/json", { body });
  const adminOrFail = async (method: string, path: string, body: unknown): Promise<unknown> => {
    const response = await admin(method, path, body);
    if (response.status < 300) return response.body;
    throw new Error(`${method} ${path} answered ${response.status} ${JSON.stringify(response.body)}`);
  };
  const createProject: TestService["createProject"] = async (fields) =>
    createdSchema.parse(await adminOrFail("POST", "/projects", { name: "Test", ...fields }));
  const within = (
    project: TestProject,
    connection: { readonly id: string },
    token: string,
  ): TestConnection => {
    const baseUrl = `/scim/v2/${connection.id}`;
    return {
      project,
      connection,
      token,
      baseUrl,
      scim: (method, path, request) => scim(method, baseUrl + path, { token, ...request }),
    };
  };

  return {
    gateway,
    table,
    scim,
    admin,
    createProject,
    async createConnection(fields, project) {
      const owner = project ?? (await createProject());
      const path = `/projects/${owner.id}/connections`;
      const connection = createdSchema.parse(
        await adminOrFail("POST", path, { name: "Test SSO", ...fields }),
      );
      const { token } = tokenSchema.parse(await adminOrFail("POST", `${path}/${connection.id}/tokens`, {}));
      return within(owner, connection, token);
    },
    adopt: ({ project, connection, token }) => within(project, connection, token),
    async stop() {
      if (options.table === undefined) await table.stop();
    },
  };
}

async function send(
  gateway: Gateway,
  method: string,
  path: string,
  contentType: string,
  request: ScimRequest,
): Promise<ServiceResponse> {
  const body = typeof request.body === "string" ? request.body : JSON.stringify(request.body);
  const headers = {
    Host: "localhost",
    ...(request.token !== undefined && { Authorization: `Bearer ${request.token}` }),
    ...(body !== undefined && { "Content-Type": contentType }),
    ...request.headers,
  };
  const response = await gateway.invoke({
    method,
    path,
    headers: Object.entries(headers),
    body: Buffer.from(body ?? ""),
    sourceIp: "127.0.0.1",
  });
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers.map(([name, value]) => [name.toLowerCase(), value])),
    body: parseBody(response.body.toString("utf8")),
  };
}

function parseBody(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`the answer is not JSON: ${text.slice(0, 200)}`);
  }
}
