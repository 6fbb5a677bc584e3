/**
 * Brings a child's copy of one group of its parent to what that group is now: its name, and its members page by page. A
 * copy's numbers are its source's, moved to the inheritance's own pages, so that a page is copied as it is, whoever of its
 * members the child has.
 *
 * The gate: row and pages say which revision of their source they were brought to, and move forward only.
 */

import { copiedPageWrite, copiedRevision, pageChunks, readGroupPages } from "../table/group-members.ts";
import { carryWrites, keyOfMirror, mirroredChunks, nextCarry } from "../table/group-mirror.ts";
import {
  forgetFormerGroup,
  groupWrites,
  noteMembership,
  parseGroup,
  readFormerGroup,
} from "../table/groups.ts";
import { groupKey, groupPageKey } from "../table/keys.ts";
import { copyOfPage, countOf, difference, type PageChunks } from "../table/numbers.ts";
import { orOvertaken, overtaken } from "../table/retry.ts";
import { projectIsThere } from "../table/seat-pools.ts";
import type { Item } from "../table/store.ts";
import { carryPage } from "./carried-memberships.ts";
import { type Connection, projectIdOf } from "./connection.ts";
import { type Context, now } from "./context.ts";
import { type Heir, hasEnded } from "./copy-user.ts";
import { firstGeneration, type Group, newGroup } from "./group.ts";
import { removeGroup } from "./group-changes.ts";
import { holdersOf } from "./groups.ts";
import { groupOwner } from "./ids.ts";
import { membersCarriedMax } from "./limits.ts";
import { changing } from "./member-change.ts";

/** The id of the copy: the child's own part, then what is the group's own. So no look-up leads from a group to its copy. */
export function copyOfGroupId(childId: string, groupId: string): string {
  const owner = groupOwner(childId);
  return owner + groupId.slice(owner.length);
}

/** The id of the group that is copied to this one. */
export function sourceOfGroupId(parentId: string, copyId: string): string {
  return copyOfGroupId(parentId, copyId);
}

/** A group as it was read once for all children: its row, and then the page that changed, if one did. */
export interface ReadGroup {
  readonly row: Item | undefined;
  readonly page: { readonly number: number; readonly item: Item | undefined } | undefined;
}

/** Reads a group for its children, the row before the page: what that says is of the row's revision, or newer. */
export async function readGroup(
  context: Context,
  projectId: string,
  groupId: string,
  page: number | undefined,
): Promise<ReadGroup> {
  const key = groupKey(projectId, groupId);
  const row = (await context.store.read([key])).get(key);
  if (page === undefined || row === undefined) {
    return { row, page: undefined };
  }
  const { generation } = parseGroup(projectId, row);
  const pageKey = groupPageKey(projectId, groupId, { kind: "S", page, generation });
  return { row, page: { number: page, item: (await context.store.read([pageKey])).get(pageKey) } };
}

/** What to look at: what a change told, or all that there is on either side. */
export type Extent = { readonly page: number | undefined } | "all";

/**
 * Brings the copy of a group to what the group is. `known`: what was read of it shortly before; should it be older than what
 * the copy was brought to, it is read again.
 */
export async function copyGroup(
  context: Context,
  heir: Heir,
  groupId: string,
  extent: Extent,
  known?: ReadGroup,
): Promise<void> {
  const { parent, child } = heir;
  const [fromProject, toProject] = [projectIdOf(parent), projectIdOf(child)];
  const copyId = copyOfGroupId(child.id, groupId);
  const copyKey = groupKey(toProject, copyId);
  const told = extent === "all" ? undefined : extent.page;
  let attempts = 0;
  await changing(context, async () => {
    const isFirst = attempts++ === 0;
    if (!isFirst && (await hasEnded(context, heir))) {
      return;
    }
    const [group, items] = await Promise.all([
      isFirst && known !== undefined ? known : readGroup(context, fromProject, groupId, told),
      context.store.read([copyKey]),
    ]);
    const [sourceItem, copyItem] = [group.row, items.get(copyKey)];
    const source = sourceItem && parseGroup(fromProject, sourceItem);
    const copy = copyItem && parseGroup(toProject, copyItem);
    if (source === undefined) {
      return copy && removeGroup(context, copy, []);
    }
    if (source.hidden) {
      return;
    }
    const isTold = extent === "all" || told === undefined;
    const there = await copyRow(context, child, { source, copy, copyId, isTold });
    if (copy === undefined) {
      await assertStillThere(context, source);
    }
    // Of a set that has been replaced as a whole no page has rung by itself.
    const isReplaced = (there.sourceGeneration ?? firstGeneration) !== source.generation;
    if (extent === "all" || isReplaced) {
      await copyPages(context, heir, source, there);
    } else if (group.page !== undefined) {
      await copyPage(context, heir, source, there, group.page);
    }
    if (isReplaced) {
      await write(context, there, { ...there, sourceGeneration: source.generation });
    }
  });
}

/** Read before, it may be gone by now, and whoever carried that may have found no copy yet to remove. */
async function assertStillThere({ store }: Context, { projectId, id }: Group): Promise<void> {
  const key = groupKey(projectId, id);
  if ((await store.read([key])).get(key) === undefined) {
    overtaken();
  }
}

