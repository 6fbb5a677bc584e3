/**
 * Copying all of a parent to a child, in slices: when the child is made, and when SCIM is switched on at a parent that has
 * children. A job is an item that says how far it has come; each step of it writes the item, which rings the next. A step
 * that died is rung again, and finds done what was done.
 */

import { readConnection } from "../table/connections.ts";
import { childrenOf, readCopyJob, readCopyJobs, readLink, replaceCopyJob } from "../table/copy-jobs.ts";
import { queryGroups } from "../table/groups.ts";
import { copyOfNumber, difference, numbersOn, pagesOf } from "../table/numbers.ts";
import { overtaken } from "../table/retry.ts";
import { everybodyIn, readRosterByType } from "../table/roster.ts";
import { failuresIn } from "../table/sync-failures.ts";
import { projectIdOf } from "./connection.ts";
import { type Context, now } from "./context.ts";
import { copyGroup, sourceOfGroupId } from "./copy-group.ts";
import { type CopyJob, restarted } from "./copy-job.ts";
import { type Heir, sourceNumberOf } from "./copy-user.ts";
import { copyUserNoting, heirOf } from "./copying.ts";
import { isMarked, markStep } from "./heir-marks.ts";
import { groupOwner } from "./ids.ts";
import { copiesAtOnceMax, copiesPerSliceMax, copyStepMs } from "./limits.ts";
import { changing } from "./member-change.ts";
import { QuotaExceeded } from "./refusals.ts";
import type { SeatKind } from "./seats.ts";
import { sideBySide } from "./side-by-side.ts";
import type { SyncFailure } from "./sync-failure.ts";

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
  await sideBySide(behind, copiesAtOnceMax, (job) =>
    noteProgress(context, job, restarted(job, parent.syncEpoch, now(context))),
  );
}

/** Unless another run has noted its own. What was in the way may have come to nothing: then nobody has, and nothing would ring. */
async function noteProgress(context: Context, job: CopyJob, next: CopyJob): Promise<void> {
  const { store } = context;
  await changing(context, async () => {
    if ((await store.transact([replaceCopyJob(job, next)])) === "overtaken") {
      const present = await readCopyJob(store, job.childId);
      if (present?.revision === job.revision) {
        overtaken();
      }
    }
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
    return noteProgress(context, job, restarted(job, parent.syncEpoch, now(context)));
  }
  const heir = heirOf(parent, link);
  const copied = await step(context, heir, job);
  const next = job.healWanted > job.healDone ? await heal(context, heir, copied) : copied;
  if (next !== job) {
    await noteProgress(context, job, next);
  }
}

async function step(context: Context, heir: Heir, job: CopyJob): Promise<CopyJob> {
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
      return job;
  }
}

async function copyUsers(context: Context, heir: Heir, job: CopyJob): Promise<CopyJob> {
  const roster = await readRosterByType(context.store, heir.parent.id);
  const numbers = numbersOn(everybodyIn(roster));
  const from = Number(job.place ?? -1);
  const behind = [...numbers.filter((number) => number > from)];
  const done = await whileTime(context, behind, async (number) => {
    await copyUserNoting(context, heir, number);
  });
  const last = behind[done - 1];
  const usersTotal = numbers.length;
  const usersDone = usersTotal - behind.length + done;
  return done === behind.length
    ? { ...job, phase: "groups", place: undefined, usersTotal, usersDone }
    : { ...job, place: String(last), usersTotal, usersDone };
}

async function copyGroups(context: Context, heir: Heir, job: CopyJob): Promise<CopyJob> {
  const projectId = projectIdOf(heir.parent);
  const groups = await queryGroups(context.store, projectId, { owner: groupOwner(heir.parent.id) });
  const behind = groups.filter(({ id }) => job.place === undefined || id > job.place);
  const done = await whileTime(context, behind, ({ id }) => copyGroup(context, heir, id, "all"));
  const groupsTotal = groups.length;
  const groupsDone = groupsTotal - behind.length + done;
  return done === behind.length
    ? { ...job, phase: "leftovers", place: undefined, groupsTotal, groupsDone }
    : { ...job, place: behind[done - 1]!.id, groupsTotal, groupsDone };
}

/** Does the work for as many of them, from the first on, as a step has time for. How many that were; one at least. */
async function whileTime<T>(
  context: Context,
  all: readonly T[],
  work: (one: T) => Promise<void>,
): Promise<number> {
  const end = context.clock() + copyStepMs;
  let done = 0;
  do {
    const slice = all.slice(done, done + copiesPerSliceMax);
    await sideBySide(slice, copiesAtOnceMax, work);
    done += slice.length;
  } while (done < all.length && context.clock() < end);
  return done;
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
  const from = Number(job.place ?? -1);
  const over = [...numbersOn(difference(everybodyIn(ours), wanted)).filter((number) => number > from)];
  const done = await whileTime(context, over, async (number) => {
    const source = sourceNumberOf(ordinal, number);
    if (source !== undefined) {
      await copyUserNoting(context, heir, source);
    }
  });
  if (done < over.length) {
    return { ...job, place: String(over[done - 1]) };
  }
  const [groups, copies] = await Promise.all([
    queryGroups(store, projectIdOf(parent), { owner: groupOwner(parent.id) }),
    queryGroups(store, projectIdOf(child), { owner: groupOwner(child.id) }),
  ]);
  const sources = new Set(groups.map(({ id }) => id));
  const orphans = copies.map(({ id }) => sourceOfGroupId(parent.id, id)).filter((id) => !sources.has(id));
  await sideBySide(orphans, copiesAtOnceMax, (id) => copyGroup(context, heir, id, "all"));
  return { ...job, phase: "done", place: undefined, finishedAt: now(context) };
}

/** Tries again what the child could not take; of those who need a kind of seat that is not free, as few as tell that. */
async function heal(context: Context, heir: Heir, job: CopyJob): Promise<CopyJob> {
  const { child } = heir;
  const full = new Set<SeatKind>();
  const tryAgain = async ({ source }: SyncFailure) => {
    if (source === undefined || (source.seat !== undefined && full.has(source.seat))) {
      return;
    }
    const refused = await copyUserNoting(context, { ...heir, failing: true }, source.number);
    if (refused instanceof QuotaExceeded) {
      full.add(refused.kind);
    }
  };
  const end = context.clock() + copyStepMs;
  let place = job.healPlace;
  do {
    const slice = await failuresIn(context.store, projectIdOf(child), child.id, copiesPerSliceMax, place);
    await sideBySide(slice, copiesAtOnceMax, tryAgain);
    place = slice.length < copiesPerSliceMax ? undefined : slice.at(-1)!.id;
  } while (place !== undefined && context.clock() < end);
  return { ...job, healPlace: place, healDone: place === undefined ? job.healWanted : job.healDone };
}
