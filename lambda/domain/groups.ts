/**
 * SCIM groups: what an identity provider may do with the groups of its connection. A change reads what it touches, decides,
 * and writes it all or nothing (`group-changes.ts`); how many members there are besides does not matter. Request bodies
 * come as thunks, so that whoever may not come in hears of nothing else.
 */

import { invalidValue, notFound, uniqueness } from "../scim/error.ts";
import { isObject } from "../scim/json.ts";
import { type ScimAttributes, sameAttributes } from "../scim/resource.ts";
import { connectionUnchanged } from "../table/connections.ts";
import { type Generations, noGenerations, readGroupPages } from "../table/group-members.ts";
import {
  type NameHolders,
  nameKeyOf,
  nameKeysTouched,
  parseGroup,
  parseNameHolders,
  readGroupRow,
  readGroups,
} from "../table/groups.ts";
import { groupKey, type Key, memberKey } from "../table/keys.ts";
import { readMembers } from "../table/member-reads.ts";
import { parseMemberRow } from "../table/members.ts";
import {
  countOf,
  difference,
  hasNumber,
  type NumberPages,
  type NumberSet,
  noNumbers,
  numbersOn,
  pagesOf,
  slotOf,
  withNumbers,
} from "../table/numbers.ts";
import { overtaken } from "../table/retry.ts";
import { everybodyIn, readDeparted, readRosterByType } from "../table/roster.ts";
import type { ItemsByKey } from "../table/store.ts";
import { type Attempt, attempt, unwrapped } from "./attempt.ts";
import { type Connection, projectIdOf } from "./connection.ts";
import { type Context, now } from "./context.ts";
import { type Group, newGroup } from "./group.ts";
import { commitGroup, placeOf, removeGroup, tidyGroup } from "./group-changes.ts";
import { isGroupId, newGroupId, projectOfConnection } from "./ids.ts";
import { assertGroupIndexable } from "./indexable.ts";
import {
  memberRowsCheckedMax,
  membersInPatchAnswerMax,
  membersWithDisplayMax,
  transactionWritesMax,
  unknownMembersNamedMax,
} from "./limits.ts";
import { type Member, userNameOf } from "./member.ts";
import { changing } from "./member-change.ts";
import { memberNumbersOf } from "./member-id.ts";
import { type MembershipWish, noWish } from "./membership.ts";
import { type Caller, credentialOf, type OpenedConnection, openConnection } from "./provider-access.ts";
import { assertVersion } from "./version.ts";

export interface OpenedGroup {
  readonly connection: Connection;
  readonly group: Group;
  /** The numbers of its members, ascending; undefined where they were not asked for. */
  readonly members: NumberSet | undefined;
}

/** What of a group's members the answer shows. */
export type MembersWanted = "all" | "few" | "none";

/** One group by its id, with its members if `wantsMembers`. 404 when this connection has no such group. */
export async function getGroup(
  context: Context,
  caller: Caller,
  id: string,
  wantsMembers: (group: Group) => boolean,
): Promise<OpenedGroup> {
  return changing(context, async () => {
    const { connection, group } = await openGroup(context, caller, id);
    const members = wantsMembers(group) ? numbersOn(await readMembersOf(context, group)) : undefined;
    return { connection, group, members };
  });
}

export interface GroupBody {
  /** displayName and externalId; throws what is wrong with the request. */
  readonly attributes: (stored: ScimAttributes) => ScimAttributes;
  readonly members: MembershipWish;
}

