import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestConnection, TestService } from "../support/service.ts";
import { startCheckedService } from "./checked-service.ts";
import { createUser, type Groups, groupsOf, sorted } from "./group-ground.ts";
import { expectProblem, expectScimError, type Product, productOf } from "./product.ts";
import { asTeam, entries, type Fields, group, patch, replace } from "./scim-messages.ts";

// The groups themselves; who is in them is in admin-group-members.test.ts, lists in admin-group-lists.test.ts.

let service: TestService;
let connection: TestConnection;
let product: Product;
let groups: Groups;
let time = Date.parse("2026-01-01T00:00:00.000Z");
beforeAll(async () => {
  service = await startCheckedService({ clock: () => time, sleep: async () => {} });
  connection = await service.createConnection();
  product = productOf(service, connection.project);
  groups = groupsOf(connection);
});
afterAll(() => service.stop());

const change = (id: string, body: Fields) => product.admin("PATCH", `/groups/${id}`, body);
const errorPaths = (body: { errors?: { path: string }[] }) => body.errors?.map(({ path }) => path);
const isoTime = () => new Date(time).toISOString();
const setScim = (of: TestConnection, scimEnabled: boolean) =>
  productOf(service, of.project).admin("PATCH", `/connections/${of.connection.id}`, { scimEnabled });

/** A connection of its own project, for what changes its settings. */
async function apart(fields?: Fields) {
  const own = await service.createConnection(fields);
  return { connection: own, product: productOf(service, own.project), groups: groupsOf(own) };
}

describe("POST /projects/{p}/groups", () => {
  test("201 with every member of a Group: unmanaged, and empty", async () => {
    const { status, body } = await product.admin("POST", "/groups", {
      displayName: "Writers",
      access: "write",
    });
    expect(status).toBe(201);
    expect(body).toEqual({
      id: expect.any(String),
      displayName: "Writers",
      access: "write",
      counts: { users: 0, readers: 0 },
      managedBy: null,
      createdAt: isoTime(),
      updatedAt: isoTime(),
    });
    expect(await product.group(body.id)).toEqual(body);
  });

  test("without access: none", async () => {
    expect(await product.addGroup("No access")).toMatchObject({ access: "none" });
  });

  test("a name that others have: another group", async () => {
    const ids = new Set<string>();
    await groups.create("Twins");
    for (const name of ["Twins", "twins"]) ids.add((await product.addGroup(name)).id);
    expect(ids.size).toBe(2);
  });

  test("not to be seen by SCIM", async () => {
    const { id } = await product.addGroup("Ours alone");
    expectScimError(await connection.scim("GET", `/Groups/${id}`), 404);
    expect(await groups.named('displayName eq "Ours alone"')).toEqual([]);
  });

  test.each([
    ["displayName", {}],
    ["displayName", { displayName: "" }],
    ["displayName", { displayName: null }],
    ["displayName", { displayName: 7 }],
    ["displayName", { displayName: "x".repeat(901) }],
    // 301 characters of three bytes each.
    ["displayName", { displayName: "漢".repeat(301) }],
    ["access", { displayName: "x", access: "all" }],
    ["access", { displayName: "x", access: null }],
    ["externalId", { displayName: "x", externalId: "e" }],
    ["members", { displayName: "x", members: [] }],
  ])("a wrong %s: 400 validation_failed with its path", async (path, body) => {
    const refused = await product.admin("POST", "/groups", body);
    expectProblem(refused, 400, "validation_failed");
    expect(errorPaths(refused.body)).toContain(path);
  });

  test("the name is kept as it is, blanks and letters of any script included", async () => {
    for (const displayName of [" Padded ", "Zoë 漢字 😀", "__proto__", "a\u001fb"]) {
      const { id } = await product.addGroup(displayName);
      expect((await product.group(id)).displayName).toBe(displayName);
    }
  });
});

