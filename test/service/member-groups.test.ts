import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { StreamPump } from "../../bin/local/stream-pump.ts";
import { createPropagationHandler } from "../../lambda/handlers/propagation.ts";
import { createRuntime } from "../../lambda/runtime/runtime.ts";
import { scanTable } from "../invariants/table-contents.ts";
import type { TestConnection, TestService } from "../support/service.ts";
import { startPump } from "../support/stream.ts";
import { startTable, type TestTable } from "../support/table.ts";
import { startCheckedService } from "./checked-service.ts";
import { createUser, groupsOf } from "./group-ground.ts";
import { type Product, productOf } from "./product.ts";
import { activation, entries, type Fields, patch, user } from "./scim-messages.ts";

// The groups of a member in the admin API, as the stream handler carries them there.

let table: TestTable;
let service: TestService;
let pump: StreamPump;
beforeAll(async () => {
  table = await startTable({ stream: true });
  service = await startCheckedService({ table, sleep: async () => {} });
  const runtime = createRuntime({ client: table.client, tableName: table.tableName });
  pump = await startPump(table, createPropagationHandler(runtime));
});
afterAll(async () => {
  await pump.stop();
  await table.stop();
});

async function ground(fields?: Fields) {
  const connection = await service.createConnection(fields);
  const product = productOf(service, connection.project);
  return { connection, product, groups: groupsOf(connection) };
}

/** Everything written so far has been carried, and nothing was given up. */
async function carried(): Promise<void> {
  await pump.drain();
  expect(pump.parked).toEqual([]);
}

/** Names of the groups that the single GET of a member shows, once all has been carried. */
async function groupNames(product: Product, memberId: string): Promise<readonly string[]> {
  await carried();
  const { groups } = await product.member(memberId);
  return groups.map(({ displayName }: { displayName: string }) => displayName).sort();
}

const setScim = (product: Product, { connection }: TestConnection, scimEnabled: boolean) =>
  product.admin("PATCH", `/connections/${connection.id}`, { scimEnabled });

describe("a member's groups", () => {
  test("those SCIM put it in and those it was put in by hand, with id and displayName", async () => {
    const { connection, product, groups } = await ground();
    const ada = await createUser(connection, "ada");
    const scim = await groups.create("SCIM", [ada]);
    await groups.create("Not in it");
    const byHand = await product.addGroup("By hand");
    await product.put(byHand.id, ada);
    await carried();
    const shown = [
      { id: byHand.id, displayName: "By hand" },
      { id: scim.id, displayName: "SCIM" },
    ];
    expect((await product.member(ada)).groups).toEqual(shown);
    // PATCH answers with them as well; lists do not.
    expect((await product.admin("PATCH", `/members/${ada}`, { access: "read" })).body.groups).toEqual(shown);
    expect((await product.admin("PATCH", `/members/${ada}`, {})).body.groups).toEqual(shown);
    expect((await product.admin("GET", "/members")).body.items[0]).not.toHaveProperty("groups");
  });

  test("of a member made by hand", async () => {
    const { product } = await ground();
    const bob = await product.addMember({ userName: "bob", type: "user" });
    const { id } = await product.addGroup("By hand");
    await product.put(id, bob.id);
    expect(await groupNames(product, bob.id)).toEqual(["By hand"]);
    await product.takeOut(id, bob.id);
    expect(await groupNames(product, bob.id)).toEqual([]);
  });

  test("by their present names, and without those that are gone, before that has been carried", async () => {
    const { product } = await ground();
    const { id: memberId } = await product.addMember({ userName: "bob", type: "reader" });
    const [renamed, deleted] = [await product.addGroup("Renamed"), await product.addGroup("Deleted")];
    for (const { id } of [renamed, deleted]) await product.put(id, memberId);
    expect(await groupNames(product, memberId)).toEqual(["Deleted", "Renamed"]);
    await product.admin("PATCH", `/groups/${renamed.id}`, { displayName: "Other name" });
    await product.admin("DELETE", `/groups/${deleted.id}`);
    expect((await product.member(memberId)).groups).toEqual([{ id: renamed.id, displayName: "Other name" }]);
    expect(await groupNames(product, memberId)).toEqual(["Other name"]);
  });

  test.each(["deactivate", "delete"])(
    "who left the connection is in none of its groups, and returns to those by hand (onDelete %s)",
    async (onDelete) => {
      const { connection, product, groups } = await ground({ onDelete });
      const ada = await createUser(connection, "ada");
      const memberId = (await product.memberNamed("ada")).id;
      await groups.create("SCIM", [ada]);
      await product.put((await product.addGroup("By hand")).id, memberId);
      expect(await groupNames(product, memberId)).toEqual(["By hand", "SCIM"]);
      await connection.scim("DELETE", `/Users/${ada}`);
      expect(await groupNames(product, memberId)).toEqual(onDelete === "delete" ? [] : ["By hand"]);
      const again = await createUser(connection, "ada");
      expect(await groupNames(product, memberId)).toEqual(["By hand"]);
      await groups.create("SCIM 2", [again]);
      expect(await groupNames(product, memberId)).toEqual(["By hand", "SCIM 2"]);
    },
  );

  test("a deactivated one stays in its groups; a deleted one is in none, and in all again once restored", async () => {
    const { connection, product, groups } = await ground();
    const ada = await createUser(connection, "ada");
    await groups.create("SCIM", [ada]);
    await product.put((await product.addGroup("By hand")).id, ada);
    await connection.scim("PATCH", `/Users/${ada}`, activation(false));
    expect(await groupNames(product, ada)).toEqual(["By hand", "SCIM"]);
    await setScim(product, connection, false);
    await product.admin("DELETE", `/members/${ada}`);
    expect(await groupNames(product, ada)).toEqual([]);
    await setScim(product, connection, true);
    await connection.scim("PUT", `/Users/${ada}`, user("ada"));
    expect(await groupNames(product, ada)).toEqual(["By hand", "SCIM"]);
  });

  test("taken over by another connection it is in none of the first one's groups", async () => {
    const { connection, product, groups } = await ground();
    await groups.create("Of the first", [await createUser(connection, "ada")]);
    const memberId = (await product.memberNamed("ada")).id;
    await setScim(product, connection, false);
    const second = await service.createConnection({}, connection.project);
    const { body } = await second.scim("POST", "/Users", user("ada"));
    expect(await groupNames(product, memberId)).toEqual([]);
    await groupsOf(second).create("Of the second", [body.id]);
    expect(await groupNames(product, memberId)).toEqual(["Of the second"]);
  });

  test("edits by hand while SCIM is off show, whichever set they go to", async () => {
    const { connection, product, groups } = await ground();
    const ada = await createUser(connection, "ada");
    const bob = await product.addMember({ userName: "bob", type: "reader" });
    const { id } = await groups.create("Edited", [ada]);
    await setScim(product, connection, false);
    await product.put(id, bob.id);
    await product.takeOut(id, ada);
    expect(await groupNames(product, ada)).toEqual([]);
    expect(await groupNames(product, bob.id)).toEqual(["Edited"]);
    await product.put(id, ada);
    expect(await groupNames(product, ada)).toEqual(["Edited"]);
  });

  test("more groups than one read of DynamoDB takes", async () => {
    const { connection, product, groups } = await ground();
    const ada = await createUser(connection, "ada");
    for (let number = 0; number < 130; number++) await groups.create(`Group ${number}`, [ada]);
    expect(await groupNames(product, ada)).toHaveLength(130);
  });
});

