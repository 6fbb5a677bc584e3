/** The messages of bulk operations (RFC 7644 §3.7). */

import { asciiLower } from "./attribute-name.ts";
import { referenceIn } from "./bulk-references.ts";
import { type BulkTarget, targetOf } from "./bulk-target.ts";
import { invalidSyntax, invalidValue, payloadTooLarge, RequestError } from "./error.ts";
import { foldedKeys } from "./folded-keys.ts";
import { isArray, isObject, type JsonObject, type JsonValue } from "./json.ts";
import { bulkIdLengthMax, bulkOperationsMax } from "./limits.ts";
import { messageUrns } from "./messages.ts";

export interface BulkRequest {
  /** After so many errors nothing further is processed; undefined: everything is tried. */
  readonly failOnErrors: number | undefined;
  readonly operations: readonly BulkOperation[];
}

export type BulkOperation = AskedOperation | WrongOperation;

export interface AskedOperation {
  readonly kind: "asked";
  readonly method: BulkMethod;
  /** Always there, and of this operation alone, for POST; of no meaning for the others. */
  readonly bulkId: string | undefined;
  readonly target: BulkTarget;
  /** What a single request would send as `If-Match`. */
  readonly version: string | undefined;
  /** What a single request would send as its body; empty for DELETE. */
  readonly data: JsonObject;
}

/** An operation that cannot be performed, with what of it can be told back. */
export interface WrongOperation {
  readonly kind: "wrong";
  readonly method: string | undefined;
  readonly bulkId: string | undefined;
  readonly target: BulkTarget | undefined;
  readonly error: RequestError;
}

export type BulkMethod = "POST" | "PUT" | "PATCH" | "DELETE";

/** What became of one operation; `operation` is repeated from the request. */
export interface BulkResult {
  readonly operation: BulkOperation;
  readonly status: number;
  /** URL of the resource; not of one that could not be created. */
  readonly location: string | undefined;
  /** ETag of the resource, where there is one. */
  readonly version: string | undefined;
  /** The error; RFC 7644 §3.7.3 lets successes do without a body. */
  readonly response: JsonObject | undefined;
}

/**
 * `root` is the path of the connection's SCIM API, `/scim/v2/{connectionId}`: paths of operations may be whole URLs of it.
 * `schemas` is not looked at (API.md §4). 400 `invalidSyntax` when there are no operations, 400 `invalidValue` for a bad
 * `failOnErrors`, 413 for too many operations. What is wrong with one operation is that operation's own error.
 */
export function readBulkRequest(body: JsonValue, root: string): BulkRequest {
  if (!isObject(body)) {
    throw invalidSyntax("The body is not a JSON object; send one BulkRequest message.");
  }
  const keys = foldedKeys(body);
  const operations = keys.get("operations");
  if (!isArray(operations) || operations.length === 0) {
    throw invalidSyntax("Attribute Operations is missing or empty; send an array of at least one operation.");
  }
  if (operations.length > bulkOperationsMax) {
    throw payloadTooLarge(
      `Attribute Operations has more than ${bulkOperationsMax} operations (bulkOperationsMax); split the request.`,
    );
  }
  const failOnErrors = readFailOnErrors(keys.get("failonerrors"));
  const bulkIds = new Set<string>();
  return {
    failOnErrors,
    operations: operations.map((item, index) => readOperation(item, `Operations[${index}]`, root, bulkIds)),
  };
}

/** RFC 7644 §3.7.3. */
export function bulkResponse(results: readonly BulkResult[]): JsonObject {
  return {
    schemas: [messageUrns.bulkResponse],
    Operations: results.map(({ operation, status, location, version, response }) => ({
      ...(operation.method !== undefined && { method: operation.method }),
      ...(operation.bulkId !== undefined && { bulkId: operation.bulkId }),
      ...(location !== undefined && { location }),
      ...(version !== undefined && { version }),
      status: String(status),
      ...(response !== undefined && { response }),
    })),
  };
}

function readFailOnErrors(value: JsonValue | undefined): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number" && Number.isInteger(value) && value > 0) return value;
  throw invalidValue(
    "Attribute failOnErrors takes a whole number of at least 1; correct it or leave it out.",
  );
}

