import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { TestConnection, TestService } from "../support/service.ts";
import { startCheckedService } from "./checked-service.ts";
import { expectScimError, type Product, productOf } from "./product.ts";
import { activation, asTeam, conversion, filtered, teamUser, user, workEmail } from "./scim-messages.ts";

let service: TestService;
let connection: TestConnection;
let product: Product;
beforeAll(async () => {
  service = await startCheckedService();
});
beforeEach(async () => {
  connection = await service.createConnection();
  product = productOf(service, connection.project);
});
afterAll(() => service.stop());

const post = (request: { readonly body: unknown }, to = connection) => to.scim("POST", "/Users", request);

describe("an unmanaged member with the same userName or email, type equal, is linked (201)", () => {
  test("by userName, in any case", async () => {
    const member = await product.addMember({ userName: "Ann@x.example", type: "reader" });
    const { status, body } = await post(user("aNN@X.example", { externalId: "e1", displayName: "Ann" }));
    expect(status).toBe(201);
    expect(await product.member(member.id)).toMatchObject({
      userName: "aNN@X.example",
      displayName: "Ann",
      managedBy: { connectionId: connection.connection.id, badge: "SSO-SCIM", inherited: false },
    });
    expect((await connection.scim("GET", filtered('externalId eq "e1"'))).body.Resources[0].id).toBe(body.id);
    expect((await product.admin("GET", "/members")).body.items).toHaveLength(1);
  });

  test("by email, in any case; the userName it had is free again", async () => {
    const fields = { userName: "local-ann", email: "Ann@Mail.example", type: "reader" };
    const member = await product.addMember(fields);
    expect((await post(user("ann@idp.example", workEmail("aNN@mail.example")))).status).toBe(201);
    expect(await product.member(member.id)).toMatchObject({ userName: "ann@idp.example" });
    await product.addMember({ userName: "local-ann", type: "reader" });
  });

  test("keeping role and access, whatever the connection's defaults", async () => {
    const defaults = { role: "admin", userAccess: "write" };
    const own = await service.createConnection({ defaults }, connection.project);
    const fields = { userName: "bob@x.example", type: "user", role: "reviewer", access: "read" };
    const member = await product.addMember(fields);
    const before = await product.usage();
    expect((await post(teamUser("bob@x.example"), own)).status).toBe(201);
    expect(await product.member(member.id)).toMatchObject({
      type: "user",
      role: "reviewer",
      access: "read",
      seat: "reviewers",
    });
    expect(await product.usage()).toEqual(before);
  });

  test("an inactive one becomes as active as the IdP says, its seat with it", async () => {
    const member = await product.addMember({ userName: "cas@x.example", type: "reader" });
    await product.admin("PATCH", `/members/${member.id}`, { status: "inactive" });
    await post(user("cas@x.example"));
    expect(await product.member(member.id)).toMatchObject({ status: "active", seat: "readers" });
    expect((await product.usage()).readers).toBe(1);
  });

  test("after the first link isTeamAccount converts it", async () => {
    await product.addMember({ userName: "dee@x.example", type: "reader" });
    const { id } = (await post(user("dee@x.example"))).body;
    expect((await connection.scim("PATCH", `/Users/${id}`, conversion(true))).status).toBe(200);
    expect(await product.memberNamed("dee@x.example")).toMatchObject({ type: "user", role: "contributor" });
  });

  test("linked once, it is a user of this connection: a second POST is 409", async () => {
    await product.addMember({ userName: "eve@x.example", type: "reader" });
    await post(user("eve@x.example"));
    expectScimError(await post(user("eve@x.example")), 409, "uniqueness");
  });

  test("it is counted once in lists, and deactivated and deleted like any user", async () => {
    await product.addMember({ userName: "pia@x.example", type: "reader" });
    const { id } = (await post(user("pia@x.example"))).body;
    expect((await connection.scim("GET", "/Users")).body.totalResults).toBe(1);
    await connection.scim("PATCH", `/Users/${id}`, activation(false));
    expect((await product.usage()).readers).toBe(0);
    expect((await connection.scim("DELETE", `/Users/${id}`)).status).toBe(204);
  });
});

