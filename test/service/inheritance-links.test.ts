import { UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { StreamPump } from "../../bin/local/stream-pump.ts";
import { checkTable } from "../invariants/check-table.ts";
import type { ServiceResponse, TestConnection, TestService } from "../support/service.ts";
import { startPumps } from "../support/stream.ts";
import { startTable, type TestTable } from "../support/table.ts";
import { startCheckedService } from "./checked-service.ts";
import { expectProblem, expectScimError, type Product, productOf } from "./product.ts";
import { bulk, type Fields, group, teamUser, user, workEmail } from "./scim-messages.ts";

// Links of children to their parent: made, refused, shown and cut. What is carried over them: inheritance.test.ts.

let table: TestTable;
let service: TestService;
let pump: StreamPump;
beforeAll(async () => {
  table = await startTable({ stream: true });
  service = await startCheckedService({ table });
  pump = await startPumps(table);
});
afterAll(async () => {
  await pump.drain();
  expect(pump.parked).toEqual([]);
  await pump.stop();
  expect(await checkTable(table)).toEqual([]);
  await service.stop();
  await table.stop();
});

let parent: TestConnection;
let home: Product;
let away: Product;
beforeEach(async () => {
  parent = await service.createConnection();
  home = productOf(service, parent.project);
  away = await anotherProject();
});

interface Child {
  readonly product: Product;
  readonly id: string;
  /** As it was answered. */
  readonly body: Fields;
}

async function anotherProject(fields: Fields = {}): Promise<Product> {
  return productOf(service, await service.createProject(fields));
}

const linking = (product: Product, fields: Fields = {}) =>
  product.admin("POST", "/connections", {
    name: "Child",
    inheritsFrom: parent.connection.id,
    ...fields,
  });

async function childIn(product: Product, fields: Fields = {}): Promise<Child> {
  const { status, body } = await linking(product, fields);
  expect([status, body]).toMatchObject([201, { inheritsFrom: {} }]);
  return { product, id: body.id, body };
}

const shown = async ({ product, id }: Child): Promise<Fields> =>
  (await product.admin("GET", `/connections/${id}`)).body;
const patchParent = async (patch: Fields) => {
  const { status } = await home.admin("PATCH", `/connections/${parent.connection.id}`, patch);
  expect(status).toBe(200);
};
const childrenOf = (query = "") => home.admin("GET", `/connections/${parent.connection.id}/children${query}`);
const created = async (path: string, request: { readonly body: unknown }, by = parent): Promise<string> => {
  const { status, body } = await by.scim("POST", path, request);
  expect(status).toBe(201);
  return body.id;
};
const namesOf = (items: readonly Fields[], name: string) => items.map((item) => item[name]).toSorted();

function expectDetail({ body }: ServiceResponse, ...parts: readonly string[]): void {
  for (const part of parts) expect(body.detail).toContain(part);
}

/** What each setting can be changed to. */
const settings: readonly Fields[] = [
  { provider: "okta" },
  { scimEnabled: false },
  { onDelete: "delete" },
  { jit: true },
  { uniqueGroupNames: true },
  { defaults: { role: "admin", userAccess: "write", readerAccess: "read", groupAccess: "read" } },
];

describe("a link is made", () => {
  test("201: the parent's settings, no SCIM base URL, and a copying that has begun", async () => {
    const { body } = await childIn(away, { name: "Ours" });
    const now = expect.any(String);
    expect(body).toEqual({
      id: expect.any(String),
      projectId: away.project.id,
      name: "Ours",
      provider: "other",
      scimEnabled: true,
      scimBaseUrl: null,
      onDelete: "deactivate",
      jit: false,
      uniqueGroupNames: false,
      defaults: { role: "contributor", userAccess: "none", readerAccess: "none", groupAccess: "none" },
      inheritsFrom: { connectionId: parent.connection.id, projectId: home.project.id },
      childCount: 0,
      sync: {
        state: "backfilling",
        usersDone: 0,
        usersTotal: 0,
        groupsDone: 0,
        groupsTotal: 0,
        failures: 0,
        startedAt: now,
        finishedAt: null,
      },
      createdAt: now,
      updatedAt: now,
    });
    expect((await home.admin("GET", `/connections/${parent.connection.id}`)).body).toMatchObject({
      childCount: 1,
      inheritsFrom: null,
    });
  });

  test("inheritsFrom null makes a root", async () => {
    const { status, body } = await away.admin("POST", "/connections", { name: "Root", inheritsFrom: null });
    expect([status, body.inheritsFrom, body.sync]).toEqual([201, null, undefined]);
  });

  test("with two parents in one project, which both copy; who is at both is of one, and a failure of the other", async () => {
    const other = await service.createConnection();
    const [first, second] = [await childIn(away), await childIn(away, { inheritsFrom: other.connection.id })];
    await created("/Users", user("ada"));
    await created("/Users", user("bob"), other);
    await pump.drain();
    await created("/Users", user("ada"), other);
    await pump.drain();
    expect((await away.memberNamed("ada")).managedBy.connectionId).toBe(first.id);
    expect((await away.memberNamed("bob")).managedBy.connectionId).toBe(second.id);
    expect((await shown(first))["sync"]).toMatchObject({ state: "in_sync", failures: 0 });
    expect((await shown(second))["sync"]).toMatchObject({ state: "degraded", failures: 1 });
    const failures = async (id: string) =>
      (await away.admin("GET", `/sync-failures?connectionId=${id}`)).body.items;
    expect(await failures(first.id)).toEqual([]);
    expect(await failures(second.id)).toMatchObject([
      { reason: "managed_elsewhere", identifier: "ada", operation: "replace", resourceType: "User" },
    ]);
  });

  test("to a parent whose SCIM is off: nothing is copied until it is on", async () => {
    await created("/Users", user("ada"));
    await patchParent({ scimEnabled: false });
    const child = await childIn(away);
    await pump.drain();
    expect(await shown(child)).toMatchObject({ scimEnabled: false, sync: { state: "backfilling" } });
    expect((await away.admin("GET", "/members")).body.items).toEqual([]);
    await patchParent({ scimEnabled: true });
    await pump.drain();
    expect(await shown(child)).toMatchObject({ scimEnabled: true, sync: { state: "in_sync" } });
    expect(await away.memberNamed("ada")).toMatchObject({ managedBy: { inherited: true } });
  });
});

describe("a link is refused", () => {
  const refusedParent = (answer: ServiceResponse, message: string) => {
    expectProblem(answer, 400, "validation_failed");
    expect(answer.body.errors).toEqual([{ path: "inheritsFrom", message: expect.stringContaining(message) }]);
    expectDetail(answer, "inheritsFrom is not valid", message);
  };

  test.each(["", "nonsense", "000000000000000000000000"])("to %j, which is nothing", async (inheritsFrom) => {
    refusedParent(await linking(away, { inheritsFrom }), "send the id of a root connection");
  });

  test("to a connection that is gone", async () => {
    await home.admin("DELETE", `/connections/${parent.connection.id}`);
    refusedParent(await linking(away), "there is no such connection");
  });

  test("to a child, naming its parent: one level only", async () => {
    const child = await childIn(away);
    const refused = await linking(await anotherProject(), { inheritsFrom: child.id });
    refusedParent(refused, `send the id of its parent, ${parent.connection.id}`);
  });

  test("to a connection of the same project", async () => {
    refusedParent(await linking(home), "inherit into another project");
  });

  test("to the same parent again, in one project; at once, too, until the first one is gone", async () => {
    const answers = await Promise.all([1, 2, 3].map(() => linking(away)));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 409, 409]);
    for (const refused of answers.filter(({ status }) => status === 409)) {
      expectProblem(refused, 409, "already_inherits");
      expectDetail(refused, "use that one");
    }
    const { id } = answers.find(({ status }) => status === 201)!.body;
    expect((await away.admin("DELETE", `/connections/${id}`)).status).toBe(204);
    await childIn(away);
  });

  test("with any setting beside the name, whatever the parent has", async () => {
    for (const setting of settings) {
      const refused = await linking(away, setting);
      expectProblem(refused, 409, "inherited_setting");
      expectDetail(refused, Object.keys(setting)[0]!, "change it at the parent connection");
    }
    expect((await away.admin("GET", "/connections")).body.items).toEqual([]);
  });

  test("with all settings that are not inherited named at once", async () => {
    expectDetail(await linking(away, { jit: false, provider: "other" }), "jit", "provider");
  });

  test("with a body that is none: 400 validation_failed", async () => {
    for (const fields of [{ name: "" }, { name: undefined }, { inheritsFrom: 7 }, { parentId: "x" }]) {
      expectProblem(await linking(away, fields), 400, "validation_failed");
    }
  });

  test("in a project that is not there", async () => {
    const nowhere = productOf(service, { id: "0000000000000000" });
    expectProblem(await linking(nowhere), 404, "not_found");
  });

  test.each([
    [
      "too_many_children",
      "delete one",
      () => connectionItem(parent.connection.id, home),
      "childCount",
      1_000,
    ],
    ["too_many_connections", "create another project", () => projectItem(away), "inheritanceCount", 2_000],
  ] as const)("beyond a limit: 409 %s", async (code, wayOut, item, name, limit) => {
    const count = (by: number) =>
      table.client.send(
        new UpdateItemCommand({
          TableName: table.tableName,
          Key: item(),
          UpdateExpression: "ADD #name :by",
          ExpressionAttributeNames: { "#name": name },
          ExpressionAttributeValues: { ":by": { N: String(by) } },
        }),
      );
    await count(limit);
    const refused = await linking(away);
    expectProblem(refused, 409, code);
    expectDetail(refused, limit.toString(), wayOut);
    await count(-limit);
    await childIn(away);
  });

  const connectionItem = (id: string, { project }: Product) => ({
    pk: { S: `P#${project.id}` },
    sk: { S: `CONNECTION#${id}` },
  });
  const projectItem = ({ project }: Product) => ({ pk: { S: "PROJECTS" }, sk: { S: project.id } });
});

