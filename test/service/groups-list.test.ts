import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  createUser,
  type GroupAnswer,
  type GroupGround,
  groupsOf,
  idsIn,
  openGroupGround,
  sorted,
} from "./group-ground.ts";
import { expectScimError } from "./product.ts";
import { addMembers, filteredGroups, replace, urns } from "./scim-messages.ts";

const groupCount = 23;

let ground: GroupGround;
/** In the order of lists: oldest first. */
let groups: readonly GroupAnswer[];
let ann: string;
let bob: string;
/** In no group. */
let loner: string;
beforeAll(async () => {
  ground = await openGroupGround(12);
  ann = await createUser(ground.connection, "ann@x.example", { displayName: "Ann Archer" });
  bob = await createUser(ground.connection, "bob@x.example", { displayName: "Bob Brown" });
  loner = await createUser(ground.connection, "loner@x.example");
  const made: GroupAnswer[] = [];
  for (let index = 0; index < groupCount; index++) made.push(await createNumbered(index));
  groups = made;
});
afterAll(() => ground.stop());

/**
 * Names fall while the groups get older. Ann is in every third, Bob in every fourth; every fifth has nobody else, so
 * that some are empty.
 */
function createNumbered(index: number) {
  const number = String(index).padStart(2, "0");
  const members = [
    ...(index % 3 === 0 ? [ann] : []),
    ...(index % 4 === 0 ? [bob] : []),
    ...(index % 5 === 0 ? [] : ground.users.slice(0, 1 + (index % 7))),
  ];
  return ground.groups.create(`${index % 2 === 0 ? "Team" : "team"} ${String(99 - index)}`, members, {
    ...(index % 2 === 0 && { externalId: `e-${number}` }),
  });
}
const indexes = Array.from({ length: groupCount }, (_, index) => index);
const isEmpty = (index: number) => index % 5 === 0 && index % 3 !== 0 && index % 4 !== 0;

const list = async (path: string) => {
  const { status, body } = await ground.connection.scim("GET", path);
  expect([path, status, body.detail]).toEqual([path, 200, undefined]);
  return body;
};
const idsOf = (page: { Resources: GroupAnswer[] }): string[] => page.Resources.map(({ id }) => id);
const allIds = () => groups.map(({ id }) => id);

describe("a page by index", () => {
  test("[74] all of them, oldest first", async () => {
    const body = await list("/Groups");
    expect(body).toMatchObject({
      schemas: [urns.listResponse],
      totalResults: groupCount,
      startIndex: 1,
      itemsPerPage: groupCount,
    });
    expect(idsOf(body)).toEqual(allIds());
  });

  test.each([
    [1, 5],
    [6, 5],
    [21, 5],
    [23, 1],
    [1, 500],
  ])("[76, 78, 79] startIndex %i, count %i", async (startIndex, count) => {
    const body = await list(`/Groups?startIndex=${startIndex}&count=${count}`);
    const expected = allIds().slice(startIndex - 1, startIndex - 1 + count);
    expect(body).toMatchObject({ totalResults: groupCount, startIndex, itemsPerPage: expected.length });
    expect(idsOf(body)).toEqual(expected);
  });

  test("walking all pages meets every group once (Okta import, authentik, PingFederate)", async () => {
    const met: string[] = [];
    for (let startIndex = 1; startIndex <= groupCount; startIndex += 4) {
      met.push(...idsOf(await list(`/Groups?startIndex=${startIndex}&count=4`)));
    }
    expect(met).toEqual(allIds());
  });

  test.each(["24", "1000", "2147483648"])("[79] startIndex %s past the end is echoed", async (startIndex) => {
    expect(await list(`/Groups?startIndex=${startIndex}`)).toMatchObject({
      totalResults: groupCount,
      startIndex: Number(startIndex),
      itemsPerPage: 0,
      Resources: [],
    });
  });

  test.each(["count=0", "count=-1"])("[77] %s: only totalResults", async (query) => {
    expect(await list(`/Groups?${query}`)).toMatchObject({ totalResults: groupCount, Resources: [] });
  });

  test("[76] startIndex below 1 is treated as 1", async () => {
    expect(await list("/Groups?startIndex=-3&count=1")).toMatchObject({ startIndex: 1, itemsPerPage: 1 });
  });

  test("the index counts matches when there is a filter", async () => {
    const body = await list(filteredGroups('displayName sw "TEAM"', "&startIndex=21&count=10"));
    expect(body).toMatchObject({ totalResults: groupCount, startIndex: 21, itemsPerPage: 3 });
  });

  test.each(["startIndex=x", "count=ten", "sortOrder=sideways"])(
    "[80] %s: 400 invalidValue",
    async (query) => {
      expectScimError(await ground.connection.scim("GET", `/Groups?${query}`), 400, "invalidValue");
    },
  );
});

