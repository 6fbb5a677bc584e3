import type { Attribute, Schema } from "../schema.ts";
import { attribute } from "./attribute.ts";

/** REQUIRED in the text (RFC 7643 §4.2), though the printed schema of §8.7.1 says otherwise. */
export const groupDisplayName: Attribute = attribute({
  name: "displayName",
  required: true,
  description: "Name of the group. REQUIRED.",
});

/**
 * Only `value` is the client's: a member's display, `$ref` and type are computed (API.md §4), and a member is changed by
 * removing and adding it (RFC 7643 §4.2).
 */
export const groupMembers: Attribute = attribute({
  name: "members",
  type: "complex",
  multiValued: true,
  description: "Members of the group, users of the same connection.",
  subAttributes: [
    attribute({
      name: "value",
      required: true,
      caseExact: true,
      mutability: "immutable",
      description: "The member's id.",
    }),
    attribute({
      name: "$ref",
      type: "reference",
      referenceTypes: ["User"],
      caseExact: true,
      mutability: "readOnly",
      description: "URI of the member.",
    }),
    attribute({ name: "display", mutability: "readOnly", description: "The member's name." }),
    attribute({
      name: "type",
      mutability: "readOnly",
      canonicalValues: ["User"],
      description: "The member's resource type.",
    }),
  ],
});

/** RFC 7643 §4.2 and §8.7.1. */
export const groupSchema: Schema = {
  id: "urn:ietf:params:scim:schemas:core:2.0:Group",
  name: "Group",
  description: "Group",
  attributes: [groupDisplayName, groupMembers],
};
