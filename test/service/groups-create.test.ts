import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createUser, type GroupGround, openGroupGround, sorted } from "./group-ground.ts";
import { expectScimError } from "./product.ts";
import { addMembers, entries, filteredGroups, group, urns } from "./scim-messages.ts";

let ground: GroupGround;
beforeAll(async () => {
  ground = await openGroupGround(20);
});
afterAll(() => ground.stop());

const post = (body: unknown, query = "") => ground.connection.scim("POST", `/Groups${query}`, { body });
const total = async () => (await ground.connection.scim("GET", "/Groups?count=0")).body.totalResults;

describe("POST /Groups answers", () => {
  test("[44, 45, 65] 201 with Location, ETag and the resource", async () => {
    const [ann, bob] = ground.users as [string, string];
    const { connection } = ground;
    const created = await post(group("Readers", [ann, bob], { externalId: "g-1" }).body);
    const location = `http://localhost${connection.baseUrl}/Groups/${created.body.id}`;
    expect(created.status).toBe(201);
    expect(created.headers).toMatchObject({
      "content-type": "application/scim+json",
      location,
      etag: 'W/"1"',
    });
    expect(created.body).toMatchObject({
      schemas: [urns.group],
      displayName: "Readers",
      externalId: "g-1",
      meta: { resourceType: "Group", location, version: 'W/"1"' },
    });
    const userUrl = (id: string) => `http://localhost${connection.baseUrl}/Users/${id}`;
    expect(created.body.members).toMatchObject([
      { value: ann, $ref: userUrl(ann), type: "User" },
      { value: bob, $ref: userUrl(bob), type: "User" },
    ]);
  });

  test("[43] lastModified equals created until the first change", async () => {
    const { meta } = await ground.groups.create("Times");
    expect(meta.lastModified).toBe(meta.created);
  });

  test("values as they were sent: no trimming, no change of case", async () => {
    const sent = { displayName: "  Żółć & Co\t", externalId: " E-1 " };
    expect((await post({ schemas: [urns.group], ...sent })).body).toMatchObject(sent);
  });

  test("[61] the projection that was asked for", async () => {
    const [ann] = ground.users as [string];
    const only = await post(group("Projected", [ann]).body, "?attributes=members.value");
    expect([only.status, Object.keys(only.body).sort()]).toEqual([201, ["id", "members", "schemas"]]);
    expect(only.body.members).toEqual([{ value: ann }]);
    const without = await post(group("Projected", [ann]).body, "?excludedAttributes=members");
    expect([without.status, Object.keys(without.body).sort()]).toEqual([
      201,
      ["displayName", "id", "meta", "schemas"],
    ]);
    expect(await ground.groups.members(without.body.id)).toEqual([ann]);
  });

  test("application/json where only that is accepted", async () => {
    const { headers } = await ground.connection.scim("POST", "/Groups", {
      ...group("Plain JSON"),
      headers: { Accept: "application/json" },
    });
    expect(headers["content-type"]).toBe("application/json");
  });
});

