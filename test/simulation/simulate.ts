/** Plays one seed's history; where service and model differ, tells so with a history as short as it can be made. */

import { createSeededRandom } from "../support/seeded-random.ts";
import { chooser } from "./choose.ts";
import { type Failure, playHistory } from "./history.ts";
import { shrink } from "./shrink.ts";
import type { History } from "./steps.ts";
import type { Ground } from "./world.ts";

export interface Simulation {
  readonly seed: number;
  readonly steps: number;
  /** How many steps of a kind got which answers. */
  readonly tally: ReadonlyMap<string, number>;
  /** What differs, and how it comes to that; undefined where nothing does. */
  readonly report: string | undefined;
}

/** `shrinkMilliseconds`: how long a shorter history may be looked for. */
export async function simulate(
  ground: Ground,
  options: { readonly seed: number; readonly steps: number; readonly shrinkMilliseconds: number },
): Promise<Simulation> {
  const { seed, steps, shrinkMilliseconds } = options;
  const { history, failure, tally } = await playHistory(
    ground,
    seed,
    chooser(createSeededRandom(seed), steps),
  );
  if (failure === undefined) return { seed, steps: history.length, tally, report: undefined };
  const until = performance.now() + shrinkMilliseconds;
  const replay = async (candidate: History): Promise<Failure | undefined> => {
    const rest = [...candidate];
    return (await playHistory(ground, seed, () => rest.shift())).failure;
  };
  const shrunk = await shrink(history, failure, replay, () => performance.now() < until);
  const report = [
    `SEED=${seed}: service and model differ at step ${failure.at.number} of ${steps}:`,
    ...failure.differences.slice(0, differencesShown).map((difference) => `  ${difference}`),
    `It comes to that in ${shrunk.history.length} steps${shrunk.isFinished ? "" : ", or fewer: the time was up"}:`,
    ...shrunk.history.map(({ number, step }) => `  ${number}: ${JSON.stringify(step)}`),
    "after which",
    ...shrunk.failure.differences.slice(0, differencesShown).map((difference) => `  ${difference}`),
    `Again: npm run simulate -- --seed ${seed} --steps ${steps}`,
  ];
  return { seed, steps: history.length, tally, report: report.join("\n") };
}

/** Where there are more, they are of a kind. */
const differencesShown = 10;
