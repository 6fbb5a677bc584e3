import { describe, expect, test } from "vitest";
import { quotaExceeded, throttled } from "../../lambda/domain/refusals.ts";
import { failureCause, provisionedTypes } from "../../lambda/domain/sync-failure.ts";
import {
  invalidValue,
  notFound,
  payloadTooLarge,
  preconditionFailed,
  RequestError,
  uniqueness,
  unknownMember,
} from "../../lambda/scim/error.ts";

// As they come about, and are closed: test/service/sync-failures.test.ts, and docs/troubleshooting.md, which test/docs plays.

const defect = new RequestError({ status: 500, code: "internal", detail: "" });

describe.each(provisionedTypes)("what is told of a refused %s", (type) => {
  test.each([
    ["a name that somebody has", uniqueness(""), "duplicate", "another userName or email|Rename one of the"],
    [
      "a create of who is there",
      uniqueness("", "already_provisioned"),
      "duplicate",
      "instead of creating it",
    ],
    ["the other type", uniqueness("", "role_conflict"), "role_conflict", "Change the member's type"],
    ["another's member", uniqueness("", "managed_elsewhere"), "managed_elsewhere", "other connection"],
    ["no seat", quotaExceeded.toProvider("users", 1), "quota_exceeded", "raise the project's quota"],
    ["a wrong value", invalidValue(""), "validation", "Correct the attribute"],
    ["too much", payloadTooLarge(""), "validation", "calls too large"],
    ["a stale version", preconditionFailed(""), "validation", "read the resource again"],
    ["unknown members", unknownMember(""), "unknown_member", "Assign the missing users"],
    ["what is gone", notFound(""), "resource_deleted", "unassign the user|unlink the group"],
    ["a busy table", throttled(""), "throttled", "sends this again by itself"],
    ["a defect", defect, "internal", "request id"],
  ])("%s: reason and remedy", (_, refusal, reason, remedy) => {
    const cause = failureCause(refusal, type, "modify");
    expect(cause).toMatchObject({ reason, remedy: expect.stringMatching(remedy) });
    // One sentence, for a list.
    expect(cause.remedy).toMatch(/^[A-Z][^.]*\.$/);
  });
});
