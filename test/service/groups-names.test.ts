import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { seedGroupName } from "../support/seed-groups.ts";
import type { TestConnection, TestService } from "../support/service.ts";
import { startCheckedService } from "./checked-service.ts";
import { type GroupAnswer, groupsOf } from "./group-ground.ts";
import { expectScimError, productOf } from "./product.ts";
import { type Fields, group, replace } from "./scim-messages.ts";

// Two groups of one name, and connections that do not allow them (`uniqueGroupNames`, API.md §3, §4).

let service: TestService;
beforeAll(async () => {
  // Thousands of groups are there by their name alone.
  service = await startCheckedService({ comparesAtEnd: false });
});
afterAll(() => service.stop());

interface Setting {
  readonly connection: TestConnection;
  readonly groups: ReturnType<typeof groupsOf>;
  readonly post: (displayName: string) => ReturnType<TestConnection["scim"]>;
  readonly setUnique: (uniqueGroupNames: boolean) => Promise<void>;
}

const setUp = async (fields: Fields): Promise<Setting> => {
  const connection = await service.createConnection(fields);
  const product = productOf(service, connection.project);
  return {
    connection,
    groups: groupsOf(connection),
    post: (displayName) => connection.scim("POST", "/Groups", group(displayName)),
    setUnique: async (uniqueGroupNames) => {
      const path = `/connections/${connection.connection.id}`;
      expect((await product.admin("PATCH", path, { uniqueGroupNames })).status).toBe(200);
    },
  };
};
const unique = { uniqueGroupNames: true };

test.each([
  ["entra", 409],
  ["okta", 201],
  ["onelogin", 201],
  ["google", 201],
  ["jumpcloud", 201],
  ["ping", 201],
  ["other", 201],
])("by default a second group of the same name: provider %s answers %i", async (provider, status) => {
  const { post } = await setUp({ provider });
  await post("Sales");
  expect((await post("Sales")).status).toBe(status);
});

describe("with unique names, in any case and Unicode form", () => {
  const pairs: readonly [string, string][] = [
    ["Sales", "Sales"],
    ["Sales", "sALES"],
    ["Straße", "STRASSE"],
    ["ﬁnance", "Finance"],
    ["Caf\u00e9", "CAFE\u0301"],
  ];

  test.each(pairs)("[69] POST %j, then %j: 409 uniqueness naming the group", async (first, second) => {
    const { groups, post } = await setUp(unique);
    const { id } = await groups.create(first);
    const refused = await post(second);
    expectScimError(refused, 409, "uniqueness");
    expect(refused.body.detail).toContain(id);
    expect(refused.body.detail).toContain("displayName");
  });

  test.each(pairs)(
    "[113, 124] %j is taken: PUT and PATCH of another group to %j: 409",
    async (taken, wanted) => {
      const { groups } = await setUp(unique);
      await groups.create(taken);
      const other = await groups.create("Other", [], { externalId: "e" });
      expectScimError(await groups.put(other.id, group(wanted)), 409, "uniqueness");
      expectScimError(await groups.patch(other.id, replace("displayName", wanted)), 409, "uniqueness");
      const pathless = { op: "replace", value: { id: other.id, displayName: wanted } };
      expectScimError(await groups.patch(other.id, pathless), 409, "uniqueness");
      expect(await groups.read(other.id)).toEqual(other);
    },
  );

  test("[113] one's own name may be kept, and written in another case", async () => {
    const { groups } = await setUp(unique);
    const { id } = await groups.create("Own");
    expect((await groups.put(id, group("Own"))).status).toBe(200);
    const renamed = await groups.patch(id, replace("displayName", "OWN"));
    expect([renamed.status, renamed.body.displayName]).toEqual([200, "OWN"]);
    expect((await groups.put(id, group("own", [], { externalId: "e" }))).body.displayName).toBe("own");
    expect(await groups.named('displayName eq "Own"')).toEqual(["own"]);
  });

  test("a name is free once its group is renamed or deleted", async () => {
    const { groups, post, connection } = await setUp(unique);
    const first = await groups.create("Before");
    await groups.patch(first.id, replace("displayName", "After"));
    const second = await groups.create("Before");
    expectScimError(await post("after"), 409, "uniqueness");
    await connection.scim("DELETE", `/Groups/${second.id}`);
    expect((await post("BEFORE")).status).toBe(201);
  });

  test("a repeated POST after a lost answer: 409, and still one group", async () => {
    const { groups, post } = await setUp(unique);
    await post("Repeat");
    expectScimError(await post("Repeat"), 409, "uniqueness");
    expect(await groups.named("displayName pr")).toEqual(["Repeat"]);
  });

  test("names are unique within one connection only", async () => {
    const { connection, post } = await setUp(unique);
    const sibling = await service.createConnection(unique, connection.project);
    await post("Shared");
    expect((await sibling.scim("POST", "/Groups", group("Shared"))).status).toBe(201);
  });

  test("[69] of four that ask for a name at once, one gets it", async () => {
    const { groups, post } = await setUp(unique);
    const answers = await Promise.all(["Race", "RACE", "race", "rAce"].map(post));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409]);
    expect(await groups.named('displayName eq "race"')).toHaveLength(1);
  });
});

