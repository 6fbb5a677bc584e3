import { describe, expect, test } from "vitest";
import { readDeployOptions } from "../../lib/deploy-options.ts";

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

  test("leave the rest of CDK's context alone", () => {
    expect(() => readDeployOptions({ "@aws-cdk/core:checkSecretUsage": true, stage: "x" })).not.toThrow();
  });

  test.each([
    ["a mistyped name", { "rollcall:alarmMail": "ops@example.com" }, /alarmMail/],
    [
      "a period CloudWatch does not keep logs for",
      { "rollcall:logRetentionDays": "31" },
      /logRetentionDays: .*30, 60/,
    ],
    ["no number", { "rollcall:throttleBurst": "many" }, /throttleBurst/],
    ["nothing let through", { "rollcall:throttleRatePerSecond": "0" }, /throttleRatePerSecond/],
    ["a stage name with a slash", { "rollcall:stageName": "a/b" }, /stageName/],
    ["no address", { "rollcall:alarmEmail": "ops" }, /alarmEmail/],
    ["a log role nobody knows", { "rollcall:logRole": "none" }, /logRole/],
  ])("are refused for %s, by name", (_, context, message) => {
    expect(() => readDeployOptions(context)).toThrow(message);
  });
});
