import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ServiceResponse } from "../support/service.ts";
import {
  createUser,
  type GroupAnswer,
  type GroupGround,
  idsIn,
  openGroupGround,
  sorted,
} from "./group-ground.ts";
import { expectScimError } from "./product.ts";
import { addMembers, entries, type PatchOperation, patch, replace, urns } from "./scim-messages.ts";

let ground: GroupGround;
let users: readonly string[];
/** The first five users, by name. */
let ann: string;
let bob: string;
let cleo: string;
let dora: string;
let eva: string;
beforeAll(async () => {
  ground = await openGroupGround(320);
  users = ground.users;
  [ann, bob, cleo, dora, eva] = users as [string, string, string, string, string];
});
afterAll(() => ground.stop());

const nobody = "00000000-0000-4000-8000-000000000000";
const byValue = (id: string) => `members[value eq "${id}"]`;
const remove = (path: string, value?: unknown): PatchOperation => ({
  op: "remove",
  path,
  ...(value !== undefined && { value }),
});
const pathless = (value: unknown, op = "replace"): PatchOperation => ({ op, value });

describe("PATCH /Groups/{id} answers", () => {
  test("[118] 200 with the resource, Location and a new ETag", async () => {
    const { id, meta } = await ground.groups.create("Patched", [ann]);
    const { status, headers, body } = await ground.groups.patch(id, addMembers(bob));
    expect([status, headers["location"], headers["etag"]]).toEqual([200, meta.location, 'W/"2"']);
    expect(idsIn(body)).toEqual(sorted([ann, bob]));
    expect(body.meta).toEqual({ ...meta, version: 'W/"2"', lastModified: body.meta.lastModified });
    expect(body.meta.lastModified > meta.lastModified).toBe(true);
    const { members: _, ...read } = await ground.groups.read(id);
    expect(body).toMatchObject(read);
  });

  test("[61] the projection that was asked for", async () => {
    const { id } = await ground.groups.create("Projected", [ann]);
    const change = (query: string, ...operations: PatchOperation[]) =>
      ground.connection.scim("PATCH", `/Groups/${id}${query}`, patch(...operations));
    const only = await change("?attributes=displayName", addMembers(bob));
    expect([only.status, only.body]).toEqual([200, { schemas: [urns.group], id, displayName: "Projected" }]);
    const without = await change("?excludedAttributes=members,meta", replace("externalId", "e"));
    expect(without.body).toEqual({ schemas: [urns.group], id, displayName: "Projected", externalId: "e" });
    const members = await change("?attributes=members.value", addMembers(cleo));
    expect(members.body).toEqual({ schemas: [urns.group], id, members: members.body.members });
    expect(idsIn(members.body)).toEqual(sorted([ann, bob, cleo]));
  });

  test("404 for an unknown id", async () => {
    const { id } = await ground.groups.create("Going");
    await ground.connection.scim("DELETE", `/Groups/${id}`);
    for (const unknown of [id, nobody, "x"]) {
      expectScimError(await ground.groups.patch(unknown, addMembers(ann)), 404);
    }
  });

  test("[10] to a request with parameters it does not know", async () => {
    const { id } = await ground.groups.create("Query");
    const path = `/Groups/${id}?foo=bar&aadOptscim062020&count=x`;
    expect((await ground.connection.scim("PATCH", path, patch(addMembers(ann)))).status).toBe(200);
  });
});

