/** What the functions of the stream do to the table, against what they may do there once deployed. */

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { StreamPump } from "../../bin/local/stream-pump.ts";
import { startStreamPumps } from "../../bin/local/stream-pumps.ts";
import { createActivityHandler } from "../../lambda/handlers/activity.ts";
import { createPropagationHandler } from "../../lambda/handlers/propagation.ts";
import { createRuntime } from "../../lambda/runtime/runtime.ts";
import { activityMapping, propagationMapping } from "../../lambda/stream/stream-mapping.ts";
import { functionPermissions } from "../../lib/function-permissions.ts";
import { startService, type TestService } from "../support/service.ts";
import { newStreamsClient } from "../support/stream.ts";
import { startTable, type TestTable } from "../support/table.ts";
import { productOf } from "./product.ts";
import { group, patch, replace, teamUser, user } from "./scim-messages.ts";

let table: TestTable;
let service: TestService;
let pump: StreamPump;
const used = { propagation: new Set<string>(), activity: new Set<string>() };

beforeAll(async () => {
  table = await startTable({ stream: true });
  service = await startService({ table });
  const streams = {
    client: newStreamsClient(table.endpoint),
    streamArn: table.streamArn!,
    sleep: async () => {},
    warn: () => {},
  };
  pump = await startStreamPumps(streams, [
    { mapping: propagationMapping, handler: createPropagationHandler(runtimeNoting("propagation")) },
    { mapping: activityMapping, handler: createActivityHandler(runtimeNoting("activity")) },
  ]);
});
afterAll(async () => {
  await pump.stop();
  await table.stop();
});

function runtimeNoting(name: keyof typeof used) {
  const client = table.newClient();
  noteActions(client, used[name]);
  return createRuntime({ client, tableName: table.tableName, sleep: async () => {} });
}

/** Transactions have no actions of their own: each of their parts has. */
function noteActions(client: DynamoDBClient, actions: Set<string>): void {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const command = String(context.commandName).replace(/Command$/, "");
      const { TransactItems } = args.input as { readonly TransactItems?: readonly object[] };
      const parts = TransactItems?.flatMap((item) => Object.keys(item)) ?? [];
      for (const part of parts) actions.add(`dynamodb:${part}Item`);
      if (TransactItems === undefined) actions.add(`dynamodb:${command}`);
      return next(args);
    },
    { step: "initialize", name: "noteActions" },
  );
}

test("a history with children and without uses no action that is not granted", async () => {
  const parent = await service.createConnection();
  const home = productOf(service, parent.project);
  const created = async (path: string, request: { readonly body: unknown }) =>
    (await parent.scim("POST", path, request)).body.id as string;
  const ada = await created("/Users", user("ada"));
  const bob = await created("/Users", teamUser("bob"));
  const team = await created("/Groups", group("Team", [ada, bob]));
  const child = productOf(service, await service.createProject({ quotas: { readers: 0 } }));
  const made = await child.admin("POST", "/connections", {
    name: "Child",
    inheritsFrom: parent.connection.id,
  });
  await pump.drain();
  await child.setQuotas({ readers: 5 });
  await parent.scim("PATCH", `/Users/${ada}`, patch(replace("userName", "eve")));
  await parent.scim("PATCH", `/Groups/${team}`, patch(replace("displayName", "Crew")));
  await pump.drain();
  await parent.scim("DELETE", `/Users/${bob}`);
  await parent.scim("DELETE", `/Groups/${team}`);
  await home.addMember({ userName: "cyd", type: "reader" });
  await child.admin("DELETE", `/connections/${made.body.id}`);
  await service.admin("DELETE", `/projects/${child.project.id}`);
  await pump.drain();
  expect(pump.parked).toEqual([]);
  for (const name of ["propagation", "activity"] as const) {
    expect(used[name].size).toBeGreaterThan(2);
    expect([...used[name]].filter((action) => !grants(name).includes(action))).toEqual([]);
  }
});

function grants(name: keyof typeof used): readonly string[] {
  return functionPermissions[name];
}
