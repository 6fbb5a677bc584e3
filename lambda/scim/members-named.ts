import { asciiLower } from "./attribute-name.ts";
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

/** Whether the filter looks at what members are called, which is not kept with the group. */
export function looksAtMemberNames(filter: CheckedFilter): boolean {
  switch (filter.kind) {
    case "and":
    case "or":
      return filter.filters.some(looksAtMemberNames);
    case "not":
      return looksAtMemberNames(filter.filter);
    case "valuePath":
      return isMembers(filter.target) && mentionsDisplay(filter.filter);
    default:
      return isMembers(filter.target) && isDisplay(filter.target.sub?.name);
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

function mentionsDisplay(filter: CheckedFilter): boolean {
  switch (filter.kind) {
    case "and":
    case "or":
      return filter.filters.some(mentionsDisplay);
    case "not":
      return mentionsDisplay(filter.filter);
    case "valuePath":
      return false;
    default:
      return isDisplay(filter.target.attribute?.name);
  }
}

function isMembers({ container, attribute }: FilterTarget): boolean {
  return container === undefined && attribute === groupMembers;
}

function isDisplay(name: string | undefined): boolean {
  return name !== undefined && asciiLower(name) === "display";
}