describe("members as providers change them", () => {
  const foreign = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group:x";
  /** On a group of Ann and Bob: the operations, and who is in it then. */
  const shapes: readonly [string, () => PatchOperation[], () => string[]][] = [
    [
      "Entra: Add with $ref null",
      () => [{ op: "Add", path: "members", value: [{ $ref: null, value: cleo }] }],
      () => [ann, bob, cleo],
    ],
    [
      "Entra: Remove with a value list",
      () => [{ op: "Remove", path: "members", value: [{ $ref: null, value: bob }] }],
      () => [ann],
    ],
    ["Entra: remove by value path", () => [remove(byValue(bob))], () => [ann]],
    [
      "Entra: replace members replaces them",
      () => [{ op: "replace", path: "members", value: [{ value: cleo }] }],
      () => [cleo],
    ],
    [
      "Entra: an operation into its own URN",
      () => [replace(foreign, "1"), remove(foreign)],
      () => [ann, bob],
    ],
    [
      "Entra: further keys in an operation",
      () => [{ ...addMembers(cleo), name: "addMember" } as PatchOperation],
      () => [ann, bob, cleo],
    ],
    [
      "Okta: remove and add in one request",
      () => [
        remove(byValue(ann)),
        { op: "add", path: "members", value: [{ value: cleo, display: "test.user@okta.local" }] },
      ],
      () => [bob, cleo],
    ],
    ["Okta: replace with []", () => [replace("members", [])], () => []],
    ["replace with null", () => [replace("members", null)], () => []],
    [
      "OneLogin: add to a value path, without value",
      () => [{ op: "add", path: byValue(cleo) }],
      () => [ann, bob, cleo],
    ],
    [
      "JumpCloud: remove in value form",
      () => [remove("members", [{ value: ann }, { value: bob }])],
      () => [],
    ],
    [
      "authentik: an operation for each member",
      () => [addMembers(cleo), addMembers(dora), remove("members", entries([ann]))],
      () => [bob, cleo, dora],
    ],
    [
      "one entry instead of a list",
      () => [{ ...addMembers(), value: { value: cleo } }],
      () => [ann, bob, cleo],
    ],
    ["one bare string", () => [{ ...addMembers(), value: cleo }], () => [ann, bob, cleo]],
    ["bare strings", () => [{ ...addMembers(), value: [cleo, dora] }], () => [ann, bob, cleo, dora]],
    ["bare strings removed", () => [remove("members", [ann])], () => [bob]],
    ["one entry removed", () => [remove("members", { value: ann })], () => [bob]],
    ["[133] remove without value and filter: all", () => [remove("members")], () => []],
    ["remove with an empty list: nobody", () => [remove("members", [])], () => [ann, bob]],
    [
      "remove by a path that names two",
      () => [remove(`members[value eq "${ann}" or value eq "${bob}"]`)],
      () => [],
    ],
    ["replace of a value path with null removes it", () => [replace(byValue(ann), null)], () => [bob]],
    [
      "add to a value path with its own value",
      () => [{ op: "add", path: byValue(cleo), value: [{ value: cleo }] }],
      () => [ann, bob, cleo],
    ],
    [
      "[31] names in any case",
      () => [{ OP: "ADD", Path: "MEMBERS", VALUE: [{ VALUE: cleo }] } as never],
      () => [ann, bob, cleo],
    ],
    [
      "[32] the path qualified by the URN",
      () => [replace(`${urns.group}:members`, entries([cleo])), remove(`${urns.group}:${byValue(dora)}`)],
      () => [cleo],
    ],
    ["[127] pathless add", () => [pathless({ members: entries([cleo]) }, "add")], () => [ann, bob, cleo]],
    ["[139] pathless replace", () => [pathless({ members: entries([cleo]) })], () => [cleo]],
    ["[139] pathless replace with []", () => [pathless({ members: [] })], () => []],
    [
      "pathless, by a key qualified by the URN",
      () => [pathless({ [`${urns.group}:members`]: entries([cleo]) }, "add")],
      () => [ann, bob, cleo],
    ],
    [
      "pathless, in an object under the URN",
      () => [pathless({ [urns.group]: { members: entries([cleo]) } })],
      () => [cleo],
    ],
    ["pathless without members", () => [pathless({ externalId: "x" })], () => [ann, bob]],
    [
      "[117] each operation works on what the one before left",
      () => [
        replace("members", entries([cleo])),
        addMembers(dora, eva),
        remove(byValue(cleo)),
        remove("members", entries([eva])),
        addMembers(eva, ann),
      ],
      () => [dora, eva, ann],
    ],
    [
      "[117] all removed, then some added",
      () => [remove("members"), addMembers(cleo), remove(byValue(ann))],
      () => [cleo],
    ],
  ];

  test.each(shapes)("%s", async (_, operations, expected) => {
    const { id } = await ground.groups.create("Shape", [ann, bob]);
    const { status, body } = await ground.groups.patch(id, ...operations());
    expect([status, body.detail]).toEqual([200, undefined]);
    expect(idsIn(body)).toEqual(sorted(expected()));
    expect(await ground.groups.members(id)).toEqual(sorted(expected()));
  });

  test("the same shapes on an empty group do no harm", async () => {
    const { id } = await ground.groups.create("Shapes");
    for (const [label, operations] of shapes) {
      await ground.groups.patch(id, remove("members"));
      expect([label, (await ground.groups.patch(id, ...operations())).status]).toEqual([label, 200]);
    }
  });
});

