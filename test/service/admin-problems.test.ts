import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { injectFaults } from "../support/faulty-client.ts";
import type { TestConnection, TestService } from "../support/service.ts";
import { startTable, type TestTable } from "../support/table.ts";
import { startCheckedService } from "./checked-service.ts";
import { expectProblem, type Product, productOf } from "./product.ts";

// That each problem has type, title, status, detail and code, checked-service.ts looks at on every answer.

let table: TestTable;
let service: TestService;
let connection: TestConnection;
let product: Product;
beforeAll(async () => {
  table = await startTable();
  service = await startCheckedService({ table });
  connection = await service.createConnection();
  product = productOf(service, connection.project);
});
afterAll(() => table.stop());

/** A body as it is, with any Content-Type: `admin` would make JSON of it. */
const raw = (method: string, path: string, body: string) =>
  service.gateway.invoke({
    method,
    path: `/admin/v1${path}`,
    headers: [
      ["Host", "localhost"],
      ["Content-Type", "application/json"],
    ],
    body: Buffer.from(body),
    sourceIp: "127.0.0.1",
  });

describe("RFC 9457 application/problem+json", () => {
  test("type, title, status, detail and a stable code; nothing else", async () => {
    const { headers, body } = await service.admin("GET", "/projects/nothing");
    expect(headers["content-type"]).toBe("application/problem+json");
    expect(body).toEqual({
      type: expect.stringMatching(/^(https?|urn):/),
      title: expect.any(String),
      status: 404,
      detail: expect.stringContaining("nothing"),
      code: "not_found",
    });
  });

  test("validation: errors [{path, message}], one for each fault", async () => {
    const { body } = await service.admin("POST", "/projects", { name: 1, quotas: { users: -1 }, x: 1, y: 2 });
    expect(body.code).toBe("validation_failed");
    expect(body.errors.map(({ path }: { path: string }) => path).sort()).toEqual([
      "name",
      "quotas.users",
      "x",
      "y",
    ]);
    for (const error of body.errors) {
      expect(error).toEqual({ path: expect.any(String), message: expect.any(String) });
    }
  });
});

describe("unknown body fields: 400 validation_failed", () => {
  test.each([
    ["POST", "/projects", { name: "A", nope: 1 }],
    ["PATCH", "/projects/{p}", { nope: 1 }],
    ["POST", "/projects/{p}/connections", { name: "A", nope: 1 }],
    ["PATCH", "/projects/{p}/connections/{c}", { nope: 1 }],
    ["POST", "/projects/{p}/connections/{c}/tokens", { nope: 1 }],
    ["POST", "/projects/{p}/connections/{c}/tokens/rotate", { nope: 1 }],
    ["POST", "/projects/{p}/members", { userName: "a", type: "reader", nope: 1 }],
    ["PATCH", "/projects/{p}/members/{m}", { nope: 1 }],
    ["POST", "/projects/{p}/groups", { displayName: "A", nope: 1 }],
    ["PATCH", "/projects/{p}/groups/{g}", { nope: 1 }],
  ])("%s %s", async (method, path, body) => {
    const { id } = await product.addMember({ userName: `${method} ${path}`, type: "reader" });
    const group = await product.addGroup("G");
    const real = path
      .replace("{g}", group.id)
      .replace("{p}", product.project.id)
      .replace("{c}", connection.connection.id)
      .replace("{m}", id);
    const refused = await service.admin(method, real, body);
    expectProblem(refused, 400, "validation_failed");
    expect(refused.body.errors).toEqual([{ path: "nope", message: expect.any(String) }]);
    expect(refused.body.detail).toContain("nope");
  });
});

