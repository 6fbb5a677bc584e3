import type { Schema } from "../schema.ts";
import { attribute } from "./attribute.ts";

const readOnly = { mutability: "readOnly" } as const;
const uri = { type: "reference", referenceTypes: ["uri"], caseExact: true } as const;

/** RFC 7643 §6 and §8.7.2. */
export const resourceTypeSchema: Schema = {
  id: "urn:ietf:params:scim:schemas:core:2.0:ResourceType",
  name: "ResourceType",
  description: "A type of resource and its schemas",
  attributes: [
    attribute({ ...readOnly, name: "id", description: "Identifier of the resource type." }),
    attribute({ ...readOnly, name: "name", required: true, description: "Name of the resource type." }),
    attribute({ ...readOnly, name: "description", description: "What it is." }),
    attribute({
      ...readOnly,
      ...uri,
      name: "endpoint",
      required: true,
      description: "Its endpoint, relative to the base URL.",
    }),
    attribute({
      ...readOnly,
      ...uri,
      name: "schema",
      required: true,
      description: "URN of its base schema.",
    }),
    attribute({
      ...readOnly,
      name: "schemaExtensions",
      type: "complex",
      multiValued: true,
      description: "Extensions of the resource type.",
      subAttributes: [
        attribute({
          ...readOnly,
          ...uri,
          name: "schema",
          required: true,
          description: "URN of the extension.",
        }),
        attribute({
          ...readOnly,
          name: "required",
          type: "boolean",
          required: true,
          description: "Whether every resource of the type has it.",
        }),
      ],
    }),
  ],
};
