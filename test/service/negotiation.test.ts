import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestConnection, TestService } from "../support/service.ts";
import { startCheckedService } from "./checked-service.ts";
import { expectScimError } from "./product.ts";
import { group, user } from "./scim-messages.ts";

// URLs as administrators type them and IdPs build them, and media types.

let service: TestService;
let connection: TestConnection;
let id: string;
beforeAll(async () => {
  service = await startCheckedService();
  connection = await service.createConnection();
  id = (await connection.scim("POST", "/Users", user("someone@x.example"))).body.id;
});
afterAll(() => service.stop());

const raw = (path: string, headers: Record<string, string> = {}) =>
  service.scim("GET", path, { token: connection.token, headers });

describe("tolerated URLs", () => {
  const root = () => connection.baseUrl;
  test.each<[string, () => string]>([
    ["a trailing slash", () => `${root()}/Users/`],
    ["a trailing slash before the query (Microsoft's Postman set)", () => `${root()}/Users/?count=1`],
    ["a doubled slash", () => `${root()}//Users`],
    ["doubled slashes everywhere", () => `/scim//v2//${connection.connection.id}//Users//`],
    ["a base URL with a query of its own (Entra)", () => `${root()}/Users?aadOptscim062020&count=1`],
    ["a trailing ? and &", () => `${root()}/Users?count=1&`],
    ["another case of the endpoint", () => `${root()}/users`],
    ["another case of the version", () => `/scim/V2/${connection.connection.id}/Users`],
  ])("a list: %s", async (_, path) => {
    expect((await raw(path())).body).toMatchObject({ totalResults: 1, itemsPerPage: 1 });
  });

  test.each<[string, () => string]>([
    ["a trailing slash", () => `${root()}/Users/${id}/`],
    ["a trailing ? (OneLogin)", () => `${root()}/Users/${id}?`],
    ["doubled slashes", () => `${root()}//Users//${id}`],
    ["an escaped id", () => `${root()}/Users/${id.replaceAll("-", "%2D")}`],
    ["a query of the base URL in between", () => `${root()}/Users/${id}?aadOptscim062020`],
  ])("a user: %s; its location is the plain one", async (_, path) => {
    const { status, headers, body } = await raw(path());
    expect(status).toBe(200);
    expect(body.meta.location).toBe(`http://localhost${root()}/Users/${id}`);
    expect(headers["location"]).toBe(body.meta.location);
  });

  test.each<[string, (groupId: string) => string]>([
    ["a trailing slash", (groupId) => `${root()}/Groups/${groupId}/`],
    ["doubled slashes and another case of the endpoint", (groupId) => `${root()}//groups//${groupId}`],
    ["a query of the base URL in between", (groupId) => `${root()}/Groups/${groupId}?aadOptscim062020`],
  ])("a group: %s; its location is the plain one", async (_, path) => {
    const made = (await connection.scim("POST", "/Groups/", group("Slashes"))).body;
    const { status, headers, body } = await raw(path(made.id));
    expect([status, body]).toEqual([200, made]);
    expect(headers["location"]).toBe(`http://localhost${root()}/Groups/${made.id}`);
    expect((await raw(`${root()}/Groups/`)).body.totalResults).toBe(1);
    expect((await connection.scim("DELETE", `/Groups/${made.id}/`)).status).toBe(204);
  });

  test("POST to /Users/ creates", async () => {
    const created = await connection.scim("POST", "//Users/", user("slashes@x.example"));
    expect(created.status).toBe(201);
    expect(created.headers["location"]).toBe(`http://localhost${root()}/Users/${created.body.id}`);
    await connection.scim("DELETE", `/Users/${created.body.id}/`);
  });

  test("the location names the host and protocol the client used", async () => {
    const headers = { Host: "scim.example.com", "X-Forwarded-Proto": "https" };
    const { body } = await raw(`${root()}/Users/${id}`, headers);
    expect(body.meta.location).toBe(`https://scim.example.com${root()}/Users/${id}`);
  });

  test("HEAD is answered as GET", async () => {
    const head = await connection.scim("HEAD", `/Users/${id}`);
    expect([head.status, head.headers["etag"]]).toEqual([200, 'W/"1"']);
  });

  test("nothing below the connection is its root; no connection: 401", async () => {
    for (const path of [root(), `${root()}/`]) expect((await raw(path)).body.totalResults).toBe(1);
    expectScimError(await raw("/scim/v2"), 401);
  });
});

describe("Accept", () => {
  test.each([
    ["none", undefined, "application/scim+json"],
    ["application/scim+json", "application/scim+json", "application/scim+json"],
    ["*/*", "*/*", "application/scim+json"],
    ["application/*", "application/*", "application/scim+json"],
    ["both", "application/json, application/scim+json", "application/scim+json"],
    ["JSON and anything", "application/json;q=0.9, */*;q=0.1", "application/scim+json"],
    ["something else (Okta's charset header apart)", "text/html", "application/scim+json"],
    ["application/json alone", "application/json", "application/json"],
  ])("[6, 7, 9] %s: exactly the type, without parameters", async (_, accept, expected) => {
    const headers: Record<string, string> = accept === undefined ? {} : { Accept: accept };
    for (const path of [`/Users/${id}`, "/Users", "/ServiceProviderConfig", "/Users/nobody", "/Nothing"]) {
      const response = await connection.scim("GET", path, { headers });
      expect([path, response.headers["content-type"]]).toEqual([path, expected]);
    }
  });

  test("application/json with parameters, in any case", async () => {
    const response = await service.gateway.invoke({
      method: "GET",
      path: `${connection.baseUrl}/Users`,
      headers: [
        ["Authorization", `Bearer ${connection.token}`],
        ["accept", "Application/JSON; charset=utf-8"],
      ],
      body: Buffer.alloc(0),
      sourceIp: "127.0.0.1",
    });
    const [, type] = response.headers.find(([name]) => name.toLowerCase() === "content-type")!;
    expect(type).toBe("application/json");
  });
});

describe("Content-Type", () => {
  test.each([
    "application/scim+json",
    "application/json",
    "application/scim+json; charset=utf-8",
    "application/json;charset=UTF-8",
    "Application/SCIM+JSON",
  ])("[8] %s is taken", async (type) => {
    const userName = `${type} user`;
    const created = await connection.scim("POST", "/Users", {
      ...user(userName),
      headers: { "Content-Type": type },
    });
    // In any case the same name: only the first of the spellings creates.
    expect([201, 409]).toContain(created.status);
  });

  test("a body that says nothing of its type is tried as JSON", async () => {
    const request = { ...user("untyped@x.example"), headers: { "Content-Type": "" } };
    expect((await connection.scim("POST", "/Users", request)).status).toBe(201);
  });

  test("[6] UTF-8, a byte order mark before it included", async () => {
    const body = `\uFEFF${JSON.stringify(user("bom-Ż😀@x.example").body)}`;
    const headers = { "Content-Type": "application/scim+json; charset=utf-8" };
    const created = await connection.scim("POST", "/Users", { body, headers });
    expect([created.status, created.body.userName]).toEqual([201, "bom-Ż😀@x.example"]);
  });
});
