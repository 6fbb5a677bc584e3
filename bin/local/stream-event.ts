import type { _Record, AttributeValue } from "@aws-sdk/client-dynamodb-streams";
import type { DynamoDBRecord, AttributeValue as LambdaAttributeValue } from "aws-lambda";

/** A stream record as Lambda hands it to a function: JSON, where the stream's own API has dates and bytes. */
export function lambdaRecordOf(record: _Record, streamArn: string): DynamoDBRecord {
  const change = record.dynamodb;
  return {
    eventID: record.eventID,
    eventName: record.eventName,
    eventVersion: record.eventVersion,
    eventSource: record.eventSource,
    awsRegion: record.awsRegion,
    eventSourceARN: streamArn,
    ...(record.userIdentity?.Type !== undefined && {
      userIdentity: { type: record.userIdentity.Type, principalId: record.userIdentity.PrincipalId },
    }),
    dynamodb: {
      ApproximateCreationDateTime: epochSeconds(change?.ApproximateCreationDateTime),
      Keys: mapValues(change?.Keys ?? {}, plain),
      ...(change?.NewImage && { NewImage: mapValues(change.NewImage, plain) }),
      ...(change?.OldImage && { OldImage: mapValues(change.OldImage, plain) }),
      SequenceNumber: change?.SequenceNumber,
      SizeBytes: change?.SizeBytes,
      StreamViewType: change?.StreamViewType,
    },
  };
}

function epochSeconds(date: Date | undefined): number | undefined {
  return date && Math.floor(date.getTime() / 1_000);
}

function plain(value: AttributeValue): LambdaAttributeValue {
  if (value.B !== undefined) return { B: base64(value.B) };
  if (value.BS !== undefined) return { BS: value.BS.map(base64) };
  if (value.L !== undefined) return { L: value.L.map(plain) };
  if (value.M !== undefined) return { M: mapValues(value.M, plain) };
  // What is left is strings and booleans, the same in both.
  return value as LambdaAttributeValue;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

function mapValues<From, To>(
  values: Readonly<Record<string, From>>,
  change: (value: From) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value)]));
}
