import { describe, expect, test } from "vitest";
import { activityOf, type RowChange } from "../../lambda/domain/activity-of-change.ts";
import type { Connection } from "../../lambda/domain/connection.ts";
import type { ChangeEvent } from "../../lambda/domain/event.ts";
import { eventOfRemoval, eventsOf } from "../../lambda/domain/events-of-change.ts";
import { type Group, newGroup } from "../../lambda/domain/group.ts";
import { eventsPerPublishMax } from "../../lambda/domain/limits.ts";
import { type Member, newMember } from "../../lambda/domain/member.ts";
import { memberIdOf } from "../../lambda/domain/member-id.ts";
import type { SyncFailure } from "../../lambda/domain/sync-failure.ts";
import { accountSchema } from "../../lambda/scim/schemas/account.ts";
import { enterpriseUserSchema } from "../../lambda/scim/schemas/enterprise-user.ts";
import { userSchema } from "../../lambda/scim/schemas/user.ts";

// Which change is which event, and which is none. What rows look like: test/service/events.test.ts.

const projectId = "0123456789abcdef";
const connectionId = `${projectId}conn0001`;
const other = `${projectId}conn0002`;
const at = "2026-03-01T08:00:00.000Z";
const later = "2026-03-01T09:00:00.000Z";

function told(change: RowChange): readonly ChangeEvent[] {
  return eventsOf(change, activityOf({ projectId, actor: "scim", at: later }, change));
}
const short = (change: RowChange) => told(change).map(({ type, changes }) => [type, ...changes].join(" "));

const account = "urn:ietf:params:scim:schemas:extension:document360:2.0:User";
const attributes = { userName: "ada@x.test", active: true, [account]: { isTeamAccount: true } };
const fields = { projectId, attributes, role: "contributor", access: "read", connectionId } as const;
const ada: Member = { ...newMember(fields, at), number: 7, homeNumber: 7, revision: 4 };

const inactive = { attributes: { ...attributes, active: false } };
const deleted = { ...inactive, deletedAt: later };
const left = { connectionId: undefined, formerConnectionId: connectionId };
const byHand = { connectionId: undefined };
const reader = { attributes: { ...attributes, [account]: { isTeamAccount: false } }, role: null };
const renamed = { ...attributes, userName: "countess" };

