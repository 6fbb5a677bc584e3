/**
 * Plays the replay fixtures to a server that runs somewhere:
 *
 *   node test/replay/against-url.ts http://127.0.0.1:3000            a local service: a new connection for each fixture
 *   node test/replay/against-url.ts <SCIM base URL> <bearer token>   any SCIM server: all on this one connection
 *
 * Leaves the users it creates behind. Fixtures that need a throttled table are left out, and on a given connection
 * those that count everybody in it, or depend on how it is set up.
 */
import * as z from "zod";
import { type Fixture, loadFixtures, needsFaults } from "./fixture.ts";
import { playFixture, type Target } from "./runner.ts";

async function main(): Promise<void> {
  const [url, token] = process.argv.slice(2);
  if (url === undefined) {
    console.error("usage: node test/replay/against-url.ts ORIGIN | SCIM-BASE-URL TOKEN");
    process.exitCode = 2;
    return;
  }
  const project = token === undefined ? await create(url, "/projects", { name: "Replay" }) : undefined;
  let failed = 0;
  for (const fixture of loadFixtures()) {
    const countsEverybody = fixture.steps.some((step) => "collected" in step);
    const dependsOnSettings = Object.keys(fixture.connection).some((field) => field !== "provider");
    if (needsFaults(fixture) || (token !== undefined && (countsEverybody || dependsOnSettings))) {
      console.log(`skipped  ${fixture.id}  ${fixture.title}`);
      continue;
    }
    const target =
      token === undefined ? await connect(url, project?.id ?? "", fixture) : { scimBaseUrl: url, token };
    try {
      const requests = await playFixture(fixture, target);
      console.log(`passed   ${fixture.id}  ${fixture.title} (${requests} requests)`);
    } catch (error) {
      failed++;
      console.log(
        `FAILED   ${fixture.id}  ${fixture.title}\n  ${error instanceof Error ? error.message : error}`,
      );
    }
  }
  if (failed > 0) process.exitCode = 1;
}

const createdSchema = z.object({ id: z.string(), token: z.string().optional() });

async function connect(origin: string, projectId: string, fixture: Fixture): Promise<Target> {
  const path = `/projects/${projectId}/connections`;
  const connection = await create(origin, path, { name: `Replay ${fixture.id}`, ...fixture.connection });
  const { token } = await create(origin, `${path}/${connection.id}/tokens`, {});
  if (token === undefined) throw new Error("no token in the answer");
  return { scimBaseUrl: `${origin}/scim/v2/${connection.id}`, token };
}

async function create(origin: string, path: string, body: unknown): Promise<z.output<typeof createdSchema>> {
  const response = await fetch(`${origin}/admin/v1${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`POST ${path} answered ${response.status} ${await response.text()}`);
  return createdSchema.parse(await response.json());
}

await main();
