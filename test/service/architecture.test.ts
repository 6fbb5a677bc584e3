/** The import rules of STYLE.md ("The few rules" 1, 2 and 9), as data. */

import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Folder → what its modules may import beside their own folder. */
const allowedFolders: Readonly<Record<string, readonly string[]>> = {
  "lambda/handlers": ["lambda/http", "lambda/stream", "lambda/domain", "lambda/runtime"],
  "lambda/http": ["lambda/domain", "lambda/scim", "lambda/runtime"],
  // Of the table layer only the keys, which a stream record is reduced to and filtered by.
  "lambda/stream": ["lambda/domain", "lambda/table/keys.ts", "lambda/runtime"],
  // Use cases call the table layer; the table layer speaks of domain types.
  "lambda/domain": ["lambda/table", "lambda/scim"],
  "lambda/table": ["lambda/domain", "lambda/scim"],
  // The composition root.
  "lambda/runtime": ["lambda/domain", "lambda/table"],
  "lambda/scim": [],
  // Of lambda only the modules in `plainData`.
  lib: ["lambda"],
  bin: ["lib", "lambda"],
};

/** What `lib` may take from `lambda`: plain data, and what it is made from is plain data too. */
const plainData = [
  "lambda/domain/limits.ts",
  "lambda/http/routes.ts",
  "lambda/runtime/event-bus-variable.ts",
  "lambda/runtime/metric-names.ts",
  "lambda/stream/stream-mapping.ts",
  "lambda/table/keys.ts",
  "lambda/table/table-definition.ts",
];

/** Folder → packages and `node:` modules its modules may import. */
const allowedPackages: Readonly<Record<string, readonly string[]>> = {
  "lambda/handlers": [],
  "lambda/http": ["@middy/core", "aws-lambda", "zod"],
  "lambda/stream": ["aws-lambda", "zod"],
  "lambda/domain": ["node:crypto", "node:zlib"],
  "lambda/table": ["@aws-sdk/lib-dynamodb", "zod"],
  "lambda/runtime": [
    "@aws-lambda-powertools/logger",
    "@aws-lambda-powertools/metrics",
    "@aws-sdk/client-dynamodb",
    "@aws-sdk/client-eventbridge",
    "@aws-sdk/lib-dynamodb",
    "node:crypto",
    "node:timers",
    "zod",
  ],
  "lambda/scim": [],
};

interface Import {
  readonly from: string;
  /** A path from the root for our own modules, else a package or `node:` module. */
  readonly to: string;
}

const modules = ["lambda", "lib", "bin"].flatMap(modulesUnder);
const imports = modules.flatMap(importsOf);

function modulesUnder(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") || name.endsWith(".mjs"))
    .map((name) => `${folder}/${name}`)
    .sort();
}

