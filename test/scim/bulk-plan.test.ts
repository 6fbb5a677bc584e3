import { describe, expect, it } from "vitest";
import { readBulkRequest } from "../../lambda/scim/bulk.ts";
import { type BulkStep, planBulk } from "../../lambda/scim/bulk-plan.ts";
import type { JsonValue } from "../../lambda/scim/json.ts";
import { enterprise, patchOp } from "./fixture.ts";

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly bulkId?: string;
  readonly data?: unknown;
}

const post = (path: string, bulkId: string, data: object = {}): Sent => ({
  method: "POST",
  path,
  bulkId,
  data: { userName: bulkId, displayName: bulkId, ...data },
});
const managedBy = (bulkId: string) => ({ [enterprise]: { manager: { value: `bulkId:${bulkId}` } } });
const withMembers = (...bulkIds: string[]) => ({
  members: bulkIds.map((bulkId) => ({ value: `bulkId:${bulkId}` })),
});
const patch = (path: string, ...members: string[]): Sent => ({
  method: "PATCH",
  path,
  data: patchOp({ op: "add", value: withMembers(...members) }),
});
const remove = (path: string): Sent => ({ method: "DELETE", path });

function plan(...Operations: readonly Sent[]): readonly BulkStep[] {
  const body = { Operations } as unknown as JsonValue; // what tests send is JSON
  return planBulk(readBulkRequest(body, "/scim/v2/c1").operations);
}

/** `1` for operation 1, `1-a` where it leaves out what refers to a, `1+a` where it adds that, `1!` where it is refused. */
function told(steps: readonly BulkStep[]): string {
  const marks = { refuse: "!", perform: "-", complete: "+" };
  return steps
    .map((step) => {
      const bulkIds = step.kind === "refuse" ? [] : [...step.postponed];
      const plain = step.kind === "perform" && bulkIds.length === 0;
      return `${step.index}${plain ? "" : marks[step.kind]}${bulkIds.join("")}`;
    })
    .join(" ");
}

/** For each step the operations it waits for. */
function waits(steps: readonly BulkStep[]): Readonly<Record<string, readonly number[]>> {
  return Object.fromEntries(
    steps.map((step) => [told([step]), step.waitsFor.map((place) => steps[place]!.index).sort()]),
  );
}

const errorOf = (step: BulkStep | undefined) => (step?.kind === "refuse" ? step.error : undefined);

describe("[157] the order", () => {
  it("is the given one where nothing speaks against it", () => {
    const steps = plan(
      remove("/Users/1"),
      post("/Users", "a"),
      post("/Groups", "g", withMembers("a")),
      patch("/Groups/bulkId:g", "a"),
      remove("/Users/2"),
    );
    expect(told(steps)).toBe("0 1 2 3 4");
    expect(waits(steps)).toEqual({ 0: [], 1: [], 2: [1], 3: [1, 2], 4: [] });
  });

  it("makes who refers forward wait, and nobody else", () => {
    const steps = plan(
      patch("/Groups/1", "b"),
      post("/Groups", "g", withMembers("a", "b")),
      remove("/Users/1"),
      post("/Users", "a"),
      post("/Users", "b", managedBy("a")),
      remove("/Users/2"),
    );
    expect(told(steps)).toBe("2 3 4 0 1 5");
    expect(waits(steps)).toEqual({ 0: [4], 1: [3, 4], 2: [], 3: [], 4: [3], 5: [] });
  });

  it("keeps the given one on a resource, whatever each operation waits for", () => {
    const steps = plan(
      patch("/Groups/1", "a"),
      patch("https://x.example/scim/v2/c1/groups/1"),
      patch("/Groups/bulkId:g", "a"),
      patch("/Groups/bulkId:g"),
      post("/Groups", "g"),
      post("/Users", "a"),
      remove("/Groups/1"),
    );
    expect(told(steps)).toBe("4 5 0 1 2 3 6");
    expect(waits(steps)).toEqual({ 0: [5], 1: [0], 2: [4, 5], 3: [2, 4], 4: [], 5: [], 6: [1] });
  });

  it("lets the first of two that want the same name have it", () => {
    const named = (bulkId: string, userName: string) => post("/Users", bulkId, { userName });
    const steps = plan(named("a", "Ada"), named("b", "other"), named("c", "ADA"), post("/Groups", "ada"));
    expect(waits(steps)).toEqual({ 0: [], 1: [], 2: [0], 3: [] });
  });
});

