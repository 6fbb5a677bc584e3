import { keepActivity, tellActivity } from "../domain/activity-recording.ts";
import { type Runtime, runtimeFromEnvironment } from "../runtime/runtime.ts";
import { recording } from "../stream/recording.ts";
import { type StreamFunction, streamFunction } from "../stream/stream-function.ts";

const functionName = "activity";
const work = recording(tellActivity, keepActivity);

/** The `activity` function over a given runtime, for tests. */
export function createActivityHandler(runtime: Runtime): StreamFunction {
  return streamFunction({ functionName, runtime: () => runtime, work });
}

export const handler = streamFunction({ functionName, runtime: runtimeFromEnvironment, work });
