import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestService } from "../support/service.ts";
import { startCheckedService } from "./checked-service.ts";
import { expectProblem, expectScimError, productOf } from "./product.ts";
import { teamUser, user } from "./scim-messages.ts";

let service: TestService;
let time = Date.parse("2026-01-01T00:00:00.000Z");
beforeAll(async () => {
  service = await startCheckedService({ clock: () => time });
});
afterAll(() => service.stop());

const none = { users: 0, reviewers: 0, readers: 0 };
const unlimited = { users: null, reviewers: null, readers: null };

describe("POST /projects", () => {
  test("201 with {id, name, quotas, usage, seatsLeft, createdAt, updatedAt}; quotas default to null = unlimited", async () => {
    const { status, body } = await service.admin("POST", "/projects", { name: " Acme " });
    const now = new Date(time).toISOString();
    expect(status).toBe(201);
    expect(body).toEqual({
      id: expect.stringMatching(/^[0-9a-z]+$/),
      name: "Acme",
      quotas: unlimited,
      usage: none,
      seatsLeft: unlimited,
      createdAt: now,
      updatedAt: now,
    });
  });

  test("quotas: non-negative integers or null, each on its own", async () => {
    const quotas = { users: 5, reviewers: 0, readers: null };
    expect((await service.admin("POST", "/projects", { name: "A", quotas })).body.quotas).toEqual(quotas);
    const one = { name: "A", quotas: { readers: 7 } };
    expect((await service.admin("POST", "/projects", one)).body.quotas).toEqual({ ...unlimited, readers: 7 });
  });

  test.each([
    ["no name", {}, "name"],
    ["an empty name", { name: " " }, "name"],
    ["a name too long", { name: "x".repeat(201) }, "name"],
    ["a name that is no string", { name: 7 }, "name"],
    ["a negative quota", { name: "A", quotas: { users: -1 } }, "quotas.users"],
    ["a fraction", { name: "A", quotas: { readers: 1.5 } }, "quotas.readers"],
    ["a text", { name: "A", quotas: { reviewers: "1" } }, "quotas.reviewers"],
    ["an unknown quota", { name: "A", quotas: { admins: 1 } }, "quotas.admins"],
    ["an unknown field", { name: "A", plan: "gold" }, "plan"],
    ["an id", { name: "A", id: "mine" }, "id"],
  ])("%s: 400 validation_failed with its path", async (_, body, path) => {
    const refused = await service.admin("POST", "/projects", body);
    expectProblem(refused, 400, "validation_failed");
    expect(refused.body.errors.map((error: { path: string }) => error.path)).toContain(path);
    expect(refused.body.detail).toContain(path);
  });
});

describe("GET /projects/{projectId}", () => {
  test("the project, with the usage of this instant", async () => {
    const connection = await service.createConnection();
    const product = productOf(service, connection.project);
    await connection.scim("POST", "/Users", teamUser("u"));
    await connection.scim("POST", "/Users", user("r"));
    await connection.scim("POST", "/Users", user("inactive", { active: false }));
    await product.addMember({ userName: "v", type: "user", role: "reviewer" });
    expect(await product.usage()).toEqual({ users: 1, reviewers: 1, readers: 1 });
    const { items } = (await service.admin("GET", "/projects?limit=200")).body;
    const listed = items.find(({ id }: { id: string }) => id === connection.project.id);
    expect(listed.usage).toEqual({ users: 1, reviewers: 1, readers: 1 });
  });

  test.each(["0000000000000000", "nonsense", "%2e%2e", "__proto__"])("404 not_found for %s", async (id) => {
    for (const [method, body] of [
      ["GET", undefined],
      ["PATCH", { name: "X" }],
      ["DELETE", undefined],
    ] as const) {
      expectProblem(await service.admin(method, `/projects/${id}`, body), 404, "not_found");
    }
  });
});

