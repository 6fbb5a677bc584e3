import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { seedFromEnvironment } from "../support/seeded-random.ts";
import type { TestConnection, TestService } from "../support/service.ts";
import { startCheckedService } from "./checked-service.ts";
import { expectProblem, expectScimError, type Product, productOf } from "./product.ts";
import { filtered, patch, replace, urns, user } from "./scim-messages.ts";

const seed = seedFromEnvironment();

let service: TestService;
let connection: TestConnection;
let product: Product;
let id: string;
beforeAll(async () => {
  service = await startCheckedService({ sleep: async () => {} });
  connection = await service.createConnection();
  product = productOf(service, connection.project);
  id = (await connection.scim("POST", "/Users", user("victim@x.example"))).body.id;
});
afterAll(() => service.stop());

const asIs = { "Content-Type": "application/scim+json" };

/** Strings with every kind of trouble but lone surrogates, which have a test of their own. */
const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 20 }),
  fc.string({ unit: "binary-ascii", maxLength: 20 }),
  fc.constantFrom(
    "",
    " ",
    "\u0000",
    "\u001f!",
    "#",
    "userName#",
    "__proto__",
    "true",
    "x".repeat(1_000),
    "😀",
  ),
);
const name = fc.constantFrom(
  ...["userName", "USERNAME", "active", "emails", "name", "externalId", "password", "id", "meta", "schemas"],
  ...["groups", "roles", "x509Certificates", "addresses", "name.givenName", 'emails[type eq "work"].value'],
  ...[
    "__proto__",
    "constructor",
    "toString",
    "",
    "$ref",
    urns.enterprise,
    urns.account,
    `${urns.account}:isTeamAccount`,
  ],
  ...[
    `${urns.enterprise}:manager`,
    urns.user,
    "urn:x:y",
    "Operations",
    "op",
    "path",
    "value",
    "primary",
    "type",
  ],
);
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    text,
    fc.boolean(),
    fc.constantFrom(null, 0, -1, 1.5, 1e308, "True", "False"),
    fc.array(tie("value"), { maxLength: 4 }),
    tie("object"),
  ),
  object: fc.dictionary(fc.oneof(name, text), tie("value"), { maxKeys: 6, noNullPrototype: true }),
})).value;
const operations = fc.array(
  fc.record(
    {
      op: fc.constantFrom("add", "Replace", "remove", "move", 1),
      path: fc.oneof(name, text, json),
      value: json,
    },
    { requiredKeys: ["op"] },
  ),
  { maxLength: 4 },
);

/** Every answer is a 2xx or 4xx; that its body keeps the rules, startCheckedService looks at. */
async function expectNoServerError(
  method: string,
  path: string,
  request: { body?: unknown; headers?: Record<string, string> },
): Promise<void> {
  const { status, body } = await connection.scim(method, path, request);
  expect([status, status < 500 ? "" : body]).toEqual([status, ""]);
}

const runs = { seed, numRuns: 80 };

