import type { DynamoDBStreamEvent } from "aws-lambda";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { StreamPump } from "../../bin/local/stream-pump.ts";
import { createActivityHandler } from "../../lambda/handlers/activity.ts";
import { createRuntime } from "../../lambda/runtime/runtime.ts";
import { activityMapping } from "../../lambda/stream/stream-mapping.ts";
import { streamContext } from "../handlers/stream-event.ts";
import { checkTable } from "../invariants/check-table.ts";
import { scanTable } from "../invariants/table-contents.ts";
import { injectFaults } from "../support/faulty-client.ts";
import { createSeededRandom, seedFromEnvironment } from "../support/seeded-random.ts";
import type { TestConnection, TestProject, TestService } from "../support/service.ts";
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
  urns,
  user,
  workEmail,
} from "./scim-messages.ts";

// What was written is told by the table's stream, to the handler that is deployed for it.

/** Whom the local gateway says that requests to the admin API are signed by. */
const admin = "admin:arn:aws:iam::000000000000:user/local";
const scim = "scim";

let time = Date.parse("2026-03-01T08:00:00.000Z");
let table: TestTable;
let service: TestService;
let pump: StreamPump;
let connection: TestConnection;
let product: Product;
let groups: Groups;
beforeAll(async () => {
  table = await startTable({ stream: true });
  // Each look at the clock is a second later than the one before, so that changes are told in the order they were made.
  service = await startCheckedService({
    table,
    clock: () => {
      time += 1_000;
      return time;
    },
    sleep: async () => {},
  });
  pump = await startPumps(table, { clock: () => time });
});
beforeEach(async () => {
  connection = await service.createConnection();
  product = productOf(service, connection.project);
  groups = groupsOf(connection);
});
afterAll(async () => {
  await pump.stop();
  await table.stop();
});

/** An entry as the admin API shows it. */
interface Entry {
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly resourceType: string;
  readonly resourceId: string;
  readonly identifier: string;
  readonly connectionId: string | null;
  readonly changes: readonly string[];
}

const ownPath = () => `/connections/${connection.connection.id}`;
/** Oldest first, once everything has been told; fails unless 200. */
async function trail(query = ""): Promise<readonly Entry[]> {
  await pump.drain();
  expect(pump.parked).toEqual([]);
  const { status, body } = await product.admin("GET", `/activity?limit=200${query}`);
  expect([status, body.nextCursor]).toEqual([200, undefined]);
  return body.items.toReversed();
}
const short = ({ actor, action, identifier, changes }: Entry) => [
  action,
  identifier,
  changes.join(" "),
  actor,
];
/** What follows the making of the connection and its token. */
const told = async (query = "") =>
  (await trail(query)).filter(({ resourceType }) => !/^(Connection|Token)$/.test(resourceType)).map(short);
const ok = async (answer: Promise<{ readonly status: number; readonly body: Fields }>) => {
  const { status, body } = await answer;
  expect(status, JSON.stringify(body)).toBeLessThan(300);
  return body;
};
const change = (id: string, request: object) => ok(connection.scim("PATCH", `/Users/${id}`, request));
const adminOk = (method: string, path: string, body?: unknown) => ok(product.admin(method, path, body));

