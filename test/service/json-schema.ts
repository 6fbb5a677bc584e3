/**
 * A small JSON Schema check, as much of 2020-12 as the OpenAPI document uses. A keyword it does not know is an error of
 * its own, so that nothing passes because nobody looked.
 */

type Json = Record<string, unknown>;

/** Faults of `value` by `schema`, each with its place; none when it is valid. `root` is what `$ref` resolves in. */
export function schemaFaults(root: unknown, schema: unknown, value: unknown, at = "$"): string[] {
  if (schema === true) return [];
  if (!isObject(schema)) return [`${at}: the schema is not an object`];
  return Object.entries(schema).flatMap(([keyword, argument]) => {
    const check = keywords[keyword];
    return check
      ? check({ root, schema, argument, value, at })
      : [`${at}: the check does not know ${keyword}`];
  });
}

/** What a local reference such as `#/components/schemas/Project` points to; undefined when nothing is there. */
export function resolveRef(root: unknown, ref: string): unknown {
  return ref
    .split("/")
    .slice(1)
    .reduce<unknown>((node, name) => (isObject(node) ? node[name] : undefined), root);
}

interface Check {
  readonly root: unknown;
  readonly schema: Json;
  readonly argument: unknown;
  readonly value: unknown;
  readonly at: string;
}

const noFault = (): string[] => [];
const faultUnless = (holds: boolean, { at, argument, value }: Check, rule: string): string[] =>
  holds ? [] : [`${at}: ${rule} ${JSON.stringify(argument)}, but is ${JSON.stringify(value)}`];

const keywords: Readonly<Record<string, (check: Check) => string[]>> = {
  description: noFault,
  default: noFault,
  title: noFault,
  $ref: ({ root, argument, value, at }) => schemaFaults(root, resolveRef(root, String(argument)), value, at),
  type: (check) => {
    const types = [check.argument].flat() as string[];
    return faultUnless(
      types.some((type) => hasType(type, check.value)),
      check,
      "must be of type",
    );
  },
  const: (check) => faultUnless(check.value === check.argument, check, "must be"),
  enum: (check) => faultUnless((check.argument as unknown[]).includes(check.value), check, "must be one of"),
  anyOf: (check) => {
    const branches = (check.argument as unknown[]).map((branch) =>
      schemaFaults(check.root, branch, check.value, check.at),
    );
    return branches.some((faults) => faults.length === 0) ? [] : branches.flat();
  },
  properties: ({ root, argument, value, at }) =>
    isObject(value)
      ? Object.entries(argument as Json).flatMap(([name, schema]) =>
          Object.hasOwn(value, name) ? schemaFaults(root, schema, value[name], `${at}.${name}`) : [],
        )
      : [],
  required: ({ argument, value, at }) =>
    isObject(value)
      ? (argument as string[])
          .filter((name) => !Object.hasOwn(value, name))
          .map((name) => `${at}.${name}: is required`)
      : [],
  additionalProperties: ({ root, schema, argument, value, at }) => {
    if (!isObject(value)) return [];
    const declared = isObject(schema["properties"]) ? schema["properties"] : {};
    return Object.entries(value)
      .filter(([name]) => !Object.hasOwn(declared, name))
      .flatMap(([name, item]) =>
        argument === false
          ? [`${at}.${name}: is not declared`]
          : schemaFaults(root, isEmpty(argument) ? true : argument, item, `${at}.${name}`),
      );
  },
  propertyNames: ({ root, argument, value, at }) =>
    isObject(value)
      ? Object.keys(value).flatMap((name) => schemaFaults(root, argument, name, `${at} (name)`))
      : [],
  items: ({ root, argument, value, at }) =>
    Array.isArray(value)
      ? value.flatMap((item, index) => schemaFaults(root, argument, item, `${at}[${index}]`))
      : [],
  minimum: (check) => faultUnless(!(numberOf(check) < Number(check.argument)), check, "must be at least"),
  maximum: (check) => faultUnless(!(numberOf(check) > Number(check.argument)), check, "must be at most"),
  minLength: (check) => faultUnless(lengthOf(check) >= Number(check.argument), check, "must be as long as"),
  maxLength: (check) =>
    faultUnless(
      typeof check.value !== "string" || check.value.length <= Number(check.argument),
      check,
      "must not be longer than",
    ),
  format: (check) =>
    check.argument === "date-time" && typeof check.value === "string"
      ? faultUnless(isTime(check.value), check, "must be RFC 3339, UTC, milliseconds:")
      : [],
  pattern: (check) =>
    faultUnless(
      typeof check.value !== "string" || new RegExp(String(check.argument)).test(check.value),
      check,
      "must match",
    ),
};

/** API.md §1: RFC 3339, UTC, milliseconds. */
export function isTime(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(text) && !Number.isNaN(Date.parse(text));
}

function hasType(type: string, value: unknown): boolean {
  switch (type) {
    case "null":
      return value === null;
    case "array":
      return Array.isArray(value);
    case "object":
      return isObject(value);
    case "integer":
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

/** NaN, which no bound excludes, for what is no number. */
function numberOf({ value }: Check): number {
  return typeof value === "number" ? value : Number.NaN;
}

function lengthOf({ value }: Check): number {
  return typeof value === "string" ? value.length : Number.POSITIVE_INFINITY;
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isEmpty(value: unknown): boolean {
  return isObject(value) && Object.keys(value).length === 0;
}
