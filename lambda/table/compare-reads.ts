/** What a comparison walks along (`domain/compare.ts`): ranges of items as they are stored, a stretch at a time. */

import {
  blockOf,
  departedPageKey,
  departedPrefix,
  type Key,
  memberGroupsPartition,
  memberSortKey,
  membersPartition,
  membersPerBlock,
  pageOfRosterKey,
  presentPrefix,
  rosterPageKey,
} from "./keys.ts";
import { blocksIn, copiedNumbersOf, type NumberRange } from "./number-ranges.ts";
import {
  bitOf,
  chunksIn,
  chunksPerPage,
  copyOfNumber,
  type NumberPages,
  numbersOn,
  slotOf,
  union,
} from "./numbers.ts";
import { numbersBelow, readSeatPools } from "./seat-pools.ts";
import type { Item, RangeQuery, Store } from "./store.ts";

/** A stretch of items, and where the next one begins; undefined at the end. */
export interface RawStretch {
  readonly items: readonly Item[];
  readonly after: string | undefined;
}

/** The items of a partition behind a sort key. */
export async function readStretch(
  store: Store,
  range: Pick<RangeQuery, "pk" | "prefix">,
  after: string | undefined,
  limit: number,
): Promise<RawStretch> {
  const items = await store.query({ ...range, ...(after !== undefined && { after }), limit });
  return { items, after: items.length < limit ? undefined : String(items.at(-1)!["sk"]) };
}

/** Children of this project, and below which numbers the users of their parents lie. */
export interface CopiedRange {
  readonly ordinal: number;
  readonly parentProjectId: string;
}

/** Blocks in which rows of members can lie, ascending. */
export async function memberBlocks(
  store: Store,
  projectId: string,
  children: readonly CopiedRange[],
): Promise<readonly number[]> {
  const [pools, copied, inherited] = await Promise.all([
    readSeatPools(store, projectId),
    copiedNumbersOf(store, projectId),
    Promise.all(
      children.map(async ({ ordinal, parentProjectId }): Promise<NumberRange> => {
        const below = Math.max(1, numbersBelow(await readSeatPools(store, parentProjectId)));
        return { from: copyOfNumber(ordinal, 0), below: copyOfNumber(ordinal, below) };
      }),
    ),
  ]);
  const own = { from: 0, below: Math.max(1, numbersBelow(pools)) };
  // Of children that are there, their parents tell exactly how far; rosters, by whole pages alone.
  const gone = copied.filter(({ from }) => inherited.every((range) => range.from !== from));
  const blocks = new Set([own, ...gone, ...inherited].flatMap(blocksIn));
  return [...blocks].sort((a, b) => a - b);
}

/** All that is kept of neighbouring numbers. */
export interface NumbersStretch {
  readonly rows: readonly Item[];
  /** What the stream has carried to them. */
  readonly memberGroups: readonly Item[];
  /** Pages of the rosters given on which they have their bits, in all of their halves. */
  readonly pages: readonly Item[];
  /** Whose bits are set, or who has one of the items, among them. */
  readonly numbers: readonly number[];
  readonly pageKeys: readonly Key[];
  /** The last number looked at; undefined where nothing comes behind it. */
  readonly after: number | undefined;
}

