import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { helpText, parseOptions, type SimulationOptions } from "../simulation/options.ts";
import { converge } from "./converge.ts";
import { openGround } from "./world.ts";

/** Our choice: long enough for a history of some ten steps out of 5,000. */
const shrinkMilliseconds = 120_000;

async function main(): Promise<void> {
  // Thousands of requests, many of them made to fail.
  process.env["POWERTOOLS_LOG_LEVEL"] ??= "SILENT";
  process.env["POWERTOOLS_METRICS_DISABLED"] ??= "true";
  const options = readOptions();
  if (options === undefined) return;
  const startedAt = performance.now();
  const failed = options.seeds === 1 ? await playHere(options) : await playApart(options);
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

function readOptions(): SimulationOptions | undefined {
  try {
    const defaults = { seed: Math.floor(Math.random() * 2 ** 32), processes: availableParallelism() };
    const options = parseOptions(process.argv.slice(2), defaults);
    if (options !== "help") return options;
    console.log(helpText);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${helpText}`);
    process.exitCode = 2;
  }
  return undefined;
}

/** The seeds that failed. */
async function playHere({ seed, steps, tally }: SimulationOptions): Promise<readonly number[]> {
  const ground = await openGround();
  try {
    const played = await converge(ground, { seed, steps, shrinkMilliseconds });
    if (tally) console.table(Object.fromEntries([...played.tally].sort(([a], [b]) => (a < b ? -1 : 1))));
    if (played.report !== undefined) console.log(played.report);
    return played.report === undefined ? [] : [seed];
  } finally {
    await ground.stop();
  }
}

async function playApart({ seed, seeds, steps, processes }: SimulationOptions): Promise<readonly number[]> {
  const rest = Array.from({ length: seeds }, (_, index) => seed + index).values();
  const failed: number[] = [];
  const worker = async (): Promise<void> => {
    for (const one of rest) {
      const { code, output } = await playElsewhere(one, steps);
      console.log(output.trimEnd());
      if (code !== 0) failed.push(one);
    }
  };
  await Promise.all(Array.from({ length: processes }, worker));
  return failed.sort((a, b) => a - b);
}

function playElsewhere(
  seed: number,
  steps: number,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const args = [fileURLToPath(import.meta.url), "--seed", String(seed), "--steps", String(steps)];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output: Buffer.concat(chunks).toString("utf8") }));
  });
}

await main();
