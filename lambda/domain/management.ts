/** Whether SCIM owns a member: its connection is there and has SCIM enabled (API.md §1). Derived, never stored. */

import { connectionUnchanged, readConnection } from "../table/connections.ts";
import type { Write } from "../table/store.ts";
import type { Connection } from "./connection.ts";
import type { Context } from "./context.ts";
import type { Member } from "./member.ts";

/** The connection a member is linked to, if it still exists. It manages the member if its SCIM is enabled. */
export async function owningConnection(context: Context, member: Member): Promise<Connection | undefined> {
  return member.connectionId === undefined ? undefined : readConnection(context.store, member.connectionId);
}

/** Makes a change of an unmanaged member fail if SCIM is switched on for it in the meantime. */
export function stillUnmanaged(member: Member, owner: Connection | undefined): readonly Write[] {
  return member.connectionId === undefined ? [] : [connectionUnchanged(member.connectionId, owner)];
}
