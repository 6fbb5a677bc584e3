import { afterAll, beforeAll, expect, test } from "vitest";
import { compareAll } from "./compare-all.ts";
import { type CompareGround, openCompareGround } from "./compare-ground.ts";

let ground: CompareGround;
beforeAll(async () => {
  ground = await openCompareGround();
});
afterAll(() => ground.stop());

test("a table in order has no differences", async () => {
  expect(await compareAll(ground.table)).toEqual([]);
});
