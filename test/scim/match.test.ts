import { describe, expect, it } from "vitest";
import { parseFilter } from "../../lambda/scim/filter.ts";
import { checkFilter, looksAt, matches } from "../../lambda/scim/match.ts";
import { groupType, userType } from "../../lambda/scim/resource-types.ts";
import { user } from "./fixture.ts";

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

  it("[102] compares what the client would be shown, and finds inherited properties nowhere", () => {
    expect(meets("constructor pr or toString pr or hasOwnProperty pr", {})).toBe(false);
    expect(meets("name.constructor pr", { name: { givenName: "x" } })).toBe(false);
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
