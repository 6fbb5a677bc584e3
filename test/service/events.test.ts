import type { DynamoDBStreamEvent } from "aws-lambda";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { StreamPump } from "../../bin/local/stream-pump.ts";
import type { ChangeEvent } from "../../lambda/domain/event.ts";
import { createActivityHandler } from "../../lambda/handlers/activity.ts";
import { createRuntime } from "../../lambda/runtime/runtime.ts";
import { activityMapping } from "../../lambda/stream/stream-mapping.ts";
import { streamContext } from "../handlers/stream-event.ts";
import { Crash, injectFaults } from "../support/faulty-client.ts";
import { createSeededRandom, seedFromEnvironment } from "../support/seeded-random.ts";
import type { TestConnection, TestService } from "../support/service.ts";
import { startPump, startPumps } from "../support/stream.ts";
import { startTable, type TestTable } from "../support/table.ts";
import { startCheckedService } from "./checked-service.ts";
import { createUser, type Groups, groupsOf } from "./group-ground.ts";
import { expectProblem, type Product, productOf } from "./product.ts";
import {
  activation,
  addMembers,
  conversion,
  entries,
  type Fields,
  patch,
  replace,
  teamUser,
  user,
  workEmail,
} from "./scim-messages.ts";

// What was written is told by the table's stream, to the handler that is deployed for it, and published by that.

let time = Date.parse("2026-03-01T08:00:00.000Z");
let table: TestTable;
let service: TestService;
let pump: StreamPump;
const published: ChangeEvent[] = [];
beforeAll(async () => {
  table = await startTable({ stream: true });
  // Each look at the clock is a second later than the one before, so that no two changes are of the same time.
  service = await startCheckedService({
    table,
    clock: () => {
      time += 1_000;
      return time;
    },
    sleep: async () => {},
  });
  pump = await startPumps(table, {
    clock: () => time,
    publish: async (events) => {
      published.push(...events);
      return [];
    },
  });
});
afterAll(async () => {
  await pump.stop();
  await table.stop();
});

let connection: TestConnection;
let product: Product;
let groups: Groups;
beforeEach(async () => {
  connection = await service.createConnection();
  product = productOf(service, connection.project);
  groups = groupsOf(connection);
});

/** Of a project, in the order they were published; fails unless versions rise for each resource, and ids are all different. */
async function eventsIn(projectId: string): Promise<readonly ChangeEvent[]> {
  await pump.drain();
  expect(pump.parked).toEqual([]);
  const events = published.filter((event) => event.projectId === projectId);
  expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
  for (const own of Map.groupBy(events, ({ resourceId }) => resourceId).values()) {
    const versions = own.map(({ version }) => version);
    expect(versions).toEqual([...new Set(versions)].toSorted((a, b) => a - b));
  }
  return events;
}
const short = ({ type, changes }: ChangeEvent) => [type, ...changes].join(" ");
const of = async (resourceId: string) =>
  (await eventsIn(connection.project.id)).filter((event) => event.resourceId === resourceId).map(short);

const ok = async (answer: Promise<{ readonly status: number; readonly body: Fields }>) => {
  const { status, body } = await answer;
  expect(status, JSON.stringify(body)).toBeLessThan(300);
  return body;
};
const change = (id: string, request: object) => ok(connection.scim("PATCH", `/Users/${id}`, request));
const adminOk = (method: string, path: string, body?: unknown) => ok(product.admin(method, path, body));
const ownPath = () => `/connections/${connection.connection.id}`;

