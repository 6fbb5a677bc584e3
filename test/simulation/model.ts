/**
 * A project as API.md describes it, in plain memory. Written from that page alone, so that a mistake in the service is not
 * repeated here: nothing of `lambda` is imported.
 */

import type { Access, Email, Label, MemberType, Role, SeatKind, Slot } from "./steps.ts";

/**
 * Who somebody is. Ids are the service's to give: they become known from its answers, and are the same in whatever came of a
 * step, so identities are shared by copies of a project.
 */
export interface Identity {
  /** Of the request that made it. */
  readonly label: Label;
  /** Undefined until the service has told it. */
  id: string | undefined;
  /** What the service last told of its version, and our revision at that time. */
  seen: { readonly etag: string; readonly revision: number } | undefined;
}

export interface MemberIdentity extends Identity {
  /** Where the table keeps the row, once it was seen there. */
  home: number | undefined;
}

export interface Attributes {
  readonly userName: string;
  readonly externalId?: string;
  readonly displayName?: string;
  readonly title?: string;
  readonly emails?: readonly Email[];
  /** Absent: active. */
  readonly active?: boolean;
  /** `isTeamAccount`. Absent: a reader. */
  readonly team?: boolean;
}

export interface Member {
  readonly identity: MemberIdentity;
  /** The SCIM user it is, or was before it was deleted in the product. */
  readonly user: Identity | undefined;
  /** Whose user it is: a connection that may be disabled, or gone. */
  readonly connection: Label | undefined;
  /** The connection that deleted it by SCIM, where no other has had it since. */
  readonly former: Label | undefined;
  readonly attributes: Attributes;
  /** Of a user; null for a reader. */
  readonly role: Role | null;
  readonly access: Access;
  /** Made by a sign-in, and not linked by SCIM since: how its connection knows it. */
  readonly signIn:
    | { readonly connection: Label; readonly subject: string; readonly externalId: string | undefined }
    | undefined;
  /** Nobody has decided yet what type it is. */
  readonly isTypeOpen: boolean;
  readonly deleted: boolean;
  /** Rises when SCIM sees a change. */
  readonly revision: number;
}

export interface Group {
  readonly identity: Identity;
  readonly connection: Label | undefined;
  readonly displayName: string;
  readonly externalId: string | undefined;
  readonly access: Access;
  /** Users of its connection, those deleted in the product since included: they come back when they are restored. */
  readonly users: ReadonlySet<Identity>;
  /** Members of any kind, put in by hand. */
  readonly byHand: ReadonlySet<MemberIdentity>;
  readonly revision: number;
}

export interface Token {
  readonly identity: Identity & { secret: string | undefined };
  /** Epoch milliseconds; the token is refused from then on. */
  readonly endsAt: number;
}

export interface Connection {
  readonly identity: Identity;
  readonly slot: Slot;
  readonly provider: string;
  readonly scimEnabled: boolean;
  readonly onDelete: "deactivate" | "delete";
  readonly jit: boolean;
  readonly uniqueGroupNames: boolean;
  readonly defaults: {
    readonly role: "contributor" | "admin";
    readonly userAccess: Access;
    readonly readerAccess: Access;
    readonly groupAccess: Access;
  };
  /** Oldest first, ended ones included. */
  readonly tokens: readonly Token[];
  readonly deleted: boolean;
  /** Of a child: it has its users and settings from a connection of another project. */
  readonly inherited?: true;
  /** How many inherit from it, where any do. */
  readonly childCount?: number;
}

/** A provisioning request that could not be applied, and has not succeeded since. */
export interface SyncFailure {
  readonly connection: Label;
  readonly resourceType: "User" | "Group";
  /** As the latest attempt told it; one failure for all spellings. */
  readonly identifier: string;
  /** All below are of the latest attempt, too. */
  readonly operation: "create" | "replace" | "modify" | "delete";
  /** Any of them, where several hold at once. */
  readonly refusals: readonly { readonly status: number; readonly reason: string }[];
  readonly attempts: number;
}

