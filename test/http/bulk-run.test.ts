import { describe, expect, it } from "vitest";
import { type BulkRun, type Outcome, runBulk } from "../../lambda/http/bulk-run.ts";
import { readBulkRequest } from "../../lambda/scim/bulk.ts";
import { type BulkStep, planBulk } from "../../lambda/scim/bulk-plan.ts";
import type { JsonValue } from "../../lambda/scim/json.ts";

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly bulkId?: string;
  readonly data?: object;
}

const post = (bulkId: string, data: object = {}): Sent => ({ method: "POST", path: "/Users", bulkId, data });
const remove = (id: string): Sent => ({ method: "DELETE", path: `/Users/${id}` });
const wrong: Sent = { method: "GET", path: "/Users" };

function plan(Operations: readonly Sent[]): readonly BulkStep[] {
  const body = { Operations } as unknown as JsonValue; // what tests send is JSON
  return planBulk(readBulkRequest(body, "/scim/v2/c1").operations);
}

const outcome = (status: number): Outcome => ({
  status,
  location: undefined,
  version: undefined,
  response: undefined,
  id: undefined,
});

interface Shown {
  /** What happened, in that order: `1 begins`, `1 ends`. */
  readonly events: readonly string[];
  /** Index → status. */
  readonly statuses: Readonly<Record<number, number>>;
}

/**
 * Runs the plan of these operations. A step ends when nothing else can begin, the one that `order` names first before the
 * others, else the one that began first; `status` says with what.
 */
async function shown(
  operations: readonly Sent[],
  options: Partial<BulkRun> & {
    readonly order?: readonly number[];
    readonly status?: (index: number, time: number) => number;
  } = {},
): Promise<Shown> {
  const events: string[] = [];
  const open = new Map<number, () => void>();
  const times = new Map<number, number>();
  const { order = [], status = () => 200, ...others } = options;
  let done = false;
  const run = runBulk(plan(operations), {
    async take({ index, kind }) {
      const name = kind === "complete" ? `${index}+` : String(index);
      const time = (times.get(index) ?? 0) + 1;
      times.set(index, time);
      events.push(`${name} begins`);
      await new Promise<void>((resolve) => open.set(index, resolve));
      events.push(`${name} ends`);
      return outcome(status(index, time));
    },
    leave: () => outcome(503),
    atOnceMax: 8,
    errorsMax: Number.POSITIVE_INFINITY,
    expired: () => false,
    ...others,
  }).finally(() => {
    done = true;
  });
  while (!done) {
    // All promises that can settle by themselves have, once a macrotask comes.
    await new Promise(setImmediate);
    const next = order.find((index) => open.has(index)) ?? [...open.keys()][0];
    open.get(next!)?.();
    open.delete(next!);
  }
  const statuses = Object.fromEntries([...(await run)].map(([index, { status }]) => [index, status]));
  return { events, statuses };
}

describe("side by side", () => {
  it("go operations that have nothing to do with each other, so many at once", async () => {
    const { events } = await shown(["a", "b", "c", "d"].map(remove), { atOnceMax: 2, order: [1, 0] });
    expect(events).toEqual([
      "0 begins",
      "1 begins",
      "1 ends",
      "2 begins",
      "0 ends",
      "3 begins",
      "2 ends",
      "3 ends",
    ]);
  });

  it("one after the other those on one resource, and those that refer", async () => {
    const { events } = await shown([
      remove("a"),
      remove("a"),
      post("b"),
      post("c", { title: "bulkId:b", nickName: "bulkId:d" }),
      post("d"),
    ]);
    const at = (event: string) => events.indexOf(event);
    expect(at("1 begins")).toBeGreaterThan(at("0 ends"));
    expect(at("3 begins")).toBeGreaterThan(at("2 ends"));
    expect(at("3 begins")).toBeGreaterThan(at("4 ends"));
    expect(at("4 begins")).toBeLessThan(at("2 ends"));
  });
});

