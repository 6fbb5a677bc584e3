/**
 * Rosters: who is there, as sets of member numbers (see `numbers.ts`). Every live member stands in exactly one: its
 * connection's, or the product's own; there among the readers or among the users, so that a group's members are counted
 * by type without reading them. Both are kept in one item, so that who changes the type is never seen in neither.
 *
 * A number that leaves a connection's roster is noted there as departed. It may still stand in that connection's groups,
 * however many; they are read without the departed, so that a user leaves all of them at once by one bit.
 */

import { lastConnectionOf, type Member, type MemberType, typeOf } from "../domain/member.ts";
import {
  departedPageKey,
  departedPrefix,
  heirsSinceAttribute,
  type Key,
  pageOfRosterKey,
  presentPrefix,
  productRosterPartition,
  rosterPageKey,
  rosterPartition,
} from "./keys.ts";
import {
  bitOf,
  chunksIn,
  chunksPerPage,
  type NumberPages,
  type NumberSet,
  numbersOn,
  slotOf,
  stripes,
  union,
} from "./numbers.ts";
import type { Condition, Item, Store, Write } from "./store.ts";

/** The live ones by type. */
export type Roster = { readonly [type in MemberType]: NumberPages };

/** All numbers of a connection's users, ascending: 100,000 are 64 items, one Query, some 6 read units. */
export async function readRoster(store: Store, connectionId: string): Promise<NumberSet> {
  return numbersOn(everybodyIn(await readRosterByType(store, connectionId)));
}

export async function readRosterByType(store: Store, connectionId: string): Promise<Roster> {
  return rosterIn(store, rosterPartition(connectionId));
}

/** The live members that belong to no connection. */
export async function readProductRoster(store: Store, projectId: string): Promise<Roster> {
  return rosterIn(store, productRosterPartition(projectId));
}

export function everybodyIn(roster: Roster): NumberPages {
  return union(roster.reader, roster.user);
}

/** The highest number that is, or was, a user of the connection. */
export async function lastInRoster(store: Store, connectionId: string): Promise<number | undefined> {
  const items = await store.query({ pk: rosterPartition(connectionId) });
  const pages = Object.values(chunkPrefixes)
    .map((prefix) => pagesIn(items, prefix))
    .reduce(union);
  const rowOf = (page: number) => Math.floor(page / stripes);
  for (const row of [...new Set([...pages.keys()].map(rowOf))].sort((a, b) => b - a)) {
    const last = numbersOn(new Map([...pages].filter(([page]) => rowOf(page) === row))).at(-1);
    if (last !== undefined) {
      return last;
    }
  }
  return undefined;
}

/** Numbers that were users of the connection and are no more. Few: one read unit, where hardly anybody left. */
export async function readDeparted(store: Store, connectionId: string): Promise<NumberPages> {
  const items = await store.query({ pk: rosterPartition(connectionId), prefix: departedPrefix });
  return pagesIn(items, chunkPrefixes.departed);
}

/** Those on the pages given; a page that is not there has none. */
export function departedIn(pages: readonly (Item | undefined)[]): NumberPages {
  return pagesIn(
    pages.filter((page) => page !== undefined),
    chunkPrefixes.departed,
  );
}

async function rosterIn(store: Store, pk: string): Promise<Roster> {
  const items = await store.query({ pk, prefix: presentPrefix });
  return { reader: pagesIn(items, chunkPrefixes.reader), user: pagesIn(items, chunkPrefixes.user) };
}

function pagesIn(items: readonly Item[], prefix: string): NumberPages {
  const pages = new Map<number, Map<number, bigint>>();
  for (const item of items) {
    const page = pageOfRosterKey(String(item["sk"]));
    pages.set(page, new Map([...(pages.get(page) ?? []), ...chunksIn(item, prefix)]));
  }
  return pages;
}

/** A connection as far as it was read. */
export interface KnownConnection {
  readonly id: string;
  readonly revision: number;
}

export interface RosterChange {
  /** The number that a copy comes back to after it had left it, as none but a copy does. */
  readonly returnsTo?: number | undefined;
  /** The connection whose roster somebody new comes to: not if it has children by now that were not known of (`heir-marks.ts`). */
  readonly arrivesAt?: KnownConnection | undefined;
}

/** What a change of a member (nothing before, for a new one) does to rosters. */
export function rosterWrites(
  before: Member | undefined,
  after: Member,
  { returnsTo, arrivesAt }: RosterChange = {},
): readonly Write[] {
  const departed = returnsTo === undefined ? [] : [departure(after.connectionId!, returnsTo)];
  const had = new Map(
    [...(before ? standings(before) : []), ...departed].map((standing) => [identity(standing), standing]),
  );
  const gets = new Map(standingsAfter(before, after).map((standing) => [identity(standing), standing]));
  const changes = [
    ...[...had].filter(([id]) => !gets.has(id)).map(([, standing]) => bitChange(standing, -1n)),
    ...[...gets].filter(([id]) => !had.has(id)).map(([, standing]) => bitChange(standing, 1n)),
  ];
  const keys = new Map(changes.map(({ key }) => [`${key.pk} ${key.sk}`, key]));
  const arrival = arrivesAt && { pk: rosterPartition(arrivesAt.id), revision: arrivesAt.revision };
  return [...keys.values()].map((key) =>
    pageWrite(
      key,
      changes.filter((change) => change.key.pk === key.pk && change.key.sk === key.sk),
      arrival?.pk === key.pk ? arrival.revision : undefined,
    ),
  );
}

