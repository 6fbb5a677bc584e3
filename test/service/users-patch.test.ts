import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestConnection, TestService } from "../support/service.ts";
import { startCheckedService } from "./checked-service.ts";
import { expectScimError, type Product, productOf } from "./product.ts";
import {
  activation,
  conversion,
  type Fields,
  filtered,
  type PatchOperation,
  patch,
  replace,
  teamUser,
  urns,
  user,
  workEmail,
} from "./scim-messages.ts";

// What a PATCH makes of attributes is tested in test/scim; here is what becomes of it over HTTP.

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
const change = (id: string, ...operations: readonly PatchOperation[]) =>
  connection.scim("PATCH", `/Users/${id}`, patch(...operations));
const read = async (id: string) => (await connection.scim("GET", `/Users/${id}`)).body;

describe("PATCH /Users/{id} answers", () => {
  test("[118] 200 with the resource, Location and a new ETag", async () => {
    const { id, meta } = await create("patched@x.example");
    const { status, headers, body } = await change(id, replace("title", "New"));
    expect([status, headers["location"], headers["etag"]]).toEqual([200, meta.location, 'W/"2"']);
    expect(body).toEqual(await read(id));
    expect(body.meta.created).toBe(meta.created);
    expect(body.meta.lastModified > meta.lastModified).toBe(true);
  });

  test("[61] the projection that was asked for", async () => {
    const { id } = await create("patch-projected@x.example");
    const { body } = await connection.scim(
      "PATCH",
      `/Users/${id}?excludedAttributes=meta,active`,
      patch(replace("title", "T")),
    );
    expect(body).toEqual({ schemas: [urns.user], id, userName: "patch-projected@x.example", title: "T" });
  });

  test("404 for an unknown id", async () => {
    expectScimError(await change("00000000-0000-0000-0000-000000000000", replace("title", "T")), 404);
  });

  test("[10] to a request with parameters it does not know", async () => {
    const { id } = await create("patch-query@x.example");
    const { status } = await connection.scim("PATCH", `/Users/${id}?foo=bar&aadOptscim062020`, {
      ...patch(replace("title", "T")),
    });
    expect(status).toBe(200);
  });
});

describe("a PATCH without effect", () => {
  const email = { value: "no-op@mail.example", type: "work", primary: true };
  const noFax = 'phoneNumbers[type eq "fax"].value';
  test.each([
    ["replace by the same value", replace("displayName", "Same")],
    ["remove of what is absent", { op: "remove", path: "title" }],
    ["add of an element that is there", { op: "add", path: "emails", value: [email] }],
    ['replace with "" on a value path that matches nothing', replace(noFax, "")],
    ["remove on a value path that matches nothing", { op: "remove", path: noFax }],
    ["a path into a foreign URN", replace("urn:example:params:2.0:User:x", "1")],
    [
      "read-only attributes in a pathless value",
      { op: "replace", value: { meta: {}, groups: [], schemas: [] } },
    ],
    ["the password", replace("password", "secret")],
  ])("[123] keeps version and lastModified: %s", async (label, operation) => {
    const own = await service.createConnection();
    const sent = user(`no-op ${label}`, { displayName: "Same", emails: [email] });
    const created = (await own.scim("POST", "/Users", sent)).body;
    time += 1_000;
    const { status, headers, body } = await own.scim("PATCH", `/Users/${created.id}`, patch(operation));
    expect([status, headers["etag"], body]).toEqual([200, 'W/"1"', created]);
  });

  test("[123] an equal id in a pathless value (Okta)", async () => {
    const created = await create("okta-id@x.example");
    const { body } = await change(created.id, { op: "replace", value: { id: created.id, active: true } });
    expect(body).toEqual(created);
  });
});

describe("a PATCH is all or nothing", () => {
  test("[117] an error in the last operation undoes the first", async () => {
    const created = await create("atomic@x.example");
    const refused = await change(created.id, replace("title", "T"), replace("active", "perhaps"));
    expectScimError(refused, 400, "invalidValue");
    expect(await read(created.id)).toEqual(created);
  });

  test("[117] each operation works on the result of the one before", async () => {
    const { id } = await create("sequence@x.example");
    const { body } = await change(
      id,
      { op: "Add", path: 'emails[type eq "work"].value', value: "seq@mail.example" },
      { op: "Add", path: 'emails[type eq "work"].primary', value: "True" },
      { op: "Replace", path: "name.familyName", value: "V" },
    );
    expect(body.emails).toEqual([{ type: "work", value: "seq@mail.example", primary: true }]);
    expect(body.name).toEqual({ familyName: "V" });
  });
});

test("[115] `schemas` may be wrong or incomplete if the body says enough otherwise: Operations do", async () => {
  const { body: created } = await connection.scim(
    "POST",
    "/Users",
    user("lenient@x.example", { title: "T" }),
  );
  const body = { schemas: [urns.user], Operations: [{ op: "remove", path: "title" }] };
  const answer = await connection.scim("PATCH", `/Users/${created.id}`, { body });
  expect([answer.status, answer.body.title]).toEqual([200, undefined]);
});

