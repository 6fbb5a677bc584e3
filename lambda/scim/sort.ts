import { parseAttributeName } from "./attribute-name.ts";
import { parseDateTime } from "./date-time.ts";
import { invalidValue } from "./error.ts";
import { foldCase } from "./fold.ts";
import { isArray, isObject, type JsonValue, ownValue } from "./json.ts";
import { isPrimary } from "./primary.ts";
import type { SortOrder } from "./query.ts";
import type { ScimResource } from "./resource.ts";
import { type Attribute, findAttribute, findSubAttribute, type ResourceType } from "./schema.ts";
import { valueAt } from "./value-at.ts";

/**
 * Order of resources by an attribute (RFC 7644 §3.4.2.3): by its type and case-exactness, strings by code units of their
 * folded form (API.md §4). Of a multi-valued attribute the primary value counts, else the first. Resources without a value
 * come last ascending, first descending, and so do those of a type that does not know the attribute; one that no type
 * knows is no order. 400 `invalidValue` for a complex attribute that has no `value` and is named without a sub-attribute.
 */
export function compareBy(
  types: readonly ResourceType[],
  sortBy: string,
  sortOrder: SortOrder,
): (a: ScimResource, b: ScimResource) => number {
  const readers = new Map(types.map((type) => [type.name as string, sortKey(type, sortBy)]));
  const sign = sortOrder === "ascending" ? 1 : -1;
  const keys = new WeakMap<ScimResource, SortKey>(); // each resource is folded once, not once for each comparison
  const keyOf = (resource: ScimResource): SortKey => {
    const known = keys.get(resource);
    if (known) return known;
    const made = { value: readers.get(resource.meta.resourceType)?.(resource) };
    keys.set(resource, made);
    return made;
  };
  return (a, b) => sign * compareValues(keyOf(a).value, keyOf(b).value);
}

/** Whether that order looks at a base attribute, such as "members", so that it has to be read first. */
export function ordersBy(type: ResourceType, sortBy: string, attributeName: string): boolean {
  const name = parseAttributeName(sortBy);
  const place = name && findAttribute(type, name.urn, name.name);
  return place !== undefined && place.container === undefined && place.attribute.name === attributeName;
}

type SortValue = string | number | undefined;

interface SortKey {
  readonly value: SortValue;
}

function sortKey(type: ResourceType, sortBy: string): ((resource: ScimResource) => SortValue) | undefined {
  const name = parseAttributeName(sortBy);
  const place = name && findAttribute(type, name.urn, name.name);
  if (!place || place.attribute.returned === "never") return undefined;
  const { attribute } = place;
  const sub = attribute.subAttributes && findSubAttribute(attribute, name.sub ?? "value");
  if (name.sub !== undefined && !sub) return undefined;
  if (attribute.type === "complex" && !sub) {
    throw invalidValue(
      `Parameter sortBy names the complex attribute ${sortBy}; name one of its sub-attributes.`,
    );
  }
  return (resource) => {
    const value = valueAt(resource, place);
    const single = isArray(value) ? (value.find(isPrimary) ?? value[0]) : value;
    if (!sub) return toSortValue(attribute, single);
    return isObject(single) ? toSortValue(sub, ownValue(single, sub.name)) : undefined;
  };
}

function toSortValue(attribute: Attribute, value: JsonValue | undefined): SortValue {
  switch (typeof value) {
    case "boolean":
      return Number(value);
    case "number":
      return value;
    case "string":
      if (attribute.type === "dateTime") return parseDateTime(value);
      return attribute.caseExact ? value : foldCase(value);
    default:
      return undefined;
  }
}

function compareValues(a: SortValue, b: SortValue): number {
  if (a === b) return 0;
  if (a === undefined) return 1;
  if (b === undefined) return -1;
  return a < b ? -1 : 1;
}
