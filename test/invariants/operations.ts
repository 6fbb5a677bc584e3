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
  /** Ids by the first word of the displayName. */
  readonly groups: Readonly<Record<string, string>>;
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
  /** In place of `body` where it names somebody of the world. */
  readonly bodyIn?: (world: World) => object;
  /** Whose token it carries; `deactivate` when not told. */
  readonly as?: keyof World["connections"];
  readonly headers?: Readonly<Record<string, string>>;
  readonly status: number;
  /** What a repetition may say after the operation took effect, beside `status`. */
  readonly repeated?: readonly number[];
  /** A POST that may write though it answers 200. */
  readonly writes?: true;
  /** A repetition makes another one: nothing tells it from a new request. */
  readonly additive?: true;
  /** Goes the way of another one: cut off at its calls only where nothing is left out. */
  readonly alike?: true;
}

/** A POST that searches answers 200; those that make something, mostly 201. */
export function isReading({ method, status, writes }: Operation): boolean {
  return method === "GET" || (method === "POST" && status === 200 && !writes);
}

export async function perform(
  world: World,
  operation: Operation,
  service: TestService = world.service,
): Promise<ServiceResponse> {
  const { api, method, path, as = "deactivate", headers } = operation;
  const body = bodyOf(world, operation);
  if (api === "admin") return service.admin(method, path(world), body);
  return service
    .adopt(world.connections[as])
    .scim(method, path(world), { body, ...(headers && { headers }) });
}

