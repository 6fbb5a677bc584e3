import { type CheckedFilter, type FilterTarget, matches } from "./match.ts";
import type { ResourceType } from "./schema.ts";

/**
 * What remains of a filter once it is known that the resource is of that type: true when every one of them meets it, false
 * when none does. So `meta.resourceType eq "User"` on the server's root (RFC 7644 §3.4.2.1), and whatever names only
 * attributes the type does not have, is decided without reading anything.
 */
export function narrowFilter(type: ResourceType, filter: CheckedFilter): CheckedFilter | boolean {
  switch (filter.kind) {
    case "and":
    case "or": {
      // What decides the whole: one false operand of `and`, one true of `or`.
      const deciding = filter.kind === "or";
      const operands = filter.filters.map((operand) => narrowFilter(type, operand));
      if (operands.includes(deciding)) return deciding;
      const open = operands.filter((operand) => typeof operand !== "boolean");
      return open.length > 1 ? { kind: filter.kind, filters: open } : (open[0] ?? !deciding);
    }
    case "not": {
      const operand = narrowFilter(type, filter.filter);
      return typeof operand === "boolean" ? !operand : { kind: "not", filter: operand };
    }
    default:
      return isDecided(filter.target) ? matches(filter, { meta: { resourceType: type.name } }) : filter;
  }
}

/** Something the type does not have, or the type itself. */
function isDecided({ attribute, sub }: FilterTarget): boolean {
  return !attribute || (attribute.name === "meta" && sub?.name === "resourceType");
}
