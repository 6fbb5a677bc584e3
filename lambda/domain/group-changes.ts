/**
 * Writes one change of one group, its members included: entirely or not at all, whatever its size. What fits one
 * transaction is one. What does not is written aside first, under a generation that nobody reads, and becomes the group's
 * set by one write of its row; the row says all the while what is aside, so that nothing stays behind (`tidyGroup`).
 */

import { type MembersPlace, membersItems, membersKeys, membersWrites } from "../table/group-members.ts";
import {
  abandonAside,
  forgetAside,
  groupWrites,
  type NameHolders,
  nameKeysTouched,
  noteMembership,
  parseNameHolders,
  readGroupRow,
  rememberGroup,
} from "../table/groups.ts";
import type { Key } from "../table/keys.ts";
import { countOf, type NumberPages } from "../table/numbers.ts";
import { orOvertaken, overtaken } from "../table/retry.ts";
import type { Item, Write } from "../table/store.ts";
import { type Context, now } from "./context.ts";
import type { Aside, Group } from "./group.ts";
import { randomCharacters } from "./ids.ts";
import { asideLifetimeMs, transactionWritesMax } from "./limits.ts";
import { changing } from "./member-change.ts";

/** The members before and after; pages that are in neither are left as they are, unless all were read. */
export interface MembersChange {
  readonly before: NumberPages;
  readonly after: NumberPages;
}

export interface GroupCommit {
  /** As read; nothing for a new group. */
  readonly before: Group | undefined;
  /** As wanted, but for what follows from its members: version, size, times. Nothing for a group that goes. */
  readonly after: Group;
  readonly members: MembersChange;
  /** Whether the SCIM resource changes: it does not where nobody but departed members is taken out. */
  readonly visible: boolean;
  /** Whether the change holds only for the group exactly as it was read; a change of single members need not. */
  readonly strict: boolean;
  readonly holdersAt: (key: Key) => NameHolders;
  /** Further conditions under which the change holds. */
  readonly checks: readonly Write[];
}

/** The group as written. Overtaken when another change came first. */
export async function commitGroup(context: Context, commit: GroupCommit, at: string): Promise<Group> {
  const { before, members } = commit;
  const pages = membersWrites(placeOf(before ?? commit.after), members.before, members.after);
  const growth = countOf(members.after) - countOf(members.before);
  // Names are read with the row, members from their pages: who reads across the change reads both again.
  const wide = pages.length + (isRenamed(commit) ? 1 : 0) > 1;
  const after = nextGroup(commit, growth, wide, at);
  const row =
    before !== undefined && !commit.strict
      ? [noteMembership(before, { at: commit.visible ? at : undefined, growth, wide }, context.actor)]
      : groupWrites(before, after, commit.holdersAt, context.actor);
  const writes = [...row, ...pages, ...commit.checks];
  if (writes.length > transactionWritesMax) {
    return writeAside(context, commit, after);
  }
  return (await context.store.transact(writes)) === "done" ? after : overtaken();
}

function isRenamed({ before, after }: GroupCommit): boolean {
  return (
    before !== undefined &&
    (before.displayName !== after.displayName || before.externalId !== after.externalId)
  );
}

function nextGroup(
  { before, after, visible }: GroupCommit,
  growth: number,
  wide: boolean,
  at: string,
): Group {
  if (before === undefined) {
    return { ...after, size: growth };
  }
  return {
    ...after,
    size: before.size + growth,
    wideChanges: before.wideChanges + (wide ? 1 : 0),
    ...(visible && { lastModified: at, updatedAt: at, version: before.version + 1 }),
    revision: before.revision + 1,
  };
}

/** Where the present set of a group's own connection's users lies. */
export function placeOf({ projectId, id, generation }: Group): MembersPlace {
  return { projectId, groupId: id, kind: "S", generation };
}

async function writeAside(context: Context, commit: GroupCommit, after: Group): Promise<Group> {
  return commit.before === undefined
    ? createAside(context, commit, after)
    : replaceAside(context, commit, commit.before, after);
}

/** The new group is there at once, with its name, and hidden until its members are. */
async function createAside(context: Context, commit: GroupCommit, wanted: Group): Promise<Group> {
  const { store } = context;
  // Not the first generation, so that the stream handler looks at the set anew once it is shown.
  const after: Group = { ...wanted, generation: newGeneration(context) };
  const aside = { generation: after.generation, removableFrom: context.clock() + asideLifetimeMs };
  const hidden = { ...after, hidden: true, aside };
  const writes = [...groupWrites(undefined, hidden, commit.holdersAt, context.actor), ...commit.checks];
  await orOvertaken(orAbandon(context, hidden, () => store.transact(writes)));
  const items = membersItems(placeOf(after), commit.members.after);
  const shown: Group = { ...after, revision: hidden.revision + 1 };
  const isShown = await orAbandon(context, hidden, async () => {
    await store.place(items);
    return changing(context, async () => {
      const showing = groupWrites(hidden, shown, commit.holdersAt, context.actor);
      if ((await store.transact(showing)) === "done") {
        return true;
      }
      // Nobody changes a hidden group but to remove it; else something in passing was in the way.
      return (await readGroupRow(store, after.projectId, after.id)) === undefined ? false : overtaken();
    });
  });
  if (!isShown) {
    await store.purge(items.map(keyOfItem));
    overtaken();
  }
  return shown;
}

