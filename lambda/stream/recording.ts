/** What to do with a batch where records are history: each tells its entries, and those of a batch are kept together. */

import type { DynamoDBRecord } from "aws-lambda";
import type { Context } from "../domain/context.ts";
import type { Key } from "../table/keys.ts";
import type { BatchWork } from "./stream-function.ts";
import { type Image, imagesOf, parseRecord } from "./stream-record.ts";

/** A change as its record shows it. */
export interface ToldChange {
  readonly key: Key;
  readonly before: Image | undefined;
  readonly after: Image | undefined;
}

/** What a change has to tell; throws for one that cannot be understood. */
export type Tell<Entry> = (change: ToldChange) => readonly Entry[];

/** Keeps entries; those that are there already are none the worse for it. */
export type Keep<Entry> = (context: Context, entries: readonly Entry[]) => Promise<void>;

/**
 * A record that cannot be understood keeps no other from being kept: those behind it come again with it, and are the same
 * then.
 */
export function recording<Entry>(tell: Tell<Entry>, keep: Keep<Entry>): BatchWork {
  return async ({ context, records, onFailure }) => {
    const told = records.map((record) => toldBy(record, tell, onFailure));
    const entries = told.flatMap(({ entries }) => entries);
    try {
      if (entries.length > 0) await keep(context, entries);
    } catch (cause) {
      const [first] = told;
      onFailure(first!.sequenceNumber, cause);
      return { items: records.length, carried: 0, firstNotDone: first!.sequenceNumber };
    }
    const failed = told.filter(({ isUnderstood }) => !isUnderstood);
    return {
      items: records.length,
      carried: records.length - failed.length,
      firstNotDone: failed[0]?.sequenceNumber,
    };
  };
}

function toldBy<Entry>(
  record: DynamoDBRecord,
  tell: Tell<Entry>,
  onFailure: (sequenceNumber: string, cause: unknown) => void,
) {
  const { key, sequenceNumber } = parseRecord(record);
  try {
    return { sequenceNumber, entries: tell({ key, ...imagesOf(record) }), isUnderstood: true };
  } catch (cause) {
    onFailure(sequenceNumber, cause);
    return { sequenceNumber, entries: [], isUnderstood: false };
  }
}
