import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestConnection, TestService } from "../support/service.ts";
import { startCheckedService } from "./checked-service.ts";
import { expectScimError, type Product, productOf } from "./product.ts";
import { asTeam, filtered, patch, replace, teamUser, urns, user, workEmail } from "./scim-messages.ts";

let service: TestService;
let connection: TestConnection;
let product: Product;
beforeAll(async () => {
  service = await startCheckedService();
  connection = await service.createConnection();
  product = productOf(service, connection.project);
});
afterAll(() => service.stop());

describe("POST /Users answers", () => {
  test("[44, 45, 65] 201 with Location, ETag and the resource", async () => {
    const created = await connection.scim("POST", "/Users", user("new@x.example", { externalId: "e-new" }));
    const location = `http://localhost${connection.baseUrl}/Users/${created.body.id}`;
    expect(created.status).toBe(201);
    expect(created.headers).toMatchObject({
      "content-type": "application/scim+json",
      location,
      etag: 'W/"1"',
    });
    expect(created.body).toMatchObject({
      schemas: [urns.user],
      userName: "new@x.example",
      externalId: "e-new",
      meta: { resourceType: "User", location, version: 'W/"1"' },
    });
  });

  test("[43] lastModified equals created until the first change", async () => {
    const { meta } = (await connection.scim("POST", "/Users", user("times@x.example"))).body;
    expect(meta.lastModified).toBe(meta.created);
  });

  test("[28, 30] schemas names the base and the extensions in use, whatever the body names", async () => {
    const { body } = await connection.scim("POST", "/Users", {
      body: {
        schemas: ["urn:ietf:params:scim:schemas:extension:enterprise:2.0User"],
        userName: "schemas@x.example",
        [urns.enterprise]: { department: "Sales" },
      },
    });
    expect(body.schemas).toEqual([urns.user, urns.enterprise]);
    expect(body[urns.enterprise]).toEqual({ department: "Sales" });
  });

  test("values as they were sent: no trimming, no change of case", async () => {
    const sent = { displayName: "  Żółć ", title: "Ms\tDr", locale: "Qjjqzp" };
    const { body } = await connection.scim("POST", "/Users", user(" Mixed.Case@X.Example ", sent));
    expect(body).toMatchObject({ userName: " Mixed.Case@X.Example ", ...sent });
  });

  test("[61] the projection that was asked for", async () => {
    const { status, body } = await connection.scim(
      "POST",
      "/Users?attributes=userName",
      user("projected@x.example", { displayName: "Unseen" }),
    );
    expect(status).toBe(201);
    expect(Object.keys(body).sort()).toEqual(["id", "schemas", "userName"]);
  });
});

describe("POST /Users takes", () => {
  test("[41, 66, 73] id, meta, groups and schemas of the body are ignored", async () => {
    const { body } = await connection.scim("POST", "/Users", {
      body: {
        schemas: [urns.user],
        userName: "readonly@x.example",
        id: "mine",
        meta: { resourceType: "Group", version: "7", created: "2001-01-01T00:00:00Z" },
        groups: [{ value: "g1" }],
      },
    });
    expect(body.id).not.toBe("mine");
    expect(body.meta).toMatchObject({ resourceType: "User", version: 'W/"1"' });
    expect(body).not.toHaveProperty("groups");
  });

  test("[49] a password, and shows it in no answer", async () => {
    const created = await connection.scim("POST", "/Users", user("pw@x.example", { password: "1mz050nq" }));
    const again = await connection.scim("GET", `/Users/${created.body.id}?attributes=password,userName`);
    expect(JSON.stringify([created.body, again.body])).not.toContain("1mz050nq");
  });

  test("[37] unknown attributes and URNs, and ignores them", async () => {
    const { status, body } = await connection.scim(
      "POST",
      "/Users",
      user("unknown@x.example", { department: "x", "urn:example:2.0:User": { a: 1 }, constructor: "c" }),
    );
    expect(status).toBe(201);
    expect(body).not.toHaveProperty("department");
    expect(Object.hasOwn(body, "constructor")).toBe(false);
    expect(body).not.toHaveProperty("urn:example:2.0:User");
  });

  test("[31] attribute names in any case", async () => {
    const { body } = await connection.scim("POST", "/Users", {
      body: { Schemas: [urns.user], USERNAME: "case@x.example", Name: { GIVENNAME: "Ann" } },
    });
    expect(body).toMatchObject({ userName: "case@x.example", name: { givenName: "Ann" } });
  });

  test("[33] attributes in any order", async () => {
    const { body } = await connection.scim("POST", "/Users", {
      body: { active: false, name: { givenName: "Ann" }, userName: "order@x.example", schemas: [urns.user] },
    });
    expect(body).toMatchObject({ userName: "order@x.example", active: false, name: { givenName: "Ann" } });
  });

  test("[38] types that the schema does not suggest, as they are", async () => {
    const emails = [{ value: "pigeon@x.example", type: "carrier pigeon" }];
    const { body } = await connection.scim("POST", "/Users", user("canonical@x.example", { emails }));
    expect(body.emails).toEqual(emails);
  });

  test("[53] equal values once", async () => {
    const email = { value: "once@x.example", type: "work" };
    const sent = user("equal@x.example", { emails: [email, { ...email }] });
    expect((await connection.scim("POST", "/Users", sent)).body.emails).toEqual([email]);
  });

  test('[34] "" and null as unassigned', async () => {
    const { body } = await connection.scim(
      "POST",
      "/Users",
      user("unassigned@x.example", { title: "", nickName: null, addresses: null, emails: [] }),
    );
    for (const name of ["title", "nickName", "addresses", "emails"]) expect(body).not.toHaveProperty(name);
  });

  test.each(["True", "true", "TRUE"])("active %j as a boolean; output is always boolean", async (text) => {
    const { body } = await connection.scim(
      "POST",
      "/Users",
      user(`${Buffer.from(text).toString("hex")}@b.example`, { active: text }),
    );
    expect(body.active).toBe(true);
  });
});

