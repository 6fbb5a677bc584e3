import { afterAll, beforeAll, expect, test } from "vitest";
import { seedFromEnvironment } from "../support/seeded-random.ts";
import { parseOptions } from "./options.ts";
import { simulate } from "./simulate.ts";
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

test("the command takes seed, seeds, steps and processes, and nothing else", () => {
  const defaults = { seed: 7, processes: 2 };
  expect(parseOptions([], defaults)).toEqual({ seed: 7, seeds: 1, steps: 5_000, processes: 2, tally: false });
  const args = ["--seed", "3", "--seeds", "20", "--steps", "50", "--processes", "4", "--tally"];
  expect(parseOptions(args, defaults)).toEqual({ seed: 3, seeds: 20, steps: 50, processes: 4, tally: true });
  expect(parseOptions(["--help"], defaults)).toBe("help");
  for (const wrong of [["--seed", "x"], ["--steps", "0"], ["--other"], ["--seeds", "1.5"]]) {
    expect(() => parseOptions(wrong, defaults)).toThrow();
  }
});
