import { type AttributeName, asciiLower, printAttributeName } from "./attribute-name.ts";
import { contains } from "./contains.ts";
import { parseDateTime } from "./date-time.ts";
import { invalidFilter } from "./error.ts";
import type { CompareOperator, Filter, Literal } from "./filter.ts";
import { foldCase } from "./fold.ts";
import { isArray, isObject, type JsonObject, type JsonValue, ownValue } from "./json.ts";
import { charactersPerLook } from "./limits.ts";
import type { ScimAttributes } from "./resource.ts";
import { type Attribute, findAttribute, findSubAttribute, type ResourceType } from "./schema.ts";
import { valueAt } from "./value-at.ts";

/** A filter resolved against a resource type: every comparison is known to be possible and its literal is converted. */
export type CheckedFilter =
  | { readonly kind: "and" | "or"; readonly filters: readonly CheckedFilter[] }
  | { readonly kind: "not"; readonly filter: CheckedFilter }
  | {
      readonly kind: "compare";
      readonly target: FilterTarget;
      readonly operator: CompareOperator;
      /** As written, but a boolean where the attribute is one. */
      readonly value: Literal;
      /** The value in the form in which it is compared: folded, or milliseconds. */
      readonly comparable: Literal;
    }
  | { readonly kind: "present"; readonly target: FilterTarget }
  | { readonly kind: "valuePath"; readonly target: FilterTarget; readonly filter: CheckedFilter };

/** What a filter looks at. Without an attribute: something the schema does not know, which never has a value. */
export interface FilterTarget {
  readonly container?: string | undefined;
  readonly attribute?: Attribute;
  readonly sub?: Attribute | undefined;
}

/**
 * Resolves names and checks that each comparison is one its attribute's type allows, whatever a resource holds; else 400
 * `invalidFilter` (RFC 7644 §3.12). An attribute the type does not have is no error: it has no value (§3.4.2.1). Neither
 * has one that is never returned, so that no filter can probe a password (checklist 101).
 */
export function checkFilter(type: ResourceType, filter: Filter): CheckedFilter {
  return check(filter, (name) => resolve(type, name));
}

/** As `checkFilter`, for the filter in the brackets of a value path: names are the attribute's sub-attributes. */
export function checkElementFilter(attribute: Attribute, filter: Filter): CheckedFilter {
  return check(filter, (name) => resolveInElement(attribute, name));
}

/** How a text loses its case: `foldCase`, or one that remembers what it has folded. */
export type Fold = (text: string) => string;

/**
 * Whether a resource meets the filter. A comparison is true of a multi-valued attribute when it is true of any of its
 * values (RFC 7644 §3.4.2.2); an unassigned attribute compares as null (RFC 7643 §2.5), so `ne` is true of it.
 */
export function matches(filter: CheckedFilter, resource: ScimAttributes, fold: Fold = foldCase): boolean {
  switch (filter.kind) {
    case "and":
      return filter.filters.every((operand) => matches(operand, resource, fold));
    case "or":
      return filter.filters.some((operand) => matches(operand, resource, fold));
    case "not":
      return !matches(filter.filter, resource, fold);
    case "compare": {
      const { operator, comparable } = filter;
      const leaf = leafOf(filter.target);
      return someValue(filter.target, resource, (value) =>
        compare(toComparable(leaf, operator, value, fold), operator, comparable),
      );
    }
    case "present":
      return someValue(filter.target, resource, isPresent);
    case "valuePath":
      return elementsAt(filter.target, resource).some((element) =>
        matchesElement(filter.filter, element, fold),
      );
  }
}

/** Whether one element of a multi-valued attribute meets a filter made by `checkElementFilter`. */
export function matchesElement(filter: CheckedFilter, element: JsonValue, fold: Fold = foldCase): boolean {
  return matches(filter, isObject(element) ? element : { value: element }, fold);
}

/** Looks at one element that the filter takes: one for each comparison and operator, more for a long literal (`elementLooksMax`). */
export function looksOf(filter: CheckedFilter): number {
  switch (filter.kind) {
    case "and":
    case "or":
      return filter.filters.reduce((count, operand) => count + looksOf(operand), 1);
    case "not":
    case "valuePath":
      return 1 + looksOf(filter.filter);
    case "compare":
      return 1 + Math.floor(String(filter.comparable).length / charactersPerLook);
    case "present":
      return 1;
  }
}

