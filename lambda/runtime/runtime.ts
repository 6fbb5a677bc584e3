/** The composition root: what use cases need, made once per execution environment, on first use. */

import { randomBytes as cryptoRandomBytes, randomUUID } from "node:crypto";
import { setTimeout as sleepFor } from "node:timers/promises";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import { type Context, providerActor } from "../domain/context.ts";
import type { Publish } from "../domain/event.ts";
import { createBackoff } from "../table/retry.ts";
import { createStore } from "../table/store.ts";
import { tableNameVariable } from "../table/table-definition.ts";
import { createLog, type Log } from "./log.ts";

export interface Runtime {
  readonly context: Context;
  readonly log: Log;
}

export interface RuntimeOptions {
  readonly client: DynamoDBClient;
  readonly tableName: string;
  /** Epoch milliseconds. */
  readonly clock?: () => number;
  readonly random?: (bytes: number) => Buffer;
  readonly sleep?: (milliseconds: number) => Promise<void>;
  readonly log?: Log;
  /** Default: nothing is published. */
  readonly publish?: Publish;
}

export function createRuntime(options: RuntimeOptions): Runtime {
  const {
    client,
    tableName,
    clock = Date.now,
    random: randomBytes = cryptoRandomBytes,
    sleep = (milliseconds) => sleepFor(milliseconds),
    log = createLog(),
    publish = async () => [],
  } = options;
  const random = () => randomBytes(4).readUInt32BE() / 2 ** 32;
  const backoff = createBackoff(sleep, random);
  const documents = DynamoDBDocumentClient.from(client, {
    marshallOptions: { removeUndefinedValues: true },
    // Roster chunks have up to 37 digits: a double would lose some.
    unmarshallOptions: { wrapNumbers: exactNumber },
  });
  const store = createStore({ client: documents, tableName, backoff, newToken: () => randomUUID() });
  return {
    context: {
      store,
      clock,
      randomBytes,
      spread: spreading(random()),
      backoff,
      actor: providerActor,
      warn: (message, cause) => log.warn(message, cause),
      quotaNearlyUsed: (use) => log.quotaNearlyUsed(use),
      publish,
    },
    log,
  };
}

/** Multiples of the golden ratio, modulo 1, from a random start: any few in a row lie about evenly in [0, 1). */
function spreading(start: number): () => number {
  let last = start;
  return () => {
    last = (last + (Math.sqrt(5) - 1) / 2) % 1;
    return last;
  };
}

const environment = z.object({ [tableNameVariable]: z.string().min(1) });

let shared: Runtime | undefined;

/** The runtime of a deployed function, from its environment. */
export function runtimeFromEnvironment(): Runtime {
  shared ??= createRuntime({
    client: new DynamoDBClient({
      // One call gives up after some nine seconds, so that the client gets a 503 rather than the function's end at 25 s.
      maxAttempts: 3,
      requestHandler: { connectionTimeout: 1_000, requestTimeout: 3_000, throwOnRequestTimeout: true },
    }),
    tableName: environment.parse(process.env)[tableNameVariable]!,
  });
  return shared;
}

function exactNumber(text: string): number | bigint {
  const number = Number(text);
  return Number.isSafeInteger(number) || !Number.isInteger(number) ? number : BigInt(text);
}
