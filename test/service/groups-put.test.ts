import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type GroupGround, idsIn, openGroupGround, sorted } from "./group-ground.ts";
import { expectScimError } from "./product.ts";
import { addMembers, entries, group, urns } from "./scim-messages.ts";

let ground: GroupGround;
let ann: string;
let bob: string;
let cleo: string;
beforeAll(async () => {
  ground = await openGroupGround(20);
  [ann, bob, cleo] = ground.users as [string, string, string];
});
afterAll(() => ground.stop());

const put = (id: string, body: unknown, query = "", headers: Record<string, string> = {}) =>
  ground.connection.scim("PUT", `/Groups/${id}${query}`, { body, headers });

describe("PUT /Groups/{id} answers", () => {
  test("[112] 200 with the whole resource, Location and a new ETag", async () => {
    const { id, meta } = await ground.groups.create("Whole", [ann]);
    const { status, headers, body } = await put(id, group("Whole again", [bob, cleo]).body);
    expect([status, headers["location"], headers["etag"]]).toEqual([200, meta.location, 'W/"2"']);
    expect(body).toMatchObject({ schemas: [urns.group], id, displayName: "Whole again" });
    expect(idsIn(body)).toEqual(sorted([bob, cleo]));
    expect(body.meta.created).toBe(meta.created);
    expect(body.meta.lastModified > meta.lastModified).toBe(true);
    expect(await ground.groups.read(id)).toMatchObject({ displayName: "Whole again", meta: body.meta });
    expect(await ground.groups.members(id)).toEqual(sorted([bob, cleo]));
  });

  test("[61] the projection that was asked for", async () => {
    const { id } = await ground.groups.create("Projected", [ann]);
    const { body } = await put(id, group("Projected 2", [bob]).body, "?attributes=displayName");
    expect(body).toEqual({ schemas: [urns.group], id, displayName: "Projected 2" });
    const without = await put(id, group("Projected 3", [cleo]).body, "?excludedAttributes=members,meta");
    expect(without.body).toEqual({ schemas: [urns.group], id, displayName: "Projected 3" });
    expect(await ground.groups.members(id)).toEqual([cleo]);
  });

  test("[107] 404 for an unknown id; nothing is created", async () => {
    const ghost = await ground.groups.create("Gone");
    await ground.connection.scim("DELETE", `/Groups/${ghost.id}`);
    for (const id of [ghost.id, "x", "00000000-0000-4000-8000-000000000000"]) {
      expectScimError(await put(id, group("Ghost").body), 404);
    }
    expect(await ground.groups.named('displayName eq "Ghost"')).toEqual([]);
  });
});

describe("PUT replaces", () => {
  test.each([
    ["left out", {}],
    ["null", { members: null, externalId: null }],
    ["empty", { members: [], externalId: "" }],
  ])("[108] what is %s is cleared, members included", async (_, fields) => {
    const { id } = await ground.groups.create("Clear", [ann, bob], { externalId: "clear" });
    const { body } = await put(id, { displayName: "Clear", ...fields });
    expect(body).not.toHaveProperty("externalId");
    expect(body).not.toHaveProperty("members");
    expect(await ground.groups.members(id)).toEqual([]);
    expect(await ground.groups.named('externalId eq "clear"')).toEqual([]);
    expect(await ground.groups.named(`members.value eq "${ann}" and id eq "${id}"`)).toEqual([]);
  });

  test("members: who stays, who goes, who comes", async () => {
    const { id } = await ground.groups.create("Members", ground.users.slice(0, 12));
    const wanted = ground.users.slice(6, 20);
    const { body } = await put(id, group("Members", wanted).body);
    expect(idsIn(body)).toEqual(sorted(wanted));
    expect(await ground.groups.members(id)).toEqual(sorted(wanted));
  });

  test.each([
    ["bare strings", (id: string): unknown => id],
    [
      "display, $ref and type of the client's own",
      (value: string) => ({ value, display: "x", $ref: null, type: "Group" }),
    ],
  ])("member entries: %s", async (_, entryOf) => {
    const { id } = await ground.groups.create("Entries", [ann]);
    const { body } = await put(id, {
      displayName: "Entries",
      members: [bob, bob, cleo].map((one) => entryOf(one)),
    });
    expect(idsIn(body)).toEqual(sorted([bob, cleo]));
    for (const { type } of body.members) expect(type).toBe("User");
  });

  test("[109] read-only values are ignored", async () => {
    const { id, meta } = await ground.groups.create("Read-only", [ann]);
    const { body } = await put(id, {
      schemas: ["urn:scim:schemas:core:1.0"],
      id: "other",
      meta: { resourceType: "User", version: 'W/"99"', created: "2001-01-01T00:00:00Z" },
      displayName: "Read-only",
      members: entries([bob]),
      description: "unknown",
    });
    expect(body.id).toBe(id);
    expect(body.meta).toMatchObject({ created: meta.created, resourceType: "Group", version: 'W/"2"' });
    expect(body).not.toHaveProperty("description");
  });

  test("[109, 123] a GET can be put back: no change, no new version", async () => {
    const created = await ground.groups.create("Echo", ground.users, { externalId: "echo" });
    await ground.groups.create("A second later");
    const read = await ground.groups.read(created.id);
    const { status, headers, body } = await put(created.id, read);
    expect([status, headers["etag"], body.meta]).toEqual([200, 'W/"1"', created.meta]);
    expect(await ground.groups.read(created.id)).toEqual(read);
  });

  test("[109] an Okta echo: the GET merged with a new name", async () => {
    const { id } = await ground.groups.create("Okta", [ann, bob]);
    const { body } = await put(id, { ...(await ground.groups.read(id)), displayName: "Okta renamed" });
    expect([body.displayName, idsIn(body), body.meta.version]).toEqual([
      "Okta renamed",
      sorted([ann, bob]),
      'W/"2"',
    ]);
  });

  test("deleted users are not brought back by putting back an old GET: 400 naming them", async () => {
    const gone = (
      await ground.connection.scim("POST", "/Users", { body: { userName: "put-gone@x.example" } })
    ).body.id;
    const { id } = await ground.groups.create("Stale echo", [ann, gone]);
    const stale = await ground.groups.read(id);
    await ground.connection.scim("DELETE", `/Users/${gone}`);
    const refused = await put(id, stale);
    expectScimError(refused, 400, "invalidValue");
    expect(refused.body.detail).toContain(gone);
    expect((await put(id, await ground.groups.read(id))).body.meta.version).toBe('W/"1"');
  });
});

