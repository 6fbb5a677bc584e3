/**
 * Memberships, carried to the members: the groups each of them is in (`lambda/table/group-mirror.ts`). What there is to do
 * is decided by what a group, and what has been carried of it before, look like now. And what a writer that died left of
 * a group's members is removed.
 */

import { pageChunks, readGroupPages } from "../table/group-members.ts";
import {
  carriedGeneration,
  carryWrites,
  keyOfMirror,
  type MirroredPage,
  memberGroupsKeys,
  mirroredChunks,
  mirroredPages,
  nextCarry,
  noteCarried,
} from "../table/group-mirror.ts";
import { parseGroup, readGroupRow } from "../table/groups.ts";
import { type GroupPagePlace, groupKey, groupPageKey, mirrorHeadKey } from "../table/keys.ts";
import type { PageChunks } from "../table/numbers.ts";
import { overtaken } from "../table/retry.ts";
import type { Context } from "./context.ts";
import { firstGeneration, type Group } from "./group.ts";
import { placeOf, purgeMembers, tidyGroup } from "./group-changes.ts";
import { membersCarriedAgainMax, membersCarriedMax } from "./limits.ts";
import { changing } from "./member-change.ts";

/** A group's row: what it may tell is that its set was replaced, or that it went: undefined then. */
export async function carryGroup(
  context: Context,
  projectId: string,
  groupId: string,
): Promise<Group | undefined> {
  const [rowKey, headKey] = [groupKey(projectId, groupId), mirrorHeadKey(projectId, groupId)];
  const items = await context.store.read([rowKey, headKey]);
  const row = items.get(rowKey);
  const carried = carriedGeneration(items.get(headKey));
  if (row === undefined) {
    await purgeMembers(context, projectId, groupId);
    await carryAll(context, await mirroredPages(context.store, projectId, groupId));
    await note(context, projectId, groupId, carried, undefined);
    return undefined;
  }
  const group = parseGroup(projectId, row);
  if (group.aside !== undefined) {
    await tidyWhenPossible(context, group);
  }
  if (!group.hidden && group.generation !== (carried ?? firstGeneration)) {
    const pages = (await readGroupPages(context.store, placeOf(group))).of(group.generation);
    const present = [...pages.keys()].map((page) => ({ projectId, groupId, kind: "S" as const, page }));
    await carryAll(context, [...present, ...(await mirroredPages(context.store, projectId, groupId))]);
    await note(context, projectId, groupId, carried, group.generation);
  }
  return group;
}

async function note(
  context: Context,
  projectId: string,
  groupId: string,
  seen: string | undefined,
  carried: string | undefined,
): Promise<void> {
  const writes = noteCarried(projectId, groupId, seen, carried);
  if (writes.length === 0) {
    return;
  }
  const key = mirrorHeadKey(projectId, groupId);
  await changing(context, async () => {
    if ((await context.store.transact(writes)) === "overtaken") {
      // Unless by another run of this, which has noted what it found.
      const present = carriedGeneration((await context.store.read([key])).get(key));
      if (present === seen) {
        overtaken();
      }
    }
  });
}

/**
 * Waits until the writer of what lies aside is done, or cannot be at work any more; then removes it. So far only sets that
 * fit no transaction are written aside, and their writers mostly need a second.
 */
async function tidyWhenPossible(context: Context, group: Group): Promise<void> {
  for (let wait = 1; wait <= tidyWaitsMax; wait++) {
    const current = await readGroupRow(context.store, group.projectId, group.id);
    if (current === undefined || (await tidyGroup(context, current))) {
      return;
    }
    await context.backoff(tidyBackoff);
  }
  throw new Error(
    "A set of members is still being written aside; looked at again when the record comes again.",
  );
}

/** The longest waits, 200 ms on average: more than `asideLifetimeMs` in all. */
const tidyBackoff = 20;
const tidyWaitsMax = 400;

async function carryAll(context: Context, pages: readonly MirroredPage[]): Promise<void> {
  for (const page of pages) {
    await carryPage(context, page);
  }
}

/** Until page and mirror say the same, whatever comes in meanwhile. False when there is no such group any more. */
export async function carryPage(context: Context, place: MirroredPage): Promise<boolean> {
  let isThere = true;
  for (let done = false; !done; ) {
    let attempts = 0;
    done = await changing(context, async () => {
      attempts++;
      const { group, mirrored, wanted } = await readPage(context, place);
      isThere = group !== undefined;
      // Who met another carry of the same people takes fewer of them at once, elsewhere.
      const most = attempts === 1 ? membersCarriedMax : membersCarriedAgainMax;
      const carry = nextCarry(place, mirrored, wanted, most, context.spread());
      if (carry === undefined) {
        return true;
      }
      const looks = carry.leaving.length > 0 && (!isThere || attempts > 1);
      const members = looks ? await context.store.read(memberGroupsKeys(place, carry.leaving)) : undefined;
      const outcome = await context.store.transact(carryWrites(place, mirrored, carry, members));
      return outcome === "done" ? false : overtaken();
    });
  }
  return isThere;
}

interface PageRead {
  /** Undefined when it is gone. */
  readonly group: Group | undefined;
  readonly mirrored: PageChunks;
  /** What the group's present set has there: nothing, if it is gone or not shown yet. */
  readonly wanted: PageChunks;
}

async function readPage(context: Context, place: MirroredPage): Promise<PageRead> {
  const { projectId, groupId, kind, page } = place;
  const rowKey = groupKey(projectId, groupId);
  const pageKey = (generation: string) =>
    groupPageKey(projectId, groupId, { kind, page, generation } satisfies GroupPagePlace);
  const guess = pageKey(kind === "H" ? "" : firstGeneration);
  const items = await context.store.read([rowKey, keyOfMirror(place), guess]);
  const row = items.get(rowKey);
  const group = row && parseGroup(projectId, row);
  const mirrored = mirroredChunks(items, place);
  if (group === undefined || group.hidden) {
    return { group, mirrored, wanted: pageChunks(undefined) };
  }
  const present = pageKey(kind === "H" ? "" : group.generation);
  const item =
    present.sk === guess.sk ? items.get(guess) : (await context.store.read([present])).get(present);
  return { group, mirrored, wanted: pageChunks(item) };
}
