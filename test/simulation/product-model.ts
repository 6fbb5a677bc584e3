/** What requests to the admin API do, by API.md §3. */

import {
  type Attributes,
  type Connection,
  connectionAt,
  emailByHand,
  emailOf,
  type Group,
  groupAt,
  isLive,
  isSameName,
  isSameSet,
  liveMembers,
  liveTokens,
  type Member,
  managerOf,
  managerOfMember,
  memberAt,
  membersOf,
  minus,
  newIdentity,
  type Project,
  plus,
  remember,
  type Token,
  typeOf,
  withEntry,
} from "./model.ts";
import { done, type Outcome, type Refusal, refused } from "./outcome.ts";
import { isSameAttributes, missingSeat, withoutGroup } from "./provider-model.ts";
import { outcomesOfSignIn } from "./sign-in-model.ts";
import type { ConnectionSettings, Label, MemberFields, ProductRequest, Slot } from "./steps.ts";

type RequestOf<Kind extends ProductRequest["kind"]> = Extract<ProductRequest, { kind: Kind }>;

/** API.md §3. */
const liveTokensMax = 2;

export function outcomesAtProduct(
  project: Project,
  request: ProductRequest,
  label: Label,
): readonly Outcome[] {
  if (request.kind === "sign in") return outcomesOfSignIn(project, request, label);
  if (request.kind === "rotate tokens") return rotateTokens(project, request, label);
  return [outcomeOf(project, request, label)];
}

function outcomeOf(
  project: Project,
  request: Exclude<ProductRequest, { readonly kind: "sign in" | "rotate tokens" }>,
  label: Label,
): Outcome {
  switch (request.kind) {
    case "set quotas":
      return done({ ...project, quotas: { ...project.quotas, ...request.quotas } }, 200, { kind: "project" });
    case "add member":
      return addMember(project, request.fields, label);
    case "change member":
      return changeMember(project, request);
    case "delete member":
      return deleteMember(project, request.member);
    case "add group":
      return addGroup(project, request, label);
    case "change group":
      return changeGroup(project, request);
    case "drop group":
      return dropGroup(project, request);
    case "put into group":
    case "take out of group":
      return changeMembership(project, request);
    case "create connection":
      return createConnection(project, request, label);
    case "change connection":
      return changeConnection(project, request);
    case "delete connection":
      return deleteConnection(project, request.slot);
    case "create token":
      return createToken(project, request, label);
    case "revoke token":
      return revokeToken(project, request.slot);
  }
}

const notFound: Refusal = { status: 404, code: "not_found" };
const invalid: Refusal = { status: 400, code: "validation_failed" };
const duplicate: Refusal = { status: 409, code: "duplicate_member" };
const noSeat: Refusal = { status: 409, code: "quota_exceeded" };
const tooManyTokens: Refusal = { status: 409, code: "too_many_tokens" };
const managed: Refusal = { status: 409, code: "managed_by_idp" };

function addMember(project: Project, fields: RequestOf<"add member">["fields"], label: Label): Outcome {
  const { userName, email, displayName, type, role, access = "none" } = fields;
  const member: Member = {
    identity: { ...newIdentity(label), home: undefined },
    user: undefined,
    connection: undefined,
    former: undefined,
    attributes: {
      userName,
      ...(displayName && { displayName }),
      ...(email && { emails: [emailByHand(email)] }),
      active: true,
      team: type === "user",
    },
    role: type === "user" ? (role ?? "contributor") : null,
    access,
    signIn: undefined,
    isTypeOpen: false,
    deleted: false,
    revision: 0,
  };
  const refusals = [
    ...(type === "reader" && role !== undefined ? [invalid] : []),
    ...(isNameTaken(project, member) ? [duplicate] : []),
    ...(missingSeat(project, undefined, member) ? [noSeat] : []),
  ];
  if (refusals.length > 0) return refused(project, ...refusals);
  const { named } = project;
  const next = {
    ...project,
    members: withEntry(project.members, label, member),
    named: { ...named, members: withEntry(named.members, label, member.identity) },
  };
  return done(next, 201, { kind: "member", member });
}

function isNameTaken(project: Project, { identity, attributes }: Member): boolean {
  return liveMembers(project).some(
    (other) =>
      other.identity !== identity &&
      (isSameName(other.attributes.userName, attributes.userName) ||
        isSameName(emailOf(other.attributes), emailOf(attributes))),
  );
}

