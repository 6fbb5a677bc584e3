import type { Attribute, Schema } from "../schema.ts";
import { attribute } from "./attribute.ts";

const readOnly = { mutability: "readOnly" } as const;

const types = ["string", "boolean", "decimal", "integer", "dateTime", "binary", "reference", "complex"];

/** What describes an attribute; sub-attributes are described alike, but hold no further ones (RFC 7643 §2.3.8). */
function characteristics(typeNames: readonly string[]): readonly Attribute[] {
  return [
    attribute({
      ...readOnly,
      name: "name",
      required: true,
      caseExact: true,
      description: "The attribute's name.",
    }),
    attribute({
      ...readOnly,
      name: "type",
      required: true,
      canonicalValues: typeNames,
      description: "Its type.",
    }),
    attribute({
      ...readOnly,
      name: "multiValued",
      type: "boolean",
      required: true,
      description: "Whether it holds several values.",
    }),
    attribute({ ...readOnly, name: "description", description: "What it is." }),
    attribute({ ...readOnly, name: "required", type: "boolean", description: "Whether it must be given." }),
    attribute({
      ...readOnly,
      name: "canonicalValues",
      multiValued: true,
      caseExact: true,
      description: "Values suggested for it.",
    }),
    attribute({ ...readOnly, name: "caseExact", type: "boolean", description: "Whether case counts in it." }),
    attribute({
      ...readOnly,
      name: "mutability",
      caseExact: true,
      canonicalValues: ["readOnly", "readWrite", "immutable", "writeOnly"],
      description: "Whether it can be changed.",
    }),
    attribute({
      ...readOnly,
      name: "returned",
      caseExact: true,
      canonicalValues: ["always", "never", "default", "request"],
      description: "When answers show it.",
    }),
    attribute({
      ...readOnly,
      name: "uniqueness",
      caseExact: true,
      canonicalValues: ["none", "server", "global"],
      description: "How far it is unique.",
    }),
    attribute({
      ...readOnly,
      name: "referenceTypes",
      multiValued: true, // erratum 5607
      caseExact: true,
      description: "What a reference may refer to.",
    }),
  ];
}

/** RFC 7643 §7 and §8.7.2, with errata 8415 (types of sub-attributes) and 5607. */
export const schemaSchema: Schema = {
  id: "urn:ietf:params:scim:schemas:core:2.0:Schema",
  name: "Schema",
  description: "A schema and its attributes",
  attributes: [
    attribute({ ...readOnly, name: "id", required: true, description: "URN of the schema." }),
    attribute({ ...readOnly, name: "name", description: "Name of the schema." }),
    attribute({ ...readOnly, name: "description", description: "What it is." }),
    attribute({
      ...readOnly,
      name: "attributes",
      type: "complex",
      multiValued: true,
      required: true,
      description: "The attributes of the schema.",
      subAttributes: [
        ...characteristics(types),
        attribute({
          ...readOnly,
          name: "subAttributes",
          type: "complex",
          multiValued: true,
          description: "The sub-attributes of a complex attribute.",
          subAttributes: characteristics(types.filter((type) => type !== "complex")),
        }),
      ],
    }),
  ],
};
