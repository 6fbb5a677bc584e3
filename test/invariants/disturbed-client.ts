/** Clients that fare as on a busy table: calls take their time, meet other transactions, are throttled, lose answers. */

import type { DynamoDBClient, DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";
import type { SeededRandom } from "../support/seeded-random.ts";

/** Waits for `before` before each call takes effect. Calls count from 1, the SDK's own retries included. */
export function interpose(
  client: DynamoDBClient,
  before: (call: number, command: string) => Promise<void>,
): void {
  let calls = 0;
  client.middlewareStack.add(
    (next, context) => async (args) => {
      await before(++calls, String(context.commandName).replace(/Command$/, ""));
      return next(args);
    },
    { step: "deserialize", priority: "high", name: "interpose" },
  );
}

export interface Disturbance {
  /** Decides everything below. */
  readonly random: SeededRandom;
  /** Milliseconds a call may be held up before it takes effect, and again after: at most. */
  readonly delayMax?: number;
  /** Share of write calls refused because another transaction is under way on an item; of snapshots, likewise. */
  readonly conflicts?: number;
  /** Share of calls throttled, in each way DynamoDB has. */
  readonly throttled?: number;
  /** Share of Query and BatchGetItem calls whose items are not all read at one instant, as DynamoDB never promised. */
  readonly torn?: number;
  /** Share of calls that take effect and lose their answer. */
  readonly lostAnswers?: number;
  /** Counts what was done. */
  readonly onDisturbed?: (kind: "conflict" | "throttled" | "partial" | "torn" | "lost") => void;
}

/** Retries at once: what the SDK decides is as deployed, only its waits are left out. */
export const retriesWithoutWaiting: Pick<DynamoDBClientConfig, "retryStrategy"> = {
  retryStrategy: retryingAtOnce(3),
};

/** A lost answer reaches the service, as when each of the SDK's attempts has failed. */
export const noRetries: Pick<DynamoDBClientConfig, "maxAttempts"> = { maxAttempts: 1 };

function retryingAtOnce(attemptsMax: number): NonNullable<DynamoDBClientConfig["retryStrategy"]> {
  const tokenAfter = (retries: number) => ({ getRetryCount: () => retries, getRetryDelay: () => 0 });
  return {
    acquireInitialRetryToken: async () => tokenAfter(0),
    async refreshRetryTokenForRetry(
      token: { getRetryCount(): number },
      { errorType }: { errorType: string },
    ) {
      const retries = token.getRetryCount() + 1;
      if (errorType === "CLIENT_ERROR" || retries >= attemptsMax) throw new Error("no more attempts");
      return tokenAfter(retries);
    },
    recordSuccess() {},
  };
}

/** Works below the SDK's retries, where real networks and DynamoDB itself do. */
export function disturb(client: DynamoDBClient, disturbance: Disturbance): void {
  const { random, delayMax = 0, conflicts = 0, throttled = 0, torn = 0, lostAnswers = 0 } = disturbance;
  const told = disturbance.onDisturbed ?? (() => {});
  const pause = async (): Promise<void> => {
    if (delayMax > 0) await new Promise((resolve) => setTimeout(resolve, random.next() * delayMax));
  };
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const command = String(context.commandName).replace(/Command$/, "");
      await pause();
      if (random.next() < conflicts && conflictOf(command, args.input, random) !== undefined) {
        told("conflict");
        throw conflictOf(command, args.input, random);
      }
      if (random.next() < throttled) {
        told("throttled");
        throw throttlingOf(command, args.input, random);
      }
      const result = await next(args);
      if (command === "BatchGetItem" && random.next() < throttled) {
        told("partial");
        keepSomeBack(args.input, result.output as object, random);
      }
      if ((command === "Query" || command === "BatchGetItem") && random.next() < torn) {
        await pause();
        const later = await next(args);
        tear(result.output as ReadAnswer, later.output as ReadAnswer, random);
        told("torn");
      }
      await pause();
      if (random.next() < lostAnswers) {
        told("lost");
        throw Object.assign(new Error("read ECONNRESET"), {
          code: "ECONNRESET",
          errno: -104,
          syscall: "read",
        });
      }
      return result;
    },
    { step: "deserialize", priority: "high", name: "disturb" },
  );
}

type Input = { readonly TransactItems?: readonly unknown[] };

/** Undefined where DynamoDB never answers so. */
function conflictOf(command: string, input: object, random: SeededRandom): Error | undefined {
  switch (command) {
    case "TransactWriteItems":
    case "TransactGetItems":
      return cancelled(input, "TransactionConflict", random);
    case "UpdateItem":
    case "PutItem":
    case "DeleteItem":
      return dynamoError("TransactionConflictException", "Transaction is ongoing for the item");
    default:
      return undefined;
  }
}

