/** Domain objects as the admin API shows them. */

import type * as z from "zod";
import type { ActivityEntry } from "../../domain/activity-entry.ts";
import { type Finding, remedyFor } from "../../domain/compare-finding.ts";
import type { Connection, Token } from "../../domain/connection.ts";
import { projectIdOf } from "../../domain/connection.ts";
import type { IssuedToken } from "../../domain/connections.ts";
import { projectOfConnection } from "../../domain/ids.ts";
import type { ChildConnection, Sync } from "../../domain/inheritance.ts";
import type { Manager } from "../../domain/management.ts";
import { emailOf, seatOf, statusOf, typeOf, userNameOf } from "../../domain/member.ts";
import { memberIdOfMember } from "../../domain/member-id.ts";
import type { MemberView, MemberWithGroups } from "../../domain/members.ts";
import type { GroupView } from "../../domain/product-groups.ts";
import type { ProjectWithUsage } from "../../domain/projects.ts";
import { seatsLeft } from "../../domain/seats.ts";
import type { SignIn } from "../../domain/sign-ins.ts";
import type { SyncFailure } from "../../domain/sync-failure.ts";
import { isObject } from "../../scim/json.ts";
import type * as schemas from "./schemas.ts";

export function projectView({ project, usage }: ProjectWithUsage): z.input<typeof schemas.project> {
  const { id, name, quotas, createdAt, updatedAt } = project;
  return { id, name, quotas, usage, seatsLeft: seatsLeft(quotas, usage), createdAt, updatedAt };
}

export function connectionView(
  connection: Connection,
  sync: Sync | undefined,
  baseUrl: string,
): z.input<typeof schemas.connection> {
  // Named one by one: a connection holds secrets, and what it comes to hold later must not be shown by itself.
  const { id, name, provider, scimEnabled, onDelete, jit, uniqueGroupNames, defaults } = connection;
  const { inheritance, childCount, createdAt, updatedAt } = connection;
  return {
    id,
    projectId: projectIdOf(connection),
    name,
    provider,
    scimEnabled,
    scimBaseUrl: inheritance === undefined ? `${baseUrl}/scim/v2/${connection.id}` : null,
    onDelete,
    jit,
    uniqueGroupNames,
    defaults,
    inheritsFrom:
      inheritance === undefined
        ? null
        : { connectionId: inheritance.parentId, projectId: projectOfConnection(inheritance.parentId) },
    childCount,
    ...(sync !== undefined && { sync: syncView(sync) }),
    createdAt,
    updatedAt,
  };
}

export function childView({ connection, projectName, sync }: ChildConnection): z.input<typeof schemas.child> {
  const { id, name } = connection;
  return { connectionId: id, projectId: projectIdOf(connection), projectName, name, sync: syncView(sync) };
}

export function syncView(sync: Sync): z.input<typeof schemas.child>["sync"] {
  return { ...sync, finishedAt: sync.finishedAt ?? null };
}

export function issuedTokenView({ token, record }: IssuedToken): z.input<typeof schemas.issuedToken> {
  const { id, label, hint, createdAt, expiresAt } = record;
  return { id, token, label, hint, createdAt, expiresAt };
}

export function tokenView({ hash: _, ...shown }: Token): z.input<typeof schemas.token> {
  return shown;
}

export function memberView({ member, managedBy }: MemberView): z.input<typeof schemas.member> {
  const { attributes, role, access, createdAt, updatedAt } = member;
  const { displayName, name } = attributes;
  return {
    id: memberIdOfMember(member),
    userName: userNameOf(attributes),
    email: emailOf(attributes) ?? null,
    displayName: typeof displayName === "string" ? displayName : null,
    name: isObject(name) ? name : null,
    type: typeOf(attributes),
    role,
    status: statusOf(member),
    access,
    seat: seatOf(member) ?? null,
    managedBy: managedByView(managedBy),
    createdAt,
    updatedAt,
  };
}

export function memberWithGroupsView({
  groups,
  ...view
}: MemberWithGroups): z.input<typeof schemas.memberWithGroups> {
  return { ...memberView(view), groups: groups.map(({ id, displayName }) => ({ id, displayName })) };
}

export function signInView(signIn: SignIn): z.input<typeof schemas.signIn> {
  const member = signIn.view && memberView(signIn.view);
  return signIn.decision === "allow"
    ? { decision: "allow", member, created: signIn.created }
    : { decision: "deny", reason: signIn.reason, ...(member && { member }), created: false };
}

export function groupView({ group, counts, managedBy }: GroupView): z.input<typeof schemas.group> {
  const { id, displayName, access, createdAt, updatedAt } = group;
  const { users, readers } = counts;
  return {
    id,
    displayName,
    access,
    counts: { users, readers },
    managedBy: managedByView(managedBy),
    createdAt,
    updatedAt,
  };
}

function managedByView(manager: Manager | undefined): z.input<typeof schemas.member>["managedBy"] {
  return manager === undefined ? null : { ...manager, badge: "SSO-SCIM" };
}

export function syncFailureView({
  scimType,
  source: _,
  ...shown
}: SyncFailure): z.input<typeof schemas.syncFailure> {
  return { ...shown, scimType: scimType ?? null };
}

export function activityView(entry: ActivityEntry): z.input<typeof schemas.activityEntry> {
  const { at, actor, action, resourceType, resourceId, identifier, connectionId = null, changes } = entry;
  return { at, actor, action, resourceType, resourceId, identifier, connectionId, changes: [...changes] };
}

type FindingView = z.input<typeof schemas.comparison>["items"][number];

export function findingView(finding: Finding): FindingView {
  const { kind, projectId, connectionId = null, resourceId = null, what } = finding;
  return { kind, projectId, connectionId, resourceId, what, remedy: remedyFor(kind) };
}
