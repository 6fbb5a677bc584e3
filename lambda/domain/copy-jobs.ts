/**
 * Copying all of a parent to a child, in slices: when the child is made, and when SCIM is switched on at a parent that has
 * children. A job is an item that says how far it has come; each step of it writes the item, which rings the next. A step
 * that died is rung again, and finds done what was done.
 */

import { readConnection } from "../table/connections.ts";
import { childrenOf, readCopyJob, readCopyJobs, readLink, replaceCopyJob } from "../table/copy-jobs.ts";
import { queryGroups } from "../table/groups.ts";
import { copyOfNumber, difference, numbersOn, pagesOf } from "../table/numbers.ts";
import { everybodyIn, readRosterByType } from "../table/roster.ts";
import { failuresIn } from "../table/sync-failures.ts";
import { projectIdOf } from "./connection.ts";
import { type Context, now } from "./context.ts";
import { copyGroup } from "./copy-group.ts";
import { type CopyJob, restarted } from "./copy-job.ts";
import { type Heir, sourceNumberOf } from "./copy-user.ts";
import { copyUserNoting, heirOf } from "./copying.ts";
import { isMarked, markStep } from "./heir-marks.ts";
import { groupOwner } from "./ids.ts";
import { failuresListedMax, groupsPerCopyStepMax, usersPerCopyStepMax } from "./limits.ts";
import { sideBySide } from "./side-by-side.ts";

/** A parent's row changed: children that have not begun to copy what it has since SCIM was switched on do so. */
export async function resumeCopying(context: Context, parentId: string): Promise<void> {
  const { store } = context;
  const links = await childrenOf(store, parentId);
  const parent = links.length === 0 ? undefined : await readConnection(store, parentId);
  if (!parent?.scimEnabled) {
    return;
  }
  const jobs = await readCopyJobs(
    store,
    links.map(({ childId }) => childId),
  );
  const behind = [...jobs.values()].filter(({ epoch }) => epoch < parent.syncEpoch);
  await sideBySide(behind, async (job) => {
    // Overtaken only by another run of this, or by a step, which looks for itself.
    await store.transact([replaceCopyJob(job, restarted(job, parent.syncEpoch, now(context)))]);
  });
}

/** One step of a child's job. */
export async function resumeJob(context: Context, childId: string): Promise<void> {
  const { store } = context;
  const job = await readCopyJob(store, childId);
  const parent = job && (await readConnection(store, job.parentId));
  const link = job && (await readLink(store, job.parentId, childId));
  if (!job || !parent?.scimEnabled || !link) {
    return;
  }
  if (job.epoch < parent.syncEpoch) {
    await store.transact([replaceCopyJob(job, restarted(job, parent.syncEpoch, now(context)))]);
    return;
  }
  const heir = heirOf(parent, link);
  const next =
    job.healWanted > job.healDone ? await heal(context, heir, job) : await step(context, heir, job);
  if (next !== undefined) {
    await store.transact([replaceCopyJob(job, { ...next, revision: job.revision + 1 })]);
  }
}

async function step(context: Context, heir: Heir, job: CopyJob): Promise<CopyJob | undefined> {
  switch (job.phase) {
    case "marks": {
      const place = isMarked(heir.parent) ? undefined : await markStep(context, heir.parent, job.place);
      return place === undefined ? { ...job, phase: "users", place: undefined } : { ...job, place };
    }
    case "users":
      return copyUsers(context, heir, job);
    case "groups":
      return copyGroups(context, heir, job);
    case "leftovers":
      return endLeftovers(context, heir, job);
    case "done":
      return undefined;
  }
}

async function copyUsers(context: Context, heir: Heir, job: CopyJob): Promise<CopyJob> {
  const roster = await readRosterByType(context.store, heir.parent.id);
  const numbers = numbersOn(everybodyIn(roster));
  const from = Number(job.place ?? -1);
  const slice = numbers.filter((number) => number > from).subarray(0, usersPerCopyStepMax);
  await sideBySide([...slice], (number) => copyUserNoting(context, heir, number));
  const last = slice.at(-1);
  return last === undefined
    ? { ...job, phase: "groups", place: undefined, usersTotal: numbers.length, usersDone: numbers.length }
    : { ...job, place: String(last), usersTotal: numbers.length, usersDone: job.usersDone + slice.length };
}

async function copyGroups(context: Context, heir: Heir, job: CopyJob): Promise<CopyJob> {
  const projectId = projectIdOf(heir.parent);
  const groups = await queryGroups(context.store, projectId, { owner: groupOwner(heir.parent.id) });
  const behind = groups.filter(({ id }) => job.place === undefined || id > job.place);
  const slice = behind.slice(0, groupsPerCopyStepMax);
  await sideBySide(slice, ({ id }) => copyGroup(context, heir, id, "all"));
  const last = slice.at(-1);
  const groupsTotal = groups.length;
  return last === undefined
    ? { ...job, phase: "leftovers", place: undefined, groupsTotal, groupsDone: groupsTotal }
    : { ...job, place: last.id, groupsTotal, groupsDone: job.groupsDone + slice.length };
}

/** What the child has and the parent has not any more. */
async function endLeftovers(context: Context, heir: Heir, job: CopyJob): Promise<CopyJob> {
  const { store } = context;
  const { parent, child, ordinal } = heir;
  const [theirs, ours] = await Promise.all([
    readRosterByType(store, parent.id),
    readRosterByType(store, child.id),
  ]);
  const wanted = pagesOf(
    Array.from(numbersOn(everybodyIn(theirs)), (number) => copyOfNumber(ordinal, number)),
  );
  const over = numbersOn(difference(everybodyIn(ours), wanted));
  const users = over.subarray(0, usersPerCopyStepMax);
  await sideBySide([...users], async (number) => {
    const source = sourceNumberOf(ordinal, number);
    if (source !== undefined) {
      await copyUserNoting(context, heir, source);
    }
  });
  if (over.length > users.length) {
    return job;
  }
  const [groups, copies] = await Promise.all([
    queryGroups(store, projectIdOf(parent), { owner: groupOwner(parent.id) }),
    queryGroups(store, projectIdOf(child), { owner: groupOwner(child.id) }),
  ]);
  const sources = new Set(groups.map(({ id }) => id));
  const orphans = copies
    .map(({ id }) => groupOwner(parent.id) + id.slice(groupOwner(parent.id).length))
    .filter((id) => !sources.has(id));
  await sideBySide(orphans, (id) => copyGroup(context, heir, id, "all"));
  return { ...job, phase: "done", place: undefined, finishedAt: now(context) };
}

/** Tries again what the child could not take. */
async function heal(context: Context, heir: Heir, job: CopyJob): Promise<CopyJob> {
  const failures = await failuresIn(context.store, projectIdOf(heir.child), heir.child.id, failuresListedMax);
  const behind = failures.filter(({ id }) => job.healPlace === undefined || id > job.healPlace);
  const slice = behind.slice(0, usersPerCopyStepMax);
  await sideBySide(slice, async ({ source }) => {
    if (source !== undefined) {
      await copyUserNoting(context, { ...heir, failing: true }, source.number);
    }
  });
  return slice.length < behind.length
    ? { ...job, healPlace: slice.at(-1)!.id }
    : { ...job, healPlace: undefined, healDone: job.healWanted };
}
