/**
 * Crowds on groups, over three instances on one table, in an order that a seed decides: DESIGN §1, invariants 3 to 5. SEED
 * replays a run; `run-seeds.ts` runs many.
 */

import { afterEach, describe, expect, test } from "vitest";
import { numberOf, stripes } from "../../lambda/table/numbers.ts";
import { seedFromEnvironment } from "../support/seeded-random.ts";
import type { ServiceResponse, TestService } from "../support/service.ts";
import { checkTable } from "./check-table.ts";
import { seedFarApartUsers, seedNumbers } from "./far-apart-users.ts";
import { patchOf } from "./operations.ts";
import { type Calm, countStatuses, crowd, type Ground, insist, openGround } from "./race-ground.ts";
import { shareOf } from "./share.ts";
import { scanTable } from "./table-contents.ts";
import { tidyUp } from "./tidying.ts";

const seed = seedFromEnvironment();

let ground: Ground;
let users: readonly string[];
afterEach(() => ground.stop());

async function open(offset: number, count: number, disturbance: Calm = {}): Promise<void> {
  await openEmpty(offset, disturbance);
  users = await seedUsers(count);
}

/** On all first pages; on each, some in one chunk of its bits and some in others, which know nothing of each other. */
function seedUsers(count: number): Promise<readonly string[]> {
  const numbers = Array.from({ length: count }, (_, index) =>
    numberOf(index % stripes, Math.floor(index / stripes) * 75),
  );
  return seedNumbers(place(), numbers);
}

/** Sets of users of which each touches more pages than one transaction could. */
async function openWide(offset: number, disturbance: Calm = {}): Promise<readonly (readonly string[])[]> {
  await openEmpty(offset, disturbance);
  const sets = await seedFarApartUsers(place(), [0, 3_000]);
  return sets.map((ids) => [...ids].sort());
}

async function openEmpty(offset: number, disturbance: Calm): Promise<void> {
  ground = await openGround(seed + offset, { disturbance, connection: { uniqueGroupNames: true } });
}

function place() {
  const { project, connection, table } = ground;
  return { ...table, projectId: project.id, connectionId: connection.connection.id };
}

const asMembers = (ids: readonly string[]) => ids.map((value) => ({ value }));
const scim = (instance: TestService, method: string, path: string, body?: object, ifMatch?: string) =>
  instance.adopt(ground.connection).scim(method, path, {
    ...(body && { body }),
    ...(ifMatch !== undefined && { headers: { "If-Match": ifMatch } }),
  });
const post = (instance: TestService, displayName: string, members: readonly string[] = []) =>
  scim(instance, "POST", "/Groups", { displayName, members: asMembers(members) });
const patch = (instance: TestService, id: string, ...operations: readonly object[]) =>
  scim(instance, "PATCH", `/Groups/${id}`, patchOf(...operations));
const adding = (...ids: readonly string[]) => ({ op: "add", path: "members", value: asMembers(ids) });
const removing = (id: string) => ({ op: "remove", path: `members[value eq "${id}"]` });
const replacing = (ids: readonly string[]) => ({ op: "replace", path: "members", value: asMembers(ids) });
const naming = (value: string) => ({ op: "replace", path: "displayName", value });

async function createGroup(displayName: string, members: readonly string[] = []): Promise<string> {
  const created = await post(ground.observer, displayName, members);
  expect(created.status).toBe(201);
  return created.body.id;
}

const membersIn = ({ body }: ServiceResponse): readonly string[] =>
  (body.members ?? []).map(({ value }: { value: string }) => value).sort();
const versionIn = ({ body }: ServiceResponse): number => Number(body.meta.version.slice(3, -1));

async function read(id: string): Promise<ServiceResponse> {
  const answer = await scim(ground.observer, "GET", `/Groups/${id}`);
  expect(answer.status).toBe(200);
  return answer;
}

async function expectSound(): Promise<void> {
  expect(await checkTable(ground.table)).toEqual([]);
}

/** Where throttling or lost answers outlasted all retries, the stream handler has something to clear up. */
async function expectSoundOnceTidy(): Promise<void> {
  await tidyUp(ground.table, Date.now);
  await expectSound();
}

function expectOnly(answers: readonly ServiceResponse[], allowed: readonly number[]): void {
  const strange = answers.filter(({ status }) => !allowed.includes(status));
  expect(strange.map(({ status, body }) => `${status} ${body?.detail}`)).toEqual([]);
}

