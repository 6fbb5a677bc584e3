/**
 * Lists of SCIM users. A filter that names a key is answered by that key; no filter, by the roster alone and the rows of
 * one page; anything else by reading every user, up to named limits.
 */

import { tooMany } from "../scim/error.ts";
import { type KeyLookup, keyLookup } from "../scim/key-lookup.ts";
import { wants } from "../scim/projection.ts";
import type { ScimResource } from "../scim/resource.ts";
import { userType } from "../scim/resource-types.ts";
import { readGroupRow, readGroups } from "../table/groups.ts";
import type { MemberGroups } from "../table/member-groups.ts";
import {
  emailLookup,
  externalIdLookup,
  keysOf,
  type MemberLookup,
  numbersUnder,
  userNameLookup,
} from "../table/member-lookups.ts";
import { readGroupsOfMembers, readMembers, readMembersWithGroups } from "../table/member-reads.ts";
import type { NumberSet } from "../table/numbers.ts";
import { readRoster } from "../table/roster.ts";
import type { Context } from "./context.ts";
import { settledGroup } from "./groups.ts";
import { isGroupId, projectOfConnection } from "./ids.ts";
import { scannedBytesMax, usersScannedMax } from "./limits.ts";
import type { Member } from "./member.ts";
import { type GroupReference, referencesTo } from "./member-groups.ts";
import { memberNumberOf } from "./member-id.ts";
import type { OpenedConnection } from "./provider-access.ts";
import type { Listed, ResourceCollection } from "./resource-list.ts";

export interface ListedUser extends Listed {
  readonly member: Member;
  /** The groups it is in; undefined while they have not been read. */
  readonly groups: readonly GroupReference[] | undefined;
}

/** Makes the resource of a row, with its groups where they were read. */
export type RepresentUser = (member: Member, groups?: readonly GroupReference[]) => ScimResource;

/** The users of a connection. */
export function userCollection(
  context: Context,
  connectionId: string,
  represent: RepresentUser,
): ResourceCollection<ListedUser> {
  const listed = ({ member, groups }: UserRow): ListedUser => ({
    position: positionOf(member.number),
    resource: represent(member, groups),
    member,
    groups,
  });
  return {
    type: userType,
    keysFor(filter) {
      const key = keyLookup(filter);
      return key ? keysOf(lookupFor(connectionId, key)) : [];
    },
    async *candidates(sought, opened) {
      const { filter } = sought;
      const key = filter && keyLookup(filter);
      const looksAtGroups = sought.looksAt(groupsName);
      const slices = key
        ? usersUnder(context, connectionId, key, opened)
        : everyUser(context, connectionId, opened, looksAtGroups);
      for await (const users of slices) {
        yield* (looksAtGroups ? await withGroupNames(context, connectionId, users) : users).map(listed);
      }
    },
    async all(opened) {
      const [, roster] = await Promise.all([opened, readRoster(context.store, connectionId)]);
      return {
        length: roster.length,
        positionAt: (index) => positionOf(roster[index]!),
        countThrough: (position) => countThrough(roster, Number(position)),
        async read(start, count) {
          const numbers = roster.subarray(start, start + count);
          return (await readUsers(context, connectionId, numbers, false)).map(listed);
        },
      };
    },
    async *complete(page, projection) {
      const unread = page.filter(({ groups }) => groups === undefined);
      if (unread.length === 0 || !wants(projection, groupsName)) {
        yield* page.map(({ resource }) => resource);
        return;
      }
      const numbers = unread.map(({ member }) => member.number);
      const read = await readGroupsOfMembers(context.store, projectOfConnection(connectionId), numbers);
      yield* page.map(({ resource, member, groups }) =>
        groups ? resource : represent(member, referencesTo(connectionId, read.get(member.number))),
      );
    },
  };
}

/** The attribute of a user. */
const groupsName = "groups";

interface UserRow {
  readonly member: Member;
  readonly groups?: readonly GroupReference[] | undefined;
}

/** With the names of the groups, which a filter may ask for; those that are gone are left out. */
async function withGroupNames(
  context: Context,
  connectionId: string,
  users: readonly UserRow[],
): Promise<readonly UserRow[]> {
  const ids = [...new Set(users.flatMap(({ groups = [] }) => groups.map(({ id }) => id)))];
  const named = await readGroups(context.store, projectOfConnection(connectionId), ids);
  const byId = new Map(named.map(({ id, displayName }) => [id, { id, displayName }]));
  return users.map(({ member, groups = [] }) => ({
    member,
    groups: groups.map(({ id }) => byId.get(id)).filter((group) => group !== undefined),
  }));
}

/** Digits of the largest member number. */
const positionDigits = 12;

