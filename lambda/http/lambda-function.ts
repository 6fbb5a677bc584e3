/**
 * A Lambda function out of a service: event in, request to the service, response or error out, one log line. Nothing but
 * this file and its neighbours knows API Gateway or middy.
 */

import middy from "@middy/core";
import type { APIGatewayProxyEvent, APIGatewayProxyResult, Context as LambdaContext } from "aws-lambda";
import { isConnectionId } from "../domain/ids.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { type Dialect, errorResponse } from "./error-response.ts";
import { type HttpRequest, requestOf } from "./request.ts";
import { type HttpResponse, resultOf } from "./response.ts";
import type { FunctionName } from "./routes.ts";

export type Service = (request: HttpRequest, runtime: Runtime) => Promise<HttpResponse>;

export type LambdaFunction = (
  event: APIGatewayProxyEvent,
  context: LambdaContext,
) => Promise<APIGatewayProxyResult>;

export interface FunctionOptions {
  readonly functionName: FunctionName;
  readonly dialect: Dialect;
  /** Made on first use, so that importing a handler does nothing. */
  readonly runtime: () => Runtime;
  readonly service: Service;
}

export function lambdaFunction({ functionName, dialect, runtime, service }: FunctionOptions): LambdaFunction {
  const handler = middy<APIGatewayProxyEvent, APIGatewayProxyResult, Error, LambdaContext, Trace>()
    .use(requestLog(functionName, runtime))
    .use(errorsAsResponses(dialect, runtime))
    .handler(async (event) => resultOf(await service(requestOf(event), runtime())));
  return (event, context) => handler(event, context) as Promise<APIGatewayProxyResult>;
}

/** What the middlewares tell one another about a request. */
interface Trace extends Record<string, unknown> {
  startedAt?: number;
  code?: string;
}

type Middleware = middy.MiddlewareObj<
  APIGatewayProxyEvent,
  APIGatewayProxyResult,
  Error,
  LambdaContext,
  Trace
>;

/** Used last, so that it is the first to see an error. */
function errorsAsResponses(dialect: Dialect, runtime: () => Runtime): Middleware {
  return {
    onError(state) {
      const { response, code } = errorResponse(state.error, dialect, requestIn(state.event), runtime().log);
      state.response = resultOf(response);
      state.internal.code = code;
    },
  };
}

/** An event so broken that it is no request still gets its error answered. */
function requestIn(event: APIGatewayProxyEvent): HttpRequest | undefined {
  try {
    return requestOf(event);
  } catch {
    return undefined;
  }
}

/** Only what has the form of one of our ids: a client may put anything into a path, a person's name included. */
function connectionIn(event: APIGatewayProxyEvent): string | undefined {
  const connectionId = event.pathParameters?.["connectionId"];
  return connectionId !== undefined && isConnectionId(connectionId) ? connectionId : undefined;
}

function requestLog(functionName: FunctionName, runtime: () => Runtime): Middleware {
  const write: NonNullable<Middleware["after"]> = ({ event, response, internal }) => {
    const { log, context } = runtime();
    log.request({
      requestId: event.requestContext.requestId,
      functionName,
      method: event.httpMethod,
      resource: event.resource,
      connectionId: connectionIn(event),
      status: response?.statusCode ?? 500,
      code: internal.code,
      durationMs: context.clock() - (internal.startedAt ?? context.clock()),
    });
  };
  return {
    before(state) {
      state.internal.startedAt = runtime().context.clock();
    },
    after: write,
    onError: write,
  };
}
