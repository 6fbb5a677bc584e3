/** Which member numbers a project has beside its own: those of copies, apart for each of its inheritances. */

import { inheritancesEver } from "./connections.ts";
import { blockOf } from "./keys.ts";
import { copyOfNumber, slotOf, stripes } from "./numbers.ts";
import { lastInRoster } from "./roster.ts";
import type { Store } from "./store.ts";

export interface NumberRange {
  readonly from: number;
  readonly below: number;
}

/** Ascending. Every number at which there is a row stands in the roster, or among the departed, for ever: so these tell how far. */
export async function copiedNumbersOf(store: Store, projectId: string): Promise<readonly NumberRange[]> {
  const inheritances = await inheritancesEver(store, projectId);
  const ranges = await Promise.all(
    inheritances.map(async ({ connectionId, ordinal }) => {
      const last = await lastInRoster(store, connectionId);
      const from = copyOfNumber(ordinal, 0);
      return { from, below: last === undefined ? from : last + 1 };
    }),
  );
  return ranges.filter(({ from, below }) => below > from).sort((a, b) => a.from - b.from);
}

/** The pages on which numbers of the range have their bits, and those that the next ones will have them on. */
export function pagesFor({ from, below }: NumberRange): readonly number[] {
  const [first, last] = [slotOf(from).page, slotOf(below - 1).page];
  const begin = first - (first % stripes);
  const end = last - (last % stripes) + 2 * stripes;
  return Array.from({ length: end - begin }, (_, index) => begin + index);
}

/** The blocks in which rows of these numbers lie, ascending. */
export function blocksIn({ from, below }: NumberRange): readonly number[] {
  const first = blockOf(from);
  return Array.from({ length: blockOf(below - 1) - first + 1 }, (_, index) => first + index);
}
