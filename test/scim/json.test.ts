import { describe, expect, it } from "vitest";
import { canonicalText, parseJson } from "../../lambda/scim/json.ts";
import { expectError } from "./fixture.ts";

describe("parseJson", () => {
  it("[68] refuses what is not JSON", () => {
    for (const text of ["", "{", "{'a':1}", "undefined", '{"a":1}}', "\u0000"]) {
      expectError(() => parseJson(text), {
        status: 400,
        scimType: "invalidSyntax",
        detail: "not valid JSON",
      });
    }
  });

  it("takes 32 levels and refuses 33, and 100,000", () => {
    const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
    expect(parseJson(nested(32))).toBeDefined();
    for (const depth of [33, 100_000]) {
      expectError(() => parseJson(nested(depth)), {
        status: 400,
        scimType: "invalidSyntax",
        detail: "jsonDepthMax",
      });
    }
  });

  it("does not count brackets in strings", () => {
    const text = `{"a":"${"[".repeat(50)}\\"${"{".repeat(50)}"}`;
    expect(parseJson(text)).toEqual({ a: `${"[".repeat(50)}"${"{".repeat(50)}` });
  });

  it("refuses half of a surrogate pair, in values and keys: it could not be stored as sent", () => {
    for (const text of ['{"a":"\\ud800"}', '{"\\udfff":1}', '["x",{"b":["\\ud83d"]}]', '"\ud800"']) {
      expectError(() => parseJson(text), { status: 400, scimType: "invalidSyntax", detail: "surrogate" });
    }
    expect(parseJson('"\\ud83d\\ude00"')).toBe("😀");
  });

  it("takes a byte order mark", () => {
    expect(parseJson('\uFEFF{"a":1}')).toEqual({ a: 1 });
  });

  it("leaves the prototype alone", () => {
    parseJson('{"__proto__":{"polluted":true}}');
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
  });
});

describe("canonicalText", () => {
  it("[33] does not depend on the order of keys, but on the order of elements", () => {
    expect(canonicalText({ a: 1, b: [{ c: 2, d: 3 }] })).toBe(canonicalText({ b: [{ d: 3, c: 2 }], a: 1 }));
    expect(canonicalText([1, 2])).not.toBe(canonicalText([2, 1]));
    expect(canonicalText("1")).not.toBe(canonicalText(1));
  });
});
