import type { CheckedFilter, FilterTarget } from "./match.ts";
import { groupDisplayName } from "./schemas/group.ts";

/** A key by which resources are found directly. `displayName` is a group's; `group` is the id of a group that users are in. */
export interface KeyLookup {
  readonly attribute: "id" | "userName" | "externalId" | "email" | "displayName" | "group";
  /** As written in the filter, not folded. */
  readonly value: string;
}

/**
 * The key that answers a filter, or undefined. Everything the filter matches is among what is found under the key, not
 * the other way round: the caller evaluates the whole filter on it. Covers every matching query of idp-traffic §1.2.
 */
export function keyLookup(filter: CheckedFilter): KeyLookup | undefined {
  switch (filter.kind) {
    case "and":
      return firstDefined(filter.filters, keyLookup);
    case "compare": {
      const attribute = keyOf(filter.target);
      return attribute && filter.operator === "eq" && typeof filter.value === "string"
        ? { attribute, value: filter.value }
        : undefined;
    }
    case "valuePath":
      if (isEmails(filter.target)) return valueInElement("email", filter.filter);
      return isGroups(filter.target) ? valueInElement("group", filter.filter) : undefined;
    default:
      return undefined;
  }
}

function keyOf(target: FilterTarget): KeyLookup["attribute"] | undefined {
  const { container, attribute, sub } = target;
  if (container !== undefined || !attribute) return undefined;
  if (isEmails(target)) return sub?.name === "value" ? "email" : undefined;
  if (isGroups(target)) return sub === undefined || sub.name === "value" ? "group" : undefined;
  if (attribute === groupDisplayName) return "displayName";
  switch (attribute.name) {
    case "id":
    case "userName":
    case "externalId":
      return attribute.name;
    default:
      return undefined;
  }
}

function isEmails({ container, attribute }: FilterTarget): boolean {
  return container === undefined && attribute?.name === "emails";
}

function isGroups({ container, attribute }: FilterTarget): boolean {
  return container === undefined && attribute?.name === "groups";
}

function valueInElement(attribute: KeyLookup["attribute"], filter: CheckedFilter): KeyLookup | undefined {
  if (filter.kind === "and") {
    return firstDefined(filter.filters, (operand) => valueInElement(attribute, operand));
  }
  const isValueEq =
    filter.kind === "compare" && filter.operator === "eq" && filter.target.attribute?.name === "value";
  return isValueEq && typeof filter.value === "string" ? { attribute, value: filter.value } : undefined;
}

function firstDefined<T, R>(items: readonly T[], find: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
