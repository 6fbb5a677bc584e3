import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestConnection, TestService } from "../support/service.ts";
import { startCheckedService } from "./checked-service.ts";
import { expectScimError, type Product, productOf } from "./product.ts";
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

const create = async (userName: string, fields: Fields = {}) => {
  const { body } = await connection.scim("POST", "/Users", user(userName, fields));
  time += 1_000;
  return body;
};
const put = (id: string, body: unknown, headers: Record<string, string> = {}, query = "") =>
  connection.scim("PUT", `/Users/${id}${query}`, { body, headers });

describe("PUT /Users/{id} answers", () => {
  test("[112] 200 with the whole resource, Location and a new ETag", async () => {
    const { id, meta } = await create("whole@x.example", { title: "Old" });
    const { status, headers, body } = await put(id, user("whole@x.example", { title: "New" }).body);
    expect([status, headers["location"], headers["etag"]]).toEqual([200, meta.location, 'W/"2"']);
    expect(body).toMatchObject({ id, title: "New", userName: "whole@x.example" });
    expect(body.meta.created).toBe(meta.created);
    expect(body.meta.lastModified > meta.lastModified).toBe(true);
  });

  test("[61] the projection that was asked for", async () => {
    const { id } = await create("put-projected@x.example");
    const { body } = await put(
      id,
      user("put-projected@x.example", { title: "T" }).body,
      {},
      "?attributes=title",
    );
    expect(body).toEqual({ schemas: [urns.user], id, title: "T" });
  });

  test("[107] 404 for an unknown id; nothing is created", async () => {
    const refused = await put("00000000-0000-0000-0000-000000000000", user("ghost@x.example").body);
    expectScimError(refused, 404);
    expect(await product.memberNamed("ghost@x.example")).toBeUndefined();
  });
});

describe("PUT replaces", () => {
  test("[108] what is left out is cleared", async () => {
    const { id } = await create("clear@x.example", {
      externalId: "e1",
      title: "T",
      name: { givenName: "G", familyName: "F" },
      ...workEmail("clear@mail.example"),
    });
    const { body } = await put(id, user("clear@x.example", { name: { givenName: "G" } }).body);
    expect(body).not.toHaveProperty("title");
    expect(body).not.toHaveProperty("emails");
    expect(body).not.toHaveProperty("externalId");
    expect(body.name).toEqual({ givenName: "G" });
    for (const filter of ['externalId eq "e1"', 'emails.value eq "clear@mail.example"']) {
      expect((await connection.scim("GET", filtered(filter))).body.totalResults).toBe(0);
    }
  });

  test("[108] but for active and isTeamAccount, which stay", async () => {
    const { id } = (await connection.scim("POST", "/Users", teamUser("stay@x.example", { active: false })))
      .body;
    const { body } = await put(id, { schemas: [urns.user], userName: "stay@x.example", title: "T" });
    expect(body).toMatchObject({ active: false, [urns.account]: { isTeamAccount: true } });
    expect(await product.memberNamed("stay@x.example")).toMatchObject({ type: "user", status: "inactive" });
  });

  test("[114] an extension left out is cleared, and its URN leaves schemas", async () => {
    const { id } = await create("extension@x.example", { [urns.enterprise]: { department: "Sales" } });
    const { body } = await put(id, user("extension@x.example").body);
    expect(body.schemas).toEqual([urns.user]);
    expect(body).not.toHaveProperty([urns.enterprise]);
  });

  test("active and the type, seats moving with them", async () => {
    const { id } = await create("moving@x.example");
    const before = await product.usage();
    await put(id, teamUser("moving@x.example").body);
    expect(await product.usage()).toEqual({
      ...before,
      users: before.users + 1,
      readers: before.readers - 1,
    });
    await put(id, user("moving@x.example", { active: "False" }).body);
    expect(await product.usage()).toEqual({ ...before, readers: before.readers - 1 });
    await put(
      id,
      user("moving@x.example", { active: true, [urns.account]: { isTeamAccount: "false" } }).body,
    );
    expect(await product.usage()).toEqual(before);
  });

  test("userName and email, and the old ones are free", async () => {
    const { id } = await create("old@x.example", workEmail("old@mail.example"));
    await put(id, user("new-name@x.example", workEmail("new@mail.example")).body);
    expect((await create("old@x.example", workEmail("old@mail.example"))).userName).toBe("old@x.example");
    expect(await product.member(id)).toMatchObject({
      userName: "new-name@x.example",
      email: "new@mail.example",
    });
  });
});

