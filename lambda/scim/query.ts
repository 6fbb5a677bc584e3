import { asciiLower } from "./attribute-name.ts";
import { invalidFilter, invalidValue } from "./error.ts";
import { pageSizeDefault, pageSizeMax } from "./limits.ts";
import { type Projection, readProjection } from "./projection.ts";

/** Parameters of a list request (RFC 7644 §3.4.2). */
export interface ListQuery {
  /** As sent; `parseFilter` reads it. */
  readonly filter?: string;
  readonly sortBy?: string;
  readonly sortOrder: SortOrder;
  /** 1-based, at least 1. */
  readonly startIndex: number;
  /** 0..`pageSizeMax`. */
  readonly count: number;
  readonly projection: Projection;
}

export type SortOrder = "ascending" | "descending";

/**
 * Decoded query parameters, a Map or URLSearchParams, → list query. Parameter names in any case; unknown ones are ignored
 * and the first of a repeated one counts. An index below 1 is 1, a negative count 0 (§3.4.2.4); a count above
 * `pageSizeMax` is that. 400 `invalidValue` for what is no whole number; 400 `invalidFilter` for an empty filter, which
 * must not come to mean "all".
 */
export function readListQuery(parameters: Iterable<readonly [string, string]>): ListQuery {
  const values = new Map<string, string>();
  for (const [name, value] of parameters) {
    const folded = asciiLower(name);
    if (!values.has(folded)) values.set(folded, value);
  }
  const filter = values.get("filter");
  if (filter?.trim() === "") throw invalidFilter("Parameter filter is empty; send a filter or leave it out.");
  const sortBy = values.get("sortby");
  return {
    ...(filter !== undefined && { filter }),
    ...(sortBy && { sortBy }),
    sortOrder: readSortOrder(values.get("sortorder")),
    startIndex: Math.max(1, readInteger(values, "startIndex") ?? 1),
    count: Math.min(pageSizeMax, Math.max(0, readInteger(values, "count") ?? pageSizeDefault)),
    projection: readProjection({
      attributes: values.get("attributes"),
      excludedAttributes: values.get("excludedattributes"),
    }),
  };
}

function readSortOrder(text: string | undefined): SortOrder {
  const order = asciiLower(text ?? "ascending");
  if (order === "ascending" || order === "descending") return order;
  throw invalidValue("Parameter sortOrder takes ascending or descending; correct it.");
}

function readInteger(values: ReadonlyMap<string, string>, name: string): number | undefined {
  const text = values.get(asciiLower(name));
  if (text === undefined) return undefined;
  const value = parseInteger(text.trim());
  if (value === undefined) throw invalidValue(`Parameter ${name} takes a whole number; correct it.`);
  return value;
}

/** Digits with an optional sign; more than can be counted exactly is the largest that can. */
function parseInteger(text: string): number | undefined {
  const negative = text.startsWith("-");
  const digits = negative || text.startsWith("+") ? text.slice(1) : text;
  if (digits === "") return undefined;
  for (const digit of digits) {
    if (digit < "0" || digit > "9") return undefined;
  }
  const value = Math.min(Number(digits), Number.MAX_SAFE_INTEGER);
  return negative ? -value : value;
}
