import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestConnection, TestService } from "../support/service.ts";
import { startCheckedService } from "./checked-service.ts";
import { expectScimError, type Product, productOf } from "./product.ts";
import { asTeam, type Fields, filtered, group, teamUser, user, workEmail } from "./scim-messages.ts";

let service: TestService;
beforeAll(async () => {
  service = await startCheckedService();
});
afterAll(() => service.stop());

interface Setting {
  readonly connection: TestConnection;
  readonly product: Product;
  /** The id of the member, which the SCIM user of the same person may not have any more. */
  readonly memberId: string;
}

/** A user that its connection deleted: `gone@x.example`, role and access changed in the product before. */
async function setUp(
  onDelete: string,
  fields: Fields,
  changes: Fields,
  beforeDelete: (
    place: Omit<Setting, "memberId"> & { readonly id: string },
  ) => Promise<void> = async () => {},
): Promise<Setting> {
  const connection = await service.createConnection({ onDelete });
  const product = productOf(service, connection.project);
  const sent = user("gone@x.example", { externalId: "e1", ...workEmail("gone@mail.example"), ...fields });
  const { id } = (await connection.scim("POST", "/Users", sent)).body;
  const { id: memberId } = await product.memberNamed("gone@x.example");
  await product.admin("PATCH", `/members/${memberId}`, changes);
  await beforeDelete({ connection, product, id });
  expect((await connection.scim("DELETE", `/Users/${id}`)).status).toBe(204);
  return { connection, product, memberId };
}