describe("members", () => {
  test("an entry has everything that the API promises", async () => {
    const id = await createUser(connection, "ada@x.test");
    const [entry] = await trail(`&memberId=${id}`);
    expect(entry).toEqual({
      at: expect.stringMatching(/^2026-03-01T\d\d:\d\d:\d\d\.000Z$/),
      actor: scim,
      action: "member.provisioned",
      resourceType: "Member",
      resourceId: id,
      identifier: "ada@x.test",
      connectionId: connection.connection.id,
      changes: ["access", "active", "userName"],
    });
  });

  test("what an IdP does with a user: one entry each, under one member id", async () => {
    const id = await createUser(connection, "ada", workEmail("ada@x.test"));
    await change(id, patch(replace("displayName", "Ada"), replace("emails", [{ value: "a@x.test" }])));
    await change(id, patch(replace("displayName", "Ada")));
    await change(id, activation(false));
    await change(id, patch(replace("active", true), replace("title", "Countess")));
    await change(id, conversion(true));
    await change(id, patch(replace("userName", "lovelace")));
    await change(id, patch(replace(`${urns.enterprise}:department`, "Engines")));
    await ok(connection.scim("DELETE", `/Users/${id}`));
    const returned = await createUser(connection, "lovelace");
    expect(returned).not.toBe(id);
    await change(returned, patch(replace("nickName", "Countess")));

    const expected = [
      ["member.provisioned", "ada", "access active emails userName", scim],
      ["member.updated", "ada", "displayName emails", scim],
      ["member.deactivated", "ada", "active", scim],
      ["member.reactivated", "ada", "active title", scim],
      ["member.updated", "ada", "isTeamAccount role", scim],
      ["member.updated", "lovelace", "userName", scim],
      ["member.updated", "lovelace", "department", scim],
      ["member.unlinked", "lovelace", "active", scim],
      ["member.linked", "lovelace", "access active userName", scim],
      ["member.updated", "lovelace", "nickName", scim],
    ];
    expect(await told()).toEqual(expected);
    expect(await told(`&memberId=${id}`)).toEqual(expected);
    // Under the id that SCIM knows it by now nobody ever was a member.
    expect(await told(`&memberId=${returned}`)).toEqual([]);
    const all = await trail(`&memberId=${id}`);
    expect(new Set(all.map(({ connectionId }) => connectionId))).toEqual(new Set([connection.connection.id]));
  });

  test("deleted and made again where a DELETE deletes", async () => {
    await adminOk("PATCH", ownPath(), { onDelete: "delete" });
    const id = await createUser(connection, "ada");
    await ok(connection.scim("DELETE", `/Users/${id}`));
    await createUser(connection, "ada");
    expect(await told(`&memberId=${id}`)).toEqual([
      ["member.provisioned", "ada", "access active userName", scim],
      ["member.deleted", "ada", "active", scim],
      ["member.linked", "ada", "access active userName", scim],
    ]);
  });

  test("what the product does, by the principal that signed the request", async () => {
    const ada = await product.addMember({ userName: "ada", type: "user", email: "ada@x.test" });
    await adminOk("PATCH", `/members/${ada.id}`, { role: "admin", access: "write" });
    await adminOk("PATCH", `/members/${ada.id}`, { role: "admin" });
    await adminOk("PATCH", `/members/${ada.id}`, { status: "inactive" });
    await adminOk("PATCH", `/members/${ada.id}`, { status: "active", displayName: "Ada" });
    await adminOk("DELETE", `/members/${ada.id}`);
    expect(await told()).toEqual([
      ["member.provisioned", "ada", "access active emails isTeamAccount role userName", admin],
      ["member.updated", "ada", "access role", admin],
      ["member.deactivated", "ada", "active", admin],
      ["member.reactivated", "ada", "active displayName", admin],
      ["member.deleted", "ada", "active", admin],
    ]);
    expect((await trail()).at(-1)).toMatchObject({ resourceId: ada.id, connectionId: null });
  });

  test("taken over by a connection, managed there, and restored after the product deleted it", async () => {
    const ada = await product.addMember({ userName: "ada", type: "user", access: "write" });
    await ok(connection.scim("POST", "/Users", teamUser("ada", { title: "Countess" })));
    await adminOk("PATCH", `/members/${ada.id}`, { access: "none" });
    await adminOk("PATCH", ownPath(), { scimEnabled: false });
    await adminOk("DELETE", `/members/${ada.id}`);
    await adminOk("PATCH", ownPath(), { scimEnabled: true });
    await ok(connection.scim("PUT", `/Users/${ada.id}`, teamUser("ada")));
    expect(await told(`&memberId=${ada.id}`)).toEqual([
      ["member.provisioned", "ada", "access active isTeamAccount role userName", admin],
      ["member.linked", "ada", "title", scim],
      ["member.updated", "ada", "access", admin],
      ["member.deleted", "ada", "active", admin],
      ["member.restored", "ada", "active title", scim],
    ]);
  });
});