describe("names as providers change them", () => {
  test.each<[string, (id: string) => PatchOperation]>([
    ["by path (Entra)", () => ({ op: "Replace", path: "displayName", value: "New" })],
    ["without path (Entra)", () => pathless({ displayName: "New" })],
    ["with the equal id inside (Okta)", (id) => pathless({ id, displayName: "New" })],
    [
      "with meta and schemas inside (authentik: the whole group)",
      (id) => pathless({ schemas: [urns.group], id, meta: { version: 'W/"9"' }, displayName: "New" }),
    ],
    ["by add", () => ({ op: "add", path: "displayName", value: "New" })],
    ["by a qualified path", () => replace(`${urns.group.toUpperCase()}:DISPLAYNAME`, "New")],
    ["by a qualified key", () => pathless({ [`${urns.group}:displayName`]: "New" })],
    ["by the schema's URN as path", () => replace(urns.group, { displayName: "New" })],
  ])("a rename %s leaves members and externalId alone", async (_, operation) => {
    const { id } = await ground.groups.create("Old", [ann], { externalId: "stays" });
    const { status, body } = await ground.groups.patch(id, operation(id));
    expect([status, body.displayName, body.externalId, idsIn(body)]).toEqual([200, "New", "stays", [ann]]);
    expect(await ground.groups.named(`displayName eq "new" and id eq "${id}"`)).toEqual(["New"]);
    expect(await ground.groups.named(`displayName eq "old" and id eq "${id}"`)).toEqual([]);
  });

  test("externalId is set, moved and cleared, and found accordingly", async () => {
    const { id } = await ground.groups.create("External", [ann]);
    const found = async (externalId: string) => ground.groups.named(`externalId eq "${externalId}"`);
    await ground.groups.patch(id, { op: "Add", path: "externalId", value: "e-1" });
    expect(await found("e-1")).toEqual(["External"]);
    await ground.groups.patch(id, replace("externalId", "e-2"));
    expect([await found("e-1"), await found("e-2")]).toEqual([[], ["External"]]);
    for (const clearing of [remove("externalId"), replace("externalId", ""), replace("externalId", null)]) {
      await ground.groups.patch(id, replace("externalId", "e-3"));
      expect((await ground.groups.patch(id, clearing)).body).not.toHaveProperty("externalId");
      expect(await found("e-3")).toEqual([]);
    }
  });

  test("names and members in one request, all or nothing", async () => {
    const { id } = await ground.groups.create("Both", [ann]);
    const { body } = await ground.groups.patch(
      id,
      pathless({ displayName: "Both changed", members: entries([bob]) }),
      replace("externalId", "both"),
      addMembers(cleo),
    );
    expect(body).toMatchObject({ displayName: "Both changed", externalId: "both" });
    expect(idsIn(body)).toEqual(sorted([bob, cleo]));
    expect(body.meta.version).toBe('W/"2"');
  });
});