describe("members", () => {
  test("what an IdP does with a user is told of one member, whatever its id in SCIM", async () => {
    const id = await createUser(connection, "ada", workEmail("ada@x.test"));
    await change(id, patch(replace("displayName", "Ada"), replace("emails", [{ value: "a@x.test" }])));
    await change(id, patch(replace("displayName", "Ada")));
    await change(id, activation(false));
    await change(id, patch(replace("active", true), replace("title", "Countess")));
    await change(id, conversion(true));
    await change(id, patch(replace("userName", "lovelace")));
    await ok(connection.scim("DELETE", `/Users/${id}`));
    const returned = await createUser(connection, "lovelace");
    expect(returned).not.toBe(id);
    await change(returned, activation(false));
    await ok(connection.scim("DELETE", `/Users/${returned}`));

    expect(await of(id)).toEqual([
      "member.provisioned access active emails userName",
      "member.updated displayName emails",
      "member.deactivated active",
      "member.reactivated active title",
      "member.updated isTeamAccount role",
      "member.updated userName",
      "member.deactivated active",
      "member.provisioned access active userName",
      "member.deactivated active",
      "member.deactivated",
    ]);
    expect(await of(returned)).toEqual([]);
  });

  test("what the product does, and that a connection takes a member over, deletes it, and gets it back", async () => {
    await adminOk("PATCH", ownPath(), { onDelete: "delete" });
    const { id } = await product.addMember({ userName: "ada", type: "user", email: "ada@x.test" });
    await adminOk("PATCH", `/members/${id}`, { role: "reviewer" });
    await adminOk("PATCH", `/members/${id}`, { status: "inactive" });
    await adminOk("PATCH", `/members/${id}`, { status: "active" });
    await ok(connection.scim("POST", "/Users", teamUser("ada", { title: "Countess" })));
    await adminOk("PATCH", `/members/${id}`, { access: "write" });
    await adminOk("PATCH", ownPath(), { scimEnabled: false });
    await adminOk("DELETE", `/members/${id}`);
    await adminOk("PATCH", ownPath(), { scimEnabled: true });
    await ok(connection.scim("PUT", `/Users/${id}`, teamUser("ada")));
    await ok(connection.scim("DELETE", `/Users/${id}`));

    expect(await of(id)).toEqual([
      "member.provisioned access active emails isTeamAccount role userName",
      "member.updated role",
      "member.deactivated active",
      "member.reactivated active",
      "member.provisioned emails title",
      "member.updated access",
      "member.deleted active",
      "member.reactivated active title",
      "member.deleted active",
    ]);
    const all = await eventsIn(connection.project.id);
    const ours = connection.connection.id;
    expect(all.map(({ connectionId }) => connectionId)).toEqual([
      ...Array(4).fill(null),
      ...Array(5).fill(ours),
    ]);
  });

  test("somebody who signs in", async () => {
    await adminOk("PATCH", ownPath(), { jit: true });
    const signIn = (userName: string) =>
      adminOk("POST", `${ownPath()}/sign-ins`, { subject: "s", userName, displayName: "Ada" });
    const { member } = (await signIn("ada")) as { member: { id: string } };
    await signIn("ada");
    await ok(connection.scim("POST", "/Users", teamUser("ada")));
    const [first, second, ...more] = await of(member.id);
    expect(first).toMatch(/^member\.provisioned /);
    expect(second).toMatch(/^member\.provisioned /);
    expect(more).toEqual([]);
  });
});

describe("groups", () => {
  test("what an IdP does with one, to its end", async () => {
    const [ada, bob] = [await createUser(connection, "ada"), await createUser(connection, "bob")];
    const { id } = await groups.create("Readers", [ada], { externalId: "e" });
    await ok(groups.patch(id, addMembers(bob)));
    await ok(groups.patch(id, addMembers(bob)));
    await ok(groups.patch(id, replace("displayName", "Writers")));
    await ok(groups.put(id, { body: { displayName: "Authors", externalId: "e", members: entries([bob]) } }));
    // Gone from the group as well, but nobody changed that.
    await ok(connection.scim("DELETE", `/Users/${bob}`));
    await ok(connection.scim("DELETE", `/Groups/${id}`));
    expect(await of(id)).toEqual([
      "group.created access displayName externalId members",
      "group.membership members",
      "group.updated displayName",
      "group.updated displayName members",
      "group.deleted",
    ]);
  });

  test("one made, filled and deleted by hand", async () => {
    const ada = await createUser(connection, "ada");
    const { id } = await product.addGroup("By hand");
    await product.put(id, ada);
    await product.put(id, ada);
    await adminOk("PATCH", `/groups/${id}`, { access: "read" });
    await product.takeOut(id, ada);
    await adminOk("DELETE", `/groups/${id}`);
    expect(await of(id)).toEqual([
      "group.created access displayName",
      "group.membership members",
      "group.updated access",
      "group.membership members",
      "group.deleted",
    ]);
  });
});

