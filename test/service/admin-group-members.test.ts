import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { memberIdOf } from "../../lambda/domain/member-id.ts";
import { disturb, interpose } from "../invariants/disturbed-client.ts";
import { scanTable } from "../invariants/table-contents.ts";
import { seedUsers } from "../support/seed-users.ts";
import { createSeededRandom, seedFromEnvironment } from "../support/seeded-random.ts";
import type { TestConnection, TestService } from "../support/service.ts";
import { startTable, type TestTable } from "../support/table.ts";
import { startCheckedService } from "./checked-service.ts";
import { createUser, type Groups, groupsOf, sorted } from "./group-ground.ts";
import { expectProblem, type Product, productOf } from "./product.ts";
import {
  activation,
  asTeam,
  conversion,
  entries,
  type Fields,
  group,
  teamUser,
  user,
} from "./scim-messages.ts";

let table: TestTable;
let service: TestService;
let time = Date.parse("2026-01-01T00:00:00.000Z");
beforeAll(async () => {
  table = await startTable();
  service = await startCheckedService({ table, clock: () => time, sleep: async () => {} });
});
afterAll(() => table.stop());

interface Ground {
  readonly connection: TestConnection;
  readonly product: Product;
  readonly groups: Groups;
  scim(enabled: boolean): Promise<void>;
  counts(groupId: string): Promise<{ readonly users: number; readonly readers: number }>;
}

async function ground(fields?: Fields): Promise<Ground> {
  const connection = await service.createConnection(fields);
  const product = productOf(service, connection.project);
  return {
    connection,
    product,
    groups: groupsOf(connection),
    async scim(scimEnabled) {
      const path = `/connections/${connection.connection.id}`;
      expect((await product.admin("PATCH", path, { scimEnabled })).status).toBe(200);
    },
    counts: async (groupId) => (await product.group(groupId)).counts,
  };
}

const memberIdNamed = async (product: Product, userName: string): Promise<string> =>
  (await product.memberNamed(userName)).id;

describe("an unmanaged group takes members of any kind", () => {
  test("made by hand, of any connection, SCIM enabled or not, active or not, left behind", async () => {
    const { connection, product, counts } = await ground();
    const second = await service.createConnection({}, connection.project);
    const third = await service.createConnection({}, connection.project);
    await createUser(connection, "scim-reader");
    await createUser(connection, "scim-user", { ...asTeam, active: false });
    await createUser(second, "disabled");
    await createUser(third, "left-behind", asTeam);
    await product.admin("PATCH", `/connections/${second.connection.id}`, { scimEnabled: false });
    await product.admin("DELETE", `/connections/${third.connection.id}`);
    await product.addMember({ userName: "by-hand", type: "user" });
    const inactive = await product.addMember({ userName: "inactive", type: "reader" });
    await product.admin("PATCH", `/members/${inactive.id}`, { status: "inactive" });

    const { id } = await product.addGroup("Everybody");
    const names = ["by-hand", "disabled", "inactive", "left-behind", "scim-reader", "scim-user"];
    for (const name of names) await product.put(id, await memberIdNamed(product, name));
    expect(sorted(await product.namesIn(id))).toEqual(names);
    expect(await counts(id)).toEqual({ users: 3, readers: 3 });
  });

  test("the list shows Members, as the list of members does", async () => {
    const { connection, product } = await ground();
    await createUser(connection, "ada", asTeam);
    await product.addMember({ userName: "bob", email: "bob@x.example", type: "reader" });
    const { id } = await product.addGroup("Shown");
    const { items } = (await product.admin("GET", "/members")).body;
    for (const member of items) await product.put(id, member.id);
    expect((await product.admin("GET", `/groups/${id}/members`)).body).toEqual({ items });
  });

  test("PUT and DELETE are safe to repeat, and change nothing then", async () => {
    const { product } = await ground();
    const { id: memberId } = await product.addMember({ userName: "again", type: "reader" });
    const { id } = await product.addGroup("Again");
    time += 1_000;
    await product.takeOut(id, memberId);
    const empty = await product.group(id);
    expect(empty.updatedAt).toBe(empty.createdAt);

    await product.put(id, memberId);
    const full = await product.group(id);
    expect(full).toMatchObject({
      counts: { users: 0, readers: 1 },
      updatedAt: new Date(time).toISOString(),
    });
    time += 1_000;
    await product.put(id, memberId);
    expect(await product.group(id)).toEqual(full);
    expect(await product.namesIn(id)).toEqual(["again"]);

    await product.takeOut(id, memberId);
    await product.takeOut(id, memberId);
    expect(await product.namesIn(id)).toEqual([]);
    expect(await product.group(id)).toMatchObject({
      counts: { users: 0, readers: 0 },
      updatedAt: new Date(time).toISOString(),
    });
  });

  test("404 for who is no member of the project, or deleted", async () => {
    const { product } = await ground();
    const stranger = await (await ground()).product.addMember({ userName: "stranger", type: "reader" });
    const deleted = await product.addMember({ userName: "deleted", type: "reader" });
    const { id } = await product.addGroup("Closed");
    await product.put(id, deleted.id);
    await product.admin("DELETE", `/members/${deleted.id}`);
    const unknown = ["nonsense", "__proto__", "00000000-0000-0000-0000-000000000000"];
    for (const memberId of [...unknown, stranger.id, deleted.id]) {
      for (const method of ["PUT", "DELETE"]) {
        const path = `/groups/${id}/members/${memberId}`;
        expectProblem(await product.admin(method, path), 404, "not_found");
      }
    }
    expect(await product.namesIn(id)).toEqual([]);
  });
});

