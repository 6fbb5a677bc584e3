import type { DynamoDBBatchResponse, DynamoDBRecord } from "aws-lambda";
import type { StreamMapping } from "../../lambda/stream/stream-mapping.ts";

/** Records that were given up, as Lambda would tell the failure destination. */
export interface ParkedBatch {
  readonly shardId: string;
  readonly condition: "RetryAttemptsExhausted" | "RecordAgeExceeded";
  readonly records: readonly DynamoDBRecord[];
  /** What the function threw last; undefined when it reported the failure, or was never asked. */
  readonly cause: unknown;
}

export interface DeliveryOptions {
  readonly shardId: string;
  readonly mapping: StreamMapping;
  /** One invocation of the function; throws what it throws. */
  readonly invoke: (records: readonly DynamoDBRecord[]) => Promise<unknown>;
  /** Called before a retry. */
  readonly waitBeforeRetry: (retry: number) => Promise<void>;
  /** Nothing is tried again any more: what is left is neither done nor parked. */
  readonly isStopping: () => boolean;
  /** Epoch milliseconds. */
  readonly clock: () => number;
  /** All records up to this one are done with. */
  readonly onDone: (sequenceNumber: string) => void;
  readonly onParked: (parked: ParkedBatch) => void;
}

/**
 * Brings one batch to the function the way a Lambda event source mapping does that bisects and takes partial failures
 * (Lambda developer guide, "Using AWS Lambda with Amazon DynamoDB"):
 *
 * - the batch is done when the function returns without failures, up to the first failure that it reports otherwise; the
 *   rest is retried;
 * - when the function throws, or answers something else, the batch is split in two, which is no retry;
 * - when the retries are used up, or a record is too old, what is left is parked.
 *
 * Where the guide is silent, the reading that is worse for the function: a failure of the first record splits nothing, and
 * retries are not counted anew after a part was done.
 *
 * False when it was stopped before everything was done or parked.
 */
export async function deliverBatch(
  records: readonly DynamoDBRecord[],
  options: DeliveryOptions,
  retriesUsed = 0,
): Promise<boolean> {
  const { mapping } = options;
  let rest = parkTooOld(records, options);
  for (let retries = retriesUsed; rest.length > 0; ) {
    const answer = await ask(rest, options);
    if (answer.kind === "failed" && rest.length > 1) {
      if (options.isStopping()) return false;
      const middle = Math.ceil(rest.length / 2);
      const isFirstHalfDone = await deliverBatch(rest.slice(0, middle), options, retries);
      return isFirstHalfDone && deliverBatch(rest.slice(middle), options, retries);
    }
    const doneCount = answer.kind === "answered" ? answer.doneCount : 0;
    reportDone(rest.slice(0, doneCount), options);
    rest = rest.slice(doneCount);
    if (rest.length === 0) return true;
    if (options.isStopping()) return false;
    if (retries === mapping.retryAttempts) {
      park(rest, "RetryAttemptsExhausted", answer.kind === "failed" ? answer.cause : undefined, options);
      return true;
    }
    retries++;
    await options.waitBeforeRetry(retries);
    if (options.isStopping()) return false;
    rest = parkTooOld(rest, options);
  }
  return true;
}

type Answer =
  | { readonly kind: "answered"; readonly doneCount: number }
  | { readonly kind: "failed"; readonly cause: unknown };

async function ask(records: readonly DynamoDBRecord[], options: DeliveryOptions): Promise<Answer> {
  let response: unknown;
  try {
    response = await options.invoke(records);
  } catch (cause) {
    return { kind: "failed", cause };
  }
  // No response, no list and an empty list all mean that everything is done.
  const failures = (response as Partial<DynamoDBBatchResponse> | null | undefined)?.batchItemFailures ?? [];
  const positions = failures.map(({ itemIdentifier }) =>
    records.findIndex(({ dynamodb }) => dynamodb?.SequenceNumber === itemIdentifier),
  );
  if (positions.includes(-1)) {
    return { kind: "failed", cause: new Error("the function reported a record that it was not given") };
  }
  return { kind: "answered", doneCount: Math.min(records.length, ...positions) };
}

function parkTooOld(records: readonly DynamoDBRecord[], options: DeliveryOptions): readonly DynamoDBRecord[] {
  const oldest = options.clock() / 1_000 - options.mapping.recordAgeSecondsMax;
  // Records come in the order they were written, so the first young one ends the old ones.
  const firstYoung = records.findIndex(
    ({ dynamodb }) => (dynamodb?.ApproximateCreationDateTime ?? Number.POSITIVE_INFINITY) >= oldest,
  );
  const oldCount = firstYoung < 0 ? records.length : firstYoung;
  if (oldCount > 0) park(records.slice(0, oldCount), "RecordAgeExceeded", undefined, options);
  return records.slice(oldCount);
}

function park(
  records: readonly DynamoDBRecord[],
  condition: ParkedBatch["condition"],
  cause: unknown,
  options: DeliveryOptions,
): void {
  options.onParked({ shardId: options.shardId, condition, records, cause });
  reportDone(records, options);
}

function reportDone(records: readonly DynamoDBRecord[], options: DeliveryOptions): void {
  const last = records.at(-1)?.dynamodb?.SequenceNumber;
  if (last !== undefined) options.onDone(last);
}
