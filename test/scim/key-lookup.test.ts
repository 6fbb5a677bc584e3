import { describe, expect, it } from "vitest";
import { parseFilter } from "../../lambda/scim/filter.ts";
import { keyLookup } from "../../lambda/scim/key-lookup.ts";
import { checkFilter } from "../../lambda/scim/match.ts";
import { groupType, userType } from "../../lambda/scim/resource-types.ts";

const userKey = (text: string) => keyLookup(checkFilter(userType, parseFilter(text)));
const groupKey = (text: string) => keyLookup(checkFilter(groupType, parseFilter(text)));

describe("keyLookup", () => {
  it.each([
    ['userName eq "Ada"', "userName", "Ada"],
    ['USERNAME EQ "Ada"', "userName", "Ada"],
    ['urn:ietf:params:scim:schemas:core:2.0:User:userName eq "Ada"', "userName", "Ada"],
    ['externalId eq "e"', "externalId", "e"],
    ['id eq "1"', "id", "1"],
    ['emails eq "a@b.c"', "email", "a@b.c"],
    ['emails.value eq "a@b.c"', "email", "a@b.c"],
    ['emails[value eq "a@b.c"]', "email", "a@b.c"],
    ['emails[type eq "work"].value eq "a@b.c"', "email", "a@b.c"],
    ['emails[type eq "work" and value eq "a@b.c"]', "email", "a@b.c"],
    ['active eq true and userName eq "Ada"', "userName", "Ada"],
    ['(id eq "1") and manager eq "2"', "id", "1"],
  ])("%s", (text, attribute, value) => {
    expect(userKey(text)).toEqual({ attribute, value });
  });

  it("finds groups by name, which is no key of users", () => {
    expect(groupKey('displayName eq "G" and members eq "1"')).toEqual({
      attribute: "displayName",
      value: "G",
    });
    expect(userKey('displayName eq "G"')).toBeUndefined();
  });

  it.each([
    'userName ne "Ada"',
    'userName sw "Ada"',
    "externalId eq null",
    'userName eq "Ada" or id eq "1"',
    'not (userName eq "Ada")',
    'emails.type eq "work"',
    'emails[type eq "work" or value eq "x"]',
    'emails[not (value eq "x")]',
    'phoneNumbers[value eq "x"]',
    'urn:x:2.0:User:userName eq "Ada"',
    "title pr",
  ])("none in %s", (text) => {
    expect(userKey(text)).toBeUndefined();
  });
});
