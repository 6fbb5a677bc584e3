/** What is published of a change of a member or a group (API.md §6). Plain data, for whoever publishes and whoever listens. */

/** Of every event, on whichever bus it is. */
export const eventSource = "rollcall";

export const eventTypes = [
  "member.provisioned",
  "member.updated",
  "member.deactivated",
  "member.reactivated",
  "member.deleted",
  "group.created",
  "group.updated",
  "group.deleted",
  "group.membership",
  "sync.failed",
] as const;
export type EventType = (typeof eventTypes)[number];

/** Names of what changed, never what it was or is: no userName, email or token is in an event (DESIGN §1.8). */
export interface ChangeEvent {
  readonly type: EventType;
  /** The same whenever the change is told again, and no other event's. */
  readonly id: string;
  readonly projectId: string;
  /** The connection that has the resource, or had it until this change; null where there is none. */
  readonly connectionId: string | null;
  /** The id by which the admin API knows the member, the group or the sync failure. */
  readonly resourceId: string;
  /** Rises with each event of a resource, though not by one. */
  readonly version: number;
  /** When the change was made: RFC 3339, UTC, milliseconds. */
  readonly at: string;
  /** Names of the attributes that differ, sorted. */
  readonly changes: readonly string[];
}

/** An event that the bus did not take. */
export interface RefusedEvent {
  readonly event: ChangeEvent;
  /** The bus's word for it, such as `ThrottlingException`. */
  readonly code: string;
}

/**
 * Hands over events, `eventsPerPublishMax` at most, in one call; what the bus did not take comes back. Throws where it is not
 * known whether it took any.
 */
export type Publish = (events: readonly ChangeEvent[]) => Promise<readonly RefusedEvent[]>;
