import type { Backoff } from "../table/retry.ts";
import type { Store } from "../table/store.ts";
import type { Publish } from "./event.ts";
import type { RandomBytes } from "./ids.ts";
import type { QuotaUse } from "./seats.ts";

/** What use cases need from outside: the table, time and chance. */
export interface Context {
  readonly store: Store;
  /** Epoch milliseconds. */
  readonly clock: () => number;
  readonly randomBytes: RandomBytes;
  /** In [0, 1), each far from those just before it: parallel changes in one process choose different pools. */
  readonly spread: () => number;
  readonly backoff: Backoff;
  /** On whose behalf changes are made, as the activity trail tells it. */
  readonly actor: string;
  /** Trouble that must not fail the request: logged in full. */
  readonly warn: (message: string, cause: unknown) => void;
  /** A change took a seat and left nearly none of its kind (`quotaNearlyUsedPercent`). */
  readonly quotaNearlyUsed: (use: QuotaUse & { readonly projectId: string }) => void;
  /** Hands events to the bus. Where there is none, they are taken and nothing comes of it. */
  readonly publish: Publish;
}

/** Whoever holds a connection's token: its identity provider. Most changes are theirs, so rows tell only of others. */
export const providerActor = "scim";
/** Whoever the admin API lets in. */
export const adminActor = "admin";
/** Whoever changed something at the parent that a child inherits from. */
export const inheritedActor = "inherited";
/** Whoever signs in and becomes a member, or is renamed, by that. */
export const signInActor = "sign-in";

/** RFC 3339, UTC, milliseconds (API.md §1). */
export function now(context: Context): string {
  return new Date(context.clock()).toISOString();
}
