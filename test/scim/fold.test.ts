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
      const character = String.fromCodePoint(code);
      const folded = foldCase(character);
      // Most stay as they are, and need no second look.
      if (folded !== character && foldCase(folded) !== folded) unstable.push(code.toString(16));
    }
    expect(unstable).toEqual([]);
  });

  it("leaves endless combining marks in their order: sorting them would take the square of their number", () => {
    const marks = "\u0301\u0316".repeat(60_000); // above, then below: canonical order is the other way round
    expect(foldCase(`A${marks}`)).toBe(`a${marks}`);
    expect(foldCase("A\u0301\u0316")).toBe("a\u0316\u0301".normalize("NFKC"));
  });

  it("takes lone surrogates", () => {
    expect(foldCase("\ud800A")).toBe("\ud800a");
  });
});
