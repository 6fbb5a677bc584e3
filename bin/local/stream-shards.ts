import {
  type _Record,
  DescribeStreamCommand,
  type DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
} from "@aws-sdk/client-dynamodb-streams";

export interface StreamShard {
  readonly id: string;
  readonly parentId: string | undefined;
}

export interface ShardPage {
  readonly records: readonly _Record[];
  /** The shard is closed and has been read to its end; its children go on. */
  readonly ended: boolean;
}

export interface ShardReader {
  /** The records behind those returned before, from the oldest there is. After an error it can be called again. */
  read(): Promise<ShardPage>;
}

/** AWS limit of GetRecords. */
const recordsPerReadMax = 1_000;

/** All shards that the stream still knows, in no particular order. */
export async function listShards(
  client: DynamoDBStreamsClient,
  streamArn: string,
): Promise<readonly StreamShard[]> {
  const shards: StreamShard[] = [];
  let after: string | undefined;
  do {
    const { StreamDescription: page } = await client.send(
      new DescribeStreamCommand({ StreamArn: streamArn, ExclusiveStartShardId: after }),
    );
    for (const { ShardId: id, ParentShardId: parentId } of page?.Shards ?? []) {
      if (id !== undefined) shards.push({ id, parentId });
    }
    after = page?.LastEvaluatedShardId;
  } while (after !== undefined);
  return shards;
}

/**
 * Those not begun whose parent has been read to its end, or has been forgotten by the stream: an item's records move
 * from a shard to one of its children, so only this keeps them in order.
 */
export function readableShards(
  shards: readonly StreamShard[],
  begun: ReadonlySet<string>,
  ended: ReadonlySet<string>,
): readonly StreamShard[] {
  const known = new Set(shards.map(({ id }) => id));
  return shards.filter(
    ({ id, parentId }) =>
      !begun.has(id) && (parentId === undefined || !known.has(parentId) || ended.has(parentId)),
  );
}

export function createShardReader(
  client: DynamoDBStreamsClient,
  streamArn: string,
  shardId: string,
): ShardReader {
  let iterator: string | undefined;
  let lastRead: string | undefined;

  const newIterator = async (): Promise<string | undefined> => {
    const { ShardIterator } = await client.send(
      new GetShardIteratorCommand({
        StreamArn: streamArn,
        ShardId: shardId,
        ...(lastRead === undefined
          ? { ShardIteratorType: "TRIM_HORIZON" }
          : { ShardIteratorType: "AFTER_SEQUENCE_NUMBER", SequenceNumber: lastRead }),
      }),
    );
    return ShardIterator;
  };

  return {
    async read() {
      try {
        iterator ??= await newIterator();
        const { Records: records = [], NextShardIterator } = await client.send(
          new GetRecordsCommand({ ShardIterator: iterator, Limit: recordsPerReadMax }),
        );
        iterator = NextShardIterator;
        lastRead = records.at(-1)?.dynamodb?.SequenceNumber ?? lastRead;
        return { records, ended: NextShardIterator === undefined };
      } catch (cause) {
        // An iterator lives 15 minutes (AWS), and none outlives the engine that gave it.
        iterator = undefined;
        // What came next has been forgotten meanwhile: go on with what there is.
        if (cause instanceof Error && cause.name === "TrimmedDataAccessException") lastRead = undefined;
        throw cause;
      }
    },
  };
}
