/**
 * What the stream brings into a child's project between two looks at it. When that comes, and in which steps, is left open
 * (API.md §5), so it is taken from the table; but only what an inheritance may do is taken, and nothing else there may
 * have changed.
 */

import { failuresByKey, operations } from "../simulation/compare.ts";
import {
  type Attributes,
  type Connection,
  fold,
  type Group,
  isLive,
  isSameName,
  type Member,
  managerOf,
  newIdentity,
  type Project,
  remember,
  typeOf,
  usageOf,
  withEntry,
} from "../simulation/model.ts";
import { isSameAttributes, withoutGroup } from "../simulation/provider-model.ts";
import type { Seen, SeenGroup, SeenMember } from "../simulation/seen.ts";
import { type Access, type Label, type Role, seatKinds } from "../simulation/steps.ts";
import { nameOf, nameOfGroup } from "../simulation/words.ts";

export interface Inherited {
  readonly project: Project;
  /** What an inheritance may not do. */
  readonly differences: readonly string[];
}

/** The project with what is seen to have become of those who are, or were, inherited. */
export function inherit(project: Project, seen: Seen): Inherited {
  const differences: string[] = [];
  let next = project;
  for (const row of seen.members) {
    const heir = heirById(project, row.connectionId) ?? heirById(project, row.formerConnectionId);
    if (heir === undefined) continue;
    const known = memberOf(next, row);
    const member = memberSeen(next, heir, known, row);
    if (known !== undefined && isSame(known, member)) continue;
    if (known === undefined || isLive(known) || isLive(member)) {
      differences.push(...illegal(project, heir, known, member));
    }
    next = withMember(next, member);
    if (!isLive(member) && member.former !== undefined) next = remember(next, member.former, member);
  }
  next = withGroups(next, seen, differences);
  const [before, after] = [usageOf(project), usageOf(next)];
  for (const kind of seatKinds) {
    const quota = project.quotas[kind] ?? Number.POSITIVE_INFINITY;
    if (after[kind] > Math.max(quota, before[kind])) {
      differences.push(
        `usage of ${kind}: grew from ${before[kind]} to ${after[kind]}, the quota is ${quota}`,
      );
    }
  }
  return { project: withFailures(next, seen), differences };
}

/** Its connection may be gone by now. */
function heirById(project: Project, id: string | undefined): Connection | undefined {
  if (id === undefined) return undefined;
  return [...project.connections.values()].find(({ identity, inherited }) => inherited && identity.id === id);
}

/** One that was made just now is known by its name. */
function memberOf(project: Project, row: SeenMember): Member | undefined {
  const all = [...project.members.values()];
  return (
    all.find(({ identity }) => identity.home === row.home) ??
    all.find(
      ({ identity, attributes }) =>
        identity.home === undefined && isSameName(attributes.userName, row.userName),
    )
  );
}

function memberSeen(project: Project, heir: Connection, known: Member | undefined, row: SeenMember): Member {
  const label = known?.identity.label ?? freshLabel(project, `copy of ${fold(row.userName)}`);
  const isLinked = heir.identity.id === row.connectionId;
  const home = row.home;
  const wasLinked = known?.connection === heir.identity.label && known.user !== undefined;
  const identity = known?.identity ?? { ...newIdentity(label), home };
  identity.home = home;
  return {
    identity,
    user: isLinked ? (wasLinked ? known.user : newIdentity(`${label} at ${heir.identity.label}`)) : undefined,
    connection: isLinked ? heir.identity.label : undefined,
    former: isLinked ? undefined : heir.identity.label,
    attributes: attributesOf(row),
    role: (row.role as Role | undefined) ?? null,
    access: row.access as Access,
    signIn: undefined,
    isTypeOpen: false,
    deleted: row.deleted,
    revision: known?.revision ?? 0,
  };
}

function attributesOf(row: SeenMember): Attributes {
  const { userName, externalId, displayName, title, emails, active, team } = row;
  return {
    userName,
    ...(externalId !== undefined && { externalId }),
    ...(displayName !== undefined && { displayName }),
    ...(title !== undefined && { title }),
    ...(emails.length > 0 && { emails }),
    ...(active !== undefined && { active }),
    ...(team !== undefined && { team }),
  };
}

function isSame(a: Member, b: Member): boolean {
  return (
    a.connection === b.connection &&
    a.former === b.former &&
    a.deleted === b.deleted &&
    a.role === b.role &&
    a.access === b.access &&
    isSameAttributes(a.attributes, b.attributes)
  );
}

