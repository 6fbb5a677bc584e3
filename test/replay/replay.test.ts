import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LocalServer, startLocalServer } from "../../bin/local/server.ts";
import { injectFaults } from "../support/faulty-client.ts";
import { startService, type TestService } from "../support/service.ts";
import { startTable, type TestTable } from "../support/table.ts";
import { loadFixtures } from "./fixture.ts";
import { differences } from "./match.ts";
import { playFixture, type Target } from "./runner.ts";

/** The longest fixture makes some 700 requests, one after the other: only one that hangs takes this long. */
const hangsMilliseconds = 240_000;

const fixtures = loadFixtures();
let table: TestTable;
let service: TestService;
let server: LocalServer;
let whileThrottled: Target["whileThrottled"];

beforeAll(async () => {
  table = await startTable();
  // One attempt: the SDK's own waits would only make the throttled scenario slow.
  const client = table.newClient({ maxAttempts: 1 });
  const faults = injectFaults(client);
  whileThrottled = async (operation) => {
    faults.arm({ call: 1, when: "before", kind: "throttle" });
    try {
      return await operation();
    } finally {
      faults.disarm();
    }
  };
  service = await startService({ table, client, sleep: () => sleep(0) });
  server = await startLocalServer(service.gateway, 0);
  console.log(
    `${fixtures.length} fixtures:\n${fixtures.map(({ id, title }) => `  ${id}  ${title}`).join("\n")}`,
  );
});
afterAll(async () => {
  await server?.drain();
  await table?.stop();
});

describe("identity providers, over HTTP", () => {
  test.each(fixtures)(
    "$id $title",
    async (fixture) => {
      const connection = await service.createConnection(fixture.connection);
      const scimBaseUrl = server.origin + connection.baseUrl;
      const requests = await playFixture(fixture, {
        scimBaseUrl,
        token: connection.token,
        ...(whileThrottled && { whileThrottled }),
      });
      expect(requests).toBeGreaterThan(0);
    },
    hangsMilliseconds,
  );
});

describe("the runner notices", () => {
  test.each([
    [{ a: 1 }, { a: 1, b: 2 }, 0],
    [{ a: 1 }, { a: 2 }, 1],
    [{ a: "<absent>" }, {}, 0],
    [{ a: "<absent>" }, { a: null }, 1],
    [{ a: "<any-string>" }, { a: "" }, 1],
    [{ a: "<integer>" }, { a: "120" }, 0],
    [{ a: "<integer>" }, { a: "1.5" }, 1],
    [[1], [1, 2], 1],
    [{ a: { "<length>": 2 } }, { a: [1, 2] }, 0],
    [{ a: { "<length>": 2 } }, { a: [1] }, 1],
    [{ "<in-any-order>": [1, 2] }, [2, 1], 0],
    [{ "<in-any-order>": [{ v: "a" }, { v: "b" }] }, [{ v: "b", w: 1 }, { v: "a" }], 0],
    [{ "<in-any-order>": [1, 2] }, [2, 3], 2],
    [{ "<in-any-order>": [1] }, [1, 1], 1],
    [{ "<in-any-order>": [1] }, undefined, 1],
    [{ a: { b: 1 } }, {}, 1],
    [true, "true", 1],
  ])("%j against %j: %i differences", (expected, actual, count) => {
    expect(differences(expected, actual)).toHaveLength(count);
  });
});