test("a deleted project leaves no trace of groups, whatever the stream handler does meanwhile", async () => {
  const { connection, product, groups } = await ground({ onDelete: "delete" });
  const projectId = connection.project.id;
  const ids: string[] = [];
  for (let number = 0; number < 5; number++) ids.push(await createUser(connection, `user-${number}`));
  const { id: memberId } = await product.addMember({ userName: "by-hand", type: "user" });
  const first = await groups.create("First", ids, { externalId: "e1" });
  await groups.create("Second", ids.slice(2));
  await groups.create("first");
  for (const displayName of ["By hand", "By hand"]) {
    const { id } = await product.addGroup(displayName);
    for (const each of [memberId, ...ids]) await product.put(id, each);
  }
  await carried();
  await groups.patch(first.id, { op: "remove", path: "members", value: entries(ids.slice(0, 1)) });
  await connection.scim("DELETE", `/Users/${ids[4]}`);

  const traces = async () =>
    (await scanTable(table.client, table.tableName))
      .filter((item) => JSON.stringify(item).includes(projectId))
      .map(({ pk, sk }) => `${pk?.S} ${sk?.S}`);
  // All kinds there are, so that none is passed by.
  const before = await traces();
  for (const kind of [
    `P#${projectId}#ROSTER present#`,
    `P#${projectId}#GROUPNAMES `,
    `P#${projectId}#MIRROR `,
    `G#${projectId} `,
    `G#${projectId}#${first.id} S#`,
    `P#${projectId}#MEMBERSHIPS#`,
  ]) {
    expect([kind, before.filter((key) => key.includes(kind)).length > 0]).toEqual([kind, true]);
  }
  expect(before.filter((key) => key.startsWith(`G#${projectId}#`) && key.includes(" H#"))).not.toEqual([]);
  await product.admin("DELETE", `/connections/${connection.connection.id}`);
  expect((await product.admin("DELETE", "")).status).toBe(204);
  expect(await traces()).toEqual([]);
  await carried();
  expect(await traces()).toEqual([]);
  expect((await connection.scim("PATCH", `/Groups/${first.id}`, patch())).status).toBe(401);
});
