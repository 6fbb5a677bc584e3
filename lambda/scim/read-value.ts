import { asciiLower } from "./attribute-name.ts";
import { parseDateTime } from "./date-time.ts";
import { invalidValue, payloadTooLarge } from "./error.ts";
import { canonicalText, isArray, isObject, type JsonObject, type JsonValue } from "./json.ts";
import { membersPerRequestMax, valuesPerAttributeMax } from "./limits.ts";
import { type Attribute, findSubAttribute } from "./schema.ts";
import { groupMembers } from "./schemas/group.ts";

/**
 * A value for an attribute, checked against the schema and in canonical spelling. Unknown and read-only sub-attributes
 * are gone from it; null, "" and [] have become `unassigned` (RFC 7643 §2.5, API.md §4).
 */
export type AttributeValue =
  | { readonly kind: "unassigned" }
  | { readonly kind: "simple"; readonly value: JsonValue }
  /** The sub-attributes given, undefined for those that are to be cleared. */
  | { readonly kind: "complex"; readonly subs: SubValues }
  /** Elements of a multi-valued attribute, without repetitions. */
  | { readonly kind: "elements"; readonly elements: readonly JsonValue[] };

export type SubValues = ReadonlyMap<string, JsonValue | undefined>;

/** Whether one element may stand for an array of one: in PATCH it may (RFC 7644 §3.5.2.1), in a resource not (checklist 36). */
export type Arity = "array" | "oneOrArray";

export const unassigned: AttributeValue = { kind: "unassigned" };

/** 400 `invalidValue` naming the place, such as `emails[2].primary`, for a value of the wrong type. */
export function readValue(attribute: Attribute, value: JsonValue, at: string, arity: Arity): AttributeValue {
  if (attribute.multiValued) return readElements(attribute, value, at, arity);
  return readSingle(attribute, value, at);
}

/** A value for one element of a multi-valued attribute, or for a single-valued one. */
export function readSingle(attribute: Attribute, value: JsonValue, at: string): AttributeValue {
  if (value === null || value === "") return unassigned;
  if (attribute.type === "complex") return readComplex(attribute, value, at);
  return { kind: "simple", value: readSimple(attribute, value, at) };
}

function readElements(attribute: Attribute, value: JsonValue, at: string, arity: Arity): AttributeValue {
  if (value === null || value === "") return unassigned;
  if (!isArray(value) && arity === "array") {
    throw invalidValue(`Attribute ${at} takes an array; send its values in one.`);
  }
  const given = isArray(value) ? value : [value];
  checkCount(attribute, given.length, at);
  const elements = new Map<string, JsonValue>();
  given.forEach((item, index) => {
    const element = readElement(attribute, item, `${at}[${index}]`);
    if (element !== undefined) elements.set(canonicalText(element), element);
  });
  return elements.size === 0 ? unassigned : { kind: "elements", elements: [...elements.values()] };
}

function readElement(attribute: Attribute, item: JsonValue, at: string): JsonValue | undefined {
  // A bare string is taken for a member's id (API.md §4); elsewhere it is a mistake worth telling.
  const member = attribute === groupMembers && typeof item === "string" ? { value: item } : item;
  const read = readSingle(attribute, member, at);
  if (read.kind === "simple") return read.value;
  const element = read.kind === "complex" ? assemble(attribute, read.subs) : undefined;
  const missing = attribute.subAttributes?.find(
    (sub) => sub.required && !(element && Object.hasOwn(element, sub.name)),
  );
  if (missing) throw invalidValue(`Attribute ${at}.${missing.name} is required; send it.`);
  return element;
}

/**
 * A single-valued reference such as `manager` comes as an object, as a plain string, and as an array whose first element
 * counts (Entra, idp-traffic §1.4).
 */