/** Whether the filter looks at a base attribute, such as "members", so that it has to be read before the filter can be evaluated. */
export function looksAt(filter: CheckedFilter, attributeName: string): boolean {
  switch (filter.kind) {
    case "and":
    case "or":
      return filter.filters.some((operand) => looksAt(operand, attributeName));
    case "not":
      return looksAt(filter.filter, attributeName);
    default:
      return filter.target.container === undefined && filter.target.attribute?.name === attributeName;
  }
}

type Resolve = (name: AttributeName) => FilterTarget;

function check(filter: Filter, resolveName: Resolve): CheckedFilter {
  switch (filter.kind) {
    case "and":
    case "or":
      return { kind: filter.kind, filters: filter.filters.map((operand) => check(operand, resolveName)) };
    case "not":
      return { kind: "not", filter: check(filter.filter, resolveName) };
    case "present":
      return { kind: "present", target: resolveName(filter.name) };
    case "compare":
      return checkComparison(filter.name, resolveName(filter.name), filter.operator, filter.value);
    case "valuePath": {
      const target = resolveName(filter.name);
      if (target.sub) {
        throw invalidFilter(
          `Attribute ${printAttributeName(filter.name)} takes no filter in brackets; put them behind the attribute itself.`,
        );
      }
      return {
        kind: "valuePath",
        target,
        filter: check(filter.filter, (name) => resolveInElement(target.attribute, name)),
      };
    }
  }
}

/**
 * A name without a URN that the base schema does not have is looked for in the extensions: Entra's probe says `manager`
 * alone (idp-traffic §1.2).
 */
function resolve(type: ResourceType, name: AttributeName): FilterTarget {
  const urns =
    name.urn === undefined ? [undefined, ...type.extensions.map(({ schema }) => schema.id)] : [name.urn];
  const place = urns.map((urn) => findAttribute(type, urn, name.name)).find((found) => found !== undefined);
  if (!place || place.attribute.returned === "never") return {};
  if (name.sub === undefined) return place;
  const sub = findSubAttribute(place.attribute, name.sub);
  return sub ? { ...place, sub } : {};
}

function resolveInElement(attribute: Attribute | undefined, name: AttributeName): FilterTarget {
  if (!attribute || name.urn !== undefined || name.sub !== undefined) return {};
  const sub = findSubAttribute(attribute, name.name);
  if (sub) return { attribute: sub };
  // The elements of a simple multi-valued attribute are named `value` (RFC 7643 §2.4).
  const isElement = !attribute.subAttributes && asciiLower(name.name) === "value";
  return isElement ? { attribute: { ...attribute, name: "value", multiValued: false } } : {};
}

function checkComparison(
  name: AttributeName,
  found: FilterTarget,
  operator: CompareOperator,
  literal: Literal,
): CheckedFilter {
  const target = withValueSubAttribute(found);
  const leaf = leafOf(target);
  const refuse = (why: string) =>
    invalidFilter(`The filter compares ${printAttributeName(name)} by ${operator}, but ${why}.`);
  if (literal === null) {
    if (operator !== "eq" && operator !== "ne") throw refuse("null allows only eq, ne and pr");
    return { kind: "compare", target, operator, value: null, comparable: null };
  }
  if (!leaf) return { kind: "compare", target, operator, value: literal, comparable: literal };
  if (leaf.type === "complex") throw refuse("it is complex; name one of its sub-attributes");
  const value = leaf.type === "boolean" && typeof literal === "string" ? booleanOf(literal) : literal;
  if (typeof value !== jsonTypeOf(leaf)) {
    throw refuse(`its values are of type ${leaf.type}; compare it with one`);
  }
  if (!operatorsOf(leaf).includes(operator)) {
    throw refuse(`type ${leaf.type} allows only ${operatorsOf(leaf).join(", ")} and pr`);
  }
  const comparable = toComparable(leaf, operator, value!, foldCase);
  if (comparable === null) throw refuse("the value is not a dateTime such as 2011-05-13T04:42:34Z");
  return { kind: "compare", target, operator, value: value!, comparable };
}