test("[122] an extension's URN comes into schemas with its first attribute, and goes with its last", async () => {
  const { id } = await create("urn@x.example");
  const [department, costCenter] = [`${urns.enterprise}:department`, `${urns.enterprise}:costCenter`];
  const schemasAfter = async (...operations: readonly PatchOperation[]) =>
    (await change(id, ...operations)).body.schemas;
  const both = [urns.user, urns.enterprise];
  expect(await schemasAfter({ op: "add", path: department, value: "Sales" })).toEqual(both);
  expect(await schemasAfter({ op: "add", value: { [costCenter]: "C" } })).toEqual(both);
  expect(await schemasAfter({ op: "remove", path: department })).toEqual(both);
  expect(await schemasAfter({ op: "remove", path: costCenter })).toEqual([urns.user]);
  expect(await schemasAfter({ op: "add", path: urns.enterprise, value: { department: "D" } })).toEqual(both);
  expect(await schemasAfter({ op: "remove", path: urns.enterprise })).toEqual([urns.user]);
});

describe("PATCH refuses", () => {
  test.each([
    ["[115] without operations", { schemas: [urns.patchOp], Operations: [] }, "invalidSyntax"],
    ["[116] another op", patch({ op: "move", path: "title" }).body, "invalidSyntax"],
    ["[119] a path that cannot be parsed", patch(replace("name..familyName", "x")).body, "invalidPath"],
    [
      "[119] a path of a served schema that names none of its attributes",
      patch(replace(`${urns.account}:isTeamAcount`, true)).body,
      "invalidPath",
    ],
    [
      "[119] a bad filter in the path",
      patch(replace('emails[type zz "x"].value', "x")).body,
      "invalidFilter",
    ],
    ["[121] an explicit read-only path", patch(replace("id", "x")).body, "mutability"],
    ["[121] meta by path", patch(replace("meta.version", "x")).body, "mutability"],
    ["[121] another id in a pathless value", patch({ op: "replace", value: { id: "x" } }).body, "mutability"],
    ["[126] add without value", patch({ op: "add", path: "title" }).body, "invalidValue"],
    ["[132] remove without path", patch({ op: "remove" }).body, "noTarget"],
    ["[136] removing a required attribute", patch({ op: "remove", path: "userName" }).body, "mutability"],
    ["[136] clearing a required attribute", patch(replace("userName", "")).body, "invalidValue"],
    [
      "[125] two primary values",
      patch({
        op: "add",
        path: "emails",
        value: [
          { value: "1@p", primary: true },
          { value: "2@p", primary: true },
        ],
      }).body,
      "invalidValue",
    ],
    [
      "[144] a value path beyond eq that matches nothing",
      patch(replace('emails[type co "w"].value', "x@y.example")).body,
      "noTarget",
    ],
    ["[35] a wrong type", patch(replace("name", 7)).body, "invalidValue"],
  ])("%s: 400, nothing changed", async (label, body, scimType) => {
    const created = await create(`refused ${label}`);
    const refused = await connection.scim("PATCH", `/Users/${created.id}`, { body });
    expectScimError(refused, 400, scimType);
    expect(await read(created.id)).toEqual(created);
  });

  test("[124] a userName or email of another user: 409 uniqueness, nothing changed", async () => {
    await create("holder@x.example", workEmail("holder@mail.example"));
    const created = await create("wisher@x.example");
    expectScimError(await change(created.id, replace("userName", "HOLDER@x.example")), 409, "uniqueness");
    const email = replace('emails[type eq "work"].value', "Holder@mail.example");
    expectScimError(await change(created.id, email), 409, "uniqueness");
    expect(await read(created.id)).toEqual(created);
  });

  test("[151] a stale If-Match: 412, nothing changed", async () => {
    const created = await create("patch-stale@x.example");
    const refused = await connection.scim("PATCH", `/Users/${created.id}`, {
      ...patch(replace("title", "T")),
      headers: { "If-Match": 'W/"9"' },
    });
    expectScimError(refused, 412);
    expect(await read(created.id)).toEqual(created);
  });
});

