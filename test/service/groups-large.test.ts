import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { memberIdOf, memberIdsOf } from "../../lambda/domain/member-id.ts";
import { numberOf, slotsPerPage, stripes } from "../../lambda/table/numbers.ts";
import { seedGroup, seedRoster } from "../support/seed-groups.ts";
import type { TestConnection } from "../support/service.ts";
import {
  createUser,
  type GroupGround,
  type Groups,
  groupsOf,
  idsIn,
  openGroupGround,
  sorted,
} from "./group-ground.ts";
import { expectScimError } from "./product.ts";
import {
  addMembers,
  entries,
  filteredGroups,
  group,
  type PatchOperation,
  patch,
  replace,
  urns,
} from "./scim-messages.ts";

let ground: GroupGround;
beforeAll(async () => {
  ground = await openGroupGround(1_002);
});
afterAll(() => ground.stop());

const byValue = (id: string) => `members[value eq "${id}"]`;
const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);

describe("how much of its members a group shows", () => {
  test("with names up to 100 of them, with $ref and type up to 1,000, all of them by value", async () => {
    for (const [count, names] of [
      [100, ["$ref", "display", "type", "value"]],
      [101, ["$ref", "type", "value"]],
      [1_000, ["$ref", "type", "value"]],
      [1_001, ["value"]],
    ] as const) {
      const { id } = await ground.groups.create(`${count}`, ground.users.slice(0, count));
      const { members } = await ground.groups.read(id);
      expect(members).toHaveLength(count);
      expect([count, Object.keys(members[0]).sort()]).toEqual([count, names]);
      expect(idsIn({ members })).toEqual(sorted(ground.users.slice(0, count)));
    }
  });
});

describe("the answer of PATCH at 1,000 and 1,001 members", () => {
  let id: string;
  let last: string;
  beforeAll(async () => {
    id = (await ground.groups.create("Edge", ground.users.slice(0, 999))).id;
    last = ground.users[1_000]!;
    const { status, body } = await ground.groups.patch(id, addMembers(ground.users[999]!));
    expect([status, body.members.length]).toEqual([200, 1_000]);
    const added = await ground.groups.patch(id, addMembers(last));
    expect([added.status, added.body]).toEqual([204, undefined]);
  });
  const change = (query: string, ...operations: PatchOperation[]) =>
    ground.connection.scim("PATCH", `/Groups/${id}${query}`, patch(...operations));
  const etag = async () => (await ground.groups.read(id, "?attributes=meta")).meta.version;

  test("[149] 204 without a body, with Location and ETag, the same when nothing changes", async () => {
    const { meta } = await ground.groups.read(id, "?attributes=meta");
    for (const operation of [addMembers(last), replace("displayName", "Edge"), addMembers()]) {
      const { status, headers, body } = await change("", operation);
      expect([status, headers["location"], headers["etag"], body]).toEqual([
        204,
        meta.location,
        meta.version,
        undefined,
      ]);
      expect(headers).not.toHaveProperty("content-type");
    }
    const renamed = await change("?attributes=", replace("displayName", "Edge 2"));
    expect([renamed.status, renamed.headers["etag"]]).toEqual([204, await etag()]);
    expect(renamed.headers["etag"]).not.toBe(meta.version);
  });

  test("[118] 200 with what attributes or excludedAttributes ask for", async () => {
    const all = await change("?attributes=members.value", addMembers(last));
    expect([all.status, all.body.members.length]).toEqual([200, 1_001]);
    const named = await change("?attributes=displayName", replace("displayName", "Edge 3"));
    expect([named.status, named.body]).toEqual([200, { schemas: [urns.group], id, displayName: "Edge 3" }]);
    const rest = await change("?excludedAttributes=members", replace("externalId", "edge"));
    expect([rest.status, rest.body.externalId, "members" in rest.body]).toEqual([200, "edge", false]);
    const most = await change("?excludedAttributes=externalId", addMembers(last));
    expect([most.status, most.body.members.length]).toEqual([200, 1_001]);
  });

  test("200 again at 1,000, and with none", async () => {
    const removed = await change("", { op: "remove", path: byValue(last) });
    expect([removed.status, removed.body.members.length]).toEqual([200, 1_000]);
    expect((await change("", addMembers(last))).status).toBe(204);
    const emptied = await change("", replace("members", []));
    expect([emptied.status, "members" in emptied.body]).toEqual([200, false]);
    const filled = await change("", replace("members", entries(ground.users)));
    expect([filled.status, filled.headers["etag"]]).toEqual([204, await etag()]);
    expect(await ground.groups.members(id)).toEqual(sorted(ground.users));
  });

  test("those who were deleted do not count", async () => {
    const gone = await createUser(ground.connection, "gone@x.example");
    const group = await ground.groups.create("Without", [...ground.users.slice(0, 1_000), gone]);
    expect((await ground.groups.patch(group.id, addMembers(gone))).status).toBe(204);
    await ground.connection.scim("DELETE", `/Users/${gone}`);
    const { status, body } = await ground.groups.patch(group.id, addMembers(ground.users[0]!));
    expect([status, body.members.length]).toEqual([200, 1_000]);
  });

  test("POST and PUT answer with the resource, however large", async () => {
    const posted = await ground.groups.create("Posted", ground.users);
    expect(idsIn(posted)).toEqual(sorted(ground.users));
    const put = await ground.groups.put(posted.id, group("Put", ground.users.slice(1)));
    expect([put.status, put.body.members.length]).toEqual([200, 1_001]);
  });
});

