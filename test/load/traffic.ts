/** What an IdP sends when its time has come, and what the answer means for what the service has to hold from then on. */

import { isDeepStrictEqual } from "node:util";
import type * as z from "zod";
import { createSeededRandom, type SeededRandom } from "../support/seeded-random.ts";
import type { Arrival } from "./arrivals.ts";
import type { Outcome } from "./http-client.ts";
import { type KnownGroup, type KnownUser, type Membership, membershipOf, noteCreated } from "./ledger.ts";
import {
  accountUrn,
  groupListSchema,
  groupSchema,
  isTeamAccount,
  patchOpUrn,
  type ScimUser,
  userListSchema,
  userSchema,
} from "./messages.ts";
import { newUserBody, type Tenant } from "./tenant.ts";

/** As the report names them. */
export const trafficKinds = [
  "look-up, hit",
  "look-up, miss",
  "create user",
  "PATCH user",
  "PATCH hot group",
  "PATCH other group",
  "read user",
  "read group",
] as const;
export type TrafficKind = (typeof trafficKinds)[number];

/** Share of look-ups that find nobody, and of group changes that are on the hot group: idp-traffic.md §13. */
const missShare = 0.5;
const hotShare = 0.8;
/** Share of look-ups that are of a group's name, of membership changes that add, of reads that are of a group. Our choice. */
const groupLookUpShare = 0.1;
const addShare = 0.7;
const groupReadShare = 0.5;

/** Sends what is due and resolves when it is answered for good. */
export async function sendArrival(tenant: Tenant, { kind, seed }: Arrival): Promise<TrafficKind> {
  const random = createSeededRandom(seed);
  switch (kind) {
    case "lookUp":
      return lookUp(tenant, random);
    case "create":
      return createUser(tenant);
    case "patchUser":
      return patchUser(tenant, random);
    case "patchMembership":
      return patchMembership(tenant, random);
    case "read":
      return random.next() < groupReadShare ? readGroup(tenant, random) : readUser(tenant, random);
  }
}

async function lookUp(tenant: Tenant, random: SeededRandom): Promise<TrafficKind> {
  if (random.next() < groupLookUpShare) return lookUpGroup(tenant, random);
  const user = random.next() < missShare ? undefined : pickUser(tenant, random, ({ unsure }) => !unsure);
  const sought = user?.answered ?? newUserBody(tenant.newName());
  const filter = random.pick([
    `userName eq "${sought.userName}"`,
    `externalId eq "${sought.externalId}"`,
    `emails[type eq "work"].value eq "${sought.emails?.[0]?.value}"`,
  ]);
  const isQuiet = user && quietDuring(user);
  const outcome = await tenant.scim("GET", `/Users?filter=${encodeURIComponent(filter)}`);
  const list = understood(tenant, `look-up ${filter}`, outcome, [200], userListSchema);
  if (list !== undefined && (user === undefined || isQuiet?.())) {
    const expected = user === undefined ? [] : [user.id];
    const found = list.Resources.map(({ id }) => id);
    if (!isDeepStrictEqual(found, expected) || list.totalResults !== expected.length) {
      tenant.ledger.wrong.push(`look-up ${filter} found ${show(found)} instead of ${show(expected)}`);
    }
  }
  return user === undefined ? "look-up, miss" : "look-up, hit";
}

async function lookUpGroup(tenant: Tenant, random: SeededRandom): Promise<TrafficKind> {
  const group = random.next() < missShare ? undefined : random.pick(tenant.ledger.groups);
  const filter = `displayName eq "${group?.displayName ?? tenant.newName()}"`;
  // As Entra asks: it never wants members here (idp-traffic.md §1.6).
  const path = `/Groups?excludedAttributes=members&filter=${encodeURIComponent(filter)}`;
  const outcome = await tenant.scim("GET", path);
  const list = understood(tenant, `look-up ${filter}`, outcome, [200], groupListSchema);
  const found = list?.Resources.map(({ id }) => id);
  const expected = group === undefined ? [] : [group.id];
  if (found !== undefined && !isDeepStrictEqual(found, expected)) {
    tenant.ledger.wrong.push(`look-up ${filter} found ${show(found)} instead of ${show(expected)}`);
  }
  return group === undefined ? "look-up, miss" : "look-up, hit";
}

