import { expect, it } from "vitest";
import { benchOperations } from "./bench.ts";
import { operations } from "./operations.ts";

it("a short run of the bench answers every request of every operation as it should", async () => {
  const rows = await benchOperations({ seconds: 0.1, pace: 0.2, imports: 1 });
  expect(rows.map(({ operation, failures }) => ({ operation, failures }))).toEqual(
    operations.map(({ name }) => ({ operation: name, failures: 0 })),
  );
});
