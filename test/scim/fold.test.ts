import { describe, expect, it } from "vitest";
import { foldCase } from "../../lambda/scim/fold.ts";

describe("foldCase", () => {
  it.each([
    ["Ada@Example.ORG", "ada@example.org"],
    ["STRASSE", "straße"],
    ["STRAẞE", "strasse"],
    ["ΣΊΣΥΦΟΣ", "σίσυφος"],
    ["Å", "\u212b"],
    ["ﬁn", "FIN"],
    ["ＡＢ", "ab"],
    ["e\u0301", "É"],
    ["ЖУК", "жук"],
    ["Ǆ", "ǆ"],
  ])("[48] %s is %s", (a, b) => {
    expect(foldCase(a)).toBe(foldCase(b));
  });

  it.each([
    ["ı", "i"],
    ["I", "ı"],
    ["a", "b"],
    ["e", "é"],
  ])("%s is not %s", (a, b) => {
    expect(foldCase(a)).not.toBe(foldCase(b));
  });

  it("is idempotent for every character", () => {
    const unstable: string[] = [];
    for (let code = 0; code <= 0x10ffff; code++) {
      const folded = foldCase(String.fromCodePoint(code));
      if (foldCase(folded) !== folded) unstable.push(code.toString(16));
    }
    expect(unstable).toEqual([]);
  });

  it("takes lone surrogates", () => {
    expect(foldCase("\ud800A")).toBe("\ud800a");
  });
});
