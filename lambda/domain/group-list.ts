/**
 * Lists of SCIM groups. A filter that names a key is answered by that key; anything else by reading every group's row, up to
 * named limits. Who is in a group is read for the groups of a page, or, where a filter asks for it, of all: only the
 * pages of those it names if it names them.
 */

import { tooMany } from "../scim/error.ts";
import { type KeyLookup, keyLookup } from "../scim/key-lookup.ts";
import { memberPartsIn, membersNamed } from "../scim/members-named.ts";
import { wants } from "../scim/projection.ts";
import type { ScimResource } from "../scim/resource.ts";
import { groupType } from "../scim/resource-types.ts";
import { groupDisplayName, groupMembers } from "../scim/schemas/group.ts";
import { readGroupPages } from "../table/group-members.ts";
import {
  groupIdsByExternalId,
  nameLookup,
  parseNameHolders,
  queryGroups,
  readGroupRow,
  readGroups,
} from "../table/groups.ts";
import type { Key } from "../table/keys.ts";
import {
  difference,
  intersection,
  type NumberPages,
  type NumberSet,
  numbersOn,
  pagesOf,
  slotOf,
} from "../table/numbers.ts";
import { overtaken } from "../table/retry.ts";
import { readDeparted } from "../table/roster.ts";
import type { ItemsByKey } from "../table/store.ts";
import type { Context } from "./context.ts";
import type { Group } from "./group.ts";
import { placeOf } from "./group-changes.ts";
import { isSameSet, namesOf, type SettledGroup, settledGroup } from "./groups.ts";
import { groupOwner, isGroupId, projectOfConnection } from "./ids.ts";
import { groupsListedMax, groupsScannedMax, membersScannedMax, usersScannedMax } from "./limits.ts";
import { changing } from "./member-change.ts";
import { memberNumbersOf } from "./member-id.ts";
import { type Listed, type ResourceCollection, type Sought, sequenceOf } from "./resource-list.ts";

export interface ListedGroup extends Listed {
  readonly group: Group;
}

/**
 * Makes the resource of a row and of the members read of it, as an answer shows it; with names by number, each member has
 * all of its sub-attributes, for a filter to look at.
 */
export type RepresentGroup = (
  group: Group,
  members: NumberSet | undefined,
  names?: ReadonlyMap<number, string>,
) => ScimResource;

/** The groups of a connection. */
export function groupCollection(
  context: Context,
  connectionId: string,
  represent: RepresentGroup,
): ResourceCollection<ListedGroup> {
  const projectId = projectOfConnection(connectionId);
  const owner = groupOwner(connectionId);
  const listed = (group: Group): ListedGroup => ({
    position: group.id,
    resource: represent(group, undefined),
    group,
  });
  return {
    type: groupType,
    keysFor(filter) {
      const key = keyLookup(filter);
      const name = key?.attribute === "displayName" && nameLookup(projectId, connectionId, key.value);
      return name ? [name] : [];
    },
    async *candidates(sought, opened) {
      const { items } = await opened;
      const key = sought.filter && keyLookup(sought.filter);
      const groups = key
        ? await groupsUnder(context, connectionId, key, items)
        : await everyGroup(context, projectId, owner, groupsScannedMax);
      if (!sought.looksAt(groupMembers.name)) {
        yield* groups.map(listed);
        return;
      }
      for await (const [group, members, names] of membersFor(context, connectionId, groups, sought)) {
        yield { ...listed(group), resource: represent(group, members, names) };
      }
    },
    async all(opened) {
      await opened;
      return sequenceOf((await everyGroup(context, projectId, owner, groupsListedMax)).map(listed));
    },
    async *complete(page, projection) {
      if (page.length === 0 || !wants(projection, groupMembers.name)) {
        yield* page.map(({ group }) => represent(group, undefined));
        return;
      }
      const departed = await readDeparted(context.store, connectionId);
      for (let start = 0; start < page.length; start += groupsAtOnceMax) {
        const groups = page.slice(start, start + groupsAtOnceMax).map(({ group }) => group);
        const settled = await Promise.all(groups.map((group) => settledGroup(context, group, departed)));
        yield* settled.map((one) => one && represent(one.group, one.members));
      }
    },
  };
}

/** Groups whose members are read at once. Our choice: a large one is half a megabyte in memory. */
const groupsAtOnceMax = 8;

async function groupsUnder(
  context: Context,
  connectionId: string,
  { attribute, value }: KeyLookup,
  items: ItemsByKey,
): Promise<readonly Group[]> {
  const projectId = projectOfConnection(connectionId);
  const ids = async (): Promise<readonly string[]> => {
    switch (attribute) {
      case "id":
        return isGroupId(value, connectionId) ? [value] : [];
      case "displayName":
        return holdersUnder(nameLookup(projectId, connectionId, value), items);
      case "externalId":
        return groupIdsByExternalId(context.store, connectionId, value);
      default:
        return [];
    }
  };
  return readGroups(context.store, projectId, await ids());
}