describe("a child's settings are its parent's", () => {
  test("each of them, at once, however the child is read", async () => {
    const child = await childIn(away);
    for (const setting of settings) {
      await patchParent(setting);
      expect(await shown(child)).toMatchObject(setting);
      expect((await away.admin("GET", "/connections")).body.items).toMatchObject([setting]);
    }
  });

  test("and hold there: managed by SCIM, who may sign in, what a new member gets, what a DELETE does", async () => {
    await created("/Users", user("ada"));
    const { id } = await childIn(away);
    await pump.drain();
    const managed = async () => (await away.admin("GET", "/members?managed=true")).body.items.length;
    const signIn = async (subject: string) =>
      (await away.admin("POST", `/connections/${id}/sign-ins`, { subject })).body;
    expect([await managed(), (await signIn("cyd")).decision]).toEqual([1, "deny"]);
    await patchParent({ scimEnabled: false, jit: true, defaults: { readerAccess: "read" } });
    expect([await managed(), await signIn("cyd")]).toMatchObject([
      0,
      { decision: "allow", created: true, member: { access: "read" } },
    ]);
    await patchParent({
      scimEnabled: true,
      onDelete: "delete",
      defaults: { role: "admin", userAccess: "write" },
    });
    const bob = await created("/Users", teamUser("bob"));
    await pump.drain();
    const copy = await away.memberNamed("bob");
    expect([await managed(), copy]).toMatchObject([2, { role: "admin", access: "write" }]);
    await parent.scim("DELETE", `/Users/${bob}`);
    await pump.drain();
    expect(await away.member(copy.id)).toMatchObject({ status: "deleted", managedBy: null });
  });

  test("so none can be changed at the child: 409 inherited_setting, and nothing changes", async () => {
    const child = await childIn(away);
    for (const setting of settings) {
      const refused = await away.admin("PATCH", `/connections/${child.id}`, { name: "Other", ...setting });
      expectProblem(refused, 409, "inherited_setting");
      expectDetail(refused, Object.keys(setting)[0]!, "change it at the parent connection");
    }
    expect(await shown(child)).toMatchObject({ name: "Child", updatedAt: child.body["updatedAt"] });
  });

  test("but for the name, which is its own", async () => {
    const child = await childIn(away);
    await patchParent({ name: "Headquarters" });
    expect(await shown(child)).toMatchObject({ name: "Child" });
    const { status, body } = await away.admin("PATCH", `/connections/${child.id}`, { name: "Branch" });
    expect([status, body]).toMatchObject([200, { name: "Branch", inheritsFrom: {}, sync: {} }]);
    expect((await home.admin("GET", `/connections/${parent.connection.id}`)).body.name).toBe("Headquarters");
    expect((await childrenOf()).body.items).toMatchObject([{ name: "Branch" }]);
    expectProblem(
      await away.admin("PATCH", `/connections/${child.id}`, { name: "" }),
      400,
      "validation_failed",
    );
  });

  test("whose child it is cannot be changed", async () => {
    const child = await childIn(away);
    const other = await service.createConnection();
    for (const inheritsFrom of [other.connection.id, null]) {
      const refused = await away.admin("PATCH", `/connections/${child.id}`, { inheritsFrom });
      expectProblem(refused, 400, "validation_failed");
    }
    expect(await shown(child)).toMatchObject({ inheritsFrom: { connectionId: parent.connection.id } });
  });
});