test("[166] pages by cursor meet every group once", async () => {
  for (const query of ["", `&filter=${encodeURIComponent("displayName pr")}`, "&sortBy=displayName"]) {
    const met: string[] = [];
    for (let cursor: string | undefined = ""; cursor !== undefined; ) {
      const page: GroupAnswer = await list(`/Groups?count=5${query}&cursor=${cursor}`);
      expect(page.totalResults).toBe(groupCount);
      met.push(...idsOf(page));
      cursor = page.nextCursor;
    }
    expect(sorted(met)).toEqual(sorted(allIds()));
  }
});

describe("a filter finds", () => {
  /** The filter, and the indexes of the groups it is for. */
  const filters: readonly [string, () => string, (index: number) => boolean][] = [
    ["displayName, in any case", () => 'displayName eq "tEAM 92"', (i) => i === 7],
    ["a qualified name", () => `${urns.group}:displayName eq "team 92"`, (i) => i === 7],
    ["names and operators in any case", () => 'DISPLAYNAME Eq "Team 92" AND ID pr', (i) => i === 7],
    ["externalId", () => 'externalId eq "e-08"', (i) => i === 8],
    ["[93] externalId in another case: none", () => 'externalId eq "E-08"', () => false],
    ["[93] id in another case: none", () => `id eq "${groups[3].id.toUpperCase()}"`, () => false],
    ["id", () => `id eq "${groups[3].id}"`, (i) => i === 3],
    ["an id that is a user's", () => `id eq "${ann}"`, () => false],
    ["an id that is none", () => 'id eq "nonsense"', () => false],
    ["nobody", () => 'displayName eq "0b5ab8b6-b2d8-4bd4-9a1b-000000000000"', () => false],
    ["a key longer than any", () => `displayName eq "${"x".repeat(2_000)}"`, () => false],
    ["[100] members.value", () => `members.value eq "${ann}"`, (i) => i % 3 === 0],
    ["[91] members, whose value is meant", () => `members eq "${ann}"`, (i) => i % 3 === 0],
    ["[89] members[value eq]", () => `members[value eq "${ann}"]`, (i) => i % 3 === 0],
    ["members of the qualified name", () => `${urns.group}:members.value eq "${ann}"`, (i) => i % 3 === 0],
    ["Entra's probe", () => `id eq "${groups[6].id}" and members eq "${ann}"`, (i) => i === 6],
    ["Entra's probe, in vain", () => `id eq "${groups[7].id}" and members eq "${ann}"`, () => false],
    ["two members", () => `members.value eq "${ann}" and members.value eq "${bob}"`, (i) => i % 12 === 0],
    ["either of two", () => `members eq "${ann}" or members eq "${bob}"`, (i) => i % 3 === 0 || i % 4 === 0],
    [
      "either in brackets",
      () => `members[value eq "${ann}" or value eq "${bob}"]`,
      (i) => i % 3 === 0 || i % 4 === 0,
    ],
    [
      "both in brackets: no element is two",
      () => `members[value eq "${ann}" and value eq "${bob}"]`,
      () => false,
    ],
    ["not", () => `not (members.value eq "${ann}")`, (i) => i % 3 !== 0],
    ["not in brackets", () => `not (members[value eq "${ann}"])`, (i) => i % 3 !== 0],
    [
      "others than one",
      () => `members[not (value eq "${ann}")]`,
      (i) => !isEmpty(i) && !(i % 5 === 0 && i % 4 !== 0),
    ],
    [
      "[90] ne: any other, or nobody",
      () => `members.value ne "${ann}"`,
      (i) => !(i % 5 === 0 && i % 4 !== 0 && i % 3 === 0),
    ],
    [
      "a member and a name",
      () => `members eq "${bob}" and displayName sw "team 9"`,
      (i) => i % 4 === 0 && i < 10,
    ],
    ["a member or a name", () => `members eq "${loner}" or displayName eq "team 92"`, (i) => i === 7],
    [
      "[93] a member's id in another case: none",
      () => `members.value eq "${ann.toUpperCase()}"`,
      () => false,
    ],
    ["a member who is in none", () => `members.value eq "${loner}"`, () => false],
    ["a member that nobody is", () => 'members.value eq "nobody"', () => false],
    ["a group's id as a member", () => `members.value eq "${groups[0].id}"`, () => false],
    ["[95] members pr", () => "members pr", (i) => !isEmpty(i)],
    ["members.value pr", () => "members.value pr", (i) => !isEmpty(i)],
    ["[87] not (members pr)", () => "not (members pr)", isEmpty],
    ["[96] members eq null", () => "members.value eq null", isEmpty],
    ["part of a member's id", () => `members.value sw "${bob.slice(0, 20)}"`, (i) => i % 4 === 0],
    ["members.display", () => 'members.display co "ARCHER"', (i) => i % 3 === 0],
    ["members.display in brackets", () => 'members[display eq "bob brown"]', (i) => i % 4 === 0],
    ["a member's id and name", () => `members[value eq "${ann}" and display sw "bob"]`, () => false],
    ["members.type", () => 'members.type eq "user"', (i) => !isEmpty(i)],
    ["members.$ref", () => `members.$ref ew "/Users/${bob}"`, (i) => i % 4 === 0],
    ["displayName sw", () => 'displayName sw "TEAM 8"', (i) => i > 9 && i < 20],
    ["displayName co", () => 'displayName co "M 9"', (i) => i < 10],
    ["displayName ew", () => 'displayName ew " 90"', (i) => i === 9],
    ["displayName gt", () => 'displayName gt "team 97"', (i) => i < 2],
    ["[96] externalId ne: true where there is none", () => 'externalId ne "e-00"', (i) => i !== 0],
    ["externalId pr", () => "externalId pr", (i) => i % 2 === 0],
    ["[86] or", () => 'displayName eq "team 99" or externalId eq "e-02"', (i) => i === 0 || i === 2],
    [
      "[87] precedence",
      () => 'externalId pr and displayName sw "team 9" or displayName eq "team 80"',
      (i) => (i % 2 === 0 && i < 10) || i === 19,
    ],
    [
      "[94] meta.created by time",
      () => `meta.created ge "${groups[20].meta.created.replace("Z", "+00:00")}"`,
      (i) => i >= 20,
    ],
    [
      "[94] meta.lastModified gt",
      () => `meta.lastModified gt "${groups[20].meta.lastModified}"`,
      (i) => i > 20,
    ],
    ["meta.resourceType", () => 'meta.resourceType eq "Group"', () => true],
    ["meta.resourceType of users: none", () => 'meta.resourceType eq "User"', () => false],
    ["schemas", () => `schemas eq "${urns.group}"`, () => true],
    ["[97] a user's attribute has no value", () => "userName pr", () => false],
    ["[97] nor has one that nobody knows", () => 'nonsense eq "x" or externalId eq "e-04"', (i) => i === 4],
  ];

  test.each(filters)("%s", async (_, filter, expected) => {
    const page = await list(filteredGroups(filter(), "&count=500"));
    const wanted = indexes.filter(expected);
    expect(page).toMatchObject({ totalResults: wanted.length, itemsPerPage: wanted.length });
    expect(idsOf(page)).toEqual(wanted.map((index) => groups[index].id));
  });

  test.each(filters)("%s: the same by .search, in another order", async (_, filter, expected) => {
    // Names fall while the groups get older.
    const body = { filter: filter(), sortBy: "displayName", attributes: ["id"] };
    const page = (await ground.connection.scim("POST", "/Groups/.search", { body })).body;
    const wanted = indexes.filter(expected).map((index) => groups[index].id);
    expect([page.totalResults, idsOf(page)]).toEqual([wanted.length, wanted.reverse()]);
  });

  test.each([
    ["", "empty"],
    ["members", "no operator"],
    ["members[value eq]", "no literal"],
    ['members[value eq "x"', "an open bracket"],
    ['members[value eq "x"].value', "no operator behind the brackets"],
    ["members.value gt true", "an order of booleans"],
    ["members.value eq 7", "a number for a string"],
    ['displayName zz "x"', "an unknown operator"],
    ['members.value["x"]', "brackets behind a sub-attribute"],
    ['meta.created gt "yesterday"', "no time"],
  ])("[98] 400 invalidFilter, never every group: %s (%s)", async (filter) => {
    expectScimError(await ground.connection.scim("GET", filteredGroups(filter)), 400, "invalidFilter");
  });
});

