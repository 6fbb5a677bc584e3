import { applyOperation } from "./apply-operation.ts";
import { type BodyEntry, bodyEntries, isStored, readPathValue } from "./body-entries.ts";
import { checkAttributes } from "./check-attributes.ts";
import { invalidSyntax } from "./error.ts";
import { isObject, type JsonValue } from "./json.ts";
import type { ScimAttributes } from "./resource.ts";
import { type AttributePlace, findAttribute, placesOf, type ResourceType } from "./schema.ts";
import { accountSchema } from "./schemas/account.ts";
import { valueAt, withValueAt } from "./value-at.ts";
import { Work } from "./work.ts";

/**
 * Body of POST or PUT → what is stored of it (RFC 7644 §3.3). Unknown and read-only attributes and passwords are ignored;
 * `schemas` is not looked at, since clients send wrong, legacy and incomplete ones (idp-traffic §1.3, §3).
 *
 * 400 `invalidSyntax` when the body is no object, 400 `invalidValue` naming the attribute that has a wrong type or is
 * required and missing, 413 naming the limit exceeded.
 */
export function readResource(type: ResourceType, body: JsonValue): ScimAttributes {
  return checkAttributes(type, withEntries({}, storedEntries(type, body)));
}

/** `readResource` for POST: a user whose body does not speak of `active` is active (API.md §4). */
export function createAttributes(type: ResourceType, body: JsonValue): ScimAttributes {
  const active = findAttribute(type, undefined, "active");
  const defaults = active ? withValueAt({}, active, true) : {};
  return checkAttributes(type, withEntries(defaults, storedEntries(type, body)));
}

/**
 * `readResource` for PUT: what the body leaves out is cleared, but for `active` and `isTeamAccount`, which stay (API.md §4),
 * and for immutable attributes; those may be sent as they are, or 400 `mutability` (RFC 7644 §3.5.1).
 */
export function replaceAttributes(
  type: ResourceType,
  stored: ScimAttributes,
  body: JsonValue,
): ScimAttributes {
  const kept = placesOf(type).filter(
    (place) => place.attribute.mutability === "immutable" || staysWhenLeftOut(place),
  );
  const start = kept.reduce((attributes: ScimAttributes, place) => {
    const value = valueAt(stored, place);
    return value === undefined ? attributes : withValueAt(attributes, place, value);
  }, {});
  return checkAttributes(type, withEntries(start, storedEntries(type, body)));
}

/** Access must not be lost, nor a seat change, because a client's PUT does not map these two. */
function staysWhenLeftOut({ container, attribute }: AttributePlace): boolean {
  return container === undefined
    ? attribute.name === "active"
    : container === accountSchema.id && attribute.name === "isTeamAccount";
}

function storedEntries(type: ResourceType, body: JsonValue): readonly BodyEntry[] {
  if (!isObject(body)) throw invalidSyntax(`The body is not a JSON object; send one ${type.name} resource.`);
  return bodyEntries(type, body).filter((entry) => isStored(entry.path));
}

function withEntries(start: ScimAttributes, entries: readonly BodyEntry[]): ScimAttributes {
  const work = new Work(); // value paths may be keys, so that a body has as much to select as a PATCH
  return entries.reduce(
    (attributes, { path, value }) =>
      applyOperation(attributes, { op: "replace", path, value: readPathValue(path, value, "array") }, work),
    start,
  );
}
