import { createdBySelection } from "./created-by-selection.ts";
import { oncePerElement, textOf } from "./element-text.ts";
import { invalidValue, mutability } from "./error.ts";
import { canonicalText, isArray, isObject, type JsonObject, type JsonValue, ownValue } from "./json.ts";
import { looksPerRewrite } from "./limits.ts";
import { looksOf, matchesElement } from "./match.ts";
import { type AttributePath, printPath } from "./path.ts";
import { isPrimary } from "./primary.ts";
import { type AttributeValue, assemble, checkCount, isReference, type SubValues } from "./read-value.ts";
import type { ScimAttributes } from "./resource.ts";
import type { Attribute } from "./schema.ts";
import { valueAt, withValueAt } from "./value-at.ts";
import type { Work } from "./work.ts";

/** One change of one attribute. A remove without a value takes all that the path names, with one only what it lists. */
export type AttributeOperation =
  | { readonly op: "add" | "replace"; readonly path: AttributePath; readonly value: AttributeValue }
  | { readonly op: "remove"; readonly path: AttributePath; readonly value: AttributeValue | undefined };

/**
 * Attributes and an operation → attributes after it (RFC 7644 §3.5.2.1 to §3.5.2.3). 400 `mutability` when it removes a
 * required attribute or changes an immutable one, 400 `invalidValue` when it sets a required one to nothing, 400
 * `noTarget` when it has to create an element its filter does not describe, 413 when it is too much for the request's `work`.
 */