describe("a managed group", () => {
  test("takes and gives nobody by hand: 409 managed_by_idp, nothing changed", async () => {
    const { connection, product, groups } = await ground();
    const ada = await createUser(connection, "ada");
    const bob = await product.addMember({ userName: "bob", type: "reader" });
    const { id } = await groups.create("Managed", [ada]);
    for (const [method, memberId] of [
      ["PUT", ada],
      ["PUT", bob.id],
      ["DELETE", ada],
      ["DELETE", bob.id],
    ] as const) {
      const refused = await product.admin(method, `/groups/${id}/members/${memberId}`);
      expectProblem(refused, 409, "managed_by_idp");
      expect(refused.body.detail).toContain("members");
    }
    expect(await product.namesIn(id)).toEqual(["ada"]);
  });

  test("shows whom SCIM put in, converted and deactivated ones included", async () => {
    const { connection, product, groups, counts } = await ground();
    const [ada, bob] = [await createUser(connection, "ada", asTeam), await createUser(connection, "bob")];
    const { id } = await groups.create("Types", [ada, bob]);
    expect(await counts(id)).toEqual({ users: 1, readers: 1 });
    await connection.scim("PATCH", `/Users/${bob}`, conversion(true));
    expect(await counts(id)).toEqual({ users: 2, readers: 0 });
    await connection.scim("PATCH", `/Users/${ada}`, conversion(false));
    await connection.scim("PATCH", `/Users/${bob}`, conversion(false));
    expect(await counts(id)).toEqual({ users: 0, readers: 2 });
    await connection.scim("PATCH", `/Users/${ada}`, activation(false));
    expect(await counts(id)).toEqual({ users: 0, readers: 2 });
    const { items } = (await product.admin("GET", `/groups/${id}/members`)).body;
    // Two who came at the same time are listed in either order.
    expect(items.map(({ userName, status }: Fields) => [userName, status]).sort()).toEqual([
      ["ada", "inactive"],
      ["bob", "active"],
    ]);
  });

  test.each(["deactivate", "delete"])(
    "a user SCIM deletes is in it no more, nor when it returns (onDelete %s)",
    async (onDelete) => {
      const { connection, product, groups, counts } = await ground({ onDelete });
      const ada = await createUser(connection, "ada");
      const { id } = await groups.create("Left", [ada, await createUser(connection, "bob")]);
      await connection.scim("DELETE", `/Users/${ada}`);
      expect(await product.namesIn(id)).toEqual(["bob"]);
      expect(await counts(id)).toEqual({ users: 0, readers: 1 });
      const returned = await createUser(connection, "ada", asTeam);
      expect(await product.namesIn(id)).toEqual(["bob"]);
      await groups.patch(id, { op: "add", path: "members", value: entries([returned]) });
      expect(sorted(await product.namesIn(id))).toEqual(["ada", "bob"]);
      expect(await counts(id)).toEqual({ users: 1, readers: 1 });
    },
  );
});

