/** How large an answer gets, and what is said when a resource is too large for any. */

import { type RequestError, tooMany } from "../scim/error.ts";
import type { JsonObject } from "../scim/json.ts";
import type { ScimResource } from "../scim/resource.ts";
import { answerBytesMax } from "./limits.ts";

/** Bytes as Lambda counts them: the body is a string in its result, so every quote in it takes two. */
export function bytesInAnswer(answer: JsonObject): number {
  return Buffer.byteLength(JSON.stringify(JSON.stringify(answer)));
}

/** The resource itself, or 400 `tooMany` with the way out. */
export function fitting(resource: ScimResource): ScimResource {
  if (bytesInAnswer(resource) > answerBytesMax) {
    throw tooLargeForOne(resource);
  }
  return resource;
}

export function tooLargeForOne({ id, meta }: ScimResource): RequestError {
  return tooMany(
    `${meta?.resourceType ?? "The resource"} ${id} takes more than ${answerBytesMax} bytes (answerBytesMax), more than one ` +
      "answer holds. Leave its largest attribute out, such as by excludedAttributes=members.",
  );
}
