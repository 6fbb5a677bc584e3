/** An example of a unit test of a handler that looks at what its records show: records in, writes out, no table. */

import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { BatchGetCommand, BatchWriteCommand, DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { mockClient } from "aws-sdk-client-mock";
import "aws-sdk-client-mock-vitest/extend";
import { beforeEach, describe, expect, test } from "vitest";
import { createActivityHandler } from "../../lambda/handlers/activity.ts";
import { createLog } from "../../lambda/runtime/log.ts";
import { createRuntime } from "../../lambda/runtime/runtime.ts";
import { failureKey, groupPageKey } from "../../lambda/table/keys.ts";
import type { Item } from "../../lambda/table/store.ts";
import {
  claimItem,
  connectionId,
  groupId,
  now,
  projectId,
  projectItem,
  tableName,
  userId,
  userItem,
} from "./stored.ts";
import { eventTelling, streamContext } from "./stream-event.ts";

const table = mockClient(DynamoDBDocumentClient);
const failed: string[] = [];
const handler = createActivityHandler(
  createRuntime({
    client: new DynamoDBClient({ region: "us-east-1" }),
    tableName,
    clock: () => now,
    sleep: async () => {},
    log: { ...createLog(), batch: () => {}, carryFailure: (sequenceNumber) => failed.push(sequenceNumber) },
  }),
);

beforeEach(() => {
  table.reset();
  failed.length = 0;
  table.on(BatchWriteCommand).resolves({});
  table.on(BatchGetCommand).resolves({ Responses: { [tableName]: [{ ...projectItem }] } });
});

const done = { batchItemFailures: [] };
const inactive: Item = {
  ...userItem,
  attributes: { userName: "ann@example.com", active: false },
  revision: 2,
  actor: "admin",
};
/** A row as no version of ours writes it. */
const unreadable: Item = { ...userItem, attributes: undefined, access: "all" };

/** What was put and what was deleted, in order. */
function written() {
  return table
    .commandCalls(BatchWriteCommand)
    .flatMap(({ args: [{ input }] }) => input.RequestItems![tableName]!);
}

describe("a change of a member", () => {
  test("is one entry, found in the project's list and in the member's own", async () => {
    expect(await handler(eventTelling({ before: userItem, after: inactive }), streamContext())).toEqual(done);
    const at = "2026-01-01T00:00:00.000Z";
    const entry = {
      pk: `A#${projectId}`,
      at,
      actor: "admin",
      action: "member.deactivated",
      resourceType: "Member",
      resourceId: userId,
      identifier: "ann@example.com",
      connectionId: userItem["connectionId"],
      changes: ["active"],
      revision: 2,
      expiresAtSeconds: Date.parse(at) / 1_000 + 90 * 86_400,
    };
    expect(written()).toEqual([
      { PutRequest: { Item: { ...entry, sk: `ALL#${at}#${userId}#2` } } },
      { PutRequest: { Item: { ...entry, sk: `OF#${userId}#${at}#${userId}#2` } } },
    ]);
    expect(table).toHaveReceivedCommandTimes(BatchGetCommand, 1);
  });

  test("that nobody would see writes nothing, and asks for nothing", async () => {
    const event = eventTelling({ before: userItem, after: { ...userItem, revision: 2 } });
    expect(await handler(event, streamContext())).toEqual(done);
    expect(table).not.toHaveReceivedAnyCommand();
  });

  test("or what its filter would not have let through, is nothing to tell", async () => {
    const failure = {
      ...failureKey(projectId, { connectionId, resourceType: "User", hash: "h" }),
      attempts: 2,
    };
    const page = groupPageKey(projectId, groupId, { kind: "S", page: 0, generation: "0" });
    const bits = { ...page, b0: 2 ** 119 };
    const removed = eventTelling({ before: userItem, after: userItem });
    delete removed.Records[0]!.dynamodb!.NewImage;
    const purged = { ...claimItem, sk: "userName#x" };
    const whole = eventTelling({ before: failure, after: failure }, { after: bits }, { after: purged });
    for (const event of [whole, removed]) {
      expect(await handler(event, streamContext())).toEqual(done);
    }
    expect(table).not.toHaveReceivedAnyCommand();
  });

  test("of a project that is gone by now is taken back", async () => {
    table.on(BatchGetCommand).resolves({ Responses: { [tableName]: [{ ...projectItem, deleting: true }] } });
    expect(await handler(eventTelling({ after: userItem }), streamContext())).toEqual(done);
    const [first, second, ...removals] = written();
    expect(removals).toEqual(
      [first, second].map((put) => {
        const { pk, sk } = put!.PutRequest!.Item!;
        return { DeleteRequest: { Key: { pk, sk } } };
      }),
    );
  });
});

describe("a record that cannot be understood", () => {
  test("keeps none beside it from being told, and is reported", async () => {
    const event = eventTelling(
      { after: userItem },
      { before: userItem, after: unreadable },
      { before: userItem, after: inactive },
    );
    expect(await handler(event, streamContext())).toEqual({ batchItemFailures: [{ itemIdentifier: "2" }] });
    expect(written()).toHaveLength(4);
    expect(failed).toEqual(["2"]);
  });

  test("first in the batch makes the function throw, so that Lambda splits the batch; the others are told", async () => {
    const event = eventTelling({ after: unreadable }, { before: userItem, after: inactive });
    await expect(handler(event, streamContext())).rejects.toMatchObject({ name: "BatchFailure" });
    expect(written()).toHaveLength(2);
  });

  test("alone is reported, until Lambda gives up", async () => {
    const event = eventTelling({ after: unreadable });
    expect(await handler(event, streamContext())).toEqual({ batchItemFailures: [{ itemIdentifier: "1" }] });
    expect(table).not.toHaveReceivedAnyCommand();
  });
});

describe("a table that does not take the entries", () => {
  const busy = Object.assign(new Error("too much"), { name: "ProvisionedThroughputExceededException" });

  test("has all of the batch come again", async () => {
    table.on(BatchWriteCommand).rejects(busy);
    const event = eventTelling({ after: userItem }, { before: userItem, after: inactive });
    await expect(handler(event, streamContext())).rejects.toMatchObject({ name: "BatchFailure" });
    expect(failed).toEqual(["1"]);
    expect(await handler(eventTelling({ after: userItem }), streamContext())).toEqual({
      batchItemFailures: [{ itemIdentifier: "1" }],
    });
  });

  test("is asked again for what it left out", async () => {
    const [put] = [{ PutRequest: { Item: { pk: "left", sk: "out" } } }];
    table
      .on(BatchWriteCommand)
      .resolvesOnce({ UnprocessedItems: { [tableName]: [put] } })
      .resolves({});
    expect(await handler(eventTelling({ after: userItem }), streamContext())).toEqual(done);
    expect(written().at(-1)).toEqual(put);
  });
});
