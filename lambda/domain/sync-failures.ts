/** Sync failures, as the admin API sees them. How they come and go: `provisioning.ts`. */

import { notFound } from "../scim/error.ts";
import { connectionsIn } from "../table/connections.ts";
import { closeFailure, failuresIn, readFailure } from "../table/sync-failures.ts";
import { type Context, inheritedActor } from "./context.ts";
import { retryCopy } from "./copying.ts";
import { isConnectionOf } from "./ids.ts";
import { failuresListedMax } from "./limits.ts";
import { openProject } from "./projects.ts";
import { conflict } from "./refusals.ts";
import type { SyncFailure } from "./sync-failure.ts";
import type { Page, PageWish } from "./walked-page.ts";

export interface FailureQuery extends PageWish {
  readonly connectionId?: string | undefined;
}

/**
 * The open ones, newest first, by their last attempt. Of a project with more than `failuresListedMax` those are the newest
 * among so many. One that fails again during a walk comes to the front, and is not met on the pages behind.
 */
export async function listFailures(
  context: Context,
  projectId: string,
  { connectionId, limit, after }: FailureQuery,
): Promise<Page<SyncFailure>> {
  if (connectionId !== undefined && !isConnectionOf(projectId, connectionId)) {
    await openProject(context, projectId);
    return { items: [], after: undefined };
  }
  const { store } = context;
  const [, connections, failures] = await Promise.all([
    openProject(context, projectId),
    connectionsIn(store, projectId),
    failuresIn(store, projectId, connectionId, failuresListedMax),
  ]);
  // Those of a connection that is going are about to be removed.
  const present = new Set(connections.map(({ id }) => id));
  const behind = failures
    .filter((failure) => present.has(failure.connectionId))
    .map((failure) => ({ failure, place: placeOf(failure) }))
    .filter(({ place }) => after === undefined || place < after)
    .toSorted((a, b) => (a.place < b.place ? 1 : -1));
  const page = behind.slice(0, limit);
  return {
    items: page.map(({ failure }) => failure),
    after: behind.length > limit ? page.at(-1)!.place : undefined,
  };
}

/** Times are of one length, so places sort as times do. */
function placeOf({ lastFailedAt, id }: SyncFailure): string {
  return `${lastFailedAt} ${id}`;
}

/** Only what is inherited can be tried again from here: anything else is the identity provider's to send. */
export async function retryFailure(context: Context, projectId: string, failureId: string): Promise<void> {
  const { connectionId, source } = await openFailure(context, projectId, failureId);
  if (source !== undefined) {
    return retryCopy({ ...context, actor: inheritedActor }, connectionId, source);
  }
  throw conflict(
    "retry_from_idp",
    "Only the identity provider can send this again: remove the cause, then let it retry, or provision the resource on " +
      "demand. The failure closes by itself when that succeeds.",
  );
}

/** Takes a failure from the list that nothing will close, such as that of someone who is no longer to be provisioned. */
export async function dismissFailure(context: Context, projectId: string, failureId: string): Promise<void> {
  await closeFailure(context.store, await openFailure(context, projectId, failureId));
}

async function openFailure(context: Context, projectId: string, failureId: string): Promise<SyncFailure> {
  const [, failure] = await Promise.all([
    openProject(context, projectId),
    readFailure(context.store, projectId, failureId),
  ]);
  if (failure === undefined) {
    throw notFound(`Sync failure ${failureId} does not exist in this project, or has been closed.`);
  }
  return failure;
}
