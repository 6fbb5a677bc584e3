/**
 * SCIM groups: what an identity provider may do with the groups of its connection. A change reads what it touches, decides,
 * and writes it all or nothing (`group-changes.ts`); how many members there are besides does not matter. Request bodies
 * come as thunks, so that whoever may not come in hears of nothing else.
 */

import { notFound, uniqueness } from "../scim/error.ts";
import { isObject } from "../scim/json.ts";
import { type ScimAttributes, sameAttributes } from "../scim/resource.ts";
import { readGroupPages } from "../table/group-members.ts";
import {
  type NameHolders,
  nameKeyOf,
  nameKeysTouched,
  parseGroup,
  parseNameHolders,
  readFormerGroup,
  readGroupRow,
  readGroups,
} from "../table/groups.ts";
import { groupKey, type Key } from "../table/keys.ts";
import { readMembers } from "../table/member-reads.ts";
import {
  countOf,
  difference,
  hasNumber,
  type NumberPages,
  type NumberSet,
  noNumbers,
  numbersOn,
  pagesOf,
  withNumbers,
} from "../table/numbers.ts";
import { overtaken } from "../table/retry.ts";
import { readDeparted } from "../table/roster.ts";
import { projectIsThere } from "../table/seat-pools.ts";
import { attempt, unwrapped } from "./attempt.ts";
import type { Connection } from "./connection.ts";
import { type Context, now } from "./context.ts";
import { type Group, newGroup } from "./group.ts";
import { commitGroup, placeOf, removeGroup, tidyGroup } from "./group-changes.ts";
import {
  departedOf,
  keysReadAlong,
  knownNumbers,
  type MembersGround,
  type NumberedWish,
  noNumberedWish,
  numberedWish,
  readMembersGround,
} from "./group-ground.ts";
import { isGroupId, newGroupId, projectOfConnection } from "./ids.ts";
import { assertGroupIndexable } from "./indexable.ts";
import { membersInPatchAnswerMax, membersWithDisplayMax, transactionWritesMax } from "./limits.ts";
import { type Member, userNameOf } from "./member.ts";
import { changing } from "./member-change.ts";
import type { MembershipWish } from "./membership.ts";
import { type Caller, credentialOf, type OpenedConnection, openConnection } from "./provider-access.ts";
import type { Watch } from "./provisioning.ts";
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
  watch: Watch,
): Promise<OpenedGroup> {
  credentialOf(caller);
  const { connectionId } = caller;
  const projectId = projectOfConnection(connectionId);
  const wanted = attempt(() => {
    const { attributes, members } = body();
    return { names: namesIn(attributes({})), wish: numberedWish(projectId, members) };
  });
  return changing(context, async () => {
    if (!wanted.ok) {
      await openConnection(context, caller);
      watch.opened();
    }
    const { names, wish } = unwrapped(wanted);
    const at = now(context);
    const id = newGroupId(connectionId, context.clock(), context.randomBytes);
    const draft = newGroup({ projectId, id, connectionId, access: "none", ...names }, at);
    const [{ connection, items }, ground] = await Promise.all([
      openConnection(context, caller, [
        nameKeyOf(draft),
        ...keysReadAlong(connectionId, wish),
        ...watch.keys,
      ]),
      readMembersGround(context, connectionId, id, wish),
    ]);
    watch.opened();
    watch.seen(items);
    const holdersAt = (key: Key) => parseNameHolders(items.get(key));
    await assertNameFree(context, connection, draft, holdersAt);
    const members = pagesOf(knownNumbers(connection, wish, ground.people, items));
    const group = await commitGroup(
      context,
      {
        before: undefined,
        after: { ...draft, access: connection.defaults.groupAccess },
        members: { before: noNumbers, after: members },
        visible: true,
        strict: true,
        holdersAt,
        checks: [projectIsThere(projectId, context.spread())],
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
  watch: Watch,
): Promise<OpenedGroup> {
  credentialOf(caller);
  const { connectionId } = caller;
  const projectId = projectOfConnection(connectionId);
  const asked = attempt(() => {
    const change = request();
    return { ...change, wish: numberedWish(projectId, change.members) };
  });
  const wish = asked.ok && isGroupId(id, connectionId) ? asked.value.wish : noNumberedWish;
  let attempts = 0;
  return changing(context, async () => {
    attempts++;
    const [opened, ground] = await Promise.all([
      openGroup(context, caller, id, keysReadAlong(connectionId, wish), watch),
      readMembersGround(context, connectionId, id, wish),
    ]);
    const { connection, group: before, items } = opened;
    watch.named(before.displayName);
    const { ifMatch, attributes, membersWanted, assertAnswerable } = unwrapped(asked);
    assertVersion("group", before, ifMatch);
    const stored = attributesOf(before);
    const changed = attributes(stored);
    const names = namesIn(changed);
    const put = knownNumbers(connection, wish, ground.people, items);
    const held = await holdersOf(context, before, { ...before, ...names });
    const seen = await membersSeen(context, before, wish, ground, membersWanted);
    // Read beside the users, and perhaps not at their instant: whoever is there has not departed.
    const departed = difference(seen.departed ?? departedOf(connectionId, wish, ground, items), pagesOf(put));
    const { pages } = seen;
    const visible = difference(pages, departed);
    // The departed go, too: of those that were deleted in the product some come back, and not into what they were taken from.
    const taken = wish.taken.filter((number) => hasNumber(pages, number));
    const after = wish.whole ? pagesOf(put) : withNumbers(pages, put, taken);
    const visibleAfter = difference(after, departed);
    const members = shownMembers(seen, membersWanted, visibleAfter);

    const sameNames = sameAttributes(stored, changed);
    if (sameNames && isSame(pages, after)) {
      if (ifMatch !== undefined) {
        await assertSameVersion(context, before);
      } else if (seen.kind === "all") {
        await assertSettled(context, before);
      }
      return { connection, group: before, members };
    }
    watch.renamed(names.displayName);
    const next: Group = { ...before, ...names };
    await assertNameFree(context, connection, next, held, before);
    assertAnswerable({ connection, group: next, members });
    // An answer that shows members is of one state of the group; who meets others again and again is answered afterwards.
    const answersNow = members !== undefined && attempts <= answeredAtOnceAttempts;
    const strict = !sameNames || wish.whole || ifMatch !== undefined || answersNow;
    const group = await commitGroup(
      context,
      {
        before,
        after: next,
        members: { before: pages, after },
        visible: !sameNames || !isSame(visible, visibleAfter),
        strict,
        holdersAt: held,
        checks: [],
      },
      now(context),
    );
    return strict
      ? { connection, group, members }
      : answerAfterwards(context, connection, group, members !== undefined);
  });
}

/** Attempts at a change that would be answered as of its own instant. Our choice: beyond, many are changing the group. */
const answeredAtOnceAttempts = 2;

/** The change is made, others may have come since: the group as it stands by now, at a version of its own. */
async function answerAfterwards(
  context: Context,
  connection: Connection,
  group: Group,
  showsMembers: boolean,
): Promise<OpenedGroup> {
  const current = (await readGroupRow(context.store, group.projectId, group.id)) ?? group;
  if (!showsMembers) {
    return { connection, group: current, members: undefined };
  }
  const settled = await settledGroup(context, current);
  return { connection, group: settled?.group ?? current, members: settled?.members ?? new Float64Array() };
}

/** The group goes, whoever is in it. 404 when there is none. */
export async function deleteGroup(
  context: Context,
  caller: Caller,
  id: string,
  ifMatch: string | undefined,
  watch: Watch,
): Promise<void> {
  await changing(context, async () => {
    const { group } = await openGroup(context, caller, id, [], watch);
    watch.named(group.displayName);
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

/**
 * Overtaken when the version has moved since the row was read: the members, read after it, may be as they are wanted only because
 * somebody else has just made them so, and then a condition on the version does not hold.
 */
async function assertSameVersion(context: Context, group: Group): Promise<void> {
  const again = await readGroupRow(context.store, group.projectId, group.id);
  if (again === undefined || again.version !== group.version || !isSameSet(again, group)) {
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
  watch?: Watch,
): Promise<OpenedConnection & { readonly group: Group }> {
  credentialOf(caller);
  const projectId = projectOfConnection(caller.connectionId);
  const key = isGroupId(id, caller.connectionId) ? groupKey(projectId, id) : undefined;
  const opened = await openConnection(context, caller, [...(key ? [key] : []), ...alsoRead]);
  watch?.opened();
  const item = key && opened.items.get(key);
  const group = item && parseGroup(projectId, item);
  if (group === undefined || group.hidden) {
    const former = key && watch && (await readFormerGroup(context.store, projectId, id));
    if (former !== undefined) {
      watch?.named(former.displayName);
    }
    throw noSuchGroup(id);
  }
  return { ...opened, group };
}

/** As much of a group's set as a change needs: all of it, or the pages that it touches. */
interface MembersSeen {
  readonly kind: "all" | "touched";
  readonly pages: NumberPages;
  /** All of the departed, where they were read. */
  readonly departed: NumberPages | undefined;
}

/** Read after the row, lest a page of the set that the row names has come in, or gone, in between. */
async function membersSeen(
  context: Context,
  group: Group,
  wish: NumberedWish,
  ground: MembersGround,
  wanted: MembersWanted,
): Promise<MembersSeen> {
  const readAllDeparted = () => readDeparted(context.store, group.connectionId!);
  let departed: NumberPages | undefined;
  const fewest = group.size - wish.taken.length;
  let shows = wanted === "all" || (wanted === "few" && fewest <= membersInPatchAnswerMax);
  if (!wish.whole && wanted === "few" && !shows && fewest <= 2 * membersInPatchAnswerMax) {
    // Perhaps so many have departed that it can be shown. Of a set twice as large that is not asked.
    departed = await readAllDeparted();
    shows = fewest - countOf(departed) <= membersInPatchAnswerMax;
  }
  if (wish.whole || shows || wish.touched.size > pagesInTransactionMax) {
    const [pages, all] = await Promise.all([allPages(context, group), departed ?? readAllDeparted()]);
    return { kind: "all", pages, departed: all };
  }
  const { generation } = group;
  const pages = ground.pages.hasOther(generation)
    ? await readGroupPages(context.store, placeOf(group), wish.touched)
    : ground.pages;
  return { kind: "touched", pages: pages.of(generation), departed };
}

/** What a transaction holds beside the row, names and checks. */
const pagesInTransactionMax = transactionWritesMax - 10;

function shownMembers(
  { kind }: MembersSeen,
  wanted: MembersWanted,
  visible: NumberPages,
): NumberSet | undefined {
  if (kind !== "all" || wanted === "none") {
    return undefined;
  }
  return wanted === "all" || countOf(visible) <= membersInPatchAnswerMax ? numbersOn(visible) : undefined;
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
