import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { BatchGetCommand, DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { mockClient } from "aws-sdk-client-mock";
import "aws-sdk-client-mock-vitest/extend";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { unavailable } from "../../lambda/domain/refusals.ts";
import { createPropagationHandler } from "../../lambda/handlers/propagation.ts";
import { type BatchRecord, createLog, type Log } from "../../lambda/runtime/log.ts";
import { createRuntime } from "../../lambda/runtime/runtime.ts";
import {
  type Carry,
  carrying,
  carryMillisecondsReserve,
  resourcesAtOnceMax,
} from "../../lambda/stream/carrying.ts";
import { streamFunction } from "../../lambda/stream/stream-function.ts";
import type { Key } from "../../lambda/table/keys.ts";
import { requestId } from "./event.ts";
import { now, tableName } from "./stored.ts";
import { streamContext, streamEventOf } from "./stream-event.ts";

const table = mockClient(DynamoDBDocumentClient);

const logged: { batches: BatchRecord[]; failures: [sequenceNumber: string, cause: unknown][] } = {
  batches: [],
  failures: [],
};
const log: Log = {
  request: () => {},
  failure: () => {},
  warn: () => {},
  quotaNearlyUsed: () => {},
  batch: (record) => logged.batches.push(record),
  carryFailure: (sequenceNumber, cause) => logged.failures.push([sequenceNumber, cause]),
};
beforeEach(() => {
  table.reset();
  logged.batches.length = 0;
  logged.failures.length = 0;
});

const runtime = createRuntime({
  client: new DynamoDBClient({ region: "us-east-1" }),
  tableName,
  clock: () => now,
  sleep: async () => {},
  log,
});

/** An item of the partition with this name. */
/** Of one group each. */
const item = (partition: string, sk: string): Key => ({ pk: `G#project#${partition}`, sk });
const done = { batchItemFailures: [] };
const failedAt = (sequenceNumber: string) => ({ batchItemFailures: [{ itemIdentifier: sequenceNumber }] });

describe("the deployed function", () => {
  const handler = createPropagationHandler(runtime);

  test("is done at once with an item that nothing is derived from", async () => {
    const unknown = { pk: "X#unknown", sk: "1" };
    expect(await handler(streamEventOf(unknown), streamContext())).toEqual(done);
    expect(table).not.toHaveReceivedAnyCommand();
  });
});

/** The frame around a use case that this test makes up. */
function functionCarrying(carry: Carry) {
  return streamFunction({ functionName: "propagation", runtime: () => runtime, work: carrying(carry) });
}

/** Notes the keys in the order they were begun; `fail` says for which of them to throw. */
function noting(fail: (key: Key) => boolean = () => false) {
  const carried: string[] = [];
  const handler = functionCarrying(async (_, key) => {
    if (fail(key)) throw new Error("not carried");
    carried.push(key.sk);
  });
  return { handler, carried };
}

describe("a batch", () => {
  test("is reduced to its distinct items, in order of first appearance", async () => {
    const { handler, carried } = noting();
    const event = streamEventOf(
      item("p", "b"),
      item("p", "a"),
      item("p", "b"),
      item("p", "c"),
      item("p", "a"),
    );
    expect(await handler(event, streamContext())).toEqual(done);
    expect(carried).toEqual(["b", "a", "c"]);
  });

  test("of nothing is done", async () => {
    expect(await noting().handler({ Records: [] }, streamContext())).toEqual(done);
  });

  test("hands over keys and nothing else", async () => {
    const keys: Key[] = [];
    const handler = functionCarrying(async (_, key) => {
      keys.push(key);
    });
    await handler(streamEventOf(item("p", "a")), streamContext());
    expect(keys).toEqual([item("p", "a")]);
  });

  test("works on several partitions at once, never on two items of one", async () => {
    const running = new Map<string, number>();
    let most = 0;
    const handler = functionCarrying(async (_, { pk }) => {
      running.set(pk, (running.get(pk) ?? 0) + 1);
      expect(running.get(pk)).toBe(1);
      most = Math.max(most, running.size);
      await new Promise((resolve) => setImmediate(resolve));
      running.delete(pk);
    });
    const partitions = Array.from({ length: resourcesAtOnceMax + 3 }, (_, index) => `p${index}`);
    const keys = ["a", "b"].flatMap((sk) => partitions.map((partition) => item(partition, sk)));
    expect(await handler(streamEventOf(...keys), streamContext())).toEqual(done);
    expect(most).toBe(resourcesAtOnceMax);
  });

  test("leaves one line in the log", async () => {
    const { handler } = noting(({ sk }) => sk === "c");
    await handler(
      streamEventOf(item("p", "a"), item("p", "a"), item("p", "b"), item("p", "c")),
      streamContext(),
    );
    expect(logged.batches).toEqual([
      { requestId, functionName: "propagation", records: 4, items: 3, carried: 2, durationMs: 0 },
    ]);
  });

  test("with a record that is none of the table's is no batch of ours", async () => {
    const event = streamEventOf(item("p", "a"));
    delete event.Records[0]!.dynamodb!.Keys!["sk"];
    await expect(noting().handler(event, streamContext())).rejects.toThrow();
  });
});

describe("an item that fails", () => {
  test("is reported by the first record that names it, and nothing behind it in its partition is begun", async () => {
    const { handler, carried } = noting(({ sk }) => sk === "b");
    const event = streamEventOf(item("p", "a"), item("p", "b"), item("p", "c"), item("p", "b"));
    expect(await handler(event, streamContext())).toEqual(failedAt("2"));
    expect(carried).toEqual(["a"]);
    expect(logged.failures).toEqual([["2", new Error("not carried")]]);
  });

  test("does not keep those before it from being carried", async () => {
    const { handler, carried } = noting(({ pk, sk }) => pk === item("q", "").pk && sk === "3");
    const event = streamEventOf(item("p", "1"), item("p", "2"), item("q", "3"), item("p", "4"));
    expect(await handler(event, streamContext())).toEqual(failedAt("3"));
    expect(carried.slice(0, 2)).toEqual(["1", "2"]);
  });

  test("first in the batch makes the function throw, so that Lambda splits the batch", async () => {
    const { handler } = noting(({ sk }) => sk === "a");
    const event = streamEventOf(item("p", "a"), item("p", "b"));
    const failure = await handler(event, streamContext()).catch((cause: unknown) => cause);
    expect(failure).toMatchObject({ name: "BatchFailure", message: expect.stringContaining("record 1") });
    expect(failure).not.toHaveProperty("cause");
  });

  test("alone in the batch is reported, until Lambda gives up", async () => {
    const { handler } = noting(() => true);
    expect(await handler(streamEventOf(item("p", "a")), streamContext())).toEqual(failedAt("1"));
  });

  test("is logged in full, but for what a refusal says to whom it was meant for", () => {
    vi.stubEnv("POWERTOOLS_DEV", "true");
    vi.stubEnv("POWERTOOLS_LOG_LEVEL", "ERROR");
    const lines = vi.spyOn(console, "error").mockReturnValue();
    onTestFinished(() => {
      vi.unstubAllEnvs();
      lines.mockRestore();
    });
    const timeout = Object.assign(new Error("no answer"), { name: "TimeoutError" });
    createLog().carryFailure("7", unavailable("ann@example.com is in the way", timeout), requestId);
    createLog().carryFailure("8", timeout, requestId);

    const logged = lines.mock.calls.map(([line]) => JSON.parse(line));
    const told = { name: "TimeoutError", message: "no answer", stack: expect.any(String) };
    expect(logged).toMatchObject([
      {
        message: "carry_failed",
        requestId,
        sequenceNumber: "7",
        error: { code: "unavailable", cause: told },
      },
      { message: "carry_failed", requestId, sequenceNumber: "8", error: told },
    ]);
    expect(JSON.stringify(logged)).not.toContain("ann@example.com");
  });

  test("because the table does not answer comes again", async () => {
    const handler = functionCarrying(async ({ store }, key) => {
      await store.read([key]);
    });
    table
      .on(BatchGetCommand)
      .resolvesOnce({ Responses: {} })
      .rejects(Object.assign(new Error("Request did not complete"), { name: "TimeoutError" }));
    const event = streamEventOf(item("p", "a"), item("p", "b"), item("p", "c"));
    expect(await handler(event, streamContext())).toEqual(failedAt("2"));
  });
});

describe("time that runs out", () => {
  test("hands back what was not begun", async () => {
    const { handler, carried } = noting();
    const event = streamEventOf(item("p", "a"), item("p", "b"), item("p", "c"));
    const context = streamContext(carryMillisecondsReserve + 1, carryMillisecondsReserve, 0);
    expect(await handler(event, context)).toEqual(failedAt("3"));
    expect(carried).toEqual(["a", "b"]);
    expect(logged.failures).toEqual([]);
  });
});
