/**
 * Lists of SCIM users. A filter that names a key is answered by that key; no filter, by the roster alone and the rows of
 * one page; anything else by reading every user, up to named limits.
 */

import { tooMany } from "../scim/error.ts";
import { type KeyLookup, keyLookup } from "../scim/key-lookup.ts";
import { type CheckedFilter, matches } from "../scim/match.ts";
import type { ScimResource } from "../scim/resource.ts";
import {
  emailLookup,
  externalIdLookup,
  keysOf,
  type MemberLookup,
  numbersUnder,
  userNameLookup,
} from "../table/member-lookups.ts";
import { readMembers } from "../table/member-reads.ts";
import { readRoster } from "../table/roster.ts";
import { attempt, unwrapped } from "./attempt.ts";
import type { Context } from "./context.ts";
import { projectOfConnection } from "./ids.ts";
import { listBytesMax, scannedBytesMax, usersScannedMax } from "./limits.ts";
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

type Represent = (member: Member) => ScimResource;

/**
 * A page of the connection's users, oldest first unless ordered. `query` is a thunk because whoever may not come in
 * hears of nothing else. 400 `tooMany` when a filter without a key, or a sort, would have to read too many users.
 */
export async function listUsers(
  context: Context,
  caller: Caller,
  query: () => UserQuery,
  represent: Represent,
): Promise<UserPage> {
  credentialOf(caller);
  const parsed = attempt(query);
  if (!parsed.ok) {
    await openConnection(context, caller);
  }
  const asked = unwrapped(parsed);
  const { filter, order, startIndex, count } = asked;
  if (filter === undefined && order === undefined) {
    return pageOfRoster(context, caller, asked, represent);
  }
  const wanted = (resource: ScimResource) => filter === undefined || matches(filter, resource);
  const key = filter && keyLookup(filter);
  const found = key
    ? (await usersUnder(context, caller, key)).map(represent).filter(wanted)
    : await usersWanted(context, caller, represent, wanted);
  const ordered = order ? found.sort(order) : found;
  const page = pageWithin(listBytesMax);
  page.add(ordered.slice(startIndex - 1, startIndex - 1 + count));
  return { totalResults: ordered.length, resources: page.resources };
}

/** Users read at a time, so that large ones are never all in memory at once. */
const sliceLength = 100;

async function pageOfRoster(
  context: Context,
  caller: Caller,
  { startIndex, count }: UserQuery,
  represent: Represent,
): Promise<UserPage> {
  const [, roster] = await Promise.all([
    openConnection(context, caller),
    readRoster(context.store, caller.connectionId),
  ]);
  const numbers = roster.subarray(startIndex - 1, startIndex - 1 + count);
  const page = pageWithin(listBytesMax);
  for (let start = 0; start < numbers.length && !page.full; start += sliceLength) {
    const users = await readUsers(context, caller, numbers.subarray(start, start + sliceLength));
    page.add(users.map(represent));
  }
  return { totalResults: roster.length, resources: page.resources };
}

/** Whom a key leads to: few, and perhaps not even a match, since names change and keys are read first. */
async function usersUnder(context: Context, caller: Caller, key: KeyLookup): Promise<readonly Member[]> {
  const projectId = projectOfConnection(caller.connectionId);
  if (key.attribute === "id") {
    await openConnection(context, caller);
    const number = memberNumberOf(projectId, key.value);
    return readUsers(context, caller, number === undefined ? [] : [number]);
  }
  const lookup = lookupFor(projectId, caller.connectionId, key);
  const along = openConnection(context, caller, keysOf(lookup)).then(({ items }) => items);
  return readUsers(context, caller, await numbersUnder(context.store, lookup, along, usersScannedMax));
}

function lookupFor(projectId: string, connectionId: string, { attribute, value }: KeyLookup): MemberLookup {
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

/** Every user of the connection that is wanted, found by reading all of them. */
async function usersWanted(
  context: Context,
  caller: Caller,
  represent: Represent,
  wanted: (resource: ScimResource) => boolean,
): Promise<ScimResource[]> {
  const [, roster] = await Promise.all([
    openConnection(context, caller),
    readRoster(context.store, caller.connectionId),
  ]);
  if (roster.length > usersScannedMax) {
    throw tooMuchToRead(`all ${roster.length} users, and at most ${usersScannedMax} (usersScannedMax) are`);
  }
  const found: ScimResource[] = [];
  let bytes = 0;
  for (let start = 0; start < roster.length; start += scanLength) {
    const users = await readUsers(context, caller, roster.subarray(start, start + scanLength));
    bytes += Buffer.byteLength(JSON.stringify(users.map(({ attributes }) => attributes)));
    if (bytes > scannedBytesMax) {
      throw tooMuchToRead(`more than ${scannedBytesMax} bytes of users (scannedBytesMax), and no more is`);
    }
    found.push(...users.map(represent).filter(wanted));
  }
  return found;
}

/** Users read at a time when all are read: a megabyte or so. */
const scanLength = 1_000;

function tooMuchToRead(what: string) {
  return tooMany(
    `This query would have to read ${what} read for one answer. Filter by id, userName, externalId or ` +
      "emails.value with eq (alone or joined by and), or page without filter and sortBy.",
  );
}

async function readUsers(
  context: Context,
  { connectionId }: Caller,
  numbers: Iterable<number>,
): Promise<readonly Member[]> {
  const members = await readMembers(context.store, projectOfConnection(connectionId), numbers);
  return members.filter((member) => member.connectionId === connectionId && member.deletedAt === undefined);
}

/**
 * As many resources as one answer can carry; `itemsPerPage` tells the client where to go on. Bytes are counted as Lambda
 * does: the body is a string in its result, so every quote in it takes two.
 */
function pageWithin(bytesMax: number) {
  const resources: ScimResource[] = [];
  let bytes = 0;
  const page = {
    resources,
    full: false,
    add(further: readonly ScimResource[]): void {
      for (const resource of further) {
        bytes += Buffer.byteLength(JSON.stringify(JSON.stringify(resource)));
        page.full ||= bytes > bytesMax && resources.length > 0;
        if (page.full) {
          return;
        }
        resources.push(resource);
      }
    },
  };
  return page;
}
