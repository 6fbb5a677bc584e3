/** docs/troubleshooting.md says what is: each of its sections is played here. */

import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startCheckedService } from "../service/checked-service.ts";
import { startPumps } from "../support/stream.ts";
import { startTable, type TestTable } from "../support/table.ts";
import { accessTroubles } from "./access-troubles.ts";
import { departureTroubles } from "./departure-troubles.ts";
import { firstSyncTroubles } from "./first-sync-troubles.ts";
import { groupTroubles } from "./group-troubles.ts";
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
];

/** Three in the morning. */
const start = Date.parse("2026-03-01T03:00:00.000Z");
const clock = { now: start };
let table: TestTable;
let stage: Stage;
beforeAll(async () => {
  table = await startTable({ stream: true });
  const now = () => clock.now;
  stage = {
    service: await startCheckedService({ table, clock: now }),
    clock,
    async carry() {
      const pumps = await startPumps(table, { clock: now });
      await pumps.drain();
      expect(pumps.parked).toEqual([]);
      await pumps.stop();
    },
  };
});
afterAll(() => table.stop());

const played = new Map<Trouble, Section>();
/** The stream is read from its beginning, so what is carried comes while there is little. */
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