/** Always a new group, even where another has the name, but for connections with `uniqueGroupNames`: 409 (API.md §4). */
export async function createGroup(
  context: Context,
  caller: Caller,
  body: () => GroupBody,
): Promise<OpenedGroup> {
  credentialOf(caller);
  const projectId = projectOfConnection(caller.connectionId);
  const wanted = attempt(() => {
    const { attributes, members } = body();
    return { ...namesIn(attributes({})), members };
  });
  return changing(context, async () => {
    const at = now(context);
    const id = newGroupId(caller.connectionId, context.clock(), context.randomBytes);
    const { connectionId } = caller;
    const draft = (names: GroupNames, { defaults }: Connection) =>
      newGroup({ projectId, id, connectionId, access: defaults.groupAccess, ...names }, at);
    const names = wanted.ok
      ? { displayName: wanted.value.displayName, externalId: wanted.value.externalId }
      : undefined;
    const [{ connection, items }, people] = await Promise.all([
      openConnection(context, caller, [
        ...(names
          ? [nameKeyOf(newGroup({ projectId, id, connectionId, access: "none", ...names }, at))]
          : []),
        ...(wanted.ok ? memberKeysChecked(projectId, wanted.value.members) : []),
      ]),
      wanted.ok ? readPeople(context, caller, wanted.value.members) : undefined,
    ]);
    const { members: wish } = unwrapped(wanted);
    const after = draft(names!, connection);
    const holdersAt = (key: Key) => parseNameHolders(items.get(key));
    await assertNameFree(context, connection, after, holdersAt);
    const members = pagesOf(knownNumbers(connection, wish, people, items));
    const group = await commitGroup(
      context,
      {
        before: undefined,
        after,
        members: { before: noNumbers, after: members },
        visible: true,
        strict: true,
        holdersAt,
        checks: [connectionUnchanged(connection.id, connection)],
      },
      at,
    );
    return { connection, group, members: numbersOn(members) };
  });
}

export interface GroupChange extends GroupBody {
  readonly ifMatch: string | undefined;
  /** `few`: up to `membersInPatchAnswerMax`; above it none. */
  readonly membersWanted: MembersWanted;
  /** Throws when the group, as it would be, could not be answered with: then it shall not change either. */
  readonly assertAnswerable: (changed: OpenedGroup) => void;
}

/** PUT and PATCH. A change without effect writes nothing and keeps the version (RFC 7644 §3.5.2.1). */
export async function changeGroup(
  context: Context,
  caller: Caller,
  id: string,
  request: () => GroupChange,
): Promise<OpenedGroup> {
  const asked = attempt(request);
  return changing(context, async () => {
    const ground = await readGround(context, caller, id, asked);
    const { connection, group: before, items } = ground;
    const { ifMatch, attributes, members: wish, membersWanted, assertAnswerable } = unwrapped(asked);
    assertVersion("group", before, ifMatch);
    const stored = attributesOf(before);
    const changed = attributes(stored);
    const names = namesIn(changed);
    const put = knownNumbers(connection, wish, ground.people, items);
    // Read beside the users, and perhaps not at their instant: whoever is there has not departed.
    const departed = difference(ground.departed, pagesOf(put));

    // A set that is replaced is read after its row, lest a page that came in between stay behind.
    const reads = membersToRead(before, wish, ground.touched.size, departed, membersWanted);
    const [pages, held] = await Promise.all([
      reads === "all" ? allPages(context, before) : ground.pages.of(before.generation),
      holdersOf(context, before, { ...before, ...names }),
    ]);
    const visible = difference(pages, departed);
    // The departed go, too: of those that were deleted in the product some come back, and not into what they were taken from.
    const taken = takenNumbers(before.projectId, wish).filter((number) => hasNumber(pages, number));
    const after = wish.whole ? pagesOf(put) : withNumbers(pages, put, taken);
    const visibleAfter = difference(after, departed);
    const answer = (group: Group): OpenedGroup => ({
      connection,
      group,
      members: shownMembers(reads, membersWanted, visibleAfter),
    });

    const sameNames = sameAttributes(stored, changed);
    if (sameNames && isSame(pages, after)) {
      if (reads === "all") {
        await assertSettled(context, before);
      }
      return answer(before);
    }
    const next: Group = { ...before, ...names };
    await assertNameFree(context, connection, next, held, before);
    assertAnswerable(answer(next));
    const group = await commitGroup(
      context,
      {
        before,
        after: next,
        members: { before: pages, after },
        visible: !sameNames || !isSame(visible, visibleAfter),
        strict: !sameNames || wish.whole || ifMatch !== undefined,
        holdersAt: held,
        checks: [],
      },
      now(context),
    );
    return answer(group);
  });
}