describe("PATCH /projects/{projectId}", () => {
  test("name and quotas, each alone; what is left out stays", async () => {
    const { id } = await service.createProject({ quotas: { users: 3, readers: 4 } });
    time += 1_000;
    const renamed = (await service.admin("PATCH", `/projects/${id}`, { name: "New" })).body;
    expect(renamed).toMatchObject({ name: "New", quotas: { users: 3, reviewers: null, readers: 4 } });
    expect(renamed.updatedAt > renamed.createdAt).toBe(true);
    const changed = (
      await service.admin("PATCH", `/projects/${id}`, { quotas: { users: null, reviewers: 0 } })
    ).body;
    expect(changed).toMatchObject({ name: "New", quotas: { users: null, reviewers: 0, readers: 4 } });
    expect((await service.admin("GET", `/projects/${id}`)).body).toEqual(changed);
  });

  test("nothing: the project as it was", async () => {
    const { id } = await service.createProject();
    const before = (await service.admin("GET", `/projects/${id}`)).body;
    time += 1_000;
    expect((await service.admin("PATCH", `/projects/${id}`, {})).body).toEqual(before);
    expect((await service.admin("PATCH", `/projects/${id}`, { name: before.name })).body).toEqual(before);
  });

  test("lowering a quota below its usage evicts no one", async () => {
    const product = productOf(service, await service.createProject());
    for (const userName of ["a", "b", "c"]) await product.addMember({ userName, type: "reader" });
    const { body } = await product.admin("PATCH", "", { quotas: { readers: 1 } });
    expect([body.quotas.readers, body.usage.readers]).toEqual([1, 3]);
    expect((await product.admin("GET", "/members?status=active")).body.items).toHaveLength(3);
  });

  test.each([{ name: null }, { quotas: null }, { quotas: { users: "5" } }, { usage: none }])(
    "%j: 400 validation_failed",
    async (body) => {
      const { id } = await service.createProject();
      expectProblem(await service.admin("PATCH", `/projects/${id}`, body), 400, "validation_failed");
    },
  );
});

describe("DELETE /projects/{projectId}", () => {
  test("204; from then on 404, also for everything below", async () => {
    const { id } = await service.createProject();
    const product = productOf(service, { id });
    const member = await product.addMember({ userName: "gone", type: "reader" });
    const group = await product.addGroup("Gone");
    expect(await product.admin("DELETE", "")).toMatchObject({ status: 204, body: undefined });
    for (const [method, path, body] of [
      ["GET", "", undefined],
      ["PATCH", "", { name: "X" }],
      ["DELETE", "", undefined],
      ["GET", "/members", undefined],
      ["POST", "/members", { userName: "x", type: "reader" }],
      ["GET", `/members/${member.id}`, undefined],
      ["PATCH", `/members/${member.id}`, { access: "read" }],
      ["DELETE", `/members/${member.id}`, undefined],
      ["GET", "/connections", undefined],
      ["POST", "/connections", { name: "C" }],
      ["GET", "/groups", undefined],
      ["POST", "/groups", { displayName: "G" }],
      ["GET", `/groups/${group.id}`, undefined],
      ["PATCH", `/groups/${group.id}`, { access: "read" }],
      ["DELETE", `/groups/${group.id}`, undefined],
      ["GET", `/groups/${group.id}/members`, undefined],
      ["PUT", `/groups/${group.id}/members/${member.id}`, undefined],
      ["DELETE", `/groups/${group.id}/members/${member.id}`, undefined],
    ] as const) {
      expectProblem(await product.admin(method, path, body), 404, "not_found");
    }
  });

  test("409 not_empty while it has connections", async () => {
    const connection = await service.createConnection();
    const product = productOf(service, connection.project);
    await connection.scim("POST", "/Users", user("kept"));
    expectProblem(await product.admin("DELETE", ""), 409, "not_empty");
    expect(await product.memberNamed("kept")).toBeDefined();
    await product.admin("DELETE", `/connections/${connection.connection.id}`);
    expect((await product.admin("DELETE", "")).status).toBe(204);
    expectScimError(await connection.scim("GET", "/Users"), 401);
  });

  test("removes every trace of it: no item of the table names it any more", async () => {
    const { ScanCommand } = await import("@aws-sdk/client-dynamodb");
    const connection = await service.createConnection({ onDelete: "delete" });
    const product = productOf(service, connection.project);
    const sent = { externalId: "e", emails: [{ value: "a@x" }, { value: "b@x" }] };
    const { id } = (await connection.scim("POST", "/Users", user("trace", sent))).body;
    await connection.scim("POST", "/Users", user("trace-2", { externalId: "f" }));
    await connection.scim("DELETE", `/Users/${id}`);
    await connection.scim("POST", "/Users", user("trace"));
    await product.addMember({ userName: "by-hand", type: "user" });
    const traces = async () => {
      const scan = new ScanCommand({ TableName: service.table.tableName, ConsistentRead: true });
      const { Items, LastEvaluatedKey } = await service.table.client.send(scan);
      expect(LastEvaluatedKey).toBeUndefined();
      return (Items ?? []).filter((item) => JSON.stringify(item).includes(connection.project.id)).length;
    };
    expect(await traces()).toBeGreaterThan(10);
    await product.admin("DELETE", `/connections/${connection.connection.id}`);
    expect((await product.admin("DELETE", "")).status).toBe(204);
    expect(await traces()).toBe(0);
  });
});