describe("a refusal that may be due to others under way", () => {
  const refusedFirst = (refusal: number) => (index: number, time: number) =>
    index === 1 && time === 1 ? refusal : 200;

  it.each([403, 409])("%i: tried again when those before it have ended", async (refusal) => {
    const { events, statuses } = await shown([remove("a"), post("b"), remove("c")], {
      status: refusedFirst(refusal),
      order: [1, 2, 0],
    });
    expect(events.slice(3)).toEqual(["1 ends", "2 ends", "0 ends", "1 begins", "1 ends"]);
    expect(statuses).toEqual({ 0: 200, 1: 200, 2: 200 });
  });

  it("stands when it is given again", async () => {
    const status = (index: number) => (index === 1 ? 409 : 200);
    const { statuses } = await shown([remove("a"), post("b")], { status, order: [1] });
    expect(statuses).toEqual({ 0: 200, 1: 409 });
  });

  it.each<[string, readonly Sent[], number, number]>([
    ["none was under way", [remove("a"), post("b")], 409, 1],
    ["they only take", [post("a"), post("b")], 409, 8],
    ["it has other reasons", [remove("a"), post("b")], 400, 8],
  ])("stands where %s", async (_, operations, refusal, atOnceMax) => {
    const { statuses } = await shown(operations, { status: refusedFirst(refusal), atOnceMax, order: [1] });
    expect(statuses[1]).toBe(refusal);
  });
});

describe("[156] failOnErrors", () => {
  const operations = [remove("a"), wrong, remove("b"), post("c"), wrong, remove("d")];
  const one = { atOnceMax: 1, status: (index: number) => (index === 1 || index === 4 ? 400 : 200) };

  it.each([
    [1, [0, 1]],
    [2, [0, 1, 2, 3, 4]],
    [3, [0, 1, 2, 3, 4, 5]],
  ])("%i: what comes after so many errors is left out", async (errorsMax, indexes) => {
    const { statuses } = await shown(operations, { ...one, errorsMax });
    expect(Object.keys(statuses).map(Number)).toEqual(indexes);
  });

  it("what has begun is completed nevertheless", async () => {
    const { events, statuses } = await shown(
      [post("a", { title: "bulkId:b" }), post("b", { title: "bulkId:a" }), remove("c")],
      { atOnceMax: 1, errorsMax: 1, status: (index) => (index === 1 ? 400 : 201) },
    );
    expect(events).toEqual(["0 begins", "0 ends", "1 begins", "1 ends", "0+ begins", "0+ ends"]);
    expect(Object.keys(statuses)).toEqual(["0", "1"]);
  });
});

describe("when the time is up", () => {
  /** Up once so many steps have ended. */
  const afterSteps = (ended: number) => {
    let ends = 0;
    return {
      expired: () => ends >= ended,
      status: () => {
        ends++;
        return 200;
      },
    };
  };

  it("what has not begun is left, but for what needs no time", async () => {
    const { events, statuses } = await shown([remove("a"), remove("b"), remove("c"), wrong], {
      atOnceMax: 1,
      ...afterSteps(2),
    });
    expect(events).not.toContain("2 begins");
    expect(statuses).toEqual({ 0: 200, 1: 200, 2: 503, 3: 200 });
  });

  it("what has begun is completed", async () => {
    const { events, statuses } = await shown(
      [post("a", { title: "bulkId:b" }), post("b", { title: "bulkId:a" })],
      { atOnceMax: 1, ...afterSteps(1) },
    );
    expect(events).toEqual(["0 begins", "0 ends", "0+ begins", "0+ ends"]);
    expect(statuses).toEqual({ 0: 200, 1: 503 });
  });

  it("failOnErrors does not count what was left", async () => {
    const left = await shown([remove("a"), remove("b"), remove("c")], {
      atOnceMax: 1,
      errorsMax: 1,
      ...afterSteps(1),
    });
    expect(left.statuses).toEqual({ 0: 200, 1: 503, 2: 503 });
  });
});
