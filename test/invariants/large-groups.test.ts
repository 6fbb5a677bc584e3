/**
 * Groups that fit no transaction, whose sets are written aside: every operation on them, cut off at its calls to DynamoDB
 * and interleaved with another one. DESIGN §1, invariants 3 to 5, and that nothing stays behind.
 */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { asideLifetimeMs } from "../../lambda/domain/limits.ts";
import { carryChange } from "../../lambda/domain/propagation.ts";
import { createRuntime } from "../../lambda/runtime/runtime.ts";
import { countCalls } from "../support/counting-client.ts";
import { type Fault, injectFaults } from "../support/faulty-client.ts";
import { createSeededRandom, seedFromEnvironment } from "../support/seeded-random.ts";
import { type ServiceResponse, startService, type TestConnection } from "../support/service.ts";
import { startTable, type TestTable } from "../support/table.ts";
import { checkItems } from "./check-table.ts";
import { interpose, noRetries } from "./disturbed-client.ts";
import { seedFarApartUsers } from "./far-apart-users.ts";
import { nameMark, patchOf } from "./operations.ts";
import { shareOf } from "./share.ts";
import { type RawItem, scanTable } from "./table-contents.ts";
import { restoreTable } from "./table-copy.ts";
import { rowKeysOf, tidyUp } from "./tidying.ts";

const seed = seedFromEnvironment();
/** The default run leaves out what follows from the rest; with THOROUGH=1 nothing is left out. */
const thorough = process.env["THOROUGH"] !== undefined;

const madeAt = Date.UTC(2026, 0, 1, 12);

let table: TestTable;
/** The table as every test finds it: one connection with unique group names, one group of half its users. */
let items: readonly RawItem[];
/** Of what changes, what the table holds now, where that is known. */
let present: readonly RawItem[] | undefined;
let clock: number;
let connection: TestConnection;
/** The same through a service that looks on. */
let watching: TestConnection;
/** Of the users, one on each of 112 pages, and another one on each. */
let those: readonly string[];
let others: readonly string[];
let groupPath: string;
/** A group of two who lie far apart on one page. */
let pairPath: string;

/** A service whose calls fail on demand, and one that is held up before its calls. */
let failing: Actor;
let held: Actor;
let healthy: Actor;
/** Waited for before each call of the one that is held up. */
let beforeCall: () => Promise<void> = async () => {};

interface Actor {
  readonly faults: ReturnType<typeof injectFaults>;
  readonly counter: ReturnType<typeof countCalls>;
  scim(operation: Operation): Promise<ServiceResponse>;
}

async function openActor(chance: number, before: () => Promise<void> = async () => {}): Promise<Actor> {
  const client = table.newClient(noRetries);
  const counter = countCalls(client);
  const faults = injectFaults(client);
  interpose(client, before);
  const random = createSeededRandom(chance);
  const service = await startService({
    table,
    client,
    clock: () => clock,
    random: (length) => random.bytes(length),
    // Whoever waits gives up in a few rounds, and far sooner than others take him for dead.
    sleep: async () => {
      clock += 1_000;
    },
  });
  const { scim } = service.adopt(connection);
  return {
    faults,
    counter,
    scim({ method, path, body }) {
      present = undefined;
      return scim(method, path(), body && { body: body() });
    },
  };
}

beforeAll(async () => {
  table = await startTable();
  clock = madeAt;
  const service = await startService({ table, clock: () => clock });
  const project = await service.createProject({});
  connection = await service.createConnection({ uniqueGroupNames: true }, project);
  const place = { ...table, projectId: project.id, connectionId: connection.connection.id };
  const [first, second] = await seedFarApartUsers(place, [0, 3_000]);
  [those, others] = [first!, second!];
  const created = await connection.scim("POST", "/Groups", {
    body: { displayName: `Large ${nameMark}`, externalId: "x-large", members: those.map(asMember) },
  });
  expect(created.status).toBe(201);
  groupPath = `/Groups/${created.body.id}`;
  const pair = await connection.scim("POST", "/Groups", {
    body: { displayName: `Pair ${nameMark}`, members: [those[5]!, others[5]!].map(asMember) },
  });
  pairPath = `/Groups/${pair.body.id}`;
  items = await scanTable(table.client, table.tableName);
  watching = (await startService({ table, clock: () => clock })).adopt(connection);
  failing = await openActor(seed);
  held = await openActor(seed + 1, () => beforeCall());
  healthy = await openActor(seed + 2);
});
afterAll(() => table.stop());
beforeEach(restore);

