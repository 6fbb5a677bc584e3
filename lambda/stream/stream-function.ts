/**
 * A Lambda function for a DynamoDB stream out of a use case: records in, each changed item carried once, the first that
 * was not reported, one log line. Nothing but this file knows Lambda's stream events.
 */

import type { DynamoDBBatchResponse, DynamoDBStreamEvent, Context as LambdaContext } from "aws-lambda";
import * as z from "zod";
import type { Context } from "../domain/context.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Key } from "../table/keys.ts";

/** Does for one changed item whatever its change asks for; may be called twice, late, and in any order. */
export type Carry = (context: Context, key: Key) => Promise<void>;

export type StreamFunction = (
  event: DynamoDBStreamEvent,
  context: LambdaContext,
) => Promise<DynamoDBBatchResponse>;

export interface StreamFunctionOptions {
  readonly functionName: string;
  /** Made on first use, so that importing a handler does nothing. */
  readonly runtime: () => Runtime;
  readonly carry: Carry;
}

/** Partitions that are worked on at once, a core's worth of waiting for the table. Our choice. */
export const partitionsAtOnceMax = 4;

/** What must be left of the invocation to begin one more item: several calls to a table that answers slowly. */
export const carryMillisecondsReserve = 30_000;

export function streamFunction({ functionName, runtime, carry }: StreamFunctionOptions): StreamFunction {
  return async (event, lambdaContext) => {
    const { context, log } = runtime();
    const requestId = lambdaContext.awsRequestId;
    const startedAt = context.clock();
    const changes = changedItems(event);
    const outcome = await carryAll(changes, {
      carry: (key) => carry(context, key),
      isTimeLeft: () => lambdaContext.getRemainingTimeInMillis() >= carryMillisecondsReserve,
      onFailure: (change, cause) => log.carryFailure(change.sequenceNumber, cause, requestId),
    });
    log.batch({
      requestId,
      functionName,
      records: event.Records.length,
      items: changes.length,
      carried: outcome.carried,
      durationMs: context.clock() - startedAt,
    });

    const first = outcome.firstNotCarried;
    if (first === undefined) return { batchItemFailures: [] };
    // What Lambda does when the very first record of a batch is reported is not documented; when a function throws, it
    // splits the batch in two. So a record that keeps failing ends up in a batch of its own, and no other is given up with it.
    if (first === changes[0] && event.Records.length > 1) throw new BatchFailure(first.sequenceNumber);
    return { batchItemFailures: [{ itemIdentifier: first.sequenceNumber }] };
  };
}

/** Without its cause, which is in the log: Lambda logs and reports what a function throws as it is. */
class BatchFailure extends Error {
  override readonly name = "BatchFailure";

  constructor(sequenceNumber: string) {
    super(`Nothing before record ${sequenceNumber}, the first of the batch, could be handed in as done.`);
  }
}

interface Change {
  readonly key: Key;
  /** Of the first record that names the item: where the batch has to be taken up again if it is not carried. */
  readonly sequenceNumber: string;
}

const recordSchema = z.object({
  dynamodb: z.object({
    Keys: z.object({ pk: z.object({ S: z.string() }), sk: z.object({ S: z.string() }) }),
    SequenceNumber: z.string(),
  }),
});

/**
 * The distinct items of a batch, in order of first appearance. Of a record only the key is used: an image shows what was,
 * and records may come twice or late.
 */
function changedItems(event: DynamoDBStreamEvent): readonly Change[] {
  const byKey = new Map<string, Change>();
  for (const record of event.Records) {
    const { Keys, SequenceNumber } = recordSchema.parse(record).dynamodb;
    const key = { pk: Keys.pk.S, sk: Keys.sk.S };
    const name = JSON.stringify([key.pk, key.sk]);
    if (!byKey.has(name)) byKey.set(name, { key, sequenceNumber: SequenceNumber });
  }
  return [...byKey.values()];
}

interface CarryingOptions {
  readonly carry: (key: Key) => Promise<void>;
  readonly isTimeLeft: () => boolean;
  readonly onFailure: (change: Change, cause: unknown) => void;
}

interface CarryingOutcome {
  readonly carried: number;
  readonly firstNotCarried: Change | undefined;
}

/**
 * Carries items of one partition one after the other, those of several partitions at once. Nothing that stands behind one
 * that failed is begun any more, since it comes again; what stands before it is finished.
 */
async function carryAll(changes: readonly Change[], options: CarryingOptions): Promise<CarryingOutcome> {
  const carried = new Set<Change>();
  let firstFailed = changes.length;
  const partitions = Map.groupBy(changes.entries(), ([, { key }]) => key.pk).values();

  const work = async (): Promise<void> => {
    for (const partition of partitions) {
      for (const [position, change] of partition) {
        if (position > firstFailed) break;
        if (!options.isTimeLeft()) {
          firstFailed = Math.min(firstFailed, position);
          break;
        }
        try {
          await options.carry(change.key);
          carried.add(change);
        } catch (cause) {
          options.onFailure(change, cause);
          firstFailed = Math.min(firstFailed, position);
          break;
        }
      }
    }
  };
  // One iterator for all of them: each takes the next partition that nobody has.
  await Promise.all(Array.from({ length: partitionsAtOnceMax }, work));
  return { carried: carried.size, firstNotCarried: changes.find((change) => !carried.has(change)) };
}
