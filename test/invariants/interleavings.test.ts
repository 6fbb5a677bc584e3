/**
 * Two requests, one run whole between two calls of the other: at every call of the first. What comes of it must be what
 * comes of one after the other, in either order: the answers and the table. DESIGN §1, invariants 1 to 4, without luck.
 */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createSeededRandom, seedFromEnvironment } from "../support/seeded-random.ts";
import type { ServiceResponse, TestService } from "../support/service.ts";
import type { TestTable } from "../support/table.ts";
import { checkItems } from "./check-table.ts";
import { interpose, tearQueries } from "./disturbed-client.ts";
import {
  accountUrn,
  groupName,
  makeWorld,
  membersNamed,
  nameMark,
  type Operation,
  operations,
  patchOf,
  perform,
  person,
  type World,
} from "./operations.ts";
import { shareOf } from "./share.ts";
import { type RawItem, scanTable } from "./table-contents.ts";
import { printItem, restoreTable } from "./table-copy.ts";

const seed = seedFromEnvironment();
/** With THOROUGH=1, every operation with every other one. */
const thorough = process.env["THOROUGH"] !== undefined;

const member = (name: string) => (world: World) =>
  `/projects/${world.projectId}/members/${world.members[name]}`;
const connection = (name: keyof World["connections"]) => (world: World) =>
  `/projects/${world.projectId}/connections/${world.connections[name].connection.id}`;
const renaming = (name: string, group: string, to: string): Operation => ({
  api: "scim",
  method: "PATCH",
  name,
  path: ({ groups }) => `/Groups/${groups[group]}`,
  body: patchOf({ op: "replace", path: "displayName", value: groupName(to) }),
  status: 200,
});
const adminPatch = { api: "admin", method: "PATCH", status: 200 } as const;

/** As it is: who puts it back so changes its members alone. */
const single = { displayName: groupName("Single"), externalId: "x-Single" };

