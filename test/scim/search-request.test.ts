import { describe, expect, it } from "vitest";
import type { JsonValue } from "../../lambda/scim/json.ts";
import { readListQuery } from "../../lambda/scim/query.ts";
import { readSearchRequest } from "../../lambda/scim/search-request.ts";
import { expectError } from "./fixture.ts";

const read = readSearchRequest;

describe("readSearchRequest", () => {
  it("[104] has the defaults of a URL", () => {
    expect(read({})).toEqual(readListQuery(new URLSearchParams()));
    expect(read({ schemas: 7, unknown: {}, filter: null, count: null })).toEqual(read({}));
  });

  it.each<[JsonValue, string]>([
    [
      {
        attributes: ["userName", "name.familyName"],
        filter: 'displayName sw "smith"',
        startIndex: 3,
        count: 10,
      },
      'attributes=userName,name.familyName&filter=displayName sw "smith"&startIndex=3&count=10',
    ],
    [{ SORTBY: "userName", SortOrder: "DESCENDING" }, "sortBy=userName&sortOrder=DESCENDING"],
    [{ attributes: "userName, emails" }, "attributes=userName, emails"],
    [{ attributes: [], excludedAttributes: ["members"] }, "excludedAttributes=members"],
    [{ startIndex: -1, count: -1 }, "startIndex=-1&count=-1"],
    [{ startIndex: 1e300, count: 1e300 }, `startIndex=${"9".repeat(30)}&count=${"9".repeat(30)}`],
    [{ cursor: "", count: 10 }, "cursor&count=10"],
    [{ cursor: "abc", startIndex: "x" }, "cursor=abc&startIndex=x"],
    [{ cursor: null }, ""],
  ])("[104] takes %j for what %j is in a URL", (body, text) => {
    expect(read(body)).toEqual(readListQuery(new URLSearchParams(text)));
  });

  it.each<[JsonValue]>([[[]], ["x"], [7], [null], [true]])("[106] refuses %j: no object", (body) => {
    expectError(() => read(body), { status: 400, scimType: "invalidSyntax", detail: "object" });
  });

  it.each<[string, JsonValue]>([
    ["filter", 7],
    ["filter", ["title pr"]],
    ["sortBy", {}],
    ["sortOrder", true],
    ["sortOrder", "sideways"],
    ["startIndex", "1"],
    ["startIndex", 1.5],
    ["count", true],
    ["count", [1]],
    ["cursor", 7],
    ["attributes", 7],
    ["attributes", ["userName", 7]],
    ["excludedAttributes", { value: "members" }],
  ])("[106] refuses %s %j, naming it", (name, value) => {
    expectError(() => read({ [name]: value }), { status: 400, scimType: "invalidValue", detail: name });
  });

  it("[98] refuses an empty filter rather than list all", () => {
    expectError(() => read({ filter: " " }), { status: 400, scimType: "invalidFilter", detail: "filter" });
  });

  it("[169] refuses a count that is no number by invalidCount beside a cursor", () => {
    expectError(() => read({ cursor: "", count: "5" }), {
      status: 400,
      scimType: "invalidCount",
      detail: "count",
    });
  });

  it("is safe from names that every object has", () => {
    expect(read(JSON.parse('{"__proto__": {"count": 3}, "constructor": 1}'))).toEqual(read({}));
  });
});
