import { expect, test } from "vitest";
import { isActivityPlace, walkActivity } from "../../lambda/table/activity.ts";
import type { RangeQuery, Store } from "../../lambda/table/store.ts";

// What the walk finds: test/service/activity.test.ts. Here, what DynamoDB would refuse and the embedded engine lets pass.

const range = { projectId: "p", memberId: undefined, since: "2026-01-01T00:00:00.000Z" };

test("a place that has become too old is the end; it is not looked behind, where DynamoDB refuses a start outside the range", async () => {
  const asked: RangeQuery[] = [];
  const store = { query: async (query: RangeQuery) => asked.push(query) && [] } as unknown as Store;
  const walk = walkActivity(store, range);
  for (const place of ["ALL#2025-12-31T23:59:59.999Z#r#1", "ALL#2026-01-01T00:00:00.000Z"]) {
    expect(await walk(place)).toEqual({ steps: [], place, end: true });
  }
  expect(asked).toEqual([]);
  await walk("ALL#2026-01-01T00:00:00.000Z#r#1");
  expect(asked).toMatchObject([{ pk: "A#p", isDescending: true, from: `ALL#${range.since}` }]);
});

test("only what stands within the range is a place", () => {
  expect(isActivityPlace("ALL#2026-01-01T00:00:00.000Z#r#1", undefined)).toBe(true);
  expect(isActivityPlace("OF#m#2026-01-01T00:00:00.000Z#m#1", "m")).toBe(true);
  for (const [text, memberId] of [
    ["ALL#~", undefined],
    ["ALL#", undefined],
    ["OF#m#2026", undefined],
    ["ALL#2026", "m"],
    ["OF#n#2026", "m"],
    [`ALL#2${"x".repeat(1_024)}`, undefined],
  ] as const) {
    expect([text, isActivityPlace(text, memberId)]).toEqual([text, false]);
  }
});
