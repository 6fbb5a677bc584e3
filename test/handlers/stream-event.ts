/** Events as Lambda's event source mappings hand them to a function, as short as a test wants them. */

import type {
  AttributeValue,
  DynamoDBRecord,
  DynamoDBStreamEvent,
  Context as LambdaContext,
  StreamRecord,
} from "aws-lambda";
import type { Key } from "../../lambda/table/keys.ts";
import type { Item } from "../../lambda/table/store.ts";
import { requestId } from "./event.ts";

/** One record for each key, with sequence numbers "1", "2", … */
export function streamEventOf(...keys: readonly Key[]): DynamoDBStreamEvent {
  return { Records: keys.map((key, index) => recordOf(key, String(index + 1))) };
}

/** One record for each change of an item, numbered likewise. */
export function eventTelling(
  ...changes: readonly { readonly before?: Item; readonly after: Item }[]
): DynamoDBStreamEvent {
  return {
    Records: changes.map(({ before, after }, index) =>
      recordOf(after as unknown as Key, String(index + 1), {
        ...(before && { OldImage: imageOf(before) }),
        NewImage: imageOf(after),
      }),
    ),
  };
}

function imageOf(item: Readonly<Record<string, unknown>>): Record<string, AttributeValue> {
  return Object.fromEntries(
    Object.entries(item).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, attributeValueOf(value)]],
    ),
  );
}

function attributeValueOf(value: unknown): AttributeValue {
  switch (typeof value) {
    case "string":
      return { S: value };
    case "number":
      return { N: String(value) };
    case "boolean":
      return { BOOL: value };
    default:
      return Array.isArray(value)
        ? { L: value.map(attributeValueOf) }
        : { M: imageOf(value as Readonly<Record<string, unknown>>) };
  }
}

function recordOf({ pk, sk }: Key, sequenceNumber: string, images?: Partial<StreamRecord>): DynamoDBRecord {
  const keys = { pk: { S: pk }, sk: { S: sk } };
  return {
    eventID: `event-${sequenceNumber}`,
    eventName: images && !images.OldImage ? "INSERT" : "MODIFY",
    eventVersion: "1.1",
    eventSource: "aws:dynamodb",
    awsRegion: "us-east-1",
    eventSourceARN: "arn:aws:dynamodb:us-east-1:123456789012:table/rollcall/stream/2026-01-01T00:00:00.000",
    dynamodb: {
      ApproximateCreationDateTime: 1_767_225_600,
      Keys: keys,
      ...(images ?? { NewImage: { ...keys, secret: { S: "an image that nobody may trust" } } }),
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
