import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { groupsCountedMax, pageLimitMax } from "../../lambda/domain/limits.ts";
import { seedProductGroups } from "../support/seed-groups.ts";
import type { TestConnection, TestService } from "../support/service.ts";
import { startCheckedService } from "./checked-service.ts";
import { createUser, groupsOf, sorted } from "./group-ground.ts";
import { expectProblem, type GroupAnswer, type Product, productOf } from "./product.ts";
import { asTeam, entries } from "./scim-messages.ts";

/** By number: 0..11 of the first connection, 12..17 of the second, whose SCIM is disabled, the rest by hand. */
const groupCount = 24;
const readersIn = (number: number) => (number % 3 === 0 ? 2 : 0);
const usersIn = (number: number) => (number % 4 === 0 ? 1 : 0);
const nameOf = (number: number) => `${number % 2 === 0 ? "Even" : "odd"}-${String(number).padStart(2, "0")}`;

let service: TestService;
let product: Product;
let first: TestConnection;
let second: TestConnection;
beforeAll(async () => {
  service = await startCheckedService({ sleep: async () => {} });
  const project = await service.createProject();
  product = productOf(service, project);
  first = await service.createConnection({}, project);
  second = await service.createConnection({}, project);
  const byHand = [
    (await product.addMember({ userName: "hand-user", type: "user" })).id,
    (await product.addMember({ userName: "hand-reader", type: "reader" })).id,
    (await product.addMember({ userName: "hand-reader-2", type: "reader" })).id,
  ];
  const peopleOf = new Map<TestConnection, readonly string[]>();
  for (const connection of [first, second]) {
    const name = connection === first ? "first" : "second";
    peopleOf.set(connection, [
      await createUser(connection, `${name}-user`, asTeam),
      await createUser(connection, `${name}-reader`),
      await createUser(connection, `${name}-reader-2`, { active: false }),
    ]);
  }
  for (let number = 0; number < groupCount; number++) {
    const connection = number < 12 ? first : number < 18 ? second : undefined;
    const [user, reader, reader2] = connection ? peopleOf.get(connection)! : byHand;
    const members = [
      ...(usersIn(number) > 0 ? [user!] : []),
      ...(readersIn(number) > 0 ? [reader!, reader2!] : []),
    ];
    if (connection) {
      await groupsOf(connection).create(nameOf(number), members);
    } else {
      const { id } = await product.addGroup(nameOf(number));
      for (const memberId of members) await product.put(id, memberId);
    }
  }
  await product.admin("PATCH", `/connections/${second.connection.id}`, { scimEnabled: false });
});
afterAll(() => service.stop());

/** All pages; each but the last is full. */
async function walk(query: string, limit: number, of = product): Promise<readonly GroupAnswer[]> {
  const items: GroupAnswer[] = [];
  let cursor = "";
  for (let page = 0; page < 300; page++) {
    const { status, body } = await of.admin("GET", `/groups?limit=${limit}${query}${cursor}`);
    expect(status).toBe(200);
    items.push(...body.items);
    if (body.nextCursor === undefined) {
      expect(body.items.length).toBeLessThanOrEqual(limit);
      return items;
    }
    expect(body.items).toHaveLength(limit);
    cursor = `&cursor=${body.nextCursor}`;
  }
  throw new Error("the list has no end");
}
const namesOf = (groups: readonly GroupAnswer[]) => sorted(groups.map(({ displayName }) => displayName));
const expected = (wanted: (number: number) => boolean) =>
  sorted(
    Array.from({ length: groupCount }, (_, number) => number)
      .filter(wanted)
      .map(nameOf),
  );

