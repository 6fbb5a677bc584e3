/** Media types of the SCIM API (RFC 7644 §3.1, §8.1; OneLogin and python-scim in idp-traffic §3, §9). */

import { unsupportedMediaType } from "../domain/refusals.ts";
import type { HttpRequest } from "./request.ts";

const scimJson = "application/scim+json";
const plainJson = "application/json";

/** `application/json` for who accepts that alone, else `application/scim+json`; exactly so, without parameters. */
export function answerType(request: HttpRequest): string {
  const accepted = (request.headers.get("accept") ?? "")
    .toLowerCase()
    .split(",")
    .map((range) => range.split(";")[0]!.trim());
  const others = [scimJson, "application/*", "*/*"].some((range) => accepted.includes(range));
  return accepted.includes(plainJson) && !others ? plainJson : scimJson;
}

/** 415 for a body that says it is anything but JSON. One that says nothing is tried as JSON. */
export function assertJsonBody(request: HttpRequest): void {
  const header = request.headers.get("content-type") ?? "";
  const type = header.split(";")[0]!.trim().toLowerCase();
  if (type !== "" && type !== scimJson && type !== plainJson) {
    throw unsupportedMediaType(type);
  }
}
