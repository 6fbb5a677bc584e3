import { DynamoDBStreamsClient } from "@aws-sdk/client-dynamodb-streams";
import {
  type StreamHandler,
  type StreamPump,
  type StreamPumpOptions,
  startStreamPump,
} from "../../bin/local/stream-pump.ts";
import { streamMapping } from "../../lambda/stream/stream-mapping.ts";
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
  if (table.streamArn === undefined) throw new Error("the table has no stream: startTable({ stream: true })");
  return startStreamPump({
    client: newStreamsClient(table.endpoint),
    streamArn: table.streamArn,
    mapping: streamMapping,
    handler,
    sleep: async () => {},
    warn: () => {},
    ...options,
  });
}

export function newStreamsClient(endpoint: string): DynamoDBStreamsClient {
  return new DynamoDBStreamsClient({
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
}