describe("nothing but 2xx and 4xx comes out of", () => {
  test("bodies of POST", async () => {
    await fc.assert(
      fc.asyncProperty(json, (body) => expectNoServerError("POST", "/Users", { body })),
      runs,
    );
  });

  test("bodies of POST with a good userName", async () => {
    let number = 0;
    await fc.assert(
      fc.asyncProperty(fc.dictionary(name, json, { maxKeys: 5 }), (fields) =>
        expectNoServerError("POST", "/Users", { body: { ...fields, userName: `junk-${number++}` } }),
      ),
      runs,
    );
  });

  test("bodies of PUT", async () => {
    await fc.assert(
      fc.asyncProperty(fc.dictionary(name, json, { maxKeys: 5 }), (fields) =>
        expectNoServerError("PUT", `/Users/${id}`, { body: { ...fields, userName: "victim@x.example" } }),
      ),
      runs,
    );
  });

  test("operations of PATCH", async () => {
    await fc.assert(
      fc.asyncProperty(operations, (Operations) =>
        expectNoServerError("PATCH", `/Users/${id}`, { body: { schemas: [urns.patchOp], Operations } }),
      ),
      runs,
    );
  });

  test("texts that are hardly JSON", async () => {
    const piece = fc.constantFrom(...'{}[]",:0e-.\\u\u0000\uFEFF \n', '"userName"', "true", "null", "NaN");
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 30 }), (pieces) =>
        expectNoServerError("POST", "/Users", { body: pieces.join(""), headers: asIs }),
      ),
      runs,
    );
  });

  test("query strings and paths", async () => {
    const parameter = fc.constantFrom(
      "filter",
      "sortBy",
      "sortOrder",
      "startIndex",
      "count",
      "attributes",
      "x",
      "cursor",
    );
    const piece = fc.oneof(
      fc.constantFrom(
        "userName",
        "eq",
        '"x"',
        "and",
        "(",
        "[",
        "]",
        ")",
        "not",
        "emails",
        "pr",
        "true",
        ":",
        ".",
      ),
      text,
    );
    const query = fc.array(fc.tuple(parameter, fc.array(piece, { maxLength: 6 })), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(query, fc.constantFrom("/Users", `/Users/${id}`, "/Schemas", ""), (entries, path) => {
        const encoded = entries.map(([key, pieces]) => `${key}=${encodeURIComponent(pieces.join(" "))}`);
        return expectNoServerError("GET", `${path}?${encoded.join("&")}`, {});
      }),
      runs,
    );
    await fc.assert(
      fc.asyncProperty(fc.array(text, { maxLength: 3 }), (segments) =>
        expectNoServerError("GET", `/${segments.map(encodeURIComponent).join("/")}`, {}),
      ),
      { seed, numRuns: 40 },
    );
  });

  test("bodies of searches", async () => {
    const parameter = fc.constantFrom(
      "filter",
      "SORTBY",
      "sortOrder",
      "startIndex",
      "count",
      "attributes",
      "excludedAttributes",
      "cursor",
      "__proto__",
    );
    const value = fc.oneof(json, fc.double(), fc.constantFrom("userName pr", "ascending", ["userName"], ""));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("/Users", "/Groups", ""),
        fc.oneof(json, fc.dictionary(parameter, value, { maxKeys: 4 })),
        (endpoint, body) => expectNoServerError("POST", `${endpoint}/.search`, { body }),
      ),
      runs,
    );
  });

  test("headers", async () => {
    const header = fc.constantFrom("If-Match", "If-None-Match", "Accept", "Content-Type");
    await fc.assert(
      fc.asyncProperty(header, fc.string({ unit: "binary-ascii" }), async (key, value) => {
        // Another Accept may turn the answer's type; the rest of its rules is checked elsewhere.
        const response = await service.gateway.invoke({
          method: "PUT",
          path: `${connection.baseUrl}/Users/${id}`,
          headers: [
            ["Authorization", `Bearer ${connection.token}`],
            [key, value],
          ],
          body: Buffer.from(JSON.stringify(user("victim@x.example").body)),
          sourceIp: "127.0.0.1",
        });
        expect(response.status).toBeLessThan(500);
      }),
      { seed, numRuns: 60 },
    );
  });

  test("bodies of the admin API", async () => {
    const fields = fc.dictionary(
      fc.constantFrom(
        "userName",
        "email",
        "type",
        "role",
        "access",
        "name",
        "displayName",
        "status",
        "__proto__",
        "x",
      ),
      fc.oneof(json, fc.constantFrom("user", "reader", "admin", "active", "none", "read")),
      { maxKeys: 6 },
    );
    const { id: memberId } = await product.addMember({ userName: "admin-victim", type: "reader" });
    await fc.assert(
      fc.asyncProperty(fields, async (body) => {
        expect((await product.admin("POST", "/members", body)).status).toBeLessThan(500);
        expect((await product.admin("PATCH", `/members/${memberId}`, body)).status).toBeLessThan(500);
      }),
      { seed, numRuns: 50 },
    );
  });
});