describe("PUT of what was read", () => {
  test("[109, 123] a GET can be put back: nothing changes, the version included", async () => {
    const { id } = (
      await connection.scim(
        "POST",
        "/Users",
        teamUser("echo@x.example", {
          externalId: "echo",
          ...workEmail("echo@mail.example"),
          [urns.enterprise]: { manager: { value: "m", displayName: "Boss" } },
        }),
      )
    ).body;
    time += 1_000;
    const read = (await connection.scim("GET", `/Users/${id}`)).body;
    const { status, headers, body } = await put(id, { ...read, groups: [{ value: "g" }], id: "other" });
    expect([status, headers["etag"]]).toEqual([200, 'W/"1"']);
    expect(body).toEqual(read);
  });

  test("[123] the same PUT again keeps version and lastModified", async () => {
    const { id } = await create("idempotent@x.example");
    const first = (await put(id, user("idempotent@x.example", { title: "T" }).body)).body;
    time += 1_000;
    const second = (await put(id, user("idempotent@x.example", { title: "T" }).body)).body;
    expect(second).toEqual(first);
  });
});

describe("PUT refuses", () => {
  test("[111] a body without userName: 400, nothing changed", async () => {
    const created = await create("required@x.example", { title: "T" });
    expectScimError(await put(created.id, { schemas: [urns.user], title: "U" }), 400, "invalidValue");
    expect((await connection.scim("GET", `/Users/${created.id}`)).body).toEqual(created);
  });

  test("[113] a userName or email of another user: 409 naming the attribute; one's own is fine", async () => {
    await create("first@x.example", workEmail("first@mail.example"));
    const { id } = await create("second@x.example", workEmail("second@mail.example"));
    const byName = await put(id, user("FIRST@x.example").body);
    expectScimError(byName, 409, "uniqueness");
    expect(byName.body.detail).toContain("userName");
    const byEmail = await put(id, user("second@x.example", workEmail("first@MAIL.example")).body);
    expectScimError(byEmail, 409, "uniqueness");
    expect(byEmail.body.detail).toContain("email");
    expect((await put(id, user("SECOND@x.example", workEmail("Second@mail.example")).body)).status).toBe(200);
  });

  test("a name of an unmanaged member of the project", async () => {
    await product.addMember({ userName: "by-hand@x.example", type: "reader" });
    const { id } = await create("third@x.example");
    expectScimError(await put(id, user("by-hand@x.example").body), 409, "uniqueness");
  });

  test.each([
    ["no object", "[]", "invalidSyntax"],
    ["no JSON", "{", "invalidSyntax"],
    ["empty", "", "invalidSyntax"],
  ])("[68] a body that is %s: 400", async (label, body, scimType) => {
    const { id } = await create(`syntax-${label}@x.example`);
    const type = { "Content-Type": "application/scim+json" };
    expectScimError(await connection.scim("PUT", `/Users/${id}`, { body, headers: type }), 400, scimType);
  });
});

describe("If-Match on PUT", () => {
  test("[151] stale: 412, nothing changed", async () => {
    const created = await create("stale@x.example");
    const refused = await put(created.id, user("stale@x.example", { title: "T" }).body, {
      "If-Match": 'W/"9"',
    });
    expectScimError(refused, 412);
    expect(refused.body.detail).toContain('W/"1"');
    expect((await connection.scim("GET", `/Users/${created.id}`)).body).toEqual(created);
  });

  test.each(['W/"1"', '"1"', "*", 'W/"7", W/"1"'])("[151] %s: done", async (tag) => {
    const userName = `match-${Buffer.from(tag).toString("hex")}@x.example`;
    const { id } = await create(userName);
    expect((await put(id, user(userName, { title: "T" }).body, { "If-Match": tag })).status).toBe(200);
  });

  test("[152] of two writers with the same tag one succeeds", async () => {
    const { id, meta } = await create("writers@x.example");
    const write = (title: string) =>
      put(id, user("writers@x.example", { title }).body, { "If-Match": meta.version });
    const statuses = (await Promise.all([write("A"), write("B")])).map(({ status }) => status);
    expect(statuses.sort()).toEqual([200, 412]);
  });

  test("404 comes before 412", async () => {
    const refused = await put("00000000-0000-0000-0000-000000000000", user("x").body, {
      "If-Match": 'W/"1"',
    });
    expectScimError(refused, 404);
  });
});