describe("switching uniqueGroupNames", () => {
  const twins = async () => {
    const setting = await setUp({});
    const first = await setting.groups.create("Twin");
    const second = await setting.groups.create("TWIN");
    const names = () => setting.groups.named('displayName eq "twin"');
    return { ...setting, first, second, names };
  };

  test("on: groups that share a name stay, and may be changed but for their name", async () => {
    const { groups, first, second, setUnique, names, post } = await twins();
    await setUnique(true);
    for (const { id, displayName } of [first, second] as GroupAnswer[]) {
      expect((await groups.patch(id, replace("externalId", `e-${id}`))).status).toBe(200);
      expect((await groups.put(id, group(displayName))).status).toBe(200);
      expect((await groups.patch(id, replace("displayName", displayName.toLowerCase()))).status).toBe(200);
    }
    expect(await names()).toEqual(["twin", "twin"]);
    expectScimError(await post("Twin"), 409, "uniqueness");
    expect((await groups.patch(first.id, replace("displayName", "Only child"))).status).toBe(200);
    expectScimError(await groups.patch(first.id, replace("displayName", "Twin")), 409, "uniqueness");
    expect(await names()).toEqual(["twin"]);
  });

  test("off: a second group of the name is made again", async () => {
    const { post, groups, setUnique } = await setUp(unique);
    await post("Free");
    await setUnique(false);
    expect((await post("free")).status).toBe(201);
    expect(await groups.named('displayName eq "free"')).toEqual(["Free", "free"]);
  });
});

test("groups of one name are found together, oldest first, and each leaves the name by itself", async () => {
  const { connection, groups } = await setUp({});
  const made: GroupAnswer[] = [];
  for (const displayName of ["Same", "same", "SAME"]) made.push(await groups.create(displayName));
  expect(await groups.named('displayName eq "sAmE"')).toEqual(["Same", "same", "SAME"]);
  await connection.scim("DELETE", `/Groups/${made[1].id}`);
  expect(await groups.named('displayName eq "sAmE"')).toEqual(["Same", "SAME"]);
  await groups.patch(made[0].id, replace("displayName", "Other"));
  expect(await groups.named('displayName eq "sAmE"')).toEqual(["SAME"]);
  await groups.patch(made[0].id, replace("displayName", "same again"));
  await groups.patch(made[0].id, replace("displayName", "Same"));
  expect(await groups.named('displayName eq "sAmE"')).toEqual(["Same", "SAME"]);
});

test("10,001 groups of one name: 400 naming the limit, nothing made or changed; other names are free", async () => {
  const { connection, groups, post } = await setUp({});
  await seedGroupName(service.table, connection, "Crowd", 9_999);
  const last = await groups.create("crowd");
  const other = await groups.create("Other");
  for (const refused of [
    await post("CROWD"),
    await groups.patch(other.id, replace("displayName", "Crowd")),
    await groups.put(other.id, group("Crowd", [], { externalId: "e" })),
  ]) {
    expectScimError(refused, 400, "invalidValue");
    expect(refused.body.detail).toContain("10000 (groupsPerNameMax)");
  }
  expect(await groups.read(other.id)).toEqual(other);
  expect((await groups.patch(last.id, replace("displayName", "Crowd"))).status).toBe(200);
  expect((await groups.patch(last.id, replace("displayName", "Less"))).status).toBe(200);
  expect((await post("Crowd")).status).toBe(201);
});

test("control characters and separators of keys in a name stay part of the name", async () => {
  const { groups } = await setUp(unique);
  const names = ["a", "a\u001f!", "a\u001f", "a#", "#a", "a\u0000", " a", "a ", "a\u001f00000000"];
  for (const [index, name] of names.entries()) {
    await groups.create(name, [], { externalId: name === "a" ? "a" : names[index]! });
  }
  for (const name of names) {
    for (const attribute of ["displayName", "externalId"]) {
      expect(await groups.named(`${attribute} eq ${JSON.stringify(name)}`)).toEqual([name]);
    }
  }
});

test("[48] a name is looked up by what it is compared by, however long it is written", async () => {
  const { groups } = await setUp(unique);
  // Letters of three bytes each that are compared as letters of one: too long to be a key only as it is written.
  const wide = "\uff41".repeat(310);
  await groups.create(wide);
  expect(await groups.named(`displayName eq "${wide}"`)).toEqual([wide]);
  // A ligature of eighteen letters: short as it is written, and no name a group can have.
  expect(await groups.named(`displayName eq "${"\ufdfa".repeat(200)}"`)).toEqual([]);
});
