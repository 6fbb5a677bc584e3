/** Values that become keys are bounded, because keys are (AWS quota: 1,024 bytes a sort key). */

import { invalidValue } from "../scim/error.ts";
import { foldCase } from "../scim/fold.ts";
import { emailValues } from "../scim/member-email.ts";
import type { ScimAttributes } from "../scim/resource.ts";
import { indexedValueBytesMax, isIndexable } from "../table/keys.ts";
import { emailValuesMax } from "./limits.ts";
import { externalIdOf, userNameOf } from "./member.ts";

/** The attributes themselves, or 400 `invalidValue` naming what is too long or too many. */
export function indexable(attributes: ScimAttributes): ScimAttributes {
  const emails = emailValues(attributes);
  const foldedEmails = new Set(emails.map(foldCase));
  if (foldedEmails.size > emailValuesMax) {
    throw invalidValue(
      `"emails" holds ${foldedEmails.size} different values; at most ${emailValuesMax} (emailValuesMax) are possible.`,
    );
  }
  assertKeyLength("userName", "userName", foldCase(userNameOf(attributes)));
  assertKeyLength("externalId", "externalId", externalIdOf(attributes) ?? "");
  for (const email of foldedEmails) {
    assertKeyLength("emails.value", "email", email);
  }
  return attributes;
}

/** 400 `invalidValue` when what somebody is known by at sign-in is too long to be looked up. */
export function assertSignInIndexable(
  subject: string,
  externalId: string | undefined,
  email: string | undefined,
): void {
  assertKeyLength("subject", "subject", subject);
  assertKeyLength("externalId", "externalId", externalId ?? "");
  assertKeyLength("email", "email", foldCase(email ?? ""));
}

/** 400 `invalidValue` when a group's displayName or externalId is too long to be looked up. */
export function assertGroupIndexable(displayName: string, externalId: string | undefined): void {
  assertKeyLength("displayName", "displayName", foldCase(displayName));
  assertKeyLength("externalId", "externalId", externalId ?? "");
}

/** `attribute` is SCIM's name, `field` the admin API's. */
function assertKeyLength(attribute: string, field: string, value: string): void {
  if (!isIndexable(value)) {
    throw invalidValue(
      `"${attribute}" is ${Buffer.byteLength(value)} bytes long; at most ${indexedValueBytesMax} (indexedValueBytesMax) are possible.`,
      [{ path: field, message: `send at most ${indexedValueBytesMax} bytes` }],
    );
  }
}