function changeMember(project: Project, { member: label, fields }: RequestOf<"change member">): Outcome {
  const member = memberAt(project, label);
  if (member === undefined || !isLive(member)) return refused(project, notFound);
  const { role, access } = fields;
  const type = fields.type ?? typeOf(member);
  const attributes = changedAttributes(member.attributes, fields);
  const changedRole = type === "reader" ? null : (role ?? member.role ?? "contributor");
  const isDecided =
    type !== typeOf(member) ||
    changedRole !== member.role ||
    (attributes.active !== false) !== (member.attributes.active !== false);
  const changed: Member = {
    ...member,
    attributes,
    role: changedRole,
    access: access ?? member.access,
    isTypeOpen: member.isTypeOpen && !isDecided,
    revision: isSameAttributes(attributes, member.attributes) ? member.revision : member.revision + 1,
  };
  const isTheIdPs =
    !isSameAttributes(attributes, member.attributes) || (role !== undefined && type === "reader");
  const refusals = [
    ...(isTheIdPs && managerOfMember(project, member) !== undefined ? [managed] : []),
    ...(role !== undefined && type === "reader" ? [invalid] : []),
    ...(isNameTaken(project, changed) ? [duplicate] : []),
    ...(missingSeat(project, member, changed) ? [noSeat] : []),
  ];
  if (refusals.length > 0) return refused(project, ...refusals);
  const next = { ...project, members: withEntry(project.members, member.identity.label, changed) };
  return done(next, 200, { kind: "member", member: changed });
}

function changedAttributes(attributes: Attributes, fields: MemberFields): Attributes {
  const { userName, displayName, email, type, status } = fields;
  const { displayName: _, ...withoutDisplayName } = attributes;
  return {
    ...(displayName === "" ? withoutDisplayName : attributes),
    ...(userName !== undefined && { userName }),
    ...(displayName && { displayName }),
    ...(email !== undefined &&
      email !== (emailOf(attributes) ?? "") && { emails: withEmail(attributes, email) }),
    ...(type !== undefined && type !== typeOf({ attributes }) && { team: type === "user" }),
    ...(status !== undefined &&
      (status === "active") !== (attributes.active !== false) && { active: status === "active" }),
  };
}

/** The member's email changes, or all go with it; else further values that its IdP sent stay. */
function withEmail(attributes: Attributes, email: string): Attributes["emails"] {
  if (email === "") return undefined;
  const old = emailOf(attributes);
  return [emailByHand(email), ...(attributes.emails ?? []).filter(({ value }) => !isSameName(value, old))];
}

function deleteMember(project: Project, label: Label): Outcome {
  const member = memberAt(project, label);
  if (member === undefined || !isLive(member)) return refused(project, notFound);
  if (managerOfMember(project, member) !== undefined) return refused(project, managed);
  const deleted = { ...member, deleted: true, revision: member.revision + 1 };
  const members = withEntry(project.members, member.identity.label, deleted);
  const owner = member.connection ?? member.former;
  const remembering = owner === undefined ? project : remember(project, owner, deleted);
  return done({ ...remembering, members }, 204);
}

function addGroup(project: Project, request: RequestOf<"add group">, label: Label): Outcome {
  const { displayName, access = "none" } = request;
  const group: Group = {
    identity: newIdentity(label),
    connection: undefined,
    displayName,
    externalId: undefined,
    access,
    users: new Set(),
    byHand: new Set(),
    revision: 0,
  };
  const { named } = project;
  const next = {
    ...project,
    groups: withEntry(project.groups, label, group),
    named: { ...named, groups: withEntry(named.groups, label, group.identity) },
  };
  return done(next, 201, { kind: "group", group });
}

function changeGroup(project: Project, request: RequestOf<"change group">): Outcome {
  const group = groupAt(project, request.group);
  if (group === undefined) return refused(project, notFound);
  const { displayName = group.displayName, access = group.access } = request;
  const isManaged = managerOf(project, group.connection) !== undefined;
  const isRenamed = displayName !== group.displayName;
  const refusals = [
    ...(isManaged && isRenamed ? [managed] : []),
    ...(isGroupNameTaken(project, group, displayName) ? [{ status: 409, code: "duplicate_group" }] : []),
  ];
  if (refusals.length > 0) return refused(project, ...refusals);
  const changed = { ...group, displayName, access, revision: group.revision + (isRenamed ? 1 : 0) };
  const next = { ...project, groups: withEntry(project.groups, group.identity.label, changed) };
  return done(next, 200, { kind: "group", group: changed });
}

/** Where its connection is there and wants names to be unique, also of those changed by hand. */
function isGroupNameTaken(project: Project, group: Group, displayName: string): boolean {
  const connection = project.connections.get(group.connection ?? "");
  if (connection === undefined || connection.deleted || !connection.uniqueGroupNames) return false;
  if (isSameName(group.displayName, displayName)) return false;
  return [...project.groups.values()].some(
    (other) =>
      other.identity !== group.identity &&
      other.connection === group.connection &&
      isSameName(other.displayName, displayName),
  );
}

function dropGroup(project: Project, { group: label, force }: RequestOf<"drop group">): Outcome {
  const group = groupAt(project, label);
  if (group === undefined) return refused(project, notFound);
  if (managerOf(project, group.connection) !== undefined && !force) return refused(project, managed);
  return done(withoutGroup(project, group), 204);
}

