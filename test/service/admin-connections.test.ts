import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestProject, TestService } from "../support/service.ts";
import { startCheckedService } from "./checked-service.ts";
import { expectProblem, type Product, productOf } from "./product.ts";
import { teamUser } from "./scim-messages.ts";

let service: TestService;
let project: TestProject;
let product: Product;
let time = Date.parse("2026-01-01T00:00:00.000Z");
beforeAll(async () => {
  service = await startCheckedService({ clock: () => time });
  project = await service.createProject();
  product = productOf(service, project);
});
afterAll(() => service.stop());

const standard = {
  provider: "other",
  scimEnabled: true,
  onDelete: "deactivate",
  jit: false,
  uniqueGroupNames: false,
  defaults: { role: "contributor", userAccess: "none", readerAccess: "none", groupAccess: "none" },
};
const create = async (body: unknown) => (await product.admin("POST", "/connections", body)).body;

describe("POST /projects/{p}/connections", () => {
  test("201 with every member of a connection, and API.md's defaults", async () => {
    const { status, body } = await product.admin("POST", "/connections", { name: "SSO" });
    const now = new Date(time).toISOString();
    expect(status).toBe(201);
    expect(body).toEqual({
      id: expect.any(String),
      projectId: project.id,
      name: "SSO",
      ...standard,
      scimBaseUrl: `http://localhost/scim/v2/${body.id}`,
      inheritsFrom: null,
      childCount: 0,
      createdAt: now,
      updatedAt: now,
    });
  });

  test("with every setting given", async () => {
    const settings = {
      provider: "okta",
      scimEnabled: false,
      onDelete: "delete",
      jit: true,
      uniqueGroupNames: true,
      defaults: { role: "admin", userAccess: "write", readerAccess: "read", groupAccess: "read" },
    };
    const body = await create({ name: "All", ...settings });
    expect(body).toMatchObject(settings);
    expect((await product.admin("GET", `/connections/${body.id}`)).body).toEqual(body);
  });

  test("defaults in part: the others stay standard", async () => {
    const { defaults } = await create({ name: "Part", defaults: { userAccess: "read" } });
    expect(defaults).toEqual({ ...standard.defaults, userAccess: "read" });
  });

  test.each(["okta", "entra", "onelogin", "google", "jumpcloud", "ping", "other"])(
    "provider %s; uniqueGroupNames is true by default for entra alone",
    async (provider) => {
      const body = await create({ name: provider, provider });
      expect([body.provider, body.uniqueGroupNames]).toEqual([provider, provider === "entra"]);
    },
  );

  test("uniqueGroupNames given wins over entra's default", async () => {
    const body = await create({ name: "E", provider: "entra", uniqueGroupNames: false });
    expect(body.uniqueGroupNames).toBe(false);
  });

  test.each([
    ["name", {}],
    ["provider", { name: "A", provider: "keycloak" }],
    ["scimEnabled", { name: "A", scimEnabled: "true" }],
    ["onDelete", { name: "A", onDelete: "keep" }],
    ["jit", { name: "A", jit: 1 }],
    ["uniqueGroupNames", { name: "A", uniqueGroupNames: null }],
    ["defaults.role", { name: "A", defaults: { role: "reviewer" } }],
    ["defaults.userAccess", { name: "A", defaults: { userAccess: "admin" } }],
    ["defaults.other", { name: "A", defaults: { other: 1 } }],
    ["childCount", { name: "A", childCount: 1 }],
  ])("a wrong %s: 400 validation_failed with its path", async (path, body) => {
    const refused = await product.admin("POST", "/connections", body);
    expectProblem(refused, 400, "validation_failed");
    expect(refused.body.errors.map((error: { path: string }) => error.path)).toContain(path);
  });
});

