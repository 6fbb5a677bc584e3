import { isObject, type JsonValue, ownValue } from "./json.ts";

/** Whether an element of a multi-valued attribute is the preferred one (RFC 7643 §2.4). */
export function isPrimary(element: JsonValue): boolean {
  return isObject(element) && ownValue(element, "primary") === true;
}
