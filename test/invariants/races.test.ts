/**
 * Crowds of at least 50 requests over three instances on one table, in an order that a seed decides: DESIGN §1, invariants
 * 1, 2, 3 and 5. SEED replays a run; `run-seeds.ts` runs many.
 */

import { afterEach, describe, expect, test } from "vitest";
import { seedFromEnvironment } from "../support/seeded-random.ts";
import type { ServiceResponse, TestConnection, TestService } from "../support/service.ts";
import { checkTable, type TableCheck } from "./check-table.ts";
import { accountUrn, patchOf } from "./operations.ts";
import {
  type Calm,
  countStatuses,
  crowd,
  type Ground,
  insist,
  openGround,
  sampleUsage,
} from "./race-ground.ts";
import { shareOf } from "./share.ts";
import { foldForCheck, scanTable } from "./table-contents.ts";

const seed = seedFromEnvironment();

let ground: Ground;
afterEach(() => ground.stop());

const teamAccount = { [accountUrn]: { isTeamAccount: true } };
const userNamed = (name: string, fields: object = {}) => ({
  userName: `${name}@x.test`,
  externalId: `x-${name}`,
  emails: [{ value: `${name}@mail.test`, type: "work", primary: true }],
  ...fields,
});
const post = (instance: TestService, body: object, connection: TestConnection = ground.connection) =>
  instance.adopt(connection).scim("POST", "/Users", { body });
const patch = (instance: TestService, id: string, ...operations: readonly object[]) =>
  instance.adopt(ground.connection).scim("PATCH", `/Users/${id}`, { body: patchOf(...operations) });
const setActive = (value: boolean) => ({ op: "replace", path: "active", value });
const setTeamAccount = (value: boolean) => ({ op: "replace", path: `${accountUrn}:isTeamAccount`, value });
const setUserName = (value: string) => ({ op: "replace", path: "userName", value });

/** Creates them in parallel and gives their ids. */
async function createUsers(count: number, fields: (index: number) => object = () => ({})): Promise<string[]> {
  const answers = await Promise.all(
    Array.from({ length: count }, (_, index) => post(ground.observer, userNamed(`u${index}`, fields(index)))),
  );
  expect(countStatuses(answers)).toEqual({ 201: count });
  return answers.map(({ body }) => body.id);
}

const filter = async (text: string): Promise<ServiceResponse> =>
  ground.observer.adopt(ground.connection).scim("GET", `/Users?filter=${encodeURIComponent(text)}`);

async function listedIds(): Promise<readonly string[]> {
  const { status, body } = await ground.observer.adopt(ground.connection).scim("GET", "/Users?count=500");
  expect(status).toBe(200);
  expect(body.Resources).toHaveLength(body.totalResults);
  return body.Resources.map(({ id }: { id: string }) => id);
}

/** Each answered resource is there as answered: by id, by every key it has, and in the list. */
async function expectVisible(answers: readonly ServiceResponse[]): Promise<void> {
  const listed = await listedIds();
  await Promise.all(
    answers.map(async ({ body }) => {
      const read = await ground.observer.adopt(ground.connection).scim("GET", `/Users/${body.id}`);
      expect(read.body).toEqual(body);
      expect(listed).toContain(body.id);
      for (const text of [`userName eq "${body.userName}"`, `externalId eq "${body.externalId}"`]) {
        const found = await filter(text);
        expect(found.body.Resources).toEqual([body]);
      }
    }),
  );
}

const isSuccess = ({ status }: ServiceResponse): boolean => status < 300;

async function expectSound(check: TableCheck = {}): Promise<void> {
  expect(await checkTable(ground.table, check)).toEqual([]);
}

function expectOnly(answers: readonly ServiceResponse[], allowed: readonly number[]): void {
  const strange = answers.filter(({ status }) => !allowed.includes(status));
  expect(strange.map(({ status, body }) => `${status} ${body?.detail}`)).toEqual([]);
}

const usageNow = async () =>
  (await ground.observer.admin("GET", `/projects/${ground.project.id}`)).body.usage;

/** Delays alone; and delays with what a busy DynamoDB answers, which the embedded one never does. */
const weathers: readonly (readonly [name: string, disturbance: Calm])[] = [
  ["on a calm table", {}],
  ["amid conflicts, throttling and torn reads", { conflicts: 0.2, throttled: 0.2, torn: 0.5 }],
];