async function restore(): Promise<void> {
  await restoreTo(items);
}

async function restoreTo(wanted: readonly RawItem[]): Promise<void> {
  const changing = wanted.filter(changes);
  await restoreTable(table, changing, present ?? (await scanChanging()));
  present = changing;
  clock = madeAt;
}

/** The users and all that is kept beside them stay as they are: most of the table, and not worth a look each time. */
function changes({ pk, sk }: RawItem): boolean {
  return (
    pk!.S!.startsWith("G#") ||
    pk!.S!.startsWith("F#") ||
    pk!.S!.endsWith("#GROUPNAMES") ||
    pk!.S!.endsWith("#REFERENCES") ||
    sk!.S!.startsWith("FORMERGROUP#")
  );
}

async function scanChanging(): Promise<readonly RawItem[]> {
  const filter = {
    FilterExpression:
      "begins_with(pk, :groups) OR begins_with(pk, :failures) OR contains(pk, :names) OR contains(pk, :references) " +
      "OR begins_with(sk, :former)",
    ExpressionAttributeValues: {
      ":groups": { S: "G#" },
      ":failures": { S: "F#" },
      ":former": { S: "FORMERGROUP#" },
      ":names": { S: "#GROUPNAMES" },
      ":references": { S: "#REFERENCES" },
    },
  };
  return scanTable(table.client, table.tableName, filter);
}

async function tidy(): Promise<void> {
  present = undefined;
  await tidyUp(table, () => clock);
}

async function scan(): Promise<readonly RawItem[]> {
  present = await scanChanging();
  return [...items.filter((item) => !changes(item)), ...present];
}

const asMember = (value: string) => ({ value });

interface Operation {
  readonly name: string;
  readonly method: string;
  readonly path: () => string;
  readonly body?: () => object;
  readonly status: number;
  /** What a repetition may say after the operation took effect, beside `status`. */
  readonly repeated?: readonly number[];
}

const group = { path: () => groupPath, status: 200 } as const;
const operations = {
  create: {
    name: "create",
    method: "POST",
    path: () => "/Groups",
    body: () => ({ displayName: `New ${nameMark}`, externalId: "x-new", members: others.map(asMember) }),
    status: 201,
    repeated: [409],
  },
  put: {
    ...group,
    name: "PUT, renaming",
    method: "PUT",
    body: () => ({ displayName: `Renamed ${nameMark}`, members: others.map(asMember) }),
  },
  replace: {
    ...group,
    name: "replace the members",
    method: "PATCH",
    body: () => patchOf({ op: "replace", path: "members", value: others.map(asMember) }),
  },
  add: {
    ...group,
    name: "add many",
    method: "PATCH",
    body: () => patchOf({ op: "add", path: "members", value: others.map(asMember) }),
  },
  clear: {
    ...group,
    name: "remove all",
    method: "PATCH",
    body: () => patchOf({ op: "remove", path: "members" }),
  },
  delete: { ...group, name: "delete", method: "DELETE", status: 204, repeated: [404] },
} as const satisfies Record<string, Operation>;

/** Another large change of what any of them leaves. */
const changeBack: Operation = {
  ...group,
  name: "change back",
  method: "PATCH",
  body: () => patchOf({ op: "replace", path: "members", value: those.slice(1).map(asMember) }),
};

/** What operations on large groups meet. */
const rivals = {
  ...operations,
  addOne: {
    ...group,
    name: "add one",
    method: "PATCH",
    body: () => patchOf({ op: "add", path: "members", value: [{ value: others[5] }] }),
  },
  removeTwo: {
    ...group,
    name: "remove two on different pages",
    method: "PATCH",
    body: () => patchOf({ op: "remove", path: "members", value: [{ value: those[5] }, { value: those[6] }] }),
  },
  removeFirst: {
    name: "remove one of two",
    method: "PATCH",
    path: () => pairPath,
    body: () => patchOf({ op: "remove", path: `members[value eq "${those[5]}"]` }),
    status: 200,
  },
  removeSecond: {
    name: "remove the other one",
    method: "PATCH",
    path: () => pairPath,
    body: () => patchOf({ op: "remove", path: `members[value eq "${others[5]}"]` }),
    status: 200,
  },
  rename: {
    ...group,
    name: "rename",
    method: "PATCH",
    body: () => patchOf({ op: "replace", path: "displayName", value: `New ${nameMark}` }),
  },
  read: { ...group, name: "read", method: "GET" },
  list: { name: "list", method: "GET", path: () => "/Groups", status: 200 },
} as const satisfies Record<string, Operation>;

