import { carryChange } from "../domain/propagation.ts";
import { type Runtime, runtimeFromEnvironment } from "../runtime/runtime.ts";
import { type StreamFunction, streamFunction } from "../stream/stream-function.ts";
import { streamFunctionName } from "../stream/stream-mapping.ts";

/** The `propagation` function over a given runtime, for tests. */
export function createPropagationHandler(runtime: Runtime): StreamFunction {
  return streamFunction({ functionName: streamFunctionName, runtime: () => runtime, carry: carryChange });
}

export const handler = streamFunction({
  functionName: streamFunctionName,
  runtime: runtimeFromEnvironment,
  carry: carryChange,
});
