/**
 * The one door to DynamoDB: strong reads and conditional transactions, with the table's troubles translated.
 *
 * Throttling that outlasts the SDK's own retries is a 429, an unreachable table a 503. A transaction that was overtaken
 * by another is not an error but an outcome: the caller reads again and decides anew (`retry.ts`). Reading again also
 * yields the precise refusal, so nobody has to interpret which of its conditions failed.
 */

import {
  BatchGetCommand,
  type BatchGetCommandInput,
  type BatchGetCommandOutput,
  BatchWriteCommand,
  type BatchWriteCommandInput,
  type DynamoDBDocumentClient,
  QueryCommand,
  TransactGetCommand,
  TransactWriteCommand,
  type TransactWriteCommandInput,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import { throttled, unavailable } from "../domain/refusals.ts";
import type { Key } from "./keys.ts";

export type Item = Readonly<Record<string, unknown>>;
/** Items by `pk` + `sk`; what is not there is absent. */
export type ItemsByKey = { get(key: Key): Item | undefined };

type TransactItem = NonNullable<TransactWriteCommandInput["TransactItems"]>[number];

/** One write of a transaction; the table's name is added here. Every write carries a condition. */
export type Write =
  | { readonly put: Item; readonly when: Condition }
  | { readonly update: Key; readonly change: Expression; readonly when: Condition }
  | { readonly delete: Key; readonly when: Condition }
  | { readonly check: Key; readonly when: Condition };

export interface Expression {
  readonly expression: string;
  readonly names?: Readonly<Record<string, string>>;
  readonly values?: Readonly<Record<string, unknown>>;
}
export type Condition = Expression;

/** The parts of an update that gives an item these fields: what is undefined is to be removed. No field's name is taken for a keyword. */
export function assignments(fields: Item): {
  /** What comes behind SET. */
  readonly set: string;
  /** What comes behind REMOVE, if anything. */
  readonly removed: readonly string[];
  readonly names: Readonly<Record<string, string>>;
  readonly values: Readonly<Record<string, unknown>>;
} {
  const all = Object.keys(fields);
  const given = all.filter((name) => fields[name] !== undefined);
  return {
    set: given.map((name) => `#${name} = :${name}`).join(", "),
    removed: all.filter((name) => !given.includes(name)).map((name) => `#${name}`),
    names: Object.fromEntries(all.map((name) => [`#${name}`, name])),
    values: Object.fromEntries(given.map((name) => [`:${name}`, fields[name]])),
  };
}

/** A clause of an update; nothing where it would be empty. */
export function removal(paths: readonly string[]): string {
  return paths.length > 0 ? ` REMOVE ${paths.join(", ")}` : "";
}

/** The item must not be there yet. */
export const absent: Condition = { expression: "attribute_not_exists(pk)" };
/** The item must be there. */
export const present: Condition = { expression: "attribute_exists(pk)" };

/** `overtaken`: a condition did not hold, or another transaction was under way on one of the items; nothing was changed. */
export type TransactionOutcome = "done" | "overtaken";

export interface RangeQuery {
  readonly pk: string;
  readonly prefix?: string;
  /** Inclusive bounds on sk; not together with `prefix`. */
  readonly from?: string;
  readonly to?: string;
  /** Begin right behind this sk, in the order of reading; it must lie within the range. */
  readonly after?: string;
  /** From the end of the range to its beginning. */
  readonly isDescending?: boolean;
  /** Items at most; all when absent. */
  readonly limit?: number;
}

export interface Store {
  /** Strong reads of up to 100 keys: one round trip. */
  read(keys: readonly Key[]): Promise<ItemsByKey>;
  /** A strong read of one sorted range, in order or against it, all its pages. */
  query(range: RangeQuery): Promise<readonly Item[]>;
  /** The keys as they stood together at one instant (serializable; twice the read units). */
  snapshot(keys: readonly Key[]): Promise<ItemsByKey>;
  /** All writes or none. At most 100 (AWS quota); the largest change of a member makes 94 (`domain/limits.ts`). */
  transact(writes: readonly Write[]): Promise<TransactionOutcome>;
  /** A single conditional update outside any transaction; false when the condition did not hold. */
  update(key: Key, change: Expression, when: Condition): Promise<boolean>;
  /** Removes items that nothing leads to any more: without a condition, and safe to repeat. */
  purge(keys: readonly Key[]): Promise<void>;
  /** Puts items that nothing leads to yet, under keys nobody else uses: without a condition, and safe to repeat. */
  place(items: readonly Item[]): Promise<void>;
}

/** BatchGetItem takes 100 (AWS quota). */
const keysPerBatchMax = 100;
/** BatchWriteItem takes 25 (AWS quota). */
const writesPerBatchMax = 25;
/** Tries of one call that AWS answered only in part (UnprocessedKeys) or asked to repeat, beside the SDK's own. */
const callAttemptsMax = 8;
/** Tries of one snapshot: it fails whenever one of its items is being written, and seat pools are written all day. */
const snapshotAttemptsMax = 24;
/** Batches under way at once. Our choice: some thousand items a second. */
const batchesAtOnceMax = 16;

type BatchRequests = NonNullable<BatchWriteCommandInput["RequestItems"]>[string];

export interface StoreDependencies {
  readonly client: DynamoDBDocumentClient;
  readonly tableName: string;
  /** Milliseconds to wait before the given retry, from 1. */
  readonly backoff: (attempt: number) => Promise<void>;
  /** A fresh idempotency token. */
  readonly newToken: () => string;
}

export function createStore({ client, tableName, backoff, newToken }: StoreDependencies): Store {
  async function read(keys: readonly Key[]): Promise<ItemsByKey> {
    const found = new Map<string, Item>();
    const batches: Key[][] = [];
    for (let start = 0; start < keys.length; start += keysPerBatchMax) {
      batches.push(keys.slice(start, start + keysPerBatchMax));
    }
    await Promise.all(
      batches.map(async (batch) => {
        let pending: NonNullable<BatchGetCommandInput["RequestItems"]>[string]["Keys"] = batch.map(plainKey);
        for (let attempt = 1; pending && pending.length > 0; attempt++) {
          const request: BatchGetCommandInput = {
            RequestItems: { [tableName]: { Keys: pending, ConsistentRead: true } },
          };
          const answer: BatchGetCommandOutput = await translated(() =>
            client.send(new BatchGetCommand(request)),
          );
          for (const item of answer.Responses?.[tableName] ?? []) {
            found.set(identity(item as unknown as Key), item);
          }
          pending = answer.UnprocessedKeys?.[tableName]?.Keys;
          if (pending && pending.length > 0) {
            if (attempt === callAttemptsMax) {
              throw throttled("The table is busier than it can serve; send the request again shortly.");
            }
            await backoff(attempt);
          }
        }
      }),
    );
    return { get: (key) => found.get(identity(key)) };
  }

  async function query(range: RangeQuery): Promise<readonly Item[]> {
    const items: Item[] = [];
    let startKey: Record<string, unknown> | undefined =
      range.after === undefined ? undefined : { pk: range.pk, sk: range.after };
    do {
      const remaining = range.limit === undefined ? undefined : range.limit - items.length;
      const answer = await translated(() =>
        client.send(
          new QueryCommand({
            TableName: tableName,
            ConsistentRead: true,
            ...keyCondition(range),
            ScanIndexForward: range.isDescending ? false : undefined,
            Limit: remaining,
            ExclusiveStartKey: startKey,
          }),
        ),
      );
      items.push(...((answer.Items ?? []) as Item[]));
      startKey = answer.LastEvaluatedKey;
    } while (startKey !== undefined && (range.limit === undefined || items.length < range.limit));
    return items;
  }

  async function snapshot(keys: readonly Key[]): Promise<ItemsByKey> {
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await translated(() =>
          client.send(
            new TransactGetCommand({
              TransactItems: keys.map((key) => ({ Get: { TableName: tableName, Key: plainKey(key) } })),
            }),
          ),
        );
        const found = new Map<string, Item>();
        answer.Responses?.forEach((response, index) => {
          if (response.Item) {
            found.set(identity(keys[index]!), response.Item);
          }
        });
        return { get: (key) => found.get(identity(key)) };
      } catch (error) {
        if (!isNamed(error, "TransactionCanceledException")) {
          throw error;
        }
        if (attempt === snapshotAttemptsMax) {
          throw throttled(
            "The items asked for are being changed without pause; send the request again.",
            error,
          );
        }
        await backoff(attempt);
      }
    }
  }

  async function transact(writes: readonly Write[]): Promise<TransactionOutcome> {
    const input = {
      ClientRequestToken: newToken(),
      TransactItems: writes.map((write) => transactItem(tableName, write)),
    };
    for (let attempt = 1; ; attempt++) {
      try {
        await translated(() => client.send(new TransactWriteCommand(input)));
        return "done";
      } catch (error) {
        if (isOvertaken(error)) {
          return "overtaken";
        }
        // Under the same token a repetition is safe: what took effect is not done again.
        if (!isRepeatable(error)) {
          throw error;
        }
        if (attempt === callAttemptsMax) {
          throw throttled("The table is busier than it can serve; send the request again shortly.", error);
        }
        await backoff(attempt);
      }
    }
  }

  async function update(key: Key, change: Expression, when: Condition): Promise<boolean> {
    try {
      await translated(() =>
        client.send(
          new UpdateCommand({
            TableName: tableName,
            Key: plainKey(key),
            UpdateExpression: change.expression,
            ConditionExpression: when.expression,
            ...attributes(change, when),
          }),
        ),
      );
      return true;
    } catch (error) {
      if (isNamed(error, "ConditionalCheckFailedException")) {
        return false;
      }
      throw error;
    }
  }

  const purge = (keys: readonly Key[]) =>
    writeBatches(keys.map((key) => ({ DeleteRequest: { Key: plainKey(key) } })));

  const place = (items: readonly Item[]) =>
    writeBatches(items.map((item) => ({ PutRequest: { Item: { ...item } } })));

  async function writeBatches(requests: BatchRequests): Promise<void> {
    const batches: BatchRequests[] = [];
    for (let start = 0; start < requests.length; start += writesPerBatchMax) {
      batches.push(requests.slice(start, start + writesPerBatchMax));
    }
    const worker = async () => {
      for (let batch = batches.pop(); batch !== undefined; batch = batches.pop()) {
        try {
          await writeBatch(batch);
        } catch (error) {
          batches.length = 0;
          throw error;
        }
      }
    };
    const ended = await Promise.allSettled(Array.from({ length: batchesAtOnceMax }, worker));
    // Only now is none under way any more: whoever clears up after a failure is not overtaken by what he clears.
    for (const outcome of ended) {
      if (outcome.status === "rejected") {
        throw outcome.reason;
      }
    }
  }

  async function writeBatch(requests: BatchRequests): Promise<void> {
    let pending: BatchRequests | undefined = requests;
    for (let attempt = 1; pending && pending.length > 0; attempt++) {
      const request: BatchWriteCommandInput = { RequestItems: { [tableName]: pending } };
      const answer = await translated(() => client.send(new BatchWriteCommand(request)));
      pending = answer.UnprocessedItems?.[tableName];
      if (pending && pending.length > 0) {
        if (attempt === callAttemptsMax) {
          throw throttled("The table is busier than it can serve; send the request again shortly.");
        }
        await backoff(attempt);
      }
    }
  }

  return { read, query, snapshot, transact, update, purge, place };
}