describe("a member", () => {
  const all = "access active isTeamAccount role userName";
  type Case = readonly [string, Partial<Member> | undefined, Partial<Member>, string | undefined];
  const cases: readonly Case[] = [
    // It is there, or a connection has it now.
    ["made by an IdP", undefined, {}, `member.provisioned ${all}`],
    ["made by hand", undefined, byHand, `member.provisioned ${all}`],
    ["made as inactive", undefined, inactive, `member.provisioned ${all}`],
    ["taken over from nobody", byHand, {}, "member.provisioned"],
    ["taken over, and changed by it", byHand, { attributes: renamed }, "member.provisioned userName"],
    ["taken over from another connection", { connectionId: other }, {}, "member.provisioned"],
    ["taken over as active", { ...inactive, ...left }, {}, "member.provisioned active"],
    ["back under a new number", undefined, { number: 9 }, `member.provisioned ${all}`],
    ["deleted, back at a connection, where it was", { ...deleted, ...left }, {}, "member.provisioned active"],
    // It has another status now.
    ["deactivated", {}, inactive, "member.deactivated active"],
    ["deactivated and changed", {}, { ...inactive, access: "none" }, "member.deactivated access active"],
    ["reactivated", inactive, {}, "member.reactivated active"],
    [
      "gone from its connection, which deactivates",
      {},
      { ...inactive, ...left },
      "member.deactivated active",
    ],
    ["gone though inactive before", inactive, { ...inactive, ...left }, "member.deactivated"],
    ["gone and left as it was", {}, left, "member.updated"],
    ["gone from its connection, which deletes", {}, { ...deleted, ...left }, "member.deleted active"],
    ["deleted by hand", {}, deleted, "member.deleted active"],
    ["deleted though inactive before", inactive, deleted, "member.deleted"],
    ["restored", deleted, {}, "member.reactivated active"],
    ["restored and renamed", deleted, { attributes: renamed }, "member.reactivated active userName"],
    ["restored as inactive", deleted, inactive, "member.deactivated"],
    // Anything else.
    ["converted", {}, reader, "member.updated isTeamAccount role"],
    ["given another role", {}, { role: "reviewer" }, "member.updated role"],
    ["given another access", {}, { access: "write" }, "member.updated access"],
    ["renamed", {}, { attributes: renamed }, "member.updated userName"],
    [
      "renamed while inactive",
      inactive,
      { attributes: { ...renamed, active: false } },
      "member.updated userName",
    ],
    [
      "active no longer said",
      {},
      { attributes: { userName: "ada@x.test", [account]: attributes[account] } },
      "member.updated active",
    ],
    // No change of anybody.
    ["written anew", {}, { version: 9, lastModified: later, updatedAt: later }, undefined],
    ["a copy brought to a version that changes nothing", {}, { sourceVersion: 9 }, undefined],
    ["known to have children's copies", {}, { hasHeirs: true }, undefined],
    [
      "deleted, and changed by its source",
      deleted,
      { ...deleted, attributes: { ...renamed, active: false } },
      undefined,
    ],
    ["deleted, and left by its connection", deleted, { ...deleted, ...left }, undefined],
  ];

  test.each(cases)("%s", (_, before, after, expected) => {
    const change: RowChange = {
      kind: "member",
      before: before && { ...ada, ...before },
      after: { ...ada, ...after, revision: 5 },
    };
    expect(short(change)).toEqual(expected === undefined ? [] : [expected]);
  });

  test("is told with all that API.md §6 names, by the id and the connection that the product knows", () => {
    const [event] = told({
      kind: "member",
      before: ada,
      after: { ...ada, ...inactive, number: 9, revision: 5 },
    });
    const resourceId = memberIdOf(projectId, 7);
    expect(event).toEqual({
      type: "member.deactivated",
      id: `${projectId}.${resourceId}.5.member.deactivated`,
      projectId,
      connectionId,
      resourceId,
      version: 5,
      at: later,
      changes: ["active"],
    });
    const connectionOf = (before: Partial<Member>, after: Partial<Member>) =>
      told({ kind: "member", before: { ...ada, ...before }, after: { ...ada, ...after } })[0]!.connectionId;
    expect(connectionOf({}, { ...deleted, ...left })).toBe(connectionId);
    expect(connectionOf({ connectionId: other }, {})).toBe(connectionId);
    expect(connectionOf(byHand, { ...byHand, access: "none" })).toBeNull();
  });
});

describe("a group", () => {
  const readers: Group = {
    ...newGroup(
      { projectId, id: "g", displayName: "Readers", externalId: undefined, access: "none", connectionId },
      at,
    ),
    size: 2,
    revision: 3,
  };
  const aside = { generation: "x", removableFrom: 1 };
  const shown = { version: 2, lastModified: later, updatedAt: later };
  type Case = readonly [string, Partial<Group> | undefined, Partial<Group>, string | undefined];
  const cases: readonly Case[] = [
    ["made with members", undefined, {}, "group.created access displayName members"],
    ["made empty", undefined, { size: 0 }, "group.created access displayName"],
    [
      "shown once its members are there",
      { hidden: true, aside },
      {},
      "group.created access displayName members",
    ],
    ["renamed", {}, { displayName: "Writers", ...shown }, "group.updated displayName"],
    [
      "renamed and refilled: one change, one event",
      {},
      { displayName: "W", wideChanges: 1, ...shown },
      "group.updated displayName members",
    ],
    ["given an access", {}, { access: "read", updatedAt: later }, "group.updated access"],
    ["filled by its IdP", {}, { ...shown, size: 3 }, "group.membership members"],
    ["filled by hand", {}, { updatedAt: later }, "group.membership members"],
    ["hidden as yet", undefined, { hidden: true, aside }, undefined],
    ["with a set being written aside", {}, { aside }, undefined],
    ["rid of a set aside", { aside, ...shown }, shown, undefined],
    ["rid of who had departed", {}, { size: 1, wideChanges: 1 }, undefined],
    ["a copy brought to a revision that changes nothing", {}, { sourceRevision: 9 }, undefined],
  ];

  test.each(cases)("%s", (_, before, after, expected) => {
    const change: RowChange = {
      kind: "group",
      before: before && { ...readers, ...before },
      after: { ...readers, ...after, revision: 4 },
    };
    expect(short(change)).toEqual(expected === undefined ? [] : [expected]);
  });

  test("that is gone is told by its own row, above its last version and not before its last change", () => {
    const { id, displayName } = readers;
    const word = { id, displayName, connectionId, deletedAt: later, revision: 4 };
    expect(told({ kind: "groupDeleted", group: word, revision: 4 })).toEqual([]);
    const event = eventOfRemoval(readers, later);
    expect(event).toEqual({
      type: "group.deleted",
      id: `${projectId}.g.4.group.deleted`,
      projectId,
      connectionId,
      resourceId: "g",
      version: 4,
      at: later,
      changes: [],
    });
    expect(eventOfRemoval({ ...readers, updatedAt: later }, at).at).toBe(later);
    expect(eventOfRemoval({ ...readers, connectionId: undefined }, at).connectionId).toBeNull();
  });
});