describe("members converted, deleted and moved in a group made by hand", () => {
  test("a conversion moves the count", async () => {
    const { product, counts } = await ground();
    const member = await product.addMember({ userName: "ada", type: "reader" });
    const { id } = await product.addGroup("By hand");
    await product.put(id, member.id);
    await product.admin("PATCH", `/members/${member.id}`, { type: "user" });
    expect(await counts(id)).toEqual({ users: 1, readers: 0 });
    await product.admin("PATCH", `/members/${member.id}`, { status: "inactive", type: "reader" });
    expect(await counts(id)).toEqual({ users: 0, readers: 1 });
  });

  test("a deleted member is neither shown nor counted", async () => {
    const { product, counts } = await ground();
    const { id } = await product.addGroup("By hand");
    for (const userName of ["ada", "bob"]) {
      await product.put(id, (await product.addMember({ userName, type: "reader" })).id);
    }
    await product.admin("DELETE", `/members/${await memberIdNamed(product, "ada")}`);
    expect(await product.namesIn(id)).toEqual(["bob"]);
    expect(await counts(id)).toEqual({ users: 0, readers: 1 });
  });

  test.each(["deactivate", "delete"])(
    "who returns to SCIM under another number is in it again (onDelete %s)",
    async (onDelete) => {
      const { connection, product, counts } = await ground({ onDelete });
      const { id } = await product.addGroup("By hand");
      let scimId = await createUser(connection, "ada");
      const memberId = await memberIdNamed(product, "ada");
      await product.put(id, memberId);
      const there = onDelete === "deactivate";
      for (const type of [{}, asTeam, {}]) {
        await connection.scim("DELETE", `/Users/${scimId}`);
        expect(await product.namesIn(id)).toEqual(there ? ["ada"] : []);
        const { users, readers } = await counts(id);
        expect(users + readers).toBe(there ? 1 : 0);
        const { body } = await connection.scim("POST", "/Users", user("ada", type));
        expect(body.id).not.toBe(scimId);
        scimId = body.id;
        expect((await product.admin("GET", `/groups/${id}/members`)).body.items).toMatchObject([
          { id: memberId, userName: "ada" },
        ]);
        expect(await counts(id)).toEqual(
          type === asTeam ? { users: 1, readers: 0 } : { users: 0, readers: 1 },
        );
      }
      await product.takeOut(id, memberId);
      expect(await product.namesIn(id)).toEqual([]);
    },
  );

  test("who is taken over by another connection stays in it", async () => {
    const { connection, product, counts, scim } = await ground();
    await createUser(connection, "ada");
    const { id } = await product.addGroup("By hand");
    await product.put(id, await memberIdNamed(product, "ada"));
    await scim(false);
    const second = await service.createConnection({}, connection.project);
    expect((await second.scim("POST", "/Users", user("ADA"))).status).toBe(201);
    expect(await product.namesIn(id)).toEqual(["ADA"]);
    expect(await counts(id)).toEqual({ users: 0, readers: 1 });
  });

  test("a name changed, by hand or by SCIM, is the name shown", async () => {
    const { connection, product } = await ground();
    const ada = await createUser(connection, "ada");
    const bob = await product.addMember({ userName: "bob", type: "reader" });
    const { id } = await product.addGroup("Named");
    for (const memberId of [ada, bob.id]) await product.put(id, memberId);
    await connection.scim("PUT", `/Users/${ada}`, user("ada-2"));
    await product.admin("PATCH", `/members/${bob.id}`, { userName: "bob-2" });
    expect(sorted(await product.namesIn(id))).toEqual(["ada-2", "bob-2"]);
  });

  test("who was taken in by hand and then by SCIM is one member", async () => {
    const { connection, product, groups, counts, scim } = await ground();
    // Put in by hand while nobody's user, then linked; and one who came back under another number.
    const early = await product.addMember({ userName: "early", type: "reader" });
    const moved = await createUser(connection, "moved");
    const movedId = await memberIdNamed(product, "moved");
    const { id } = await groups.create("Both ways");
    await connection.scim("DELETE", `/Users/${moved}`);
    await scim(false);
    for (const memberId of [early.id, movedId]) await product.put(id, memberId);
    await scim(true);
    const linked = await Promise.all([
      createUser(connection, "early"),
      createUser(connection, "moved", asTeam),
    ]);
    expect(await groups.members(id)).toEqual([]);
    await groups.patch(id, { op: "add", path: "members", value: entries(linked) });
    expect(sorted(await product.namesIn(id))).toEqual(["early", "moved"]);
    expect(await product.namesIn(id, 1)).toEqual(await product.namesIn(id));
    expect(await counts(id)).toEqual({ users: 1, readers: 1 });
    // What SCIM takes back is not what was put in by hand; a DELETE by hand takes both.
    await groups.patch(id, { op: "remove", path: "members" });
    expect(sorted(await product.namesIn(id))).toEqual(["early", "moved"]);
    await groups.patch(id, { op: "add", path: "members", value: entries(linked) });
    await scim(false);
    for (const memberId of [early.id, movedId]) await product.takeOut(id, memberId);
    expect(await product.namesIn(id)).toEqual([]);
    expect(await counts(id)).toEqual({ users: 0, readers: 0 });
    await scim(true);
    expect(await groups.members(id)).toEqual([]);
  });
});