/** `emails co "x"` and `manager eq "x"` compare the value (RFC 7644 figure 2; API.md §4). */
function withValueSubAttribute(target: FilterTarget): FilterTarget {
  if (target.sub || target.attribute?.type !== "complex") return target;
  return { ...target, sub: findSubAttribute(target.attribute, "value") };
}

function leafOf(target: FilterTarget): Attribute | undefined {
  return target.sub ?? target.attribute;
}

/** "True" and "False" are what Entra sends for booleans, as in `roles[primary eq "True"]` (idp-traffic §1.4). */
function booleanOf(text: string): boolean | undefined {
  const lower = asciiLower(text);
  return lower === "true" ? true : lower === "false" ? false : undefined;
}

function jsonTypeOf(attribute: Attribute): "boolean" | "number" | "string" {
  switch (attribute.type) {
    case "boolean":
      return "boolean";
    case "integer":
    case "decimal":
      return "number";
    default:
      return "string";
  }
}

/** RFC 7644 table 3: order is refused for booleans and binaries, substrings make sense for strings alone. */
function operatorsOf(attribute: Attribute): readonly CompareOperator[] {
  switch (attribute.type) {
    case "boolean":
    case "binary":
      return ["eq", "ne"];
    case "integer":
    case "decimal":
      return ["eq", "ne", "gt", "ge", "lt", "le"];
    default:
      return ["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"];
  }
}

/** The form in which a value is compared; null when there is none, or none of the attribute's type. */
function toComparable(
  attribute: Attribute | undefined,
  operator: CompareOperator,
  value: JsonValue,
  fold: Fold,
): Literal {
  if (value === null || typeof value === "object" || !attribute || typeof value !== jsonTypeOf(attribute)) {
    return null;
  }
  if (typeof value !== "string") return value;
  const isSubstring = operator === "co" || operator === "sw" || operator === "ew";
  if (attribute.type === "dateTime" && !isSubstring) return parseDateTime(value) ?? null;
  return attribute.caseExact || attribute.type === "binary" ? value : fold(value);
}

function compare(value: Literal, operator: CompareOperator, literal: Literal): boolean {
  if (operator === "eq") return value === literal;
  if (operator === "ne") return value !== literal;
  if (value === null || literal === null) return false;
  switch (operator) {
    case "gt":
      return value > literal;
    case "ge":
      return value >= literal;
    case "lt":
      return value < literal;
    case "le":
      return value <= literal;
    case "co":
      return contains(String(value), String(literal));
    case "sw":
      return String(value).startsWith(String(literal));
    case "ew":
      return String(value).endsWith(String(literal));
  }
}

/**
 * Whether the test holds of any value the target has: null for an element without it, a single null for an unassigned
 * attribute. Makes no lists: a PATCH comes here millions of times.
 */
function someValue(
  { container, attribute, sub }: FilterTarget,
  resource: ScimAttributes,
  test: (value: JsonValue) => boolean,
): boolean {
  const held = attribute && valueAt(resource, { container, attribute });
  if (!isArray(held)) return test(held === undefined ? null : partOf(held, sub));
  return held.length === 0 ? test(null) : held.some((element) => test(partOf(element, sub)));
}

function partOf(value: JsonValue, sub: Attribute | undefined): JsonValue {
  if (!sub) return value;
  return isObject(value) ? (ownValue(value, sub.name) ?? null) : null;
}

/** The values of the target's attribute: of a single-valued one its only value, if it has one. */
function elementsAt(target: FilterTarget, resource: ScimAttributes): readonly JsonValue[] {
  const { container, attribute } = target;
  const value = attribute && valueAt(resource, { container, attribute });
  return isArray(value) ? value : value === undefined || value === null ? [] : [value];
}

/** RFC 7644 table 3, pr: neither null nor empty; of a complex value, something in it. */
function isPresent(value: JsonValue): boolean {
  return value !== null && value !== "" && !(isObject(value) && !hasKey(value));
}

function hasKey(object: JsonObject): boolean {
  return Object.keys(object).length > 0;
}