describe("GET …/groups/{g}", () => {
  test("a managed group: its connection, and its members by type", async () => {
    const [ada, bob] = [await createUser(connection, "ada", asTeam), await createUser(connection, "bob")];
    const { id, meta } = await groups.create("Managed", [ada, bob]);
    expect(await product.group(id)).toEqual({
      id,
      displayName: "Managed",
      access: "none",
      counts: { users: 1, readers: 1 },
      managedBy: { connectionId: connection.connection.id, badge: "SSO-SCIM", inherited: false },
      createdAt: meta.created,
      updatedAt: meta.created,
    });
  });

  test("its access is its connection's default", async () => {
    const other = await apart({ defaults: { groupAccess: "read" } });
    const { id } = await other.groups.create("Readable");
    expect(await other.product.group(id)).toMatchObject({ access: "read" });
  });

  test("managed only while SCIM is enabled, and its connection there", async () => {
    const other = await apart();
    const { id } = await other.groups.create("Left behind");
    await setScim(other.connection, false);
    expect((await other.product.group(id)).managedBy).toBeNull();
    await setScim(other.connection, true);
    expect((await other.product.group(id)).managedBy).not.toBeNull();
    await other.product.admin("DELETE", `/connections/${other.connection.connection.id}`);
    expect((await other.product.group(id)).managedBy).toBeNull();
  });

  test("404 for what is no group of this project, whatever is asked", async () => {
    const { id } = await product.addGroup("Not yours");
    const stranger = productOf(service, await service.createProject());
    const member = await product.addMember({ userName: "lonely", type: "reader" });
    const theirs = await stranger.addMember({ userName: "theirs", type: "reader" });
    for (const [asking, wrong, memberId] of [
      [product, "nonsense", member.id],
      [product, "__proto__", member.id],
      [product, "0".repeat(24), member.id],
      [product, "%23", member.id],
      [stranger, id, theirs.id],
    ] as const) {
      for (const [method, path, body] of [
        ["GET", "", undefined],
        ["PATCH", "", { access: "read" }],
        ["DELETE", "", undefined],
        ["DELETE", "?force=true", undefined],
        ["GET", "/members", undefined],
        ["PUT", `/members/${memberId}`, undefined],
        ["DELETE", `/members/${memberId}`, undefined],
      ] as const) {
        expectProblem(await asking.admin(method, `/groups/${wrong}${path}`, body), 404, "not_found");
      }
    }
    expect(await product.group(id)).toMatchObject({ displayName: "Not yours" });
  });
});

describe("PATCH of an unmanaged group", () => {
  test("each field alone; what is left out stays", async () => {
    let expected = await product.addGroup("Before", { access: "read" });
    for (const changes of [
      { displayName: "After" },
      { access: "write" },
      { displayName: "AFTER", access: "none" },
    ]) {
      time += 1_000;
      const { status, body } = await change(expected.id, changes);
      expected = { ...expected, ...changes, updatedAt: isoTime() };
      expect([status, body]).toEqual([200, expected]);
    }
    expect(await product.group(expected.id)).toEqual(expected);
  });

  test("nothing new: the group as it was, its updatedAt too", async () => {
    const made = await product.addGroup("Still");
    time += 1_000;
    expect((await change(made.id, {})).body).toEqual(made);
    expect((await change(made.id, { displayName: "Still", access: "none" })).body).toEqual(made);
    expect(await product.group(made.id)).toEqual(made);
  });

  test.each([
    ["displayName", { displayName: "" }],
    ["displayName", { displayName: null }],
    ["displayName", { displayName: "ß".repeat(900) }],
    ["access", { access: "owner" }],
    ["counts", { counts: {} }],
  ])("a wrong %s: 400 validation_failed with its path, nothing changed", async (path, body) => {
    const made = await product.addGroup("Stays");
    const refused = await change(made.id, { access: "write", ...body });
    expectProblem(refused, 400, "validation_failed");
    expect(errorPaths(refused.body)).toContain(path);
    expect(await product.group(made.id)).toEqual(made);
  });

  test("it answers with counts", async () => {
    const { id } = await product.addGroup("Counted");
    const { id: memberId } = await product.addMember({ userName: "counted", type: "user" });
    await product.put(id, memberId);
    expect((await change(id, { access: "read" })).body.counts).toEqual({ users: 1, readers: 0 });
    expect((await change(id, { access: "read" })).body.counts).toEqual({ users: 1, readers: 0 });
  });
});

