/**
 * What Rollcall refuses for reasons of its own rather than the protocol's. Each detail says what is in the way and what
 * to do; `code` is API.md §3's, `scimType` RFC 7644's.
 */

import { RequestError } from "../scim/error.ts";
import type { SeatKind } from "./seats.ts";

const challenge = 'Bearer realm="Rollcall SCIM"';

/** 401 with the challenge of RFC 6750 §3. `error` is left out when no credential was sent at all. */
export function unauthorized(detail: string, error?: "invalid_token"): RequestError {
  return new RequestError({
    status: 401,
    code: "unauthorized",
    detail,
    headers: { "WWW-Authenticate": error ? `${challenge}, error="${error}"` : challenge },
  });
}

export function forbidden(detail: string): RequestError {
  return new RequestError({ status: 403, code: "forbidden", detail });
}

export function methodNotAllowed(method: string, allowed: readonly string[]): RequestError {
  return new RequestError({
    status: 405,
    code: "method_not_allowed",
    detail: `${method} is not possible here; use ${allowed.join(", ")}.`,
    headers: { Allow: allowed.join(", ") },
  });
}

export function unsupportedMediaType(contentType: string): RequestError {
  return new RequestError({
    status: 415,
    code: "unsupported_media_type",
    detail: `Content-Type "${contentType}" is not supported; send application/scim+json or application/json.`,
  });
}

export function notImplemented(detail: string): RequestError {
  return new RequestError({ status: 501, code: "not_implemented", detail });
}

/** The table, or one hot item in it, is busier than it can serve. Nothing was changed. */
export function throttled(detail: string, cause?: unknown): RequestError {
  return new RequestError(
    { status: 429, code: "throttled", detail, retryAfterSeconds: 2 },
    cause === undefined ? undefined : { cause },
  );
}

/** The table did not answer. Whether a write took effect is not known; repeating the request does no harm. */
export function unavailable(detail: string, cause?: unknown): RequestError {
  return new RequestError(
    { status: 503, code: "unavailable", detail, retryAfterSeconds: 5 },
    cause === undefined ? undefined : { cause },
  );
}

/** A seat is needed and none is free. */
export class QuotaExceeded extends RequestError {
  readonly kind: SeatKind;

  constructor(status: 403 | 409, kind: SeatKind, limit: number, wayOut: string) {
    super({
      status,
      code: "quota_exceeded",
      detail: `No seat is free: the project's quota "${kind}" is ${limit} and all of it is in use. ${wayOut}`,
    });
    this.kind = kind;
  }
}

const sendAgain =
  "Deactivate someone who holds such a seat, or raise the quota, and send the request again. Nothing was changed.";
const appliedByItself =
  "Deactivate someone who holds such a seat, or raise the quota, and the user is applied by itself.";

/** 403 to an IdP, 409 to the admin API (API.md §3, §4); and what a sync failure of a child tells. */
export const quotaExceeded = {
  toProvider: (kind: SeatKind, limit: number) => new QuotaExceeded(403, kind, limit, sendAgain),
  toAdmin: (kind: SeatKind, limit: number) => new QuotaExceeded(409, kind, limit, sendAgain),
  toHeir: (kind: SeatKind, limit: number) => new QuotaExceeded(403, kind, limit, appliedByItself),
};

export function conflict(code: string, detail: string): RequestError {
  return new RequestError({ status: 409, code, detail });
}

/** `refused`: what cannot be done here, as the beginning of a sentence about it. */
export function managedByIdp(
  { inherited }: { readonly inherited: boolean },
  what: "member" | "group",
  refused: string,
  wayOut = "",
): RequestError {
  const way = inherited
    ? "Do that at the parent connection, in its identity provider; or disable SCIM there, or delete the connection that inherits here, first"
    : "Do that in the identity provider, or disable SCIM on the connection first";
  return conflict(
    "managed_by_idp",
    `This ${what} is managed by the identity provider (SSO-SCIM): ${refused} here. ${way}${wayOut}.`,
  );
}

export function validationFailed(
  detail: string,
  errors: readonly { readonly path: string; readonly message: string }[] = [],
): RequestError {
  return new RequestError({ status: 400, code: "validation_failed", detail, errors });
}