/** Operations that meet those of `operations.ts` on one thing. */
const rivals: readonly Operation[] = [
  {
    ...adminPatch,
    name: "rename una",
    path: member("una"),
    body: { userName: `else@${nameMark}`, email: `else@mail.${nameMark}` },
  },
  { ...adminPatch, name: "make una a user", path: member("una"), body: { type: "user" } },
  { api: "admin", method: "DELETE", name: "delete una", path: member("una"), status: 204 },
  {
    api: "scim",
    method: "POST",
    name: "link una to another connection",
    as: "delete",
    path: () => "/Users",
    body: { userName: `una@${nameMark}` },
    status: 201,
  },
  {
    ...adminPatch,
    name: "enable the disabled connection",
    path: connection("disabled"),
    body: { scimEnabled: true },
  },
  { ...adminPatch, name: "disable SCIM", path: connection("deactivate"), body: { scimEnabled: false } },
  {
    ...adminPatch,
    name: "lower the quota to its usage",
    path: ({ projectId }) => `/projects/${projectId}`,
    body: { quotas: { users: 1 } },
  },
  {
    api: "scim",
    method: "PATCH",
    name: "make ada inactive",
    path: ({ users }) => `/Users/${users["ada"]}`,
    body: patchOf({ op: "replace", path: "active", value: false }),
    status: 200,
  },
  {
    api: "scim",
    method: "DELETE",
    name: "end ada",
    path: ({ users }) => `/Users/${users["ada"]}`,
    status: 204,
  },
  {
    api: "scim",
    method: "POST",
    name: "create a countess",
    path: () => "/Users",
    body: { ...person("countess"), [accountUrn]: { isTeamAccount: true } },
    status: 201,
  },
  {
    api: "admin",
    method: "POST",
    name: "create a member called new",
    path: ({ projectId }) => `/projects/${projectId}/members`,
    body: { userName: `NEW@${nameMark}`, email: `o@${nameMark}`, type: "user" },
    status: 201,
  },
  {
    api: "admin",
    method: "POST",
    name: "create a member called noa",
    path: ({ projectId }) => `/projects/${projectId}/members`,
    body: { userName: `else@${nameMark}`, email: `noa@mail.${nameMark}`, type: "user" },
    status: 201,
  },
  {
    api: "scim",
    method: "POST",
    name: "create noa under other names",
    path: () => "/Users",
    body: { ...person("else"), externalId: "x-noa", [accountUrn]: { isTeamAccount: true } },
    status: 201,
  },
  {
    api: "scim",
    method: "PUT",
    name: "give ada the externalId of noa",
    path: ({ users }) => `/Users/${users["ada"]}`,
    body: { ...person("ada"), externalId: "x-noa" },
    status: 200,
  },
  { ...adminPatch, name: "make sia a user", path: member("sia"), body: { type: "user" } },
  { api: "admin", method: "DELETE", name: "delete sia", path: member("sia"), status: 204 },
  {
    ...adminPatch,
    name: "make group names unique",
    path: connection("delete"),
    body: { uniqueGroupNames: true },
  },
  renaming("rename the pair", "Pair", "Couple"),
  renaming("rename the team", "Team", "Squad"),
  renaming("rename the pair to the same", "Pair", "SOLO"),
  renaming("rename the pair to the new one's name", "Pair", "New"),
  {
    api: "scim",
    method: "POST",
    name: "create a group of the same name",
    path: () => "/Groups",
    body: { displayName: groupName("solo") },
    status: 201,
  },
  {
    api: "scim",
    method: "PUT",
    name: "replace the single one by two",
    path: ({ groups }) => `/Groups/${groups["Single"]}`,
    bodyIn: ({ users }) => ({ ...single, members: membersNamed(users, "ada", "bob") }),
    status: 200,
  },
  {
    api: "scim",
    method: "PUT",
    name: "replace the single one by nobody",
    path: ({ groups }) => `/Groups/${groups["Single"]}`,
    body: single,
    status: 200,
  },
  {
    api: "scim",
    method: "PATCH",
    name: "remove the last member at version 1",
    path: ({ groups }) => `/Groups/${groups["Single"]}`,
    bodyIn: ({ users }) => patchOf({ op: "remove", path: `members[value eq "${users["ada"]}"]` }),
    headers: { "If-Match": 'W/"1"' },
    status: 200,
  },
  {
    api: "scim",
    method: "GET",
    name: "find the groups of either",
    path: ({ users: { ada, bob } }) => {
      const filter = `members.value eq "${ada}" or members.value eq "${bob}"`;
      return `/Groups?attributes=displayName&filter=${encodeURIComponent(filter)}`;
    },
    status: 200,
  },
  {
    api: "scim",
    method: "GET",
    name: "read the single one",
    path: ({ groups }) => `/Groups/${groups["Single"]}`,
    status: 200,
  },
  {
    api: "scim",
    method: "DELETE",
    name: "delete the pair",
    path: ({ groups }) => `/Groups/${groups["Pair"]}`,
    status: 204,
  },
  {
    api: "scim",
    method: "PUT",
    name: "replace the single one",
    path: ({ groups }) => `/Groups/${groups["Single"]}`,
    bodyIn: ({ users }) => ({ displayName: groupName("Single"), members: membersNamed(users, "cy") }),
    status: 200,
  },
];

const byName = (name: string): Operation => {
  const found = [...operations, ...rivals].find((operation) => operation.name === name);
  if (!found) throw new Error(`there is no operation "${name}"`);
  return found;
};