describe("sorting", () => {
  test("[82] by displayName in any case, ascending by default, over pages", async () => {
    const falling = [...allIds()].reverse();
    expect(idsOf(await list("/Groups?sortBy=displayName"))).toEqual(falling);
    expect(idsOf(await list("/Groups?sortBy=DISPLAYNAME&sortOrder=Descending"))).toEqual(allIds());
    expect(idsOf(await list("/Groups?sortBy=displayName&startIndex=11&count=3"))).toEqual(
      falling.slice(10, 13),
    );
  });

  test("[82] those without a value come last, descending first", async () => {
    const has = async (order: string) =>
      (await list(`/Groups?sortBy=externalId&sortOrder=${order}`)).Resources.map(
        ({ externalId = "-" }: GroupAnswer) => externalId,
      );
    const up = await has("ascending");
    expect([up[0], up.at(-1)]).toEqual(["e-00", "-"]);
    const down = await has("descending");
    expect([down[0], down.at(-1)]).toEqual(["-", "e-00"]);
  });

  test("by meta, and together with a filter on members", async () => {
    expect(idsOf(await list("/Groups?sortBy=meta.created&sortOrder=descending&count=2"))).toEqual(
      [...allIds()].reverse().slice(0, 2),
    );
    const filtered = await list(filteredGroups(`members eq "${bob}"`, "&sortBy=displayName&count=2"));
    expect(idsOf(filtered)).toEqual([groups[20].id, groups[16].id]);
    expect(filtered.totalResults).toBe(6);
  });

  test("[83] by members: those that have some before those that have none", async () => {
    const order = idsOf(await list("/Groups?sortBy=members"));
    const rank = (id: string) => (isEmpty(allIds().indexOf(id)) ? 1 : 0);
    expect(order.map(rank)).toEqual(order.map(rank).sort());
    expect(sorted(order)).toEqual(sorted(allIds()));
  });

  test("[83] by a member's name, and by where it is; those without members last", async () => {
    const connection = await ground.service.createConnection();
    const own = groupsOf(connection);
    const zoe = await createUser(connection, "zoe@x.example", { displayName: "Zoe" });
    const adam = await createUser(connection, "adam@x.example", { displayName: "adam" });
    await own.create("Nobody's");
    await own.create("Zoe's", [zoe]);
    await own.create("Adam's", [adam]);
    const sortedBy = (query: string) => own.named("displayName pr", query);
    expect(await sortedBy("&sortBy=members.display")).toEqual(["Adam's", "Zoe's", "Nobody's"]);
    expect(await sortedBy("&sortBy=members.$ref&sortOrder=descending")).toEqual(
      zoe < adam ? ["Nobody's", "Adam's", "Zoe's"] : ["Nobody's", "Zoe's", "Adam's"],
    );
  });

  test("[83] a complex attribute without sub-attribute: 400 naming it", async () => {
    const refused = await ground.connection.scim("GET", "/Groups?sortBy=meta");
    expectScimError(refused, 400, "invalidValue");
    expect(refused.body.detail).toContain("meta");
  });
});

