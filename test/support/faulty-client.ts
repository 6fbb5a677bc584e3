import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";

export interface Fault {
  /** Which call from now on, counted from 1. The SDK's own retries of a call count as calls too. */
  readonly call: number;
  /** `before`: the request never arrives. `after`: it takes effect, and the answer is lost. */
  readonly when: "before" | "after";
  /**
   * `network`: this call alone fails, like a reset connection, and may be retried.
   * `crash`: the process is gone: this call and every later one reject with a `Crash`.
   * `throttle`: this call and the next `throttledCalls - 1` are answered as DynamoDB answers when it throttles
   * (always without effect, whatever `when` says).
   */
  readonly kind: "network" | "crash" | "throttle";
  /** Default: every call from then on. */
  readonly throttledCalls?: number;
}

/** The process that made the call is supposed to be dead: nothing may catch this and go on. */
export class Crash extends Error {
  override readonly name = "Crash";
}

export interface FaultInjector {
  /** Arms one fault and starts counting calls from 1 again. */
  arm(fault: Fault): void;
  /** No fault any more; counts from 1 again. */
  disarm(): void;
  /** Calls since the last `arm` or `disarm`. */
  callCount(): number;
  /** Whether the armed fault has happened: false means that the operation made fewer calls. */
  hasFired(): boolean;
}

/**
 * Makes calls of a client fail on demand, below the SDK's own retries, where real networks fail.
 * To fail at every call of an operation: run it once and read `callCount()`, then arm each number in turn.
 */
export function injectFaults(client: DynamoDBClient): FaultInjector {
  let armed: Fault | undefined;
  let calls = 0;
  let fired = false;

  client.middlewareStack.add(
    (next) => async (args) => {
      const call = ++calls;
      const fault = armed;
      if (fault === undefined || call < fault.call) return next(args);
      if (fault.kind === "throttle") {
        if (call >= fault.call + (fault.throttledCalls ?? Number.POSITIVE_INFINITY)) return next(args);
        fired = true;
        throw throttled();
      }
      if (fault.kind === "network" && call > fault.call) return next(args);
      const isFirst = !fired;
      fired = true;
      if (isFirst && fault.when === "after") await next(args).catch(() => {});
      throw fault.kind === "crash"
        ? new Crash(`the process crashed at call ${fault.call}`)
        : connectionReset();
    },
    // Outermost of this step: around the deserializer, and so inside the retries.
    { step: "deserialize", priority: "high", name: "injectFaults" },
  );

  const restart = (fault: Fault | undefined): void => {
    armed = fault;
    calls = 0;
    fired = false;
  };
  return { arm: restart, disarm: () => restart(undefined), callCount: () => calls, hasFired: () => fired };
}

/** As Node's `net` throws it; the SDK takes it for transient. */
function connectionReset(): Error {
  return Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET", errno: -104, syscall: "read" });
}

/** As the SDK throws DynamoDB's own. */
function throttled(): Error {
  return Object.assign(
    new Error("The level of configured provisioned throughput for the table was exceeded."),
    {
      name: "ProvisionedThroughputExceededException",
      $fault: "client",
      $metadata: { httpStatusCode: 400, attempts: 1, totalRetryDelay: 0 },
    },
  );
}
