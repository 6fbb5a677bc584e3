/**
 * Every operation, cut off at every one of its calls to DynamoDB, before and after the call took effect: by an answer
 * lost on every attempt, by the death of the process, by throttling without end. DESIGN §1, invariants 1, 2, 4 and 5.
 */

import type { DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type CallCounter, countCalls } from "../support/counting-client.ts";
import { type Fault, type FaultInjector, injectFaults } from "../support/faulty-client.ts";
import { createSeededRandom, seedFromEnvironment } from "../support/seeded-random.ts";
import type { ServiceResponse } from "../support/service.ts";
import { checkItems } from "./check-table.ts";
import { noRetries, retriesWithoutWaiting } from "./disturbed-client.ts";
import { isReading, makeWorld, type Operation, operations, perform, type World } from "./operations.ts";
import { shareOf } from "./share.ts";
import { type RawItem, scanTable } from "./table-contents.ts";
import { printItems, restoreTable } from "./table-copy.ts";
import { tidyUp } from "./tidying.ts";

const seed = seedFromEnvironment();
/** The default run leaves out what follows from the rest; with THOROUGH=1 nothing is left out. */
const thorough = process.env["THOROUGH"] !== undefined;

let world: World;
let direct: Actor;
let retrying: Actor;
let healthy: Actor;
/** What the table holds now, where that is known. */
let present: readonly RawItem[] | undefined;

beforeAll(async () => {
  world = await makeWorld();
  direct = await openActor(noRetries);
  retrying = await openActor(retriesWithoutWaiting);
  healthy = await openActor({});
});
afterAll(() => world.table.stop());

/** A service whose calls fail on demand, started anew for each request, so that chance is the same each time. */
interface Actor {
  readonly faults: FaultInjector;
  readonly counter: CallCounter;
  perform(operation: Operation): Promise<ServiceResponse>;
}

async function openActor(config: DynamoDBClientConfig): Promise<Actor> {
  const client = world.table.newClient(config);
  const counter = countCalls(client);
  const faults = injectFaults(client);
  return {
    faults,
    counter,
    async perform(operation) {
      const service = await world.open({ client, random: createSeededRandom(seed) });
      return perform(world, operation, service);
    },
  };
}

/** What an operation did and what the table was afterwards. */
interface Outcome {
  readonly answer: ServiceResponse;
  readonly items: readonly RawItem[];
}

async function scan(): Promise<readonly RawItem[]> {
  present = await scanTable(world.table.client, world.table.tableName);
  return present;
}

async function restoreWorld(): Promise<void> {
  await restoreTable(world.table, world.items, present);
  present = undefined;
}

/** Runs from the world as it was made, with the same chance each time, so that outcomes can be compared item by item. */
async function run(
  operation: Operation,
  fault: Fault,
  actor: Actor,
): Promise<Outcome & { readonly fired: boolean }> {
  await restoreWorld();
  actor.faults.arm(fault);
  const answer = await actor.perform(operation);
  const fired = actor.faults.hasFired();
  actor.faults.disarm();
  return { answer, items: await scan(), fired };
}

/** The request as it is, to a healthy service, on the table as it is. */
async function runHealthy(operation: Operation): Promise<Outcome> {
  healthy.counter.reset();
  const answer = await healthy.perform(operation);
  return { answer, items: await scan() };
}

const writingCommands: ReadonlySet<string> = new Set(["TransactWriteItems", "UpdateItem", "BatchWriteItem"]);

interface Call {
  readonly call: number;
  readonly writes: boolean;
  readonly followsWrite: boolean;
}

/** The calls that a run just made. */
function callsOf(commands: readonly string[]): readonly Call[] {
  const writes = commands.map((command) => writingCommands.has(command));
  return writes.map((isWrite, index) => ({
    call: index + 1,
    writes: isWrite,
    followsWrite: writes.slice(0, index).includes(true),
  }));
}

/** Items in one order, without the note of a token's last use, which comes with any request and changes nothing else. */
function stateOf(items: readonly RawItem[]): readonly string[] {
  return printItems(
    items.map((item) => {
      const { tokenUse, ...rest } = item;
      return tokenUse === undefined ? item : rest;
    }),
  );
}

/** The same but for what says only how often a thing was written. */
function meaningOf(items: readonly RawItem[]): readonly string[] {
  // A repetition may be refused, since what it asks for is there; the refusal is noted.
  const others = items.filter(({ pk }) => !pk!.S!.startsWith("F#"));
  return stateOf(others.map(({ revision: _, ...item }) => item));
}

/** Without the members of groups that are gone: cut off amid its DELETE, a group leaves them for the stream handler to remove. */
function withoutLeftovers(items: readonly RawItem[]): readonly RawItem[] {
  const groups = new Set(items.map(({ pk, sk }) => `${pk!.S}#${sk!.S}`));
  return items.filter(
    ({ pk }) => pk!.S!.split("#").length < 3 || !pk!.S!.startsWith("G#") || groups.has(pk!.S!),
  );
}