/** The group goes, whoever is in it. 404 when there is none. */
export async function deleteGroup(
  context: Context,
  caller: Caller,
  id: string,
  ifMatch: string | undefined,
): Promise<void> {
  await changing(context, async () => {
    const { group } = await openGroup(context, caller, id);
    assertVersion("group", group, ifMatch);
    await removeGroup(context, group, []);
  });
}

/** What SCIM stores of a group, but for its members. */
export function attributesOf({ displayName, externalId }: Group): ScimAttributes {
  return { displayName, ...(externalId !== undefined && { externalId }) };
}

/**
 * The numbers of a group's members as they stood together: no change of several is seen by half. Overtaken when the set was
 * being replaced or widely changed meanwhile. `known`: the connection's departed, for who reads many groups.
 */
export async function readMembersOf(
  context: Context,
  group: Group,
  known?: NumberPages,
): Promise<NumberPages> {
  if (group.size === 0 || group.connectionId === undefined) {
    return noNumbers;
  }
  const [pages, departed] = await Promise.all([
    allPages(context, group),
    known ?? readDeparted(context.store, group.connectionId),
  ]);
  await assertSettled(context, group);
  return difference(pages, departed);
}

/** A group's row and its members as they stood together. */
export interface SettledGroup {
  readonly group: Group;
  readonly members: NumberSet;
}

/** A group read before, with its members as they stood together; undefined when it has gone by now. */
export async function settledGroup(
  context: Context,
  group: Group,
  known?: NumberPages,
): Promise<SettledGroup | undefined> {
  let attempts = 0;
  return changing(context, async () => {
    const again = attempts++ === 0 ? group : await readGroupRow(context.store, group.projectId, group.id);
    return again === undefined
      ? undefined
      : { group: again, members: numbersOn(await readMembersOf(context, again, known)) };
  });
}

/** Overtaken when, since the row was read, something happened that a read of the members could have seen by half. */
export async function assertSettled(context: Context, group: Group): Promise<void> {
  const again = await readGroupRow(context.store, group.projectId, group.id);
  if (again === undefined || !isSameSet(again, group)) {
    overtaken();
  }
}

/** Whether nothing happened between two reads of a row that a read of its members could have seen by half. */
export function isSameSet(a: Group, b: Group): boolean {
  return a.generation === b.generation && a.wideChanges === b.wideChanges;
}

async function allPages(context: Context, group: Group): Promise<NumberPages> {
  const place = placeOf(group);
  return (await readGroupPages(context.store, place)).of(place.generation);
}

async function openGroup(
  context: Context,
  caller: Caller,
  id: string,
  alsoRead: readonly Key[] = [],
): Promise<OpenedConnection & { readonly group: Group }> {
  credentialOf(caller);
  const projectId = projectOfConnection(caller.connectionId);
  const key = isGroupId(id, caller.connectionId) ? groupKey(projectId, id) : undefined;
  const opened = await openConnection(context, caller, [...(key ? [key] : []), ...alsoRead]);
  const item = key && opened.items.get(key);
  const group = item && parseGroup(projectId, item);
  if (group === undefined || group.hidden) {
    throw noSuchGroup(id);
  }
  return { ...opened, group };
}

interface Ground extends OpenedConnection {
  readonly group: Group;
  /** Numbers that are to be found only among those named, by whichever way they were read. */
  readonly people: People | undefined;
  readonly departed: NumberPages;
  /** Pages that single changes touch. */
  readonly touched: ReadonlySet<number>;
  readonly pages: Generations;
}

