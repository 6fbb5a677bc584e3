import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { RequestError } from "../../lambda/scim/error.ts";
import {
  buildResource,
  type CommonAttributes,
  type ScimAttributes,
  type ScimResource,
} from "../../lambda/scim/resource.ts";
import { groupType, userType } from "../../lambda/scim/resource-types.ts";
import type { ResourceType } from "../../lambda/scim/schema.ts";

/** A file under test/fixtures, as what the test says it is. */
export function readFixture<T>(path: string): T {
  return JSON.parse(readFileSync(new URL(`../fixtures/${path}`, import.meta.url), "utf8")) as T;
}

/** What a fixture expects of a refusal; `detail` is a part of the detail. */
export interface ExpectedError {
  readonly status: number;
  readonly scimType?: string;
  readonly detail: string;
}

export function expectError(run: () => unknown, expected: ExpectedError): void {
  const error = thrownBy(run);
  expect(error).toBeInstanceOf(RequestError);
  const { status, scimType, detail } = error as RequestError;
  expect({ status, ...(scimType && { scimType }), detail }).toEqual({
    ...expected,
    detail: expect.stringContaining(expected.detail),
  });
}

/** Runs junk: whatever happens but a `RequestError` is a defect. */
export function expectOnlyRequestErrors(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
  }
}

export function typeNamed(name: string): ResourceType {
  return name === "Group" ? groupType : userType;
}

export const common: CommonAttributes = {
  id: "2819c223",
  created: "2026-01-01T00:00:00.000Z",
  lastModified: "2026-01-02T00:00:00.000Z",
  location: "https://example.com/scim/v2/c/Users/2819c223",
  version: 'W/"1"',
};

export function user(attributes: ScimAttributes): ScimResource {
  return buildResource(userType, { userName: "ada", ...attributes }, common);
}

export const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
export const account = "urn:ietf:params:scim:schemas:extension:document360:2.0:User";

export function patchOp(...Operations: readonly unknown[]) {
  return { schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], Operations } as never;
}

function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}
