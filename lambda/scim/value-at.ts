import { isObject, type JsonObject, type JsonValue, ownValue } from "./json.ts";
import type { ScimAttributes } from "./resource.ts";
import type { AttributePlace } from "./schema.ts";

/** The value of an attribute in a resource, or undefined when it is unassigned. */
export function valueAt(
  attributes: ScimAttributes,
  { container, attribute }: AttributePlace,
): JsonValue | undefined {
  const holder = container === undefined ? attributes : ownValue(attributes, container);
  return isObject(holder) ? ownValue(holder, attribute.name) : undefined;
}

/** An attribute set, or, with undefined, left out; an extension that has nothing left goes too (checklist 122). */
export function withValueAt(
  attributes: ScimAttributes,
  { container, attribute }: AttributePlace,
  value: JsonValue | undefined,
): ScimAttributes {
  if (container === undefined) return withProperty(attributes, attribute.name, value);
  const holder = ownValue(attributes, container);
  const extension = withProperty(isObject(holder) ? holder : {}, attribute.name, value);
  return withProperty(attributes, container, Object.keys(extension).length === 0 ? undefined : extension);
}

function withProperty(object: JsonObject, name: string, value: JsonValue | undefined): JsonObject {
  if (value !== undefined) return { ...object, [name]: value };
  const { [name]: _gone, ...rest } = object;
  return rest;
}
