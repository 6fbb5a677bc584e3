import { asciiLower } from "./attribute-name.ts";
import { invalidSyntax, invalidValue } from "./error.ts";
import { foldedKeys } from "./folded-keys.ts";
import { isArray, isObject, type JsonValue } from "./json.ts";
import { type ListQuery, listQueryOf } from "./query.ts";

/**
 * Body of a `.search` (RFC 7644 §3.4.3, RFC 9865 §3) → list query, with the meaning the parameters have in a URL. Names in
 * any case; null is absent, unknown ones are ignored, and so is `schemas`: what it has to say is said by the endpoint.
 * 400 `invalidSyntax` for what is no object, 400 `invalidValue` for a value of another type than its parameter's.
 */
export function readSearchRequest(body: JsonValue): ListQuery {
  if (!isObject(body)) {
    throw invalidSyntax("The body of a search is one JSON object, a SearchRequest; send one.");
  }
  const values = foldedKeys(body);
  const valueAt = (name: string) => values.get(asciiLower(name)) ?? undefined;
  return listQueryOf({
    text(name) {
      const value = valueAt(name);
      if (value === undefined || typeof value === "string") return value;
      throw invalidValue(`Parameter ${name} takes a string; correct it.`);
    },
    integer(name) {
      const value = valueAt(name);
      if (value === undefined) return undefined;
      return typeof value === "number" && Number.isInteger(value) ? value : Number.NaN;
    },
    names(name) {
      const value = valueAt(name);
      // A string with commas, as in a URL, is taken too.
      if (value === undefined || typeof value === "string") return value;
      if (isArray(value) && value.every((element) => typeof element === "string")) return value;
      throw invalidValue(`Parameter ${name} takes an array of attribute names; correct it.`);
    },
  });
}
