import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { functionNames } from "../../lambda/http/routes.ts";
import { joined, synthesize } from "./synthesized.ts";

const { service } = synthesize();
const alarms = Object.values(service.ofType("AWS::CloudWatch::Alarm")).map(({ Properties }) => Properties);
const runbook = readFileSync(new URL("../../docs/runbook.md", import.meta.url), "utf8");

/** Headings of the third level below "## Alarms", as the anchors that GitHub gives them. */
const alarmSections = runbook
  .split(/^## /m)
  .filter((chapter) => chapter.startsWith("Alarms\n"))
  .flatMap((chapter) => [...chapter.matchAll(/^### (.+)$/gm)])
  .map(([, heading]) => heading!.toLowerCase().replaceAll(" ", "-"));

const sectionOf = (alarm: { AlarmDescription: string }): string | undefined =>
  / Runbook: docs\/runbook\.md#([a-z-]+)$/.exec(alarm.AlarmDescription)?.[1];

describe("alarms", () => {
  test("all name a section of the runbook, and every section has an alarm", () => {
    expect(alarmSections.length).toBeGreaterThan(0);
    expect([...new Set(alarms.map(sectionOf))].toSorted()).toEqual(alarmSections.toSorted());
  });

  test("are these", () => {
    expect(alarms.map((alarm) => alarm.AlarmName).toSorted()).toEqual(
      [
        "ApiClientErrors",
        "ApiServerErrors",
        ...functionNames
          .map((name) => `Function${name.charAt(0).toUpperCase()}${name.slice(1)}`)
          .flatMap((name) => [`${name}Errors`, `${name}Slow`, `${name}Throttles`]),
        ...["Propagation", "Activity"].flatMap((name) => [
          `Function${name}Throttles`,
          `${name}Behind`,
          `${name}Errors`,
          `${name}Parked`,
        ]),
        "EventsNotPublished",
        "QuotaNearlyUsed",
        "TableSystemErrors",
        "TableThrottles",
      ]
        .toSorted()
        .map((name) => `RollcallService-${name}`),
    );
  });

  test("ring when the threshold is reached, and take silence for good news", () => {
    for (const alarm of alarms) {
      expect(alarm.ComparisonOperator).toBe("GreaterThanOrEqualToThreshold");
      expect(alarm.TreatMissingData).toBe("notBreaching");
      expect(alarm.Threshold).toBeGreaterThan(0);
    }
  });

  test.each([
    ["nearly used quotas", "quota-nearly-used", "QuotaNearlyUsed"],
    ["events that are not published", "events-not-published", "EventsNotPublished"],
  ])("look for %s where the functions tell of them", (_, section, metricName) => {
    const [alarm] = alarms.filter((each) => sectionOf(each) === section);
    expect(alarm).toMatchObject({
      Namespace: "Rollcall",
      MetricName: metricName,
      Dimensions: [{ Name: "service", Value: "rollcall" }],
      Statistic: "Sum",
    });
  });

  test("call a function slow before it times out", () => {
    const timeouts = Object.values(service.ofType("AWS::Lambda::Function")).map(
      ({ Properties }) => Properties.Timeout * 1_000,
    );
    const slow = alarms.filter((alarm) => sectionOf(alarm) === "function-slow");
    for (const alarm of slow) expect(alarm.Threshold).toBeLessThan(Math.min(...timeouts));
  });

  test("go nowhere unless an address is given, then to a topic that takes TLS only and CloudWatch's messages", () => {
    for (const alarm of alarms) expect(alarm).not.toHaveProperty("AlarmActions");
    expect(service.ofType("AWS::SNS::Topic")).toEqual({});

    const { service: mailed } = synthesize({ "rollcall:alarmEmail": "ops@example.com" });
    const [topicId] = Object.keys(mailed.ofType("AWS::SNS::Topic"));
    for (const { Properties } of Object.values(mailed.ofType("AWS::CloudWatch::Alarm"))) {
      expect(Properties.AlarmActions).toEqual([{ Ref: topicId }]);
      expect(Properties.OKActions).toEqual([{ Ref: topicId }]);
    }
    expect(mailed.only("AWS::SNS::Subscription").Properties).toMatchObject({
      Protocol: "email",
      Endpoint: "ops@example.com",
    });
    const statements = mailed.only("AWS::SNS::TopicPolicy").Properties.PolicyDocument.Statement;
    expect(statements).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          Effect: "Deny",
          Condition: { Bool: { "aws:SecureTransport": "false" } },
        }),
        expect.objectContaining({
          Effect: "Allow",
          Action: "sns:Publish",
          Principal: { Service: "cloudwatch.amazonaws.com" },
          Condition: { StringEquals: { "aws:SourceAccount": { Ref: "AWS::AccountId" } } },
        }),
      ]),
    );
  });
});

test("the dashboard shows every alarm", () => {
  const body = joined(service.only("AWS::CloudWatch::Dashboard").Properties.DashboardBody);
  for (const logicalId of Object.keys(service.ofType("AWS::CloudWatch::Alarm"))) {
    expect(body).toContain(`<${logicalId}.Arn>`);
  }
});
