/** Clients that fare as on a busy table: calls take their time, meet other transactions, are throttled, lose answers. */

import type { DynamoDBClient, DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";
import type { SeededRandom } from "../support/seeded-random.ts";

export interface Disturbance {
  /** Decides everything below. */
  readonly random: SeededRandom;
  /** Milliseconds a call may be held up before it takes effect, and again after: at most. */
  readonly delayMax?: number;
  /** Share of write calls refused because another transaction is under way on an item; of snapshots, likewise. */
  readonly conflicts?: number;
  /** Share of calls throttled, in each way DynamoDB has. */
  readonly throttled?: number;
  /** Share of calls that take effect and lose their answer. */
  readonly lostAnswers?: number;
  /** Counts what was done. */
  readonly onDisturbed?: (kind: "conflict" | "throttled" | "partial" | "lost") => void;
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
    async refreshRetryTokenForRetry(token: { getRetryCount(): number }, { errorType }: { errorType: string }) {
      const retries = token.getRetryCount() + 1;
      if (errorType === "CLIENT_ERROR" || retries >= attemptsMax) throw new Error("no more attempts");
      return tokenAfter(retries);
    },
    recordSuccess() {},
  };
}

/** Works below the SDK's retries, where real networks and DynamoDB itself do. */
export function disturb(client: DynamoDBClient, disturbance: Disturbance): void {
  const { random, delayMax = 0, conflicts = 0, throttled = 0, lostAnswers = 0 } = disturbance;
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
        keepSomeBack(args.input, result.output, random);
      }
      await pause();
      if (random.next() < lostAnswers) {
        told("lost");
        throw Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET", errno: -104, syscall: "read" });
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

/** A BatchGetItem that was served in part: some of what was asked for comes back as UnprocessedKeys. */
function keepSomeBack(input: object, output: object, random: SeededRandom): void {
  const [[tableName, { Keys: keys, ...rest }]] = Object.entries(
    (input as { RequestItems: Record<string, { Keys: { pk: unknown; sk: unknown }[] }> }).RequestItems,
  ) as [[string, { Keys: { pk: unknown; sk: unknown }[] }]];
  const keptBack = keys.filter(() => random.next() < 0.5);
  if (keptBack.length === 0) return;
  const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
  const answer = output as {
    Responses: Record<string, { pk: unknown; sk: unknown }[]>;
    UnprocessedKeys: Record<string, unknown>;
  };
  answer.Responses[tableName] = (answer.Responses[tableName] ?? []).filter(
    ({ pk, sk }) => !keptBack.some((key) => same(key.pk, pk) && same(key.sk, sk)),
  );
  answer.UnprocessedKeys = { [tableName]: { ...rest, Keys: keptBack } };
}