describe("limit and cursor", () => {
  test.each([1, 5, 8, 24, 200])("all groups, %i a page, each once", async (limit) => {
    const groups = await walk("", limit);
    expect(namesOf(groups)).toEqual(expected(() => true));
    expect(new Set(groups.map(({ id }) => id)).size).toBe(groupCount);
  });

  test("each as its single GET shows it", async () => {
    for (const group of await walk("", 200)) {
      expect(group).toEqual(await product.group(group.id));
      const number = Number(group.displayName.slice(-2));
      expect(group).toMatchObject({
        counts: { users: usersIn(number), readers: readersIn(number) },
        managedBy: number < 12 ? { connectionId: first.connection.id } : null,
      });
    }
  });

  test("limit defaults to 50; nextCursor is absent on the last page", async () => {
    const own = productOf(service, await service.createProject());
    const names = Array.from({ length: 51 }, (_, number) => `Group ${number}`);
    await seedProductGroups(service.table, own.project, names);
    const { body } = await own.admin("GET", "/groups");
    expect(body.items).toHaveLength(50);
    const rest = (await own.admin("GET", `/groups?cursor=${body.nextCursor}`)).body;
    expect(rest.items).toHaveLength(1);
    expect(rest).not.toHaveProperty("nextCursor");
  });

  test("a page that is exactly full and the last has no nextCursor", async () => {
    const { body } = await product.admin("GET", `/groups?limit=${groupCount}`);
    expect(body.items).toHaveLength(groupCount);
    expect(body).not.toHaveProperty("nextCursor");
  });

  test("no groups at all", async () => {
    const own = productOf(service, await service.createProject());
    for (const query of ["", "?q=x", "?type=reader"]) {
      expect((await own.admin("GET", `/groups${query}`)).body).toEqual({ items: [] });
    }
  });

  test.each(["0", "201", "-1", "x", ""])("limit %j: 400 validation_failed with its path", async (limit) => {
    const refused = await product.admin("GET", `/groups?limit=${limit}`);
    expectProblem(refused, 400, "validation_failed");
    expect(refused.body.errors[0].path).toBe("limit");
  });

  test.each(["junk", "MXh4", "MQ", "%00", "1", "bnVsbA", "x".repeat(3_000)])(
    "a junk cursor: 400 validation_failed with its path: %s",
    async (cursor) => {
      for (const query of ["", "q=even&", `connectionId=${first.connection.id}&`, "type=user&"]) {
        const refused = await product.admin("GET", `/groups?${query}cursor=${cursor}`);
        expectProblem(refused, 400, "validation_failed");
        expect(refused.body.errors[0].path).toBe("cursor");
      }
    },
  );

  test("a cursor of another list: 400 validation_failed", async () => {
    const cursorOf = async (query: string) =>
      (await product.admin("GET", `/groups?limit=1${query}`)).body.nextCursor;
    for (const [from, to] of [
      ["", "&q=even"],
      ["&q=even", ""],
      ["&q=even", "&q=odd"],
      ["", `&connectionId=${second.connection.id}`],
    ] as const) {
      // The first group of all is one by hand, so that its place is none of a connection's.
      const path = `/groups?limit=1${to}&cursor=${await cursorOf(from)}`;
      expectProblem(await product.admin("GET", path), 400, "validation_failed");
    }
  });

  test("pages go on where they ended, though groups come and go", async () => {
    const own = productOf(service, await service.createProject());
    const made: GroupAnswer[] = [];
    for (let number = 0; number < 6; number++) made.push(await own.addGroup(`Same ${number % 2}`));
    for (const query of ["", "&q=same"]) {
      const page = (await own.admin("GET", `/groups?limit=3${query}`)).body;
      await own.admin("DELETE", `/groups/${page.items[2].id}`);
      const rest = await walk(`${query}&cursor=${page.nextCursor}`, 200, own);
      const met = [...page.items, ...rest].map(({ id }: GroupAnswer) => id);
      expect(new Set(met).size).toBe(met.length);
      const left = (await walk("", 200, own)).map(({ id }) => id);
      expect(sorted(met)).toEqual(sorted([...left, page.items[2].id]));
    }
  });
});

