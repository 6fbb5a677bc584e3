import { DynamoDBStreamsClient } from "@aws-sdk/client-dynamodb-streams";
import {
  type StreamHandler,
  type StreamPump,
  type StreamPumpOptions,
  startStreamPump,
} from "../../bin/local/stream-pump.ts";
import { startStreamPumps } from "../../bin/local/stream-pumps.ts";
import type { Publish } from "../../lambda/domain/event.ts";
import { createActivityHandler } from "../../lambda/handlers/activity.ts";
import { createPropagationHandler } from "../../lambda/handlers/propagation.ts";
import { createRuntime } from "../../lambda/runtime/runtime.ts";
import { activityMapping, propagationMapping } from "../../lambda/stream/stream-mapping.ts";
import type { TestTable } from "./table.ts";

/**
 * Carries the stream of a table (`startTable({ stream: true })`) to a handler, as deployed but without waiting before
 * retries. Stop it before its table.
 */
export async function startPump(
  table: TestTable,
  handler: StreamHandler,
  options: Partial<StreamPumpOptions> = {},
): Promise<StreamPump> {
  return startStreamPump({ ...pumping(table), mapping: propagationMapping, handler, ...options });
}

/**
 * Carries the stream of a table to all the handlers there are, as deployed. `clock`: of the handlers, epoch milliseconds;
 * `publish`: takes what they publish; `before`: is waited for before each invocation.
 */
export async function startPumps(
  table: TestTable,
  {
    before = async () => {},
    ...options
  }: {
    readonly clock?: () => number;
    readonly publish?: Publish;
    readonly before?: () => Promise<void>;
  } = {},
): Promise<StreamPump> {
  const { client, tableName } = table;
  const runtime = createRuntime({ client, tableName, sleep: async () => {}, ...options });
  const waiting =
    (handler: StreamHandler): StreamHandler =>
    async (event, context) => {
      await before();
      return handler(event, context);
    };
  return startStreamPumps(pumping(table), [
    { mapping: propagationMapping, handler: waiting(createPropagationHandler(runtime)) },
    { mapping: activityMapping, handler: waiting(createActivityHandler(runtime)) },
  ]);
}

function pumping({ endpoint, streamArn }: TestTable) {
  if (streamArn === undefined) throw new Error("the table has no stream: startTable({ stream: true })");
  return { client: newStreamsClient(endpoint), streamArn, sleep: async () => {}, warn: () => {} };
}

export function newStreamsClient(endpoint: string): DynamoDBStreamsClient {
  return new DynamoDBStreamsClient({
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
}
