/**
 * Memberships reach the members whatever the stream does on the way: batches that fail, come twice or out of order, and a
 * handler that dies at any of its calls. When everything has been delivered in the end, what was derived equals what it is
 * derived from, and delivering all of it once more changes nothing.
 */

import { randomBytes } from "node:crypto";
import type { DynamoDBStreamEvent } from "aws-lambda";
import { afterEach, describe, expect, test } from "vitest";
import type { StreamHandler, StreamPump } from "../../bin/local/stream-pump.ts";
import { newGroupId } from "../../lambda/domain/ids.ts";
import { carryChange } from "../../lambda/domain/propagation.ts";
import { createPropagationHandler } from "../../lambda/handlers/propagation.ts";
import { createRuntime } from "../../lambda/runtime/runtime.ts";
import { propagationMapping } from "../../lambda/stream/stream-mapping.ts";
import { membersItems } from "../../lambda/table/group-members.ts";
import { type Key, ringingPrefix } from "../../lambda/table/keys.ts";
import { pagesOf } from "../../lambda/table/numbers.ts";
import { injectFaults } from "../support/faulty-client.ts";
import { createSeededRandom, type SeededRandom, seedFromEnvironment } from "../support/seeded-random.ts";
import { startService, type TestConnection, type TestService } from "../support/service.ts";
import { startPump } from "../support/stream.ts";
import { startTable, type TestTable } from "../support/table.ts";
import { checkMemberships } from "./check-memberships.ts";
import { checkTable } from "./check-table.ts";
import { seedFarApartUsers } from "./far-apart-users.ts";
import { scanTable } from "./table-contents.ts";

const seed = seedFromEnvironment();

let table: TestTable;
let pump: StreamPump | undefined;
afterEach(async () => {
  await pump?.stop();
  await table.stop();
});

describe(`seed ${seed}`, () => {
  test("a stream that fails, repeats, reorders and crashes brings every membership home", async () => {
    const random = createSeededRandom(seed);
    table = await startTable({ stream: true });
    const service = await startService({ table });
    const seen: DynamoDBStreamEvent[] = [];
    pump = await startPump(table, unreliable(random, seen));

    const connection = await service.createConnection({}, await service.createProject());
    await live(random, service, connection, 40);
    await pump.drain();
    expect(pump.parked).toEqual([]);
    expect(await findings()).toEqual([]);

    const before = await scanTable(table.client, table.tableName);
    const handler = handlerOver(table);
    for (const event of random.shuffle(seen)) await handler(event, context);
    expect(await scanTable(table.client, table.tableName)).toEqual(before);
  });
});

describe(`seed ${seed}: killed at some call, the next run ends what was begun`, () => {
  // A carry over all pages makes hundreds of calls: one of them each run, and others with another seed.
  const random = createSeededRandom(seed);
  const calls = [random.below(300)];

  test.each(calls.map((call) => call + 1))("at call %i", async (call) => {
    table = await startTable();
    pump = undefined;
    const service = await startService({ table });
    const project = await service.createProject();
    const connection = await service.createConnection({}, project);
    const place = { projectId: project.id, connectionId: connection.connection.id };
    const [far = []] = await seedFarApartUsers({ ...table, ...place }, [7]);
    const members = far.map((value) => ({ value }));
    let group = "";
    const post = async (body: object) => {
      group = (await connection.scim("POST", "/Groups", { body })).body.id;
    };
    const put = (ids: readonly object[]) =>
      connection.scim("PUT", `/Groups/${group}`, { body: { displayName: "Far", members: ids } });
    // Few in one transaction, all of them under a new generation, and the end of it all.
    const changes: readonly (() => Promise<unknown>)[] = [
      () => post({ displayName: "Far", members: members.slice(0, 3) }),
      () => put(members.slice(2, 5)),
      () => put(members),
      () => put(members.slice(0, 1)),
      () => connection.scim("DELETE", `/Groups/${group}`),
      () => post({ displayName: "Far", members }),
      () => connection.scim("DELETE", `/Groups/${group}`),
    ];
    const client = table.newClient({ maxAttempts: 1 });
    const faults = injectFaults(client);
    for (const change of changes) {
      const before = await ringingKeys();
      await change();
      const keys = new Map([...before, ...(await ringingKeys())].map((key) => [`${key.pk} ${key.sk}`, key]));
      faults.arm({ call, when: random.pick(["before", "after"]), kind: "crash" });
      await carryAll(client, keys.values()).catch(() => {});
      faults.disarm();
      await carryAll(client, keys.values());
      expect(await findings()).toEqual([]);
    }
  });
});

