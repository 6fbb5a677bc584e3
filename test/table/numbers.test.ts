import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  bitOf,
  numberOf,
  numbersOnPages,
  slotOf,
  slotsPerPage,
  stripes,
} from "../../lambda/table/numbers.ts";

/** The pages of a set of numbers, made by adding bits as the table does. */
function pagesOf(numbers: Iterable<number>) {
  const pages = new Map<number, Map<number, bigint>>();
  for (const number of numbers) {
    const { page, slot } = slotOf(number);
    const { chunk, amount } = bitOf(slot);
    const index = Number(chunk.slice(1));
    const chunks = pages.get(page) ?? new Map<number, bigint>();
    pages.set(page, chunks.set(index, (chunks.get(index) ?? 0n) + amount));
  }
  return [...pages].map(([page, chunks]) => ({ page, chunks }));
}

describe("member numbers", () => {
  it("a set of numbers comes back from its bits, ascending", () => {
    const numbers = fc.uniqueArray(fc.nat(200_000), { maxLength: 300 });
    fc.assert(
      fc.property(numbers, (set) => {
        expect([...numbersOnPages(pagesOf(set))]).toEqual([...set].sort((a, b) => a - b));
      }),
      { numRuns: 30 },
    );
  });

  it("each number has a slot of its own, and each stripe pages of its own", () => {
    const seen = new Set<string>();
    for (let number = 0; number < 3 * stripes * slotsPerPage; number++) {
      const { page, slot } = slotOf(number);
      expect(page % stripes).toBe(number % stripes);
      expect(slot).toBeLessThan(slotsPerPage);
      seen.add(`${page}/${slot}`);
    }
    expect(seen.size).toBe(3 * stripes * slotsPerPage);
  });

  it("a stripe's numbers rise one by one, and no two stripes give the same", () => {
    const given = Array.from({ length: 100 }, (_, index) =>
      numberOf(index % stripes, Math.floor(index / stripes)),
    );
    expect(given).toEqual(Array.from({ length: 100 }, (_, index) => index));
  });

  it("a full page keeps every bit exactly: no chunk outgrows the 38 digits of a DynamoDB number", () => {
    const [page] = pagesOf(Array.from({ length: slotsPerPage }, (_, ordinal) => numberOf(3, ordinal)));
    for (const chunk of page!.chunks.values()) {
      expect(chunk.toString().length).toBeLessThanOrEqual(38);
    }
    expect(numbersOnPages([page!])).toHaveLength(slotsPerPage);
  });
});
