import { parseAttributeName } from "./attribute-name.ts";
import { invalidValue, payloadTooLarge } from "./error.ts";
import { isArray, isObject, type JsonObject, type JsonValue } from "./json.ts";
import { attributeChangesMax } from "./limits.ts";
import { type AttributePath, type Path, parsePath, printPath } from "./path.ts";
import { type Arity, type AttributeValue, readSingle, readValue } from "./read-value.ts";
import { findAttribute, findSchema, findSubAttribute, type ResourceType, type Schema } from "./schema.ts";

/** One key of a body and what it names. The value is still as it came. */
export interface BodyEntry {
  readonly path: AttributePath;
  readonly value: JsonValue;
}

/**
 * The attributes that a resource's body, or a PATCH operation's pathless value, speaks of: plain keys, dotted and
 * URN-qualified ones, value paths as keys, and objects under a schema's URN (idp-traffic §1.5). A key that names nothing we
 * declare, `__proto__` or a misspelt URN, is ignored (API.md §4).
 */
export function bodyEntries(type: ResourceType, body: JsonObject): readonly BodyEntry[] {
  const entries = Object.keys(body).flatMap((key) => entriesOfKey(type, key, body[key]!));
  if (entries.length > attributeChangesMax) {
    throw payloadTooLarge(
      `The request sets more than ${attributeChangesMax} attributes (attributeChangesMax); send fewer.`,
    );
  }
  return entries;
}

/** The attributes in the object kept under a schema's URN; null there speaks of all of an extension's. */
export function schemaEntries(type: ResourceType, schema: Schema, value: JsonValue): readonly BodyEntry[] {
  if (value === null || value === "") {
    return schema === type.schema ? [] : extensionPaths(schema).map((path) => ({ path, value: null }));
  }
  if (!isObject(value)) {
    throw invalidValue(`Attribute ${schema.id} takes an object with its attributes; correct the value.`);
  }
  return Object.keys(value).flatMap((key) => {
    const path = pathOfKey(type, `${schema.id}:${key}`);
    return path?.kind === "attribute" ? [{ path, value: value[key]! }] : [];
  });
}

export function extensionPaths(schema: Schema): readonly AttributePath[] {
  return schema.attributes.map((attribute) => ({ kind: "attribute", container: schema.id, attribute }));
}

/** An entry's value, or a PATCH operation's, in the form its path needs: a sub-attribute's, an element's or an attribute's. */
export function readPathValue(path: AttributePath, value: JsonValue, arity: Arity): AttributeValue {
  const at = printPath(path);
  if (path.sub) return readSingle(path.sub, value, at);
  if (path.selection) {
    return readSingle(path.attribute, isArray(value) && value.length === 1 ? value[0]! : value, at);
  }
  return readValue(path.attribute, value, at, arity);
}

/** Neither read-only nor, like `password`, accepted without being stored. */
export function isStored({ attribute, sub }: AttributePath): boolean {
  return (
    attribute.mutability !== "readOnly" && attribute.returned !== "never" && sub?.mutability !== "readOnly"
  );
}

function entriesOfKey(type: ResourceType, key: string, value: JsonValue): readonly BodyEntry[] {
  const path = pathOfKey(type, key);
  switch (path?.kind) {
    case "attribute":
      return [{ path, value }];
    case "schema":
      return schemaEntries(type, path.schema, value);
    default:
      return [];
  }
}

/** Only a key that begins with a declared name is read as a path, so that the rest of the world's keys cannot be malformed. */
function pathOfKey(type: ResourceType, key: string): Path | undefined {
  const schema = findSchema(type, key);
  if (schema) return { kind: "schema", schema };
  const bracket = key.indexOf("[");
  const name = parseAttributeName(bracket < 0 ? key : key.slice(0, bracket));
  const place = name && findAttribute(type, name.urn, name.name);
  if (!place || (name.sub !== undefined && !findSubAttribute(place.attribute, name.sub))) return undefined;
  return parsePath(type, key);
}
