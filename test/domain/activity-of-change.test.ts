import { describe, expect, test } from "vitest";
import { activityOf, type RowChange } from "../../lambda/domain/activity-of-change.ts";
import type { Connection, Token } from "../../lambda/domain/connection.ts";
import { type Group, newGroup } from "../../lambda/domain/group.ts";
import { type Member, newMember } from "../../lambda/domain/member.ts";
import { memberIdOf } from "../../lambda/domain/member-id.ts";
import type { SyncFailure } from "../../lambda/domain/sync-failure.ts";

// One action a change, by precedence; and nothing where nothing is to be seen. What rows look like: test/service/activity.test.ts.

const projectId = "0123456789abcdef";
const connectionId = `${projectId}conn0001`;
const at = "2026-03-01T08:00:00.000Z";
const later = "2026-03-01T09:00:00.000Z";

const told = (change: RowChange) =>
  activityOf({ projectId, actor: "scim", at: later }, change).map(({ action, changes }) => [
    action,
    ...changes,
  ]);

describe("a member", () => {
  const account = "urn:ietf:params:scim:schemas:extension:document360:2.0:User";
  const attributes = {
    userName: "ada",
    active: true,
    name: { givenName: "Ada", familyName: "L" },
    [account]: { isTeamAccount: true },
  };
  const fields = { projectId, attributes, role: "contributor", access: "read", connectionId } as const;
  const ada: Member = { ...newMember(fields, at), number: 7, homeNumber: 7 };
  const ofMember = (before: Partial<Member> | undefined, after: Partial<Member>) =>
    told({ kind: "member", before: before && { ...ada, ...before }, after: { ...ada, ...after } });
  const gone = { attributes: { ...attributes, active: false }, deletedAt: later };
  const left = { connectionId: undefined, formerConnectionId: connectionId };

  const cases: readonly (readonly [
    string,
    Partial<Member> | undefined,
    Partial<Member>,
    string[] | undefined,
  ])[] = [
    [
      "new: all that it has",
      undefined,
      {},
      ["member.provisioned", "access", "active", "isTeamAccount", "name", "role", "userName"],
    ],
    [
      "new under another number than its first: taken back",
      undefined,
      { number: 8, version: 4 },
      ["member.linked", "access", "active", "isTeamAccount", "name", "role", "userName"],
    ],
    [
      "deleted by its IdP: rather than unlinked or deactivated",
      {},
      { ...gone, ...left },
      ["member.deleted", "active"],
    ],
    [
      "brought back by another connection: rather than linked or reactivated",
      { ...gone, connectionId: undefined },
      {},
      ["member.restored", "active"],
    ],
    [
      "left by its IdP: rather than deactivated",
      {},
      { attributes: gone.attributes, ...left },
      ["member.unlinked", "active"],
    ],
    [
      "left though it was inactive",
      { attributes: gone.attributes },
      { attributes: gone.attributes, ...left },
      ["member.unlinked"],
    ],
    [
      "taken over from another connection: rather than reactivated",
      { attributes: gone.attributes, connectionId: `${projectId}conn0002` },
      {},
      ["member.linked", "active"],
    ],
    [
      "deactivated: rather than updated",
      {},
      { attributes: gone.attributes, access: "none" },
      ["member.deactivated", "access", "active"],
    ],
    ["reactivated", { attributes: gone.attributes }, {}, ["member.reactivated", "active"]],
    [
      "`active` gone from the attributes is active still",
      {},
      { attributes: { userName: "ada", name: attributes.name, [account]: attributes[account] } },
      ["member.updated", "active"],
    ],
    [
      "converted",
      {},
      { attributes: { ...attributes, [account]: { isTeamAccount: false } }, role: null },
      ["member.updated", "isTeamAccount", "role"],
    ],
    [
      "changed deep inside",
      {},
      { attributes: { ...attributes, name: { givenName: "Ada", familyName: "M" } } },
      ["member.updated", "name"],
    ],
    [
      "the same, its keys in another order",
      {},
      { attributes: { ...attributes, name: { familyName: "L", givenName: "Ada" } }, revision: 9 },
      undefined,
    ],
    ["the same, written anew", {}, { revision: 9, version: 9, updatedAt: later }, undefined],
  ];

  test.each(cases)("%s", (_, before, after, expected) => {
    expect(ofMember(before, after)).toEqual(expected ? [expected] : []);
  });

  test("is known by its member id, and to the connection that has it, had it until then, or made it by a sign-in", () => {
    const entryOf = (before: Member | undefined, after: Member) =>
      activityOf({ projectId, actor: "scim", at }, { kind: "member", before, after })[0];
    expect(entryOf(undefined, { ...ada, number: 9 })).toMatchObject({
      resourceId: memberIdOf(projectId, 7),
      connectionId,
    });
    expect(entryOf(ada, { ...ada, ...left })).toMatchObject({ connectionId });
    expect(entryOf({ ...ada, ...left }, { ...ada, ...left, access: "none" })?.connectionId).toBeUndefined();
    const signIn = { connectionId, subject: "s", externalId: undefined, typeIsOpen: true };
    const visitor = { ...ada, connectionId: undefined, signIn };
    expect(entryOf(undefined, visitor)).toMatchObject({ connectionId });
    expect(entryOf(visitor, { ...visitor, access: "none" })?.connectionId).toBeUndefined();
  });
});

