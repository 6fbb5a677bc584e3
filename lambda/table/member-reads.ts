/** Reads many members by number in one round trip, by whichever of Query and BatchGetItem costs less. */

import type { Member } from "../domain/member.ts";
import { blockOf, memberKey, memberSortKey, membersPartition } from "./keys.ts";
import { parseMemberRow } from "./members.ts";
import type { Item, Store } from "./store.ts";

/**
 * A Query pays by the kilobytes it passes over, BatchGetItem a whole unit (4 KB) for each item: at 1.2 KB a row, a
 * stranger passed over costs a third of fetching one row on its own.
 */
const gapMax = 8;
/** Runs shorter than this go into the batch. */
const runLengthMin = 4;

/** Ascending numbers of one block, close together. */
type Run = number[];

/** The members at these ascending numbers that are there, in that order. Numbers that moved on are left out. */
export async function readMembers(
  store: Store,
  projectId: string,
  numbers: Iterable<number>,
): Promise<readonly Member[]> {
  const wanted = new Set(numbers);
  const runs = runsOf(wanted);
  const long = runs.filter((run) => run.length >= runLengthMin);
  const keys = runs
    .filter((run) => run.length < runLengthMin)
    .flat()
    .map((number) => memberKey(projectId, number));
  const [ranges, batch] = await Promise.all([
    Promise.all(
      long.map((run) =>
        store.query({
          pk: membersPartition(projectId, blockOf(run[0]!)),
          from: memberSortKey(run[0]!),
          to: memberSortKey(run.at(-1)!),
        }),
      ),
    ),
    keys.length > 0 ? store.read(keys) : undefined,
  ]);
  const singles = keys.map((key) => batch?.get(key)).filter((item) => item !== undefined);
  const items: readonly Item[] = [...ranges.flat(), ...singles];
  return items
    .map((item) => parseMemberRow(projectId, item))
    .flatMap((row) => (row.kind === "member" && wanted.has(row.member.number) ? [row.member] : []))
    .sort((a, b) => a.number - b.number);
}

/** Neighbours in one block with no gap wider than `gapMax` make a run. */
function runsOf(ascending: Iterable<number>): readonly Run[] {
  const runs: Run[] = [];
  for (const number of ascending) {
    const last = runs.at(-1)?.at(-1);
    if (last !== undefined && number - last <= gapMax && blockOf(number) === blockOf(last)) {
      runs.at(-1)!.push(number);
    } else {
      runs.push([number]);
    }
  }
  return runs;
}
