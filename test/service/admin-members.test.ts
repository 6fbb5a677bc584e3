import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestConnection, TestService } from "../support/service.ts";
import { startCheckedService } from "./checked-service.ts";
import { expectProblem, type Product, productOf } from "./product.ts";
import { type Fields, filtered, teamUser, urns, user, workEmail } from "./scim-messages.ts";

let service: TestService;
let connection: TestConnection;
let product: Product;
let time = Date.parse("2026-01-01T00:00:00.000Z");
beforeAll(async () => {
  service = await startCheckedService({ clock: () => time });
  connection = await service.createConnection();
  product = productOf(service, connection.project);
});
afterAll(() => service.stop());

const change = (id: string, body: Fields) => product.admin("PATCH", `/members/${id}`, body);
const errorPaths = (body: { errors?: { path: string }[] }) => body.errors?.map(({ path }) => path);

describe("POST /projects/{p}/members", () => {
  test("201 with every member of a Member", async () => {
    const name = { givenName: "Ann", familyName: "Lee", formatted: "Ann Lee" };
    const sent = {
      userName: "Ann",
      email: "Ann@x.example",
      displayName: "Ann Lee",
      name,
      type: "user",
      role: "admin",
      access: "write",
    };
    const { status, body } = await product.admin("POST", "/members", sent);
    const now = new Date(time).toISOString();
    expect(status).toBe(201);
    expect(body).toEqual({
      id: expect.any(String),
      ...sent,
      status: "active",
      seat: "users",
      managedBy: null,
      createdAt: now,
      updatedAt: now,
    });
  });

  test("a reader: no role, no access, everything else null", async () => {
    expect(await product.addMember({ userName: "Reader", type: "reader" })).toMatchObject({
      email: null,
      displayName: null,
      name: null,
      role: null,
      access: "none",
      seat: "readers",
    });
  });

  test.each([
    ["a user without role is a contributor", {}, "contributor", "users"],
    ["an admin", { role: "admin" }, "admin", "users"],
    ["a reviewer uses a seat of reviewers", { role: "reviewer" }, "reviewer", "reviewers"],
  ])("%s", async (label, fields, role, seat) => {
    const body = { userName: label, type: "user", ...fields };
    expect(await product.addMember(body)).toMatchObject({ role, seat });
  });

  test.each([
    ["userName", { type: "reader" }],
    ["userName", { userName: "", type: "reader" }],
    ["type", { userName: "x" }],
    ["type", { userName: "x", type: "admin" }],
    ["role", { userName: "x", type: "user", role: "owner" }],
    ["role", { userName: "x", type: "reader", role: "admin" }],
    ["role", { userName: "x", type: "user", role: null }],
    ["access", { userName: "x", type: "reader", access: "all" }],
    ["email", { userName: "x", type: "reader", email: 1 }],
    ["name.givenName", { userName: "x", type: "reader", name: { givenName: 1 } }],
    ["name.nick", { userName: "x", type: "reader", name: { nick: "N" } }],
    ["status", { userName: "x", type: "reader", status: "inactive" }],
    ["groups", { userName: "x", type: "reader", groups: [] }],
  ])("a wrong %s: 400 validation_failed with its path", async (path, body) => {
    const refused = await product.admin("POST", "/members", body);
    expectProblem(refused, 400, "validation_failed");
    expect(errorPaths(refused.body)).toContain(path);
    expect(await product.memberNamed("x")).toBeUndefined();
  });

  // Defect: 400 without `errors`, as the core's own error is passed on.
  test("a userName of more bytes than a key holds: 400 with its path", async () => {
    const refused = await product.admin("POST", "/members", { userName: "漢".repeat(301), type: "reader" });
    expectProblem(refused, 400, "validation_failed");
    expect(errorPaths(refused.body)).toContain("userName");
  });

  test("409 duplicate_member for a userName or email of another one, in any case and Unicode form", async () => {
    const fields = { userName: "Straße", email: "Double@x.example", type: "reader" };
    const { id } = await product.addMember(fields);
    for (const body of [
      { userName: "STRASSE", type: "user" },
      { userName: "other", email: "dOUBLE@X.example", type: "user" },
    ]) {
      const refused = await product.admin("POST", "/members", body);
      expectProblem(refused, 409, "duplicate_member");
      expect(refused.body.detail).toContain(id);
    }
    // A userName is no email: the two do not meet.
    await product.addMember({ userName: "double@x.example", type: "reader" });
  });

  test("409 duplicate_member for a name of a managed one", async () => {
    await connection.scim("POST", "/Users", user("managed-name", workEmail("managed@x.example")));
    const body = { userName: "MANAGED-name", type: "reader" };
    expectProblem(await product.admin("POST", "/members", body), 409, "duplicate_member");
  });
});