/** `at` names the operation in messages; `bulkIds` are those of the operations before it. */
function readOperation(item: JsonValue, at: string, root: string, bulkIds: Set<string>): BulkOperation {
  const keys = isObject(item) ? foldedKeys(item) : undefined;
  const method = keys && methodOf(keys.get("method"));
  const path = keys?.get("path");
  const target = typeof path === "string" ? targetOf(path, root) : undefined;
  try {
    if (!keys) {
      throw invalidSyntax(`${at} is not an object; send method, path and data in one.`);
    }
    if (!method) {
      throw invalidSyntax(`${at}.method is not one of POST, PUT, PATCH, DELETE; correct it.`);
    }
    const bulkId = readBulkId(keys.get("bulkid"), method, at, bulkIds);
    return {
      kind: "asked",
      method,
      bulkId,
      target: checkedTarget(target, method, at),
      version: readText(keys.get("version"), `${at}.version`),
      data: readData(keys.get("data"), method, at),
    };
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    return {
      kind: "wrong",
      method: method ?? repeatable(keys?.get("method"), methodLengthMax),
      bulkId: repeatable(keys?.get("bulkid"), bulkIdLengthMax),
      target: target?.id !== undefined && target.id.length > bulkIdLengthMax ? undefined : target,
      error,
    };
  }
}

const methods: ReadonlyMap<string, BulkMethod> = new Map(
  (["POST", "PUT", "PATCH", "DELETE"] as const).map((method) => [asciiLower(method), method]),
);

function methodOf(value: JsonValue | undefined): BulkMethod | undefined {
  return typeof value === "string" ? methods.get(asciiLower(value)) : undefined;
}

/** What a wrong operation said of itself, where it can be told back. */
function repeatable(value: JsonValue | undefined, lengthMax: number): string | undefined {
  return typeof value === "string" && value !== "" && value.length <= lengthMax ? value : undefined;
}

/** Characters of a method that is none. Our choice: no method of HTTP is longer. */
const methodLengthMax = 20;

/** Only a POST has to be told from the others: its bulkId is the name of a resource that has no id yet. */
function readBulkId(
  value: JsonValue | undefined,
  method: BulkMethod,
  at: string,
  bulkIds: Set<string>,
): string | undefined {
  const bulkId = readText(value, `${at}.bulkId`);
  if (bulkId !== undefined && bulkId.length > bulkIdLengthMax) {
    throw invalidValue(
      `${at}.bulkId is longer than ${bulkIdLengthMax} characters (bulkIdLengthMax); choose a shorter one.`,
    );
  }
  if (method !== "POST") return bulkId;
  if (bulkId === undefined) {
    throw invalidValue(`${at}.bulkId is missing; a POST needs one, unique within the request.`);
  }
  if (bulkIds.has(bulkId)) {
    throw invalidValue(
      `${at}.bulkId ${JSON.stringify(bulkId)} is that of an earlier POST; give each POST one of its own.`,
    );
  }
  bulkIds.add(bulkId);
  return bulkId;
}

function checkedTarget(target: BulkTarget | undefined, method: BulkMethod, at: string): BulkTarget {
  if (!target) {
    throw invalidValue(
      `${at}.path names no resource; use /Users, /Groups, or one of theirs such as /Users/{id}.`,
    );
  }
  const { type, id } = target;
  if (method === "POST" && id !== undefined) {
    throw invalidValue(`${at}.path of a POST has an id; use ${type.endpoint}.`);
  }
  if (method !== "POST" && id === undefined) {
    throw invalidValue(`${at}.path of a ${method} has no id; use ${type.endpoint}/{id}.`);
  }
  if (id !== undefined && referenceIn(id) === undefined && id.length > bulkIdLengthMax) {
    throw invalidValue(
      `${at}.path has an id of more than ${bulkIdLengthMax} characters (bulkIdLengthMax); no resource has one.`,
    );
  }
  return target;
}

function readText(value: JsonValue | undefined, at: string): string | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value === "string") return value;
  throw invalidValue(`${at} takes a string; correct the value.`);
}

function readData(value: JsonValue | undefined, method: BulkMethod, at: string): JsonObject {
  if (method === "DELETE") return {};
  // RFC 7644 §3.7.3 shows a PATCH whose data is the list of its operations without the message around it.
  const data = method === "PATCH" && isArray(value) ? { Operations: value } : value;
  if (!isObject(data)) {
    throw invalidValue(`${at}.data is missing or not an object; send what the body of a ${method} would be.`);
  }
  return data;
}
