import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { App, Stack } from "aws-cdk-lib";
import { Table } from "aws-cdk-lib/aws-dynamodb";
import { RetentionDays } from "aws-cdk-lib/aws-logs";
import { build } from "esbuild";
import { expect, onTestFinished, test, vi } from "vitest";
import { handlerBuildOptions } from "../../lib/bundling.ts";
import { RollcallFunction } from "../../lib/rollcall-function.ts";

const entry = fileURLToPath(new URL("bundled-handler.ts", import.meta.url));

test("CDK deploys exactly what the build options give, the AWS SDK included", async () => {
  const outdir = mkdtempSync(join(tmpdir(), "rollcall-bundling-"));
  onTestFinished(() => rmSync(outdir, { recursive: true }));

  // A function on its own, in a stack of somebody else's app.
  vi.stubEnv("CDK_VALIDATION", "false"); // as in synthesized.ts
  const app = new App({ outdir });
  const stack = new Stack(app, "Theirs");
  new RollcallFunction(stack, "Users", {
    entry,
    description: "a test",
    table: Table.fromTableName(stack, "Table", "theirs"),
    tableActions: ["dynamodb:GetItem"],
    logRetention: RetentionDays.ONE_WEEK,
  });
  app.synth();
  const [asset] = readdirSync(outdir).filter((name) => name.startsWith("asset."));

  const outfile = join(outdir, "direct.mjs");
  await build({ ...handlerBuildOptions, entryPoints: [entry], outfile });

  const bundle = readFileSync(join(outdir, asset!, "index.mjs"), "utf8");
  expect(bundle).toBe(readFileSync(outfile, "utf8"));
  expect(bundle).toContain("DynamoDB_20120810");
  expect(bundle).not.toMatch(/from"@aws-sdk/);
});
