import { defineConfig } from "vitest/config";
import { PlainCountReporter } from "./test/support/plain-count-reporter.ts";

/** Unit tests of handlers put doubles in place of classes and settings that all files of one process would share. */
const apart = ["test/handlers/**/*.test.ts"];

export default defineConfig({
  test: {
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
    projects: [
      { extends: true, test: { name: "apart", include: apart } },
      {
        extends: true,
        test: {
          name: "together",
          include: ["test/**/*.test.ts"],
          exclude: apart,
          // A process has a second of work to do before its first test: the SDK, the service, CDK. What a file changes for
          // all of a process (environment, spies), it puts back.
          isolate: false,
        },
      },
    ],
  },
});
