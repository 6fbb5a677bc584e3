import { GetItemCommand, PutItemCommand, QueryCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { countCalls } from "./counting-client.ts";
import { Crash, injectFaults } from "./faulty-client.ts";
import { createSeededRandom } from "./seeded-random.ts";
import { startTable, type TestTable } from "./table.ts";

let table: TestTable;
beforeAll(async () => {
  table = await startTable();
});
afterAll(() => table.stop());

const key = (id: string) => ({ pk: { S: id }, sk: { S: "row" } });
const put = (id: string) => new PutItemCommand({ TableName: table.tableName, Item: key(id) });
const get = (id: string) =>
  new GetItemCommand({ TableName: table.tableName, Key: key(id), ConsistentRead: true });
const exists = async (id: string) => (await table.client.send(get(id))).Item !== undefined;

test("tables of one file are apart", async () => {
  const other = await startTable();
  await other.client.send(put("apart"));
  await table.client.send(put("apart"));
  expect(other.tableName).not.toBe(table.tableName);
  await other.stop();
  expect(await exists("apart")).toBe(true);
});

describe("countCalls", () => {
  test("names commands and sums capacity", async () => {
    const client = table.newClient();
    const { tally } = await countCalls(client).measure(async () => {
      await client.send(put("counted"));
      await client.send(get("counted"));
    });
    expect(tally).toEqual({ commands: ["PutItem", "GetItem"], trips: 2, readCapacity: 1, writeCapacity: 1 });
  });

  test("calls that overlap are one trip, a call after them another", async () => {
    const client = table.newClient();
    const query = new QueryCommand({
      TableName: table.tableName,
      KeyConditionExpression: "pk = :pk",
      ExpressionAttributeValues: { ":pk": { S: "overlap" } },
    });
    const { tally } = await countCalls(client).measure(async () => {
      await Promise.all([client.send(put("overlap")), client.send(get("overlap")), client.send(query)]);
      await client.send(get("overlap"));
    });
    expect(tally.commands).toHaveLength(4);
    expect(tally.trips).toBe(2);
  });
});

describe("injectFaults", () => {
  let faulty: ReturnType<TestTable["newClient"]>;
  let faults: ReturnType<typeof injectFaults>;
  beforeEach(() => {
    faulty = table.newClient();
    faults = injectFaults(faulty);
  });

  test("a network fault is retried by the SDK", async () => {
    faults.arm({ call: 1, when: "before", kind: "network" });
    await faulty.send(put("network"));
    expect(faults.callCount()).toBe(2);
    expect(faults.hasFired()).toBe(true);
    expect(await exists("network")).toBe(true);
  });

  test("a crash before leaves nothing, and nothing works after it", async () => {
    faults.arm({ call: 2, when: "before", kind: "crash" });
    await faulty.send(put("before-1"));
    await expect(faulty.send(put("before-2"))).rejects.toThrow(Crash);
    await expect(faulty.send(put("before-3"))).rejects.toThrow(Crash);
    expect(await Promise.all(["before-1", "before-2", "before-3"].map(exists))).toEqual([true, false, false]);
  });

  test("a crash after has taken effect", async () => {
    faults.arm({ call: 1, when: "after", kind: "crash" });
    await expect(faulty.send(put("after"))).rejects.toThrow(Crash);
    expect(await exists("after")).toBe(true);
  });

  test("throttling ends after the given number of calls", async () => {
    faults.arm({ call: 1, when: "before", kind: "throttle", throttledCalls: 2 });
    await faulty.send(put("throttled"));
    expect(faults.callCount()).toBe(3);
  });

  test("throttling without an end reaches the caller", async () => {
    faults.arm({ call: 1, when: "before", kind: "throttle" });
    await expect(faulty.send(put("throttled"))).rejects.toThrow("throughput");
  });

  test("an operation of fewer calls is told apart from one that survived", async () => {
    faults.arm({ call: 2, when: "before", kind: "crash" });
    await faulty.send(put("few"));
    expect(faults.hasFired()).toBe(false);
  });
});

test("seeded random numbers repeat and keep their bounds", () => {
  const draw = (seed: number) => {
    const random = createSeededRandom(seed);
    return [random.next(), random.below(10), random.shuffle([1, 2, 3, 4]), random.bytes(4).toString("hex")];
  };
  expect(draw(7)).toEqual(draw(7));
  expect(draw(7)).not.toEqual(draw(8));
  const random = createSeededRandom(1);
  for (let i = 0; i < 1_000; i++) expect([0, 1, 2]).toContain(random.below(3));
});