function readComplex(attribute: Attribute, value: JsonValue, at: string): AttributeValue {
  if (isReference(attribute)) {
    if (isArray(value)) {
      return value.length === 0 ? unassigned : readSingle(attribute, withoutArray(value[0]!, at), `${at}[0]`);
    }
    if (typeof value === "string") return readComplex(attribute, { value }, at);
  }
  if (!isObject(value)) throw wrongType(attribute, at);
  const subs = new Map<string, JsonValue | undefined>();
  for (const key of Object.keys(value)) {
    const sub = findSubAttribute(attribute, key);
    if (!sub || sub.mutability === "readOnly") continue;
    const read = readSingle(sub, value[key]!, `${at}.${sub.name}`);
    subs.set(sub.name, read.kind === "simple" ? read.value : undefined);
  }
  return { kind: "complex", subs };
}

function withoutArray(value: JsonValue, at: string): JsonValue {
  if (isArray(value)) throw invalidValue(`Attribute ${at} takes one value; send it without the inner array.`);
  return value;
}

/** A single-valued complex attribute that stands for its `value`: of those served, `manager` alone. */
export function isReference(attribute: Attribute): boolean {
  return (
    attribute.type === "complex" &&
    !attribute.multiValued &&
    findSubAttribute(attribute, "value") !== undefined
  );
}

/** Sub-attributes → element in the schema's order, or undefined when nothing is assigned in it. */
export function assemble(attribute: Attribute, subs: SubValues): JsonObject | undefined {
  const element: Record<string, JsonValue> = {}; // its keys are names from the schema, never from input
  for (const { name } of attribute.subAttributes ?? []) {
    const value = subs.get(name);
    if (value !== undefined) element[name] = value;
  }
  return Object.keys(element).length === 0 ? undefined : element;
}

/** 413 for more values than an attribute may have. */
export function checkCount(attribute: Attribute, count: number, at: string): void {
  const [max, name] =
    attribute === groupMembers
      ? [membersPerRequestMax, "membersPerRequestMax"]
      : [valuesPerAttributeMax, "valuesPerAttributeMax"];
  if (count > max) {
    throw payloadTooLarge(`Attribute ${at} has more than ${max} values (${name}); send fewer.`);
  }
}

function readSimple(attribute: Attribute, value: JsonValue, at: string): JsonValue {
  const read = asType(attribute, value);
  if (read === undefined) throw wrongType(attribute, at);
  return read;
}

/** Formats of e-mail addresses, phone numbers, locales, URIs and the like are not checked: IdPs send anything (API.md §4). */
function asType(attribute: Attribute, value: JsonValue): JsonValue | undefined {
  switch (attribute.type) {
    case "boolean":
      return asBoolean(value);
    case "integer":
      return typeof value === "number" && Number.isInteger(value) ? value : undefined;
    case "decimal":
      return typeof value === "number" && Number.isFinite(value) ? value : undefined;
    case "dateTime":
      return typeof value === "string" && parseDateTime(value) !== undefined ? value : undefined;
    case "binary":
      return typeof value === "string" && isBase64(value) ? value : undefined;
    default:
      return typeof value === "string" ? value : undefined;
  }
}

/** Entra and Okta expressions send "True" and "False" (idp-traffic §1.3, §10); what is stored is always a boolean. */
function asBoolean(value: JsonValue): boolean | undefined {
  if (typeof value === "boolean") return value;
  const lower = typeof value === "string" ? asciiLower(value) : undefined;
  return lower === "true" ? true : lower === "false" ? false : undefined;
}

/** RFC 7643 §2.3.6: base64 or base64url, padding optional. */
function isBase64(text: string): boolean {
  let end = text.length;
  while (end > 0 && text.length - end < 2 && text[end - 1] === "=") end--;
  for (let at = 0; at < end; at++) {
    if (!base64Alphabet.includes(text[at]!)) return false;
  }
  return end % 4 !== 1;
}

const base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_";

function wrongType(attribute: Attribute, at: string): Error {
  const wanted =
    attribute.type === "complex" ? "an object with its sub-attributes" : `a value of type ${attribute.type}`;
  return invalidValue(`Attribute ${at} takes ${wanted}; correct the value.`);
}
