import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type GroupGround, openGroupGround } from "./group-ground.ts";
import { expectScimError } from "./product.ts";
import { addMembers, filteredGroups, group, patch, replace } from "./scim-messages.ts";

let ground: GroupGround;
let ann: string;
beforeAll(async () => {
  ground = await openGroupGround(20);
  [ann] = ground.users as [string];
});
afterAll(() => ground.stop());

const del = (id: string, headers: Record<string, string> = {}) =>
  ground.connection.scim("DELETE", `/Groups/${id}`, { headers });

describe("DELETE /Groups/{id}", () => {
  test("[146] 204 without a body; from then on 404", async () => {
    const { id } = await ground.groups.create("Gone", [ann], { externalId: "gone" });
    expect(await del(id)).toMatchObject({ status: 204, body: undefined });
    const path = `/Groups/${id}`;
    expectScimError(await ground.connection.scim("GET", path), 404);
    expectScimError(await ground.connection.scim("GET", `${path}?excludedAttributes=members`), 404);
    expectScimError(await ground.connection.scim("PUT", path, group("Gone")), 404);
    expectScimError(await ground.connection.scim("PATCH", path, patch(addMembers(ann))), 404);
    expectScimError(await ground.connection.scim("PATCH", path, patch(replace("displayName", "x"))), 404);
    expectScimError(await del(id), 404);
  });

  test("[146] absent from lists and every filter", async () => {
    const { id } = await ground.groups.create("Listed", ground.users, { externalId: "listed" });
    const stays = await ground.groups.create("Stays", [ann]);
    await del(id);
    for (const [filter, expected] of [
      ['displayName eq "Listed"', 0],
      ['externalId eq "listed"', 0],
      [`id eq "${id}"`, 0],
      [`members.value eq "${ann}"`, 1],
      ['displayName sw "List"', 0],
      [`id eq "${id}" and members eq "${ann}"`, 0],
      [`id eq "${stays.id}" and members eq "${ann}"`, 1],
    ] as const) {
      const { totalResults, Resources } = (await ground.connection.scim("GET", filteredGroups(filter))).body;
      expect([filter, totalResults, Resources.length]).toEqual([filter, expected, expected]);
    }
  });

  test("leaves its members alone", async () => {
    const before = (await ground.connection.scim("GET", `/Users/${ann}`)).body;
    const { id } = await ground.groups.create("Members", ground.users);
    await del(id);
    expect((await ground.connection.scim("GET", `/Users/${ann}`)).body.meta).toEqual(before.meta);
  });

  test("[147] the name and externalId can be used again at once; the new group is another, and empty", async () => {
    const first = await ground.groups.create("Again", [ann], { externalId: "again" });
    await del(first.id);
    const second = await ground.groups.create("Again", [], { externalId: "again" });
    expect(second.id).not.toBe(first.id);
    expect(await ground.groups.members(second.id)).toEqual([]);
    expect(await ground.groups.named('externalId eq "again"')).toEqual(["Again"]);
  });

  test.each(["nobody", "00000000-0000-4000-8000-000000000000", "%00"])(
    "[148] 404 for the unknown id %s",
    async (id) => {
      expectScimError(await del(id), 404);
    },
  );

  test("[151] a stale If-Match: 412, nothing changed; the right one: 204", async () => {
    const { id } = await ground.groups.create("Matched", [ann]);
    await ground.groups.patch(id, replace("externalId", "m"));
    expectScimError(await del(id, { "If-Match": 'W/"1"' }), 412);
    expect(await ground.groups.members(id)).toEqual([ann]);
    expect((await del(id, { "If-Match": 'W/"2"' })).status).toBe(204);
    const any = await ground.groups.create("Any");
    expect((await del(any.id, { "If-Match": "*" })).status).toBe(204);
  });

  test("of those that come at the same moment one does it, the others find nothing", async () => {
    const { id } = await ground.groups.create("Race", [ann]);
    const answers = await Promise.all([del(id), del(id), del(id)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 404, 404]);
  });

  test("together with changes of the group: whatever comes first, it is gone in the end", async () => {
    const { id } = await ground.groups.create("Changing", [ann]);
    const answers = await Promise.all([
      ...ground.users.slice(1, 6).map((one) => ground.groups.patch(id, addMembers(one))),
      del(id),
      ground.groups.put(id, group("Changed", ground.users)),
    ]);
    for (const { status } of answers) expect([200, 204, 404]).toContain(status);
    expectScimError(await ground.connection.scim("GET", `/Groups/${id}`), 404);
    expect(await ground.groups.named('displayName sw "Chang"')).toEqual([]);
  });
});
