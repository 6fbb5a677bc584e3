/** DESIGN §2: what a handler loads stays under 700 KB minified; importing it does no I/O. */

import { expect, it } from "vitest";
import { functionNames } from "../../lambda/http/routes.ts";
import { streamFunctionNames } from "../../lambda/stream/stream-mapping.ts";
import { benchBundles } from "../bench/bench.ts";

const bundleBytesMax = 700_000;

it("every handler's bundle stays under 700 KB", async () => {
  const rows = await benchBundles({ seconds: 0, pace: 1, imports: 1 });
  console.table(rows);
  expect(rows.map(({ handler }) => handler)).toEqual([...functionNames, ...streamFunctionNames]);
  for (const { handler, kilobytes } of rows) {
    expect(kilobytes * 1_000, handler).toBeLessThan(bundleBytesMax);
  }
});
