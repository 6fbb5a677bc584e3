/**
 * The events of a change, from what the activity trail tells of it. Pure: the change alone decides, so an event that is told
 * again is the same.
 *
 * The trail tells what was done and by whose hand, events what that makes of the resource: a member's event says of which
 * status it is from then on (but for `member.provisioned`: a user may be provisioned as inactive, and `member.updated`, which
 * leaves the status as it was). docs/decisions/017-events.md has the table.
 */

import type { ActivityEntry } from "./activity-entry.ts";
import type { RowChange } from "./activity-of-change.ts";
import type { ChangeEvent, EventType } from "./event.ts";
import type { Group } from "./group.ts";
import { type Member, statusOf } from "./member.ts";

/** One event at most for each entry. `entries`: what the trail tells of the change. */
export function eventsOf(change: RowChange, entries: readonly ActivityEntry[]): readonly ChangeEvent[] {
  return entries.flatMap((entry) => {
    const type = eventType(change, entry);
    return type === undefined ? [] : [eventOf(type, entry)];
  });
}

/**
 * The end of a group, by the row it had. Not by the word that it leaves (`rememberGroup`), which tells the trail by whom: that
 * is another item, and only the changes of one item are told in their order. `seenAt`: when the row was gone, to the second.
 */
export function eventOfRemoval(group: Group, seenAt: string): ChangeEvent {
  const { projectId, connectionId, id, revision, updatedAt } = group;
  return eventOf("group.deleted", {
    projectId,
    connectionId,
    resourceType: "Group",
    resourceId: id,
    revision: revision + 1,
    // Of equal length, times compare as texts do.
    at: seenAt > updatedAt ? seenAt : updatedAt,
    changes: [],
  });
}

type Subject = Omit<ActivityEntry, "actor" | "action" | "identifier">;

function eventOf(type: EventType, subject: Subject): ChangeEvent {
  const { projectId, connectionId, resourceId, at, changes } = subject;
  const version = versionOf(subject);
  return {
    type,
    id: [projectId, resourceId, version, type].join("."),
    projectId,
    connectionId: connectionId ?? null,
    resourceId,
    version,
    at,
    changes,
  };
}

/** A failure that opens anew has the id it had before, and a row that knows nothing of that: so its time has to rise. */
function versionOf({ resourceType, revision, at }: Subject): number {
  return resourceType === "SyncFailure" ? Date.parse(at) : revision;
}

function eventType(change: RowChange, { action }: ActivityEntry): EventType | undefined {
  switch (action) {
    case "member.provisioned":
    case "member.linked":
      return "member.provisioned";
    case "member.updated":
    case "member.unlinked":
    case "member.restored":
      return change.kind === "member" ? memberEventType(change.before, change.after) : undefined;
    case "member.deactivated":
    case "member.reactivated":
    case "member.deleted":
    case "group.created":
    case "group.updated":
    case "group.membership":
    case "sync.failed":
      return action;
    // Told by the row that is gone: `eventOfRemoval`.
    case "group.deleted":
    // Neither a member nor a group.
    case "connection.created":
    case "connection.updated":
    case "connection.deleted":
    case "token.created":
    case "token.revoked":
    case "project.updated":
      return undefined;
  }
}

/** Of a change that tells more of the connection than of the member. */
function memberEventType(before: Member | undefined, after: Member): EventType | undefined {
  if (after.deletedAt !== undefined) {
    // What still happens to a member that is deleted is no change of anybody.
    return undefined;
  }
  if (after.connectionId !== undefined && after.connectionId !== before?.connectionId) {
    return "member.provisioned";
  }
  const isBack = before?.deletedAt !== undefined;
  const isLeft = after.connectionId !== before?.connectionId;
  if (statusOf(after) === "inactive") {
    // Left by its connection it is told so though it may have been inactive before: whoever provisions it no longer cares.
    return isBack || isLeft ? "member.deactivated" : "member.updated";
  }
  return isBack ? "member.reactivated" : "member.updated";
}