describe("a child has no SCIM access of its own", () => {
  test("no tokens: 409 inherited_setting, whatever is asked of them", async () => {
    const { id } = await childIn(away);
    for (const [method, path, body] of [
      ["POST", "", {}],
      ["GET", "", undefined],
      ["POST", "/rotate", {}],
      ["DELETE", "/x", undefined],
    ] as const) {
      const refused = await away.admin(method, `/connections/${id}/tokens${path}`, body);
      expectProblem(refused, 409, "inherited_setting");
      expectDetail(refused, "SCIM access", "parent");
    }
  });

  test("the parent's token opens none of its paths: 403 that names the parent", async () => {
    const { id } = await childIn(away);
    for (const [method, path, request] of [
      ["GET", "/Users", undefined],
      ["POST", "/Users", user("ada")],
      ["GET", "/Groups/x", undefined],
      ["POST", "/.search", { body: {} }],
      ["POST", "/Bulk", bulk()],
      ["GET", "/ServiceProviderConfig", undefined],
    ] as const) {
      const refused = await service.scim(method, `/scim/v2/${id}${path}`, {
        ...request,
        token: parent.token,
      });
      expectScimError(refused, 403);
      expectDetail(refused, "inherits its users and groups", parent.connection.id);
    }
  });

  test("any other token, and the parent's once it has ended or the child is gone: 401", async () => {
    const { id } = await childIn(away);
    const stranger = await service.createConnection();
    const asked = (token: string) => service.scim("GET", `/scim/v2/${id}/Users`, { token });
    expectScimError(await asked(stranger.token), 401);
    const path = `/connections/${parent.connection.id}/tokens/rotate`;
    const { token } = (await home.admin("POST", path, {})).body;
    expectScimError(await asked(parent.token), 401);
    expectScimError(await asked(token), 403);
    await away.admin("DELETE", `/connections/${id}`);
    expectScimError(await asked(token), 401);
  });
});