function plainKey(key: Key): Record<string, string> {
  return { pk: key.pk, sk: key.sk };
}

/** `pk` holds no line feed: it is made of our own ids alone. */
function identity(key: Key): string {
  return `${key.pk}\n${key.sk}`;
}

function keyCondition(range: RangeQuery) {
  const values: Record<string, string> = { ":pk": range.pk };
  let expression = "pk = :pk";
  if (range.prefix !== undefined) {
    expression += " AND begins_with(sk, :prefix)";
    values[":prefix"] = range.prefix;
  } else if (range.from !== undefined && range.to !== undefined) {
    expression += " AND sk BETWEEN :from AND :to";
    values[":from"] = range.from;
    values[":to"] = range.to;
  } else if (range.from !== undefined) {
    expression += " AND sk >= :from";
    values[":from"] = range.from;
  }
  return { KeyConditionExpression: expression, ExpressionAttributeValues: values };
}

function transactItem(tableName: string, write: Write): TransactItem {
  const common = { TableName: tableName, ConditionExpression: write.when.expression };
  if ("put" in write) {
    return { Put: { ...common, Item: { ...write.put }, ...attributes(write.when) } };
  }
  if ("update" in write) {
    return {
      Update: {
        ...common,
        Key: plainKey(write.update),
        UpdateExpression: write.change.expression,
        ...attributes(write.change, write.when),
      },
    };
  }
  if ("delete" in write) {
    return { Delete: { ...common, Key: plainKey(write.delete), ...attributes(write.when) } };
  }
  return { ConditionCheck: { ...common, Key: plainKey(write.check), ...attributes(write.when) } };
}

