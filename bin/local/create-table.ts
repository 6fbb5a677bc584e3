import { setTimeout as sleep } from "node:timers/promises";
import {
  CreateTableCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  type DynamoDBClient,
  DynamoDBServiceException,
  type TableDescription,
  UpdateTableCommand,
  UpdateTimeToLiveCommand,
} from "@aws-sdk/client-dynamodb";
import { tableDefinition } from "../../lambda/table/table-definition.ts";
import { describeCause, LocalFailure } from "./failure.ts";

const pollMilliseconds = 100;
/** AWS takes about ten seconds; the embedded engine none. */
const activeMillisecondsMax = 60_000;

export interface CreateTableOptions {
  /** Switches the deployed table's stream on, too, where the server has streams. */
  readonly stream?: boolean;
}

export interface CreatedTable {
  /** Where the stream was asked for and is there. */
  readonly streamArn: string | undefined;
}

/**
 * Creates the table where it does not exist yet, and resolves once it is ACTIVE with time to live switched on.
 * `endpoint` is only for messages. Throws a LocalFailure that names it when it cannot be reached, does not speak
 * DynamoDB, or has another table under this name.
 */
export async function createTable(
  client: DynamoDBClient,
  tableName: string,
  endpoint: string,
  options: CreateTableOptions = {},
): Promise<CreatedTable> {
  try {
    if ((await describeTable(client, tableName)) === undefined) await create(client, tableName);
    const table = await waitUntilActive(client, tableName);
    if (!hasOurKeys(table)) {
      throw new LocalFailure(
        `the table ${tableName} at ${endpoint} is not one of Rollcall's; name another in TABLE_NAME`,
      );
    }
    await enableTimeToLive(client, tableName);
    return { streamArn: options.stream ? await enableStream(client, tableName) : undefined };
  } catch (cause) {
    if (cause instanceof LocalFailure) throw cause;
    throw new LocalFailure(`cannot use the DynamoDB at ${endpoint}: ${explain(cause)}`, 1, { cause });
  }
}

async function describeTable(
  client: DynamoDBClient,
  tableName: string,
): Promise<TableDescription | undefined> {
  try {
    return (await client.send(new DescribeTableCommand({ TableName: tableName }))).Table;
  } catch (cause) {
    if (hasName(cause, "ResourceNotFoundException")) return undefined;
    throw cause;
  }
}

async function create(client: DynamoDBClient, tableName: string): Promise<void> {
  const { partitionKey, sortKey } = tableDefinition;
  try {
    await client.send(
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
  } catch (cause) {
    // Another server creates it at this moment.
    if (!hasName(cause, "ResourceInUseException")) throw cause;
  }
}

async function waitUntilActive(client: DynamoDBClient, tableName: string): Promise<TableDescription> {
  const deadline = Date.now() + activeMillisecondsMax;
  for (;;) {
    const table = await describeTable(client, tableName);
    if (table?.TableStatus === "ACTIVE" || table?.TableStatus === "UPDATING") return table;
    if (Date.now() > deadline) {
      throw new LocalFailure(
        `the table ${tableName} is still ${table?.TableStatus ?? "missing"} after a minute`,
      );
    }
    await sleep(pollMilliseconds);
  }
}

function hasOurKeys(table: TableDescription): boolean {
  const keys = (table.KeySchema ?? []).map((key) => `${key.KeyType} ${key.AttributeName}`);
  return keys.join() === `HASH ${tableDefinition.partitionKey},RANGE ${tableDefinition.sortKey}`;
}

/**
 * In a request of its own and not at the table's creation, so that a server without streams still gives a table. Undefined
 * where that is so.
 */
async function enableStream(client: DynamoDBClient, tableName: string): Promise<string | undefined> {
  const before = await describeTable(client, tableName);
  if (before?.StreamSpecification?.StreamEnabled) return before.LatestStreamArn;
  try {
    await client.send(
      new UpdateTableCommand({
        TableName: tableName,
        StreamSpecification: { StreamEnabled: true, StreamViewType: tableDefinition.streamView },
      }),
    );
  } catch (cause) {
    // Whatever a server without streams calls it; or another process has switched it on at this moment. No answer at all
    // is something else.
    if (!isRefusal(cause)) throw cause;
  }
  const after = await waitUntilActive(client, tableName);
  return after.StreamSpecification?.StreamEnabled ? after.LatestStreamArn : undefined;
}

async function enableTimeToLive(client: DynamoDBClient, tableName: string): Promise<void> {
  const { TimeToLiveDescription: current } = await client.send(
    new DescribeTimeToLiveCommand({ TableName: tableName }),
  );
  if (current?.TimeToLiveStatus === "ENABLED" || current?.TimeToLiveStatus === "ENABLING") return;
  await client.send(
    new UpdateTimeToLiveCommand({
      TableName: tableName,
      TimeToLiveSpecification: { AttributeName: tableDefinition.timeToLiveAttribute, Enabled: true },
    }),
  );
}

/** Answered with an error of the caller's, as DynamoDB answers what it does not take. */
function isRefusal(cause: unknown): boolean {
  return cause instanceof DynamoDBServiceException && cause.$fault === "client";
}

function hasName(cause: unknown, name: string): boolean {
  return cause instanceof Error && cause.name === name;
}

function explain(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  // Only a DynamoDB names its errors; a server of another kind answers what the client cannot parse.
  if (cause instanceof SyntaxError || cause.name === "UnknownError" || cause.name === "Error") {
    const code = "code" in cause ? cause.code : undefined;
    if (typeof code === "string") return `${code}; is it running?`;
    return `it does not answer like one (${describeCause(cause)})`;
  }
  if (cause.name === "TimeoutError") return "no answer; is it running?";
  return `${cause.name}: ${describeCause(cause)}`;
}