interface RowChange {
  readonly source: Group;
  readonly copy: Group | undefined;
  readonly copyId: string;
  /** Whether the source's row rang, and so may have another name. */
  readonly isTold: boolean;
}

/** The copy's row as it is then: its name follows at once, which set its members are of when they have been copied. */
async function copyRow(
  context: Context,
  child: Connection,
  { source, copy, copyId, isTold }: RowChange,
): Promise<Group> {
  const { displayName, revision } = source;
  if (copy === undefined) {
    return create(context, child, source, copyId);
  }
  if ((copy.sourceRevision ?? 0) > revision) {
    return overtaken();
  }
  const isRenamed = copy.displayName !== displayName;
  if (!isRenamed && (copy.sourceRevision === revision || !isTold)) {
    return copy;
  }
  const at = now(context);
  return write(context, copy, {
    ...copy,
    displayName,
    sourceRevision: revision,
    ...(isRenamed && { lastModified: at, updatedAt: at, version: copy.version + 1 }),
  });
}

async function create(context: Context, child: Connection, source: Group, copyId: string): Promise<Group> {
  const projectId = projectIdOf(child);
  const { displayName, revision } = source;
  const access = child.defaults.groupAccess;
  const fields = { projectId, id: copyId, displayName, externalId: undefined, access };
  const former = await readFormerGroup(context.store, projectId, copyId);
  const group: Group = {
    ...newGroup({ ...fields, connectionId: child.id }, now(context)),
    // What is told of its changes goes on in order.
    revision: (former?.revision ?? 0) + 1,
    sourceRevision: revision,
  };
  const holders = await holdersOf(context, undefined, group);
  await orOvertaken(
    context.store.transact([
      ...groupWrites(undefined, group, holders, context.actor),
      ...(former === undefined ? [] : [forgetFormerGroup(projectId, copyId)]),
      projectIsThere(projectId, context.spread()),
    ]),
  );
  return group;
}

async function write(context: Context, before: Group, wanted: Group): Promise<Group> {
  const after = { ...wanted, revision: before.revision + 1 };
  const holders = await holdersOf(context, before, after);
  await orOvertaken(context.store.transact(groupWrites(before, after, holders, context.actor)));
  return after;
}

/** All pages of the source and of its copy. */
async function copyPages(context: Context, heir: Heir, source: Group, copy: Group): Promise<void> {
  const { store } = context;
  const { projectId, id, generation } = source;
  const [from, to] = await Promise.all([
    readGroupPages(store, { projectId, groupId: id, kind: "S" }),
    readGroupPages(store, { projectId: copy.projectId, groupId: copy.id, kind: "S" }),
  ]);
  const offset = copyOfPage(heir.ordinal, 0);
  const copied = [...to.of(firstGeneration).keys()].map((page) => page - offset);
  for (const page of new Set([...from.of(generation).keys(), ...copied])) {
    const key = groupPageKey(projectId, id, { kind: "S", page, generation });
    const item = (await store.read([key])).get(key);
    await copyPage(context, heir, source, copy, { number: page, item });
  }
}

/** Page, count and what its members know of it change together; only where very many do, or a copying died, members follow. */
async function copyPage(
  context: Context,
  { child, ordinal }: Heir,
  source: Group,
  copy: Group,
  page: NonNullable<ReadGroup["page"]>,
): Promise<void> {
  const projectId = projectIdOf(child);
  const place = { projectId, groupId: copy.id, kind: "S", page: copyOfPage(ordinal, page.number) } as const;
  const toKey = groupPageKey(projectId, copy.id, { ...place, generation: firstGeneration });
  const items = await context.store.read([toKey, keyOfMirror(place)]);
  const [seen, mirrored] = [items.get(toKey), mirroredChunks(items, place)];
  const [before, after] = [pageChunks(seen), pageChunks(page.item)];
  const isCarried = isSame(before, mirrored);
  const copied = copiedRevision(seen);
  if (isSame(before, after) && copied !== undefined && copied >= source.revision) {
    if (!isCarried) {
      await carryPage(context, place);
    }
    return;
  }
  if (copied !== undefined && copied >= source.revision) {
    // What was read of the source is older.
    return overtaken();
  }
  const growth = countOf(new Map([[0, after]])) - countOf(new Map([[0, before]]));
  const note = { at: now(context), growth, wide: false };
  const carry = isCarried
    ? nextCarry(place, mirrored, after, membersCarriedMax, context.spread())
    : undefined;
  const isWhole = carry !== undefined && carry.joining.length + carry.leaving.length < membersCarriedMax;
  await orOvertaken(
    context.store.transact([
      copiedPageWrite(toKey, seen, after, source.revision),
      // Nothing changes in it but the count where nobody comes or goes; it must be there in any case.
      noteMembership(copy, isSame(before, after) ? { ...note, at: undefined } : note, context.actor),
      ...(isWhole ? carryWrites(place, mirrored, carry) : []),
    ]),
  );
  if (!isWhole && !(isCarried && isSame(before, after))) {
    await carryPage(context, place);
  }
}

function isSame(chunks: PageChunks, others: PageChunks): boolean {
  const [one, other] = [new Map([[0, chunks]]), new Map([[0, others]])];
  return countOf(difference(one, other)) + countOf(difference(other, one)) === 0;
}