describe("status and type of a new user", () => {
  test("[66] active absent on create becomes true", async () => {
    expect((await connection.scim("POST", "/Users", user("active@x.example"))).body.active).toBe(true);
  });

  test("[102] a default is found by the value that is shown, and nothing by one that is not", async () => {
    const { id } = (await connection.scim("POST", "/Users", user("default@x.example"))).body;
    const found = async (filter: string) =>
      (await connection.scim("GET", filtered(`${filter} and id eq "${id}"`))).body.totalResults;
    expect([await found("active eq true"), await found("active eq false")]).toEqual([1, 0]);
    await connection.scim("PATCH", `/Users/${id}`, patch({ op: "remove", path: "active" }));
    expect([await found("active eq true"), await found("active pr")]).toEqual([0, 0]);
    expect(await found("active eq null")).toBe(1);
  });

  test("active false: the member is inactive and uses no seat", async () => {
    const before = await product.usage();
    await connection.scim("POST", "/Users", user("inactive@x.example", { active: "False" }));
    expect(await product.memberNamed("inactive@x.example")).toMatchObject({ status: "inactive", seat: null });
    expect(await product.usage()).toEqual(before);
  });

  test.each<{ value: boolean | string; userName: string }>([
    { value: true, userName: "team-boolean@x.example" },
    { value: "True", userName: "team-entra@x.example" },
    { value: "true", userName: "team-text@x.example" },
  ])("isTeamAccount $value: a user with the connection's default role", async ({ value, userName }) => {
    await connection.scim("POST", "/Users", user(userName, { [urns.account]: { isTeamAccount: value } }));
    expect(await product.memberNamed(userName)).toMatchObject({
      type: "user",
      role: "contributor",
      seat: "users",
    });
  });

  test.each([
    ["false", { [urns.account]: { isTeamAccount: false } }],
    ['"False"', { [urns.account]: { isTeamAccount: "False" } }],
    ["absent", {}],
  ])("isTeamAccount %s: a reader without role", async (label, fields) => {
    const userName = `reader-${label}@x.example`;
    await connection.scim("POST", "/Users", user(userName, fields));
    expect(await product.memberNamed(userName)).toMatchObject({
      type: "reader",
      role: null,
      seat: "readers",
    });
  });

  test("an absent isTeamAccount stays absent", async () => {
    const { body } = await connection.scim("POST", "/Users", user("absent@x.example"));
    expect(body).not.toHaveProperty([urns.account]);
  });

  test("role and accesses come from the connection's defaults", async () => {
    const own = await service.createConnection(
      { defaults: { role: "admin", userAccess: "write", readerAccess: "read" } },
      connection.project,
    );
    await own.scim("POST", "/Users", teamUser("defaults-user@x.example"));
    await own.scim("POST", "/Users", user("defaults-reader@x.example"));
    expect(await product.memberNamed("defaults-user@x.example")).toMatchObject({
      role: "admin",
      access: "write",
    });
    expect(await product.memberNamed("defaults-reader@x.example")).toMatchObject({
      role: null,
      access: "read",
    });
  });

  test("a member that SCIM creates is managed, with the badge SSO-SCIM", async () => {
    await connection.scim("POST", "/Users", user("managed@x.example"));
    expect((await product.memberNamed("managed@x.example")).managedBy).toEqual({
      connectionId: connection.connection.id,
      badge: "SSO-SCIM",
      inherited: false,
    });
  });
});

