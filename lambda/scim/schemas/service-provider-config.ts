import type { Attribute, Schema } from "../schema.ts";
import { attribute } from "./attribute.ts";

const readOnly = { mutability: "readOnly" } as const;

const supported: Attribute = attribute({
  ...readOnly,
  name: "supported",
  type: "boolean",
  required: true,
  description: "Whether the operation is supported.",
});

function feature(name: string, description: string, ...others: readonly Attribute[]): Attribute {
  return attribute({
    ...readOnly,
    name,
    type: "complex",
    required: true,
    description,
    subAttributes: [supported, ...others],
  });
}

function count(name: string, description: string, required = true): Attribute {
  return attribute({ ...readOnly, name, type: "integer", required, description });
}

/** RFC 7643 §5 and §8.7.2, with `etag` and the schemes' `type`, which the printed schema forgot, and RFC 9865 §4. */
export const serviceProviderConfigSchema: Schema = {
  id: "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig",
  name: "ServiceProviderConfig",
  description: "What this service provider supports",
  attributes: [
    attribute({
      ...readOnly,
      name: "documentationUri",
      type: "reference",
      referenceTypes: ["external"],
      caseExact: true,
      description: "URL of human-readable help.",
    }),
    feature("patch", "PATCH."),
    feature(
      "bulk",
      "Bulk operations.",
      count("maxOperations", "Operations in one request at most."),
      count("maxPayloadSize", "Bytes of one request at most."),
    ),
    feature("filter", "Filters.", count("maxResults", "Resources in one answer at most.")),
    feature("changePassword", "Changing passwords."),
    feature("sort", "Sorting."),
    feature("etag", "Versions of resources by ETag."),
    attribute({
      ...readOnly,
      name: "pagination",
      type: "complex",
      description: "Methods of pagination.",
      subAttributes: [
        attribute({
          ...readOnly,
          name: "cursor",
          type: "boolean",
          required: true,
          description: "Whether cursor pagination is supported.",
        }),
        attribute({
          ...readOnly,
          name: "index",
          type: "boolean",
          required: true,
          description: "Whether index pagination is supported.",
        }),
        attribute({
          ...readOnly,
          name: "defaultPaginationMethod",
          canonicalValues: ["cursor", "index"],
          description: "The method used when a request names none.",
        }),
        count("defaultPageSize", "Resources on a page when the request gives no count.", false),
        count("maxPageSize", "Resources on a page at most.", false),
        count("cursorTimeout", "Seconds for which a cursor is valid.", false),
      ],
    }),
    attribute({
      ...readOnly,
      name: "authenticationSchemes",
      type: "complex",
      multiValued: true,
      required: true,
      description: "Authentication schemes.",
      subAttributes: [
        attribute({
          ...readOnly,
          name: "type",
          required: true,
          canonicalValues: ["oauth", "oauth2", "oauthbearertoken", "httpbasic", "httpdigest"],
          description: "The scheme.",
        }),
        attribute({ ...readOnly, name: "name", required: true, description: "Its common name." }),
        attribute({ ...readOnly, name: "description", required: true, description: "What it is." }),
        attribute({
          ...readOnly,
          name: "specUri",
          type: "reference",
          referenceTypes: ["external"],
          caseExact: true,
          description: "URL of its specification.",
        }),
        attribute({
          ...readOnly,
          name: "documentationUri",
          type: "reference",
          referenceTypes: ["external"],
          caseExact: true,
          description: "URL of help on its use.",
        }),
        attribute({
          ...readOnly,
          name: "primary",
          type: "boolean",
          description: "Whether it is the preferred scheme.",
        }),
      ],
    }),
  ],
};
