/**
 * Groups, as the admin API sees them. One that a connection's IdP provisions is managed while that connection has SCIM
 * enabled; its name and members are the IdP's then, its access is the product's always.
 */

import { notFound } from "../scim/error.ts";
import { groupWrites, type NameHolders, nameKeyOf, readGroupRow } from "../table/groups.ts";
import type { Key } from "../table/keys.ts";
import { projectOpen } from "../table/projects.ts";
import { overtaken } from "../table/retry.ts";
import type { Connection } from "./connection.ts";
import { type Context, now } from "./context.ts";
import { type Group, newGroup } from "./group.ts";
import { removeGroup } from "./group-changes.ts";
import { type CountedGroup, countMembers, type GroupCounts, rostersOf } from "./group-counts.ts";
import { holdersOf } from "./groups.ts";
import { isGroupId, newGroupId } from "./ids.ts";
import { assertGroupIndexable } from "./indexable.ts";
import { type Manager, managerOf, owningConnection, stillUnmanaged } from "./management.ts";
import type { Access } from "./member.ts";
import { changing } from "./member-change.ts";
import { openProject } from "./projects.ts";
import { conflict, managedByIdp } from "./refusals.ts";

/** A group, who is in it, and whether SCIM owns it. */
export interface GroupView extends CountedGroup {
  /** The connection that manages it: there, and with SCIM enabled. */
  readonly managedBy: Manager | undefined;
}

export interface GroupFields {
  readonly displayName?: string | undefined;
  readonly access?: Access | undefined;
}

const nobody: GroupCounts = { users: 0, readers: 0 };

/** Always a new group, whatever others are called. It belongs to no connection. */
export async function createProductGroup(
  context: Context,
  projectId: string,
  { displayName, access = "none" }: GroupFields & { readonly displayName: string },
): Promise<GroupView> {
  assertGroupIndexable(displayName, undefined);
  return changing(context, async () => {
    await openProject(context, projectId);
    const id = newGroupId(undefined, context.clock(), context.randomBytes);
    const fields = { projectId, id, displayName, externalId: undefined, access, connectionId: undefined };
    const group = newGroup(fields, now(context));
    const holdersAt = await holdersOf(context, undefined, group);
    const outcome = await context.store.transact([
      ...groupWrites(undefined, group, holdersAt, context.actor),
      projectOpen(projectId),
    ]);
    return outcome === "done" ? { group, counts: nobody, managedBy: undefined } : overtaken();
  });
}

export async function getProductGroup(
  context: Context,
  projectId: string,
  groupId: string,
): Promise<GroupView> {
  const group = await openProductGroup(context, projectId, groupId);
  const [owner, counted] = await Promise.all([
    owningConnection(context, group),
    countMembers(context, rostersOf(context, projectId), group),
  ]);
  if (counted === undefined) {
    throw noSuchGroup(groupId);
  }
  return { ...counted, managedBy: managerOf(group, owner) };
}

/** Managed: only access may change, anything else is 409 `managed_by_idp`. */
export async function patchProductGroup(
  context: Context,
  projectId: string,
  groupId: string,
  patch: GroupFields,
): Promise<GroupView> {
  if (patch.displayName !== undefined) {
    assertGroupIndexable(patch.displayName, undefined);
  }
  const { group, managedBy } = await changing(context, async () => {
    const before = await openProductGroup(context, projectId, groupId);
    const owner = await owningConnection(context, before);
    return { group: await change(context, before, owner, patch), managedBy: managerOf(before, owner) };
  });
  const counted = await countMembers(context, rostersOf(context, projectId), group);
  return { group, counts: counted?.counts ?? nobody, managedBy };
}

async function change(
  context: Context,
  before: Group,
  owner: Connection | undefined,
  { displayName = before.displayName, access = before.access }: GroupFields,
): Promise<Group> {
  const renamed = displayName !== before.displayName;
  const managedBy = managerOf(before, owner);
  if (renamed && managedBy !== undefined) {
    throw managedByIdp(managedBy, "group", "displayName cannot be changed");
  }
  if (!renamed && access === before.access) {
    return before;
  }
  const at = now(context);
  const after: Group = {
    ...before,
    displayName,
    access,
    // The product's access is nothing that SCIM shows.
    lastModified: renamed ? at : before.lastModified,
    version: before.version + (renamed ? 1 : 0),
    updatedAt: at,
    revision: before.revision + 1,
  };
  const holdersAt = await holdersOf(context, before, after);
  assertNameFree(owner, before, after, holdersAt);
  const outcome = await context.store.transact([
    ...groupWrites(before, after, holdersAt, context.actor),
    ...(renamed ? stillUnmanaged(before, owner) : []),
  ]);
  return outcome === "done" ? after : overtaken();
}

/**
 * The group goes, whoever is in it. To its IdP it is a group that is not there: it is told to unlink it and to push it again
 * (API.md §4). Managed: 409 `managed_by_idp` unless `force`.
 */
export async function deleteProductGroup(
  context: Context,
  projectId: string,
  groupId: string,
  force: boolean,
): Promise<void> {
  await changing(context, async () => {
    const group = await openProductGroup(context, projectId, groupId);
    const owner = force ? undefined : await owningConnection(context, group);
    const managedBy = managerOf(group, owner);
    if (managedBy !== undefined) {
      throw managedByIdp(
        managedBy,
        "group",
        "it cannot be deleted",
        ", or repeat the request with force=true",
      );
    }
    await removeGroup(context, group, force ? [] : stillUnmanaged(group, owner));
  });
}

/** 404 for a group that this project does not have. */
export async function openProductGroup(context: Context, projectId: string, groupId: string): Promise<Group> {
  const [, group] = await Promise.all([
    openProject(context, projectId),
    isGroupId(groupId) ? readGroupRow(context.store, projectId, groupId) : undefined,
  ]);
  if (group === undefined || group.hidden) {
    throw noSuchGroup(groupId);
  }
  return group;
}

/** A group of a connection with `uniqueGroupNames` gets by hand no name that the IdP could not give it. */
function assertNameFree(
  owner: Connection | undefined,
  before: Group,
  after: Group,
  holdersAt: (key: Key) => NameHolders,
): void {
  const key = nameKeyOf(after);
  if (!owner?.uniqueGroupNames || key.sk === nameKeyOf(before).sk) {
    return;
  }
  const [holder] = holdersAt(key).filter((id) => id !== after.id);
  if (holder !== undefined) {
    throw conflict(
      "duplicate_group",
      `displayName "${after.displayName}" is already used by group ${holder} of the same connection; ` +
        "choose another one, or allow equal names (uniqueGroupNames).",
    );
  }
}

function noSuchGroup(groupId: string) {
  return notFound(`Group ${groupId} does not exist in this project, or has been deleted.`);
}