test("a child's copies are told of in its own project", async () => {
  const heir = productOf(service, await service.createProject());
  const { body: child } = await heir.admin("POST", "/connections", {
    name: "Child",
    inheritsFrom: connection.connection.id,
  });
  const ada = await createUser(connection, "ada");
  const { id: groupId } = await groups.create("Readers", [ada]);
  await pump.drain();
  await change(ada, activation(false));
  await pump.drain();
  await ok(connection.scim("DELETE", `/Groups/${groupId}`));
  await ok(connection.scim("DELETE", `/Users/${ada}`));
  await pump.drain();

  const { items } = (await heir.admin("GET", "/members")).body;
  const events = await eventsIn(heir.project.id);
  expect(new Set(events.map(({ connectionId }) => connectionId))).toEqual(new Set([child.id]));
  const ofMember = events.filter(({ resourceId }) => resourceId === items[0].id);
  expect(ofMember.map(({ type }) => type)).toEqual([
    "member.provisioned",
    "member.deactivated",
    "member.deactivated",
  ]);
  const ofGroup = events.filter(({ resourceId }) => resourceId !== items[0].id);
  expect(ofGroup.map(({ type }) => type)).toEqual(["group.created", "group.membership", "group.deleted"]);
  expect(ofGroup[0]!.resourceId).not.toBe(groupId);
});

test("a copy of a group that is deleted by hand comes back above what was told of it", async () => {
  const heir = productOf(service, await service.createProject());
  const inherits = { name: "Child", inheritsFrom: connection.connection.id };
  expect((await heir.admin("POST", "/connections", inherits)).status).toBe(201);
  const { id } = await groups.create("Readers", [await createUser(connection, "ada")]);
  await pump.drain();
  const [copy] = (await heir.admin("GET", "/groups")).body.items;
  expect((await heir.admin("DELETE", `/groups/${copy.id}?force=true`)).status).toBe(204);
  await pump.drain();
  await ok(connection.scim("DELETE", `/Groups/${id}`));
  const events = (await eventsIn(heir.project.id)).filter(({ resourceId }) => resourceId === copy.id);
  const life = ["group.created", "group.membership", "group.deleted"];
  expect(events.map(({ type }) => type)).toEqual([...life, ...life]);
});

test("a sync failure is told when it opens, and again, above that, when it opens anew", async () => {
  await createUser(connection, "ada");
  const refused = async () => {
    expect((await connection.scim("POST", "/Users", user("ADA"))).status).toBe(409);
  };
  await refused();
  const [failure] = (await adminOk("GET", "/sync-failures"))["items"] as readonly Fields[];
  await refused();
  await adminOk("DELETE", `/sync-failures/${failure!["id"]}`);
  await refused();
  expect(await of(String(failure!["id"]))).toEqual(["sync.failed", "sync.failed"]);
});

test("settings, tokens and the end of a project are no events; nor do events name anybody", async () => {
  await createUser(connection, "ada@private.test", workEmail("ada@private.test"));
  await groups.create("Secret plans");
  await product.addGroup("Secret, too");
  await adminOk("PATCH", ownPath(), { name: "SSO" });
  await adminOk("POST", `${ownPath()}/tokens/rotate`, {});
  await adminOk("PATCH", "", { quotas: { users: 7 } });
  await adminOk("DELETE", ownPath());
  await pump.drain();
  await adminOk("DELETE", "");
  const events = await eventsIn(connection.project.id);
  expect(events.map(({ type }) => type).toSorted()).toEqual([
    "group.created",
    "group.created",
    "member.provisioned",
  ]);
  expect(JSON.stringify(events)).not.toMatch(/private|secret|SSO|rollcall_/i);
});