describe("a PATCH without effect", () => {
  test.each<[string, (group: GroupAnswer) => PatchOperation[]]>([
    ["add of a member who is there", () => [addMembers(ann)]],
    ["add of all who are there, twice", () => [addMembers(ann, bob, ann), addMembers(bob)]],
    ["[137] remove of a user who is not in it, by list", () => [remove("members", entries([cleo]))]],
    ["[137] remove of a user who is not in it, by path", () => [remove(byValue(cleo))]],
    [
      "remove of an id that nobody has",
      () => [remove("members", entries([nobody, "x", ""].filter(Boolean)))],
    ],
    ["remove of an id that nobody has, by path", () => [remove(byValue(nobody)), remove(byValue("x y"))]],
    ["add and remove of the same one", () => [addMembers(cleo), remove(byValue(cleo))]],
    ["remove and add of the same one", () => [remove(byValue(ann)), addMembers(ann)]],
    ["remove of all and add of all", () => [remove("members"), addMembers(bob, ann)]],
    ["replace by the same members", () => [replace("members", entries([bob, ann]))]],
    ["add without anybody", () => [addMembers(), pathless({ members: [] }, "add")]],
    ["replace of an absent member by nothing", () => [replace(byValue(cleo), "")]],
    ["the same name", ({ displayName }) => [replace("displayName", displayName)]],
    ["remove of an absent externalId", () => [remove("externalId")]],
    ["read-only attributes in a pathless value", ({ id }) => [pathless({ id, meta: {}, schemas: [] })]],
    ["unknown attributes in a pathless value", () => [pathless({ description: "x", "urn:x:y": {} })]],
  ])("[123] keeps version and lastModified: %s", async (_, operations) => {
    const created = await ground.groups.create("No effect", [ann, bob]);
    const { status, headers, body } = await ground.groups.patch(created.id, ...operations(created));
    expect([status, headers["etag"], body.meta]).toEqual([200, 'W/"1"', created.meta]);
    expect(idsIn(body)).toEqual(sorted([ann, bob]));
    expect((await ground.groups.read(created.id)).meta).toEqual(created.meta);
  });

  test("[123] a change of one thing among many that stay raises the version by one", async () => {
    const created = await ground.groups.create("Little effect", [ann, bob]);
    const operations = [addMembers(ann, bob, cleo), replace("displayName", "Little effect")];
    expect((await ground.groups.patch(created.id, ...operations)).headers["etag"]).toBe('W/"2"');
    expect((await ground.groups.patch(created.id, ...operations)).headers["etag"]).toBe('W/"2"');
  });
});