describe("GET …/children", () => {
  test("page by page, each child once, with its project and where it is", async () => {
    const names = ["A", "B", "C"];
    for (const name of names) await childIn(await anotherProject({ name: `Project ${name}` }), { name });
    await pump.drain();
    const items: Fields[] = [];
    for (let cursor: string | undefined = ""; cursor !== undefined; ) {
      const { status, body } = await childrenOf(`?limit=2${cursor && `&cursor=${cursor}`}`);
      expect([status, body.items.length <= 2]).toEqual([200, true]);
      items.push(...body.items);
      cursor = body.nextCursor;
    }
    expect(items.toSorted((a, b) => String(a["name"]).localeCompare(String(b["name"])))).toEqual(
      names.map((name) => ({
        connectionId: expect.any(String),
        projectId: expect.any(String),
        projectName: `Project ${name}`,
        name,
        sync: expect.objectContaining({ state: "in_sync", finishedAt: expect.any(String) }),
      })),
    );
    expect((await childrenOf("?limit=3")).body).not.toHaveProperty("nextCursor");
  });

  test("none, of a root without and of a child", async () => {
    expect((await childrenOf()).body).toEqual({ items: [] });
    const { id } = await childIn(away);
    expect((await away.admin("GET", `/connections/${id}/children`)).body).toEqual({ items: [] });
  });

  test("400 for a page that cannot be, 404 for whom it is not theirs to ask", async () => {
    for (const query of ["?limit=0", "?limit=201", "?cursor=nonsense"]) {
      expectProblem(await childrenOf(query), 400, "validation_failed");
    }
    const path = `/connections/${parent.connection.id}/children`;
    expectProblem(await away.admin("GET", path), 404, "not_found");
  });
});