/** Every group there is, without what chance has given. */
async function shown(): Promise<readonly string[]> {
  const list = await watching.scim("GET", "/Groups?count=500&attributes=id");
  expect(list.status).toBe(200);
  const ids: readonly string[] = list.body.Resources.map(({ id }: { id: string }) => id);
  const groups = await Promise.all(ids.map((id) => watching.scim("GET", `/Groups/${id}`)));
  return groups.map(({ body }) => printGroup(body)).sort();
}

// biome-ignore lint/suspicious/noExplicitAny: an untyped answer, as everywhere in these tests
function printGroup({ displayName, externalId, members = [], meta }: any): string {
  const ids = members.map(({ value }: { value: string }) => value).sort();
  return `${displayName} ${externalId} ${meta.version}: ${ids}`;
}

const writingCommands: ReadonlySet<string> = new Set(["TransactWriteItems", "UpdateItem", "BatchWriteItem"]);

type Cut = Pick<Fault, "call" | "when">;

/**
 * Where to cut an operation off: before and after each write. Of equal batches in a row one stands for all, amid them: before
 * the first and after the last there is what the writes around them leave. A read leaves what the write before it left, and
 * before the first write there is nothing to leave.
 */
function cutsOf(commands: readonly string[], kind: Fault["kind"]): readonly Cut[] {
  const all = commands.flatMap((command, index): readonly Cut[] =>
    (writingCommands.has(command) ? (["before", "after"] as const) : (["before"] as const)).map((when) => ({
      call: index + 1,
      when,
    })),
  );
  const firstWrite = commands.findIndex((command) => writingCommands.has(command)) + 1;
  const isBatch = (call: number): boolean => commands[call - 1] === "BatchWriteItem";
  const isAmid = (call: number): boolean => isBatch(call - 1) && !isBatch(call - 2);
  const isWorthwhile = ({ call, when }: Cut): boolean =>
    isBatch(call)
      ? when === "after" && isAmid(call)
      : writingCommands.has(commands[call - 1]!) && (call > firstWrite || when === "after");
  const cuts = thorough ? all : all.filter(isWorthwhile);
  // What is throttled never takes effect.
  const isSecond = ({ call }: Cut, index: number): boolean => cuts[index - 1]?.call === call;
  return kind === "throttle" ? cuts.filter((cut, index) => !isSecond(cut, index)) : cuts;
}

/** Creating and replacing go the same ways, whatever it is that asks for it. */
const tried: readonly Operation[] = Object.values<Operation>(operations).filter(
  (operation) => thorough || operation !== operations.replace,
);