describe("PATCH refuses, and nothing is changed", () => {
  const refusals: readonly [string, string, (group: GroupAnswer) => unknown][] = [
    ["[115] no operations", "invalidSyntax", () => ({ Operations: [] })],
    ["[115] no Operations", "invalidSyntax", () => ({ schemas: [urns.patchOp], members: [] })],
    ["[116] another op", "invalidSyntax", () => patch({ ...addMembers(ann), op: "move" }).body],
    ["[119] a path that cannot be parsed", "invalidFilter", () => patch(remove('members[value eq "x"')).body],
    ["[119] a path with two dots", "invalidPath", () => patch(remove("members..value")).body],
    [
      "[119] a path of the schema that names nothing",
      "invalidPath",
      () => patch(replace(`${urns.group}:member`, [])).body,
    ],
    ["[119] an unknown attribute by path", "invalidPath", () => patch(replace("description", "x")).body],
    ["[119] a user's attribute by path", "invalidPath", () => patch(replace("userName", "x")).body],
    ["[119] a bad filter in the path", "invalidFilter", () => patch(remove('members[value zz "x"]')).body],
    ["[121] id by path", "mutability", ({ id }) => patch(replace("id", id)).body],
    ["[121] meta by path", "mutability", () => patch(remove("meta")).body],
    ["[121] schemas by path", "mutability", () => patch(replace("schemas", [urns.group])).body],
    ["[121] members.display by path", "mutability", () => patch(replace("members.display", "x")).body],
    [
      "[121] a member's display by path",
      "mutability",
      () => patch(replace(`${byValue(ann)}.display`, "x")).body,
    ],
    ["[121] a member's $ref by path", "mutability", () => patch(remove(`${byValue(ann)}.$ref`)).body],
    [
      "[121] a member's type by path",
      "mutability",
      () => patch(replace(`${byValue(ann)}.type`, "Group")).body,
    ],
    ["[51] a member's value by path", "mutability", () => patch(replace(`${byValue(ann)}.value`, cleo)).body],
    [
      "[51] another member in the place of one",
      "mutability",
      () => patch(replace(byValue(ann), { value: cleo })).body,
    ],
    [
      "[121] another id in a pathless value",
      "mutability",
      () => patch(pathless({ id: nobody, displayName: "x" })).body,
    ],
    ["[126] add without value", "invalidValue", () => patch({ op: "add", path: "members" }).body],
    ["[139] replace without value", "invalidValue", () => patch({ op: "replace", path: "members" }).body],
    ["[126] pathless without value", "invalidValue", () => patch({ op: "add" }).body],
    ["[127] pathless with a list", "invalidValue", () => patch(pathless([{ value: cleo }], "add")).body],
    ["[132] remove without path", "noTarget", () => patch({ op: "remove" }).body],
    [
      "[132] remove without path, with members",
      "noTarget",
      () => patch(pathless({ members: [] }, "remove")).body,
    ],
    ["[136] removing the name", "mutability", () => patch(remove("displayName")).body],
    ["[136] clearing the name", "invalidValue", () => patch(replace("displayName", "")).body],
    [
      "[136] clearing the name without path",
      "invalidValue",
      () => patch(pathless({ displayName: null })).body,
    ],
    ["[35] a name that is a number", "invalidValue", () => patch(replace("displayName", 7)).body],
    ["[35] members that are numbers", "invalidValue", () => patch({ ...addMembers(), value: [7] }).body],
    [
      "[35] a member's value that is a boolean",
      "invalidValue",
      () => patch({ ...addMembers(), value: [{ value: true }] }).body,
    ],
    [
      "[36] an entry in a list in a list",
      "invalidValue",
      () => patch({ ...addMembers(), value: [[{ value: cleo }]] }).body,
    ],
    [
      "a member without value",
      "invalidValue",
      () => patch({ ...addMembers(), value: [{ display: "x" }] }).body,
    ],
    ["a member that nobody is", "invalidValue", () => patch(addMembers(cleo, nobody)).body],
    [
      "a member that nobody is, by value path",
      "invalidValue",
      () => patch({ op: "add", path: byValue(nobody) }).body,
    ],
    ["replace by a member that nobody is", "invalidValue", () => patch(replace("members", ["x"])).body],
    ["a name that is too long", "invalidValue", () => patch(replace("displayName", "x".repeat(901))).body],
    [
      "an externalId that is too long",
      "invalidValue",
      () => patch(replace("externalId", "x".repeat(901))).body,
    ],
    [
      "members selected by anything but their value",
      "invalidFilter",
      () => patch(remove('members[display eq "Ann"]')).body,
    ],
  ];

  let created: GroupAnswer;
  beforeAll(async () => {
    created = await ground.groups.create("Refused", [ann, bob], { externalId: "kept" });
  });
  const expectUnchanged = async () => {
    const { displayName, externalId, meta, ...read } = await ground.groups.read(created.id);
    expect([displayName, externalId, meta]).toEqual(["Refused", "kept", created.meta]);
    expect(idsIn(read)).toEqual(sorted([ann, bob]));
  };

  test.each(refusals)("%s: 400 %s", async (_, scimType, body) => {
    const path = `/Groups/${created.id}`;
    expectScimError(await ground.connection.scim("PATCH", path, { body: body(created) }), 400, scimType);
    await expectUnchanged();
  });

  const withOperations = refusals.filter(([, scimType]) => scimType !== "invalidSyntax");
  test.each(withOperations)("[117] nor by what came before: %s", async (_, scimType, body) => {
    const { Operations } = body(created) as { Operations: readonly PatchOperation[] };
    const good = [replace("displayName", "Half"), addMembers(dora), remove(byValue(ann))];
    expectScimError(await ground.groups.patch(created.id, ...good, ...Operations), 400, scimType);
    await expectUnchanged();
  });

  test("the unknown among many are named, and only they", async () => {
    const { id } = await ground.groups.create("Unknown", [ann]);
    const refused = await ground.groups.patch(id, addMembers(...users.slice(0, 50), nobody, "okta-1"));
    expectScimError(refused, 400, "invalidValue");
    expect(refused.body.detail).toContain(`"${nobody}"`);
    expect(refused.body.detail).toContain('"okta-1"');
    expect(refused.body.detail).not.toContain(bob);
    expect(await ground.groups.members(id)).toEqual([ann]);
  });

  test("a nested group, whether by add, by replace or pathless", async () => {
    const inner = await ground.groups.create("Inner", [ann]);
    const outer = await ground.groups.create("Outer", [bob]);
    for (const operation of [
      { op: "add", path: "members", value: [{ value: inner.id, type: "Group" }] },
      replace("members", [{ value: inner.id }]),
      pathless({ members: [{ value: inner.id }] }, "add"),
      addMembers(outer.id),
    ]) {
      const refused = await ground.groups.patch(outer.id, operation);
      expectScimError(refused, 400, "invalidValue");
      expect(refused.body.detail).toContain("nested groups");
    }
    expect(await ground.groups.members(outer.id)).toEqual([bob]);
  });

  test("1,001 operations: 413 naming the limit", async () => {
    const { id } = await ground.groups.create("Operations");
    const refused = await ground.groups.patch(
      id,
      ...Array.from({ length: 1_001 }, (_, index) => addMembers(users[index % 300]!)),
    );
    expectScimError(refused, 413);
    expect(refused.body.detail).toContain("1000");
  });
});

