import type { CheckedFilter, FilterTarget } from "./match.ts";
import { groupMembers } from "./schemas/group.ts";

/**
 * The ids that a filter asks about, when who they are is all it asks of a group's members (`members eq "x"`,
 * `members.value eq "x"`, `members[value eq "x"]`): then a group of which only those were looked up is judged like the
 * whole one. Undefined when the filter needs all members.
 */
export function membersNamed(filter: CheckedFilter): ReadonlySet<string> | undefined {
  const ids = new Set<string>();
  return collect(filter, ids) ? ids : undefined;
}

/** Sub-attributes of members that the filter looks at, such as "display", which is not kept with the group. */
export function memberPartsIn(filter: CheckedFilter): ReadonlySet<string> {
  return new Set(partsIn(filter));
}

function partsIn(filter: CheckedFilter): readonly string[] {
  switch (filter.kind) {
    case "and":
    case "or":
      return filter.filters.flatMap(partsIn);
    case "not":
      return partsIn(filter.filter);
    case "valuePath":
      return isMembers(filter.target) ? partsInElement(filter.filter) : [];
    default:
      return isMembers(filter.target) ? [filter.target.sub?.name ?? "value"] : [];
  }
}

function collect(filter: CheckedFilter, ids: Set<string>): boolean {
  switch (filter.kind) {
    case "and":
    case "or":
      return filter.filters.every((operand) => collect(operand, ids));
    case "not":
      return collect(filter.filter, ids);
    case "valuePath":
      return !isMembers(filter.target) || collectInElement(filter.filter, ids);
    case "present":
      return !isMembers(filter.target);
    case "compare": {
      if (!isMembers(filter.target)) return true;
      const { sub } = filter.target;
      const isValue = sub === undefined || sub.name === "value";
      if (!isValue || filter.operator !== "eq" || typeof filter.value !== "string") return false;
      ids.add(filter.value);
      return true;
    }
  }
}

/** Within the brackets a `not` speaks of the other members. */
function collectInElement(filter: CheckedFilter, ids: Set<string>): boolean {
  switch (filter.kind) {
    case "and":
    case "or":
      return filter.filters.every((operand) => collectInElement(operand, ids));
    case "compare": {
      const isValue = filter.target.attribute?.name === "value";
      if (!isValue || filter.operator !== "eq" || typeof filter.value !== "string") return false;
      ids.add(filter.value);
      return true;
    }
    default:
      return false;
  }
}

function partsInElement(filter: CheckedFilter): readonly string[] {
  switch (filter.kind) {
    case "and":
    case "or":
      return filter.filters.flatMap(partsInElement);
    case "not":
      return partsInElement(filter.filter);
    case "valuePath":
      return [];
    default:
      return filter.target.attribute === undefined ? [] : [filter.target.attribute.name];
  }
}

function isMembers({ container, attribute }: FilterTarget): boolean {
  return container === undefined && attribute === groupMembers;
}
