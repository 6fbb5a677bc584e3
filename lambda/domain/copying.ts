/**
 * Carries what changed at a parent to its children, each by itself: what one cannot take is a sync failure of that child
 * alone (API.md §5), and keeps nobody else waiting.
 */

import { RequestError } from "../scim/error.ts";
import { readConnection } from "../table/connections.ts";
import { type ChildLink, childrenOf, noteFailing, readLink } from "../table/copy-jobs.ts";
import { readMemberRow } from "../table/member-reads.ts";
import { closeFailure, noteFailure, readFailureOf } from "../table/sync-failures.ts";
import type { Connection } from "./connection.ts";
import { type Context, now } from "./context.ts";
import { copyGroup } from "./copy-group.ts";
import { copyUser, type Heir } from "./copy-user.ts";
import { groupOwner } from "./ids.ts";
import { copiesAtOnceMax } from "./limits.ts";
import { lastConnectionOf } from "./member.ts";
import { type FailureSource, failureCause } from "./sync-failure.ts";

/** A member's row changed. */
export async function carryMemberToHeirs(context: Context, projectId: string, number: number): Promise<void> {
  const row = await readMemberRow(context.store, projectId, number);
  const now = row?.kind === "moved" ? await readMemberRow(context.store, projectId, row.to) : row;
  const connectionId = now?.kind === "member" ? lastConnectionOf(now.member) : undefined;
  if (connectionId !== undefined) {
    await forHeirs(context, connectionId, (heir) => copyUserNoting(context, heir, number));
  }
}

/** A group's row changed, or went. */
export async function carryGroupToHeirs(context: Context, projectId: string, groupId: string): Promise<void> {
  await forHeirs(context, ownerOfGroup(projectId, groupId), (heir) =>
    copyGroup(context, heir, groupId, "all"),
  );
}

/** A page of a group's members changed. */
export async function carryPageToHeirs(
  context: Context,
  projectId: string,
  groupId: string,
  page: number,
): Promise<void> {
  await forHeirs(context, ownerOfGroup(projectId, groupId), (heir) =>
    copyGroup(context, heir, groupId, [page]),
  );
}

/** Does something for every child; what goes wrong with one is thrown when all are done. */
async function forHeirs(
  context: Context,
  parentId: string,
  copy: (heir: Heir) => Promise<void>,
): Promise<void> {
  const links = await childrenOf(context.store, parentId);
  const parent = links.length === 0 ? undefined : await readConnection(context.store, parentId);
  if (parent?.scimEnabled) {
    await sideBySide(links, (link) => copy(heirOf(parent, link)));
  }
}

/** Settled, so that none is under way any more when the first failure is thrown. */
export async function sideBySide<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const rest = all.values();
  const failures: unknown[] = [];
  const worker = async () => {
    for (const one of rest) {
      try {
        await work(one);
      } catch (cause) {
        failures.push(cause);
      }
    }
  };
  await Promise.all(Array.from({ length: copiesAtOnceMax }, worker));
  if (failures.length > 0) {
    throw failures[0];
  }
}

/** A child as its parent knows it: nothing of its own but the id is needed to copy. */
export function heirOf(parent: Connection, { childId, ordinal, failing }: ChildLink): Heir {
  const inheritance = { parentId: parent.id, parentRevision: parent.revision, ordinal };
  const child = { ...parent, id: childId, tokens: [], inheritance, childCount: 0 };
  return { parent, child, ordinal, failing };
}

/** Copies a user; what the child cannot take is noted as a sync failure of it, and closed by the next success. */
export async function copyUserNoting(context: Context, heir: Heir, number: number): Promise<void> {
  const { child, failing } = heir;
  const names = new Set<string>();
  try {
    await copyUser(context, heir, number, (userName) => names.add(userName));
  } catch (error) {
    const [identifier] = names;
    if (!isTheChilds(error) || identifier === undefined) {
      throw error;
    }
    await noteFailing(context.store, heir.parent.id, child.id);
    await noteFailure(
      context.store,
      { connectionId: child.id, resourceType: "User", identifier },
      failureCause(error, "User", "replace"),
      { at: now(context), closesByItself: true, source: { kind: "user", number } },
    );
    return;
  }
  if (failing) {
    await closeFailuresOf(context, child, [...names]);
  }
}

/** Another attempt at what a child could not take. Nothing where the child has gone, or SCIM is off. */
export async function retryCopy(context: Context, childId: string, { number }: FailureSource): Promise<void> {
  const child = await readConnection(context.store, childId);
  const parentId = child?.inheritance?.parentId;
  const [parent, link] =
    parentId === undefined
      ? []
      : await Promise.all([
          readConnection(context.store, parentId),
          readLink(context.store, parentId, childId),
        ]);
  if (parent?.scimEnabled && link) {
    await copyUserNoting(context, { ...heirOf(parent, link), failing: true }, number);
  }
}

async function closeFailuresOf(
  { store }: Context,
  child: Connection,
  identifiers: readonly string[],
): Promise<void> {
  for (const identifier of identifiers) {
    const failure = await readFailureOf(store, { connectionId: child.id, resourceType: "User", identifier });
    if (failure !== undefined) {
      await closeFailure(store, failure);
    }
  }
}

/** A refusal for what is the case in the child's project, which may be so for long; all else is tried again. */
function isTheChilds(error: unknown): error is RequestError {
  return error instanceof RequestError && error.status < 500 && error.status !== 429;
}

/** The connection in whose name a group's id was made. */
function ownerOfGroup(projectId: string, groupId: string): string {
  return projectId + groupId.slice(0, groupOwner(undefined).length);
}
