import { afterAll, beforeAll, expect, test } from "vitest";
import { createRuntime } from "../../lambda/runtime/runtime.ts";
import { memberGroupsKey, mirrorHeadKey, mirrorPageKey } from "../../lambda/table/keys.ts";
import { scanTable } from "../invariants/table-contents.ts";
import { restoreTable } from "../invariants/table-copy.ts";
import { type FaultInjector, injectFaults } from "../support/faulty-client.ts";
import { startService, type TestService } from "../support/service.ts";
import { startTable, type TestTable } from "../support/table.ts";
import { createUser, groupsOf } from "./group-ground.ts";
import { productOf } from "./product.ts";

// A removal that is cut off is taken up again by the next DELETE, and leaves no trace then either.

let table: TestTable;
let service: TestService;
let faulty: TestService;
let faults: FaultInjector;
beforeAll(async () => {
  table = await startTable();
  service = await startService({ table, sleep: async () => {} });
  const client = table.newClient({ maxAttempts: 1 });
  faults = injectFaults(client);
  faulty = await startService({ table, client, sleep: async () => {} });
});
afterAll(() => table.stop());

/** A project with something of every kind, but for its connection, which is deleted already. */
async function closedDown(): Promise<string> {
  const connection = await service.createConnection();
  const projectId = connection.project.id;
  const product = productOf(service, connection.project);
  const ada = await createUser(connection, "ada", { externalId: "e" });
  const scim = await groupsOf(connection).create("SCIM", [ada], { externalId: "g" });
  const byHand = await product.addGroup("By hand");
  const bob = await product.addMember({ userName: "bob", type: "user" });
  for (const memberId of [ada, bob.id]) await product.put(byHand.id, memberId);
  const { store } = createRuntime({ client: table.client, tableName: table.tableName }).context;
  await store.place([
    { ...mirrorHeadKey(projectId, scim.id), generation: "0" },
    { ...mirrorPageKey(projectId, byHand.id, "H", 0), b0: 1 },
    { ...memberGroupsKey(projectId, 0), groups: new Set([scim.id]) },
  ]);
  await product.admin("DELETE", `/connections/${connection.connection.id}`);
  return projectId;
}

async function traces(projectId: string): Promise<readonly string[]> {
  const items = await scanTable(table.client, table.tableName);
  return items.map((item) => JSON.stringify(item)).filter((item) => item.includes(projectId));
}

test("whichever call it is cut off at", async () => {
  const projectId = await closedDown();
  const whole = await scanTable(table.client, table.tableName);
  for (let call = 1; ; call++) {
    await restoreTable(table, whole);
    expect((await traces(projectId)).length).toBeGreaterThan(15);
    faults.arm({ call, when: call % 2 === 0 ? "before" : "after", kind: "crash" });
    await faulty.admin("DELETE", `/projects/${projectId}`);
    const fired = faults.hasFired();
    faults.disarm();
    const { status } = await service.admin("DELETE", `/projects/${projectId}`);
    expect([204, 404]).toContain(status);
    expect([call, await traces(projectId)]).toEqual([call, []]);
    if (!fired) return expect(call).toBeGreaterThan(10);
  }
});