/** Reads a group again and again, at every instance, until `work` is done, and once more. */
async function readWhile(id: string, work: Promise<unknown>): Promise<readonly (readonly string[])[]> {
  let going = true;
  const finished = work.finally(() => {
    going = false;
  });
  const seen: (readonly string[])[] = [];
  const reader = async (instance: TestService): Promise<void> => {
    for (let last = false; !last; ) {
      last = !going;
      const answer = await insist(() => scim(instance, "GET", `/Groups/${id}`));
      expect(answer.status).toBe(200);
      seen.push(membersIn(answer));
    }
  };
  await Promise.all([...ground.instances.map(reader), finished]);
  return seen;
}

/** Delays alone; and delays with what a busy DynamoDB answers, which the embedded one never does. */
const weathers: readonly (readonly [name: string, disturbance: Calm])[] = [
  ["on a calm table", {}],
  ["amid conflicts, throttling and torn reads", { conflicts: 0.2, throttled: 0.2, torn: 0.5 }],
];

describe(`seed ${seed}`, () => {
  describe.each(shareOf(weathers, seed, 2))("%s", (_, disturbance) => {
    test("of 100 adds and removes of single members none is lost, and each counts once", async () => {
      await open(0, 25, disturbance);
      const id = await createGroup("Crowd");
      const { random } = ground;
      const wanted: string[] = [];
      let effective = 0;
      // Each member's own requests come one after the other, so that their order is known.
      const work = crowd(ground, users.length, async (instance, index) => {
        const user = users[index]!;
        let isIn = false;
        for (let round = 0; ; round++) {
          const add = random.next() < 0.6;
          if (add !== isIn) effective++;
          isIn = add;
          const answer = await insist(() => patch(instance, id, add ? adding(user) : removing(user)));
          if (answer.status !== 200 || round === 3) {
            if (isIn) wanted.push(user);
            return answer;
          }
        }
      });
      expect(countStatuses(await work)).toEqual({ 200: users.length });
      const answer = await read(id);
      expect(membersIn(answer)).toEqual(wanted.sort());
      expect(versionIn(answer)).toBe(1 + effective);
      await expectSound();
    });

    test("60 adds and removes of one member: it is in or out, and each change counts once", async () => {
      await open(1, 1, disturbance);
      const id = await createGroup("Door");
      const answers = await crowd(ground, 60, (instance, index) =>
        patch(instance, id, index % 2 === 0 ? adding(users[0]!) : removing(users[0]!)),
      );
      expect(countStatuses(answers)).toEqual({ 200: 60 });
      const answer = await read(id);
      expect(versionIn(answer) % 2).toBe(1 - membersIn(answer).length);
      expect(versionIn(answer)).toBeGreaterThan(1);
      await expectSound();
    });

    test("[152] of 50 changes under one If-Match one is made", async () => {
      await open(2, 50, disturbance);
      const id = await createGroup("Prize", users.slice(0, 1));
      const answers = await crowd(ground, 50, (instance, index) =>
        index % 2 === 0
          ? scim(
              instance,
              "PUT",
              `/Groups/${id}`,
              { displayName: "Prize", members: asMembers(users.slice(index)) },
              'W/"1"',
            )
          : scim(instance, "PATCH", `/Groups/${id}`, patchOf(adding(users[index]!)), 'W/"1"'),
      );
      expect(countStatuses(answers)).toEqual({ 200: 1, 412: 49 });
      const [winner] = answers.filter(({ status }) => status === 200);
      const answer = await read(id);
      expect(membersIn(answer)).toEqual(membersIn(winner!));
      expect(versionIn(answer)).toBe(2);
      await expectSound();
    });

    test("30 groups of one name, where names are unique: one is made", async () => {
      await open(3, 16, disturbance);
      const answers = await crowd(ground, 30, (instance, index) =>
        post(instance, index % 2 === 0 ? "Straße" : "STRASSE", users.slice(index % 3)),
      );
      expect(countStatuses(answers)).toEqual({ 201: 1, 409: 29 });
      for (const { status, body } of answers) if (status === 409) expect(body.scimType).toBe("uniqueness");
      await expectSound();
    });

    test("while the members are swapped for others on all pages, all or none of them are seen", async () => {
      await open(4, 64, disturbance);
      const sets = [users.slice(0, 32), users.slice(32)].map((ids) => [...ids].sort());
      const id = await createGroup("Swapped", sets[0]);
      const writing = async () => {
        for (let round = 1; round <= 12; round++) {
          const change =
            round % 3 === 0
              ? [{ op: "remove", path: "members" }, adding(...sets[round % 2]!)]
              : [replacing(sets[round % 2]!)];
          const answer = await insist(() => patch(ground.instances[round % 3]!, id, ...change));
          expect(answer.status).toBe(200);
          expect(membersIn(answer)).toEqual(sets[round % 2]);
        }
      };
      const seen = await readWhile(id, writing());
      for (const each of seen) expect(sets).toContainEqual(each);
      await expectSound();
    });

    test("while a set written aside takes the place of another, all of one or of the other is seen", async () => {
      const sets = await openWide(5, disturbance);
      const id = await createGroup("Far", sets[0]);
      const writing = async () => {
        for (let round = 1; round <= 4; round++) {
          const answer = await insist(() =>
            patch(ground.instances[round % 3]!, id, replacing(sets[round % 2]!)),
          );
          expect(answer.status).toBe(200);
        }
      };
      const seen = await readWhile(id, writing());
      for (const each of seen) expect(sets).toContainEqual(each);
      expect(versionIn(await read(id))).toBe(5);
      await expectSoundOnceTidy();
    });

    test("two sets written aside at once, and single members between them: nothing is lost or left", async () => {
      const [first = [], second = []] = await openWide(6, disturbance);
      const id = await createGroup("Far", first.slice(0, 6));
      const whole = crowd(ground, 4, (instance, index) =>
        patch(instance, id, adding(...(index % 2 === 0 ? first : second).slice(6))),
      );
      const single = crowd(ground, 6, async (instance, index) =>
        patch(instance, id, adding(second[index]!), removing(first[index]!)),
      );
      expectOnly([...(await whole), ...(await single)], [200]);
      const answer = await read(id);
      expect(membersIn(answer)).toEqual([...first.slice(6), ...second].sort());
      expect(versionIn(answer)).toBe(1 + 2 + 6);
      await expectSoundOnceTidy();
    });

    test("ten large groups of one name: one is made", async () => {
      const [far = []] = await openWide(7, disturbance);
      const answers = await crowd(ground, 10, (instance) => post(instance, "Large", far));
      expect(countStatuses(answers)).toEqual({ 201: 1, 409: 9 });
      const [made] = answers.filter(({ status }) => status === 201);
      expect(membersIn(await read(made!.body.id))).toEqual(far);
      await expectSoundOnceTidy();
    });
  });

  test("sets put amid adds: the last one put stands, with what was added after it", async () => {
    await open(8, 48);
    const id = await createGroup("Mixed");
    const { random } = ground;
    const puts = Array.from({ length: 6 }, () => random.shuffle(users.slice(0, 16)).slice(0, 9));
    let instant = 0;
    const log: {
      readonly begun: number;
      readonly ended: number;
      readonly put?: number;
      readonly user?: string;
      readonly version: number;
    }[] = [];
    const answers = await crowd(ground, 38, async (instance, index) => {
      const begun = ++instant;
      const put = index % 6 === 5 ? (index - 5) / 6 : undefined;
      const user = users[10 + index]!;
      const answer =
        put !== undefined
          ? await scim(instance, "PUT", `/Groups/${id}`, {
              displayName: "Mixed",
              members: asMembers(puts[put]!),
            })
          : await patch(instance, id, adding(user));
      if (answer.status === 200) {
        const what = put !== undefined ? { put } : { user };
        log.push({ begun, ended: ++instant, version: versionIn(answer), ...what });
      }
      return answer;
    });
    expectOnly(answers, [200]);
    const members = membersIn(await read(id));
    const last = log.filter(({ put }) => put !== undefined).sort((a, b) => b.version - a.version)[0]!;
    const adds = log.filter(({ user }) => user !== undefined);
    for (const user of puts[last.put!]!) expect(members).toContain(user);
    for (const { user, begun, ended } of adds) {
      if (begun > last.ended) expect(members).toContain(user);
      if (ended < last.begun && !puts[last.put!]!.includes(user!)) expect(members).not.toContain(user);
    }
    const known = new Set([...puts[last.put!]!, ...adds.map(({ user }) => user)]);
    expect(members.filter((member) => !known.has(member))).toEqual([]);
    await expectSound();
  });

  test("40 renames and 20 creates onto one name, where names are unique: one has it", async () => {
    await open(9, 2);
    const ids = await Promise.all(
      Array.from({ length: 10 }, (_, index) => createGroup(`Group ${index}`, users)),
    );
    const answers = await crowd(ground, 60, (instance, index) =>
      index % 3 === 0
        ? post(instance, "WANTED", users)
        : patch(instance, ids[index % ids.length]!, naming(index % 2 === 0 ? "Wanted" : "wanted")),
    );
    expectOnly(answers, [200, 201, 409]);
    const winners = new Set(answers.filter(({ status }) => status < 300).map(({ body }) => body.id));
    expect(winners.size).toBe(1);
    const found = await scim(
      ground.observer,
      "GET",
      `/Groups?filter=${encodeURIComponent('displayName eq "wanted"')}`,
    );
    expect(found.body.Resources.map((group: { id: string }) => group.id)).toEqual([...winners]);
    await expectSound();
  });

  test("60 renames around a ring of names, with and without members", async () => {
    await open(10, 20);
    const ids = await Promise.all(Array.from({ length: 10 }, (_, index) => createGroup(`Group ${index}`)));
    const { random } = ground;
    const answers = await crowd(ground, 60, (instance, index) => {
      const to = { displayName: `Group ${random.below(14)}`, externalId: `x-${random.below(4)}` };
      const change = { op: "replace", value: to };
      return patch(
        instance,
        random.pick(ids),
        ...(index % 2 === 0 ? [change] : [change, adding(random.pick(users))]),
      );
    });
    expectOnly(answers, [200, 409]);
    await expectSound();
  });

  test("a group deleted amid 60 adds is gone, and nobody is left in it", async () => {
    await open(11, 60);
    const id = await createGroup("Doomed", users.slice(0, 5));
    let answered = 0;
    let gone: Promise<ServiceResponse> | undefined;
    const begunAfter: ServiceResponse[] = [];
    let isGone = false;
    const answers = await crowd(ground, 60, async (instance, index) => {
      await new Promise((resolve) => setTimeout(resolve, index));
      const late = isGone;
      const answer = await patch(instance, id, adding(users[index]!));
      if (late) begunAfter.push(answer);
      if (++answered >= 20) {
        gone ??= insist(() => scim(ground.instances[0]!, "DELETE", `/Groups/${id}`)).finally(() => {
          isGone = true;
        });
      }
      return answer;
    });
    expect((await gone!).status).toBe(204);
    expectOnly(answers, [200, 404]);
    expectOnly(begunAfter, [404]);
    expect((await scim(ground.observer, "GET", `/Groups/${id}`)).status).toBe(404);
    const items = await scanTable(ground.table.client, ground.table.tableName);
    expect(items.filter(({ pk }) => pk!.S!.includes(id))).toEqual([]);
    await expectSound();
  });

  test("users deleted while they are put into groups are in none of them, and no others are missing", async () => {
    await open(12, 40);
    const ids = await Promise.all(["First", "Second"].map((name) => createGroup(name, users.slice(0, 10))));
    const doomed = users.filter((_, index) => index % 4 === 0);
    const answers = await crowd(ground, 90, (instance, index) =>
      index % 9 === 0
        ? scim(instance, "DELETE", `/Users/${doomed[index / 9]}`)
        : index % 9 === 4
          ? scim(instance, "GET", `/Groups/${ids[index % 2]}`)
          : patch(
              instance,
              ids[index % 2]!,
              adding(...users.slice(index % 36, (index % 36) + 1 + (index % 6))),
            ),
    );
    expectOnly(answers, [200, 204, 400]);
    for (const { status, body } of answers) {
      if (status === 400) expect(doomed.some((id) => body.detail.includes(id))).toBe(true);
    }
    const lasting = users.filter((id) => !doomed.includes(id));
    for (const id of ids) {
      const added = await patch(ground.observer, id, adding(...lasting));
      expect(membersIn(added)).toEqual([...lasting].sort());
      expect(membersIn(await read(id))).toEqual([...lasting].sort());
    }
    await expectSound();
  });

  test("everything at once, with conflicts, throttling and lost answers", async () => {
    await open(13, 30, { conflicts: 0.2, throttled: 0.2, lostAnswers: 0.1, torn: 0.3 });
    const { random, project } = ground;
    const ids = await Promise.all(
      Array.from({ length: 5 }, (_, index) => createGroup(`Group ${index}`, users.slice(index))),
    );
    const some = () => random.shuffle(users).slice(0, random.below(8));
    const answers = await crowd(ground, 100, (instance) => {
      const id = random.pick(ids);
      const name = `Group ${random.below(12)}`;
      switch (random.below(10)) {
        case 0:
          return post(instance, name, some());
        case 1:
          return scim(instance, "PUT", `/Groups/${id}`, { displayName: name, members: asMembers(some()) });
        case 2:
          return patch(instance, id, naming(name), adding(...some()));
        case 3:
          return patch(instance, id, { op: "remove", path: "members" });
        case 4:
          return patch(instance, id, replacing(some()));
        case 5:
          return scim(
            instance,
            "DELETE",
            random.next() < 0.5 ? `/Groups/${id}` : `/Users/${random.pick(users)}`,
          );
        case 6:
          return instance.admin("PATCH", `/projects/${project.id}/groups/${id}`, { access: "write" });
        case 7:
          return scim(
            instance,
            "GET",
            `/Groups?filter=${encodeURIComponent(`members.value eq "${random.pick(users)}"`)}`,
          );
        case 8:
          return patch(instance, id, removing(random.pick(users)));
        default:
          return patch(instance, id, adding(random.pick(users)));
      }
    });
    expectOnly(answers, [200, 201, 204, 400, 404, 409, 503]);
    await expectSoundOnceTidy();
  });
});