describe("groups", () => {
  test("made, renamed, refilled and deleted by an IdP", async () => {
    const [ada, bob] = [await createUser(connection, "ada"), await createUser(connection, "bob")];
    const { id } = await groups.create("Readers", [ada], { externalId: "e" });
    await ok(groups.patch(id, addMembers(bob)));
    await ok(groups.patch(id, addMembers(bob)));
    await ok(groups.patch(id, replace("displayName", "Writers")));
    await ok(groups.put(id, { body: { displayName: "Authors", externalId: "e", members: entries([bob]) } }));
    // Gone from the group as well, but nobody changed that.
    await ok(connection.scim("DELETE", `/Users/${bob}`));
    await ok(connection.scim("DELETE", `/Groups/${id}`));
    const ofGroup = (await trail()).filter(({ resourceType }) => resourceType === "Group");
    expect(ofGroup.map(short)).toEqual([
      ["group.created", "Readers", "access displayName externalId members", scim],
      ["group.membership", "Readers", "members", scim],
      ["group.updated", "Writers", "displayName", scim],
      ["group.updated", "Authors", "displayName members", scim],
      ["group.deleted", "Authors", "", scim],
    ]);
    for (const { resourceId, connectionId } of ofGroup) {
      expect([resourceId, connectionId]).toEqual([id, connection.connection.id]);
    }
  });

  test("made, changed and filled by hand", async () => {
    const ada = await createUser(connection, "ada");
    const { id } = await product.addGroup("By hand");
    await product.put(id, ada);
    await product.put(id, ada);
    await adminOk("PATCH", `/groups/${id}`, { access: "read" });
    await adminOk("PATCH", `/groups/${id}`, { displayName: "Ours", access: "write" });
    await product.takeOut(id, ada);
    await adminOk("DELETE", `/groups/${id}`);
    const all = await told();
    expect(all.slice(1)).toEqual([
      ["group.created", "By hand", "access displayName", admin],
      ["group.membership", "By hand", "members", admin],
      ["group.updated", "By hand", "access", admin],
      ["group.updated", "Ours", "access displayName", admin],
      ["group.membership", "Ours", "members", admin],
      ["group.deleted", "Ours", "", admin],
    ]);
  });

  test("of an IdP's, what the product does to them is the product's", async () => {
    const [ada, bob] = [await createUser(connection, "ada"), await createUser(connection, "bob")];
    const { id } = await groups.create("Readers", [ada]);
    await adminOk("PATCH", ownPath(), { scimEnabled: false });
    await product.put(id, bob);
    await adminOk("PATCH", ownPath(), { scimEnabled: true });
    await ok(groups.patch(id, { op: "remove", path: "members" }));
    await adminOk("DELETE", `/groups/${id}?force=true`);
    expect((await told()).slice(2)).toEqual([
      ["group.created", "Readers", "access displayName members", scim],
      ["group.membership", "Readers", "members", admin],
      ["group.membership", "Readers", "members", scim],
      ["group.deleted", "Readers", "", admin],
    ]);
  });
});