describe("a link is cut", () => {
  test("neither parent nor project goes before its children", async () => {
    const children = [await childIn(away), await childIn(await anotherProject())];
    const path = `/connections/${parent.connection.id}`;
    const refused = await home.admin("DELETE", path);
    expectProblem(refused, 409, "has_children");
    expectDetail(refused, "2 connection(s)", "delete them first");
    expectProblem(await home.admin("DELETE", ""), 409, "not_empty");
    expectProblem(await away.admin("DELETE", ""), 409, "not_empty");
    for (const { product, id } of children) {
      expect((await product.admin("DELETE", `/connections/${id}`)).status).toBe(204);
    }
    expect((await childrenOf()).body).toEqual({ items: [] });
    expect((await home.admin("DELETE", path)).status).toBe(204);
    expect((await home.admin("DELETE", "")).status).toBe(204);
    expect((await away.admin("DELETE", "")).status).toBe(204);
  });

  test("people, groups and seats stay, nobody's; failures go; linked again, people are the same, groups are others", async () => {
    const quotas = { readers: 1 };
    const product = await anotherProject({ quotas });
    const ada = await created("/Users", user("ada", workEmail("ada@x.example")));
    await created("/Groups", group("Team", [ada]));
    const { id } = await childIn(product);
    await pump.drain();
    await created("/Users", user("bob"));
    await pump.drain();
    const before = await product.memberNamed("ada");
    await product.admin("PATCH", `/members/${before.id}`, { access: "write" });
    expect((await product.admin("GET", "/sync-failures")).body.items).toHaveLength(1);
    expect((await product.admin("DELETE", `/connections/${id}`)).status).toBe(204);
    await pump.drain();
    expect((await product.admin("GET", "/sync-failures")).body.items).toEqual([]);
    expect(await product.member(before.id)).toMatchObject({ access: "write", managedBy: null });
    const [team] = (await product.admin("GET", "/groups")).body.items;
    expect(team).toMatchObject({ displayName: "Team", managedBy: null, counts: { readers: 1 } });
    expect((await product.admin("PATCH", `/groups/${team.id}`, { displayName: "Crew" })).status).toBe(200);
    expect(await product.usage()).toMatchObject(quotas);

    const again = await childIn(product);
    await pump.drain();
    expect(await product.member(before.id)).toMatchObject({
      access: "write",
      managedBy: { connectionId: again.id },
    });
    const { items } = (await product.admin("GET", "/groups")).body;
    expect(namesOf(items, "displayName")).toEqual(["Crew", "Team"]);
    // As everywhere: whom a connection takes over stands no more in what another one had (decision 007).
    expect(await product.namesIn(team.id)).toEqual([]);
  });

  test("a child is not another project's to delete or change", async () => {
    const { id } = await childIn(away);
    for (const [method, body] of [
      ["GET", undefined],
      ["PATCH", { name: "Mine" }],
      ["DELETE", undefined],
    ] as const) {
      expectProblem(await home.admin(method, `/connections/${id}`, body), 404, "not_found");
    }
  });
});

