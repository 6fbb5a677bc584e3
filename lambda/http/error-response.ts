/** The one place where errors become responses. */

import type { Log } from "../runtime/log.ts";
import { RequestError } from "../scim/error.ts";
import { errorBody } from "../scim/messages.ts";
import { answerType } from "./media-type.ts";
import type { HttpRequest } from "./request.ts";
import type { HttpResponse } from "./response.ts";

/** Which error bodies an API speaks: RFC 7644 §3.12 or RFC 9457. */
export type Dialect = "scim" | "problem";

export function errorResponse(
  error: unknown,
  dialect: Dialect,
  request: HttpRequest | undefined,
  log: Log,
): { readonly response: HttpResponse; readonly code: string } {
  const known = tellable(error, request?.requestId ?? "unknown", log);
  const headers: Record<string, string> = {
    "Content-Type":
      dialect === "problem"
        ? "application/problem+json"
        : request
          ? answerType(request)
          : "application/scim+json",
    ...known.headers,
    ...(known.retryAfterSeconds !== undefined && { "Retry-After": String(known.retryAfterSeconds) }),
  };
  const body = dialect === "problem" ? problemBody(known) : errorBody(known);
  return { response: { status: known.status, headers, body }, code: known.code };
}

/** The client's own doing is told in full; what is not is logged in full and told by the request's id. */
export function tellable(error: unknown, requestId: string, log: Log): RequestError {
  const known = error instanceof RequestError ? error : defect(error, requestId);
  if (known.status >= 500 && known.status !== 501) {
    log.failure(known.code, known.cause ?? error, requestId);
  }
  return known;
}

function defect(cause: unknown, requestId: string): RequestError {
  return new RequestError(
    {
      status: 500,
      code: "internal",
      detail: `Something went wrong here, not in your request. Tell the operators of this service the request id ${requestId}.`,
    },
    { cause },
  );
}

function problemBody(error: RequestError) {
  return {
    type: `urn:rollcall:problem:${error.code}`,
    title: titleOf(error.code),
    status: error.status,
    detail: error.detail,
    code: error.code,
    ...(error.errors.length > 0 && { errors: error.errors }),
  };
}

/** `quota_exceeded` → `Quota exceeded`. */
function titleOf(code: string): string {
  const words = code.split("_").join(" ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
