/**
 * Open-loop load: requests leave at their appointed times, whether or not earlier ones have been answered, and latency
 * counts from the appointed time. A server that falls behind shows it, which a closed loop would hide.
 */

export interface LoadResult {
  readonly requests: number;
  readonly failures: number;
  /** Answered per second, from the first appointed time to the last answer. */
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

export interface LoadOptions {
  /** Requests per second. */
  readonly rate: number;
  readonly requests: number;
  /** Sends the n-th request, from 0; true when it was answered as it should. */
  send(index: number): Promise<boolean>;
}

export async function openLoop({ rate, requests, send }: LoadOptions): Promise<LoadResult> {
  const start = performance.now() + 20;
  const latencies: number[] = [];
  let failures = 0;
  await Promise.all(
    Array.from({ length: requests }, async (_, index) => {
      const appointed = start + (index * 1_000) / rate;
      await until(appointed);
      const succeeded = await send(index).catch(() => false);
      latencies.push(performance.now() - appointed);
      failures += succeeded ? 0 : 1;
    }),
  );
  const seconds = (performance.now() - start) / 1_000;
  latencies.sort((a, b) => a - b);
  return {
    requests,
    failures,
    perSecond: requests / seconds,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
  };
}

function until(time: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, time - performance.now())));
}

export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