describe(`seed ${seed}`, () => {
  describe.each(shareOf(weathers, seed, 2))("%s", (_, disturbance) => {
    test("[69] 60 creates of one person make one user", async () => {
      ground = await openGround(seed, { disturbance });
      const answers = await crowd(ground, 60, (instance) => post(instance, userNamed("one")));
      expect(countStatuses(answers)).toEqual({ 201: 1, 409: 59 });
      for (const { status, body } of answers) if (status === 409) expect(body.scimType).toBe("uniqueness");
      await expectVisible(answers.filter(isSuccess));
      await expectSound();
    });

    test("60 users share a quota of 20, and usage is never seen above it", async () => {
      ground = await openGround(seed + 1, { disturbance, project: { quotas: { users: 20 } } });
      const work = crowd(ground, 60, (instance, index) =>
        post(instance, userNamed(`u${index}`, teamAccount)),
      );
      const samples = await sampleUsage(ground, work);
      const answers = await work;
      expect(countStatuses(answers)).toEqual({ 201: 20, 403: 40 });
      for (const { status, body } of answers)
        if (status === 403) expect(body.detail).toContain('"users" is 20');
      for (const { users } of samples) expect(users).toBeLessThanOrEqual(20);
      expect(samples.at(-1)).toEqual({ users: 20, reviewers: 0, readers: 0 });
      await expectVisible(answers.filter(isSuccess));
      await expectSound();
    });

    test("of 50 changes of different attributes of one user none is lost", async () => {
      ground = await openGround(seed + 2, { disturbance });
      const [id] = await createUsers(1);
      const names = ["nickName", "title", "locale", "timezone", "displayName", "userType"];
      const answers = await crowd(ground, 50, (instance, index) => {
        const path = names[index];
        const change = path
          ? { op: "replace", path, value: `v${index}` }
          : { op: "add", path: "phoneNumbers", value: [{ value: `v${index}` }] };
        return patch(instance, id!, change);
      });
      expect(countStatuses(answers)).toEqual({ 200: 50 });
      const { body } = await ground.observer.adopt(ground.connection).scim("GET", `/Users/${id}`);
      for (const [index, name] of names.entries()) expect(body[name]).toBe(`v${index}`);
      const phones = body.phoneNumbers.map(({ value }: { value: string }) => Number(value.slice(1)));
      const added = Array.from({ length: 50 - names.length }, (_, index) => index + names.length);
      expect(phones.sort((a: number, b: number) => a - b)).toEqual(added);
      expect(body.meta.version).toBe('W/"51"');
      await expectSound();
    });

    test("activations and deactivations against a full quota", async () => {
      ground = await openGround(seed + 3, { disturbance, project: { quotas: { users: 8 } } });
      const ids = await createUsers(16, (index) => ({ ...teamAccount, active: index % 2 === 0 }));
      const { random } = ground;
      const last = new Map<string, boolean[]>();
      const work = crowd(ground, 60, async (instance) => {
        const id = random.pick(ids);
        const active = random.next() < 0.6;
        const answer = await patch(instance, id, setActive(active));
        if (answer.status === 200) {
          expect(answer.body.active).toBe(active);
          last.set(id, [...(last.get(id) ?? []), active]);
        }
        return answer;
      });
      const samples = await sampleUsage(ground, work);
      expectOnly(await work, [200, 403]);
      for (const { users } of samples) expect(users).toBeLessThanOrEqual(8);
      for (const [id, values] of last) {
        const { body } = await ground.observer.adopt(ground.connection).scim("GET", `/Users/${id}`);
        expect(values).toContain(body.active);
      }
      await expectSound();
    });

    test("deletes, changes and new creates of one user", async () => {
      const onDelete = seed % 2 === 0 ? "delete" : "deactivate";
      ground = await openGround(seed + 4, {
        disturbance,
        connection: { onDelete },
        project: { quotas: { users: 1 } },
      });
      const [first] = await createUsers(1, () => teamAccount);
      const ids = [first!];
      const { random } = ground;
      const answers = await crowd(ground, 60, async (instance, index) => {
        const id = ids.at(-1)!;
        const kind = random.below(4);
        const scim = instance.adopt(ground.connection).scim;
        if (kind === 0) return scim("DELETE", `/Users/${id}`);
        if (kind === 1) return patch(instance, id, { op: "replace", path: "title", value: `t${index}` });
        if (kind === 2) return patch(instance, id, setActive(index % 2 === 0));
        const answer = await post(instance, userNamed("u0", teamAccount));
        if (answer.status === 201) ids.push(answer.body.id);
        return answer;
      });
      expectOnly(answers, [200, 201, 204, 404, 409]);
      await insist(() => post(ground.observer, userNamed("u0", teamAccount)));
      const members = await ground.observer.admin("GET", `/projects/${ground.project.id}/members`);
      expect(members.body.items).toHaveLength(1);
      expect(await listedIds()).toHaveLength(1);
      await expectSound();
    });
  });

  test("50 creates with one email and different userNames make one user", async () => {
    ground = await openGround(seed + 5);
    const emails = [{ value: "Shared@mail.test" }];
    const answers = await crowd(ground, 50, (instance, index) =>
      post(instance, userNamed(`u${index}`, { emails })),
    );
    expect(countStatuses(answers)).toEqual({ 201: 1, 409: 49 });
    await expectVisible(answers.filter(isSuccess));
    expect((await filter('emails.value eq "shared@MAIL.test"')).body.totalResults).toBe(1);
    await expectSound();
  });

  test("30 renames and 30 creates onto one name: one has it", async () => {
    ground = await openGround(seed + 6);
    const ids = await createUsers(15);
    const answers = await crowd(ground, 60, (instance, index) =>
      index % 2 === 0
        ? patch(instance, ids[(index / 2) % ids.length]!, setUserName("Wanted@x.test"))
        : post(instance, { userName: "wanted@X.test", externalId: "x-wanted" }),
    );
    expectOnly(answers, [200, 201, 409]);
    const winners = new Set(answers.filter(isSuccess).map(({ body }) => body.id));
    expect(winners.size).toBe(1);
    expect((await filter('userName eq "WANTED@x.test"')).body.Resources[0].id).toBe([...winners][0]);
    await expectSound();
  });

  test("50 renames around a ring of names and emails", async () => {
    ground = await openGround(seed + 7);
    const ids = await createUsers(10);
    const { random } = ground;
    const answers = await crowd(ground, 50, (instance) => {
      const name = `u${random.below(40)}`;
      return patch(instance, random.pick(ids), setUserName(`${name}@x.test`), {
        op: "replace",
        path: "emails",
        value: [{ value: `${name}@mail.test` }, { value: `${name}@home.test` }],
      });
    });
    expectOnly(answers, [200, 409]);
    const names = new Set<string>();
    for (const id of ids) {
      const { body } = await ground.observer.adopt(ground.connection).scim("GET", `/Users/${id}`);
      names.add(foldForCheck(body.userName));
      expect(
        (await filter(`userName eq "${body.userName}"`)).body.Resources.map(
          (user: { id: string }) => user.id,
        ),
      ).toEqual([id]);
    }
    expect(names.size).toBe(ids.length);
    await expectSound();
  });

  test("[152] of 50 changes under one If-Match one is made", async () => {
    ground = await openGround(seed + 8);
    const [id] = await createUsers(1);
    const answers = await crowd(ground, 50, (instance, index) =>
      instance.adopt(ground.connection).scim("PATCH", `/Users/${id}`, {
        body: patchOf({ op: "replace", path: "title", value: `t${index}` }),
        headers: { "If-Match": 'W/"1"' },
      }),
    );
    expect(countStatuses(answers)).toEqual({ 200: 1, 412: 49 });
    await expectVisible(answers.filter(isSuccess));
    await expectSound();
  });

  test("conversions against two full quotas", async () => {
    ground = await openGround(seed + 9, { project: { quotas: { users: 6, readers: 6 } } });
    const ids = await createUsers(12, (index) => (index % 2 === 0 ? teamAccount : {}));
    const spare = ids.splice(0, 2);
    await Promise.all(spare.map((id) => patch(ground.observer, id, setActive(false))));
    const { random } = ground;
    const work = crowd(ground, 60, (instance) =>
      patch(instance, random.pick(ids), setTeamAccount(random.next() < 0.5)),
    );
    const samples = await sampleUsage(ground, work);
    expectOnly(await work, [200, 403]);
    for (const { users, readers } of samples) {
      expect(users).toBeLessThanOrEqual(6);
      expect(readers).toBeLessThanOrEqual(6);
      expect(users + readers).toBe(10);
    }
    await expectSound();
  });

  test("seats wander, and one that is free at every instant is never refused", async () => {
    ground = await openGround(seed + 19, { disturbance: { torn: 0.8 }, project: { quotas: { users: 12 } } });
    const ids = await createUsers(12, () => ({ ...teamAccount, active: false }));
    // Each user's own changes come one after the other, so never more than twelve are active.
    const answers = await crowd(ground, 12, async (instance, index) => {
      for (let round = 0; round < 6; round++) {
        const answer = await insist(() => patch(instance, ids[index]!, setActive(round % 2 === 0)));
        if (!isSuccess(answer)) return answer;
      }
      return patch(instance, ids[index]!, setActive(true));
    });
    expect(countStatuses(answers)).toEqual({ 200: 12 });
    expect(await usageNow()).toEqual({ users: 12, reviewers: 0, readers: 0 });
    await expectSound();
  });

  test("quotas lowered and raised while 60 seats are taken and given back", async () => {
    ground = await openGround(seed + 10, { disturbance: { torn: 0.3 }, project: { quotas: { users: 30 } } });
    const { random } = ground;
    const path = `/projects/${ground.project.id}`;
    const ids = await createUsers(20, (index) => ({ ...teamAccount, active: index % 2 === 0 }));
    const setQuota = (users: number | null) =>
      insist(() => random.pick(ground.instances).admin("PATCH", path, { quotas: { users } }));
    const changes = (async () => {
      const answers: ServiceResponse[] = [];
      for (const users of [12, 25, null, 8, 14, 40, 9, 13, 30, 11]) answers.push(await setQuota(users));
      return answers;
    })();
    const answers = await crowd(ground, 60, (instance, index) =>
      index % 4 === 0
        ? post(instance, userNamed(`c${index}`, teamAccount))
        : patch(instance, random.pick(ids), setActive(random.next() < 0.5)),
    );
    expect(countStatuses(await changes)).toEqual({ 200: 10 });
    expectOnly(answers, [200, 201, 403]);
    await expectSound({ quotaWasLowered: true });

    // Lowered below its usage, it refuses until usage has fallen below it.
    const { users: before } = await usageNow();
    const limit = before - 3;
    await setQuota(limit);
    const active = await filter("active eq true");
    const seated = active.body.Resources.map(({ id }: { id: string }) => id);
    for (let users = before; users >= limit; users--) {
      expect((await post(ground.observer, userNamed("late", teamAccount))).status).toBe(403);
      expect((await patch(ground.observer, seated.pop(), setActive(false))).status).toBe(200);
    }
    expect((await post(ground.observer, userNamed("late", teamAccount))).status).toBe(201);
    expect((await post(ground.observer, userNamed("later", teamAccount))).status).toBe(403);
    await expectSound();
  });

  test("a quota raised amid 60 changes is filled to the last seat and no further", async () => {
    ground = await openGround(seed + 20, { project: { quotas: { users: 10 } } });
    const { random } = ground;
    const ids = await createUsers(30, (index) => ({ ...teamAccount, active: index < 10 }));
    const raises = (async () => {
      for (let users = 11; users <= 18; users++) {
        const path = `/projects/${ground.project.id}`;
        const answer = await insist(() => ground.instances[0]!.admin("PATCH", path, { quotas: { users } }));
        expect(answer.status).toBe(200);
      }
    })();
    const answers = await crowd(ground, 60, (instance) =>
      patch(instance, random.pick(ids), setActive(random.next() < 0.6)),
    );
    await raises;
    expectOnly(answers, [200, 403]);
    const filled = await crowd(ground, 30, (instance, index) =>
      patch(instance, ids[index]!, setActive(true)),
    );
    expectOnly(filled, [200, 403]);
    expect((await usageNow()).users).toBe(18);
    await expectSound();
  });

  test("manual edits while 25 members are linked: each pair comes out as one after the other", async () => {
    ground = await openGround(seed + 11);
    const { observer, random } = ground;
    const path = `/projects/${ground.project.id}/members`;
    const edits = {
      rename: { method: "PATCH", body: { userName: "renamed" } },
      retype: { method: "PATCH", body: { type: "reader" } },
      remove: { method: "DELETE", body: undefined },
      deactivate: { method: "PATCH", body: { status: "inactive" } },
      promote: { method: "PATCH", body: { role: "reviewer", access: "write" } },
    };
    const pairs = await Promise.all(
      Array.from({ length: 25 }, async (_, index) => {
        const edit = (Object.keys(edits) as (keyof typeof edits)[])[index % 5]!;
        const body = { userName: `u${index}@x.test`, email: `u${index}@mail.test`, type: "user" };
        const { id } = (await observer.admin("POST", path, body)).body;
        return { index, edit, id: id as string };
      }),
    );
    const requests = random.shuffle(
      pairs.flatMap((pair) => [
        { ...pair, links: true },
        { ...pair, links: false },
      ]),
    );
    const answers = await crowd(ground, requests.length, (instance, at) => {
      const { index, edit, id, links } = requests[at]!;
      if (links) return post(instance, userNamed(`u${index}`, teamAccount));
      const { method, body } = edits[edit];
      const named = edit === "rename" ? { userName: `renamed-${index}` } : body;
      return instance.admin(method, `${path}/${id}`, named);
    });
    const statusOf = (id: string, links: boolean) =>
      answers[requests.findIndex((request) => request.id === id && request.links === links)]!.status;
    for (const { index, edit, id } of pairs) {
      const [linked, edited] = [statusOf(id, true), statusOf(id, false)];
      const { items } = (await observer.admin("GET", `${path}?q=u${index}@mail.test`)).body;
      // Linked first, it is the identity provider's; edited first, the link meets what the edit has made of it.
      const outcomes = {
        rename: [
          [201, 409],
          [201, 200],
        ],
        retype: [
          [201, 409],
          [409, 200],
        ],
        remove: [
          [201, 409],
          [201, 204],
        ],
        deactivate: [
          [201, 409],
          [201, 200],
        ],
        promote: [[201, 200]],
      }[edit];
      expect(outcomes, edit).toContainEqual([linked, edited]);
      expect(items, edit).toMatchObject([
        linked === 409
          ? { id, type: "reader", managedBy: null }
          : {
              userName: `u${index}@x.test`,
              type: "user",
              status: "active",
              role: edit === "promote" ? "reviewer" : "contributor",
              managedBy: { connectionId: ground.connection.connection.id },
            },
      ]);
      expect(items[0].id === id, edit).toBe(edited !== 204);
    }
    await expectSound();
  });

  test("30 creates of one person who is there link it once", async () => {
    ground = await openGround(seed + 21);
    const path = `/projects/${ground.project.id}/members`;
    const fields = { userName: "One@x.test", email: "one@mail.test", type: "user", role: "admin" };
    const { id } = (await ground.observer.admin("POST", path, fields)).body;
    const met = [
      userNamed("one", teamAccount),
      { userName: "ONE@x.test", ...teamAccount },
      { userName: "oNe@X.test", emails: [{ value: "ONE@mail.test" }], ...teamAccount },
    ];
    const answers = await crowd(ground, 30, (instance, index) => post(instance, met[index % met.length]!));
    expect(countStatuses(answers)).toEqual({ 201: 1, 409: 29 });
    expect((await ground.observer.admin("GET", path)).body.items).toMatchObject([
      { id, role: "admin", managedBy: { connectionId: ground.connection.connection.id } },
    ]);
    await expectSound();
  });

  test("30 creates of one person for whom there is a seat, the last, are a 201 and duplicates", async () => {
    ground = await openGround(seed + 24, { project: { quotas: { readers: 1 } } });
    const answers = await crowd(ground, 30, (instance) => post(instance, userNamed("one")));
    expect(countStatuses(answers)).toEqual({ 201: 1, 409: 29 });
    const path = `/projects/${ground.project.id}/sync-failures`;
    expect((await ground.observer.admin("GET", path)).body.items).toMatchObject([
      { reason: "duplicate", attempts: 29 },
    ]);
    await expectSound();
  });

  test("two connections claim one unmanaged member 25 times each: one gets it", async () => {
    ground = await openGround(seed + 12);
    const other = await ground.observer.createConnection({}, ground.project);
    const path = `/projects/${ground.project.id}/members`;
    const member = await ground.observer.admin("POST", path, {
      userName: "m@x.test",
      type: "user",
      role: "reviewer",
    });
    const answers = await crowd(ground, 50, (instance, index) =>
      post(instance, { userName: "M@x.test", ...teamAccount }, index % 2 === 0 ? ground.connection : other),
    );
    expect(countStatuses(answers)).toEqual({ 201: 1, 409: 49 });
    const winner = answers.findIndex(isSuccess) % 2 === 0 ? ground.connection : other;
    const linked = await ground.observer.admin("GET", `${path}/${member.body.id}`);
    expect(linked.body).toMatchObject({
      role: "reviewer",
      managedBy: { connectionId: winner.connection.id },
    });
    await expectSound();
  });

  test("a project deleted while 50 are created leaves nothing behind", async () => {
    ground = await openGround(seed + 13);
    const path = `/projects/${ground.project.id}`;
    await createUsers(3);
    const creates = crowd(ground, 50, (instance, index) =>
      index % 3 === 0
        ? instance.admin("POST", `${path}/members`, { userName: `m${index}@x.test`, type: "reader" })
        : post(instance, userNamed(`c${index}`)),
    );
    const [instance, second] = ground.instances;
    const gone = await insist(() =>
      instance!.admin("DELETE", `${path}/connections/${ground.connection.connection.id}`),
    );
    const removals = await Promise.all(
      [instance!, second!].map((each) => insist(() => each.admin("DELETE", path))),
    );
    const answers = await creates;
    expect(gone.status).toBe(204);
    expectOnly(removals, [204, 404]);
    expectOnly(answers, [201, 401, 404]);
    expect(await scanTable(ground.table.client, ground.table.tableName)).toEqual([]);
  });

  test("a token revoked amid 50 creates opens nothing from then on", async () => {
    ground = await openGround(seed + 14);
    const path = `/projects/${ground.project.id}/connections/${ground.connection.connection.id}/tokens`;
    const tokens = await ground.observer.admin("GET", path);
    let revoked = false;
    let answered = 0;
    let revocation: Promise<ServiceResponse> | undefined;
    const begunAfter: ServiceResponse[] = [];
    const answers = await crowd(ground, 50, async (instance, index) => {
      await new Promise((resolve) => setTimeout(resolve, index * 2));
      const late = revoked;
      const answer = await post(instance, userNamed(`u${index}`));
      if (late) begunAfter.push(answer);
      if (++answered >= 15) {
        revocation ??= ground.instances[0]!.admin("DELETE", `${path}/${tokens.body.items[0].id}`).finally(
          () => {
            revoked = true;
          },
        );
      }
      return answer;
    });
    expect((await revocation!).status).toBe(204);
    expectOnly(answers, [201, 401]);
    expectOnly(begunAfter, [401]);
    expect((await post(ground.observer, userNamed("after"))).status).toBe(401);
    const { body } = await ground.observer.admin("GET", `/projects/${ground.project.id}/members?limit=200`);
    expect(body.items).toHaveLength(answers.filter(isSuccess).length);
    await expectSound({ tokensWereRevoked: true });
  });

  test("lists miss nobody while 50 come and go", async () => {
    ground = await openGround(seed + 15);
    const lasting = await createUsers(20);
    const passing = await Promise.all(
      Array.from(
        { length: 10 },
        async (_, index) => (await post(ground.observer, userNamed(`p${index}`))).body.id,
      ),
    );
    let going = true;
    const work = crowd(ground, 50, (instance, index) =>
      index % 5 === 0
        ? instance.adopt(ground.connection).scim("DELETE", `/Users/${passing[index / 5]}`)
        : post(instance, userNamed(`c${index}`)),
    ).finally(() => {
      going = false;
    });
    const members = `/projects/${ground.project.id}/members`;
    let walks = 0;
    while (going || walks === 0) {
      const whole = await idsOnOnePage();
      expect(lasting.filter((id) => !whole.includes(id))).toEqual([]);
      const walked: string[] = [];
      let cursor: string | undefined;
      do {
        const query = cursor === undefined ? "" : `&cursor=${cursor}`;
        const { status, body } = await ground.observer.admin("GET", `${members}?limit=7${query}`);
        expect(status).toBe(200);
        walked.push(...body.items.map(({ userName }: { userName: string }) => userName));
        cursor = body.nextCursor;
      } while (cursor !== undefined);
      expect(lasting.map((_, index) => `u${index}@x.test`).filter((name) => !walked.includes(name))).toEqual(
        [],
      );
      expect(new Set(walked).size).toBe(walked.length);
      walks++;
    }
    const answers = await work;
    expectOnly(answers, [201, 204]);
    expect(new Set(await listedIds())).toEqual(
      new Set([...lasting, ...answers.filter(({ status }) => status === 201).map(({ body }) => body.id)]),
    );
    await expectSound();
  });

  test("index pages miss nobody while 50 come", async () => {
    ground = await openGround(seed + 16);
    const lasting = await createUsers(20);
    let going = true;
    const work = crowd(ground, 50, (instance, index) => post(instance, userNamed(`c${index}`))).finally(
      () => {
        going = false;
      },
    );
    for (let walks = 0; going || walks === 0; walks++) {
      const walked: string[] = [];
      for (let startIndex = 1; ; ) {
        const { body } = await ground.observer
          .adopt(ground.connection)
          .scim("GET", `/Users?startIndex=${startIndex}&count=7`);
        walked.push(...body.Resources.map(({ id }: { id: string }) => id));
        startIndex += body.itemsPerPage;
        if (startIndex > body.totalResults || body.itemsPerPage === 0) break;
      }
      expect(lasting.filter((id) => !walked.includes(id))).toEqual([]);
    }
    expectOnly(await work, [201]);
    await expectSound();
  });

  test("tokens issued, rotated and revoked by 50 at once: at most two live, and no rotation refused", async () => {
    ground = await openGround(seed + 17);
    const path = `/projects/${ground.project.id}/connections/${ground.connection.connection.id}/tokens`;
    const { random } = ground;
    const rotations: ServiceResponse[] = [];
    const answers = await crowd(ground, 50, async (instance) => {
      const kind = random.below(4);
      if (kind === 0) return instance.admin("POST", path, {});
      if (kind === 1) {
        const body = { overlapSeconds: random.pick([0, 60]) };
        const answer = await instance.admin("POST", `${path}/rotate`, body);
        rotations.push(answer);
        return answer;
      }
      const { body } = await ground.observer.admin("GET", path);
      expect(body.items.length).toBeLessThanOrEqual(2);
      const token = body.items[0]?.id;
      return kind === 2 && token
        ? instance.admin("DELETE", `${path}/${token}`)
        : instance.adopt(ground.connection).scim("GET", "/Users");
    });
    expectOnly(answers, [200, 201, 204, 401, 404, 409]);
    expectOnly(rotations, [201, 429]);
    await expectSound({ tokensWereRevoked: true });
  });

  test("everything at once, with conflicts, throttling and lost answers", async () => {
    ground = await openGround(seed + 18, {
      disturbance: { conflicts: 0.2, throttled: 0.2, lostAnswers: 0.1, torn: 0.3 },
      project: { quotas: { users: 12, readers: 25 } },
    });
    const ids = await createUsers(10, (index) => (index % 2 === 0 ? teamAccount : {}));
    const { random } = ground;
    const members = `/projects/${ground.project.id}/members`;
    const answers = await crowd(ground, 90, (instance, index) => {
      const id = random.pick(ids);
      const { scim } = instance.adopt(ground.connection);
      const name = `u${random.below(30)}`;
      switch (random.below(9)) {
        case 0:
          return post(instance, userNamed(name, random.next() < 0.5 ? teamAccount : {}));
        case 1:
          return patch(instance, id, setActive(random.next() < 0.5));
        case 2:
          return patch(instance, id, setTeamAccount(random.next() < 0.5));
        case 3:
          return patch(instance, id, setUserName(`${name}@x.test`));
        case 4:
          return scim("DELETE", `/Users/${id}`);
        case 5:
          return scim("PUT", `/Users/${id}`, { body: userNamed(name, { title: `t${index}` }) });
        case 6:
          return instance.admin("POST", members, {
            userName: `${name}@x.test`,
            type: "user",
            role: "reviewer",
          });
        case 7:
          return scim("GET", `/Users?filter=${encodeURIComponent(`userName eq "${name}@x.test"`)}`);
        default:
          return scim("GET", "/Users");
      }
    });
    expectOnly(answers, [200, 201, 204, 403, 404, 409, 503]);
    await expectSound();
  });
});

/** As many as one page holds: read at one time, so that comings and goings cannot shift it. */
async function idsOnOnePage(): Promise<readonly string[]> {
  const { body } = await ground.observer.adopt(ground.connection).scim("GET", "/Users?count=500");
  return body.Resources.map(({ id }: { id: string }) => id);
}
