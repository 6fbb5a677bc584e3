/** Plays one seed's histories; where a child does not end as its parent, tells so with a history as short as it can be made. */

import { createSeededRandom } from "../support/seeded-random.ts";
import { chooser } from "./choose.ts";
import { type Failure, playHistory } from "./history.ts";
import { type Shrunk, shrink } from "./shrink.ts";
import type { History } from "./steps.ts";
import type { Ground } from "./world.ts";

export interface Convergence {
  readonly seed: number;
  readonly steps: number;
  /** How many steps of a kind came to what. */
  readonly tally: ReadonlyMap<string, number>;
  /** What differs, and how it comes to that; undefined where nothing does. */
  readonly report: string | undefined;
}

/** `shrinkMilliseconds`: how long a shorter history may be looked for. */
export async function converge(
  ground: Ground,
  options: { readonly seed: number; readonly steps: number; readonly shrinkMilliseconds: number },
): Promise<Convergence> {
  const { seed, shrinkMilliseconds } = options;
  const random = createSeededRandom(seed);
  const tally = new Map<string, number>();
  let steps = 0;
  while (steps < options.steps) {
    const length = Math.min(options.steps - steps, stepsMin + random.below(stepsMax - stepsMin));
    const historySeed = random.below(2 ** 32);
    const run = await playHistory(ground, historySeed, chooser(createSeededRandom(historySeed), length));
    for (const [what, count] of run.tally) tally.set(what, (tally.get(what) ?? 0) + count);
    const { history, failure } = run;
    if (failure !== undefined) {
      const replay = async (candidate: History): Promise<Failure | undefined> => {
        const rest = [...candidate];
        return (await playHistory(ground, historySeed, () => rest.shift())).failure;
      };
      const until = performance.now() + shrinkMilliseconds;
      const shrunk = await shrink(history, failure, replay, () => performance.now() < until);
      return {
        seed,
        steps: steps + history.length,
        tally,
        report: reportOf(options, steps, failure, shrunk),
      };
    }
    steps += length;
  }
  return { seed, steps, tally, report: undefined };
}

/** Our choice: a history has some tens of people and groups by then, and is played in seconds. */
const [stepsMin, stepsMax] = [60, 300];

function reportOf(
  { seed, steps }: { readonly seed: number; readonly steps: number },
  stepsBefore: number,
  { at, differences }: Failure,
  shrunk: Shrunk,
): string {
  return [
    `SEED=${seed}: they differ at step ${stepsBefore + at.number} of ${steps}:`,
    ...differences.slice(0, differencesShown).map((difference) => `  ${difference}`),
    `It comes to that in ${shrunk.history.length} steps${shrunk.isFinished ? "" : ", or fewer: the time was up"}:`,
    ...shrunk.history.map(({ number, step }) => `  ${number}: ${JSON.stringify(step)}`),
    "after which",
    ...shrunk.failure.differences.slice(0, differencesShown).map((difference) => `  ${difference}`),
    `Again: npm run converge -- --seed ${seed} --steps ${steps}`,
  ].join("\n");
}

/** Where there are more, they are of a kind. */
const differencesShown = 10;