describe.each(tried)("$name", (operation) => {
  let old: readonly string[];
  let done: readonly string[];
  let commands: readonly string[];

  beforeAll(async () => {
    await restore();
    old = await shown();
    healthy.counter.reset();
    expect((await healthy.scim(operation)).status).toBe(operation.status);
    ({ commands } = healthy.counter.tally());
    done = await shown();
  });

  test("undisturbed leaves nothing aside", async () => {
    await healthy.scim(operation);
    expect(checkItems(await scan())).toEqual([]);
    expect(done).not.toEqual(old);
    expect(commands.filter((command) => command === "BatchWriteItem").length).toBeGreaterThan(4);
  });

  /** What a fault leaves, at each place to cut the operation off. */
  async function* outcomes(kind: Fault["kind"]) {
    for (const { call, when } of shareOf(cutsOf(commands, kind), seed, 3)) {
      const where = `${kind} ${when} call ${call} (${commands[call - 1]})`;
      await restore();
      failing.faults.arm({ kind, when, call });
      const answer = await failing.scim(operation);
      expect(failing.faults.hasFired(), where).toBe(true);
      failing.faults.disarm();
      const seen = await shown();
      expect([old, done], where).toContainEqual(seen);
      if (answer.status < 300) expect(seen, where).toEqual(done);
      const left = await scan();
      expect(checkItems(left, { tidyingPending: true }), where).toEqual([]);
      yield { where, answer, seen, left };
    }
  }

  test("the death of the process leaves the old group or the new one, and what is left is tidied up", async () => {
    let outcomesSeen = 0;
    for await (const { where, seen, left } of outcomes("crash")) {
      const tookEffect = seen === done || seen.join() === done.join();
      clock = madeAt + asideLifetimeMs;
      await tidy();
      expect(checkItems(await scan()), `${where}, tidied up`).toEqual([]);
      expect(await shown(), `${where}, tidied up`).toEqual(seen);

      // The same without anybody to tidy up: the request comes again, then another large change.
      if (!thorough && outcomesSeen++ % 2 === 1) continue;
      await restoreTo(left);
      clock = madeAt + asideLifetimeMs;
      const repeated = await healthy.scim(operation);
      const allowed = tookEffect ? [operation.status, ...(operation.repeated ?? [])] : [operation.status];
      expect(allowed, `${where}, repeated`).toContain(repeated.status);
      expect(await shown(), `${where}, repeated`).toEqual(done);
      if (operation.method === "DELETE") continue;
      expect((await healthy.scim(changeBack)).status, `${where}, changed again`).toBe(200);
      expect(checkItems(await scan()), `${where}, changed again`).toEqual([]);
    }
  });

  const telling = operation !== operations.add && operation !== operations.clear;
  test.runIf(telling || thorough)(
    "lost answers and throttling leave the old or the new, and say so",
    async () => {
      for (const kind of ["network", "throttle"] as const) {
        for await (const { where, answer, seen } of outcomes(kind)) {
          if (answer.status < 300) continue;
          expect(answer.status, where).toBe(kind === "network" ? 503 : 429);
          expect(answer.headers, where).toHaveProperty("retry-after");
          // Of a lost answer nobody knows; who is told to come again has changed nothing.
          if (answer.status === 429) expect(seen, where).toEqual(old);
          // A writer that lives says that it has given up: whoever comes next need not wait.
          if (kind === "network") {
            const { status } = await healthy.scim(operation);
            expect([operation.status, ...(operation.repeated ?? [])], `${where}, repeated`).toContain(status);
            expect(await shown(), `${where}, repeated`).toEqual(done);
          }
        }
      }
    },
  );
});

/** The handler itself, rung by what is left; it also carries memberships to the members, which the auditor looks at, too. */
test.each([operations.create, operations.put, operations.delete] as readonly Operation[])(
  "the stream handler removes what is left of: $name",
  async (operation) => {
    await healthy.counter.measure(() => healthy.scim(operation));
    const call = healthy.counter.tally().commands.indexOf("BatchWriteItem") + 2;
    await restore();
    failing.faults.arm({ kind: "crash", when: "after", call });
    await failing.scim(operation);
    failing.faults.disarm();
    const seen = await shown();
    const left = await scan();
    expect(checkItems(left)).not.toEqual([]);

    clock = madeAt + asideLifetimeMs;
    const { context } = createRuntime({ ...table, clock: () => clock, sleep: async () => {} });
    present = undefined;
    for (const key of rowKeysOf(left)) await carryChange(context, key);
    expect(checkItems(await scanTable(table.client, table.tableName))).toEqual([]);
    expect(await shown()).toEqual(seen);
  },
);

interface Outcome {
  readonly statuses: readonly number[];
  readonly state: readonly string[];
  /** What a GET showed of members and names. */
  readonly seen: unknown;
}

/** Runs `rival` before the k-th call of `operation`, or before or after all of it; `commands` are those it made. */
async function interleave(
  operation: Operation,
  rival: Operation | undefined,
  at: number,
): Promise<Outcome & { readonly commands: readonly string[]; readonly findings: readonly string[] }> {
  await restore();
  let other: number | undefined;
  const runRival = async () => {
    if (rival === undefined) await tidy();
    else other ??= (await healthy.scim(rival)).status;
  };
  let calls = 0;
  beforeCall = async () => {
    if (++calls === at) await runRival();
  };
  if (at === 0) await runRival();
  held.counter.reset();
  const answer = await held.scim(operation);
  const { commands } = held.counter.tally();
  beforeCall = async () => {};
  if (at === Number.POSITIVE_INFINITY) await runRival();
  const findings = checkItems(await scan());
  return {
    commands,
    findings,
    statuses: [answer.status, ...(other === undefined ? [] : [other])],
    state: await shown(),
    seen: operation.method === "GET" ? seenIn(answer.body) : undefined,
  };
}