export interface Project {
  /** Epoch milliseconds. */
  readonly now: number;
  readonly quotas: Readonly<Record<SeatKind, number | null>>;
  /** The last member of a connection that was deleted under a name, by `rememberedKey`. */
  readonly remembered: ReadonlyMap<string, Label>;
  /** By the label of the request that made them, as all below. */
  readonly connections: ReadonlyMap<Label, Connection>;
  readonly members: ReadonlyMap<Label, Member>;
  /** Live ones only. */
  readonly groups: ReadonlyMap<Label, Group>;
  /** What those that are gone were called. */
  readonly formerGroups: ReadonlyMap<Label, string>;
  /** The open ones, by `failureKey`. */
  readonly failures: ReadonlyMap<string, SyncFailure>;
  /** What labels name: several may name one member, and a member several users one after the other. */
  readonly named: {
    readonly members: ReadonlyMap<Label, MemberIdentity>;
    readonly users: ReadonlyMap<Label, Identity>;
    readonly groups: ReadonlyMap<Label, Identity>;
  };
}

export function emptyProject(now: number): Project {
  return {
    now,
    quotas: { users: null, reviewers: null, readers: null },
    remembered: new Map(),
    connections: new Map(),
    members: new Map(),
    groups: new Map(),
    formerGroups: new Map(),
    failures: new Map(),
    named: { members: new Map(), users: new Map(), groups: new Map() },
  };
}

/** One open failure for each connection, resource type and identifier. */
export function failureKey(connection: string | undefined, resourceType: string, identifier: string): string {
  return `${resourceType} ${identifier && fold(identifier)} at ${connection}`;
}

/** As ids are formed, and nobody's: in place of a label whose step was left out. */
export const nobodysId = "00000000-0000-4000-8000-000000000000";

export function newIdentity(label: Label): Identity {
  return { label, id: undefined, seen: undefined };
}

/** Tells names apart as the service must: case-insensitively, and whatever Unicode form they come in. */
export function fold(text: string): string {
  return text.normalize("NFKC").toLowerCase().toUpperCase().toLowerCase().normalize("NFKC");
}

export function isSameName(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && fold(a) === fold(b);
}

/** The primary one, else the first of type work, else the first. */
export function emailOf({ emails = [] }: Pick<Attributes, "emails">): string | undefined {
  const chosen = emails.find(({ primary }) => primary) ?? emails.find(isWorkEmail) ?? emails[0];
  return chosen?.value;
}

/** As SCIM shows it, should the member be a user of a connection whose SCIM is off just now. */
export function emailByHand(value: string): Email {
  return { value, type: "work", primary: true };
}

export function isWorkEmail({ type }: Email): boolean {
  return type?.toLowerCase() === "work";
}

export function isLive(member: Member): boolean {
  return !member.deleted;
}

export function isActive(member: Member): boolean {
  return isLive(member) && member.attributes.active !== false;
}

export function typeOf({ attributes }: Pick<Member, "attributes">): MemberType {
  return attributes.team === true ? "user" : "reader";
}

export function seatOf(member: Member): SeatKind | undefined {
  if (!isActive(member)) return undefined;
  if (typeOf(member) === "reader") return "readers";
  return member.role === "reviewer" ? "reviewers" : "users";
}

export function usageOf({ members }: Project): Readonly<Record<SeatKind, number>> {
  const usage = { users: 0, reviewers: 0, readers: 0 };
  for (const member of members.values()) {
    const seat = seatOf(member);
    if (seat !== undefined) usage[seat]++;
  }
  return usage;
}

export function liveMembers({ members }: Project): readonly Member[] {
  return [...members.values()].filter(isLive);
}

/** The connection in a slot, if there is one at present. */
export function connectionAt({ connections }: Project, slot: Slot): Connection | undefined {
  return [...connections.values()].find((connection) => connection.slot === slot && !connection.deleted);
}

