import { expect, test } from "vitest";
import { createEventLog, eventsKeptMax, servingEvents } from "../../bin/local/event-log.ts";
import type { Gateway } from "../../bin/local/gateway.ts";
import type { ChangeEvent } from "../../lambda/domain/event.ts";

const event = (version: number): ChangeEvent => ({
  type: "group.membership",
  id: `p.g.${version}.group.membership`,
  projectId: "p",
  connectionId: null,
  resourceId: "g",
  version,
  at: "2026-03-01T08:00:00.123Z",
  changes: ["members"],
});

/** In front of a gateway that says which path it was asked for. */
function serve() {
  const log = createEventLog("us-east-1");
  const behind: Gateway = {
    invoke: async ({ path }) => ({ status: 418, headers: [], body: Buffer.from(path) }),
  };
  const gateway = servingEvents(log, behind);
  const ask = async (method: string, path: string) => {
    const request = { method, path, headers: [], body: Buffer.alloc(0), sourceIp: "127.0.0.1" };
    const { status, headers, body } = await gateway.invoke(request);
    return { status, headers: Object.fromEntries(headers), text: body.toString() };
  };
  return { log, ask };
}

test("an event is shown as EventBridge hands it to a target", async () => {
  const { log, ask } = serve();
  expect(await log.publish([event(7)])).toEqual([]);
  const { status, headers, text } = await ask("GET", "/admin/v1/events");
  expect([status, headers["Content-Type"]]).toEqual([200, "application/json"]);
  const { type, ...detail } = event(7);
  expect(JSON.parse(text)).toEqual({
    items: [
      {
        version: "0",
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        "detail-type": type,
        source: "rollcall",
        account: "000000000000",
        time: "2026-03-01T08:00:00Z",
        region: "us-east-1",
        resources: [],
        detail,
      },
    ],
  });
});

test("the last 1,000 are there, in the order they were published, repetitions too", async () => {
  const { log, ask } = serve();
  for (let version = 1; version <= eventsKeptMax + 4; version += 2) {
    await log.publish([event(version), event(version + 1)]);
  }
  await log.publish([event(eventsKeptMax + 4)]);
  const { items } = JSON.parse((await ask("GET", "/admin/v1/events?limit=1")).text);
  const versions = items.map(({ detail }: { detail: ChangeEvent }) => detail.version);
  expect(versions).toEqual([...Array.from({ length: 999 }, (_, index) => index + 6), 1_004]);
});

test("it can only be read, and every other path is the gateway's", async () => {
  const { ask } = serve();
  const refused = await ask("POST", "/admin/v1/events");
  expect([refused.status, refused.headers["Allow"], refused.headers["Content-Type"]]).toEqual([
    405,
    "GET, HEAD",
    "application/problem+json",
  ]);
  expect(JSON.parse(refused.text)).toMatchObject({ status: 405, code: "method_not_allowed" });
  for (const path of ["/admin/v1/events/", "/admin/v1/events/1", "/admin/v1/projects", "/scim/v2/events"]) {
    expect(await ask("GET", path)).toMatchObject({ status: 418, text: path });
  }
});
