/** Reads of members, with what is kept of their groups and without. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Member } from "../../lambda/domain/member.ts";
import { createRuntime } from "../../lambda/runtime/runtime.ts";
import { memberGroupsKey } from "../../lambda/table/keys.ts";
import { readMember, readMembers, readMembersByHome } from "../../lambda/table/member-reads.ts";
import { walkByNumber, walkByRoster } from "../../lambda/table/member-walks.ts";
import type { Store } from "../../lambda/table/store.ts";
import type { Walk } from "../../lambda/table/walk.ts";
import { seedUsers } from "../support/seed-users.ts";
import { createSeededRandom, seedFromEnvironment } from "../support/seeded-random.ts";
import { startService, type TestService } from "../support/service.ts";

const memberCount = 700;

let service: TestService;
let store: Store;
beforeAll(async () => {
  service = await startService();
  store = createRuntime({ client: service.table.client, tableName: service.table.tableName }).context.store;
});
afterAll(() => service.stop());

/** A project of which those members have an item of groups that `has` says. */
async function projectWith(has: (number: number) => boolean) {
  const connection = await service.createConnection();
  const projectId = connection.project.id;
  const connectionId = connection.connection.id;
  const { client, tableName } = service.table;
  await seedUsers({ client, tableName, projectId, connectionId, count: memberCount, rowsOnly: true });
  await store.place(
    all
      .filter(has)
      .map((number) => ({ ...memberGroupsKey(projectId, number), groups: new Set([`group-of-${number}`]) })),
  );
  return { projectId, connectionId };
}
const all = Array.from({ length: memberCount }, (_, number) => number);
const numbersOf = (members: readonly Member[]) => members.map(({ number }) => number);

async function walked(walk: Walk<{ readonly member: Member; readonly place: string }>) {
  const met: number[] = [];
  let after: string | undefined;
  for (let stretches = 0; stretches < 100; stretches++) {
    const { steps, place, end } = await walk(after);
    met.push(...steps.map(({ member }) => member.number));
    if (end) return met;
    after = place;
  }
  throw new Error("the walk has no end");
}

describe.each<[string, (number: number) => boolean]>([
  ["everyone has", () => true],
  ["nobody has", () => false],
])("with items of groups that %s", (_, has) => {
  let projectId: string;
  let connectionId: string;
  beforeAll(async () => {
    ({ projectId, connectionId } = await projectWith(has));
  });

  test("the walk by number meets every member once, from wherever it goes on", async () => {
    const walk = await walkByNumber(store, projectId);
    expect(await walked(walk)).toEqual(all);
    for (const after of [0, 1, 123, 124, 125, 249, 250, 698]) {
      const { steps } = await walk(String(after));
      expect(steps[0]?.member.number).toBe(after + 1);
    }
  });

  test("the walk by roster, too", async () => {
    expect(await walked(await walkByRoster(store, projectId, connectionId))).toEqual(all);
  });

  test("ranges, gaps and single ones are read without them", async () => {
    const random = createSeededRandom(seedFromEnvironment());
    for (let round = 0; round < 6; round++) {
      const share = random.next();
      const some = all.filter(() => random.next() < share);
      expect([random.seed, numbersOf(await readMembers(store, projectId, some))]).toEqual([
        random.seed,
        some,
      ]);
    }
    expect(numbersOf(await readMembers(store, projectId, [5, 6, 7, 8]))).toEqual([5, 6, 7, 8]);
    expect((await readMember(store, projectId, 5))?.number).toBe(5);
    expect(await readMember(store, projectId, memberCount)).toBeUndefined();
  });
});

test("members are found by their first numbers, also those who moved", async () => {
  const connection = await service.createConnection();
  const ids = new Map<string, string>();
  for (let round = 0; round < 3; round++) {
    for (const userName of ["ada", "bob", "carl"]) {
      if (round > 0 && userName === "carl") continue;
      const earlier = ids.get(userName);
      if (earlier !== undefined) await connection.scim("DELETE", `/Users/${earlier}`);
      const { body } = await connection.scim("POST", "/Users", { body: { userName } });
      ids.set(userName, body.id);
    }
  }
  const members = await readMembers(store, connection.project.id, all);
  const homes = members.map(({ homeNumber }) => homeNumber).sort((a, b) => a - b);
  const found = await readMembersByHome(store, connection.project.id, homes);
  const names = (of: Iterable<Member>) => [...of].map(({ attributes }) => attributes["userName"]).sort();
  expect(names(members)).toEqual(["ada", "bob", "carl"]);
  expect(names(found.values())).toEqual(["ada", "bob", "carl"]);
  expect([...found].map(([home, member]) => home === member.homeNumber)).toEqual([true, true, true]);
  // They have moved indeed.
  expect(members.filter(({ number, homeNumber }) => number !== homeNumber)).toHaveLength(2);
});
