import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestConnection, TestService } from "../support/service.ts";
import { startCheckedService } from "./checked-service.ts";
import { expectProblem, productOf } from "./product.ts";

// What tokens open, and when they end: access.test.ts.

let service: TestService;
let connection: TestConnection;
const time = Date.parse("2026-01-01T00:00:00.000Z");
beforeAll(async () => {
  service = await startCheckedService({ clock: () => time });
});
afterAll(() => service.stop());

/** A connection without tokens. */
const setUp = async () => {
  const project = await service.createProject();
  const product = productOf(service, project);
  const { id } = (await product.admin("POST", "/connections", { name: "SSO" })).body;
  const path = `/connections/${id}/tokens`;
  return {
    admin: (method: string, below = "", body?: unknown) => product.admin(method, path + below, body),
    id,
  };
};

describe("POST …/{c}/tokens", () => {
  test("201 {id, token, label, hint, createdAt, expiresAt}", async () => {
    const { admin, id } = await setUp();
    const expiresAt = "2027-01-01T00:00:00.000Z";
    const { status, body } = await admin("POST", "", { label: "Okta", expiresAt });
    expect(status).toBe(201);
    expect(body).toEqual({
      id: expect.any(String),
      token: expect.stringMatching(new RegExp(`^rollcall_${id}_[0-9a-z]{59}$`)),
      label: "Okta",
      hint: body.token.slice(-4),
      createdAt: new Date(time).toISOString(),
      expiresAt,
    });
  });

  test("everything is optional, the body too", async () => {
    const { admin } = await setUp();
    expect((await admin("POST")).body).toMatchObject({ label: null, expiresAt: null });
    expect((await admin("POST", "", {})).status).toBe(201);
  });

  // Defect: it is answered, and kept, as it was sent. API.md §1: times are UTC with milliseconds.
  test.each(["2027-01-01T02:00:00+02:00", "2027-01-01T00:00:00Z"])(
    "expiresAt %s is answered in UTC with milliseconds",
    async (sent) => {
      const { admin } = await setUp();
      expect((await admin("POST", "", { expiresAt: sent })).body.expiresAt).toBe("2027-01-01T00:00:00.000Z");
    },
  );

  test.each([
    ["expiresAt", { expiresAt: "tomorrow" }],
    ["expiresAt", { expiresAt: 1_800_000_000 }],
    ["expiresAt", { expiresAt: "2027-02-30T00:00:00Z" }],
    ["label", { label: 7 }],
    ["label", { label: "x".repeat(201) }],
    ["token", { token: "rollcall_mine" }],
  ])("a wrong %s: 400 validation_failed with its path", async (path, body) => {
    const { admin } = await setUp();
    const refused = await admin("POST", "", body);
    expectProblem(refused, 400, "validation_failed");
    expect(refused.body.errors.map((error: { path: string }) => error.path)).toContain(path);
  });

  test("at most 2 live tokens: 409 too_many_tokens, and nothing is made", async () => {
    const { admin } = await setUp();
    await admin("POST");
    await admin("POST");
    expectProblem(await admin("POST"), 409, "too_many_tokens");
    expect((await admin("GET")).body.items).toHaveLength(2);
  });

  test("never a third, whatever runs at once", async () => {
    const { admin } = await setUp();
    const statuses = await Promise.all(Array.from({ length: 6 }, async () => (await admin("POST")).status));
    expect(statuses.sort()).toEqual([201, 201, 409, 409, 409, 409]);
  });
});

