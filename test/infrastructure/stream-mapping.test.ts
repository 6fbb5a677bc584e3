import { Annotations, Match } from "aws-cdk-lib/assertions";
import { describe, expect, test } from "vitest";
import { passesFilters } from "../../bin/local/stream-filter.ts";
import { propagationMapping, streamMappings } from "../../lambda/stream/stream-mapping.ts";
import { joined, rollcallApp, synthesize } from "./synthesized.ts";

const { service } = synthesize();
const queueIds = Object.keys(service.ofType("AWS::SQS::Queue"));

describe.each(streamMappings.map((mapping) => [mapping.functionName, mapping] as const))(
  "the mapping on the table's stream for %s",
  (name, wanted) => {
    /** The one resource of the type whose logical id begins with the function's name. */
    const own = (type: string) => {
      const found = Object.entries(service.ofType(type)).filter(([id]) => id.toLowerCase().startsWith(name));
      expect(found).toHaveLength(1);
      const [id, { Properties }] = found[0]!;
      return { id, Properties };
    };
    const { Properties: mapping } = own("AWS::Lambda::EventSourceMapping");
    const queue = own("AWS::SQS::Queue");

    test("invokes the function from the oldest record on", () => {
      expect(mapping.FunctionName).toEqual({ Ref: own("AWS::Lambda::Function").id });
      expect(joined(mapping.EventSourceArn)).toMatch(
        /^<RollcallData:ExportsOutputFnGetAttTable\w+StreamArn\w+>$/,
      );
      expect(mapping.StartingPosition).toBe("TRIM_HORIZON");
      expect(mapping).not.toHaveProperty("Enabled", false);
    });

    test("has the numbers that the local service uses", () => {
      expect(mapping).toMatchObject({
        BatchSize: wanted.batchSize,
        MaximumBatchingWindowInSeconds: wanted.batchingWindowSeconds,
        ParallelizationFactor: wanted.parallelizationFactor,
        MaximumRetryAttempts: wanted.retryAttempts,
        MaximumRecordAgeInSeconds: wanted.recordAgeSecondsMax,
      });
    });

    test("splits what fails, takes partial failures, and parks what stays", () => {
      expect(mapping).toMatchObject({
        BisectBatchOnFunctionError: true,
        FunctionResponseTypes: ["ReportBatchItemFailures"],
        DestinationConfig: { OnFailure: { Destination: { "Fn::GetAtt": [queue.id, "Arn"] } } },
      });
      // Parked before the stream, which keeps a day, forgets it; and not tried for ever.
      expect(wanted.recordAgeSecondsMax).toBeLessThan(86_400);
      expect(wanted.retryAttempts).toBeGreaterThanOrEqual(0);
    });

    test("has the filters that the local service uses, and no more than Lambda takes", () => {
      const patterns = mapping.FilterCriteria.Filters.map(({ Pattern }: { Pattern: string }) =>
        JSON.parse(Pattern),
      );
      expect(patterns).toEqual(wanted.filters);
      expect(patterns.length).toBeLessThanOrEqual(5);
      expect(JSON.stringify(mapping.FilterCriteria).length).toBeLessThan(4_096);
    });

    test("parks in a queue of its own that keeps it as long as SQS can, encrypted, and takes TLS only", () => {
      expect(queue.Properties).toEqual({ MessageRetentionPeriod: 14 * 86_400, SqsManagedSseEnabled: true });
      expect(own("AWS::SQS::QueuePolicy").Properties.PolicyDocument.Statement).toEqual([
        expect.objectContaining({
          Effect: "Deny",
          Condition: { Bool: { "aws:SecureTransport": "false" } },
        }),
      ]);
      const output = `${name.charAt(0).toUpperCase()}${name.slice(1)}QueueUrl`;
      expect(service.outputs[output]?.Value).toEqual({ Ref: queue.id });
    });

    test("lets the function read this stream and fill this queue, beside its table, its log and its bus", () => {
      const [, , ...others] = own("AWS::IAM::Policy").Properties.PolicyDocument.Statement;
      // What `activity` may do to the bus: event-bus.test.ts.
      expect(others.slice(0, name === "activity" ? -1 : undefined)).toEqual([
        {
          Effect: "Allow",
          Action: ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"],
          Resource: mapping.EventSourceArn,
        },
        { Effect: "Allow", Action: "dynamodb:ListStreams", Resource: "*" },
        { Effect: "Allow", Action: "sqs:SendMessage", Resource: { "Fn::GetAtt": [queue.id, "Arn"] } },
      ]);
    });
  },
);

