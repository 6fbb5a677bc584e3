import { defineConfig } from "vitest/config";
import { PlainCountReporter } from "./test/support/plain-count-reporter.ts";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    // Each file may run a DynamoDB of its own; on two cores, more files at once only wait for each other.
    maxWorkers: 2,
    // No test asserts on a clock: this only ends one that hangs.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Thousands of requests, many of them made to fail. POWERTOOLS_LOG_LEVEL=ERROR shows what they log.
    env: {
      POWERTOOLS_LOG_LEVEL: process.env["POWERTOOLS_LOG_LEVEL"] ?? "SILENT",
      POWERTOOLS_METRICS_DISABLED: "true",
    },
    reporters: ["default", new PlainCountReporter()],
  },
});
