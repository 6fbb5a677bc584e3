import { type AttributeName, parseAttributeName, printAttributeName } from "./attribute-name.ts";
import { invalidFilter, invalidPath } from "./error.ts";
import { type Filter, parseBracketed, printFilter } from "./filter.ts";
import { filterLengthMax } from "./limits.ts";
import { type CheckedFilter, checkElementFilter } from "./match.ts";
import {
  type Attribute,
  findAttribute,
  findSchema,
  findSubAttribute,
  type ResourceType,
  type Schema,
} from "./schema.ts";

/** What a PATCH path names (RFC 7644 figure 7), resolved against the resource type. */
export type Path =
  | AttributePath
  /** A schema's URN alone: all of an extension's attributes, or, with the base schema's, of the resource. */
  | { readonly kind: "schema"; readonly schema: Schema }
  /** Into a schema this type does not have; the operation is ignored (API.md §4). */
  | { readonly kind: "foreign"; readonly text: string };

export interface AttributePath {
  readonly kind: "attribute";
  /** The extension's URN, when it is an extension's attribute. */
  readonly container: string | undefined;
  readonly attribute: Attribute;
  /** The elements of a multi-valued attribute that the path's filter selects; without it, all. */
  readonly selection?: Selection;
  readonly sub?: Attribute;
}

export interface Selection {
  readonly filter: Filter;
  readonly checked: CheckedFilter;
}

/**
 * 400 `invalidPath` for a text that is no path, and for one into a schema we serve that names none of its attributes, so
 * that a mistyped mapping is noticed (API.md §4); 400 `invalidFilter` for a bad filter in its brackets.
 */
export function parsePath(type: ResourceType, text: string): Path {
  const whole = findSchema(type, text);
  if (whole) return { kind: "schema", schema: whole };
  const { name, filter } = parseWrittenPath(text);
  if (name.urn !== undefined && !findSchema(type, name.urn)) return { kind: "foreign", text };
  const place = findAttribute(type, name.urn, name.name);
  const sub = place && name.sub !== undefined ? findSubAttribute(place.attribute, name.sub) : undefined;
  if (!place || (name.sub !== undefined && !sub)) {
    throw invalidPath(
      `Path ${quote(text)} names no attribute of ${type.name}; correct the attribute mapping.`,
    );
  }
  return {
    kind: "attribute",
    ...place,
    ...(filter && { selection: select(place.attribute, filter, text) }),
    ...(sub && { sub }),
  };
}

/** The path in canonical spelling; parsing it gives the same path. */
export function printPath(path: Path): string {
  switch (path.kind) {
    case "schema":
      return path.schema.id;
    case "foreign":
      return path.text;
    case "attribute": {
      const name = printAttributeName({
        ...(path.container !== undefined && { urn: path.container }),
        name: path.attribute.name,
      });
      const selection = path.selection ? `[${printFilter(path.selection.filter)}]` : "";
      return `${name}${selection}${path.sub ? `.${path.sub.name}` : ""}`;
    }
  }
}

/** `name`, `name.sub`, `name[filter]` or `name[filter].sub`, the name with or without a URN. */
function parseWrittenPath(text: string): { readonly name: AttributeName; readonly filter?: Filter } {
  if (text.length > filterLengthMax) {
    throw invalidPath(
      `The path is longer than ${filterLengthMax} characters (filterLengthMax); send a shorter one.`,
    );
  }
  const bracket = text.indexOf("[");
  const name = parseAttributeName(bracket < 0 ? text : text.slice(0, bracket));
  if (!name) throw malformed(text);
  if (bracket < 0) return { name };
  if (name.sub !== undefined) throw malformed(text);
  const { filter, end } = parseBracketed(text, bracket + 1);
  if (end === text.length) return { name, filter };
  const sub = text[end] === "." ? parseAttributeName(text.slice(end + 1)) : undefined;
  if (!sub || sub.urn !== undefined || sub.sub !== undefined) throw malformed(text);
  return { name: { ...name, sub: sub.name }, filter };
}

function select(attribute: Attribute, filter: Filter, text: string): Selection {
  if (!attribute.multiValued || attribute.type !== "complex") {
    throw invalidPath(
      `Path ${quote(text)} filters ${attribute.name}, which has no elements to select; leave the brackets out.`,
    );
  }
  const checked = checkElementFilter(attribute, filter);
  if (!knowsAllNames(checked)) {
    throw invalidFilter(
      `The filter of path ${quote(text)} names no sub-attribute of ${attribute.name}; correct the attribute mapping.`,
    );
  }
  return { filter, checked };
}

/** Unlike a query's filter, which may range over several types, a path's must name what exists. */
function knowsAllNames(filter: CheckedFilter): boolean {
  switch (filter.kind) {
    case "and":
    case "or":
      return filter.filters.every(knowsAllNames);
    case "not":
      return knowsAllNames(filter.filter);
    case "valuePath":
      return false; // elements hold no elements (RFC 7643 §2.3.8)
    default:
      return filter.target.attribute !== undefined;
  }
}

function malformed(text: string): Error {
  return invalidPath(`Path ${quote(text)} cannot be read; write it like emails[type eq "work"].value.`);
}

/** A path in a message, cut to what an administrator needs to recognise it. */
function quote(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}
