import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestConnection, TestService } from "../support/service.ts";
import { startCheckedService } from "./checked-service.ts";
import { expectScimError, type Product, productOf } from "./product.ts";
import {
  activation,
  conversion,
  filtered,
  patch,
  replace,
  teamUser,
  user,
  workEmail,
} from "./scim-messages.ts";

// A member deleted in the product, and updated by the IdP after SCIM is enabled again (API.md §4).

let service: TestService;
beforeAll(async () => {
  service = await startCheckedService();
});
afterAll(() => service.stop());

interface Setting {
  readonly connection: TestConnection;
  readonly product: Product;
  readonly id: string;
}

async function deletedInProduct(): Promise<Setting> {
  const connection = await service.createConnection();
  const product = productOf(service, connection.project);
  const sent = teamUser("lost@x.example", { title: "Old", ...workEmail("lost@mail.example") });
  const { id } = (await connection.scim("POST", "/Users", sent)).body;
  await product.admin("PATCH", `/members/${id}`, { role: "admin", access: "write" });
  const path = `/connections/${connection.connection.id}`;
  await product.admin("PATCH", path, { scimEnabled: false });
  expect((await product.admin("DELETE", `/members/${id}`)).status).toBe(204);
  await product.admin("PATCH", path, { scimEnabled: true });
  return { connection, product, id };
}

test("until then it is 404 to SCIM, and in no list", async () => {
  const { connection, product, id } = await deletedInProduct();
  expectScimError(await connection.scim("GET", `/Users/${id}`), 404);
  expectScimError(await connection.scim("DELETE", `/Users/${id}`), 404);
  for (const path of ["/Users", filtered(`id eq "${id}"`), filtered('userName eq "lost@x.example"')]) {
    expect((await connection.scim("GET", path)).body.totalResults).toBe(0);
  }
  expect(await product.member(id)).toMatchObject({ status: "deleted", seat: null });
  expect((await product.usage()).users).toBe(0);
});

// Defect: the list says null, the single GET the connection.
test("until then no one manages it", async () => {
  const { product, id } = await deletedInProduct();
  const [listed] = (await product.admin("GET", "/members?status=deleted")).body.items;
  expect(listed.managedBy).toBeNull();
  expect((await product.member(id)).managedBy).toBeNull();
});

describe("restored", () => {
  test.each([
    ["a PUT", "PUT", teamUser("lost@x.example", { title: "New" })],
    ["a PATCH that sets active true", "PATCH", patch(replace("active", "True"), replace("title", "New"))],
  ])("by %s: 200, with role, access and the seat", async (_, method, request) => {
    const { connection, product, id } = await deletedInProduct();
    const { status, body } = await connection.scim(method, `/Users/${id}`, request);
    expect(status).toBe(200);
    expect(body).toMatchObject({ id, active: true, title: "New" });
    expect(await product.member(id)).toMatchObject({
      status: "active",
      type: "user",
      role: "admin",
      access: "write",
      seat: "users",
      managedBy: { connectionId: connection.connection.id },
    });
    expect((await connection.scim("GET", "/Users")).body.totalResults).toBe(1);
    expect((await product.admin("GET", "/members?status=deleted")).body.items).toEqual([]);
  });

  test("by a PUT with active false: there, and inactive", async () => {
    const { connection, product, id } = await deletedInProduct();
    const sent = teamUser("lost@x.example", { active: false });
    expect((await connection.scim("PUT", `/Users/${id}`, sent)).status).toBe(200);
    expect(await product.member(id)).toMatchObject({ status: "inactive", seat: null });
  });

  test("by a PUT without active and isTeamAccount: active, of its old type", async () => {
    const { connection, product, id } = await deletedInProduct();
    await connection.scim("PUT", `/Users/${id}`, user("lost@x.example"));
    expect(await product.member(id)).toMatchObject({ status: "active", type: "user", role: "admin" });
  });

  test("found again by every key", async () => {
    const { connection, id } = await deletedInProduct();
    await connection.scim("PATCH", `/Users/${id}`, activation(true));
    for (const filter of ['userName eq "lost@x.example"', 'emails.value eq "lost@mail.example"']) {
      expect((await connection.scim("GET", filtered(filter))).body.Resources[0].id).toBe(id);
    }
  });

  test("by a POST, too: the same member", async () => {
    const { connection, product, id } = await deletedInProduct();
    expect((await connection.scim("POST", "/Users", teamUser("lost@x.example"))).status).toBe(201);
    expect(await product.member(id)).toMatchObject({ status: "active", role: "admin", access: "write" });
  });
});

describe("not restored", () => {
  test.each([
    ["another PATCH", patch(replace("title", "New"))],
    ["active false", activation(false)],
    ["a conversion", conversion(false)],
    ["active removed", patch({ op: "remove", path: "active" })],
  ])("by a PATCH with %s: 404, and it stays deleted", async (_, request) => {
    const { connection, product, id } = await deletedInProduct();
    expectScimError(await connection.scim("PATCH", `/Users/${id}`, request), 404);
    expect((await product.member(id)).status).toBe("deleted");
  });

  test("where its name was given to another since: 409 uniqueness", async () => {
    const { connection, product, id } = await deletedInProduct();
    await product.addMember({ userName: "LOST@x.example", type: "reader" });
    expectScimError(await connection.scim("PATCH", `/Users/${id}`, activation(true)), 409, "uniqueness");
    expectScimError(await connection.scim("PUT", `/Users/${id}`, user("lost@x.example")), 409, "uniqueness");
    expect((await connection.scim("PUT", `/Users/${id}`, user("found@x.example"))).status).toBe(200);
  });

  test("by another connection", async () => {
    const { connection, product, id } = await deletedInProduct();
    const other = await service.createConnection({}, connection.project);
    expectScimError(await other.scim("PUT", `/Users/${id}`, user("lost@x.example")), 404);
    expect((await product.member(id)).status).toBe("deleted");
  });
});

test("turning SCIM off and on restores nothing by itself, and leaves everyone else alone", async () => {
  const { connection, product, id } = await deletedInProduct();
  await connection.scim("POST", "/Users", user("stays@x.example"));
  const path = `/connections/${connection.connection.id}`;
  await product.admin("PATCH", path, { scimEnabled: false });
  await product.admin("PATCH", path, { scimEnabled: true });
  expect((await product.member(id)).status).toBe("deleted");
  expect((await connection.scim("GET", "/Users")).body.totalResults).toBe(1);
});