describe("filters look into groups of more than 1,000 members", () => {
  let name: string;
  let ann: string;
  let bob: string;
  beforeAll(async () => {
    name = "Looked into";
    [ann, bob] = [ground.users[1_000]!, ground.users[1_001]!];
    await ground.groups.create(name, ground.users.slice(0, 1_001));
  });

  test.each<[string, () => string, boolean]>([
    ["members.value", () => `members.value eq "${ann}"`, true],
    ["members.value, in vain", () => `members.value eq "${bob}"`, false],
    ["not", () => `not (members eq "${bob}")`, true],
    ["members.display", () => 'members.display eq "Seeded User 1000"', true],
    ["members.display, in vain", () => 'members.display eq "Seeded User 1001"', false],
    ["members.display in brackets", () => `members[display sw "seeded" and value eq "${ann}"]`, true],
    ["members.type", () => 'members.type eq "User"', true],
    ["members.$ref", () => `members.$ref ew "/Users/${ann}"`, true],
    ["members pr", () => "members pr", true],
  ])("%s", async (_, filter, expected) => {
    const found = await ground.groups.named(
      `displayName eq "${name}" and ${filter()}`,
      "&attributes=displayName",
    );
    expect(found).toEqual(expected ? [name] : []);
  });
});

describe("20,000 members", () => {
  let connection: TestConnection;
  let groups: Groups;
  let ids: readonly string[];
  beforeAll(async () => {
    connection = await ground.service.createConnection();
    groups = groupsOf(connection);
    await seedRoster(ground.table, connection, numbers(20_001));
    ids = memberIdsOf(connection.project.id, numbers(20_001));
  });

  test("in one POST, one PUT, one PATCH; 20,001: 413 naming the limit, and nothing changed", async () => {
    const most = ids.slice(0, 20_000);
    const { id } = await groups.create("Most", most);
    expect(await groups.members(id)).toEqual(sorted(most));
    const others = ids.slice(1);
    const put = await groups.put(id, group("Most", others));
    expect([put.status, put.body.members.length]).toEqual([200, 20_000]);
    expect(await groups.members(id)).toEqual(sorted(others));
    expect((await groups.patch(id, replace("members", entries(most)))).status).toBe(204);
    expect(await groups.members(id)).toEqual(sorted(most));

    const { meta } = await groups.read(id, "?attributes=meta");
    for (const refused of [
      await connection.scim("POST", "/Groups", group("Too many", ids)),
      await groups.put(id, group("Too many", ids)),
      await groups.patch(id, addMembers(...ids)),
      await groups.patch(id, addMembers(...ids.slice(0, 10_000)), addMembers(...ids.slice(10_000))),
      await groups.patch(id, { op: "remove", path: "members", value: entries(ids) }),
    ]) {
      expectScimError(refused, 413);
      expect(refused.body.detail).toContain("20000 ");
      expect(refused.body.detail).toContain("membersPerRequestMax");
    }
    expect((await groups.read(id, "?attributes=meta")).meta).toEqual(meta);
    expect((await groups.patch(id, { op: "remove", path: "members" })).body).not.toHaveProperty("members");
  });

  test("many requests make a group larger than one request may name", async () => {
    const { id } = await groups.create("Larger", ids.slice(0, 20_000));
    const { status } = await groups.patch(id, addMembers(...ids.slice(19_000)));
    expect(status).toBe(204);
    expect((await groups.read(id)).members).toHaveLength(20_001);
  });

  test("a body of more than 5 MB: 413 naming the limit", async () => {
    const { id } = await groups.create("Body");
    const padding = "x".repeat(5 * 1024 * 1024);
    for (const [method, path, body] of [
      ["POST", "/Groups", { ...group("Body").body, padding }],
      ["PUT", `/Groups/${id}`, { ...group("Body").body, padding }],
      ["PATCH", `/Groups/${id}`, { ...patch(addMembers()).body, padding }],
    ] as const) {
      const refused = await connection.scim(method, path, { body });
      expectScimError(refused, 413);
      expect(refused.body.detail).toContain("largeBodyBytesMax");
    }
    const large = { ...group("Large body").body, padding: padding.slice(1_000) };
    expect((await groups.put(id, { body: large })).status).toBe(200);
  });
});

