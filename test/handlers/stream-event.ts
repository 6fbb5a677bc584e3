/** Events as Lambda's event source mappings hand them to a function, as short as a test wants them. */

import type { DynamoDBRecord, DynamoDBStreamEvent, Context as LambdaContext } from "aws-lambda";
import type { Key } from "../../lambda/table/keys.ts";
import { requestId } from "./event.ts";

/** One record for each key, with sequence numbers "1", "2", … */
export function streamEventOf(...keys: readonly Key[]): DynamoDBStreamEvent {
  return { Records: keys.map((key, index) => recordOf(key, String(index + 1))) };
}

function recordOf({ pk, sk }: Key, sequenceNumber: string): DynamoDBRecord {
  const keys = { pk: { S: pk }, sk: { S: sk } };
  return {
    eventID: `event-${sequenceNumber}`,
    eventName: "MODIFY",
    eventVersion: "1.1",
    eventSource: "aws:dynamodb",
    awsRegion: "us-east-1",
    eventSourceARN: "arn:aws:dynamodb:us-east-1:123456789012:table/rollcall/stream/2026-01-01T00:00:00.000",
    dynamodb: {
      ApproximateCreationDateTime: 1_767_225_600,
      Keys: keys,
      NewImage: { ...keys, secret: { S: "an image that nobody may trust" } },
      SequenceNumber: sequenceNumber,
      SizeBytes: 100,
      StreamViewType: "NEW_AND_OLD_IMAGES",
    },
  };
}

/** With so much time left of the invocation at each look, the last one for all further looks. */
export function streamContext(...remainingMilliseconds: readonly number[]): LambdaContext {
  const left = [...remainingMilliseconds];
  const getRemainingTimeInMillis = () => (left.length > 1 ? left.shift() : left[0]) ?? 120_000;
  return { awsRequestId: requestId, getRemainingTimeInMillis } as LambdaContext;
}
