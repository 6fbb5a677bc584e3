import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { countCalls } from "./counting-client.ts";
import { injectFaults } from "./faulty-client.ts";
import { startService, type TestConnection, type TestService } from "./service.ts";
import { startTable, type TestTable } from "./table.ts";

let table: TestTable;
let service: TestService;
let connection: TestConnection;
beforeAll(async () => {
  table = await startTable();
  service = await startService({ table });
  connection = await service.createConnection();
});
afterAll(() => table.stop());

const user = (userName: string) => ({
  body: { schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"], userName },
});

describe("startService", () => {
  test("SCIM and admin API see the same table", async () => {
    const created = await connection.scim("POST", "/Users", user("both@example.com"));
    expect(created.status).toBe(201);
    expect(created.headers["content-type"]).toBe("application/scim+json");
    const members = await service.admin("GET", `/projects/${connection.project.id}/members?q=both`);
    expect(members.body.items).toMatchObject([{ userName: "both@example.com" }]);
  });

  test("a token is sent only when there is one", async () => {
    expect((await service.scim("GET", `${connection.baseUrl}/Users`)).status).toBe(401);
    expect(
      (await service.scim("GET", `${connection.baseUrl}/Users`, { token: connection.token })).status,
    ).toBe(200);
  });

  test("two services over one table are two processes of one deployment", async () => {
    const other = await startService({ table, client: table.newClient() });
    const { body } = await connection.scim("POST", "/Users", user("shared@example.com"));
    expect((await other.adopt(connection).scim("GET", `/Users/${body.id}`)).status).toBe(200);
  });

  test("the calls of one service are counted, capacity included", async () => {
    const client = table.newClient();
    const counter = countCalls(client);
    const counted = (await startService({ table, client })).adopt(connection);
    const { result, tally } = await counter.measure(() =>
      counted.scim("POST", "/Users", user("counted@example.com")),
    );
    expect(result.status).toBe(201);
    expect(tally.commands.length).toBeGreaterThan(0);
    expect(tally.trips).toBeLessThanOrEqual(tally.commands.length);
    expect(tally.readCapacity).toBeGreaterThan(0);
    expect(tally.writeCapacity).toBeGreaterThan(0);
  });

  test("a crash in one service leaves the others whole", async () => {
    const client = table.newClient();
    const faults = injectFaults(client);
    const crashing = (await startService({ table, client })).adopt(connection);
    faults.arm({ call: 1, when: "before", kind: "crash" });
    expect((await crashing.scim("POST", "/Users", user("crash@example.com"))).status).toBeGreaterThanOrEqual(
      500,
    );
    expect(faults.hasFired()).toBe(true);
    expect((await connection.scim("POST", "/Users", user("crash@example.com"))).status).toBe(201);
  });
});
