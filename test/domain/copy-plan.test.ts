import { describe, expect, test } from "vitest";
import type { Connection } from "../../lambda/domain/connection.ts";
import { type CopyAt, lastVersion, planCopy, type Source } from "../../lambda/domain/copy-plan.ts";
import { type Member, newMember } from "../../lambda/domain/member.ts";
import { accountSchema } from "../../lambda/scim/schemas/account.ts";

// What becomes of a child's copy, from how the two are. What is done about it: test/service/inheritance.test.ts.

const parentId = "0123456789abcdefconn0001";
const projectId = "fedcba9876543210";
const at = "2026-03-01T08:00:00.000Z";
const later = "2026-03-01T09:00:00.000Z";
const child: Connection = {
  id: `${projectId}conn0002`,
  name: "Child",
  provider: "okta",
  scimEnabled: true,
  onDelete: "deactivate",
  jit: false,
  uniqueGroupNames: false,
  defaults: { role: "contributor", userAccess: "read", readerAccess: "none", groupAccess: "none" },
  tokens: [],
  inheritance: { parentId, parentRevision: 1, ordinal: 1 },
  childCount: 0,
  heirsSince: 0,
  markedSince: 0,
  syncEpoch: 0,
  cursorSecret: "",
  createdAt: at,
  updatedAt: at,
  revision: 1,
};

const attributes = { userName: "ada@x.test", active: true, [accountSchema.id]: { isTeamAccount: true } };
const inactive = { ...attributes, active: false };
const reader = { ...attributes, [accountSchema.id]: { isTeamAccount: false } };
const ada: Member = {
  ...newMember(
    { projectId: "0123456789abcdef", attributes, role: "admin", access: "write", connectionId: parentId },
    at,
  ),
  number: 7,
  homeNumber: 7,
  version: 5,
  revision: 9,
};
const copy: Member = {
  ...newMember({ projectId, attributes, role: "reviewer", access: "none", connectionId: child.id }, at),
  number: 2 ** 28 + 7,
  homeNumber: 3,
  sourceVersion: 5,
  version: 2,
  revision: 4,
};
const left = { connectionId: undefined, formerConnectionId: child.id };

const user = (member: Partial<Member> = {}): Source => ({ kind: "user", member: { ...ada, ...member } });
const gone = (version: number = lastVersion): Source => ({ kind: "gone", version });
const copied = (member: Partial<Member> = {}): CopyAt => ({ kind: "copy", member: { ...copy, ...member } });
const never = (goneAtVersion: number): CopyAt => ({ kind: "never", goneAtVersion });
const hasLeft: CopyAt = { kind: "left" };
const nothing: CopyAt = { kind: "nothing" };

const planned = (source: Source, there: CopyAt) => planCopy(source, there, child, later);

describe("the gate of versions", () => {
  const cases: readonly (readonly [string, Source, CopyAt, string])[] = [
    ["what it was brought to", user(), copied(), "nothing"],
    ["a newer one", user({ version: 6 }), copied(), "change"],
    ["an older one than the copy was brought to", user({ version: 4 }), copied(), "stale"],
    ["an older one than a copy that ended was brought to", user({ version: 4 }), copied(left), "stale"],
    ["an older end", gone(4), copied(), "stale"],
    ["an older one than the end that was noted", user(), never(6), "stale"],
    ["a newer one than the end that was noted", user({ version: 7 }), never(6), "take"],
    ["anything after the last", user({ version: 900 }), never(lastVersion), "stale"],
    ["an older end than the one that was noted", gone(5), never(6), "stale"],
    ["the same end again", gone(6), never(6), "nothing"],
    ["a newer end", gone(7), never(6), "never"],
  ];
  test.each(cases)("%s", (_, source, there, kind) => {
    expect(planned(source, there).kind).toBe(kind);
  });
});

describe("a user that is there", () => {
  test.each([
    ["nobody was copied", nothing],
    ["the copy has left", hasLeft],
    ["the copy is nobody's any more", copied(left)],
  ])("is taken where %s", (_, there) => {
    expect(planned(user(), there)).toEqual({ kind: "take", member: ada });
  });

  test("is followed in what is the parent's; role and access are the child's", () => {
    const renamed = { ...attributes, userName: "countess" };
    expect(planned(user({ attributes: renamed, version: 6 }), copied())).toEqual({
      kind: "change",
      after: {
        ...copy,
        attributes: renamed,
        sourceVersion: 6,
        version: 3,
        revision: 5,
        lastModified: later,
        updatedAt: later,
      },
    });
  });

  test("has the role by default where its type changes", () => {
    expect(planned(user({ attributes: reader, version: 6 }), copied())).toMatchObject({
      after: { attributes: reader, role: null, access: "none" },
    });
    expect(planned(user(), copied({ attributes: reader, role: null }))).toMatchObject({
      after: { attributes, role: "contributor", access: "none" },
    });
  });

  test.each([
    ["was edited by hand", { attributes: inactive }],
    ["was deleted by hand", { deletedAt: at }],
  ])("is followed at no new version where the copy %s", (_, edited) => {
    expect(planned(user(), copied(edited))).toMatchObject({
      kind: "change",
      after: { attributes, deletedAt: undefined },
    });
  });
});

describe("a user that was deleted in the parent's product", () => {
  const deleted = user({ attributes: inactive, deletedAt: at, version: 6 });

  test("is followed: it may come back as the same", () => {
    expect(planned(deleted, copied())).toMatchObject({
      kind: "change",
      after: { attributes: inactive, deletedAt: later, connectionId: child.id, sourceVersion: 6 },
    });
  });

  test("is let alone where the copy was deleted at that version", () => {
    expect(planned(deleted, copied({ deletedAt: at, sourceVersion: 6 })).kind).toBe("nothing");
    expect(planned(deleted, copied({ deletedAt: at }))).toMatchObject({ after: { deletedAt: at } });
  });

  test("is not made, which is noted", () => {
    expect(planned(deleted, nothing)).toEqual({ kind: "never", version: 6 });
    expect(planned(deleted, hasLeft).kind).toBe("nothing");
    expect(planned(deleted, copied(left)).kind).toBe("nothing");
  });
});

describe("a user that is gone", () => {
  test("ends as onDelete says", () => {
    const end = { attributes: inactive, ...left, sourceVersion: lastVersion };
    expect(planned(gone(), copied())).toMatchObject({
      kind: "change",
      after: { ...end, deletedAt: undefined },
    });
    expect(planCopy(gone(), copied(), { ...child, onDelete: "delete" }, later)).toMatchObject({
      kind: "change",
      after: { ...end, deletedAt: later },
    });
  });

  test("is not made, which is noted", () => {
    expect(planned(gone(8), nothing)).toEqual({ kind: "never", version: 8 });
  });

  test.each([
    ["has left", hasLeft],
    ["ended before", copied({ ...left, sourceVersion: lastVersion })],
  ])("is let alone where the copy %s", (_, there) => {
    expect(planned(gone(), there).kind).toBe("nothing");
  });
});
