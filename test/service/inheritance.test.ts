import { UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { StreamPump } from "../../bin/local/stream-pump.ts";
import { scanTable } from "../invariants/table-contents.ts";
import type { TestConnection, TestService } from "../support/service.ts";
import { startPumps } from "../support/stream.ts";
import { startTable, type TestTable } from "../support/table.ts";
import { startCheckedService } from "./checked-service.ts";
import { type Product, productOf } from "./product.ts";
import {
  activation,
  addMembers,
  conversion,
  type Fields,
  group,
  patch,
  replace,
  teamUser,
  user,
  workEmail,
} from "./scim-messages.ts";

let table: TestTable;
let service: TestService;
let pump: StreamPump;
beforeAll(async () => {
  table = await startTable({ stream: true });
  service = await startCheckedService({ table });
  pump = await startPumps(table);
});
afterAll(async () => {
  await pump.stop();
  await service.stop();
  await table.stop();
});

let parent: TestConnection;
let home: Product;
beforeEach(async () => {
  parent = await service.createConnection();
  home = productOf(service, parent.project);
});

const scim = (method: string, path: string, request?: { readonly body: unknown }) =>
  parent.scim(method, path, request);
const created = async (path: string, request: { readonly body: unknown }) => {
  const answer = await scim("POST", path, request);
  expect(answer).toMatchObject({ status: 201 });
  return answer.body.id as string;
};

async function childIn(fields: Fields = {}): Promise<{ product: Product; id: string }> {
  const product = productOf(service, await service.createProject(fields));
  const answer = await product.admin("POST", "/connections", {
    name: "Child",
    inheritsFrom: parent.connection.id,
  });
  expect(answer).toMatchObject({ status: 201 });
  return { product, id: answer.body.id };
}

const people = async (product: Product) =>
  (await product.admin("GET", "/members?limit=200")).body.items
    .map((m: Fields) => [m["userName"], m["type"], m["status"]])
    .sort();
const groupsOf = async (product: Product) => {
  const { items } = (await product.admin("GET", "/groups")).body;
  return Object.fromEntries(
    await Promise.all(
      items.map(async ({ id, displayName }: { id: string; displayName: string }) => [
        displayName,
        (await product.namesIn(id)).toSorted(),
      ]),
    ),
  );
};

describe("a child", () => {
  test("gets what its parent has, and what changes", async () => {
    const ada = await created("/Users", user("ada", workEmail("ada@x.example")));
    const bob = await created("/Users", teamUser("bob"));
    const team = await created("/Groups", group("Team", [ada, bob]));
    const { product, id } = await childIn();
    await pump.drain();
    expect(pump.parked).toEqual([]);
    expect(await people(product)).toEqual([
      ["ada", "reader", "active"],
      ["bob", "user", "active"],
    ]);
    expect(await groupsOf(product)).toEqual({ Team: ["ada", "bob"] });
    expect((await product.admin("GET", `/connections/${id}`)).body).toMatchObject({
      scimBaseUrl: null,
      inheritsFrom: { connectionId: parent.connection.id, projectId: parent.project.id },
      sync: { state: "in_sync", usersDone: 2, usersTotal: 2, groupsDone: 1, groupsTotal: 1, failures: 0 },
    });
    const cyd = await created("/Users", user("cyd"));
    await scim("PATCH", `/Users/${ada}`, patch(replace("userName", "countess")));
    await scim("PATCH", `/Users/${bob}`, activation(false));
    await scim("PATCH", `/Groups/${team}`, patch(addMembers(cyd), replace("displayName", "Crew")));
    await pump.drain();
    expect(await people(product)).toEqual(
      [
        ["countess", "reader", "active"],
        ["cyd", "reader", "active"],
        ["bob", "user", "inactive"],
      ].sort(),
    );
    expect(await groupsOf(product)).toEqual({ Crew: ["bob", "countess", "cyd"] });
    const member = await product.memberNamed("countess");
    expect(member.managedBy).toEqual({ connectionId: id, badge: "SSO-SCIM", inherited: true });
    expect((await product.member(member.id)).groups).toHaveLength(1);
    await scim("DELETE", `/Users/${ada}`);
    await scim("DELETE", `/Groups/${team}`);
    await scim("PATCH", `/Users/${cyd}`, conversion(true));
    await pump.drain();
    expect(await groupsOf(product)).toEqual({});
    expect(await people(product)).toEqual([
      ["bob", "user", "inactive"],
      ["countess", "reader", "inactive"],
      ["cyd", "user", "active"],
    ]);
    expect((await product.member(member.id)).managedBy).toBeNull();
    await created("/Users", user("countess", workEmail("ada@x.example")));
    await pump.drain();
    expect(await product.member(member.id)).toMatchObject({
      status: "active",
      managedBy: { inherited: true },
    });
    expect(pump.parked).toEqual([]);
  });

  test("swaps names as its parent does", async () => {
    const [a, b] = [await created("/Users", user("a")), await created("/Users", user("b"))];
    const { product } = await childIn();
    await pump.drain();
    const ids = await Promise.all(["a", "b"].map(async (n) => (await product.memberNamed(n)).id));
    await scim("PATCH", `/Users/${a}`, patch(replace("userName", "tmp")));
    await scim("PATCH", `/Users/${b}`, patch(replace("userName", "a")));
    await scim("PATCH", `/Users/${a}`, patch(replace("userName", "b")));
    await pump.drain();
    expect((await product.member(ids[0])).userName).toBe("b");
    expect((await product.member(ids[1])).userName).toBe("a");
  });

  test("fails alone, and says so", async () => {
    const { product, id } = await childIn({ quotas: { readers: 1 } });
    const other = await childIn();
    await other.product.addMember({ userName: "ada", type: "user" });
    await created("/Users", user("ada"));
    await created("/Users", user("bob"));
    await pump.drain();
    expect(await people(other.product)).toEqual([
      ["ada", "user", "active"],
      ["bob", "reader", "active"],
    ]);
    expect((await product.admin("GET", "/sync-failures")).body.items).toMatchObject([
      { reason: "quota_exceeded", connectionId: id },
    ]);
    expect((await other.product.admin("GET", "/sync-failures")).body.items).toMatchObject([
      { reason: "role_conflict", identifier: "ada" },
    ]);
    expect(
      (await home.admin("GET", `/connections/${parent.connection.id}/children`)).body.items.map(
        (child: { readonly sync: Fields }) => child.sync["state"],
      ),
    ).toEqual(["degraded", "degraded"]);
  });

  test("heals by itself once the cause is gone", async () => {
    const { product } = await childIn({ quotas: { readers: 1 } });
    const clash = await product.addMember({ userName: "cyd", type: "user" });
    for (const name of ["ada", "bob", "cyd"]) await created("/Users", user(name));
    await pump.drain();
    const failures = async () =>
      (await product.admin("GET", "/sync-failures")).body.items.map((f: Fields) => f["reason"]).sort();
    expect(await failures()).toEqual(["quota_exceeded", "role_conflict"]);
    await product.setQuotas({ readers: 2 });
    await pump.drain();
    expect(await failures()).toEqual(["role_conflict"]);
    await product.setQuotas({ readers: 3 });
    await product.admin("PATCH", `/members/${clash.id}`, { type: "reader" });
    await pump.drain();
    expect(await failures()).toEqual([]);
    expect(await people(product)).toEqual(["ada", "bob", "cyd"].map((name) => [name, "reader", "active"]));
  });

  test("catches up when SCIM is switched on again, and keeps its people when it leaves", async () => {
    const ada = await created("/Users", user("ada"));
    await created("/Groups", group("Team", [ada]));
    const { product, id } = await childIn();
    await pump.drain();
    const off = { scimEnabled: false };
    expect((await home.admin("PATCH", `/connections/${parent.connection.id}`, off)).status).toBe(200);
    expect((await product.memberNamed("ada")).managedBy).toBeNull();
    await home.admin("DELETE", `/members/${(await home.memberNamed("ada")).id}`);
    await pump.drain();
    expect(await people(product)).toEqual([["ada", "reader", "active"]]);
    await home.admin("PATCH", `/connections/${parent.connection.id}`, { scimEnabled: true });
    await created("/Users", user("bob"));
    await pump.drain();
    expect(await people(product)).toEqual([["bob", "reader", "active"]]);
    expect((await home.admin("DELETE", `/connections/${parent.connection.id}`)).body.code).toBe(
      "has_children",
    );
    expect((await product.admin("DELETE", `/connections/${id}`)).status).toBe(204);
    await created("/Users", user("cyd"));
    await pump.drain();
    expect(await people(product)).toEqual([["bob", "reader", "active"]]);
    expect((await product.memberNamed("bob")).managedBy).toBeNull();
    expect((await home.admin("DELETE", `/connections/${parent.connection.id}`)).status).toBe(204);
    expect((await service.admin("DELETE", `/projects/${product.project.id}`)).status).toBe(204);
    expect(pump.parked).toEqual([]);
  });

  test("fails no more with who went while SCIM was off", async () => {
    const settings = `/connections/${parent.connection.id}`;
    await created("/Users", user("ada"));
    const { product } = await childIn({ quotas: { readers: 0 } });
    await pump.drain();
    expect((await product.admin("GET", "/sync-failures")).body.items).toMatchObject([{ identifier: "ada" }]);
    await home.admin("PATCH", settings, { scimEnabled: false });
    await home.admin("DELETE", `/members/${(await home.memberNamed("ada")).id}`);
    await home.admin("PATCH", settings, { scimEnabled: true });
    await pump.drain();
    expect((await product.admin("GET", "/sync-failures")).body.items).toEqual([]);
  });

  test("makes another copy where the first one went to another connection while SCIM was off", async () => {
    const ada = await created("/Users", user("ada"));
    await created("/Groups", group("Team", [ada]));
    const { product } = await childIn();
    await pump.drain();
    const copy = await product.memberNamed("ada");
    const settings = `/connections/${parent.connection.id}`;
    await home.admin("PATCH", settings, { scimEnabled: false });
    const own = await service.createConnection({}, product.project);
    expect((await own.scim("POST", "/Users", user("ada"))).status).toBe(201);
    await home.admin("PATCH", `/members/${(await home.memberNamed("ada")).id}`, { userName: "eve" });
    await home.admin("PATCH", settings, { scimEnabled: true });
    await pump.drain();
    expect(pump.parked).toEqual([]);
    expect(await people(product)).toEqual([
      ["ada", "reader", "active"],
      ["eve", "reader", "active"],
    ]);
    expect(await product.member(copy.id)).toMatchObject({
      userName: "ada",
      managedBy: { connectionId: own.connection.id, inherited: false },
    });
    expect(await groupsOf(product)).toEqual({ Team: ["eve"] });
    const eve = await product.memberNamed("eve");
    expect(await product.member(eve.id)).toMatchObject({
      managedBy: { inherited: true },
      groups: [{ displayName: "Team" }],
    });
  });

  test("follows somebody who came back twice and went, between two looks", async () => {
    const again = async (id: string) => {
      await scim("DELETE", `/Users/${id}`);
      return created("/Users", user("ada"));
    };
    const { product } = await childIn();
    const first = await created("/Users", user("ada"));
    await pump.drain();
    const second = await again(first);
    await pump.drain();
    await scim("DELETE", `/Users/${await again(await again(second))}`);
    await pump.drain();
    expect(await people(product)).toEqual([["ada", "reader", "inactive"]]);
    expect((await product.memberNamed("ada")).managedBy).toBeNull();
  });

  test("ends the copy of somebody who came back, and whom it cannot take again", async () => {
    const ada = await created("/Users", user("ada"));
    await created("/Groups", group("Team", [ada]));
    const { product } = await childIn({ quotas: { users: 0 } });
    await pump.drain();
    await scim("DELETE", `/Users/${ada}`);
    await created("/Users", teamUser("ada"));
    await pump.drain();
    expect((await product.admin("GET", "/sync-failures")).body.items).toMatchObject([
      { reason: "quota_exceeded", identifier: "ada" },
    ]);
    expect(await people(product)).toEqual([["ada", "reader", "inactive"]]);
    expect(await groupsOf(product)).toEqual({ Team: [] });
    await product.setQuotas({ users: 1 });
    await pump.drain();
    expect(await people(product)).toEqual([["ada", "user", "active"]]);
    expect(await groupsOf(product)).toEqual({ Team: [] });
    expect((await product.admin("GET", "/sync-failures")).body.items).toEqual([]);
  });

  test("ends the copy of somebody who came back, and was then deleted by hand", async () => {
    const settings = `/connections/${parent.connection.id}`;
    const ada = await created("/Users", user("ada"));
    await created("/Groups", group("Team", [ada]));
    const { product } = await childIn();
    await pump.drain();
    await scim("DELETE", `/Users/${ada}`);
    await created("/Users", user("ada"));
    await home.admin("PATCH", settings, { scimEnabled: false });
    await home.admin("DELETE", `/members/${(await home.memberNamed("ada")).id}`);
    await home.admin("PATCH", settings, { scimEnabled: true });
    await pump.drain();
    expect(await people(product)).toEqual([["ada", "reader", "inactive"]]);
    expect((await product.memberNamed("ada")).managedBy).toBeNull();
    expect(await groupsOf(product)).toEqual({ Team: [] });
  });

  test("somebody who came back meets first who has the name by now, as in a request", async () => {
    await home.admin("PATCH", `/connections/${parent.connection.id}`, { onDelete: "delete" });
    const ada = await created("/Users", user("ada"));
    const { product } = await childIn();
    await pump.drain();
    await scim("DELETE", `/Users/${ada}`);
    await pump.drain();
    const own = await product.admin("POST", "/members", { userName: "ada", type: "user" });
    await created("/Users", user("ada"));
    await pump.drain();
    const failures = await product.admin("GET", "/sync-failures");
    expect(failures.body.items).toMatchObject([{ reason: "role_conflict", identifier: "ada" }]);
    expect(await people(product)).toEqual([["ada", "user", "active"]]);
    await product.admin("PATCH", `/members/${own.body.id}`, { type: "reader" });
    await pump.drain();
    expect(await people(product)).toEqual([["ada", "reader", "active"]]);
    expect(await product.memberNamed("ada")).toMatchObject({
      id: own.body.id,
      managedBy: { inherited: true },
    });
    expect((await product.admin("GET", "/sync-failures")).body.items).toEqual([]);
  });

  test("takes who has gone to and fro between an inheritance and a connection of its parent's project", async () => {
    const settings = `/connections/${parent.connection.id}`;
    await created("/Users", user("ada"));
    const { product: middle } = await childIn();
    await pump.drain();
    const own = await service.createConnection({}, middle.project);
    const takeOver = async () => {
      await home.admin("PATCH", settings, { scimEnabled: false });
      const answer = await own.scim("POST", "/Users", user("ada"));
      expect(answer).toMatchObject({ status: 201 });
      return answer.body.id as string;
    };
    await own.scim("DELETE", `/Users/${await takeOver()}`);
    await home.admin("PATCH", settings, { scimEnabled: true });
    await pump.drain();
    expect((await middle.memberNamed("ada")).managedBy).toMatchObject({ inherited: true });
    await takeOver();
    const last = productOf(service, await service.createProject());
    await last.admin("POST", "/connections", { name: "Last", inheritsFrom: own.connection.id });
    await pump.drain();
    expect(await people(last)).toEqual([["ada", "reader", "active"]]);
  });

  test("loses whom another connection of the parent's project has taken over, between two looks", async () => {
    const other = await service.createConnection({}, parent.project);
    const ada = await created("/Users", user("ada"));
    const { product } = await childIn();
    await pump.drain();
    await scim("DELETE", `/Users/${ada}`);
    expect((await other.scim("POST", "/Users", user("ada"))).status).toBe(201);
    await pump.drain();
    expect(await people(product)).toEqual([["ada", "reader", "inactive"]]);
    expect((await product.memberNamed("ada")).managedBy).toBeNull();
  });

  test("makes a group again that is deleted there by hand", async () => {
    const ada = await created("/Users", user("ada"));
    const team = await created("/Groups", group("Team", [ada]));
    const { product } = await childIn();
    await pump.drain();
    const [copy] = (await product.admin("GET", "/groups")).body.items;
    expect((await product.admin("DELETE", `/groups/${copy.id}`)).body.code).toBe("managed_by_idp");
    for (let round = 0; round < 2; round++) {
      expect((await product.admin("DELETE", `/groups/${copy.id}?force=true`)).status).toBe(204);
      await pump.drain();
      expect(await groupsOf(product)).toEqual({ Team: ["ada"] });
    }
    expect((await product.member((await product.memberNamed("ada")).id)).groups).toHaveLength(1);
    await scim("DELETE", `/Groups/${team}`);
    await pump.drain();
    expect(await groupsOf(product)).toEqual({});
    expect((await product.member((await product.memberNamed("ada")).id)).groups).toEqual([]);
    expect(pump.parked).toEqual([]);
  });

  test("gets everything again on request, whatever was lost", async () => {
    await created("/Users", user("ada"));
    const { product, id } = await childIn();
    await pump.drain();
    await spoilNames(product);
    expect((await product.memberNamed("ada")).displayName).toBe("spoilt");
    const again = await product.admin("POST", `/connections/${id}/sync`);
    expect(again).toMatchObject({ status: 202, body: { state: "backfilling", usersDone: 0 } });
    await pump.drain();
    expect((await product.memberNamed("ada")).displayName).not.toBe("spoilt");
    expect((await product.admin("GET", `/connections/${id}`)).body.sync).toMatchObject({
      state: "in_sync",
      usersDone: 1,
    });
    expect((await home.admin("POST", `/connections/${parent.connection.id}/sync`)).body.code).toBe(
      "not_inherited",
    );
  });
});

/** As nobody does who keeps to the interfaces. */
async function spoilNames({ project }: Product): Promise<void> {
  const items = await scanTable(table.client, table.tableName);
  for (const { pk, sk, copyOf } of items) {
    if (copyOf === undefined || !pk!.S!.startsWith(`M#${project.id}#`)) continue;
    const update = new UpdateItemCommand({
      TableName: table.tableName,
      Key: { pk: pk!, sk: sk! },
      UpdateExpression: "SET attributes.displayName = :spoilt",
      ExpressionAttributeValues: { ":spoilt": { S: "spoilt" } },
    });
    await table.client.send(update);
  }
}