describe("SCIM off, edits by hand, SCIM on", () => {
  test("the IdP sees its own users as they are in the group now, under a new version", async () => {
    const { connection, product, groups, scim } = await ground();
    const [ada, bob, carl] = [
      await createUser(connection, "ada"),
      await createUser(connection, "bob"),
      await createUser(connection, "carl"),
    ];
    const { id } = await groups.create("Edited", [ada, bob]);
    const before = await groups.read(id);
    await scim(false);
    time += 1_000;
    await product.put(id, carl);
    await product.takeOut(id, ada);
    await scim(true);
    const after = await groups.read(id);
    expect(await groups.members(id)).toEqual(sorted([bob, carl]));
    expect(after.meta.version).not.toBe(before.meta.version);
    expect(after.meta.lastModified).toBe(new Date(time).toISOString());
    // And what the IdP does next holds.
    await groups.patch(id, { op: "remove", path: "members", value: entries([carl]) });
    expect(await product.namesIn(id)).toEqual(["bob"]);
  });

  test("nobody else is shown to it, and the version stays as it was", async () => {
    const { connection, product, groups, scim, counts } = await ground();
    const other = await service.createConnection({}, connection.project);
    const ada = await createUser(connection, "ada");
    const stranger = await createUser(other, "other-connection");
    const byHand = await product.addMember({ userName: "by-hand", type: "user" });
    const { id } = await groups.create("Mixed", [ada]);
    const before = await groups.read(id);
    await scim(false);
    time += 1_000;
    for (const memberId of [stranger, byHand.id]) await product.put(id, memberId);
    await scim(true);
    expect(await groups.read(id)).toEqual(before);
    expect(sorted(await product.namesIn(id))).toEqual(["ada", "by-hand", "other-connection"]);
    expect(await counts(id)).toEqual({ users: 1, readers: 2 });
    expect((await product.group(id)).updatedAt).toBe(new Date(time).toISOString());
  });

  test("a PUT of the group by its IdP replaces its own users, and leaves the others", async () => {
    const { connection, product, groups, scim } = await ground();
    const [ada, bob] = [await createUser(connection, "ada"), await createUser(connection, "bob")];
    const byHand = await product.addMember({ userName: "by-hand", type: "reader" });
    const { id } = await groups.create("Replaced", [ada]);
    await scim(false);
    await product.put(id, byHand.id);
    await scim(true);
    expect((await groups.put(id, group("Replaced", [bob]))).status).toBe(200);
    expect(sorted(await product.namesIn(id))).toEqual(["bob", "by-hand"]);
  });

  test("a member the product deleted is gone from the group, and back in it when its IdP restores it", async () => {
    const { connection, product, groups, scim, counts } = await ground();
    const ada = await createUser(connection, "ada", asTeam);
    const { id } = await groups.create("Restored", [ada]);
    await scim(false);
    await product.admin("DELETE", `/members/${ada}`);
    expect(await product.namesIn(id)).toEqual([]);
    expect(await counts(id)).toEqual({ users: 0, readers: 0 });
    await scim(true);
    expect((await connection.scim("PUT", `/Users/${ada}`, teamUser("ada"))).status).toBe(200);
    expect(await product.namesIn(id)).toEqual(["ada"]);
    expect(await groups.members(id)).toEqual([ada]);
    expect(await counts(id)).toEqual({ users: 1, readers: 0 });
  });

  test.each([
    ["a member put in", "PUT", "/members/{m}", undefined],
    ["a member taken out", "DELETE", "/members/{m}", undefined],
    ["a new name", "PATCH", "", { displayName: "Mine" }],
    ["a deletion", "DELETE", "", undefined],
  ])("%s: refused when SCIM is switched on just before", async (_, method, path, body) => {
    const { connection, product, groups, scim } = await ground();
    const [ada, bob] = [await createUser(connection, "ada"), await createUser(connection, "bob")];
    const { id } = await groups.create("Overtaken", [ada]);
    const before = await groups.read(id);
    await scim(false);
    const client = table.newClient();
    let isOff = true;
    interpose(client, async (_call, command) => {
      if (command === "TransactWriteItems" && isOff) {
        isOff = false;
        await scim(true);
      }
    });
    const late = await startCheckedService({ table, client, sleep: async () => {} });
    const memberId = method === "PUT" ? bob : ada;
    const refused = await productOf(late, product.project).admin(
      method,
      `/groups/${id}${path.replace("{m}", memberId)}`,
      body,
    );
    expect(isOff).toBe(false);
    expectProblem(refused, 409, "managed_by_idp");
    expect(await groups.read(id)).toEqual(before);
  });
});

