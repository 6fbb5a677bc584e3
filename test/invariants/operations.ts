/**
 * One small world and every operation there is on it, as plain data: what crashes, interleavings, walls and secrets are
 * tried on. Each operation starts from the same world, succeeds on a healthy table, and tells what its repetition may say.
 */

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { createSeededRandom, type SeededRandom } from "../support/seeded-random.ts";
import {
  type ServiceResponse,
  startService,
  type TestConnection,
  type TestService,
} from "../support/service.ts";
import { startTable, type TestTable } from "../support/table.ts";
import { type RawItem, scanTable } from "./table-contents.ts";

export const accountUrn = "urn:ietf:params:scim:schemas:extension:document360:2.0:User";
/** In every userName and email of the world and of the operations, so that none can hide. */
export const nameMark = "people.example";
export const password = "Correct-Horse-9";

/** The world is made at this time, and operated on an hour later: each token's use is due to be noted again. */
const madeAt = Date.UTC(2026, 0, 1, 12);
const operatedAt = madeAt + 60 * 60 * 1_000;

export interface World {
  readonly table: TestTable;
  /** Over a healthy client of its own. */
  readonly service: TestService;
  readonly items: readonly RawItem[];
  /** `deactivate` and `delete` are their `onDelete`; `disabled` has users and no SCIM; `empty` has neither. */
  readonly connections: Readonly<Record<"deactivate" | "delete" | "disabled" | "empty", TestConnection>>;
  readonly projectId: string;
  /** Without connections, with what a deleted one left behind. */
  readonly abandonedProjectId: string;
  readonly tokenId: string;
  /** SCIM ids by the part of the userName before the @. */
  readonly users: Readonly<Record<string, string>>;
  /** Member ids likewise. */
  readonly members: Readonly<Record<string, string>>;
  /** Another service on the table, at the time of operations. */
  open(options: {
    readonly client?: DynamoDBClient;
    readonly random?: SeededRandom;
    readonly sleep?: () => Promise<void>;
  }): Promise<TestService>;
}

export interface Operation {
  readonly name: string;
  readonly api: "scim" | "admin";
  readonly method: string;
  readonly path: (world: World) => string;
  readonly body?: unknown;
  /** Whose token it carries; `deactivate` when not told. */
  readonly as?: keyof World["connections"];
  readonly headers?: Readonly<Record<string, string>>;
  readonly status: number;
  /** What a repetition may say after the operation took effect, beside `status`. */
  readonly repeated?: readonly number[];
  /** A repetition makes another one: nothing tells it from a new request. */
  readonly additive?: true;
}

export async function perform(
  world: World,
  operation: Operation,
  service: TestService = world.service,
): Promise<ServiceResponse> {
  const { api, method, path, body, as = "deactivate", headers } = operation;
  if (api === "admin") return service.admin(method, path(world), body);
  return service
    .adopt(world.connections[as])
    .scim(method, path(world), { body, ...(headers && { headers }) });
}

