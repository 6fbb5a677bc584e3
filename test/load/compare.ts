/** What the service holds, against what it has answered: every difference is a line. */

import { setTimeout as sleep } from "node:timers/promises";
import type { KnownGroup, KnownUser } from "./ledger.ts";
import {
  groupListSchema,
  groupSchema,
  isTeamAccount,
  projectSchema,
  type ScimUser,
  userListSchema,
  userSchema,
} from "./messages.ts";
import { answered, eachAtOnce, type Tenant } from "./tenant.ts";
import { isSameUser, show } from "./traffic.ts";

/** The largest page there is (API.md §4). */
const pageSize = 500;
/** `User.groups` may trail a second (API.md §3); after a storm, on a busy machine, longer. Past this it does not come. */
const trailingMilliseconds = 120_000;
/** Between two looks at what trails. */
const lookAgainMilliseconds = 500;

export async function compareTenant(tenant: Tenant): Promise<readonly string[]> {
  const differences = [...tenant.ledger.wrong];
  await eachAtOnce(tenant.ledger.users, async (user) => {
    differences.push(...(await compareUser(tenant, user)));
  });
  const perhaps = await perhapsCreatedIds(tenant);
  const listed = await listUsers(tenant);
  differences.push(...compareListing(tenant, listed, perhaps));
  const held = new Map<string, ReadonlySet<string>>();
  for (const group of tenant.ledger.groups) {
    const members = await membersOf(tenant, group);
    differences.push(...compareMembers(group, members));
    held.set(group.id, new Set(members));
  }
  if (tenant.projectUrl !== undefined) {
    differences.push(...(await compareGroupTotal(tenant)));
    differences.push(...(await compareUsage(tenant, tenant.projectUrl, listed)));
  }
  differences.push(...(await compareGroupsOfUsers(tenant, held)));
  return differences;
}

/** By its id and by its name. */
async function compareUser(tenant: Tenant, user: KnownUser): Promise<readonly string[]> {
  const outcome = await tenant.scim("GET", `/Users/${user.id}`);
  if (outcome.kind === "unknown" || outcome.status !== 200) {
    return [`user ${user.id} was created, and a read of it gives ${show(outcome)}`];
  }
  const read = userSchema.parse(outcome.body);
  const differences =
    user.unsure || isSameUser(read, user.answered)
      ? []
      : [`user ${user.id} was answered as ${show(user.answered)}, and is ${show(read)}`];
  const found = await findByName(tenant, read.userName);
  return found.length === 1 && found[0]?.id === user.id
    ? differences
    : [
        ...differences,
        `userName ${read.userName} of user ${user.id} finds ${show(found.map(({ id }) => id))}`,
      ];
}

async function findByName(tenant: Tenant, userName: string): Promise<readonly ScimUser[]> {
  const filter = encodeURIComponent(`userName eq "${userName}"`);
  return answered(await tenant.scim("GET", `/Users?filter=${filter}`), 200, userListSchema).Resources;
}

/** Of those creations without an answer that took effect. */
async function perhapsCreatedIds(tenant: Tenant): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  await eachAtOnce([...tenant.ledger.perhapsCreated], async (userName) => {
    for (const { id } of await findByName(tenant, userName)) ids.add(id);
  });
  return ids;
}

/** Every user of the connection, page by page. */
async function listUsers(tenant: Tenant): Promise<readonly ScimUser[]> {
  const listed: ScimUser[] = [];
  for (;;) {
    const path = `/Users?startIndex=${listed.length + 1}&count=${pageSize}`;
    const { totalResults, Resources } = answered(await tenant.scim("GET", path), 200, userListSchema);
    listed.push(...Resources);
    if (Resources.length === 0 || listed.length >= totalResults) return listed;
  }
}

function compareListing(
  { ledger, projectUrl }: Tenant,
  listed: readonly ScimUser[],
  perhaps: ReadonlySet<string>,
): readonly string[] {
  const byId = new Map(listed.map((user) => [user.id, user]));
  const known = new Set(ledger.users.map(({ id }) => id));
  const twice = listed.length - byId.size;
  const strangers = listed.filter(({ id }) => !known.has(id) && !perhaps.has(id));
  return [
    ...(twice > 0 ? [`the listing shows ${twice} users more than once`] : []),
    ...(projectUrl === undefined ? [] : strangers.map((user) => `nobody created ${show(user)}`)),
    ...ledger.users.flatMap(({ id, unsure, answered: expected }) => {
      const found = byId.get(id);
      if (found !== undefined && (unsure || isSameUser(found, expected))) return [];
      return [`user ${id} was answered as ${show(expected)}, and is listed as ${show(found)}`];
    }),
  ];
}

async function membersOf(tenant: Tenant, group: KnownGroup): Promise<readonly string[]> {
  const outcome = await tenant.scim("GET", `/Groups/${group.id}`);
  const { members = [] } = answered(outcome, 200, groupSchema);
  return members.map(({ value }) => value);
}

/** The set of its members equals what the answered changes say. */
function compareMembers(group: KnownGroup, members: readonly string[]): readonly string[] {
  const held = new Set(members);
  const differences = held.size === members.length ? [] : [`group ${group.id} shows a member twice`];
  for (const [id, { isMember, unsure }] of group.memberships) {
    if (!unsure && isMember !== held.has(id)) {
      differences.push(
        `group ${group.id} ${isMember ? "lacks" : "still has"} ${id}, whose ` +
          `${isMember ? "addition" : "removal"} was answered`,
      );
    }
    held.delete(id);
  }
  return [...differences, ...[...held].map((id) => `group ${group.id} has ${id}, whom nobody added`)];
}

async function compareGroupTotal(tenant: Tenant): Promise<readonly string[]> {
  const outcome = await tenant.scim("GET", "/Groups?excludedAttributes=members");
  const { totalResults } = answered(outcome, 200, groupListSchema);
  const expected = tenant.ledger.groups.length;
  return totalResults === expected ? [] : [`${totalResults} groups are listed, ${expected} were created`];
}

/** Seats in use equal active members, by type. */
async function compareUsage(
  tenant: Tenant,
  projectUrl: string,
  listed: readonly ScimUser[],
): Promise<readonly string[]> {
  const { usage } = answered(await tenant.admin("GET", projectUrl), 200, projectSchema);
  const active = listed.filter((user) => user.active !== false);
  const users = active.filter(isTeamAccount).length;
  const expected = { users, reviewers: 0, readers: active.length - users };
  const isSame = usage.users === users && usage.reviewers === 0 && usage.readers === expected.readers;
  return isSame ? [] : [`usage is ${show(usage)}, active members are ${show(expected)}`];
}

/** `User.groups` follows what the groups hold. Asked again until it does, since it trails. */
async function compareGroupsOfUsers(
  tenant: Tenant,
  held: ReadonlyMap<string, ReadonlySet<string>>,
): Promise<readonly string[]> {
  const deadline = performance.now() + trailingMilliseconds;
  for (;;) {
    const listed = await listUsers(tenant);
    const differences = listed.flatMap((user) => compareGroupsOf(user, held));
    if (differences.length === 0 || performance.now() > deadline) return differences;
    await sleep(lookAgainMilliseconds);
  }
}

function compareGroupsOf(user: ScimUser, held: ReadonlyMap<string, ReadonlySet<string>>): readonly string[] {
  const named = new Set((user.groups ?? []).map(({ value }) => value));
  return [...held].flatMap(([id, members]) =>
    members.has(user.id) === named.has(id)
      ? []
      : [`groups of user ${user.id} ${named.has(id) ? "still name" : "lack"} ${id}`],
  );
}
