import { createdBySelection } from "./created-by-selection.ts";
import { invalidValue, mutability } from "./error.ts";
import { canonicalText, isArray, isObject, type JsonObject, type JsonValue, ownValue } from "./json.ts";
import { matchesElement } from "./match.ts";
import { type AttributePath, printPath } from "./path.ts";
import { isPrimary } from "./primary.ts";
import { type AttributeValue, assemble, checkCount, isReference, type SubValues } from "./read-value.ts";
import type { ScimAttributes } from "./resource.ts";
import type { Attribute } from "./schema.ts";
import { valueAt, withValueAt } from "./value-at.ts";

/** One change of one attribute. A remove without a value takes all that the path names, with one only what it lists. */
export type AttributeOperation =
  | { readonly op: "add" | "replace"; readonly path: AttributePath; readonly value: AttributeValue }
  | { readonly op: "remove"; readonly path: AttributePath; readonly value: AttributeValue | undefined };

/**
 * Attributes and an operation → attributes after it (RFC 7644 §3.5.2.1 to §3.5.2.3). 400 `mutability` when it removes a
 * required attribute or changes an immutable one, 400 `invalidValue` when it sets a required one to nothing, 400
 * `noTarget` when it has to create an element its filter does not describe.
 */
export function applyOperation(attributes: ScimAttributes, operation: AttributeOperation): ScimAttributes {
  const { path } = operation;
  const current = valueAt(attributes, path);
  const next = path.attribute.multiValued
    ? nextElements(isArray(current) ? current : [], operation)
    : nextSingle(current, operation);
  checkChange(operation, current, next);
  return withValueAt(attributes, path, next);
}

function checkChange(
  operation: AttributeOperation,
  current: JsonValue | undefined,
  next: JsonValue | undefined,
): void {
  const { attribute } = operation.path;
  const name = printPath(operation.path);
  if (attribute.required && next === undefined) {
    if (operation.op === "remove") {
      throw mutability(`Attribute ${name} is required and cannot be removed; replace it instead.`);
    }
    throw invalidValue(`Attribute ${name} is required; send a value that is not empty.`);
  }
  if (attribute.mutability === "immutable" && current !== undefined && !sameValue(current, next)) {
    throw mutability(`Attribute ${name} is immutable; leave it as it is.`);
  }
}

function nextSingle(
  current: JsonValue | undefined,
  { op, path, value }: AttributeOperation,
): JsonValue | undefined {
  const { attribute, sub } = path;
  if (attribute.type !== "complex") return op === "remove" ? without(current, value) : simpleOf(value);
  const object = isObject(current) ? current : {};
  if (sub) return withSubs(attribute, object, new Map([[sub.name, nextSub(object, sub, op, value)]]));
  if (value?.kind !== "complex") return undefined;
  return withSubs(attribute, object, op === "remove" ? clearedWhereEqual(object, value.subs) : value.subs);
}

function nextSub(
  object: JsonObject,
  sub: Attribute,
  op: AttributeOperation["op"],
  value: AttributeValue | undefined,
) {
  return op === "remove" ? without(ownValue(object, sub.name), value) : simpleOf(value);
}

function simpleOf(value: AttributeValue | undefined): JsonValue | undefined {
  return value?.kind === "simple" ? value.value : undefined;
}

/** What a remove leaves of a single value: with a value given, Entra means that value only (idp-traffic §1.4). */
function without(current: JsonValue | undefined, value: AttributeValue | undefined): JsonValue | undefined {
  return value?.kind === "simple" && !sameValue(current, value.value) ? current : undefined;
}

function clearedWhereEqual(object: JsonObject, subs: SubValues): SubValues {
  return new Map(
    [...subs.keys()]
      .filter((name) => sameValue(ownValue(object, name), subs.get(name)))
      .map((name) => [name, undefined]),
  );
}

/**
 * Sub-attributes that are not given stay (RFC 7644 §3.5.2.3). Another `manager.value` is another manager, though: what
 * was known of the old one, its `$ref`, goes with it.
 */
function withSubs(attribute: Attribute, current: JsonObject, changes: SubValues): JsonObject | undefined {
  const replaced =
    isReference(attribute) && changes.has("value") && changes.get("value") !== ownValue(current, "value");
  if (replaced && changes.get("value") === undefined) return undefined;
  return assemble(attribute, new Map([...(replaced ? [] : Object.entries(current)), ...changes]));
}

/** An element, and whether the operation set something in it: a primary it set takes the others' (RFC 7644 §3.5.2). */
interface Step {
  readonly element: JsonValue;
  readonly touched: boolean;
}

function nextElements(
  current: readonly JsonValue[],
  operation: AttributeOperation,
): readonly JsonValue[] | undefined {
  const { attribute } = operation.path;
  const elements = dropRepetitions(withOnePrimary(attribute, stepsOf(current, operation)));
  checkCount(attribute, elements.length, printPath(operation.path));
  return elements.length === 0 ? undefined : elements;
}

function stepsOf(current: readonly JsonValue[], operation: AttributeOperation): readonly Step[] {
  const { op, path, value } = operation;
  if (path.selection || path.sub) return selectedSteps(current, operation);
  const given = value?.kind === "elements" ? value.elements : [];
  switch (op) {
    case "add":
      return appended(path.attribute, current, given);
    case "replace":
      return given.map((element) => ({ element, touched: true }));
    case "remove": {
      const isListed = listedBy(given);
      return value === undefined ? [] : untouched(current.filter((element) => !isListed(element)));
    }
  }
}

