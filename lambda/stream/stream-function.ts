/**
 * A Lambda function for a DynamoDB stream out of what is to be done with a batch of records: the first record that is not
 * done with is reported, and one line logged. Nothing but this file and its neighbours knows Lambda's stream events.
 */

import type {
  DynamoDBBatchResponse,
  DynamoDBRecord,
  DynamoDBStreamEvent,
  Context as LambdaContext,
} from "aws-lambda";
import type { Context } from "../domain/context.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { StreamFunctionName } from "./stream-mapping.ts";

export type StreamFunction = (
  event: DynamoDBStreamEvent,
  context: LambdaContext,
) => Promise<DynamoDBBatchResponse>;

export interface Batch {
  readonly context: Context;
  readonly records: readonly DynamoDBRecord[];
  readonly millisecondsLeft: () => number;
  /** Logs why what a record tells could not be done. */
  readonly onFailure: (sequenceNumber: string, cause: unknown) => void;
}

export interface BatchOutcome {
  /** What the records named or told that was to be done, and how much of it is. */
  readonly items: number;
  readonly carried: number;
  /** The first record that has to come again, with all behind it; undefined when everything is done. */
  readonly firstNotDone: string | undefined;
  /** Events that were told; none where the work tells none. */
  readonly events?: { readonly published: number; readonly notPublished: number };
}

/** Does whatever the records of a batch ask for; they may come twice, late, and in any order. */
export type BatchWork = (batch: Batch) => Promise<BatchOutcome>;

export interface StreamFunctionOptions {
  readonly functionName: StreamFunctionName;
  /** Made on first use, so that importing a handler does nothing. */
  readonly runtime: () => Runtime;
  readonly work: BatchWork;
}

export function streamFunction({ functionName, runtime, work }: StreamFunctionOptions): StreamFunction {
  return async ({ Records: records }, lambdaContext) => {
    const { context, log } = runtime();
    const requestId = lambdaContext.awsRequestId;
    const startedAt = context.clock();
    const { items, carried, firstNotDone, events } = await work({
      context,
      records,
      millisecondsLeft: () => lambdaContext.getRemainingTimeInMillis(),
      onFailure: (sequenceNumber, cause) => log.carryFailure(sequenceNumber, cause, requestId),
    });
    const durationMs = context.clock() - startedAt;
    log.batch({ requestId, functionName, records: records.length, items, carried, ...events, durationMs });

    if (firstNotDone === undefined) return { batchItemFailures: [] };
    // What Lambda does when the very first record of a batch is reported is not documented; when a function throws, it
    // splits the batch in two. So a record that keeps failing ends up in a batch of its own, and no other is given up with it.
    const isFirst = records[0]?.dynamodb?.SequenceNumber === firstNotDone;
    if (isFirst && records.length > 1) throw new BatchFailure(firstNotDone);
    return { batchItemFailures: [{ itemIdentifier: firstNotDone }] };
  };
}

/** Without its cause, which is in the log: Lambda logs and reports what a function throws as it is. */
class BatchFailure extends Error {
  override readonly name = "BatchFailure";

  constructor(sequenceNumber: string) {
    super(`Nothing before record ${sequenceNumber}, the first of the batch, could be handed in as done.`);
  }
}
