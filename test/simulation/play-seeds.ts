/** Plays seeds as a command line asks for, one here or several side by side, and exits 1 where one of them failed. */

import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { helpText, parseOptions, type SimulationOptions } from "./options.ts";

/** What is played. */
export interface Game<Ground extends { stop(): Promise<void> }> {
  /** The command of package.json, and the URL of the module that it runs. */
  readonly command: string;
  readonly module: string;
  readonly stepsByDefault: number;
  openGround(): Promise<Ground>;
  play(
    ground: Ground,
    options: { readonly seed: number; readonly steps: number; readonly shrinkMilliseconds: number },
  ): Promise<{ readonly tally: ReadonlyMap<string, number>; readonly report: string | undefined }>;
}

/** Our choice: long enough for a history of some ten steps out of 5,000. */
const shrinkMilliseconds = 120_000;

export async function playSeeds<Ground extends { stop(): Promise<void> }>(game: Game<Ground>): Promise<void> {
  // Thousands of requests, many of them made to fail.
  process.env["POWERTOOLS_LOG_LEVEL"] ??= "SILENT";
  process.env["POWERTOOLS_METRICS_DISABLED"] ??= "true";
  const options = readOptions(game);
  if (options === undefined) return;
  const startedAt = performance.now();
  const failed = options.seeds === 1 ? await playHere(game, options) : await playApart(game.module, options);
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  const { seed, seeds, steps } = options;
  const what = seeds === 1 ? `seed ${seed}` : `${seeds} seeds from ${seed} on`;
  console.log(
    failed.length === 0
      ? `No difference: ${what}, ${steps} steps each, ${seconds} s.`
      : `Differences with ${failed.map((one) => `seed ${one}`).join(", ")}, of ${what}; ${seconds} s.`,
  );
  process.exitCode = failed.length === 0 ? 0 : 1;
}

function readOptions({
  command,
  stepsByDefault: steps,
}: Pick<Game<never>, "command" | "stepsByDefault">): SimulationOptions | undefined {
  try {
    const seed = Math.floor(Math.random() * 2 ** 32);
    const options = parseOptions(process.argv.slice(2), { seed, processes: availableParallelism(), steps });
    if (options !== "help") return options;
    console.log(helpText(command, steps));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${helpText(command, steps)}`);
    process.exitCode = 2;
  }
  return undefined;
}

/** The seeds that failed. */
async function playHere<Ground extends { stop(): Promise<void> }>(
  game: Game<Ground>,
  { seed, steps, tally }: SimulationOptions,
): Promise<readonly number[]> {
  const ground = await game.openGround();
  try {
    const played = await game.play(ground, { seed, steps, shrinkMilliseconds });
    if (tally) console.table(Object.fromEntries([...played.tally].sort(([a], [b]) => (a < b ? -1 : 1))));
    if (played.report !== undefined) console.log(played.report);
    return played.report === undefined ? [] : [seed];
  } finally {
    await ground.stop();
  }
}

async function playApart(
  module: string,
  { seed, seeds, steps, processes }: SimulationOptions,
): Promise<readonly number[]> {
  const rest = Array.from({ length: seeds }, (_, index) => seed + index).values();
  const failed: number[] = [];
  const worker = async (): Promise<void> => {
    for (const one of rest) {
      const { code, output } = await playElsewhere(module, one, steps);
      console.log(output.trimEnd());
      if (code !== 0) failed.push(one);
    }
  };
  await Promise.all(Array.from({ length: processes }, worker));
  return failed.sort((a, b) => a - b);
}

function playElsewhere(
  module: string,
  seed: number,
  steps: number,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const args = [fileURLToPath(module), "--seed", String(seed), "--steps", String(steps)];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output: Buffer.concat(chunks).toString("utf8") }));
  });
}