test("no more mappings read a shard than AWS allows without throttling, and there is no other queue", () => {
  expect(Object.keys(service.ofType("AWS::Lambda::EventSourceMapping"))).toHaveLength(2);
  expect(queueIds).toHaveLength(2);
});

describe("propagation is rung", () => {
  const rings = (eventName: string, dynamodb: object) =>
    passesFilters(propagationMapping.filters, { eventName, dynamodb });
  const isRungBy = (pk: string, sk: string, image: object) =>
    rings("MODIFY", { Keys: { pk: { S: pk }, sk: { S: sk } }, NewImage: image });

  test.each([
    ["a group's row", "G#project", "group", {}],
    ["a page of a group's members", "G#project#group", "S#000000000#0", {}],
    ["a user whose connection has children", "M#project#0", "1", { heirs: { N: "1" } }],
    ["a connection that has children", "P#project", "CONNECTION#c", { heirs: { N: "1" } }],
    ["a job", "J#child", "JOB", { phase: { S: "users" } }],
  ])("by %s", (_, pk, sk, image) => {
    expect(isRungBy(pk, sk, image)).toBe(true);
  });

  test("by a group, a copy or not, that goes", () => {
    expect(rings("REMOVE", { Keys: { pk: { S: "G#project" }, sk: { S: "group" } } })).toBe(true);
  });

  test.each([
    ["the count of a group's members, since their page rings", "G#project", "group", { noted: { N: "1" } }],
    ["a group that is a copy", "G#project", "group", { copied: { N: "4" } }],
    ["a page that is a copy", "G#project#group", "S#000000000#0", { copied: { N: "4" } }],
    ["a user whose connection has no children, or is a child", "M#project#0", "1", {}],
    ["a connection without children", "P#project", "CONNECTION#c", {}],
    ["names", "P#project#NAMES", "userName#x", {}],
    ["seats", "P#project#SEATS", "0", { heirs: { N: "1" } }],
    ["a roster", "C#connection#ROSTER", "P#0", { heirs: { N: "1" } }],
    ["a sync failure", "F#project", "c#User#x", {}],
    ["the activity trail", "A#project", "ALL#x", {}],
  ])("not by %s", (_, pk, sk, image) => {
    expect(isRungBy(pk, sk, image)).toBe(false);
  });
});

describe("a table given by name", () => {
  const streamArn = "arn:aws:dynamodb:eu-west-1:123456789012:table/restored/stream/2026-01-01T00:00:00.000";

  test("rings by the stream that is given with it", () => {
    const restored = synthesize({ "rollcall:tableName": "restored", "rollcall:streamArn": streamArn });
    for (const { Properties } of Object.values(restored.service.ofType("AWS::Lambda::EventSourceMapping"))) {
      expect(Properties.EventSourceArn).toBe(streamArn);
    }
    expect(JSON.stringify(restored.service.template.toJSON())).not.toContain("ImportValue");
  });

  test("without its stream propagates nothing, and says so", () => {
    const options = { "rollcall:tableName": "restored" };
    const { service: silent } = synthesize(options);
    expect(silent.ofType("AWS::Lambda::EventSourceMapping")).toEqual({});
    expect(silent.ofType("AWS::SQS::Queue")).toEqual({});
    const alarms = Object.values(silent.ofType("AWS::CloudWatch::Alarm"));
    expect(
      alarms.map(({ Properties }) => Properties.AlarmName).filter((name) => name.endsWith("Parked")),
    ).toEqual([]);
    Annotations.fromStack(rollcallApp(options).service).hasWarning(
      "*",
      Match.stringLikeRegexp("Nothing will be propagated.*rollcall:streamArn"),
    );
  });
});
