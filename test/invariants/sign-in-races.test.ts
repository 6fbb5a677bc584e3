/**
 * Crowds of sign-ins of one person, while SCIM and an admin create the same: one member in the end, made once. As
 * `races.test.ts`; call by call, pair by pair: `interleavings.test.ts`.
 */

import { afterEach, describe, expect, test } from "vitest";
import { seedFromEnvironment } from "../support/seeded-random.ts";
import { type ServiceResponse, startService, type TestService } from "../support/service.ts";
import { checkTable } from "./check-table.ts";
import { interpose } from "./disturbed-client.ts";
import { accountUrn } from "./operations.ts";
import { type Calm, countStatuses, crowd, type Ground, openGround } from "./race-ground.ts";

const seed = seedFromEnvironment();
const people = 15;

let ground: Ground;
afterEach(() => ground.stop());

const disturbances: readonly Calm[] = [{}, { conflicts: 0.2, throttled: 0.2, torn: 0.5 }];
const open = async (offset: number) => {
  ground = await openGround(seed + offset, {
    disturbance: disturbances[seed % disturbances.length]!,
    connection: { jit: true },
    project: { quotas: { users: 1, readers: 1 } },
  });
};

const signIn = (instance: TestService, fields: object): Promise<ServiceResponse> => {
  const { project, connection } = ground.connection;
  return instance.admin("POST", `/projects/${project.id}/connections/${connection.id}/sign-ins`, fields);
};
const named = (name: string) => ({ userName: name, email: `${name}@mail.test` });
const createdIn = (answers: readonly ServiceResponse[]): number =>
  answers.filter(({ body }) => body.created).length;

async function expectOneMember(fields: object = {}): Promise<void> {
  const { body } = await ground.observer.admin("GET", `/projects/${ground.project.id}/members`);
  expect(body.items).toEqual([expect.objectContaining({ status: "active", ...fields })]);
  expect(await checkTable(ground.table)).toEqual([]);
}

/** Nothing but the externalId in common, and each in between any two calls of the other: no matter of chance. */
test.each(["a sign-in", "SCIM's create"])(
  "%s, interrupted at any call by the other, makes one member",
  async (which) => {
    await open(4);
    const { table, observer } = ground;
    const client = table.newClient();
    let beforeCall = async (): Promise<unknown> => undefined;
    interpose(client, async () => {
      await beforeCall();
    });
    const interrupted = await startService({ table, client });
    for (let at = 1, isInterrupted = true; isInterrupted; at++) {
      const connection = await observer.createConnection({ jit: true });
      ground = { ...ground, project: connection.project, connection };
      const told = { subject: "s", externalId: "e", ...named("ann") };
      const signsIn = (instance: TestService) => signIn(instance, told);
      const creates = (instance: TestService) =>
        instance.adopt(connection).scim("POST", "/Users", { body: { userName: "anna", externalId: "e" } });
      const [first, second] = which === "a sign-in" ? [signsIn, creates] : [creates, signsIn];
      let calls = 0;
      isInterrupted = false;
      beforeCall = async () => {
        if (++calls !== at) return;
        isInterrupted = true;
        await second(observer);
      };
      const { status, body } = await first(interrupted);
      // After its last call there is nothing to interrupt: the other comes whole behind it.
      if (!isInterrupted) await second(observer);
      const created = which === "a sign-in" ? !isInterrupted : undefined;
      const expected = which === "a sign-in" ? 200 : 201;
      expect({ at, status, created: body.created }).toEqual({ at, status: expected, created });
      await expectOneMember({ userName: "anna" });
    }
    client.destroy();
  },
);

describe(`seed ${seed}`, () => {
  test.each([
    ["externalId", 0, (index: number) => ({ subject: `s-${index}`, externalId: "e" })],
    ["subject", 3, (index: number) => ({ subject: "s", ...(index % 2 === 0 && { externalId: "e" }) })],
  ])(`${people} sign-ins of one %s under as many names`, async (_, offset, words) => {
    await open(offset);
    const answers = await crowd(ground, people, (instance, index) =>
      signIn(instance, { ...words(index), ...named(`n${index}`) }),
    );
    for (const { status, body } of answers) expect([status, body.decision]).toEqual([200, "allow"]);
    expect(createdIn(answers)).toBe(1);
    await expectOneMember({ type: "reader", managedBy: null });
  });

  test(`${people} sign-ins and the provisioning of the same person under other names`, async () => {
    await open(1);
    const user = { ...named("scim"), externalId: "e", [accountUrn]: { isTeamAccount: seed % 2 === 0 } };
    const body = { ...user, email: undefined, emails: [{ value: user.email }] };
    const provisioned: ServiceResponse[] = [];
    const answers = await crowd(ground, people, async (instance, index) => {
      if (index % 5 !== 2) return signIn(instance, { subject: "s", externalId: "e", ...named(`n${index}`) });
      const answer = await instance.adopt(ground.connection).scim("POST", "/Users", { body });
      provisioned.push(answer);
      return answer;
    });
    const { 201: made = 0, 409: refused = 0, 429: busy = 0 } = countStatuses(provisioned);
    expect([made, made + refused + busy]).toEqual([1, provisioned.length]);
    expect(createdIn(answers)).toBeLessThanOrEqual(1);
    await expectOneMember({ userName: "scim", managedBy: expect.anything() });
  });

  test(`${people} sign-ins and an admin who creates the same person`, async () => {
    await open(2);
    const answers = await crowd(ground, people, (instance, index) =>
      index % 5 === 2
        ? instance.admin("POST", `/projects/${ground.project.id}/members`, { ...named("ann"), type: "user" })
        : signIn(instance, { subject: `s-${index}`, ...named("Ann") }),
    );
    const { 201: made = 0, 409: refused = 0 } = countStatuses(answers);
    expect(made + refused).toBe(people / 5);
    expect(made + createdIn(answers)).toBe(1);
    await expectOneMember();
  });
});
