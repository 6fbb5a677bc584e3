import { describe, expect, it } from "vitest";
import type { JsonValue } from "../../lambda/scim/json.ts";
import { readResource } from "../../lambda/scim/read-resource.ts";
import { type ExpectedError, expectError, readFixture, typeNamed } from "./fixture.ts";

interface BodyCase {
  readonly name: string;
  readonly source: string;
  readonly type: string;
  readonly body: JsonValue;
  readonly attributes?: unknown;
  readonly error?: ExpectedError;
}

describe("bodies of POST and PUT", () => {
  it.each(readFixture<BodyCase[]>("quirks/bodies.json"))(
    "$name ($source)",
    ({ type, body, attributes, error }) => {
      const read = () => readResource(typeNamed(type), body);
      if (error) expectError(read, error);
      else expect(read()).toEqual(attributes);
    },
  );
});
