/**
 * How the table's stream invokes functions, as plain data: the counterpart of `lambda/http/routes.ts`. CDK makes the event
 * source mappings from it (`lib/stream-consumer.ts`), and the local service does by it what a mapping does
 * (`bin/local/stream-pump.ts`).
 *
 * Two mappings are as many as should read one shard (DynamoDB developer guide: more are throttled). Each has its own place
 * in the stream, so that what holds up one does not hold up the other.
 */

import {
  copiedAttribute,
  heirsAttribute,
  jobsStart,
  notedAttribute,
  ringingPrefix,
  toldBy,
} from "../table/keys.ts";

/** The deployed functions; the handler of each is `lambda/handlers/<name>.ts`. */
export const streamFunctionNames = ["propagation", "activity"] as const;
export type StreamFunctionName = (typeof streamFunctionNames)[number];

/** A string equal to one of these, or beginning with one, or whatever is there. Of Lambda's filter language, what is needed. */
export type FilterRule = string | { readonly prefix: string } | { readonly exists: boolean };
/** Lambda's event filter: every field that it names must satisfy one of the field's rules. */
export interface FilterPattern {
  readonly [field: string]: FilterPattern | readonly FilterRule[];
}

export interface StreamMapping {
  readonly functionName: StreamFunctionName;
  /** A record that passes one of them is handed over. Five at most (Lambda quota). */
  readonly filters: readonly FilterPattern[];
  /** Records that one invocation gets at most. */
  readonly batchSize: number;
  /** How long records are gathered before an invocation with less than that. */
  readonly batchingWindowSeconds: number;
  /** Batches of one shard that are under way at once. Those with records of one item never are. */
  readonly parallelizationFactor: number;
  /** After the first attempt. Then the batch is given up, and goes to the failure destination. */
  readonly retryAttempts: number;
  /** An older record is given up likewise, tried or not. */
  readonly recordAgeSecondsMax: number;
}

/** Our choice: conflicts and throttles are waited out within an attempt; what fails 20 times more needs a human. */
const retryAttempts = 20;
/** An hour before the stream forgets a record (24 h, AWS), so that it is parked where somebody sees it and not lost. */
const recordAgeSecondsMax = 23 * 3_600;

export const propagationMapping: StreamMapping = {
  functionName: "propagation",
  /** So that most of what is written costs nothing: tokens, seats, and users of connections without children. */
  filters: [
    // Groups and their pages, but for copies, with which is carried what there is to carry of them; and for what rows only note.
    {
      dynamodb: {
        Keys: { pk: { S: [{ prefix: ringingPrefix }] } },
        NewImage: {
          [copiedAttribute]: { N: [{ exists: false }] },
          [notedAttribute]: { N: [{ exists: false }] },
        },
      },
    },
    { eventName: ["REMOVE"], dynamodb: { Keys: { pk: { S: [{ prefix: ringingPrefix }] } } } },
    // Users of a connection that has children, and its settings.
    {
      dynamodb: {
        Keys: { pk: { S: [{ prefix: toldBy.member.pk }] } },
        NewImage: { [heirsAttribute]: { N: [{ exists: true }] } },
      },
    },
    {
      dynamodb: {
        Keys: {
          pk: { S: [{ prefix: toldBy.connection.pk }] },
          sk: { S: [{ prefix: toldBy.connection.sk }] },
        },
        NewImage: { [heirsAttribute]: { N: [{ exists: true }] } },
      },
    },
    // The next step of what is being copied to a child.
    {
      dynamodb: {
        Keys: { pk: { S: [{ prefix: jobsStart }] } },
        NewImage: { phase: { S: [{ exists: true }] } },
      },
    },
  ],
  /** Lambda's default. A second and more for each item of a batch, by the timeout below. */
  batchSize: 100,
  /** The shortest there is. An IdP writes one group many times in a row: what comes within a second is carried once. */
  batchingWindowSeconds: 1,
  /**
   * Lambda takes 1 to 10. Our choice: a record that keeps failing holds up a quarter of its shard, and a busy stream
   * leaves most of the account's concurrency to requests.
   */
  parallelizationFactor: 4,
  retryAttempts,
  recordAgeSecondsMax,
};

/** Everything but what expires or is purged: that is no change anybody made. Deletions leave word, but for a group's (below). */
const put = { eventName: ["INSERT", "MODIFY"] };

export const activityMapping: StreamMapping = {
  functionName: "activity",
  filters: [
    { ...put, dynamodb: { Keys: { pk: { S: [{ prefix: toldBy.member.pk }, toldBy.project.pk] } } } },
    {
      ...put,
      // Only rows of groups have a name: their pages, which change as often, tell nothing.
      dynamodb: {
        Keys: { pk: { S: [{ prefix: toldBy.group.pk }] } },
        NewImage: { displayName: { S: [{ exists: true }] } },
      },
    },
    {
      ...put,
      dynamodb: {
        Keys: {
          pk: { S: [{ prefix: toldBy.connection.pk }] },
          sk: {
            S: [
              { prefix: toldBy.connection.sk },
              { prefix: toldBy.formerConnection.sk },
              { prefix: toldBy.formerGroup.sk },
            ],
          },
        },
      },
    },
    // That a group is gone is published in the order of its changes, so it is told by its own row.
    {
      eventName: ["REMOVE"],
      dynamodb: {
        Keys: { pk: { S: [{ prefix: toldBy.group.pk }] } },
        OldImage: { displayName: { S: [{ exists: true }] } },
      },
    },
    // A failure opens once; its further attempts are none of the trail's.
    { eventName: ["INSERT"], dynamodb: { Keys: { pk: { S: [{ prefix: toldBy.failure.pk }] } } } },
  ],
  /** Lambda's default. With both images of rows of a kilobyte a quarter of a megabyte, of the 6 MB that an invocation takes. */
  batchSize: 100,
  /** As soon as it can be had: whoever looks at the trail has mostly just done what he looks for. */
  batchingWindowSeconds: 1,
  /** Our choice: a batch takes a few calls to the table, and one to the bus for each ten events. A record that keeps failing holds up half of its shard. */
  parallelizationFactor: 2,
  retryAttempts,
  recordAgeSecondsMax,
};

export const streamMappings: readonly StreamMapping[] = [propagationMapping, activityMapping];

/**
 * What one invocation may take. Lambda's most is 900 s; our choice: a hundred items, each a bounded slice of work, and
 * soon enough over that a function that hangs is noticed.
 */
export const streamFunctionTimeoutSeconds = 120;