/** Elements go to the end; one of the same value and type as a present one is that one (RFC 7643 §2.4) and completes it. */
function appended(
  attribute: Attribute,
  current: readonly JsonValue[],
  given: readonly JsonValue[],
): readonly Step[] {
  const steps = untouched(current);
  const places = new Map(current.map((element, place) => [identityOf(element), place]));
  for (const element of given) {
    const identity = identityOf(element);
    const place = places.get(identity);
    if (place === undefined) {
      places.set(identity, steps.length);
      steps.push({ element, touched: true });
    } else {
      steps[place] = { element: merged(attribute, steps[place]!.element, element), touched: true };
    }
  }
  return steps;
}

function identityOf(element: JsonValue): string {
  if (!isObject(element) || !Object.hasOwn(element, "value")) return textOf(element);
  return canonicalText([element["value"]!, ownValue(element, "type") ?? null]);
}

function merged(attribute: Attribute, present: JsonValue, given: JsonValue): JsonValue {
  if (!isObject(present) || !isObject(given)) return given;
  return withSubs(attribute, present, new Map(Object.entries(given))) ?? present;
}

/**
 * Operations on the elements a filter selects; `emails.value`, without a filter, selects all (RFC 7644 is silent there).
 * When nothing is selected, a value creates an element (API.md §4; Entra needs it, erratum 8097), nothing changes otherwise.
 */
function selectedSteps(current: readonly JsonValue[], operation: AttributeOperation): readonly Step[] {
  const { op, path, value } = operation;
  const selects = (element: JsonValue) => !path.selection || matchesElement(path.selection.checked, element);
  if (op !== "remove" && value.kind !== "unassigned" && !current.some(selects)) {
    const element = assemble(
      path.attribute,
      new Map([...createdBySelection(path), ...givenSubs(path, value)]),
    );
    return element ? [...untouched(current), { element, touched: true }] : untouched(current);
  }
  return current.flatMap((element): Step[] => {
    if (!selects(element) || !isObject(element)) return [{ element, touched: false }];
    const next = nextSelected(element, operation);
    return next ? [{ element: next, touched: next !== element }] : [];
  });
}

function nextSelected(element: JsonObject, { op, path, value }: AttributeOperation): JsonObject | undefined {
  const { attribute, sub } = path;
  if (sub) {
    const next = nextSub(element, sub, op, value);
    const changed = assemble(attribute, new Map([...Object.entries(element), [sub.name, next]]));
    return next === undefined && changed && isHollow(changed) ? undefined : changed;
  }
  if (value?.kind !== "complex") return op === "add" ? element : undefined;
  switch (op) {
    case "add":
      return withSubs(attribute, element, value.subs);
    case "replace":
      // The whole element is replaced (RFC 7644 §3.5.2.3), but stays what the path calls it: a work address, say.
      return assemble(
        attribute,
        new Map([...(createdBySelection(path, "ifDescribed") ?? []), ...value.subs]),
      );
    case "remove": {
      const listed = assemble(attribute, value.subs);
      return listed && listedBy([listed])(element) ? undefined : element;
    }
  }
}

function givenSubs(path: AttributePath, value: AttributeValue): SubValues {
  if (value.kind === "complex") return value.subs;
  return new Map(path.sub ? [[path.sub.name, simpleOf(value)]] : []);
}

/** A label without content, such as the `{"type":"work"}` that clearing `emails[type eq "work"].value` leaves behind. */
function isHollow(element: JsonObject): boolean {
  return Object.keys(element).every((name) => name === "type" || name === "primary");
}

/** Setting a primary clears it on the elements the operation did not name (RFC 7644 §3.5.2). */
function withOnePrimary(attribute: Attribute, steps: readonly Step[]): readonly JsonValue[] {
  const takesPrimary = steps.some(({ element, touched }) => touched && isPrimary(element));
  return steps.map(({ element, touched }) => {
    if (!takesPrimary || touched || !isObject(element) || !isPrimary(element)) return element;
    return assemble(attribute, new Map([...Object.entries(element), ["primary", false]])) ?? element;
  });
}

function dropRepetitions(elements: readonly JsonValue[]): readonly JsonValue[] {
  return [...new Map(elements.map((element) => [textOf(element), element])).values()];
}

/**
 * `canonicalText`, once for each element: most elements pass unchanged through all the operations of a request, and
 * 5,000 operations on 500 elements are allowed.
 */
function textOf(element: JsonValue): string {
  if (!isObject(element)) return canonicalText(element);
  let text = elementTexts.get(element);
  if (text === undefined) {
    text = canonicalText(element);
    elementTexts.set(element, text);
  }
  return text;
}

const elementTexts = new WeakMap<JsonObject, string>();

function untouched(elements: readonly JsonValue[]): Step[] {
  return elements.map((element) => ({ element, touched: false }));
}

/**
 * Whether an element has every sub-attribute of one of those listed for removal. The listed are gathered by the names
 * they give, so that a long list against many elements costs no more than both.
 */
function listedBy(listed: readonly JsonValue[]): (element: JsonValue) => boolean {
  const textsByNames = new Map<string, { readonly names: readonly string[]; readonly texts: Set<string> }>();
  for (const item of listed) {
    const names = isObject(item) ? Object.keys(item).sort() : [];
    const key = names.join();
    const group = textsByNames.get(key) ?? { names, texts: new Set<string>() };
    textsByNames.set(key, group);
    group.texts.add(textOfPart(item, names));
  }
  const groups = [...textsByNames.values()];
  return (element) => groups.some(({ names, texts }) => texts.has(textOfPart(element, names)));
}

function textOfPart(element: JsonValue, names: readonly string[]): string {
  if (!isObject(element)) return canonicalText(element);
  return canonicalText(names.map((name) => ownValue(element, name) ?? null));
}

function sameValue(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return canonicalText(a) === canonicalText(b);
}
