import { randomUUID } from "node:crypto";
import type { DynamoDBClient, DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";
import { createTable } from "../../bin/local/create-table.ts";
import { type EmbeddedDynamoDb, startEmbeddedDynamoDb } from "../../bin/local/embedded-dynamodb.ts";
import { newEngineClient } from "./engine-client.ts";

export interface TableOptions {
  /** With the deployed table's stream. Default: without. */
  readonly stream?: boolean;
}

export interface TestTable {
  /** For one user of the table; those that count, fail or crash need one of their own: `newClient`. */
  readonly client: DynamoDBClient;
  readonly endpoint: string;
  readonly tableName: string;
  /** Undefined unless it was asked for. */
  readonly streamArn: string | undefined;
  newClient(overrides?: DynamoDBClientConfig): DynamoDBClient;
  stop(): Promise<void>;
}

/** One engine of a kind; it ends with the last table, and so with the test file, though files share a process. */
const engines = new Map<boolean, Promise<EmbeddedDynamoDb>>();
let tablesOpen = 0;

/** A fresh, empty table on an embedded DynamoDB. The engine ends with the last table of the test file. */
export async function startTable({ stream = false }: TableOptions = {}): Promise<TestTable> {
  tablesOpen++;
  const engine = engines.get(stream) ?? startEmbeddedDynamoDb({ stream });
  engines.set(stream, engine);
  const { endpoint } = await engine;
  const tableName = `rollcall-${randomUUID()}`;
  const clients: DynamoDBClient[] = [];

  const newClient = (overrides?: DynamoDBClientConfig): DynamoDBClient => {
    const client = newEngineClient(endpoint, overrides);
    clients.push(client);
    return client;
  };
  const client = newClient();
  const { streamArn } = await createTable(client, tableName, endpoint, { stream });

  let stopped = false;
  return {
    client,
    endpoint,
    tableName,
    streamArn,
    newClient,
    async stop() {
      if (stopped) return;
      stopped = true;
      for (const opened of clients) opened.destroy();
      tablesOpen--;
      if (tablesOpen > 0) return;
      const ending = [...engines.values()];
      engines.clear();
      for (const each of ending) await (await each).stop();
    },
  };
}
