import { randomUUID } from "node:crypto";
import type { APIGatewayProxyEvent, Context } from "aws-lambda";
import type { Route } from "../../lambda/http/routes.ts";
import type { GatewayRequest } from "./gateway.ts";

export interface EventSource extends GatewayRequest {
  readonly route: Route;
  readonly pathParameters: Readonly<Record<string, string>> | null;
  /** Raw, without stage and query. */
  readonly path: string;
  /** Raw, with stage, without query. */
  readonly fullPath: string;
  /** Raw, without the question mark; undefined when the URL has none. */
  readonly query: string | undefined;
  readonly stage: string;
  readonly requestId: string;
}

const accountId = "000000000000";

/**
 * The event of a REST API's Lambda proxy integration (payload format 1.0). Known differences: `path` keeps its
 * escapes, as REST APIs do (HTTP APIs decode it); `domainName` keeps a local port, so that URLs built from it work.
 */
export function buildEvent(source: EventSource): APIGatewayProxyEvent {
  const receivedAtMilliseconds = Date.now();
  const multiValueHeaders = collect(addForwardingHeaders(source), (name) => name.toLowerCase());
  const multiValueQuery = collect(new URLSearchParams(source.query ?? ""), (name) => name);
  const firstHeader = (name: string): string | undefined => multiValueHeaders.get(name)?.values[0];

  return {
    resource: source.route.path,
    path: source.path,
    httpMethod: source.method,
    headers: lastValues(multiValueHeaders),
    multiValueHeaders: allValues(multiValueHeaders),
    queryStringParameters: multiValueQuery.size === 0 ? null : lastValues(multiValueQuery),
    multiValueQueryStringParameters: multiValueQuery.size === 0 ? null : allValues(multiValueQuery),
    pathParameters: source.pathParameters === null ? null : { ...source.pathParameters },
    stageVariables: null,
    body: source.body.length === 0 ? null : source.body.toString("utf8"),
    isBase64Encoded: false,
    requestContext: {
      accountId,
      apiId: "local",
      authorizer: undefined,
      protocol: "HTTP/1.1",
      httpMethod: source.method,
      resourceId: "local",
      resourcePath: source.route.path,
      path: source.fullPath,
      stage: source.stage,
      requestId: source.requestId,
      extendedRequestId: source.requestId,
      requestTime: new Date(receivedAtMilliseconds).toUTCString(),
      requestTimeEpoch: receivedAtMilliseconds,
      domainName: firstHeader("host") ?? "localhost",
      domainPrefix: "local",
      identity: {
        accessKey: null,
        accountId: null,
        apiKey: null,
        apiKeyId: null,
        caller: null,
        clientCert: null,
        cognitoAuthenticationProvider: null,
        cognitoAuthenticationType: null,
        cognitoIdentityId: null,
        cognitoIdentityPoolId: null,
        principalOrgId: null,
        sourceIp: source.sourceIp,
        user: null,
        userAgent: firstHeader("user-agent") ?? null,
        // Who signed the request, where the route asks for a signature. Locally nobody does.
        userArn: source.route.authorization === "iam" ? `arn:aws:iam::${accountId}:user/local` : null,
      },
    },
  };
}

/** What Lambda hands to a handler next to the event. */
export function buildContext(functionName: string, timeoutMilliseconds: number): Context {
  const deadline = Date.now() + timeoutMilliseconds;
  return {
    functionName,
    functionVersion: "$LATEST",
    invokedFunctionArn: `arn:aws:lambda:us-east-1:${accountId}:function:${functionName}`,
    memoryLimitInMB: "1024",
    awsRequestId: randomUUID(),
    logGroupName: `/aws/lambda/${functionName}`,
    logStreamName: "local",
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
    // Of Node 0.10; handlers that return a promise never call them.
    done: () => {},
    fail: () => {},
    succeed: () => {},
  };
}

/** A tunnel in front of the local service has said where the request came from and by which protocol: kept. */
function* addForwardingHeaders(source: EventSource): Iterable<readonly [string, string]> {
  const forwardedFor = source.headers.filter(([name]) => name.toLowerCase() === "x-forwarded-for");
  yield* source.headers.filter((header) => !forwardedFor.includes(header));
  yield ["X-Forwarded-For", [...forwardedFor.map(([, value]) => value), source.sourceIp].join(", ")];
  if (!source.headers.some(([name]) => name.toLowerCase() === "x-forwarded-proto")) {
    yield ["X-Forwarded-Proto", "http"];
  }
}

type Collected = ReadonlyMap<string, { readonly name: string; readonly values: string[] }>;

/** Values by name in the order they came; the spelling of the first one stands. */
function collect(pairs: Iterable<readonly [string, string]>, keyOf: (name: string) => string): Collected {
  const collected = new Map<string, { name: string; values: string[] }>();
  for (const [name, value] of pairs) {
    const entry = collected.get(keyOf(name));
    if (entry === undefined) collected.set(keyOf(name), { name, values: [value] });
    else entry.values.push(value);
  }
  return collected;
}

// fromEntries defines properties instead of assigning them, so that a name such as __proto__ is a name like any other.
function lastValues(collected: Collected): Record<string, string> {
  return Object.fromEntries([...collected.values()].map(({ name, values }) => [name, values.at(-1) ?? ""]));
}

function allValues(collected: Collected): Record<string, string[]> {
  return Object.fromEntries([...collected.values()].map(({ name, values }) => [name, values]));
}
