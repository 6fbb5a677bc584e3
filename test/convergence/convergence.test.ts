import type { DynamoDBRecord } from "aws-lambda";
import { afterAll, beforeAll, expect, test } from "vitest";
import { seedFromEnvironment } from "../support/seeded-random.ts";
import { converge } from "./converge.ts";
import { playHistory } from "./history.ts";
import { shrink } from "./shrink.ts";
import type { ConvergenceStep, History } from "./steps.ts";
import { type Ground, openGround } from "./world.ts";

/** The same seeds each time, unless told: new ones are for `npm run converge`, which shortens what it finds. */
const seed = process.env["SEED"] === undefined ? 1 : seedFromEnvironment();

let ground: Ground;
beforeAll(async () => {
  ground = await openGround();
});
afterAll(() => ground.stop());

/** Far more of it: `npm run converge`. */
test.each([seed, seed + 1])(
  "children end as their parent, whatever the stream does, with seed %d",
  async (each) => {
    const { report, steps } = await converge(ground, { seed: each, steps: 50, shrinkMilliseconds: 15_000 });
    expect(report).toBeUndefined();
    expect(steps).toBe(50);
  },
);

test("a child that is not brought to what its parent is is noticed, and the history shortened", async () => {
  const steps: readonly ConvergenceStep[] = [
    {
      kind: "request",
      in: "parent",
      step: { kind: "create connection", slot: "okta", provider: "okta", settings: {} },
    },
    { kind: "request", in: "parent", step: { kind: "create token", slot: "okta" } },
    { kind: "link", in: "first", to: "okta" },
    { kind: "quiet" },
    { kind: "pass", seconds: 30 },
    {
      kind: "request",
      in: "parent",
      step: { kind: "create user", at: "okta", body: { userName: "ann" } },
    },
    { kind: "quiet" },
  ];
  const history = steps.map((step, index) => ({ number: index + 1, step }));
  // As if nobody were told that a user has changed.
  const isOfUser = ({ dynamodb }: DynamoDBRecord) => dynamodb?.Keys?.["pk"]?.S?.startsWith("M#") === true;
  const deaf = await openGround({ isLost: isOfUser });
  const play = async (candidate: History) => {
    const rest = [...candidate];
    return (await playHistory(deaf, seed, () => rest.shift())).failure;
  };
  const failure = await play(history);
  expect(failure?.at.number).toBe(7);
  expect(failure?.differences.join()).toContain("ann (made by 6) is missing");
  const { history: shrunk } = await shrink(history, failure!, play, () => true);
  await deaf.stop();
  expect(shrunk.map(({ step }) => step)).toEqual(steps.filter(({ kind }) => kind !== "pass"));
});
