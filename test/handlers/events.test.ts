/** What the activity function publishes: records in, calls to the event bus out, no bus and no table. */

import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { EventBridgeClient, PutEventsCommand, type PutEventsRequestEntry } from "@aws-sdk/client-eventbridge";
import { BatchGetCommand, BatchWriteCommand, DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { mockClient } from "aws-sdk-client-mock";
import "aws-sdk-client-mock-vitest/extend";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { memberIdOf } from "../../lambda/domain/member-id.ts";
import { createActivityHandler, handler as deployed } from "../../lambda/handlers/activity.ts";
import { createPublisher } from "../../lambda/runtime/event-bus.ts";
import { type BatchRecord, createLog } from "../../lambda/runtime/log.ts";
import { createRuntime } from "../../lambda/runtime/runtime.ts";
import { memberKey } from "../../lambda/table/keys.ts";
import type { Item } from "../../lambda/table/store.ts";
import {
  connectionId,
  groupId,
  groupItem,
  now,
  projectId,
  projectItem,
  tableName,
  userId,
  userItem,
} from "./stored.ts";
import { eventTelling, streamContext } from "./stream-event.ts";

const table = mockClient(DynamoDBDocumentClient);
const bus = mockClient(EventBridgeClient);
const busName = "arn:aws:events:us-east-1:123456789012:event-bus/RollcallService-events";
/** Sequence number and cause of what was logged as failed. */
const failed: (readonly [string, unknown])[] = [];
const batches: BatchRecord[] = [];
const waits: number[] = [];

const options = {
  client: new DynamoDBClient({ region: "us-east-1" }),
  tableName,
  clock: () => now,
  // The longest that full jitter allows.
  random: (bytes: number) => Buffer.alloc(bytes, 0xff),
  sleep: async (ms: number) => {
    waits.push(Math.round(ms));
  },
  log: {
    ...createLog(),
    batch: (record: BatchRecord) => batches.push(record),
    carryFailure: (sequenceNumber: string, cause: unknown) => failed.push([sequenceNumber, cause]),
  },
};
const publish = createPublisher(new EventBridgeClient({ region: "us-east-1" }), busName);
const handler = createActivityHandler(createRuntime({ ...options, publish }));

beforeEach(() => {
  table.reset();
  bus.reset();
  for (const list of [failed, batches, waits]) list.length = 0;
  table.on(BatchWriteCommand).resolves({});
  table.on(BatchGetCommand).resolves({ Responses: { [tableName]: [{ ...projectItem }] } });
  bus.on(PutEventsCommand).callsFake(({ Entries }) => taking(Entries));
});

const done = { batchItemFailures: [] };

/** The bus's answer; the entries at these places are refused. */
function taking(entries: readonly PutEventsRequestEntry[], ...refused: readonly number[]) {
  return {
    FailedEntryCount: refused.length,
    Entries: entries.map((_, index) =>
      refused.includes(index) ? { ErrorCode: "ThrottlingException", ErrorMessage: "busy" } : { EventId: "e" },
    ),
  };
}

/** Details of what was handed over, by call. */
const calls = () =>
  bus
    .commandCalls(PutEventsCommand)
    .map(({ args: [{ input }] }) => input.Entries!.map(({ Detail }) => JSON.parse(Detail!)));
/** As `member number@version`, by call. */
const handedOver = () =>
  calls().map((call) => call.map(({ resourceId, version }) => `${numberOf(resourceId)}@${version}`));
const numberOf = (id: string) =>
  Array.from({ length: 100 }, (_, n) => n).find((n) => memberIdOf(projectId, n) === id);

/** A member as of a revision. */
const member = (number: number, revision: number): Item => ({
  ...userItem,
  ...memberKey(projectId, number),
  access: ["none", "read", "write"][revision % 3],
  revision,
});
const change = (number: number, revision: number) => ({
  before: member(number, revision - 1),
  after: member(number, revision),
});

describe("a change", () => {
  test("is one entry on the bus: names of what changed, and of nobody", async () => {
    const renamed = { ...userItem, attributes: { userName: "bob@example.com", active: true }, revision: 2 };
    expect(await handler(eventTelling({ before: userItem, after: renamed }), streamContext())).toEqual(done);
    const at = "2026-01-01T00:00:00.000Z";
    const detail = {
      id: `${projectId}.${userId}.2.member.updated`,
      projectId,
      connectionId,
      resourceId: userId,
      version: 2,
      at,
      changes: ["userName"],
    };
    const [call] = bus.commandCalls(PutEventsCommand);
    const [entry] = call!.args[0].input.Entries!;
    expect({ ...entry, Detail: JSON.parse(entry!.Detail!) }).toEqual({
      EventBusName: busName,
      Source: "rollcall",
      DetailType: "member.updated",
      Time: new Date(at),
      Detail: detail,
    });
    expect(JSON.stringify(entry)).not.toContain("example.com");
    expect(batches).toMatchObject([{ records: 1, carried: 1, published: 1, notPublished: 0 }]);
  });

  test("that nobody would see is not handed over", async () => {
    const event = eventTelling({ before: userItem, after: { ...userItem, revision: 2 } });
    expect(await handler(event, streamContext())).toEqual(done);
    expect(bus).not.toHaveReceivedAnyCommand();
    expect(table).not.toHaveReceivedAnyCommand();
  });

  test("costs the table no read beside the trail's, which is kept first", async () => {
    const order: string[] = [];
    table.on(BatchWriteCommand).callsFake(() => {
      order.push("trail");
      return {};
    });
    bus.on(PutEventsCommand).callsFake(({ Entries }) => {
      order.push("bus");
      return taking(Entries);
    });
    expect(await handler(eventTelling(change(1, 2), change(2, 2)), streamContext())).toEqual(done);
    expect(order).toEqual(["trail", "bus"]);
    expect(table).toHaveReceivedCommandTimes(BatchGetCommand, 1);
  });

  test("is published to nobody where there is no bus", async () => {
    const silent = createActivityHandler(createRuntime(options));
    expect(await silent(eventTelling(change(1, 2)), streamContext())).toEqual(done);
    expect(bus).not.toHaveReceivedAnyCommand();
  });
});

describe("the order of events", () => {
  test("is that of the records, ten to a call", async () => {
    const numbers = Array.from({ length: 23 }, (_, index) => index);
    await handler(eventTelling(...numbers.map((number) => change(number, 2))), streamContext());
    expect(handedOver().map((call) => call.length)).toEqual([10, 10, 3]);
    expect(handedOver().flat()).toEqual(numbers.map((number) => `${number}@2`));
  });

  test("of one resource is kept whatever a call does with its entries: there is one of each in a call", async () => {
    await handler(
      eventTelling(change(1, 2), change(2, 2), change(1, 3), change(3, 2), change(1, 4), change(1, 5)),
      streamContext(),
    );
    expect(handedOver()).toEqual([["1@2", "2@2"], ["1@3", "3@2"], ["1@4"], ["1@5"]]);
  });

  test("is kept over what was refused, which alone is handed over again, after longer and longer waits", async () => {
    let call = 0;
    bus.on(PutEventsCommand).callsFake(({ Entries }) => {
      call++;
      return call === 1 ? taking(Entries, 1, 2) : call === 2 ? taking(Entries, 0) : taking(Entries);
    });
    const event = eventTelling(change(1, 2), change(2, 2), change(3, 2), change(4, 2), change(2, 3));
    expect(await handler(event, streamContext())).toEqual(done);
    expect(handedOver()).toEqual([["1@2", "2@2", "3@2", "4@2"], ["2@2", "3@2"], ["2@2"], ["2@3"]]);
    expect(waits).toEqual([320, 400]);
    expect(failed).toEqual([]);
  });

  test("is kept over a record that cannot be understood: what is behind it waits until that is settled", async () => {
    const unreadable: Item = { ...userItem, attributes: undefined, access: "all" };
    const event = eventTelling(change(1, 2), { before: userItem, after: unreadable }, change(2, 2));
    expect(await handler(event, streamContext())).toEqual({ batchItemFailures: [{ itemIdentifier: "2" }] });
    expect(handedOver()).toEqual([["1@2"]]);
    // The trail has both: there, order is in the keys.
    const puts = table
      .commandCalls(BatchWriteCommand)
      .flatMap(({ args: [{ input }] }) => input.RequestItems![tableName]!);
    expect(puts).toHaveLength(4);
    expect(batches).toMatchObject([{ records: 3, carried: 1, published: 1, notPublished: 0 }]);
  });
});

describe("a bus that does not take an event", () => {
  /** Refuses one member's events for good. */
  const refusing = (number: number) =>
    bus.on(PutEventsCommand).callsFake(({ Entries }) => {
      const ids = Entries.map(({ Detail }: { Detail: string }) => JSON.parse(Detail).resourceId);
      const place = ids.indexOf(memberIdOf(projectId, number));
      return place < 0 ? taking(Entries) : taking(Entries, place);
    });

  test("has the batch come again from there on; what is before is not repeated, what is behind not begun", async () => {
    refusing(12);
    const changes = Array.from({ length: 25 }, (_, number) => change(number, 2));
    expect(await handler(eventTelling(...changes), streamContext())).toEqual({
      batchItemFailures: [{ itemIdentifier: "13" }],
    });
    const [first, second, ...again] = handedOver();
    expect([first, second].flat()).toEqual(changes.slice(0, 20).map((_, number) => `${number}@2`));
    expect(again).toEqual([["12@2"], ["12@2"], ["12@2"], ["12@2"]]);
    expect(failed).toEqual([["13", expect.objectContaining({ name: "EventsRefused" })]]);
    expect(String(failed[0]![1])).toContain("ThrottlingException");
    expect(batches).toMatchObject([{ records: 25, carried: 12, published: 12, notPublished: 13 }]);

    // Lambda hands it the rest.
    bus.on(PutEventsCommand).callsFake(({ Entries }) => taking(Entries));
    expect(await handler(eventTelling(...changes.slice(12)), streamContext())).toEqual(done);
    const all = handedOver().flat();
    expect(new Set(all).size).toBe(25);
  });

  test("for the first record makes the function throw, so that Lambda splits the batch", async () => {
    refusing(1);
    await expect(handler(eventTelling(change(1, 2), change(2, 2)), streamContext())).rejects.toMatchObject({
      name: "BatchFailure",
    });
    expect(await handler(eventTelling(change(1, 2)), streamContext())).toEqual({
      batchItemFailures: [{ itemIdentifier: "1" }],
    });
  });

  test("and does not answer, or answers less than it was asked, is asked again for all it may not have", async () => {
    const reset = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
    bus
      .on(PutEventsCommand)
      .rejectsOnce(reset)
      .resolvesOnce({ FailedEntryCount: 0, Entries: [{ EventId: "e" }] })
      .resolves({ Entries: [{ EventId: "e" }] });
    expect(await handler(eventTelling(change(1, 2), change(2, 2)), streamContext())).toEqual(done);
    expect(handedOver()).toEqual([["1@2", "2@2"], ["1@2", "2@2"], ["2@2"]]);
  });

  test("nor answers at all, five times, is told by its own error", async () => {
    const reset = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
    bus.on(PutEventsCommand).rejects(reset);
    const event = eventTelling(change(1, 2));
    expect(await handler(event, streamContext())).toEqual({ batchItemFailures: [{ itemIdentifier: "1" }] });
    expect(bus).toHaveReceivedCommandTimes(PutEventsCommand, 5);
    expect(failed).toEqual([["1", reset]]);
  });
});

test("the deployed handler publishes to the bus that its environment names", async () => {
  vi.stubEnv("AWS_REGION", "us-east-1");
  vi.stubEnv("TABLE_NAME", tableName);
  vi.stubEnv("EVENT_BUS_ARN", busName);
  expect(await deployed(eventTelling(change(1, 2)), streamContext())).toEqual(done);
  vi.unstubAllEnvs();
  expect(bus).toHaveReceivedCommandTimes(PutEventsCommand, 1);
  expect(bus.commandCalls(PutEventsCommand)[0]!.args[0].input.Entries![0]!.EventBusName).toBe(busName);
});

test("events that are not published have a metric of their own", () => {
  vi.stubEnv("POWERTOOLS_LOG_LEVEL", "INFO");
  vi.stubEnv("POWERTOOLS_METRICS_DISABLED", "false");
  const lines: string[] = [];
  const keep = (...parts: unknown[]) => lines.push(parts.join(" "));
  for (const level of ["log", "warn", "info"] as const) vi.spyOn(console, level).mockImplementation(keep);
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, "write").mockImplementation((chunk) => keep(chunk) > 0);
  }
  const batch = { requestId: "r", functionName: "activity", records: 3, items: 3, carried: 1, durationMs: 1 };
  createLog().batch({ ...batch, published: 1, notPublished: 2 });
  createLog().batch({ ...batch, published: 3, notPublished: 0 });
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  const told = lines.map((text) => JSON.parse(text));
  expect(told[0]).toMatchObject({ message: "batch", published: 1, notPublished: 2 });
  const metrics = told.filter((line) => "EventsNotPublished" in line);
  expect(metrics).toMatchObject([{ EventsNotPublished: 2, service: "rollcall" }]);
  expect(metrics[0]["_aws"].CloudWatchMetrics[0].Dimensions).toEqual([["service"]]);
});

