import { App, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { Table } from "aws-cdk-lib/aws-dynamodb";
import { EventBus } from "aws-cdk-lib/aws-events";
import { RetentionDays } from "aws-cdk-lib/aws-logs";
import { describe, expect, test } from "vitest";
import { activityMapping } from "../../lambda/stream/stream-mapping.ts";
import { StreamConsumer } from "../../lib/stream-consumer.ts";
import { type Resource, synthesize } from "./synthesized.ts";

const { service } = synthesize();
const [busId] = Object.keys(service.ofType("AWS::Events::EventBus"));
const busArn = { "Fn::GetAtt": [busId, "Arn"] };

/** Of all policies, the statements that speak of EventBridge, each with the logical id of its policy. */
function eventStatements(policies: Readonly<Record<string, Resource>>) {
  return Object.entries(policies).flatMap(([id, { Properties }]) =>
    (Properties.PolicyDocument.Statement as object[])
      .filter((statement) => JSON.stringify(statement).includes('"events:'))
      .map((statement) => [id, statement] as const),
  );
}

describe("the event bus", () => {
  test("is one of its own, named after the stack, and told to whoever deploys", () => {
    expect(service.only("AWS::Events::EventBus").Properties).toEqual({
      Name: "RollcallService-events",
      Description: "Rollcall: changes of members and groups",
    });
    expect(service.outputs["EventBusName"]?.Value).toEqual({ Ref: busId });
    expect(service.outputs["EventBusArn"]?.Value).toEqual(busArn);
  });

  test("has neither archive nor rules, and no policy that would let anybody else in", () => {
    for (const type of ["Archive", "Rule", "EventBusPolicy"]) {
      expect(service.ofType(`AWS::Events::${type}`)).toEqual({});
    }
  });

  test("takes events of the function activity alone, which may do nothing else to it", () => {
    expect(eventStatements(service.ofType("AWS::IAM::Policy"))).toEqual([
      [
        expect.stringMatching(/^ActivityHandlerRole/),
        { Effect: "Allow", Action: "events:PutEvents", Resource: busArn },
      ],
    ]);
    const knowing = Object.entries(service.ofType("AWS::Lambda::Function")).filter(
      ([, { Properties }]) => "EVENT_BUS_ARN" in Properties.Environment.Variables,
    );
    expect(knowing.map(([id]) => id)).toEqual([expect.stringMatching(/^ActivityHandlerFunction/)]);
    expect(knowing[0]![1].Properties.Environment.Variables.EVENT_BUS_ARN).toEqual(busArn);
  });

  test("is not there where there is no stream to tell of anything, nor an alarm that could not ring", () => {
    const { service: silent } = synthesize({ "rollcall:tableName": "restored" });
    expect(silent.ofType("AWS::Events::EventBus")).toEqual({});
    expect(JSON.stringify(silent.ofType("AWS::CloudWatch::Alarm"))).not.toContain("EventsNotPublished");
  });
});

describe("the construct on its own", () => {
  const own = (eventBusArn: string | undefined) => {
    const stack = new Stack(new App({ context: { "aws:cdk:bundling-stacks": [] } }), "Own");
    const table = Table.fromTableAttributes(stack, "Table", { tableName: "people" });
    const eventBus = eventBusArn && EventBus.fromEventBusArn(stack, "Bus", eventBusArn);
    new StreamConsumer(stack, "Activity", {
      mapping: activityMapping,
      description: "Tells of changes",
      table,
      streamArn: "arn:aws:dynamodb:eu-west-1:123456789012:table/people/stream/2026-01-01T00:00:00.000",
      logRetention: RetentionDays.ONE_WEEK,
      ...(eventBus && { eventBus }),
    });
    const template = Template.fromStack(stack);
    const [deployed] = Object.values(template.findResources("AWS::Lambda::Function"));
    return {
      variables: deployed!["Properties"].Environment.Variables,
      statements: eventStatements(template.findResources("AWS::IAM::Policy") as never),
      buses: template.findResources("AWS::Events::EventBus"),
    };
  };

  test("publishes to a bus that is there already, of another account too", () => {
    const arn = "arn:aws:events:eu-west-1:999999999999:event-bus/ours";
    const { variables, statements, buses } = own(arn);
    expect(variables.EVENT_BUS_ARN).toBe(arn);
    expect(statements.map(([, statement]) => statement)).toEqual([
      { Effect: "Allow", Action: "events:PutEvents", Resource: arn },
    ]);
    expect(buses).toEqual({});
  });

  test("without one publishes nothing", () => {
    const { variables, statements } = own(undefined);
    expect(variables).not.toHaveProperty("EVENT_BUS_ARN");
    expect(statements).toEqual([]);
  });
});