export async function makeWorld(): Promise<World> {
  const table = await startTable();
  let clock = madeAt;
  const random = createSeededRandom(1);
  const service = await startService({
    table,
    clock: () => clock,
    random: (length) => random.bytes(length),
    sleep: async () => {},
  });
  const project = await service.createProject({
    name: "World",
    quotas: { users: 6, reviewers: 1, readers: 30 },
  });
  const connections = {
    deactivate: await service.createConnection({ name: "Deactivates" }, project),
    delete: await service.createConnection({ name: "Deletes", onDelete: "delete" }, project),
    disabled: await service.createConnection({ name: "Disabled" }, project),
    empty: await service.createConnection({ name: "Empty" }, project),
  };
  const admin = async (method: string, path: string, body?: unknown): Promise<ServiceResponse> =>
    succeeded(await service.admin(method, path, body));
  const users: Record<string, string> = {};
  const members: Record<string, string> = {};
  const provision = async (connection: TestConnection, name: string, fields: object = {}): Promise<void> => {
    const body = { ...person(name), ...fields };
    users[name] = succeeded(await connection.scim("POST", "/Users", { body })).body.id;
  };
  const user = { [accountUrn]: { isTeamAccount: true } };
  const connectionPath = (connection: TestConnection) =>
    `/projects/${project.id}/connections/${connection.connection.id}`;

  const further = { value: `ada@home.${nameMark}`, type: "home" };
  await provision(connections.deactivate, "ada", {
    externalId: "x-ada",
    emails: [{ value: `ada@${nameMark}`, type: "work", primary: true }, further],
    password,
  });
  await provision(connections.deactivate, "bob", { ...user, active: false, externalId: "x-bob" });
  await provision(connections.deactivate, "cy", { ...user, externalId: "x-cy" });
  await provision(connections.deactivate, "left", { ...user, externalId: "x-left" });
  succeeded(await connections.deactivate.scim("DELETE", `/Users/${users["left"]}`));
  await provision(connections.delete, "kim", { externalId: "x-kim" });
  await provision(connections.delete, "gone", { ...user, externalId: "x-gone" });
  succeeded(await connections.delete.scim("DELETE", `/Users/${users["gone"]}`));
  await provision(connections.delete, "lost", { externalId: "x-lost" });
  await provision(connections.disabled, "dora", { externalId: "x-dora" });

  for (const [name, fields] of Object.entries({
    una: { type: "reader" },
    uli: { type: "user", role: "reviewer" },
  })) {
    const body = { userName: `${name}@${nameMark}`, email: `${name}@mail.${nameMark}`, ...fields };
    members[name] = (await admin("POST", `/projects/${project.id}/members`, body)).body.id;
  }
  const listed = await admin("GET", `/projects/${project.id}/members`);
  for (const { id, userName } of listed.body.items) members[userName.split("@")[0]] = id;

  // Deleted in the product while SCIM was off; to be restored by a PUT.
  await admin("PATCH", connectionPath(connections.delete), { scimEnabled: false });
  await admin("DELETE", `/projects/${project.id}/members/${members["lost"]}`);
  await admin("PATCH", connectionPath(connections.delete), { scimEnabled: true });
  await admin("PATCH", connectionPath(connections.disabled), { scimEnabled: false });

  const abandoned = await service.createProject({ name: "Abandoned" });
  const former = await service.createConnection({}, abandoned);
  succeeded(await former.scim("POST", "/Users", { body: { ...person("abe"), externalId: "x-abe" } }));
  await admin("DELETE", `/projects/${abandoned.id}/connections/${former.connection.id}`);

  const tokens = await admin("GET", `${connectionPath(connections.empty)}/tokens`);
  clock = operatedAt;
  return {
    table,
    service,
    items: await scanTable(table.client, table.tableName),
    connections,
    projectId: project.id,
    abandonedProjectId: abandoned.id,
    tokenId: tokens.body.items[0].id,
    users,
    members,
    open: ({ client, random: ownRandom = createSeededRandom(1), sleep = async () => {} }) =>
      startService({
        table,
        ...(client && { client }),
        clock: () => operatedAt,
        random: (length) => ownRandom.bytes(length),
        sleep,
      }),
  };
}

function succeeded(response: ServiceResponse): ServiceResponse {
  if (response.status >= 300) {
    throw new Error(`the world could not be made: ${response.status} ${JSON.stringify(response.body)}`);
  }
  return response;
}

export function person(name: string): { readonly userName: string } & Readonly<Record<string, unknown>> {
  return {
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"],
    userName: `${name}@${nameMark}`,
    emails: [{ value: `${name}@${nameMark}`, type: "work", primary: true }],
  };
}

export function patchOf(...operations: readonly object[]) {
  return { schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], Operations: operations };
}

const userPath =
  (name: string) =>
  ({ users }: World): string =>
    `/Users/${users[name]}`;
const filtered = (filter: string) => (): string => `/Users?filter=${encodeURIComponent(filter)}`;
const projectPath = ({ projectId }: World): string => `/projects/${projectId}`;
const connectionPath =
  (name: keyof World["connections"]) =>
  (world: World): string =>
    `${projectPath(world)}/connections/${world.connections[name].connection.id}`;
const memberPath =
  (name: string) =>
  (world: World): string =>
    `${projectPath(world)}/members/${world.members[name]}`;

const created = { api: "scim", method: "POST", path: () => "/Users", status: 201, repeated: [409] } as const;
const patched = { api: "scim", method: "PATCH", status: 200 } as const;
const read = { api: "scim", method: "GET", status: 200 } as const;

