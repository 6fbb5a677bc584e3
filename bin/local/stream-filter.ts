import type { FilterPattern, FilterRule } from "../../lambda/stream/stream-mapping.ts";

/** Whether Lambda would let a record through an event source mapping with these filters: any of them. */
export function passesFilters(patterns: readonly FilterPattern[], record: unknown): boolean {
  return patterns.some((pattern) => passesFilter(pattern, record));
}

/** All fields, any rule of each. */
function passesFilter(pattern: FilterPattern, record: unknown): boolean {
  return Object.entries(pattern).every(([field, wanted]) => {
    const value = fieldOf(record, field);
    return isRules(wanted) ? wanted.some((rule) => satisfies(value, rule)) : passesFilter(wanted, value);
  });
}

function isRules(wanted: FilterPattern | readonly FilterRule[]): wanted is readonly FilterRule[] {
  return Array.isArray(wanted);
}

function satisfies(value: unknown, rule: FilterRule): boolean {
  if (typeof rule === "object" && "exists" in rule) return (value !== undefined) === rule.exists;
  if (typeof value !== "string") return false;
  return typeof rule === "string" ? value === rule : value.startsWith(rule.prefix);
}

function fieldOf(value: unknown, field: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return Object.getOwnPropertyDescriptor(value, field)?.value;
}
