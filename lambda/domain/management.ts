/**
 * Whether SCIM owns a member or a group: its connection is there and has SCIM enabled (API.md §1). Derived, never stored.
 */

import { connectionUnchanged, readConnection } from "../table/connections.ts";
import type { Write } from "../table/store.ts";
import type { Connection } from "./connection.ts";
import type { Context } from "./context.ts";

/** A member or a group, as far as it matters here. */
export interface Ownable {
  readonly connectionId: string | undefined;
  /** Nobody manages what is deleted. */
  readonly deletedAt?: string | undefined;
}

/** The connection it is linked to, if that still exists. It manages it if its SCIM is enabled. */
export async function owningConnection(context: Context, owned: Ownable): Promise<Connection | undefined> {
  return owned.connectionId === undefined ? undefined : readConnection(context.store, owned.connectionId);
}

/** What manages a member or a group. */
export interface Manager {
  readonly connectionId: string;
  /** By way of the connection's parent. */
  readonly inherited: boolean;
}

/** The connection that manages it. `owner`: its connection, as far as that is there. */
export function managerOf(
  { connectionId, deletedAt }: Ownable,
  owner: Connection | undefined,
): Manager | undefined {
  return owner?.scimEnabled && owner.id === connectionId && deletedAt === undefined
    ? { connectionId: owner.id, inherited: owner.inheritance !== undefined }
    : undefined;
}

/** `managerOf` for many, from all connections of their project. */
export function managersAmong(connections: readonly Connection[]): (owned: Ownable) => Manager | undefined {
  const byId = new Map(connections.map((connection) => [connection.id, connection]));
  return (owned) =>
    owned.connectionId === undefined ? undefined : managerOf(owned, byId.get(owned.connectionId));
}

/** Makes a change of what is unmanaged fail if SCIM is switched on for it in the meantime. */
export function stillUnmanaged({ connectionId }: Ownable, owner: Connection | undefined): readonly Write[] {
  return connectionId === undefined ? [] : connectionUnchanged(connectionId, owner);
}