describe("filters", () => {
  test.each<[string, string, (number: number) => boolean]>([
    ["type=user", "&type=user", (n) => usersIn(n) > 0],
    ["type=reader: with readers, or empty", "&type=reader", (n) => readersIn(n) > 0 || usersIn(n) === 0],
    ["q, in any case", "&q=eVEN", (n) => n % 2 === 0],
    ["q, a longer prefix", "&q=odd-1", (n) => n % 2 === 1 && n >= 10 && n < 20],
    ["q, a whole name", "&q=odd-07", (n) => n === 7],
    ["q, no prefix but the middle", "&q=ven-", () => false],
    ["q, empty", "&q=", () => true],
    ["q and type", "&q=even&type=user", (n) => n % 2 === 0 && usersIn(n) > 0],
  ])("%s", async (_, query, wanted) => {
    for (const limit of [2, 200]) {
      expect(namesOf(await walk(query, limit))).toEqual(expected(wanted));
    }
  });

  test("a group with both types of members is in both lists, an empty one in that of readers", async () => {
    const own = productOf(service, await service.createProject());
    const [user, reader] = [
      await own.addMember({ userName: "user", type: "user" }),
      await own.addMember({ userName: "reader", type: "reader" }),
    ];
    const [both, users, readers, empty] = [
      await own.addGroup("Both"),
      await own.addGroup("Users"),
      await own.addGroup("Readers"),
      await own.addGroup("Empty"),
    ];
    for (const [{ id }, member] of [
      [both, user],
      [both, reader],
      [users, user],
      [readers, reader],
    ] as const) {
      await own.put(id, member.id);
    }
    expect(namesOf(await walk("&type=user", 200, own))).toEqual(["Both", "Users"]);
    expect(namesOf(await walk("&type=reader", 200, own))).toEqual(["Both", "Empty", "Readers"]);
    // Types follow the members: converted, taken out, deleted.
    await own.admin("PATCH", `/members/${reader.id}`, { type: "user" });
    expect(namesOf(await walk("&type=user", 200, own))).toEqual(["Both", "Readers", "Users"]);
    expect(namesOf(await walk("&type=reader", 200, own))).toEqual(["Empty"]);
    await own.takeOut(users.id, user.id);
    await own.admin("DELETE", `/members/${reader.id}`);
    expect(namesOf(await walk("&type=user", 200, own))).toEqual(["Both"]);
    expect(namesOf(await walk("&type=reader", 200, own))).toEqual(["Empty", "Readers", "Users"]);
    expect((await own.group(empty.id)).counts).toEqual({ users: 0, readers: 0 });
  });

  test("connectionId: its groups, whether its SCIM is enabled or not", async () => {
    const of = async (connection: TestConnection, more = "") =>
      namesOf(await walk(`&connectionId=${connection.connection.id}${more}`, 5));
    expect(await of(first)).toEqual(expected((n) => n < 12));
    expect(await of(second)).toEqual(expected((n) => n >= 12 && n < 18));
    expect(await of(second, "&type=user")).toEqual(expected((n) => n >= 12 && n < 18 && usersIn(n) > 0));
    expect(await of(first, "&q=odd")).toEqual(expected((n) => n < 12 && n % 2 === 1));
  });

  test("connectionId of a connection that is gone: what it left behind", async () => {
    const own = productOf(service, await service.createProject());
    const gone = await service.createConnection({}, own.project);
    await groupsOf(gone).create("Left behind");
    await own.addGroup("By hand");
    await own.admin("DELETE", `/connections/${gone.connection.id}`);
    const groups = await walk(`&connectionId=${gone.connection.id}`, 5, own);
    expect(groups).toMatchObject([{ displayName: "Left behind", managedBy: null }]);
  });

  test("connectionId of another project, or of none: nothing", async () => {
    const other = await service.createConnection();
    await groupsOf(other).create("Elsewhere");
    for (const id of [other.connection.id, "nonsense", "x".repeat(3_000)]) {
      for (const query of ["", "&q=Elsewhere"]) {
        expect((await product.admin("GET", `/groups?connectionId=${id}${query}`)).body).toEqual({
          items: [],
        });
      }
    }
  });

  test.each(["type=admin", "type="])("%s: 400 validation_failed with its path", async (query) => {
    const refused = await product.admin("GET", `/groups?${query}`);
    expectProblem(refused, 400, "validation_failed");
    expect(refused.body.errors[0].path).toBe("type");
  });

  test("parameters it does not know are ignored", async () => {
    expect((await product.admin("GET", "/groups?foo=bar&limit=1")).body.items).toHaveLength(1);
  });
});

