import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BulkOperation, bulkResponse, readBulkRequest } from "../../lambda/scim/bulk.ts";
import { creatorsOf, planBulk } from "../../lambda/scim/bulk-plan.ts";
import { notFound } from "../../lambda/scim/error.ts";
import { type JsonValue, parseJson } from "../../lambda/scim/json.ts";
import { errorBody } from "../../lambda/scim/messages.ts";
import { seedFromEnvironment } from "../support/seeded-random.ts";
import { expectError, expectOnlyRequestErrors } from "./fixture.ts";

const root = "/scim/v2/c1";

const read = (body: unknown) => readBulkRequest(body as JsonValue, root);
const only = (operation: unknown) => read({ Operations: [operation] }).operations[0]!;

/** What there is of an operation in an answer or for the plan, as short as tests want it. */
function told(operation: BulkOperation) {
  const { kind, method, bulkId, target } = operation;
  const path = target && `${target.type.endpoint}${target.id === undefined ? "" : ` ${target.id}`}`;
  return kind === "asked"
    ? { method, bulkId, path, version: operation.version, data: operation.data }
    : { method, bulkId, path, scimType: operation.error.scimType, detail: operation.error.detail };
}

describe("readBulkRequest", () => {
  it("[156, 160] takes what RFC 7644 §3.7 defines", () => {
    const request = read({
      schemas: ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
      failOnErrors: 1,
      Operations: [
        { method: "POST", path: "/Users", bulkId: "q", data: { userName: "a" } },
        { method: "PUT", path: "/Users/1", version: 'W/"1"', data: { userName: "b" } },
        { method: "PATCH", path: "/Groups/2", data: { Operations: [] } },
        { method: "DELETE", path: "/Users/3", version: 'W/"3"' },
      ],
    });
    expect(request.failOnErrors).toBe(1);
    expect(request.operations.map(told)).toEqual([
      { method: "POST", bulkId: "q", path: "/Users", data: { userName: "a" } },
      { method: "PUT", path: "/Users 1", version: 'W/"1"', data: { userName: "b" } },
      { method: "PATCH", path: "/Groups 2", data: { Operations: [] } },
      { method: "DELETE", path: "/Users 3", version: 'W/"3"', data: {} },
    ]);
  });

  it("takes names and methods in any case, any schemas, and null for nothing", () => {
    const request = read({
      SCHEMAS: ["x"],
      FAILONERRORS: null,
      operations: [{ METHOD: "delete", Path: "/users/1", bulkID: null, Version: null, data: null }],
    });
    expect(request.failOnErrors).toBeUndefined();
    expect(request.operations.map(told)).toEqual([{ method: "DELETE", path: "/Users 1", data: {} }]);
  });

  it.each([
    ["/Users/1", "/Users 1"],
    ["Users/1", "/Users 1"],
    ["//users//1//", "/Users 1"],
    ["/GROUPS/1?attributes=id", "/Groups 1"],
    ["/Users/a%40b%2Fc", "/Users a@b/c"],
    ["/Users/%zz", "/Users %zz"],
    ["/scim/v2/c1/Groups/1", "/Groups 1"],
    ["https://api.example.com/prod/scim/v2/c1/Users/1", "/Users 1"],
    ["/Groups/bulkId:g", "/Groups bulkId:g"],
    ["/Groups/bulkId%3Ag", "/Groups bulkId:g"],
    ["/Groups/bulkId:a/b?c%20", "/Groups bulkId:a/b?c%20"],
    ["/Users/__proto__", "/Users __proto__"],
  ])("takes the path %s", (path, target) => {
    expect(told(only({ method: "DELETE", path }))).toEqual({ method: "DELETE", path: target, data: {} });
  });

  it("takes the bare list of operations that RFC 7644 §3.7.3 prints as the data of a PATCH", () => {
    const data = [{ op: "remove", path: "nickName" }];
    expect(told(only({ method: "PATCH", path: "/Users/1", data }))).toMatchObject({
      data: { Operations: data },
    });
  });

  it.each<[unknown, string, string]>([
    [{}, "invalidSyntax", "Operations is missing"],
    [{ Operations: [] }, "invalidSyntax", "empty"],
    [{ Operations: {} }, "invalidSyntax", "Operations"],
    [[], "invalidSyntax", "not a JSON object"],
    ["x", "invalidSyntax", "not a JSON object"],
    [null, "invalidSyntax", "not a JSON object"],
    ...[0, -1, 1.5, "1", true, [], {}].map((failOnErrors): [unknown, string, string] => [
      { failOnErrors, Operations: [{}] },
      "invalidValue",
      "failOnErrors",
    ]),
  ])("refuses the whole of %j", (body, scimType, detail) => {
    expectError(() => read(body), { status: 400, scimType, detail });
  });

  it("[154] takes 1,000 operations and refuses 1,001, naming the limit", () => {
    const Operations = Array.from({ length: 1_000 }, () => ({ method: "DELETE", path: "/Users/1" }));
    expect(read({ Operations }).operations).toHaveLength(1_000);
    expectError(() => read({ Operations: [...Operations, {}] }), {
      status: 413,
      detail: "1000 operations (bulkOperationsMax)",
    });
  });

  describe("[159] an operation that is wrong is an error of its own", () => {
    const data = {};
    it.each<[string, unknown, object]>([
      ["null", null, { scimType: "invalidSyntax" }],
      ["a string", "POST", { scimType: "invalidSyntax" }],
      ["a list", [], { scimType: "invalidSyntax" }],
      ["no method", { path: "/Users", bulkId: "b", data }, { bulkId: "b", path: "/Users" }],
      ["a method of another type", { method: 1, path: "/Users" }, { method: undefined, path: "/Users" }],
      ["an unknown method", { method: "get", path: "/Users/1" }, { method: "get", path: "/Users 1" }],
      ["a method like none", { method: "POſT" }, { scimType: "invalidSyntax" }],
      ["no path", { method: "post", bulkId: "b", data }, { method: "POST", bulkId: "b" }],
      ["a path of another type", { method: "PUT", path: ["/Users/1"], data }, { path: undefined }],
      ["an empty path", { method: "PUT", path: "", data }, { path: undefined }],
      ["a path to nothing", { method: "PUT", path: "/Robots/1", data }, { path: undefined }],
      ["a prototype's name", { method: "PUT", path: "/constructor/1", data }, { path: undefined }],
      ["a path too deep", { method: "PUT", path: "/Users/1/name", data }, { path: undefined }],
      [
        "another connection's URL",
        { method: "DELETE", path: "https://api.example.com/scim/v2/c2/Users/1" },
        { path: undefined },
      ],
      ["a POST with an id", { method: "POST", path: "/Users/1", bulkId: "b", data }, { path: "/Users 1" }],
      ["a DELETE of all", { method: "DELETE", path: "/Users" }, { path: "/Users" }],
      ["a PATCH of all", { method: "PATCH", path: "/Groups", data }, { path: "/Groups" }],
      ["a POST without bulkId", { method: "POST", path: "/Users", data }, { bulkId: undefined }],
      ["an empty bulkId", { method: "POST", path: "/Users", bulkId: "", data }, { bulkId: undefined }],
      ["a bulkId of another type", { method: "PUT", path: "/Users/1", bulkId: 1, data }, {}],
      ["a version of another type", { method: "DELETE", path: "/Users/1", version: 1 }, {}],
      ["no data", { method: "PUT", path: "/Users/1" }, {}],
      ["data that is null", { method: "PATCH", path: "/Users/1", data: null }, {}],
      ["data of another type", { method: "PUT", path: "/Users/1", data: "{}" }, {}],
      ["a list as data of a POST", { method: "POST", path: "/Users", bulkId: "b", data: [] }, {}],
    ])("%s", (_, operation, expected) => {
      const [right, wrong] = read({ Operations: [{ method: "DELETE", path: "/Users/1" }, operation] })
        .operations as [BulkOperation, BulkOperation];
      expect([right.kind, wrong.kind]).toEqual(["asked", "wrong"]);
      expect(told(wrong)).toMatchObject({ scimType: expect.stringMatching(/^invalid/), ...expected });
      expect(told(wrong)).toMatchObject({ detail: expect.stringContaining("Operations[1]") });
    });

    it("a bulkId that an earlier POST has; others may repeat it", () => {
      const post = { method: "POST", path: "/Users", bulkId: "b", data: { userName: "a" } };
      const put = { method: "PUT", path: "/Users/1", bulkId: "b", data: { userName: "a" } };
      const { operations } = read({ Operations: [put, post, put, post] });
      expect(operations.map(({ kind }) => kind)).toEqual(["asked", "asked", "asked", "wrong"]);
      expect(told(operations[3]!)).toMatchObject({ bulkId: "b", detail: expect.stringContaining('"b"') });
    });

    it("a bulkId or an id that is longer than any, which is not told back", () => {
      const long = "x".repeat(257);
      const post = told(only({ method: "POST", path: "/Users", bulkId: long, data: {} }));
      expect(post).toEqual({
        method: "POST",
        path: "/Users",
        scimType: "invalidValue",
        detail: expect.stringContaining("bulkIdLengthMax"),
      });
      expect(told(only({ method: "DELETE", path: `/Users/${long}` }))).toEqual({
        method: "DELETE",
        scimType: "invalidValue",
        detail: expect.stringContaining("bulkIdLengthMax"),
      });
      expect(only({ method: "DELETE", path: `/Users/${long.slice(1)}` }).kind).toBe("asked");
      expect(told(only({ method: long, path: "/Users/1" }))).toMatchObject({ method: undefined });
    });
  });
});

