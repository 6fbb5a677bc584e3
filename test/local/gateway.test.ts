import type { APIGatewayProxyEvent, APIGatewayProxyResult, Context } from "aws-lambda";
import { describe, expect, test } from "vitest";
import {
  createGateway,
  type GatewayOptions,
  type GatewayRequest,
  gatewayPayloadBytesMax,
} from "../../bin/local/gateway.ts";
import { routes } from "../../lambda/http/routes.ts";

interface Seen {
  functionName: string;
  event: APIGatewayProxyEvent;
  context: Context;
}

/** A gateway over the real routes whose handlers note what they get and answer `result`. */
function gatewayAnswering(
  result: () => Promise<unknown> = async () => ({ statusCode: 200, body: "{}" }),
  options: Partial<GatewayOptions> = {},
) {
  const seen: Seen[] = [];
  const handler = (functionName: string) => (event: APIGatewayProxyEvent, context: Context) => {
    seen.push({ functionName, event, context });
    return result() as Promise<APIGatewayProxyResult>;
  };
  const gateway = createGateway({
    routes,
    handlers: {
      users: handler("users"),
      groups: handler("groups"),
      bulk: handler("bulk"),
      discovery: handler("discovery"),
      fallback: handler("fallback"),
      admin: handler("admin"),
    },
    onHandlerError: () => {},
    ...options,
  });
  const invoke = async (path: string, request: Partial<GatewayRequest> = {}) => {
    const response = await gateway.invoke({
      method: "GET",
      path,
      headers: [["Host", "127.0.0.1:3000"]],
      body: Buffer.alloc(0),
      sourceIp: "127.0.0.1",
      ...request,
    });
    const text = response.body.toString("utf8");
    const header = (name: string) => response.headers.find(([each]) => each.toLowerCase() === name)?.[1];
    return { ...response, text, header, seen: seen.at(-1) };
  };
  return { invoke };
}

describe("routing", () => {
  test.each([
    ["/scim/v2/c1/Users", "users", { connectionId: "c1" }],
    ["/scim/v2/c1/Users/u1", "users", { connectionId: "c1", id: "u1" }],
    ["/scim/v2/c1/Users/a%2Fb%20c", "users", { connectionId: "c1", id: "a/b c" }],
    ["/scim/v2/c1/Users/%E0%A4", "users", { connectionId: "c1", id: "%E0%A4" }],
    ["/scim/v2/c1/Schemas/urn%3Aietf%3Ax", "discovery", { connectionId: "c1", urn: "urn:ietf:x" }],
    ["/scim/v2/c1/Users/", "fallback", { proxy: "v2/c1/Users/" }],
    ["/scim/v2/c1//Users", "fallback", { proxy: "v2/c1//Users" }],
    ["/scim//v2/c1/Users", "fallback", { proxy: "/v2/c1/Users" }],
    ["/scim/v2/c1/users", "fallback", { proxy: "v2/c1/users" }],
    ["/admin/v1/projects/p1", "admin", { proxy: "projects/p1" }],
    ["/healthz", "discovery", null],
  ])("%s reaches %s", async (path, functionName, pathParameters) => {
    const { seen } = await gatewayAnswering().invoke(path);
    expect([seen?.functionName, seen?.event.pathParameters]).toEqual([functionName, pathParameters]);
  });

  test.each([
    ["GET", "/"],
    ["GET", "/admin"],
    ["GET", "/admin/v2/projects"],
    ["GET", "/%61dmin/v1/projects"],
    ["GET", "//admin/v1/projects"],
    ["POST", "/healthz"],
    ["GET", ""],
  ])("%s %s is answered as API Gateway answers what it does not know", async (method, path) => {
    const response = await gatewayAnswering().invoke(path, { method });
    expect(response.seen).toBeUndefined();
    expect(response.status).toBe(404);
    expect(JSON.parse(response.text)).toMatchObject({
      status: "404",
      detail: expect.stringContaining("/scim/v2"),
    });
    expect(response.header("x-amzn-errortype")).toBe("MissingAuthenticationTokenException");
  });

  test("with a stage, URLs begin with it and the handler sees both forms of the path", async () => {
    const { invoke } = gatewayAnswering(undefined, { stage: "v1" });
    const { seen } = await invoke("/v1/scim/v2/c1/Users?count=1");
    expect(seen?.event.path).toBe("/scim/v2/c1/Users");
    expect(seen?.event.requestContext).toMatchObject({ path: "/v1/scim/v2/c1/Users", stage: "v1" });
    expect((await invoke("/scim/v2/c1/Users")).status).toBe(404);
  });
});

