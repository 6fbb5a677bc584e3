import { Validations } from "aws-cdk-lib";
import { AwsSolutionsChecks } from "cdk-nag";
import type { IConstruct } from "constructs";
import { describe, expect, test, vi } from "vitest";
import { routes } from "../../lambda/http/routes.ts";
import { streamMappings } from "../../lambda/stream/stream-mapping.ts";
import { rollcallApp } from "./synthesized.ts";

/** With every option that adds a resource. */
const { app } = rollcallApp({ "rollcall:alarmEmail": "ops@example.com" });

const findings = (): readonly { readonly rule: string; readonly path: string }[] =>
  new AwsSolutionsChecks(app)
    .validateScope(app)
    .violations.flatMap(({ ruleName, violatingResources }) =>
      violatingResources.map(({ constructPath }) => ({ rule: ruleName, path: constructPath ?? "" })),
    );

const acknowledgements = app.node.findAll().flatMap((construct: IConstruct) =>
  construct.node.metadata
    .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
    .flatMap(({ data }) => Object.entries(data as Record<string, string>))
    .map(([id, reason]) => ({ rule: id.replace(/^annotation::/i, ""), path: construct.node.path, reason })),
);

describe("cdk-nag's AwsSolutions checks", () => {
  test("find nothing that is not acknowledged", () => {
    expect(findings()).toEqual([]);
  });

  test("are acknowledged one by one, each for a reason", () => {
    const count = (rule: string): number => acknowledgements.filter((entry) => entry.rule === rule).length;
    expect(
      Object.fromEntries(
        [...new Set(acknowledgements.map(({ rule }) => rule))].map((rule) => [rule, count(rule)]),
      ),
    ).toEqual({
      "AwsSolutions-APIG2": 1,
      "AwsSolutions-APIG3": 1,
      "AwsSolutions-APIG4": routes.filter(({ authorization }) => authorization === "none").length,
      "AwsSolutions-COG4": routes.length,
      "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]": 1,
      "AwsSolutions-IAM5[Resource::*]": streamMappings.length,
      "AwsSolutions-SQS3": streamMappings.length,
    });
    for (const { reason } of acknowledgements) expect(reason.length).toBeGreaterThan(60);
  });

  test("would find something for every acknowledgement: none has outlived its reason", () => {
    const pack = AwsSolutionsChecks.prototype as unknown as { isAcknowledged(): boolean };
    const ignored = vi.spyOn(pack, "isAcknowledged").mockReturnValue(false);
    const raw = findings();
    ignored.mockRestore();
    for (const { rule, path } of acknowledgements) {
      expect(raw.some((finding) => finding.rule === rule && `${finding.path}/`.startsWith(`${path}/`))).toBe(
        true,
      );
    }
  });
});
