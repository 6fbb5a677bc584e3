/** Reads many members by number in one round trip, by whichever of Query and BatchGetItem costs less. */

import type { Member } from "../domain/member.ts";
import { blockOf, type Key, memberGroupsKey, memberKey } from "./keys.ts";
import { type MemberGroups, noGroups, parseMemberGroups } from "./member-groups.ts";
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
  const rows = await readMemberRows(store, projectId, numbers);
  return [...rows.values()]
    .flatMap((row) => (row.kind === "member" ? [row.member] : []))
    .sort((a, b) => a.number - b.number);
}

/** The member at this number; undefined when there is none, or when it moved on. */
export async function readMember(
  store: Store,
  projectId: string,
  number: number,
): Promise<Member | undefined> {
  const row = (await readMemberRows(store, projectId, [number])).get(number);
  return row?.kind === "member" ? row.member : undefined;
}

/** Whatever stands at this number. */
export async function readMemberRow(
  store: Store,
  projectId: string,
  number: number,
): Promise<MemberRow | undefined> {
  return (await readMemberRows(store, projectId, [number])).get(number);
}

/** The member that moved to a number, and perhaps on from there. */
export async function readWhereItMoved(
  store: Store,
  projectId: string,
  to: number,
): Promise<Member | undefined> {
  for (let number = to; ; ) {
    const row = await readMemberRow(store, projectId, number);
    if (row?.kind !== "moved") {
      return row?.kind === "member" ? row.member : undefined;
    }
    number = row.to;
  }
}

/** The member whose first number this was, wherever it lives now; deleted ones included. */
export async function readMemberByHome(
  store: Store,
  projectId: string,
  homeNumber: number,
): Promise<Member | undefined> {
  return (await readMembersByHome(store, projectId, [homeNumber])).get(homeNumber);
}

/** The members whose first numbers these ascending ones were, by them, wherever they live now; deleted ones included. */
export async function readMembersByHome(
  store: Store,
  projectId: string,
  homeNumbers: Iterable<number>,
): Promise<ReadonlyMap<number, Member>> {
  const found = new Map<number, Member>();
  let sought = [...homeNumbers].map((home) => ({ home, at: home }));
  // A home row names where the member lives now; another stub in between was overtaken by a further move.
  while (sought.length > 0) {
    const numbers = sought.map(({ at }) => at).sort((a, b) => a - b);
    const rows = await readMemberRows(store, projectId, numbers);
    const moved: typeof sought = [];
    for (const { home, at } of sought) {
      const row = rows.get(at);
      if (row?.kind === "moved") {
        moved.push({ home, at: row.to });
      } else if (row?.kind === "member") {
        found.set(home, row.member);
      }
    }
    sought = moved;
  }
  return found;
}

/** What stands at these ascending numbers, by number. */
export async function readMemberRows(
  store: Store,
  projectId: string,
  numbers: Iterable<number>,
): Promise<ReadonlyMap<number, MemberRow>> {
  const items = await readItems(store, numbers, (number) => memberKey(projectId, number));
  return new Map([...items].map(([number, item]) => [number, parseMemberRow(projectId, item)]));
}

export interface MemberWithGroups {
  readonly member: Member;
  /** What is kept under its present number. */
  readonly groups: MemberGroups;
}

/** `readMembers`, and the groups they are in, at the same time. */
export async function readMembersWithGroups(
  store: Store,
  projectId: string,
  numbers: Iterable<number>,
): Promise<readonly MemberWithGroups[]> {
  const wanted = [...numbers];
  const [members, groups] = await Promise.all([
    readMembers(store, projectId, wanted),
    readGroupsOfMembers(store, projectId, wanted),
  ]);
  return members.map((member) => ({ member, groups: groups.get(member.number) ?? noGroups }));
}

/** What is kept of groups under these numbers, by number; nothing for who is in none. */
export async function readGroupsOfMembers(
  store: Store,
  projectId: string,
  numbers: Iterable<number>,
): Promise<ReadonlyMap<number, MemberGroups>> {
  const items = await readItems(store, numbers, (number) => memberGroupsKey(projectId, number));
  return new Map([...items].map(([number, item]) => [number, parseMemberGroups(item)]));
}

/** The items at the keys of the numbers, in whatever order they come, by number: neighbours by Query, which passes over who is between. */
async function readItems(
  store: Store,
  numbers: Iterable<number>,
  keyOf: (number: number) => Key,
): Promise<ReadonlyMap<number, Item>> {
  const wanted = new Set([...numbers].sort((a, b) => a - b));
  const runs = runsOf(wanted);
  const long = runs.filter((run) => run.length >= runLengthMin);
  const keys = runs
    .filter((run) => run.length < runLengthMin)
    .flat()
    .map(keyOf);
  const [ranges, batch] = await Promise.all([
    Promise.all(
      long.map((run) => {
        const [first, last] = [keyOf(run[0]!), keyOf(run.at(-1)!)];
        return store.query({ pk: first.pk, from: first.sk, to: last.sk });
      }),
    ),
    keys.length > 0 ? store.read(keys) : undefined,
  ]);
  const singles = keys.map((key) => batch?.get(key)).filter((item) => item !== undefined);
  return new Map(
    [...ranges.flat(), ...singles]
      .map((item) => [Number(item["sk"]), item] as const)
      .filter(([number]) => wanted.has(number)),
  );
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