async function replaceAside(
  context: Context,
  commit: GroupCommit,
  before: Group,
  after: Group,
): Promise<Group> {
  const { store } = context;
  if (before.aside !== undefined) {
    // One at a time: what an earlier writer left goes first, and one that is still at work is waited for.
    await tidyGroup(context, before);
    overtaken();
  }
  const generation = newGeneration(context);
  const aside = { generation, removableFrom: context.clock() + asideLifetimeMs };
  const begun = { ...before, aside, revision: before.revision + 1 };
  const writes = groupWrites(before, begun, commit.holdersAt, context.actor);
  await orOvertaken(orAbandon(context, begun, () => store.transact(writes)));
  const items = membersItems({ ...placeOf(after), generation }, commit.members.after);
  const swapped: Group = {
    ...after,
    generation,
    wideChanges: before.wideChanges + 1,
    revision: begun.revision + 1,
    // The set that was the present one is aside now.
    aside: { generation: before.generation, removableFrom: context.clock() },
  };
  const outcome = await orAbandon(context, begun, async () => {
    await store.place(items);
    const swap = [...groupWrites(begun, swapped, commit.holdersAt, context.actor), ...commit.checks];
    if ((await store.transact(swap)) === "done") {
      return "done";
    }
    await store.purge(items.map(keyOfItem));
    await forget(context, begun, generation);
    return "overtaken";
  });
  if (outcome === "overtaken") {
    overtaken();
  }
  await leavingRest(context, () => tidyGroup(context, swapped));
  return swapped;
}

/**
 * Ends the work on a set aside when it fails, so that whoever changes the group next need not wait until its writer may be
 * taken for dead. What is left to be removed the row says.
 */
async function orAbandon<T>(
  context: Context,
  group: Group & { readonly aside: Aside },
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { generation } = group.aside;
    await leavingRest(context, () =>
      whileAside(context, group, generation, abandonAside(group, generation, context.clock())),
    );
    throw error;
  }
}

/** Clears up what nobody reads. Whatever there was to say has been decided: where this fails, the stream handler does it. */
async function leavingRest(context: Context, clear: () => Promise<unknown>): Promise<void> {
  try {
    await clear();
  } catch (cause) {
    context.warn("What is left of a group's members could not be cleared up yet", cause);
  }
}

function keyOfItem({ pk, sk }: Item): Key {
  return { pk: String(pk), sk: String(sk) };
}

/** Two writers never write under the same. */
function newGeneration(context: Context): string {
  return randomCharacters(generationCharacters, context.randomBytes);
}

/** 80 random bits. */
const generationCharacters = 16;

/**
 * Removes what lies aside and will never be the group's set: the one it replaced, or one whose writer is gone; with it the
 * group itself, if it was never shown. False while somebody may still be at work on it. Safe to repeat.
 */
export async function tidyGroup(context: Context, group: Group): Promise<boolean> {
  const { aside, hidden, projectId, id } = group;
  if (aside === undefined) {
    return true;
  }
  if (context.clock() < aside.removableFrom) {
    return false;
  }
  if (hidden) {
    await removeGroup(context, group, []);
    return true;
  }
  const { store } = context;
  // Of that set alone: since the row was read, another one may have become the present one, or be on its way.
  const keys = await membersKeys(store, projectId, id, ({ generation }) => generation !== aside.generation);
  await store.purge(keys);
  await forget(context, group, aside.generation);
  return true;
}

/** Takes the word of a set aside from the row. */
async function forget(context: Context, group: Group, generation: string): Promise<void> {
  await whileAside(context, group, generation, forgetAside(group, generation));
}

/** Writes what is to be said of a set aside, whatever else is changing in the row; nothing if it is not aside any more. */
async function whileAside(context: Context, group: Group, generation: string, write: Write): Promise<void> {
  const { store } = context;
  await changing(context, async () => {
    if ((await store.transact([write])) === "overtaken") {
      const row = await readGroupRow(store, group.projectId, group.id);
      if (row?.aside?.generation === generation) {
        overtaken();
      }
    }
  });
}

/**
 * The row and its names in one transaction, which leaves word of it if it was ever shown; then whatever was kept of its
 * members. Overtaken when it changed meanwhile.
 */
export async function removeGroup(context: Context, group: Group, checks: readonly Write[]): Promise<void> {
  const { store } = context;
  const keys = nameKeysTouched(group, undefined);
  const names = await store.read(keys);
  const writes = groupWrites(group, undefined, (key) => parseNameHolders(names.get(key)), context.actor);
  const word = group.hidden ? [] : [rememberGroup(group, context.actor, now(context))];
  await orOvertaken(store.transact([...writes, ...word, ...checks]));
  await leavingRest(context, () => purgeMembers(context, group.projectId, group.id));
}

/** All that is kept of the members of a group that is gone. */
export async function purgeMembers(context: Context, projectId: string, groupId: string): Promise<void> {
  await context.store.purge(await membersKeys(context.store, projectId, groupId));
}
