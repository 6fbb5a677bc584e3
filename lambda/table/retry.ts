/**
 * Optimistic changes: read, decide, transact under conditions; when another change came first, wait a moment and do it
 * all again. Full jitter keeps a crowd on one item from marching in step.
 */

import { throttled } from "../domain/refusals.ts";
import type { TransactionOutcome } from "./store.ts";

/** Thrown by a decision that found itself overtaken; caught here and nowhere else. */
class Overtaken extends Error {}

/** Ask for another attempt: what was read is no longer true. */
export function overtaken(): never {
  throw new Overtaken("another change came first");
}

/** Another attempt where a transaction was overtaken. */
export async function orOvertaken(outcome: Promise<TransactionOutcome>): Promise<void> {
  if ((await outcome) === "overtaken") {
    overtaken();
  }
}

/** Attempts of one change. 50 racers on one item need up to 50 rounds in the worst order; in simulation 12 were seen. */
const attemptsMax = 60;
/** Milliseconds: the first wait is up to 10, each later one up to twice as long, none above 400. */
const waitFirst = 10;
const waitMax = 400;

export type Backoff = (attempt: number) => Promise<void>;

export function createBackoff(sleep: (ms: number) => Promise<void>, random: () => number): Backoff {
  return (attempt) => sleep(random() * Math.min(waitMax, waitFirst * 2 ** Math.min(attempt - 1, 10)));
}

/**
 * Runs `change` until it was not overtaken. After `attemptsMax` attempts, or once `expired` says so, 429 with Retry-After;
 * nothing was changed.
 */
export async function untilNotOvertaken<T>(
  backoff: Backoff,
  change: () => Promise<T>,
  expired: () => boolean,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await change();
    } catch (error) {
      if (!(error instanceof Overtaken)) {
        throw error;
      }
      if (attempt === attemptsMax || expired()) {
        throw throttled("Too many changes meet here at once; nothing was changed, send the request again.");
      }
      await backoff(attempt);
    }
  }
}
