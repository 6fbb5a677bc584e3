import { keepTold, tellChange } from "../domain/activity-recording.ts";
import { publishEvents } from "../domain/event-publishing.ts";
import { publishingRuntimeFromEnvironment } from "../runtime/event-bus.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { recording } from "../stream/recording.ts";
import { type StreamFunction, streamFunction } from "../stream/stream-function.ts";

const functionName = "activity";
const work = recording({ tell: tellChange, keep: keepTold, publish: publishEvents });

/** The `activity` function over a given runtime, for tests and the local service. */
export function createActivityHandler(runtime: Runtime): StreamFunction {
  return streamFunction({ functionName, runtime: () => runtime, work });
}

export const handler = streamFunction({ functionName, runtime: publishingRuntimeFromEnvironment, work });
