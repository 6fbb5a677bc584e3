/** What a change of a group's members has to know before it can be decided: read in one trip, whatever the group's size. */

import { unknownMember } from "../scim/error.ts";
import { type Generations, noGenerations, readGroupPages } from "../table/group-members.ts";
import { departedPageKey, type Key, memberKey, rosterPartition } from "../table/keys.ts";
import { parseMemberRow } from "../table/members.ts";
import { hasNumber, type NumberPages, noNumbers, slotOf } from "../table/numbers.ts";
import { departedIn, everybodyIn, readDeparted, readRosterByType } from "../table/roster.ts";
import type { ItemsByKey } from "../table/store.ts";
import { type Connection, projectIdOf } from "./connection.ts";
import type { Context } from "./context.ts";
import { projectOfConnection } from "./ids.ts";
import { memberRowsCheckedMax, unknownMembersNamedMax } from "./limits.ts";
import { memberNumbersOf } from "./member-id.ts";
import { type MembershipWish, noWish } from "./membership.ts";

/** A wish with the ids deciphered, once for all attempts at it. */
export interface NumberedWish {
  readonly whole: boolean;
  /** With the numbers of those that are ids at all. */
  readonly put: readonly { readonly id: string; readonly number: number | undefined }[];
  /** An id in a removal that names nobody changes nothing (API.md §4). */
  readonly taken: readonly number[];
  /** The pages on which all of them lie. */
  readonly touched: ReadonlySet<number>;
}

export const noNumberedWish: NumberedWish = numberedWish("", noWish);

export function numberedWish(projectId: string, { whole, put, taken }: MembershipWish): NumberedWish {
  const numbers = memberNumbersOf(projectId, put);
  const wanted = [...put].map((id, index) => ({ id, number: numbers[index] }));
  const unwanted = memberNumbersOf(projectId, taken).filter((number) => number !== undefined);
  const touched = [...numbers, ...unwanted].filter((number) => number !== undefined);
  return {
    whole,
    put: wanted,
    taken: unwanted,
    touched: new Set(touched.map((number) => slotOf(number).page)),
  };
}

/** What can be read of members before the group's row is known. */
export interface MembersGround {
  /** The connection's users; undefined where each of the few was looked up by itself. */
  readonly people: NumberPages | undefined;
  /** The pages that single changes touch, in all generations. */
  readonly pages: Generations;
  /** The departed, at least on the pages of who is taken out; undefined where they were read along. */
  readonly departed: NumberPages | undefined;
}

/** Few are looked up by their own items, read along with the connection; more by those of all. */
const isFew = (count: number): boolean => count <= memberRowsCheckedMax;

export function keysReadAlong(connectionId: string, wish: NumberedWish): readonly Key[] {
  const projectId = projectOfConnection(connectionId);
  const people = isFew(wish.put.length) ? wish.put : [];
  return [
    ...people.flatMap(({ number }) => (number === undefined ? [] : [memberKey(projectId, number)])),
    ...departedKeys(connectionId, wish),
  ];
}

function departedKeys(connectionId: string, { whole, taken }: NumberedWish): readonly Key[] {
  const pages = new Set(taken.map((number) => slotOf(number).page));
  return whole || !isFew(pages.size)
    ? []
    : [...pages].map((page) => departedPageKey(rosterPartition(connectionId), page));
}

export async function readMembersGround(
  context: Context,
  connectionId: string,
  groupId: string,
  wish: NumberedWish,
): Promise<MembersGround> {
  const { store } = context;
  const projectId = projectOfConnection(connectionId);
  const needsDeparted = wish.taken.length > 0 && departedKeys(connectionId, wish).length === 0;
  const [people, pages, departed] = await Promise.all([
    isFew(wish.put.length) ? undefined : readRosterByType(store, connectionId).then(everybodyIn),
    !wish.whole && wish.touched.size > 0
      ? readGroupPages(store, { projectId, groupId, kind: "S" }, wish.touched)
      : noGenerations,
    needsDeparted ? readDeparted(store, connectionId) : undefined,
  ]);
  return { people, pages, departed };
}

/** The departed among those who are taken out. */
export function departedOf(
  connectionId: string,
  wish: NumberedWish,
  ground: MembersGround,
  items: ItemsByKey,
): NumberPages {
  const keys = departedKeys(connectionId, wish);
  return ground.departed ?? (keys.length > 0 ? departedIn(keys.map((key) => items.get(key))) : noNumbers);
}

/** The numbers to put in, or 400 naming the ids that are no users of this connection. */
export function knownNumbers(
  connection: Connection,
  wish: NumberedWish,
  people: NumberPages | undefined,
  items: ItemsByKey,
): readonly number[] {
  const isUser = (number: number) =>
    people ? hasNumber(people, number) : isUserRow(connection, items, number);
  const unknown = wish.put.filter(({ number }) => number === undefined || !isUser(number));
  if (unknown.length > 0) {
    throw unknownMembers(unknown.map(({ id }) => id));
  }
  return wish.put.flatMap(({ number }) => (number === undefined ? [] : [number]));
}

function isUserRow(connection: Connection, items: ItemsByKey, number: number): boolean {
  const projectId = projectIdOf(connection);
  const item = items.get(memberKey(projectId, number));
  const row = item && parseMemberRow(projectId, item);
  return (
    row?.kind === "member" && row.member.connectionId === connection.id && row.member.deletedAt === undefined
  );
}

function unknownMembers(ids: readonly string[]) {
  const named = ids.slice(0, unknownMembersNamedMax).map((id) => JSON.stringify(id.slice(0, 64)));
  const more = ids.length > named.length ? ` and ${ids.length - named.length} more` : "";
  return unknownMember(
    `Attribute members names who is no user of this connection: ${named.join(", ")}${more}. ` +
      "Provision these users first, or leave them out; nested groups are not supported. Nothing was changed.",
  );
}
