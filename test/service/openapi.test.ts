import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestService } from "../support/service.ts";
import {
  type OpenApiDocument,
  type OpenApiOperation,
  operationAt,
  startCheckedService,
} from "./checked-service.ts";
import { resolveRef, schemaFaults } from "./json-schema.ts";
import { productOf } from "./product.ts";
import { user } from "./scim-messages.ts";

// That real answers are as documented, checked-service.ts looks at in every test of this folder.

let service: TestService;
// biome-ignore lint/suspicious/noExplicitAny: the document is what is tested
let document: any;
beforeAll(async () => {
  service = await startCheckedService();
  document = (await service.admin("GET", "/openapi.json")).body;
});
afterAll(() => service.stop());

const operations = (): { path: string; method: string; operation: OpenApiOperation }[] =>
  Object.entries((document as OpenApiDocument).paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  );

/** Every object of the document, with its place. */
function* nodes(node: unknown, at = "#"): Iterable<readonly [string, Record<string, unknown>]> {
  if (typeof node !== "object" || node === null) return;
  if (!Array.isArray(node)) yield [at, node as Record<string, unknown>];
  for (const [name, child] of Object.entries(node)) yield* nodes(child, `${at}/${name}`);
}

describe("GET /admin/v1/openapi.json is valid OpenAPI 3.1 in structure", () => {
  test("its head", () => {
    expect(document).toMatchObject({
      openapi: expect.stringMatching(/^3\.1\.\d$/),
      info: { title: expect.any(String), version: expect.any(String) },
      servers: [{ url: "http://localhost/admin/v1" }],
    });
    expect(Object.keys(document.components.securitySchemes)).toEqual(
      document.security.flatMap((requirement: object) => Object.keys(requirement)),
    );
  });

  test("paths begin with a slash, and only methods are below them", () => {
    for (const { path, method } of operations()) {
      expect(path).toMatch(/^\/([a-z-]+|\{[a-zA-Z]+\})(\/([a-z-]+|\{[a-zA-Z]+\}))*$/);
      expect(["get", "post", "put", "patch", "delete"]).toContain(method);
    }
  });

  test("operation ids are unique; each operation has a summary and responses with a description", () => {
    const ids = operations().map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { operation } of operations()) {
      expect(operation).toMatchObject({ operationId: expect.any(String), summary: expect.any(String) });
      expect(Object.keys(operation.responses).some((status) => status.startsWith("2"))).toBe(true);
      for (const [status, response] of Object.entries(operation.responses)) {
        expect(status).toMatch(/^([2-5]\d\d|default)$/);
        expect(response.description).not.toBe("");
      }
    }
  });

  test("every parameter of a path is declared, required, and nothing else is in the path", () => {
    for (const { path, operation } of operations()) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const declared = (operation.parameters ?? []).filter((parameter) => parameter.in === "path");
      expect([path, declared.map(({ name }) => name)]).toEqual([path, inPath]);
      for (const parameter of declared)
        expect(parameter).toMatchObject({ required: true, schema: { type: "string" } });
      const names = (operation.parameters ?? []).map((parameter) => `${parameter.in} ${parameter.name}`);
      expect(new Set(names).size).toBe(names.length);
    }
  });

  test("every $ref resolves; every component is used", () => {
    const used = new Set<string>();
    for (const [at, node] of nodes(document)) {
      if (typeof node["$ref"] !== "string") continue;
      expect([at, node["$ref"], resolveRef(document, node["$ref"]) !== undefined]).toEqual([
        at,
        node["$ref"],
        true,
      ]);
      used.add(node["$ref"]);
    }
    for (const name of Object.keys(document.components.schemas)) {
      expect([name, used.has(`#/components/schemas/${name}`)]).toEqual([name, true]);
    }
  });

  test("every schema has only keywords of JSON Schema that are checked here", () => {
    const places = operations().flatMap(({ operation }) => [
      ...Object.values(operation.responses).flatMap(({ content }) => Object.values(content ?? {})),
      ...Object.values(operation.requestBody?.content ?? {}),
    ]);
    const schemas = [...places.map(({ schema }) => schema), ...Object.values(document.components.schemas)];
    for (const schema of schemas) {
      // Any value will do: an unknown keyword is a fault of its own.
      expect(schemaFaults(document, schema, {}).filter((fault) => fault.includes("does not know"))).toEqual(
        [],
      );
    }
  });

  test("bodies are closed: unknown fields are refused, and the document says so", () => {
    for (const { operation } of operations()) {
      for (const { schema } of Object.values(operation.requestBody?.content ?? {})) {
        expect([
          operation.operationId,
          (schema as { additionalProperties?: unknown }).additionalProperties,
        ]).toEqual([operation.operationId, false]);
      }
    }
  });

  test("the problem of every refusal is documented", () => {
    const problem = { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } };
    for (const { operation } of operations()) {
      for (const status of ["400", "404", "default"])
        expect(operation.responses[status]?.content).toEqual(problem);
    }
  });
});