describe("PUT refuses, and nothing is changed", () => {
  test.each<[string, unknown, string, string]>([
    ["[111] displayName missing", { members: [] }, "invalidValue", "displayName"],
    ["[111] displayName empty", { displayName: "" }, "invalidValue", "displayName"],
    ["[35] displayName a number", { displayName: 7 }, "invalidValue", "displayName"],
    ["[36] members an object", { displayName: "x", members: { value: "x" } }, "invalidValue", "members"],
    ["[35] a member that is null", { displayName: "x", members: [null] }, "invalidValue", "members[0]"],
    ["a member that nobody is", { displayName: "x", members: ["okta-1"] }, "invalidValue", '"okta-1"'],
    ["a name that is too long", { displayName: "x".repeat(901) }, "invalidValue", "displayName"],
    ["[68] a list", [], "invalidSyntax", "object"],
  ])("%s: 400 naming it", async (_, body, scimType, named) => {
    const created = await ground.groups.create("Refused", [ann], { externalId: "kept" });
    const refused = await put(created.id, body);
    expectScimError(refused, 400, scimType);
    expect(refused.body.detail).toContain(named);
    expect(await ground.groups.read(created.id)).toMatchObject({
      displayName: "Refused",
      externalId: "kept",
      members: [{ value: ann }],
      meta: created.meta,
    });
  });

  test("[8, 68] not JSON: 415, and 400 invalidSyntax", async () => {
    const { id } = await ground.groups.create("Junk");
    const type = (value: string) => ({ body: "{", headers: { "Content-Type": value } });
    expectScimError(await ground.connection.scim("PUT", `/Groups/${id}`, type("text/xml")), 415);
    expectScimError(
      await ground.connection.scim("PUT", `/Groups/${id}`, type("application/json")),
      400,
      "invalidSyntax",
    );
  });

  test("a group as a member of itself", async () => {
    const { id } = await ground.groups.create("Self");
    expectScimError(await put(id, group("Self", [id]).body), 400, "invalidValue");
  });
});

describe("If-Match", () => {
  test("[151] a stale one: 412, nothing changed; the right one and *: 200", async () => {
    const created = await ground.groups.create("Matched", [ann]);
    const refused = await put(created.id, group("New", [bob]).body, "", { "If-Match": 'W/"9"' });
    expectScimError(refused, 412);
    expect((await ground.groups.read(created.id)).meta).toEqual(created.meta);
    expect((await put(created.id, group("New", [bob]).body, "", { "If-Match": 'W/"1"' })).status).toBe(200);
    expectScimError(await put(created.id, group("Newer").body, "", { "If-Match": 'W/"1"' }), 412);
    expect((await put(created.id, group("Newer").body, "", { "If-Match": "*" })).status).toBe(200);
  });

  test("[151] a stale one is refused also where nothing would change", async () => {
    const { id } = await ground.groups.create("Unchanged", [ann]);
    expectScimError(await put(id, group("Unchanged", [ann]).body, "", { "If-Match": 'W/"9"' }), 412);
  });

  test("[152] of two writers with the same tag exactly one succeeds", async () => {
    const { id } = await ground.groups.create("Two writers");
    const answers = await Promise.all(
      [ann, bob, cleo].map((member) =>
        put(id, group(`By ${member}`, [member]).body, "", { "If-Match": 'W/"1"' }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412]);
    const winner = answers.find(({ status }) => status === 200)!.body;
    expect(await ground.groups.read(id)).toMatchObject({
      displayName: winner.displayName,
      meta: winner.meta,
    });
    expect(await ground.groups.members(id)).toEqual(idsIn(winner));
  });
});

test("a PUT and single changes at the same moment: one whole set, with or without each of them", async () => {
  const { id } = await ground.groups.create("At once", [ann]);
  const late = ground.users.slice(10, 14);
  const answers = await Promise.all([
    put(id, group("At once", [bob]).body),
    ...late.map((one) => ground.groups.patch(id, addMembers(one))),
  ]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  const members = await ground.groups.members(id);
  expect(members).toContain(bob);
  expect(members).not.toContain(ann);
  expect((await ground.groups.read(id)).meta.version).toBe('W/"6"');
});

test("a repeated PUT after a lost answer does no harm", async () => {
  const { id } = await ground.groups.create("Repeated", [ann]);
  const body = group("Repeated", [bob, cleo], { externalId: "r" }).body;
  const first = await put(id, body);
  expect(await put(id, body)).toMatchObject({ status: 200, body: first.body });
});
