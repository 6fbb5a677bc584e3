import { describe, expect, it } from "vitest";
import { queryIdentity, readListQuery } from "../../lambda/scim/query.ts";
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

  it("[166] asks for pages by cursor once a cursor is there, empty or not", () => {
    expect(read("")).not.toHaveProperty("cursor");
    for (const text of ["cursor", "cursor=", "CURSOR=&count=5"]) expect(read(text).cursor).toBe("");
    expect(read("cursor=abc-_9")).toMatchObject({ cursor: "abc-_9", count: 100 });
  });

  it("[166] does not look at startIndex beside a cursor", () => {
    for (const startIndex of ["7", "x", ""]) {
      expect(read(`cursor=&startIndex=${startIndex}`)).toMatchObject({ cursor: "", startIndex: 1 });
    }
  });

  it("[169] refuses a count that is no number by invalidCount beside a cursor; else takes it like any other", () => {
    for (const count of ["x", "", "1.5"]) {
      expectError(() => read(`cursor=&count=${count}`), {
        status: 400,
        scimType: "invalidCount",
        detail: "count",
      });
    }
    expect(read("cursor=&count=-1").count).toBe(0);
    expect(read("cursor=&count=501").count).toBe(500);
  });
});

describe("queryIdentity", () => {
  const identity = (text: string) => queryIdentity(read(text));

  it.each([
    ['filter=userName sw "J"', 'filter=USERNAME SW "J"'],
    ["filter=a eq 1 and (b pr)", "filter=((a eq 1)  and b pr)"],
    ['filter=emails[type eq "work"].value eq "x"', 'filter=EMAILS[Type eq "work" and value eq "x"]'],
    ["sortBy=userName", "sortBy=USERNAME&sortOrder=ascending"],
    ["sortOrder=descending", ""],
    ["attributes=userName,emails", "attributes=Emails, USERNAME&excludedAttributes=title"],
    ["count=5&startIndex=3&cursor=x&foo=1", ""],
  ])("[170] is one for %j and %j", (a, b) => {
    expect(identity(a)).toBe(identity(b));
  });

  it("[170] tells apart whatever changes what is listed, in which order, or what is shown", () => {
    const texts = [
      "",
      'filter=userName sw "J"',
      'filter=userName sw "j"',
      'filter=userName ew "J"',
      'filter=name.userName sw "J"',
      "filter=a pr and b pr or c pr",
      "filter=a pr and (b pr or c pr)",
      "filter=not (a pr)",
      "filter=a eq 1",
      'filter=a eq "1"',
      "sortBy=userName",
      "sortBy=userName&sortOrder=descending",
      "attributes=userName",
      "excludedAttributes=userName",
      "attributes=userName,emails",
    ];
    expect(new Set(texts.map(identity)).size).toBe(texts.length);
  });
});