/** Each with those that touch what it touches. */
const meetings: Readonly<Record<string, readonly string[]>> = {
  create: ["create", "create a member called new", "disable SCIM"],
  "create a team account": ["create", "lower the quota to its usage", "activate", "change quotas"],
  "create, linking by userName": [
    "rename una",
    "make una a user",
    "delete una",
    "link una to another connection",
    "deactivate an unmanaged member",
  ],
  "create, linking by email": ["change an unmanaged member", "delete an unmanaged member", "create"],
  "create, taking over from a disabled connection": [
    "enable the disabled connection",
    "delete a member of a disabled connection",
  ],
  "create again what was deactivated by DELETE": [
    "create again what was deactivated by DELETE",
    "lower the quota to its usage",
  ],
  "create again what was deleted by DELETE": ["create again what was deleted by DELETE"],
  "sign in as somebody new": [
    "sign in as somebody new",
    "create a member called noa",
    "create noa under other names",
    "give ada the externalId of noa",
    "delete a connection",
  ],
  "create noa under other names": ["sign in as somebody new", "give ada the externalId of noa"],
  "give ada the externalId of noa": ["sign in as somebody new"],
  "create a member called noa": ["sign in as somebody new"],
  "sign in under new names": ["create, linking who signed in", "make sia a user", "delete sia"],
  "create, linking who signed in": [
    "create, linking who signed in",
    "sign in under new names",
    "make sia a user",
    "delete sia",
  ],
  "make sia a user": ["create, linking who signed in", "sign in under new names"],
  rename: ["create a countess", "change the email", "end ada", "replace"],
  "change the email": ["create a countess", "make ada inactive"],
  replace: ["patch", "end ada"],
  "replace, restoring what was deleted in the product": [
    "replace, restoring what was deleted in the product",
    "delete a connection",
  ],
  "convert to a user": ["make ada inactive", "lower the quota to its usage", "end ada"],
  activate: ["lower the quota to its usage"],
  "end, deactivating": ["deactivate", "convert to a reader", "replace the members"],
  "rename una": ["create, linking by userName"],
  "delete una": ["create, linking by userName"],
  "delete a member of a disabled connection": [
    "enable the disabled connection",
    "create, taking over from a disabled connection",
  ],
  "change quotas": ["create a team account", "lower the quota to its usage"],
  "filter by userName": ["rename", "end ada"],
  "filter by email": ["change the email", "replace"],
  "read a project": ["create a team account", "change quotas"],
  "delete a connection": ["create a connection", "end, deleting"],
  "create a connection": ["delete a project"],
  "create a group": ["create a group", "rename the pair to the new one's name", "end, deactivating"],
  "create a group of a name there is": ["make group names unique", "delete a connection"],
  "add a member": ["add a member", "remove a member", "delete the pair", "end, deactivating"],
  "add members": ["remove the last member", "replace the single one"],
  "remove the last member": ["add members"],
  "remove the last member at version 1": ["remove the last member at version 1"],
  "replace the members": ["remove all members", "replace a group", "delete a group", "end, deactivating"],
  "replace the single one by two": ["replace the single one by nobody"],
  "replace a group": ["rename the team", "end ada"],
  "rename a group": [
    "create a group of the same name",
    "rename the pair to the same",
    "rename a group and add a member",
  ],
  "rename a group and add a member": ["remove the last member"],
  "delete a group": ["replace the members"],
  "read a group": ["replace the members", "remove all members", "end, deactivating"],
  "read the single one": ["rename a group and add a member", "replace the single one"],
  "list groups": ["replace the members", "rename a group and add a member", "delete a group"],
  "filter groups by name": ["rename the team", "delete a group"],
  "find the groups of either": ["replace the members"],
};

const pairs = thorough
  ? [...operations, ...rivals].flatMap((first) =>
      [...operations, ...rivals].map((second) => [first.name, second.name] as const),
    )
  : Object.entries(meetings).flatMap(([first, seconds]) => seconds.map((second) => [first, second] as const));
/** The others are run one after the other alone. */
const interleaved = new Set(shareOf(pairs, seed, 6));

let world: World;
let first: TestService;
let second: TestService;
/** What the table holds now, where that is known. */
let present: readonly RawItem[] | undefined;
/** Waited for before each call of the first service. */
let beforeCall: (command: string) => Promise<void> = async () => {};