describe("half of a surrogate pair, which no UTF-8 can store: 400", () => {
  test.each([
    ["userName", '{"userName":"\\ud800"}'],
    ["another string", '{"userName":"fine","title":"\\udfff"}'],
    ["a key", '{"userName":"fine","\\ud800":1}'],
  ])("in %s of a body", async (_, body) => {
    expectScimError(await connection.scim("POST", "/Users", { body, headers: asIs }), 400, "invalidSyntax");
  });

  test("in a filter and in a path", async () => {
    const literal = '"\\ud800"';
    expectScimError(await connection.scim("GET", filtered(`userName eq ${literal}`)), 400, "invalidFilter");
    const body = JSON.stringify(patch(replace(`emails[type eq ${literal}].value`, "x@y.example")).body);
    const refused = await connection.scim("PATCH", `/Users/${id}`, { body, headers: asIs });
    expect(refused.status).toBe(400);
  });

  test("in the admin API", async () => {
    const refused = await product.admin("POST", "/members", { userName: "\ud800", type: "reader" });
    expectProblem(refused, 400, "validation_failed");
  });
});

describe("keys that name a prototype", () => {
  const hostile = '{"isAdmin":true,"active":false}';
  test.each([
    ["at the top", `{"userName":"p1","__proto__":${hostile}}`],
    ["constructor.prototype", `{"userName":"p2","constructor":{"prototype":${hostile}}}`],
    ["in a complex attribute", `{"userName":"p3","name":{"__proto__":${hostile},"givenName":"G"}}`],
    ["in an extension", `{"userName":"p4","${urns.account}":{"__proto__":{"isTeamAccount":true}}}`],
    ["in an element", `{"userName":"p5","emails":[{"__proto__":{"value":"x@y"},"type":"work"}]}`],
  ])("%s: neither stored nor followed", async (_, body) => {
    const created = await connection.scim("POST", "/Users", { body, headers: asIs });
    expect(created.status).toBe(201);
    expect(created.body.active).toBe(true);
    expect(JSON.stringify(created.body)).not.toMatch(/isAdmin|isTeamAccount|__proto__|"constructor"/);
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });

  test.each(["__proto__.active", "constructor.name", "name.__proto__", 'emails[__proto__ eq "x"].value'])(
    "PATCH path %s",
    async (path) => {
      const before = (await connection.scim("GET", `/Users/${id}`)).body;
      const { status } = await connection.scim("PATCH", `/Users/${id}`, patch(replace(path, "x")));
      expect(status).toBe(400);
      expect((await connection.scim("GET", `/Users/${id}`)).body).toEqual(before);
    },
  );

  test("PATCH without path", async () => {
    const body = `{"schemas":["${urns.patchOp}"],"Operations":[{"op":"add","value":{"__proto__":${hostile}}}]}`;
    const { status } = await connection.scim("PATCH", `/Users/${id}`, { body, headers: asIs });
    expect(status).toBeLessThan(500);
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });

  test.each(["__proto__ pr", 'constructor eq "x"', "name.__proto__ pr", "toString pr"])(
    "filter %s",
    async (filter) => {
      const { status, body } = await connection.scim("GET", filtered(filter));
      expect(status === 400 || body.totalResults === 0).toBe(true);
    },
  );
});