test("what was cut off between the trail and the bus is told again, the same, when its records come again", async () => {
  const event = eventTelling(change(1, 2), change(1, 3));
  bus.on(PutEventsCommand).callsFake(({ Entries }) => {
    if (Entries[0].Detail.includes('"version":3')) throw new Error("the process is gone");
    return taking(Entries);
  });
  await handler(event, streamContext());
  const before = calls().flat();
  const kept = table.commandCalls(BatchWriteCommand)[0]!.args[0].input;

  bus.reset();
  table.resetHistory();
  bus.on(PutEventsCommand).callsFake(({ Entries }) => taking(Entries));
  expect(await handler(event, streamContext())).toEqual(done);
  const [first, second] = calls().flat();
  expect(first).toEqual(before[0]);
  expect(second).toEqual(before[1]);
  expect(table.commandCalls(BatchWriteCommand)[0]!.args[0].input).toEqual(kept);
});

test("where the trail cannot be kept, nothing is published before it is", async () => {
  table
    .on(BatchWriteCommand)
    .rejects(Object.assign(new Error("busy"), { name: "ProvisionedThroughputExceededException" }));
  const event = eventTelling(change(1, 2));
  expect(await handler(event, streamContext())).toEqual({ batchItemFailures: [{ itemIdentifier: "1" }] });
  expect(bus).not.toHaveReceivedAnyCommand();
});