describe("what a child has is found by the child", () => {
  test("members, groups, failures and the trail, by connectionId; sign-ins, by externalId, userName and email", async () => {
    const product = await anotherProject({ quotas: { users: 0 } });
    const own = await product.addMember({ userName: "own", type: "reader" });
    const ada = await created("/Users", user("ada", { externalId: "e-1", ...workEmail("ada@x.example") }));
    await created("/Users", teamUser("bob"));
    await created("/Groups", group("Team", [ada]));
    await product.addGroup("Own");
    const { id } = await childIn(product);
    await pump.drain();
    const listed = async (kind: string, name: string, query: string) =>
      namesOf((await product.admin("GET", `/${kind}?${query}`)).body.items, name);
    const of = `connectionId=${id}`;
    expect(await listed("members", "userName", of)).toEqual(["ada"]);
    expect(await listed("members", "userName", `${of}&managed=false`)).toEqual([]);
    expect(await listed("members", "userName", "managed=false")).toEqual(["own"]);
    expect(await listed("groups", "displayName", of)).toEqual(["Team"]);
    expect(await listed("sync-failures", "identifier", of)).toEqual(["bob"]);
    expect(await listed("activity", "action", of)).toEqual(
      [
        "connection.created",
        "group.created",
        "group.membership",
        "member.provisioned",
        "sync.failed",
      ].toSorted(),
    );
    // Nothing of the child's is found by its parent's id.
    const ofParent = `connectionId=${parent.connection.id}`;
    for (const kind of ["members", "groups", "sync-failures", "activity"]) {
      expect(await listed(kind, "id", ofParent)).toEqual([]);
    }

    const member = await product.memberNamed("ada");
    const signIn = async (fields: Fields) =>
      (await product.admin("POST", `/connections/${id}/sign-ins`, { subject: "s", ...fields })).body;
    for (const fields of [{ externalId: "e-1" }, { userName: "ADA" }, { email: "ada@x.example" }]) {
      expect(await signIn(fields)).toMatchObject({
        decision: "allow",
        created: false,
        member: { id: member.id },
      });
    }
    expect(await signIn({ userName: "bob" })).toMatchObject({ decision: "deny", reason: "unknown" });
    expect((await signIn({ userName: "own" })).member.id).toBe(own.id);
  });

  test("whoever was there already is taken over where he is: id, access, role and the child's own groups stay", async () => {
    const there = await away.addMember({ userName: "ada", type: "user", role: "admin", access: "write" });
    const own = await away.addGroup("Own");
    await away.put(own.id, there.id);
    await created("/Users", teamUser("ada", { displayName: "Countess" }));
    const { id } = await childIn(away);
    await pump.drain();
    expect(await away.member(there.id)).toMatchObject({
      displayName: "Countess",
      role: "admin",
      access: "write",
      managedBy: { connectionId: id, inherited: true },
      groups: [{ displayName: "Own" }],
    });
    expect(await away.namesIn(own.id)).toEqual(["ada"]);
  });

  test("whoever is inactive at the parent is there, too, without a seat", async () => {
    await created("/Users", user("ada", { active: false }));
    await childIn(away);
    await pump.drain();
    expect(await away.memberNamed("ada")).toMatchObject({ status: "inactive", seat: null });
    expect(await away.usage()).toMatchObject({ readers: 0 });
  });

  test("deleted and created again at the parent, it is the same member, with role and access", async () => {
    let ada = await created("/Users", teamUser("ada"));
    await childIn(away);
    await pump.drain();
    const { id } = await away.memberNamed("ada");
    const mine = { role: "reviewer", access: "write" };
    await away.admin("PATCH", `/members/${id}`, mine);
    for (const onDelete of ["deactivate", "delete"]) {
      await patchParent({ onDelete });
      expect((await parent.scim("DELETE", `/Users/${ada}`)).status).toBe(204);
      await pump.drain();
      const ended = onDelete === "delete" ? "deleted" : "inactive";
      expect(await away.member(id)).toMatchObject({ status: ended, managedBy: null });
      ada = await created("/Users", teamUser("ada"));
      await pump.drain();
      expect(await away.member(id)).toMatchObject({
        status: "active",
        ...mine,
        managedBy: { inherited: true },
      });
    }
  });

  test("what was edited while SCIM was off follows the parent again, and who or what was deleted comes back", async () => {
    const ids = [];
    for (const name of ["ada", "bob", "cyd"]) ids.push(await created("/Users", user(name)));
    await created("/Groups", group("Team", ids));
    await created("/Groups", group("Gone", ids));
    await childIn(away);
    await pump.drain();
    const [ada, bob, cyd] = await Promise.all(["ada", "bob", "cyd"].map((name) => away.memberNamed(name)));
    const { items } = (await away.admin("GET", "/groups")).body;
    const [gone, team] = items.toSorted((a: Fields, b: Fields) =>
      a["displayName"]! < b["displayName"]! ? -1 : 1,
    );
    const own = await away.addMember({ userName: "own", type: "reader" });
    await patchParent({ scimEnabled: false });
    for (const [method, path, body] of [
      ["PATCH", `/groups/${team.id}`, { displayName: "Crew", access: "write" }],
      ["DELETE", `/groups/${team.id}/members/${ada.id}`, undefined],
      ["PUT", `/groups/${team.id}/members/${own.id}`, undefined],
      ["DELETE", `/groups/${gone.id}`, undefined],
      ["PATCH", `/members/${ada.id}`, { userName: "eve", access: "write" }],
      ["PATCH", `/members/${bob.id}`, { type: "user", role: "admin" }],
      ["DELETE", `/members/${cyd.id}`, undefined],
    ] as const) {
      expect((await away.admin(method, path, body)).status).toBeLessThan(300);
    }
    await pump.drain();
    await patchParent({ scimEnabled: true });
    await pump.drain();
    const shown = async (...members: readonly Fields[]) =>
      Promise.all(members.map(async ({ id }) => away.member(String(id))));
    expect(await shown(ada, bob, cyd)).toMatchObject([
      { userName: "ada", type: "reader", status: "active", access: "write" },
      { userName: "bob", type: "reader", status: "active", role: null },
      { userName: "cyd", type: "reader", status: "active" },
    ]);
    expect(await away.group(team.id)).toMatchObject({ displayName: "Team", access: "write" });
    expect(await away.group(gone.id)).toMatchObject({ displayName: "Gone", access: "none" });
    expect((await away.namesIn(gone.id)).toSorted()).toEqual(["ada", "bob", "cyd"]);
    // Who is the child's own is nothing that the parent could take out.
    expect((await away.namesIn(team.id)).toSorted()).toEqual(["ada", "bob", "cyd", "own"]);
  });

  test("of a copy, role and access are the child's to change, and nothing else", async () => {
    const id = await created("/Users", teamUser("ada"));
    const team = await created("/Groups", group("Team", [id]));
    const child = await childIn(away);
    await pump.drain();
    const copy = await away.memberNamed("ada");
    const mine = { role: "reviewer", access: "write" };
    expect((await away.admin("PATCH", `/members/${copy.id}`, mine)).body).toMatchObject({
      ...mine,
      seat: "reviewers",
    });
    for (const change of [
      { userName: "eve" },
      { email: "e@x.example" },
      { type: "reader" },
      { status: "inactive" },
    ]) {
      const refused = await away.admin("PATCH", `/members/${copy.id}`, change);
      expectProblem(refused, 409, "managed_by_idp");
    }
    expectProblem(await away.admin("DELETE", `/members/${copy.id}`), 409, "managed_by_idp");
    const [copied] = (await away.admin("GET", `/groups?connectionId=${child.id}`)).body.items;
    expect((await away.admin("PATCH", `/groups/${copied.id}`, { access: "read" })).status).toBe(200);
    for (const [method, path, body] of [
      ["PATCH", "", { displayName: "Crew" }],
      ["PUT", `/members/${copy.id}`, undefined],
      ["DELETE", `/members/${copy.id}`, undefined],
      ["DELETE", "", undefined],
    ] as const) {
      const refused = await away.admin(method, `/groups/${copied.id}${path}`, body);
      expectProblem(refused, 409, "managed_by_idp");
    }
    await parent.scim("PUT", `/Users/${id}`, teamUser("ada.lovelace"));
    await parent.scim("PUT", `/Groups/${team}`, group("Crew", [id]));
    await pump.drain();
    expect(await away.member(copy.id)).toMatchObject({ userName: "ada.lovelace", ...mine });
    expect(await away.group(copied.id)).toMatchObject({ displayName: "Crew", access: "read" });
  });
});

