import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestConnection, TestService } from "../support/service.ts";
import { startCheckedService } from "./checked-service.ts";
import { createUser, groupsOf, idsIn, sorted } from "./group-ground.ts";
import { expectProblem, type Product, productOf } from "./product.ts";
import { asTeam, workEmail } from "./scim-messages.ts";

// What an admin may do with what SCIM has made: while its SCIM is on, off, or its connection gone.

let service: TestService;
beforeAll(async () => {
  service = await startCheckedService();
});
afterAll(() => service.stop());

interface Ground {
  readonly connection: TestConnection;
  readonly product: Product;
  /** A user and a group that SCIM has made, the one in the other; and a member and a group made by hand. */
  readonly ids: { readonly ada: string; readonly team: string; readonly bob: string; readonly own: string };
  setScim(scimEnabled: boolean): Promise<void>;
}

async function ground(): Promise<Ground> {
  const connection = await service.createConnection();
  const product = productOf(service, connection.project);
  const ada = await createUser(connection, "ada", { ...asTeam, ...workEmail("ada@x.example") });
  const team = await groupsOf(connection).create("Team", [ada]);
  const bob = await product.addMember({ userName: "bob", type: "reader" });
  const own = await product.addGroup("Own");
  return {
    connection,
    product,
    ids: { ada, team: team.id, bob: bob.id, own: own.id },
    async setScim(scimEnabled) {
      const path = `/connections/${connection.connection.id}`;
      expect((await product.admin("PATCH", path, { scimEnabled })).status).toBe(200);
    },
  };
}

const states: readonly (readonly [
  state: "on" | "off" | "gone",
  reach: (ground: Ground) => Promise<unknown>,
])[] = [
  ["on", async () => {}],
  ["off", ({ setScim }) => setScim(false)],
  ["gone", ({ product, connection }) => product.admin("DELETE", `/connections/${connection.connection.id}`)],
];

/** What is possible only while SCIM does not manage it, in an order in which each can be done after the others. */
const reserved: readonly (readonly [method: string, path: string, body?: object])[] = [
  ["PATCH", "/members/{ada}", { userName: "ada-2" }],
  ["PATCH", "/members/{ada}", { email: "ada-2@x.example" }],
  ["PATCH", "/members/{ada}", { displayName: "Ada" }],
  ["PATCH", "/members/{ada}", { name: { givenName: "Ada" } }],
  ["PATCH", "/members/{ada}", { type: "reader" }],
  ["PATCH", "/members/{ada}", { status: "inactive" }],
  ["PATCH", "/groups/{team}", { displayName: "Team 2" }],
  ["PUT", "/groups/{team}/members/{bob}"],
  ["DELETE", "/groups/{team}/members/{ada}"],
  ["DELETE", "/groups/{team}"],
  ["DELETE", "/members/{ada}"],
];

/** What is the product's own, whoever manages it. */
const always: readonly (readonly [method: string, path: string, body?: object])[] = [
  ["PATCH", "/members/{ada}", { role: "admin" }],
  ["PATCH", "/members/{ada}", { access: "write" }],
  ["PATCH", "/members/{ada}", { userName: "ada", type: "user", status: "active", role: "reviewer" }],
  ["PATCH", "/groups/{team}", { access: "write" }],
  ["PATCH", "/groups/{team}", { displayName: "Team", access: "read" }],
  ["PUT", "/groups/{own}/members/{ada}"],
  ["DELETE", "/groups/{own}/members/{ada}"],
  ["PUT", "/groups/{own}/members/{bob}"],
  ["PATCH", "/groups/{own}", { displayName: "Own 2" }],
  ["PATCH", "/members/{bob}", { userName: "bob-2", type: "user" }],
];

function ask({ product, ids }: Ground, [method, path, body]: readonly [string, string, object?]) {
  const real = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => ids[name as keyof typeof ids]);
  return product.admin(method, real, body);
}

