/** What SCIM requests do, by API.md §4. */

import { withFailures } from "./failure-model.ts";
import {
  type Attributes,
  type Connection,
  connectionAt,
  emailOf,
  type Group,
  groupAt,
  type Identity,
  isLive,
  isRemembered,
  isSameName,
  isSameSet,
  isWorkEmail,
  lastConnectionAt,
  liveMembers,
  liveTokens,
  type Member,
  managerOfMember,
  minus,
  newIdentity,
  type Project,
  plus,
  remember,
  seatOf,
  type Token,
  typeOf,
  usageOf,
  userAt,
  usersOf,
  withEntry,
} from "./model.ts";
import { done, isStale, type Outcome, type Refusal, refused } from "./outcome.ts";
import {
  type Email,
  type GroupBody,
  type GroupChange,
  type Label,
  type ProviderRequest,
  type SeatKind,
  slots,
  type UserBody,
  type UserChange,
} from "./steps.ts";

type RequestOf<Kind extends ProviderRequest["kind"]> = Extract<ProviderRequest, { kind: Kind }>;

export function outcomesAtProvider(
  project: Project,
  request: ProviderRequest,
  label: Label,
): readonly Outcome[] {
  const connection = connectionAt(project, request.at);
  const atTheDoor = refusalsAtTheDoor(project, request, connection);
  if (connection === undefined || atTheDoor.length > 0) return [refused(project, ...atTheDoor)];
  const outcomes = outcomesInside({ project, connection }, request, label);
  return outcomes.flatMap((outcome) => withFailures(project, request, outcome));
}

function outcomesInside(at: At, request: ProviderRequest, label: Label): readonly Outcome[] {
  switch (request.kind) {
    case "create user":
      return createUser(at, request.body, label);
    case "replace user":
      return [replaceUser(at, request)];
    case "patch user":
      return [patchUser(at, request)];
    case "delete user":
      return [deleteUser(at, request)];
    case "read user":
      return [readUser(at, request)];
    case "find users":
      return [findUsers(at, request)];
    case "create group":
      return [createGroup(at, request.body, label)];
    case "replace group":
      return [replaceGroup(at, request)];
    case "patch group":
      return [patchGroup(at, request)];
    case "delete group":
      return [deleteGroup(at, request)];
    case "read group":
      return [readGroup(at, request)];
    case "find groups":
      return [findGroups(at, request)];
  }
}

/** Where a request goes, and whose leave it has to. */
export interface At {
  readonly project: Project;
  readonly connection: Connection;
}

/** The token that a request carries, as far as its secret is known. */
export function tokenOf(project: Project, request: ProviderRequest): Token | undefined {
  const own = lastConnectionAt(project, request.at);
  const other = lastConnectionAt(project, slots.find((slot) => slot !== request.at)!);
  const newest = (connection: Connection | undefined, wanted: (token: Token) => boolean) =>
    connection?.tokens.findLast((token) => token.identity.secret !== undefined && wanted(token));
  const isLiveToken = ({ endsAt }: Token) => project.now < endsAt;
  switch (request.credential ?? "live") {
    case "live":
      return newest(own, isLiveToken) ?? newest(own, () => true);
    case "ended":
      return newest(own, (token) => !isLiveToken(token));
    case "other":
      return newest(other, isLiveToken);
    case "none":
      return undefined;
  }
}

function refusalsAtTheDoor(
  project: Project,
  request: ProviderRequest,
  connection: Connection | undefined,
): readonly Refusal[] {
  const token = tokenOf(project, request);
  const opens =
    connection !== undefined && token !== undefined && liveTokens(project, connection).includes(token);
  if (!opens) return [{ status: 401 }];
  return connection.scimEnabled ? [] : [{ status: 403, says: ["SCIM"] }];
}

const notFound: Refusal = { status: 404, reason: "resource_deleted" };
const stale: Refusal = { status: 412, reason: "validation" };
const invalid: Refusal = { status: 400, reason: "validation" };
const unknownUser: Refusal = { status: 400, scimType: "invalidValue", reason: "unknown_member" };
const taken: Refusal = { status: 409, scimType: "uniqueness", reason: "duplicate" };

