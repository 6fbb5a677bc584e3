import { asciiLower } from "./attribute-name.ts";
import { commonAttributes } from "./schemas/common.ts";

export type AttributeType =
  | "string"
  | "boolean"
  | "decimal"
  | "integer"
  | "dateTime"
  | "binary"
  | "reference"
  | "complex";

/** An attribute's definition, as RFC 7643 §7 has it and `/Schemas` shows it. */
export interface Attribute {
  readonly name: string;
  readonly type: AttributeType;
  readonly multiValued: boolean;
  readonly description: string;
  readonly required: boolean;
  readonly caseExact: boolean;
  readonly mutability: "readOnly" | "readWrite" | "immutable" | "writeOnly";
  readonly returned: "always" | "never" | "default" | "request";
  readonly uniqueness: "none" | "server" | "global";
  readonly canonicalValues?: readonly string[];
  readonly referenceTypes?: readonly string[];
  readonly subAttributes?: readonly Attribute[];
}

export interface Schema {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly attributes: readonly Attribute[];
}

export interface SchemaExtension {
  readonly schema: Schema;
  readonly required: boolean;
}

export interface ResourceType {
  readonly name: "User" | "Group";
  readonly endpoint: "/Users" | "/Groups";
  readonly description: string;
  readonly schema: Schema;
  readonly extensions: readonly SchemaExtension[];
}

/** Where an attribute lives in a resource: at the top, or in the object keyed by its extension's URN (RFC 7643 §3.3). */
export interface AttributePlace {
  /** The extension's URN in canonical spelling; undefined for base and common attributes. */
  readonly container: string | undefined;
  readonly attribute: Attribute;
}

/**
 * The attribute of that name, in any case (RFC 7643 §2.1). Without a URN, or with the base schema's, the base and the
 * common attributes (`id`, `externalId`, `meta`, `schemas`) are searched; with an extension's URN, that extension.
 */
export function findAttribute(
  type: ResourceType,
  urn: string | undefined,
  name: string,
): AttributePlace | undefined {
  return indexOf(type)
    .get(asciiLower(urn ?? type.schema.id))
    ?.places.get(asciiLower(name));
}

/** The type's base schema or extension with that URN, in any case. */
export function findSchema(type: ResourceType, urn: string): Schema | undefined {
  return indexOf(type).get(asciiLower(urn))?.schema;
}

export function findSubAttribute(attribute: Attribute, name: string): Attribute | undefined {
  let index = subAttributeIndexes.get(attribute);
  if (!index) {
    index = new Map(attribute.subAttributes?.map((sub) => [asciiLower(sub.name), sub]));
    subAttributeIndexes.set(attribute, index);
  }
  return index.get(asciiLower(name));
}

/** All schemas of a type, the base first. */
export function schemasOf(type: ResourceType): readonly Schema[] {
  return [type.schema, ...type.extensions.map((extension) => extension.schema)];
}

/** Every attribute a resource of the type can hold, common ones first. */
export function placesOf(type: ResourceType): readonly AttributePlace[] {
  return [...indexOf(type).values()].flatMap((entry) => [...entry.places.values()]);
}

interface SchemaIndex {
  readonly schema: Schema;
  /** By ASCII-lower-case name. Maps, because an input name must never reach an object's prototype. */
  readonly places: ReadonlyMap<string, AttributePlace>;
}

// Derived from constant data on first use; nothing is computed on import.
const schemaIndexes = new WeakMap<ResourceType, ReadonlyMap<string, SchemaIndex>>();
const subAttributeIndexes = new WeakMap<Attribute, ReadonlyMap<string, Attribute>>();

function indexOf(type: ResourceType): ReadonlyMap<string, SchemaIndex> {
  let index = schemaIndexes.get(type);
  if (!index) {
    index = new Map(schemasOf(type).map((schema) => [asciiLower(schema.id), indexSchema(type, schema)]));
    schemaIndexes.set(type, index);
  }
  return index;
}

function indexSchema(type: ResourceType, schema: Schema): SchemaIndex {
  const isBase = schema === type.schema;
  const container = isBase ? undefined : schema.id;
  const attributes = isBase ? [...commonAttributes, ...schema.attributes] : schema.attributes;
  return {
    schema,
    places: new Map(attributes.map((attribute) => [asciiLower(attribute.name), { container, attribute }])),
  };
}
