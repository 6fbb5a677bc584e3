/** What a handler answers, before and after API Gateway's form. */

import type { APIGatewayProxyResult } from "aws-lambda";

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON to be; undefined for no body. */
  readonly body: unknown;
}

export function resultOf(response: HttpResponse): APIGatewayProxyResult {
  return {
    statusCode: response.status,
    headers: { ...response.headers },
    body: response.body === undefined ? "" : JSON.stringify(response.body),
  };
}
