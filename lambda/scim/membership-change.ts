import { invalidFilter, invalidValue, mutability } from "./error.ts";
import type { JsonValue } from "./json.ts";
import { isObject } from "./json.ts";
import type { CheckedFilter } from "./match.ts";
import { type AttributePath, printPath } from "./path.ts";
import { type AttributeValue, readSingle, readValue } from "./read-value.ts";

/** What an operation on a group's `members` asks for; it can be carried out without reading the members. */
export type MembershipChange =
  | { readonly kind: "add" | "remove" | "replace"; readonly ids: readonly string[] }
  | { readonly kind: "clear" };

/**
 * A PATCH operation on `members` → change, in every shape of idp-traffic §1.6, §2, §3, §4 and §9. `value` is undefined where
 * the operation has none. Filters may only name ids (`value eq`, joined by `or` or `and`), because nothing else of a
 * member is the client's: 400 `invalidFilter`.
 */
export function readMembershipChange(
  op: "add" | "remove" | "replace",
  path: AttributePath,
  value: JsonValue | undefined,
): MembershipChange {
  if (path.sub) throw immutableValue(path);
  if (path.selection) return changeOfSelected(op, path, selectedIds(path.selection.checked), value);
  if (op === "remove") {
    return isNothing(value) ? { kind: "clear" } : { kind: "remove", ids: idsOf(path, value!) };
  }
  const ids = idsOf(path, given(path, value));
  if (op === "replace" && ids.length === 0) return { kind: "clear" };
  return { kind: op, ids };
}

/** `members[value eq "x"]`: `add` adds x, with a value or without one (OneLogin, idp-traffic §3). */
function changeOfSelected(
  op: "add" | "remove" | "replace",
  path: AttributePath,
  selected: readonly string[],
  value: JsonValue | undefined,
): MembershipChange {
  if (op === "replace" && isNothing(given(path, value))) return { kind: "remove", ids: selected };
  const listed = isNothing(value) ? undefined : idsInSelection(path, value!);
  if (op === "remove") {
    return { kind: "remove", ids: listed ? commonTo(selected, listed) : selected };
  }
  if (listed && commonTo(listed, selected).length < listed.length) throw immutableValue(path);
  return { kind: "add", ids: selected };
}

function idsInSelection(path: AttributePath, value: JsonValue): readonly string[] | undefined {
  // An object that gives no value, such as {"display": "x"}, speaks of the members selected.
  const read: AttributeValue | undefined = isObject(value)
    ? readSingle(path.attribute, value, printPath(path))
    : undefined;
  return read?.kind === "complex" && !read.subs.has("value") ? undefined : idsOf(path, value);
}

function idsOf(path: AttributePath, value: JsonValue): readonly string[] {
  const read = readValue(path.attribute, value, "members", "oneOrArray");
  if (read.kind !== "elements") return [];
  return read.elements.flatMap((element) => (isObject(element) ? [String(element["value"])] : []));
}

function selectedIds(filter: CheckedFilter): readonly string[] {
  switch (filter.kind) {
    case "or":
      return [...new Set(filter.filters.flatMap(selectedIds))];
    case "and":
      return filter.filters.map(selectedIds).reduce(commonTo);
    case "compare":
      if (
        filter.target.attribute?.name === "value" &&
        filter.operator === "eq" &&
        typeof filter.value === "string"
      ) {
        return [filter.value];
      }
  }
  throw invalidFilter('Members are selected by their value alone; write members[value eq "id"].');
}

function commonTo(ids: readonly string[], others: readonly string[]): readonly string[] {
  const known = new Set(others);
  return ids.filter((id) => known.has(id));
}

function isNothing(value: JsonValue | undefined): boolean {
  return value === undefined || value === null || value === "";
}

function given(path: AttributePath, value: JsonValue | undefined): JsonValue {
  if (value === undefined) throw invalidValue(`The operation on ${printPath(path)} needs a value; send one.`);
  return value;
}

function immutableValue(path: AttributePath): Error {
  return mutability(`Attribute ${printPath(path)} is immutable; remove the one member and add the other.`);
}