/** Notes a number as departed at which nobody has been yet. */
export function departureWrite(connectionId: string, number: number): Write {
  const change = bitChange(departure(connectionId, number), 1n);
  return pageWrite(change.key, [change], undefined);
}

type StandingKind = MemberType | "departed";

const chunkPrefixes: Readonly<Record<StandingKind, string>> = { reader: "r", user: "u", departed: "d" };

interface Standing {
  readonly partition: string;
  readonly kind: StandingKind;
  readonly number: number;
}

function standings(member: Member): readonly Standing[] {
  const { projectId, connectionId, number, attributes } = member;
  const lastConnection = lastConnectionOf(member);
  const live = member.deletedAt === undefined;
  const partition =
    connectionId === undefined ? productRosterPartition(projectId) : rosterPartition(connectionId);
  const departed = lastConnection !== undefined && !(live && connectionId !== undefined);
  return [
    ...(live ? [{ partition, kind: typeOf(attributes), number }] : []),
    ...(departed ? [departure(lastConnection, number)] : []),
  ];
}

/** A number that is left behind stays departed for ever, so that nothing of its groups comes back with the member. */
function standingsAfter(before: Member | undefined, after: Member): readonly Standing[] {
  const left = before && before.number !== after.number ? lastConnectionOf(before) : undefined;
  return left === undefined ? standings(after) : [...standings(after), departure(left, before!.number)];
}

function departure(connectionId: string, number: number): Standing {
  return { partition: rosterPartition(connectionId), kind: "departed", number };
}

function identity({ partition, kind, number }: Standing): string {
  return `${partition} ${kind} ${number}`;
}

interface BitChange {
  readonly key: Key;
  /** The chunk's attribute. */
  readonly name: string;
  /** To be added, so that the bit is set, or (negative) cleared. */
  readonly amount: bigint;
}

function bitChange({ partition, kind, number }: Standing, sign: 1n | -1n): BitChange {
  const { page, slot } = slotOf(number);
  const { chunk, amount } = bitOf(slot);
  const half = chunk < chunksPerPage / 2 ? 0 : 1;
  const key = kind === "departed" ? departedPageKey(partition, page) : rosterPageKey(partition, page, half);
  return { key, name: `${chunkPrefixes[kind]}${chunk}`, amount: sign * amount };
}

function marksKnown(revision: number): Condition {
  return {
    expression: "(attribute_not_exists(#heirsSince) OR #heirsSince <= :knownRevision)",
    names: { "#heirsSince": heirsSinceAttribute },
    values: { ":knownRevision": revision },
  };
}

/** The keys of all that a number's bit may be in while its member is live. */
export function rosterPageKeys(connectionId: string, page: number): readonly Key[] {
  return ([0, 1] as const).map((half) => rosterPageKey(rosterPartition(connectionId), page, half));
}

/** The most a chunk can hold: 120 bits. */
const chunkMax = (1n << 120n) - 1n;

/** Changes bits unread; the condition on the row in the same transaction vouches for their state. */
function pageWrite(key: Key, changes: readonly BitChange[], knownRevision: number | undefined): Write {
  const known = knownRevision === undefined ? undefined : marksKnown(knownRevision);
  const names = Object.fromEntries(changes.map(({ name }, index) => [`#chunk${index}`, name]));
  return {
    update: key,
    change: {
      expression: `ADD ${changes.map((_, index) => `#chunk${index} :amount${index}`).join(", ")}`,
      names,
      values: Object.fromEntries(changes.map(({ amount }, index) => [`:amount${index}`, amount])),
    },
    when: {
      expression: changes
        .map(({ amount }, index) =>
          amount > 0n
            ? `(attribute_not_exists(#chunk${index}) OR #chunk${index} <= :bound${index})`
            : `#chunk${index} >= :bound${index}`,
        )
        .concat(known === undefined ? [] : [known.expression])
        .join(" AND "),
      names: { ...names, ...known?.names },
      values: {
        ...Object.fromEntries(
          changes.map(({ amount }, index) => [`:bound${index}`, amount > 0n ? chunkMax - amount : -amount]),
        ),
        ...known?.values,
      },
    },
  };
}

/** The rosters' items for members that are put without a transaction each (`BatchWriteItem`). */
export function rosterItems(members: readonly Member[]): readonly Item[] {
  const items = new Map<string, Record<string, unknown>>();
  for (const { key, name, amount } of members.flatMap(standings).map((standing) => bitChange(standing, 1n))) {
    const id = `${key.pk} ${key.sk}`;
    const item = items.get(id) ?? { ...key };
    items.set(id, item);
    item[name] = ((item[name] as bigint | undefined) ?? 0n) + amount;
  }
  return [...items.values()];
}
