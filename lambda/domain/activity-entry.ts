/** An entry of the activity trail: who did what to whom. Names of what changed, never what it was or is. */

/** API.md §6 names those of members, groups and failures that are events as well; the others are the trail's own. */
export const activityActions = [
  "member.provisioned",
  "member.linked",
  "member.updated",
  "member.deactivated",
  "member.reactivated",
  "member.unlinked",
  "member.deleted",
  "member.restored",
  "group.created",
  "group.updated",
  "group.membership",
  "group.deleted",
  "sync.failed",
  "connection.created",
  "connection.updated",
  "connection.deleted",
  "token.created",
  "token.revoked",
  "project.updated",
] as const;
export type ActivityAction = (typeof activityActions)[number];

export const activityResourceTypes = [
  "Member",
  "Group",
  "SyncFailure",
  "Connection",
  "Token",
  "Project",
] as const;
export type ActivityResourceType = (typeof activityResourceTypes)[number];

export interface ActivityEntry {
  readonly projectId: string;
  readonly at: string;
  readonly actor: string;
  readonly action: ActivityAction;
  readonly resourceType: ActivityResourceType;
  readonly resourceId: string;
  /** What the resource was called after the change. */
  readonly identifier: string;
  readonly connectionId: string | undefined;
  /** Names of the attributes that differ, sorted. */
  readonly changes: readonly string[];
  /** Of the resource: tells changes of one instant apart. */
  readonly revision: number;
}
