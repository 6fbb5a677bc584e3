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
  makeWorld,
  nameMark,
  type Operation,
  operations,
  patchOf,
  perform,
  person,
  type World,
} from "./operations.ts";
import { type RawItem, scanTable } from "./table-contents.ts";
import { printItem, restoreTable } from "./table-copy.ts";

const seed = seedFromEnvironment();
/** With THOROUGH=1, every operation with every other one. */
const thorough = process.env["THOROUGH"] !== undefined;

const member = (name: string) => (world: World) =>
  `/projects/${world.projectId}/members/${world.members[name]}`;
const connection = (name: keyof World["connections"]) => (world: World) =>
  `/projects/${world.projectId}/connections/${world.connections[name].connection.id}`;
const adminPatch = { api: "admin", method: "PATCH", status: 200 } as const;

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
  rename: ["create a countess", "change the email", "end ada", "replace"],
  "change the email": ["create a countess", "make ada inactive"],
  replace: ["patch", "end ada"],
  "replace, restoring what was deleted in the product": [
    "replace, restoring what was deleted in the product",
    "delete a connection",
  ],
  "convert to a user": ["make ada inactive", "lower the quota to its usage", "end ada"],
  activate: ["lower the quota to its usage"],
  "end, deactivating": ["deactivate", "convert to a reader"],
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
};

const pairs = thorough
  ? [...operations, ...rivals].flatMap((first) =>
      [...operations, ...rivals].map((second) => [first.name, second.name] as const),
    )
  : Object.entries(meetings).flatMap(([first, seconds]) => seconds.map((second) => [first, second] as const));

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
  /** What a filter found, or a project says. */
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
    seen: operation.method === "GET" ? seenIn(answer) : undefined,
    findings: checkItems(present, { quotaWasLowered: true, tokensWereRevoked: true }),
  };
}

/** Members, connections and projects, without numbers and ids that chance has given: what is kept beside is audited. */
function meaningOf(items: readonly RawItem[]): readonly string[] {
  return items
    .filter(({ attributes, tokens, quotas }) => attributes ?? tokens ?? quotas)
    .map(({ pk, sk: _, homeNumber: __, revision: ___, tokenUse: ____, id: _____, tokens, ...item }) =>
      printItem({ ...item, tenant: pk!.S!.split("#")[0], tokens: tokens?.L?.length }),
    )
    .sort();
}

function seenIn({ body }: ServiceResponse): unknown {
  return {
    found: body?.Resources?.map(({ id }: { id: string }) => id),
    usage: body?.usage,
    quotas: body?.quotas,
  };
}

describe.each(pairs)("%s", (firstName, secondName) => {
  test(`with: ${secondName}`, async () => {
    const [operation, rival] = [byName(firstName), byName(secondName)];
    const strip = ({ statuses, state, seen }: Outcome) => ({ statuses, state, seen });
    const firstThenSecond = await interleave(operation, rival, "last");
    const secondThenFirst = await interleave(operation, rival, "first");
    for (const { findings, statuses } of [firstThenSecond, secondThenFirst]) {
      expect(findings).toEqual([]);
      for (const status of statuses) expect(status).toBeLessThan(429);
    }
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
