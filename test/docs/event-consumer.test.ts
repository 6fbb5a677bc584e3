import { CreateTableCommand } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, ScanCommand } from "@aws-sdk/lib-dynamodb";
import { App, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { EventBus } from "aws-cdk-lib/aws-events";
import type { EventBridgeEvent } from "aws-lambda";
import { expect, test, vi } from "vitest";
import { createEventLog, type DeliveredEvent } from "../../bin/local/event-log.ts";
import { EventConsumer } from "../../docs/examples/event-consumer/event-consumer.ts";
import { createHandler, eventTypes } from "../../docs/examples/event-consumer/handler.ts";
import { eventTypes as publishedTypes } from "../../lambda/domain/event.ts";
import { createSeededRandom, seedFromEnvironment } from "../support/seeded-random.ts";
import { startTable } from "../support/table.ts";

/** As the bus hands them over, in the order they were published. */
async function delivered(
  ...told: readonly (readonly [resourceId: string, ...types: (typeof publishedTypes)[number][]])[]
): Promise<readonly DeliveredEvent[]> {
  const log = createEventLog("eu-west-1");
  for (const [resourceId, ...types] of told) {
    for (const [index, type] of types.entries()) {
      // Versions rise, though not by one.
      const version = 3 * index + 1;
      const at = new Date(Date.UTC(2026, 2, 1, 8, version)).toISOString();
      const id = `p.${resourceId}.${version}.${type}`;
      await log.publish([
        { type, id, projectId: "p", connectionId: "c", resourceId, version, at, changes: [] },
      ]);
    }
  }
  return log.items;
}

const seed = seedFromEnvironment();
test(`events that come repeated and in any order end as those that came once and in theirs (seed ${seed})`, async () => {
  const random = createSeededRandom(seed);
  const table = await startTable();
  const documents = DynamoDBDocumentClient.from(table.client);
  try {
    const events = await delivered(
      ["ada", "member.provisioned", "member.updated", "member.deactivated", "member.reactivated"],
      ["bob", "member.provisioned", "member.deleted"],
      ["cy", "member.provisioned", "member.deleted", "member.provisioned"],
      ["g", "group.created", "group.membership", "group.updated", "group.membership", "group.deleted"],
    );
    const ends: unknown[] = [];
    for (const order of [events, random.shuffle([...events, ...events, ...events])]) {
      const tableName = `consumer-${ends.length}-${seed}`;
      await table.client.send(
        new CreateTableCommand({
          TableName: tableName,
          KeySchema: [
            { AttributeName: "projectId", KeyType: "HASH" },
            { AttributeName: "resourceId", KeyType: "RANGE" },
          ],
          AttributeDefinitions: [
            { AttributeName: "projectId", AttributeType: "S" },
            { AttributeName: "resourceId", AttributeType: "S" },
          ],
          BillingMode: "PAY_PER_REQUEST",
        }),
      );
      const handler = createHandler(documents, tableName);
      const outcomes: string[] = [];
      for (const event of order) outcomes.push(await handler(event as EventBridgeEvent<string, unknown>));
      const { Items: items = [] } = await documents.send(new ScanCommand({ TableName: tableName }));
      ends.push(items.toSorted((a, b) => (a["resourceId"] < b["resourceId"] ? -1 : 1)));
      // Whichever came first is kept of each; all that are in order are.
      expect(outcomes[0]).toBe("kept");
      if (order === events) expect(outcomes).toEqual(events.map(() => "kept"));
    }
    expect(ends[1]).toEqual(ends[0]);
    expect(ends[0]).toMatchObject([
      { resourceId: "ada", type: "member.reactivated", isThere: true, version: 10 },
      { resourceId: "bob", type: "member.deleted", isThere: false },
      { resourceId: "cy", type: "member.provisioned", isThere: true },
      { resourceId: "g", type: "group.deleted", isThere: false },
    ]);
  } finally {
    await table.stop();
  }
});

test("what is no event of Rollcall's is an error, and so not lost in silence", async () => {
  const handler = createHandler({} as DynamoDBDocumentClient, "none");
  const [event] = await delivered(["ada", "member.updated"]);
  await expect(handler({ ...event, "detail-type": "member.vanished" } as never)).rejects.toThrow(
    "detail-type",
  );
});

test("it knows every type of event there is", () => {
  expect(eventTypes).toEqual(publishedTypes);
});

test("its construct is a rule on the bus that is given, with queues for what is not taken", () => {
  // As in synthesized.ts: CDK's own check of a template takes 2 s.
  vi.stubEnv("CDK_VALIDATION", "false");
  const stack = new Stack(new App({ context: { "aws:cdk:bundling-stacks": [] } }), "Consumer");
  const bus = EventBus.fromEventBusName(stack, "Rollcall", "RollcallService-events");
  new EventConsumer(stack, "EventConsumer", { bus });
  const template = Template.fromStack(stack);
  vi.unstubAllEnvs();
  template.hasResourceProperties("AWS::Events::Rule", {
    EventBusName: "RollcallService-events",
    EventPattern: {
      source: ["rollcall"],
      "detail-type": [{ prefix: "member." }, { prefix: "group." }],
    },
  });
  const [queueId] = Object.keys(template.findResources("AWS::SQS::Queue"));
  const [rule] = Object.values(template.findResources("AWS::Events::Rule"));
  const queueArn = { "Fn::GetAtt": [queueId, "Arn"] };
  expect(rule!["Properties"].Targets).toMatchObject([{ DeadLetterConfig: { Arn: queueArn } }]);
  template.hasResourceProperties("AWS::Lambda::Function", { DeadLetterConfig: { TargetArn: queueArn } });
});
