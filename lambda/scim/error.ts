/**
 * The one error type that leaves the core. Everything a client can do wrong, and everything Rollcall has to refuse,
 * is a `RequestError` made by a named factory; whatever else is thrown is a defect and answered 500.
 *
 * `scimType` is RFC 7644 §3.12 table 9 (and RFC 9865 §2.1); `code` is the admin API's stable machine-readable code.
 * The core never sees HTTP: `lambda/http/error-response.ts` alone turns a `RequestError` into a response body.
 */

export type ScimType =
  | "invalidFilter"
  | "tooMany"
  | "uniqueness"
  | "mutability"
  | "invalidSyntax"
  | "invalidPath"
  | "noTarget"
  | "invalidValue"
  | "invalidVers"
  | "sensitive"
  | "invalidCursor"
  | "expiredCursor"
  | "invalidCount";

export interface RequestErrorFields {
  /** HTTP status, 400..599. */
  readonly status: number;
  /** Stable code of the admin API (`validation_failed`, `quota_exceeded`, …). */
  readonly code: string;
  /** One sentence for a human: names the attribute and the way out. */
  readonly detail: string;
  readonly scimType?: ScimType;
  /** Seconds, for 429 and 503 (RFC 6585 §4). */
  readonly retryAfterSeconds?: number;
  /** Extra response headers, such as `WWW-Authenticate` or `Allow`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Per-field messages of the admin API. */
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
}

export class RequestError extends Error {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly scimType: ScimType | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly errors: readonly { readonly path: string; readonly message: string }[];

  constructor(fields: RequestErrorFields, options?: ErrorOptions) {
    super(fields.detail, options);
    this.name = "RequestError";
    this.status = fields.status;
    this.code = fields.code;
    this.detail = fields.detail;
    this.scimType = fields.scimType;
    this.retryAfterSeconds = fields.retryAfterSeconds;
    this.headers = fields.headers ?? {};
    this.errors = fields.errors ?? [];
  }
}

const badRequest =
  (scimType: ScimType) =>
  (detail: string, errors: RequestErrorFields["errors"] = []): RequestError =>
    new RequestError({ status: 400, code: "validation_failed", scimType, detail, errors });

/** The filter cannot be parsed, or compares in a way its attribute's type does not allow. */
export const invalidFilter = badRequest("invalidFilter");
/** More results or more work than one answer may take. */
export const tooMany = badRequest("tooMany");
/** A read-only or immutable attribute, or a required one removed. */
export const mutability = badRequest("mutability");
/** The body is not JSON, or not of the message's shape. */
export const invalidSyntax = badRequest("invalidSyntax");
/** A PATCH path that cannot be parsed, or names no attribute of a schema we serve. */
export const invalidPath = badRequest("invalidPath");
/** A PATCH path whose filter matches nothing, or no path where one is needed. */
export const noTarget = badRequest("noTarget");
/** A required value is missing, or a value has the wrong type. */
export const invalidValue = badRequest("invalidValue");
/** A group names a member that the connection does not have. */
export function unknownMember(detail: string): RequestError {
  return new RequestError({ status: 400, code: "unknown_member", scimType: "invalidValue", detail });
}

/** A cursor that was not given out for this query (RFC 9865 §2.1). */
export const invalidCursor = badRequest("invalidCursor");
/** A cursor that was given out too long ago (RFC 9865 §2.1). */
export const expiredCursor = badRequest("expiredCursor");
/** With a cursor, a count that is no number or not the first page's (RFC 9865 §2.1). */
export const invalidCount = badRequest("invalidCount");

/** A unique attribute is taken: 409 with scimType `uniqueness` (RFC 7644 §3.3). `code` tells by whom, where that matters. */
export function uniqueness(detail: string, code = "duplicate_member"): RequestError {
  return new RequestError({ status: 409, code, scimType: "uniqueness", detail });
}

/** Nothing is there under this id, or nothing this caller may see. */
export function notFound(detail: string): RequestError {
  return new RequestError({ status: 404, code: "not_found", detail });
}

/** `If-Match` names another version (RFC 7644 §3.14). */
export function preconditionFailed(detail: string): RequestError {
  return new RequestError({ status: 412, code: "precondition_failed", detail });
}

/** A request or a part of it is larger than a named limit (RFC 7644 §3.7.4 for bulk). */
export function payloadTooLarge(detail: string): RequestError {
  return new RequestError({ status: 413, code: "payload_too_large", detail });
}
