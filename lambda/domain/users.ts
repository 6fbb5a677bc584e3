/**
 * SCIM users: what an identity provider may do with the members of its connection.
 *
 * Each change reads what it needs, decides, and commits in one transaction; when another change came first it starts
 * over (`member-change.ts`). Request bodies come as thunks, so that whoever may not come in hears of nothing else.
 */

import { notFound, RequestError, uniqueness } from "../scim/error.ts";
import { type ScimAttributes, sameAttributes } from "../scim/resource.ts";
import { type Key, memberGroupsKey, memberKey } from "../table/keys.ts";
import { parseMemberGroups } from "../table/member-groups.ts";
import { externalIdKeysOf } from "../table/member-pointers.ts";
import { readMember } from "../table/member-reads.ts";
import { claimKeysOf, parseMemberRow } from "../table/members.ts";
import { overtaken } from "../table/retry.ts";
import { readSeatPools } from "../table/seat-pools.ts";
import type { ItemsByKey, Write } from "../table/store.ts";
import { attempt, unwrapped } from "./attempt.ts";
import { type Connection, defaultsFor, projectIdOf } from "./connection.ts";
import { type Context, now } from "./context.ts";
import { tellingHeirs } from "./heir-marks.ts";
import { projectOfConnection } from "./ids.ts";
import { indexable } from "./indexable.ts";
import { owningConnection, stillUnmanaged } from "./management.ts";
import {
  emailOf,
  externalIdOf,
  lastConnectionOf,
  type Member,
  newMember,
  typeOf,
  userNameOf,
  withActive,
} from "./member.ts";
import { type ChangeGround, changing, commit, groundOf, readGround, takenName } from "./member-change.ts";
import { type GroupReference, referencesTo, withNames } from "./member-groups.ts";
import { memberIdOf, memberIdOfMember, memberNumberOf } from "./member-id.ts";
import { type Caller, credentialOf, openConnection } from "./provider-access.ts";
import type { Watch } from "./provisioning.ts";
import { quotaExceeded } from "./refusals.ts";
import { assertVersion } from "./version.ts";

export interface OpenedUser {
  readonly connection: Connection;
  readonly member: Member;
  /** The groups it is in, where they were asked for. */
  readonly groups: readonly GroupReference[];
}

/** What of a user's groups is wanted; names cost a read of each group. */
export type GroupsWanted = "none" | "ids" | "named";

/** One user by its SCIM id. 404 when there is none this connection may see. */
export async function getUser(
  context: Context,
  caller: Caller,
  id: string,
  groupsWanted: GroupsWanted,
): Promise<OpenedUser> {
  const opened = await openUser(context, caller, id, groupsWanted !== "none");
  if (opened.member.deletedAt !== undefined) {
    throw noSuchUser(id);
  }
  return groupsWanted === "named"
    ? { ...opened, groups: await withNames(context, opened.member.projectId, opened.groups) }
    : opened;
}

/**
 * Creates a user, or links the member that is already there (API.md §4: first sync, and return after a DELETE).
 * 409 `uniqueness` for a name that is taken, 403 when no seat is free, 400 for a bad body.
 */
export async function createUser(
  context: Context,
  caller: Caller,
  body: () => ScimAttributes,
  watch: Watch,
): Promise<OpenedUser> {
  credentialOf(caller);
  const projectId = projectOfConnection(caller.connectionId);
  const wanted = attempt(() => indexable(body()));
  return changing(context, async () => {
    const keys = wanted.ok
      ? [...claimKeysOf(projectId, wanted.value), ...externalIdKeysOf(caller.connectionId, wanted.value)]
      : [];
    const [{ connection, items }, pools] = await Promise.all([
      openConnection(context, caller, [...keys, ...watch.keys]),
      wanted.ok ? readSeatPools(context.store, projectId) : [],
    ]);
    watch.opened();
    watch.seen(items);
    const attributes = unwrapped(wanted);
    const ground = groundOf(items, pools);
    const met = await whoIsThere(context, connection, attributes, ground);
    if (met === undefined) {
      const after = newcomer(connection, attributes, now(context));
      const change = { before: undefined, after, newNumber: true, arrivesAt: connection };
      const member = await commit(context, change, ground, quotaExceeded.toProvider).catch(
        refusedAlone(context, keys, items),
      );
      return { connection, member, groups: [] };
    }
    const change = {
      before: met.member,
      after: adopted(met.member, connection, attributes, now(context)),
      newNumber: wasEverLinked(met.member),
      arrivesAt: connection,
    };
    const touched = await readGround(context, change);
    const member = await commit(context, change, touched, quotaExceeded.toProvider, met.checks);
    // New to this connection, or under a new number: in none of its groups.
    return { connection, member, groups: [] };
  });
}