describe("If-Match", () => {
  const change = (id: string, tag: string, operation: PatchOperation): Promise<ServiceResponse> =>
    ground.connection.scim("PATCH", `/Groups/${id}`, { ...patch(operation), headers: { "If-Match": tag } });

  test.each(['W/"1"', '"1"', "*", 'W/"9", W/"1"'])("[151] %s of a group at version 1: done", async (tag) => {
    const { id } = await ground.groups.create("Matched", [ann]);
    const { status, headers } = await change(id, tag, addMembers(bob));
    expect([status, headers["etag"]]).toEqual([200, 'W/"2"']);
  });

  test.each([
    ["add", () => addMembers(bob)],
    ["add of who is there", () => addMembers(ann)],
    ["remove", () => remove(byValue(ann))],
    ["rename", () => replace("displayName", "New")],
    ["a bad operation", () => remove("meta")],
  ])("[151] a stale one: 412 or 400, nothing changed: %s", async (_, operation) => {
    const created = await ground.groups.create("Stale", [ann]);
    const { status } = await change(created.id, 'W/"9"', operation());
    expect([412, 400]).toContain(status);
    expect((await ground.groups.read(created.id)).meta).toEqual(created.meta);
  });

  test("[152] of two writers with the same tag exactly one succeeds", async () => {
    const { id } = await ground.groups.create("Two writers");
    const answers = await Promise.all(
      [ann, bob, cleo, dora].map((member) => change(id, 'W/"1"', addMembers(member))),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412, 412]);
    expect(await ground.groups.members(id)).toHaveLength(1);
  });
});

