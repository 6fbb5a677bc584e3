import type { Backoff } from "../table/retry.ts";
import type { Store } from "../table/store.ts";
import type { RandomBytes } from "./ids.ts";

/** What use cases need from outside: the table, time and chance. */
export interface Context {
  readonly store: Store;
  /** Epoch milliseconds. */
  readonly clock: () => number;
  readonly randomBytes: RandomBytes;
  /** In [0, 1), each far from those just before it: parallel changes in one process choose different pools. */
  readonly spread: () => number;
  readonly backoff: Backoff;
  /** Trouble that must not fail the request: logged in full. */
  readonly warn: (message: string, cause: unknown) => void;
}

/** RFC 3339, UTC, milliseconds (API.md §1). */
export function now(context: Context): string {
  return new Date(context.clock()).toISOString();
}