describe("connections, tokens and the project", () => {
  test("their settings, and tokens by label or hint", async () => {
    await adminOk("PATCH", ownPath(), { name: "SSO", defaults: { role: "admin" } });
    await adminOk("PATCH", ownPath(), { name: "SSO" });
    const first = await adminOk("POST", `${ownPath()}/tokens`, { label: "Second" });
    await createUser(connection, "ada");
    await adminOk("DELETE", `${ownPath()}/tokens/${first["id"]}`);
    const second = await adminOk("POST", `${ownPath()}/tokens/rotate`, { overlapSeconds: 60 });
    const third = await adminOk("POST", `${ownPath()}/tokens/rotate`, { label: "Third" });
    await adminOk("PATCH", "", { name: "Renamed", quotas: { users: 7 } });
    await adminOk("PATCH", "", { quotas: { users: 7 } });
    await adminOk("DELETE", ownPath());

    const all = (await trail()).filter(({ resourceType }) => resourceType !== "Member");
    const hint = all[1]!.identifier;
    const settings = "defaults jit name onDelete provider scimEnabled uniqueGroupNames";
    expect(connection.token.endsWith(hint)).toBe(true);
    expect(all.slice(0, 5).map(short)).toEqual([
      ["connection.created", "Test SSO", settings, admin],
      ["token.created", hint, "", admin],
      ["connection.updated", "SSO", "defaults name", admin],
      ["token.created", "Second", "", admin],
      ["token.revoked", "Second", "", admin],
    ]);
    // A rotation ends several at the same instant; which of them is told first is nobody's concern.
    expect(all.slice(5).map(short).sort()).toEqual(
      [
        ["token.created", second["hint"], "", admin],
        ["token.revoked", hint, "expiresAt", admin],
        ["token.created", "Third", "", admin],
        ["token.revoked", hint, "", admin],
        ["token.revoked", second["hint"], "", admin],
        ["project.updated", "Renamed", "name quotas", admin],
        ["connection.deleted", "SSO", "", admin],
      ].sort(),
    );
    expect(all.find(({ identifier }) => identifier === "Third")?.resourceId).toBe(third["id"]);
    expect(all.at(-1)).toMatchObject({ resourceId: connection.connection.id });
    // Of what is gone, too.
    expect((await trail(`&connectionId=${connection.connection.id}`)).at(-1)?.action).toBe(
      "connection.deleted",
    );
  });

  test("the use of a token, and what a connection counts for its project, are told to nobody", async () => {
    await createUser(connection, "ada");
    await service.createConnection({}, connection.project);
    const all = await trail();
    expect(all.map(({ action }) => action)).toEqual([
      "connection.created",
      "token.created",
      "member.provisioned",
      "connection.created",
      "token.created",
    ]);
  });

  test("a sync failure is told when it opens, and again when it opens anew", async () => {
    await createUser(connection, "ada");
    const refused = async () => {
      expect((await connection.scim("POST", "/Users", user("ADA"))).status).toBe(409);
    };
    await refused();
    const [failure] = (await adminOk("GET", "/sync-failures"))["items"] as readonly Fields[];
    await refused();
    const id = (await ok(connection.scim("GET", "/Users")))["Resources"] as readonly Fields[];
    await change(String(id[0]!["id"]), patch(replace("title", "Countess")));
    await refused();
    const failed = (await trail()).filter(({ action }) => action === "sync.failed");
    expect(failed.map(short)).toEqual([
      ["sync.failed", "ADA", "", scim],
      ["sync.failed", "ADA", "", scim],
    ]);
    expect(failed[0]).toMatchObject({
      resourceType: "SyncFailure",
      resourceId: failure!["id"],
      connectionId: connection.connection.id,
    });
  });
});