describe("GET", () => {
  test("/projects/{p}/connections lists those of the project alone", async () => {
    const own = productOf(service, await service.createProject());
    const names = ["A", "B", "C"];
    for (const name of names) await own.admin("POST", "/connections", { name });
    const { items, nextCursor } = (await own.admin("GET", "/connections")).body;
    expect(items.map(({ name }: { name: string }) => name).sort()).toEqual(names);
    expect(nextCursor).toBeUndefined();
  });

  test.each(["000000000000000000000000", "nonsense"])("404 not_found for the connection %s", async (id) => {
    const path = `/connections/${id}`;
    expectProblem(await product.admin("GET", path), 404, "not_found");
    expectProblem(await product.admin("PATCH", path, { name: "X" }), 404, "not_found");
    expectProblem(await product.admin("DELETE", path), 404, "not_found");
  });

  test("404 not_found for a connection of another project, whatever is asked of it", async () => {
    const { connection } = await service.createConnection();
    const path = `/connections/${connection.id}`;
    for (const [method, below, body] of [
      ["GET", "", undefined],
      ["PATCH", "", { name: "X" }],
      ["DELETE", "", undefined],
      ["GET", "/tokens", undefined],
      ["POST", "/tokens", {}],
      ["POST", "/tokens/rotate", {}],
      ["DELETE", "/tokens/x", undefined],
    ] as const) {
      expectProblem(await product.admin(method, path + below, body), 404, "not_found");
    }
  });
});

describe("PATCH …/{c}", () => {
  test("each setting alone; what is left out stays, the defaults' parts as well", async () => {
    const { id, ...created } = await create({ name: "Before", defaults: { readerAccess: "read" } });
    time += 1_000;
    let expected = created;
    for (const change of [
      { name: "After" },
      { provider: "entra" },
      { scimEnabled: false },
      { onDelete: "delete" },
      { jit: true },
      { uniqueGroupNames: true },
      { defaults: { role: "admin" } },
      { defaults: { groupAccess: "write", userAccess: "read" } },
    ]) {
      const { status, body } = await product.admin("PATCH", `/connections/${id}`, change);
      const defaults = { ...expected.defaults, ...("defaults" in change && change.defaults) };
      expected = { ...expected, ...change, defaults, updatedAt: new Date(time).toISOString() };
      expect([status, body]).toEqual([200, { id, ...expected }]);
    }
    expect((await product.admin("GET", `/connections/${id}`)).body).toEqual({ id, ...expected });
  });

  test.each([{ name: "" }, { provider: null }, { inheritsFromNobody: 1 }, { id: "x" }, { defaults: null }])(
    "%j: 400 validation_failed",
    async (body) => {
      const { id } = await create({ name: "Strict" });
      expectProblem(await product.admin("PATCH", `/connections/${id}`, body), 400, "validation_failed");
    },
  );

  test("changed defaults count for new users, and leave others alone", async () => {
    const connection = await service.createConnection({}, project);
    await connection.scim("POST", "/Users", teamUser("old"));
    const defaults = { role: "admin", userAccess: "write" };
    await product.admin("PATCH", `/connections/${connection.connection.id}`, { defaults });
    await connection.scim("POST", "/Users", teamUser("new"));
    expect(await product.memberNamed("old")).toMatchObject({ role: "contributor", access: "none" });
    expect(await product.memberNamed("new")).toMatchObject({ role: "admin", access: "write" });
  });

  test("tokens go on when settings change", async () => {
    const connection = await service.createConnection({}, project);
    await product.admin("PATCH", `/connections/${connection.connection.id}`, { name: "Renamed" });
    expect((await connection.scim("GET", "/Users")).status).toBe(200);
  });
});

describe("DELETE …/{c}", () => {
  test("204; its members stay, unmanaged, with type, role, access and seat", async () => {
    const connection = await service.createConnection({}, project);
    await connection.scim("POST", "/Users", teamUser("left-behind"));
    const { id } = await product.memberNamed("left-behind");
    await product.admin("PATCH", `/members/${id}`, { role: "reviewer", access: "write" });
    const before = await product.member(id);
    const path = `/connections/${connection.connection.id}`;
    expect(await product.admin("DELETE", path)).toMatchObject({ status: 204, body: undefined });
    expect(await product.member(id)).toEqual({ ...before, managedBy: null });
    expect((await product.admin("PATCH", `/members/${id}`, { displayName: "Free" })).status).toBe(200);
    expect((await product.admin("DELETE", `/members/${id}`)).status).toBe(204);
    expectProblem(await product.admin("DELETE", path), 404, "not_found");
    expectProblem(await product.admin("GET", path), 404, "not_found");
  });
});
