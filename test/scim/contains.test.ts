import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contains } from "../../lambda/scim/contains.ts";

describe("contains", () => {
  it("says what includes says, of short parts and of repeating long ones", () => {
    const repeating = fc
      .array(fc.tuple(fc.constantFrom("a", "b", "ab"), fc.nat({ max: 200 })), { maxLength: 6 })
      .map((runs) => runs.map(([part, times]) => part.repeat(times)).join(""));
    fc.assert(
      fc.property(repeating, repeating, repeating, (before, part, after) => {
        expect(contains(before + part + after, part)).toBe(true);
        expect(contains(before + after, part)).toBe((before + after).includes(part));
      }),
      { numRuns: 1_000 },
    );
  });

  it("reads a text once, however the part repeats", () => {
    const half = "a".repeat(2_000);
    const text = "a".repeat(250_000);
    // Each would take most of a second if it cost the product of the lengths, and all of them more than a test is given.
    for (let times = 0; times < 300; times++) expect(contains(text, `${half}b${half}`)).toBe(false);
  });
});
