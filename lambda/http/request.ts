/** API Gateway's proxy event as the request it stands for. */

import type { APIGatewayProxyEvent } from "aws-lambda";
import { bodyBytesMax, largeBodyBytesMax } from "../domain/limits.ts";
import { payloadTooLarge } from "../scim/error.ts";

export interface HttpRequest {
  readonly requestId: string;
  /** Upper case; HEAD is told as GET, its body is cut by the gateway's client anyway. */
  readonly method: string;
  /** Decoded segments of the path, empty ones left out: doubled and trailing slashes are forgiven. */
  readonly segments: readonly string[];
  /** Decoded parameters in order, each value of a repeated one. */
  readonly query: readonly (readonly [string, string])[];
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  /** ARN of who signed the request, where its route asks for a signature. */
  readonly principal: string | undefined;
  /** `https://host/stage`, without trailing slash. */
  readonly baseUrl: string;
}

export function requestOf(event: APIGatewayProxyEvent): HttpRequest {
  const headers = new Map(
    Object.entries(event.headers ?? {}).flatMap(([name, value]) =>
      value === undefined ? [] : [[name.toLowerCase(), value] as const],
    ),
  );
  return {
    requestId: event.requestContext.requestId,
    method: event.httpMethod === "HEAD" ? "GET" : event.httpMethod.toUpperCase(),
    segments: segmentsOf(event),
    query: queryOf(event),
    headers,
    body: bodyOf(event),
    principal: event.requestContext.identity?.userArn ?? undefined,
    baseUrl: baseUrlOf(event, headers),
  };
}

/** The body as text, or 413 naming the limit. */
export function boundedBody(request: HttpRequest, max = bodyBytesMax): string {
  if (Buffer.byteLength(request.body) > max) {
    const name = max === largeBodyBytesMax ? "largeBodyBytesMax" : "bodyBytesMax";
    throw payloadTooLarge(
      `The request body is larger than ${max} bytes (${name}); send less in one request.`,
    );
  }
  return request.body;
}

/** From the route's template and its parameters, not from `path`, which a custom domain's base path may precede. */
function segmentsOf(event: APIGatewayProxyEvent): readonly string[] {
  const parameters = event.pathParameters ?? {};
  return event.resource
    .split("/")
    .flatMap((part) => {
      if (!part.startsWith("{")) {
        return [part];
      }
      return part.endsWith("+}")
        ? (parameters[part.slice(1, -2)] ?? "").split("/")
        : [parameters[part.slice(1, -1)] ?? ""];
    })
    .map(decoded)
    .filter((segment) => segment !== "");
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function queryOf(event: APIGatewayProxyEvent): readonly (readonly [string, string])[] {
  const multiple = event.multiValueQueryStringParameters;
  const entries: readonly [string, readonly (string | undefined)[] | undefined][] = multiple
    ? Object.entries(multiple)
    : Object.entries(event.queryStringParameters ?? {}).map(([name, value]) => [name, [value]]);
  return entries.flatMap(([name, values]) =>
    (values ?? []).flatMap((value) =>
      value === undefined
        ? []
        : [[name, name.toLowerCase() === "filter" ? withBlanks(value) : value] as const],
    ),
  );
}

/** A `+` outside the quotes of a filter can only be a blank that nobody decoded (OneLogin, idp-traffic §3). */
function withBlanks(filter: string): string {
  let quoted = false;
  let escaped = false;
  let text = "";
  for (const character of filter) {
    text += character === "+" && !quoted ? " " : character;
    quoted = character === '"' && !escaped ? !quoted : quoted;
    escaped = character === "\\" && quoted && !escaped;
  }
  return text;
}

function bodyOf(event: APIGatewayProxyEvent): string {
  return event.isBase64Encoded
    ? Buffer.from(event.body ?? "", "base64").toString("utf8")
    : (event.body ?? "");
}

/**
 * What the client reached us by: its Host, and whatever of the path comes before the route (a stage, or the base path
 * of a custom domain).
 */
function baseUrlOf(event: APIGatewayProxyEvent, headers: ReadonlyMap<string, string>): string {
  const host = headers.get("host") ?? event.requestContext.domainName ?? "localhost";
  const protocol = headers.get("x-forwarded-proto") ?? "https";
  const segments = (event.requestContext.path ?? event.path).split("/");
  const routed = event.resource
    .split("/")
    .reduce(
      (count, part) =>
        count +
        (part.endsWith("+}") ? (event.pathParameters?.[part.slice(1, -2)] ?? "").split("/").length : 1),
      -1,
    );
  const prefix = segments.slice(0, segments.length - routed).join("/");
  return `${protocol}://${host}${prefix}`;
}