export const operations: readonly Operation[] = [
  {
    ...created,
    name: "create",
    body: {
      ...person("new"),
      externalId: "x-new",
      emails: [{ value: `n@${nameMark}` }, { value: `o@${nameMark}` }],
      password,
    },
  },
  {
    ...created,
    name: "create a team account",
    body: { ...person("new"), [accountUrn]: { isTeamAccount: true } },
  },
  {
    ...created,
    name: "create, linking by userName",
    body: { userName: `UNA@${nameMark}`, emails: [{ value: `una2@${nameMark}` }], externalId: "x-una" },
  },
  {
    ...created,
    name: "create, linking by email",
    body: {
      userName: `uli2@${nameMark}`,
      emails: [{ value: `uli@mail.${nameMark}` }],
      [accountUrn]: { isTeamAccount: true },
    },
  },
  {
    ...created,
    name: "create, taking over from a disabled connection",
    body: { ...person("dora"), externalId: "x-dora" },
  },
  {
    ...created,
    name: "create again what was deactivated by DELETE",
    body: { ...person("left"), externalId: "x-left", [accountUrn]: { isTeamAccount: true } },
  },
  {
    ...created,
    name: "create again what was deleted by DELETE",
    as: "delete",
    body: { ...person("gone"), externalId: "x-gone" },
  },
  { ...read, name: "read", path: userPath("ada") },
  { ...read, name: "list", path: () => "/Users" },
  { ...read, name: "filter by userName", path: filtered(`userName eq "ada@${nameMark}"`) },
  { ...read, name: "filter by externalId", path: filtered('externalId eq "x-ada"') },
  { ...read, name: "filter by email", path: filtered(`emails[type eq "work"].value eq "ada@${nameMark}"`) },
  { ...read, name: "filter by id", path: ({ users }) => filtered(`id eq "${users["ada"]}"`)() },
  { ...read, name: "filter without a key", path: filtered("active eq true") },
  { ...read, name: "list by cursor", path: () => "/Users?cursor&count=2" },
  { ...read, name: "list the root", path: () => "" },
  {
    ...read,
    method: "POST",
    name: "search the root",
    path: () => "/.search",
    body: { filter: `userName eq "ada@${nameMark}"`, attributes: ["userName"] },
  },
  {
    api: "scim",
    method: "PUT",
    name: "replace",
    path: userPath("ada"),
    body: {
      ...person("ada"),
      displayName: "Ada",
      externalId: "x-ada-2",
      emails: [{ value: `ada@work.${nameMark}` }],
      password,
    },
    status: 200,
  },
  {
    api: "scim",
    method: "PUT",
    name: "replace, restoring what was deleted in the product",
    as: "delete",
    path: userPath("lost"),
    body: { ...person("lost"), externalId: "x-lost" },
    status: 200,
  },
  {
    ...patched,
    name: "patch",
    path: userPath("ada"),
    body: patchOf({ op: "replace", path: "displayName", value: "Ada L." }),
  },
  {
    ...patched,
    name: "deactivate",
    path: userPath("cy"),
    body: patchOf({ op: "replace", path: "active", value: false }),
  },
  {
    ...patched,
    name: "activate",
    path: userPath("bob"),
    body: patchOf({ op: "replace", path: "active", value: true }),
  },
  {
    ...patched,
    name: "convert to a user",
    path: userPath("ada"),
    body: patchOf({ op: "replace", path: `${accountUrn}:isTeamAccount`, value: true }),
  },
  {
    ...patched,
    name: "convert to a reader",
    path: userPath("cy"),
    body: patchOf({ op: "replace", path: `${accountUrn}:isTeamAccount`, value: false }),
  },
  {
    ...patched,
    name: "rename",
    path: userPath("ada"),
    body: patchOf({ op: "replace", path: "userName", value: `countess@${nameMark}` }),
  },
  {
    ...patched,
    name: "change the email",
    path: userPath("ada"),
    body: patchOf({ op: "replace", path: 'emails[type eq "work"].value', value: `countess@${nameMark}` }),
  },
  {
    api: "scim",
    method: "DELETE",
    name: "end, deactivating",
    path: userPath("cy"),
    status: 204,
    repeated: [404],
  },
  {
    api: "scim",
    method: "DELETE",
    name: "end, deleting",
    as: "delete",
    path: userPath("kim"),
    status: 204,
    repeated: [404],
  },

  {
    api: "admin",
    method: "POST",
    name: "create a project",
    path: () => "/projects",
    body: { name: "Second", quotas: { users: 3 } },
    status: 201,
    additive: true,
  },
  { api: "admin", method: "GET", name: "read a project", path: projectPath, status: 200 },
  { api: "admin", method: "GET", name: "list projects", path: () => "/projects", status: 200 },
  {
    api: "admin",
    method: "PATCH",
    name: "rename a project",
    path: projectPath,
    body: { name: "Renamed" },
    status: 200,
  },
  {
    api: "admin",
    method: "PATCH",
    name: "change quotas",
    path: projectPath,
    body: { quotas: { users: 9, reviewers: null, readers: 12 } },
    status: 200,
  },
  {
    api: "admin",
    method: "DELETE",
    name: "delete a project",
    path: ({ abandonedProjectId }) => `/projects/${abandonedProjectId}`,
    status: 204,
    repeated: [404],
  },
  {
    api: "admin",
    method: "POST",
    name: "create a connection",
    path: (world) => `${projectPath(world)}/connections`,
    body: { name: "Third", provider: "okta" },
    status: 201,
    additive: true,
  },
  { api: "admin", method: "GET", name: "read a connection", path: connectionPath("empty"), status: 200 },
  {
    api: "admin",
    method: "GET",
    name: "list connections",
    path: (world) => `${projectPath(world)}/connections`,
    status: 200,
  },
  {
    api: "admin",
    method: "PATCH",
    name: "change a connection",
    path: connectionPath("delete"),
    body: { scimEnabled: false, onDelete: "deactivate", defaults: { role: "admin" } },
    status: 200,
  },
  {
    api: "admin",
    method: "DELETE",
    name: "delete a connection",
    path: connectionPath("delete"),
    status: 204,
    repeated: [404],
  },
  {
    api: "admin",
    method: "POST",
    name: "create a token",
    path: (world) => `${connectionPath("empty")(world)}/tokens`,
    body: { label: "second" },
    status: 201,
    repeated: [409],
    additive: true,
  },
  {
    api: "admin",
    method: "POST",
    name: "rotate tokens",
    path: (world) => `${connectionPath("empty")(world)}/tokens/rotate`,
    body: {},
    status: 201,
    additive: true,
  },
  {
    api: "admin",
    method: "POST",
    name: "rotate tokens with an overlap",
    path: (world) => `${connectionPath("empty")(world)}/tokens/rotate`,
    body: { overlapSeconds: 60 },
    status: 201,
    repeated: [409],
    additive: true,
  },
  {
    api: "admin",
    method: "GET",
    name: "list tokens",
    path: (world) => `${connectionPath("empty")(world)}/tokens`,
    status: 200,
  },
  {
    api: "admin",
    method: "DELETE",
    name: "delete a token",
    path: (world) => `${connectionPath("empty")(world)}/tokens/${world.tokenId}`,
    status: 204,
    repeated: [404],
  },
  {
    api: "admin",
    method: "POST",
    name: "create a member",
    path: (world) => `${projectPath(world)}/members`,
    body: { userName: `mia@${nameMark}`, email: `mia@mail.${nameMark}`, type: "user", role: "admin" },
    status: 201,
    repeated: [409],
  },
  { api: "admin", method: "GET", name: "read a member", path: memberPath("ada"), status: 200 },
  {
    api: "admin",
    method: "GET",
    name: "list members",
    path: (world) => `${projectPath(world)}/members`,
    status: 200,
  },
  {
    api: "admin",
    method: "GET",
    name: "search members",
    path: (world) => `${projectPath(world)}/members?q=A`,
    status: 200,
  },
  {
    api: "admin",
    method: "GET",
    name: "list members of a connection",
    path: (world) =>
      `${projectPath(world)}/members?connectionId=${world.connections.deactivate.connection.id}`,
    status: 200,
  },
  {
    api: "admin",
    method: "PATCH",
    name: "change an unmanaged member",
    path: memberPath("uli"),
    body: { userName: `ulla@${nameMark}`, email: `ulla@mail.${nameMark}`, role: "admin", access: "write" },
    status: 200,
  },
  {
    api: "admin",
    method: "PATCH",
    name: "deactivate an unmanaged member",
    path: memberPath("una"),
    body: { status: "inactive" },
    status: 200,
  },
  {
    api: "admin",
    method: "PATCH",
    name: "change access of a managed member",
    path: memberPath("ada"),
    body: { access: "write" },
    status: 200,
  },
  {
    api: "admin",
    method: "DELETE",
    name: "delete an unmanaged member",
    path: memberPath("uli"),
    status: 204,
    repeated: [404],
  },
  {
    api: "admin",
    method: "DELETE",
    name: "delete a member of a disabled connection",
    path: memberPath("dora"),
    status: 204,
    repeated: [404],
  },
];