describe("a list shows", () => {
  test("members by default, as the single GET does (Microsoft's onboarding test reads them there)", async () => {
    const { Resources } = await list(filteredGroups('displayName eq "team 93"'));
    expect(idsIn(Resources[0])).toEqual(await ground.groups.members(groups[6].id));
    for (const resource of (await list("/Groups")).Resources) {
      const read = await ground.groups.read(resource.id, "?excludedAttributes=members.display");
      const { members, ...rest } = resource;
      const { members: readMembers, ...readRest } = read;
      expect([rest, members]).toMatchObject([readRest, readMembers]);
    }
  });

  test("no members where there are none", async () => {
    const { Resources } = await list("/Groups");
    expect(indexes.filter((index) => !("members" in Resources[index]))).toEqual(indexes.filter(isEmpty));
  });

  test.each([
    ["attributes=displayName", ["displayName", "id", "schemas"]],
    ["attributes=id", ["id", "schemas"]],
    ["attributes=members.value", ["id", "members", "schemas"]],
    ["excludedAttributes=members", ["displayName", "externalId", "id", "meta", "schemas"]],
    ["excludedAttributes=members,meta,externalId", ["displayName", "id", "schemas"]],
    ["attributes=members&excludedAttributes=members", ["id", "members", "schemas"]],
  ])("[61, 101] ?%s", async (query, expected) => {
    const { Resources } = await list(`/Groups?${query}`);
    expect(Resources).toHaveLength(groupCount);
    expect(Object.keys(Resources[12]).sort()).toEqual(expected);
    // Shown or not, members can be asked for.
    expect(idsOf(await list(filteredGroups(`members eq "${ann}"`, `&${query}`)))).toHaveLength(8);
  });

  test("[59] members.value alone", async () => {
    const [{ members }] = (
      await list(filteredGroups('displayName eq "team 87"', "&attributes=members.value"))
    ).Resources;
    for (const member of members) expect(Object.keys(member)).toEqual(["value"]);
  });

  test("[4] only groups of its own connection", async () => {
    const other = await ground.service.createConnection({}, ground.connection.project);
    const stranger = await ground.service.createConnection();
    for (const { scim } of [other, stranger]) {
      for (const path of [
        "/Groups",
        "/Groups?sortBy=displayName",
        filteredGroups("displayName pr"),
        filteredGroups('displayName eq "team 92"'),
        filteredGroups('externalId eq "e-08"'),
        filteredGroups(`id eq "${groups[0].id}"`),
        filteredGroups(`members.value eq "${ann}"`),
        filteredGroups("members pr"),
      ]) {
        expect((await scim("GET", path)).body).toMatchObject({ totalResults: 0, Resources: [] });
      }
    }
  });

  test("no groups made by hand", async () => {
    const { status, body } = await ground.product.admin("POST", "/groups", { displayName: "Team by hand" });
    expect(status).toBe(201);
    expect((await list("/Groups")).totalResults).toBe(groupCount);
    for (const filter of [
      'displayName eq "team by hand"',
      'displayName sw "team by"',
      `id eq "${body.id}"`,
    ]) {
      expect(await ground.groups.named(filter)).toEqual([]);
    }
    expectScimError(await ground.connection.scim("GET", `/Groups/${body.id}`), 404);
  });
});