export function createUser(at: At, body: UserBody, label: Label): readonly Outcome[] {
  const { project } = at;
  if (body.wrong !== undefined) return [refused(project, invalid)];
  const attributes = attributesOf(body, { active: true });
  const [first, second] = holdersOf(project, attributes);
  if (first !== undefined && second !== undefined) {
    const says = [attributes.userName, emailOf(attributes)!];
    return [refuseNewcomer(at, attributes, { ...taken, says })];
  }
  if (first !== undefined) return [meet(at, first, attributes, label)];
  const { sure, perhaps } = departedMembers(at, attributes);
  const known = [...signedIn(at, attributes), ...sure];
  if (known.length > 0) return known.map((member) => meet(at, member, attributes, label));
  // Where somebody else was deleted under the name since, API.md does not say whether the earlier one returns.
  return [undefined, ...perhaps].map((member) => admit(at, member, attributes, label));
}

/** Who signed in at this connection with that externalId, under whatever names. */
function signedIn({ project, connection }: At, { externalId }: Attributes): readonly Member[] {
  return liveMembers(project).filter(
    ({ signIn }) =>
      signIn?.connection === connection.identity.label &&
      externalId !== undefined &&
      signIn.externalId === externalId,
  );
}

/** The live members that bear its userName or its email. */
function holdersOf(project: Project, attributes: Attributes, except?: Member): readonly Member[] {
  return liveMembers(project).filter(
    (member) =>
      member !== except &&
      (isSameName(member.attributes.userName, attributes.userName) ||
        isSameName(emailOf(member.attributes), emailOf(attributes))),
  );
}

/** Those deleted that this connection had last, and who bore one of the names. */
function departedMembers(
  { project, connection }: At,
  attributes: Attributes,
): { readonly sure: readonly Member[]; readonly perhaps: readonly Member[] } {
  const { label } = connection.identity;
  const departed = [...project.members.values()].filter(
    (member) => !isLive(member) && (member.connection ?? member.former) === label,
  );
  const byName = departed.filter((member) => isSameName(member.attributes.userName, attributes.userName));
  const byEmail = departed.filter((member) => isSameName(emailOf(member.attributes), emailOf(attributes)));
  const sure = new Set([
    ...byName.filter((member) => isRemembered(project, label, "userName", member)),
    ...byEmail.filter((member) => isRemembered(project, label, "email", member)),
  ]);
  return { sure: [...sure], perhaps: [...byName, ...byEmail].filter((member) => !sure.has(member)) };
}

/** First sync of someone who exists, or the return of someone that this connection had. */
function meet(at: At, member: Member, attributes: Attributes, label: Label): Outcome {
  const { project, connection } = at;
  const manager = managerOfMember(project, member);
  if (manager !== undefined) {
    const reason = manager === connection ? "duplicate" : "managed_elsewhere";
    return refuseNewcomer(at, attributes, { ...taken, reason });
  }
  const isBack = member.former === connection.identity.label || !isLive(member);
  if (!isBack && !member.isTypeOpen && typeOf(member) !== typeOf({ attributes })) {
    const says = ["User already available in the project"];
    return refuseNewcomer(at, attributes, { ...taken, reason: "role_conflict", says });
  }
  return admit(at, member, attributes, label);
}

/** There may be no seat for a newcomer of these attributes, either. */
function refuseNewcomer(at: At, attributes: Attributes, refusal: Refusal): Outcome {
  const { reply } = admit(at, undefined, attributes, "");
  return refused(at.project, refusal, ...(reply.kind === "refused" ? reply.refusals : []));
}

