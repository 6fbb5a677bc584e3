/**
 * The members of groups: for each group and page of numbers that has any, one item of under a kilobyte (see `numbers.ts`).
 * A change of one member therefore costs the same in a group of one and of 100,000. Unlike a roster's, these bits are set
 * under a condition on the chunk as it was read, because a bit may be there already.
 */

import {
  copiedAttribute,
  type GroupPagePlace,
  groupPageKey,
  groupPagePrefix,
  groupPagesPartition,
  groupPagesPrefix,
  type Key,
  type MembershipKind,
  placeOfGroupPage,
} from "./keys.ts";
import { chunksIn, chunksPerPage, type NumberPages, noNumbers, type PageChunks } from "./numbers.ts";
import type { Condition, Item, Store, Write } from "./store.ts";

/** Where one of a group's sets lies. */
export interface MembersPlace {
  readonly projectId: string;
  readonly groupId: string;
  readonly kind: MembershipKind;
  readonly generation: string;
}

const chunkPrefix = "b";

/** Sets by generation, as far as they were read. */
export interface Generations {
  of(generation: string): NumberPages;
  /** Whether anything was read that belongs to another one. */
  hasOther(generation: string): boolean;
}

/** Nothing was read. */
export const noGenerations: Generations = { of: () => noNumbers, hasOther: () => false };

/** Up to so many pages are read one by one, at a read unit each; more by one Query over all of the group. */
const singlePagesMax = 4;

/**
 * A group's set, in all generations that are there, since which one counts stands in the row that is read at the same time.
 * With `pages`, at least those pages of it.
 */
export async function readGroupPages(
  store: Store,
  { projectId, groupId, kind }: Omit<MembersPlace, "generation">,
  pages?: ReadonlySet<number>,
): Promise<Generations> {
  const pk = groupPagesPartition(projectId, groupId);
  const prefixes =
    pages !== undefined && pages.size <= singlePagesMax
      ? [...pages].map((page) => groupPagePrefix(kind, page))
      : [groupPagesPrefix(kind)];
  const items = (await Promise.all(prefixes.map((prefix) => store.query({ pk, prefix })))).flat();
  return {
    of: (generation) => pagesIn(items, generation),
    hasOther: (wanted) => items.some(({ sk }) => placeOfGroupPage(String(sk)).generation !== wanted),
  };
}

/** Both of a group's sets as they lie at present; a Query over all of the group. */
export interface GroupSets {
  /** The connection's users, the departed among them. */
  readonly users: NumberPages;
  /** Put in by hand, by their first numbers; the deleted among them. */
  readonly hand: NumberPages;
}

export async function readGroupSets(
  store: Store,
  { projectId, groupId, generation }: Omit<MembersPlace, "kind">,
): Promise<GroupSets> {
  const items = await store.query({ pk: groupPagesPartition(projectId, groupId) });
  return { users: setIn(items, "S", generation), hand: setIn(items, "H", handGeneration) };
}

/** One set of a group out of all its pages. */
export function setIn(pages: readonly Item[], kind: MembershipKind, generation: string): NumberPages {
  return pagesIn(
    pages.filter(({ sk }) => placeOfGroupPage(String(sk)).kind === kind),
    generation,
  );
}

/** The set of those put in by hand is never replaced as a whole: it has one generation. */
const handGeneration = "";

/** Where the set of those put in by hand lies. */
export function handPlace(projectId: string, groupId: string): MembersPlace {
  return { projectId, groupId, kind: "H", generation: handGeneration };
}

function pagesIn(items: readonly Item[], wanted: string): NumberPages {
  const pages = new Map<number, PageChunks>();
  for (const item of items) {
    const { page, generation } = placeOfGroupPage(String(item["sk"]));
    if (generation === wanted) {
      pages.set(page, pageChunks(item));
    }
  }
  return pages.size === 0 ? noNumbers : pages;
}

/** A write for each page in which the sets differ. */
export function membersWrites(
  place: MembersPlace,
  before: NumberPages,
  after: NumberPages,
): readonly Write[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((page) => {
    const key = groupPageKey(place.projectId, place.groupId, { ...place, page });
    return pageWrite(key, before.get(page) ?? noChunks, after.get(page) ?? noChunks);
  });
}

const noChunks: PageChunks = new Map();

/** The chunks that the item of a page holds. */
export function pageChunks(item: Item | undefined): PageChunks {
  return item === undefined ? noChunks : chunksIn(item, chunkPrefix);
}

/** Of a page that is a copy: which revision of its source it was last brought to. */
export function copiedRevision(item: Item | undefined): number | undefined {
  const copied = item?.[copiedAttribute];
  return typeof copied === "number" ? copied : undefined;
}

