/** Reads many members by number in one round trip, by whichever of Query and BatchGetItem costs less. */

import type { Member } from "../domain/member.ts";
import { blockOf, memberKey, memberSortKey, membersPartition } from "./keys.ts";
import { type MemberRow, parseMemberRow } from "./members.ts";
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

/** The member at this number; undefined when there is none, or when it moved on. */
export async function readMember(
  store: Store,
  projectId: string,
  number: number,
): Promise<Member | undefined> {
  const row = await readMemberRow(store, projectId, number);
  return row?.kind === "member" ? row.member : undefined;
}

/** The member whose first number this was, wherever it lives now; deleted ones included. */
export async function readMemberByHome(
  store: Store,
  projectId: string,
  homeNumber: number,
): Promise<Member | undefined> {
  let row = await readMemberRow(store, projectId, homeNumber);
  // A home row names where the member lives now; another stub in between was overtaken by a further move.
  while (row?.kind === "moved") {
    row = await readMemberRow(store, projectId, row.to);
  }
  return row?.member;
}

async function readMemberRow(
  store: Store,
  projectId: string,
  number: number,
): Promise<MemberRow | undefined> {
  const key = memberKey(projectId, number);
  const item = (await store.read([key])).get(key);
  return item && parseMemberRow(projectId, item);
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
