import { carryChange } from "../domain/propagation.ts";
import { type Runtime, runtimeFromEnvironment } from "../runtime/runtime.ts";
import { carrying } from "../stream/carrying.ts";
import { type StreamFunction, streamFunction } from "../stream/stream-function.ts";

const functionName = "propagation";
const work = carrying(carryChange);

/** The `propagation` function over a given runtime, for tests. */
export function createPropagationHandler(runtime: Runtime): StreamFunction {
  return streamFunction({ functionName, runtime: () => runtime, work });
}

export const handler = streamFunction({ functionName, runtime: runtimeFromEnvironment, work });
