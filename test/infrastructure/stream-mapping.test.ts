import { Annotations, Match } from "aws-cdk-lib/assertions";
import { describe, expect, test } from "vitest";
import { streamFunctionName, streamMapping } from "../../lambda/stream/stream-mapping.ts";
import { ringingPrefix } from "../../lambda/table/keys.ts";
import { joined, rollcallApp, synthesize } from "./synthesized.ts";

const { service } = synthesize();
const mapping = service.only("AWS::Lambda::EventSourceMapping").Properties;
const queue = service.only("AWS::SQS::Queue");
const [queueId] = Object.keys(service.ofType("AWS::SQS::Queue"));

describe("the mapping on the table's stream", () => {
  test("invokes the function from the oldest record on", () => {
    const [functionId] = Object.keys(service.ofType("AWS::Lambda::Function")).filter((id) =>
      id.toLowerCase().startsWith(streamFunctionName),
    );
    expect(mapping.FunctionName).toEqual({ Ref: functionId });
    expect(joined(mapping.EventSourceArn)).toMatch(
      /^<RollcallData:ExportsOutputFnGetAttTable\w+StreamArn\w+>$/,
    );
    expect(mapping.StartingPosition).toBe("TRIM_HORIZON");
    expect(mapping).not.toHaveProperty("Enabled", false);
  });

  test("has the numbers that the local service uses", () => {
    expect(mapping).toMatchObject({
      BatchSize: streamMapping.batchSize,
      MaximumBatchingWindowInSeconds: streamMapping.batchingWindowSeconds,
      ParallelizationFactor: streamMapping.parallelizationFactor,
      MaximumRetryAttempts: streamMapping.retryAttempts,
      MaximumRecordAgeInSeconds: streamMapping.recordAgeSecondsMax,
    });
  });

  test("splits what fails, takes partial failures, and parks what stays", () => {
    expect(mapping).toMatchObject({
      BisectBatchOnFunctionError: true,
      FunctionResponseTypes: ["ReportBatchItemFailures"],
      DestinationConfig: { OnFailure: { Destination: { "Fn::GetAtt": [queueId, "Arn"] } } },
    });
    // Parked before the stream, which keeps a day, forgets it; and not tried for ever.
    expect(streamMapping.recordAgeSecondsMax).toBeLessThan(86_400);
    expect(streamMapping.retryAttempts).toBeGreaterThanOrEqual(0);
  });

  test("is rung by what begins with the ringing prefix alone", () => {
    const patterns = mapping.FilterCriteria.Filters.map(({ Pattern }: { Pattern: string }) =>
      JSON.parse(Pattern),
    );
    expect(patterns).toEqual([{ dynamodb: { Keys: { pk: { S: [{ prefix: ringingPrefix }] } } } }]);
  });
});

describe("the queue for what was given up", () => {
  test("keeps it as long as SQS can, encrypted, and takes TLS only", () => {
    expect(queue.Properties).toEqual({ MessageRetentionPeriod: 14 * 86_400, SqsManagedSseEnabled: true });
    expect(service.only("AWS::SQS::QueuePolicy").Properties.PolicyDocument.Statement).toEqual([
      expect.objectContaining({ Effect: "Deny", Condition: { Bool: { "aws:SecureTransport": "false" } } }),
    ]);
    expect(service.outputs["PropagationQueueUrl"]?.Value).toEqual({ Ref: queueId });
  });
});

test("the function may read this stream and fill this queue, beside its table and its log", () => {
  const policy = Object.entries(service.ofType("AWS::IAM::Policy")).find(([id]) =>
    id.toLowerCase().startsWith(streamFunctionName),
  )![1];
  const [, , ...others] = policy.Properties.PolicyDocument.Statement;
  expect(others).toEqual([
    {
      Effect: "Allow",
      Action: ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"],
      Resource: mapping.EventSourceArn,
    },
    { Effect: "Allow", Action: "dynamodb:ListStreams", Resource: "*" },
    { Effect: "Allow", Action: "sqs:SendMessage", Resource: { "Fn::GetAtt": [queueId, "Arn"] } },
  ]);
});

describe("a table given by name", () => {
  const streamArn = "arn:aws:dynamodb:eu-west-1:123456789012:table/restored/stream/2026-01-01T00:00:00.000";

  test("rings by the stream that is given with it", () => {
    const restored = synthesize({ "rollcall:tableName": "restored", "rollcall:streamArn": streamArn });
    expect(restored.service.only("AWS::Lambda::EventSourceMapping").Properties.EventSourceArn).toBe(
      streamArn,
    );
    expect(JSON.stringify(restored.service.template.toJSON())).not.toContain("ImportValue");
  });

  test("without its stream propagates nothing, and says so", () => {
    const options = { "rollcall:tableName": "restored" };
    const { service: silent } = synthesize(options);
    expect(silent.ofType("AWS::Lambda::EventSourceMapping")).toEqual({});
    expect(silent.ofType("AWS::SQS::Queue")).toEqual({});
    expect(
      Object.values(silent.ofType("AWS::CloudWatch::Alarm")).map(({ Properties }) => Properties.AlarmName),
    ).not.toContain("RollcallService-PropagationParked");
    Annotations.fromStack(rollcallApp(options).service).hasWarning(
      "*",
      Match.stringLikeRegexp("Nothing will be propagated.*rollcall:streamArn"),
    );
  });
});
