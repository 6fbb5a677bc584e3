import { type AttributeName, asciiLower, printAttributeName } from "./attribute-name.ts";
import { invalidCount, invalidFilter, invalidValue } from "./error.ts";
import { type Filter, parseFilter, printFilter } from "./filter.ts";
import { canonicalText } from "./json.ts";
import { pageSizeDefault, pageSizeMax } from "./limits.ts";
import { type Projection, readProjection } from "./projection.ts";

/** Parameters of a list request (RFC 7644 §3.4.2, RFC 9865 §2). */
export interface ListQuery {
  /** As sent; `parseFilter` reads it. */
  readonly filter?: string;
  readonly sortBy?: string;
  readonly sortOrder: SortOrder;
  /** 1-based, at least 1. Means nothing beside a cursor. */
  readonly startIndex: number;
  /** 0..`pageSizeMax`. */
  readonly count: number;
  /** There when pages by cursor are asked for; empty for the first one. */
  readonly cursor?: string;
  readonly projection: Projection;
}

export type SortOrder = "ascending" | "descending";

/** Where the parameters come from: a URL or a SearchRequest. Names are in their canonical spelling. */
export interface ListParameters {
  /** Undefined when absent. */
  text(name: "filter" | "sortBy" | "sortOrder" | "cursor"): string | undefined;
  /** NaN for what is no whole number. */
  integer(name: "startIndex" | "count"): number | undefined;
  names(name: "attributes" | "excludedAttributes"): string | readonly string[] | undefined;
}

/**
 * Decoded query parameters, a Map or URLSearchParams, → list query. Parameter names in any case; unknown ones are ignored
 * and the first of a repeated one counts.
 */
export function readListQuery(parameters: Iterable<readonly [string, string]>): ListQuery {
  const values = new Map<string, string>();
  for (const [name, value] of parameters) {
    const folded = asciiLower(name);
    if (!values.has(folded)) values.set(folded, value);
  }
  const text = (name: string) => values.get(asciiLower(name));
  return listQueryOf({
    text,
    names: text,
    integer(name) {
      const value = text(name);
      return value === undefined ? undefined : parseInteger(value.trim());
    },
  });
}

/**
 * An index below 1 is 1, a negative count 0 (RFC 7644 §3.4.2.4); a count above `pageSizeMax` is that, since less than was
 * asked for may always come. Whoever sends a cursor has chosen that method (RFC 9865 §2.4), so startIndex is not looked
 * at; the RFC has no word on both. 400 `invalidValue` for what is no whole number, `invalidCount` for such a count beside
 * a cursor; 400 `invalidFilter` for an empty filter, which must not come to mean "all".
 */
export function listQueryOf(parameters: ListParameters): ListQuery {
  const filter = parameters.text("filter");
  if (filter?.trim() === "") throw invalidFilter("Parameter filter is empty; send a filter or leave it out.");
  const sortBy = parameters.text("sortBy");
  const cursor = parameters.text("cursor");
  const startIndex = cursor === undefined ? (parameters.integer("startIndex") ?? 1) : 1;
  const count = parameters.integer("count") ?? pageSizeDefault;
  if (Number.isNaN(startIndex)) throw invalidValue(noInteger("startIndex"));
  if (Number.isNaN(count)) throw (cursor === undefined ? invalidValue : invalidCount)(noInteger("count"));
  return {
    ...(filter !== undefined && { filter }),
    ...(sortBy && { sortBy }),
    sortOrder: readSortOrder(parameters.text("sortOrder")),
    startIndex: Math.min(Number.MAX_SAFE_INTEGER, Math.max(1, startIndex)),
    count: Math.min(pageSizeMax, Math.max(0, count)),
    ...(cursor !== undefined && { cursor }),
    projection: readProjection({
      attributes: parameters.names("attributes"),
      excludedAttributes: parameters.names("excludedAttributes"),
    }),
  };
}

/**
 * One text for queries that mean the same, apart from which page they ask for: what all pages by cursor have to agree in
 * (RFC 9865 §2: all parameters but the cursor; the RFC's own example writes userName and username). Names are without
 * case, and those of a projection without order.
 */
export function queryIdentity({ filter, sortBy, sortOrder, projection }: ListQuery): string {
  return canonicalText({
    filter: filter === undefined ? null : printFilter(withLowerNames(parseFilter(filter))),
    sort: sortBy === undefined ? null : `${asciiLower(sortBy)} ${sortOrder}`,
    projection: projection.kind,
    names: projection.kind === "default" ? [] : projection.names.map(({ text }) => asciiLower(text)).sort(),
  });
}

function withLowerNames(filter: Filter): Filter {
  switch (filter.kind) {
    case "and":
    case "or":
      return { ...filter, filters: filter.filters.map(withLowerNames) };
    case "not":
      return { ...filter, filter: withLowerNames(filter.filter) };
    case "valuePath":
      return { ...filter, name: lowerName(filter.name), filter: withLowerNames(filter.filter) };
    default:
      return { ...filter, name: lowerName(filter.name) };
  }
}

function lowerName(name: AttributeName): AttributeName {
  return { name: asciiLower(printAttributeName(name)) };
}

function readSortOrder(text: string | undefined): SortOrder {
  const order = asciiLower(text ?? "ascending");
  if (order === "ascending" || order === "descending") return order;
  throw invalidValue("Parameter sortOrder takes ascending or descending; correct it.");
}

function noInteger(name: string): string {
  return `Parameter ${name} takes a whole number; correct it.`;
}

/** Digits with an optional sign; more than can be counted exactly is the largest that can. NaN for anything else. */
function parseInteger(text: string): number {
  const negative = text.startsWith("-");
  const digits = negative || text.startsWith("+") ? text.slice(1) : text;
  if (digits === "") return Number.NaN;
  for (const digit of digits) {
    if (digit < "0" || digit > "9") return Number.NaN;
  }
  const value = Math.min(Number(digits), Number.MAX_SAFE_INTEGER);
  return negative ? -value : value;
}
