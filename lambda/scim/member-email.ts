import { asciiLower } from "./attribute-name.ts";
import { isArray, isObject, type JsonObject, ownValue } from "./json.ts";
import { isPrimary } from "./primary.ts";
import type { ScimAttributes } from "./resource.ts";

/** The member's e-mail address: the primary one, else the first of type work, else the first (API.md §4). As stored. */
export function memberEmail(attributes: ScimAttributes): string | undefined {
  const emails = emailElements(attributes);
  const chosen = emails.find(isPrimary) ?? emails.find(isWork) ?? emails[0];
  return chosen && addressOf(chosen);
}

/** Every e-mail address, as stored, in order, each once. */
export function emailValues(attributes: ScimAttributes): string[] {
  return [...new Set(emailElements(attributes).map(addressOf))];
}

/** Elements that have a value; a `{"type":"work"}` alone is no address. */
function emailElements(attributes: ScimAttributes): readonly JsonObject[] {
  const emails = ownValue(attributes, "emails");
  return (isArray(emails) ? emails : [])
    .filter(isObject)
    .filter((email) => typeof ownValue(email, "value") === "string");
}

function addressOf(email: JsonObject): string {
  return String(ownValue(email, "value"));
}

function isWork(email: JsonObject): boolean {
  const type = ownValue(email, "type");
  return typeof type === "string" && asciiLower(type) === "work";
}