describe("active", () => {
  test.each([
    ["false", { op: "replace", path: "active", value: false }],
    ['"False" (Entra)', { op: "Replace", path: "active", value: "False" }],
    ["pathless (Okta)", { op: "replace", value: { active: false } }],
  ])("%s: inactive, readable and listed; role, access and the seat's return", async (label, operation) => {
    const userName = `deactivate ${label}`;
    const { id } = (await connection.scim("POST", "/Users", teamUser(userName))).body;
    await product.admin("PATCH", `/members/${id}`, { role: "reviewer", access: "write" });
    const before = await product.usage();
    expect((await change(id, operation)).body.active).toBe(false);
    expect(await product.member(id)).toMatchObject({ status: "inactive", seat: null, role: "reviewer" });
    expect(await product.usage()).toEqual({ ...before, reviewers: before.reviewers - 1 });
    expect(
      (await connection.scim("GET", filtered(`userName eq ${JSON.stringify(userName)}`))).body.totalResults,
    ).toBe(1);
    await connection.scim("PATCH", `/Users/${id}`, activation(true));
    expect(await product.member(id)).toMatchObject({ status: "active", seat: "reviewers", access: "write" });
    expect(await product.usage()).toEqual(before);
  });

  test("removed by PATCH: left out of answers, and the member is active", async () => {
    const { id } = await create("removed-active@x.example", { active: false });
    const before = await product.usage();
    const { body } = await change(id, { op: "remove", path: "active" });
    expect(body).not.toHaveProperty("active");
    expect(await product.member(id)).toMatchObject({ status: "active", seat: "readers" });
    expect((await product.usage()).readers).toBe(before.readers + 1);
  });
});

describe("isTeamAccount converts the member either way", () => {
  test("seats move with it; the conversion keeps the access", async () => {
    const { id } = await create("convert@x.example");
    await product.admin("PATCH", `/members/${id}`, { access: "read" });
    const before = await product.usage();
    await connection.scim("PATCH", `/Users/${id}`, conversion(true));
    expect(await product.member(id)).toMatchObject({
      type: "user",
      role: "contributor",
      seat: "users",
      access: "read",
    });
    expect(await product.usage()).toEqual({
      ...before,
      users: before.users + 1,
      readers: before.readers - 1,
    });
    await connection.scim("PATCH", `/Users/${id}`, conversion(false));
    expect(await product.member(id)).toMatchObject({
      type: "reader",
      role: null,
      seat: "readers",
      access: "read",
    });
    expect(await product.usage()).toEqual(before);
  });

  test("removed by PATCH: left out of answers, and the member is a reader", async () => {
    const { id } = (await connection.scim("POST", "/Users", teamUser("unassign-type@x.example"))).body;
    const { body } = await change(id, { op: "remove", path: `${urns.account}:isTeamAccount` });
    expect(body).not.toHaveProperty([urns.account]);
    expect(body.schemas).toEqual([urns.user]);
    expect(await product.member(id)).toMatchObject({ type: "reader", role: null });
  });

  test.each(["True", "FALSE"])(
    "%s as a string, in a nested extension object of a pathless value",
    async (text) => {
      const { id } = await create(`nested-${text}@x.example`);
      const { body } = await change(id, { op: "add", value: { [urns.account]: { isTeamAccount: text } } });
      expect(body[urns.account]).toEqual({ isTeamAccount: text === "True" });
    },
  );

  test("a user that is made again one has the connection's default role, not its old one", async () => {
    const { id } = (await connection.scim("POST", "/Users", teamUser("role-again@x.example"))).body;
    await product.admin("PATCH", `/members/${id}`, { role: "admin" });
    await connection.scim("PATCH", `/Users/${id}`, conversion(false));
    await connection.scim("PATCH", `/Users/${id}`, conversion(true));
    expect((await product.member(id)).role).toBe("contributor");
  });
});

test("the manager is stored without a check, as an object, a string or an array; empty clears", async () => {
  const { id } = await create("managed@x.example");
  const path = `${urns.enterprise}:manager`;
  for (const value of ["271", { value: "271" }, [{ $ref: "http://x/271", value: "271" }]]) {
    const { body } = await change(id, { op: "Add", path, value });
    expect(body[urns.enterprise].manager.value).toBe("271");
    expect((await change(id, replace(path, ""))).body).not.toHaveProperty([urns.enterprise]);
  }
  await change(id, replace(path, "271"));
  const bare = filtered(`id eq "${id}" and ${urns.enterprise}:manager eq "271"`, "&attributes=id");
  expect((await connection.scim("GET", bare)).body.totalResults).toBe(1);
});

test("every email value is found by key, before and after a change", async () => {
  const { id } = await create("values@x.example", {
    emails: [
      { value: "v-one@x.example", type: "work", primary: true },
      { value: "v-two@x.example", type: "home" },
    ],
  });
  const found = async (value: string) =>
    (await connection.scim("GET", filtered(`emails.value eq "${value}"`))).body.totalResults;
  expect([await found("V-ONE@x.example"), await found("v-two@X.example")]).toEqual([1, 1]);
  await change(id, replace('emails[type eq "home"].value', "v-three@x.example"), {
    op: "add",
    path: 'emails[type eq "home"].primary',
    value: true,
  });
  expect(await product.member(id)).toMatchObject({ email: "v-three@x.example" });
  expect([
    await found("v-one@x.example"),
    await found("v-two@x.example"),
    await found("v-three@x.example"),
  ]).toEqual([1, 0, 1]);
});
