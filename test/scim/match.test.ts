import { describe, expect, it } from "vitest";
import { parseFilter } from "../../lambda/scim/filter.ts";
import { checkFilter, looksAt, matches } from "../../lambda/scim/match.ts";
import { groupType, userType } from "../../lambda/scim/resource-types.ts";
import type { ResourceType } from "../../lambda/scim/schema.ts";
import { attribute } from "../../lambda/scim/schemas/attribute.ts";
import { expectError, user } from "./fixture.ts";

const meets = (filter: string, attributes: object) =>
  matches(checkFilter(userType, parseFilter(filter)), { ...user({}), ...attributes });

describe("matches", () => {
  it("[48] compares beyond ASCII without case", () => {
    expect(meets('userName eq "STRASSE"', { userName: "straße" })).toBe(true);
    expect(meets('emails.value co "ÅS"', { emails: [{ value: "x@a\u030as.no" }] })).toBe(true);
    expect(meets('externalId eq "É"', { externalId: "é" })).toBe(false);
  });

  it("[101] never looks at a password, even one that was stored", () => {
    for (const filter of [
      "password pr",
      'password eq "secret"',
      'password sw "s"',
      'not (password ne "secret")',
    ]) {
      expect(meets(filter, { password: "secret" })).toBe(false);
    }
  });

  it("[90] is true of a multi-valued attribute when it is of any value", () => {
    const emails = [{ value: "a", type: "work" }, { value: "b" }];
    expect(meets('emails.type ne "work"', { emails })).toBe(true);
    expect(meets('emails ne "a"', { emails })).toBe(true);
    expect(meets('not (emails eq "a")', { emails })).toBe(false);
    expect(meets('emails[type eq "work"].value ne "a"', { emails })).toBe(false);
  });

  it("finds inherited properties nowhere", () => {
    expect(meets("constructor pr or toString pr or hasOwnProperty pr", {})).toBe(false);
    expect(meets("name.constructor pr", { name: { givenName: "x" } })).toBe(false);
  });
});

describe("order", () => {
  const type: ResourceType = {
    ...userType,
    schema: {
      ...userType.schema,
      attributes: [
        attribute({ name: "level", type: "integer", description: "" }),
        attribute({ name: "score", type: "decimal", description: "" }),
        attribute({ name: "since", type: "dateTime", description: "" }),
        attribute({ name: "text", description: "" }),
      ],
    },
  };
  const all = { level: 10, score: -0.5, since: "2026-01-01T00:30:00.500+01:00", text: "10" };

  it.each([
    ["level gt 9", true],
    ["level gt 10", false],
    ["level ge 10", true],
    ["level lt 9", false],
    ["level le 1e1", true],
    ["score lt 0", true],
    ["score ge -0.25", false],
    ['since gt "2025-12-31T23:30:00Z"', true],
    ['since le "2025-12-31T23:30:00.5Z"', true],
    ['since lt "2026-01-01T00:00:00Z"', true],
    ['text gt "9"', false],
    ['text lt "9"', true],
  ])("[94] %s: %s", (filter, expected) => {
    expect(matches(checkFilter(type, parseFilter(filter)), { ...user({}), ...all })).toBe(expected);
  });

  it.each(["level co 1", 'level gt "9"', "text gt 9", "since gt 2026"])("[94, 99] refuses %s", (filter) => {
    expectError(() => checkFilter(type, parseFilter(filter)), {
      status: 400,
      scimType: "invalidFilter",
      detail: "compares",
    });
  });
});

describe("looksAt", () => {
  it.each([
    ['members eq "x"', true],
    ['displayName eq "x" and not (members[value eq "x"])', true],
    ["urn:ietf:params:scim:schemas:core:2.0:Group:MEMBERS pr", true],
    ['displayName eq "members"', false],
    ["urn:x:2.0:Group:members pr", false],
  ])("members in %s: %s", (filter, expected) => {
    expect(looksAt(checkFilter(groupType, parseFilter(filter)), "members")).toBe(expected);
  });
});
