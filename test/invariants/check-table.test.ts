/** The auditor itself: a table in order passes, and each way of breaking one by hand is found. */

import { type AttributeValue, DeleteItemCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { stripes } from "../../lambda/table/numbers.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { startService, type TestConnection, type TestService } from "../support/service.ts";
import { checkItems, checkTable, type RawItem, scanTable } from "./check-table.ts";

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

/** One that has a user on it. */
const rosterPage = (): RawItem =>
  sound.find((item) => item["pk"]!.S!.endsWith("#ROSTER") && item[chunkOf(item)]!.N !== "0")!;
const chunkOf = (page: RawItem): string => Object.keys(page).find((name) => name.startsWith("b"))!;

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
  ["an externalId pointer lost", () => remove(find("#REFERENCES", "externalId#e-ada")), "externalId"],
  [
    "an externalId pointer to another",
    () => put({ ...find("#REFERENCES", "externalId#e-ada"), number: { N: "77" } }),
    "externalId",
  ],
  [
    "a roster bit lost",
    () => {
      const page = rosterPage();
      const chunk = chunkOf(page);
      put({ ...page, [chunk]: { N: "0" } });
    },
    "not in the roster",
  ],
  ["a roster bit too many", () => add(rosterPage(), "b34", 1n << 15n), "in the roster, yet no user"],
  [
    "a roster bit added twice",
    () => {
      const page = rosterPage();
      add(page, chunkOf(page), BigInt(page[chunkOf(page)]!.N!));
    },
    "rosters: ",
  ],
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

test("what is broken in the table itself is found", async () => {
  const { client, tableName } = service.table;
  const { pk, sk } = find("#NAMES", "userName#ada@");
  await client.send(new DeleteItemCommand({ TableName: tableName, Key: { pk: pk!, sk: sk! } }));
  expect((await checkTable(service.table)).join()).toContain("claimed by no one");
});