function throttlingOf(command: string, input: object, random: SeededRandom): Error {
  if (command === "TransactWriteItems" && random.next() < 0.4) {
    return cancelled(input, random.pick(["ThrottlingError", "ProvisionedThroughputExceeded"]), random);
  }
  return random.next() < 0.5
    ? dynamoError("ThrottlingException", "Rate exceeded")
    : dynamoError(
        "ProvisionedThroughputExceededException",
        "The level of configured provisioned throughput for the table was exceeded.",
      );
}

function cancelled(input: object, code: string, random: SeededRandom): Error {
  const count = (input as Input).TransactItems?.length ?? 1;
  const hit = random.below(count);
  const reasons = Array.from({ length: count }, (_, index) => ({ Code: index === hit ? code : "None" }));
  return Object.assign(
    dynamoError(
      "TransactionCanceledException",
      `Transaction cancelled, please refer cancellation reasons for specific reasons [${reasons.map(({ Code }) => Code).join(", ")}]`,
    ),
    { CancellationReasons: reasons },
  );
}

/** As the SDK throws DynamoDB's own. */
export function dynamoError(name: string, message: string): Error {
  return Object.assign(new Error(message), {
    name,
    $fault: "client",
    $metadata: { httpStatusCode: 400, attempts: 1, totalRetryDelay: 0 },
  });
}

interface BatchGetInput {
  readonly RequestItems: Readonly<Record<string, { readonly Keys: readonly MarshalledKey[] }>>;
}
type MarshalledKey = { readonly pk: { readonly S: string }; readonly sk: { readonly S: string } };
type Plain = { readonly pk: string; readonly sk: string };

/**
 * A BatchGetItem that was served in part: some of what was asked for comes back as UnprocessedKeys. The document client
 * has written the input as attribute values already, and read the output out of them.
 */
function keepSomeBack(input: object, output: object, random: SeededRandom): void {
  const [tableName, { Keys: keys, ...rest }] = Object.entries((input as BatchGetInput).RequestItems)[0]!;
  const keptBack = keys
    .filter(() => random.next() < 0.5)
    .map(({ pk, sk }): Plain => ({ pk: pk.S, sk: sk.S }));
  if (keptBack.length === 0) return;
  const answer = output as { Responses: Record<string, Plain[]>; UnprocessedKeys: Record<string, unknown> };
  answer.Responses[tableName] = (answer.Responses[tableName] ?? []).filter(
    ({ pk, sk }) => !keptBack.some((key) => key.pk === pk && key.sk === sk),
  );
  answer.UnprocessedKeys = { [tableName]: { ...rest, Keys: keptBack } };
}

/** A Query passes over its items in order: those up to a place are as they were first, those behind it as later. */
function tearAt(place: string, answer: ReadAnswer, later: ReadAnswer): void {
  answer.Items = [
    ...(answer.Items ?? []).filter(({ sk }) => sk <= place),
    ...(later.Items ?? []).filter(({ sk }) => sk > place),
  ];
}

/** Runs `between` while each Query of a partition is under way: behind `place` it sees what `between` has done. */
export function tearQueries(
  client: DynamoDBClient,
  pkEnd: string,
  place: string,
  between: () => Promise<void>,
): void {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const result = await next(args);
      const { ExpressionAttributeValues: values } = args.input as {
        ExpressionAttributeValues?: { readonly ":pk"?: { readonly S: string } };
      };
      if (context.commandName === "QueryCommand" && values?.[":pk"]?.S.endsWith(pkEnd)) {
        await between();
        const later = await next(args);
        tearAt(place, result.output as ReadAnswer, later.output as ReadAnswer);
      }
      return result;
    },
    { step: "deserialize", priority: "high", name: "tearQueries" },
  );
}

interface ReadAnswer {
  Items?: Plain[];
  LastEvaluatedKey?: unknown;
  Responses?: Record<string, Plain[]>;
  UnprocessedKeys?: Record<string, unknown>;
}

/** Makes of an answer and a later one what a read that took that long could have given: each item is of one of the two. */
function tear(answer: ReadAnswer, later: ReadAnswer, random: SeededRandom): void {
  const all = [...(answer.Items ?? []), ...(later.Items ?? [])].map(({ sk }) => sk).sort();
  if (all.length > 0 && !answer.LastEvaluatedKey && !later.LastEvaluatedKey) {
    tearAt(random.pick(all), answer, later);
  }
  for (const [tableName, items] of Object.entries(answer.Responses ?? {})) {
    if (Object.keys(answer.UnprocessedKeys ?? {}).length > 0) continue;
    const laterItems = later.Responses?.[tableName] ?? [];
    const keys = new Set([...items, ...laterItems].map(({ pk, sk }) => `${pk}\n${sk}`));
    const fromLater = new Set([...keys].filter(() => random.next() < 0.5));
    const isLater = ({ pk, sk }: Plain) => fromLater.has(`${pk}\n${sk}`);
    answer.Responses![tableName] = [...items.filter((item) => !isLater(item)), ...laterItems.filter(isLater)];
  }
}