/** All that a change of some members has to know, in one trip. */
async function readGround(
  context: Context,
  caller: Caller,
  id: string,
  asked: Attempt<GroupChange>,
): Promise<Ground> {
  credentialOf(caller);
  const projectId = projectOfConnection(caller.connectionId);
  const isId = isGroupId(id, caller.connectionId);
  const wish = asked.ok && isId ? asked.value.members : noWish;
  const touched = new Set(
    [...putNumbers(projectId, wish), ...takenNumbers(projectId, wish)].map((number) => slotOf(number).page),
  );
  const [opened, people, pages, departed] = await Promise.all([
    openGroup(context, caller, id, memberKeysChecked(projectId, wish)),
    readPeople(context, caller, wish),
    !wish.whole && touched.size > 0
      ? readGroupPages(context.store, { projectId, groupId: id, kind: "S" }, touched)
      : noGenerations,
    isId ? readDeparted(context.store, caller.connectionId) : noNumbers,
  ]);
  return { ...opened, people, touched, pages, departed };
}

/** Whether to read all of the set: to replace it, to write it aside, or to show it. */
function membersToRead(
  group: Group,
  wish: MembershipWish,
  touched: number,
  departed: NumberPages,
  wanted: MembersWanted,
): "all" | "touched" {
  const fewest = group.size - countOf(departed) - wish.taken.size;
  const shows = wanted === "all" || (wanted === "few" && fewest <= membersInPatchAnswerMax);
  return wish.whole || shows || touched > pagesInTransactionMax ? "all" : "touched";
}

/** What a transaction holds beside the row, names and checks. */
const pagesInTransactionMax = transactionWritesMax - 10;

function shownMembers(
  read: "all" | "touched",
  wanted: MembersWanted,
  visible: NumberPages,
): NumberSet | undefined {
  if (read !== "all" || wanted === "none") {
    return undefined;
  }
  return wanted === "all" || countOf(visible) <= membersInPatchAnswerMax ? numbersOn(visible) : undefined;
}

/** The connection's users, by number; undefined where each was looked up by itself. */
type People = NumberPages;

/** Few are looked up by their rows, read along with the connection. */
function memberKeysChecked(projectId: string, wish: MembershipWish): readonly Key[] {
  return wish.put.size > memberRowsCheckedMax
    ? []
    : putNumbers(projectId, wish).map((number) => memberKey(projectId, number));
}

async function readPeople(
  context: Context,
  { connectionId }: Caller,
  wish: MembershipWish,
): Promise<People | undefined> {
  return wish.put.size > memberRowsCheckedMax
    ? everybodyIn(await readRosterByType(context.store, connectionId))
    : undefined;
}

function putNumbers(projectId: string, { put }: MembershipWish): readonly number[] {
  return memberNumbersOf(projectId, put).filter((number) => number !== undefined);
}

/** An id in a removal that names nobody changes nothing (API.md §4). */
function takenNumbers(projectId: string, { taken }: MembershipWish): readonly number[] {
  return memberNumbersOf(projectId, taken).filter((number) => number !== undefined);
}

/** The numbers to put in, or 400 naming the ids that are no users of this connection. */
function knownNumbers(
  connection: Connection,
  wish: MembershipWish,
  people: People | undefined,
  items: ItemsByKey,
): readonly number[] {
  const projectId = projectIdOf(connection);
  const isUser = (number: number) =>
    people ? hasNumber(people, number) : isUserRow(projectId, connection, items, number);
  const ids = [...wish.put];
  const numbers = memberNumbersOf(projectId, ids);
  const unknown = ids.filter((_, index) => {
    const number = numbers[index];
    return number === undefined || !isUser(number);
  });
  if (unknown.length > 0) {
    throw unknownMembers(unknown);
  }
  return numbers.filter((number) => number !== undefined);
}

function isUserRow(projectId: string, connection: Connection, items: ItemsByKey, number: number): boolean {
  const item = items.get(memberKey(projectId, number));
  const row = item && parseMemberRow(projectId, item);
  return (
    row?.kind === "member" && row.member.connectionId === connection.id && row.member.deletedAt === undefined
  );
}