/** Makes of somebody, or of nobody yet, a user of the connection. */
export function admit(at: At, found: Member | undefined, attributes: Attributes, label: Label): Outcome {
  const { project, connection } = at;
  const isUser = typeOf({ attributes }) === "user";
  const { role: defaultRole, userAccess, readerAccess } = connection.defaults;
  const user = newIdentity(label);
  const member: Member = {
    identity: found?.identity ?? { ...newIdentity(label), home: undefined },
    user,
    connection: connection.identity.label,
    former: undefined,
    attributes,
    role: !isUser ? null : found !== undefined && typeOf(found) === "user" ? found.role : defaultRole,
    access: found?.access ?? (isUser ? userAccess : readerAccess),
    deleted: false,
    signIn: undefined,
    isTypeOpen: false,
    revision: 0,
  };
  const refusal = seatRefusal(project, found, member);
  if (refusal !== undefined) return refused(project, refusal);
  const { named } = project;
  const next = {
    ...outOfGroups(project, found?.user),
    members: withEntry(project.members, member.identity.label, member),
    named: {
      ...named,
      users: withEntry(named.users, label, user),
      members: withEntry(named.members, label, member.identity),
    },
  };
  return done(next, 201, { kind: "user", member });
}

/** A SCIM resource that ends is gone from every group that SCIM put it into. */
function outOfGroups(project: Project, user: Identity | undefined): Project {
  if (user === undefined) return project;
  const groups = new Map(project.groups);
  for (const [key, group] of groups) {
    if (!group.users.has(user)) continue;
    const users = new Set(group.users);
    users.delete(user);
    groups.set(key, { ...group, users });
  }
  return { ...project, groups };
}

/** Undefined where the seat that is needed is free, or none is needed. */
function seatRefusal(project: Project, before: Member | undefined, after: Member): Refusal | undefined {
  const kind = missingSeat(project, before, after);
  return kind && { status: 403, reason: "quota_exceeded", says: [kind, String(project.quotas[kind])] };
}

export function missingSeat(
  project: Project,
  before: Member | undefined,
  after: Member,
): SeatKind | undefined {
  const kind = seatOf(after);
  if (kind === undefined || (before !== undefined && seatOf(before) === kind)) return undefined;
  const quota = project.quotas[kind];
  return quota !== null && usageOf(project)[kind] >= quota ? kind : undefined;
}

/** What a body says; what it leaves out is cleared, but for what is `kept`. */
function attributesOf(body: UserBody, kept: Pick<Attributes, "active" | "team">): Attributes {
  const { userName, externalId, displayName, title, emails } = body;
  const active = body.active ?? kept.active;
  const team = body.team ?? kept.team;
  return {
    userName,
    ...(externalId && { externalId }),
    ...(displayName && { displayName }),
    ...(title && { title }),
    ...(emails?.length && { emails: eachOnce(emails) }),
    ...(active !== undefined && { active }),
    ...(team !== undefined && { team }),
  };
}

function eachOnce(emails: readonly Email[]): readonly Email[] {
  const distinct = new Map(
    emails.map((email) => [JSON.stringify([email.value, email.type, email.primary]), email]),
  );
  return [...distinct.values()];
}

function replaceUser(at: At, request: RequestOf<"replace user">): Outcome {
  const { project, connection } = at;
  const member = userAt(project, connection, request.user);
  if (member === undefined) return refused(project, notFound);
  const { body } = request;
  const refusals = [
    ...(body.wrong === undefined ? [] : [invalid]),
    ...(request.ifMatch && isStale(member.user, member.revision) ? [stale] : []),
  ];
  const { team } = member.attributes;
  const active = isLive(member) ? member.attributes.active : true;
  return settle(at, member, attributesOf(body, { active, team }), refusals);
}

function patchUser(at: At, request: RequestOf<"patch user">): Outcome {
  const { project, connection } = at;
  const member = userAt(project, connection, request.user);
  if (member === undefined) return refused(project, notFound);
  const refusals: Refusal[] = [
    ...(request.ifMatch && isStale(member.user, member.revision) ? [stale] : []),
    ...(request.changes.length === 0 ? [invalid] : []),
  ];
  let attributes = member.attributes;
  for (const change of request.changes) {
    const changed = changeUser(attributes, change);
    if ("refusal" in changed) refusals.push(changed.refusal);
    else attributes = changed.attributes;
  }
  const restores = request.changes.some((change) => "set" in change && change.set === "active" && change.to);
  if (!isLive(member) && !(restores && attributes.active === true)) {
    return refused(project, notFound, ...refusals);
  }
  return settle(at, member, attributes, refusals);
}