describe("more members than one answer holds", () => {
  let connection: TestConnection;
  let groups: Groups;
  let id: string;
  const count = 110_000;
  beforeAll(async () => {
    connection = await ground.service.createConnection();
    groups = groupsOf(connection);
    await seedRoster(ground.table, connection, numbers(10));
    id = await seedGroup(ground.table, connection, "Enormous", numbers(count));
  });
  const path = (query = "") => `/Groups/${id}${query}`;
  const expectTooMany = (response: Parameters<typeof expectScimError>[0]) => {
    expectScimError(response, 400, "tooMany");
    expect(response.body.detail).toContain("excludedAttributes=members");
  };

  test("[81] a read: 400 tooMany with the way out, and the way out", async () => {
    expectTooMany(await connection.scim("GET", path()));
    expectTooMany(await connection.scim("GET", filteredGroups('displayName eq "Enormous"')));
    for (const query of ["?excludedAttributes=members", "?attributes=displayName,meta"]) {
      expect((await groups.read(id, query)).displayName).toBe("Enormous");
    }
    expect(await groups.named(`displayName eq "Enormous"`, "&excludedAttributes=members")).toEqual([
      "Enormous",
    ]);
    const member = memberIdOf(connection.project.id, 70_000);
    expect(await groups.named(`members eq "${member}"`, "&attributes=displayName")).toEqual(["Enormous"]);
  });

  test("[118] a PATCH is done, and answered 204", async () => {
    const member = memberIdOf(connection.project.id, 70_000);
    const removed = await groups.patch(id, { op: "remove", path: byValue(member) });
    expect([removed.status, removed.headers["etag"]]).toEqual([204, 'W/"2"']);
    expect(await groups.named(`members eq "${member}"`, "&attributes=displayName")).toEqual([]);
  });

  test("[117] a PATCH that asks for the members in its answer: 400 tooMany, and nothing changed", async () => {
    const before = await groups.read(id, "?excludedAttributes=members");
    for (const query of ["?attributes=members", "?excludedAttributes=externalId"]) {
      expectTooMany(await connection.scim("PATCH", path(query), patch(replace("displayName", "Half done"))));
      expect(await groups.read(id, "?excludedAttributes=members")).toEqual(before);
    }
  });
});

