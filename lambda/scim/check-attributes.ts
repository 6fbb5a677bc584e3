import { invalidValue, payloadTooLarge } from "./error.ts";
import { isArray } from "./json.ts";
import { resourceBytesMax } from "./limits.ts";
import { isPrimary } from "./primary.ts";
import type { ScimAttributes } from "./resource.ts";
import { placesOf, type ResourceType } from "./schema.ts";
import { groupMembers } from "./schemas/group.ts";
import { valueAt } from "./value-at.ts";

/**
 * What must hold of a resource as a whole, after POST, PUT or PATCH: required attributes and extensions are there, no
 * attribute has two primary values (RFC 7643 §2.4), and it is not larger than `resourceBytesMax`.
 */
export function checkAttributes(type: ResourceType, attributes: ScimAttributes): ScimAttributes {
  for (const { schema, required } of type.extensions) {
    if (required && !Object.hasOwn(attributes, schema.id)) throw missing(schema.id);
  }
  for (const place of placesOf(type)) {
    const { attribute, container } = place;
    if (attribute.mutability === "readOnly") continue;
    const name = container === undefined ? attribute.name : `${container}:${attribute.name}`;
    const value = valueAt(attributes, place);
    const inUse = container === undefined || Object.hasOwn(attributes, container);
    if (attribute.required && inUse && value === undefined) throw missing(name);
    if (isArray(value) && value.filter(isPrimary).length > 1) {
      throw invalidValue(`Attribute ${name} has more than one primary value; mark one.`);
    }
  }
  checkSize(attributes);
  return attributes;
}

/** Members are counted by `membersPerRequestMax` instead, and stored apart. */
function checkSize(attributes: ScimAttributes): void {
  const { [groupMembers.name]: _members, ...rest } = attributes;
  const bytes = new TextEncoder().encode(JSON.stringify(rest)).length;
  if (bytes > resourceBytesMax) {
    throw payloadTooLarge(
      `The resource is larger than ${resourceBytesMax} bytes (resourceBytesMax); send fewer or shorter values. ` +
        `The largest attribute is ${largestIn(rest)}.`,
    );
  }
}

/** The top-level name; an extension goes by its URN. */
function largestIn(attributes: ScimAttributes): string {
  const lengthOf = (name: string) => JSON.stringify(attributes[name]).length;
  const [largest] = Object.keys(attributes).toSorted((a, b) => lengthOf(b) - lengthOf(a));
  return largest!;
}

function missing(name: string): Error {
  return invalidValue(`Attribute ${name} is required; send it with a value that is not empty.`);
}
