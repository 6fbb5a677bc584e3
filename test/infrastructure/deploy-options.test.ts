import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { deployOptionNames, readDeployOptions } from "../../lib/deploy-options.ts";

const streamOf = (tableName: string): string =>
  `arn:aws:dynamodb:eu-west-1:123456789012:table/${tableName}/stream/2026-01-01T00:00:00.000`;

describe("the deployment's options", () => {
  test("need none", () => {
    expect(readDeployOptions({})).toEqual({
      stackPrefix: "Rollcall",
      stageName: "prod",
      logRetentionDays: 30,
      throttleRatePerSecond: 500,
      throttleBurst: 1_000,
      logRole: "create",
    });
  });

  test("come from the command line as text, or from cdk.json as numbers", () => {
    expect(
      readDeployOptions({ "rollcall:throttleBurst": "50", "rollcall:logRetentionDays": 365 }),
    ).toMatchObject({
      throttleBurst: 50,
      logRetentionDays: 365,
    });
  });

  test("are all in the guide, and no others", () => {
    const guide = readFileSync(new URL("../../docs/deploy.md", import.meta.url), "utf8");
    const documented = [...guide.matchAll(/^\| `(rollcall:\w+)` \|/gm)].map(([, name]) => name);
    expect(documented.toSorted()).toEqual(deployOptionNames.toSorted());
  });

  test("leave the rest of CDK's context alone", () => {
    expect(() => readDeployOptions({ "@aws-cdk/core:checkSecretUsage": true, stage: "x" })).not.toThrow();
  });

  test.each([
    [
      "a mistyped name",
      { "rollcall:alarmMail": "ops@example.com" },
      /^rollcall:alarmMail: there is no such option$/m,
    ],
    [
      "a period CloudWatch does not keep logs for",
      { "rollcall:logRetentionDays": "31" },
      /logRetentionDays: .*30, 60/,
    ],
    ["no number", { "rollcall:throttleBurst": "many" }, /throttleBurst/],
    ["nothing let through", { "rollcall:throttleRatePerSecond": "0" }, /throttleRatePerSecond/],
    ["a stage name with a slash", { "rollcall:stageName": "a/b" }, /stageName/],
    ["no address", { "rollcall:alarmEmail": "ops" }, /alarmEmail/],
    [
      "a stream without its table",
      { "rollcall:streamArn": streamOf("restored") },
      /streamArn: must be the stream/,
    ],
    [
      "another table's stream",
      { "rollcall:tableName": "restored", "rollcall:streamArn": streamOf("restored-2") },
      /streamArn: must be the stream/,
    ],
    ["a stream by its label", { "rollcall:streamArn": "2026-01-01T00:00:00.000" }, /streamArn/],
    ["a log role nobody knows", { "rollcall:logRole": "none" }, /logRole/],
  ])("are refused for %s, by name", (_, context, message) => {
    expect(() => readDeployOptions(context)).toThrow(message);
  });
});
