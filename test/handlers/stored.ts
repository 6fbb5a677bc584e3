/** What the table holds in these tests, made by the functions that write it. */

import type { Connection } from "../../lambda/domain/connection.ts";
import { adminActor, providerActor } from "../../lambda/domain/context.ts";
import { type Group, newGroup } from "../../lambda/domain/group.ts";
import { placeOf } from "../../lambda/domain/group-changes.ts";
import { newCursorSecret } from "../../lambda/domain/list-cursor.ts";
import type { Member } from "../../lambda/domain/member.ts";
import { memberIdOf } from "../../lambda/domain/member-id.ts";
import type { Quotas } from "../../lambda/domain/seats.ts";
import { newToken } from "../../lambda/domain/token.ts";
import { insertConnection } from "../../lambda/table/connections.ts";
import { membersItems } from "../../lambda/table/group-members.ts";
import { groupRowItem, nameKeyOf } from "../../lambda/table/groups.ts";
import { claimKey, groupPagesPartition, groupsPartition } from "../../lambda/table/keys.ts";
import { memberRowItem } from "../../lambda/table/members.ts";
import { pagesOf } from "../../lambda/table/numbers.ts";
import { insertProject } from "../../lambda/table/projects.ts";
import { rosterItems } from "../../lambda/table/roster.ts";
import { createSeatPools } from "../../lambda/table/seat-pools.ts";
import type { Item, Write } from "../../lambda/table/store.ts";

export const tableName = "rollcall";
/** The clock of these tests. */
export const now = Date.parse("2026-01-01T00:00:00.000Z");

export const projectId = "1m80h00000abcdef";
export const connectionId = `${projectId}00000001`;
const { token, hash, hint } = newToken(connectionId, (count) => Buffer.alloc(count, 1));
export const authorization = { Authorization: `Bearer ${token}` };

const at = new Date(now).toISOString();
const made = { createdAt: at, updatedAt: at, revision: 1 };

const connection: Connection = {
  id: connectionId,
  name: "SSO",
  provider: "okta",
  scimEnabled: true,
  onDelete: "deactivate",
  jit: false,
  uniqueGroupNames: false,
  defaults: { role: "contributor", userAccess: "none", readerAccess: "none", groupAccess: "none" },
  inheritance: undefined,
  childCount: 0,
  heirsSince: 0,
  markedSince: 0,
  syncEpoch: 0,
  tokens: [{ id: "token-1", hash, label: null, hint, createdAt: at, expiresAt: null, lastUsedAt: null }],
  cursorSecret: newCursorSecret((count) => Buffer.alloc(count, 2)),
  ...made,
};

/** Used just now: nothing is to be noted about it. */
export const connectionItem: Item = {
  ...putOf(insertConnection(connection, adminActor)),
  tokenUse: { "token-1": at },
};

export const projectItem: Item = putOf(
  insertProject(
    {
      id: projectId,
      name: "Acme",
      quotas: { users: null, reviewers: null, readers: null },
      connectionCount: 1,
      inheritanceCount: 0,
      deleting: false,
      numbersBelow: 0,
      ...made,
    },
    adminActor,
  ),
);

const number = 7;
export const userId = memberIdOf(projectId, number);
const member: Member = {
  projectId,
  number,
  homeNumber: number,
  attributes: { userName: "ann@example.com", active: true },
  role: null,
  access: "none",
  connectionId,
  formerConnectionId: undefined,
  sourceVersion: undefined,
  hasHeirs: false,
  heirsSince: undefined,
  movedFrom: undefined,
  signIn: undefined,
  sharesExternalId: false,
  deletedAt: undefined,
  lastModified: at,
  version: 1,
  ...made,
};
export const userItem: Item = memberRowItem(member, providerActor);
/** Ann's hold on her userName. */
export const claimItem: Item = { ...claimKey(projectId, "userName", "ann@example.com"), holder: number };

/** The roster of a connection with that many users. */
export function rosterItemsOf(users: number): readonly Item[] {
  return rosterItems(Array.from({ length: users }, (_, index) => ({ ...member, number: index })));
}

export const groupId = `00000001${projectId}`;
const group: Group = {
  ...newGroup(
    { projectId, id: groupId, displayName: "Readers", externalId: undefined, access: "none", connectionId },
    at,
  ),
  size: 1,
};
export const groupItem: Item = groupRowItem(group, providerActor);
/** Who has the name Readers: that group. */
export const groupNameItem: Item = { ...nameKeyOf(group), groups: new Set([groupId]) };
/** Its members: Ann. */
export const groupPageItems: readonly Item[] = membersItems(placeOf(group), pagesOf([number]));
/** Where groups are read, and their members. */
export const groupRows = groupsPartition(projectId);
export const groupPages = groupPagesPartition(projectId, groupId);

/** Rows of groups of the connection, oldest first. */
export function groupItemsOf(count: number): readonly Item[] {
  return Array.from({ length: count }, (_, index) => ({
    ...groupItem,
    sk: groupId.slice(0, -8) + String(index).padStart(8, "0"),
  }));
}

export function seatPoolItems(quotas: Partial<Quotas> = {}): readonly Item[] {
  return createSeatPools(projectId, { users: null, reviewers: null, readers: null, ...quotas }).map(putOf);
}

function putOf(write: Write): Item {
  if ("put" in write) return write.put;
  throw new Error("not a put");
}
