import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { refuseForeignAdminRequest } from "./admin-guard.ts";
import { LocalFailure } from "./failure.ts";
import {
  type Gateway,
  type GatewayRequest,
  type GatewayResponse,
  gatewayError,
  gatewayPayloadBytesMax,
  scimErrorBody,
} from "./gateway.ts";

export interface LocalServer {
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  /**
   * Stops accepting connections, lets the requests that have begun finish, closes idle connections, and resolves when
   * all are closed, at the latest after `drainMillisecondsMax`.
   */
  drain(): Promise<void>;
}

/** A client that sends its request head this slowly is not one. */
const headersMillisecondsMax = 15_000;
/** For the whole request, body included: 10 MB in a minute. */
const requestMillisecondsMax = 60_000;
/** As long as API Gateway keeps one; connection pools of IdPs expect more than Node's five seconds. */
const keepAliveMilliseconds = 60_000;
/** A little more than the gateway's own limit for one request. */
const drainMillisecondsMax = 30_000;

/** Serves a gateway on 127.0.0.1 and resolves when it accepts connections. `port` 0 picks a free one. */
export async function startLocalServer(gateway: Gateway, port: number): Promise<LocalServer> {
  let draining = false;
  /** Requests that have begun and are not answered, by connection. */
  const connections = new Map<Socket, number>();

  const server = createServer({
    headersTimeout: headersMillisecondsMax,
    requestTimeout: requestMillisecondsMax,
    keepAliveTimeout: keepAliveMilliseconds,
    connectionsCheckingInterval: 1_000,
  });

  const serve = (request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void => {
    const { socket } = request;
    connections.set(socket, (connections.get(socket) ?? 0) + 1);
    response.once("close", () => {
      const open = (connections.get(socket) ?? 0) - 1;
      if (connections.has(socket)) connections.set(socket, open);
      if (draining && open === 0) socket.destroySoon();
    });
    answer(gateway, request, response, expectsContinue, () => draining).catch((error: unknown) => {
      // Only a broken connection is expected here: the gateway itself never rejects.
      if (!socket.destroyed) console.error("rollcall: a request could not be answered", error);
      socket.destroy();
    });
  };

  server.on("connection", (socket) => {
    connections.set(socket, 0);
    socket.once("close", () => connections.delete(socket));
  });
  server.on("request", (request, response) => serve(request, response, false));
  server.on("checkContinue", (request, response) => serve(request, response, true));
  server.on("clientError", (error, socket) => refuseMalformed(error, socket as Socket));

  server.listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch (cause) {
    throw new LocalFailure(explainListenError(cause, port), 1, { cause });
  }
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a TCP server has a TCP address");

  return {
    origin: `http://127.0.0.1:${address.port}`,
    async drain() {
      draining = true;
      const closed = once(server, "close");
      server.close();
      // Not closeIdleConnections: it spares connections that have not sent their first byte, as browsers keep them.
      for (const [socket, open] of connections) if (open === 0) socket.destroy();
      const timer = setTimeout(() => server.closeAllConnections(), drainMillisecondsMax);
      await closed;
      clearTimeout(timer);
    },
  };
}

async function answer(
  gateway: Gateway,
  request: IncomingMessage,
  response: ServerResponse,
  expectsContinue: boolean,
  isDraining: () => boolean,
): Promise<void> {
  const outcome = await decide(gateway, request, response, expectsContinue);

  // Draining may have begun while the handler ran. After a body that was not asked for, nothing else can follow.
  if (isDraining() || !request.complete) response.setHeader("Connection", "close");
  // Appended, since a repeated name (two Set-Cookie) would otherwise overwrite itself.
  for (const [name, value] of outcome.headers) response.appendHeader(name, value);
  const mayHaveBody = outcome.status !== 204 && outcome.status !== 304;
  if (mayHaveBody) response.setHeader("Content-Length", outcome.body.length);
  response.statusCode = outcome.status;
  // Node leaves the body of an answer to HEAD out by itself.
  response.end(mayHaveBody ? outcome.body : undefined);
}

async function decide(
  gateway: Gateway,
  request: IncomingMessage,
  response: ServerResponse,
  expectsContinue: boolean,
): Promise<GatewayResponse> {
  const head: GatewayRequest = {
    method: request.method ?? "GET",
    path: request.url ?? "",
    headers: pairs(request.rawHeaders),
    body: Buffer.alloc(0),
    sourceIp: request.socket.remoteAddress ?? "unknown",
  };
  const refusal = refuseHead(head);
  if (expectsContinue) {
    if (refusal !== undefined) return refusal;
    response.writeContinue();
  }
  // Read to its end also when refused: a client that still sends may never see an answer.
  const body = await readBody(request);
  if (refusal !== undefined) return refusal;
  if (body === "tooLarge") return gatewayError("tooLarge", randomUUID());
  return gateway.invoke({ ...head, body });
}

/** What can be refused before the body is there. */
function refuseHead(head: GatewayRequest): GatewayResponse | undefined {
  // The absolute form (`GET http://host/path`) is for proxies; here it could only get around the check of Host.
  if (!head.path.startsWith("/"))
    return scimError(400, "The request target must be a path that begins with /");
  if (head.path === "/admin" || head.path.startsWith("/admin/")) {
    const reason = refuseForeignAdminRequest(head);
    if (reason !== undefined) return refuseAdmin(reason);
  }
  const declaredLength = head.headers.find(([name]) => name.toLowerCase() === "content-length")?.[1];
  if (Number(declaredLength ?? 0) > gatewayPayloadBytesMax) return gatewayError("tooLarge", randomUUID());
  return undefined;
}

async function readBody(request: IncomingMessage): Promise<Buffer | "tooLarge"> {
  let chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    const buffer = chunk as Buffer;
    length += buffer.length;
    if (length <= gatewayPayloadBytesMax) chunks.push(buffer);
    else chunks = [];
  }
  return length > gatewayPayloadBytesMax ? "tooLarge" : Buffer.concat(chunks, length);
}

function pairs(rawHeaders: readonly string[]): [string, string][] {
  const result: [string, string][] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    result.push([rawHeaders[i] as string, rawHeaders[i + 1] as string]);
  }
  return result;
}

function refuseAdmin(reason: string): GatewayResponse {
  const problem = {
    type: "about:blank",
    title: "Forbidden",
    status: 403,
    detail: `The local admin API answers only this machine, and not on behalf of other sites: ${reason}.`,
    code: "foreign_request",
  };
  return {
    status: 403,
    headers: [["Content-Type", "application/problem+json"]],
    body: Buffer.from(JSON.stringify(problem)),
  };
}

function scimError(status: number, detail: string): GatewayResponse {
  return {
    status,
    headers: [["Content-Type", "application/scim+json"]],
    body: Buffer.from(JSON.stringify(scimErrorBody(status, detail))),
  };
}

/** What is not HTTP, or not in time: answered as far as the connection still allows, in the shape IdPs can show. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const [status, detail] =
    error.code === "HPE_HEADER_OVERFLOW"
      ? [431, "The request head is too large"]
      : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? [408, "The request was not complete in time"]
        : [400, "The request is not well-formed HTTP"];
  const body = JSON.stringify(scimErrorBody(status, detail));
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: application/scim+json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function explainListenError(cause: unknown, port: number): string {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "EADDRINUSE") {
    return `port ${port} is in use; stop what uses it, or choose another with --port N (0 picks a free one)`;
  }
  if (code === "EACCES")
    return `port ${port} needs more rights than this user has; choose another with --port N`;
  return `cannot listen on port ${port}: ${String(code ?? cause)}`;
}
