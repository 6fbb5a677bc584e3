import { describe, expect, test } from "vitest";
import { passesFilters } from "../../bin/local/stream-filter.ts";
import {
  activityMapping,
  type FilterPattern,
  propagationMapping,
} from "../../lambda/stream/stream-mapping.ts";
import {
  activityKey,
  claimKey,
  connectionKey,
  departedPageKey,
  externalIdKey,
  failureKey,
  formerConnectionKey,
  formerGroupKey,
  groupKey,
  groupNameKey,
  groupPageKey,
  type Key,
  memberGroupsKey,
  memberKey,
  mirrorHeadKey,
  mirrorPageKey,
  productRosterPartition,
  projectKey,
  rosterPageKey,
  seatPoolKey,
} from "../../lambda/table/keys.ts";

const record = ({ pk, sk }: Key, eventName: string, image: object = {}) => ({
  eventName,
  dynamodb: {
    Keys: { pk: { S: pk }, sk: { S: sk } },
    ...(eventName !== "REMOVE" && { NewImage: image }),
  },
});

describe("Lambda's filter language, as much of it as is used", () => {
  const passes = (pattern: FilterPattern, value: unknown) => passesFilters([pattern], value);

  test("equal, beginning with, or there; all fields, any rule", () => {
    expect(passes({ a: ["x", { prefix: "yz" }] }, { a: "x" })).toBe(true);
    expect(passes({ a: ["x", { prefix: "yz" }] }, { a: "yzz" })).toBe(true);
    expect(passes({ a: ["x", { prefix: "yz" }] }, { a: "xx" })).toBe(false);
    expect(passes({ a: { b: [{ exists: true }] } }, { a: { b: "" } })).toBe(true);
    expect(passes({ a: { b: [{ exists: true }] } }, { a: {} })).toBe(false);
    expect(passes({ a: { b: [{ exists: true }] } }, {})).toBe(false);
    expect(passes({ a: ["x"], b: ["y"] }, { a: "x" })).toBe(false);
  });

  test("any of several patterns", () => {
    const patterns: readonly FilterPattern[] = [{ a: ["x"] }, { b: ["y"] }];
    expect(passesFilters(patterns, { b: "y" })).toBe(true);
    expect(passesFilters(patterns, { b: "x" })).toBe(false);
    expect(passesFilters([], { b: "y" })).toBe(false);
  });
});

const projectId = "0123456789abcdef";
const connectionId = `${projectId}conn0001`;
const named = { displayName: { S: "Readers" } };
const at = "2026-03-01T08:00:00.000Z";
const failure = failureKey(projectId, { connectionId, resourceType: "User", hash: "h" });
const page = { kind: "S", page: 0, generation: "0" } as const;

describe.each([
  ["activity", activityMapping],
  ["propagation", propagationMapping],
] as const)("%s is rung", (name, { filters }) => {
  const rings = (key: Key, eventName: string, image?: object) =>
    passesFilters(filters, record(key, eventName, image));

  const rows: readonly (readonly [what: string, key: Key, image: object])[] = [
    ["members", memberKey(projectId, 5_000), {}],
    ["groups", groupKey(projectId, "group"), named],
    ["projects", projectKey(projectId), {}],
    ["connections", connectionKey(projectId, connectionId), {}],
    ["words of deleted connections", formerConnectionKey(projectId, connectionId), {}],
    ["words of deleted groups", formerGroupKey(projectId, "group"), {}],
  ];

  test.each(rows)(
    "by %s put there or changed, if at all, and never by what is purged or expires",
    (what, key, image) => {
      const expected = name === "activity" || what === "groups";
      expect([rings(key, "INSERT", image), rings(key, "MODIFY", image)]).toEqual([expected, expected]);
      if (name === "activity") expect(rings(key, "REMOVE")).toBe(false);
    },
  );

  test("by a sync failure that opens, if at all, and not by its further attempts", () => {
    expect(rings(failure, "INSERT")).toBe(name === "activity");
    expect([rings(failure, "MODIFY"), rings(failure, "REMOVE")]).toEqual([false, false]);
  });

  test("by pages of groups for propagation alone", () => {
    for (const eventName of ["INSERT", "MODIFY", "REMOVE"]) {
      expect(rings(groupPageKey(projectId, "group", page), eventName)).toBe(name === "propagation");
    }
  });

  test("by nothing else: nothing that either writes, nothing that every request writes", () => {
    const others = [
      activityKey(projectId, undefined, { at, resourceId: "r", revision: 1 }),
      activityKey(projectId, "member", { at, resourceId: "member", revision: 1 }),
      memberGroupsKey(projectId, 1),
      mirrorPageKey(projectId, "group", "S", 0),
      mirrorHeadKey(projectId, "group"),
      seatPoolKey(projectId, 1),
      claimKey(projectId, "userName", "connection#x"),
      groupNameKey(projectId, "connection#", "owner"),
      externalIdKey(connectionId, "CONNECTION#x"),
      rosterPageKey(productRosterPartition(projectId), 1, 0),
      departedPageKey(`C#${connectionId}#ROSTER`, 1),
    ];
    for (const key of others) {
      for (const eventName of ["INSERT", "MODIFY", "REMOVE"]) {
        expect([key, rings(key, eventName, named)]).toEqual([key, false]);
      }
    }
  });
});