describe("PATCH of a managed group", () => {
  test("access: SCIM sees no new version of it", async () => {
    const { id } = await groups.create("Access");
    const before = await groups.read(id);
    time += 1_000;
    const { status, body } = await change(id, { access: "write" });
    expect([status, body.access, body.updatedAt]).toEqual([200, "write", isoTime()]);
    expect(await groups.read(id)).toEqual(before);
    expect(await product.group(id)).toEqual(body);
  });

  test("an access by hand stays through whatever SCIM changes", async () => {
    const ada = await createUser(connection, "access-ada");
    const { id } = await groups.create("Kept access");
    await change(id, { access: "write" });
    await groups.patch(id, replace("displayName", "Kept access 2"));
    await groups.patch(id, { op: "add", path: "members", value: entries([ada]) });
    await groups.put(id, group("Kept access 3", [ada]));
    time += 1_000;
    expect(await product.group(id)).toMatchObject({ displayName: "Kept access 3", access: "write" });
  });

  test("displayName: 409 managed_by_idp naming it, nothing changed, the access in the same request included", async () => {
    const { id } = await groups.create("IdP's name");
    const refused = await change(id, { displayName: "Mine", access: "write" });
    expectProblem(refused, 409, "managed_by_idp");
    expect(refused.body.detail).toContain("displayName");
    expect(await product.group(id)).toMatchObject({ displayName: "IdP's name", access: "none" });
  });

  test("the name it has already is no change", async () => {
    const { id } = await groups.create("Same name");
    expect((await change(id, { displayName: "Same name", access: "read" })).status).toBe(200);
  });
});

describe("SCIM off, changes by hand, SCIM on", () => {
  test("a new name is a new version to SCIM, a new access is none", async () => {
    const other = await apart();
    const { id } = await other.groups.create("Old name", [], { externalId: "e1" });
    const before = await other.groups.read(id);
    await setScim(other.connection, false);
    time += 1_000;
    const patchIt = (body: Fields) => other.product.admin("PATCH", `/groups/${id}`, body);
    expect((await patchIt({ displayName: "New name" })).body).toMatchObject({
      displayName: "New name",
      managedBy: null,
      updatedAt: isoTime(),
    });
    await patchIt({ access: "write" });
    await setScim(other.connection, true);
    const after = await other.groups.read(id);
    expect(after).toMatchObject({ displayName: "New name", externalId: "e1" });
    expect(after.meta.lastModified).toBe(isoTime());
    expect(after.meta.version).not.toBe(before.meta.version);
    expect(await other.groups.named('displayName eq "new NAME"')).toEqual(["New name"]);
    expect(await other.groups.named('displayName eq "Old name"')).toEqual([]);
    expect(await other.groups.named('externalId eq "e1"')).toEqual(["New name"]);
  });

  test("turning it off and on changes no group by itself", async () => {
    const other = await apart();
    const ada = await createUser(other.connection, "ada");
    const { id } = await other.groups.create("Unmoved", [ada]);
    const before = await other.groups.read(id);
    await setScim(other.connection, false);
    await setScim(other.connection, true);
    expect(await other.groups.read(id)).toEqual(before);
  });

  test("with uniqueGroupNames, by hand no name either that another group of the connection has: 409 duplicate_group", async () => {
    const other = await apart({ uniqueGroupNames: true });
    const first = await other.groups.create("First");
    const second = await other.groups.create("Second");
    await other.product.addGroup("Third");
    await setScim(other.connection, false);
    const patchIt = (body: Fields) => other.product.admin("PATCH", `/groups/${second.id}`, body);
    const refused = await patchIt({ displayName: "FIRST" });
    expectProblem(refused, 409, "duplicate_group");
    expect(refused.body.detail).toContain(first.id);
    expect((await patchIt({ displayName: "SECOND" })).status).toBe(200);
    // A group of no connection is none of the same connection.
    expect((await patchIt({ displayName: "third" })).status).toBe(200);
  });
});