describe("many at once", () => {
  test("edits of one group at the same time all hold", async () => {
    const { connection, product, counts } = await ground();
    await seedUsers({
      client: table.client,
      tableName: table.tableName,
      projectId: connection.project.id,
      connectionId: connection.connection.id,
      count: 40,
    });
    const { id } = await product.addGroup("Crowd");
    const { items } = (await product.admin("GET", "/members?limit=200")).body;
    const ids: readonly string[] = items.map(({ id: memberId }: Fields) => memberId);
    await Promise.all(ids.map((memberId) => product.put(id, memberId)));
    expect(await product.namesIn(id)).toHaveLength(40);
    const leaving = ids.filter((_, index) => index % 2 === 0);
    const twice = [...leaving, ...leaving];
    await Promise.all(twice.map((memberId) => product.takeOut(id, memberId)));
    expect(await product.namesIn(id)).toHaveLength(20);
    expect(await counts(id)).toEqual({ users: 0, readers: 20 });
  });

  test("PUT and DELETE of one member at the same time leave it in or out, not both", async () => {
    const { connection, product, groups, scim, counts } = await ground();
    const ada = await createUser(connection, "ada");
    const { id } = await groups.create("In or out");
    await scim(false);
    for (let round = 0; round < 5; round++) {
      await Promise.all([product.put(id, ada), product.takeOut(id, ada), product.put(id, ada)]);
      const shown = await product.namesIn(id);
      expect(await counts(id)).toEqual({ users: 0, readers: shown.length });
    }
    await product.takeOut(id, ada);
    await scim(true);
    expect(await groups.members(id)).toEqual([]);
  });

  test("a change of many members is never seen by half", async () => {
    const { connection, groups } = await ground();
    await seedUsers({
      client: table.client,
      tableName: table.tableName,
      projectId: connection.project.id,
      connectionId: connection.connection.id,
      count: 16,
    });
    // Neighbours lie on different pages, so that each change touches sixteen of them.
    const ids = Array.from({ length: 16 }, (_, number) => memberIdOf(connection.project.id, number));
    const halves = [ids.slice(0, 8), ids.slice(8)] as const;
    const { id } = await groups.create("Swapped", halves[0]);
    // Reads of several items that are not of one instant, as DynamoDB never promised.
    const client = table.newClient();
    disturb(client, { random: createSeededRandom(seedFromEnvironment()), torn: 0.7 });
    const disturbed = await startCheckedService({ table, client, sleep: async () => {} });
    const onlooker = productOf(disturbed, connection.project);
    let swapping = true;
    const seen = new Set<string>();
    const reader = async () => {
      while (swapping) {
        expect((await onlooker.group(id)).counts).toEqual({ users: 0, readers: 8 });
        const { items } = (await onlooker.admin("GET", "/groups?type=reader")).body;
        expect(items).toMatchObject([{ counts: { users: 0, readers: 8 } }]);
        const shown = (await onlooker.admin("GET", `/groups/${id}/members`)).body.items;
        const half = halves.findIndex((members) => members.includes(shown[0].id));
        expect(sorted(shown.map((member: Fields) => member["id"]))).toEqual(sorted(halves[half]!));
        seen.add(String(half));
      }
    };
    const reading = [reader(), reader()];
    // As long as it takes until the readers have met both.
    for (let round = 1; round <= 20 || seen.size < 2; round++) {
      expect((await groups.put(id, group("Swapped", halves[round % 2]!))).status).toBe(200);
    }
    swapping = false;
    await Promise.all(reading);
  });

  test("a group deleted while members come leaves nothing behind", async () => {
    const { product } = await ground();
    const { id } = await product.addGroup("Vanishing");
    const { id: memberId } = await product.addMember({ userName: "ada", type: "reader" });
    await product.put(id, memberId);
    const [gone, ...edits] = await Promise.all([
      product.admin("DELETE", `/groups/${id}`),
      ...["PUT", "DELETE", "PUT"].map((method) => product.admin(method, `/groups/${id}/members/${memberId}`)),
    ]);
    expect(gone.status).toBe(204);
    for (const { status } of edits) expect([204, 404]).toContain(status);
    const items = await scanTable(table.client, table.tableName);
    const left = items.filter((item) => JSON.stringify(item).includes(id));
    // But for the word of it, which tells who deleted it.
    expect(left.map(({ sk }) => sk?.S)).toEqual([`FORMERGROUP#${id}`]);
  });
});