function changeMembership(
  project: Project,
  request: RequestOf<"put into group"> | RequestOf<"take out of group">,
): Outcome {
  const group = groupAt(project, request.group);
  const member = memberAt(project, request.member);
  const refusals = [
    ...(group === undefined || member === undefined || !isLive(member) ? [notFound] : []),
    ...(group !== undefined && managerOf(project, group.connection) !== undefined ? [managed] : []),
  ];
  if (group === undefined || member === undefined || refusals.length > 0) {
    return refused(project, ...refusals);
  }
  const changed =
    request.kind === "put into group" ? withMember(project, group, member) : withoutMember(group, member);
  const isUnchanged = isSameSet(group.users, changed.users);
  const settled = { ...changed, revision: group.revision + (isUnchanged ? 0 : 1) };
  const groups = withEntry(project.groups, group.identity.label, settled);
  return done({ ...project, groups }, 204);
}

/** A user of the group's own connection is what the IdP sees there when its SCIM is on again; anybody else it never sees. */
function withMember(project: Project, group: Group, member: Member): Group {
  if (membersOf(project, group).includes(member)) return group;
  const { identity, user, connection } = member;
  const isOwn = user !== undefined && connection !== undefined && connection === group.connection;
  return isOwn && project.connections.get(connection)?.deleted === false
    ? { ...group, users: plus(group.users, [user]) }
    : { ...group, byHand: plus(group.byHand, [identity]) };
}

function withoutMember(group: Group, { identity, user }: Member): Group {
  return {
    ...group,
    users: user === undefined ? group.users : minus(group.users, [user]),
    byHand: minus(group.byHand, [identity]),
  };
}

function createConnection(project: Project, request: RequestOf<"create connection">, label: Label): Outcome {
  const { slot, provider, settings } = request;
  const connection: Connection = {
    identity: newIdentity(label),
    slot,
    provider,
    scimEnabled: true,
    onDelete: "deactivate",
    jit: false,
    uniqueGroupNames: provider === "entra",
    defaults: { role: "contributor", userAccess: "none", readerAccess: "none", groupAccess: "none" },
    tokens: [],
    deleted: false,
  };
  const made = withSettings(connection, settings);
  const next = { ...project, connections: withEntry(project.connections, label, made) };
  return done(next, 201, { kind: "connection", connection: made });
}

function withSettings(connection: Connection, { defaults, ...settings }: ConnectionSettings): Connection {
  return { ...connection, ...settings, defaults: { ...connection.defaults, ...defaults } };
}

function changeConnection(project: Project, { slot, settings }: RequestOf<"change connection">): Outcome {
  const connection = connectionAt(project, slot);
  if (connection === undefined) return refused(project, notFound);
  const changed = withSettings(connection, settings);
  return done(replaceConnection(project, changed), 200, { kind: "connection", connection: changed });
}

function replaceConnection(project: Project, connection: Connection): Project {
  const connections = withEntry(project.connections, connection.identity.label, connection);
  return { ...project, connections };
}

function deleteConnection(project: Project, slot: Slot): Outcome {
  const connection = connectionAt(project, slot);
  if (connection === undefined) return refused(project, notFound);
  const failures = new Map(
    [...project.failures].filter(([, failure]) => failure.connection !== connection.identity.label),
  );
  return done({ ...replaceConnection(project, { ...connection, deleted: true }), failures }, 204);
}

function createToken(
  project: Project,
  { slot, lastsSeconds }: RequestOf<"create token">,
  label: Label,
): Outcome {
  const connection = connectionAt(project, slot);
  if (connection === undefined) return refused(project, notFound);
  if (liveTokens(project, connection).length >= liveTokensMax) {
    return refused(project, tooManyTokens);
  }
  const endsAt = lastsSeconds === undefined ? Number.POSITIVE_INFINITY : project.now + lastsSeconds * 1_000;
  return withToken(project, connection, { identity: { ...newIdentity(label), secret: undefined }, endsAt });
}

/** Of two that are live, the one used last lives through an overlap: which, is not kept here. */
function rotateTokens(
  project: Project,
  { slot, overlapSeconds = 0 }: RequestOf<"rotate tokens">,
  label: Label,
): readonly Outcome[] {
  const connection = connectionAt(project, slot);
  if (connection === undefined) return [refused(project, notFound)];
  const live = liveTokens(project, connection);
  const survivors = overlapSeconds === 0 ? [undefined] : live.length > 0 ? live : [undefined];
  return survivors.map((survivor) => {
    const tokens = connection.tokens.map((token) => {
      const endsAt = project.now + (token === survivor ? overlapSeconds * 1_000 : 0);
      return { ...token, endsAt: Math.min(token.endsAt, endsAt) };
    });
    const identity = { ...newIdentity(label), secret: undefined };
    return withToken(project, { ...connection, tokens }, { identity, endsAt: Number.POSITIVE_INFINITY });
  });
}

function withToken(project: Project, connection: Connection, token: Token): Outcome {
  const changed = { ...connection, tokens: [...connection.tokens, token] };
  return done(replaceConnection(project, changed), 201, { kind: "token", token });
}

function revokeToken(project: Project, slot: Slot): Outcome {
  const connection = connectionAt(project, slot);
  const newest = connection && liveTokens(project, connection).at(-1);
  if (connection === undefined || newest === undefined) return refused(project, notFound);
  const tokens = connection.tokens.map((token) =>
    token === newest ? { ...token, endsAt: project.now } : token,
  );
  return done(replaceConnection(project, { ...connection, tokens }), 204);
}
