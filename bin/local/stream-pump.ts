import type { DynamoDBStreamsClient } from "@aws-sdk/client-dynamodb-streams";
import type { Context, DynamoDBRecord, DynamoDBStreamEvent } from "aws-lambda";
import { type StreamMapping, streamFunctionTimeoutSeconds } from "../../lambda/stream/stream-mapping.ts";
import { describeCause } from "./failure.ts";
import { buildContext } from "./gateway-event.ts";
import { type DeliveryOptions, deliverBatch, type ParkedBatch } from "./stream-delivery.ts";
import { lambdaRecordOf } from "./stream-event.ts";
import { passesFilters } from "./stream-filter.ts";
import { createShardReader, listShards, readableShards, type ShardReader } from "./stream-shards.ts";

export type StreamHandler = (event: DynamoDBStreamEvent, context: Context) => Promise<unknown>;

export interface StreamPumpOptions {
  /** Used by the pump alone. */
  readonly client: DynamoDBStreamsClient;
  readonly streamArn: string;
  readonly mapping: StreamMapping;
  readonly handler: StreamHandler;
  /** Epoch milliseconds. */
  readonly clock?: () => number;
  /** Before a retry, until then or until the signal. Default: real time. */
  readonly sleep?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** One line on what somebody should know. Default: `console.error`. */
  readonly warn?: (message: string) => void;
}

export interface StreamPump {
  /**
   * Resolves when everything that was written before the call has been handled or parked, and whatever its handling
   * wrote in turn. Does not wait for a batching window.
   */
  drain(): Promise<void>;
  /** Reads no more, hands over what was read, retries nothing, and resolves when the function is done with it. */
  stop(): Promise<void>;
  /** What was given up, oldest first; in memory only. */
  readonly parked: readonly ParkedBatch[];
  /** By shard, up to which sequence number everything is done with. */
  readonly positions: ReadonlyMap<string, string>;
}

/** Lambda asks each shard four times a second (Lambda developer guide). */
const pollMilliseconds = 250;
/** After trouble with the stream, doubled each time up to the second. */
const troubleMillisecondsFirst = 100;
const troubleMillisecondsMax = 5_000;
/** Between two attempts of a batch, doubled likewise. Lambda's own are not documented; twenty retries here take some 15 s. */
const retryMillisecondsFirst = 50;
const retryMillisecondsMax = 1_000;
/** How long `stop` waits for the function: Ctrl-C should not take minutes, and what is cut off here is handled again. */
const stopMillisecondsMax = 10_000;

/**
 * Does here what a Lambda event source mapping on a DynamoDB stream does: reads the shards, parents before children, from
 * the oldest record on, and invokes the function with batches, one at a time for each shard. So a restart hands over again
 * whatever the stream still has. Rejects when the stream cannot be read at all.
 *
 * Not emulated: several batches of one shard at once (`parallelizationFactor`), and the limit of 6 MB on an invocation.
 */
