import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { seedFromEnvironment } from "../support/seeded-random.ts";
import { type GroupGround, openGroupGround } from "./group-ground.ts";
import { expectScimError } from "./product.ts";
import { filteredGroups, group, patch, replace, urns } from "./scim-messages.ts";

const seed = seedFromEnvironment();

let ground: GroupGround;
let id: string;
let ann: string;
beforeAll(async () => {
  ground = await openGroupGround(3);
  ann = ground.users[0]!;
  id = (await ground.groups.create("Victim", [ann])).id;
});
afterAll(() => ground.stop());

const asIs = { "Content-Type": "application/scim+json" };

/** Strings with every kind of trouble but lone surrogates, which have a test of their own. */
const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 20 }),
  fc.string({ unit: "binary-ascii", maxLength: 20 }),
  fc.constantFrom("", " ", "\u0000", "a\u001f!", "#", "__proto__", "true", "x".repeat(1_000), "😀"),
);
const name = fc.constantFrom(
  ...["displayName", "DISPLAYNAME", "externalId", "members", "Members", "id", "meta", "schemas", "value"],
  ...["members.value", "members.display", "$ref", "display", "type", 'members[value eq "x"]', "members["],
  ...[urns.group, `${urns.group}:members`, `${urns.group}:`, urns.user, "urn:x:y", "userName", "active"],
  ...["__proto__", "constructor", "toString", "", "Operations", "op", "path"],
);
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    text,
    fc.constantFrom(null, true, 0, -1, 1.5, 1e308),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.oneof(name, text), tie("value"), { maxKeys: 5, noNullPrototype: true }),
  ),
})).value;
/** A member's entry: somebody who exists, somebody who does not, or worse. */
const entry = () =>
  fc.oneof(fc.constant(ann), fc.constant({ value: ann }), fc.record({ value: json, display: json }), json);
const fields = () =>
  fc.record(
    { displayName: fc.oneof(text, json), members: fc.oneof(fc.array(entry(), { maxLength: 4 }), json) },
    { requiredKeys: [] },
  );
const path = () =>
  fc.oneof(
    name,
    text,
    fc.constantFrom("members", "displayName", `members[value eq "${ann}"]`, 'members[value eq "x"].display'),
    fc
      .array(
        fc.constantFrom(...'members[]().:"', "value", " eq ", " and ", " or ", "not ", '"x"', "display"),
        {
          maxLength: 12,
        },
      )
      .map((pieces) => pieces.join("")),
  );
const operations = () =>
  fc.array(
    fc.record(
      {
        op: fc.constantFrom("add", "Replace", "remove", "move", 1),
        path: fc.oneof(path(), json),
        value: fc.oneof(fields(), fc.array(entry(), { maxLength: 3 }), json),
      },
      { requiredKeys: ["op"] },
    ),
    { maxLength: 4 },
  );

/** Every answer is a 2xx or 4xx; that its body keeps the rules, startCheckedService looks at. */
async function expectNoServerError(
  method: string,
  target: string,
  request: { body?: unknown; headers?: Record<string, string> },
): Promise<void> {
  const { status, body } = await ground.connection.scim(method, target, request);
  expect([status, status < 500 ? "" : body]).toEqual([status, ""]);
}

const runs = { seed, numRuns: 60 };

