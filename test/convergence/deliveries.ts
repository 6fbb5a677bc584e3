/**
 * The records of a table's stream on their way to the functions, by hand: what a mapping does at its worst is decided step by
 * step. Records of one item keep their order; beyond that DynamoDB and Lambda promise nothing that is relied on here.
 */

import type { DynamoDBStreamsClient } from "@aws-sdk/client-dynamodb-streams";
import type { DynamoDBRecord } from "aws-lambda";
import { lambdaRecordOf } from "../../bin/local/stream-event.ts";
import { passesFilters } from "../../bin/local/stream-filter.ts";
import { createShardReader, listShards, type ShardReader } from "../../bin/local/stream-shards.ts";
import { type StreamFunctionName, streamMappings } from "../../lambda/stream/stream-mapping.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import type { Delivery } from "./steps.ts";

/** Of one function: what is to be delivered, and the last of what was. */
interface Queue {
  pending: DynamoDBRecord[];
  done: DynamoDBRecord[];
}

/** Enough to have some from long before what is pending. */
const doneKept = 300;

export class Deliveries {
  readonly #client: DynamoDBStreamsClient;
  readonly #streamArn: string;
  readonly #isLost: (record: DynamoDBRecord) => boolean;
  readonly #readers = new Map<string, ShardReader>();
  readonly #queues: Record<StreamFunctionName, Queue> = {
    propagation: { pending: [], done: [] },
    activity: { pending: [], done: [] },
  };

  /** `isLost`: of records that never arrive. */
  constructor(
    client: DynamoDBStreamsClient,
    streamArn: string,
    isLost: (record: DynamoDBRecord) => boolean = () => false,
  ) {
    this.#client = client;
    this.#streamArn = streamArn;
    this.#isLost = isLost;
  }

  /** Forgets everything that was written so far. */
  async begin(): Promise<void> {
    await this.read();
    for (const queue of Object.values(this.#queues)) {
      queue.pending = [];
      queue.done = [];
    }
  }

  /** Queues what was written since. */
  async read(): Promise<void> {
    if (this.#readers.size === 0) {
      for (const { id } of await listShards(this.#client, this.#streamArn)) {
        this.#readers.set(id, createShardReader(this.#client, this.#streamArn, id));
      }
    }
    for (const reader of this.#readers.values()) {
      for (let found = 1; found > 0; ) {
        const { records } = await reader.read();
        found = records.length;
        for (const record of records) this.#queue(lambdaRecordOf(record, this.#streamArn));
      }
    }
  }

  #queue(record: DynamoDBRecord): void {
    if (this.#isLost(record)) return;
    for (const { functionName, filters } of streamMappings) {
      if (passesFilters(filters, record)) this.#queues[functionName].pending.push(record);
    }
  }

  pendingCount(to: StreamFunctionName): number {
    return this.#queues[to].pending.length;
  }

  /** The records of an invocation. */
  choose({ to, most, newest, late, shuffled, old }: Delivery): readonly DynamoDBRecord[] {
    const { pending, done } = this.#queues[to];
    if (newest) return pending.slice(-most);
    if (old !== undefined) {
      const from = old % Math.max(1, done.length);
      return done.slice(from, from + most);
    }
    const partitions = [...new Set(pending.map((record) => keyOf(record).pk))];
    const lateOne =
      late === undefined || partitions.length < 2 ? undefined : partitions[late % partitions.length];
    const onTime = pending.filter((record) => keyOf(record).pk !== lateOne);
    const ordered = shuffled === undefined ? onTime : inAnotherOrder(onTime, shuffled, to === "activity");
    return ordered.slice(0, most);
  }

  /** They are done with. */
  settle(to: StreamFunctionName, records: readonly DynamoDBRecord[]): void {
    const queue = this.#queues[to];
    const settled = new Set(records);
    queue.pending = queue.pending.filter((record) => !settled.has(record));
    queue.done = [...queue.done, ...records].slice(-doneKept);
  }
}

export function keyOf({ dynamodb }: DynamoDBRecord): { readonly pk: string; readonly sk: string } {
  const { pk, sk } = dynamodb!.Keys!;
  return { pk: pk!.S!, sk: sk!.S! };
}

function inAnotherOrder(
  records: readonly DynamoDBRecord[],
  seed: number,
  eachItemInOrder: boolean,
): readonly DynamoDBRecord[] {
  const shuffled = createSeededRandom(seed).shuffle(records);
  if (!eachItemInOrder) return shuffled;
  const inOrder = Map.groupBy(records, (record) => JSON.stringify(keyOf(record)));
  const rest = new Map([...inOrder].map(([key, own]) => [key, own.values()]));
  return shuffled.map((record) => rest.get(JSON.stringify(keyOf(record)))!.next().value!);
}