/** Role and access are the child's own; and nobody is taken over whom a request could not take over. */
function illegal(
  project: Project,
  heir: Connection,
  known: Member | undefined,
  member: Member,
): readonly string[] {
  const differences: string[] = [];
  const who = nameOf(member);
  const type = typeOf(member);
  const { role: defaultRole, userAccess, readerAccess } = heir.defaults;
  const byDefault = type === "user" ? defaultRole : null;
  const expect = (what: string, expected: unknown, found: unknown) => {
    if (expected !== found)
      differences.push(`inherited ${who}: ${what}: expected ${expected}, found ${found}`);
  };
  const sameType = known !== undefined && typeOf(known) === type;
  expect("role", sameType ? known.role : byDefault, member.role);
  expect("access", known?.access ?? (type === "user" ? userAccess : readerAccess), member.access);
  if (known === undefined || known.connection === heir.identity.label || member.connection === undefined) {
    return differences;
  }
  const owner = project.connections.get(known.connection ?? "");
  const manager = isLive(known) ? managerOf(project, known.connection) : undefined;
  // What one child connection gives up, another one of the same project may have at once.
  if (owner?.inherited && owner.identity.label !== heir.identity.label && manager !== undefined)
    return differences;
  if (manager !== undefined) differences.push(`inherited ${who}: taken over from connection ${manager.slot}`);
  const isBack = known.former === heir.identity.label || !isLive(known) || known.isTypeOpen;
  if (!isBack && !sameType) differences.push(`inherited ${who}: taken over as a ${type}, which it was not`);
  return differences;
}

function withMember(project: Project, member: Member): Project {
  const { label } = member.identity;
  const { named } = project;
  return {
    ...project,
    members: withEntry(project.members, label, member),
    named: {
      ...named,
      members: withEntry(named.members, label, member.identity),
      ...(member.user !== undefined && { users: withEntry(named.users, member.user.label, member.user) }),
    },
  };
}

function withGroups(project: Project, seen: Seen, differences: string[]): Project {
  let next = project;
  const rows = new Map(seen.groups.map((row) => [row.id, row]));
  for (const group of project.groups.values()) {
    const isInherited = project.connections.get(group.connection ?? "")?.inherited;
    if (isInherited && !rows.has(group.identity.id ?? "")) next = withoutGroup(next, group);
  }
  for (const row of rows.values()) {
    const heir = heirById(project, row.connectionId);
    if (heir === undefined) continue;
    const known = [...project.groups.values()].find(({ identity }) => identity.id === row.id);
    const group = groupSeen(next, heir, known, row);
    const access = known?.access ?? heir.defaults.groupAccess;
    if (group.access !== access) {
      differences.push(`inherited ${nameOfGroup(group)}: access: expected ${access}, found ${group.access}`);
    }
    const { named } = next;
    next = {
      ...next,
      groups: withEntry(next.groups, group.identity.label, group),
      named: { ...named, groups: withEntry(named.groups, group.identity.label, group.identity) },
    };
  }
  return next;
}

function groupSeen(project: Project, heir: Connection, known: Group | undefined, row: SeenGroup): Group {
  const label = known?.identity.label ?? freshLabel(project, `copy of ${fold(row.displayName)}`);
  const users = [...project.members.values()].flatMap(({ identity, user, connection }) =>
    user !== undefined && connection === heir.identity.label && row.users.has(identity.home!) ? [user] : [],
  );
  return {
    identity: known?.identity ?? { ...newIdentity(label), id: row.id },
    connection: heir.identity.label,
    displayName: row.displayName,
    externalId: row.externalId,
    access: row.access as Access,
    users: new Set(users),
    byHand: known?.byHand ?? new Set(),
    revision: known?.revision ?? 0,
  };
}

/** So that a request can name it, also in a shorter history. */
function freshLabel({ members, groups }: Project, wanted: string): Label {
  for (let count = 1; ; count++) {
    const label = count === 1 ? wanted : `${wanted} ${count}`;
    if (!members.has(label) && !groups.has(label)) return label;
  }
}

/** What a child could not take opens and closes by itself; whether rightly, is looked at when all is quiet. */
function withFailures(project: Project, seen: Seen): Project {
  const failures = new Map(
    [...project.failures].filter(([, { connection }]) => !project.connections.get(connection)?.inherited),
  );
  for (const [key, failure] of failuresByKey(project, seen)) {
    const heir = heirById(project, failure.connectionId);
    if (heir === undefined || heir.deleted) continue;
    const { resourceType, operation, httpStatus: status, reason } = failure;
    failures.set(key, {
      ...failure,
      connection: heir.identity.label,
      resourceType: resourceType === "User" ? "User" : "Group",
      operation: operations.find((each) => each === operation)!,
      refusals: [{ status, reason }],
    });
  }
  return { ...project, failures };
}