test("where the time runs out, what is left comes again, and nobody is blamed", async () => {
  const changes = Array.from({ length: 25 }, (_, number) => change(number, 2));
  expect(await handler(eventTelling(...changes), streamContext(120_000, 29_999))).toEqual({
    batchItemFailures: [{ itemIdentifier: "11" }],
  });
  expect(handedOver()).toHaveLength(1);
  expect(failed).toEqual([]);
  expect(batches).toMatchObject([{ published: 10, notPublished: 0 }]);
});

describe("a group's row that is gone", () => {
  const removal = (before: Item, seenAt?: number | string) => {
    const event = eventTelling({ before, after: before });
    const [record] = event.Records;
    record!.eventName = "REMOVE";
    delete record!.dynamodb!.NewImage;
    if (seenAt !== undefined) record!.dynamodb!.ApproximateCreationDateTime = seenAt as number;
    return event;
  };
  const deletion = {
    id: `${projectId}.${groupId}.2.group.deleted`,
    projectId,
    connectionId,
    resourceId: groupId,
    version: 2,
    at: "2026-01-02T00:00:00.000Z",
    changes: [],
  };

  test.each([
    ["Lambda", Date.parse(deletion.at) / 1_000],
    ["an operator, by what the command line tool prints", "2026-01-02T00:00:00+00:00"],
  ])("is the end of the group, as told by %s", async (_, seenAt) => {
    expect(await handler(removal(groupItem, seenAt), streamContext())).toEqual(done);
    expect(calls()).toEqual([[deletion]]);
    expect(table).not.toHaveReceivedCommand(BatchWriteCommand);
    expect(table).toHaveReceivedCommandTimes(BatchGetCommand, 1);
  });

  test("was never anybody's where it was hidden, and tells nothing where its whole project goes", async () => {
    expect(await handler(removal({ ...groupItem, hidden: true }), streamContext())).toEqual(done);
    expect(table).not.toHaveReceivedAnyCommand();
    for (const found of [[{ ...projectItem, deleting: true }], []]) {
      table.on(BatchGetCommand).resolves({ Responses: { [tableName]: found } });
      expect(await handler(removal(groupItem), streamContext())).toEqual(done);
    }
    expect(bus).not.toHaveReceivedAnyCommand();
  });
});