test("what rings when its group, connection and project are gone finds nothing to do and leaves nothing", async () => {
  table = await startTable();
  pump = undefined;
  const service = await startService({ table });
  const project = await service.createProject();
  const connection = await service.createConnection({}, project);
  const users = [];
  for (const userName of ["ada@x.test", "bob@x.test"]) {
    users.push((await connection.scim("POST", "/Users", { body: { userName } })).body.id);
  }
  const groups = [];
  for (const displayName of ["Gone", "Left"]) {
    const members = users.map((value) => ({ value }));
    groups.push((await connection.scim("POST", "/Groups", { body: { displayName, members } })).body.id);
  }
  const keys = await ringingKeys();
  await carryAll(table.client, keys);
  await connection.scim("DELETE", `/Groups/${groups[0]}`);
  await service.admin("DELETE", `/projects/${project.id}/connections/${connection.connection.id}`);
  expect((await service.admin("DELETE", `/projects/${project.id}`)).status).toBe(204);
  await carryAll(table.client, keys);
  expect(await scanTable(table.client, table.tableName)).toEqual([]);
});

test("a member whose item names no other group is left without one", async () => {
  table = await startTable();
  pump = undefined;
  const service = await startService({ table });
  const connection = await service.createConnection();
  const user = (await connection.scim("POST", "/Users", { body: { userName: "ada@x.test" } })).body.id;
  const body = { displayName: "Only", members: [{ value: user }] };
  const { id } = (await connection.scim("POST", "/Groups", { body })).body;
  const keys = await ringingKeys();
  await carryAll(table.client, keys);
  await connection.scim("DELETE", `/Groups/${id}`);
  await carryAll(table.client, keys);
  const derived = (await scanTable(table.client, table.tableName)).map(({ pk }) => pk?.S ?? "");
  expect(derived.filter((pk) => pk.includes("#MEMBERSHIPS#") || pk.includes("#MIRROR"))).toEqual([]);
});

test("a page that a dead writer put of a group that is gone is removed when it rings", async () => {
  table = await startTable();
  pump = undefined;
  const service = await startService({ table });
  const { project, connection } = await service.createConnection();
  const id = newGroupId(connection.id, Date.now(), randomBytes);
  const { context: withTable } = createRuntime({ client: table.client, tableName: table.tableName });
  const place = { projectId: project.id, groupId: id, kind: "S", generation: "late" } as const;
  await withTable.store.place(membersItems(place, pagesOf([1, 2, 3])));
  await carryAll(table.client, await ringingKeys());
  expect(await ringingKeys()).toEqual([]);
});

/** What has rung, or may yet. */
async function ringingKeys(): Promise<readonly Key[]> {
  const items = await scanTable(table.client, table.tableName);
  return items
    .map(({ pk, sk }) => ({ pk: pk?.S ?? "", sk: sk?.S ?? "" }))
    .filter(({ pk }) => pk.startsWith(ringingPrefix));
}

async function carryAll(client: TestTable["client"], keys: Iterable<Key>): Promise<void> {
  const { context: withTable } = createRuntime({
    client,
    tableName: table.tableName,
    sleep: async () => {},
  });
  for (const key of keys) await carryChange(withTable, key);
}

