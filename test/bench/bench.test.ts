import { expect, it } from "vitest";
import { benchOperations } from "./bench.ts";
import { benchBackfill, benchLag } from "./inheritance.ts";
import { operations } from "./operations.ts";

it("a short run of the bench answers every request of every operation as it should", async () => {
  const rows = await benchOperations({ seconds: 0.1, pace: 0.2, imports: 1 });
  expect(rows.map(({ operation, failures }) => ({ operation, failures }))).toEqual(
    operations.map(({ name }) => ({ operation: name, failures: 0 })),
  );
});

it("a short run with children: every change is shown by each, and all that was copied is exact", async () => {
  const lag = await benchLag({ children: 2, users: 4, rate: 20, changes: 8, windowSeconds: 0 });
  const copied = await benchBackfill({ children: 2, users: 20, linkedAtOnce: 2, windowSeconds: 0 });
  expect(lag.failures).toBe(0);
  expect(copied).toMatchObject({ isExact: true, differences: [] });
});