function holdersUnder(name: Key | undefined, items: ItemsByKey): readonly string[] {
  return name === undefined ? [] : parseNameHolders(items.get(name));
}

async function everyGroup(
  context: Context,
  projectId: string,
  owner: string,
  most: typeof groupsScannedMax | typeof groupsListedMax,
): Promise<readonly Group[]> {
  const groups = await queryGroups(context.store, projectId, { owner, limit: most + 1 });
  if (groups.length > most) {
    const name = most === groupsListedMax ? "groupsListedMax" : "groupsScannedMax";
    throw tooMany(
      `This query would have to read more than ${most} groups (${name}) for one answer. Filter by id, displayName or ` +
        "externalId with eq (alone or joined by and).",
    );
  }
  return groups;
}

/** Groups looked at side by side when a filter asks who is in them: a read unit each, where the filter names whom. */
const groupsLookedIntoAtOnce = 50;

type LookedInto = readonly [group: Group, members: NumberSet, names: ReadonlyMap<number, string> | undefined];

/** As much of each group's members as it takes to judge it; without the groups that have gone by now. */
async function* membersFor(
  context: Context,
  connectionId: string,
  groups: readonly Group[],
  sought: Sought,
): AsyncGenerator<LookedInto> {
  const departed = await readDeparted(context.store, connectionId);
  const named =
    sought.ordersBy(groupMembers.name) || !sought.filter ? undefined : membersNamed(sought.filter);
  if (named === undefined) {
    yield* wholeMembersFor(context, groups, sought, departed);
    return;
  }
  const projectId = projectOfConnection(connectionId);
  const numbers = memberNumbersOf(projectId, named).filter((number) => number !== undefined);
  const withNames = [groupDisplayName.name, "externalId"].some((name) => sought.looksAt(name));
  for (let start = 0; start < groups.length; start += groupsLookedIntoAtOnce) {
    const slice = groups.slice(start, start + groupsLookedIntoAtOnce);
    const settled = await Promise.all(
      slice.map((group) => settledAmong(context, group, numbers, departed, withNames)),
    );
    yield* settled.flatMap((one): LookedInto[] => (one ? [[one.group, one.members, undefined]] : []));
  }
}

/** As `settledGroup`, but of the members only those of the numbers: one read, where they lie on one page. */
async function settledAmong(
  context: Context,
  group: Group,
  numbers: readonly number[],
  departed: NumberPages,
  withNames: boolean,
): Promise<SettledGroup | undefined> {
  if (group.size === 0 || numbers.length === 0) {
    return { group, members: new Float64Array() };
  }
  const pages = new Set(numbers.map((number) => slotOf(number).page));
  let known = group;
  return changing(context, async () => {
    const read = await readGroupPages(context.store, placeOf(known), pages);
    // What lies in more than one item may have been seen by half: so may a set that is being replaced.
    if (withNames || pages.size > 1 || read.hasOther(known.generation)) {
      const again = await readGroupRow(context.store, group.projectId, group.id);
      if (again === undefined) {
        return undefined;
      }
      const before = known;
      known = again;
      if (!isSameSet(before, again)) {
        overtaken();
      }
    }
    const members = intersection(read.of(known.generation), pagesOf(numbers));
    return { group: known, members: numbersOn(difference(members, departed)) };
  });
}

async function* wholeMembersFor(
  context: Context,
  groups: readonly Group[],
  sought: Sought,
  departed: NumberPages,
): AsyncGenerator<LookedInto> {
  const parts = memberPartsSought(sought);
  const looksBeyondIds = [...parts].some((part) => part !== "value");
  const [most, limit] = looksBeyondIds
    ? [usersScannedMax, `${usersScannedMax} (usersScannedMax)`]
    : [membersScannedMax, `${membersScannedMax} (membersScannedMax)`];
  const total = groups.reduce((sum, { size }) => sum + size, 0);
  if (total > most) {
    throw tooMany(
      `This query would have to look at ${total} members of groups, and at most ${limit} are looked at for one answer. ` +
        'Ask for members by their ids (members.value eq "…"), or name the group by id, displayName or externalId.',
    );
  }
  for (const group of groups) {
    const settled = await settledGroup(context, group, departed);
    if (settled === undefined) {
      continue;
    }
    const names = parts.has("display")
      ? await namesOf(context, group.projectId, settled.members)
      : new Map<number, string>();
    yield [settled.group, settled.members, looksBeyondIds ? names : undefined];
  }
}

/** Which sub-attributes of members the list looks at: for an order perhaps any. */
function memberPartsSought({ filter, ordersBy }: Sought): ReadonlySet<string> {
  return filter === undefined || ordersBy(groupMembers.name)
    ? new Set(groupMembers.subAttributes?.map(({ name }) => name))
    : memberPartsIn(filter);
}
