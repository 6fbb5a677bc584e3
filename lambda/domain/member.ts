/**
 * A member: a person in a project. Its SCIM attributes are the one source of its names, its status and its type; the
 * rest is what only the product knows (role, access) and what ties it to a connection.
 */

import { memberEmail } from "../scim/member-email.ts";
import type { ScimAttributes } from "../scim/resource.ts";
import { accountSchema } from "../scim/schemas/account.ts";
import type { SeatKind } from "./seats.ts";

export const memberTypes = ["user", "reader"] as const;
export type MemberType = (typeof memberTypes)[number];
export const roles = ["admin", "contributor", "reviewer"] as const;
export type Role = (typeof roles)[number];
export const accesses = ["none", "read", "write"] as const;
export type Access = (typeof accesses)[number];
export const memberStatuses = ["active", "inactive", "deleted"] as const;
export type MemberStatus = (typeof memberStatuses)[number];

/** By what a member made by signing in is known again, until SCIM links it. */
export interface SignInMark {
  /** The connection it signed in by; that may be gone by now. */
  readonly connectionId: string;
  readonly subject: string;
  readonly externalId: string | undefined;
  /**
   * Nobody has decided yet what it is: SCIM may take it over as either type. An admin who sets its type, role or status
   * decides.
   */
  readonly typeIsOpen: boolean;
}

export interface Member {
  readonly projectId: string;
  /** Where the row lives, and what its SCIM id enciphers. Changes when SCIM creates a once deleted user again. */
  readonly number: number;
  /** The number it was first given; its member id enciphers this one, for ever. */
  readonly homeNumber: number;
  readonly attributes: ScimAttributes;
  /** Null for a reader. */
  readonly role: Role | null;
  readonly access: Access;
  /** The connection whose IdP provisions it. Managed by SCIM while that connection exists and has SCIM enabled. */
  readonly connectionId: string | undefined;
  /** The last connection whose IdP deleted it. Created there again, it is the same member. */
  readonly formerConnectionId: string | undefined;
  /** Of a live member without connection alone. */
  readonly signIn: SignInMark | undefined;
  /** Whether another user of the connection had the externalId before it: it is then found under a key of its own. */
  readonly sharesExternalId: boolean;
  readonly deletedAt: string | undefined;
  /** Of a copy that a child has of its parent's user: which `version` of that it was last brought to. */
  readonly sourceVersion: number | undefined;
  /** Whether its connection had children when it was last changed: such changes are carried to them. */
  readonly hasHeirs: boolean;
  /** Since when its connection has children, as far as the row has been told (`Connection.heirsSince`). */
  readonly heirsSince: number | undefined;
  /** The number it had before this one, as a user of the same connection or of another. */
  readonly movedFrom: number | undefined;
  readonly createdAt: string;
  /** When the SCIM resource last changed (`meta.lastModified`). */
  readonly lastModified: string;
  /** When anything of the member last changed. */
  readonly updatedAt: string;
  /** `meta.version`: rises when the SCIM resource changes. */
  readonly version: number;
  /** Rises at each write; the condition of the next. */
  readonly revision: number;
}

export type NewMemberFields = Pick<Member, "projectId" | "attributes" | "role" | "access" | "connectionId">;

/** A member that nobody has seen yet. Its number is given when it is committed; until then it equals no other. */
export function newMember(fields: NewMemberFields, at: string): Member {
  return {
    ...fields,
    number: Number.NaN,
    homeNumber: Number.NaN,
    formerConnectionId: undefined,
    signIn: undefined,
    sharesExternalId: false,
    deletedAt: undefined,
    sourceVersion: undefined,
    hasHeirs: false,
    heirsSince: undefined,
    movedFrom: undefined,
    createdAt: at,
    lastModified: at,
    updatedAt: at,
    version: 1,
    revision: 1,
  };
}

/** The connection it belongs to, or last belonged to. */
export function lastConnectionOf(member: Member): string | undefined {
  return member.connectionId ?? member.formerConnectionId;
}

export function statusOf(member: Member): MemberStatus {
  if (member.deletedAt !== undefined) {
    return "deleted";
  }
  // An unassigned `active` means active (API.md §4).
  return member.attributes["active"] === false ? "inactive" : "active";
}

export function typeOf(attributes: ScimAttributes): MemberType {
  const extension = attributes[accountSchema.id];
  const isTeamAccount =
    typeof extension === "object" && extension !== null && !Array.isArray(extension)
      ? (extension as ScimAttributes)["isTeamAccount"]
      : undefined;
  return isTeamAccount === true ? "user" : "reader";
}

/** The seat it uses up: none unless it is active. */
export function seatOf(member: Member): SeatKind | undefined {
  if (statusOf(member) !== "active") {
    return undefined;
  }
  if (typeOf(member.attributes) === "reader") {
    return "readers";
  }
  return member.role === "reviewer" ? "reviewers" : "users";
}

export function userNameOf(attributes: ScimAttributes): string {
  return String(attributes["userName"] ?? "");
}

export const emailOf = memberEmail;

export function externalIdOf(attributes: ScimAttributes): string | undefined {
  const externalId = attributes["externalId"];
  return typeof externalId === "string" ? externalId : undefined;
}

/** Attributes with the type set; a type already so is left as it is, absent `isTeamAccount` included. */
export function withType(attributes: ScimAttributes, type: MemberType): ScimAttributes {
  return typeOf(attributes) === type
    ? attributes
    : { ...attributes, [accountSchema.id]: { isTeamAccount: type === "user" } };
}

/** Attributes with the status set; one already so is left as it is, absent `active` included. */
export function withActive(attributes: ScimAttributes, active: boolean): ScimAttributes {
  return (attributes["active"] !== false) === active ? attributes : { ...attributes, active };
}