function unknownMembers(ids: readonly string[]) {
  const named = ids.slice(0, unknownMembersNamedMax).map((id) => JSON.stringify(id.slice(0, 64)));
  const more = ids.length > named.length ? ` and ${ids.length - named.length} more` : "";
  return invalidValue(
    `Attribute members names who is no user of this connection: ${named.join(", ")}${more}. ` +
      "Provision these users first, or leave them out; nested groups are not supported. Nothing was changed.",
  );
}

interface GroupNames {
  readonly displayName: string;
  readonly externalId: string | undefined;
}

function namesIn(attributes: ScimAttributes): GroupNames {
  const { displayName, externalId } = attributes;
  const names = {
    displayName: String(displayName),
    externalId: typeof externalId === "string" ? externalId : undefined,
  };
  assertGroupIndexable(names.displayName, names.externalId);
  return names;
}

/** Reads who has the names that a change of a group touches. */
export async function holdersOf(
  context: Context,
  before: Group | undefined,
  after: Group,
): Promise<(key: Key) => NameHolders> {
  const keys = nameKeysTouched(before, after);
  const items = keys.length > 0 ? await context.store.read(keys) : undefined;
  return (key) => parseNameHolders(items?.get(key));
}

/**
 * 409 where names are unique and another group of the connection has this one, in whatever case. One that is not shown yet is
 * none: whether it ever will be is waited for.
 */
async function assertNameFree(
  context: Context,
  connection: Connection,
  after: Group,
  holdersAt: (key: Key) => NameHolders,
  before?: Group,
): Promise<void> {
  if (!connection.uniqueGroupNames || (before && nameKeyOf(before).sk === nameKeyOf(after).sk)) {
    return;
  }
  // Where names were not always unique there may be thousands: the first tell enough.
  const holders = holdersAt(nameKeyOf(after))
    .filter((id) => id !== after.id)
    .slice(0, holdersLookedAtMax);
  const [holder] = await readGroups(context.store, after.projectId, holders);
  if (holder !== undefined) {
    throw uniqueness(
      `displayName "${after.displayName}" is already used by group ${holder.id} of this connection. ` +
        "Match that group by a filter and update it, choose another name, or allow equal names (uniqueGroupNames).",
    );
  }
  const hidden =
    holders[0] === undefined ? undefined : await readGroupRow(context.store, after.projectId, holders[0]);
  if (hidden !== undefined) {
    await tidyGroup(context, hidden);
  }
  if (holders.length > 0) {
    overtaken();
  }
}

/** One batch of reads. Our choice. */
const holdersLookedAtMax = 100;

function isSame(a: NumberPages, b: NumberPages): boolean {
  return difference(a, b).size === 0 && difference(b, a).size === 0;
}

export function noSuchGroup(id: string) {
  return notFound(
    `Group ${id} does not exist in this connection. If it was deleted in the product, unlink it in the identity ` +
      "provider and push it again; else look it up by a filter.",
  );
}

/** What the members of a small group are called, by number; of a larger one, nothing. */
export async function memberNames(
  context: Context,
  { group, members }: OpenedGroup,
): Promise<ReadonlyMap<number, string> | undefined> {
  return members === undefined || members.length > membersWithDisplayMax
    ? undefined
    : namesOf(context, group.projectId, members);
}

/** Names by number: displayName, else the formatted name, else userName. */
export async function namesOf(
  context: Context,
  projectId: string,
  members: NumberSet,
): Promise<ReadonlyMap<number, string>> {
  const rows = await readMembers(context.store, projectId, members);
  return new Map(rows.map((member) => [member.number, nameOf(member)]));
}

function nameOf({ attributes }: Member): string {
  const { displayName, name } = attributes;
  const formatted = isObject(name) ? name["formatted"] : undefined;
  return [displayName, formatted].find((text) => typeof text === "string") ?? userNameOf(attributes);
}
