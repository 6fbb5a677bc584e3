import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  createUser,
  type GroupAnswer,
  type GroupGround,
  groupsOf,
  idsIn,
  openGroupGround,
} from "./group-ground.ts";
import { expectScimError, productOf } from "./product.ts";
import {
  activation,
  addMembers,
  group,
  type PatchOperation,
  patch,
  replace,
  urns,
  user,
} from "./scim-messages.ts";

let ground: GroupGround;
let full: GroupAnswer;
let ann: string;
let bob: string;
let cleo: string;
beforeAll(async () => {
  ground = await openGroupGround(0);
  const name = { formatted: "Bob Brown" };
  ann = await createUser(ground.connection, "ann@x.example", { displayName: "Ann", name });
  bob = await createUser(ground.connection, "bob@x.example", { name });
  cleo = await createUser(ground.connection, "cleo@x.example");
  full = await ground.groups.create("Full", [ann, bob, cleo], { externalId: "full-1" });
});
afterAll(() => ground.stop());

const get = (query = "", headers: Record<string, string> = {}) =>
  ground.connection.scim("GET", `/Groups/${full.id}${query}`, { headers });

describe("GET /Groups/{id} answers", () => {
  test("[70] 200 with Location, ETag and the resource as it was created", async () => {
    const { status, headers, body } = await get();
    expect([status, headers["location"], headers["etag"]]).toEqual([200, full.meta.location, 'W/"1"']);
    expect(headers["content-type"]).toBe("application/scim+json");
    const { members: _, ...created } = full;
    expect(body).toMatchObject(created);
    expect(idsIn(body)).toEqual(idsIn(full));
  });

  test("each member with $ref, type and the name it goes by", async () => {
    const { members } = (await get()).body;
    const url = `http://localhost${ground.connection.baseUrl}/Users`;
    expect(new Set(members)).toEqual(
      new Set([
        { value: ann, $ref: `${url}/${ann}`, display: "Ann", type: "User" },
        { value: bob, $ref: `${url}/${bob}`, display: "Bob Brown", type: "User" },
        { value: cleo, $ref: `${url}/${cleo}`, display: "cleo@x.example", type: "User" },
      ]),
    );
    for (const { $ref, value } of members) {
      const path = new URL($ref).pathname;
      expect((await ground.service.scim("GET", path, { token: ground.connection.token })).body.id).toBe(
        value,
      );
    }
  });

  test("members of a renamed user by the new name, under the same version", async () => {
    const dora = await createUser(ground.connection, "dora@x.example", { displayName: "Dora" });
    const { id } = await ground.groups.create("Renamed", [dora]);
    await ground.connection.scim("PATCH", `/Users/${dora}`, patch(replace("displayName", "Dorothea")));
    const { members, meta } = await ground.groups.read(id);
    expect([members[0].display, meta.version]).toEqual(["Dorothea", 'W/"1"']);
  });

  test("no members where there are none", async () => {
    const { id } = await ground.groups.create("Empty");
    for (const query of ["", "?attributes=members", "?attributes=members.value"]) {
      expect(await ground.groups.read(id, query)).not.toHaveProperty("members");
    }
  });

  test.each([
    ["unknown", "00000000000000000000000"],
    ["not of our form", "42"],
    ["a UUID", "00000000-0000-4000-8000-000000000000"],
    ["with hostile characters", "%00%2e%2e%2f%F0%9F%98%80"],
    ["a malformed escape", "%ZZ"],
    ["that of a property", "__proto__"],
  ])("[70] 404 for an id that is %s", async (_, id) => {
    expectScimError(await ground.connection.scim("GET", `/Groups/${id}`), 404);
  });

  test("[40] 404 for an id in upper case: ids are case-exact", async () => {
    expectScimError(await ground.connection.scim("GET", `/Groups/${full.id.toUpperCase()}`), 404);
  });

  test("[72] 404 for a group of another connection, of the same project and of another", async () => {
    for (const project of [ground.connection.project, undefined]) {
      const stranger = await ground.service.createConnection({}, project);
      const path = `/Groups/${full.id}`;
      expectScimError(await stranger.scim("GET", path), 404);
      expectScimError(await stranger.scim("PUT", path, group("Stolen")), 404);
      expectScimError(await stranger.scim("PATCH", path, patch(replace("displayName", "Stolen"))), 404);
      expectScimError(await stranger.scim("DELETE", path), 404);
    }
    expect((await get()).body.displayName).toBe("Full");
  });

  test("[72] 404 for a user's id among groups, and a group's among users", async () => {
    const { connection } = ground;
    const renaming = patch(replace("displayName", "Other"));
    for (const [path, body] of [
      [`/Groups/${ann}`, group("Other").body],
      [`/Users/${full.id}`, user("other@x.example").body],
    ] as const) {
      expectScimError(await connection.scim("GET", path), 404);
      expectScimError(await connection.scim("PUT", path, { body }), 404);
      expectScimError(await connection.scim("PATCH", path, renaming), 404);
      expectScimError(await connection.scim("DELETE", path), 404);
    }
    expect((await connection.scim("GET", `/Users/${ann}`)).body.displayName).toBe("Ann");
    expect((await get()).body.displayName).toBe("Full");
  });

  test("404 comes before what is wrong with the body", async () => {
    const request = { body: "{", headers: { "Content-Type": "text/plain" } };
    for (const method of ["PUT", "PATCH"]) {
      expectScimError(await ground.connection.scim(method, "/Groups/nobody", request), 404);
    }
  });

  test("[10] list parameters, which mean nothing here, are ignored", async () => {
    for (const query of [
      "?count=abc",
      "?startIndex=x",
      "?sortOrder=sideways",
      "?filter=",
      "?aadOptscim062020",
    ]) {
      expect((await get(query)).status).toBe(200);
    }
  });
});

