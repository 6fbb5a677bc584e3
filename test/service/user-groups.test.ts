/** `User.groups` and a member's groups: what the stream handler carries from groups to their members. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { StreamPump } from "../../bin/local/stream-pump.ts";
import { createPropagationHandler } from "../../lambda/handlers/propagation.ts";
import { createRuntime } from "../../lambda/runtime/runtime.ts";
import { startService, type TestConnection, type TestService } from "../support/service.ts";
import { startPump } from "../support/stream.ts";
import { startTable, type TestTable } from "../support/table.ts";

let table: TestTable;
let service: TestService;
let pump: StreamPump;
let connection: TestConnection;

beforeAll(async () => {
  table = await startTable({ stream: true });
  service = await startService({ table });
  const runtime = createRuntime({ client: table.client, tableName: table.tableName });
  pump = await startPump(table, createPropagationHandler(runtime));
  connection = await service.createConnection();
});

afterAll(async () => {
  await pump.stop();
  await service.stop();
  await table.stop();
});

const createUser = async (userName: string): Promise<string> =>
  (await connection.scim("POST", "/Users", { body: { userName } })).body.id;
const createGroup = async (displayName: string, ...ids: readonly string[]): Promise<string> => {
  const members = ids.map((value) => ({ value }));
  return (await connection.scim("POST", "/Groups", { body: { displayName, members } })).body.id;
};
const patchGroup = (id: string, ...Operations: readonly object[]) =>
  connection.scim("PATCH", `/Groups/${id}`, { body: { Operations } });

/** Everything written so far has been carried, and nothing was given up. */
async function carried(): Promise<void> {
  await pump.drain();
  expect(pump.parked).toEqual([]);
}

async function groupsOf(userId: string): Promise<readonly string[]> {
  const { body } = await connection.scim("GET", `/Users/${userId}`);
  return (body.groups ?? []).map(({ value }: { value: string }) => value).sort();
}

describe("User.groups", () => {
  it("[50] shows each group with value, $ref, display and type, and is left out where there is none", async () => {
    const [ada, bob] = [await createUser("ada@x.test"), await createUser("bob@x.test")];
    const id = await createGroup("Writers", ada);
    await carried();
    const { body } = await connection.scim("GET", `/Users/${ada}?attributes=groups`);
    expect(body.groups).toEqual([
      {
        value: id,
        $ref: `http://localhost${connection.baseUrl}/Groups/${id}`,
        display: "Writers",
        type: "direct",
      },
    ]);
    expect((await connection.scim("GET", `/Users/${bob}`)).body).not.toHaveProperty("groups");
  });

  it("follows every way in and out, and a rename at once", async () => {
    const [cy, dora] = [await createUser("cy@x.test"), await createUser("dora@x.test")];
    const first = await createGroup("First", cy);
    const second = await createGroup("Second");
    await patchGroup(second, { op: "add", path: "members", value: [{ value: cy }, { value: dora }] });
    await carried();
    expect(await groupsOf(cy)).toEqual([first, second].sort());
    expect(await groupsOf(dora)).toEqual([second]);

    await patchGroup(second, { op: "remove", path: `members[value eq "${cy}"]` });
    await patchGroup(first, { op: "replace", value: { displayName: "Renamed" } });
    const { body } = await connection.scim("GET", `/Users/${dora}`);
    expect(body.groups).toHaveLength(1);
    await carried();
    expect(await groupsOf(cy)).toEqual([first]);
    const { groups } = (await connection.scim("GET", `/Users/${cy}?attributes=groups.display`)).body;
    expect(groups).toEqual([{ display: "Renamed" }]);

    await connection.scim("PUT", `/Groups/${first}`, {
      body: { displayName: "Renamed", members: [{ value: dora }] },
    });
    await carried();
    expect(await groupsOf(cy)).toEqual([]);
    expect(await groupsOf(dora)).toEqual([first, second].sort());

    await connection.scim("DELETE", `/Groups/${second}`);
    // Its name cannot be shown any more, so it is gone from this answer before it is carried.
    const { groups: named } = (await connection.scim("GET", `/Users/${dora}?attributes=groups`)).body;
    expect(named).toHaveLength(1);
    await carried();
    expect(await groupsOf(dora)).toEqual([first]);
  });

  it("is in lists, in answers to changes and to filters, and left out where it is not asked for", async () => {
    const eve = await createUser("eve@x.test");
    const id = await createGroup("Listed", eve);
    await carried();
    const reference = { value: id, $ref: expect.any(String), type: "direct" };
    const listed = await connection.scim(
      "GET",
      `/Users?filter=${encodeURIComponent('userName eq "eve@x.test"')}`,
    );
    expect(listed.body.Resources[0].groups).toEqual([reference]);
    const all = await connection.scim("GET", "/Users?count=500");
    const found = all.body.Resources.find((user: { id: string }) => user.id === eve);
    expect(found.groups).toEqual([reference]);
    const patched = await connection.scim("PATCH", `/Users/${eve}`, {
      body: { Operations: [{ op: "replace", path: "title", value: "Editor" }] },
    });
    expect(patched.body.groups).toEqual([reference]);
    for (const query of ["excludedAttributes=groups", "attributes=userName"]) {
      expect((await connection.scim("GET", `/Users/${eve}?${query}`)).body).not.toHaveProperty("groups");
    }
  });

  it("[100] users are found by groups.value, before it has been carried, and by groups.display", async () => {
    const [fay, gil] = [await createUser("fay@x.test"), await createUser("gil@x.test")];
    const id = await createGroup("Filtered", fay, gil);
    for (const filter of [`groups.value eq "${id}"`, `groups eq "${id}"`, `groups[value eq "${id}"]`]) {
      const { body } = await connection.scim("GET", `/Users?filter=${encodeURIComponent(filter)}`);
      expect(body.Resources.map((user: { id: string }) => user.id).sort(), filter).toEqual([fay, gil].sort());
    }
    await carried();
    const byName = await connection.scim(
      "GET",
      `/Users?filter=${encodeURIComponent('groups.display eq "filtered"')}`,
    );
    expect(byName.body.totalResults).toBe(2);
  });

  it("[55] a user deleted and created again is in none of its old groups", async () => {
    const hal = await createUser("hal@x.test");
    const id = await createGroup("Left", hal);
    await carried();
    await connection.scim("DELETE", `/Users/${hal}`);
    const again = await createUser("hal@x.test");
    await carried();
    expect(await groupsOf(again)).toEqual([]);
    expect((await connection.scim("GET", `/Groups/${id}`)).body).not.toHaveProperty("members");
  });

  it("[50] is ignored in bodies", async () => {
    const ida = await createUser("ida@x.test");
    const id = await createGroup("Ignored");
    const body = { userName: "ida@x.test", groups: [{ value: id }] };
    expect((await connection.scim("PUT", `/Users/${ida}`, { body })).status).toBe(200);
    await carried();
    expect(await groupsOf(ida)).toEqual([]);
  });
});
