import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { injectFaults } from "../support/faulty-client.ts";
import type { ScimRequest, ServiceResponse, TestConnection, TestService } from "../support/service.ts";
import { startTable, type TestTable } from "../support/table.ts";
import { startCheckedService } from "./checked-service.ts";
import { expectScimError } from "./product.ts";
import { filtered, patch, replace, urns, user } from "./scim-messages.ts";

// That each body is a SCIM error (162), checked-service.ts looks at on every answer of every test.

let table: TestTable;
let service: TestService;
let connection: TestConnection;
let id: string;
beforeAll(async () => {
  table = await startTable();
  service = await startCheckedService({ table });
  connection = await service.createConnection();
  id = (await connection.scim("POST", "/Users", user("someone@x.example"))).body.id;
});
afterAll(() => table.stop());

describe("[2, 162, 163] every status with exactly its body", () => {
  const invalidBody = { body: "{", headers: { "Content-Type": "application/scim+json" } };
  test.each<[number, string | undefined, string, () => string, ScimRequest]>([
    [400, "invalidSyntax", "POST", () => "/Users", invalidBody],
    [400, "invalidValue", "POST", () => "/Users", { body: {} }],
    [400, "invalidFilter", "GET", () => "/Users?filter=zz", {}],
    [400, "invalidPath", "PATCH", () => `/Users/${id}`, patch(replace(`${urns.account}:x`, 1))],
    [400, "mutability", "PATCH", () => `/Users/${id}`, patch(replace("id", "1"))],
    [400, "noTarget", "PATCH", () => `/Users/${id}`, patch({ op: "remove" })],
    [404, undefined, "GET", () => "/Users/x", {}],
    [404, undefined, "GET", () => "/Nothing", {}],
    [405, undefined, "DELETE", () => "/Users", {}],
    [409, "uniqueness", "POST", () => "/Users", user("someone@x.example")],
    [412, undefined, "DELETE", () => `/Users/${id}`, { headers: { "If-Match": 'W/"0"' } }],
    [415, undefined, "POST", () => "/Users", { body: "x", headers: { "Content-Type": "text/plain" } }],
    [501, undefined, "GET", () => "/Me", {}],
  ])("%i %s: %s", async (status, scimType, method, path, request) => {
    const { body, ...response } = await connection.scim(method, path(), request);
    expect(response.status).toBe(status);
    expect(body).toEqual({
      schemas: [urns.error],
      status: String(status),
      ...(scimType && { scimType }),
      detail: expect.any(String),
    });
  });
});

describe("405 with Allow", () => {
  test.each([
    ["/Users", ["PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"], "GET, POST"],
    ["/Users/x", ["POST", "OPTIONS"], "GET, PUT, PATCH, DELETE"],
    ["/Groups", ["PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"], "GET, POST"],
    ["/Groups/x", ["POST", "OPTIONS"], "GET, PUT, PATCH, DELETE"],
    ["/Users/.search", ["GET", "PUT", "PATCH", "DELETE"], "POST"],
    ["/Groups/.search", ["GET", "PUT", "PATCH", "DELETE"], "POST"],
    ["/.search", ["GET", "PUT", "PATCH", "DELETE"], "POST"],
    ["", ["POST", "PUT", "PATCH", "DELETE"], "GET"],
  ])("%s", async (path, methods, allow) => {
    for (const method of methods) {
      const refused = await connection.scim(method, path);
      expectScimError(refused, 405);
      expect(refused.headers["allow"]).toBe(allow);
    }
  });
});

describe("404", () => {
  test.each(["/Nothing", "/Users/a/b", "/Groups/a/b", "/constructor", "/__proto__", "/Users%2Fx%2Fy"])(
    "[71] an unknown endpoint: %j",
    async (path) => {
      expectScimError(await connection.scim("GET", path), 404);
      expectScimError(await connection.scim("POST", path, { body: {} }), 404);
    },
  );

  test("comes before what is wrong with the body", async () => {
    for (const method of ["PUT", "PATCH"]) {
      const request = { body: "{", headers: { "Content-Type": "text/plain" } };
      expectScimError(await connection.scim(method, "/Users/nobody", request), 404);
    }
  });
});

describe("501 for what the RFC has and Rollcall has not", () => {
  test.each(["GET", "POST", "PUT", "PATCH", "DELETE"])("[161, 164] %s /Me", async (method) => {
    const { status } = await connection.scim(method, "/Me", method === "GET" ? {} : { body: {} });
    expect(status).toBe(501);
  });
});

test.each(["v1", "V3", "v2.0", "2"])("[11] version %s: 400 invalidVers", async (version) => {
  const path = `/scim/${version}/${connection.connection.id}/Users`;
  const refused = await service.scim("GET", path, { token: connection.token });
  expectScimError(refused, 400, "invalidVers");
  expect(refused.body.detail).toContain("/scim/v2");
});

