/** What docs/runbook.md has operators do by hand, done as it stands there. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  DescribeStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
} from "@aws-sdk/client-dynamodb-streams";
import type { DynamoDBStreamEvent, Context as LambdaContext } from "aws-lambda";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { StreamHandler, StreamPump } from "../../bin/local/stream-pump.ts";
import { createActivityHandler } from "../../lambda/handlers/activity.ts";
import { createPropagationHandler } from "../../lambda/handlers/propagation.ts";
import { createRuntime } from "../../lambda/runtime/runtime.ts";
import { activityMapping, propagationMapping } from "../../lambda/stream/stream-mapping.ts";
import { startCheckedService } from "../service/checked-service.ts";
import { productOf } from "../service/product.ts";
import { group, user } from "../service/scim-messages.ts";
import type { TestService } from "../support/service.ts";
import { newStreamsClient, startPump } from "../support/stream.ts";
import { startTable, type TestTable } from "../support/table.ts";

const runbook = readFileSync(new URL("../../docs/runbook.md", import.meta.url), "utf8");
/** By section: what makes the event that a function is invoked with out of what the stream was asked for. */
const scripts = new Map(
  runbook.split(/^### /m).map((section) => {
    const [, script] = /^LAST=\$LAST node -e '\n(.*?)\n' > event\.json$/ms.exec(section) ?? [];
    return [section.split("\n", 1)[0], script];
  }),
);

let table: TestTable;
let service: TestService;
let isBroken = true;
/** By section. */
let handlers: Readonly<Record<string, StreamHandler>>;
let pumps: Readonly<Record<string, StreamPump>>;
let directory: string;
beforeAll(async () => {
  table = await startTable({ stream: true });
  service = await startCheckedService({ table });
  const { client, tableName } = table;
  const runtime = createRuntime({ client, tableName, sleep: async () => {} });
  const propagation = createPropagationHandler(runtime);
  const activity = createActivityHandler(runtime);
  handlers = { "Propagation parked": propagation, "Activity parked": activity };
  const failing =
    (handler: StreamHandler): StreamHandler =>
    async (event, context) => {
      if (isBroken) throw new Error("a defect of ours");
      return handler(event, context);
    };
  pumps = {
    "Propagation parked": await startPump(table, failing(propagation), { mapping: propagationMapping }),
    "Activity parked": await startPump(table, failing(activity), { mapping: activityMapping }),
  };
  directory = mkdtempSync(join(tmpdir(), "runbook-"));
});
afterAll(async () => {
  rmSync(directory, { recursive: true, force: true });
  for (const pump of Object.values(pumps)) await pump.stop();
  await service.stop();
  await table.stop();
});

const drain = async () => {
  for (const pump of [...Object.values(pumps), ...Object.values(pumps)]) await pump.drain();
};

/** As `aws dynamodbstreams get-records` prints it, from the first record on. */
async function recordsJson(): Promise<string> {
  const client = newStreamsClient(table.endpoint);
  const stream = { StreamArn: table.streamArn };
  const { StreamDescription: described } = await client.send(new DescribeStreamCommand(stream));
  const [{ ShardId } = { ShardId: undefined }, ...others] = described?.Shards ?? [];
  expect(others).toEqual([]);
  const asked = new GetShardIteratorCommand({ ...stream, ShardId, ShardIteratorType: "TRIM_HORIZON" });
  const { ShardIterator } = await client.send(asked);
  const { Records = [] } = await client.send(new GetRecordsCommand({ ShardIterator, Limit: 1_000 }));
  client.destroy();
  expect(Records.length).toBeLessThan(1_000);
  return JSON.stringify({ Records });
}

async function replay(section: string): Promise<void> {
  const batches = pumps[section]!.parked;
  expect(batches.length).toBeGreaterThan(0);
  const last = batches.at(-1)!.records.at(-1)!.dynamodb!.SequenceNumber!;
  writeFileSync(join(directory, "records.json"), await recordsJson());
  const event = execFileSync(process.execPath, ["-e", scripts.get(section)!], {
    cwd: directory,
    env: { LAST: last },
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  const context = { getRemainingTimeInMillis: () => 120_000 } as LambdaContext;
  const answer = await handlers[section]!(JSON.parse(event) as DynamoDBStreamEvent, context);
  expect(JSON.stringify(answer)).toBe('{"batchItemFailures":[]}');
}

test("what was parked is carried and told by handing its records over again, a step of a child's copying among them", async () => {
  const parent = await service.createConnection();
  const product = productOf(service, await service.createProject({ quotas: { readers: 1 } }));
  const ada = (await parent.scim("POST", "/Users", user("ada"))).body.id;
  await parent.scim("POST", "/Users", user("bob"));
  await parent.scim("POST", "/Groups", group("Team", [ada]));
  const link = { name: "Branch", inheritsFrom: parent.connection.id };
  const path = `/connections/${(await product.admin("POST", "/connections", link)).body.id}`;
  const sync = async () => (await product.admin("GET", path)).body.sync;
  await drain();
  expect(await sync()).toMatchObject({ state: "backfilling", usersDone: 0 });
  expect((await product.admin("GET", "/activity")).body.items).toEqual([]);

  isBroken = false;
  await drain();
  expect(await sync()).toMatchObject({ state: "backfilling", usersDone: 0 });

  await replay("Propagation parked");
  await drain();
  expect(await sync()).toMatchObject({ state: "degraded", usersDone: 2, groupsDone: 1, failures: 1 });
  expect((await product.admin("GET", "/groups")).body.items).toMatchObject([{ displayName: "Team" }]);

  // The seat that the other one waits for becomes free while nobody is told.
  isBroken = true;
  await product.setQuotas({ readers: 2 });
  await drain();
  isBroken = false;
  await drain();
  expect(await sync()).toMatchObject({ state: "degraded", failures: 1 });

  await replay("Activity parked");
  await drain();
  expect(await sync()).toMatchObject({ state: "in_sync", failures: 0 });
  const { items } = (await product.admin("GET", "/activity")).body;
  const actions = items.map(({ action }: { readonly action: string }) => action);
  expect(actions.filter((action: string) => action === "connection.created")).toHaveLength(1);
  expect(actions.filter((action: string) => action === "project.updated")).toHaveLength(1);
});