export function applyOperation(
  attributes: ScimAttributes,
  operation: AttributeOperation,
  work: Work,
): ScimAttributes {
  const { path } = operation;
  const current = valueAt(attributes, path);
  const next = path.attribute.multiValued
    ? nextElements(isArray(current) ? current : [], operation, work)
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

/** An element, and whether the operation's value calls it primary: then the others are not any more (RFC 7644 §3.5.2). */
interface Step {
  readonly element: JsonValue;
  readonly claimsPrimary: boolean;
}

function nextElements(
  current: readonly JsonValue[],
  operation: AttributeOperation,
  work: Work,
): readonly JsonValue[] | undefined {
  const { attribute } = operation.path;
  const elements = dropRepetitions(withOnePrimary(attribute, stepsOf(current, operation, work)));
  checkCount(attribute, elements.length, printPath(operation.path));
  return elements.length === 0 ? undefined : elements;
}

function stepsOf(current: readonly JsonValue[], operation: AttributeOperation, work: Work): readonly Step[] {
  const { op, path, value } = operation;
  if (path.selection || path.sub) return selectedSteps(current, operation, work);
  const given = value?.kind === "elements" ? value.elements : [];
  switch (op) {
    case "add":
      work.look(current, 1);
      work.look(given, looksPerRewrite);
      return appended(path.attribute, current, given);
    case "replace":
      return given.map((element) => ({ element, claimsPrimary: isPrimary(element) }));
    case "remove": {
      if (value === undefined) return [];
      const listed = listOf(given);
      work.look(current, 1 + listed.length);
      return untouched(current.filter((element) => !isListed(element, listed)));
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
      steps.push({ element, claimsPrimary: isPrimary(element) });
    } else {
      const present = steps[place]!;
      steps[place] = {
        element: merged(attribute, present.element, element),
        claimsPrimary: present.claimsPrimary || isPrimary(element),
      };
    }
  }
  return steps;
}

const identityOf = oncePerElement((element) => {
  if (!isObject(element) || !Object.hasOwn(element, "value")) return textOf(element);
  return canonicalText([element["value"]!, ownValue(element, "type") ?? null]);
});

function merged(attribute: Attribute, present: JsonValue, given: JsonValue): JsonValue {
  if (!isObject(present) || !isObject(given)) return given;
  return withSubs(attribute, present, new Map(Object.entries(given))) ?? present;
}

/**
 * Operations on the elements a filter selects; `emails.value`, without a filter, selects all (RFC 7644 is silent there).
 * When nothing is selected, a value creates an element (API.md §4; Entra needs it, erratum 8097), nothing changes otherwise.
 */
function selectedSteps(
  current: readonly JsonValue[],
  operation: AttributeOperation,
  work: Work,
): readonly Step[] {
  const { op, path, value } = operation;
  const given: SubValues = value ? givenSubs(path, value) : new Map();
  const selected = selectedIn(current, path, work);
  if (op !== "remove" && value.kind !== "unassigned" && selected.size === 0) {
    const element = assemble(path.attribute, new Map([...createdBySelection(path), ...given]));
    // What the filter says of the new element counts like the value: `emails[primary eq true].value` makes a primary.
    const created = element ? [{ element, claimsPrimary: isPrimary(element) }] : [];
    return [...untouched(current), ...created];
  }
  // Before any is made: a long value copied into many elements is the most that one operation can cost.
  work.look([assemble(path.attribute, given) ?? null], looksPerRewrite * selected.size);
  const claimsPrimary = op !== "remove" && given.get("primary") === true;
  return current.flatMap((element): Step[] => {
    if (!isObject(element) || !selected.has(element)) return [{ element, claimsPrimary: false }];
    const next = nextSelected(element, operation);
    return next ? [{ element: next, claimsPrimary }] : [];
  });
}

function selectedIn(
  current: readonly JsonValue[],
  { selection }: AttributePath,
  work: Work,
): ReadonlySet<JsonValue> {
  work.look(current, 1 + (selection ? looksOf(selection.checked) : 0));
  const fold = (text: string) => work.fold(text);
  return new Set(
    selection ? current.filter((element) => matchesElement(selection.checked, element, fold)) : current,
  );
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
      return listed && isListed(element, listOf([listed])) ? undefined : element;
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

/**
 * A new primary makes the old one an ordinary element (RFC 7644 §3.5.2), also where the operation names the old one
 * without calling it primary. Two that are called so stay both, for `checkAttributes` to refuse.
 */
function withOnePrimary(attribute: Attribute, steps: readonly Step[]): readonly JsonValue[] {
  const takesPrimary = steps.some(({ element, claimsPrimary }) => claimsPrimary && isPrimary(element));
  return steps.map(({ element, claimsPrimary }) => {
    if (!takesPrimary || claimsPrimary || !isObject(element) || !isPrimary(element)) return element;
    return assemble(attribute, new Map([...Object.entries(element), ["primary", false]])) ?? element;
  });
}

function dropRepetitions(elements: readonly JsonValue[]): readonly JsonValue[] {
  return [...new Map(elements.map((element) => [textOf(element), element])).values()];
}

function untouched(elements: readonly JsonValue[]): Step[] {
  return elements.map((element) => ({ element, claimsPrimary: false }));
}

/** Elements listed for removal that give the same sub-attributes: a tree of their values, a level for each name. */
interface Listed {
  readonly names: readonly string[];
  readonly values: ValueTree;
}

type ValueTree = Map<JsonValue | undefined, ValueTree>;

/** Gathered by the names they give, so that an element is compared with each set of names and not with each one listed. */
function listOf(elements: readonly JsonValue[]): readonly Listed[] {
  const byNames = new Map<string, Listed>();
  for (const element of elements) {
    const names = isObject(element) ? Object.keys(element).sort() : [];
    const key = names.join();
    const listed = byNames.get(key) ?? { names, values: new Map() };
    byNames.set(key, listed);
    let tree = listed.values;
    for (const value of partOf(element, names)) {
      const next = tree.get(value) ?? new Map();
      tree.set(value, next);
      tree = next;
    }
  }
  return [...byNames.values()];
}

/** Whether an element has every sub-attribute of one of those listed. Sub-attributes of elements are simple (RFC 7643 §2.3.8). */
function isListed(element: JsonValue, list: readonly Listed[]): boolean {
  return list.some(({ names, values }) => {
    let tree: ValueTree | undefined = values;
    for (const value of partOf(element, names)) tree = tree?.get(value);
    return tree !== undefined;
  });
}

/** The values under the names; of an element that is no object, the element. */
function partOf(element: JsonValue, names: readonly string[]): readonly (JsonValue | undefined)[] {
  return isObject(element) ? names.map((name) => ownValue(element, name)) : [element];
}

function sameValue(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  if (typeof a !== "object" || typeof b !== "object") return a === b; // undefined and simple values: nothing to canonicalise
  return canonicalText(a) === canonicalText(b);
}
