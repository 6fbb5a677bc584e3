/** What `npm run simulate -- …` takes, and whoever plays seeds likewise. */

import { parseArgs } from "node:util";

/** `command`: of package.json. `steps`: by default. */
export function helpText(command: string, steps: number): string {
  return `npm run ${command} -- [options]

  --seed N        the first seed (default: by chance, and printed)
  --seeds N       so many seeds, one after the other from the first on (default 1)
  --steps N       steps of each seed (default ${steps.toLocaleString("en")})
  --processes N   seeds played side by side, each in a process of its own (default: a core's worth each)
  --tally         how many steps of each kind got which answers

Exits 1 when service and model differed, with the shortest history that shows it.`;
}

export interface SimulationOptions {
  readonly seed: number;
  readonly seeds: number;
  readonly steps: number;
  readonly processes: number;
  readonly tally: boolean;
}

/** "help" where that was asked for; throws what is wrong with the arguments. */
export function parseOptions(
  args: readonly string[],
  defaults: { readonly seed: number; readonly processes: number; readonly steps: number },
): SimulationOptions | "help" {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: "string" },
      seeds: { type: "string" },
      steps: { type: "string" },
      processes: { type: "string" },
      tally: { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) return "help";
  const count = (name: "seed" | "seeds" | "steps" | "processes", byDefault: number): number => {
    const given = values[name] === undefined ? byDefault : Number(values[name]);
    if (!Number.isInteger(given) || given < (name === "seed" ? 0 : 1)) {
      throw new Error(`--${name} must be a whole number`);
    }
    return given;
  };
  return {
    seed: count("seed", defaults.seed),
    seeds: count("seeds", 1),
    steps: count("steps", defaults.steps),
    processes: count("processes", defaults.processes),
    tally: values.tally === true,
  };
}