function changeUser(
  attributes: Attributes,
  change: UserChange,
): { readonly attributes: Attributes } | { readonly refusal: Refusal } {
  if ("wrong" in change) {
    const scimTypes = {
      "another id": "mutability",
      "a path to nothing": "invalidPath",
      "a number for userName": "invalidValue",
      "a word for active": "invalidValue",
    };
    return { refusal: { ...invalid, scimType: scimTypes[change.wrong] } };
  }
  if ("remove" in change) {
    if (change.remove === "userName") return { refusal: invalid };
    const { [change.remove]: _, ...rest } = attributes;
    return { attributes: rest };
  }
  const { emails = [] } = attributes;
  if ("add" in change) return { attributes: { ...attributes, emails: eachOnce([...emails, change.email]) } };
  switch (change.set) {
    case "emails":
      return change.to.length === 0
        ? changeUser(attributes, { remove: "emails" })
        : { attributes: { ...attributes, emails: eachOnce(change.to) } };
    case "work email": {
      const isThere = emails.some(isWorkEmail);
      const changed = emails.map((email) => (isWorkEmail(email) ? { ...email, value: change.to } : email));
      const created = isThere ? [] : [{ value: change.to, type: "work" }];
      return { attributes: { ...attributes, emails: eachOnce([...changed, ...created]) } };
    }
    case "userName":
      return change.to === "" ? { refusal: invalid } : { attributes: { ...attributes, userName: change.to } };
    case "active":
    case "team":
      return { attributes: { ...attributes, [change.set]: change.to } };
    default:
      return change.to === ""
        ? changeUser(attributes, { remove: change.set })
        : { attributes: { ...attributes, [change.set]: change.to } };
  }
}

/** Gives a user its new attributes, its type and seat following them; restores one that was deleted in the product. */
export function settle(
  { project, connection }: At,
  member: Member,
  attributes: Attributes,
  refusals: readonly Refusal[],
): Outcome {
  const wasUser = typeOf(member) === "user";
  const isUser = typeOf({ attributes }) === "user";
  const isUnchanged = isLive(member) && isSameAttributes(attributes, member.attributes);
  const settled: Member = {
    ...member,
    attributes,
    role: !isUser ? null : wasUser ? member.role : connection.defaults.role,
    deleted: false,
    revision: isUnchanged ? member.revision : member.revision + 1,
  };
  const seat = seatRefusal(project, member, settled);
  const all = [
    ...refusals,
    ...(holdersOf(project, attributes, member).length > 0 ? [taken] : []),
    ...(seat === undefined ? [] : [seat]),
  ];
  if (all.length > 0) return refused(project, ...all);
  const next = { ...project, members: withEntry(project.members, member.identity.label, settled) };
  return done(next, 200, { kind: "user", member: settled });
}

export function isSameAttributes(a: Attributes, b: Attributes): boolean {
  const text = ({ userName, externalId, displayName, title, emails, active, team }: Attributes) =>
    JSON.stringify([
      [userName, externalId, displayName, title, active, team],
      emails?.map(({ value, type, primary }) => [value, type, primary]) ?? [],
    ]);
  return text(a) === text(b);
}

function deleteUser(at: At, request: RequestOf<"delete user">): Outcome {
  const { project, connection } = at;
  const member = userAt(project, connection, request.user);
  if (member === undefined || !isLive(member)) return refused(project, notFound);
  if (request.ifMatch && isStale(member.user, member.revision)) return refused(project, stale);
  const ended: Member = {
    ...member,
    user: undefined,
    connection: undefined,
    former: connection.identity.label,
    attributes: { ...member.attributes, active: false },
    ...(connection.onDelete === "delete" && { deleted: true }),
  };
  const { label } = connection.identity;
  const remembering = isLive(ended) ? project : remember(project, label, ended);
  return done(
    {
      ...outOfGroups(remembering, member.user),
      members: withEntry(project.members, member.identity.label, ended),
    },
    204,
  );
}

function readUser({ project, connection }: At, { user }: RequestOf<"read user">): Outcome {
  const member = userAt(project, connection, user);
  if (member === undefined || !isLive(member)) return refused(project, notFound);
  return done(project, 200, { kind: "user", member });
}

