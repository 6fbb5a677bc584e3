/**
 * Carries what changed at a parent to its children, each by itself: what one cannot take is a sync failure of that child
 * alone (API.md §5), and keeps nobody else waiting.
 */

import type { RequestError } from "../scim/error.ts";
import { connectionsIn, readConnection } from "../table/connections.ts";
import { type ChildLink, childrenOf, noteFailing, readLink } from "../table/copy-jobs.ts";
import { memberKey } from "../table/keys.ts";
import { type MemberRow, parseMemberRow } from "../table/members.ts";
import { overtaken } from "../table/retry.ts";
import type { Item } from "../table/store.ts";
import {
  closeFailure,
  noteFailure,
  purgeInheritedFailure,
  readInheritedFailure,
} from "../table/sync-failures.ts";
import type { Connection } from "./connection.ts";
import { type Context, now } from "./context.ts";
import { copyGroup, readGroup, sourceOfGroupId } from "./copy-group.ts";
import { copyUser, type Heir, isTheChilds, type SeenSource } from "./copy-user.ts";
import { groupOwner, isConnectionId, projectOfConnection } from "./ids.ts";
import { heirsAtOnceMax } from "./limits.ts";
import { lastConnectionOf } from "./member.ts";
import { changing } from "./member-change.ts";
import { QuotaExceeded } from "./refusals.ts";
import { sideBySide } from "./side-by-side.ts";
import { type FailureSource, inheritedCause } from "./sync-failure.ts";

/** A member's row changed. */
export async function carryMemberToHeirs(context: Context, projectId: string, number: number): Promise<void> {
  const key = memberKey(projectId, number);
  const item = (await context.store.read([key])).get(key);
  if (item === undefined) {
    return;
  }
  for (const connectionId of await connectionsConcerned(
    context,
    projectId,
    parseMemberRow(projectId, item),
  )) {
    const heirs = await heirsOf(context, connectionId);
    await sideBySide(heirs, heirsAtOnceMax, async (heir) => {
      await copyUserNoting(context, heir, number, item);
    });
  }
}

/** Whose user it is, or was. A number that was left does not tell: then all that have children. */
async function connectionsConcerned(
  { store }: Context,
  projectId: string,
  row: MemberRow,
): Promise<readonly string[]> {
  if (row.kind === "moved") {
    const connections = await connectionsIn(store, projectId);
    return connections.filter(({ childCount }) => childCount > 0).map(({ id }) => id);
  }
  const connectionId = row.kind === "member" ? lastConnectionOf(row.member) : undefined;
  return connectionId === undefined ? [] : [connectionId];
}

/** A group's row changed, or (`page`) one page of its members. */
export async function carryGroupToHeirs(
  context: Context,
  projectId: string,
  groupId: string,
  page?: number,
): Promise<void> {
  const heirs = await heirsOf(context, ownerOfGroup(projectId, groupId));
  if (heirs.length > 0) {
    const known = await readGroup(context, projectId, groupId, page);
    await sideBySide(heirs, heirsAtOnceMax, (heir) => copyGroup(context, heir, groupId, { page }, known));
  }
}

/** A group went: so do its copies. Where it was one itself, and its source is there, somebody deleted it by hand: it is made again. */
export async function carryGroupsEnd(context: Context, projectId: string, groupId: string): Promise<void> {
  const ownerId = ownerOfGroup(projectId, groupId);
  const owner = isConnectionId(ownerId) ? await readConnection(context.store, ownerId) : undefined;
  if (owner?.inheritance === undefined) {
    return owner && carryGroupToHeirs(context, projectId, groupId);
  }
  const { parentId } = owner.inheritance;
  const sourceId = sourceOfGroupId(parentId, groupId);
  const { row } = await readGroup(context, projectOfConnection(parentId), sourceId, undefined);
  const heir = row && (await heirAt(context, owner));
  if (heir !== undefined) {
    await copyGroup(context, heir, sourceId, "all");
  }
}

/** The children that a change is to be carried to: none while SCIM is off. */
async function heirsOf({ store }: Context, parentId: string): Promise<readonly Heir[]> {
  const links = await childrenOf(store, parentId);
  const parent = links.length === 0 ? undefined : await readConnection(store, parentId);
  return parent?.scimEnabled ? links.map((link) => heirOf(parent, link)) : [];
}

