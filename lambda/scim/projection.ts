import { type AttributeName, asciiLower, parseAttributeName } from "./attribute-name.ts";
import { invalidValue } from "./error.ts";
import { isArray, isObject, type JsonObject, type JsonValue, ownValue } from "./json.ts";
import { projectionNamesMax } from "./limits.ts";
import type { ScimResource } from "./resource.ts";
import { type Attribute, findAttribute, findSchema, findSubAttribute, type ResourceType } from "./schema.ts";

/** Which attributes an answer shows (RFC 7644 §3.9). */
export type Projection =
  | { readonly kind: "default" }
  | { readonly kind: "only" | "except"; readonly names: readonly ProjectedName[] };

/** As written: what the names mean depends on the resource type. */
export interface ProjectedName {
  readonly text: string;
  readonly name: AttributeName;
}

/** Parameters of a URL (comma-separated) or of a SearchRequest (arrays, RFC 7644 §3.4.3). */
export interface ProjectionParameters {
  readonly attributes?: string | readonly string[] | undefined;
  readonly excludedAttributes?: string | readonly string[] | undefined;
}

/**
 * `attributes` wins over `excludedAttributes` (API.md §4; the two are exclusive in RFC 7644 §3.9). An empty parameter is
 * none; what is no attribute name is ignored, like a name no schema knows.
 */
export function readProjection({ attributes, excludedAttributes }: ProjectionParameters): Projection {
  const only = split(attributes);
  if (only.length > 0) return { kind: "only", names: namesOf(only, "attributes") };
  const except = split(excludedAttributes);
  return except.length > 0
    ? { kind: "except", names: namesOf(except, "excludedAttributes") }
    : { kind: "default" };
}

/** A representation with what the projection shows. `schemas`, `id` and all else "always" returned stay in any case. */
export function project(type: ResourceType, resource: ScimResource, projection: Projection): ScimResource {
  const chosen = choose(type, projection);
  const top = Object.keys(resource).flatMap((key): [string, JsonValue][] => {
    const isExtension = type.extensions.some(({ schema }) => schema.id === key);
    const value = isExtension
      ? projectExtension(type, key, resource[key]!, projection, chosen)
      : projectAttribute(findAttribute(type, undefined, key)?.attribute, resource[key]!, projection, chosen);
    return value === undefined ? [] : [[key, value]];
  });
  return Object.fromEntries(top) as ScimResource; // schemas and id are returned always; meta may be left out
}

/**
 * Whether an answer can show a base attribute, or one of its sub-attributes, at all, so that what is expensive to read, such
 * as "members" or their "display", need not be.
 */
export function wants(projection: Projection, attributeName: string, subName?: string): boolean {
  const wanted = asciiLower(attributeName);
  const isSub = (name: AttributeName) =>
    name.sub !== undefined && subName !== undefined && asciiLower(name.sub) === asciiLower(subName);
  switch (projection.kind) {
    case "default":
      return true;
    case "only":
      return projection.names.some(
        ({ text, name }) =>
          (asciiLower(name.name) === wanted &&
            (name.sub === undefined || subName === undefined || isSub(name))) ||
          isCoreSchema(text),
      );
    case "except":
      return !projection.names.some(
        ({ text, name }) =>
          (asciiLower(name.name) === wanted &&
            (name.sub === undefined || isSub(name)) &&
            (name.urn === undefined || isCoreSchema(name.urn))) ||
          isCoreSchema(text),
      );
  }
}

const coreUrn = "urn:ietf:params:scim:schemas:core:2.0:";

/** A core schema's own URN, such as `…:core:2.0:User`; as a name it stands for all attributes of that schema. */
function isCoreSchema(text: string): boolean {
  const lower = asciiLower(text);
  return lower === `${coreUrn}user` || lower === `${coreUrn}group`;
}

/** The named attributes: whole ones, and those of which only some sub-attributes are named. */
interface Chosen {
  readonly whole: ReadonlySet<Attribute>;
  readonly parts: ReadonlyMap<Attribute, ReadonlySet<Attribute>>;
}

function choose(type: ResourceType, projection: Projection): Chosen {
  const whole = new Set<Attribute>();
  const parts = new Map<Attribute, Set<Attribute>>();
  if (projection.kind === "default") return { whole, parts };
  for (const { text, name } of projection.names) {
    const schema = findSchema(type, text);
    for (const attribute of schema?.attributes ?? []) whole.add(attribute);
    const attribute = schema ? undefined : findAttribute(type, name.urn, name.name)?.attribute;
    if (!attribute) continue;
    const sub = name.sub === undefined ? undefined : findSubAttribute(attribute, name.sub);
    if (name.sub === undefined) whole.add(attribute);
    else if (sub) parts.set(attribute, (parts.get(attribute) ?? new Set<Attribute>()).add(sub));
  }
  return { whole, parts };
}

function projectExtension(
  type: ResourceType,
  urn: string,
  value: JsonValue,
  projection: Projection,
  chosen: Chosen,
): JsonObject | undefined {
  if (!isObject(value)) return undefined;
  return mapEntries(value, (name, item) =>
    projectAttribute(findAttribute(type, urn, name)?.attribute, item, projection, chosen),
  );
}

function projectAttribute(
  attribute: Attribute | undefined,
  value: JsonValue,
  projection: Projection,
  { whole, parts }: Chosen,
): JsonValue | undefined {
  if (!attribute || attribute.returned === "never") return undefined;
  if (attribute.returned === "always") return value;
  const subs = parts.get(attribute);
  if (projection.kind === "only") {
    if (whole.has(attribute)) return value;
    return subs && mapElements(value, (element) => withSubs(attribute, element, (sub) => subs.has(sub)));
  }
  if (attribute.returned === "request" || (projection.kind === "except" && whole.has(attribute))) {
    return undefined;
  }
  return subs
    ? mapElements(value, (element) => withSubs(attribute, element, (sub) => !subs.has(sub)))
    : value;
}

function withSubs(
  attribute: Attribute,
  element: JsonObject,
  shows: (sub: Attribute) => boolean,
): JsonObject | undefined {
  return mapEntries(element, (name, value) => {
    const sub = findSubAttribute(attribute, name);
    return sub && (sub.returned === "always" || shows(sub)) ? value : undefined;
  });
}

function mapElements(
  value: JsonValue,
  map: (element: JsonObject) => JsonObject | undefined,
): JsonValue | undefined {
  if (isObject(value)) return map(value);
  if (!isArray(value)) return value;
  const elements = value.flatMap((element) => (isObject(element) ? (map(element) ?? []) : [element]));
  return elements.length === 0 ? undefined : elements;
}

function mapEntries(
  object: JsonObject,
  map: (name: string, value: JsonValue) => JsonValue | undefined,
): JsonObject | undefined {
  const entries = Object.keys(object).flatMap((name): [string, JsonValue][] => {
    const value = map(name, ownValue(object, name)!);
    return value === undefined ? [] : [[name, value]];
  });
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function split(parameter: string | readonly string[] | undefined): readonly string[] {
  const texts = typeof parameter === "string" ? [parameter] : (parameter ?? []);
  return texts
    .flatMap((text) => text.split(","))
    .map((text) => text.trim())
    .filter((text) => text !== "");
}

function namesOf(texts: readonly string[], parameter: string): readonly ProjectedName[] {
  if (texts.length > projectionNamesMax) {
    throw invalidValue(
      `Parameter ${parameter} has more than ${projectionNamesMax} names (projectionNamesMax); send fewer.`,
    );
  }
  return texts.flatMap((text) => {
    const name = parseAttributeName(text);
    return name ? [{ text, name }] : [];
  });
}