describe("a sync failure", () => {
  const failure: SyncFailure = {
    connectionId,
    resourceType: "User",
    identifier: "ada@x.test",
    operation: "create",
    httpStatus: 409,
    scimType: "uniqueness",
    reason: "duplicate",
    detail: 'userName "ada@x.test" is taken',
    remedy: "…",
    source: undefined,
    id: `${connectionId}-User-hash`,
    attempts: 1,
    firstFailedAt: later,
    lastFailedAt: later,
  };

  test("is told when it opens, above what was told when it opened before, and names nobody", () => {
    const [event] = told({ kind: "failureOpened", failure });
    expect(event).toEqual({
      type: "sync.failed",
      id: `${projectId}.${failure.id}.${Date.parse(later)}.sync.failed`,
      projectId,
      connectionId,
      resourceId: failure.id,
      version: Date.parse(later),
      at: later,
      changes: [],
    });
    expect(JSON.stringify(event)).not.toContain("ada");
  });
});

describe("what is neither a member nor a group", () => {
  const connection = {
    id: connectionId,
    name: "SSO",
    provider: "okta",
    scimEnabled: true,
    onDelete: "deactivate",
    jit: false,
    uniqueGroupNames: false,
    defaults: { role: "contributor", userAccess: "none", readerAccess: "none", groupAccess: "none" },
    tokens: [],
    revision: 1,
  } as unknown as Connection;
  const token = {
    id: "t",
    hash: "h",
    label: null,
    hint: "hint",
    createdAt: at,
    expiresAt: null,
    lastUsedAt: null,
  };
  const project = { id: projectId, name: "Acme", quotas: { users: 1 }, revision: 1 } as never;

  test.each<readonly [string, RowChange]>([
    ["a connection made", { kind: "connection", before: undefined, after: connection }],
    [
      "SCIM switched off",
      { kind: "connection", before: connection, after: { ...connection, scimEnabled: false } },
    ],
    ["a token made", { kind: "connection", before: connection, after: { ...connection, tokens: [token] } }],
    [
      "a token revoked",
      { kind: "connection", before: { ...connection, tokens: [token] }, after: connection },
    ],
    ["a connection deleted", { kind: "connectionDeleted", connectionId, name: "SSO", revision: 2 }],
    [
      "a project renamed",
      { kind: "project", before: project, after: { ...(project as object), name: "B" } as never },
    ],
  ])("%s is no event", (_, change) => {
    expect(activityOf({ projectId, actor: "scim", at: later }, change)).not.toEqual([]);
    expect(told(change)).toEqual([]);
  });
});

test("ten of the largest there can be fit one call to the bus: 256 KB", () => {
  const schemas = [userSchema, enterpriseUserSchema, accountSchema];
  const names = schemas.flatMap((schema) => schema.attributes.map(({ name }) => name));
  const everything = Object.fromEntries(names.map((name) => [name, "x"]));
  const [event] = told({ kind: "member", before: undefined, after: { ...ada, attributes: everything } });
  expect(event!.changes.length).toBeGreaterThan(names.length);
  expect(Buffer.byteLength(JSON.stringify(event)) * eventsPerPublishMax).toBeLessThan(256 * 1024);
});
