/** SCIM requests as what they are to the product's operators: attempts to provision somebody, or some group. */

import type { Attempt } from "../domain/attempt.ts";
import { type ProvisioningRequest, provisioning, type Watch } from "../domain/provisioning.ts";
import { isArray, isObject, type JsonObject, type JsonValue } from "../scim/json.ts";
import type { HttpResponse } from "./response.ts";
import type { ScimCall } from "./scim-router.ts";

/** Serves it under watch: see `domain/provisioning.ts`. */
export function provisioned(
  { runtime, caller, request: { requestId } }: ScimCall,
  request: Omit<ProvisioningRequest, "connectionId" | "requestId">,
  serve: (watch: Watch) => Promise<HttpResponse>,
): Promise<HttpResponse> {
  return provisioning(runtime.context, { ...request, connectionId: caller.connectionId, requestId }, serve);
}

/**
 * What a PUT or POST names its resource by, read from its body as it came, whatever else is wrong with that: for telling
 * whom a refusal is about, and for nothing else. `nameAttribute`: userName or displayName.
 */
export function askedResource(
  body: Attempt<JsonValue>,
  nameAttribute: "userName" | "displayName",
  id?: string,
): ProvisioningRequest["asked"] {
  const resource = body.ok && isObject(body.value) ? body.value : {};
  const name = textIn(resource, nameAttribute);
  return { name, id: id ?? textIn(resource, "externalId") ?? firstEmail(resource) };
}

function textIn(resource: JsonObject, attribute: string): string | undefined {
  const value = attributeIn(resource, attribute);
  return typeof value === "string" && value.trim() !== "" ? value : undefined;
}

function firstEmail(resource: JsonObject): string | undefined {
  const emails = attributeIn(resource, "emails");
  const [first] = isArray(emails) ? emails : [];
  return first !== undefined && isObject(first) ? textIn(first, "value") : undefined;
}

/** Attribute names are case-insensitive, and may be qualified by their schema's URN (RFC 7644 §3.10). */
function attributeIn(resource: JsonObject, attribute: string): JsonValue | undefined {
  const wanted = attribute.toLowerCase();
  const key = Object.keys(resource).find((name) => {
    const folded = name.toLowerCase();
    return folded === wanted || folded.endsWith(`:${wanted}`);
  });
  return key === undefined ? undefined : resource[key];
}
