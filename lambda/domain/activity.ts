/** The activity trail, as the admin API shows it. How it comes about: `activity-recording.ts`. */

import { isActivityPlace, walkActivity } from "../table/activity.ts";
import { emptyWalk } from "../table/walk.ts";
import type { ActivityEntry } from "./activity-entry.ts";
import type { Context } from "./context.ts";
import { isConnectionOf } from "./ids.ts";
import { activityDays } from "./limits.ts";
import { memberNumberOf } from "./member-id.ts";
import { openProject } from "./projects.ts";
import { type Page, type PageWish, walkedPage } from "./walked-page.ts";

export interface ActivityQuery extends PageWish {
  readonly memberId?: string | undefined;
  readonly connectionId?: string | undefined;
}

const dayMs = 24 * 3_600_000;

/**
 * Newest first, and none that is older than it is kept, whether or not the table has removed it yet. What was never a member or
 * a connection here has no entries. 400 for an `after` that no list with the same `memberId` gave.
 */
export async function listActivity(
  context: Context,
  projectId: string,
  query: ActivityQuery,
): Promise<Page<ActivityEntry>> {
  await openProject(context, projectId);
  const { memberId, connectionId } = query;
  const since = new Date(context.clock() - activityDays * dayMs).toISOString();
  const isKnown =
    (memberId === undefined || memberNumberOf(projectId, memberId) !== undefined) &&
    (connectionId === undefined || isConnectionOf(projectId, connectionId));
  const walk = isKnown ? walkActivity(context.store, { projectId, memberId, since }) : emptyWalk;
  const isPlace = (text: string) => isActivityPlace(text, memberId);
  return walkedPage({ walk, isPlace }, query, {
    look: ({ entry }) =>
      connectionId === undefined || entry.connectionId === connectionId ? entry : undefined,
  });
}
