/**
 * Brings a child's copy of one group of its parent to what that group is now: its name, and its members page by page. A
 * copy's numbers are its source's, moved to the inheritance's own pages, so that a page is copied as it is, whoever of its
 * members the child has.
 */

import { connectionIsThere, readConnection } from "../table/connections.ts";
import { copiedPageWrite, copiedRevision, pageChunks, readGroupPages } from "../table/group-members.ts";
import {
  groupNotFormer,
  groupWrites,
  noteMembership,
  parseGroup,
  readFormerGroup,
  rememberGroup,
} from "../table/groups.ts";
import { groupKey, groupPageKey } from "../table/keys.ts";
import { copyOfPage, countOf, difference, type PageChunks } from "../table/numbers.ts";
import { overtaken } from "../table/retry.ts";
import { carryPage } from "./carried-memberships.ts";
import { projectIdOf } from "./connection.ts";
import { type Context, now } from "./context.ts";
import type { Heir } from "./copy-user.ts";
import { firstGeneration, type Group, newGroup } from "./group.ts";
import { removeGroup } from "./group-changes.ts";
import { holdersOf } from "./groups.ts";
import { groupOwner } from "./ids.ts";
import { changing } from "./member-change.ts";

/** The id of the copy: the child's own part, then what is the group's own. So no look-up leads from a group to its copy. */
export function copyOfGroupId(childId: string, groupId: string): string {
  const owner = groupOwner(childId);
  return owner + groupId.slice(owner.length);
}

/** `pages`: those that changed, or all there are on either side. */
export async function copyGroup(
  context: Context,
  heir: Heir,
  groupId: string,
  pages: readonly number[] | "all",
): Promise<void> {
  const { parent, child } = heir;
  const [fromProject, toProject] = [projectIdOf(parent), projectIdOf(child)];
  const copyId = copyOfGroupId(child.id, groupId);
  const keys = [groupKey(fromProject, groupId), groupKey(toProject, copyId)] as const;
  let attempts = 0;
  await changing(context, async () => {
    if (attempts++ > 0 && (await readConnection(context.store, child.id))?.scimEnabled !== true) {
      return;
    }
    // The source's row before its pages: what they say is of that revision, or newer.
    const items = await context.store.read(keys);
    const [sourceItem, copyItem] = [items.get(keys[0]), items.get(keys[1])];
    const source = sourceItem && parseGroup(fromProject, sourceItem);
    const copy = copyItem && parseGroup(toProject, copyItem);
    if (source === undefined) {
      return endCopy(context, heir, copyId, copy);
    }
    if (source.hidden) {
      return;
    }
    const group = await copyRow(context, heir, source, copy, copyId);
    if (group === undefined) {
      return;
    }
    const wanted =
      pages === "all" || copy === undefined ? await allPages(context, heir, source, group) : pages;
    for (const page of wanted) {
      await copyPage(context, heir, source, group, page);
    }
  });
}

async function endCopy(
  context: Context,
  { child }: Heir,
  copyId: string,
  copy: Group | undefined,
): Promise<void> {
  if (copy !== undefined) {
    return removeGroup(context, copy, [connectionIsThere(child.id)]);
  }
  const projectId = projectIdOf(child);
  if ((await readFormerGroup(context.store, projectId, copyId)) !== undefined) {
    return;
  }
  // Word for a run that read the group while it was there and has not made its copy yet.
  const at = now(context);
  const nobody = newGroup(
    { projectId, id: copyId, displayName: "", externalId: undefined, access: "none", connectionId: child.id },
    at,
  );
  const outcome = await context.store.transact([
    rememberGroup(nobody, context.actor, at),
    connectionIsThere(child.id),
  ]);
  return outcome === "done" ? undefined : overtaken();
}

/** The copy's row as it is then. Undefined for a group that was gone before. */
async function copyRow(
  context: Context,
  { child }: Heir,
  source: Group,
  copy: Group | undefined,
  copyId: string,
): Promise<Group | undefined> {
  const { displayName, revision } = source;
  if (copy !== undefined && (copy.sourceRevision ?? 0) > revision) {
    return overtaken();
  }
  if (copy?.displayName === displayName && copy.sourceRevision === revision) {
    return copy;
  }
  const projectId = projectIdOf(child);
  const at = now(context);
  const renamed = copy?.displayName !== displayName;
  const after: Group =
    copy === undefined
      ? {
          ...newGroup(
            {
              projectId,
              id: copyId,
              displayName,
              externalId: undefined,
              access: child.defaults.groupAccess,
              connectionId: child.id,
            },
            at,
          ),
          sourceRevision: revision,
        }
      : {
          ...copy,
          displayName,
          sourceRevision: revision,
          ...(renamed && { lastModified: at, updatedAt: at, version: copy.version + 1 }),
          revision: copy.revision + 1,
        };
  if (copy === undefined && (await readFormerGroup(context.store, projectId, copyId)) !== undefined) {
    return undefined;
  }
  const holdersAt = await holdersOf(context, copy, after);
  const outcome = await context.store.transact([
    ...groupWrites(copy, after, holdersAt, context.actor),
    ...(copy === undefined ? [groupNotFormer(projectId, copyId)] : []),
    connectionIsThere(child.id),
  ]);
  return outcome === "done" ? after : overtaken();
}

/** Of the source and of its copy, by the source's numbering. */
async function allPages(
  { store }: Context,
  { child, ordinal }: Heir,
  source: Group,
  copy: Group,
): Promise<readonly number[]> {
  const [from, to] = await Promise.all([
    readGroupPages(store, { projectId: source.projectId, groupId: source.id, kind: "S" }),
    readGroupPages(store, { projectId: projectIdOf(child), groupId: copy.id, kind: "S" }),
  ]);
  const offset = copyOfPage(ordinal, 0);
  const copied = [...to.of(firstGeneration).keys()].map((page) => page - offset);
  return [...new Set([...from.of(source.generation).keys(), ...copied])];
}

async function copyPage(
  context: Context,
  { child, ordinal }: Heir,
  source: Group,
  copy: Group,
  page: number,
): Promise<void> {
  const projectId = projectIdOf(child);
  const place = { kind: "S", page: copyOfPage(ordinal, page) } as const;
  const fromKey = groupPageKey(source.projectId, source.id, {
    kind: "S",
    page,
    generation: source.generation,
  });
  const toKey = groupPageKey(projectId, copy.id, { ...place, generation: firstGeneration });
  const items = await context.store.read([fromKey, toKey]);
  const seen = items.get(toKey);
  const copied = copiedRevision(seen);
  if (copied !== undefined && copied > source.revision) {
    return overtaken();
  }
  const [before, after] = [pageChunks(seen), pageChunks(items.get(fromKey))];
  const [joining, leaving] = [countIn(after, before), countIn(before, after)];
  if (joining + leaving > 0 || copied !== source.revision) {
    const at = now(context);
    const outcome = await context.store.transact([
      copiedPageWrite(toKey, seen, after, source.revision),
      ...(joining + leaving > 0
        ? [noteMembership(copy, { at, growth: joining - leaving, wide: false }, context.actor)]
        : []),
      connectionIsThere(child.id),
    ]);
    if (outcome === "overtaken") {
      overtaken();
    }
  }
  await carryPage(context, { projectId, groupId: copy.id, ...place });
}

/** How many of the one set the other has not. */
function countIn(chunks: PageChunks, others: PageChunks): number {
  return countOf(difference(new Map([[0, chunks]]), new Map([[0, others]])));
}
