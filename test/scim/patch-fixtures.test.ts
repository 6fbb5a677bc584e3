import { describe, expect, it } from "vitest";
import { applyPatch, readPatch } from "../../lambda/scim/patch.ts";
import type { ScimAttributes } from "../../lambda/scim/resource.ts";
import { type ExpectedError, expectError, patchOp, readFixture, typeNamed } from "./fixture.ts";

interface PatchCase {
  readonly name: string;
  readonly source: string;
  readonly type: string;
  readonly id?: string;
  readonly before: ScimAttributes;
  readonly operations: readonly unknown[];
  readonly after?: ScimAttributes;
  readonly error?: ExpectedError;
}

const files = ["rfc/patch", "quirks/entra-users", "quirks/entra-groups", "quirks/okta", "quirks/others"];

describe.each(files)("PATCH: %s", (file) => {
  it.each(readFixture<PatchCase[]>(`${file}.json`))(
    "$name ($source)",
    ({ type, id, before, operations, after, error }) => {
      const untouched = structuredClone(before);
      const patch = () =>
        applyPatch(typeNamed(type), before, readPatch(typeNamed(type), patchOp(...operations)), {
          ...(id && { id }),
        });
      if (error) expectError(patch, error);
      else expect(patch()).toEqual(after);
      expect(before).toEqual(untouched);
    },
  );
});
