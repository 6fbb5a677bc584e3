import type { RequestError } from "./error.ts";
import type { JsonObject, JsonValue } from "./json.ts";

/** RFC 7644 §8.2: message schemas; they are never listed under `/Schemas` (§3.1). */
export const messageUrns = {
  listResponse: "urn:ietf:params:scim:api:messages:2.0:ListResponse",
  error: "urn:ietf:params:scim:api:messages:2.0:Error",
} as const;

export interface Page {
  /** Matches over all pages. */
  readonly totalResults: number;
  /** 1-based, as asked for, also past the end. */
  readonly startIndex: number;
  /** What this page really holds. */
  readonly itemsPerPage: number;
  readonly resources: readonly JsonValue[];
}

/** RFC 7644 §3.4.2. `Resources` is always there, empty or not (API.md §4). */
export function listResponse({ totalResults, startIndex, itemsPerPage, resources }: Page): JsonObject {
  return {
    schemas: [messageUrns.listResponse],
    totalResults,
    startIndex,
    itemsPerPage,
    Resources: resources,
  };
}

/** RFC 7644 §3.12. */
export function errorBody(error: RequestError): JsonObject {
  return {
    schemas: [messageUrns.error],
    status: String(error.status),
    ...(error.scimType !== undefined && allowsScimType(error) && { scimType: error.scimType }),
    detail: error.detail,
  };
}

/** Table 9 is about 400; §3.3 adds uniqueness with 409, §7.5.2 sensitive with 403. */
function allowsScimType({ status, scimType }: RequestError): boolean {
  return (
    status === 400 ||
    (status === 409 && scimType === "uniqueness") ||
    (status === 403 && scimType === "sensitive")
  );
}