describe("it documents what API.md §3 names, and what it documents is there", () => {
  const documented = [
    "POST /projects",
    "GET /projects",
    "GET /projects/{projectId}",
    "PATCH /projects/{projectId}",
    "DELETE /projects/{projectId}",
    "POST /projects/{projectId}/connections",
    "GET /projects/{projectId}/connections",
    "GET /projects/{projectId}/connections/{connectionId}",
    "PATCH /projects/{projectId}/connections/{connectionId}",
    "DELETE /projects/{projectId}/connections/{connectionId}",
    "POST /projects/{projectId}/connections/{connectionId}/tokens",
    "POST /projects/{projectId}/connections/{connectionId}/tokens/rotate",
    "GET /projects/{projectId}/connections/{connectionId}/tokens",
    "DELETE /projects/{projectId}/connections/{connectionId}/tokens/{tokenId}",
    "GET /projects/{projectId}/members",
    "POST /projects/{projectId}/members",
    "GET /projects/{projectId}/members/{memberId}",
    "PATCH /projects/{projectId}/members/{memberId}",
    "DELETE /projects/{projectId}/members/{memberId}",
    "GET /projects/{projectId}/groups",
    "POST /projects/{projectId}/groups",
    "GET /projects/{projectId}/groups/{groupId}",
    "PATCH /projects/{projectId}/groups/{groupId}",
    "DELETE /projects/{projectId}/groups/{groupId}",
    "GET /projects/{projectId}/groups/{groupId}/members",
    "PUT /projects/{projectId}/groups/{groupId}/members/{memberId}",
    "DELETE /projects/{projectId}/groups/{groupId}/members/{memberId}",
    "GET /projects/{projectId}/sync-failures",
    "POST /projects/{projectId}/sync-failures/{failureId}/retry",
    "DELETE /projects/{projectId}/sync-failures/{failureId}",
  ];

  test.each(documented)("%s", (line) => {
    const [method, path] = line.split(" ") as [string, string];
    expect(document.paths[path]?.[method.toLowerCase()]).toBeDefined();
  });

  test("every operation is reachable: it answers its documented success", async () => {
    const connection = await service.createConnection();
    const product = productOf(service, connection.project);
    await connection.scim("POST", "/Users", user("documented"));
    await connection.scim("POST", "/Users", user("documented"));
    const [failure] = (await product.admin("GET", "/sync-failures")).body.items;
    const member = await product.addMember({ userName: "documented-2", type: "reader" });
    const group = await product.addGroup("Documented");
    const spare = await service.createProject();
    const tokens = `/connections/${connection.connection.id}/tokens`;
    const [{ id: tokenId }] = (await product.admin("GET", tokens)).body.items;
    const doomed = (await product.admin("POST", "/connections", { name: "Doomed" })).body;

    const bodies: Readonly<Record<string, unknown>> = {
      createProject: { name: "A" },
      patchProject: { name: "B" },
      createConnection: { name: "C" },
      patchConnection: { name: "D" },
      createToken: {},
      rotateTokens: {},
      signIn: { subject: "documented" },
      createMember: { userName: "documented-3", type: "user" },
      patchMember: { access: "read" },
      createGroup: { displayName: "Documented 2" },
      patchGroup: { access: "read" },
    };
    const ids: Readonly<Record<string, Readonly<Record<string, string>>>> = {
      deleteProject: { projectId: spare.id },
      deleteConnection: { connectionId: doomed.id },
    };
    const standard = {
      projectId: product.project.id,
      connectionId: connection.connection.id,
      tokenId,
      memberId: member.id,
      groupId: group.id,
      failureId: failure.id,
    };
    // Deletions after everything that needs what they delete, and a token is rotated away only after its deletion.
    const rank = (id: string) =>
      id === "rotateTokens" ? 2 : id.startsWith("delete") || id.startsWith("dismiss") ? 1 : 0;
    // Nothing is inherited here.
    const successes: Readonly<Record<string, string>> = { retrySyncFailure: "409", syncConnection: "409" };
    const inOrder = operations().sort(
      (a, b) => rank(a.operation.operationId) - rank(b.operation.operationId),
    );
    for (const { path, method, operation } of inOrder) {
      const names: Readonly<Record<string, string>> = { ...standard, ...ids[operation.operationId] };
      const real = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => names[name]!);
      const response = await service.admin(method.toUpperCase(), real, bodies[operation.operationId]);
      const success =
        successes[operation.operationId] ??
        Object.keys(operation.responses).find((status) => status.startsWith("2"));
      expect([operation.operationId, String(response.status)]).toEqual([operation.operationId, success]);
    }
  });

  test.each([
    ["GET", "/members", ["connectionId", "cursor", "limit", "managed", "q", "status", "type"]],
    ["GET", "/groups", ["connectionId", "cursor", "limit", "q", "type"]],
    ["GET", "/groups/g/members", ["cursor", "limit"]],
    ["DELETE", "/groups/g", ["force"]],
  ])("the query parameters of %s %s", (method, path, names) => {
    const { parameters } = operationAt(document, method, `/projects/p${path}`)!;
    const documented = parameters!.filter((parameter) => parameter.in === "query").map(({ name }) => name);
    expect(documented.sort()).toEqual(names);
  });
});

describe("the check itself", () => {
  const schema = {
    type: "object",
    properties: {
      a: { anyOf: [{ type: "integer", minimum: 0 }, { type: "null" }] },
      b: { enum: ["x", "y"] },
    },
    required: ["a"],
    additionalProperties: false,
  };
  test.each([
    [{ a: 1, b: "x" }, 0],
    [{ a: null }, 0],
    [{ a: -1 }, 2],
    [{}, 1],
    [{ a: 1, b: "z" }, 1],
    [{ a: 1, c: 1 }, 1],
    ["text", 1],
  ])("%j has %i faults", (value, count) => {
    expect(schemaFaults({}, schema, value)).toHaveLength(count);
  });
});