describe("the member's email", () => {
  test.each([
    [
      "the primary one",
      [{ value: "1@e" }, { value: "2@e", type: "work" }, { value: "3@e", primary: true }],
      "3@e",
    ],
    [
      "else the first of type work",
      [{ value: "4@e" }, { value: "5@e", type: "Work" }, { value: "6@e", type: "work" }],
      "5@e",
    ],
    ["else the first", [{ value: "7@e", type: "home" }, { value: "8@e" }], "7@e"],
  ])("is %s", async (label, emails, expected) => {
    await connection.scim("POST", "/Users", user(`email ${label}`, { emails }));
    expect((await product.memberNamed(`email ${label}`)).email).toBe(expected);
  });
});

describe("POST /Users refuses", () => {
  test("[47, 69] a userName of this connection, in any case: 409 uniqueness naming the user", async () => {
    const { body } = await connection.scim("POST", "/Users", user("Taken@x.example"));
    const again = await connection.scim("POST", "/Users", user("tAKEN@X.example"));
    expectScimError(again, 409, "uniqueness");
    expect(again.body.detail).toContain(body.id);
  });

  test("[48] a userName that differs only by Unicode form", async () => {
    await connection.scim("POST", "/Users", user("straße@x.example"));
    expectScimError(await connection.scim("POST", "/Users", user("STRASSE@x.example")), 409, "uniqueness");
    await connection.scim("POST", "/Users", user("ﬁne@x.example"));
    expectScimError(await connection.scim("POST", "/Users", user("fine@x.example")), 409, "uniqueness");
  });

  test("an email of another user, unique in the project", async () => {
    await connection.scim("POST", "/Users", user("mail-1@x.example", workEmail("Shared@x.example")));
    const second = await connection.scim(
      "POST",
      "/Users",
      user("mail-2@x.example", workEmail("shared@X.example")),
    );
    expectScimError(second, 409, "uniqueness");
    expect(second.body.detail).toContain("email");
  });

  test.each([
    ["missing", { schemas: [urns.user] }],
    ["empty", { schemas: [urns.user], userName: "" }],
    ["null", { schemas: [urns.user], userName: null }],
  ])("[47, 67] a userName that is %s: 400 invalidValue naming it", async (_, body) => {
    const refused = await connection.scim("POST", "/Users", { body });
    expectScimError(refused, 400, "invalidValue");
    expect(refused.body.detail).toContain("userName");
  });

  test.each([
    ["userName", { userName: 7 }],
    ["active", { active: "yes" }],
    ["active", { active: 1 }],
    ["name", { name: "Ann" }],
    ["emails", { emails: "a@b.example" }],
    ["emails[0]", { emails: ["a@b.example"] }],
    ["emails[0].primary", { emails: [{ value: "a@b.example", primary: "perhaps" }] }],
    ["displayName", { displayName: ["a"] }],
    ["name.givenName", { name: { givenName: { value: "Ann" } } }],
    ["profileUrl", { profileUrl: 7 }],
    ["photos[0].value", { photos: [{ value: true }] }],
    ["x509Certificates[0].value", { x509Certificates: [{ value: "no base64!" }] }],
    ["manager.value", { [urns.enterprise]: { manager: { value: 7 } } }],
    ["isTeamAccount", { [urns.account]: { isTeamAccount: "sometimes" } }],
  ])("[35, 36] a wrong JSON type: 400 invalidValue naming %s", async (name, fields) => {
    const refused = await connection.scim("POST", "/Users", user("wrong-type@x.example", fields));
    expectScimError(refused, 400, "invalidValue");
    expect(refused.body.detail).toContain(name);
    expect(await product.memberNamed("wrong-type@x.example")).toBeUndefined();
  });

  test("[52] two primary values", async () => {
    const emails = [
      { value: "1@p.example", primary: true },
      { value: "2@p.example", primary: "True" },
    ];
    expectScimError(
      await connection.scim("POST", "/Users", user("primaries", { emails })),
      400,
      "invalidValue",
    );
  });

  // Defect: the parameters are read after the commit.
  test("bad query parameters before anything is made", async () => {
    const refused = await connection.scim("POST", "/Users?count=abc", user("half-done@x.example"));
    const member = await product.memberNamed("half-done@x.example");
    // Ignoring a parameter that is no business of a POST is as good as refusing; saying 400 and creating is not.
    expect([refused.status, member === undefined]).toEqual(
      refused.status === 201 ? [201, false] : [400, true],
    );
  });
});

