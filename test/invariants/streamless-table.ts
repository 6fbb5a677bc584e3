import { CreateTableCommand } from "@aws-sdk/client-dynamodb";
import { tableDefinition } from "../../lambda/table/table-definition.ts";
import { startTable, type TestTable } from "../support/table.ts";

/**
 * A table like ours but for the stream. Each write to a table with a stream takes the embedded engine longer than the one
 * before (measured on dynoxide 1.2.1: a transaction of five puts 3 ms at first, 10 ms after some 5,000 records, and so
 * on), and here tens of thousands are written. Nothing under test reads the stream.
 */
export async function startStreamlessTable(): Promise<TestTable> {
  const table = await startTable();
  const tableName = `${table.tableName}-streamless`;
  const { partitionKey, sortKey } = tableDefinition;
  await table.client.send(
    new CreateTableCommand({
      TableName: tableName,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [
        { AttributeName: partitionKey, AttributeType: "S" },
        { AttributeName: sortKey, AttributeType: "S" },
      ],
      KeySchema: [
        { AttributeName: partitionKey, KeyType: "HASH" },
        { AttributeName: sortKey, KeyType: "RANGE" },
      ],
    }),
  );
  return { ...table, tableName };
}
