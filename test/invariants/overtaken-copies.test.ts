/**
 * A change that is carried to a child while the next one is made, and carried as well: whatever comes between two calls of
 * the first carrying, the child ends as its parent. Nothing rings any more after that.
 */

import type { DynamoDBStreamsClient } from "@aws-sdk/client-dynamodb-streams";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createActivityHandler } from "../../lambda/handlers/activity.ts";
import { createPropagationHandler } from "../../lambda/handlers/propagation.ts";
import { createRuntime } from "../../lambda/runtime/runtime.ts";
import { type StreamFunctionName, streamFunctionNames } from "../../lambda/stream/stream-mapping.ts";
import { Deliveries } from "../convergence/deliveries.ts";
import { streamContext } from "../handlers/stream-event.ts";
import { type Product, productOf, standing } from "../service/product.ts";
import {
  activation,
  addMembers,
  entries,
  group,
  type PatchOperation,
  patch,
  replace,
  user,
} from "../service/scim-messages.ts";
import { seedFromEnvironment } from "../support/seeded-random.ts";
import { startService, type TestConnection, type TestService } from "../support/service.ts";
import { newStreamsClient } from "../support/stream.ts";
import { startTable, type TestTable } from "../support/table.ts";
import { interpose } from "./disturbed-client.ts";
import { shareOf } from "./share.ts";

const seed = seedFromEnvironment();

let table: TestTable;
let service: TestService;
let deliveries: Deliveries;
let carry: ReturnType<typeof handlersOf>;
let carryHeld: ReturnType<typeof handlersOf>;
let beforeCall: () => Promise<void> = async () => {};
let stream: DynamoDBStreamsClient;
beforeAll(async () => {
  table = await startTable({ stream: true });
  service = await startService({ table });
  const client = table.newClient();
  interpose(client, () => beforeCall());
  stream = newStreamsClient(table.endpoint);
  deliveries = new Deliveries(stream, table.streamArn!);
  carry = handlersOf(table.client);
  carryHeld = handlersOf(client);
});
afterAll(async () => {
  stream.destroy();
  await table.stop();
});

function handlersOf(client: TestTable["client"]) {
  const runtime = createRuntime({ client, tableName: table.tableName, sleep: async () => {} });
  return { propagation: createPropagationHandler(runtime), activity: createActivityHandler(runtime) };
}

async function carryAll(): Promise<void> {
  await deliveries.read();
  const isWaiting = (name: StreamFunctionName) => deliveries.pendingCount(name) > 0;
  for (let to = streamFunctionNames.find(isWaiting); to; to = streamFunctionNames.find(isWaiting)) {
    const records = deliveries.choose({ kind: "deliver", to, most: 100 });
    const { batchItemFailures } = await carry[to]({ Records: [...records] }, streamContext());
    expect(batchItemFailures).toEqual([]);
    deliveries.settle(to, records);
    await deliveries.read();
  }
}

let parent: TestConnection;
let home: Product;
let child: Product;
let ids: Record<"ada" | "bob" | "Team", string>;
beforeEach(furnish);

async function furnish(): Promise<void> {
  parent = await service.createConnection();
  home = productOf(service, parent.project);
  const created = async (path: string, body: ReturnType<typeof user>) =>
    (await parent.scim("POST", path, body)).body.id as string;
  const [ada, bob] = [await created("/Users", user("ada")), await created("/Users", user("bob"))];
  ids = { ada, bob, Team: await created("/Groups", group("Team", [ada])) };
  child = productOf(service, await service.createProject());
  await child.admin("POST", "/connections", { name: "Child", inheritsFrom: parent.connection.id });
  await carryAll();
}

type Change = (made: string) => Promise<{ readonly status: number; readonly body: unknown }>;

const onUser =
  (path: string, value: unknown): Change =>
  (id) =>
    parent.scim("PATCH", `/Users/${id}`, patch(replace(path, value)));
const onGroup =
  (...operations: readonly PatchOperation[]): Change =>
  (id) =>
    parent.scim("PATCH", `/Groups/${id}`, patch(...operations));

/** What it makes, or changes. */
const first: Readonly<Record<string, readonly [Change, "ada" | "Team" | "new"]>> = {
  "a create": [() => parent.scim("POST", "/Users", user("new")), "new"],
  "a name": [onUser("displayName", "Ada"), "ada"],
  "a rename": [onUser("userName", "eve"), "ada"],
  "a new group": [() => parent.scim("POST", "/Groups", group("New", [ids.ada])), "new"],
  "a new member": [(id) => onGroup(addMembers(ids.bob))(id), "Team"],
  "a group's name": [onGroup(replace("displayName", "Crew")), "Team"],
};
const nextOfUser: Readonly<Record<string, Change>> = {
  "another name": onUser("displayName", "Countess"),
  "another userName": onUser("userName", "countess"),
  "a deactivation": (id) => parent.scim("PATCH", `/Users/${id}`, activation(false)),
  "a DELETE": (id) => parent.scim("DELETE", `/Users/${id}`),
};
const nextOfGroup: Readonly<Record<string, Change>> = {
  "another name": onGroup(replace("displayName", "Staff")),
  "other members": (id) => onGroup(replace("members", entries([ids.bob])))(id),
  "no members": onGroup({ op: "remove", path: "members" }),
  "its end": (id) => parent.scim("DELETE", `/Groups/${id}`),
};

const pairs = Object.entries(first).flatMap(([name, [change, whose]]) =>
  Object.entries(/group|member/.test(name) ? nextOfGroup : nextOfUser).map(
    ([next, overtaking]) => [`${name}, overtaken by ${next}`, { change, whose, overtaking }] as const,
  ),
);

test.each(shareOf(pairs, seed, 24))("%s", async (_, { change, whose, overtaking }) => {
  for (let at = 1; ; at++) {
    if (at > 1) await furnish();
    const made = await change(whose === "new" ? "" : ids[whose]);
    expect(made.status).toBeLessThan(300);
    const id = whose === "new" ? (made.body as { id: string }).id : ids[whose];
    await deliveries.read();
    const records = [...deliveries.choose({ kind: "deliver", to: "propagation", most: 100 })];
    let calls = 0;
    beforeCall = async () => {
      if (++calls !== at) return;
      expect((await overtaking(id)).status).toBeLessThan(300);
      await carryAll();
    };
    const { batchItemFailures } = await carryHeld.propagation({ Records: records }, streamContext());
    beforeCall = async () => {};
    if (calls < at) return;
    expect(batchItemFailures).toEqual([]);
    await carryAll();
    expect(await standing(child), `before call ${at}`).toEqual(await standing(home));
  }
});
