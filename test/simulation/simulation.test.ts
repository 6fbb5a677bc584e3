import { afterAll, beforeAll, expect, test } from "vitest";
import { seedFromEnvironment } from "../support/seeded-random.ts";
import { playHistory } from "./history.ts";
import { parseOptions } from "./options.ts";
import { shrink } from "./shrink.ts";
import { simulate } from "./simulate.ts";
import type { History, Step } from "./steps.ts";
import { type Ground, openGround } from "./world.ts";

/** The same seeds each time, unless told: new ones are for `npm run simulate`, which shortens what it finds. */
const seed = process.env["SEED"] === undefined ? 1 : seedFromEnvironment();

let ground: Ground;
beforeAll(async () => {
  ground = await openGround();
});
afterAll(() => ground.stop());

/** Far more of it: `npm run simulate`. */
test.each([seed, seed + 1])("service and model agree at each step of seed %d", async (each) => {
  const { report, steps } = await simulate(ground, { seed: each, steps: 150, shrinkMilliseconds: 20_000 });
  expect(report).toBeUndefined();
  expect(steps).toBeGreaterThan(100);
});

test("what is not as the model has it is noticed, and shortened to the steps it takes", async () => {
  const steps: readonly Step[] = [
    { kind: "set quotas", quotas: { users: 5 } },
    { kind: "create connection", slot: "okta", provider: "okta", settings: { jit: true } },
    { kind: "create connection", slot: "entra", provider: "entra", settings: {} },
    { kind: "create token", slot: "okta" },
    { kind: "create user", at: "okta", body: { userName: "ann", title: "Chief", active: true } },
    { kind: "create user", at: "okta", body: { userName: "bob" } },
    { kind: "create group", at: "okta", body: { displayName: "Staff", externalId: "e1" } },
    { kind: "wait", seconds: 30 },
    { kind: "read user", at: "okta", user: "5" },
    { kind: "patch group", at: "okta", group: "7", changes: [{ members: "add", users: ["5", "6"] }] },
    { kind: "survey" },
  ];
  const history = steps.map((step, index) => ({ number: index + 1, step }));
  const play = async (scenario: History) => {
    const rest = [...scenario];
    return (await playHistory(withoutGroupMembers, seed, () => rest.shift())).failure;
  };
  const failure = await play(history);
  expect(failure?.at.number).toBe(10);
  expect(failure?.differences.join()).toContain("group Staff (made by 7): users: expected [");
  const shrunk = await shrink(history, failure!, play, () => true);
  expect(shrunk.history.map(({ step }) => step)).toEqual([
    { kind: "create connection", slot: "okta", provider: "okta", settings: {} },
    { kind: "create token", slot: "okta" },
    { kind: "create user", at: "okta", body: { userName: "bob" } },
    { kind: "create group", at: "okta", body: { displayName: "Staff" } },
    { kind: "patch group", at: "okta", group: "7", changes: [{ members: "add", users: ["6"] }] },
  ]);
});

/** As if the service had not kept whom SCIM puts into groups. */
const withoutGroupMembers: Ground = {
  openWorld: async (...start) => {
    const world = await ground.openWorld(...start);
    return { ...world, scan: async () => (await world.scan()).filter(({ sk }) => !sk!.S!.startsWith("S#")) };
  },
  stop: async () => {},
};

test("the command takes seed, seeds, steps and processes, and nothing else", () => {
  const defaults = { seed: 7, processes: 2, steps: 5_000 };
  expect(parseOptions([], defaults)).toEqual({ seed: 7, seeds: 1, steps: 5_000, processes: 2, tally: false });
  const args = ["--seed", "3", "--seeds", "20", "--steps", "50", "--processes", "4", "--tally"];
  expect(parseOptions(args, defaults)).toEqual({ seed: 3, seeds: 20, steps: 50, processes: 4, tally: true });
  expect(parseOptions(["--help"], defaults)).toBe("help");
  for (const wrong of [["--seed", "x"], ["--steps", "0"], ["--other"], ["--seeds", "1.5"]]) {
    expect(() => parseOptions(wrong, defaults)).toThrow();
  }
});
