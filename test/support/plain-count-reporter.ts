import { writeSync } from "node:fs";
import type { Reporter, TestModule } from "vitest/node";

/** Prints `N passed, N failed` (and `, N skipped`) as the very last line of a run, for people and scripts alike. */
export class PlainCountReporter implements Reporter {
  private lastLine: string | undefined;

  onInit(): void {
    // Other reporters and vitest itself still print after onTestRunEnd.
    process.once("exit", () => {
      if (this.lastLine !== undefined) writeSync(process.stdout.fd, `${this.lastLine}\n`);
    });
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const states = modules.flatMap((module) =>
      [...module.children.allTests()].map((test) => test.result().state),
    );
    const count = (state: (typeof states)[number]): number => states.filter((each) => each === state).length;
    // A file that cannot be loaded, or whose beforeAll fails, has no failed test of its own.
    const brokenModules = modules.filter(
      (module) =>
        module.state() === "failed" &&
        ![...module.children.allTests()].some((test) => test.result().state === "failed"),
    ).length;
    const failed = count("failed") + brokenModules + (unhandledErrors.length > 0 ? 1 : 0);
    const skipped = count("skipped");
    // Tests left pending belong to a broken module or an interrupted run.
    this.lastLine = `${count("passed")} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
  }
}
