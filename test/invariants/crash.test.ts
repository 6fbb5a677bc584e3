/**
 * Every operation, cut off at every one of its calls to DynamoDB, before and after the call took effect: by an answer
 * lost on every attempt, by the death of the process, by throttling without end. DESIGN §1, invariants 1, 2, 4 and 5.
 */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { countCalls } from "../support/counting-client.ts";
import { type Fault, injectFaults } from "../support/faulty-client.ts";
import { createSeededRandom, seedFromEnvironment } from "../support/seeded-random.ts";
import type { ServiceResponse } from "../support/service.ts";
import { checkItems, type RawItem, scanTable } from "./check-table.ts";
import { noRetries, retriesWithoutWaiting } from "./disturbed-client.ts";
import { makeWorld, type Operation, operations, perform, type World } from "./operations.ts";
import { restoreTable } from "./table-copy.ts";

const seed = seedFromEnvironment();
let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world.table.stop());

/** What an operation did and what the table was afterwards. */
interface Outcome {
  readonly answer: ServiceResponse;
  readonly items: readonly RawItem[];
}

const scan = () => scanTable(world.table.client, world.table.tableName);

/** Runs from the world as it was made, with the same chance each time, so that outcomes can be compared item by item. */
async function run(operation: Operation, fault?: Fault, retries?: "retrying"): Promise<Outcome & { fired: boolean }> {
  await restoreTable(world.table, world.items);
  const client = world.table.newClient(retries ? retriesWithoutWaiting : noRetries);
  const faults = injectFaults(client);
  if (fault) faults.arm(fault);
  const service = await world.open({ client, random: createSeededRandom(seed) });
  const answer = await perform(world, operation, service);
  const fired = faults.hasFired();
  client.destroy();
  return { answer, items: await scan(), fired };
}

/** The same request once more, to a healthy service. */
async function repeat(operation: Operation): Promise<Outcome> {
  const service = await world.open({ random: createSeededRandom(seed) });
  const answer = await perform(world, operation, service);
  return { answer, items: await scan() };
}

/** The calls of an undisturbed run, each with whether it writes. */
async function callsOf(operation: Operation): Promise<readonly { readonly call: number; readonly writes: boolean }[]> {
  await restoreTable(world.table, world.items);
  const client = world.table.newClient(noRetries);
  const counter = countCalls(client);
  const service = await world.open({ client, random: createSeededRandom(seed) });
  await perform(world, operation, service);
  const { commands } = counter.tally();
  return commands.map((command, index) => ({
    call: index + 1,
    writes: ["TransactWriteItems", "UpdateItem", "BatchWriteItem"].includes(command),
  }));
}

/** Items in one order, without the note of a token's last use, which comes with any request and changes nothing else. */
function stateOf(items: readonly RawItem[]): readonly string[] {
  return items
    .map(({ tokenUse: _, ...item }) => JSON.stringify(sorted(item)))
    .sort();
}

function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return Array.isArray(value) ? value.map(sorted) : value;
  }
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, part]) => [name, sorted(part)]));
}

/** A project whose removal was begun: closed, gone to everyone, and removed by the next DELETE. */
function isClosing(items: readonly RawItem[]): boolean {
  return items.some(({ pk, deleting }) => pk!.S === "PROJECTS" && deleting?.BOOL === true);
}

const isSuccess = ({ status }: ServiceResponse): boolean => status < 300;

describe.each(operations)("$name", (operation) => {
  let old: readonly string[];
  let done: readonly string[];
  let calls: Awaited<ReturnType<typeof callsOf>>;

  const checkOutcome = ({ answer, items }: Outcome, where: string): "old" | "new" | "closing" => {
    expect(checkItems(items), where).toEqual([]);
    const state = stateOf(items);
    const isNew = same(state, done);
    if (isSuccess(answer)) {
      expect({ where, state }).toEqual({ where, state: done });
      return "new";
    }
    if (isNew) return "new";
    if (operation.method === "DELETE" && isClosing(items)) return "closing";
    expect({ where, state }).toEqual({ where, state: old });
    return "old";
  };

  const checkRepetition = async (state: "old" | "new" | "closing", where: string): Promise<void> => {
    const repeated = await repeat(operation);
    const allowed = [operation.status, ...(state === "new" ? (operation.repeated ?? []) : [])];
    expect(allowed, `${where}, repeated`).toContain(repeated.answer.status);
    expect(checkItems(repeated.items), `${where}, repeated`).toEqual([]);
    if (operation.additive && state === "new") return;
    expect({ where, repeated: stateOf(repeated.items) }).toEqual({ where, repeated: done });
  };

  test("undisturbed", async () => {
    calls = await callsOf(operation);
    const healthy = await run(operation);
    old = stateOf(world.items);
    done = stateOf(healthy.items);
    expect(healthy.answer).toMatchObject({ status: operation.status });
    expect(checkItems(healthy.items)).toEqual([]);
    expect(calls.length).toBeGreaterThan(0);
    if (operation.method === "GET") expect(done).toEqual(old);
    else expect(done).not.toEqual(old);
  });

  test("an answer lost on every attempt", async () => {
    for (const { call, writes } of calls) {
      for (const when of whens(writes)) {
        const where = `network error ${when} call ${call}`;
        const outcome = await run(operation, { kind: "network", when, call });
        expect(outcome.fired, where).toBe(true);
        if (!isSuccess(outcome.answer)) {
          expect({ where, status: outcome.answer.status }).toEqual({ where, status: 503 });
          expect(outcome.answer.headers, where).toHaveProperty("retry-after");
        }
        await checkRepetition(checkOutcome(outcome, where), where);
      }
    }
  });

  test("an answer lost once", async () => {
    for (const { call, writes } of calls) {
      for (const when of whens(writes)) {
        const where = `network error once ${when} call ${call}`;
        const outcome = await run(operation, { kind: "network", when, call }, "retrying");
        expect({ where, status: outcome.answer.status }).toEqual({ where, status: operation.status });
        checkOutcome(outcome, where);
      }
    }
  });

  test("the death of the process", async () => {
    for (const { call, writes } of calls) {
      for (const when of whens(writes)) {
        const where = `crash ${when} call ${call}`;
        const outcome = await run(operation, { kind: "crash", when, call });
        expect(outcome.fired, where).toBe(true);
        await checkRepetition(checkOutcome(outcome, where), where);
      }
    }
  });

  test("throttling without end", async () => {
    for (const { call } of calls) {
      const where = `throttled from call ${call} on`;
      const outcome = await run(operation, { kind: "throttle", when: "before", call });
      if (!isSuccess(outcome.answer)) {
        expect({ where, status: outcome.answer.status }).toEqual({ where, status: 429 });
        expect(outcome.answer.headers, where).toHaveProperty("retry-after");
      }
      checkOutcome(outcome, where);
    }
  });
});

/** A read that arrived and one that did not are the same to the one who gets no answer. */
function whens(writes: boolean): readonly Fault["when"][] {
  return writes ? ["before", "after"] : ["before"];
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((line, index) => line === b[index]);
}