describe.each(states)("SCIM %s", (state, reach) => {
  test("role, access and what was made by hand: changed", async () => {
    const own = await ground();
    await reach(own);
    for (const request of always) {
      const { status, body } = await ask(own, request);
      expect([request, status, status < 300 ? "" : body]).toEqual([request, status, ""]);
    }
    expect(await own.product.member(own.ids.ada)).toMatchObject({ role: "reviewer", access: "write" });
    expect(await own.product.group(own.ids.team)).toMatchObject({ displayName: "Team", access: "read" });
  });

  const refused = state === "on";
  test(`what the identity provider says of it: ${refused ? "409 managed_by_idp, nothing changed" : "changed"}`, async () => {
    const own = await ground();
    await reach(own);
    const { product, ids } = own;
    const whole = async () => [
      await product.member(ids.ada),
      await product.group(ids.team),
      await product.namesIn(ids.team),
    ];
    const before = await whole();
    for (const request of reserved) {
      const answer = await ask(own, request);
      if (refused) expectProblem(answer, 409, "managed_by_idp");
      else expect([request, answer.status]).toEqual([request, request[0] === "PATCH" ? 200 : 204]);
    }
    if (refused) expect(await whole()).toEqual(before);
    else expect((await product.member(ids.ada)).status).toBe("deleted");
  });

  test("everything says so: the member, the group, lists and their filters", async () => {
    const own = await ground();
    await reach(own);
    const { product, connection, ids } = own;
    const managedBy = refused
      ? { connectionId: connection.connection.id, badge: "SSO-SCIM", inherited: false }
      : null;
    const named = async (query: string) =>
      (await product.admin("GET", `/members${query}`)).body.items.map(
        ({ userName }: { userName: string }) => userName,
      );
    expect((await product.member(ids.ada)).managedBy).toEqual(managedBy);
    expect((await product.memberNamed("ada")).managedBy).toEqual(managedBy);
    expect((await product.admin("PATCH", `/members/${ids.ada}`, { access: "read" })).body.managedBy).toEqual(
      managedBy,
    );
    expect((await product.group(ids.team)).managedBy).toEqual(managedBy);
    expect((await product.admin("PATCH", `/groups/${ids.team}`, { access: "read" })).body.managedBy).toEqual(
      managedBy,
    );
    const [listed] = (await product.admin("GET", `/groups?q=Team`)).body.items;
    expect(listed.managedBy).toEqual(managedBy);
    const [shown] = (await product.admin("GET", `/groups/${ids.team}/members`)).body.items;
    expect(shown.managedBy).toEqual(managedBy);
    expect(await named("?managed=true")).toEqual(refused ? ["ada"] : []);
    expect(sorted(await named("?managed=false"))).toEqual(refused ? ["bob"] : ["ada", "bob"]);
    // Whose it is, or was, does not depend on it.
    expect(await named(`?connectionId=${connection.connection.id}`)).toEqual(["ada"]);
  });
});

test("SCIM off and on: managed as before, the identity provider sees what was changed, and may change it back", async () => {
  const own = await ground();
  const { product, connection, ids, setScim } = own;
  await setScim(false);
  await product.admin("PATCH", `/members/${ids.ada}`, { displayName: "By hand", role: "admin" });
  await product.admin("PATCH", `/groups/${ids.team}`, { displayName: "By hand" });
  await setScim(true);
  for (const request of reserved) expectProblem(await ask(own, request), 409, "managed_by_idp");
  expect((await connection.scim("GET", `/Users/${ids.ada}`)).body.displayName).toBe("By hand");
  const team = (await connection.scim("GET", `/Groups/${ids.team}`)).body;
  expect([team.displayName, idsIn(team)]).toEqual(["By hand", [ids.ada]]);
  const back = { body: { userName: "ada", displayName: "From the IdP" } };
  expect((await connection.scim("PUT", `/Users/${ids.ada}`, back)).status).toBe(200);
  expect(await product.member(ids.ada)).toMatchObject({ displayName: "From the IdP", role: "admin" });
});
