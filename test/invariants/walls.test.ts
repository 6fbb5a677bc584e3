/** Tenants are walled off: no token, id, cursor or filter of one connection reaches what is another's. DESIGN §1, 6. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ServiceResponse, TestConnection, TestProject, TestService } from "../support/service.ts";
import { startService } from "../support/service.ts";
import { startTable } from "../support/table.ts";
import { noRetries } from "./disturbed-client.ts";
import {
  bodyOf,
  groupName,
  makeWorld,
  nameMark,
  type Operation,
  operations,
  patchOf,
  perform,
  person,
  type World,
} from "./operations.ts";
import { projectIdLength, scanTable } from "./table-contents.ts";
import { printItems, restoreTable } from "./table-copy.ts";

describe("[4] with the token of one connection", () => {
  let service: TestService;
  let own: TestConnection;
  /** In the same project, and in another one. */
  let others: readonly {
    readonly where: string;
    readonly connection: TestConnection;
    /** Of a user, and of a group it is in. */
    readonly id: string;
    readonly group: string;
  }[];
  let ownUser: string;
  let ownGroup: string;
  let projects: readonly TestProject[];

  beforeAll(async () => {
    service = await startService({ table: await startTable() });
    projects = [await service.createProject(), await service.createProject()];
    own = await service.createConnection({ uniqueGroupNames: true }, projects[0]);
    const user = await own.scim("POST", "/Users", { body: { ...person("own"), externalId: "x-own" } });
    ownUser = user.body.id;
    const group = await own.scim("POST", "/Groups", {
      body: { displayName: groupName("Own"), members: [{ value: ownUser }] },
    });
    ownGroup = group.body.id;
    others = await Promise.all(
      projects.map(async (project, index) => {
        const connection = await service.createConnection({ uniqueGroupNames: true }, project);
        const name = `theirs${index}`;
        const created = await connection.scim("POST", "/Users", {
          body: { ...person(name), externalId: `x-${name}`, displayName: "Theirs" },
        });
        expect(created.status).toBe(201);
        const { id } = created.body;
        const group = await connection.scim("POST", "/Groups", {
          body: { displayName: groupName("Theirs"), externalId: `x-${name}`, members: [{ value: id }] },
        });
        expect(group.status).toBe(201);
        const where = index === 0 ? "the same project" : "another project";
        return { where, connection, id, group: group.body.id };
      }),
    );
  });
  afterAll(() => service.table.stop());

  /** Every item but the connections, which note the use of their tokens, and the failures that are noted of refusals. */
  const stateNow = async (): Promise<readonly string[]> => {
    const items = await scanTable(service.table.client, service.table.tableName);
    return printItems(items.filter(({ tokens, remedy }) => !tokens && !remedy));
  };

  test("the paths of another connection are 401, whatever is asked, and nothing changes", async () => {
    const state = await stateNow();
    for (const { connection, id, group } of others) {
      for (const [method, path, body] of [
        ["GET", "/Groups"],
        ["GET", `/Groups/${group}`],
        ["POST", "/Groups", { displayName: "Intruders" }],
        ["PUT", `/Groups/${group}`, { displayName: "Intruders" }],
        ["PATCH", `/Groups/${group}`, patchOf({ op: "remove", path: "members" })],
        ["DELETE", `/Groups/${group}`],
        ["GET", "/Users"],
        ["GET", `/Users/${id}`],
        ["POST", "/Users", person("intruder")],
        ["PUT", `/Users/${id}`, person("intruder")],
        ["PATCH", `/Users/${id}`, patchOf({ op: "replace", path: "active", value: false })],
        ["DELETE", `/Users/${id}`],
        ["GET", "/ServiceProviderConfig"],
        ["GET", "/Schemas"],
        ["GET", "/Me"],
        ["GET", "/Nothing"],
      ] as const) {
        const answer = await connection.scim(method, path, { token: own.token, ...(body && { body }) });
        expect(`${method} ${path} ${answer.status}`).toBe(`${method} ${path} 401`);
        expect(answer.headers).toHaveProperty("www-authenticate");
        expect(JSON.stringify(answer.body)).not.toContain(nameMark);
      }
    }
    expect(await stateNow()).toEqual(state);
  });

  test("an id of another connection is 404, to read and to change, and nothing changes", async () => {
    const state = await stateNow();
    for (const { id } of others) {
      for (const [method, body] of [
        ["GET"],
        ["PUT", person("own")],
        ["PATCH", patchOf({ op: "replace", path: "active", value: false })],
        ["DELETE"],
      ] as const) {
        const answer = await own.scim(method, `/Users/${id}`, body && { body });
        expect(`${method} ${answer.status}`).toBe(`${method} 404`);
        expect(JSON.stringify(answer.body)).not.toContain(nameMark);
      }
    }
    expect(await stateNow()).toEqual(state);
  });

  test("the id of a group of another connection is 404, to read and to change, and nothing changes", async () => {
    const state = await stateNow();
    for (const { group } of others) {
      for (const [method, body] of [
        ["GET"],
        ["PUT", { displayName: "Intruders", members: [{ value: ownUser }] }],
        ["PATCH", patchOf({ op: "add", path: "members", value: [{ value: ownUser }] })],
        ["DELETE"],
      ] as const) {
        const answer = await own.scim(method, `/Groups/${group}`, body && { body });
        expect(`${method} ${answer.status}`).toBe(`${method} 404`);
        expect(JSON.stringify(answer.body)).not.toContain(nameMark);
      }
    }
    expect(await stateNow()).toEqual(state);
  });

  test("nobody of another connection comes into a group, alone or in a crowd, and nothing changes", async () => {
    const state = await stateNow();
    for (const { id } of others) {
      // Few are looked up one by one, more of them in the roster.
      for (const unknown of [[], ["nobody", "no one", "never"]]) {
        const members = [ownUser, id, ...others.map((other) => other.id), ...unknown].map((value) => ({
          value,
        }));
        for (const [method, path, body] of [
          ["POST", "/Groups", { displayName: groupName("More"), members }],
          ["PUT", `/Groups/${ownGroup}`, { displayName: groupName("Own"), members }],
          ["PATCH", `/Groups/${ownGroup}`, patchOf({ op: "add", path: "members", value: members })],
          ["PATCH", `/Groups/${ownGroup}`, patchOf({ op: "replace", value: { members } })],
          ["PATCH", `/Groups/${ownGroup}`, patchOf({ op: "add", path: `members[value eq "${id}"]` })],
        ] as const) {
          const answer = await own.scim(method, path, { body });
          expect(`${method} ${answer.status} ${answer.body.scimType}`).toBe(`${method} 400 invalidValue`);
          expect(answer.body.detail).toContain(id);
          expect(answer.body.detail).not.toContain(ownUser);
          expect(answer.body.detail).not.toContain(nameMark);
        }
      }
      const removal = patchOf({ op: "remove", path: `members[value eq "${id}"]` });
      expect((await own.scim("PATCH", `/Groups/${ownGroup}`, { body: removal })).status).toBe(200);
    }
    expect(await stateNow()).toEqual(state);
  });

  test("filters and lists show no group of another connection, nor who is in one", async () => {
    for (const [index, { id, group }] of others.entries()) {
      for (const [path, text] of [
        ["Groups", `id eq "${group}"`],
        ["Groups", `displayName eq "${groupName("Theirs")}"`],
        ["Groups", `displayName sw "Theirs"`],
        ["Groups", `externalId eq "x-theirs${index}"`],
        ["Groups", `members.value eq "${id}"`],
        ["Groups", `members[value eq "${id}"]`],
        ["Groups", `members pr and not (members.value eq "${ownUser}")`],
        ["Users", `groups.value eq "${group}"`],
        ["Users", `groups[value eq "${group}"]`],
      ] as const) {
        const { status, body } = await own.scim("GET", `/${path}?filter=${encodeURIComponent(text)}`);
        expect({ text, status, found: body.totalResults, shown: body.Resources }).toEqual({
          text,
          status: 200,
          found: 0,
          shown: [],
        });
      }
    }
    for (const query of ["", "?sortBy=displayName", "?cursor", "?filter=members%20pr"]) {
      const { body } = await own.scim("GET", `/Groups${query}`);
      expect(body.totalResults).toBe(1);
      expect(JSON.stringify(body)).not.toContain("Theirs");
    }
  });

  test("names of groups are unique within a connection alone", async () => {
    for (const { connection } of [{ connection: own }, ...others]) {
      const body = { displayName: groupName("Everybody's") };
      expect((await connection.scim("POST", "/Groups", { body })).status).toBe(201);
      const again = await connection.scim("POST", "/Groups", { body });
      expect(again.status).toBe(409);
      const { id } = (await connection.scim("GET", "/Groups?filter=displayName%20sw%20%22Every%22")).body
        .Resources[0];
      expect(again.body.detail).toContain(id);
      expect((await connection.scim("DELETE", `/Groups/${id}`)).status).toBe(204);
    }
  });

  test("filters, lists and sorts show nobody of another connection", async () => {
    for (const [index, { id }] of others.entries()) {
      const name = `theirs${index}@${nameMark}`;
      for (const text of [
        `id eq "${id}"`,
        `userName eq "${name}"`,
        `externalId eq "x-theirs${index}"`,
        `emails.value eq "${name}"`,
        `emails[type eq "work"].value eq "${name}"`,
        `userName sw "theirs"`,
        `displayName eq "Theirs"`,
        "not (userName pr)",
      ]) {
        const { status, body } = await own.scim("GET", `/Users?filter=${encodeURIComponent(text)}`);
        expect({ text, status, found: body.totalResults, shown: body.Resources }).toEqual({
          text,
          status: 200,
          found: 0,
          shown: [],
        });
      }
    }
    for (const query of ["", "?sortBy=userName", "?startIndex=2", "?filter=userName%20pr"]) {
      const { body } = await own.scim("GET", `/Users${query}`);
      expect(body.totalResults).toBe(1);
      expect(JSON.stringify(body)).not.toContain("theirs");
    }
  });

  test("a refusal names nobody of another connection but by what was sent", async () => {
    const answer = await own.scim("POST", "/Users", {
      body: { userName: `new@${nameMark}`, emails: [{ value: `theirs0@${nameMark}` }] },
    });
    expect(answer.status).toBe(409);
    expect(answer.body.detail).not.toContain("x-theirs0");
    expect(answer.body.detail).not.toContain("Theirs");
  });

  test("names are taken within a project, and free in the next", async () => {
    const answer = await own.scim("POST", "/Users", { body: person("theirs1") });
    expect(answer.status).toBe(201);
    expect((await others[1]!.connection.scim("GET", `/Users/${others[1]!.id}`)).status).toBe(200);
  });

  test("the admin API keeps projects apart", async () => {
    const [first, second] = projects;
    const list = (project: TestProject, query = "") =>
      service.admin("GET", `/projects/${project.id}/members${query}`);
    const theirs: ServiceResponse = await list(second!);
    expect(theirs.body.items).toHaveLength(1);
    const memberId = theirs.body.items[0].id;
    const connectionId = others[1]!.connection.connection.id;
    for (const [method, path, body] of [
      ["GET", `/members/${memberId}`],
      ["PATCH", `/members/${memberId}`, { access: "write" }],
      ["DELETE", `/members/${memberId}`],
      ["GET", `/groups/${others[1]!.group}`],
      ["PATCH", `/groups/${others[1]!.group}`, { access: "write" }],
      ["DELETE", `/groups/${others[1]!.group}?force=true`],
      ["GET", `/groups/${others[1]!.group}/members`],
      ["PUT", `/groups/${others[1]!.group}/members/${memberId}`],
      ["PUT", `/groups/${ownGroup}/members/${memberId}`],
      ["GET", `/connections/${connectionId}`],
      ["PATCH", `/connections/${connectionId}`, { scimEnabled: false }],
      ["DELETE", `/connections/${connectionId}`],
      ["GET", `/connections/${connectionId}/tokens`],
      ["POST", `/connections/${connectionId}/tokens`, {}],
      ["POST", `/connections/${connectionId}/tokens/rotate`, {}],
    ] as const) {
      const answer = await service.admin(method, `/projects/${first!.id}${path}`, body);
      expect(`${method} ${path} ${answer.status}`).toBe(`${method} ${path} 404`);
    }
    expect((await list(first!, `?connectionId=${connectionId}`)).body.items).toEqual([]);
    expect((await list(first!, "?q=theirs1&limit=1")).body.items).toHaveLength(1);
    expect((await list(second!, "?q=own")).body.items).toEqual([]);
  });

  test("a cursor of one project, sent to another, shows only what is there", async () => {
    const [first, second] = projects;
    await service.admin("POST", `/projects/${second!.id}/members`, {
      userName: "z@second.test",
      type: "reader",
    });
    const page = await service.admin("GET", `/projects/${second!.id}/members?limit=1`);
    expect(page.body.nextCursor).toBeDefined();
    const answer = await service.admin(
      "GET",
      `/projects/${first!.id}/members?cursor=${page.body.nextCursor}`,
    );
    expect([200, 400]).toContain(answer.status);
    expect(JSON.stringify(answer.body)).not.toContain("z@second.test");
  });
});