describe("many members", () => {
  test("E8: 30 one by one (120 in the replay) with repeats in between, then gone in both shapes", async () => {
    const { id } = await ground.groups.create("E8", [], { externalId: "e8" });
    const joins = users.slice(0, 30);
    const add = async (member: string, tag: string) => {
      const value = [{ $ref: null, value: member }];
      const { status, headers } = await ground.groups.patch(id, { op: "Add", path: "members", value });
      expect([status, headers["etag"]]).toEqual([200, tag]);
    };
    for (const [index, joining] of joins.entries()) {
      await add(joining, `W/"${index + 2}"`);
      if (index % 3 === 0) await add(joins[Math.floor(index / 2)]!, `W/"${index + 2}"`);
    }
    expect(await ground.groups.members(id)).toEqual(sorted(joins));
    expect(await ground.groups.read(id, "?excludedAttributes=members")).not.toHaveProperty("members");
    for (const [index, leaving] of joins.slice(0, 10).entries()) {
      const operation =
        index % 2 === 0
          ? { op: "Remove", path: "members", value: [{ $ref: null, value: leaving }] }
          : remove(byValue(leaving));
      expect((await ground.groups.patch(id, operation)).status).toBe(200);
    }
    expect(await ground.groups.members(id)).toEqual(sorted(joins.slice(10)));
  });

  test("O6: 256 in one PATCH", async () => {
    const { id } = await ground.groups.create("O6", users.slice(300));
    const joins = users.slice(0, 256);
    const value = joins.map((one) => ({ value: one, display: "x" }));
    const { headers, body } = await ground.groups.patch(id, { op: "add", path: "members", value });
    expect(headers["etag"]).toBe('W/"2"');
    expect(idsIn(body)).toEqual(sorted([...joins, ...users.slice(300)]));
    await ground.groups.patch(id, remove("members", entries(joins)));
    expect(await ground.groups.members(id)).toEqual(sorted(users.slice(300)));
  });

  test("A1: 1,000 operations of one member each (authentik)", async () => {
    const { id } = await ground.groups.create("A1", [eva]);
    const adds = users.slice(0, 300).map((one) => addMembers(one));
    const repeats = Array.from({ length: 500 }, (_, index) => addMembers(users[index % 300]!));
    const removes = users.slice(100, 300).map((one) => remove("members", entries([one])));
    const { status, headers, body } = await ground.groups.patch(id, ...adds, ...repeats, ...removes);
    expect([status, headers["etag"]]).toEqual([200, 'W/"2"']);
    expect(idsIn(body)).toEqual(sorted(users.slice(0, 100)));
  });

  test("members added at the same moment are all there, under as many versions", async () => {
    const { id } = await ground.groups.create("At once");
    const joins = users.slice(0, 12);
    const answers = await Promise.all(joins.map((one) => ground.groups.patch(id, addMembers(one))));
    expect(answers.map(({ status }) => status)).toEqual(joins.map(() => 200));
    const { meta } = await ground.groups.read(id);
    expect([await ground.groups.members(id), meta.version]).toEqual([sorted(joins), 'W/"13"']);
  });
});

test("lastModified moves with the version, and not without it", async () => {
  const created = await ground.groups.create("Clock", [ann]);
  await ground.groups.create("A second later");
  await ground.groups.patch(created.id, addMembers(ann));
  expect((await ground.groups.read(created.id)).meta).toEqual(created.meta);
  const { body } = await ground.groups.patch(created.id, addMembers(bob));
  expect(Date.parse(body.meta.lastModified) - Date.parse(created.meta.lastModified)).toBe(2_000);
  expect(body.meta.created).toBe(created.meta.created);
});

test("a user that is created and put into a group at once", async () => {
  const { id } = await ground.groups.create("Newcomers");
  const fresh = await createUser(ground.connection, "newcomer@x.example");
  expect(idsIn((await ground.groups.patch(id, addMembers(fresh))).body)).toEqual([fresh]);
});