/** Makes a page a copy of these chunks, whichever it had, under the condition that nobody has written it since it was read. */
export function copiedPageWrite(
  key: Key,
  seen: Item | undefined,
  chunks: PageChunks,
  revision: number,
): Write {
  const before = copiedRevision(seen);
  const unchanged = chunksUnchanged(pageChunks(seen), allChunks);
  return {
    put: {
      ...key,
      ...Object.fromEntries([...chunks].map(([chunk, bits]) => [nameOf(chunk), bits])),
      [copiedAttribute]: revision,
    },
    when: {
      expression: `${before === undefined ? "attribute_not_exists(#copied)" : "#copied = :copied"} AND ${unchanged.expression}`,
      names: { "#copied": copiedAttribute },
      values: { ...unchanged.values, ...(before !== undefined && { ":copied": before }) },
    },
  };
}

/** Turns the item of one page into what it shall hold; nothing to write when that is what it holds. */
export function pageWrite(key: Key, before: PageChunks, after: PageChunks): readonly Write[] {
  const changed = [...new Set([...before.keys(), ...after.keys()])].filter(
    (chunk) => (before.get(chunk) ?? 0n) !== (after.get(chunk) ?? 0n),
  );
  if (changed.length === 0) {
    return [];
  }
  if (isEmpty(after)) {
    // Without its last bit a page goes, unless a bit came in meanwhile, anywhere in it.
    return [{ delete: key, when: chunksUnchanged(before, allChunks) }];
  }
  const set = changed.filter((chunk) => after.has(chunk) && after.get(chunk) !== 0n);
  const removed = changed.filter((chunk) => !set.includes(chunk));
  const unchanged = chunksUnchanged(before, changed);
  return [
    {
      update: key,
      change: {
        expression: [
          ...(set.length > 0
            ? [`SET ${set.map((chunk) => `${nameOf(chunk)} = :next${chunk}`).join(", ")}`]
            : []),
          // Whoever changes a page by hand makes it no copy any more.
          `REMOVE ${["#copied", ...removed.map(nameOf)].join(", ")}`,
        ].join(" "),
        names: { "#copied": copiedAttribute },
        values: Object.fromEntries(set.map((chunk) => [`:next${chunk}`, after.get(chunk)!])),
      },
      // Where others take theirs out at the same time, the last of them takes the page away.
      when:
        set.length > 0
          ? unchanged
          : { ...unchanged, expression: `${unchanged.expression} AND ${holdsAny(after)}` },
    },
  ];
}

function holdsAny(chunks: PageChunks): string {
  const held = [...chunks].filter(([, bits]) => bits !== 0n);
  return `(${held.map(([chunk]) => `attribute_exists(${nameOf(chunk)})`).join(" OR ")})`;
}

const allChunks = Array.from({ length: chunksPerPage }, (_, chunk) => chunk);

function isEmpty(chunks: PageChunks): boolean {
  return [...chunks.values()].every((bits) => bits === 0n);
}

function nameOf(chunk: number): string {
  return `${chunkPrefix}${chunk}`;
}

/** The chunks are as they were seen; of others nothing is said, so that changes of one page seldom meet. */
function chunksUnchanged(seen: PageChunks, chunks: readonly number[]): Condition {
  const held = chunks.filter((chunk) => (seen.get(chunk) ?? 0n) !== 0n);
  return {
    expression: chunks
      .map((chunk) =>
        held.includes(chunk) ? `${nameOf(chunk)} = :seen${chunk}` : `attribute_not_exists(${nameOf(chunk)})`,
      )
      .join(" AND "),
    values: Object.fromEntries(held.map((chunk) => [`:seen${chunk}`, seen.get(chunk)!])),
  };
}

/** The items of a whole set, to be put under a generation that nobody reads yet, or into a table that nobody uses yet. */
export function membersItems(place: MembersPlace, members: NumberPages): readonly Item[] {
  return [...members]
    .filter(([, chunks]) => !isEmpty(chunks))
    .map(([page, chunks]) => ({
      ...groupPageKey(place.projectId, place.groupId, { ...place, page }),
      ...Object.fromEntries([...chunks].map(([chunk, bits]) => [nameOf(chunk), bits])),
    }));
}

/** Keys of all that is kept of a group's members but for what `keeps` says, sets that were given up included. */
export async function membersKeys(
  store: Store,
  projectId: string,
  groupId: string,
  keeps: (place: GroupPagePlace) => boolean = () => false,
): Promise<readonly Key[]> {
  const items = await store.query({ pk: groupPagesPartition(projectId, groupId) });
  return items
    .map((item) => ({ pk: String(item["pk"]), sk: String(item["sk"]) }))
    .filter(({ sk }) => !keeps(placeOfGroupPage(sk)));
}