describe("nothing but 2xx and 4xx comes out of", () => {
  test("bodies of POST and PUT", async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fields(), fc.dictionary(name, json, { maxKeys: 5 }), json), async (body) => {
        await expectNoServerError("POST", "/Groups", { body });
        await expectNoServerError("PUT", `/Groups/${id}`, { body });
      }),
      runs,
    );
  });

  test("operations of PATCH", async () => {
    await fc.assert(
      fc.asyncProperty(operations(), (Operations) =>
        expectNoServerError("PATCH", `/Groups/${id}`, { body: { schemas: [urns.patchOp], Operations } }),
      ),
      { seed, numRuns: 150 },
    );
  });

  test("texts that are hardly JSON", async () => {
    const piece = fc.constantFrom(
      ...'{}[]",:0e-.\\u\u0000\uFEFF \n',
      '"displayName"',
      '"members"',
      "null",
      "NaN",
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 30 }), (pieces) =>
        expectNoServerError("POST", "/Groups", { body: pieces.join(""), headers: asIs }),
      ),
      runs,
    );
  });

  test("filters, orders and projections", async () => {
    const piece = fc.oneof(
      fc.constantFrom(
        ...["displayName", "members", "members.value", "members.display", "meta.created", "id", "externalId"],
        ...[
          "eq",
          "ne",
          "co",
          "pr",
          "gt",
          "and",
          "or",
          "not",
          "(",
          ")",
          "[",
          "]",
          '"x"',
          "true",
          "null",
          ".",
          ":",
        ],
      ),
      text,
    );
    const parameter = fc.constantFrom(
      ...[
        "filter",
        "filter",
        "sortBy",
        "sortOrder",
        "startIndex",
        "count",
        "attributes",
        "excludedAttributes",
      ],
      "cursor",
    );
    const query = fc.array(fc.tuple(parameter, fc.array(piece, { maxLength: 6 })), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(query, fc.constantFrom("/Groups", `/Groups/${id}`), (parameters, target) => {
        const encoded = parameters.map(([key, pieces]) => `${key}=${encodeURIComponent(pieces.join(" "))}`);
        return expectNoServerError("GET", `${target}?${encoded.join("&")}`, {});
      }),
      { seed, numRuns: 120 },
    );
  });

  test("filters that are well formed", async () => {
    const literal = fc
      .oneof(text, fc.constantFrom(ann, id, null, true, 1))
      .map((value) => JSON.stringify(value));
    const attribute = fc.constantFrom(
      ...["displayName", "externalId", "id", "members", "members.value", "members.display", "members.$ref"],
      ...[
        "members.type",
        "meta.created",
        "meta.lastModified",
        "meta",
        "schemas",
        "nonsense",
        `${urns.group}:members`,
      ],
    );
    const operator = fc.constantFrom("eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le");
    const comparison = fc.tuple(attribute, operator, literal).map((parts) => parts.join(" "));
    const element = fc
      .tuple(fc.constantFrom("value", "display", "type", "$ref", "x"), operator, literal)
      .map((parts) => `members[${parts.join(" ")}]`);
    const { filter } = fc.letrec<{ filter: string }>((tie) => ({
      filter: fc.oneof(
        { maxDepth: 3 },
        comparison,
        element,
        attribute.map((one) => `${one} pr`),
        tie("filter").map((one) => `not (${one})`),
        fc.tuple(tie("filter"), tie("filter")).map(([a, b]) => `(${a}) and ${b}`),
        fc.tuple(tie("filter"), tie("filter")).map(([a, b]) => `${a} or ${b}`),
      ),
    }));
    await fc.assert(
      fc.asyncProperty(filter, (one) => expectNoServerError("GET", filteredGroups(one), {})),
      { seed, numRuns: 150 },
    );
  });

  test("ids, and what follows them", async () => {
    const segment = fc.oneof(
      text,
      fc.constant(id),
      fc.tuple(fc.constant(id.slice(0, 8)), text).map((parts) => parts.join("")),
      fc.string({
        unit: fc.constantFrom(..."0123456789abcdefghjkmnpqrstvwxyz"),
        minLength: 24,
        maxLength: 24,
      }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("GET", "PUT", "PATCH", "DELETE"),
        fc.array(segment, { minLength: 1, maxLength: 2 }),
        async (method, segments) => {
          // Doubled slashes are forgiven, and the victim is needed.
          if (method === "DELETE" && segments.includes(id)) return;
          await expectNoServerError(method, `/Groups/${segments.map(encodeURIComponent).join("/")}`, {
            ...(method !== "GET" && { body: group("Junk").body }),
          });
        },
      ),
      runs,
    );
  });

  test("headers", async () => {
    const header = fc.constantFrom("If-Match", "If-None-Match", "Content-Type");
    await fc.assert(
      fc.asyncProperty(header, fc.string({ unit: "binary-ascii" }), async (key, value) => {
        for (const method of ["GET", "PUT", "PATCH"]) {
          const { status } = await ground.service.gateway.invoke({
            method,
            path: `${ground.connection.baseUrl}/Groups/${id}`,
            headers: [
              ["Authorization", `Bearer ${ground.connection.token}`],
              [key, value],
            ],
            body: Buffer.from(JSON.stringify(group("Victim").body)),
            sourceIp: "127.0.0.1",
          });
          expect(status).toBeLessThan(500);
        }
      }),
      { seed, numRuns: 30 },
    );
  });
});