describe("POST /Groups takes", () => {
  test.each([
    [
      "Entra: a foreign URN, meta, no members",
      {
        schemas: [urns.group, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
        externalId: "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159",
        displayName: "Entra",
        meta: { resourceType: "Group" },
      },
    ],
    ["Okta: an empty list of members", { schemas: [urns.group], displayName: "Test SCIMv2", members: [] }],
    ["OneLogin: a SCIM 1.1 URN", { schemas: ["urn:scim:schemas:core:1.0"], displayName: "L1" }],
    ["no schemas at all", { displayName: "Bare" }],
    ["nulls", { schemas: null, displayName: "Null", members: null, externalId: null, id: null }],
    ['""', { displayName: "Empty", members: "", externalId: "" }],
  ])("%s", async (_, body) => {
    const created = await post(body);
    expect([created.status, created.body.displayName]).toEqual([201, body.displayName]);
    expect(created.body.schemas).toEqual([urns.group]);
    expect(created.body).not.toHaveProperty("members");
    expect(await ground.groups.read(created.body.id)).toEqual(created.body);
  });

  test("[41, 66, 73] id, meta and schemas of the body are ignored", async () => {
    const { body } = await post({
      ...group("Read-only").body,
      id: "mine",
      meta: { resourceType: "User", version: "7", created: "2001-01-01T00:00:00Z" },
    });
    expect(body.id).not.toBe("mine");
    expect(body.meta).toMatchObject({ resourceType: "Group", version: 'W/"1"' });
    expect(body.meta.created > "2025").toBe(true);
  });

  test("[37] unknown attributes and URNs, and ignores them", async () => {
    const { status, body } = await post({
      ...group("Unknown").body,
      description: "x",
      "urn:example:2.0:Group": { a: 1 },
      constructor: "c",
      userName: "x",
    });
    expect(status).toBe(201);
    expect(Object.keys(body).sort()).toEqual(["displayName", "id", "meta", "schemas"]);
  });

  test("[31, 32] names in any case, and qualified by the URN", async () => {
    const [ann, bob] = ground.users as [string, string];
    const first = await post({ SCHEMAS: [urns.group], DISPLAYNAME: "Case", Members: [{ VALUE: ann }] });
    expect(first.body.displayName).toBe("Case");
    expect(await ground.groups.members(first.body.id)).toEqual([ann]);
    const second = await post({
      [`${urns.group.toUpperCase()}:displayName`]: "Qualified",
      [urns.group]: { members: entries([bob]) },
    });
    expect(second.body.displayName).toBe("Qualified");
    expect(await ground.groups.members(second.body.id)).toEqual([bob]);
  });

  test.each<[string, (value: string) => unknown]>([
    ["bare strings", (value) => value],
    ["$ref null (Entra)", (value) => ({ $ref: null, value })],
    ["display, $ref and type of the client's own", (value) => ({ value, ...claimed })],
    ["keys that nobody knows", (value) => ({ value, primary: true, "urn:x:y": [1], "": null })],
    ["types that would be wrong elsewhere", (value) => ({ value, display: 7, type: [], $ref: {} })],
  ])("member entries: %s", async (_, entryOf) => {
    const [ann, bob] = ground.users as [string, string];
    const { status, body } = await post({
      displayName: "Entries",
      members: [ann, bob, ann].map((id) => entryOf(id)),
    });
    expect(status).toBe(201);
    expect(body.members.map(({ value }: { value: string }) => value)).toEqual([ann, bob]);
    expect(JSON.stringify(body)).not.toMatch(/Claimed|example\.org|primary/);
    for (const member of body.members) expect(member.type).toBe("User");
  });
  const claimed = { display: "Claimed", $ref: "https://example.org/1", type: "Group" };

  test("inactive users", async () => {
    const idle = await createUser(ground.connection, "idle@x.example", { active: false });
    const { id } = await ground.groups.create("Idle", [idle]);
    expect(await ground.groups.members(id)).toEqual([idle]);
  });

  test("many members at once", async () => {
    const { id } = await ground.groups.create("Many", ground.users);
    expect(await ground.groups.members(id)).toEqual(sorted(ground.users));
  });
});

describe("POST /Groups refuses, and makes nothing", () => {
  const displayName = "Refused";
  test.each<[string, unknown, string]>([
    ["[67] displayName missing", { schemas: [urns.group] }, "displayName"],
    ["[67] displayName empty", { displayName: "" }, "displayName"],
    ["[67] displayName null", { displayName: null }, "displayName"],
    ["[35] displayName a number", { displayName: 7 }, "displayName"],
    ["[36] displayName an array", { displayName: ["a"] }, "displayName"],
    ["[35] externalId a number", { displayName, externalId: 7 }, "externalId"],
    ["[36] members a string", { displayName, members: "x" }, "members"],
    ["[36] members an object", { displayName, members: { value: "x" } }, "members"],
    ["[35] a member that is a number", { displayName, members: [7] }, "members[0]"],
    ["[35] a member that is an array", { displayName, members: [["x"]] }, "members[0]"],
    ["[35] a member's value a number", { displayName, members: [{ value: 7 }] }, "members[0].value"],
    ["[36] a member's value an array", { displayName, members: [{ value: ["x"] }] }, "members[0].value"],
    ["a member without value", { displayName, members: [{ display: "x" }] }, "members[0].value"],
    ["a member with an empty value", { displayName, members: [{ value: "" }] }, "members[0].value"],
  ])("%s: 400 invalidValue naming it", async (_, body, attribute) => {
    const before = await total();
    const refused = await post(body);
    expectScimError(refused, 400, "invalidValue");
    expect(refused.body.detail).toContain(attribute);
    expect(await total()).toBe(before);
  });

  test.each([["[]"], ["7"], ['"x"'], ["null"], ["{"], [""]])(
    "[68] the body %j: 400 invalidSyntax",
    async (body) => {
      const headers = { "Content-Type": "application/scim+json" };
      const refused = await ground.connection.scim("POST", "/Groups", { body, headers });
      expectScimError(refused, 400, "invalidSyntax");
    },
  );

  test("[8] a body that is not JSON: 415", async () => {
    const headers = { "Content-Type": "text/plain" };
    expectScimError(await ground.connection.scim("POST", "/Groups", { body: "x", headers }), 415);
  });

  test("[51] members that are no users of this connection: 400 naming them all", async () => {
    const { connection, service, users, groups } = ground;
    const sibling = await service.createConnection({}, connection.project);
    const stranger = await service.createConnection();
    const gone = await createUser(connection, "gone@x.example");
    await connection.scim("DELETE", `/Users/${gone}`);
    const unmanaged = (await ground.product.addMember({ userName: "by-hand@x.example", type: "reader" })).id;
    const unknown = {
      "made up": "23a35c27",
      "an id of the form of ours": "00000000-0000-4000-8000-000000000000",
      "another connection of the project": await createUser(sibling, "sibling@x.example"),
      "another project": await createUser(stranger, "stranger@x.example"),
      deleted: gone,
      unmanaged,
      "another case": users[0]!.toUpperCase(),
      blank: " ",
      "nested group": (await groups.create("Nested")).id,
    };
    const before = await total();
    for (const [what, id] of Object.entries(unknown)) {
      const refused = await post(group("Refused", [users[0]!, id]).body);
      expectScimError(refused, 400, "invalidValue");
      expect([what, refused.body.detail]).toEqual([what, expect.stringContaining(JSON.stringify(id))]);
    }
    // Many are looked up in another way than few.
    const refused = await post(group("Refused", [...users, ...Object.values(unknown)]).body);
    expectScimError(refused, 400, "invalidValue");
    for (const id of Object.values(unknown)) expect(refused.body.detail).toContain(JSON.stringify(id));
    expect(refused.body.detail).not.toContain(users[0]);
    expect(await total()).toBe(before);
  });

  test("a thousand unknown ids: the error names some, and says how many more", async () => {
    const ids = Array.from({ length: 1_000 }, (_, index) => `unknown-${index}`);
    const refused = await post(group("Refused", ids).body);
    expectScimError(refused, 400, "invalidValue");
    expect(refused.body.detail).toContain('"unknown-0"');
    expect(refused.body.detail).toContain("990 more");
    expect(refused.body.detail.length).toBeLessThan(1_000);
  });

  test.each([
    ["displayName", { displayName: "x".repeat(901) }],
    ["displayName", { displayName: "漢".repeat(301) }],
    ["externalId", { displayName, externalId: "x".repeat(901) }],
  ])("%s of more than 900 bytes: 400 naming the limit", async (attribute, body) => {
    const refused = await post(body);
    expectScimError(refused, 400, "invalidValue");
    expect(refused.body.detail).toContain(attribute);
    expect(refused.body.detail).toContain("900");
  });

  test("bad query parameters before anything is made", async () => {
    const before = await total();
    const names = Array.from({ length: 300 }, (_, index) => `a${index}`).join(",");
    expectScimError(await post(group("Refused").body, `?attributes=${names}`), 400, "invalidValue");
    expect(await total()).toBe(before);
  });
});

test("displayName and externalId of 900 bytes are taken and found by key", async () => {
  const long = "x".repeat(900);
  const { id } = await ground.groups.create(long, [], { externalId: long });
  for (const attribute of ["displayName", "externalId"]) {
    const { Resources } = (await ground.connection.scim("GET", filteredGroups(`${attribute} eq "${long}"`)))
      .body;
    expect(Resources.map((found: { id: string }) => found.id)).toEqual([id]);
  }
});

test("[42] externalId is scoped to the connection, case-exact and not unique", async () => {
  const { connection, service, groups } = ground;
  const other = await service.createConnection({}, connection.project);
  await groups.create("First", [], { externalId: "Same-1" });
  await groups.create("Second", [], { externalId: "Same-1" });
  expect((await other.scim("POST", "/Groups", group("Third", [], { externalId: "Same-1" }))).status).toBe(
    201,
  );
  expect(await groups.named('externalId eq "Same-1"')).toEqual(["First", "Second"]);
  expect(await groups.named('externalId eq "same-1"')).toEqual([]);
  const found = await other.scim("GET", filteredGroups('externalId eq "Same-1"'));
  expect(found.body.totalResults).toBe(1);
});

test("a created group is seen by every read at once", async () => {
  const [ann] = ground.users as [string];
  const created = await ground.groups.create("Seen", [ann], { externalId: "seen-1" });
  for (const filter of [
    'displayName eq "SEEN"',
    'externalId eq "seen-1"',
    `id eq "${created.id}"`,
    `displayName eq "seen" and members.value eq "${ann}"`,
    'displayName sw "seen"',
  ]) {
    expect([filter, await ground.groups.named(filter)]).toEqual([filter, ["Seen"]]);
  }
  expect(await ground.groups.members(created.id)).toEqual([ann]);
});

test("POST always makes a new group, even where another has the name", async () => {
  const { groups, users } = ground;
  const first = await groups.create("Twice", [users[0]!]);
  const second = await groups.create("Twice", [users[1]!]);
  expect(second.id).not.toBe(first.id);
  await groups.patch(second.id, addMembers(users[2]!));
  expect(await groups.members(first.id)).toEqual([users[0]]);
  expect(await groups.members(second.id)).toEqual(sorted([users[1]!, users[2]!]));
  expect(await groups.named('displayName eq "twice"')).toEqual(["Twice", "Twice"]);
});
