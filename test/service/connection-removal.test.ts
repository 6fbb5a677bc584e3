import { afterEach, beforeEach, expect, test } from "vitest";
import { checkTable } from "../invariants/check-table.ts";
import { type RawItem, scanTable } from "../invariants/table-contents.ts";
import { startService, type TestConnection, type TestService } from "../support/service.ts";
import { createUser, groupsOf } from "./group-ground.ts";
import { type Product, productOf } from "./product.ts";
import { asTeam, teamUser, user, workEmail } from "./scim-messages.ts";

// What a deleted connection leaves behind, by a look at the whole table; and that it goes with the project.

let service: TestService;
let connection: TestConnection;
let product: Product;
/** Everything about its tokens that was kept, and the secret of its cursors. */
let secrets: readonly string[];

beforeEach(async () => {
  service = await startService();
  connection = await service.createConnection();
  product = productOf(service, connection.project);
});
afterEach(() => service.stop());

const items = () => scanTable(service.table.client, service.table.tableName);
const settings = () => `/connections/${connection.connection.id}`;

/** Users of every kind, groups, tokens that were used; then the connection goes. */
async function liveAndGo(): Promise<void> {
  const ada = await createUser(connection, "ada", {
    ...asTeam,
    externalId: "e-ada",
    ...workEmail("ada@x.example"),
  });
  const bob = await createUser(connection, "bob", { externalId: "e-bob", active: false });
  const ended = await createUser(connection, "ended", { externalId: "e-ended" });
  await groupsOf(connection).create("Team", [ada, bob, ended], { externalId: "g-team" });
  await groupsOf(connection).create("Empty");
  await connection.scim("DELETE", `/Users/${ended}`);
  await product.admin("PATCH", settings(), { onDelete: "delete" });
  const deleted = await createUser(connection, "deleted");
  await connection.scim("DELETE", `/Users/${deleted}`);
  await createUser(connection, "deleted", workEmail("returned@x.example"));
  const { token } = (await product.admin("POST", `${settings()}/tokens`, { label: "Second" })).body;
  for (const each of [connection.token, token]) await connection.scim("GET", "/Users", { token: each });
  const row = (await items()).find(({ sk }) => sk!.S === `CONNECTION#${connection.connection.id}`)!;
  const tokens = row["tokens"]!.L!.flatMap(({ M }) => [M!["id"]!.S!, M!["hash"]!.S!, "Second"]);
  secrets = [...tokens, row["cursorSecret"]!.S!];
  expect((await product.admin("DELETE", settings())).status).toBe(204);
}

const textsOf = (all: readonly RawItem[]): readonly string[] => all.map((item) => JSON.stringify(item));

test("its settings, tokens and secrets are gone; its members and groups are there, and all that finds them", async () => {
  await liveAndGo();
  const left = await items();
  for (const secret of secrets) expect(textsOf(left).filter((text) => text.includes(secret))).toEqual([]);
  expect(left.filter(({ sk }) => sk!.S!.startsWith("CONNECTION#"))).toEqual([]);
  expect((await product.admin("GET", "/connections")).body).toEqual({ items: [] });
  const { items: members } = (await product.admin("GET", "/members")).body;
  expect(
    members.map(({ userName, managedBy }: Record<string, unknown>) => [userName, managedBy]).sort(),
  ).toEqual([
    ["ada", null],
    ["bob", null],
    ["deleted", null],
    ["ended", null],
  ]);
  const { items: groups } = (await product.admin("GET", "/groups")).body;
  expect(
    groups.map(({ displayName, counts }: Record<string, unknown>) => [displayName, counts]).sort(),
  ).toEqual([
    ["Empty", { users: 0, readers: 0 }],
    ["Team", { users: 1, readers: 1 }],
  ]);
  expect(await checkTable(service.table)).toEqual([]);
});

test("a new connection takes its members over, and nobody is found by what the old one knew of them", async () => {
  await liveAndGo();
  const next = await service.createConnection({}, connection.project);
  expect((await next.scim("POST", "/Users", teamUser("ada", { externalId: "new" }))).status).toBe(201);
  expect((await next.scim("POST", "/Users", user("bob"))).status).toBe(201);
  expect((await next.scim("GET", "/Users")).body.totalResults).toBe(2);
  expect((await next.scim("GET", "/Groups")).body.totalResults).toBe(0);
  const left = textsOf(await items());
  expect(left.filter((text) => text.includes("e-ada") || text.includes("e-bob"))).toEqual([]);
  expect(await checkTable(service.table)).toEqual([]);
});

test("members and groups deleted by hand, too, nothing of them is found; with the project the whole table is empty", async () => {
  await liveAndGo();
  for (const kind of ["members", "groups"]) {
    const { items: all } = (await product.admin("GET", `/${kind}`)).body;
    for (const { id } of all) expect((await product.admin("DELETE", `/${kind}/${id}`)).status).toBe(204);
    expect((await product.admin("GET", `/${kind}`)).body).toEqual({ items: [] });
  }
  expect(await product.usage()).toEqual({ users: 0, reviewers: 0, readers: 0 });
  expect(await checkTable(service.table)).toEqual([]);
  expect((await product.admin("DELETE", "")).status).toBe(204);
  expect(await items()).toEqual([]);
});