describe("POST …/{c}/tokens/rotate", () => {
  test("201 as above; without a body the overlap is 0", async () => {
    const { admin } = await setUp();
    await admin("POST");
    await admin("POST");
    const rotated = await admin("POST", "/rotate");
    expect(rotated.status).toBe(201);
    expect(rotated.body).toMatchObject({ label: null, expiresAt: null, token: expect.any(String) });
    const { items } = (await admin("GET")).body;
    expect(items.map(({ id }: { id: string }) => id)).toEqual([rotated.body.id]);
  });

  test("a connection without tokens is given its first", async () => {
    const { admin } = await setUp();
    expect((await admin("POST", "/rotate", { overlapSeconds: 60 })).status).toBe(201);
  });

  test("with an overlap the older one counts until it ends", async () => {
    const { admin } = await setUp();
    await admin("POST");
    expect((await admin("POST", "/rotate", { overlapSeconds: 60 })).status).toBe(201);
    expectProblem(await admin("POST"), 409, "too_many_tokens");
  });

  test("it is never refused, however many are live: two are after it", async () => {
    const { admin } = await setUp();
    for (let round = 0; round < 4; round++) {
      const { status, body } = await admin("POST", "/rotate", { overlapSeconds: 60 });
      expect(status).toBe(201);
      const { items } = (await admin("GET")).body;
      expect(items).toHaveLength(Math.min(round + 1, 2));
      expect(items.at(-1).id).toBe(body.id);
    }
  });

  test.each([-1, 604_801, 1.5, "60", null])(
    "overlapSeconds %j: 400 validation_failed",
    async (overlapSeconds) => {
      const { admin } = await setUp();
      expectProblem(await admin("POST", "/rotate", { overlapSeconds }), 400, "validation_failed");
    },
  );

  test.each([0, 604_800])("overlapSeconds %i is taken", async (overlapSeconds) => {
    const { admin } = await setUp();
    await admin("POST");
    expect((await admin("POST", "/rotate", { overlapSeconds })).status).toBe(201);
  });
});

describe("GET …/{c}/tokens", () => {
  test("items without token, with lastUsedAt; nothing secret in them", async () => {
    const { admin } = await setUp();
    const { body } = await admin("POST", "", { label: "One" });
    const listed = await admin("GET");
    const { token, ...rest } = body;
    expect(listed.body).toEqual({ items: [{ ...rest, lastUsedAt: null }] });
    const secret = token.split("_")[2];
    expect(JSON.stringify(listed.body)).not.toContain(secret.slice(0, 20));
  });

  test("no token in any other answer, nor in the table", async () => {
    const { ScanCommand } = await import("@aws-sdk/client-dynamodb");
    const { admin } = await setUp();
    const { token } = (await admin("POST")).body;
    const secret = token.split("_")[2].slice(0, 52);
    const scan = new ScanCommand({ TableName: service.table.tableName });
    const { Items } = await service.table.client.send(scan);
    expect(JSON.stringify(Items)).not.toContain(secret);
  });

  // Defect: limit and cursor are validated and then not used.
  test("limit and cursor as in every list", async () => {
    const { admin } = await setUp();
    await admin("POST");
    await admin("POST");
    const first = (await admin("GET", "?limit=1")).body;
    expect(first.items).toHaveLength(1);
    const second = (await admin("GET", `?limit=1&cursor=${first.nextCursor}`)).body;
    expect(second.items).toHaveLength(1);
    expect(second.nextCursor).toBeUndefined();
  });

  test("limit 0: 400 validation_failed", async () => {
    const { admin } = await setUp();
    expectProblem(await admin("GET", "?limit=0"), 400, "validation_failed");
  });
});

describe("DELETE …/{c}/tokens/{id}", () => {
  test("204, and the other token stays", async () => {
    connection = await service.createConnection();
    const product = productOf(service, connection.project);
    const path = `/connections/${connection.connection.id}/tokens`;
    const { id } = (await product.admin("POST", path, {})).body;
    expect(await product.admin("DELETE", `${path}/${id}`)).toMatchObject({ status: 204, body: undefined });
    expect((await product.admin("GET", path)).body.items).toHaveLength(1);
    expect((await connection.scim("GET", "/Users")).status).toBe(200);
  });

  test("404 not_found for an unknown one", async () => {
    const { admin } = await setUp();
    expectProblem(await admin("DELETE", "/nothing"), 404, "not_found");
  });
});