describe("a role conflict", () => {
  test.each([
    ["user", {}],
    ["reader", asTeam],
  ])("a %s met by the other type: 409 uniqueness, nothing changed", async (type, fields) => {
    const member = await product.addMember({ userName: "fay@x.example", type });
    const refused = await post(user("fay@x.example", fields));
    expectScimError(refused, 409, "uniqueness");
    expect(refused.body.detail).toMatch(/^User already available in the project/);
    expect(await product.member(member.id)).toEqual({ ...member, groups: [] });
  });

  test("by email, too", async () => {
    await product.addMember({ userName: "gil", email: "gil@x.example", type: "user" });
    const refused = await post(user("other", workEmail("GIL@x.example")));
    expectScimError(refused, 409, "uniqueness");
    expect(refused.body.detail).toMatch(/^User already available in the project/);
  });

  test("its way out: the type changed in the product, then the IdP retries", async () => {
    const { id } = await product.addMember({ userName: "hal@x.example", type: "user" });
    expectScimError(await post(user("hal@x.example")), 409, "uniqueness");
    await product.admin("PATCH", `/members/${id}`, { type: "reader" });
    expect((await post(user("hal@x.example"))).status).toBe(201);
  });
});

test("userName and email of two different members: 409 naming both", async () => {
  const first = await product.addMember({ userName: "ida@x.example", type: "reader" });
  const second = await product.addMember({ userName: "jan", email: "jan@x.example", type: "reader" });
  const refused = await post(user("ida@x.example", workEmail("jan@x.example")));
  expectScimError(refused, 409, "uniqueness");
  for (const part of ["ida@x.example", first.id, "jan@x.example", second.id]) {
    expect(refused.body.detail).toContain(part);
  }
});

describe("a member of another connection", () => {
  test.each([
    ["userName", user("kim@x.example")],
    ["email", user("kim-2@x.example", workEmail("kim@mail.example"))],
  ])("that manages it, met by %s: 409, and it stays there", async (_, request) => {
    const other = await service.createConnection({}, connection.project);
    await post(user("kim@x.example", workEmail("kim@mail.example")), other);
    expectScimError(await post(request), 409, "uniqueness");
    expect((await product.memberNamed("kim@x.example")).managedBy.connectionId).toBe(other.connection.id);
  });

  test("whose SCIM is disabled: linked, and gone from the other one for good", async () => {
    const other = await service.createConnection({}, connection.project);
    const old = (await post(user("lea@x.example", { externalId: "old" }), other)).body;
    const member = await product.memberNamed("lea@x.example");
    await product.admin("PATCH", `/connections/${other.connection.id}`, { scimEnabled: false });
    expect((await post(user("lea@x.example", { externalId: "new" }))).status).toBe(201);
    expect((await product.member(member.id)).managedBy.connectionId).toBe(connection.connection.id);

    await product.admin("PATCH", `/connections/${other.connection.id}`, { scimEnabled: true });
    expectScimError(await other.scim("GET", `/Users/${old.id}`), 404);
    expect((await other.scim("GET", "/Users")).body.totalResults).toBe(0);
    expect((await other.scim("GET", filtered('externalId eq "old"'))).body.totalResults).toBe(0);
    expect((await connection.scim("GET", "/Users")).body.totalResults).toBe(1);
  });

  test("that was deleted: linked", async () => {
    const other = await service.createConnection({}, connection.project);
    await post(teamUser("max@x.example"), other);
    const member = await product.memberNamed("max@x.example");
    expect((await product.admin("DELETE", `/connections/${other.connection.id}`)).status).toBe(204);
    expect((await product.member(member.id)).managedBy).toBeNull();
    expect((await post(teamUser("max@x.example"))).status).toBe(201);
    expect((await product.member(member.id)).managedBy.connectionId).toBe(connection.connection.id);
  });

  test("that deleted the user, which stayed: met as someone who exists", async () => {
    const other = await service.createConnection({ onDelete: "deactivate" }, connection.project);
    const { id } = (await post(teamUser("ned@x.example"), other)).body;
    const member = await product.memberNamed("ned@x.example");
    await other.scim("DELETE", `/Users/${id}`);
    const refused = await post(user("ned@x.example"));
    expectScimError(refused, 409, "uniqueness");
    expect(refused.body.detail).toMatch(/^User already available in the project/);
    expect((await post(teamUser("ned@x.example"))).status).toBe(201);
    expect(await product.member(member.id)).toMatchObject({ status: "active", seat: "users" });
  });
});

test("members of other projects are nobody to meet", async () => {
  const elsewhere = productOf(service, await service.createProject());
  await elsewhere.addMember({ userName: "oda@x.example", type: "user" });
  expect((await post(user("oda@x.example"))).status).toBe(201);
});
