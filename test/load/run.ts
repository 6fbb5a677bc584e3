import { type LoadReport, runLoad } from "./load.ts";
import { helpText, parseOptions } from "./options.ts";
import { trafficKinds } from "./traffic.ts";

/** Differences printed; where there are more, they are of a kind. */
const differencesShown = 20;
const linesShown = 20;

async function main(): Promise<void> {
  const options = readOptions();
  if (options === undefined) return;
  const { rate, seconds, burstSeconds, tenants, population, seed } = options;
  console.log(
    `${tenants} tenants of ${population} users, each ${rate} requests a second for ${seconds} seconds, ` +
      `four times that for ${burstSeconds} of them; --seed ${seed}`,
  );
  const report = await runLoad(options);
  print(report);
  if (report.differences.length > 0) process.exitCode = 1;
}

function readOptions() {
  try {
    const options = parseOptions(process.argv.slice(2), Math.floor(Math.random() * 2 ** 32));
    if (options !== "help") return options;
    console.log(helpText);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${helpText}`);
    process.exitCode = 2;
  }
  return undefined;
}

function print(report: LoadReport): void {
  const all = [...report.latencies.values()].flat();
  const rows = trafficKinds.map((kind) => [kind, report.latencies.get(kind) ?? []] as const);
  console.log("\nMilliseconds from when a request was due to its final answer:");
  console.table(
    Object.fromEntries([...rows, ["all", all] as const].map(([kind, each]) => [kind, latencyRow(each)])),
  );
  const statuses = [...report.statuses].sort(([a], [b]) => a - b).map(([status, n]) => `${n} × ${status}`);
  console.log(
    [
      `${report.requests} requests in ${rounded(report.seconds)} s: ${rounded(report.requests / report.seconds)} a second; ` +
        `${report.waitingAtEnd} not answered yet when the last one was due`,
      `answers: ${statuses.join(", ")}; sent again after 429: ${report.resends}; without an answer: ${report.lost}`,
      `sent late by p50 ${rounded(percentile(report.lateness, 0.5))} ms, p99 ${rounded(percentile(report.lateness, 0.99))} ms`,
      `compared: ${report.users} users, hot group of up to ${report.hotMembers} members`,
    ].join("\n"),
  );
  if (report.complaints !== "") {
    console.log(`\nThe service complained:\n${firstLines(report.complaints.split("\n"), linesShown)}`);
  }
  const { differences } = report;
  console.log(
    differences.length === 0
      ? "\nThe service holds exactly what it has answered."
      : `\n${differences.length} differences:\n${firstLines(differences, differencesShown)}`,
  );
}

function latencyRow(latencies: readonly number[]) {
  return {
    requests: latencies.length,
    p50: rounded(percentile(latencies, 0.5)),
    p95: rounded(percentile(latencies, 0.95)),
    p99: rounded(percentile(latencies, 0.99)),
    max: rounded(percentile(latencies, 1)),
  };
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}

function firstLines(lines: readonly string[], most: number): string {
  const more = lines.length > most ? [`… and ${lines.length - most} more`] : [];
  return [...lines.slice(0, most), ...more].map((line) => `  ${line}`).join("\n");
}

await main();