describe("GET …/members/{m}", () => {
  test("the member with its groups", async () => {
    const member = await product.addMember({ userName: "single", type: "reader" });
    expect(await product.member(member.id)).toEqual({ ...member, groups: [] });
  });

  test.each(["00000000-0000-0000-0000-000000000000", "nonsense", "__proto__"])(
    "404 not_found for %s",
    async (id) => {
      for (const [method, body] of [
        ["GET", undefined],
        ["PATCH", { access: "read" }],
        ["DELETE", undefined],
      ] as const) {
        expectProblem(await product.admin(method, `/members/${id}`, body), 404, "not_found");
      }
    },
  );

  test("404 not_found for a member of another project", async () => {
    const other = productOf(service, await service.createProject());
    const { id } = await product.addMember({ userName: "not-yours", type: "reader" });
    expectProblem(await other.admin("GET", `/members/${id}`), 404, "not_found");
    expectProblem(await other.admin("PATCH", `/members/${id}`, { access: "read" }), 404, "not_found");
    expectProblem(await other.admin("DELETE", `/members/${id}`), 404, "not_found");
  });
});

describe("PATCH of an unmanaged member", () => {
  test("each field alone; what is left out stays", async () => {
    let { groups: _, ...expected } = await product.member(
      (await product.addMember({ userName: "patch-me", type: "reader" })).id,
    );
    for (const changes of [
      { userName: "patched" },
      { email: "patched@x.example" },
      { displayName: "Patched" },
      { name: { givenName: "P", familyName: "Q" } },
      { access: "read" },
      { type: "user", role: "contributor", seat: "users" },
      { role: "reviewer", seat: "reviewers" },
      { status: "inactive", seat: null },
      { status: "active", seat: "reviewers" },
      { email: null },
      { displayName: null },
      { name: null },
      { type: "reader", role: null, seat: "readers" },
    ]) {
      time += 1_000;
      const { seat: _seat, ...sent } = { seat: "", ...changes };
      const { status, body } = await change(expected.id, sent);
      expected = { ...expected, ...changes, updatedAt: new Date(time).toISOString() };
      expect([status, body]).toEqual([200, { ...expected, groups: [] }]);
    }
    expect(await product.member(expected.id)).toEqual({ ...expected, groups: [] });
  });

  test("nothing new: the member as it was, its updatedAt too", async () => {
    const member = await product.addMember({ userName: "still", email: "still@x.example", type: "user" });
    time += 1_000;
    const same = {
      userName: "still",
      email: "still@x.example",
      type: "user",
      role: "contributor",
      status: "active",
    };
    expect((await change(member.id, same)).body).toEqual({ ...member, groups: [] });
    expect((await change(member.id, {})).body).toEqual({ ...member, groups: [] });
  });

  test('"" clears displayName and email', async () => {
    const { id } = await product.addMember({
      userName: "clearing",
      email: "clearing@x.example",
      displayName: "C",
      type: "reader",
    });
    expect((await change(id, { email: "", displayName: "" })).body).toMatchObject({
      email: null,
      displayName: null,
    });
  });

  test("409 duplicate_member for a taken name; the case of one's own may change", async () => {
    await product.addMember({ userName: "holder", email: "holder@x.example", type: "reader" });
    const { id } = await product.addMember({ userName: "wisher", type: "reader" });
    expectProblem(await change(id, { userName: "HOLDER" }), 409, "duplicate_member");
    expectProblem(await change(id, { email: "HOLDER@x.example" }), 409, "duplicate_member");
    expect((await change(id, { userName: "WISHER" })).body.userName).toBe("WISHER");
  });

  test("the names it leaves are free at once", async () => {
    const { id } = await product.addMember({ userName: "leave-1", email: "leave@x.example", type: "reader" });
    await change(id, { userName: "leave-2", email: null });
    await product.addMember({ userName: "leave-1", email: "leave@x.example", type: "reader" });
  });

  test.each([
    ["role", { role: "owner" }],
    ["role", { role: "admin" }],
    ["type", { type: "admin" }],
    ["status", { status: "deleted" }],
    ["userName", { userName: "" }],
    ["seat", { seat: "users" }],
    ["managedBy", { managedBy: null }],
  ])("a wrong %s for a reader: 400 validation_failed with its path", async (path, body) => {
    const { id } = await product.addMember({
      userName: `bad ${path} ${JSON.stringify(body)}`,
      type: "reader",
    });
    const refused = await change(id, body);
    expectProblem(refused, 400, "validation_failed");
    expect(errorPaths(refused.body)).toContain(path);
  });

  test("a changed email keeps the further values IdPs sent, and they stay findable", async () => {
    const own = await service.createConnection({}, connection.project);
    const emails = [
      { value: "main@e.example", type: "work", primary: true },
      { value: "home@e.example", type: "home" },
    ];
    await own.scim("POST", "/Users", user("emails", { emails }));
    const { id } = await product.memberNamed("emails");
    await product.admin("PATCH", `/connections/${own.connection.id}`, { scimEnabled: false });
    expect((await change(id, { email: "new@e.example" })).body.email).toBe("new@e.example");
    await product.admin("PATCH", `/connections/${own.connection.id}`, { scimEnabled: true });
    const found = async (value: string) =>
      (await own.scim("GET", filtered(`emails.value eq "${value}"`))).body.totalResults;
    const counts = [
      await found("main@e.example"),
      await found("home@e.example"),
      await found("new@e.example"),
    ];
    expect(counts).toEqual([0, 1, 1]);
  });
});

