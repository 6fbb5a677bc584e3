/**
 * Every line of docs/rfc-checklist.md is tested, or docs/rfc-coverage.md says why it is not.
 *
 * What tests a line carries its number first in its name: "[12, 34] what holds". So may a test or a group of tests, a row
 * of a table of cases, a fixture (in its name or source), and a rule that all answers are held to (checked-service.ts).
 */

import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");
const coveragePath = "../docs/rfc-coverage.md";

/** By number, its level: must, should or optional. */
const checklist = new Map(
  [...read("../docs/rfc-checklist.md").matchAll(/^(\d+)\. ([MSO]) — /gm)].map(([, line, level]) => [
    Number(line),
    level!,
  ]),
);
const numbers = [...checklist.keys()];

/** Sources of tests, and fixtures, by path below test/. */
const sources = new Map(
  readdirSync(new URL(".", import.meta.url), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts") || path.endsWith(".json"))
    .filter((path) => path !== "rfc-coverage.test.ts")
    .sort()
    .map((path) => [path, read(path)]),
);

/** By line, the files that carry its number. */
const carriers = new Map<number, Set<string>>();
for (const [path, source] of sources) {
  for (const [, list] of source.matchAll(/["'`]\[(\d{1,3}(?:, \d{1,3})*)\] /g)) {
    for (const line of list!.split(", ").map(Number)) {
      carriers.set(line, (carriers.get(line) ?? new Set()).add(path));
    }
  }
}

interface Row {
  readonly line: number;
  readonly demand: string;
  /** Files, or the reason why there are none. */
  readonly where: string;
}

const rowPattern = /^\| (\d+) \| [MSO] \| ([^|]*) \| ([^|]*) \|$/gm;
const rows: readonly Row[] = [...read(coveragePath).matchAll(rowPattern)].map(([, line, demand, where]) => ({
  line: Number(line),
  demand: demand!,
  where: where!,
}));

const reasonMark = "not tested: ";
const isUntested = (line: number) => !carriers.has(line);

test("the checklist is read whole", () => {
  expect(numbers).toEqual(Array.from({ length: 175 }, (_, index) => index + 1));
});

test("numbers are carried in one spelling, and are those of lines that there are", () => {
  expect([...carriers.keys()].filter((line) => !checklist.has(line))).toEqual([]);
  const others = [...sources].flatMap(([path, source]) =>
    [
      // A section's letter before the number; numbers at the end; numbers before a colon. 2xx and up are statuses.
      ...source.matchAll(/\[[A-W]\d{1,3}\]/g),
      ...source.matchAll(/ \[\d{1,3}(?:, \d{1,3})*\]["'`]/g),
      ...source.matchAll(/\b(?:test|it|describe)\(["'`](?:\d|\d\d|1\d\d)(?:, \d{1,3})*: /g),
    ].map(([text]) => `${path}: ${text}`),
  );
  expect(others).toEqual([]);
});

test("whatever carries a number runs", () => {
  const skipping = [...new Set([...carriers.values()].flatMap((paths) => [...paths]))].filter((path) =>
    /\b(?:test|it|describe)\.(?:skip|todo|only|fails|skipIf|runIf)\b/.test(sources.get(path)!),
  );
  expect(skipping).toEqual([]);
});

test("every must is tested", () => {
  expect(numbers.filter((line) => checklist.get(line) === "M" && isUntested(line))).toEqual([]);
});

test("every line has its row, and what is not tested has a reason", () => {
  expect(rows.map(({ line }) => line)).toEqual(numbers);
  const unexplained = rows.filter(({ line, where }) => isUntested(line) && !/^not tested: \w/.test(where));
  expect(unexplained).toEqual([]);
});

// After a change: npx vitest run test/rfc-coverage.test.ts -u
test("the table names the files that carry each number, and no others", async () => {
  const byLine = new Map(rows.map((row) => [row.line, row]));
  const corrected = read(coveragePath).replace(rowPattern, (_, text: string) => {
    const { line, demand, where } = byLine.get(Number(text))!;
    const files = [...(carriers.get(line) ?? [])].map((path) =>
      path.replace(/(?:\.test)?\.(?:ts|json)$/, ""),
    );
    const reason = where.startsWith(reasonMark) ? where : `${reasonMark}?`;
    return `| ${line} | ${checklist.get(line)} | ${demand} | ${files.join(", ") || reason} |`;
  });
  await expect(corrected).toMatchFileSnapshot(coveragePath);
});
