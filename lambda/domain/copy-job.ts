/** What is still to be copied from a parent connection to a child. */

/**
 * In this order: first what changes the parent's users has to know of the child (`heir-marks.ts`); groups need their users;
 * and what is left over is known once everything else is there.
 */
export const copyPhases = ["marks", "users", "groups", "leftovers", "done"] as const;
export type CopyPhase = (typeof copyPhases)[number];

export interface CopyJob {
  readonly childId: string;
  readonly parentId: string;
  /** The parent's `syncEpoch` that it is done for. */
  readonly epoch: number;
  readonly phase: CopyPhase;
  /** Up to where the phase has come: a number, or a group's id. */
  readonly place: string | undefined;
  readonly usersDone: number;
  readonly usersTotal: number;
  readonly groupsDone: number;
  readonly groupsTotal: number;
  /** How often a look at what failed was asked for, and up to which of these it was done. */
  readonly healWanted: number;
  readonly healDone: number;
  /** Up to which failure that look has come. */
  readonly healPlace: string | undefined;
  readonly startedAt: string;
  readonly finishedAt: string | undefined;
  readonly revision: number;
}

export function newCopyJob(
  { childId, parentId, epoch }: Pick<CopyJob, "childId" | "parentId" | "epoch">,
  at: string,
): CopyJob {
  return {
    childId,
    parentId,
    epoch,
    phase: "marks",
    place: undefined,
    usersDone: 0,
    usersTotal: 0,
    groupsDone: 0,
    groupsTotal: 0,
    healWanted: 0,
    healDone: 0,
    healPlace: undefined,
    startedAt: at,
    finishedAt: undefined,
    revision: 1,
  };
}

/** The same job from its beginning, with a look at what failed: of whom the parent has no more, nothing else tells. */
export function restarted(job: CopyJob, epoch: number, at: string): CopyJob {
  const { healWanted } = job;
  return { ...newCopyJob({ ...job, epoch }, at), healWanted, healDone: healWanted - 1 };
}