describe("q", () => {
  test("sorted by name, groups of one name each once, wherever a page ends", async () => {
    const own = productOf(service, await service.createProject());
    const connection = await service.createConnection({}, own.project);
    for (const name of ["b", "a", "B", "c", "A", "ab", "b"]) await own.addGroup(name);
    for (const name of ["b", "B"]) await groupsOf(connection).create(name);
    for (const limit of [1, 2, 3, 200]) {
      const groups = await walk("&q=b", limit, own);
      expect(namesOf(groups)).toEqual(["B", "B", "b", "b", "b"]);
      expect(new Set(groups.map(({ id }) => id)).size).toBe(5);
      expect(namesOf(await walk("&q=a", limit, own))).toEqual(["A", "a", "ab"]);
    }
    const sortedNames = (await walk("&q=A", 2, own)).map(({ displayName }) => displayName.toLowerCase());
    expect(sortedNames).toEqual(["a", "a", "ab"]);
  });

  test("blanks, wildcards and letters of any script are themselves, in any case and Unicode form", async () => {
    const own = productOf(service, await service.createProject());
    for (const name of ["Zoë Müller", "a*b", "a%b", "漢字", "ŻÓŁW", "Straße", "zoe😀", "x\u001fy"]) {
      await own.addGroup(name);
    }
    for (const [q, name] of [
      ["ZOË M", "Zoë Müller"],
      ["Zoe\u0308", "Zoë Müller"],
      ["a*", "a*b"],
      ["a%", "a%b"],
      ["漢", "漢字"],
      ["żó", "ŻÓŁW"],
      ["STRASSE", "Straße"],
      ["zoe", "zoe😀"],
      ["x", "x\u001fy"],
    ] as const) {
      const { items } = (await own.admin("GET", `/groups?q=${encodeURIComponent(q)}`)).body;
      expect([q, namesOf(items)]).toEqual([q, [name]]);
    }
    // Pages ends wherever UTF-16 and UTF-8 disagree on the order, too.
    expect(namesOf(await walk("&q=", 1, own))).toHaveLength(8);
    expect(namesOf(await walk("&q=z", 1, own))).toHaveLength(2);
  });

  test("a renamed group is found by its new name alone", async () => {
    const own = productOf(service, await service.createProject());
    const { id } = await own.addGroup("Before");
    await own.admin("PATCH", `/groups/${id}`, { displayName: "After" });
    expect(namesOf(await walk("&q=before", 5, own))).toEqual([]);
    expect(namesOf(await walk("&q=after", 5, own))).toEqual(["After"]);
  });

  test("of more bytes than a name has: nothing; of more characters: 400", async () => {
    expect((await product.admin("GET", `/groups?q=${"%E6%BC%A2".repeat(301)}`)).body).toEqual({ items: [] });
    expectProblem(await product.admin("GET", `/groups?q=${"x".repeat(901)}`), 400, "validation_failed");
  });
});

describe("members who changed places", () => {
  test("who returns to SCIM is counted where it was put by hand, not where SCIM had it", async () => {
    const own = productOf(service, await service.createProject());
    const connection = await service.createConnection({ onDelete: "delete" }, own.project);
    const ada = await createUser(connection, "ada", asTeam);
    const groups = groupsOf(connection);
    await groups.create("SCIM", [ada]);
    const byHand = await own.addGroup("By hand");
    await own.put(byHand.id, ada);
    await connection.scim("DELETE", `/Users/${ada}`);
    expect(namesOf(await walk("&type=user", 5, own))).toEqual([]);
    await createUser(connection, "ada", asTeam);
    expect(namesOf(await walk("&type=user", 5, own))).toEqual(["By hand"]);
    expect(namesOf(await walk("&type=reader", 5, own))).toEqual(["SCIM"]);
  });
});

test("a request counts a bounded number of groups, and its cursor goes on behind them", async () => {
  const own = productOf(service, await service.createProject());
  const connection = await service.createConnection({}, own.project);
  const total = groupsCountedMax + 30;
  expect(groupsCountedMax).toBeGreaterThan(pageLimitMax);
  const names = Array.from({ length: total }, (_, index) => `Empty ${index}`);
  await seedProductGroups(service.table, own.project, names);
  // By id, a connection's groups come behind those made by hand.
  const user = await createUser(connection, "user", asTeam);
  const { id } = await groupsOf(connection).create("Last");
  await groupsOf(connection).patch(id, { op: "add", path: "members", value: entries([user]) });
  const page = (await own.admin("GET", "/groups?type=user")).body;
  expect(page).toEqual({ items: [], nextCursor: expect.any(String) });
  const next = (await own.admin("GET", `/groups?type=user&cursor=${page.nextCursor}`)).body;
  expect(next).toMatchObject({ items: [{ displayName: "Last" }] });
  expect(next).not.toHaveProperty("nextCursor");
  expect((await walk("", 200, own)).length).toBe(total + 1);
});
