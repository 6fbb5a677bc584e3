/** Domain objects as the admin API shows them. */

import type * as z from "zod";
import type { Connection, Token } from "../../domain/connection.ts";
import { projectIdOf } from "../../domain/connection.ts";
import type { IssuedToken } from "../../domain/connections.ts";
import { emailOf, seatOf, statusOf, typeOf, userNameOf } from "../../domain/member.ts";
import { memberIdOfMember } from "../../domain/member-id.ts";
import type { MemberView } from "../../domain/members.ts";
import type { ProjectWithUsage } from "../../domain/projects.ts";
import { isObject } from "../../scim/json.ts";
import type * as schemas from "./schemas.ts";

export function projectView({ project, usage }: ProjectWithUsage): z.input<typeof schemas.project> {
  const { id, name, quotas, createdAt, updatedAt } = project;
  return { id, name, quotas, usage, createdAt, updatedAt };
}

export function connectionView(connection: Connection, baseUrl: string): z.input<typeof schemas.connection> {
  const { tokens: _, revision: __, ...shown } = connection;
  return {
    ...shown,
    projectId: projectIdOf(connection),
    scimBaseUrl: `${baseUrl}/scim/v2/${connection.id}`,
    inheritsFrom: null,
    childCount: 0,
  };
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
    managedBy:
      managedBy === undefined ? null : { connectionId: managedBy, badge: "SSO-SCIM", inherited: false },
    createdAt,
    updatedAt,
  };
}

/** A member's groups come with groups themselves. */
export function memberWithGroupsView(view: MemberView): z.input<typeof schemas.memberWithGroups> {
  return { ...memberView(view), groups: [] };
}
