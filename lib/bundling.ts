import type { BuildOptions } from "esbuild";

/**
 * How a handler becomes the file that Lambda runs: the one set of esbuild options, as plain data.
 *
 * `RollcallFunction` hands them to CDK; the bundle budget test and the bench hand them to esbuild themselves, so that
 * what they measure is what is deployed (`test/infrastructure/bundling.test.ts` compares the bytes).
 */

/** Spread into `esbuild.build({ ...handlerBuildOptions, entryPoints: [...], outfile: "….mjs" })`. */
export const handlerBuildOptions = {
  bundle: true,
  platform: "node",
  format: "esm",
  /** Lambda's nodejs24.x. */
  target: "node24",
  minify: true,
  /** ES modules first: 200 KB smaller than `main` first, because they can be tree-shaken. */
  mainFields: ["module", "main"],
  /**
   * No source map. `--enable-source-maps` makes Node read the whole map at every cold start, some 20 ms and 740 KB for a
   * bundle of 430 KB (measured, x64). docs/runbook.md, "Reading a stack trace", makes the map when somebody needs it.
   */
  sourcemap: false,
} satisfies BuildOptions;

/** What API Gateway events are handled by: the named export of every `lambda/handlers/<name>.ts`. */
export const handlerExportName = "handler";