describe("the list", () => {
  test("holds a project apart from others, and is that of a member, of a connection, or of both", async () => {
    const ada = await createUser(connection, "ada");
    const bob = await product.addMember({ userName: "bob", type: "reader" });
    const other = await service.createConnection({}, connection.project);
    await createUser(other, "cy");
    const [ofOurs, ofOther] = [connection, other].map(({ connection: { id } }) => `&connectionId=${id}`);
    expect(await told()).toHaveLength(3);
    expect((await told(`&memberId=${bob.id}`)).map(([, name]) => name)).toEqual(["bob"]);
    expect((await told(ofOther)).map(([, name]) => name)).toEqual(["cy"]);
    expect(await trail(ofOther)).toHaveLength(3);
    expect((await told(`${ofOurs}&memberId=${ada}`)).map(([, name]) => name)).toEqual(["ada"]);
    expect(await told(`${ofOther}&memberId=${ada}`)).toEqual([]);

    const foreign = await service.createConnection();
    const stranger = await createUser(foreign, "ada");
    for (const query of [
      `&memberId=${stranger}`,
      "&memberId=nobody",
      `&connectionId=${foreign.connection.id}`,
      "&connectionId=none",
    ]) {
      expect([query, await trail(query)]).toEqual([query, []]);
    }
    expectProblem(await service.admin("GET", "/projects/0000000000000000/activity"), 404, "not_found");
    expectProblem(await service.admin("GET", "/projects/none/activity"), 404, "not_found");
  });

  test("is newest first, page by page, whichever the filter", async () => {
    for (const name of ["a", "b", "c", "d", "e"]) await createUser(connection, name);
    const ada = await createUser(connection, "ada");
    await change(ada, activation(false));
    await change(ada, activation(true));
    for (const filter of ["", `&memberId=${ada}`, `&connectionId=${connection.connection.id}`]) {
      const all = (await trail(filter)).toReversed();
      const times = all.map(({ at }) => at);
      expect(times).toEqual(times.toSorted().toReversed());
      const paged: Entry[] = [];
      for (let cursor = ""; ; ) {
        const { body } = await product.admin("GET", `/activity?limit=2${filter}${cursor}`);
        expect(body.items.length).toBeLessThanOrEqual(2);
        paged.push(...body.items);
        if (body.nextCursor === undefined) break;
        cursor = `&cursor=${body.nextCursor}`;
      }
      expect(paged).toEqual(all);
    }
    const { body } = await product.admin("GET", "/activity?limit=2");
    const elsewhere = `/activity?cursor=${body.nextCursor}&memberId=${ada}`;
    for (const path of [elsewhere, "/activity?cursor=MXg", "/activity?limit=0"]) {
      expectProblem(await product.admin("GET", path), 400, "validation_failed");
    }
  });

  test("has no entry older than 90 days, whether the table still has it or not, and no cursor brings one back", async () => {
    await createUser(connection, "ada");
    await createUser(connection, "bob");
    expect(await told()).toHaveLength(2);
    const { body: first } = await product.admin("GET", "/activity?limit=1");
    const before = time;
    time += 90 * 86_400_000 - 3_600_000;
    expect(await told()).toHaveLength(2);
    time += 3_600_000 + 10_000;
    await createUser(connection, "cy");
    expect(await told()).toEqual([["member.provisioned", "cy", "access active userName", scim]]);
    const { body: rest } = await product.admin("GET", `/activity?cursor=${first.nextCursor}`);
    expect(rest).toEqual({ items: [] });
    time = before;
  });
});

describe("what the trail keeps", () => {
  /** All that the table has of it. */
  const kept = async () =>
    (await scanTable(table.client, table.tableName)).filter(
      ({ pk }) => pk!.S === `A#${connection.project.id}`,
    );

  test("is names of attributes, and never what they hold", async () => {
    const secrets = {
      displayName: "Secret Name",
      title: "Secret Title",
      password: "Secret Password",
      name: { givenName: "Secret", familyName: "Person" },
      phoneNumbers: [{ value: "+1 555 0100" }],
      [urns.enterprise]: { employeeNumber: "Secret Number", manager: { value: "Secret Boss" } },
      ...workEmail("secret@x.test"),
    };
    const id = await createUser(connection, "ada", secrets);
    await change(id, patch(replace("nickName", "Secret Nick"), replace("name.givenName", "Secretly")));
    await ok(connection.scim("DELETE", `/Users/${id}`));
    expect((await told()).map(([, , changes]) => changes)).toEqual([
      "access active displayName emails employeeNumber manager name phoneNumbers title userName",
      "name nickName",
      "active",
    ]);
    const all = JSON.stringify([await trail(), await kept()]);
    expect(all).not.toMatch(/secret|555/i);
  });

  test("goes with the project, and what is told of it later leaves no trace", async () => {
    const id = await createUser(connection, "ada");
    const { id: groupId } = await groups.create("Readers", [id]);
    await ok(connection.scim("DELETE", `/Groups/${groupId}`));
    await pump.drain();
    expect((await kept()).length).toBeGreaterThan(5);
    await createUser(connection, "bob");
    await adminOk("DELETE", ownPath());
    await adminOk("DELETE", "");
    await pump.drain();
    expect(pump.parked).toEqual([]);
    const traces = (await scanTable(table.client, table.tableName)).filter((item) =>
      JSON.stringify(item).includes(connection.project.id),
    );
    expect(traces).toEqual([]);
  });
});

