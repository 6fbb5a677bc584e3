/**
 * Of many cases that are alike a run takes a share, and says with its seed which. `run-seeds.ts` (SHARE=all) and THOROUGH=1
 * take all of them; so do as many runs with seeds in a row as the share is a part of the whole.
 */

const takesAll = process.env["THOROUGH"] !== undefined || process.env["SHARE"] === "all";

/** One in `oneIn`, neighbours not together. */
export function shareOf<T>(cases: readonly T[], seed: number, oneIn: number): readonly T[] {
  return takesAll ? cases : cases.filter((_, place) => (place + seed) % oneIn === 0);
}