export function usersAt({ project, connection }: At): readonly Member[] {
  return liveMembers(project).filter(
    (member) => member.user !== undefined && member.connection === connection.identity.label,
  );
}

function findUsers(at: At, { by, value }: RequestOf<"find users">): Outcome {
  const isWanted = ({ attributes }: Member): boolean => {
    const { emails = [] } = attributes;
    switch (by) {
      case "userName":
        return isSameName(attributes.userName, value);
      case "externalId":
        return attributes.externalId === value;
      case "work email":
        return emails.some((email) => isWorkEmail(email) && isSameName(email.value, value));
      case "any email":
        return emails.some((email) => isSameName(email.value, value));
      case "active":
      case "team":
        return String(attributes[by]) === value;
    }
  };
  return done(at.project, 200, { kind: "users", members: usersAt(at).filter(isWanted) });
}

function createGroup(at: At, body: GroupBody, label: Label): Outcome {
  const { project, connection } = at;
  const group: Group = {
    identity: newIdentity(label),
    connection: connection.identity.label,
    displayName: body.displayName,
    externalId: body.externalId,
    access: connection.defaults.groupAccess,
    users: new Set(),
    byHand: new Set(),
    revision: 0,
  };
  const { users, unknown } = usersNamed(at, body.users ?? []);
  const refusals = [
    ...(body.wrong === undefined ? [] : [invalid]),
    ...(unknown.size > 0 ? [unknownUser] : []),
    ...nameRefusals(at, group),
  ];
  if (refusals.length > 0) return refused(project, ...refusals);
  const { named } = project;
  const made = { ...group, users };
  const next = {
    ...project,
    groups: withEntry(project.groups, label, made),
    named: { ...named, groups: withEntry(named.groups, label, made.identity) },
  };
  return done(next, 201, { kind: "SCIM group", group: made });
}

/** The live users of the connection that are meant, and the labels of nobody there. */
function usersNamed(
  { project, connection }: At,
  labels: readonly Label[],
): { readonly users: ReadonlySet<Identity>; readonly unknown: ReadonlySet<Label> } {
  const users = new Set<Identity>();
  const unknown = new Set<Label>();
  for (const label of labels) {
    const member = userAt(project, connection, label);
    if (member?.user !== undefined && isLive(member)) users.add(member.user);
    else unknown.add(label);
  }
  return { users, unknown };
}

function groupsAt({ project, connection }: At): readonly Group[] {
  return [...project.groups.values()].filter((group) => group.connection === connection.identity.label);
}

function nameRefusals(at: At, { identity, displayName }: Group): readonly Refusal[] {
  const isTaken = groupsAt(at).some(
    (other) => other.identity !== identity && isSameName(other.displayName, displayName),
  );
  return isTaken && at.connection.uniqueGroupNames ? [taken] : [];
}

function ownGroup(at: At, label: Label): Group | undefined {
  const group = groupAt(at.project, label);
  return group?.connection === at.connection.identity.label ? group : undefined;
}

function replaceGroup(at: At, request: RequestOf<"replace group">): Outcome {
  const group = ownGroup(at, request.group);
  if (group === undefined) return refused(at.project, notFound);
  const { displayName, externalId, wrong } = request.body;
  const { users, unknown } = usersNamed(at, request.body.users ?? []);
  return settleGroup(at, group, { ...group, displayName, externalId, users }, [
    ...(wrong === undefined ? [] : [invalid]),
    ...(request.ifMatch && isStale(group.identity, group.revision) ? [stale] : []),
    ...(unknown.size > 0 ? [unknownUser] : []),
  ]);
}

function patchGroup(at: At, request: RequestOf<"patch group">): Outcome {
  const group = ownGroup(at, request.group);
  if (group === undefined) return refused(at.project, notFound);
  const refusals: Refusal[] = [
    ...(request.ifMatch && isStale(group.identity, group.revision) ? [stale] : []),
    ...(request.changes.length === 0 ? [invalid] : []),
  ];
  let patched: Patched = { group, unknown: new Set() };
  for (const change of request.changes) {
    const changed = changeGroup(at, patched, change);
    if ("refusal" in changed) refusals.push(changed.refusal);
    else patched = changed;
  }
  if (patched.unknown.size > 0) refusals.push(unknownUser);
  return settleGroup(at, group, patched.group, refusals);
}