/** The one in a slot, or else the last one that was. */
export function lastConnectionAt({ connections }: Project, slot: Slot): Connection | undefined {
  return [...connections.values()].findLast((connection) => connection.slot === slot);
}

export function liveTokens(project: Project, connection: Connection): readonly Token[] {
  return connection.tokens.filter(({ endsAt }) => project.now < endsAt);
}

/** The connection that manages what belongs to it: it is there, and its SCIM enabled. */
export function managerOf(project: Project, owner: Label | undefined): Connection | undefined {
  const connection = owner === undefined ? undefined : project.connections.get(owner);
  return connection?.scimEnabled === true && !connection.deleted ? connection : undefined;
}

/** A deleted member is managed by no one. */
export function managerOfMember(project: Project, member: Member): Connection | undefined {
  return isLive(member) ? managerOf(project, member.connection) : undefined;
}

/** The member of that SCIM id at a connection, one deleted in the product included. */
export function userAt(project: Project, connection: Connection, label: Label): Member | undefined {
  const identity = project.named.users.get(label);
  if (identity === undefined) return undefined;
  return [...project.members.values()].find(
    ({ user, connection: owner }) =>
      owner === connection.identity.label && user !== undefined && isSame(user, identity),
  );
}

/** A user created again may have its old SCIM id: two labels then name one. */
function isSame(a: Identity, b: Identity): boolean {
  return a === b || (a.id !== undefined && a.id === b.id);
}

export function memberAt(project: Project, label: Label): Member | undefined {
  const identity = project.named.members.get(label);
  return identity && project.members.get(identity.label);
}

export function groupAt(project: Project, label: Label): Group | undefined {
  const identity = project.named.groups.get(label);
  return identity && project.groups.get(identity.label);
}

function rememberedKey(connection: Label, kind: "userName" | "email", name: string): string {
  return `${kind} ${fold(name)} at ${connection}`;
}

/** Notes a member that its connection, or the product, deletes: created again under one of its names, it is the same. */
export function remember(project: Project, connection: Label, { identity, attributes }: Member): Project {
  const remembered = new Map(project.remembered);
  const email = emailOf(attributes);
  remembered.set(rememberedKey(connection, "userName", attributes.userName), identity.label);
  if (email !== undefined) remembered.set(rememberedKey(connection, "email", email), identity.label);
  return { ...project, remembered };
}

/** Whether nobody else of the connection has been deleted under that name since. */
export function isRemembered(
  project: Project,
  connection: Label,
  kind: "userName" | "email",
  { identity, attributes }: Member,
): boolean {
  const name = kind === "userName" ? attributes.userName : emailOf(attributes);
  return (
    name !== undefined && project.remembered.get(rememberedKey(connection, kind, name)) === identity.label
  );
}

/** What SCIM shows of a group's members, and what the product shows of them as well. */
export function usersOf(project: Project, group: Group): readonly Member[] {
  return liveMembers(project).filter(
    ({ user, connection }) => user !== undefined && connection === group.connection && group.users.has(user),
  );
}

export function membersOf(project: Project, group: Group): readonly Member[] {
  const users = new Set(usersOf(project, group));
  return liveMembers(project).filter((member) => users.has(member) || group.byHand.has(member.identity));
}

export function plus<T>(set: ReadonlySet<T>, items: Iterable<T>): ReadonlySet<T> {
  return new Set([...set, ...items]);
}

export function minus<T>(set: ReadonlySet<T>, items: Iterable<T>): ReadonlySet<T> {
  const removed = new Set(items);
  return new Set([...set].filter((item) => !removed.has(item)));
}

export function isSameSet<T>(a: ReadonlySet<T>, b: ReadonlySet<T>): boolean {
  return a.size === b.size && [...a].every((item) => b.has(item));
}

export function withEntry<Key, Value>(map: ReadonlyMap<Key, Value>, key: Key, value: Value): Map<Key, Value> {
  return new Map(map).set(key, value);
}
