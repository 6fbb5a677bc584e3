import { noTarget } from "./error.ts";
import type { JsonValue } from "./json.ts";
import type { CheckedFilter } from "./match.ts";
import { type AttributePath, printPath } from "./path.ts";
import type { SubValues } from "./read-value.ts";

/**
 * The element a path's filter describes when it is a conjunction of `eq`: `emails[type eq "work"]` → `{type: "work"}`.
 * Without a filter nothing is described, and nothing needs to be. Any other filter: 400 `noTarget`, or, with
 * "ifDescribed", undefined.
 */
export function createdBySelection(path: AttributePath): SubValues;
export function createdBySelection(path: AttributePath, otherwise: "ifDescribed"): SubValues | undefined;
export function createdBySelection(path: AttributePath, otherwise?: "ifDescribed"): SubValues | undefined {
  const described = new Map<string, JsonValue | undefined>();
  if (!path.selection || describe(path.selection.checked, described)) return described;
  if (otherwise) return undefined;
  throw noTarget(
    `Path ${printPath(path)} matches no element, and its filter does not say which one to create; use a filter of eq joined by and.`,
  );
}

/** Collects what the filter fixes; false when it fixes nothing or contradicts itself. */
function describe(filter: CheckedFilter, described: Map<string, JsonValue | undefined>): boolean {
  if (filter.kind === "and") return filter.filters.every((operand) => describe(operand, described));
  if (filter.kind !== "compare" || filter.operator !== "eq" || !filter.target.attribute) return false;
  const { name } = filter.target.attribute;
  const value = filter.value ?? undefined;
  if (described.has(name) && described.get(name) !== value) return false;
  described.set(name, value);
  return true;
}
