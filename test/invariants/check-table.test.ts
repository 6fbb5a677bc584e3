/** The auditor itself: a table in order passes, and each way of breaking one by hand is found. */

import { type AttributeValue, DeleteItemCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { stripes } from "../../lambda/table/numbers.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { startService, type TestConnection, type TestService } from "../support/service.ts";
import { checkItems, checkTable } from "./check-table.ts";
import { type RawItem, scanTable } from "./table-contents.ts";

const extension = "urn:ietf:params:scim:schemas:extension:document360:2.0:User";

let service: TestService;
let connection: TestConnection;
/** The table in order, as it was read. */
let sound: readonly RawItem[];
/** A copy, for each test to break. */
let items: RawItem[];

beforeAll(async () => {
  const random = createSeededRandom(1);
  service = await startService({ random: (length) => random.bytes(length) });
  const project = await service.createProject({ quotas: { users: 5, readers: 10 } });
  connection = await service.createConnection({}, project);
  const users = [
    {
      userName: "Ada@x.test",
      externalId: "e-ada",
      emails: [{ value: "ada@x.test" }, { value: "a@home.test" }],
    },
    { userName: "straße@x.test", [extension]: { isTeamAccount: true } },
    { userName: "cy@x.test", active: false },
    { userName: "returned@x.test" },
    { userName: "gone@x.test" },
    { userName: "member@x.test" },
  ];
  const ids: string[] = [];
  for (const body of users) {
    const answer = await connection.scim("POST", "/Users", { body });
    expect(answer.status).toBe(201);
    ids.push(answer.body.id);
  }
  await connection.scim("DELETE", `/Users/${ids[3]}`);
  await connection.scim("POST", "/Users", { body: users[3] });
  await service.admin("PATCH", `/projects/${project.id}/connections/${connection.connection.id}`, {
    onDelete: "delete",
  });
  await connection.scim("DELETE", `/Users/${ids[4]}`);
  await service.admin("POST", `/projects/${project.id}/members`, {
    userName: "unmanaged@x.test",
    type: "user",
    role: "reviewer",
  });
  await service.admin("PATCH", `/projects/${project.id}/connections/${connection.connection.id}`, {
    uniqueGroupNames: true,
  });
  const lax = await service.createConnection({ name: "Lax" }, project);
  // Of the members of the first, one is gone meanwhile: its number stays.
  for (const [owner, body] of [
    [
      connection,
      { displayName: "Straße", externalId: "g-1", members: [ids[0], ids[5]].map((value) => ({ value })) },
    ],
    [connection, { displayName: "Empty" }],
    [lax, { displayName: "Twice" }],
    [lax, { displayName: "TWICE" }],
  ] as const) {
    expect((await owner.scim("POST", "/Groups", { body })).status).toBe(201);
  }
  await connection.scim("DELETE", `/Users/${ids[5]}`);
  const signIn = { subject: "s-sia", externalId: "e-sia", userName: "sia@x.test" };
  const path = `/projects/${project.id}/connections/${connection.connection.id}`;
  await service.admin("PATCH", path, { jit: true });
  expect((await service.admin("POST", `${path}/sign-ins`, signIn)).body.created).toBe(true);
  sound = await scanTable(service.table.client, service.table.tableName);
});
afterAll(() => service.stop());
beforeEach(() => {
  items = [...sound];
});

const find = (pkEnd: string, skStart: string): RawItem => {
  const item = sound.find(({ pk, sk }) => pk!.S!.endsWith(pkEnd) && sk!.S!.startsWith(skStart));
  if (item === undefined) throw new Error(`there is no ${pkEnd} / ${skStart}`);
  return item;
};
const rowOf = (userName: string): RawItem =>
  sound.find(({ attributes }) => attributes?.M?.["userName"]?.S === userName)!;
const remove = (item: RawItem): void => {
  items = items.filter(({ pk, sk }) => pk!.S !== item["pk"]!.S || sk!.S !== item["sk"]!.S);
};
const put = (item: RawItem): void => {
  remove(item);
  items.push(item);
};
const add = (item: RawItem, name: string, amount: bigint): void =>
  put({ ...item, [name]: { N: String(BigInt(item[name]?.N ?? 0) + amount) } });
const withAttribute = (item: RawItem, name: string, value: AttributeValue): RawItem => ({
  ...item,
  attributes: { M: { ...item["attributes"]!.M, [name]: value } },
});

test("a table in order has no findings", async () => {
  expect(await checkTable(service.table)).toEqual([]);
  expect(sound.length).toBeGreaterThan(20);
});

/** One of the connection's that has a reader on it. */
const rosterPage = (): RawItem =>
  sound.find(
    ({ pk, sk, r0 }) => pk!.S!.startsWith("C#") && sk!.S!.startsWith("present#") && Number(r0?.N) > 0,
  )!;
const departedPage = (): RawItem =>
  sound.find(({ sk, d0 }) => sk!.S!.startsWith("departed#") && Number(d0?.N) > 0)!;
const stub = (): RawItem => sound.find(({ movedTo }) => movedTo !== undefined)!;
const groupNamed = (name: string): RawItem => sound.find(({ displayName }) => displayName?.S === name)!;
/** Where the first 120 numbers of a stripe lie: the page, and the bit in its first chunk. */
const placeOf = ({ sk }: RawItem): { readonly page: string; readonly bit: string } => ({
  page: String(Number(sk!.S) % stripes).padStart(9, "0"),
  bit: String(1n << BigInt(Math.floor(Number(sk!.S) / stripes))),
});
/** A page of the group that has members. */
const groupPage = (): RawItem => find(`#${groupNamed("Straße")["sk"]!.S}`, "S#");
/** The same group, after changes of its row. */
const groupWith = (fields: Record<string, AttributeValue>): RawItem => ({
  ...groupNamed("Straße"),
  ...fields,
});
const aside = (generation: string): AttributeValue => ({
  M: { generation: { S: generation }, removableFrom: { N: "1" } },
});

/** An entry of the activity trail as it stands in the project's list. */
const entry = (fields: Record<string, AttributeValue> = {}): RawItem => {
  const at = "2026-03-01T08:00:00.000Z";
  const { resourceId = { S: "r" }, revision = { N: "1" } } = fields;
  return {
    pk: { S: `A#${connection.project.id}` },
    sk: { S: `ALL#${at}#${resourceId.S}#${revision.N}` },
    at: { S: at },
    actor: { S: "scim" },
    action: { S: "group.updated" },
    resourceType: { S: "Group" },
    resourceId,
    identifier: { S: "Readers" },
    changes: { L: [{ S: "access" }, { S: "displayName" }] },
    revision,
    expiresAtSeconds: { N: String(Date.parse(at) / 1_000 + 90 * 86_400) },
    ...fields,
  };
};
const ofMember = { action: { S: "member.updated" }, resourceType: { S: "Member" } };

const breakages: readonly (readonly [name: string, breakIt: () => void, finding: string])[] = [
  ["a seat counted twice", () => add(find("#SEATS", "3"), "readersUsed", 1n), "seats: "],
  [
    "a seat not given back",
    () => put(withAttribute(rowOf("Ada@x.test"), "active", { BOOL: false })),
    "seats: ",
  ],
  ["a share too many", () => add(find("#SEATS", "5"), "usersShare", 1n), "shares of users sum to 6"],
  [
    "usage above a quota nobody lowered",
    () => {
      const project = find("PROJECTS", "");
      put({ ...project, quotas: { M: { ...project["quotas"]!.M, readers: { N: "1" } } } });
    },
    "readers in use, the quota is 1",
  ],
  [
    "a pool over its share with room elsewhere",
    () => {
      const pools = sound.filter(({ pk }) => pk!.S!.endsWith("#SEATS"));
      const from = pools.find(({ readersUsed }) => readersUsed!.N !== "0")!;
      const share = BigInt(from["readersShare"]!.N!);
      add(from, "readersShare", -share);
      add(pools.find((pool) => pool !== from)!, "readersShare", share);
    },
    "over their shares",
  ],
  ["pools of two splits", () => add(find("#SEATS", "0"), "quotaSplit", 1n), "different splits"],
  ["a pool lost", () => remove(find("#SEATS", "7")), `${stripes - 1} pools`],
  ["a claim lost", () => remove(find("#NAMES", "userName#ada@")), "claimed by no one"],
  ["an email claim lost", () => remove(find("#NAMES", "email#ada@")), "claimed by no one"],
  [
    "a claim left behind",
    () => put({ ...find("#NAMES", "userName#ada@"), sk: { S: "userName#zoe@x.test\u001f!" } }),
    "userName#zoe@x.test ! is claimed by",
  ],
  [
    "two members of one name",
    () => put(withAttribute(rowOf("cy@x.test"), "userName", { S: "STRASSE@x.test" })),
    "is a name of both",
  ],
  [
    "a memory of somebody who lives",
    () =>
      put({
        ...find("#NAMES", "userName#ada@"),
        former: { M: { c: { N: String(Number(rowOf("cy@x.test")["sk"]!.S)) } } },
      }),
    "which was not deleted with that name",
  ],
  ["an email pointer lost", () => remove(find("#NAMES", "email#a@home")), "email email#a@home.test"],
  [
    "an email pointer left behind",
    () => put({ ...find("#NAMES", "email#a@home"), sk: { S: "email#b@home.test\u001f000000000000" } }),
    "leads to no such user",
  ],
  [
    "a pointer of who signed in lost",
    () => remove(find("#REFERENCES", "signInSubject#s-sia")),
    "pointers: subject",
  ],
  [
    "who signed in taken for a user",
    () => {
      const { signIn, ...item } = find("#REFERENCES", "externalId#e-sia");
      put({ ...item, number: signIn! });
    },
    "pointers: externalId",
  ],
  [
    "a mark of signing in that a user kept",
    () => put({ ...rowOf("Ada@x.test"), signIn: rowOf("sia@x.test")["signIn"]! }),
    "is marked as signed in, and is a user",
  ],
  [
    "an externalId said to be shared that is not",
    () => put({ ...rowOf("Ada@x.test"), sharesExternalId: { BOOL: true } }),
    "pointers: externalId",
  ],
  ["an externalId pointer lost", () => remove(find("#REFERENCES", "externalId#e-ada")), "externalId"],
  [
    "an externalId pointer to another",
    () => put({ ...find("#REFERENCES", "externalId#e-ada"), number: { N: "77" } }),
    "externalId",
  ],
  ["a roster bit lost", () => put({ ...rosterPage(), r0: { N: "0" } }), "is live, yet not in the roster"],
  ["a roster bit too many", () => add(rosterPage(), "r3", 1n << 15n), "is in the roster, yet not there"],
  [
    "a roster bit added twice",
    () => add(rosterPage(), "r0", BigInt(rosterPage()["r0"]!.N!)),
    "is in the roster, yet not there",
  ],
  [
    "a reader among the users",
    () => {
      const { r0, ...page } = rosterPage();
      put({ ...page, u0: r0! });
    },
    "is live, yet not in the roster",
  ],
  [
    "a member in two rosters",
    () => {
      const { pk, sk } = find(`P#${connection.project.id}#ROSTER`, "present#");
      put({ ...rosterPage(), pk: pk!, sk: sk! });
    },
    "the product reader",
  ],
  ["a chunk in the wrong half", () => add(rosterPage(), "r18", 0n), "r18, which is of the other half"],
  ["a departure forgotten", () => put({ ...departedPage(), d0: { N: "0" } }), "not among the departed"],
  ["a user among the departed", () => add(find("#ROSTER", "departed#"), "d0", 1n << 100n), "yet was no one"],
  [
    "somebody departed who is there",
    () => {
      const { page, bit } = placeOf(rowOf("cy@x.test"));
      put({ ...departedPage(), sk: { S: `departed#${page}` }, d0: { N: bit } });
    },
    "which it has not left",
  ],
  [
    "a departure of somebody who moved forgotten",
    () => {
      const { page } = placeOf(stub());
      put({ ...find("#ROSTER", `departed#${page}`), d0: { N: "0" } });
    },
    "was left behind, yet is not among the departed",
  ],
  ["a group's row lost", () => remove(groupNamed("Straße")), "left of a group that is gone"],
  ["a group's page lost", () => remove(groupPage()), "members, its row says 2"],
  ["a member too few", () => put({ ...groupPage(), b0: { N: "0" } }), "holds nobody"],
  ["a member who never was", () => add(groupPage(), "b1", 1n), "never a user of"],
  [
    "a member of another generation",
    () => put({ ...groupPage(), sk: { S: `${groupPage()["sk"]!.S}x` } }),
    "which nothing leads to",
  ],
  ["a size that is not", () => put(groupWith({ size: { N: "3" } })), "members, its row says 3"],
  ["a set left aside", () => put(groupWith({ aside: aside("x") })), "is to be tidied up"],
  ["a group never shown", () => put(groupWith({ hidden: { BOOL: true } })), "is to be tidied up"],
  ["a group hidden for nothing", () => put(groupWith({ hidden: { BOOL: true } })), "is hidden, or has"],
  [
    "a group of a connection that never was",
    () => put(groupWith({ connectionId: { S: `${connection.project.id}zzzzzzzz` } })),
    "which never was",
  ],
  [
    "a group under another's id",
    () => put({ ...groupNamed("Empty"), sk: { S: `zzzzzzzz${groupNamed("Empty")["sk"]!.S!.slice(8)}` } }),
    "its id is not",
  ],
  [
    "word of a deleted group that is there",
    () =>
      put({
        pk: { S: `P#${connection.project.id}` },
        sk: { S: `FORMERGROUP#${groupNamed("Empty")["sk"]!.S}` },
        displayName: { S: "Empty" },
      }),
    "is both there and gone",
  ],
  ["a name of a group lost", () => remove(find("#GROUPNAMES", "strasse\u001f")), "strasse"],
  [
    "a name of a group left behind",
    () => put({ ...find("#GROUPNAMES", "strasse"), sk: { S: "other\u001f00000000" } }),
    "is the name of no group",
  ],
  [
    "one of two groups of a name lost",
    () => {
      const name = find("#GROUPNAMES", "twice");
      put({ ...name, groups: { SS: name["groups"]!.SS!.slice(1) } });
    },
    "twice",
  ],
  [
    "two groups of one name where names are unique",
    () => put(groupWith({ displayName: { S: "EMPTY" } })),
    "where names are unique",
  ],
  ["a group's externalId lost", () => remove(find("#REFERENCES", "groupExternalId#")), "pointers: group"],
  [
    "a group's externalId left behind",
    () =>
      put({
        ...find("#REFERENCES", "groupExternalId#"),
        sk: { S: `groupExternalId#g-2\u001f${groupNamed("Straße")["sk"]!.S}` },
      }),
    "leads to no such group",
  ],
  [
    "a group that a member does not know of",
    () =>
      put({ pk: { S: `P#${connection.project.id}#MIRROR` }, sk: { S: "g#S#000000000#" }, b0: { N: "1" } }),
    "derived: 0 has groups",
  ],
  [
    "a group that a member should not know of",
    () =>
      put({
        pk: membershipsOf(rowOf("Ada@x.test")),
        sk: rowOf("Ada@x.test")["sk"]!,
        handGroups: { SS: ["g"] },
      }),
    "has handGroups g",
  ],
  ["an entry that tells a value", () => put(entry({ after: { S: "x" } })), "holds after"],
  [
    "an entry under the key of another",
    () => put({ ...entry(), revision: { N: "2" } }),
    "the key of another",
  ],
  [
    "an entry of no known action",
    () => put(entry({ action: { S: "user.updated" } })),
    "its action user.updated",
  ],
  ["an entry of nobody", () => put(entry({ actor: { S: "" } })), "does not tell who"],
  [
    "an entry with a value among the names",
    () => put(entry({ changes: { L: [{ S: "ada@x.test" }] } })),
    "which are no sorted names",
  ],
  [
    "an entry kept for ever",
    () => {
      const { expiresAtSeconds: _, ...rest } = entry();
      put(rest);
    },
    "is not kept 90 days",
  ],
  [
    "an entry of a connection that never was",
    () => put(entry({ connectionId: { S: `${connection.project.id}zzzzzzzz` } })),
    "which never was",
  ],
  ["an entry that a member's own list lacks", () => put(entry(ofMember)), "not told alike in both lists"],
  ["a row lost", () => remove(rowOf("Ada@x.test")), "no name of it"],
  [
    "a row under a number never given",
    () => put({ ...rowOf("gone@x.test"), sk: { S: "000000004000" } }),
    "4000 was never given",
  ],
  [
    "a stub that leads nowhere",
    () => put({ ...sound.find(({ movedTo }) => movedTo !== undefined)!, movedTo: { N: "4001" } }),
    "leads nowhere",
  ],
  [
    "a home that was forgotten",
    () => remove(sound.find(({ movedTo }) => movedTo !== undefined)!),
    "moves: home",
  ],
  [
    "a reader with a role",
    () => put({ ...rowOf("cy@x.test"), role: { S: "admin" } }),
    "is a reader of role admin",
  ],
  ["a connection lost", () => remove(find("", "CONNECTION#")), "connections: "],
  ["a project lost", () => remove(find("PROJECTS", "")), "stray: items of a project that does not exist"],
  [
    "an item of no known kind",
    () => put({ pk: { S: `P#${connection.project.id}#NAMES` }, sk: { S: "nickName#x" } }),
    "stray: ",
  ],
  [
    "a token in clear",
    () => {
      const item = find("", "CONNECTION#");
      const [token] = item["tokens"]!.L!;
      put({ ...item, tokens: { L: [{ M: { ...token!.M, hash: { S: connection.token } } }] } });
    },
    "not kept as a hash",
  ],
];

test.each(breakages)("%s is found", (_, breakIt, finding) => {
  breakIt();
  expect(checkItems(items).join("\n")).toContain(finding);
});

test("what a writer that died may leave is let pass where it is said to be pending", () => {
  const { pk } = groupPage();
  put(groupWith({ aside: aside("x") }));
  put({ ...groupPage(), sk: { S: `${groupPage()["sk"]!.S!.slice(0, 12)}x` } });
  put({ ...groupPage(), pk: { S: `${pk!.S!.slice(0, -1)}~` } });
  expect(checkItems(items)).not.toEqual([]);
  expect(checkItems(items, { tidyingPending: true })).toEqual([]);
});

/** Where what is derived of a row's groups lies. */
function membershipsOf({ pk }: RawItem): AttributeValue {
  const [, project, block] = String(pk?.S).split("#");
  return { S: `P#${project}#MEMBERSHIPS#${block}` };
}

test("what the activity trail tells is let pass where it is told in every list", () => {
  const told = entry({ ...ofMember, connectionId: { S: connection.connection.id } });
  put(entry());
  put({ ...told, sk: { S: `OF#r#${told["at"]!.S}#r#2` }, revision: { N: "2" } });
  put({ ...told, sk: { S: `ALL#${told["at"]!.S}#r#2` }, revision: { N: "2" } });
  expect(checkItems(items)).toEqual([]);
});

test("what the stream handler derives is let pass where it agrees", () => {
  const row = rowOf("Ada@x.test");
  put({ pk: membershipsOf(row), sk: row["sk"]!, groups: { SS: ["g"] } });
  const { page, bit } = placeOf(rowOf("Ada@x.test"));
  put({ pk: { S: `P#${connection.project.id}#MIRROR` }, sk: { S: `g#S#${page}#` }, b0: { N: bit } });
  put({ pk: { S: `P#${connection.project.id}#MIRROR` }, sk: { S: "g#HEAD" }, generation: { S: "0" } });
  expect(checkItems(items)).toEqual([]);
});

test("what is broken in the table itself is found", async () => {
  const { client, tableName } = service.table;
  const { pk, sk } = find("#NAMES", "userName#ada@");
  await client.send(new DeleteItemCommand({ TableName: tableName, Key: { pk: pk!, sk: sk! } }));
  expect((await checkTable(service.table)).join()).toContain("claimed by no one");
});
