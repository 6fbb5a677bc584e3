import { canonicalText, type JsonValue } from "./json.ts";
import type { ResourceType } from "./schema.ts";

/**
 * What is stored of a resource: declared attributes in canonical spelling, extension data under its extension's URN.
 * Without `schemas`, `id`, `meta`, read-only attributes and `password`; without null, [] and empty objects, so that
 * unassigned has one form (RFC 7643 §2.5).
 */
export type ScimAttributes = { readonly [canonicalName: string]: JsonValue };

/** A whole representation (RFC 7643 §3): `ScimAttributes` with the computed attributes in their places. */
export interface ScimResource {
  readonly schemas: readonly string[];
  readonly id: string;
  readonly meta: ResourceMeta;
  readonly [canonicalName: string]: JsonValue;
}

/** RFC 7643 §3.1. Times are RFC 3339, UTC, milliseconds; `version` is the weak ETag (`W/"…"`). */
export type ResourceMeta = {
  readonly resourceType: string;
  readonly created: string;
  readonly lastModified: string;
  readonly location: string;
  readonly version: string;
};

export type CommonAttributes = { readonly id: string } & Omit<ResourceMeta, "resourceType">;

/**
 * Stored attributes → representation. Computed read-only attributes (`groups`, richer `members`) are passed along with
 * the stored ones. `schemas` is the base schema and the extensions that have data (RFC 7643 §3, §3.3).
 */
export function buildResource(
  type: ResourceType,
  attributes: ScimAttributes,
  common: CommonAttributes,
): ScimResource {
  const { id, created, lastModified, location, version } = common;
  const extensions = type.extensions
    .map((extension) => extension.schema.id)
    .filter((urn) => Object.hasOwn(attributes, urn));
  return {
    schemas: [type.schema.id, ...extensions],
    id,
    ...attributes,
    meta: { resourceType: type.name, created, lastModified, location, version },
  };
}

/** Whether two resources hold the same, whatever the order of their keys (a table may not keep it). */
export function sameAttributes(a: ScimAttributes, b: ScimAttributes): boolean {
  return a === b || canonicalText(a) === canonicalText(b);
}