/** A child as its parent knows it: nothing of its own but the id is needed to copy. */
export function heirOf(parent: Connection, { childId, ordinal, failing }: ChildLink): Heir {
  const inheritance = { parentId: parent.id, parentRevision: parent.revision, ordinal };
  const child = { ...parent, id: childId, tokens: [], inheritance, childCount: 0 };
  return { parent, child, ordinal, failing };
}

/**
 * Copies a user; what the child cannot take is noted as a sync failure of it, and closed by the next success. Whoever frees
 * what was in the way has what failed looked at again, but for what is not noted yet: so one that is new is tried once more.
 * Returns what was in the way, where something still is.
 */
export async function copyUserNoting(
  context: Context,
  heir: Heir,
  number: number,
  known?: Item,
): Promise<RequestError | undefined> {
  const refused = await tryCopy(context, heir, number, known);
  if (refused === undefined) {
    return undefined;
  }
  const { store } = context;
  const { parent, child } = heir;
  const { seen, error } = refused;
  const seat = error instanceof QuotaExceeded ? error.kind : undefined;
  const open = await readInheritedFailure(store, child.id, seen.number);
  await noteFailing(store, parent.id, child.id);
  await noteFailure(
    store,
    { connectionId: child.id, resourceType: "User", identifier: seen.userName },
    inheritedCause(error),
    {
      at: now(context),
      closesByItself: true,
      source: { number: seen.number, version: seen.version, seat },
    },
  );
  if ((await readLink(store, parent.id, child.id)) === undefined) {
    // Cut off meanwhile: nothing would ever close it.
    await purgeInheritedFailure(store, child.id, seen.number);
    return error;
  }
  if (seen.number !== number) {
    await closeFailureOf(context, child, number, seen);
  }
  const again = open === undefined ? await tryCopy(context, { ...heir, failing: true }, number) : refused;
  return again?.error;
}

interface RefusedCopy {
  readonly seen: SeenSource & { readonly userName: string };
  readonly error: RequestError;
}

/** Undefined where the copy is up to date then, and no failure of it open any more. */
async function tryCopy(
  context: Context,
  heir: Heir,
  number: number,
  known?: Item,
): Promise<RefusedCopy | undefined> {
  const told: SeenSource[] = [];
  const tell = (source: SeenSource) => told.push(source);
  try {
    await copyUser(context, heir, number, { tell, ...(known && { known }) });
  } catch (error) {
    const seen = told.at(-1);
    if (!isTheChilds(error) || seen?.userName === undefined) {
      throw error;
    }
    return { seen: { ...seen, userName: seen.userName }, error };
  }
  const seen = told.at(-1);
  if (heir.failing && seen !== undefined) {
    for (const one of new Set([number, seen.number])) {
      await closeFailureOf(context, heir.child, one, seen);
    }
  }
  return undefined;
}

/** Unless it tells of a later version than the one that was copied. */
async function closeFailureOf(
  context: Context,
  child: Connection,
  number: number,
  copied: SeenSource,
): Promise<void> {
  const { store } = context;
  await changing(context, async () => {
    const failure = await readInheritedFailure(store, child.id, number);
    const isOver = failure?.source !== undefined && failure.source.version <= copied.version;
    if (isOver && (await closeFailure(store, failure)) === "overtaken") {
      overtaken();
    }
  });
}

/** Another attempt at what a child could not take. Nothing where the child has gone, or SCIM is off. */
export async function retryCopy(context: Context, childId: string, { number }: FailureSource): Promise<void> {
  const heir = await heirAt(context, await readConnection(context.store, childId));
  if (heir !== undefined) {
    await copyUserNoting(context, { ...heir, failing: true }, number);
  }
}

/** A child as it is at present; undefined for any other connection, and while SCIM is off. */
async function heirAt({ store }: Context, child: Connection | undefined): Promise<Heir | undefined> {
  if (child?.inheritance === undefined || !child.scimEnabled) {
    return undefined;
  }
  const { parentId } = child.inheritance;
  const [parent, link] = await Promise.all([
    readConnection(store, parentId),
    readLink(store, parentId, child.id),
  ]);
  return parent?.scimEnabled && link ? heirOf(parent, link) : undefined;
}

/** The connection in whose name a group's id was made. */
function ownerOfGroup(projectId: string, groupId: string): string {
  return projectId + groupId.slice(0, groupOwner(undefined).length);
}