/** The last seat may be this very person's by now, taken since nobody was found: then look again who is there. */
function refusedAlone({ store }: Context, keys: readonly Key[], seen: ItemsByKey) {
  return async (error: unknown): Promise<never> => {
    if (error instanceof RequestError && error.code === "quota_exceeded") {
      const items = await store.read(keys);
      if (keys.some((key) => items.get(key) !== undefined && seen.get(key) === undefined)) {
        overtaken();
      }
    }
    throw error;
  };
}

export interface UserChange {
  /** `If-Match`, when sent. */
  readonly ifMatch: string | undefined;
  /** What the request makes of the stored attributes; throws what is wrong with it. */
  readonly apply: (stored: ScimAttributes) => ScimAttributes;
  /** A PUT says all of the user, so it brings back one that was deleted in the product; a PATCH only by `active` true. */
  readonly method: "PUT" | "PATCH";
  readonly wantsGroups: boolean;
}

/** PUT and PATCH. A change without effect writes nothing and keeps the version (RFC 7644 §3.5.2.1). */
export async function changeUser(
  context: Context,
  caller: Caller,
  id: string,
  request: UserChange,
  watch: Watch,
): Promise<OpenedUser> {
  return changing(context, async () => {
    const opened = await openUser(context, caller, id, request.wantsGroups, watch);
    const { connection, member: before, groups } = opened;
    assertVersion("user", before, request.ifMatch);
    const attributes = indexable(request.apply(attributesFor(request.method, before)));
    const restores = before.deletedAt !== undefined;
    if (restores && request.method === "PATCH" && attributes["active"] !== true) {
      throw noSuchUser(id);
    }
    if (!restores && sameAttributes(before.attributes, attributes)) {
      return opened;
    }
    watch.renamed(userNameOf(attributes));
    const type = typeOf(attributes);
    const converted = type !== typeOf(before.attributes);
    const after: Member = {
      ...before,
      attributes,
      role: converted ? defaultsFor(connection, type).role : before.role,
      deletedAt: undefined,
      ...tellingHeirs(connection, before),
      ...nextVersion(before, now(context)),
    };
    const change = { before, after, newNumber: false };
    const ground = await readGround(context, change);
    const taken = takenName(after, ground.claimAt);
    if (taken) {
      const holder = await readMember(context.store, after.projectId, taken.holder);
      throw uniqueness(
        `${taken.attribute} "${taken.value}" is already used by another member of the project, ` +
          `${memberIdOfMember(holder ?? overtaken())}. Choose another one, or give that member another one first. ` +
          "Nothing was changed.",
      );
    }
    const member = await commit(context, change, ground, quotaExceeded.toProvider);
    return { connection, member, groups };
  });
}

/** Ends the provisioning of a user; what becomes of the member says the connection's `onDelete`. */
export async function deleteUser(
  context: Context,
  caller: Caller,
  id: string,
  ifMatch: string | undefined,
  watch: Watch,
): Promise<void> {
  await changing(context, async () => {
    const { connection, member: before } = await openUser(context, caller, id, false, watch);
    if (before.deletedAt !== undefined) {
      throw noSuchUser(id);
    }
    assertVersion("user", before, ifMatch);
    const at = now(context);
    const after: Member = {
      ...before,
      attributes: withActive(before.attributes, false),
      connectionId: undefined,
      formerConnectionId: connection.id,
      deletedAt: connection.onDelete === "delete" ? at : undefined,
      ...tellingHeirs(connection, before),
      ...nextVersion(before, at),
    };
    const change = { before, after, newNumber: false };
    await commit(context, change, await readGround(context, change), quotaExceeded.toProvider);
  });
}