function attributes(...expressions: readonly Expression[]) {
  const names = Object.assign({}, ...expressions.map(({ names }) => names));
  const values = Object.assign({}, ...expressions.map(({ values }) => values));
  return {
    ...(Object.keys(names).length > 0 && { ExpressionAttributeNames: names as Record<string, string> }),
    ...(Object.keys(values).length > 0 && { ExpressionAttributeValues: values as Record<string, unknown> }),
  };
}

/** The codes of a cancelled transaction, one per item ("None" for those that were fine); empty for any other error. */
function cancellationCodes(error: unknown): readonly string[] {
  if (!isNamed(error, "TransactionCanceledException")) {
    return [];
  }
  const { CancellationReasons } = error as { CancellationReasons?: readonly { readonly Code?: string }[] };
  return (CancellationReasons ?? []).map((reason) => reason.Code ?? "None");
}

function isOvertaken(error: unknown): boolean {
  return cancellationCodes(error).some(
    (code) => code === "ConditionalCheckFailed" || code === "TransactionConflict",
  );
}

const throttlingNames: ReadonlySet<string> = new Set([
  "ProvisionedThroughputExceededException",
  "ProvisionedThroughputExceeded",
  "ThrottlingException",
  "ThrottlingError",
  "RequestLimitExceeded",
]);

