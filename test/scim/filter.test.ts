import { describe, expect, it } from "vitest";
import { parseFilter, printFilter } from "../../lambda/scim/filter.ts";
import { expectError } from "./fixture.ts";

describe("parseFilter", () => {
  it("[87] binds not tighter than and, and tighter than or", () => {
    expect(parseFilter("a pr or not (b pr) and c pr")).toEqual({
      kind: "or",
      filters: [
        { kind: "present", name: { name: "a" } },
        {
          kind: "and",
          filters: [
            { kind: "not", filter: { kind: "present", name: { name: "b" } } },
            { kind: "present", name: { name: "c" } },
          ],
        },
      ],
    });
  });

  it("[32] cuts a qualified name behind the URN, dots and all", () => {
    expect(parseFilter('urn:ietf:params:scim:schemas:core:2.0:User:name.givenName eq "x"')).toEqual({
      kind: "compare",
      name: { urn: "urn:ietf:params:scim:schemas:core:2.0:User", name: "name", sub: "givenName" },
      operator: "eq",
      value: "x",
    });
  });

  it("reads Entra's matching query as one element that meets both", () => {
    const text = 'emails[type eq "work"].value eq "x"';
    expect(printFilter(parseFilter(text))).toBe('emails[type eq "work" and value eq "x"]');
  });

  it("[92] decodes JSON literals", () => {
    const value = (literal: string) => parseFilter(`a eq ${literal}`);
    for (const [literal, decoded] of [
      ['"a\\"b\\\\\\u00e9\\n"', 'a"b\\é\n'],
      ["-1.5e3", -1500],
      ["-0", 0],
      ["true", true],
      ["false", false],
      ["null", null],
    ] as const) {
      expect(value(literal)).toMatchObject({ value: decoded });
    }
  });

  it("refuses a literal with half of a surrogate pair: no stored text could equal it", () => {
    expectError(() => parseFilter('a eq "\\ud800"'), {
      status: 400,
      scimType: "invalidFilter",
      detail: "ud800",
    });
  });

  it("names the position and what was expected", () => {
    expectError(() => parseFilter('userName eq "x" or title is "y"'), {
      status: 400,
      scimType: "invalidFilter",
      detail: 'at character 26: expected one of eq, ne, co, sw, ew, gt, ge, lt, le, pr, but found "is',
    });
  });
});

describe("bounds of a filter", () => {
  const refused = (text: string, limit: string) =>
    expectError(() => parseFilter(text), { status: 400, scimType: "invalidFilter", detail: limit });

  it("4,096 characters", () => {
    refused(`a eq "${"x".repeat(4_090)}"`, "filterLengthMax");
    expect(parseFilter(`a eq "${"x".repeat(4_089)}"`)).toBeDefined();
  });

  it("32 levels", () => {
    const nested = (depth: number) => `${"(".repeat(depth)}a pr${")".repeat(depth)}`;
    expect(parseFilter(nested(32))).toBeDefined();
    refused(nested(33), "filterDepthMax");
    refused("not (".repeat(33), "filterDepthMax");
    refused("a[".repeat(33), "filterDepthMax");
    refused("(".repeat(4_000), "filterDepthMax");
  });

  it("10,000 parentheses", () => {
    refused("(".repeat(10_000), "filterLengthMax");
  });

  it("64 nodes", () => {
    const joined = (count: number) => Array.from({ length: count }, () => "a pr").join(" or ");
    expect(parseFilter(joined(63))).toBeDefined();
    refused(joined(64), "filterNodesMax");
  });
});
