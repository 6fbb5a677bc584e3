import { randomUUID } from "node:crypto";
import { DynamoDBClient, type DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";
import { createTable } from "../../bin/local/create-table.ts";
import { type EmbeddedDynamoDb, startEmbeddedDynamoDb } from "../../bin/local/embedded-dynamodb.ts";

export interface TestTable {
  /** For one user of the table; those that count, fail or crash need one of their own: `newClient`. */
  readonly client: DynamoDBClient;
  readonly endpoint: string;
  readonly tableName: string;
  newClient(overrides?: DynamoDBClientConfig): DynamoDBClient;
  stop(): Promise<void>;
}

/** One engine per test file; vitest gives each file its own module instance. */
let engine: Promise<EmbeddedDynamoDb> | undefined;
let tablesOpen = 0;

/** A fresh, empty table on an embedded DynamoDB in memory. The engine ends with the last table of the test file. */
export async function startTable(): Promise<TestTable> {
  tablesOpen++;
  engine ??= startEmbeddedDynamoDb();
  const { endpoint } = await engine;
  const tableName = `rollcall-${randomUUID()}`;
  const clients: DynamoDBClient[] = [];

  const newClient = (overrides?: DynamoDBClientConfig): DynamoDBClient => {
    const client = new DynamoDBClient({
      endpoint,
      region: "us-east-1",
      credentials: { accessKeyId: "local", secretAccessKey: "local" },
      ...overrides,
    });
    clients.push(client);
    return client;
  };
  const client = newClient();
  await createTable(client, tableName, endpoint);

  let stopped = false;
  return {
    client,
    endpoint,
    tableName,
    newClient,
    async stop() {
      if (stopped) return;
      stopped = true;
      for (const opened of clients) opened.destroy();
      tablesOpen--;
      if (tablesOpen > 0) return;
      const ending = engine;
      engine = undefined;
      await (await ending)?.stop();
    },
  };
}
