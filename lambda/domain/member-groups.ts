/** The groups a member is in, as its own page shows them. Derived by the stream handler: may trail by a second. */

import { readGroups } from "../table/groups.ts";
import { type MemberGroups, readMemberGroups } from "../table/member-groups.ts";
import type { Context } from "./context.ts";
import type { Group } from "./group.ts";
import { isGroupId } from "./ids.ts";
import { groupsWithDisplayMax } from "./limits.ts";
import type { Member } from "./member.ts";

/**
 * Groups of its own connection, and those it was put into by hand, in the order of their ids. A member who left a
 * connection is in none of its groups, whatever their sets still hold, and one who is deleted is in none at all.
 */
export async function groupsOfMember(context: Context, member: Member): Promise<readonly Group[]> {
  const { projectId, number, homeNumber, connectionId, deletedAt } = member;
  if (deletedAt !== undefined) {
    return [];
  }
  const carried = await readMemberGroups(context.store, projectId, [number, homeNumber]);
  const own = carried.get(number)!.groups;
  const ids = new Set([
    ...(connectionId === undefined ? [] : own.filter((id) => isGroupId(id, connectionId))),
    ...carried.get(homeNumber)!.handGroups,
  ]);
  return readGroups(context.store, projectId, [...ids].sort());
}

/** A group as its members show it; `displayName` where it was looked up. */
export interface GroupReference {
  readonly id: string;
  readonly displayName?: string;
}

/** The groups of a connection among those carried to a user of it. */
export function referencesTo(
  connectionId: string,
  carried: MemberGroups | undefined,
): readonly GroupReference[] {
  return (carried?.groups ?? []).filter((id) => isGroupId(id, connectionId)).map((id) => ({ id }));
}

/** With names, for a user in few groups (`groupsWithDisplayMax`); those that are gone are left out then. */
export async function withNames(
  context: Context,
  projectId: string,
  references: readonly GroupReference[],
): Promise<readonly GroupReference[]> {
  if (references.length === 0 || references.length > groupsWithDisplayMax) {
    return references;
  }
  const groups = await readGroups(
    context.store,
    projectId,
    references.map(({ id }) => id),
  );
  return groups.map(({ id, displayName }) => ({ id, displayName }));
}
