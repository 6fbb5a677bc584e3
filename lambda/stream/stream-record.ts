/** A record of a DynamoDB stream as Lambda hands it over, parsed. */

import type { AttributeValue, DynamoDBRecord } from "aws-lambda";
import * as z from "zod";
import type { Key } from "../table/keys.ts";

export interface StreamRecord {
  readonly key: Key;
  readonly sequenceNumber: string;
  /** When the stream had it, to the second: RFC 3339. */
  readonly seenAt: string;
}

const recordSchema = z.object({
  dynamodb: z.object({
    Keys: z.object({ pk: z.object({ S: z.string() }), sk: z.object({ S: z.string() }) }),
    SequenceNumber: z.string(),
    /** Lambda says it in seconds; in records that an operator hands over it is as the command line tool has printed it. */
    ApproximateCreationDateTime: z.union([z.number(), z.string()]).default(0),
  }),
});

export function parseRecord(record: DynamoDBRecord): StreamRecord {
  const { Keys, SequenceNumber, ApproximateCreationDateTime: seenAt } = recordSchema.parse(record).dynamodb;
  return {
    key: { pk: Keys.pk.S, sk: Keys.sk.S },
    sequenceNumber: SequenceNumber,
    seenAt: new Date(typeof seenAt === "number" ? seenAt * 1_000 : seenAt).toISOString(),
  };
}

/** An item as the table's own client would read it. */
export type Image = Readonly<Record<string, unknown>>;

/** How the item was before and after the change; undefined where it was not there. */
export function imagesOf({ dynamodb }: DynamoDBRecord): {
  readonly before: Image | undefined;
  readonly after: Image | undefined;
} {
  return { before: imageOf(dynamodb?.OldImage), after: imageOf(dynamodb?.NewImage) };
}

function imageOf(image: Readonly<Record<string, AttributeValue>> | undefined): Image | undefined {
  return image && Object.fromEntries(Object.entries(image).map(([name, value]) => [name, plain(value)]));
}

/** Of the kinds of values there are, those that our rows have; sets of bits, whose numbers are too large, ring nobody who looks at them. */
function plain(value: AttributeValue): unknown {
  if (value.S !== undefined) return value.S;
  if (value.N !== undefined) return Number(value.N);
  if (value.BOOL !== undefined) return value.BOOL;
  if (value.M !== undefined) return imageOf(value.M);
  if (value.L !== undefined) return value.L.map(plain);
  if (value.SS !== undefined) return new Set(value.SS);
  if (value.NULL) return null;
  throw new TypeError(`a row has no ${Object.keys(value).join()}`);
}