describe("the projection", () => {
  const namesIn = async (query: string) => Object.keys((await get(query)).body).sort();

  test("[59, 63] attributes: the minimum and exactly the named ones", async () => {
    expect(await namesIn("?attributes=DISPLAYNAME")).toEqual(["displayName", "id", "schemas"]);
    expect(await namesIn("?attributes=members")).toEqual(["id", "members", "schemas"]);
    expect(await namesIn("?attributes=externalId,meta")).toEqual(["externalId", "id", "meta", "schemas"]);
  });

  test.each([
    ["members.value", ["value"]],
    ["members.display", ["display"]],
    ["MEMBERS.VALUE,members.type", ["type", "value"]],
    ["members.$ref", ["$ref"]],
    [`${urns.group}:members.value`, ["value"]],
    [`${urns.group}:members`, ["$ref", "display", "type", "value"]],
    [urns.group, ["$ref", "display", "type", "value"]],
  ])("[59] attributes=%s", async (attributes, expected) => {
    const { members } = (await get(`?attributes=${attributes}`)).body;
    expect(members).toHaveLength(3);
    for (const member of members) expect(Object.keys(member).sort()).toEqual(expected);
  });

  test("[56, 60] excludedAttributes: the default less the named, but never id", async () => {
    const { members: _, ...rest } = (await get()).body;
    expect((await get("?excludedAttributes=members")).body).toEqual(rest);
    expect((await get(`?excludedAttributes=${urns.group}:MEMBERS,id,schemas`)).body).toEqual(rest);
    const { members } = (await get("?excludedAttributes=members.$ref,members.type,members.display")).body;
    expect(new Set(members)).toEqual(new Set([{ value: ann }, { value: bob }, { value: cleo }]));
  });

  test("[62] attributes wins over excludedAttributes", async () => {
    expect(await namesIn("?attributes=members&excludedAttributes=members")).toEqual([
      "id",
      "members",
      "schemas",
    ]);
  });

  test("[64] unknown names are ignored; an empty list is none", async () => {
    expect(await namesIn("?attributes=nonsense,members.nonsense,__proto__")).toEqual(["id", "schemas"]);
    const { body } = await get();
    expect((await get("?attributes=")).body).toEqual(body);
    expect((await get("?excludedAttributes=nope,userName")).body).toEqual(body);
  });

  test("[46] meta can be asked for in part; Location and ETag stay", async () => {
    const { body, headers } = await get("?attributes=meta.version");
    expect(body.meta).toEqual({ version: 'W/"1"' });
    expect(headers).toMatchObject({ location: full.meta.location, etag: 'W/"1"' });
  });
});

describe("If-None-Match", () => {
  test.each(['W/"1"', '"1"', "*", '"7", W/"1"'])("[150] %s: 304 without body, with the ETag", async (tag) => {
    const { status, headers, body } = await get("", { "If-None-Match": tag });
    expect([status, headers["etag"], body]).toEqual([304, 'W/"1"', undefined]);
  });

  test("another tag: 200; the old one after a change: 200 with the new ETag", async () => {
    expect((await get("", { "if-none-match": 'W/"2"' })).status).toBe(200);
    const { id } = await ground.groups.create("Changing");
    await ground.groups.patch(id, addMembers(ann));
    const headers = { "If-None-Match": 'W/"1"' };
    const read = await ground.connection.scim("GET", `/Groups/${id}`, { headers });
    expect([read.status, read.headers["etag"]]).toEqual([200, 'W/"2"']);
    const again = await ground.connection.scim("GET", `/Groups/${id}?excludedAttributes=members`, {
      headers: { "If-None-Match": 'W/"2"' },
    });
    expect(again.status).toBe(304);
  });
});