describe.each(["deactivate", "delete"])("created again by the same connection, onDelete %s", (onDelete) => {
  test("the same member with its old access and role, where the type is the same", async () => {
    const { connection, product, memberId } = await setUp(onDelete, asTeam, {
      role: "reviewer",
      access: "write",
    });
    const created = await connection.scim("POST", "/Users", teamUser("gone@x.example", { title: "Back" }));
    expect(created.status).toBe(201);
    expect(await product.member(memberId)).toMatchObject({
      id: memberId,
      status: "active",
      type: "user",
      role: "reviewer",
      access: "write",
      seat: "reviewers",
      managedBy: { connectionId: connection.connection.id },
    });
    expect((await product.admin("GET", "/members")).body.items).toHaveLength(1);
    expect((await product.admin("GET", "/members?status=deleted")).body.items).toEqual([]);
    expect(await product.usage()).toEqual({ users: 0, reviewers: 1, readers: 0 });
  });

  test("of the type now asked for, with the default role and its old access", async () => {
    const { connection, product, memberId } = await setUp(onDelete, asTeam, {
      role: "admin",
      access: "read",
    });
    expect((await connection.scim("POST", "/Users", user("gone@x.example"))).status).toBe(201);
    expect(await product.member(memberId)).toMatchObject({ type: "reader", role: null, access: "read" });

    const reader = await setUp(onDelete, {}, { access: "write" });
    expect((await reader.connection.scim("POST", "/Users", teamUser("gone@x.example"))).status).toBe(201);
    expect(await reader.product.member(reader.memberId)).toMatchObject({
      type: "user",
      role: "contributor",
      access: "write",
    });
  });

  test("found by its email alone", async () => {
    const { connection, product, memberId } = await setUp(onDelete, {}, {});
    const sent = user("renamed@x.example", workEmail("GONE@mail.example"));
    expect((await connection.scim("POST", "/Users", sent)).status).toBe(201);
    expect(await product.member(memberId)).toMatchObject({ userName: "renamed@x.example", status: "active" });
  });

  test("what it holds is what the IdP sends now", async () => {
    const { connection } = await setUp(onDelete, { title: "Old" }, {});
    const { id } = (await connection.scim("POST", "/Users", user("gone@x.example", { externalId: "e2" })))
      .body;
    const { body } = await connection.scim("GET", `/Users/${id}`);
    expect(body).not.toHaveProperty("title");
    expect(body).not.toHaveProperty("emails");
    expect((await connection.scim("GET", filtered('externalId eq "e1"'))).body.totalResults).toBe(0);
    expect((await connection.scim("GET", filtered('externalId eq "e2"'))).body.Resources[0].id).toBe(id);
    expect((await connection.scim("GET", "/Users")).body.totalResults).toBe(1);
  });

  test("again and again: always the same member", async () => {
    const { connection, product, memberId } = await setUp(onDelete, {}, { access: "read" });
    for (let round = 0; round < 3; round++) {
      const { id } = (await connection.scim("POST", "/Users", user("gone@x.example"))).body;
      expect(await product.member(memberId)).toMatchObject({ status: "active", access: "read" });
      expect((await product.memberNamed("gone@x.example")).id).toBe(memberId);
      expect(
        (await connection.scim("PUT", `/Users/${id}`, user("gone@x.example", { title: "T" }))).status,
      ).toBe(200);
      await connection.scim("DELETE", `/Users/${id}`);
      expectScimError(await connection.scim("GET", `/Users/${id}`), 404);
    }
  });

  test("no seat free: 403, and it stays as it was; the same member once there is one", async () => {
    const { connection, product, memberId } = await setUp(onDelete, asTeam, {
      role: "reviewer",
      access: "write",
    });
    await product.setQuotas({ users: 5, reviewers: 0, readers: 5 });
    const before = await product.member(memberId);
    const refused = await connection.scim("POST", "/Users", teamUser("gone@x.example"));
    expectScimError(refused, 403);
    expect(refused.body.detail).toContain('"reviewers" is 0');
    expect(await product.member(memberId)).toEqual(before);
    expect(await product.usage()).toEqual({ users: 0, reviewers: 0, readers: 0 });
    await product.setQuotas({ reviewers: 1 });
    expect((await connection.scim("POST", "/Users", teamUser("gone@x.example"))).status).toBe(201);
    expect(await product.member(memberId)).toMatchObject({
      role: "reviewer",
      access: "write",
      seat: "reviewers",
    });
    expect(await product.usage()).toEqual({ users: 0, reviewers: 1, readers: 0 });
  });

  test("inactive, when so asked: the same member, without a seat", async () => {
    const { connection, product, memberId } = await setUp(onDelete, {}, { access: "read" });
    await product.setQuotas({ readers: 0 });
    const sent = user("gone@x.example", { active: false });
    expect((await connection.scim("POST", "/Users", sent)).status).toBe(201);
    expect(await product.member(memberId)).toMatchObject({ status: "inactive", access: "read", seat: null });
  });

  test("under another name: what it was called is free", async () => {
    const { connection, product, memberId } = await setUp(onDelete, {}, { access: "read" });
    const sent = user("new@x.example", workEmail("gone@mail.example"));
    expect((await connection.scim("POST", "/Users", sent)).status).toBe(201);
    expect(await product.member(memberId)).toMatchObject({ userName: "new@x.example", access: "read" });
    const stranger = await product.addMember({ userName: "gone@x.example", type: "reader" });
    expect(stranger.id).not.toBe(memberId);
    // And nobody returns by that name any more: it is the stranger's.
    await product.admin("DELETE", `/members/${stranger.id}`);
    expect((await connection.scim("POST", "/Users", user("gone@x.example"))).status).toBe(201);
    expect(await product.memberNamed("gone@x.example")).toMatchObject({ access: "none" });
    expect((await product.member(memberId)).userName).toBe("new@x.example");
  });

  test("its groups: in none of the connection's, in those made by hand as before", async () => {
    let ofProvider = "";
    let byHand = "";
    const { connection, product, memberId } = await setUp(onDelete, {}, {}, async (place) => {
      ofProvider = (await place.connection.scim("POST", "/Groups", group("SCIM", [place.id]))).body.id;
      byHand = (await place.product.addGroup("By hand")).id;
      await place.product.put(byHand, place.id);
    });
    const members = async () => [await product.namesIn(ofProvider), await product.namesIn(byHand)];
    expect(await members()).toEqual([[], onDelete === "delete" ? [] : ["gone@x.example"]]);
    expect((await connection.scim("POST", "/Users", teamUser("gone@x.example"))).status).toBe(201);
    expect(await members()).toEqual([[], ["gone@x.example"]]);
    expect((await product.member(memberId)).status).toBe("active");
  });

  test("the version of the returned user is no version it had", async () => {
    const { connection } = await setUp(onDelete, {}, {});
    const { headers } = await connection.scim("POST", "/Users", user("gone@x.example"));
    expect(headers["etag"]).not.toBe('W/"1"');
  });
});

test("[147] onDelete delete: the names are free at once, for another member and another connection", async () => {
  const { connection, product, memberId } = await setUp("delete", {}, { access: "write" });
  const other = await service.createConnection({}, connection.project);
  // Deleted, it does not exist for another connection: a new member, with that one's defaults.
  expect((await other.scim("POST", "/Users", teamUser("gone@x.example"))).status).toBe(201);
  const fresh = await product.memberNamed("gone@x.example");
  expect(fresh.id).not.toBe(memberId);
  expect(fresh).toMatchObject({ access: "none", managedBy: { connectionId: other.connection.id } });
  expect((await product.member(memberId)).status).toBe("deleted");
  await product.addMember({ userName: "by-hand", email: "gone@mail.example", type: "reader" });
});