beforeAll(async () => {
  world = await makeWorld();
  const client = world.table.newClient();
  interpose(client, (_, command) => beforeCall(command));
  first = await world.open({ client, random: createSeededRandom(seed) });
  second = await world.open({ random: createSeededRandom(seed + 1) });
});
afterAll(() => world.table.stop());

interface Outcome {
  /** Of the first and the second operation. */
  readonly statuses: readonly [number, number];
  readonly state: readonly string[];
  /** What a filter found, what a project says, or how a sign-in was decided. */
  readonly seen: unknown;
  readonly findings: readonly string[];
}

const scan = async ({ client, tableName }: TestTable): Promise<readonly RawItem[]> =>
  scanTable(client, tableName);

/** Runs `rival` before the k-th call of `operation`, or before or after all of it; `calls` is how many it made. */
async function interleave(
  operation: Operation,
  rival: Operation,
  at: number | "first" | "last",
): Promise<Outcome & { readonly calls: number }> {
  await restoreTable(world.table, world.items, present);
  present = undefined;
  let calls = 0;
  let other: ServiceResponse | undefined;
  const runRival = async () => {
    other ??= await perform(world, rival, second);
  };
  beforeCall = async () => {
    if (++calls === at) await runRival();
  };
  if (at === "first") await runRival();
  const answer = await perform(world, operation, first);
  await runRival();
  present = await scan(world.table);
  return {
    calls,
    statuses: [answer.status, other!.status],
    state: meaningOf(present),
    seen: operation.method === "GET" ? seenIn(answer) : decisionIn(answer),
    findings: checkItems(present, {
      quotaWasLowered: true,
      tokensWereRevoked: true,
      groupNamesWereFree: true,
    }),
  };
}

/** Members, connections, projects and groups, without numbers and ids that chance has given: what is kept beside is audited. */
function meaningOf(items: readonly RawItem[]): readonly string[] {
  return items
    .filter(({ attributes, tokens, quotas }) => attributes ?? tokens ?? quotas)
    .map(({ pk, sk: _, homeNumber: __, revision: ___, tokenUse: ____, id: _____, tokens, ...item }) => {
      const { cursorSecret: ______, ...rest } = item;
      return printItem({ ...rest, tenant: pk!.S!.split("#")[0], tokens: tokens?.L?.length });
    })
    .concat(groupsIn(items))
    .sort();
}

/** Each group with its members' pages. */
function groupsIn(items: readonly RawItem[]): readonly string[] {
  return items
    .filter(({ wideChanges }) => wideChanges)
    .map(({ pk, sk, revision: _, wideChanges: __, ...row }) => {
      const pages = items
        .filter((item) => item["pk"]!.S === `${pk!.S}#${sk!.S}`)
        .map(({ pk: ___, ...page }) => printItem(page));
      return printItem({ ...row, pages: pages.sort() });
    });
}

/** The version of a group is that of its row, of which its members may be ahead: who relies on it is refused (412). */
function seenIn({ body }: ServiceResponse): unknown {
  const groups = [body, ...(body?.Resources ?? [])].map((resource) => ({
    displayName: resource?.displayName,
    externalId: resource?.externalId,
    members: resource?.members?.map(({ value }: { value: string }) => value).sort(),
  }));
  return {
    found: body?.Resources?.map(({ id }: { id: string }) => id),
    groups,
    usage: body?.usage,
    quotas: body?.quotas,
  };
}

function decisionIn({ body }: ServiceResponse): unknown {
  return body?.decision && { decision: body.decision, reason: body.reason, created: body.created };
}

