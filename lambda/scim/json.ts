import { invalidSyntax } from "./error.ts";
import { jsonDepthMax } from "./limits.ts";

/** JSON as it comes in: nothing is known about it yet. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;
export type JsonObject = { readonly [key: string]: JsonValue };

/**
 * Text of a body → JSON. 400 `invalidSyntax` (RFC 7644 §3.12) for what is not JSON, nests deeper than `jsonDepthMax`, or
 * holds half of a surrogate pair, which no UTF-8 can store. The depth is measured first, in one pass, so that the
 * recursive work behind never meets hostile nesting.
 */
export function parseJson(text: string): JsonValue {
  const json = text.startsWith("\uFEFF") ? text.slice(1) : text;
  if (nestingExceeds(json, jsonDepthMax)) {
    throw invalidSyntax(
      `The body nests deeper than ${jsonDepthMax} levels (jsonDepthMax); send a flatter one.`,
    );
  }
  const value = parsed(json);
  if (!isUnicode(value)) {
    throw invalidSyntax(
      "The body holds half of a surrogate pair, which is no Unicode text; send whole characters.",
    );
  }
  return value;
}

function parsed(json: string): JsonValue {
  try {
    return JSON.parse(json) as JsonValue; // what JSON.parse returns, by definition
  } catch {
    throw invalidSyntax("The body is not valid JSON; send one JSON object.");
  }
}

function isUnicode(value: JsonValue): boolean {
  if (typeof value === "string") return value.isWellFormed();
  if (isArray(value)) return value.every(isUnicode);
  return !isObject(value) || Object.keys(value).every((key) => key.isWellFormed() && isUnicode(value[key]!));
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !isArray(value);
}

/** `Array.isArray`, which TypeScript does not narrow for readonly arrays. */
export function isArray(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** Own property of an object from outside, or undefined: an inherited `constructor` is never found. */
export function ownValue(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** One text per JSON value whatever its key order: equal texts, equal values. Linear in the size of the value. */
export function canonicalText(value: JsonValue): string {
  if (isArray(value)) return `[${value.map(canonicalText).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const entries = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalText(value[key]!)}`);
  return `{${entries.join(",")}}`;
}

function nestingExceeds(text: string, depthMax: number): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (inString) {
      if (character === "\\") at++;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === "{" || character === "[") {
      depth++;
      if (depth > depthMax) return true;
    } else if (character === "}" || character === "]") depth--;
  }
  return false;
}