describe("members that change as users", () => {
  test("inactive ones stay, and are there when they are active again (Entra sends nothing)", async () => {
    const { connection, groups } = ground;
    const eva = await createUser(connection, "eva@x.example");
    const { id } = await groups.create("Eva's", [ann, eva]);
    const before = await groups.read(id);
    for (const active of [false, true]) {
      await connection.scim("PATCH", `/Users/${eva}`, activation(active));
      expect(await groups.read(id)).toEqual(before);
    }
  });

  describe.each(["deactivate", "delete"])("onDelete %s", (onDelete) => {
    test("[55] deleted ones are gone from every group, and do not come back when created again", async () => {
      const connection = await ground.service.createConnection({ onDelete });
      const product = productOf(ground.service, connection.project);
      const groups = groupsOf(connection);
      const [fay, gil] = [
        await createUser(connection, "fay@x.example"),
        await createUser(connection, "gil@x.example"),
      ];
      const both = await groups.create("Both", [fay, gil]);
      const alone = await groups.create("Alone", [fay]);
      await connection.scim("DELETE", `/Users/${fay}`);
      const expectGone = async (id: string) => {
        expect(await groups.members(both.id)).toEqual([gil]);
        expect(await groups.read(alone.id)).not.toHaveProperty("members");
        for (const filter of [
          `members.value eq "${id}"`,
          `members eq "${fay}"`,
          `members[value eq "${fay}"]`,
        ]) {
          expect(await groups.named(filter)).toEqual([]);
        }
        expect(await groups.named("members pr")).toEqual(["Both"]);
      };
      await expectGone(fay);
      const expectUnknown = async () => {
        // Few are looked up in another way than many.
        for (const adding of [addMembers(fay), addMembers(gil, "b", "c", "d", fay)]) {
          const refused = await groups.patch(both.id, adding);
          expectScimError(refused, 400, "invalidValue");
          expect(refused.body.detail).toContain(fay);
        }
      };
      await expectUnknown();

      const again = await createUser(connection, "fay@x.example");
      await expectGone(again);
      await expectUnknown();
      expect((await product.memberNamed("fay@x.example")).status).toBe("active");
      await groups.patch(alone.id, addMembers(again));
      expect(await groups.members(alone.id)).toEqual([again]);
      expect(await groups.named(`members.value eq "${again}"`)).toEqual(["Alone"]);
    });
  });

  describe("one deleted in the product", () => {
    const deletedInProduct = async () => {
      const connection = await ground.service.createConnection();
      const product = productOf(ground.service, connection.project);
      const groups = groupsOf(connection);
      const hal = await createUser(connection, "hal@x.example");
      const { id } = await groups.create("Hal's", [hal]);
      const settings = `/connections/${connection.connection.id}`;
      await product.admin("PATCH", settings, { scimEnabled: false });
      expect((await product.admin("DELETE", `/members/${hal}`)).status).toBe(204);
      await product.admin("PATCH", settings, { scimEnabled: true });
      expect(await groups.read(id)).not.toHaveProperty("members");
      const restore = async () => {
        expect((await connection.scim("PATCH", `/Users/${hal}`, activation(true))).status).toBe(200);
      };
      return { groups, id, hal, restore };
    };

    test("is gone, and back with what the IdP still believes once it is restored", async () => {
      const { groups, id, hal, restore } = await deletedInProduct();
      await restore();
      expect(await groups.members(id)).toEqual([hal]);
    });

    test.each<[string, (hal: string) => PatchOperation]>([
      ["by value path", (hal) => ({ op: "remove", path: `members[value eq "${hal}"]` })],
      ["by list", (hal) => ({ op: "remove", path: "members", value: [{ value: hal }] })],
      ["all", () => ({ op: "remove", path: "members" })],
      ["by replace", () => replace("members", [])],
    ])("does not come back into what the IdP took it out of meanwhile: %s", async (_, operation) => {
      const { groups, id, hal, restore } = await deletedInProduct();
      const removed = await groups.patch(id, operation(hal));
      expect([removed.status, removed.headers["etag"]]).toEqual([200, 'W/"1"']);
      await restore();
      expect(await groups.members(id)).toEqual([]);
    });

    test("nor after a PUT without it", async () => {
      const { groups, id, restore } = await deletedInProduct();
      expect((await groups.put(id, group("Hal's", []))).status).toBe(200);
      await restore();
      expect(await groups.members(id)).toEqual([]);
    });
  });
});