describe.each(pairs.map((pair) => ({ pair, first: pair[0] })))("$first", ({ pair }) => {
  const [firstName, secondName] = pair;
  const [operation, rival] = [byName(firstName), byName(secondName)];
  const expectSerial = ({ findings, statuses }: Outcome): void => {
    expect(findings).toEqual([]);
    for (const status of statuses) expect(status).toBeLessThan(429);
  };

  if (!interleaved.has(pair)) {
    test(`then: ${secondName}`, async () => {
      expectSerial(await interleave(operation, rival, "last"));
    });
    return;
  }
  test(`with: ${secondName}`, async () => {
    const strip = ({ statuses, state, seen }: Outcome) => ({ statuses, state, seen });
    const firstThenSecond = await interleave(operation, rival, "last");
    const secondThenFirst = await interleave(operation, rival, "first");
    for (const serial of [firstThenSecond, secondThenFirst]) expectSerial(serial);
    for (let at = 1; at <= firstThenSecond.calls; at++) {
      const outcome = await interleave(operation, rival, at);
      const where = `"${rival.name}" before call ${at}`;
      expect({ where, findings: outcome.findings }).toEqual({ where, findings: [] });
      const serial = [firstThenSecond, secondThenFirst].map(strip);
      const equal = serial.some((each) => JSON.stringify(each) === JSON.stringify(strip(outcome)));
      // Shown as the difference from the order that it should have been.
      if (!equal)
        expect({ where, ...strip(outcome) }).toEqual({
          where,
          ...serial[outcome.statuses[0] === serial[0]!.statuses[0] ? 0 : 1],
        });
    }
  });
});

test("a project whose quota is raised, then used, is never shown with more in use than its quota", async () => {
  await restoreTable(world.table, world.items, present);
  present = undefined;
  const path = `/projects/${world.projectId}`;
  beforeCall = async (command) => {
    // This one reads the pools; the project is read beside it, and is not held up.
    if (command !== "TransactGetItems") return;
    await second.admin("PATCH", path, { quotas: { users: 9 } });
    for (let index = 0; index < 7; index++) {
      const body = { ...person(`late${index}`), [accountUrn]: { isTeamAccount: true } };
      const created = await second.adopt(world.connections.deactivate).scim("POST", "/Users", { body });
      expect(created.status).toBe(201);
    }
  };
  const { body } = await first.admin("GET", path);
  expect(body.usage.users).toBeLessThanOrEqual(body.quotas.users);
});

test("a seat that moves between pools while they are read is not taken for two", async () => {
  await restoreTable(world.table, world.items, present);
  present = undefined;
  const { scim } = second.adopt(world.connections.deactivate);
  const setActive = async (active: boolean) => {
    const body = patchOf({ op: "replace", path: "active", value: active });
    expect((await scim("PATCH", `/Users/${world.users["cy"]}`, { body })).status).toBe(200);
  };
  const poolOfCy = async (): Promise<string> => {
    const pools = (await scan(world.table)).filter(({ pk }) => pk!.S === `P#${world.projectId}#SEATS`);
    return pools.find(({ usersUsed }) => usersUsed?.N === "1")!["sk"]!.S!;
  };
  /** Cy's seat is given back and taken anew until it is one of the pool wanted. */
  const moveCy = async (isWanted: (pool: string) => boolean) => {
    while (!isWanted(await poolOfCy())) {
      await setActive(false);
      await setActive(true);
    }
  };
  // Cy holds the one seat of some pool; the only other seat is pool 0's.
  await moveCy((pool) => pool !== "0");
  await second.admin("PATCH", `/projects/${world.projectId}`, { quotas: { users: 2 } });
  await moveCy((pool) => pool === "0");

  const client = world.table.newClient();
  tearQueries(client, "#SEATS", "0", () => moveCy((pool) => pool !== "0"));
  const service = await world.open({ client });
  const activated = await perform(world, byName("activate"), service);
  client.destroy();
  expect(activated.status).toBe(200);
  expect(checkItems(await scan(world.table))).toEqual([]);
});