describe("keys of every operation", () => {
  let world: World;
  /** Keys asked for or written, of every call. */
  let keys: { readonly command: string; readonly pk: string; readonly sk: string }[] = [];
  let service: TestService;

  beforeAll(async () => {
    world = await makeWorld();
    const client = world.table.newClient(noRetries);
    client.middlewareStack.add(
      (next, context) => async (args) => {
        keys.push(...keysIn(String(context.commandName), args.input));
        return next(args);
      },
      { step: "deserialize", priority: "high", name: "captureKeys" },
    );
    service = await world.open({ client });
  });
  afterAll(() => world.table.stop());

  test.each(operations)("$name", async (operation) => {
    await restoreTable(world.table, world.items);
    keys = [];
    const answer = await perform(world, operation, service);
    expect(answer.status).toBe(operation.status);
    expect(keys.length).toBeGreaterThan(0);
    const ids = await tenantsOf(operation, answer);
    expect(keys.filter(({ pk, sk }) => !isWithin(pk, sk, ids))).toEqual([]);
  });

  test.each(operations.filter(({ api }) => api === "scim"))("without a token: $name", async (operation) => {
    keys = [];
    const path = world.connections[operation.as ?? "deactivate"].baseUrl + operation.path(world);
    const body = bodyOf(world, operation);
    const answer = await service.scim(operation.method, path, { ...(body !== undefined && { body }) });
    expect(answer.status).toBe(401);
    expect(keys).toEqual([]);
  });

  /** A project, and its connections: whatever an operation touches begins with the id of one of them. */
  interface Tenants {
    readonly projectIds: readonly string[];
    readonly connectionIds: readonly string[];
    /** What the ids of the groups begin with that it may touch; undefined: all of the project. */
    readonly groupOwner: string | undefined;
    readonly listsProjects: boolean;
  }

  async function tenantsOf(operation: Operation, answer: ServiceResponse): Promise<Tenants> {
    const path = operation.path(world);
    const listsProjects = operation.api === "admin" && operation.method === "GET" && path === "/projects";
    const projectId =
      operation.api === "scim"
        ? world.projectId
        : path === "/projects"
          ? String(answer.body?.id)
          : path.split("/")[2]!;
    const all = await scanTable(world.table.client, world.table.tableName);
    const connectionIds = [...world.items, ...all]
      .filter(({ pk, sk }) => pk!.S === `P#${projectId}` && sk!.S !== undefined)
      .map(({ sk }) => sk!.S!.split("#")[1]!);
    return {
      projectIds: listsProjects ? [world.projectId, world.abandonedProjectId] : [projectId],
      connectionIds,
      groupOwner:
        operation.api === "scim"
          ? world.connections[operation.as ?? "deactivate"].connection.id.slice(projectIdLength)
          : undefined,
      listsProjects,
    };
  }

  function isWithin(pk: string, sk: string, tenants: Tenants): boolean {
    const { projectIds, connectionIds, groupOwner, listsProjects } = tenants;
    if (pk === "PROJECTS") return listsProjects || projectIds.includes(sk);
    const [scope, id = ""] = pk.split("#");
    if (scope === "P" && sk.startsWith("CONNECTION#") && sk.length > "CONNECTION#".length) {
      return projectIds.includes(id) && sk.startsWith(`CONNECTION#${id}`);
    }
    if (scope === "G") {
      const group = pk.split("#")[2] ?? sk;
      return projectIds.includes(id) && (groupOwner === undefined || group.startsWith(groupOwner));
    }
    if (scope === "F") {
      const isOfAll = sk === "" && groupOwner === undefined;
      return projectIds.includes(id) && (isOfAll || connectionIds.includes(sk.split("#")[0]!));
    }
    return ["P", "M", "A"].includes(scope!)
      ? projectIds.includes(id)
      : scope === "C" && connectionIds.includes(id);
  }
});

