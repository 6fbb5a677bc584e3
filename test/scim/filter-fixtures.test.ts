import { describe, expect, it } from "vitest";
import { parseFilter, printFilter } from "../../lambda/scim/filter.ts";
import { checkFilter, matches } from "../../lambda/scim/match.ts";
import type { ScimResource } from "../../lambda/scim/resource.ts";
import { userType } from "../../lambda/scim/resource-types.ts";
import { type ExpectedError, expectError, readFixture } from "./fixture.ts";

interface FilterCase {
  readonly filter: string;
  readonly source: string;
  readonly matches?: boolean;
  readonly error?: ExpectedError;
}

const resource = readFixture<ScimResource>("rfc/user.json");

describe.each(["rfc/filters", "quirks/filters"])("filters: %s", (file) => {
  it.each(readFixture<FilterCase[]>(`${file}.json`))(
    "$source: $filter",
    ({ filter, matches: expected, error }) => {
      const evaluate = (text: string) => matches(checkFilter(userType, parseFilter(text)), resource);
      if (error) expectError(() => evaluate(filter), error);
      else {
        expect(evaluate(filter)).toBe(expected);
        expect(evaluate(printFilter(parseFilter(filter)))).toBe(expected);
      }
    },
  );
});
