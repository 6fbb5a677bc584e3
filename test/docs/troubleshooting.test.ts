/** docs/troubleshooting.md says what is: each of its sections is played here. */

import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { StreamPump } from "../../bin/local/stream-pump.ts";
import { startCheckedService } from "../service/checked-service.ts";
import { startPumps } from "../support/stream.ts";
import { startTable, type TestTable } from "../support/table.ts";
import { accessTroubles } from "./access-troubles.ts";
import { departureTroubles } from "./departure-troubles.ts";
import { firstSyncTroubles } from "./first-sync-troubles.ts";
import { groupTroubles } from "./group-troubles.ts";
import { inheritanceTroubles } from "./inheritance-troubles.ts";
import { anchor, pageOf, type Section, type Trouble } from "./page.ts";
import { Scene, type Stage } from "./scene.ts";
import { seatTroubles } from "./seat-troubles.ts";
import { serviceTroubles } from "./service-troubles.ts";
import { signInTroubles } from "./sign-in-troubles.ts";

const troubles: readonly Trouble[] = [
  ...firstSyncTroubles,
  ...seatTroubles,
  ...departureTroubles,
  ...groupTroubles,
  ...signInTroubles,
  ...accessTroubles,
  ...serviceTroubles,
  ...inheritanceTroubles,
];

/** Three in the morning. */
const start = Date.parse("2026-03-01T03:00:00.000Z");
const clock = { now: start };
let table: TestTable;
let pumps: StreamPump;
let stage: Stage;
/** The stream's handlers wait, so that a scene can show what is not carried yet. */
let gate = Promise.withResolvers<void>();
beforeAll(async () => {
  table = await startTable({ stream: true });
  const now = () => clock.now;
  pumps = await startPumps(table, { clock: now, before: () => gate.promise });
  stage = {
    service: await startCheckedService({ table, clock: now }),
    clock,
    async carry() {
      gate.resolve();
      await pumps.drain();
      expect(pumps.parked).toEqual([]);
      gate = Promise.withResolvers<void>();
    },
  };
});
afterAll(async () => {
  gate.resolve();
  await pumps.stop();
  await table.stop();
});

const played = new Map<Trouble, Section>();
/** What is carried comes first, while there is little else in the stream. */
const inTurn = troubles.toSorted((a, b) => Number(b.isCarried ?? false) - Number(a.isCarried ?? false));

describe("a trouble and its way out", () => {
  test.each(inTurn.map((trouble) => [trouble.title, trouble] as const))("%s", async (_, trouble) => {
    clock.now = start;
    const connection = await stage.service.createConnection({ name: "Okta", ...trouble.connection });
    const scene = new Scene(stage, connection);
    await trouble.play(scene);
    await scene.end();
    played.set(trouble, { trouble, markdown: scene.markdown() });
  });
});

test("each sign occurs in the section it leads to", () => {
  for (const { trouble, markdown } of sections()) {
    const told = markdown.replaceAll(/\s+/g, " ");
    for (const [, what] of trouble.seen) {
      for (const [, quoted] of what.matchAll(/`([^`]+)`/g)) {
        expect(told, `${trouble.title}: ${what}`).toContain(quoted);
      }
    }
  }
});

test("each link leads to a heading", () => {
  const page = pageOf(sections());
  const textOf = (file: string) =>
    file === "" ? page : readFileSync(new URL(`../../docs/${file}`, import.meta.url), "utf8");
  const anchorsIn = (text: string) => [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) => anchor(title!));
  for (const [link, file, place] of page.matchAll(/\]\(([\w.-]*)#([^)]+)\)/g)) {
    expect(anchorsIn(textOf(file!)), link).toContain(place);
  }
});

// After a change: npx vitest run test/docs -u
test("docs/troubleshooting.md is what was played", async () => {
  const page = pageOf(sections());
  // An id, a token or a random UUID would differ at the next run.
  expect(page).not.toMatch(/\b[0-9a-f]{8}-[0-9a-f]{4}-|\b(?=\w*\d)[0-9a-hjkmnp-tv-z]{16,}/);
  await expect(page).toMatchFileSnapshot("../../docs/troubleshooting.md");
});

function sections(): readonly Section[] {
  return troubles.map((trouble) => played.get(trouble) ?? unplayed(trouble));
}

function unplayed({ title }: Trouble): never {
  throw new Error(`"${title}" was not played to its end; the page is left as it is`);
}