describe("too large: 413 naming the limit", () => {
  const mebibyte = 1024 * 1024;
  const bodyOf = (bytes: number) => {
    const body = { schemas: [urns.user], userName: "large@x.example", unknown: "" };
    return { ...body, unknown: "x".repeat(bytes - JSON.stringify(body).length) };
  };

  test("a body of more than 1 MB; one of exactly 1 MB is taken", async () => {
    const refused = await connection.scim("POST", "/Users", { body: bodyOf(mebibyte + 1) });
    expectScimError(refused, 413);
    expect(refused.body.detail).toContain(String(mebibyte));
    expect((await connection.scim("POST", "/Users", { body: bodyOf(mebibyte) })).status).toBe(201);
  });

  test("by bytes, not characters", async () => {
    const body = { schemas: [urns.user], userName: "x", unknown: "é".repeat(600_000) };
    expectScimError(await connection.scim("POST", "/Users", { body }), 413);
  });

  test("the gateway's own: more than 10 MB", async () => {
    const refused = await connection.scim("POST", "/Users", { body: "x".repeat(10 * mebibyte + 1) });
    expectScimError(refused, 413);
  });

  test("a resource of more than 256 KB", async () => {
    const refused = await connection.scim("POST", "/Users", user("x", { title: "x".repeat(256 * 1024) }));
    expectScimError(refused, 413);
    expect(refused.body.detail).toContain("resourceBytesMax");
  });

  test("more than 1,000 PATCH operations", async () => {
    const operations = Array.from({ length: 1_001 }, () => replace("title", "T"));
    const refused = await connection.scim("PATCH", `/Users/${id}`, patch(...operations));
    expectScimError(refused, 413);
    expect(refused.body.detail).toContain("patchOperationsMax");
    const allowed = await connection.scim("PATCH", `/Users/${id}`, patch(...operations.slice(1)));
    expect(allowed.status).toBe(200);
  });
});

describe("415", () => {
  test.each(["text/plain", "application/xml", "application/x-www-form-urlencoded", "application/jsonx"])(
    "a body of %s, naming it",
    async (type) => {
      const request = { ...user("x"), headers: { "Content-Type": type } };
      const refused = await connection.scim("POST", "/Users", request);
      expectScimError(refused, 415);
      expect(refused.body.detail).toContain(type);
    },
  );
});

describe("trouble behind the service", () => {
  const failing = async (retries = true) => {
    // One try per call: the SDK's own pauses between its retries are its business.
    const client = table.newClient(retries ? { maxAttempts: 1 } : {});
    const faults = injectFaults(client);
    const other = (await startCheckedService({ table, client, sleep: async () => {} })).adopt(connection);
    return { faults, other };
  };
  const noLeak = ({ body }: ServiceResponse) =>
    expect(JSON.stringify(body)).not.toMatch(/ECONN|Exception|dynamodb|throughput|at \w+ \(/i);

  test("[165] a throttled table: 429 with Retry-After, nothing changed", async () => {
    const { faults, other } = await failing();
    for (const [method, path, request] of [
      ["POST", "/Users", user("throttled@x.example")],
      ["GET", `/Users/${id}`, {}],
      ["PATCH", `/Users/${id}`, patch(replace("title", "throttled"))],
      ["GET", "/Users", {}],
      ["GET", "/ServiceProviderConfig", {}],
    ] as const) {
      faults.arm({ call: 1, when: "before", kind: "throttle" });
      const refused = await other.scim(method, path, request);
      expectScimError(refused, 429);
      expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
      noLeak(refused);
    }
    const { totalResults } = (await connection.scim("GET", filtered('title eq "throttled"'))).body;
    expect(totalResults).toBe(0);
  });

  test("[165] a table that cannot be reached: 503 with Retry-After", async () => {
    const client = table.newClient({ endpoint: "http://127.0.0.1:1", maxAttempts: 1 });
    const unreachable = (await startCheckedService({ table, client })).adopt(connection);
    const refused = await unreachable.scim("POST", "/Users", user("unreachable@x.example"));
    expectScimError(refused, 503);
    expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
    noLeak(refused);
  });

  test("[164] anything else: 500 with a request id, and nothing of the cause", async () => {
    const { faults, other } = await failing();
    faults.arm({ call: 1, when: "before", kind: "crash" });
    const failed = await other.scim("GET", `/Users/${id}`);
    expectScimError(failed, 500);
    expect(failed.body.detail).toContain(failed.headers["x-amzn-requestid"]);
    expect(failed.body.detail).not.toContain("crashed");
  });

  test("noting a token's use never fails a request", async () => {
    const fresh = await service.createConnection({}, connection.project);
    const client = table.newClient({ maxAttempts: 1 });
    const faults = injectFaults(client);
    const other = (await startCheckedService({ table, client })).adopt(fresh);
    // The second call of a first read is the note.
    faults.arm({ call: 2, when: "before", kind: "network" });
    expectScimError(await other.scim("GET", "/Users/x"), 404);
    expect(faults.hasFired()).toBe(true);
  });
});