test("a list ends a page before an answer would be too large, and goes on there", async () => {
  const connection = await ground.service.createConnection();
  // Two megabytes each, as an answer counts them.
  for (const name of ["One", "Two"]) await seedGroup(ground.table, connection, name, numbers(42_000));
  const met: string[] = [];
  for (const startIndex of [1, 2]) {
    const { body } = await connection.scim("GET", `/Groups?startIndex=${startIndex}`);
    expect(body).toMatchObject({ totalResults: 2, startIndex, itemsPerPage: 1 });
    expect(body.Resources[0].members).toHaveLength(42_000);
    met.push(body.Resources[0].displayName);
  }
  expect(met.sort()).toEqual(["One", "Two"]);
  const { body } = await connection.scim("GET", "/Groups?excludedAttributes=members");
  expect(body).toMatchObject({ totalResults: 2, itemsPerPage: 2 });
});

describe("members so far apart that their set is more than one transaction", () => {
  /** One user on each of 130 pages. */
  const farApart = numbers(130).map((index) =>
    numberOf(index % stripes, Math.floor(index / stripes) * slotsPerPage),
  );
  let connection: TestConnection;
  let groups: Groups;
  let ids: readonly string[];
  beforeAll(async () => {
    connection = await ground.service.createConnection({ uniqueGroupNames: true });
    groups = groupsOf(connection);
    await seedRoster(ground.table, connection, farApart);
    ids = memberIdsOf(connection.project.id, farApart);
  });

  test("created, changed in every way, and deleted", async () => {
    const created = await groups.create("Far", ids, { externalId: "far" });
    expect([created.meta.version, idsIn(created)]).toEqual(['W/"1"', sorted(ids)]);
    const { id } = created;
    expect(await groups.members(id)).toEqual(sorted(ids));
    expect(await groups.named('displayName eq "far"')).toEqual(["Far"]);

    const emptied = await groups.patch(
      id,
      { op: "remove", path: "members" },
      replace("displayName", "Farther"),
    );
    expect([emptied.status, emptied.headers["etag"], "members" in emptied.body]).toEqual([
      200,
      'W/"2"',
      false,
    ]);
    expect(await groups.members(id)).toEqual([]);
    expect(await groups.named("members pr")).toEqual([]);

    const added = await groups.patch(id, addMembers(...ids));
    expect([added.headers["etag"], idsIn(added.body)]).toEqual(['W/"3"', sorted(ids)]);
    const again = await groups.patch(id, addMembers(...ids));
    expect(again.headers["etag"]).toBe('W/"3"');

    const put = await groups.put(id, group("Farthest", ids.slice(0, 60), { externalId: "far" }));
    expect([put.headers["etag"], idsIn(put.body)]).toEqual(['W/"4"', sorted(ids.slice(0, 60))]);
    expect(await groups.members(id)).toEqual(sorted(ids.slice(0, 60)));
    const swapped = await groups.patch(
      id,
      { op: "remove", path: "members", value: entries(ids.slice(0, 55)) },
      addMembers(...ids.slice(60)),
    );
    expect(idsIn(swapped.body)).toEqual(sorted(ids.slice(55)));
    expect(await groups.members(id)).toEqual(sorted(ids.slice(55)));
    expect(await groups.named(`members eq "${ids[129]}"`)).toEqual(["Farthest"]);
    expect(await groups.named(`members eq "${ids[0]}"`)).toEqual([]);

    expect((await connection.scim("DELETE", `/Groups/${id}`)).status).toBe(204);
    expect((await groups.create("Farthest")).meta.version).toBe('W/"1"');
  });

  test("a name that is taken, or a stale If-Match, refuses it as it does any other", async () => {
    await groups.create("Taken");
    const { id } = await groups.create("Free", ids.slice(0, 5));
    expectScimError(await connection.scim("POST", "/Groups", group("TAKEN", ids)), 409, "uniqueness");
    expectScimError(await groups.put(id, group("Taken", ids)), 409, "uniqueness");
    expectScimError(await groups.put(id, group("Free", ids), { "If-Match": 'W/"7"' }), 412);
    expectScimError(await groups.put(id, group("Free", [...ids, "nobody"])), 400, "invalidValue");
    expect(await groups.members(id)).toEqual(sorted(ids.slice(0, 5)));
  });
});