describe("GET …/groups/{g}/members page by page", () => {
  test.each([1, 7, 200])("%i a page: everybody once, in the order of the members", async (limit) => {
    const { connection, product, groups, scim } = await ground();
    const ids: string[] = [];
    for (let number = 0; number < 6; number++) ids.push(await createUser(connection, `scim-${number}`));
    const { id } = await groups.create("Pages", ids);
    // Somebody who moved behind everybody else, and somebody who is gone, among those put in by hand.
    await connection.scim("DELETE", `/Users/${ids[1]}`);
    await scim(false);
    for (const userName of ["hand-0", "hand-1", "hand-2"]) {
      await product.put(id, (await product.addMember({ userName, type: "reader" })).id);
    }
    await product.put(id, ids[1]!);
    await product.admin("DELETE", `/members/${await memberIdNamed(product, "hand-1")}`);
    await scim(true);
    await createUser(connection, "scim-1");
    const names = await product.namesIn(id, limit);
    expect(sorted(names)).toEqual([
      ...["hand-0", "hand-2"],
      ...["scim-0", "scim-1", "scim-2", "scim-3", "scim-4", "scim-5"],
    ]);
  });

  test("more than are read at a time", async () => {
    const { connection, product, groups } = await ground();
    await seedUsers({
      client: table.client,
      tableName: table.tableName,
      projectId: connection.project.id,
      connectionId: connection.connection.id,
      count: 600,
    });
    const { Resources } = (await connection.scim("GET", "/Users?attributes=userName&count=500")).body;
    const ids = Resources.map((resource: { id: string }) => resource.id);
    const { id } = await groups.create("Large", ids);
    const names = await product.namesIn(id);
    expect(names).toHaveLength(500);
    expect(names).toEqual([...names].sort());
    expect(await product.namesIn(id, 99)).toEqual(names);
    expect((await product.group(id)).counts).toEqual({ users: 0, readers: 500 });
  });

  test.each(["junk", "MXh4", "MQ", "MS0x"])(
    "the cursor %s: 400 validation_failed with its path",
    async (cursor) => {
      const { product } = await ground();
      const { id } = await product.addGroup("Junk");
      const refused = await product.admin("GET", `/groups/${id}/members?cursor=${cursor}`);
      expectProblem(refused, 400, "validation_failed");
      expect(refused.body.errors[0].path).toBe("cursor");
    },
  );

  test.each(["0", "201", "x"])("limit %s: 400 validation_failed with its path", async (limit) => {
    const { product } = await ground();
    const { id } = await product.addGroup("Limit");
    const refused = await product.admin("GET", `/groups/${id}/members?limit=${limit}`);
    expectProblem(refused, 400, "validation_failed");
    expect(refused.body.errors[0].path).toBe("limit");
  });
});
