import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import {
  DeleteItemCommand,
  DynamoDBClient,
  PutItemCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import {
  DescribeStreamCommand,
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
} from "@aws-sdk/client-dynamodb-streams";
import type { DynamoDBRecord, DynamoDBStreamEvent } from "aws-lambda";
import { mockClient } from "aws-sdk-client-mock";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { createTable } from "../../bin/local/create-table.ts";
import { startEmbeddedDynamoDb } from "../../bin/local/embedded-dynamodb.ts";
import { trimStreamRecords } from "../../bin/local/engine-stream.ts";
import { type StreamHandler, type StreamPump, startStreamPump } from "../../bin/local/stream-pump.ts";
import { readableShards } from "../../bin/local/stream-shards.ts";
import { propagationMapping, type StreamMapping } from "../../lambda/stream/stream-mapping.ts";
import { newStreamsClient, startPump } from "../support/stream.ts";
import { startTable, type TestTable } from "../support/table.ts";

/** Keeps the one engine of this file until its end. */
const keeper = await startTable({ stream: true });
afterAll(() => keeper.stop());

let table: TestTable;
const pumps: StreamPump[] = [];
beforeEach(async () => {
  table = await startTable({ stream: true });
});
afterEach(async () => {
  await Promise.all(pumps.splice(0).map((pump) => pump.stop()));
  await table.stop();
});

const ringing = "G#p1";

async function put(sk: string, value = 0, pk = ringing): Promise<void> {
  await table.client.send(
    new PutItemCommand({
      TableName: table.tableName,
      Item: { pk: { S: pk }, sk: { S: sk }, value: { N: String(value) } },
    }),
  );
}

async function putAll(sks: readonly string[]): Promise<void> {
  for (const sk of sks) await put(sk);
}

async function pumpTo(
  handler: StreamHandler,
  mapping: Partial<StreamMapping> = {},
  options: Parameters<typeof startPump>[2] = {},
): Promise<StreamPump> {
  const pump = await startPump(table, handler, {
    mapping: { ...propagationMapping, ...mapping },
    ...options,
  });
  pumps.push(pump);
  return pump;
}

/** Notes the sort keys of each batch, then answers what `answer` says. */
function noting(answer: (batch: readonly string[], event: DynamoDBStreamEvent) => unknown = () => undefined) {
  const batches: string[][] = [];
  const handler: StreamHandler = async (event) => {
    const batch = event.Records.map(sortKey);
    batches.push(batch);
    return answer(batch, event);
  };
  return { handler, batches };
}

const sortKey = (record: DynamoDBRecord): string => record.dynamodb?.Keys?.["sk"]?.S ?? "";
const sortKeysOf = (records: readonly DynamoDBRecord[]): string[] => records.map(sortKey);

/** The partial failure of the record with this sort key. */
function failing(event: DynamoDBStreamEvent, sk: string) {
  const record = event.Records.find((each) => sortKey(each) === sk);
  return { batchItemFailures: record ? [{ itemIdentifier: record.dynamodb?.SequenceNumber }] : [] };
}

const letters = ["a", "b", "c", "d", "e", "f", "g", "h"];

describe("what the function gets", () => {
  test("is what Lambda would hand over: images in JSON, keys, numbers, where it comes from", async () => {
    const key = { pk: { S: ringing }, sk: { S: "1" } };
    await table.client.send(
      new PutItemCommand({
        TableName: table.tableName,
        Item: { ...key, bytes: { B: Buffer.from("xyz") }, list: { L: [{ M: { on: { BOOL: true } } }] } },
      }),
    );
    await table.client.send(
      new UpdateItemCommand({
        TableName: table.tableName,
        Key: key,
        UpdateExpression: "REMOVE #list",
        ExpressionAttributeNames: { "#list": "list" },
      }),
    );
    await table.client.send(new DeleteItemCommand({ TableName: table.tableName, Key: key }));
    const events: DynamoDBStreamEvent[] = [];
    const pump = await pumpTo(async (event) => events.push(event));
    await pump.drain();

    const records = events.flatMap((event) => event.Records);
    expect(JSON.parse(JSON.stringify(records))).toEqual(records);
    const bytes = { B: Buffer.from("xyz").toString("base64") };
    const whole = { ...key, bytes, list: { L: [{ M: { on: { BOOL: true } } }] } };
    const shown = (eventName: string, images: object) => ({
      eventID: expect.any(String),
      eventName,
      eventVersion: "1.1",
      eventSource: "aws:dynamodb",
      eventSourceARN: table.streamArn,
      awsRegion: expect.any(String),
      dynamodb: {
        ApproximateCreationDateTime: expect.any(Number),
        Keys: key,
        SequenceNumber: expect.stringMatching(/^\d+$/),
        SizeBytes: expect.any(Number),
        StreamViewType: "NEW_AND_OLD_IMAGES",
        ...images,
      },
    });
    expect(records).toEqual([
      shown("INSERT", { NewImage: whole }),
      shown("MODIFY", { OldImage: whole, NewImage: { ...key, bytes } }),
      shown("REMOVE", { OldImage: { ...key, bytes } }),
    ]);
  });

  test("is what the mapping's filter lets through", async () => {
    await put("member", 0, "M#p1#0");
    await put("group", 0, "G#p1");
    await put("page", 0, "G#p1#g1");
    await put("roster", 0, "C#c1#ROSTER");
    const { handler, batches } = noting();
    await (await pumpTo(handler)).drain();
    expect(batches.flat()).toEqual(["group", "page"]);
  });

  test("comes in the order it was written, each once, in batches no larger than the mapping says", async () => {
    const { client, tableName } = table;
    for (let value = 0; value < 60; value++) {
      await Promise.all(["x", "y", "z"].map((sk) => put(sk, value)));
    }
    const values = new Map<string, number[]>();
    const sizes: number[] = [];
    const pump = await pumpTo(
      async ({ Records }) => {
        sizes.push(Records.length);
        for (const record of Records) {
          const value = Number(record.dynamodb?.NewImage?.["value"]?.N);
          values.set(sortKey(record), [...(values.get(sortKey(record)) ?? []), value]);
        }
      },
      { batchSize: 25 },
    );
    await pump.drain();
    await client.send(
      new PutItemCommand({
        TableName: tableName,
        Item: { pk: { S: ringing }, sk: { S: "x" }, value: { N: "60" } },
      }),
    );
    await pump.drain();

    const rising = Array.from({ length: 60 }, (_, value) => value);
    expect(Object.fromEntries(values)).toEqual({ x: [...rising, 60], y: rising, z: rising });
    expect(Math.max(...sizes)).toBe(25);
    expect(pump.parked).toEqual([]);
  });
});

describe("the batching window", () => {
  test("gathers records until it is over, or until they fill a batch", async () => {
    let now = Date.now();
    let readsLeft = 0;
    let haveRead = (): void => {};
    const reads = (count: number): Promise<void> =>
      new Promise((resolve) => {
        readsLeft = count;
        haveRead = resolve;
      });
    const client = newStreamsClient(table.endpoint);
    client.middlewareStack.add(
      (next, { commandName }) =>
        async (args) => {
          const result = await next(args);
          if (commandName === "GetRecordsCommand" && --readsLeft === 0) haveRead();
          return result;
        },
      { step: "initialize" },
    );
    const { handler, batches } = noting();
    const mapping = { batchingWindowSeconds: 60, batchSize: 3 };
    await pumpTo(handler, mapping, { client, clock: () => now });

    await putAll(["a", "b"]);
    await reads(3);
    expect(batches).toEqual([]);
    now += 60_000;
    await reads(3);
    expect(batches).toEqual([["a", "b"]]);

    await putAll(["c", "d", "e", "f"]);
    await reads(3);
    expect(batches).toEqual([
      ["a", "b"],
      ["c", "d", "e"],
    ]);
  });
});

describe("a batch that is not done", () => {
  test("is taken up again at the first failed record, and nothing before it comes twice", async () => {
    await putAll(letters);
    let failuresLeft = 2;
    const { handler, batches } = noting((_, event) => (failuresLeft-- > 0 ? failing(event, "c") : undefined));
    const pump = await pumpTo(handler);
    await pump.drain();
    expect(batches).toEqual([letters, letters.slice(2), letters.slice(2)]);
    expect(pump.parked).toEqual([]);
  });

  test("is taken up at the lowest of several failures", async () => {
    await putAll(letters);
    let calls = 0;
    const { handler, batches } = noting((_, event) => {
      if (calls++ > 0) return undefined;
      const [, , , d, , , g] = event.Records.map(({ dynamodb }) => dynamodb?.SequenceNumber);
      return { batchItemFailures: [{ itemIdentifier: g }, { itemIdentifier: d }] };
    });
    await (await pumpTo(handler)).drain();
    expect(batches).toEqual([letters, letters.slice(3)]);
  });

  test("is split in two when the function throws, until the bad record is alone and parked; the rest goes on", async () => {
    await putAll(letters);
    const { handler, batches } = noting((batch) => {
      if (batch.includes("f")) throw new Error("not this one");
    });
    const pump = await pumpTo(handler, { retryAttempts: 3 });
    await pump.drain();
    await put("i");
    await pump.drain();

    const done = batches.filter((batch) => !batch.includes("f")).flat();
    expect(done).toEqual(["a", "b", "c", "d", "e", "g", "h", "i"]);
    // A split is no retry: alone it had its first attempt within a split, and three retries.
    expect(batches.filter((batch) => batch.join() === "f")).toHaveLength(4);
    expect(pump.parked).toHaveLength(1);
    expect(pump.parked[0]).toMatchObject({
      condition: "RetryAttemptsExhausted",
      cause: new Error("not this one"),
    });
    expect(sortKeysOf(pump.parked[0]!.records)).toEqual(["f"]);
  });

  test("is given up as a whole when the first record is only ever reported, never thrown for", async () => {
    await putAll(["a", "b", "c"]);
    const { handler, batches } = noting((_, event) => failing(event, "b"));
    const pump = await pumpTo(handler, { retryAttempts: 2 });
    await pump.drain();
    expect(batches).toEqual([
      ["a", "b", "c"],
      ["b", "c"],
      ["b", "c"],
    ]);
    expect(pump.parked.map(({ records }) => sortKeysOf(records))).toEqual([["b", "c"]]);
  });

  test.each([
    ["an unknown record", { batchItemFailures: [{ itemIdentifier: "no such number" }] }],
    ["an empty one", { batchItemFailures: [{ itemIdentifier: "" }] }],
    ["none", { batchItemFailures: [{}] }],
  ])("counts as failed as a whole when the failure names %s", async (_, answer) => {
    await putAll(["a", "b"]);
    let calls = 0;
    const { handler, batches } = noting(() => (calls++ === 0 ? answer : { batchItemFailures: [] }));
    await (await pumpTo(handler)).drain();
    expect(batches).toEqual([["a", "b"], ["a"], ["b"]]);
  });

  test("waits before each retry, longer each time up to a limit", async () => {
    await put("a");
    const waits: number[] = [];
    const { handler } = noting(() => {
      throw new Error("never");
    });
    const sleep = async (milliseconds: number): Promise<void> => {
      waits.push(milliseconds);
    };
    await (await pumpTo(handler, { retryAttempts: 7 }, { sleep })).drain();
    expect(waits).toEqual([50, 100, 200, 400, 800, 1_000, 1_000]);
  });

  test("is parked untried when its records are too old", async () => {
    await putAll(["a", "b"]);
    const { handler, batches } = noting();
    const clock = (): number => Date.now() + (propagationMapping.recordAgeSecondsMax + 60) * 1_000;
    const pump = await pumpTo(handler, {}, { clock });
    await pump.drain();
    expect(batches).toEqual([]);
    expect(pump.parked).toMatchObject([{ condition: "RecordAgeExceeded" }]);
    expect(sortKeysOf(pump.parked[0]!.records)).toEqual(["a", "b"]);
  });

  test("that is parked says so in one line, without what the records hold", async () => {
    await put("secret-name");
    const lines: string[] = [];
    const { handler } = noting(() => {
      throw new Error("out of order");
    });
    await (await pumpTo(handler, { retryAttempts: 0 }, { warn: (line) => lines.push(line) })).drain();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(
      /^rollcall: gave up 1 stream records of shardId-\S+ from 1 on .*: out of order$/,
    );
    expect(lines[0]).not.toContain("secret-name");
  });
});

describe("drain", () => {
  test("resolves where there is nothing to do", async () => {
    const { handler, batches } = noting();
    await (await pumpTo(handler)).drain();
    expect(batches).toEqual([]);
  });

  test("waits for what the handling writes in turn", async () => {
    await put("1");
    const { handler, batches } = noting(async (batch) => {
      const last = Number(batch.at(-1));
      if (last < 5) await put(String(last + 1));
    });
    await (await pumpTo(handler)).drain();
    expect(batches.flat()).toEqual(["1", "2", "3", "4", "5"]);
  });

  test("gets an answer also when the pump is stopped meanwhile", async () => {
    await put("a");
    let handling = (): void => {};
    const begun = new Promise<void>((resolve) => {
      handling = resolve;
    });
    const pump = await pumpTo(
      async () => {
        handling();
        throw new Error("again");
      },
      { retryAttempts: 1_000_000 },
    );
    const drained = pump.drain().catch((cause: Error) => cause.message);
    await begun;
    await pump.stop();
    expect(await drained).toBe("the stream pump was stopped");
    await expect(pump.drain()).rejects.toThrow("stopped");
  });
});

describe("start and stop", () => {
  test("a new pump begins with the oldest record again", async () => {
    await putAll(["a", "b"]);
    const first = noting();
    const pump = await pumpTo(first.handler);
    await pump.drain();
    await pump.stop();
    await put("c");
    const second = noting();
    await (await pumpTo(second.handler)).drain();
    expect(first.batches.flat()).toEqual(["a", "b"]);
    expect(second.batches.flat()).toEqual(["a", "b", "c"]);
  });

  test("stop lets the function finish, hands over what was read, and reads no more", async () => {
    await putAll(["a", "b", "c", "d"]);
    let finish = (): void => {};
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    let begin = (): void => {};
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const { handler, batches } = noting(async () => {
      begin();
      await finished;
    });
    const pump = await pumpTo(handler, { batchSize: 2 });
    const drained = pump.drain().catch(() => "stopped");
    await begun;
    await put("e");
    const stopped = pump.stop();
    expect(batches).toEqual([["a", "b"]]);
    finish();
    await stopped;
    expect(await drained).toBe("stopped");
    expect(batches).toEqual([
      ["a", "b"],
      ["c", "d"],
    ]);
  });

  test("what a stop cuts off is not taken for done", async () => {
    await putAll(["a", "b", "c", "d"]);
    let stopping: Promise<void> | undefined;
    const { handler, batches } = noting((batch) => {
      if (!batch.includes("c")) return;
      stopping = pump.stop();
      throw new Error("again");
    });
    const pump = await pumpTo(handler, { batchSize: 2 });
    await pump.drain().catch(() => {});
    await stopping;
    expect(batches.slice(0, 2)).toEqual([
      ["a", "b"],
      ["c", "d"],
    ]);
    expect([...pump.positions.values()]).toEqual(["2"]);
    expect(pump.parked).toEqual([]);
  });
});

describe("trouble with the stream", () => {
  test("is waited out, and an iterator that has expired is replaced", async () => {
    const client = newStreamsClient(table.endpoint);
    const troubles = [
      Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" }),
      Object.assign(new Error("expired"), { name: "ExpiredIteratorException", $fault: "client" }),
    ];
    client.middlewareStack.add(
      (next, { commandName }) =>
        async (args) => {
          const trouble = commandName === "GetRecordsCommand" ? troubles.pop() : undefined;
          if (trouble !== undefined) throw trouble;
          return next(args);
        },
      { step: "initialize" },
    );
    await putAll(["a", "b"]);
    const { handler, batches } = noting();
    const pump = await pumpTo(handler, {}, { client });
    await pump.drain();
    expect(batches).toEqual([["a", "b"]]);
    expect(troubles).toEqual([]);
  });

  test("at the start is an error", async () => {
    const starting = startStreamPump({
      client: newStreamsClient(table.endpoint),
      streamArn: "arn:aws:dynamodb:us-east-1:000000000000:table/missing/stream/2026-01-01T00:00:00.000",
      mapping: propagationMapping,
      handler: async () => {},
    });
    await expect(starting).rejects.toThrow();
  });
});

describe("shards", () => {
  const parent = { id: "parent", parentId: "forgotten" };
  const child = { id: "child", parentId: "parent" };

  test("are read parents before children; a parent that the stream has forgotten holds up nobody", () => {
    const shards = [child, parent];
    expect(readableShards(shards, new Set(), new Set())).toEqual([parent]);
    expect(readableShards(shards, new Set(["parent"]), new Set())).toEqual([]);
    expect(readableShards(shards, new Set(["parent"]), new Set(["parent"]))).toEqual([child]);
    expect(readableShards([child], new Set(), new Set())).toEqual([child]);
  });

  test("that close are followed into their child, which may show up later", async () => {
    const client = new DynamoDBStreamsClient({ region: "us-east-1" });
    const stream = mockClient(client);
    const record = (sk: string, SequenceNumber: string) => ({
      dynamodb: { Keys: { pk: { S: ringing }, sk: { S: sk } }, SequenceNumber },
    });
    const listed = (...shards: (typeof child)[]) => ({
      StreamDescription: {
        Shards: shards.map(({ id, parentId }) => ({ ShardId: id, ParentShardId: parentId })),
      },
    });
    stream
      .on(DescribeStreamCommand)
      .resolvesOnce(listed(parent))
      .resolvesOnce(listed(parent))
      .resolves(listed(parent, child));
    stream.on(GetShardIteratorCommand, { ShardId: "parent" }).resolves({ ShardIterator: "parent 1" });
    stream.on(GetShardIteratorCommand, { ShardId: "child" }).resolves({ ShardIterator: "child 1" });
    stream
      .on(GetRecordsCommand, { ShardIterator: "parent 1" })
      .resolves({ Records: [record("a", "1")], NextShardIterator: "parent 2" })
      .on(GetRecordsCommand, { ShardIterator: "parent 2" })
      .resolves({ Records: [record("b", "2")] })
      .on(GetRecordsCommand, { ShardIterator: "child 1" })
      .resolves({ Records: [record("c", "3")], NextShardIterator: "child 2" })
      .on(GetRecordsCommand, { ShardIterator: "child 2" })
      .resolves({ Records: [], NextShardIterator: "child 2" });

    const seen: string[] = [];
    let sawChild = (): void => {};
    const childSeen = new Promise<void>((resolve) => {
      sawChild = resolve;
    });
    const pump = await startStreamPump({
      client,
      streamArn: "arn",
      mapping: { ...propagationMapping, batchingWindowSeconds: 0 },
      handler: async (event) => {
        seen.push(...event.Records.map(sortKey));
        if (seen.includes("c")) sawChild();
      },
    });
    pumps.push(pump);
    await childSeen;
    await pump.drain();
    expect(seen).toEqual(["a", "b", "c"]);
    expect(pump.positions).toEqual(
      new Map([
        ["parent", "2"],
        ["child", "3"],
      ]),
    );
  });
});

describe("the embedded engine's stream", () => {
  test("has an index for the search that every write makes, and is trimmed without counting anew", async () => {
    const directory = mkdtempSync(join(tmpdir(), "rollcall-"));
    const databasePath = join(directory, "rollcall.db");
    const tableName = "rollcall";

    /** Starts engine and pump, puts one item, and stops all of it in order. */
    const session = async (sk: string): Promise<{ seen: string[]; position: string | undefined }> => {
      const engine = await startEmbeddedDynamoDb({ databasePath, stream: true });
      const client = new DynamoDBClient({
        endpoint: engine.endpoint,
        region: "us-east-1",
        credentials: { accessKeyId: "local", secretAccessKey: "local" },
      });
      const { streamArn } = await createTable(client, tableName, engine.endpoint, { stream: true });
      await client.send(
        new PutItemCommand({ TableName: tableName, Item: { pk: { S: ringing }, sk: { S: sk } } }),
      );
      const { handler, batches } = noting();
      const pump = await startStreamPump({
        client: newStreamsClient(engine.endpoint),
        streamArn: streamArn!,
        mapping: propagationMapping,
        handler,
      });
      await pump.drain();
      await pump.stop();
      await engine.stop();
      client.destroy();
      trimStreamRecords(databasePath, pump.positions);
      return { seen: batches.flat(), position: [...pump.positions.values()][0] };
    };

    try {
      expect(await session("a")).toEqual({ seen: ["a"], position: "1" });
      expect(await session("b")).toEqual({ seen: ["a", "b"], position: "2" });
      // The engine counts on from the one record that is kept.
      expect(await session("c")).toEqual({ seen: ["b", "c"], position: "3" });

      const database = new DatabaseSync(databasePath, { readOnly: true });
      const plan = database
        .prepare(
          "EXPLAIN QUERY PLAN SELECT COALESCE(MAX(CAST(sequence_number AS INTEGER)), 0) + 1 FROM _stream_records WHERE table_name = 'x'",
        )
        .all();
      database.close();
      expect(plan.map(({ detail }) => detail)).toEqual([
        expect.stringMatching(/^SEARCH _stream_records USING COVERING INDEX rollcall_stream_order/),
      ]);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