test("[42] externalId is scoped to the connection, case-exact and not unique", async () => {
  const other = await service.createConnection({}, connection.project);
  for (const [index, to] of [connection, connection, other].entries()) {
    const created = await to.scim("POST", "/Users", user(`ext-${index}@x.example`, { externalId: "Same-1" }));
    expect(created.status).toBe(201);
  }
  const find = async (to: TestConnection, id: string) =>
    (await to.scim("GET", filtered(`externalId eq "${id}"`))).body.totalResults;
  expect([await find(connection, "Same-1"), await find(other, "Same-1")]).toEqual([2, 1]);
  expect(await find(connection, "same-1")).toBe(0);
});

test("[40, 43] an id is its user's alone and stays; lastModified moves", async () => {
  let time = Date.parse("2026-01-01T00:00:00.000Z");
  const later = await startCheckedService({ table: service.table, clock: () => (time += 1_000) });
  const { scim } = later.adopt(connection);
  const first = (await scim("POST", "/Users", user("stable@x.example"))).body;
  const second = (await scim("POST", "/Users", user("stable-2@x.example"))).body;
  expect(new Set(["", "bulkId", first.id, second.id]).size).toBe(4);
  const path = `/Users/${first.id}`;
  const put = (await scim("PUT", path, user("renamed@x.example"))).body;
  const patched = (await scim("PATCH", path, patch(replace("userName", "again@x.example")))).body;
  expect([put.id, patched.id]).toEqual([first.id, first.id]);
  expect(first.meta.lastModified < put.meta.lastModified).toBe(true);
  expect(put.meta.lastModified < patched.meta.lastModified).toBe(true);
  expect([put.meta.created, patched.meta.created]).toEqual([first.meta.created, first.meta.created]);
});

test("a created user is seen by every read at once", async () => {
  const { body } = await connection.scim("POST", "/Users", {
    body: {
      ...user("seen@x.example", { externalId: "seen-1", ...workEmail("seen@mail.example") }).body,
      ...asTeam,
    },
  });
  for (const filter of [
    'userName eq "SEEN@x.example"',
    'externalId eq "seen-1"',
    'emails[type eq "work"].value eq "Seen@mail.example"',
    'emails.value eq "seen@mail.example"',
    `id eq "${body.id}"`,
    'displayName ne "x" and userName eq "seen@x.example"',
  ]) {
    const list = (await connection.scim("GET", filtered(filter))).body;
    expect([filter, list.Resources.map(({ id }: { id: string }) => id)]).toEqual([filter, [body.id]]);
  }
  expect((await connection.scim("GET", `/Users/${body.id}`)).body).toEqual(body);
});

test("a repeated POST after a lost answer does no harm: 409, and still one user", async () => {
  await connection.scim("POST", "/Users", user("repeat@x.example"));
  expectScimError(await connection.scim("POST", "/Users", user("repeat@x.example")), 409, "uniqueness");
  expect((await connection.scim("GET", filtered('userName eq "repeat@x.example"'))).body.totalResults).toBe(
    1,
  );
});

test("the name of a renamed user is free at once", async () => {
  const { body } = await connection.scim("POST", "/Users", user("before@x.example"));
  await connection.scim("PATCH", `/Users/${body.id}`, patch(replace("userName", "after@x.example")));
  expect((await connection.scim("POST", "/Users", user("before@x.example"))).status).toBe(201);
  expectScimError(await connection.scim("POST", "/Users", user("after@x.example")), 409, "uniqueness");
});
