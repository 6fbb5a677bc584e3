/**
 * Publishes events in the order they are given. No two of one resource are handed over in one call, and none before the call
 * with its predecessor has succeeded: a bus may take one event of a call and refuse the one before it.
 */

import type { Context } from "./context.ts";
import type { ChangeEvent, RefusedEvent } from "./event.ts";
import { eventsPerPublishMax, publishAttemptsMax } from "./limits.ts";

export interface PublishOutcome {
  /** So many of them, from the first on, are published. Of those behind some may be. */
  readonly published: number;
  /** Why not all; undefined when all are, or no time was left. */
  readonly cause: unknown;
}

/** Stops at the first call that fails for good. `isTimeLeft`: whether another one may begin. */
export async function publishEvents(
  context: Context,
  events: readonly ChangeEvent[],
  isTimeLeft: () => boolean,
): Promise<PublishOutcome> {
  let published = 0;
  while (published < events.length) {
    if (!isTimeLeft()) {
      return { published, cause: undefined };
    }
    const call = nextCall(events, published);
    const { refused, cause } = await publishCall(context, call, isTimeLeft);
    const [first] = refused;
    if (first !== undefined) {
      return { published: published + call.indexOf(first), cause };
    }
    published += call.length;
  }
  return { published, cause: undefined };
}

/** The events from there on up to the first whose resource is among them already, as many as fit one call. */
function nextCall(events: readonly ChangeEvent[], from: number): readonly ChangeEvent[] {
  const resources = new Set<string>();
  let end = from;
  for (; end < Math.min(events.length, from + eventsPerPublishMax); end++) {
    const { projectId, resourceId } = events[end]!;
    const resource = JSON.stringify([projectId, resourceId]);
    if (resources.has(resource)) {
      break;
    }
    resources.add(resource);
  }
  return events.slice(from, end);
}

interface CallOutcome {
  /** In order; none when the call has succeeded. */
  readonly refused: readonly ChangeEvent[];
  readonly cause: unknown;
}

async function publishCall(
  context: Context,
  events: readonly ChangeEvent[],
  isTimeLeft: () => boolean,
): Promise<CallOutcome> {
  let outcome = await tryCall(context, events);
  for (let attempt = 2; outcome.refused.length > 0; attempt++) {
    if (attempt > publishAttemptsMax || !isTimeLeft()) {
      return outcome;
    }
    await context.backoff(attempt + backoffAhead);
    outcome = await tryCall(context, outcome.refused);
  }
  return outcome;
}

/** Waits are up to 320 ms from the first on: a bus that is throttled, or ails, needs longer than two writers that have met. */
const backoffAhead = 4;

async function tryCall({ publish }: Context, events: readonly ChangeEvent[]): Promise<CallOutcome> {
  try {
    const refused = await publish(events);
    return {
      refused: refused.map(({ event }) => event),
      cause: refused.length > 0 ? new EventsRefused(refused) : undefined,
    };
  } catch (cause) {
    return { refused: events, cause };
  }
}

/** Its message names what the bus said by its code alone. */
class EventsRefused extends Error {
  override readonly name = "EventsRefused";

  constructor(refused: readonly RefusedEvent[]) {
    const codes = [...new Set(refused.map(({ code }) => code))].join(", ");
    super(`The event bus did not take ${refused.length} of the events of one call: ${codes}.`);
  }
}
