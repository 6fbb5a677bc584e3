import { type StreamPump, type StreamPumpOptions, startStreamPump } from "./stream-pump.ts";

/** What differs from mapping to mapping. */
export type StreamConsumer = Pick<StreamPumpOptions, "mapping" | "handler">;

/**
 * A pump for each mapping on one stream, as one. Each reads for itself, as AWS's mappings do, so that what one of them waits
 * for or repeats holds up no other.
 */
export async function startStreamPumps(
  options: Omit<StreamPumpOptions, keyof StreamConsumer>,
  consumers: readonly StreamConsumer[],
): Promise<StreamPump> {
  const pumps: StreamPump[] = [];
  try {
    for (const consumer of consumers) pumps.push(await startStreamPump({ ...options, ...consumer }));
  } catch (cause) {
    await stopAll(pumps);
    throw cause;
  }
  return {
    async drain() {
      // What one of them writes may ring any other: until all have found nothing.
      for (let before = ""; before !== placesOf(pumps); ) {
        before = placesOf(pumps);
        for (const pump of pumps) await pump.drain();
      }
    },
    stop: () => stopAll(pumps),
    get parked() {
      return pumps.flatMap(({ parked }) => parked);
    },
    get positions() {
      return positionsOfAll(pumps.map(({ positions }) => positions));
    },
  };
}

function placesOf(pumps: readonly StreamPump[]): string {
  return JSON.stringify(pumps.map(({ positions }) => [...positions]));
}

async function stopAll(pumps: readonly StreamPump[]): Promise<void> {
  await Promise.all(pumps.map((pump) => pump.stop()));
}

/** By shard, up to where everybody is done with it. */
function positionsOfAll(all: readonly ReadonlyMap<string, string>[]): ReadonlyMap<string, string> {
  const [first, ...others] = all;
  return new Map(
    [...(first ?? [])].flatMap(([shardId, position]) => {
      const positions = [position, ...others.map((one) => one.get(shardId))];
      return positions.includes(undefined) ? [] : [[shardId, lowest(positions as string[])] as const];
    }),
  );
}

/** Sequence numbers have more digits than JavaScript's numbers. */
function lowest(positions: readonly string[]): string {
  return positions.reduce((low, position) => (BigInt(position) < BigInt(low) ? position : low));
}