describe("a group", () => {
  const readers: Group = {
    ...newGroup(
      { projectId, id: "g", displayName: "Readers", externalId: undefined, access: "none", connectionId },
      at,
    ),
    size: 2,
  };
  const ofGroup = (before: Partial<Group> | undefined, after: Partial<Group>) =>
    told({ kind: "group", before: before && { ...readers, ...before }, after: { ...readers, ...after } });
  const aside = { generation: "x", removableFrom: 1 };
  const seen = { version: 2, lastModified: later, updatedAt: later };

  const cases: readonly (readonly [
    string,
    Partial<Group> | undefined,
    Partial<Group>,
    string[] | undefined,
  ])[] = [
    ["new", undefined, {}, ["group.created", "access", "displayName", "members"]],
    [
      "new and empty",
      undefined,
      { size: 0, externalId: "e" },
      ["group.created", "access", "displayName", "externalId"],
    ],
    ["hidden until its members are there", undefined, { hidden: true, aside }, undefined],
    ["shown", { hidden: true, aside }, {}, ["group.created", "access", "displayName", "members"]],
    ["renamed", {}, { displayName: "Writers", ...seen }, ["group.updated", "displayName"]],
    [
      "renamed and refilled",
      {},
      { displayName: "Writers", wideChanges: 1, ...seen },
      ["group.updated", "displayName", "members"],
    ],
    [
      "renamed and refilled by a set written aside",
      {},
      { externalId: "e", generation: "x", ...seen },
      ["group.updated", "externalId", "members"],
    ],
    ["given an access", {}, { access: "read", updatedAt: later }, ["group.updated", "access"]],
    ["one member for another", {}, seen, ["group.membership", "members"]],
    ["filled by hand: its version stays", {}, { updatedAt: later }, ["group.membership", "members"]],
    ["rid of who had departed: nobody sees it", {}, { size: 1, wideChanges: 1, revision: 2 }, undefined],
    ["with a set being written aside", {}, { aside, revision: 2 }, undefined],
    ["rid of a set aside", { aside, ...seen }, { ...seen, revision: 3 }, undefined],
  ];

  test.each(cases)("%s", (_, before, after, expected) => {
    expect(ofGroup(before, after)).toEqual(expected ? [expected] : []);
  });
});

describe("a connection's tokens", () => {
  const token = (id: string, expiresAt: string | null = null): Token => ({
    id,
    hash: "",
    label: id,
    hint: "hint",
    createdAt: at,
    expiresAt,
    lastUsedAt: null,
  });
  const sso: Connection = {
    inheritance: undefined,
    childCount: 0,
    heirsSince: 0,
    markedSince: 0,
    syncEpoch: 0,
    id: connectionId,
    name: "SSO",
    provider: "okta",
    scimEnabled: true,
    onDelete: "deactivate",
    jit: false,
    uniqueGroupNames: false,
    defaults: { role: "contributor", userAccess: "none", readerAccess: "none", groupAccess: "none" },
    tokens: [],
    cursorSecret: "",
    createdAt: at,
    updatedAt: at,
    revision: 1,
  };
  const ofTokens = (before: readonly Token[], after: readonly Token[]) =>
    activityOf(
      { projectId, actor: "scim", at: later },
      { kind: "connection", before: { ...sso, tokens: before }, after: { ...sso, tokens: after } },
    ).map(({ action, identifier, changes }) => [action, identifier, ...changes]);

  test("made, revoked, and given an end", () => {
    expect(ofTokens([token("a")], [token("a"), token("b")])).toEqual([["token.created", "b"]]);
    expect(ofTokens([token("a"), token("b")], [token("b")])).toEqual([["token.revoked", "a"]]);
    expect(ofTokens([token("a")], [token("a", "2026-04-01T00:00:00.000Z"), token("b")])).toEqual([
      ["token.created", "b"],
      ["token.revoked", "a", "expiresAt"],
    ]);
  });

  test("one that had ended by itself is cleared away without a word, a later one is revoked", () => {
    expect(ofTokens([token("a", at), token("b", later)], [])).toEqual([]);
    expect(ofTokens([token("a", "2026-03-01T09:00:00.001Z")], [])).toEqual([["token.revoked", "a"]]);
  });

  test("merely used", () => {
    expect(ofTokens([token("a")], [{ ...token("a"), lastUsedAt: later }])).toEqual([]);
  });
});

test("a failure's identifier is cut: what is refused may be as long as a body", () => {
  const failure: SyncFailure = {
    source: undefined,
    id: "f",
    connectionId,
    resourceType: "User",
    identifier: "x".repeat(100_000),
    operation: "create",
    httpStatus: 400,
    scimType: undefined,
    reason: "validation",
    detail: "",
    remedy: "",
    attempts: 1,
    firstFailedAt: at,
    lastFailedAt: at,
  };
  const [entry] = activityOf({ projectId, actor: "scim", at }, { kind: "failureOpened", failure });
  expect(entry).toMatchObject({ action: "sync.failed", resourceId: "f", connectionId });
  expect(entry?.identifier).toHaveLength(900);
});