export async function readNumbers(
  store: Store,
  projectId: string,
  { blocks, rosters }: { readonly blocks: readonly number[]; readonly rosters: readonly string[] },
  after: number | undefined,
  limit: number,
): Promise<NumbersStretch> {
  const wanted = after === undefined ? 0 : after + 1;
  const block = blocks.find((one) => one >= blockOf(wanted));
  if (block === undefined) {
    return { rows: [], memberGroups: [], pages: [], numbers: [], pageKeys: [], after: undefined };
  }
  const first = Math.max(wanted, block * membersPerBlock);
  const rows = await store.query({
    pk: membersPartition(projectId, block),
    from: memberSortKey(first),
    limit,
  });
  const isFull = rows.length === limit;
  const last = isFull ? Number(rows.at(-1)!["sk"]) : (block + 1) * membersPerBlock - 1;
  const bounds = { from: memberSortKey(first), to: memberSortKey(last) };
  const isAmong = (number: number) => number >= first && number <= last;
  const [memberGroups, pages] = await Promise.all([
    store.query({ pk: memberGroupsPartition(projectId, block), ...bounds }),
    readPages(store, rosters, slotOf(block * membersPerBlock).page),
  ]);
  const numbers = new Set([
    ...[...rows, ...memberGroups].map(({ sk }) => Number(sk)),
    ...["r", "u", "d"].flatMap((prefix) => [...numbersOn(bitsOn(pages, prefix))].filter(isAmong)),
  ]);
  const isEnd = !isFull && block === blocks.at(-1);
  return {
    rows,
    memberGroups,
    pages,
    numbers: [...numbers].sort((a, b) => a - b),
    pageKeys: rosters.flatMap((partition) => standingPages(partition, slotOf(block * membersPerBlock).page)),
    after: isEnd ? undefined : last,
  };
}

/** A block's numbers lie on one page of each stripe: sixteen in a row, in each roster. */
const pagesPerBlock = 16;

async function readPages(store: Store, rosters: readonly string[], page: number): Promise<readonly Item[]> {
  const first = page - (page % pagesPerBlock);
  const last = first + pagesPerBlock - 1;
  const ranges = rosters.flatMap((pk): RangeQuery[] => [
    { pk, from: rosterPageKey(pk, first, 0).sk, to: rosterPageKey(pk, last, 1).sk },
    { pk, from: departedPageKey(pk, first).sk, to: departedPageKey(pk, last).sk },
  ]);
  const items: Item[] = [];
  for (let start = 0; start < ranges.length; start += queriesAtOnceMax) {
    const read = ranges.slice(start, start + queriesAtOnceMax).map((range) => store.query(range));
    items.push(...(await Promise.all(read)).flat());
  }
  return items;
}

/** Our choice: a project may have hundreds of connections, and each has a roster. */
const queriesAtOnceMax = 32;

function standingPages(partition: string, page: number): readonly Key[] {
  const first = page - (page % pagesPerBlock);
  return Array.from({ length: pagesPerBlock }, (_, index) => first + index).flatMap((one) => [
    rosterPageKey(partition, one, 0),
    rosterPageKey(partition, one, 1),
    departedPageKey(partition, one),
  ]);
}

function bitsOn(pages: readonly Item[], prefix: string): NumberPages {
  const bits = new Map<number, Map<number, bigint>>();
  for (const item of pages) {
    const page = pageOfRosterKey(String(item["sk"]));
    bits.set(page, new Map([...(bits.get(page) ?? []), ...chunksIn(item, prefix)]));
  }
  return bits;
}

/** What a roster says of a number. */
export interface Standing {
  readonly reader: boolean;
  readonly user: boolean;
  readonly departed: boolean;
}

export function standingIn(
  partition: string,
  number: number,
  itemAt: (key: Key) => Item | undefined,
): Standing {
  const { page, slot } = slotOf(number);
  const { chunk, amount } = bitOf(slot);
  const present = itemAt(rosterPageKey(partition, page, chunk < chunksPerPage / 2 ? 0 : 1));
  const departed = itemAt(departedPageKey(partition, page));
  const has = (item: Item | undefined, prefix: string): boolean => {
    const name = `${prefix}${chunk}`;
    const bits = item?.[name] === undefined ? undefined : chunksIn({ [name]: item[name] }, prefix).get(chunk);
    return ((bits ?? 0n) & amount) !== 0n;
  };
  return { reader: has(present, "r"), user: has(present, "u"), departed: has(departed, "d") };
}

/** The live ones of a roster, of either type. */
export function presentIn(pages: readonly Item[]): NumberPages {
  return union(bitsOn(pages, "r"), bitsOn(pages, "u"));
}

export function departedAmong(pages: readonly Item[]): NumberPages {
  return bitsOn(pages, "d");
}

export function presentOf(partition: string): RangeQuery {
  return { pk: partition, prefix: presentPrefix };
}

export function departedOf(partition: string): RangeQuery {
  return { pk: partition, prefix: departedPrefix };
}
