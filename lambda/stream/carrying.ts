/** What to do with a batch where a record is a doorbell: each item that changed is carried once, by its key alone. */

import type { DynamoDBRecord } from "aws-lambda";
import type { Context } from "../domain/context.ts";
import { groupOfKey, type Key } from "../table/keys.ts";
import type { BatchWork } from "./stream-function.ts";
import { parseRecord } from "./stream-record.ts";

/** Does for one changed item whatever its change asks for; may be called twice, late, and in any order. */
export type Carry = (context: Context, key: Key) => Promise<void>;

/** What is worked on at once, a core's worth of waiting for the table. Our choice. */
export const resourcesAtOnceMax = 4;

/** What must be left of the invocation to begin one more item: several calls to a table that answers slowly. */
export const carryMillisecondsReserve = 30_000;

export function carrying(carry: Carry): BatchWork {
  return async ({ context, records, millisecondsLeft, onFailure }) => {
    const changes = changedItems(records);
    const carried = await carryAll(changes, {
      carry: (key) => carry(context, key),
      isTimeLeft: () => millisecondsLeft() >= carryMillisecondsReserve,
      onFailure,
    });
    const firstNotCarried = changes.find((change) => !carried.has(change));
    return { items: changes.length, carried: carried.size, firstNotDone: firstNotCarried?.sequenceNumber };
  };
}

interface Change {
  readonly key: Key;
  /** Of the first record that names the item: where the batch has to be taken up again if it is not carried. */
  readonly sequenceNumber: string;
}

/**
 * The distinct items of a batch, in order of first appearance. Of a record only the key is used: an image shows what was,
 * and records may come twice or late.
 */
function changedItems(records: readonly DynamoDBRecord[]): readonly Change[] {
  const byKey = new Map<string, Change>();
  for (const record of records) {
    const { key, sequenceNumber } = parseRecord(record);
    const name = JSON.stringify([key.pk, key.sk]);
    if (!byKey.has(name)) byKey.set(name, { key, sequenceNumber });
  }
  return [...byKey.values()];
}

/** A group's row and its pages are one; anything else is by itself. */
function resourceOf(key: Key): string {
  const group = groupOfKey(key);
  return JSON.stringify(group === undefined ? [key.pk, key.sk] : [group.projectId, group.groupId]);
}

interface CarryingOptions {
  readonly carry: (key: Key) => Promise<void>;
  readonly isTimeLeft: () => boolean;
  readonly onFailure: (sequenceNumber: string, cause: unknown) => void;
}

/**
 * Carries what belongs to one group one after the other, the rest at once, as much of it as may be. Nothing that stands behind one
 * that failed is begun any more, since it comes again; what stands before it is finished.
 */
async function carryAll(
  changes: readonly Change[],
  { carry, isTimeLeft, onFailure }: CarryingOptions,
): Promise<ReadonlySet<Change>> {
  const carried = new Set<Change>();
  let firstFailed = changes.length;
  const resources = Map.groupBy(changes.entries(), ([, { key }]) => resourceOf(key)).values();

  const work = async (): Promise<void> => {
    for (const resource of resources) {
      for (const [position, change] of resource) {
        if (position > firstFailed) break;
        if (!isTimeLeft()) {
          firstFailed = Math.min(firstFailed, position);
          break;
        }
        try {
          await carry(change.key);
          carried.add(change);
        } catch (cause) {
          onFailure(change.sequenceNumber, cause);
          firstFailed = Math.min(firstFailed, position);
          break;
        }
      }
    }
  };
  // One iterator for all of them: each takes the next that nobody has.
  await Promise.all(Array.from({ length: resourcesAtOnceMax }, work));
  return carried;
}
