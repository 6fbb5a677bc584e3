/**
 * What to do with a batch where records are history: what each tells is kept, that of a batch together, and published, one
 * after the other.
 */

import type { DynamoDBRecord } from "aws-lambda";
import type { Context } from "../domain/context.ts";
import type { Key } from "../table/keys.ts";
import { carryMillisecondsReserve } from "./carrying.ts";
import type { BatchWork } from "./stream-function.ts";
import { type Image, imagesOf, parseRecord } from "./stream-record.ts";

/** A change as its record shows it. */
export interface ToldChange {
  readonly key: Key;
  readonly before: Image | undefined;
  readonly after: Image | undefined;
  readonly seenAt: string;
}

export interface Recording<Told, Event> {
  /** What a change has to tell; throws for one that cannot be understood. */
  readonly tell: (change: ToldChange) => Told;
  /** Keeps what was told, which is none the worse for it where it is kept already; returns what each is to publish. */
  readonly keep: (context: Context, told: readonly Told[]) => Promise<readonly (readonly Event[])[]>;
  /** Publishes in this order; so many of them are, from the first on. */
  readonly publish: (
    context: Context,
    events: readonly Event[],
    isTimeLeft: () => boolean,
  ) => Promise<{ readonly published: number; readonly cause: unknown }>;
}

/**
 * A record that cannot be understood keeps no other from being kept: those behind it come again with it, and are the same
 * then. But they are published only then, so that nothing overtakes it, and nothing is published as often as it is tried.
 */
export function recording<Told, Event>({ tell, keep, publish }: Recording<Told, Event>): BatchWork {
  return async ({ context, records, millisecondsLeft, onFailure }) => {
    const read = records.map((record) => readRecord(record, tell, onFailure));
    const understood = read.filter((one) => "told" in one);
    let kept: readonly (readonly Event[])[];
    try {
      const told = understood.map((one) => one.told);
      kept = told.length > 0 ? await keep(context, told) : [];
    } catch (cause) {
      const [first] = read;
      onFailure(first!.sequenceNumber, cause);
      return { items: records.length, carried: 0, firstNotDone: first!.sequenceNumber };
    }

    const firstFailed = read.findIndex((one) => !("told" in one));
    const ahead = firstFailed < 0 ? kept.length : firstFailed;
    const events = kept
      .slice(0, ahead)
      .flatMap((own, index) => own.map((event) => ({ event, sequenceNumber: read[index]!.sequenceNumber })));
    const isTimeLeft = () => millisecondsLeft() >= carryMillisecondsReserve;
    const { published, cause } = await publish(
      context,
      events.map(({ event }) => event),
      isTimeLeft,
    );
    const left = events.slice(published);
    if (left.length > 0 && cause !== undefined) onFailure(left[0]!.sequenceNumber, cause);
    const waiting = kept.slice(ahead).filter((own) => own.length > 0);
    return {
      items: records.length,
      carried: understood.length - left.length - waiting.length,
      firstNotDone: left[0]?.sequenceNumber ?? read[firstFailed]?.sequenceNumber,
      // Where only the time ran out, nobody has refused anything.
      events: { published, notPublished: cause === undefined ? 0 : left.length },
    };
  };
}

type ReadRecord<Told> =
  | { readonly sequenceNumber: string; readonly told: Told }
  | { readonly sequenceNumber: string };

function readRecord<Told>(
  record: DynamoDBRecord,
  tell: (change: ToldChange) => Told,
  onFailure: (sequenceNumber: string, cause: unknown) => void,
): ReadRecord<Told> {
  const { sequenceNumber, ...change } = parseRecord(record);
  try {
    return { sequenceNumber, told: tell({ ...change, ...imagesOf(record) }) };
  } catch (cause) {
    onFailure(sequenceNumber, cause);
    return { sequenceNumber };
  }
}
