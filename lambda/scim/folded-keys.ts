import { asciiLower } from "./attribute-name.ts";
import type { JsonObject, JsonValue } from "./json.ts";

/** A message by its attribute names in lower case, which are written in any (RFC 7643 §2.1). */
export function foldedKeys(message: JsonObject): ReadonlyMap<string, JsonValue> {
  return new Map(Object.keys(message).map((key) => [asciiLower(key), message[key]!]));
}