describe("bulkResponse", () => {
  it("[155, 162] tells of each operation what there is", () => {
    const [post, patch, junk] = read({
      Operations: [
        { method: "post", path: "/Users", bulkId: "b", data: {} },
        { method: "PATCH", path: "/Users/1", data: {} },
        7,
      ],
    }).operations as [BulkOperation, BulkOperation, BulkOperation];
    const response = errorBody(notFound("Nobody is there."));
    const nothing = { location: undefined, version: undefined, response: undefined };
    expect(
      bulkResponse([
        { ...nothing, operation: post, status: 201, location: "https://x/1", version: 'W/"1"' },
        { ...nothing, operation: patch, status: 404, location: "https://x/2", response },
        { ...nothing, operation: junk, status: 400, response },
      ]),
    ).toEqual({
      schemas: ["urn:ietf:params:scim:api:messages:2.0:BulkResponse"],
      Operations: [
        { method: "POST", bulkId: "b", location: "https://x/1", version: 'W/"1"', status: "201" },
        { method: "PATCH", location: "https://x/2", status: "404", response },
        { status: "400", response },
      ],
    });
  });
});

describe("junk", () => {
  const text = fc.oneof(
    fc.string({ maxLength: 10 }),
    fc.constantFrom("POST", "put", "PATCH", "DELETE", "/Users", "/Users/1", "/Groups", "/Groups/bulkId:a"),
    fc.constantFrom(
      "a",
      "b",
      "bulkId:a",
      "bulkId:b",
      "bulkId:",
      '"bulkId:a"',
      'members[value eq "bulkId:a"]',
    ),
  );
  const key = fc.constantFrom(
    ...["method", "path", "bulkId", "data", "version", "Operations", "op", "value", "userName", "members"],
    ...["__proto__", "constructor", "urn:x", "URN:X:manager", ""],
  );
  const json = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 4 }, text, fc.constantFrom(null, 0, -1, true), tie("list"), tie("object")),
    list: fc.array(tie("value"), { maxLength: 4 }),
    object: fc.dictionary(key, tie("value"), { maxKeys: 5, noNullPrototype: true }),
  })).value;
  const operation = fc.oneof(
    json,
    fc.record({
      method: fc.constantFrom("POST", "PUT", "PATCH", "DELETE"),
      path: fc.constantFrom("/Users", "/Groups", "/Users/1", "/Users/bulkId:a", "/Groups/bulkId:b"),
      bulkId: fc.constantFrom("a", "b", "c"),
      data: json,
    }),
  );
  const parameters = { seed: seedFromEnvironment(), numRuns: 500 };

  it("is refused by errors of the client alone", () => {
    fc.assert(
      fc.property(json, (body) => expectOnlyRequestErrors(() => read(body))),
      parameters,
    );
  });

  it("gets each operation one place in the plan, behind all that it waits for", () => {
    fc.assert(
      fc.property(fc.array(operation, { minLength: 1, maxLength: 6 }), (Operations) => {
        // As text and back, so that "__proto__" is a key like any other.
        const { operations } = read(parseJson(JSON.stringify({ Operations })));
        const steps = planBulk(operations);
        const first = steps.filter(({ kind }) => kind !== "complete").map(({ index }) => index);
        expect(first.toSorted((a, b) => a - b)).toEqual([...operations.keys()]);
        const creators = creatorsOf(operations);
        for (const [place, step] of steps.entries()) {
          expect(step.waitsFor.every((earlier) => earlier < place)).toBe(true);
          if (step.kind !== "perform") continue;
          for (const bulkId of step.references) {
            const creator = steps.findIndex(({ index }) => index === creators.get(bulkId));
            const postponed = step.postponed.has(bulkId);
            expect(postponed || step.waitsFor.includes(creator)).toBe(true);
            const completed = steps.some(({ kind, index }) => kind === "complete" && index === step.index);
            expect(completed).toBe(step.postponed.size > 0);
          }
        }
      }),
      parameters,
    );
  });
});