async function findings(): Promise<readonly string[]> {
  return [...checkMemberships(await scanTable(table.client, table.tableName)), ...(await checkTable(table))];
}

const context = {
  awsRequestId: "test",
  getRemainingTimeInMillis: () => 120_000,
} as Parameters<StreamHandler>[1];

function handlerOver({
  client,
  tableName,
}: {
  client: TestTable["client"];
  tableName: string;
}): StreamHandler {
  return createPropagationHandler(createRuntime({ client, tableName, sleep: async () => {} }));
}

/** A handler as a bad day makes it: each time it may fail, do everything twice, in another order, or die half-way. */
function unreliable(random: SeededRandom, seen: DynamoDBStreamEvent[]): StreamHandler {
  const client = table.newClient({ maxAttempts: 1 });
  const faults = injectFaults(client);
  const handler = handlerOver({ client, tableName: table.tableName });
  // What goes wrong must not be so much that the mapping gives a batch up.
  let inARow = 0;
  return async (event, lambdaContext) => {
    seen.push(event);
    const calm = inARow >= propagationMapping.retryAttempts / 2;
    inARow++;
    const mood = calm ? 1 : random.next();
    if (mood < 0.15) throw new Error("failed before it began");
    const records = mood < 0.4 ? random.shuffle(event.Records) : event.Records;
    if (mood < 0.6)
      faults.arm({ call: 1 + random.below(6), when: random.pick(["before", "after"]), kind: "crash" });
    try {
      const answer = await handler({ Records: [...records] }, lambdaContext);
      // Handled in another order, the first that failed says nothing of the ones behind it.
      if (records !== event.Records && JSON.stringify(answer) !== '{"batchItemFailures":[]}') {
        throw new Error("failed out of order");
      }
      if (mood > 0.9) await handler(event, lambdaContext);
      inARow = 0;
      return answer;
    } finally {
      faults.disarm();
    }
  };
}

/** Users and groups that come, change and go, as an IdP and an admin make them. */
async function live(
  random: SeededRandom,
  service: TestService,
  connection: TestConnection,
  steps: number,
): Promise<void> {
  const users: string[] = [];
  const groups: string[] = [];
  const ok = async (answer: ReturnType<TestConnection["scim"]>, ...also: number[]) => {
    const { status, body } = await answer;
    expect(status < 300 || also.includes(status), JSON.stringify(body)).toBe(true);
    return body;
  };
  const someUsers = () => random.shuffle(users).slice(0, 1 + random.below(users.length));
  const asMembers = (ids: readonly string[]) => ids.map((value) => ({ value }));
  const patch = (...Operations: object[]) =>
    ok(connection.scim("PATCH", `/Groups/${random.pick(groups)}`, { body: { Operations } }));
  for (let n = 0; n < 40; n++) {
    users.push((await ok(connection.scim("POST", "/Users", { body: { userName: `u${n}@x.test` } }))).id);
  }
  for (let step = 0; step < steps; step++) {
    const dice = random.below(12);
    if (groups.length < 3 || dice === 0) {
      const body = { displayName: `Group ${step}`, members: asMembers(someUsers()) };
      groups.push((await ok(connection.scim("POST", "/Groups", { body }))).id);
    } else if (dice < 5) {
      await patch({ op: "add", path: "members", value: asMembers(someUsers()) });
    } else if (dice < 8) {
      await patch({ op: "remove", path: "members", value: asMembers(someUsers()) });
    } else if (dice === 8) {
      await patch({ op: "replace", path: "members", value: asMembers(someUsers()) });
    } else if (dice === 9) {
      const index = random.below(groups.length);
      await ok(connection.scim("DELETE", `/Groups/${groups.splice(index, 1)[0]}`));
    } else if (dice === 10 && users.length > 5) {
      const [id] = users.splice(random.below(users.length), 1);
      await ok(connection.scim("DELETE", `/Users/${id}`));
    } else {
      await ok(service.admin("GET", `/projects/${connection.project.id}/members?limit=5`));
    }
  }
}