describe("half of a surrogate pair, which no UTF-8 can store: 400", () => {
  test.each([
    ["displayName", '{"displayName":"\\ud800"}'],
    ["externalId", '{"displayName":"x","externalId":"\\udfff"}'],
    ["a member", '{"displayName":"x","members":[{"value":"\\ud800"}]}'],
    ["a key", '{"displayName":"x","\\ud800":1}'],
  ])("in %s of a body", async (_, body) => {
    for (const [method, target] of [
      ["POST", "/Groups"],
      ["PUT", `/Groups/${id}`],
    ] as const) {
      const refused = await ground.connection.scim(method, target, { body, headers: asIs });
      expectScimError(refused, 400, "invalidSyntax");
    }
  });

  test("in a filter and in a path", async () => {
    const literal = '"\\ud800"';
    for (const filter of [
      `displayName eq ${literal}`,
      `members eq ${literal}`,
      `members[display eq ${literal}]`,
    ]) {
      expectScimError(await ground.connection.scim("GET", filteredGroups(filter)), 400, "invalidFilter");
    }
    const body = JSON.stringify(patch({ op: "remove", path: `members[value eq ${literal}]` }).body);
    const refused = await ground.connection.scim("PATCH", `/Groups/${id}`, { body, headers: asIs });
    expect(refused.status).toBe(400);
  });
});

describe("keys that name a prototype", () => {
  const hostile = '{"isAdmin":true,"value":"x"}';
  test.each([
    ["at the top", `"__proto__":${hostile}`],
    ["constructor.prototype", `"constructor":{"prototype":${hostile}}`],
    ["under the schema's URN", `"${urns.group}":{"__proto__":${hostile}}`],
    ["in members", `"members":[{"__proto__":{"value":"x"},"value":"ANN"}]`],
  ])("%s: neither stored nor followed", async (_, fragment) => {
    const body = `{"displayName":"Prototype",${fragment.replace("ANN", ann)}}`;
    const created = await ground.connection.scim("POST", "/Groups", { body, headers: asIs });
    expect(created.status).toBe(201);
    expect(JSON.stringify(created.body)).not.toMatch(/isAdmin|__proto__|"constructor"|"x"/);
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });

  test("a member that is one by its prototype alone is none", async () => {
    const body = `{"displayName":"Prototype","members":[{"__proto__":{"value":"${ann}"}}]}`;
    const refused = await ground.connection.scim("POST", "/Groups", { body, headers: asIs });
    expectScimError(refused, 400, "invalidValue");
  });

  test.each(["__proto__", "constructor.name", "members.__proto__", 'members[__proto__ eq "x"]'])(
    "PATCH path %s",
    async (target) => {
      const before = await ground.groups.read(id);
      expect((await ground.groups.patch(id, replace(target, "x"))).status).toBe(400);
      expect(await ground.groups.read(id)).toEqual(before);
    },
  );

  test.each(["__proto__ pr", 'constructor eq "x"', "members.__proto__ pr", "members[toString pr]"])(
    "filter %s",
    async (filter) => {
      const { status, body } = await ground.connection.scim("GET", filteredGroups(filter));
      expect(status === 400 || body.totalResults === 0).toBe(true);
    },
  );
});

test("JSON nested deeper than 32 levels: 400 naming the limit", async () => {
  const body = `{"displayName":"deep","x":${"[".repeat(40)}${"]".repeat(40)}}`;
  const refused = await ground.connection.scim("POST", "/Groups", { body, headers: asIs });
  expectScimError(refused, 400, "invalidSyntax");
  expect(refused.body.detail).toContain("jsonDepthMax");
});