describe("event", () => {
  test("keeps the case of header names and all values, the last one in the single form", async () => {
    const { seen } = await gatewayAnswering().invoke("/healthz", {
      headers: [
        ["HOST", "example.test:8080"],
        ["X-Twice", "one"],
        ["x-twice", "two"],
        ["__proto__", "harmless"],
      ],
    });
    expect(seen?.event.headers["X-Twice"]).toBe("two");
    expect(seen?.event.multiValueHeaders["X-Twice"]).toEqual(["one", "two"]);
    expect(Object.getOwnPropertyDescriptor(seen?.event.headers, "__proto__")?.value).toBe("harmless");
    expect(seen?.event.requestContext.domainName).toBe("example.test:8080");
  });

  test("says where the request came from, keeping what a tunnel said before", async () => {
    const { seen } = await gatewayAnswering().invoke("/healthz", {
      headers: [
        ["Host", "rollcall.tunnel.example"],
        ["User-Agent", "Okta SCIM Client 1.0.0"],
        ["X-Forwarded-For", "203.0.113.9"],
        ["X-Forwarded-Proto", "https"],
      ],
    });
    expect(seen?.event.headers["X-Forwarded-For"]).toBe("203.0.113.9, 127.0.0.1");
    expect(seen?.event.headers["X-Forwarded-Proto"]).toBe("https");
    expect(seen?.event.requestContext.identity).toMatchObject({
      sourceIp: "127.0.0.1",
      userAgent: "Okta SCIM Client 1.0.0",
    });
  });

  test.each([
    ["?filter=userName+eq+%22a%2Bb%40c.d%22&", { filter: 'userName eq "a+b@c.d"' }],
    ["?aadOptscim062020&count=1", { aadOptscim062020: "", count: "1" }],
    ["?a=1&a=2", { a: "2" }],
    ["?__proto__=1", Object.fromEntries([["__proto__", "1"]])],
    ["?", null],
    ["", null],
  ])("query %s", async (query, expected) => {
    const { seen } = await gatewayAnswering().invoke(`/healthz${query}`);
    expect(seen?.event.queryStringParameters).toEqual(expected);
  });

  test("all values of a repeated query parameter are there", async () => {
    const { seen } = await gatewayAnswering().invoke("/healthz?a=1&b=2&a=3");
    expect(seen?.event.multiValueQueryStringParameters).toEqual({ a: ["1", "3"], b: ["2"] });
  });

  test("has the route, the stage, an id of the request, and null for no body", async () => {
    const { seen } = await gatewayAnswering().invoke("/scim/v2/c1/Users/u%201?x=1");
    expect(seen?.event).toMatchObject({
      resource: "/scim/v2/{connectionId}/Users/{id}",
      path: "/scim/v2/c1/Users/u%201",
      httpMethod: "GET",
      body: null,
      isBase64Encoded: false,
      stageVariables: null,
      requestContext: {
        resourcePath: "/scim/v2/{connectionId}/Users/{id}",
        path: "/scim/v2/c1/Users/u%201",
        httpMethod: "GET",
        stage: "local",
        requestId: expect.stringMatching(/^[-0-9a-f]{36}$/),
      },
    });
  });

  test("a body is text", async () => {
    const { seen } = await gatewayAnswering().invoke("/scim/v2/c1/Users", {
      method: "POST",
      body: Buffer.from('{"userName":"bjørn"}'),
    });
    expect(seen?.event.body).toBe('{"userName":"bjørn"}');
  });

  test("only routes under IAM say who signed", async () => {
    const { invoke } = gatewayAnswering();
    expect((await invoke("/admin/v1/projects")).seen?.event.requestContext.identity.userArn).toMatch(
      /user\/local$/,
    );
    expect((await invoke("/scim/v2/c1/Users")).seen?.event.requestContext.identity.userArn).toBeNull();
  });

  test("the context counts the time down", async () => {
    const { seen } = await gatewayAnswering(undefined, { timeoutMilliseconds: 5_000 }).invoke("/healthz");
    expect(seen?.context.functionName).toBe("discovery");
    const remaining = seen?.context.getRemainingTimeInMillis() ?? 0;
    expect(remaining).toBeGreaterThan(0);
    expect(remaining).toBeLessThanOrEqual(5_000);
  });
});

