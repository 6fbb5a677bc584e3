/** A connection: the link of a project to one IdP application, with its settings and the hashes of its tokens. */

import { projectOfConnection } from "./ids.ts";
import type { Access, MemberType, Role } from "./member.ts";

export const providers = ["okta", "entra", "onelogin", "google", "jumpcloud", "ping", "other"] as const;
export type Provider = (typeof providers)[number];

/** What a SCIM DELETE of a user does to the member. */
export const deletePolicies = ["deactivate", "delete"] as const;
export type DeletePolicy = (typeof deletePolicies)[number];

/** Roles a new user may get; a reviewer is made by an admin. */
export const defaultRoles = ["contributor", "admin"] as const;

export interface ConnectionDefaults {
  readonly role: (typeof defaultRoles)[number];
  readonly userAccess: Access;
  readonly readerAccess: Access;
  readonly groupAccess: Access;
}

export interface ConnectionSettings {
  readonly name: string;
  readonly provider: Provider;
  readonly scimEnabled: boolean;
  readonly onDelete: DeletePolicy;
  readonly jit: boolean;
  readonly uniqueGroupNames: boolean;
  readonly defaults: ConnectionDefaults;
}

export interface Token {
  readonly id: string;
  /** SHA-256 of the whole token, hexadecimal. */
  readonly hash: string;
  readonly label: string | null;
  /** The token's last characters, for recognising it. */
  readonly hint: string;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  /** Exact to 15 minutes. */
  readonly lastUsedAt: string | null;
}

export interface Connection extends ConnectionSettings {
  readonly id: string;
  readonly tokens: readonly Token[];
  /** Of a child: what it inherits. Its settings, but for the name, are the parent's; it has no tokens. */
  readonly inheritance: Inheritance | undefined;
  /** Children that inherit from it. */
  readonly childCount: number;
  /** The `revision` with which it got a child when it had none; 0 before the first. */
  readonly heirsSince: number;
  /** The `heirsSince` for which all that its users are kept by has been marked: see `domain/heir-marks.ts`. */
  readonly markedSince: number;
  /** Rises when children have to look at everything again: see `domain/inheritance.ts`. */
  readonly syncEpoch: number;
  /** Of its lists' cursors (`list-cursor.ts`). Made with the connection and never shown. */
  readonly cursorSecret: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  /** Rises when settings or tokens change; the condition of the next change. */
  readonly revision: number;
}

export interface Inheritance {
  readonly parentId: string;
  /** The parent's `revision`, as of when its settings were read. */
  readonly parentRevision: number;
  /** Which of the project's inheritances it is, from 1: its users' numbers are apart from all others (`copied-numbers.ts`). */
  readonly ordinal: number;
}

export function projectIdOf(connection: Connection): string {
  return projectOfConnection(connection.id);
}

export function defaultsFor(
  connection: Connection,
  type: MemberType,
): { readonly role: Role | null; readonly access: Access } {
  const { role, userAccess, readerAccess } = connection.defaults;
  return type === "user" ? { role, access: userAccess } : { role: null, access: readerAccess };
}