describe("a body that is no JSON object: 400 validation_failed", () => {
  test.each(["{", "[]", '"text"', "null", "7", "[".repeat(100), "{'name':'A'}", '{"name":"A"} x', "\u0000"])(
    "%j",
    async (body) => {
      const response = await raw("POST", "/projects", body);
      expect([response.status, JSON.parse(response.body.toString()).code]).toEqual([
        400,
        "validation_failed",
      ]);
    },
  );

  test("a body too large: 413", async () => {
    const response = await raw("POST", "/projects", JSON.stringify({ name: "x".repeat(1024 * 1024) }));
    expect([response.status, JSON.parse(response.body.toString()).code]).toEqual([413, "payload_too_large"]);
  });

  test("keys that name a prototype are unknown fields, and pollute nothing", async () => {
    const body = '{"name":"A","__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}';
    const response = await raw("POST", "/projects", body);
    expect(response.status).toBe(400);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

describe("404 not_found", () => {
  test.each(["/nothing", "/projects/x/nothing", "/projects//members/x/y", "/Projects", "/__proto__"])(
    "for the path %s",
    async (path) => {
      expectProblem(await service.admin("GET", path), 404, "not_found");
      expectProblem(await service.admin("POST", path, {}), 404, "not_found");
    },
  );

  test("below a project that is not there, whatever else is wrong", async () => {
    const paths = ["/connections", "/members", "/groups", "/groups/x", "/groups/x/members", "/connections/x"];
    for (const path of [...paths, "/connections/x/tokens"]) {
      expectProblem(await service.admin("GET", `/projects/0000000000000000${path}`), 404, "not_found");
    }
  });
});

describe("405 method_not_allowed with Allow", () => {
  test.each([
    ["/projects", ["PUT", "PATCH", "DELETE", "OPTIONS"], "POST, GET"],
    ["/projects/x", ["PUT", "POST"], "GET, PATCH, DELETE"],
    ["/projects/x/connections/y/tokens", ["PUT", "DELETE"], "POST, GET"],
    ["/projects/x/connections/y/tokens/rotate", ["GET", "DELETE"], "POST"],
    ["/projects/x/members/y", ["PUT", "POST"], "GET, PATCH, DELETE"],
    ["/projects/x/groups", ["PUT", "PATCH", "DELETE"], "POST, GET"],
    ["/projects/x/groups/y", ["PUT", "POST"], "GET, PATCH, DELETE"],
    ["/projects/x/groups/y/members", ["PUT", "POST", "DELETE"], "GET"],
    ["/projects/x/groups/y/members/z", ["GET", "POST", "PATCH"], "PUT, DELETE"],
  ])("%s", async (path, methods, allow) => {
    for (const method of methods) {
      const refused = await service.admin(method, path);
      expectProblem(refused, 405, "method_not_allowed");
      expect(refused.headers["allow"]).toBe(allow);
    }
  });

  // Defect: the document is answered to any method.
  test("/openapi.json", async () => {
    expectProblem(await raw("DELETE", "/openapi.json", "").then(parsed), 405, "method_not_allowed");
  });
  const parsed = ({ status, body }: { status: number; body: Buffer }) => ({
    status,
    headers: {},
    body: JSON.parse(body.toString()),
  });
});

describe("trouble behind the service", () => {
  test("a throttled table: 429 with Retry-After", async () => {
    const client = table.newClient({ maxAttempts: 1 });
    const faults = injectFaults(client);
    const other = await startCheckedService({ table, client, sleep: async () => {} });
    faults.arm({ call: 1, when: "before", kind: "throttle" });
    const refused = await other.admin("POST", "/projects", { name: "A" });
    expectProblem(refused, 429, "throttled");
    expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
  });

  test("a table that cannot be reached: 503 with Retry-After", async () => {
    const client = table.newClient({ endpoint: "http://127.0.0.1:1", maxAttempts: 1 });
    const other = await startCheckedService({ table, client });
    const refused = await other.admin("GET", "/projects");
    expectProblem(refused, 503, "unavailable");
    expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
  });

  test("anything else: 500 with a request id, and nothing of the cause", async () => {
    const client = table.newClient({ maxAttempts: 1 });
    const faults = injectFaults(client);
    const other = await startCheckedService({ table, client });
    faults.arm({ call: 1, when: "before", kind: "crash" });
    const failed = await other.admin("GET", "/projects");
    expectProblem(failed, 500, "internal");
    expect(failed.body.detail).toContain(failed.headers["x-amzn-requestid"]);
    expect(JSON.stringify(failed.body)).not.toMatch(/crash/i);
  });
});

test("GET /healthz: 200 {status, version} without credentials", async () => {
  const response = await service.gateway.invoke({
    method: "GET",
    path: "/healthz",
    headers: [],
    body: Buffer.alloc(0),
    sourceIp: "127.0.0.1",
  });
  expect(response.status).toBe(200);
  expect(JSON.parse(response.body.toString())).toEqual({ status: "ok", version: expect.any(String) });
});
