/**
 * Who leaves a connection leaves its groups, whose bits stay; and returns to them or not: API.md §4 on a DELETE, and on a
 * member deleted in the product.
 */

import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { startService, type TestConnection, type TestService } from "../support/service.ts";
import { checkTable } from "./check-table.ts";
import { patchOf } from "./operations.ts";

let service: TestService;
let connection: TestConnection;
/** SCIM ids of the two who come and go, and of two who stay. */
let ids: readonly string[];
let group: string;

beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());
beforeEach(async () => {
  connection = await service.createConnection();
  const users = await Promise.all(
    ["ada", "bob", "cy", "dee"].map((name) =>
      connection.scim("POST", "/Users", { body: { userName: `${name}@x.test` } }),
    ),
  );
  ids = users.map(({ body }) => body.id);
  const created = await connection.scim("POST", "/Groups", {
    body: { displayName: "Everybody", members: ids.map((value) => ({ value })) },
  });
  group = created.body.id;
});

const asMembers = (members: readonly string[]) => members.map((value) => ({ value }));

async function shown(): Promise<{ readonly members: readonly string[]; readonly version: string }> {
  const { body } = await connection.scim("GET", `/Groups/${group}`);
  const members = (body.members ?? []).map(({ value }: { value: string }) => value);
  return { members: members.sort(), version: body.meta.version };
}

const path = () => `/projects/${connection.project.id}`;

/** Possible only while SCIM is off; the identity provider does not hear of it. */
async function deleteInProduct(...users: readonly string[]): Promise<void> {
  const settings = `${path()}/connections/${connection.connection.id}`;
  await service.admin("PATCH", settings, { scimEnabled: false });
  // The member id of somebody who never moved is the SCIM id.
  for (const id of users) {
    expect((await service.admin("DELETE", `${path()}/members/${id}`)).status).toBe(204);
  }
  await service.admin("PATCH", settings, { scimEnabled: true });
}

async function restore(...users: readonly string[]): Promise<void> {
  for (const id of users) {
    const body = patchOf({ op: "replace", path: "active", value: true });
    expect((await connection.scim("PATCH", `/Users/${id}`, { body })).status).toBe(200);
  }
}

test("a user deleted by SCIM and created again is in none of its groups", async () => {
  const [ada, ...others] = ids;
  expect((await connection.scim("DELETE", `/Users/${ada}`)).status).toBe(204);
  expect((await shown()).members).toEqual([...others].sort());
  const again = await connection.scim("POST", "/Users", { body: { userName: "ada@x.test" } });
  expect(again.status).toBe(201);
  expect((await shown()).members).toEqual([...others].sort());
  expect(await checkTable(service.table)).toEqual([]);
});

test("members deleted in the product leave their groups, and are in them again once restored", async () => {
  const [ada, bob, ...others] = ids;
  await deleteInProduct(ada!, bob!);
  expect((await shown()).members).toEqual([...others].sort());
  await restore(ada!, bob!);
  expect((await shown()).members).toEqual([...ids].sort());
  expect(await checkTable(service.table)).toEqual([]);
});

test.each([
  [
    "removed one by one",
    "PATCH",
    ([ada, bob]: readonly string[]) =>
      patchOf(...[ada, bob].map((id) => ({ op: "remove", path: `members[value eq "${id}"]` }))),
  ],
  [
    "removed by a list",
    "PATCH",
    ([ada, bob]: readonly string[]) =>
      patchOf({ op: "remove", path: "members", value: asMembers([ada!, bob!]) }),
  ],
  [
    "replaced by the others",
    "PATCH",
    ([, , ...others]: readonly string[]) =>
      patchOf({ op: "replace", path: "members", value: asMembers(others) }),
  ],
  [
    "left out of a PUT",
    "PUT",
    ([, , ...others]: readonly string[]) => ({ displayName: "Everybody", members: asMembers(others) }),
  ],
] as const)(
  "members deleted in the product and then %s stay out once restored, and nothing else is to be seen of it",
  async (_, method, bodyOf) => {
    const [ada, bob, ...others] = ids;
    await deleteInProduct(ada!, bob!);
    const before = await shown();
    const answer = await connection.scim(method, `/Groups/${group}`, { body: bodyOf(ids) });
    expect(answer.status).toBe(200);
    expect(answer.body.meta.version).toBe(before.version);
    expect(await shown()).toEqual(before);
    await restore(ada!, bob!);
    expect((await shown()).members).toEqual([...others].sort());
    expect(await checkTable(service.table)).toEqual([]);
  },
);

test("all members removed while some are deleted in the product: nobody comes back", async () => {
  const [ada] = ids;
  await deleteInProduct(ada!);
  const body = patchOf({ op: "remove", path: "members" });
  expect((await connection.scim("PATCH", `/Groups/${group}`, { body })).status).toBe(200);
  await restore(ada!);
  expect(await shown()).toMatchObject({ members: [], version: 'W/"2"' });
  expect(await checkTable(service.table)).toEqual([]);
});