describe("the stream", () => {
  const seed = seedFromEnvironment();
  const random = createSeededRandom(seed);
  const batches: DynamoDBStreamEvent[] = [];
  let expected: readonly Entry[];
  let project: TestProject;

  /** All that has rung so far. */
  beforeAll(async () => {
    connection = await service.createConnection();
    product = productOf(service, connection.project);
    project = connection.project;
    const ada = await createUser(connection, "ada");
    await change(ada, patch(replace("displayName", "Ada")));
    await ok(connection.scim("DELETE", `/Users/${ada}`));
    const again = await createUser(connection, "ada");
    const { id } = await groupsOf(connection).create("Readers", [again]);
    await ok(connection.scim("DELETE", `/Groups/${id}`));
    expected = await trail();
    expect(expected.length).toBeGreaterThan(7);
    const listening = await startPump(table, async (event) => void batches.push(event), {
      mapping: activityMapping,
    });
    await listening.drain();
    await listening.stop();
  });

  const handlerOver = (client = table.client) =>
    createActivityHandler(createRuntime({ client, tableName: table.tableName, sleep: async () => {} }));
  const trailOf = async () => {
    const { body } = await service.admin("GET", `/projects/${project.id}/activity?limit=200`);
    return body.items.toReversed();
  };
  const deliver = (handler: ReturnType<typeof handlerOver>, event: DynamoDBStreamEvent) =>
    handler(event, streamContext());

  test(`delivered again, in any order and any batches, changes nothing (seed ${seed})`, async () => {
    await pump.drain();
    const before = await scanTable(table.client, table.tableName);
    const records = random.shuffle(batches.flatMap(({ Records }) => Records));
    for (let start = 0; start < records.length; start += 40) {
      // Each batch has a record twice.
      const batch = records.slice(start, start + 40);
      expect(await deliver(handlerOver(), { Records: [...batch, batch[0]!] })).toEqual({
        batchItemFailures: [],
      });
    }
    expect(await scanTable(table.client, table.tableName)).toEqual(before);
    expect(await checkTable(table)).toEqual([]);
  });

  test("cut off at any call, the next delivery tells the same", async () => {
    const { store } = createRuntime({ client: table.client, tableName: table.tableName }).context;
    const records = batches
      .flatMap(({ Records }) => Records)
      .filter((record) => JSON.stringify(record.dynamodb?.Keys).includes(project.id));
    const client = table.newClient({ maxAttempts: 1 });
    const faults = injectFaults(client);
    for (let call = 1; ; call++) {
      const entries = (await scanTable(table.client, table.tableName)).filter(
        ({ pk }) => pk!.S === `A#${project.id}`,
      );
      await store.purge(entries.map(({ pk, sk }) => ({ pk: pk!.S!, sk: sk!.S! })));
      expect(await trailOf()).toEqual([]);
      faults.arm({ call, when: random.pick(["before", "after"]), kind: "crash" });
      const answer = await deliver(handlerOver(client), { Records: records }).catch((cause) => cause);
      const fired = faults.hasFired();
      faults.disarm();
      if (fired) expect(answer).toMatchObject({ name: "BatchFailure" });
      await deliver(handlerOver(client), { Records: records });
      expect([call, await trailOf()]).toEqual([call, expected]);
      if (!fired) return expect(call).toBeGreaterThan(2);
    }
  });
});
