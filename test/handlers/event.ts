/** Events as API Gateway's REST APIs hand them to a function, as short as a test wants them. */

import type { APIGatewayProxyEvent, Context } from "aws-lambda";

export interface Request {
  readonly method?: string;
  /** The route as `lambda/http/routes.ts` has it, such as `/scim/v2/{connectionId}/Users/{id}`. */
  readonly route: string;
  /** Values of the route's parameters. */
  readonly parameters?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
}

export const requestId = "5f0c7a1e-0000-4000-8000-000000000001";

export function eventOf(request: Request): APIGatewayProxyEvent {
  const { method = "GET", route, parameters = {}, query, headers = {}, body } = request;
  const path = route.replaceAll(/\{(\w+)\+?\}/g, (_, name: string) => parameters[name] ?? "");
  const all = {
    Host: "scim.example.com",
    "X-Forwarded-Proto": "https",
    ...(body !== undefined && { "Content-Type": "application/scim+json" }),
    ...headers,
  };
  return {
    resource: route,
    path,
    httpMethod: method,
    headers: all,
    multiValueHeaders: lists(all),
    pathParameters: { ...parameters },
    queryStringParameters: query ? { ...query } : null,
    multiValueQueryStringParameters: query ? lists(query) : null,
    stageVariables: null,
    body: body === undefined ? null : JSON.stringify(body),
    isBase64Encoded: false,
    // Of the request's context the functions read no more than this.
    requestContext: { requestId, path } as APIGatewayProxyEvent["requestContext"],
  };
}

/** What Lambda hands over beside the event; the functions read nothing of it. */
export const lambdaContext = { awsRequestId: requestId } as Context;

function lists(values: Readonly<Record<string, string>>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, [value]]));
}
