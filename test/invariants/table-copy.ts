/** Puts a small table back to what it was: many times faster than making the same state anew through the API. */

import { BatchWriteItemCommand, type WriteRequest } from "@aws-sdk/client-dynamodb";
import type { TestTable } from "../support/table.ts";
import { type RawItem, scanTable } from "./check-table.ts";

/** BatchWriteItem takes 25 (AWS quota). */
const writesPerBatchMax = 25;

export async function emptyTable(table: TestTable): Promise<void> {
  const items = await scanTable(table.client, table.tableName);
  await write(
    table,
    items.map(({ pk, sk }) => ({ DeleteRequest: { Key: { pk: pk!, sk: sk! } } })),
  );
}

export async function fillTable(table: TestTable, items: readonly RawItem[]): Promise<void> {
  await write(
    table,
    items.map((item) => ({ PutRequest: { Item: { ...item } } })),
  );
}

async function write({ client, tableName }: TestTable, requests: readonly WriteRequest[]): Promise<void> {
  const batches: (readonly WriteRequest[])[] = [];
  for (let start = 0; start < requests.length; start += writesPerBatchMax) {
    batches.push(requests.slice(start, start + writesPerBatchMax));
  }
  await Promise.all(
    batches.map(async (batch) => {
      let pending: Record<string, WriteRequest[]> | undefined = { [tableName]: [...batch] };
      while (pending && Object.keys(pending).length > 0) {
        pending = (await client.send(new BatchWriteItemCommand({ RequestItems: pending }))).UnprocessedItems;
      }
    }),
  );
}