/** The row under a SCIM id, linked to the caller's connection, deleted in the product or not. */
async function openUser(
  context: Context,
  caller: Caller,
  id: string,
  wantsGroups: boolean,
  watch?: Watch,
): Promise<OpenedUser> {
  credentialOf(caller);
  const projectId = projectOfConnection(caller.connectionId);
  const number = memberNumberOf(projectId, id);
  const key = number === undefined ? undefined : memberKey(projectId, number);
  const groupsKey = number !== undefined && wantsGroups ? memberGroupsKey(projectId, number) : undefined;
  const keys = [key, groupsKey].filter((one) => one !== undefined);
  const { connection, items } = await openConnection(context, caller, keys);
  watch?.opened();
  const member = key && memberAt(projectId, items, key);
  if (member !== undefined && lastConnectionOf(member) === connection.id) {
    watch?.named(userNameOf(member.attributes));
  }
  if (member?.connectionId !== connection.id) {
    throw noSuchUser(id);
  }
  const carried = parseMemberGroups(groupsKey && items.get(groupsKey));
  return { connection, member, groups: referencesTo(connection.id, carried) };
}

function memberAt(projectId: string, items: ItemsByKey, key: Key): Member | undefined {
  const item = items.get(key);
  const row = item && parseMemberRow(projectId, item);
  return row?.kind === "member" ? row.member : undefined;
}

/** A member that a new user turns out to be, and what must stay true of it until it is linked. */
export interface Met {
  readonly member: Member;
  readonly checks: readonly Write[];
}

/**
 * The member a new user meets: one that holds its userName or email, one that signed in with its externalId, or one this
 * connection deleted before. Nobody: undefined. Somebody it must not become: 409.
 */
export async function whoIsThere(
  context: Context,
  connection: Connection,
  attributes: ScimAttributes,
  { claimAt, externalIdAt }: ChangeGround,
): Promise<Met | undefined> {
  const projectId = projectIdOf(connection);
  const keys = claimKeysOf(projectId, attributes);
  const [byUserName, byEmail] = keys.map(claimAt);
  const userName = `userName "${userNameOf(attributes)}"`;
  const email = `email "${emailOf(attributes)}"`;
  if (
    byUserName?.holder !== undefined &&
    byEmail?.holder !== undefined &&
    byUserName.holder !== byEmail.holder
  ) {
    const [first, second] = await Promise.all([
      holderOf(context, projectId, byUserName.holder, keys[0]!),
      holderOf(context, projectId, byEmail.holder, keys[1]!),
    ]);
    throw uniqueness(
      `${userName} belongs to member ${memberIdOfMember(first)} and ` +
        `${email} to another one, member ${memberIdOfMember(second)}. ` +
        "Give one of the two another userName or email, or correct the user in the identity provider, then retry.",
    );
  }
  const [claimed, name] = byUserName?.holder !== undefined ? [0, userName] : [1, email];
  const holder = [byUserName, byEmail][claimed]?.holder;
  if (holder !== undefined) {
    const member = await holderOf(context, projectId, holder, keys[claimed]!);
    return { member, checks: await assertLinkable(context, connection, member, attributes, name) };
  }
  const [byExternalId] = externalIdKeysOf(connection.id, attributes).map(externalIdAt);
  if (byExternalId?.as === "signIn") {
    const member = await signedInMember(context, connection, byExternalId.number, externalIdOf(attributes));
    const name = `externalId "${externalIdOf(attributes)}"`;
    return { member, checks: await assertLinkable(context, connection, member, attributes, name) };
  }
  for (const claim of [byUserName, byEmail]) {
    const former = claim?.former[connection.id];
    const member = former === undefined ? undefined : await readMember(context.store, projectId, former);
    if (member?.deletedAt !== undefined && lastConnectionOf(member) === connection.id) {
      return { member, checks: [] };
    }
  }
  return undefined;
}

