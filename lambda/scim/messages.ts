import type { RequestError } from "./error.ts";
import type { JsonObject, JsonValue } from "./json.ts";

/** RFC 7644 §8.2: message schemas; they are never listed under `/Schemas` (§3.1). */
export const messageUrns = {
  listResponse: "urn:ietf:params:scim:api:messages:2.0:ListResponse",
  error: "urn:ietf:params:scim:api:messages:2.0:Error",
  bulkResponse: "urn:ietf:params:scim:api:messages:2.0:BulkResponse",
} as const;

export interface Page {
  /** Matches over all pages. */
  readonly totalResults: number;
  /** 1-based, as asked for, also past the end. Undefined on a page by cursor, which has no index (RFC 9865 §2). */
  readonly startIndex: number | undefined;
  /** What this page really holds. */
  readonly itemsPerPage: number;
  readonly resources: readonly JsonValue[];
  /** RFC 9865 §2. */
  readonly nextCursor?: string | undefined;
}

/** RFC 7644 §3.4.2. `Resources` is always there, empty or not (API.md §4). */
export function listResponse(page: Page): JsonObject {
  const { totalResults, startIndex, itemsPerPage, resources, nextCursor } = page;
  return {
    schemas: [messageUrns.listResponse],
    totalResults,
    ...(startIndex !== undefined && { startIndex }),
    itemsPerPage,
    ...(nextCursor !== undefined && { nextCursor }),
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