function withoutSyncFailures(items: readonly RawItem[]): readonly RawItem[] {
  return items.filter(({ pk }) => !pk!.S!.startsWith("F#"));
}

/** A project whose removal was begun: closed, gone to everyone, and removed by the next DELETE. */
function isClosing(items: readonly RawItem[]): boolean {
  return items.some(({ pk, deleting }) => pk!.S === "PROJECTS" && deleting?.BOOL === true);
}

const isSuccess = ({ status }: ServiceResponse): boolean => status < 300;

/** Most operations make fewer calls than this; of the removal of a project, which makes dozens, a share is tried. */
const callsTriedMax = 12;

/** All are run undisturbed; a share is cut off. */
const cutOff = new Set(
  shareOf(
    operations.filter(({ alike }) => thorough || !alike),
    seed,
    6,
  ),
);

describe.each(operations)("$name", (operation) => {
  let old: readonly string[];
  let done: Outcome;
  let doneState: readonly string[];
  let callCount: number;
  let calls: readonly Call[];
  let repeatedAfterDone = false;

  const checkOutcome = ({ answer, items }: Outcome, where: string): "old" | "new" | "closing" => {
    const rest = withoutLeftovers(items);
    if (operation.method === "DELETE") expect(checkItems(items, { tidyingPending: true }), where).toEqual([]);
    expect(checkItems(operation.method === "DELETE" ? rest : items), where).toEqual([]);
    const state = stateOf(rest);
    const isNew = isSame(state, doneState);
    if (isSuccess(answer)) {
      expect({ where, state }).toEqual({ where, state: doneState });
      return "new";
    }
    if (isNew) return "new";
    if (operation.method === "DELETE" && isClosing(items)) return "closing";
    expect({ where, state }).toEqual({ where, state: old });
    return "old";
  };

  /** From a state seen before nothing else can follow than followed then. */
  const checkRepetition = async (state: "old" | "new" | "closing", where: string): Promise<void> => {
    if (!thorough && (state === "old" || (state === "new" && repeatedAfterDone))) return;
    repeatedAfterDone ||= state === "new";
    const repeated = await runHealthy(operation);
    const allowed = [operation.status, ...(state === "new" ? (operation.repeated ?? []) : [])];
    expect(allowed, `${where}, repeated`).toContain(repeated.answer.status);
    expect(checkItems(withoutLeftovers(repeated.items)), `${where}, repeated`).toEqual([]);
    if (operation.additive && state === "new") return;
    // What is refused as done already is noted as refused: the client that asks cannot be told from another.
    const left = isSuccess(repeated.answer) ? repeated.items : withoutSyncFailures(repeated.items);
    expect({ where, repeated: meaningOf(withoutLeftovers(left)) }).toEqual({
      where,
      repeated: meaningOf(done.items),
    });
  };

  beforeAll(async () => {
    await restoreWorld();
    done = await runHealthy(operation);
    const all = callsOf(healthy.counter.tally().commands);
    callCount = all.length;
    calls = shareOf(all, seed, Math.ceil(all.length / callsTriedMax));
    old = stateOf(world.items);
    doneState = stateOf(done.items);
  });

  test("undisturbed", async () => {
    expect(done.answer).toMatchObject({ status: operation.status });
    expect(checkItems(done.items)).toEqual([]);
    expect(callCount).toBeGreaterThan(0);
    if (isReading(operation)) expect(doneState).toEqual(old);
    else expect(doneState).not.toEqual(old);
  });
  if (!cutOff.has(operation)) return;

  test("an answer lost on every attempt", async () => {
    for (const { call, writes } of calls) {
      for (const when of whens(writes)) {
        const where = `network error ${when} call ${call}`;
        const outcome = await run(operation, { kind: "network", when, call }, direct);
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
      if (!writes && !thorough) continue;
      for (const when of whens(writes)) {
        const where = `network error once ${when} call ${call}`;
        const outcome = await run(operation, { kind: "network", when, call }, retrying);
        expect({ where, status: outcome.answer.status }).toEqual({ where, status: operation.status });
        checkOutcome(outcome, where);
      }
    }
  });

  test("the death of the process", async () => {
    for (const { call, writes, followsWrite } of calls) {
      // Before anything was written there is nothing to leave behind.
      if (!writes && !followsWrite && !thorough) continue;
      for (const when of whens(writes)) {
        const where = `crash ${when} call ${call}`;
        const outcome = await run(operation, { kind: "crash", when, call }, direct);
        expect(outcome.fired, where).toBe(true);
        const state = checkOutcome(outcome, where);
        if (state !== "closing" && withoutLeftovers(outcome.items).length < outcome.items.length) {
          await tidyUp(world.table, Date.now);
          expect({ where, tidied: stateOf(await scan()) }).toEqual({ where, tidied: doneState });
        }
        await checkRepetition(state, where);
      }
    }
  });

  test("throttling without end", async () => {
    for (const { call } of calls) {
      const where = `throttled from call ${call} on`;
      const outcome = await run(operation, { kind: "throttle", when: "before", call }, direct);
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

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((line, index) => line === b[index]);
}
