import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestConnection, TestService } from "../support/service.ts";
import { startCheckedService } from "./checked-service.ts";
import { expectScimError, type Product, productOf } from "./product.ts";
import { activation, filtered, patch, replace, teamUser, user, workEmail } from "./scim-messages.ts";

let service: TestService;
beforeAll(async () => {
  service = await startCheckedService();
});
afterAll(() => service.stop());

const nobody = "00000000-0000-0000-0000-000000000000";

interface Setting {
  readonly connection: TestConnection;
  readonly product: Product;
}
const setUp = async (onDelete: "deactivate" | "delete"): Promise<Setting> => {
  const connection = await service.createConnection({ onDelete });
  return { connection, product: productOf(service, connection.project) };
};

describe.each(["deactivate", "delete"] as const)("DELETE /Users/{id}, onDelete %s", (onDelete) => {
  test("[146] 204 without a body; from then on 404 to SCIM", async () => {
    const { connection } = await setUp(onDelete);
    const { id } = (await connection.scim("POST", "/Users", user("gone@x.example", { externalId: "g" })))
      .body;
    expect(await connection.scim("DELETE", `/Users/${id}`)).toMatchObject({ status: 204, body: undefined });
    const path = `/Users/${id}`;
    expectScimError(await connection.scim("GET", path), 404);
    expectScimError(await connection.scim("PUT", path, user("gone@x.example")), 404);
    expectScimError(await connection.scim("PATCH", path, patch(replace("title", "T"))), 404);
    expectScimError(await connection.scim("PATCH", path, activation(true)), 404);
    expectScimError(await connection.scim("DELETE", path), 404);
  });

  test("[146] absent from lists and every filter", async () => {
    const { connection } = await setUp(onDelete);
    const fields = { externalId: "g", ...workEmail("gone@mail.example") };
    const { id } = (await connection.scim("POST", "/Users", user("gone@x.example", fields))).body;
    await connection.scim("POST", "/Users", user("stays@x.example"));
    await connection.scim("DELETE", `/Users/${id}`);
    for (const [path, expected] of [
      ["/Users", 1],
      [filtered('userName eq "gone@x.example"'), 0],
      [filtered('externalId eq "g"'), 0],
      [filtered('emails.value eq "gone@mail.example"'), 0],
      [filtered(`id eq "${id}"`), 0],
      [filtered('userName sw "gone"'), 0],
      ["/Users?sortBy=userName", 1],
    ] as const) {
      const { totalResults, Resources } = (await connection.scim("GET", path)).body;
      expect([path, totalResults, Resources.length]).toEqual([path, expected, expected]);
    }
  });

  test("frees the seat", async () => {
    const { connection, product } = await setUp(onDelete);
    const { id } = (await connection.scim("POST", "/Users", teamUser("seat@x.example"))).body;
    expect((await product.usage()).users).toBe(1);
    await connection.scim("DELETE", `/Users/${id}`);
    expect(await product.usage()).toEqual({ users: 0, reviewers: 0, readers: 0 });
  });

  test("of an inactive user: 204, no seat is given back twice", async () => {
    const { connection, product } = await setUp(onDelete);
    const { id } = (await connection.scim("POST", "/Users", user("idle@x.example", { active: false }))).body;
    await connection.scim("POST", "/Users", user("busy@x.example"));
    expect((await connection.scim("DELETE", `/Users/${id}`)).status).toBe(204);
    expect((await product.usage()).readers).toBe(1);
  });

  test("[151] a stale If-Match: 412, nothing changed; the right one: 204", async () => {
    const { connection } = await setUp(onDelete);
    const { id } = (await connection.scim("POST", "/Users", user("matched@x.example"))).body;
    const stale = { headers: { "If-Match": 'W/"9"' } };
    expectScimError(await connection.scim("DELETE", `/Users/${id}`, stale), 412);
    expect((await connection.scim("GET", `/Users/${id}`)).status).toBe(200);
    const right = { headers: { "If-Match": 'W/"1"' } };
    expect((await connection.scim("DELETE", `/Users/${id}`, right)).status).toBe(204);
  });
});

test("onDelete deactivate: the member stays, Inactive and unmanaged, and may be changed by hand", async () => {
  const { connection, product } = await setUp("deactivate");
  const { id } = (await connection.scim("POST", "/Users", teamUser("kept@x.example", { displayName: "K" })))
    .body;
  await product.admin("PATCH", `/members/${id}`, { access: "write" });
  await connection.scim("DELETE", `/Users/${id}`);
  expect(await product.member(id)).toMatchObject({
    userName: "kept@x.example",
    displayName: "K",
    type: "user",
    role: "contributor",
    access: "write",
    status: "inactive",
    seat: null,
    managedBy: null,
  });
  expect((await product.admin("PATCH", `/members/${id}`, { displayName: "By hand" })).status).toBe(200);
  expect((await product.admin("PATCH", `/members/${id}`, { status: "active" })).body.seat).toBe("users");
});

test("onDelete delete: the member is deleted, listed by status=deleted alone", async () => {
  const { connection, product } = await setUp("delete");
  const { id } = (await connection.scim("POST", "/Users", user("removed@x.example"))).body;
  await connection.scim("DELETE", `/Users/${id}`);
  expect(await product.member(id)).toMatchObject({ status: "deleted", seat: null, managedBy: null });
  expect((await product.admin("GET", "/members")).body.items).toEqual([]);
  const { items } = (await product.admin("GET", "/members?status=deleted")).body;
  expect(items).toMatchObject([{ id, userName: "removed@x.example", status: "deleted" }]);
});

test("[148] 404 for an unknown id", async () => {
  const { connection } = await setUp("deactivate");
  expectScimError(await connection.scim("DELETE", `/Users/${nobody}`), 404);
});

test("a change of onDelete counts for the next DELETE", async () => {
  const { connection, product } = await setUp("deactivate");
  const { id } = (await connection.scim("POST", "/Users", user("later@x.example"))).body;
  await product.admin("PATCH", `/connections/${connection.connection.id}`, { onDelete: "delete" });
  await connection.scim("DELETE", `/Users/${id}`);
  expect((await product.member(id)).status).toBe("deleted");
});
