/**
 * Clients of the embedded engine for less than half of what the SDK takes for a call, which is most of what the tests cost.
 * What the SDK makes of commands, answers and errors, and its retries, are as deployed. Left out is what only AWS needs, a
 * signature and a note of who calls; the copies made for a logger that is not there; and Node's HTTP, between two processes
 * of one machine.
 */

import { connect, type Socket } from "node:net";
import { DynamoDBClient, type DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";

/** The engine wants a signature of the right shape and checks no more. */
const unsigned = {
  "x-amz-date": "20260101T000000Z",
  authorization:
    "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=none",
};

const leftOut = ["loggerMiddleware", "getUserAgentMiddleware", "recursionDetectionMiddleware"];

const signer: NonNullable<DynamoDBClientConfig["signer"]> = {
  async sign(request) {
    Object.assign(request.headers, unsigned);
    return request;
  },
};

/** `endpoint` is `http://127.0.0.1:<port>`. */
export function newEngineClient(endpoint: string, overrides?: DynamoDBClientConfig): DynamoDBClient {
  const client = new DynamoDBClient({
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    signer,
    requestHandler: new EngineConnections(),
    ...overrides,
  });
  for (const name of leftOut) client.middlewareStack.remove(name);
  return client;
}

/**
 * The bare answer to an operation, of a client made here: for tables that are read whole thousands of times, since the SDK goes
 * over every attribute by its schema. Nothing that was done to the client's middleware happens.
 */
export async function askEngine(client: DynamoDBClient, operation: string, input: object): Promise<unknown> {
  const { requestHandler } = client.config;
  if (!(requestHandler instanceof EngineConnections)) throw new Error("a client of something else");
  const { hostname, port } = await client.config.endpoint!();
  const body = Buffer.from(JSON.stringify(input));
  const headers = {
    ...unsigned,
    host: "127.0.0.1",
    "content-type": "application/x-amz-json-1.0",
    "content-length": String(body.length),
    "x-amz-target": `DynamoDB_20120810.${operation}`,
  };
  const request = { hostname, port, method: "POST", path: "/", headers, body };
  const { response } = await requestHandler.handle(request);
  const answer = Buffer.from(response.body).toString();
  if (response.statusCode !== 200) throw new Error(`${operation} answered ${response.statusCode} ${answer}`);
  return JSON.parse(answer);
}

interface EngineRequest {
  readonly hostname: string;
  readonly port?: number | undefined;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

interface EngineResponse {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  readonly body: Uint8Array;
}

/** HTTP/1.1 as the engine speaks it: one request at a time on a connection, each answer with its length. To one endpoint. */
class EngineConnections {
  readonly metadata = { handlerProtocol: "http/1.1" };
  private readonly open = new Set<Socket>();
  private readonly idle: Socket[] = [];

  async handle(request: EngineRequest): Promise<{ readonly response: EngineResponse }> {
    const socket = this.idle.pop() ?? this.connect(request);
    const answered = answerOn(socket);
    socket.write(bytesOf(request));
    const response = await answered;
    this.idle.push(socket);
    return { response };
  }

  destroy(): void {
    for (const socket of this.open) socket.destroy();
  }

  private connect({ hostname, port = 80 }: EngineRequest): Socket {
    const socket = connect(port, hostname).setNoDelay(true);
    this.open.add(socket);
    // Who waits for an answer listens, too.
    socket.on("error", () => {});
    socket.once("close", () => {
      this.open.delete(socket);
      const place = this.idle.indexOf(socket);
      if (place >= 0) this.idle.splice(place, 1);
    });
    return socket;
  }
}

function bytesOf({ method, path, headers, body = "" }: EngineRequest): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
  return typeof body === "string"
    ? Buffer.from(head + body)
    : Buffer.concat([Buffer.from(head), new Uint8Array(body.buffer, body.byteOffset, body.byteLength)]);
}

function answerOn(socket: Socket): Promise<EngineResponse> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let size = 0;
    let head: Head | undefined;
    const onData = (part: Buffer): void => {
      parts.push(part);
      size += part.length;
      head ??= headOf(joined(parts));
      if (head === undefined || size < head.bytes + head.bodyBytes) return;
      if (Number.isNaN(head.bodyBytes)) {
        onError(new Error("the engine answered without a length"));
        return;
      }
      forget();
      const { statusCode, headers, bytes } = head;
      resolve({ statusCode, headers, body: joined(parts).subarray(bytes) });
    };
    const onError = (cause: Error): void => {
      forget();
      reject(cause);
    };
    const onClose = (): void =>
      onError(Object.assign(new Error("the engine hung up"), { code: "ECONNRESET" }));
    const forget = (): void => {
      socket.off("data", onData).off("error", onError).off("close", onClose);
    };
    socket.on("data", onData).on("error", onError).on("close", onClose);
  });
}

interface Head {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  readonly bytes: number;
  /** NaN where the engine has not said. */
  readonly bodyBytes: number;
}

/** Undefined while its end is still to come. */
function headOf(received: Buffer): Head | undefined {
  const end = received.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [status = "", ...lines] = received.toString("latin1", 0, end).split("\r\n");
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const bodyBytes = Number(headers["content-length"]);
  return { statusCode: Number(status.split(" ")[1]), headers, bytes: end + 4, bodyBytes };
}

function joined(parts: readonly Buffer[]): Buffer {
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}
