/**
 * How the table's stream invokes the propagation function, as plain data: the counterpart of `lambda/http/routes.ts`. CDK
 * makes the event source mapping from it (`lib/propagation.ts`), and the local service does by it what a mapping does
 * (`bin/local/stream-pump.ts`).
 */

import { ringingPrefix } from "../table/keys.ts";

/** The deployed function; its handler is `lambda/handlers/<name>.ts`. */
export const streamFunctionName = "propagation";

/** A string equal to one of these, or beginning with one. Of Lambda's filter language, what is needed. */
export type FilterRule = string | { readonly prefix: string };
/** Lambda's event filter: every field that it names must satisfy one of the field's rules. */
export interface FilterPattern {
  readonly [field: string]: FilterPattern | readonly FilterRule[];
}

export interface StreamMapping {
  readonly filter: FilterPattern;
  /** Records that one invocation gets at most. */
  readonly batchSize: number;
  /** How long records are gathered before an invocation with less than that. */
  readonly batchingWindowSeconds: number;
  /** Batches of one shard that are under way at once. Those with records of one partition never are. */
  readonly parallelizationFactor: number;
  /** After the first attempt. Then the batch is given up, and goes to the failure destination. */
  readonly retryAttempts: number;
  /** An older record is given up likewise, tried or not. */
  readonly recordAgeSecondsMax: number;
}

export const streamMapping: StreamMapping = {
  /** So that users, tokens and seats, which are most of what is written, cost nothing. */
  filter: { dynamodb: { Keys: { pk: { S: [{ prefix: ringingPrefix }] } } } },
  /** Lambda's default. A second and more for each item of a batch, by the timeout below. */
  batchSize: 100,
  /** The shortest there is. An IdP writes one group many times in a row: what comes within a second is carried once. */
  batchingWindowSeconds: 1,
  /**
   * Lambda takes 1 to 10. Our choice: a record that keeps failing holds up a quarter of its shard, and a busy stream
   * leaves most of the account's concurrency to requests.
   */
  parallelizationFactor: 4,
  /** Our choice: conflicts and throttles are waited out within an attempt; what fails 20 times more needs a human. */
  retryAttempts: 20,
  /** An hour before the stream forgets a record (24 h, AWS), so that it is parked where somebody sees it and not lost. */
  recordAgeSecondsMax: 23 * 3_600,
};

/**
 * What one invocation may take. Lambda's most is 900 s; our choice: a hundred items, each a bounded slice of work, and
 * soon enough over that a function that hangs is noticed.
 */
export const streamFunctionTimeoutSeconds = 120;
