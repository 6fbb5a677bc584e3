/**
 * References to resources that a bulk request creates, by the bulkId of their POST (RFC 7644 §3.7.2): `bulkId:xyz` as an
 * operation's id, as any whole string in its data, and as a literal in the path of a PATCH operation.
 */

import { asciiLower } from "./attribute-name.ts";
import type { AskedOperation } from "./bulk.ts";
import { isArray, isObject, type JsonObject, type JsonValue } from "./json.ts";

const prefix = "bulkId:";

/** The bulkId that a text refers to; undefined for any other text. */
export function referenceIn(text: string): string | undefined {
  return text.startsWith(prefix) ? text.slice(prefix.length) : undefined;
}

export function referenceTo(bulkId: string): string {
  return prefix + bulkId;
}

/** A reference in a message, cut to what its sender needs to recognise it. */
export function shownReference(bulkId: string): string {
  const reference = referenceTo(bulkId);
  return JSON.stringify(
    reference.length > shownLengthMax ? `${reference.slice(0, shownLengthMax)}…` : reference,
  );
}

const shownLengthMax = 100;

/** All bulkIds that an operation refers to. */
export function referencesOf(operation: AskedOperation): ReadonlySet<string> {
  const found = new Set<string>();
  resolveReferences(operation, (bulkId) => {
    found.add(bulkId);
    return "";
  });
  return found;
}

/** The operation with ids where it had references. */
export function resolveReferences(
  operation: AskedOperation,
  idOf: (bulkId: string) => string,
): AskedOperation {
  const resolve: Change = (text) => {
    const bulkId = referenceIn(text);
    return bulkId === undefined ? text : idOf(bulkId);
  };
  const { method, target, data } = operation;
  return {
    ...operation,
    target: { ...target, id: target.id === undefined ? undefined : resolve(target.id) },
    data: method === "PATCH" ? changePatch(data, resolve) : changeEntries(data, resolve),
  };
}

/** A POST's data, and what is to be added once what it refers to is there. */
export interface PartedData {
  readonly now: JsonObject;
  /** Whole attributes, within their extension's object where they came so. */
  readonly later: JsonObject;
}

/** Parts whole attributes off, since half of one may be none: a manager without `value`, or a list without some elements. */
export function partReferring(data: JsonObject, refersTo: ReadonlySet<string>): PartedData {
  const now: [string, JsonValue][] = [];
  const later: [string, JsonValue][] = [];
  for (const [key, value] of Object.entries(data)) {
    if (isObject(value) && asciiLower(key).startsWith("urn:")) {
      const parted = partReferring(value, refersTo);
      now.push([key, parted.now]);
      if (Object.keys(parted.later).length > 0) later.push([key, parted.later]);
    } else if (mentions(value, refersTo)) {
      later.push([key, value]);
    } else {
      now.push([key, value]);
    }
  }
  return { now: Object.fromEntries(now), later: Object.fromEntries(later) };
}

function mentions(value: JsonValue, bulkIds: ReadonlySet<string>): boolean {
  if (typeof value === "string") {
    const bulkId = referenceIn(value);
    return bulkId !== undefined && bulkIds.has(bulkId);
  }
  if (isArray(value)) return value.some((item) => mentions(item, bulkIds));
  return isObject(value) && Object.values(value).some((item) => mentions(item, bulkIds));
}

type Change = (text: string) => string;

function changePatch(message: JsonObject, change: Change): JsonObject {
  return changeEntries(message, change, (key, operations) =>
    asciiLower(key) === "operations" && isArray(operations)
      ? operations.map((operation) =>
          isObject(operation)
            ? changeEntries(operation, change, (name, path) =>
                asciiLower(name) === "path" && typeof path === "string"
                  ? changeLiterals(path, change)
                  : undefined,
              )
            : changeTexts(operation, change),
        )
      : undefined,
  );
}

function changeTexts(value: JsonValue, change: Change): JsonValue {
  if (typeof value === "string") return change(value);
  if (isArray(value)) return value.map((item) => changeTexts(item, change));
  return isObject(value) ? changeEntries(value, change) : value;
}

/** `special` may say what becomes of an entry; fromEntries, because a key may be `__proto__` and has to stay a mere key. */
function changeEntries(
  object: JsonObject,
  change: Change,
  special: (key: string, value: JsonValue) => JsonValue | undefined = () => undefined,
): JsonObject {
  return Object.fromEntries(
    Object.entries(object).map(([key, value]) => [key, special(key, value) ?? changeTexts(value, change)]),
  );
}

/** Changes the quoted literals of a path, such as in `members[value eq "bulkId:xyz"]`. */
function changeLiterals(path: string, change: Change): string {
  let changed = "";
  let copied = 0;
  for (let start = path.indexOf('"'); start >= 0; start = path.indexOf('"', copied)) {
    const end = endOfLiteral(path, start);
    changed += path.slice(copied, start) + changeLiteral(path.slice(start, end), change);
    copied = end;
  }
  return changed + path.slice(copied);
}

function endOfLiteral(path: string, start: number): number {
  for (let at = start + 1; at < path.length; at++) {
    if (path[at] === "\\") at++;
    else if (path[at] === '"') return at + 1;
  }
  return path.length;
}

function changeLiteral(literal: string, change: Change): string {
  try {
    const text: unknown = JSON.parse(literal);
    return typeof text === "string" && referenceIn(text) !== undefined
      ? JSON.stringify(change(text))
      : literal;
  } catch {
    return literal; // the path is malformed, as whoever reads it will say
  }
}