describe("the providers' connection tests", () => {
  test.each([
    ["Okta, import groups", "/Groups?startIndex=1&count=100", groupCount],
    ["Microsoft's onboarding", "/Groups?count=1", groupCount],
    [
      "Entra, a group that does not exist",
      filteredGroups('displayName eq "0b5ab8b6"', "&excludedAttributes=members"),
      0,
    ],
    ["Entra, by externalId", filteredGroups('externalId eq "0b5ab8b6"', "&excludedAttributes=members"), 0],
    ["OneLogin, plus signs and a trailing &", "/Groups?filter=displayName+eq+%22x%22&", 0],
  ])("%s", async (_, path, totalResults) => {
    expect((await list(path)).totalResults).toBe(totalResults);
  });
});

test("what is asked for follows every change at once", async () => {
  const { id } = await ground.groups.create("Moving", []);
  const found = async () => [
    await ground.groups.named(`members eq "${loner}"`),
    await ground.groups.named('members.display eq "loner@x.example"'),
    await ground.groups.named('displayName eq "moving"'),
    await ground.groups.named('displayName eq "moved"'),
  ];
  expect(await found()).toEqual([[], [], ["Moving"], []]);
  await ground.groups.patch(id, addMembers(loner));
  expect(await found()).toEqual([["Moving"], ["Moving"], ["Moving"], []]);
  await ground.groups.patch(id, replace("displayName", "Moved"));
  expect(await found()).toEqual([["Moved"], ["Moved"], [], ["Moved"]]);
  await ground.connection.scim("DELETE", `/Groups/${id}`);
  expect(await found()).toEqual([[], [], [], []]);
});