function positionOf(number: number): string {
  return String(number).padStart(positionDigits, "0");
}

/** How many of the ascending numbers are not above the last one. */
function countThrough(ascending: NumberSet, last: number): number {
  let from = 0;
  let to = ascending.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (ascending[middle]! <= last) {
      from = middle + 1;
    } else {
      to = middle;
    }
  }
  return from;
}

/** Whom a key leads to: few, and perhaps not even a match, since names change and keys are read first. */
async function* usersUnder(
  context: Context,
  connectionId: string,
  key: KeyLookup,
  opened: Promise<OpenedConnection>,
): AsyncGenerator<readonly UserRow[]> {
  const projectId = projectOfConnection(connectionId);
  if (key.attribute === "id") {
    await opened;
    const number = memberNumberOf(projectId, key.value);
    yield readUsers(context, connectionId, number === undefined ? [] : [number], true);
    return;
  }
  if (key.attribute === "group") {
    await opened;
    yield* usersInGroup(context, connectionId, key.value);
    return;
  }
  const along = opened.then(({ items }) => items);
  const numbers = await numbersUnder(context.store, lookupFor(connectionId, key), along, usersScannedMax);
  yield readUsers(context, connectionId, numbers, true);
}

/** Who is in a group by the group itself, whatever has been carried to them of it. */
async function* usersInGroup(
  context: Context,
  connectionId: string,
  groupId: string,
): AsyncGenerator<readonly UserRow[]> {
  const group = isGroupId(groupId, connectionId)
    ? await readGroupRow(context.store, projectOfConnection(connectionId), groupId)
    : undefined;
  if (group === undefined || group.hidden) {
    return;
  }
  const settled = await settledGroup(context, group);
  if (settled === undefined) {
    return;
  }
  const { members } = settled;
  if (members.length > usersScannedMax) {
    throw tooMuchToRead(
      `all ${members.length} users of the group, and at most ${usersScannedMax} (usersScannedMax) are`,
    );
  }
  for (let start = 0; start < members.length; start += scanLength) {
    const users = await readUsers(context, connectionId, members.subarray(start, start + scanLength), true);
    yield users.map(({ member, groups = [] }) => ({
      member,
      groups: groups.some(({ id }) => id === groupId) ? groups : [...groups, { id: groupId }],
    }));
  }
}

function lookupFor(connectionId: string, { attribute, value }: KeyLookup): MemberLookup {
  const projectId = projectOfConnection(connectionId);
  switch (attribute) {
    case "userName":
      return userNameLookup(projectId, value);
    case "email":
      return emailLookup(projectId, value);
    case "externalId":
      return externalIdLookup(connectionId, value);
    default:
      // `id` is a key by itself, and a user's display name is none.
      return { kind: "none" };
  }
}

/** Users read at a time when all are read: a megabyte or so. */
const scanLength = 1_000;

async function* everyUser(
  context: Context,
  connectionId: string,
  opened: Promise<OpenedConnection>,
  withGroups: boolean,
): AsyncGenerator<readonly UserRow[]> {
  const [, roster] = await Promise.all([opened, readRoster(context.store, connectionId)]);
  if (roster.length > usersScannedMax) {
    throw tooMuchToRead(`all ${roster.length} users, and at most ${usersScannedMax} (usersScannedMax) are`);
  }
  let bytes = 0;
  for (let start = 0; start < roster.length; start += scanLength) {
    const numbers = roster.subarray(start, start + scanLength);
    const users = await readUsers(context, connectionId, numbers, withGroups);
    bytes += Buffer.byteLength(
      JSON.stringify(users.map(({ member, groups }) => [member.attributes, groups])),
    );
    if (bytes > scannedBytesMax) {
      throw tooMuchToRead(`more than ${scannedBytesMax} bytes of users (scannedBytesMax), and no more is`);
    }
    yield users;
  }
}

function tooMuchToRead(what: string) {
  return tooMany(
    `This query would have to read ${what} read for one answer. Filter by id, userName, externalId or ` +
      "emails.value with eq (alone or joined by and), or page without filter and sortBy.",
  );
}

async function readUsers(
  context: Context,
  connectionId: string,
  numbers: Iterable<number>,
  withGroups: boolean,
): Promise<readonly UserRow[]> {
  const projectId = projectOfConnection(connectionId);
  const rows: readonly { readonly member: Member; readonly groups?: MemberGroups }[] = withGroups
    ? await readMembersWithGroups(context.store, projectId, numbers)
    : (await readMembers(context.store, projectId, numbers)).map((member) => ({ member }));
  return rows
    .filter(({ member }) => member.connectionId === connectionId && member.deletedAt === undefined)
    .map(({ member, groups }) => ({ member, groups: groups && referencesTo(connectionId, groups) }));
}
