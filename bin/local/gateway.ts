import { randomUUID } from "node:crypto";
import { validateHeaderName, validateHeaderValue } from "node:http";
import type { APIGatewayProxyEvent, APIGatewayProxyResult, Context } from "aws-lambda";
import type { FunctionName, Route } from "../../lambda/http/routes.ts";
import { buildContext, buildEvent } from "./gateway-event.ts";
import { createRouteMatcher } from "./route-match.ts";

export type Handler = (event: APIGatewayProxyEvent, context: Context) => Promise<APIGatewayProxyResult>;
export type Handlers = Readonly<Record<FunctionName, Handler>>;

export interface GatewayOptions {
  readonly routes: readonly Route[];
  readonly handlers: Handlers;
  /**
   * With it, URLs begin with `/<stage>` as on an `execute-api` host; without, they do not, as behind a custom domain.
   */
  readonly stage?: string;
  /**
   * Requests in the handlers at once; further ones wait their turn, as they would for a function's next free execution
   * environment. Default: no limit.
   */
  readonly concurrencyMax?: number;
  /** Past this a request is answered 504. Default: API Gateway's own limit. */
  readonly timeoutMilliseconds?: number;
  /** Called with what a handler threw; the client only learns 502. Default: `console.error`. */
  readonly onHandlerError?: (error: unknown, requestId: string) => void;
}

export interface GatewayRequest {
  readonly method: string;
  /** Raw, with query: the request target as it stands in the request line. */
  readonly path: string;
  /** Pairs in the order and case they came in. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
  readonly sourceIp: string;
}

export interface GatewayResponse {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

export interface Gateway {
  /** Never rejects. */
  invoke(request: GatewayRequest): Promise<GatewayResponse>;
}

/** AWS quota "payload size" of REST APIs: 10 MB, request and response. */
export const gatewayPayloadBytesMax = 10 * 1024 * 1024;
/** AWS quota: what a synchronously invoked Lambda function may return. */
const lambdaResponseBytesMax = 6 * 1024 * 1024;
/** AWS quota "integration timeout" of Regional REST APIs, by default. */
const integrationTimeoutMilliseconds = 29_000;

/**
 * An API Gateway REST API with Lambda proxy integrations, without the network: the local service and the tests call
 * the deployed handlers through it. Where no handler answers, it answers as the deployed gateway does: by SCIM errors. Not emulated: compression, binary request bodies, edge caching.
 */
export function createGateway(options: GatewayOptions): Gateway {
  const match = createRouteMatcher(options.routes);
  const stage = options.stage ?? "local";
  const prefix = options.stage === undefined ? "" : `/${options.stage}`;
  const timeoutMilliseconds = options.timeoutMilliseconds ?? integrationTimeoutMilliseconds;
  const onHandlerError =
    options.onHandlerError ??
    ((error, requestId) => console.error(`rollcall: a handler failed (request ${requestId})`, error));

  const inTurn = createTurns(options.concurrencyMax ?? Number.POSITIVE_INFINITY);

  return {
    async invoke(request) {
      const requestId = randomUUID();
      const [fullPath, query] = splitOnce(request.path, "?");
      const path = fullPath.startsWith(`${prefix}/`) ? fullPath.slice(prefix.length) : undefined;
      const found = path === undefined ? undefined : match(request.method, path);
      const refuse = (kind: GatewayErrorKind) => gatewayError(kind, requestId);

      if (path === undefined || found === undefined) return refuse("unmapped");
      if (request.body.length > gatewayPayloadBytesMax) return refuse("tooLarge");

      const event = buildEvent({ ...request, ...found, path, fullPath, query, stage, requestId });
      const context = buildContext(found.route.functionName, timeoutMilliseconds);
      let result: APIGatewayProxyResult | "timeout";
      try {
        result = await withTimeout(
          inTurn(() => options.handlers[found.route.functionName](event, context)),
          timeoutMilliseconds,
        );
      } catch (error) {
        onHandlerError(error, requestId);
        return refuse("handlerFailed");
      }
      if (result === "timeout") return refuse("handlerTimeout");
      return toResponse(result, requestId) ?? refuse("handlerFailed");
    },
  };
}

/** Runs at most so many at once, the others in the order they came. */
function createTurns(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await work();
    } finally {
      // Whoever waits takes over this turn; the count stays.
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}

async function withTimeout<T>(work: Promise<T>, milliseconds: number): Promise<T | "timeout"> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<"timeout">((resolve) => {
    timer = setTimeout(resolve, milliseconds, "timeout");
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** Undefined for what API Gateway calls a malformed Lambda proxy response. */
function toResponse(result: APIGatewayProxyResult, requestId: string): GatewayResponse | undefined {
  if (
    !Number.isInteger(result?.statusCode) ||
    (result.body !== undefined && typeof result.body !== "string")
  ) {
    return undefined;
  }
  const body = Buffer.from(result.body ?? "", result.isBase64Encoded === true ? "base64" : "utf8");
  // The quota is on the whole result, in which the body is a JSON string.
  if (Buffer.byteLength(JSON.stringify(result)) > lambdaResponseBytesMax) return undefined;

  const headers: [string, string][] = [["x-amzn-RequestId", requestId]];
  const multiValued = Object.entries(result.multiValueHeaders ?? {});
  const multiValuedNames = new Set(multiValued.map(([name]) => name.toLowerCase()));
  for (const [name, values] of multiValued) {
    for (const value of values) headers.push([name, String(value)]);
  }
  for (const [name, value] of Object.entries(result.headers ?? {})) {
    if (!multiValuedNames.has(name.toLowerCase())) headers.push([name, String(value)]);
  }
  if (body.length > 0 && !headers.some(([name]) => name.toLowerCase() === "content-type")) {
    headers.push(["Content-Type", "application/json"]);
  }
  if (!headers.every(isSendable)) return undefined;
  return { status: result.statusCode, headers, body };
}

function isSendable([name, value]: readonly [string, string]): boolean {
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
    return true;
  } catch {
    return false;
  }
}

export type GatewayErrorKind = keyof typeof gatewayErrors;

/** What the deployed gateway is configured to say (`lib/gateway-responses.ts`): SCIM errors, whoever asks. */
const gatewayErrors = {
  unmapped: {
    status: 404,
    type: "MissingAuthenticationTokenException",
    detail: "Nothing is served here. SCIM is under /scim/v2/{connectionId}, the admin API under /admin/v1.",
  },
  tooLarge: {
    status: 413,
    type: "RequestTooLargeException",
    detail: "The request body is larger than the 10 MB the gateway takes; send less per request.",
  },
  handlerFailed: {
    status: 502,
    type: "InternalServerErrorException",
    detail: "The service failed to answer; try again, and give the operator the request id if it stays so.",
  },
  handlerTimeout: {
    status: 504,
    type: "InternalServerErrorException",
    detail: "The service did not answer in time; try again.",
  },
} as const;

export function gatewayError(kind: GatewayErrorKind, requestId: string): GatewayResponse {
  const { status, type, detail } = gatewayErrors[kind];
  return {
    status,
    headers: [
      ["x-amzn-RequestId", requestId],
      ["x-amzn-ErrorType", type],
      ["Content-Type", "application/scim+json"],
    ],
    body: Buffer.from(JSON.stringify(scimErrorBody(status, detail))),
  };
}

/** RFC 7644 §3.12. */
export function scimErrorBody(status: number, detail: string): Record<string, unknown> {
  return { schemas: ["urn:ietf:params:scim:api:messages:2.0:Error"], status: String(status), detail };
}

function splitOnce(text: string, separator: string): [before: string, after: string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