describe("[157] a reference to no POST is the error of who refers", () => {
  it.each<[string, Sent]>([
    ["in data", post("/Groups", "g", withMembers("a", "nobody"))],
    ["in the path", remove("/Users/bulkId:nobody")],
    ["in a filter", { ...patch("/Groups/1"), data: patchOp({ op: "remove", path: '["bulkId:nobody"]' }) }],
  ])("%s", (_, operation) => {
    const steps = plan(operation, post("/Users", "a"));
    expect(told(steps)).toBe("0! 1");
    expect(errorOf(steps[0])).toMatchObject({ status: 400, scimType: "invalidValue" });
    expect(errorOf(steps[0])?.detail).toContain('"bulkId:nobody"');
  });

  it("also where another method has that bulkId", () => {
    const steps = plan({ ...remove("/Users/1"), bulkId: "a" }, patch("/Groups/1", "a"));
    expect(told(steps)).toBe("0 1!");
  });

  it("names a long one by its beginning", () => {
    const detail = errorOf(plan(remove(`/Users/bulkId:${"x".repeat(1_000)}`))[0])?.detail;
    expect(detail).toContain("bulkId:xxx");
    expect(detail?.length).toBeLessThan(300);
  });

  it("a reference to a POST that is wrong waits for nothing, and is that POST's fault", () => {
    const steps = plan({ method: "POST", path: "/Users", bulkId: "a" }, patch("/Groups/1", "a"));
    expect(told(steps)).toBe("0! 1");
  });
});

describe("[158] circles", () => {
  it("of two: the first is completed when the other is there", () => {
    const steps = plan(post("/Users", "a", managedBy("b")), post("/Users", "b", managedBy("a")));
    expect(told(steps)).toBe("0-b 1 0+b");
    expect(waits(steps)).toEqual({ "0-b": [], 1: [0], "0+b": [0, 1] });
  });

  it("of one that refers to itself", () => {
    expect(told(plan(post("/Users", "a", managedBy("a"))))).toBe("0-a 0+a");
  });

  it("of many, with others before, behind and beside them", () => {
    const steps = plan(
      patch("/Users/bulkId:c", "d"),
      post("/Users", "a", managedBy("b")),
      post("/Users", "b", managedBy("c")),
      post("/Users", "c", managedBy("a")),
      post("/Users", "d", managedBy("d")),
      post("/Groups", "g", withMembers("a", "c")),
    );
    expect(told(steps)).toBe("1-b 3 2 1+b 4-d 4+d 0 5");
  });

  it("what changes the resource waits until it is complete", () => {
    const steps = plan(
      patch("/Users/bulkId:a"),
      post("/Users", "a", managedBy("b")),
      post("/Users", "b", managedBy("a")),
    );
    expect(told(steps)).toBe("1-b 2 1+b 0");
    expect(steps.at(-1)?.waitsFor).toEqual([0, 2]);
  });

  it("of a group and its user", () => {
    const steps = plan(
      post("/Groups", "g", withMembers("a")),
      post("/Users", "a", { groups: [{ value: "bulkId:g" }] }),
    );
    expect(told(steps)).toBe("0-a 1 0+a");
  });

  it("before what comes behind it", () => {
    const steps = plan(
      remove("/Users/1"),
      post("/Users", "a", managedBy("b")),
      post("/Users", "b", managedBy("a")),
      remove("/Users/2"),
    );
    expect(told(steps)).toBe("0 1-b 2 1+b 3");
  });

  it("two that cross", () => {
    const steps = plan(
      post("/Users", "a", { ...managedBy("b"), title: "bulkId:c" }),
      post("/Users", "b", managedBy("a")),
      post("/Users", "c", managedBy("a")),
    );
    expect(told(steps)).toBe("0-bc 1 2 0+bc");
  });

  it.each<[string, readonly Sent[], string]>([
    [
      "of groups, which have no groups as members",
      [post("/Groups", "g", withMembers("h")), post("/Groups", "h", withMembers("g"))],
      "0! 1!",
    ],
    ["that goes through required attributes", [post("/Users", "a", { userName: "bulkId:a" })], "0!"],
  ])("409 for one %s", (_, operations, expected) => {
    const steps = plan(...operations);
    expect(told(steps)).toBe(expected);
    for (const step of steps) expect(errorOf(step)).toMatchObject({ status: 409, scimType: undefined });
  });

  it("is broken at whoever can do without", () => {
    const steps = plan(
      post("/Users", "a", { userName: "bulkId:b" }),
      post("/Users", "b", managedBy("a")),
      post("/Groups", "g", withMembers("a")),
    );
    expect(told(steps)).toBe("1-a 0 1+a 2");
  });
});

it("1,000 operations that all refer to each other are planned at once", () => {
  const all = Array.from({ length: 1_000 }, (_, index) => `u${index}`);
  const near = (index: number) => withMembers(...all.slice(index, index + 100), all.at(index - 1)!);
  const steps = plan(...all.map((bulkId, index) => post("/Users", bulkId, near(index))));
  expect(steps.filter(({ kind }) => kind === "perform")).toHaveLength(1_000);
});
