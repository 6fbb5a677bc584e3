import type { Attribute } from "../schema.ts";
import { attribute } from "./attribute.ts";

/** The attributes of every resource (RFC 7643 §3 and §3.1). They belong to no schema and are not listed under `/Schemas`. */
export const commonAttributes: readonly Attribute[] = [
  attribute({
    name: "schemas",
    type: "reference",
    referenceTypes: ["uri"],
    multiValued: true,
    required: true,
    mutability: "readOnly", // computed: base schema and the extensions in use (RFC 7643 §3)
    returned: "always",
    description: "URNs of the schemas in use.",
  }),
  attribute({
    name: "id",
    required: true,
    caseExact: true,
    mutability: "readOnly",
    returned: "always",
    uniqueness: "server",
    description: "Identifier given by the service provider.",
  }),
  attribute({
    name: "externalId",
    caseExact: true,
    description: "Identifier given by the provisioning client.",
  }),
  attribute({
    name: "meta",
    type: "complex",
    mutability: "readOnly",
    description: "Metadata of the resource.",
    subAttributes: [
      attribute({
        name: "resourceType",
        caseExact: true,
        mutability: "readOnly",
        description: "Name of the resource type.",
      }),
      attribute({
        name: "created",
        type: "dateTime",
        mutability: "readOnly",
        description: "When the resource was created.",
      }),
      attribute({
        name: "lastModified",
        type: "dateTime",
        mutability: "readOnly",
        description: "When the resource was last changed.",
      }),
      attribute({
        name: "location",
        type: "reference",
        referenceTypes: ["uri"],
        caseExact: true,
        mutability: "readOnly",
        description: "URI of the resource.",
      }),
      attribute({
        name: "version",
        caseExact: true,
        mutability: "readOnly",
        description: "Version of the resource; equals its ETag.",
      }),
    ],
  }),
];