describe("response", () => {
  const answering = (result: unknown) => gatewayAnswering(async () => result).invoke("/scim/v2/c1/Users");

  test("status, headers, repeated headers and body are passed on", async () => {
    const response = await answering({
      statusCode: 201,
      headers: { ETag: 'W/"1"', "x-many": "dropped" },
      multiValueHeaders: { "X-Many": ["1", "2"] },
      body: "ü",
    });
    expect(response.status).toBe(201);
    expect(response.header("etag")).toBe('W/"1"');
    expect(response.headers.filter(([name]) => name.toLowerCase() === "x-many")).toEqual([
      ["X-Many", "1"],
      ["X-Many", "2"],
    ]);
    expect(response.text).toBe("ü");
    expect(response.header("content-type")).toBe("application/json");
  });

  test("a base64 body is decoded", async () => {
    const response = await answering({ statusCode: 200, body: "3q2+7w==", isBase64Encoded: true });
    expect(response.body.toString("hex")).toBe("deadbeef");
  });

  test.each([
    ["nothing", undefined],
    ["no status", { body: "{}" }],
    ["a body that is not text", { statusCode: 200, body: {} }],
    ["a header that cannot be sent", { statusCode: 200, headers: { Location: "a\nb" }, body: "" }],
    ["more than Lambda returns", { statusCode: 200, body: "x".repeat(6 * 1024 * 1024 + 1) }],
  ])("%s from a handler is a 502", async (_, result) => {
    expect((await answering(result)).status).toBe(502);
  });
});

describe("gateway errors", () => {
  const scimError = (status: number) => ({
    schemas: ["urn:ietf:params:scim:api:messages:2.0:Error"],
    status: String(status),
    detail: expect.any(String),
  });

  test("a handler that throws is a 502, a SCIM error wherever it happens, as deployed", async () => {
    const errors: unknown[] = [];
    const { invoke } = gatewayAnswering(() => Promise.reject(new Error("secret detail")), {
      onHandlerError: (error) => errors.push(error),
    });
    const scim = await invoke("/scim/v2/c1/Users");
    expect([scim.status, scim.header("content-type")]).toEqual([502, "application/scim+json"]);
    expect(JSON.parse(scim.text)).toEqual(scimError(502));
    expect(scim.text).not.toContain("secret");
    expect(JSON.parse((await invoke("/admin/v1/projects")).text)).toEqual(scimError(502));
    expect(errors).toHaveLength(2);
  });

  test("with a limit, requests beyond it wait their turn", async () => {
    const finish: (() => void)[] = [];
    const { invoke } = gatewayAnswering(
      () => new Promise((resolve) => finish.push(() => resolve({ statusCode: 204, body: "" }))),
      { concurrencyMax: 2 },
    );
    const settled = () => new Promise((resolve) => setImmediate(resolve));
    const answers = ["a", "b", "c", "d"].map((id) => invoke(`/scim/v2/c1/Users/${id}`));
    await settled();
    expect(finish).toHaveLength(2);
    finish[1]?.();
    await answers[1];
    await settled();
    expect(finish).toHaveLength(3);
    finish[0]?.();
    finish[2]?.();
    await Promise.all([answers[0], answers[2]]);
    await settled();
    finish[3]?.();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([204, 204, 204, 204]);
  });

  test("a handler that never answers is a 504", async () => {
    const { invoke } = gatewayAnswering(() => new Promise(() => {}), { timeoutMilliseconds: 10 });
    const response = await invoke("/scim/v2/c1/Users");
    expect(response.status).toBe(504);
    expect(JSON.parse(response.text)).toEqual(scimError(504));
  });

  test("a body over the AWS quota is a 413, one at the quota is taken", async () => {
    const { invoke } = gatewayAnswering();
    const post = (bytes: number) =>
      invoke("/scim/v2/c1/Users", { method: "POST", body: Buffer.alloc(bytes, "x") });
    const refused = await post(gatewayPayloadBytesMax + 1);
    expect(refused.status).toBe(413);
    expect(JSON.parse(refused.text)).toEqual(scimError(413));
    expect((await post(gatewayPayloadBytesMax)).status).toBe(200);
  });
});