/** A cancelled transaction that was merely throttled, or one still in progress under the same token. */
function isRepeatable(error: unknown): boolean {
  return (
    isNamed(error, "TransactionInProgressException") ||
    cancellationCodes(error).some((code) => throttlingNames.has(code))
  );
}

function isNamed(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name;
}

/** Runs one SDK call; what the SDK gave up on becomes a 429 or a 503, all else passes as it is. */
async function translated<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof Error)) {
      throw error;
    }
    if (throttlingNames.has(error.name)) {
      throw throttled("The table is busier than it can serve; send the request again shortly.", error);
    }
    if (isOutage(error)) {
      throw unavailable("The table cannot be reached just now; send the request again shortly.", error);
    }
    throw error;
  }
}

const outageNames: ReadonlySet<string> = new Set([
  "InternalServerError",
  "ServiceUnavailable",
  "ServiceUnavailableException",
  "TimeoutError",
  "AbortError",
  "NetworkingError",
]);

const outageCodes: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EPIPE",
  "ETIMEDOUT",
]);

function isOutage(error: Error): boolean {
  const code = (error as { code?: unknown }).code;
  const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
  return (
    outageNames.has(error.name) ||
    (typeof code === "string" && outageCodes.has(code)) ||
    (status !== undefined && status >= 500)
  );
}
