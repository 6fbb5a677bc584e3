import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";

export interface Tally {
  /** Command names without their `Command`, in the order the calls began. */
  readonly commands: readonly string[];
  /** Sequential round trips, where calls that are under way together all take as long. */
  readonly trips: number;
  /** Capacity units as DynamoDB reports them (`ReturnConsumedCapacity`). */
  readonly readCapacity: number;
  readonly writeCapacity: number;
}

export interface CallCounter {
  /** What was called since the start or the last `reset`. */
  tally(): Tally;
  reset(): void;
  /** What `operation` alone calls; nothing else may use the client meanwhile. */
  measure<T>(operation: () => Promise<T>): Promise<{ readonly result: T; readonly tally: Tally }>;
}

interface Capacity {
  readonly CapacityUnits?: number;
}

const readingCommands: ReadonlySet<string> = new Set([
  "GetItem",
  "BatchGetItem",
  "Query",
  "Scan",
  "TransactGetItems",
]);

/** Calls that are under way together. Their answers are given out together, too, so that no chance counts as a trip. */
interface Wave {
  calls: number;
  readonly over: Promise<void>;
  readonly end: () => void;
}

function newWave(): Wave {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { calls: 0, over: promise, end: resolve };
}

/** Counts what goes through a client, and makes every command ask for its consumed capacity. */
export function countCalls(client: DynamoDBClient): CallCounter {
  let commands: string[] = [];
  let wave = newWave();
  let trips = 0;
  let readCapacity = 0;
  let writeCapacity = 0;

  client.middlewareStack.add(
    (next, context) => async (args) => {
      const command = String(context.commandName ?? "unknown").replace(/Command$/, "");
      const own = wave;
      if (own.calls++ === 0) trips++;
      commands.push(command);
      try {
        const result = await next({ ...args, input: { ...args.input, ReturnConsumedCapacity: "TOTAL" } });
        for (const capacity of consumedCapacity(result.output)) {
          // One figure, which is read or write by the command's nature.
          const units = capacity.CapacityUnits ?? 0;
          if (readingCommands.has(command)) readCapacity += units;
          else writeCapacity += units;
        }
        return result;
      } finally {
        if (--own.calls === 0) {
          if (wave === own) wave = newWave();
          own.end();
        }
        await own.over;
      }
    },
    { step: "initialize", name: "countCalls" },
  );

  const tally = (): Tally => ({
    commands: [...commands],
    trips,
    readCapacity,
    writeCapacity,
  });
  const reset = (): void => {
    commands = [];
    wave = newWave();
    trips = 0;
    readCapacity = 0;
    writeCapacity = 0;
  };
  return {
    tally,
    reset,
    async measure(operation) {
      reset();
      const result = await operation();
      return { result, tally: tally() };
    },
  };
}

/** One for each table of a command; single-table commands give it bare. */
function consumedCapacity(output: object): Capacity[] {
  const reported = (output as { ConsumedCapacity?: Capacity | Capacity[] }).ConsumedCapacity;
  if (reported === undefined) return [];
  return Array.isArray(reported) ? reported : [reported];
}