/** The member that holds a claim. Read after the claim, it may have been renamed or deleted by now: then start over. */
async function holderOf(context: Context, projectId: string, holder: number, claim: Key): Promise<Member> {
  const member = await readMember(context.store, projectId, holder);
  const holds =
    member !== undefined &&
    member.deletedAt === undefined &&
    claimKeysOf(projectId, member.attributes).some(({ sk }) => sk === claim.sk);
  return holds ? member : overtaken();
}

/** The member that signed in with an externalId, which is how it was found. It may have been linked by now: then start over. */
async function signedInMember(
  context: Context,
  connection: Connection,
  number: number,
  externalId: string | undefined,
): Promise<Member> {
  const member = await readMember(context.store, projectIdOf(connection), number);
  const signIn = member?.signIn;
  return signIn?.connectionId === connection.id && signIn.externalId === externalId ? member! : overtaken();
}

/** 409 unless the connection may take this member over; else what must stay true until it has. */
async function assertLinkable(
  context: Context,
  connection: Connection,
  member: Member,
  attributes: ScimAttributes,
  name: string,
): Promise<readonly Write[]> {
  if (member.connectionId === connection.id) {
    throw uniqueness(
      `${name} is already used by user ${memberIdOf(member.projectId, member.number)} of this connection. ` +
        "Match that user by a filter and update it instead of creating it.",
      "already_provisioned",
    );
  }
  const owner = await owningConnection(context, member);
  if (owner?.scimEnabled) {
    throw uniqueness(
      `${name} belongs to a member managed by another connection of this project, "${owner.name}" (${owner.id}). ` +
        "Remove the user from that identity provider, or disable SCIM on that connection, then retry.",
      "managed_elsewhere",
    );
  }
  const returns = member.connectionId === undefined && member.formerConnectionId === connection.id;
  const type = typeOf(member.attributes);
  if (!returns && !member.signIn?.typeIsOpen && type !== typeOf(attributes)) {
    const wayOut =
      connection.inheritance === undefined
        ? `Send isTeamAccount ${type === "user"} to take the member over as it is and convert it afterwards, ` +
          "or change its type in the product, then retry."
        : "Change its type in the product to the one that the user has at the parent; then it is linked by itself.";
    throw uniqueness(
      `User already available in the project as a ${type}: ${name}. ${wayOut}`,
      "role_conflict",
    );
  }
  return stillUnmanaged(member, owner);
}

/** The member as the connection's own: attributes are the IdP's now, access stays, the role where the type is the same. */
export function adopted(
  member: Member,
  connection: Connection,
  attributes: ScimAttributes,
  at: string,
): Member {
  const type = typeOf(attributes);
  return {
    ...member,
    attributes,
    role: type === typeOf(member.attributes) ? member.role : defaultsFor(connection, type).role,
    connectionId: connection.id,
    formerConnectionId: undefined,
    signIn: undefined,
    deletedAt: undefined,
    // Of another connection's children it was told, if of any.
    ...tellingHeirs(connection, undefined),
    ...nextVersion(member, at),
  };
}

export function newcomer(connection: Connection, attributes: ScimAttributes, at: string): Member {
  const { role, access } = defaultsFor(connection, typeOf(attributes));
  const projectId = projectIdOf(connection);
  const fresh = newMember({ projectId, attributes, role, access, connectionId: connection.id }, at);
  return { ...fresh, ...tellingHeirs(connection, undefined) };
}

/** A PUT onto a member deleted in the product starts from nothing but its type; deleting had set it inactive. */
function attributesFor(method: UserChange["method"], member: Member): ScimAttributes {
  return method === "PUT" && member.deletedAt !== undefined
    ? withActive(member.attributes, true)
    : member.attributes;
}

/**
 * A member that SCIM had once comes back under a new number: its old one still stands in groups it was deleted from,
 * and must not bring those memberships back.
 */
function wasEverLinked(member: Member): boolean {
  return lastConnectionOf(member) !== undefined;
}

export function nextVersion(before: Member, at: string) {
  return { lastModified: at, updatedAt: at, version: before.version + 1, revision: before.revision + 1 };
}

function noSuchUser(id: string) {
  return notFound(`User ${id} does not exist in this connection; look it up by a filter, or create it.`);
}