// biome-ignore lint/suspicious/noExplicitAny: an untyped answer, as everywhere in these tests
function seenIn(body: any): unknown {
  const groups = body.Resources ?? [body];
  return groups.map((resource: object) => printGroup({ ...resource, meta: {} })).sort();
}

/** Each with those that touch what it touches; nobody: the stream handler tidies up. */
const meetings: readonly (readonly [Operation, readonly (Operation | undefined)[]])[] = [
  [operations.put, [changeBack, rivals.removeTwo, rivals.rename, operations.delete, undefined]],
  [operations.add, [operations.put]],
  [operations.create, [operations.create]],
  [operations.delete, [operations.put]],
  [rivals.read, [operations.put, rivals.removeTwo]],
  [rivals.list, [operations.put]],
  [rivals.removeFirst, [rivals.removeSecond]],
];

const everyone: readonly Operation[] = Object.values(rivals);
const pairs = thorough
  ? everyone.flatMap((first) => [...everyone, undefined].map((second) => [first, second] as const))
  : meetings.flatMap(([first, seconds]) => seconds.map((second) => [first, second] as const));
/** The others are run one after the other alone. */
const interleaved = new Set(shareOf(pairs, seed, 4));

const named = (pair: (typeof pairs)[number]) => {
  const [first, second] = pair;
  return { first, second, name: second?.name ?? "tidying up" };
};

test.each(pairs.filter((pair) => !interleaved.has(pair)).map(named))(
  "$first.name, then: $name",
  async ({ first, second }) => {
    const { findings, statuses } = await interleave(first, second, Number.POSITIVE_INFINITY);
    expect(findings).toEqual([]);
    for (const status of statuses) expect(status).toBeLessThan(429);
  },
);

test.each(pairs.filter((pair) => interleaved.has(pair)).map(named))(
  "$first.name, with: $name",
  async ({ first, second, name }) => {
    const strip = ({ statuses, state, seen }: Outcome): Outcome => ({ statuses, state, seen });
    const last = await interleave(first, second, Number.POSITIVE_INFINITY);
    const serial = [last, await interleave(first, second, 0)].map(strip);
    for (const at of shareOf(placesAmid(last.commands), seed, 2)) {
      const outcome = await interleave(first, second, at);
      const where = `"${name}" before call ${at} (${last.commands[at - 1]})`;
      expect({ where, findings: outcome.findings }).toEqual({ where, findings: [] });
      const [status, otherStatus] = outcome.statuses;
      // Who waits in vain for the other to be done is told so, and has changed nothing.
      const other = otherStatus === 429 ? first : status === 429 ? second : undefined;
      if (other !== undefined) {
        expect({ where, state: outcome.state }).toEqual({ where, state: await stateAfter(other) });
      } else {
        expect(serial, where).toContainEqual(strip(outcome));
      }
    }
  },
);

/** Before each call; the first of equal batches stands for all of them, and the last read for those that come before it. */
function placesAmid(commands: readonly string[]): readonly number[] {
  const calls = commands.map((_, index) => index + 1);
  const firstWrite = commands.findIndex((command) => writingCommands.has(command)) + 1;
  const isBatch = (call: number): boolean => commands[call - 1] === "BatchWriteItem";
  return thorough
    ? calls
    : calls.filter((call) => call >= firstWrite - 1 && !(isBatch(call) && isBatch(call - 1)));
}

const statesAfter = new Map<Operation, readonly string[]>();

/** What an operation makes of the table all by itself. */
async function stateAfter(operation: Operation): Promise<readonly string[]> {
  const known =
    statesAfter.get(operation) ?? (await interleave(operation, undefined, Number.POSITIVE_INFINITY)).state;
  statesAfter.set(operation, known);
  return known;
}