async function createUser(tenant: Tenant): Promise<TrafficKind> {
  const body = newUserBody(tenant.newName());
  const outcome = await tenant.scim("POST", "/Users", body);
  // A 429 may have come for a change that was made all the same: the repetition then meets its own user.
  const foundItself = outcome.kind === "answered" && outcome.resent && outcome.status === 409;
  if (outcome.kind === "unknown" || foundItself) tenant.ledger.perhapsCreated.add(body.userName);
  else {
    const user = understood(tenant, `create ${body.userName}`, outcome, [201], userSchema);
    if (user !== undefined) noteCreated(tenant.ledger, user);
  }
  return "create user";
}

async function patchUser(tenant: Tenant, random: SeededRandom): Promise<TrafficKind> {
  const user = pickUser(tenant, random, ({ changing, unsure }) => !changing && !unsure);
  if (user === undefined) return lookUp(tenant, random);
  const operation = changeOf(user.answered, tenant, random);
  user.changing = true;
  user.changes++;
  const outcome = await tenant.scim("PATCH", `/Users/${user.id}`, {
    schemas: [patchOpUrn],
    Operations: [operation],
  });
  user.changing = false;
  const answer = understood(tenant, `PATCH of user ${user.id}`, outcome, [200], userSchema);
  if (answer === undefined) user.unsure = true;
  else user.answered = answer;
  return "PATCH user";
}

/** One operation, in the shapes of idp-traffic.md §1.4 and §2: seats come and go, names change hands. */
function changeOf(user: ScimUser, tenant: Tenant, random: SeededRandom): unknown {
  const isActive = user.active !== false;
  return random.pick([
    { op: "Replace", path: "displayName", value: `Renamed ${random.below(1_000_000)}` },
    { op: "replace", value: { "name.familyName": `Family ${random.below(1_000_000)}` } },
    { op: "Replace", path: 'emails[type eq "work"].value', value: `mail.${tenant.newName()}@example.com` },
    { op: "Replace", path: "userName", value: `${tenant.newName()}@example.com` },
    { op: "Replace", path: "active", value: isActive ? "False" : "True" },
    { op: "replace", value: { active: !isActive } },
    { op: "Replace", path: `${accountUrn}:isTeamAccount`, value: !isTeamAccount(user) },
  ]);
}

async function patchMembership(tenant: Tenant, random: SeededRandom): Promise<TrafficKind> {
  const [hot, ...others] = tenant.ledger.groups;
  const isHot = hot !== undefined && random.next() < hotShare;
  const group = isHot ? hot : random.pick(others);
  const adds = random.next() < addShare;
  const chosen = pickMembership(tenant, group, adds, random);
  if (chosen === undefined) return lookUp(tenant, random);
  const { userId, membership } = chosen;
  const value = [{ value: userId }];
  const operation = adds
    ? { op: "Add", path: "members", value }
    : random.pick([
        { op: "Remove", path: "members", value },
        { op: "remove", path: `members[value eq "${userId}"]` },
      ]);
  membership.changing = true;
  const body = { schemas: [patchOpUrn], Operations: [operation] };
  const outcome = await tenant.scim("PATCH", `/Groups/${group.id}`, body);
  membership.changing = false;
  noteMembership(tenant, group, { userId, membership, adds }, outcome);
  return isHot ? "PATCH hot group" : "PATCH other group";
}

interface MembershipChange {
  readonly userId: string;
  readonly membership: Membership;
  readonly adds: boolean;
}