function importsOf(from: string): Import[] {
  const source = withoutComments(readFileSync(join(root, from), "utf8"));
  const specifiers = [
    ...source.matchAll(/^(?:import|export)\b[^;'"`]*?\bfrom\s*["']([^"']+)["']/gm),
    ...source.matchAll(/^import\s*["']([^"']+)["']/gm),
    ...source.matchAll(/\b(?:import|require)\(\s*["']([^"']+)["']/g),
  ];
  return specifiers.map(([, specifier = ""]) => ({
    from,
    to: specifier.startsWith(".")
      ? relative(root, resolve(root, from, "..", specifier))
      : specifier.startsWith("@")
        ? specifier.split("/").slice(0, 2).join("/")
        : specifier.split("/")[0]!,
  }));
}

function withoutComments(source: string): string {
  return source.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/^\s*\/\/.*$/gm, "");
}

function folderOf(path: string): string | undefined {
  return Object.keys({ ...allowedFolders, lambda: [] }).find((folder) => path.startsWith(`${folder}/`));
}

const isOwn = ({ to }: Import) => /^(lambda|lib|bin|test)\//.test(to);
const show = ({ from, to }: Import) => `${from} → ${to}`;

test("the imports are read at all", () => {
  expect(modules.length).toBeGreaterThan(80);
  expect(imports.map(show)).toEqual(
    expect.arrayContaining([
      "lambda/handlers/users.ts → lambda/http/users-endpoint.ts",
      "lambda/runtime/runtime.ts → @aws-sdk/client-dynamodb",
    ]),
  );
  const unknown = modules.filter((path) => path.startsWith("lambda/") && folderOf(path) === "lambda");
  expect(unknown).toEqual([]);
});

describe("rule 1: imports point one way", () => {
  test.each(Object.entries(allowedFolders))("%s imports only from %j, and itself", (folder, allowed) => {
    const wrong = imports
      .filter((edge) => folderOf(edge.from) === folder && isOwn(edge))
      .filter(
        ({ to }) => ![folder, ...allowed].some((target) => to === target || to.startsWith(`${target}/`)),
      );
    expect(wrong.map(show)).toEqual([]);
  });

  test("lib takes only plain data from lambda", () => {
    const taken = imports.filter(({ from, to }) => from.startsWith("lib/") && to.startsWith("lambda/"));
    expect([...new Set(taken.map(({ to }) => to))].filter((to) => !plainData.includes(to))).toEqual([]);
    const made = imports.filter(({ from, to }) => plainData.includes(from) && !plainData.includes(to));
    expect(made.map(show)).toEqual([]);
  });

  test("nothing imports bin or lib but bin; nothing imports tests", () => {
    const wrong = imports.filter(
      ({ from, to }) =>
        to.startsWith("test/") ||
        (to.startsWith("bin/") && !from.startsWith("bin/")) ||
        (to.startsWith("lib/") && !/^(bin|lib)\//.test(from)),
    );
    expect(wrong.map(show)).toEqual([]);
  });

  test("handlers are imported by bin alone", () => {
    const wrong = imports.filter(
      ({ from, to }) => to.startsWith("lambda/handlers/") && !from.startsWith("bin/"),
    );
    expect(wrong.map(show)).toEqual([]);
  });

  test.each(Object.entries(allowedPackages))("%s uses no packages but %j", (folder, allowed) => {
    const wrong = imports
      .filter((edge) => folderOf(edge.from) === folder && !isOwn(edge))
      .filter(({ to }) => !allowed.includes(to));
    expect(wrong.map(show)).toEqual([]);
  });

  test("modules of Node are named node:", () => {
    const wrong = imports.filter(({ to }) => builtinModules.includes(to) && !to.startsWith("node:"));
    expect(wrong.map(show)).toEqual([]);
  });

  test("only lambda/table speaks DynamoDB, only lambda/runtime makes its client", () => {
    const speakers = imports.filter(
      ({ from, to }) => from.startsWith("lambda/") && to.startsWith("@aws-sdk/"),
    );
    const folders = new Set(speakers.map(({ from }) => folderOf(from)));
    expect([...folders].sort()).toEqual(["lambda/runtime", "lambda/table"]);
  });
});

describe("rule 2: lambda/scim is pure", () => {
  const sources = modules
    .filter((path) => path.startsWith("lambda/scim/"))
    .map((path) => [path, withoutComments(readFileSync(join(root, path), "utf8"))] as const);

  test.each([
    "process.",
    "Date.now",
    "new Date()",
    "Math.random",
    "console.",
    "setTimeout",
    "fetch(",
    "crypto.",
    "globalThis",
  ])("no %s in it", (impurity) => {
    expect(sources.filter(([, source]) => source.includes(impurity)).map(([path]) => path)).toEqual([]);
  });
});

describe("rule 9: importing a module does nothing", () => {
  test("no environment, no connection, no write, no timer, no process, no output", async () => {
    const lambda = modules.filter((path) => path.startsWith("lambda/"));
    const guard = `
      const { createRequire, syncBuiltinESMExports } = await import("node:module");
      const require = createRequire(import.meta.url);
      const did = [];
      const watch = (module, name) => {
        const target = require(module);
        target[name] = (...values) => { did.push(module + "." + name); throw new Error(name); };
      };
      watch("node:dns", "lookup"); watch("node:http", "request"); watch("node:https", "request");
      watch("node:child_process", "spawn"); watch("node:fs", "writeFileSync"); watch("node:fs", "appendFileSync");
      require("node:net").Socket.prototype.connect = () => { did.push("connect"); throw new Error("connect"); };
      globalThis.fetch = () => { did.push("fetch"); throw new Error("fetch"); };
      syncBuiltinESMExports();
      for (const url of ${JSON.stringify(lambda.map((path) => pathToFileURL(join(root, path)).href))}) await import(url);
      const resources = process.getActiveResourcesInfo().filter((name) => !/Pipe|TTY|FSReqPromise/.test(name));
      process.send?.({});
      console.log(JSON.stringify({ did, resources }));
    `;
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      ["--input-type=module", "--eval", guard],
      // Not even a region, a table or credentials: whoever wanted one would fail.
      { cwd: root, env: {} },
    );
    expect([stdout, stderr]).toEqual([`${JSON.stringify({ did: [], resources: [] })}\n`, ""]);
  });
});