/** A group on its way through the operations of a PATCH. */
interface Patched {
  readonly group: Group;
  /** Put in, though nobody knows them: of no consequence if a later operation takes them out again. */
  readonly unknown: ReadonlySet<Label>;
}

function changeGroup(
  at: At,
  { group, unknown }: Patched,
  change: GroupChange,
): Patched | { readonly refusal: Refusal } {
  const withUsers = (users: ReadonlySet<Identity>, unknownOnes: ReadonlySet<Label>): Patched => ({
    group: { ...group, users },
    unknown: unknownOnes,
  });
  if ("wrong" in change) {
    if (change.wrong === "a group as a member") return withUsers(group.users, plus(unknown, [change.wrong]));
    const scimTypes = {
      "another id": "mutability",
      "a path to nothing": "invalidPath",
      "a number for displayName": "invalidValue",
    };
    return { refusal: { ...invalid, scimType: scimTypes[change.wrong] } };
  }
  if ("remove" in change) {
    if (change.remove === "displayName") return { refusal: invalid };
    if (change.remove === "members") return withUsers(new Set(), new Set());
    return { group: { ...group, externalId: undefined }, unknown };
  }
  if ("set" in change) {
    if (change.to !== "") return { group: { ...group, [change.set]: change.to }, unknown };
    return changeGroup(at, { group, unknown }, { remove: change.set });
  }
  const named = usersNamed(at, "member" in change ? [change.user] : change.users);
  switch ("member" in change ? change.member : change.members) {
    case "add":
      return withUsers(plus(group.users, named.users), plus(unknown, named.unknown));
    case "remove":
      return withUsers(minus(group.users, named.users), minus(unknown, named.unknown));
    case "replace":
      return withUsers(named.users, named.unknown);
  }
}

function settleGroup(at: At, group: Group, changed: Group, refusals: readonly Refusal[]): Outcome {
  const isRenamed = !isSameName(group.displayName, changed.displayName);
  const all = [...refusals, ...(isRenamed ? nameRefusals(at, changed) : [])];
  if (all.length > 0) return refused(at.project, ...all);
  const shown = (one: Group) => new Set(usersOf(at.project, one));
  // Nobody sees it where those deleted in the product are left out: the version rises with what is answered.
  const isUnchanged =
    group.displayName === changed.displayName &&
    group.externalId === changed.externalId &&
    isSameSet(shown(group), shown(changed));
  const settled = { ...changed, revision: isUnchanged ? group.revision : group.revision + 1 };
  const next = { ...at.project, groups: withEntry(at.project.groups, group.identity.label, settled) };
  return done(next, 200, { kind: "SCIM group", group: settled });
}

function deleteGroup(at: At, request: RequestOf<"delete group">): Outcome {
  const group = ownGroup(at, request.group);
  if (group === undefined) return refused(at.project, notFound);
  if (request.ifMatch && isStale(group.identity, group.revision)) return refused(at.project, stale);
  return done(withoutGroup(at.project, group), 204);
}

export function withoutGroup(project: Project, { identity, displayName }: Group): Project {
  const groups = new Map(project.groups);
  groups.delete(identity.label);
  const formerGroups = withEntry(project.formerGroups, identity.label, displayName);
  return { ...project, groups, formerGroups };
}

function readGroup(at: At, request: RequestOf<"read group">): Outcome {
  const group = ownGroup(at, request.group);
  if (group === undefined) return refused(at.project, notFound);
  return done(at.project, 200, { kind: "SCIM group", group });
}

function findGroups(at: At, request: RequestOf<"find groups">): Outcome {
  const { project, connection } = at;
  const sought = request.by === "member" ? userAt(project, connection, request.user) : undefined;
  const isWanted = (group: Group): boolean => {
    switch (request.by) {
      case "displayName":
        return isSameName(group.displayName, request.value);
      case "externalId":
        return group.externalId === request.value;
      case "member":
        return sought !== undefined && usersOf(project, group).includes(sought);
    }
  };
  return done(project, 200, { kind: "SCIM groups", groups: groupsAt(at).filter(isWanted) });
}