describe("a failure of a child", () => {
  test("is tried again by retry: 202 whether it succeeds, 404 once it is closed", async () => {
    const product = await anotherProject({ quotas: { readers: 0 } });
    await created("/Users", user("ada"));
    const { id } = await childIn(product);
    await pump.drain();
    const [failure] = (await product.admin("GET", "/sync-failures")).body.items;
    expect(failure).toMatchObject({
      connectionId: id,
      resourceType: "User",
      identifier: "ada",
      operation: "replace",
      httpStatus: 403,
      scimType: null,
      reason: "quota_exceeded",
      attempts: 1,
    });
    const retry = () => product.admin("POST", `/sync-failures/${failure.id}/retry`);
    expect(await retry()).toMatchObject({ status: 202, body: undefined });
    expect((await product.admin("GET", "/sync-failures")).body.items).toMatchObject([
      { id: failure.id, attempts: 2, firstFailedAt: failure.firstFailedAt },
    ]);
    await product.setQuotas({ readers: 1 });
    expect((await retry()).status).toBe(202);
    expect((await product.admin("GET", "/sync-failures")).body.items).toEqual([]);
    expect(await product.memberNamed("ada")).toMatchObject({ status: "active" });
    expectProblem(await retry(), 404, "not_found");
  });

  test("is not tried again while SCIM is off at the parent", async () => {
    const product = await anotherProject({ quotas: { readers: 0 } });
    await created("/Users", user("ada"));
    await childIn(product);
    await pump.drain();
    const [failure] = (await product.admin("GET", "/sync-failures")).body.items;
    await patchParent({ scimEnabled: false });
    await product.setQuotas({ readers: 1 });
    expect((await product.admin("POST", `/sync-failures/${failure.id}/retry`)).status).toBe(202);
    await pump.drain();
    expect((await product.admin("GET", "/sync-failures")).body.items).toEqual([failure]);
    await patchParent({ scimEnabled: true });
    await pump.drain();
    expect((await product.admin("GET", "/sync-failures")).body.items).toEqual([]);
  });

  test("follows its user: renamed, it tells the new name; once the user is gone, it is closed", async () => {
    const product = await anotherProject({ quotas: { readers: 0 } });
    await childIn(product);
    const ada = await created("/Users", user("ada"));
    await pump.drain();
    await parent.scim("PUT", `/Users/${ada}`, user("countess"));
    await pump.drain();
    expect((await product.admin("GET", "/sync-failures")).body.items).toMatchObject([
      { identifier: "countess" },
    ]);
    await parent.scim("DELETE", `/Users/${ada}`);
    await pump.drain();
    expect((await product.admin("GET", "/sync-failures")).body.items).toEqual([]);
  });

  test("that was dismissed comes back with the next attempt", async () => {
    const product = await anotherProject({ quotas: { readers: 0 } });
    await childIn(product);
    const ada = await created("/Users", user("ada"));
    await pump.drain();
    const [failure] = (await product.admin("GET", "/sync-failures")).body.items;
    expect((await product.admin("DELETE", `/sync-failures/${failure.id}`)).status).toBe(204);
    await parent.scim("PUT", `/Users/${ada}`, user("ada", { title: "Dr" }));
    await pump.drain();
    expect((await product.admin("GET", "/sync-failures")).body.items).toMatchObject([
      { id: failure.id, attempts: 1 },
    ]);
  });
});