/** Above a thousand members a PATCH is answered without a body (API.md §4). */
function noteMembership(
  tenant: Tenant,
  group: KnownGroup,
  { userId, membership, adds }: MembershipChange,
  outcome: Outcome,
): void {
  const what = `${adds ? "adding" : "removing"} ${userId} in group ${group.id}`;
  const understands = groupSchema.optional();
  if (outcome.kind === "unknown" || ![200, 204].includes(outcome.status)) {
    membership.unsure = true;
    understood(tenant, what, outcome, [200, 204], understands);
    return;
  }
  membership.isMember = adds;
  const answer = understood(tenant, what, outcome, [200, 204], understands);
  if (answer !== undefined && (answer.members ?? []).some(({ value }) => value === userId) !== adds) {
    tenant.ledger.wrong.push(`${what}: the answer says otherwise`);
  }
}

/** Rather one that the change has an effect on; a few have none, as IdPs repeat themselves. */
function pickMembership(
  tenant: Tenant,
  group: KnownGroup,
  adds: boolean,
  random: SeededRandom,
): { readonly userId: string; readonly membership: Membership } | undefined {
  const isFree = ({ id }: KnownUser) => {
    const known = group.memberships.get(id);
    return known === undefined || !(known.changing || known.unsure);
  };
  const hasEffect = (user: KnownUser) =>
    isFree(user) && (group.memberships.get(user.id)?.isMember ?? false) !== adds;
  const user = pickUser(tenant, random, hasEffect) ?? pickUser(tenant, random, isFree);
  return user && { userId: user.id, membership: membershipOf(group, user.id) };
}

async function readUser(tenant: Tenant, random: SeededRandom): Promise<TrafficKind> {
  const user = pickUser(tenant, random, ({ unsure }) => !unsure);
  if (user === undefined) return lookUp(tenant, random);
  const { answered } = user;
  const isQuiet = quietDuring(user);
  const outcome = await tenant.scim("GET", `/Users/${user.id}`);
  const read = understood(tenant, `read of user ${user.id}`, outcome, [200], userSchema);
  if (read !== undefined && isQuiet() && !isSameUser(read, answered)) {
    tenant.ledger.wrong.push(
      `user ${user.id} was read as ${show(read)}, after it was answered as ${show(answered)}`,
    );
  }
  return "read user";
}

async function readGroup(tenant: Tenant, random: SeededRandom): Promise<TrafficKind> {
  const group = random.pick(tenant.ledger.groups);
  const outcome = await tenant.scim("GET", `/Groups/${group.id}?excludedAttributes=members`);
  const read = understood(tenant, `read of group ${group.id}`, outcome, [200], groupSchema);
  if (read !== undefined && read.displayName !== group.displayName) {
    tenant.ledger.wrong.push(`group ${group.id} was read as ${show(read)}`);
  }
  return "read group";
}

/** Tries before a user that suits is given up: with so few left the load asks for something else. */
const triesMax = 16;

function pickUser(
  { ledger: { users } }: Tenant,
  random: SeededRandom,
  suits: (user: KnownUser) => boolean,
): KnownUser | undefined {
  for (let tries = 0; tries < triesMax && users.length > 0; tries++) {
    const user = random.pick(users);
    if (suits(user)) return user;
  }
  return undefined;
}

/** The function tells whether nobody has been changing the user since. */
function quietDuring(user: KnownUser): () => boolean {
  const { changes, changing } = user;
  return () => !changing && user.changes === changes;
}

/** `groups` trails, and is compared by itself in the end. */
export function isSameUser(one: ScimUser, other: ScimUser): boolean {
  return isDeepStrictEqual({ ...one, groups: undefined }, { ...other, groups: undefined });
}

/** The answer's body; undefined, and noted as wrong where it was none of `statuses`, if there is nothing to go by. */
function understood<T>(
  tenant: Tenant,
  what: string,
  outcome: Outcome,
  statuses: readonly number[],
  schema: z.ZodType<T>,
): T | undefined {
  if (outcome.kind === "unknown") return undefined;
  const parsed = statuses.includes(outcome.status) ? schema.safeParse(outcome.body) : undefined;
  if (parsed?.success) return parsed.data;
  tenant.ledger.wrong.push(`${what} was answered ${outcome.status} ${show(outcome.body)}`);
  return undefined;
}

export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 400 ? `${text.slice(0, 400)}…` : text;
}