describe("DELETE …/groups/{g}", () => {
  test("an unmanaged group: 204, and it is gone", async () => {
    const { id } = await product.addGroup("Goes");
    const { id: memberId } = await product.addMember({ userName: "in-what-goes", type: "reader" });
    await product.put(id, memberId);
    expect(await product.admin("DELETE", `/groups/${id}`)).toMatchObject({ status: 204, body: undefined });
    expectProblem(await product.admin("GET", `/groups/${id}`), 404, "not_found");
    expectProblem(await product.admin("GET", `/groups/${id}/members`), 404, "not_found");
    expectProblem(await product.admin("DELETE", `/groups/${id}`), 404, "not_found");
    expect((await product.admin("GET", "/groups?q=Goes")).body.items).toEqual([]);
  });

  test.each(["", "?force=false"])("a managed group%s: 409 managed_by_idp, and it stays", async (query) => {
    const { id } = await groups.create("Stays");
    const refused = await product.admin("DELETE", `/groups/${id}${query}`);
    expectProblem(refused, 409, "managed_by_idp");
    expect(refused.body.detail).toContain("force=true");
    expect((await groups.read(id)).displayName).toBe("Stays");
  });

  test.each(["yes", "1", ""])("force=%s: 400 validation_failed with its path", async (force) => {
    const { id } = await groups.create("Stays, too");
    const refused = await product.admin("DELETE", `/groups/${id}?force=${force}`);
    expectProblem(refused, 400, "validation_failed");
    expect(errorPaths(refused.body)).toEqual(["force"]);
  });

  test("?force=true: gone to its IdP as well, which is told to unlink it and push it again", async () => {
    const ada = await createUser(connection, "pushed-again");
    const { id } = await groups.create("Forced", [ada], { externalId: "forced" });
    expect((await product.admin("DELETE", `/groups/${id}?force=true`)).status).toBe(204);
    for (const [method, request] of [
      ["GET", undefined],
      ["PUT", group("Forced", [ada])],
      ["PATCH", patch({ op: "add", path: "members", value: entries([ada]) })],
      ["DELETE", undefined],
    ] as const) {
      const refused = await connection.scim(method, `/Groups/${id}`, request);
      expectScimError(refused, 404);
      expect(refused.body.detail).toMatch(/unlink it .* and push it again/);
    }
    expect(await groups.named('displayName eq "Forced"')).toEqual([]);
    expect(await groups.named('externalId eq "forced"')).toEqual([]);
    const again = await groups.create("Forced", [ada], { externalId: "forced" });
    expect(again.id).not.toBe(id);
    expect(await groups.members(again.id)).toEqual([ada]);
    expect(await product.group(again.id)).toMatchObject({ counts: { users: 0, readers: 1 } });
  });

  test("with uniqueGroupNames its name is free again", async () => {
    const other = await apart({ uniqueGroupNames: true });
    const { id } = await other.groups.create("Unique");
    await other.product.admin("DELETE", `/groups/${id}?force=true`);
    expect((await other.groups.create("UNIQUE")).id).not.toBe(id);
  });

  test("while SCIM is off without force; turning it on brings nothing back", async () => {
    const other = await apart();
    const { id } = await other.groups.create("Off and on");
    await setScim(other.connection, false);
    expect((await other.product.admin("DELETE", `/groups/${id}`)).status).toBe(204);
    await setScim(other.connection, true);
    expectScimError(await other.connection.scim("GET", `/Groups/${id}`), 404);
    expectScimError(await other.connection.scim("PUT", `/Groups/${id}`, group("Off and on")), 404);
  });
});

describe("a deleted connection leaves its groups behind, unmanaged", () => {
  test("with their members, to be changed and deleted like any others", async () => {
    const other = await apart();
    const [ada, bob] = [
      await createUser(other.connection, "ada", asTeam),
      await createUser(other.connection, "bob"),
    ];
    const { id } = await other.groups.create("Orphan", [ada, bob]);
    await other.product.admin("DELETE", `/connections/${other.connection.connection.id}`);
    expect(await other.product.group(id)).toMatchObject({
      managedBy: null,
      counts: { users: 1, readers: 1 },
    });
    const carl = await other.product.addMember({ userName: "carl", type: "reader" });
    await other.product.put(id, carl.id);
    await other.product.takeOut(id, bob);
    expect(sorted(await other.product.namesIn(id))).toEqual(["ada", "carl"]);
    expect((await other.product.admin("PATCH", `/groups/${id}`, { displayName: "Adopted" })).status).toBe(
      200,
    );
    expect((await other.product.admin("DELETE", `/groups/${id}`)).status).toBe(204);
    expect((await other.product.admin("GET", "/groups")).body).toEqual({ items: [] });
  });
});