interface RawKey {
  readonly pk: { readonly S: string };
  readonly sk: { readonly S: string };
}

/** Every key in a command's input, as DynamoDB is sent it. For a range, the partition and where it begins. */
function keysIn(command: string, input: object) {
  const { Key, RequestItems, TransactItems, ExpressionAttributeValues } = input as {
    Key?: RawKey;
    RequestItems?: Record<string, unknown>;
    TransactItems?: readonly Record<string, { Key?: RawKey; Item?: RawKey }>[];
    ExpressionAttributeValues?: Record<string, { S?: string }>;
  };
  const raw: RawKey[] = [];
  if (command.startsWith("Query")) {
    const { ":pk": pk, ":prefix": prefix, ":from": from } = ExpressionAttributeValues!;
    return [{ command, pk: pk!.S!, sk: prefix?.S ?? from?.S ?? "" }];
  }
  if (Key) raw.push(Key);
  for (const requests of Object.values(RequestItems ?? {})) {
    if (Array.isArray(requests)) {
      for (const { DeleteRequest, PutRequest } of requests) raw.push(DeleteRequest?.Key ?? PutRequest?.Item);
    } else {
      raw.push(...(requests as { Keys: RawKey[] }).Keys);
    }
  }
  for (const item of TransactItems ?? []) {
    const [part] = Object.values(item);
    raw.push((part!.Key ?? part!.Item)!);
  }
  if (raw.length === 0) throw new Error(`no key is seen in ${command}: ${JSON.stringify(input)}`);
  return raw.map(({ pk, sk }) => ({ command, pk: pk.S, sk: sk.S }));
}