export function bodyOf(world: World, { body, bodyIn }: Operation): unknown {
  return bodyIn ? bodyIn(world) : body;
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
    deactivate: await service.createConnection(
      { name: "Deactivates", uniqueGroupNames: true, jit: true },
      project,
    ),
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
  const groups: Record<string, string> = {};
  const group = async (connection: TestConnection, name: string, ...names: string[]): Promise<void> => {
    const created = await connection.scim("POST", "/Groups", {
      body: {
        displayName: groupName(name),
        externalId: `x-${name}`,
        members: membersNamed(users, ...names),
      },
    });
    groups[name] = succeeded(created).body.id;
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
  await group(connections.deactivate, "Team", "ada", "cy", "left");
  await group(connections.deactivate, "Pair", "ada", "bob");
  await group(connections.deactivate, "Single", "ada");
  await group(connections.deactivate, "Empty");
  succeeded(await connections.deactivate.scim("DELETE", `/Users/${users["left"]}`));
  await provision(connections.delete, "kim", { externalId: "x-kim" });
  await provision(connections.delete, "gone", { ...user, externalId: "x-gone" });
  succeeded(await connections.delete.scim("DELETE", `/Users/${users["gone"]}`));
  await provision(connections.delete, "lost", { externalId: "x-lost" });
  await group(connections.delete, "Twin", "kim", "lost");
  await group(connections.delete, "Twin", "kim");
  await provision(connections.disabled, "dora", { externalId: "x-dora" });
  await group(connections.disabled, "Dorm", "dora");

  for (const [name, fields] of Object.entries({
    una: { type: "reader" },
    uli: { type: "user", role: "reviewer" },
  })) {
    const body = { userName: `${name}@${nameMark}`, email: `${name}@mail.${nameMark}`, ...fields };
    members[name] = (await admin("POST", `/projects/${project.id}/members`, body)).body.id;
  }
  await admin("POST", `${connectionPath(connections.deactivate)}/sign-ins`, signedIn("sia"));
  const listed = await admin("GET", `/projects/${project.id}/members`);
  for (const { id, userName } of listed.body.items) members[userName.split("@")[0]] = id;

  // Made by hand; and what a connection without SCIM left to the hand.
  const handmade = await admin("POST", `/projects/${project.id}/groups`, { displayName: groupName("Club") });
  groups["Club"] = handmade.body.id;
  await admin("PUT", `/projects/${project.id}/groups/${groups["Club"]}/members/${members["una"]}`);

  // Deleted in the product while SCIM was off; to be restored by a PUT.
  await admin("PATCH", connectionPath(connections.delete), { scimEnabled: false });
  await admin("DELETE", `/projects/${project.id}/members/${members["lost"]}`);
  await admin("PATCH", connectionPath(connections.delete), { scimEnabled: true });
  await admin("PATCH", connectionPath(connections.disabled), { scimEnabled: false });

  const abandoned = await service.createProject({ name: "Abandoned" });
  const former = await service.createConnection({}, abandoned);
  const abe = await former.scim("POST", "/Users", { body: { ...person("abe"), externalId: "x-abe" } });
  const abandonedGroup = {
    displayName: groupName("Abandoned"),
    externalId: "x-abandoned",
    members: [{ value: succeeded(abe).body.id }],
  };
  succeeded(await former.scim("POST", "/Groups", { body: abandonedGroup }));
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
    groups,
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

/** What an identity provider tells of somebody at sign-in. */
export function signedIn(name: string, fields: object = {}): object {
  const subject = `${name}@${nameMark}`;
  return {
    subject,
    externalId: `x-${name}`,
    userName: subject,
    email: `${name}@mail.${nameMark}`,
    ...fields,
  };
}

/** Bears the mark, as names of people do. */
export function groupName(name: string): string {
  return `${name} ${nameMark}`;
}

export function membersNamed(users: World["users"], ...names: readonly string[]): readonly object[] {
  return names.map((name) => ({ value: users[name] }));
}

export function patchOf(...operations: readonly object[]) {
  return { schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], Operations: operations };
}

const userPath =
  (name: string) =>
  ({ users }: World): string =>
    `/Users/${users[name]}`;
const filtered = (filter: string) => (): string => `/Users?filter=${encodeURIComponent(filter)}`;
const groupPath =
  (name: string) =>
  ({ groups }: World): string =>
    `/Groups/${groups[name]}`;
const groupsFiltered =
  (filter: (world: World) => string) =>
  (world: World): string =>
    `/Groups?filter=${encodeURIComponent(filter(world))}`;
const membersPatched =
  (op: "add" | "remove" | "replace", ...names: readonly string[]) =>
  ({ users }: World): object =>
    patchOf({ op, path: "members", value: membersNamed(users, ...names) });
const projectPath = ({ projectId }: World): string => `/projects/${projectId}`;
const connectionPath =
  (name: keyof World["connections"]) =>
  (world: World): string =>
    `${projectPath(world)}/connections/${world.connections[name].connection.id}`;
const memberPath =
  (name: string) =>
  (world: World): string =>
    `${projectPath(world)}/members/${world.members[name]}`;

const productGroupPath =
  (name: string, rest = "") =>
  (world: World): string =>
    `${projectPath(world)}/groups/${world.groups[name]}${rest}`;

const signedInBy = {
  api: "admin",
  method: "POST",
  path: (world: World) => `${connectionPath("deactivate")(world)}/sign-ins`,
  status: 200,
} as const;
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
  {
    ...created,
    name: "create, linking who signed in",
    body: { ...person("sia3"), externalId: "x-sia", [accountUrn]: { isTeamAccount: true } },
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
    ...created,
    name: "create a group",
    path: () => "/Groups",
    bodyIn: ({ users }) => ({
      displayName: groupName("New"),
      externalId: "x-new",
      members: membersNamed(users, "ada", "cy"),
    }),
  },
  {
    ...created,
    name: "create a group of a name there is",
    alike: true,
    as: "delete",
    path: () => "/Groups",
    bodyIn: ({ users }) => ({ displayName: groupName("TWIN"), members: membersNamed(users, "kim") }),
    additive: true,
  },
  { ...read, name: "read a group", path: groupPath("Team") },
  { ...read, name: "list groups", alike: true, path: () => "/Groups" },
  {
    ...read,
    name: "filter groups by name",
    path: groupsFiltered(() => `displayName eq "${groupName("Team")}"`),
  },
  {
    ...read,
    name: "filter groups by externalId",
    alike: true,
    path: groupsFiltered(() => 'externalId eq "x-Team"'),
  },
  {
    ...read,
    name: "filter groups by member",
    path: groupsFiltered(({ users }) => `members.value eq "${users["ada"]}"`),
  },
  { ...patched, name: "add a member", path: groupPath("Pair"), bodyIn: membersPatched("add", "cy") },
  {
    ...patched,
    name: "add members",
    alike: true,
    path: groupPath("Single"),
    bodyIn: membersPatched("add", "bob", "cy"),
  },
  { ...patched, name: "remove a member", path: groupPath("Pair"), bodyIn: membersPatched("remove", "bob") },
  {
    ...patched,
    name: "remove the last member",
    alike: true,
    path: groupPath("Single"),
    bodyIn: membersPatched("remove", "ada"),
  },
  {
    ...patched,
    name: "remove all members",
    path: groupPath("Team"),
    body: patchOf({ op: "remove", path: "members" }),
  },
  {
    ...patched,
    name: "replace the members",
    path: groupPath("Team"),
    bodyIn: membersPatched("replace", "bob", "cy"),
  },
  {
    ...patched,
    name: "rename a group",
    alike: true,
    path: groupPath("Single"),
    body: patchOf({ op: "replace", path: "displayName", value: groupName("Solo") }),
  },
  {
    ...patched,
    name: "rename a group and add a member",
    path: groupPath("Single"),
    bodyIn: ({ users }) =>
      patchOf(
        { op: "replace", value: { displayName: groupName("Duo"), externalId: "x-Duo" } },
        { op: "add", path: "members", value: membersNamed(users, "bob") },
      ),
  },
  {
    api: "scim",
    method: "PUT",
    name: "replace a group",
    path: groupPath("Team"),
    bodyIn: ({ users }) => ({ displayName: groupName("Crew"), members: membersNamed(users, "bob") }),
    status: 200,
  },
  {
    api: "scim",
    method: "DELETE",
    name: "delete a group",
    path: groupPath("Team"),
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
    name: "list the activity",
    api: "admin",
    method: "GET",
    path: (world) => `${projectPath(world)}/activity`,
    status: 200,
  },
  {
    name: "list the activity of a member and a connection",
    api: "admin",
    method: "GET",
    path: (world) =>
      `${projectPath(world)}/activity?memberId=${world.members["uli"]}&connectionId=${world.connections.deactivate.connection.id}`,
    status: 200,
    alike: true,
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
  { ...signedInBy, name: "sign in", body: signedIn("ada") },
  { ...signedInBy, name: "sign in as somebody new", body: signedIn("noa"), writes: true },
  {
    ...signedInBy,
    name: "sign in under new names",
    body: signedIn("sia", {
      userName: `sia2@${nameMark}`,
      email: `sia2@mail.${nameMark}`,
      externalId: undefined,
    }),
    writes: true,
  },
  {
    api: "admin",
    method: "POST",
    name: "create a group by hand",
    path: (world) => `${projectPath(world)}/groups`,
    body: { displayName: groupName("Club"), access: "read" },
    status: 201,
    additive: true,
  },
  {
    api: "admin",
    method: "GET",
    name: "list the product's groups",
    alike: true,
    path: (world) => `${projectPath(world)}/groups`,
    status: 200,
  },
  {
    api: "admin",
    method: "GET",
    name: "list members of a group",
    alike: true,
    path: productGroupPath("Club", "/members"),
    status: 200,
  },
  {
    api: "admin",
    method: "PATCH",
    name: "rename a group by hand",
    path: productGroupPath("Club"),
    body: { displayName: groupName("Society"), access: "write" },
    status: 200,
  },
  {
    api: "admin",
    method: "PUT",
    name: "put a member into a group",
    path: (world) => productGroupPath("Club", `/members/${world.members["uli"]}`)(world),
    status: 204,
  },
  {
    api: "admin",
    method: "DELETE",
    name: "take a member out of a group",
    alike: true,
    path: (world) => productGroupPath("Dorm", `/members/${world.members["dora"]}`)(world),
    status: 204,
  },
  {
    api: "admin",
    method: "DELETE",
    name: "delete a group in the product",
    alike: true,
    path: productGroupPath("Team", "?force=true"),
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
