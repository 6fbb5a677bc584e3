/** Entries of the activity trail, each under the keys of the lists that it is found in. */

import * as z from "zod";
import { type ActivityEntry, activityActions, activityResourceTypes } from "../domain/activity-entry.ts";
import { activityDays } from "../domain/limits.ts";
import { activityKey, activityPartition, activityPrefix } from "./keys.ts";
import type { Item, Store } from "./store.ts";
import { type Step, sortKeyBytesMax, stretchLength, type Walk } from "./walk.ts";

const entryItem = z.object({
  at: z.string(),
  actor: z.string(),
  action: z.enum(activityActions),
  resourceType: z.enum(activityResourceTypes),
  resourceId: z.string(),
  identifier: z.string(),
  connectionId: z.string().optional(),
  changes: z.array(z.string()),
  revision: z.number(),
});

const daySeconds = 24 * 3_600;

/** Everything that is put of an entry: once for the project's list and, of a member, once for its own. */
export function activityItems(entry: ActivityEntry): readonly Item[] {
  const { projectId, connectionId, ...told } = entry;
  const item = {
    ...told,
    changes: [...told.changes],
    ...(connectionId !== undefined && { connectionId }),
    expiresAtSeconds: Math.ceil(Date.parse(told.at) / 1_000) + activityDays * daySeconds,
  };
  const lists = told.resourceType === "Member" ? [undefined, told.resourceId] : [undefined];
  return lists.map((memberId) => ({ ...activityKey(projectId, memberId, entry), ...item }));
}

export interface ActivityRange {
  readonly projectId: string;
  /** Of one member; of the whole project when undefined. */
  readonly memberId: string | undefined;
  /** None before it. */
  readonly since: string;
}

export interface ActivityStep extends Step {
  readonly entry: ActivityEntry;
}

/** Newest first. */
export function walkActivity(
  store: Store,
  { projectId, memberId, since }: ActivityRange,
): Walk<ActivityStep> {
  const prefix = activityPrefix(memberId);
  const oldest = `${prefix}${since}`;
  return async (after) => {
    // A place that has become too old while its reader paused: nothing behind it is shown any more.
    if (after !== undefined && after <= oldest) {
      return { steps: [], place: after, end: true };
    }
    const items = await store.query({
      pk: activityPartition(projectId),
      from: oldest,
      to: `${prefix}${behindAllTimes}`,
      isDescending: true,
      limit: stretchLength,
      ...(after !== undefined && { after }),
    });
    const steps = items.map((item) => ({ entry: parseEntry(projectId, item), place: String(item["sk"]) }));
    return { steps, place: steps.at(-1)?.place ?? "", end: items.length < stretchLength };
  };
}

/** Times begin with a digit. */
const behindAllTimes = ":";

/** Whether a text from outside can be a place of the walk with this member. */
export function isActivityPlace(text: string, memberId: string | undefined): boolean {
  const prefix = activityPrefix(memberId);
  return (
    text.startsWith(prefix) && isDigit(text[prefix.length]) && Buffer.byteLength(text) <= sortKeyBytesMax
  );
}

function isDigit(character: string | undefined): boolean {
  return character !== undefined && character >= "0" && character <= "9";
}

function parseEntry(projectId: string, item: Item): ActivityEntry {
  const { connectionId, ...told } = entryItem.parse(item);
  return { projectId, connectionId, ...told };
}
