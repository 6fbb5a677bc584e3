import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  countOf,
  difference,
  hasNumber,
  intersection,
  numberOf,
  numbersOn,
  pagesOf,
  slotOf,
  slotsPerPage,
  stripes,
  union,
  withNumbers,
} from "../../lambda/table/numbers.ts";

describe("member numbers", () => {
  it("a set of numbers comes back from its bits, ascending", () => {
    const numbers = fc.uniqueArray(fc.nat(200_000), { maxLength: 300 });
    fc.assert(
      fc.property(numbers, (set) => {
        expect([...numbersOn(pagesOf(set))]).toEqual([...set].sort((a, b) => a - b));
      }),
      { numRuns: 30 },
    );
  });

  it("each number has a slot of its own, and each stripe pages of its own", () => {
    const seen = new Set<string>();
    const misplaced: number[] = [];
    for (let number = 0; number < 3 * stripes * slotsPerPage; number++) {
      const { page, slot } = slotOf(number);
      if (page % stripes !== number % stripes || slot >= slotsPerPage) misplaced.push(number);
      seen.add(`${page}/${slot}`);
    }
    expect(misplaced).toEqual([]);
    expect(seen.size).toBe(3 * stripes * slotsPerPage);
  });

  it("a stripe's numbers rise one by one, and no two stripes give the same", () => {
    const given = Array.from({ length: 100 }, (_, index) =>
      numberOf(index % stripes, Math.floor(index / stripes)),
    );
    expect(given).toEqual(Array.from({ length: 100 }, (_, index) => index));
  });

  it("a full page keeps every bit exactly: no chunk outgrows the 38 digits of a DynamoDB number", () => {
    const pages = pagesOf(Array.from({ length: slotsPerPage }, (_, ordinal) => numberOf(3, ordinal)));
    const [[, chunks]] = [...pages] as [[number, ReadonlyMap<number, bigint>]];
    for (const chunk of chunks.values()) {
      expect(chunk.toString().length).toBeLessThanOrEqual(38);
    }
    expect([pages.size, countOf(pages)]).toEqual([1, slotsPerPage]);
  });

  it("sets combine as sets do", () => {
    const numbers = fc.uniqueArray(fc.nat(300), { maxLength: 60 });
    fc.assert(
      fc.property(numbers, numbers, (first, second) => {
        const [a, b] = [pagesOf(first), pagesOf(second)];
        const sorted = (set: Iterable<number>) => [...set].sort((x, y) => x - y);
        const both = new Set([...first, ...second]);
        expect([...numbersOn(union(a, b))]).toEqual(sorted(both));
        expect([...numbersOn(intersection(a, b))]).toEqual(sorted(first.filter((n) => second.includes(n))));
        expect([...numbersOn(difference(a, b))]).toEqual(sorted(first.filter((n) => !second.includes(n))));
        expect([...numbersOn(withNumbers(a, second, []))]).toEqual(sorted(both));
        expect(countOf(withNumbers(a, [], second))).toBe(first.filter((n) => !second.includes(n)).length);
        expect(first.every((number) => hasNumber(a, number))).toBe(true);
        expect(hasNumber(a, 301)).toBe(false);
      }),
    );
  });
});
