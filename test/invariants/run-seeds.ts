/**
 * Runs the seeded tests of the invariants with further seeds, one after the other: `ROUNDS=20 SEED=1 node
 * test/invariants/run-seeds.ts`. Arguments go to vitest. Exits 1 when a seed failed, and tells which.
 */

import { spawnSync } from "node:child_process";

const rounds = Number(process.env["ROUNDS"] ?? 20);
const firstSeed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
const files = [
  "races",
  "sign-in-races",
  "storm",
  "group-races",
  "crash",
  "large-groups",
  "interleavings",
  "propagation",
].map((name) => `test/invariants/${name}.test.ts`);

const failed: number[] = [];
for (let round = 0; round < rounds; round++) {
  const seed = firstSeed + round;
  const { status, stdout, stderr } = spawnSync("npx", ["vitest", "run", ...files, ...process.argv.slice(2)], {
    encoding: "utf8",
    // `npm test` takes a share of what these files have to try.
    env: { SHARE: "all", ...process.env, SEED: String(seed) },
  });
  const summary = stdout.trimEnd().split("\n").at(-1) ?? "";
  console.log(`SEED=${seed}: ${status === 0 ? "passed" : "FAILED"} (${summary})`);
  if (status !== 0) {
    failed.push(seed);
    console.log(stdout, stderr);
  }
}
console.log(
  failed.length === 0
    ? `All of ${rounds} seeds from ${firstSeed} on passed.`
    : `Failed with ${failed.map((seed) => `SEED=${seed}`).join(", ")}.`,
);
process.exitCode = failed.length === 0 ? 0 : 1;