export async function startStreamPump(options: StreamPumpOptions): Promise<StreamPump> {
  const { client, streamArn, mapping, clock = Date.now, warn = console.error } = options;
  const sleep = options.sleep ?? sleepFor;
  const parked: ParkedBatch[] = [];
  const positions = new Map<string, string>();
  let drains: Drain[] = [];
  const stopping = new AbortController();
  let waking = new AbortController();

  let shards = await listShards(client, streamArn);
  const open = new Map<string, OpenShard>();
  const ended = new Set<string>();
  openReadable();

  function openReadable(): void {
    for (const { id } of readableShards(shards, new Set([...open.keys(), ...ended]), ended)) {
      open.set(id, { id, reader: createShardReader(client, streamArn, id), pending: [], pendingSince: 0 });
    }
  }

  /** Resolves after that time, or as soon as somebody asks for a drain or the stop. */
  async function idle(milliseconds: number): Promise<void> {
    if (stopping.signal.aborted) return;
    waking = new AbortController();
    await sleepFor(milliseconds, waking.signal);
  }

  async function run(): Promise<void> {
    let troubles = 0;
    while (!stopping.signal.aborted) {
      const asked = drains;
      try {
        const found = await round(asked.length > 0);
        if (troubles > 1) warn("rollcall: the table's stream can be read again");
        troubles = 0;
        if (found === "nothing") {
          drains = drains.filter((drain) => !asked.includes(drain));
          for (const { resolve } of asked) resolve();
        }
        if (found !== "records" && drains.length === 0) await idle(pollMilliseconds);
      } catch (cause) {
        if (stopping.signal.aborted) break;
        troubles++;
        // One alone is not worth a line.
        if (troubles === 2)
          warn(`rollcall: the table's stream cannot be read, trying on: ${describeCause(cause)}`);
        await idle(Math.min(troubleMillisecondsMax, troubleMillisecondsFirst * 2 ** (troubles - 1)));
      }
    }
    for (const shard of open.values()) await handOver(shard, 1);
  }

  /** One look at every open shard. */
  async function round(isHurried: boolean): Promise<Found> {
    if (open.size === 0 || [...ended].some(isWithoutChild)) {
      shards = await listShards(client, streamArn);
      openReadable();
    }
    // Settled, so that no shard is still at work when the next round begins.
    const steps = await Promise.allSettled([...open.values()].map((shard) => step(shard, isHurried)));
    const failed = steps.find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    const found = steps.map((result) => (result.status === "fulfilled" ? result.value : "nothing"));
    if (found.includes("records")) return "records";
    return found.includes("waiting") ? "waiting" : "nothing";
  }

  /** A closed shard goes on in a child, which may show up a little later. */
  function isWithoutChild(endedId: string): boolean {
    return shards.some(({ id }) => id === endedId) && !shards.some(({ parentId }) => parentId === endedId);
  }

  async function step(shard: OpenShard, isHurried: boolean): Promise<Found> {
    const page = await shard.reader.read();
    const records = page.records
      .map((record) => lambdaRecordOf(record, streamArn))
      .filter((record) => passesFilters(mapping.filters, record));
    if (shard.pending.length === 0) shard.pendingSince = clock();
    shard.pending.push(...records);

    const isWindowOver = clock() - shard.pendingSince >= mapping.batchingWindowSeconds * 1_000;
    const isDue = page.ended || isWindowOver || (isHurried && page.records.length === 0);
    const pendingBefore = shard.pending.length;
    await handOver(shard, isDue ? 1 : mapping.batchSize);
    const isHandedOver = shard.pending.length < pendingBefore;

    const lastRead = page.records.at(-1)?.dynamodb?.SequenceNumber;
    if (shard.pending.length === 0 && lastRead !== undefined) positions.set(shard.id, lastRead);
    if (page.ended && shard.pending.length === 0) {
      open.delete(shard.id);
      ended.add(shard.id);
    }
    // What was handed over may have written something that rings in turn.
    if (page.ended || page.records.length > 0 || isHandedOver) return "records";
    return shard.pending.length > 0 ? "waiting" : "nothing";
  }

  /** What is pending in batches, as long as there are so many. What a stop cut off stays pending. */
  async function handOver(shard: OpenShard, least: number): Promise<void> {
    while (shard.pending.length >= least) {
      const batch = shard.pending.slice(0, mapping.batchSize);
      if (!(await deliverBatch(batch, deliveryOptions(shard.id)))) return;
      shard.pending.splice(0, batch.length);
    }
  }

  function deliveryOptions(shardId: string): DeliveryOptions {
    return {
      shardId,
      mapping,
      invoke,
      waitBeforeRetry: (retry) =>
        sleep(Math.min(retryMillisecondsMax, retryMillisecondsFirst * 2 ** (retry - 1)), stopping.signal),
      isStopping: () => stopping.signal.aborted,
      clock,
      onDone: (sequenceNumber) => positions.set(shardId, sequenceNumber),
      onParked(batch) {
        parked.push(batch);
        warn(describeParked(batch));
      },
    };
  }

  async function invoke(records: readonly DynamoDBRecord[]): Promise<unknown> {
    const milliseconds = streamFunctionTimeoutSeconds * 1_000;
    const context = buildContext(mapping.functionName, milliseconds);
    return within(milliseconds, options.handler({ Records: [...records] }, context));
  }

  const running = run();
  return {
    parked,
    positions,
    drain() {
      if (stopping.signal.aborted) return Promise.reject(new Error("the stream pump was stopped"));
      return new Promise((resolve, reject) => {
        // A list of its own each time: who asks during a round has to wait for the next one.
        drains = [...drains, { resolve, reject }];
        waking.abort();
      });
    },
    async stop() {
      stopping.abort();
      waking.abort();
      await within(stopMillisecondsMax, running).catch((cause: unknown) => {
        warn(`rollcall: changes that were being carried are cut off: ${describeCause(cause)}`);
      });
      for (const { reject } of drains.splice(0)) reject(new Error("the stream pump was stopped"));
    },
  };
}

/**
 * `records`: there may be more at once. `waiting`: some gather in a batching window. `nothing`: the end of the stream was
 * reached, and everything before it is done with.
 */
type Found = "records" | "waiting" | "nothing";

interface Drain {
  readonly resolve: () => void;
  readonly reject: (reason: Error) => void;
}

interface OpenShard {
  readonly id: string;
  readonly reader: ShardReader;
  /** Read, passed by the filter, and not handed over yet. */
  readonly pending: DynamoDBRecord[];
  /** Since when the first of them waits. */
  pendingSince: number;
}

function describeParked({ shardId, condition, records, cause }: ParkedBatch): string {
  const first = records[0]?.dynamodb?.SequenceNumber;
  const why = cause === undefined ? "" : `: ${describeCause(cause)}`;
  return `rollcall: gave up ${records.length} stream records of ${shardId} from ${first} on (${condition})${why}`;
}

async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${milliseconds / 1_000} s`)), milliseconds);
  });
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

/** Until then or until the signal, without an error. */
function sleepFor(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const wake = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    const timer = setTimeout(wake, milliseconds);
    signal.addEventListener("abort", wake);
  });
}
