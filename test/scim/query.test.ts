import { describe, expect, it } from "vitest";
import { readListQuery } from "../../lambda/scim/query.ts";
import { expectError } from "./fixture.ts";

const read = (text: string) => readListQuery(new URLSearchParams(text));

describe("readListQuery", () => {
  it("has defaults", () => {
    expect(read("")).toEqual({
      sortOrder: "ascending",
      startIndex: 1,
      count: 100,
      projection: { kind: "default" },
    });
  });

  it("[10, 31] takes names in any case and ignores unknown ones", () => {
    expect(
      read("STARTINDEX=3&Count=5&aadOptscim062020&x=1&SortBy=userName&SORTORDER=Descending"),
    ).toMatchObject({ startIndex: 3, count: 5, sortBy: "userName", sortOrder: "descending" });
  });

  it.each([
    ["startIndex=0", { startIndex: 1 }],
    ["startIndex=-5", { startIndex: 1 }],
    ["count=0", { count: 0 }],
    ["count=-1", { count: 0 }],
    ["count=501", { count: 500 }],
    ["count=99999999999999999999999", { count: 500 }],
    ["startIndex=99999999999999999999999", { startIndex: Number.MAX_SAFE_INTEGER }],
    ["count=%2B5", { count: 5 }],
    ["count=5&count=6", { count: 5 }],
  ])("[76, 77, 78] %s", (text, expected) => {
    expect(read(text)).toMatchObject(expected);
  });

  it.each(["count=x", "count=", "count=1.5", "count=1e3", "startIndex=-", "startIndex=0x1", "startIndex=١"])(
    "[80] refuses %s",
    (text) => {
      expectError(() => read(text), { status: 400, scimType: "invalidValue", detail: text.split("=")[0]! });
    },
  );

  it("refuses another sort order", () => {
    expectError(() => read("sortOrder=up"), { status: 400, scimType: "invalidValue", detail: "sortOrder" });
  });

  it("[98] refuses an empty filter rather than list all", () => {
    for (const text of ["filter=", "filter=+"]) {
      expectError(() => read(text), { status: 400, scimType: "invalidFilter", detail: "filter" });
    }
  });

  it("takes OneLogin's plus signs and trailing &, decoded as form data (L1)", () => {
    expect(read("filter=userName+eq+%22x%2By%22&").filter).toBe('userName eq "x+y"');
  });

  it("takes a Map as well", () => {
    expect(readListQuery(new Map([["Filter", "title pr"]])).filter).toBe("title pr");
  });
});
