/** Goes through the plan of a bulk request: side by side where the outcome is the same, within the time there is. */

import type { BulkStep, PerformStep } from "../scim/bulk-plan.ts";
import type { JsonObject } from "../scim/json.ts";

/** What has become of an operation so far. */
export interface Outcome {
  readonly status: number;
  readonly location: string | undefined;
  readonly version: string | undefined;
  /** An error's body. */
  readonly response: JsonObject | undefined;
  /** Of the resource that a POST created. */
  readonly id: string | undefined;
}

/** By the operation's index in the request. */
export type Outcomes = ReadonlyMap<number, Outcome>;

export interface BulkRun {
  /** Takes one step, knowing what those before it led to. Never rejects. */
  readonly take: (step: BulkStep, outcomes: Outcomes) => Promise<Outcome>;
  /** What becomes of an operation for which there is no time left. */
  readonly leave: (step: PerformStep, outcomes: Outcomes) => Outcome;
  readonly atOnceMax: number;
  /** With so many errors no further operation is begun. */
  readonly errorsMax: number;
  /** Whether the time is up. */
  readonly expired: () => boolean;
}

/** The outcomes of all operations, but for those never begun because of `errorsMax`. */
export async function runBulk(steps: readonly BulkStep[], run: BulkRun): Promise<Outcomes> {
  const outcomes = new Map<number, Outcome>();
  const ends: Promise<void>[] = [];
  const underWay = new Map<BulkStep, Promise<void>>();
  let ending: Ending | undefined;

  const take = async (step: BulkStep): Promise<void> => {
    const rivals = [...underWay].filter(([other]) => mayGiveWay(other)).map(([, end]) => end);
    let outcome = await run.take(step, outcomes);
    if (step.kind === "perform" && rivals.length > 0 && isForWantOfRoom(outcome)) {
      await Promise.all(rivals);
      outcome = await run.take(step, outcomes);
    }
    outcomes.set(step.index, outcome);
    underWay.delete(step);
  };

  for (const step of steps) {
    await Promise.all(step.waitsFor.map((place) => ends[place]));
    while (underWay.size >= run.atOnceMax) await Promise.race(underWay.values());
    if (step.kind !== "complete") {
      ending ??= errorsIn(outcomes) >= run.errorsMax ? "by errors" : run.expired() ? "by time" : undefined;
    }
    let end = Promise.resolve();
    if (begins(step, ending, outcomes)) {
      end = take(step);
      underWay.set(step, end);
    } else if (step.kind === "perform" && ending === "by time") {
      outcomes.set(step.index, run.leave(step, outcomes));
    }
    ends.push(end);
  }
  await Promise.all(underWay.values());
  return outcomes;
}

type Ending = "by errors" | "by time";

function begins(step: BulkStep, ending: Ending | undefined, outcomes: Outcomes): boolean {
  switch (step.kind) {
    case "complete":
      return outcomes.has(step.index); // what has begun is brought to its end, whatever happens
    case "refuse":
      return ending !== "by errors";
    case "perform":
      return ending === undefined;
  }
}

function errorsIn(outcomes: Outcomes): number {
  let errors = 0;
  for (const { status } of outcomes.values()) if (status >= 400) errors++;
  return errors;
}

/**
 * A name or a seat that is taken may be one that an operation before this one, still under way, is about to give up. One by
 * one it would have been free, so the operation is tried again when those have ended.
 */
function isForWantOfRoom({ status }: Outcome): boolean {
  return status === 409 || status === 403;
}

function mayGiveWay(step: BulkStep): boolean {
  return step.kind === "perform" && step.operation.method !== "POST";
}
