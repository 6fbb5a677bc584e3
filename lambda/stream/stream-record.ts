/** A record of a DynamoDB stream as Lambda hands it over, parsed. */

import type { AttributeValue, DynamoDBRecord } from "aws-lambda";
import * as z from "zod";
import type { Key } from "../table/keys.ts";

export interface StreamRecord {
  readonly key: Key;
  readonly sequenceNumber: string;
}

const recordSchema = z.object({
  dynamodb: z.object({
    Keys: z.object({ pk: z.object({ S: z.string() }), sk: z.object({ S: z.string() }) }),
    SequenceNumber: z.string(),
  }),
});

export function parseRecord(record: DynamoDBRecord): StreamRecord {
  const { Keys, SequenceNumber } = recordSchema.parse(record).dynamodb;
  return { key: { pk: Keys.pk.S, sk: Keys.sk.S }, sequenceNumber: SequenceNumber };
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