test("onDelete deactivate: the names stay taken", async () => {
  const { product } = await setUp("deactivate", {}, {});
  const taken = await product.admin("POST", "/members", { userName: "GONE@x.example", type: "reader" });
  expect(taken.body.code).toBe("duplicate_member");
});

test("a member the product deleted for good after a SCIM DELETE still returns as the same one", async () => {
  const { connection, product, memberId } = await setUp("deactivate", {}, { access: "write" });
  expect((await product.admin("DELETE", `/members/${memberId}`)).status).toBe(204);
  expect((await connection.scim("POST", "/Users", user("gone@x.example"))).status).toBe(201);
  expect(await product.member(memberId)).toMatchObject({ status: "active", access: "write" });
});

describe("a name that was given to another meanwhile", () => {
  test("onDelete delete: who bears it is somebody who exists, and is linked with its own role and access", async () => {
    const { connection, product, memberId } = await setUp("delete", asTeam, {
      role: "admin",
      access: "write",
    });
    const fields = { userName: "gone@x.example", type: "user", role: "reviewer", access: "read" };
    const stranger = await product.addMember(fields);
    const sent = teamUser("gone@x.example", workEmail("gone@mail.example"));
    expect((await connection.scim("POST", "/Users", sent)).status).toBe(201);
    expect(await product.memberNamed("gone@x.example")).toMatchObject({
      id: stranger.id,
      role: "reviewer",
      access: "read",
    });
    expect(await product.member(memberId)).toMatchObject({ status: "deleted", access: "write" });
  });

  test("onDelete delete: of another type, 409 as on a first sync", async () => {
    const { connection, product, memberId } = await setUp("delete", {}, {});
    await product.addMember({ userName: "gone@x.example", type: "user" });
    const refused = await connection.scim("POST", "/Users", user("gone@x.example"));
    expectScimError(refused, 409, "uniqueness");
    expect(refused.body.detail).toMatch(/^User already available in the project/);
    expect((await product.member(memberId)).status).toBe("deleted");
  });

  test("onDelete deactivate: renamed by hand and its name given to another, 409 naming both; by its own names it returns", async () => {
    const { connection, product, memberId } = await setUp("deactivate", {}, { access: "write" });
    await product.admin("PATCH", `/members/${memberId}`, { userName: "renamed@x.example" });
    const stranger = await product.addMember({ userName: "gone@x.example", type: "reader" });
    const sent = user("gone@x.example", workEmail("gone@mail.example"));
    const refused = await connection.scim("POST", "/Users", sent);
    expectScimError(refused, 409, "uniqueness");
    expect(refused.body.detail).toContain(memberId);
    expect(refused.body.detail).toContain(stranger.id);
    expect((await connection.scim("POST", "/Users", user("renamed@x.example"))).status).toBe(201);
    expect(await product.member(memberId)).toMatchObject({ status: "active", access: "write" });
  });
});

describe("a name that others had in between", () => {
  test("a member made and deleted by hand does not stand in the way of the return", async () => {
    const { connection, product, memberId } = await setUp("delete", {}, { access: "write" });
    const stranger = await product.addMember({ userName: "gone@x.example", type: "reader" });
    await product.admin("DELETE", `/members/${stranger.id}`);
    expect((await connection.scim("POST", "/Users", user("gone@x.example"))).status).toBe(201);
    expect(await product.memberNamed("gone@x.example")).toMatchObject({ id: memberId, access: "write" });
  });

  test("each connection gets back its own", async () => {
    const { connection, product, memberId } = await setUp("delete", {}, { access: "write" });
    const other = await service.createConnection({ onDelete: "delete" }, connection.project);
    const { id } = (await other.scim("POST", "/Users", user("gone@x.example"))).body;
    expect((await other.scim("DELETE", `/Users/${id}`)).status).toBe(204);
    expect((await connection.scim("POST", "/Users", user("gone@x.example"))).status).toBe(201);
    expect(await product.memberNamed("gone@x.example")).toMatchObject({ id: memberId, access: "write" });
  });

  test("a refusal names a returned member by the id the product knows", async () => {
    const { connection, product, memberId } = await setUp("delete", {}, {});
    await connection.scim("POST", "/Users", user("gone@x.example"));
    const refused = await product.admin("POST", "/members", { userName: "GONE@x.example", type: "reader" });
    expect(refused.status).toBe(409);
    expect(refused.body.detail).toContain(memberId);
  });
});