/** What one Query reads may be of several instants, and a member's email changes its key when it becomes the primary one. */
test("a user is found by an email that becomes the primary one while it is looked up", async () => {
  await restoreTable(world.table, world.items, present);
  present = undefined;
  const home = `ada@home.${nameMark}`;
  const { scim } = second.adopt(world.connections.deactivate);
  const client = world.table.newClient();
  tearQueries(client, "#NAMES", `email#${home}\u001f!`, async () => {
    const emails = [{ value: home, type: "home", primary: true }];
    const body = patchOf({ op: "replace", path: "emails", value: emails });
    expect((await scim("PATCH", `/Users/${world.users["ada"]}`, { body })).status).toBe(200);
  });
  const service = await world.open({ client });
  const found = await service
    .adopt(world.connections.deactivate)
    .scim("GET", `/Users?filter=${encodeURIComponent(`emails.value eq "${home}"`)}`);
  client.destroy();
  expect(found.body.totalResults).toBe(1);
});

/** What one Query reads may be of several instants: pages up to a place as they were, those behind it as they are. */
test.each(["GET", "PATCH"])(
  "members swapped across pages while a %s reads them are seen swapped or not",
  async (method) => {
    const { users, groups } = world;
    const path = `/Groups/${groups["Team"]}`;
    const sets = [["ada", "cy"], ["bob"]].map((names) => names.map((name) => users[name]).sort());
    const pages = world.items.filter(
      ({ pk, sk }) => pk!.S!.endsWith(`#${groups["Team"]}`) && sk!.S!.startsWith("S#"),
    );
    for (const { sk } of pages) {
      await restoreTable(world.table, world.items, present);
      present = undefined;
      const client = world.table.newClient();
      let isSwapped = false;
      tearQueries(client, `#${groups["Team"]}`, sk!.S!, async () => {
        if (isSwapped) return;
        isSwapped = true;
        const body = patchOf({ op: "replace", path: "members", value: membersNamed(users, "bob") });
        const swapped = await second.adopt(world.connections.deactivate).scim("PATCH", path, { body });
        expect(swapped.status).toBe(200);
      });
      const service = await world.open({ client });
      const { status, body } = await service.adopt(world.connections.deactivate).scim(method, path, {
        // Nothing is to be done, and the answer shows the members all the same.
        ...(method === "PATCH" && {
          body: patchOf({ op: "remove", path: "members", value: [{ value: "nobody" }] }),
        }),
      });
      client.destroy();
      expect({ status, isSwapped }).toEqual({ status: 200, isSwapped: true });
      expect(sets).toContainEqual(body.members.map(({ value }: { value: string }) => value).sort());
    }
  },
);

test("a token revoked while its use is noted leaves no note behind", async () => {
  await restoreTable(world.table, world.items, present);
  present = undefined;
  const token = await second.admin("GET", `${connection("deactivate")(world)}/tokens`);
  beforeCall = async (command) => {
    if (command !== "UpdateItem") return;
    beforeCall = async () => {};
    await second.admin("DELETE", `${connection("deactivate")(world)}/tokens/${token.body.items[0].id}`);
  };
  await perform(world, byName("read"), first);
  expect(checkItems(await scan(world.table))).toEqual([]);
});

test("the last seat is refused to nobody who has just been given it by the same change", async () => {
  const path = `/projects/${world.projectId}`;
  const as = (service: TestService) => service.adopt(world.connections.deactivate);
  const body = { userName: `idle@${nameMark}` };
  for (let at = 1; at <= 4; at++) {
    await restoreTable(world.table, world.items, present);
    present = undefined;
    const { id } = (await as(second).scim("POST", "/Users", { body: { ...body, active: false } })).body;
    const { usage } = (await second.admin("GET", path)).body;
    await second.admin("PATCH", path, { quotas: { readers: usage.readers + 1 } });
    const activate = (service: TestService) =>
      as(service).scim("PUT", `/Users/${id}`, { body: { ...body, active: true } });
    let calls = 0;
    beforeCall = async () => {
      if (++calls === at) expect((await activate(second)).status).toBe(200);
    };
    expect((await activate(first)).status).toBe(200);
    beforeCall = async () => {};
  }
});