test("the deployed admin API has no list of them", async () => {
  expectProblem(await service.admin("GET", "/events"), 404, "not_found");
});

describe("the stream", () => {
  /** Everything of this connection's project and of one more, as the mapping hands it over. */
  async function recordsOf(make: () => Promise<unknown>): Promise<DynamoDBStreamEvent["Records"]> {
    const records: DynamoDBStreamEvent["Records"] = [];
    await pump.drain();
    await make();
    const recorder = await startPump(
      table,
      async (event) => {
        records.push(...event.Records);
        return { batchItemFailures: [] };
      },
      { mapping: activityMapping },
    );
    await recorder.drain();
    await recorder.stop();
    return records.filter(({ dynamodb }) => JSON.stringify(dynamodb?.Keys).includes(connection.project.id));
  }

  async function history(): Promise<void> {
    const [ada, bob] = [await createUser(connection, "ada"), await createUser(connection, "bob")];
    const { id } = await groups.create("Readers", [ada]);
    await change(ada, patch(replace("title", "Countess")));
    await ok(groups.patch(id, addMembers(bob)));
    await change(bob, activation(false));
    await ok(connection.scim("DELETE", `/Users/${ada}`));
    await ok(connection.scim("DELETE", `/Groups/${id}`));
  }

  const seed = seedFromEnvironment();
  test(`cut off at any call to the table or the bus, ends with every event told, in order but for repetitions (seed ${seed})`, async () => {
    const records = await recordsOf(history);
    const expected = (await eventsIn(connection.project.id)).map(({ id }) => id);
    expect(expected).toHaveLength(8);
    const random = createSeededRandom(seed);

    const client = table.newClient({ maxAttempts: 1 });
    const faults = injectFaults(client);
    for (let round = 0; round < 8; round++) {
      const told: ChangeEvent[] = [];
      let callsLeft = Math.floor(random.next() * 6);
      const isLost = random.next() < 0.5;
      let isDead = false;
      const runtime = createRuntime({
        client,
        tableName: table.tableName,
        sleep: async () => {},
        publish: async (events) => {
          if (isDead) throw new Crash("the process is gone");
          if (callsLeft-- > 0) {
            told.push(...events);
            return [];
          }
          // Gone before the bus had them, or with its answer.
          isDead = true;
          if (isLost) told.push(...events);
          throw new Crash("the process is gone");
        },
      });
      if (random.next() < 0.5) {
        faults.arm({
          call: 1 + Math.floor(random.next() * 3),
          when: random.next() < 0.5 ? "before" : "after",
          kind: "crash",
        });
      }
      const first = await createActivityHandler(runtime)({ Records: records }, streamContext()).catch(
        () => undefined,
      );
      faults.disarm();
      isDead = false;
      callsLeft = Number.POSITIVE_INFINITY;
      // What Lambda hands over next: from the record on that was reported, or all.
      const from = first?.batchItemFailures[0]?.itemIdentifier;
      const rest = records.slice(
        from === undefined ? 0 : records.findIndex(({ dynamodb }) => dynamodb?.SequenceNumber === from),
      );
      expect(await createActivityHandler(runtime)({ Records: rest }, streamContext())).toEqual({
        batchItemFailures: [],
      });

      const firstTold = [...new Set(told.map(({ id }) => id))];
      expect(firstTold).toHaveLength(expected.length);
      const events = new Map(told.map((event) => [event.id, event]));
      for (const own of Map.groupBy(firstTold, (id) => events.get(id)!.resourceId).values()) {
        expect(own).toEqual(expected.filter((id) => own.includes(id)));
      }
    }
  });
});