describe("a managed member", () => {
  const managed = async (userName: string) => {
    const fields = { displayName: "D", name: { givenName: "G" }, ...workEmail(`${userName}@x.example`) };
    const { id } = (await connection.scim("POST", "/Users", teamUser(userName, fields))).body;
    return { scimId: id as string, ...(await product.memberNamed(userName)) };
  };

  test("only role (of a user) and access may change; SCIM sees no new version of it", async () => {
    const { id, scimId } = await managed("role-and-access");
    const before = (await connection.scim("GET", `/Users/${scimId}`)).body;
    time += 1_000;
    const { status, body } = await change(id, { role: "admin", access: "write" });
    expect([status, body.role, body.access]).toEqual([200, "admin", "write"]);
    expect(body.updatedAt > before.meta.lastModified).toBe(true);
    expect((await connection.scim("GET", `/Users/${scimId}`)).body).toEqual(before);
  });

  test.each([
    ["userName", { userName: "other" }],
    ["email", { email: "other@x.example" }],
    ["email", { email: null }],
    ["displayName", { displayName: "Other" }],
    ["name", { name: { givenName: "Other" } }],
    ["type", { type: "reader" }],
    ["status", { status: "inactive" }],
  ])(
    "%s: 409 managed_by_idp naming it, nothing changed, the access in the same request included",
    async (field, body) => {
      const { id } = await managed(`managed ${JSON.stringify(body)}`);
      const before = await product.member(id);
      const refused = await change(id, { ...body, access: "write" });
      expectProblem(refused, 409, "managed_by_idp");
      expect(refused.body.detail).toContain(field);
      expect(await product.member(id)).toEqual(before);
    },
  );

  test("DELETE: 409 managed_by_idp", async () => {
    const { id } = await managed("undeletable");
    expectProblem(await product.admin("DELETE", `/members/${id}`), 409, "managed_by_idp");
    expect((await product.member(id)).status).toBe("active");
  });
});

describe("DELETE …/members/{m} of an unmanaged member", () => {
  test("204: deleted, without seat, listed by status=deleted alone", async () => {
    const { id } = await product.addMember({ userName: "delete-me", type: "reader", access: "read" });
    const before = await product.usage();
    expect(await product.admin("DELETE", `/members/${id}`)).toMatchObject({ status: 204, body: undefined });
    expect(await product.member(id)).toMatchObject({ status: "deleted", seat: null, userName: "delete-me" });
    expect((await product.usage()).readers).toBe(before.readers - 1);
    expect(await product.memberNamed("delete-me")).toBeUndefined();
    const { items } = (await product.admin("GET", "/members?status=deleted&q=delete-me")).body;
    expect(items.map((member: { id: string }) => member.id)).toEqual([id]);
  });

  test("it cannot be changed or deleted again: 404", async () => {
    const { id } = await product.addMember({ userName: "twice", type: "reader" });
    await product.admin("DELETE", `/members/${id}`);
    expectProblem(await product.admin("DELETE", `/members/${id}`), 404, "not_found");
    expectProblem(await change(id, { access: "read" }), 404, "not_found");
  });

  test("its names are free: another member, not the same again", async () => {
    const fields = { userName: "reborn", email: "reborn@x.example", type: "reader", access: "write" };
    const { id } = await product.addMember(fields);
    await product.admin("DELETE", `/members/${id}`);
    const second = await product.addMember({ userName: "reborn", email: "reborn@x.example", type: "user" });
    expect(second.id).not.toBe(id);
    expect(second.access).toBe("none");
    // And for SCIM it is the living one that exists.
    const linked = await connection.scim("POST", "/Users", teamUser("reborn"));
    expect(linked.status).toBe(201);
    expect((await product.memberNamed("reborn")).id).toBe(second.id);
  });

  test("a member made by hand and deleted is nobody for SCIM to meet", async () => {
    const { id } = await product.addMember({ userName: "forgotten", type: "user", access: "write" });
    await product.admin("DELETE", `/members/${id}`);
    expect((await connection.scim("POST", "/Users", user("forgotten"))).status).toBe(201);
    const member = await product.memberNamed("forgotten");
    expect(member.id).not.toBe(id);
    expect(member).toMatchObject({ type: "reader", access: "none" });
  });
});

test("an unmanaged member is no SCIM user, under no id", async () => {
  const { id } = await product.addMember({ userName: "hands-off", type: "reader" });
  expect((await connection.scim("GET", `/Users/${id}`)).status).toBe(404);
  const request = { body: { schemas: [urns.user], userName: "hijacked" } };
  expect((await connection.scim("PUT", `/Users/${id}`, request)).status).toBe(404);
  expect((await connection.scim("DELETE", `/Users/${id}`)).status).toBe(404);
});
