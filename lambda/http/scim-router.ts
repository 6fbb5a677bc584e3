/**
 * Dispatch within the SCIM API, by decoded path segments, so that the routes of API Gateway and its greedy fallback come
 * to the same: doubled and trailing slashes and the letters' case of an endpoint are forgiven (idp-traffic §1.1).
 */

import { type Caller, openConnection } from "../domain/provider-access.ts";
import { methodNotAllowed } from "../domain/refusals.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { notFound, RequestError } from "../scim/error.ts";
import type { Service } from "./lambda-function.ts";
import { answerType } from "./media-type.ts";
import type { HttpRequest } from "./request.ts";
import type { HttpResponse } from "./response.ts";

export interface ScimCall {
  readonly request: HttpRequest;
  readonly runtime: Runtime;
  readonly caller: Caller;
  /** Path segments after the endpoint: none, or an id, a URN, a name, `.search`. */
  readonly rest: readonly string[];
  /** `https://host/stage/scim/v2/{connectionId}` */
  readonly scimBaseUrl: string;
}

export interface ScimEndpoint {
  /** As in the path, such as `Users`; empty for the root. */
  readonly name: string;
  serve(call: ScimCall): Promise<HttpResponse>;
}

export function scimService(endpoints: readonly ScimEndpoint[]): Service {
  const byName = new Map(endpoints.map((endpoint) => [endpoint.name.toLowerCase(), endpoint]));
  return async (request, runtime) => {
    const [, version, connectionId = "", name = "", ...rest] = request.segments;
    const caller = { connectionId, authorization: request.headers.get("authorization") };
    if (version !== undefined && version.toLowerCase() !== "v2") {
      await openConnection(runtime.context, caller);
      throw unsupportedVersion(version);
    }
    const endpoint = byName.get(name.toLowerCase());
    if (endpoint === undefined || rest.length > 1) {
      await openConnection(runtime.context, caller);
      throw notFound(`There is no endpoint ${name || "here"}; GET /ResourceTypes lists them.`);
    }
    const scimBaseUrl = `${request.baseUrl}/scim/v2/${connectionId}`;
    return endpoint.serve({ request, runtime, caller, rest, scimBaseUrl });
  };
}

/** 405, once it is known that the caller may come in. */
export async function refuseMethod(call: ScimCall, allowed: readonly string[]): Promise<never> {
  await openConnection(call.runtime.context, call.caller);
  throw methodNotAllowed(call.request.method, allowed);
}

export function scimAnswer(
  call: ScimCall,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): HttpResponse {
  return {
    status,
    headers: { ...(body !== undefined && { "Content-Type": answerType(call.request) }), ...headers },
    body,
  };
}

function unsupportedVersion(version: string): RequestError {
  return new RequestError({
    status: 400,
    code: "validation_failed",
    scimType: "invalidVers",
    detail: `SCIM version "${version}" is not supported; use /scim/v2/{connectionId}.`,
  });
}
