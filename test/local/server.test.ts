import { once } from "node:events";
import { Agent, request as httpRequest, type IncomingHttpHeaders, type RequestOptions } from "node:http";
import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { refuseForeignAdminRequest } from "../../bin/local/admin-guard.ts";
import {
  type Gateway,
  type GatewayRequest,
  type GatewayResponse,
  gatewayPayloadBytesMax,
} from "../../bin/local/gateway.ts";
import { type LocalServer, startLocalServer } from "../../bin/local/server.ts";

const servers: LocalServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.drain()));
});

type Answer = (request: GatewayRequest) => Promise<Partial<GatewayResponse>>;

/** A server over a gateway that notes what it gets. Without `answer` it echoes the body. */
async function startServer(answer: Answer = async ({ body }) => ({ body })) {
  const seen: GatewayRequest[] = [];
  const gateway: Gateway = {
    async invoke(request) {
      seen.push(request);
      return { status: 200, headers: [], body: Buffer.alloc(0), ...(await answer(request)) };
    },
  };
  const server = await startLocalServer(gateway, 0);
  servers.push(server);
  return { server, seen, port: Number(new URL(server.origin).port) };
}

interface Received {
  status: number | undefined;
  headers: IncomingHttpHeaders;
  text: string;
}

async function send(port: number, options: RequestOptions, body?: string | Buffer): Promise<Received> {
  const request = httpRequest({ host: "127.0.0.1", port, ...options });
  request.end(body);
  const [response] = await once(request, "response");
  response.setEncoding("utf8");
  let text = "";
  for await (const chunk of response) text += chunk;
  return { status: response.statusCode, headers: response.headers, text };
}

/** Everything the server says on a connection until it closes it. */
async function readToEnd(socket: Socket): Promise<string> {
  let text = "";
  socket.setEncoding("utf8");
  for await (const chunk of socket) text += chunk;
  return text;
}

async function sendRaw(port: number, text: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.write(text);
  return readToEnd(socket);
}

function gate(): { promise: Promise<void>; open: () => void } {
  let open = (): void => {};
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { promise, open };
}

