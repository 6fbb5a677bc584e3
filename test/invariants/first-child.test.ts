/**
 * A change that began before its connection had children, and is written after: whatever is done between two of its calls,
 * it reaches the child that came in between.
 */

import { afterAll, beforeAll, expect, test } from "vitest";
import type { StreamPump } from "../../bin/local/stream-pump.ts";
import { type Product, productOf, standing } from "../service/product.ts";
import {
  activation,
  addMembers,
  type Fields,
  group,
  patch,
  replace,
  user,
  workEmail,
} from "../service/scim-messages.ts";
import { seedFromEnvironment } from "../support/seeded-random.ts";
import { startService, type TestConnection, type TestService } from "../support/service.ts";
import { startPumps } from "../support/stream.ts";
import { startTable, type TestTable } from "../support/table.ts";
import { interpose } from "./disturbed-client.ts";
import { shareOf } from "./share.ts";

const seed = seedFromEnvironment();

let table: TestTable;
let calm: TestService;
let held: TestService;
let pump: StreamPump;
let beforeCall: () => Promise<void> = async () => {};
beforeAll(async () => {
  table = await startTable({ stream: true });
  calm = await startService({ table });
  const client = table.newClient();
  interpose(client, () => beforeCall());
  held = await startService({ table, client });
  pump = await startPumps(table);
});
afterAll(async () => {
  await pump.stop();
  await table.stop();
});

/** By userName, and by displayName. */
type Ids = Readonly<Record<string, string>>;
type Change = (parent: TestConnection, ids: Ids, home: Product) => Promise<{ readonly status: number }>;

const changes: Readonly<Record<string, Change>> = {
  "a create": (parent) => parent.scim("POST", "/Users", user("new", workEmail("new@x.example"))),
  "a create of somebody inactive": (parent) =>
    parent.scim("POST", "/Users", { body: { ...(user("idle").body as Fields), active: false } }),
  "a link": (parent) => parent.scim("POST", "/Users", user("local")),
  "a return": (parent) => parent.scim("POST", "/Users", user("gone")),
  "a rename": (parent, { ada }) => parent.scim("PATCH", `/Users/${ada}`, patch(replace("userName", "eve"))),
  "another name": (parent, { ada }) =>
    parent.scim("PATCH", `/Users/${ada}`, patch(replace("displayName", "Ada"))),
  "a deactivation": (parent, { ada }) => parent.scim("PATCH", `/Users/${ada}`, activation(false)),
  "a DELETE": (parent, { ada }) => parent.scim("DELETE", `/Users/${ada}`),
  "a restoration": (parent, { lost }) => parent.scim("PUT", `/Users/${lost}`, user("lost")),
  "a new group": (parent, { ada }) => parent.scim("POST", "/Groups", group("New", [ada!])),
  "a new member of a group": (parent, { bob, Team }) =>
    parent.scim("PATCH", `/Groups/${Team}`, patch(addMembers(bob!))),
  "a group's new name": (parent, { Team }) =>
    parent.scim("PATCH", `/Groups/${Team}`, patch(replace("displayName", "Crew"))),
  "a group's end": (parent, { Team }) => parent.scim("DELETE", `/Groups/${Team}`),
};

test.each(shareOf(Object.entries(changes), seed, 6))("%s", async (_, change) => {
  for (let at = 1; ; at++) {
    const parent = await calm.createConnection();
    const home = productOf(calm, parent.project);
    const ids = await furnish(parent, home);
    const child = productOf(calm, await calm.createProject());
    let calls = 0;
    beforeCall = async () => {
      if (++calls !== at) return;
      const body = { name: "Child", inheritsFrom: parent.connection.id };
      expect((await child.admin("POST", "/connections", body)).status).toBe(201);
      await pump.drain();
    };
    const { status } = await change(held.adopt(parent), ids, home);
    beforeCall = async () => {};
    if (calls < at) return;
    expect(status).toBeLessThan(300);
    await pump.drain();
    expect(pump.parked).toEqual([]);
    expect(await standing(child), `the child came before call ${at}`).toEqual(await standing(home));
  }
});

async function furnish(parent: TestConnection, home: Product): Promise<Ids> {
  const ids: Record<string, string> = {};
  for (const name of ["ada", "bob", "gone", "lost"]) {
    ids[name] = (await parent.scim("POST", "/Users", user(name))).body.id;
  }
  await home.addMember({ userName: "local", type: "reader" });
  ids["Team"] = (await parent.scim("POST", "/Groups", group("Team", [ids["ada"]!]))).body.id;
  await parent.scim("DELETE", `/Users/${ids["gone"]}`);
  const settings = `/connections/${parent.connection.id}`;
  await home.admin("PATCH", settings, { scimEnabled: false });
  await home.admin("DELETE", `/members/${(await home.memberNamed("lost")).id}`);
  await home.admin("PATCH", settings, { scimEnabled: true });
  return ids;
}
