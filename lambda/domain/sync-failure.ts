/**
 * A sync failure: a provisioning request, or an inherited change, that could not be applied and has not succeeded since
 * (API.md §1). One per connection, resource type and identifier. Pure.
 */

import { createHash } from "node:crypto";
import type { RequestError, ScimType } from "../scim/error.ts";
import { foldCase } from "../scim/fold.ts";
import { base32 } from "./ids.ts";
import type { SeatKind } from "./seats.ts";

export const syncFailureReasons = [
  "duplicate",
  "quota_exceeded",
  "role_conflict",
  "managed_elsewhere",
  "validation",
  "unknown_member",
  "resource_deleted",
  "throttled",
  "internal",
] as const;
export type SyncFailureReason = (typeof syncFailureReasons)[number];

export const provisionedTypes = ["User", "Group"] as const;
export type ProvisionedType = (typeof provisionedTypes)[number];

/** What was asked for: POST, PUT, PATCH or DELETE of RFC 7644 §3. */
export const provisioningOperations = ["create", "replace", "modify", "delete"] as const;
export type ProvisioningOperation = (typeof provisioningOperations)[number];

/** What a failure is of: there is one open failure for each. */
export interface FailureSubject {
  readonly connectionId: string;
  readonly resourceType: ProvisionedType;
  /** userName or displayName, in any case; where neither is known, what the request named the resource by. */
  readonly identifier: string;
}

/** Why the latest attempt failed. */
export interface FailureCause {
  readonly operation: ProvisioningOperation;
  readonly httpStatus: number;
  readonly scimType: ScimType | undefined;
  readonly reason: SyncFailureReason;
  readonly detail: string;
  /** One sentence that tells the operator what to do. */
  readonly remedy: string;
}

/** What of a parent could not be copied to a child: a user, by its number, and at which of its versions. */
export interface FailureSource {
  readonly number: number;
  readonly version: number;
  /** The kind of seat that was not free, where that was why. */
  readonly seat: SeatKind | undefined;
}

export interface SyncFailure extends FailureSubject, FailureCause {
  /** Of an inherited one: what to try again. */
  readonly source: FailureSource | undefined;
  readonly id: string;
  readonly attempts: number;
  readonly firstFailedAt: string;
  readonly lastFailedAt: string;
}

/** 128 bits of SHA-256: no two identifiers meet by chance, and an id tells nobody's name. */
const hashBytes = 16;
export const identifierHashLength = 26;

/** What an inherited failure is one of, in place of its identifier: the user of the parent, whatever its name. */
export function sourceIdentifier(number: number): string {
  return `inherited ${number}`;
}

/** Why a user of the parent could not be copied, and what is to be done about it in the child's project. */
export function inheritedCause(error: RequestError): FailureCause {
  const cause = failureCause(error, "User", "replace");
  return { ...cause, remedy: inheritedRemedies[cause.reason] ?? laterByItself };
}

const laterByItself =
  "Remove the cause that the detail tells; then it is applied by itself, or at once by a retry of this failure.";

const inheritedRemedies: Partial<Readonly<Record<SyncFailureReason, string>>> = {
  duplicate:
    "Give the member of this project who holds the name that the detail tells another userName or email; then the user is applied by itself.",
  quota_exceeded:
    "Deactivate a member of this project who holds such a seat, or raise its quota; then the user is applied by itself.",
  role_conflict:
    "Change the member's type in this project to the one that the user has at the parent; then the member is linked by itself.",
  managed_elsewhere:
    "Remove the user from the other connection's identity provider, or disable SCIM on that connection; then the member is linked by itself.",
};

/** An identifier in any case, so that it can be part of a key and of an id. */
export function identifierHash(identifier: string): string {
  const digest = createHash("sha256").update(foldCase(identifier)).digest();
  return base32(digest.subarray(0, hashBytes));
}

export function failureCause(
  error: RequestError,
  resourceType: ProvisionedType,
  operation: ProvisioningOperation,
): FailureCause {
  const reason = reasonOf(error);
  return {
    operation,
    httpStatus: error.status,
    scimType: error.scimType,
    reason,
    detail: error.detail,
    remedy: remedyFor(error, reason, resourceType),
  };
}

/** Our own codes tell more than a status; what has none of its own is told by the status. */
function reasonOf({ code, status }: RequestError): SyncFailureReason {
  const named = byCode[code];
  if (named !== undefined) {
    return named;
  }
  if (status >= 500) {
    return "internal";
  }
  return status === 409 ? "duplicate" : "validation";
}

const byCode: Readonly<Record<string, SyncFailureReason>> = {
  quota_exceeded: "quota_exceeded",
  role_conflict: "role_conflict",
  managed_elsewhere: "managed_elsewhere",
  unknown_member: "unknown_member",
  not_found: "resource_deleted",
  throttled: "throttled",
};

function remedyFor(error: RequestError, reason: SyncFailureReason, type: ProvisionedType): string {
  const isUser = type === "User";
  const special = remedyByCode[error.code];
  if (special !== undefined) {
    return special;
  }
  switch (reason) {
    case "duplicate":
      return isUser
        ? "Find who holds the name that the detail tells, give one of the two another userName or email, and let the identity provider send the user again."
        : "Rename one of the two groups in the identity provider, or allow equal names by the connection's uniqueGroupNames, and push the group again.";
    case "quota_exceeded":
      return "Deactivate a member who holds such a seat or raise the project's quota, and let the identity provider send the user again.";
    case "role_conflict":
      return "Change the member's type in the product to the one that the identity provider sends, or let it first send the type that the member has and convert the user afterwards.";
    case "managed_elsewhere":
      return "Remove the user from the other connection's identity provider, or disable SCIM on that connection, and let this one send the user again.";
    case "validation":
      return "Correct the attribute that the detail names in the identity provider's mapping, and let it send the resource again.";
    case "unknown_member":
      return "Assign the missing users to the application in the identity provider, wait until they are provisioned, and push the group again.";
    case "resource_deleted":
      return isUser
        ? "The user is not there any more: unassign the user in the identity provider and assign it again."
        : "The group is not there any more: unlink the group in the identity provider and push it again.";
    case "throttled":
      return "The identity provider sends this again by itself; if it keeps failing, let it send less at once.";
    case "internal":
      return "Look for the request id that the detail tells in the log of the service, and let the identity provider send the resource again once the error is mended.";
  }
}

/** Where the reason alone would send the operator the wrong way. */
const remedyByCode: Readonly<Record<string, string>> = {
  already_provisioned:
    "Let the identity provider match the user that is there and update it instead of creating it; if these are two people, give one of them another userName or email.",
  payload_too_large:
    "Leave out of the identity provider's mapping what the detail calls too large, or push a group that large in parts, and let it send the resource again.",
  precondition_failed:
    "The resource has changed since the identity provider read it: let it read the resource again and repeat its change.",
};