describe("values that are too long or too many: 400 naming the attribute and the limit", () => {
  const long = (length: number) => `${"x".repeat(length - 10)}@x.example`;
  test.each([
    ["userName", { userName: long(901) }],
    ["externalId", { userName: "l", externalId: long(901) }],
    ["emails.value", { userName: "l", emails: [{ value: long(901) }] }],
    ["emails.value", { userName: "l", emails: [{ value: "a" }, { value: long(901), type: "home" }] }],
  ])("%s of 901 bytes", async (attribute, body) => {
    const refused = await connection.scim("POST", "/Users", { body });
    expectScimError(refused, 400, "invalidValue");
    expect(refused.body.detail).toContain(attribute);
    expect(refused.body.detail).toContain("900");
  });

  test("900 bytes are taken, found by key, and refused to a second one", async () => {
    const body = { userName: long(900), externalId: long(900), emails: [{ value: long(900) }] };
    const created = await connection.scim("POST", "/Users", { body });
    expect(created.status).toBe(201);
    for (const attribute of ["userName", "externalId", "emails.value"]) {
      const { totalResults } = (await connection.scim("GET", filtered(`${attribute} eq "${long(900)}"`)))
        .body;
      expect([attribute, totalResults]).toEqual([attribute, 1]);
    }
    expectScimError(await connection.scim("POST", "/Users", { body }), 409, "uniqueness");
  });

  test("by bytes as they are compared: a short value may be long once folded", async () => {
    expectScimError(await connection.scim("POST", "/Users", user("ﷺ".repeat(60))), 400, "invalidValue");
    expectScimError(await connection.scim("POST", "/Users", user("漢".repeat(301))), 400, "invalidValue");
    expect((await connection.scim("POST", "/Users", user("漢".repeat(300)))).status).toBe(201);
  });

  test("by PATCH and PUT, too; nothing changed", async () => {
    const before = (await connection.scim("GET", `/Users/${id}`)).body;
    const renamed = await connection.scim("PATCH", `/Users/${id}`, patch(replace("userName", long(901))));
    expectScimError(renamed, 400, "invalidValue");
    expectScimError(await connection.scim("PUT", `/Users/${id}`, user(long(901))), 400, "invalidValue");
    expect((await connection.scim("GET", `/Users/${id}`)).body).toEqual(before);
  });

  test("40 email values are taken and found, and may all be replaced at once; 41 are refused", async () => {
    const emails = (count: number, domain: string) =>
      Array.from({ length: count }, (_, index) => ({ value: `many-${index}@${domain}`, type: `t${index}` }));
    const found = async (value: string) =>
      (await connection.scim("GET", filtered(`emails.value eq "${value}"`))).body.totalResults;
    const refused = await connection.scim(
      "POST",
      "/Users",
      user("many", { emails: emails(41, "a.example") }),
    );
    expectScimError(refused, 400, "invalidValue");
    expect(refused.body.detail).toMatch(/"emails".*40/);
    const created = await connection.scim(
      "POST",
      "/Users",
      user("many", { emails: emails(40, "a.example") }),
    );
    expect(created.status).toBe(201);
    expect(await found("MANY-39@a.example")).toBe(1);
    const path = `/Users/${created.body.id}`;
    const replaced = await connection.scim(
      "PUT",
      path,
      user("many-2", { emails: emails(40, "b.example"), externalId: "e" }),
    );
    expect(replaced.status).toBe(200);
    expect([await found("many-39@a.example"), await found("many-39@b.example")]).toEqual([0, 1]);
    expect((await connection.scim("DELETE", path)).status).toBe(204);
    expect(await found("many-39@b.example")).toBe(0);
    const again = await connection.scim(
      "POST",
      "/Users",
      user("many-2", { emails: emails(40, "c.example") }),
    );
    expect(again.status).toBe(201);
  });

  test("JSON nested deeper than 32 levels: 400 naming the limit", async () => {
    const body = `{"userName":"deep","x":${"[".repeat(40)}${"]".repeat(40)}}`;
    const refused = await connection.scim("POST", "/Users", { body, headers: asIs });
    expectScimError(refused, 400, "invalidSyntax");
    expect(refused.body.detail).toContain("jsonDepthMax");
    const endless = "[".repeat(500_000);
    expectScimError(
      await connection.scim("POST", "/Users", { body: endless, headers: asIs }),
      400,
      "invalidSyntax",
    );
  });
});

test("control characters and separators of keys in a name stay part of the name", async () => {
  const names = ["a", "a\u001f!", "a\u001f", "a#", "#a", "a\u0000", "userName#a", " a", "a "];
  for (const userName of names) {
    expect((await connection.scim("POST", "/Users", user(userName, { externalId: userName }))).status).toBe(
      201,
    );
  }
  for (const userName of names) {
    for (const attribute of ["userName", "externalId"]) {
      const { Resources } = (
        await connection.scim("GET", filtered(`${attribute} eq ${JSON.stringify(userName)}`))
      ).body;
      expect(Resources.map((found: { userName: string }) => found.userName)).toEqual([userName]);
    }
    expectScimError(await connection.scim("POST", "/Users", user(userName)), 409, "uniqueness");
  }
});
