import { asciiLower } from "./attribute-name.ts";
import { notFound } from "./error.ts";
import type { JsonObject } from "./json.ts";
import { cursorTimeoutSeconds, pageSizeDefault, pageSizeMax } from "./limits.ts";
import { type Attribute, type ResourceType, type Schema, schemasOf } from "./schema.ts";
import { resourceTypeSchema } from "./schemas/resource-type.ts";
import { schemaSchema } from "./schemas/schema.ts";
import { serviceProviderConfigSchema } from "./schemas/service-provider-config.ts";

/** What the deployed service can do; discovery must say nothing else (RFC 7643 §5). */
export interface Features {
  /** Without it, bulk is announced as unsupported, with the zeros RFC 7643 §5 wants there nevertheless. */
  readonly bulk?: { readonly maxOperations: number; readonly maxPayloadSize: number };
  readonly documentationUri?: string;
}

/** `GET /ServiceProviderConfig` (RFC 7643 §5, RFC 9865 §4). `baseUrl` has no trailing slash. */
export function serviceProviderConfig(baseUrl: string, features: Features = {}): JsonObject {
  const { bulk, documentationUri } = features;
  return {
    schemas: [serviceProviderConfigSchema.id],
    ...(documentationUri !== undefined && { documentationUri }),
    patch: { supported: true },
    bulk: {
      supported: bulk !== undefined,
      maxOperations: bulk?.maxOperations ?? 0,
      maxPayloadSize: bulk?.maxPayloadSize ?? 0,
    },
    filter: { supported: true, maxResults: pageSizeMax },
    changePassword: { supported: false },
    sort: { supported: true },
    etag: { supported: true },
    pagination: {
      cursor: true,
      index: true,
      defaultPaginationMethod: "index", // RFC 9865 §2.4: stays the default where it was there first
      defaultPageSize: pageSizeDefault,
      maxPageSize: pageSizeMax,
      cursorTimeout: cursorTimeoutSeconds,
    },
    authenticationSchemes: [
      {
        type: "oauthbearertoken",
        name: "OAuth Bearer Token",
        description: "A token of the connection, sent in the Authorization header as Bearer token.",
        specUri: "https://www.rfc-editor.org/info/rfc6750",
        primary: true,
      },
    ],
    meta: { resourceType: "ServiceProviderConfig", location: `${baseUrl}/ServiceProviderConfig` },
  };
}

/** `GET /ResourceTypes` (RFC 7643 §6): of the types that are served. */
export function resourceTypeList(baseUrl: string, types: readonly ResourceType[]): readonly JsonObject[] {
  return types.map((type) => resourceTypeBody(baseUrl, type));
}

/** `GET /ResourceTypes/{name}`; 404 for a type that is not served. */
export function resourceTypeByName(
  baseUrl: string,
  types: readonly ResourceType[],
  name: string,
): JsonObject {
  const type = types.find((served) => served.name === name);
  if (!type) throw notFound("There is no resource type of that name; GET /ResourceTypes lists them.");
  return resourceTypeBody(baseUrl, type);
}

/** `GET /Schemas` (RFC 7643 §7): of the types that are served, and of the discovery resources themselves (§8.7.2). */
export function schemaList(baseUrl: string, types: readonly ResourceType[]): readonly JsonObject[] {
  return servedSchemas(types).map((schema) => schemaBody(baseUrl, schema));
}

/** `GET /Schemas/{urn}`, the URN in any case; 404 for one that is not served. */
export function schemaByUrn(baseUrl: string, types: readonly ResourceType[], urn: string): JsonObject {
  const wanted = asciiLower(urn);
  const schema = servedSchemas(types).find((served) => asciiLower(served.id) === wanted);
  if (!schema) throw notFound("There is no schema of that URN; GET /Schemas lists them.");
  return schemaBody(baseUrl, schema);
}

function servedSchemas(types: readonly ResourceType[]): readonly Schema[] {
  return [
    ...new Set([...types.flatMap(schemasOf), serviceProviderConfigSchema, resourceTypeSchema, schemaSchema]),
  ];
}

function resourceTypeBody(baseUrl: string, type: ResourceType): JsonObject {
  return {
    schemas: [resourceTypeSchema.id],
    id: type.name,
    name: type.name,
    description: type.description,
    endpoint: type.endpoint,
    schema: type.schema.id,
    schemaExtensions: type.extensions.map(({ schema, required }) => ({ schema: schema.id, required })),
    meta: { resourceType: "ResourceType", location: `${baseUrl}/ResourceTypes/${type.name}` },
  };
}

function schemaBody(baseUrl: string, schema: Schema): JsonObject {
  return {
    schemas: [schemaSchema.id],
    id: schema.id,
    name: schema.name,
    description: schema.description,
    attributes: schema.attributes.map(attributeBody),
    meta: { resourceType: "Schema", location: `${baseUrl}/Schemas/${schema.id}` },
  };
}

function attributeBody(attribute: Attribute): JsonObject {
  const { canonicalValues, referenceTypes, subAttributes, ...characteristics } = attribute;
  return {
    ...characteristics,
    ...(canonicalValues && { canonicalValues }),
    ...(referenceTypes && { referenceTypes }),
    ...(subAttributes && { subAttributes: subAttributes.map(attributeBody) }),
  };
}
