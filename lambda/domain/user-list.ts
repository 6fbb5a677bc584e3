/**
 * Lists of SCIM users. A filter that names a key is answered by that key; no filter, by the roster alone and the rows of
 * one page; anything else by reading every user, up to a named limit.
 */

import { tooMany } from "../scim/error.ts";
import { foldCase } from "../scim/fold.ts";
import { type KeyLookup, keyLookup } from "../scim/key-lookup.ts";
import { type CheckedFilter, matches } from "../scim/match.ts";
import type { ScimResource } from "../scim/resource.ts";
import {
  claimKey,
  emailValuePrefix,
  externalIdPrefix,
  namesPartition,
  referencesPartition,
} from "../table/keys.ts";
import { readMembers } from "../table/member-reads.ts";
import { numberAt } from "../table/members.ts";
import { readRoster } from "../table/roster.ts";
import { attempt, unwrapped } from "./attempt.ts";
import type { Context } from "./context.ts";
import { projectOfConnection } from "./ids.ts";
import { isIndexable } from "./indexable.ts";
import { listBytesMax, usersScannedMax } from "./limits.ts";
import type { Member } from "./member.ts";
import { memberNumberOf } from "./member-id.ts";
import { type Caller, credentialOf, openConnection } from "./provider-access.ts";

export interface UserQuery {
  readonly filter: CheckedFilter | undefined;
  readonly order: ((a: ScimResource, b: ScimResource) => number) | undefined;
  /** From 1. */
  readonly startIndex: number;
  /** Resources on the page at most. */
  readonly count: number;
}

export interface UserPage {
  /** Matches on all pages. */
  readonly totalResults: number;
  readonly resources: readonly ScimResource[];
}

/**
 * A page of the connection's users, oldest first unless ordered. `query` is a thunk because whoever may not come in
 * hears of nothing else. 400 `tooMany` when a filter without a key, or a sort, would have to read too many users.
 */
export async function listUsers(
  context: Context,
  caller: Caller,
  query: () => UserQuery,
  represent: (member: Member) => ScimResource,
): Promise<UserPage> {
  credentialOf(caller);
  const parsed = attempt(query);
  if (!parsed.ok) {
    await openConnection(context, caller);
  }
  const asked = unwrapped(parsed);
  const key = asked.filter && keyLookup(asked.filter);
  if (key === undefined && asked.filter === undefined && asked.order === undefined) {
    return pageOfRoster(context, caller, asked, represent);
  }
  const members = await (key ? membersUnder(context, caller, key) : allMembers(context, caller));
  const { filter, order } = asked;
  const found = members
    .map(represent)
    .filter((resource) => filter === undefined || matches(filter, resource));
  const ordered = order ? found.sort(order) : found;
  const first = asked.startIndex - 1;
  return {
    totalResults: ordered.length,
    resources: withinListBytes(ordered.slice(first, first + asked.count)),
  };
}

async function pageOfRoster(
  context: Context,
  caller: Caller,
  { startIndex, count }: UserQuery,
  represent: (member: Member) => ScimResource,
): Promise<UserPage> {
  const [{ connection }, roster] = await Promise.all([
    openConnection(context, caller),
    readRoster(context.store, caller.connectionId),
  ]);
  const numbers = roster.subarray(startIndex - 1, startIndex - 1 + count);
  const members = await readMembers(context.store, projectOfConnection(connection.id), numbers);
  const users = members.filter((member) => isUserOf(member, connection.id));
  return { totalResults: roster.length, resources: withinListBytes(users.map(represent)) };
}

/** Whom a key leads to: few, and perhaps not even a match, since names change and keys are read first. */
async function membersUnder(context: Context, caller: Caller, key: KeyLookup): Promise<readonly Member[]> {
  const projectId = projectOfConnection(caller.connectionId);
  const numbers = await numbersUnder(context, caller, projectId, key);
  const members = await readMembers(context.store, projectId, ascending(numbers));
  return members.filter((member) => isUserOf(member, caller.connectionId));
}

async function numbersUnder(
  context: Context,
  caller: Caller,
  projectId: string,
  { attribute, value }: KeyLookup,
): Promise<readonly number[]> {
  const { store } = context;
  const folded = foldCase(value);
  switch (attribute) {
    case "id": {
      await openConnection(context, caller);
      const number = memberNumberOf(projectId, value);
      return number === undefined ? [] : [number];
    }
    case "userName": {
      const key = claimKey(projectId, "userName", folded);
      const { items } = await openConnection(context, caller, isIndexable(folded) ? [key] : []);
      const claim = items.get(key);
      const holder = claim && numberAt(claim);
      return holder === undefined ? [] : [holder];
    }
    case "email":
    case "externalId": {
      const range =
        attribute === "email"
          ? { pk: namesPartition(projectId), prefix: emailValuePrefix(folded) }
          : { pk: referencesPartition(caller.connectionId), prefix: externalIdPrefix(value) };
      const searchable = isIndexable(attribute === "email" ? folded : value);
      const [, items] = await Promise.all([
        openConnection(context, caller),
        searchable ? store.query({ ...range, limit: usersScannedMax }) : [],
      ]);
      return items.flatMap((item) => numberAt(item) ?? []);
    }
    case "displayName":
      // A group's key; a user's display name has none, and `keyLookup` offers none for it.
      await openConnection(context, caller);
      return [];
  }
}

async function allMembers(context: Context, caller: Caller): Promise<readonly Member[]> {
  const [{ connection }, roster] = await Promise.all([
    openConnection(context, caller),
    readRoster(context.store, caller.connectionId),
  ]);
  if (roster.length > usersScannedMax) {
    throw tooMany(
      `This query would have to read all ${roster.length} users, and at most ${usersScannedMax} are read for one answer. ` +
        "Filter by id, userName, externalId or emails.value with eq (alone or joined by and), or page without filter and sortBy.",
    );
  }
  const members = await readMembers(context.store, projectOfConnection(connection.id), roster);
  return members.filter((member) => isUserOf(member, connection.id));
}

function isUserOf(member: Member, connectionId: string): boolean {
  return member.connectionId === connectionId && member.deletedAt === undefined;
}

function ascending(numbers: readonly number[]): readonly number[] {
  return [...new Set(numbers)].sort((a, b) => a - b);
}

/** As many of the resources as one answer can carry; `itemsPerPage` tells the client where to go on. */
function withinListBytes(resources: readonly ScimResource[]): readonly ScimResource[] {
  let bytes = 0;
  const end = resources.findIndex((resource) => {
    bytes += Buffer.byteLength(JSON.stringify(resource));
    return bytes > listBytesMax;
  });
  return end < 0 ? resources : resources.slice(0, Math.max(end, 1));
}