describe("HTTP", () => {
  test("method, raw path, header case and body reach the gateway", async () => {
    const { port, seen } = await startServer();
    const response = await send(
      port,
      { method: "PUT", path: "/scim//v2/a%2Fb?", headers: { "X-MiXed": "1" } },
      "bjørn",
    );
    expect(response).toMatchObject({ status: 200, text: "bjørn" });
    expect(seen[0]).toMatchObject({ method: "PUT", path: "/scim//v2/a%2Fb?", sourceIp: "127.0.0.1" });
    expect(seen[0]?.headers).toContainEqual(["X-MiXed", "1"]);
  });

  test("a chunked body is put together", async () => {
    const { port } = await startServer();
    const response = await send(
      port,
      { method: "POST", path: "/x", headers: { "Transfer-Encoding": "chunked" } },
      "ab",
    );
    expect(response.text).toBe("ab");
  });

  test("Expect: 100-continue is answered before the body", async () => {
    const { port } = await startServer();
    const request = httpRequest({
      port,
      host: "127.0.0.1",
      method: "POST",
      path: "/x",
      headers: { Expect: "100-continue" },
    });
    request.flushHeaders();
    await once(request, "continue");
    request.end("late");
    const [response] = await once(request, "response");
    response.setEncoding("utf8");
    expect((await response.toArray()).join("")).toBe("late");
  });

  test("HEAD has the length of the body and no body", async () => {
    const { port } = await startServer(async () => ({ body: Buffer.from("12345") }));
    const response = await send(port, { method: "HEAD", path: "/x" });
    expect(response).toMatchObject({ status: 200, text: "" });
    expect(response.headers["content-length"]).toBe("5");
  });

  test("204 has neither body nor length, repeated headers are all sent", async () => {
    const { port } = await startServer(async () => ({
      status: 204,
      headers: [
        ["Set-Cookie", "a"],
        ["Set-Cookie", "b"],
      ],
      body: Buffer.from("dropped"),
    }));
    const response = await send(port, { path: "/x" });
    expect(response).toMatchObject({ status: 204, text: "" });
    expect(response.headers["content-length"]).toBeUndefined();
    expect(response.headers["set-cookie"]).toEqual(["a", "b"]);
  });

  test.each([
    ["declared", { "Content-Length": String(gatewayPayloadBytesMax + 1) }],
    ["chunked", { "Transfer-Encoding": "chunked" }],
  ])("a body over the quota, %s, is a 413 that the client gets to read", async (_, headers) => {
    const { port, seen } = await startServer();
    const response = await send(
      port,
      { method: "POST", path: "/scim/v2/c/Users", headers },
      Buffer.alloc(gatewayPayloadBytesMax + 1),
    );
    expect(response.status).toBe(413);
    expect(JSON.parse(response.text)).toMatchObject({ status: "413" });
    expect(seen).toEqual([]);
  });

  test.each([
    ["what is not HTTP", "hello there\r\n\r\n", 400],
    ["a broken header", "GET / HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n", 400],
    ["no Host", "GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", 400],
    [
      "an absolute target",
      "GET http://localhost/admin/v1/projects HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
      400,
    ],
    ["a head without end", `GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${"x".repeat(20_000)}\r\n\r\n`, 431],
  ])("%s is refused tidily", async (_, text, status) => {
    const { port, seen } = await startServer();
    expect(await sendRaw(port, text)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(seen).toEqual([]);
  });

  test("garbage does not disturb the next request", async () => {
    const { port } = await startServer();
    await sendRaw(port, "\0\0\0\r\n\r\n");
    expect((await send(port, { path: "/x" })).status).toBe(200);
  });

  test("a port in use is said in one line", async () => {
    const { port } = await startServer();
    const gateway: Gateway = { invoke: () => Promise.reject(new Error("not reached")) };
    await expect(startLocalServer(gateway, port)).rejects.toThrow(`port ${port} is in use`);
  });
});

describe("drain", () => {
  test("finishes the request that has begun and closes its connection", async () => {
    const entered = gate();
    const release = gate();
    const { port, server } = await startServer(async () => {
      entered.open();
      await release.promise;
      return { body: Buffer.from("done") };
    });
    const agent = new Agent({ keepAlive: true });
    const pending = send(port, { path: "/x", agent });
    await entered.promise;
    const drained = server.drain();
    release.open();
    expect(await pending).toMatchObject({ status: 200, text: "done", headers: { connection: "close" } });
    await drained;
    agent.destroy();
  });

  test("closes connections that are idle, whether used before or never", async () => {
    const { port, server } = await startServer();
    const unused = connect(port, "127.0.0.1");
    await once(unused, "connect");
    const agent = new Agent({ keepAlive: true });
    await send(port, { path: "/x", agent });
    await server.drain();
    await readToEnd(unused).catch(() => "");
    agent.destroy();
  });

  test("accepts nothing new", async () => {
    const { port, server } = await startServer();
    await server.drain();
    await expect(send(port, { path: "/x" })).rejects.toThrow("ECONNREFUSED");
  });
});

describe("the admin API answers only this machine", () => {
  const ask = (headers: [string, string][], sourceIp = "127.0.0.1") =>
    refuseForeignAdminRequest({
      method: "GET",
      path: "/admin/v1/projects",
      headers,
      body: Buffer.alloc(0),
      sourceIp,
    });

  test.each([
    [[["Host", "localhost:3000"]]],
    [[["host", "LOCALHOST"]]],
    [[["Host", "127.0.0.1:3000"]]],
    [[["Host", "[::1]:3000"]]],
    [[["Host", "[::1]"]]],
    [
      [
        ["Host", "localhost:3000"],
        ["Origin", "http://localhost:3000"],
      ],
    ],
    [
      [
        ["Host", "127.0.0.1"],
        ["Origin", "http://127.0.0.1"],
      ],
    ],
  ] as [string, string][][][])("taken: %j", (headers) => {
    expect(ask(headers)).toBeUndefined();
  });

  test.each([
    [[], "Host"],
    [[["Host", "evil.example"]], "Host"],
    [[["Host", "localhost.evil.example:3000"]], "Host"],
    [[["Host", "127.0.0.1.nip.io"]], "Host"],
    [[["Host", ""]], "Host"],
    [
      [
        ["Host", "localhost"],
        ["Host", "evil.example"],
      ],
      "Host",
    ],
    [
      [
        ["Host", "localhost:3000"],
        ["Origin", "http://evil.example"],
      ],
      "Origin",
    ],
    [
      [
        ["Host", "localhost:3000"],
        ["Origin", "null"],
      ],
      "Origin",
    ],
    [
      [
        ["Host", "localhost:3000"],
        ["Origin", "http://localhost:4000"],
      ],
      "Origin",
    ],
    [
      [
        ["Host", "localhost:3000"],
        ["Origin", "https://localhost:3000"],
      ],
      "Origin",
    ],
    [
      [
        ["Host", "localhost:3000"],
        ["X-Forwarded-For", "203.0.113.9"],
      ],
      "proxy",
    ],
  ] as [[string, string][], string][])("refused: %j names %s", (headers, reason) => {
    expect(ask(headers)).toContain(reason);
  });

  test("a peer elsewhere is refused", () => {
    expect(ask([["Host", "localhost"]], "192.0.2.1")).toContain("192.0.2.1");
    expect(ask([["Host", "localhost"]], "::1")).toBeUndefined();
  });

  test("over HTTP: 403 problem+json with the reason, while SCIM is open to a tunnel", async () => {
    const { port, seen } = await startServer();
    const headers = { Host: "tunnel.example" };
    const refused = await send(port, { path: "/admin/v1/projects", method: "POST", headers }, "{}");
    expect(refused.status).toBe(403);
    expect(refused.headers["content-type"]).toBe("application/problem+json");
    expect(JSON.parse(refused.text)).toMatchObject({ status: 403, code: "foreign_request" });
    expect(JSON.parse(refused.text).detail).toContain("tunnel.example");
    expect(seen).toEqual([]);
    expect((await send(port, { path: "/scim/v2/c/Users", headers })).status).toBe(200);
  });
});
