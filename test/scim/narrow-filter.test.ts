import { describe, expect, it } from "vitest";
import { parseFilter } from "../../lambda/scim/filter.ts";
import { checkFilter, matches } from "../../lambda/scim/match.ts";
import { narrowFilter } from "../../lambda/scim/narrow-filter.ts";
import { groupType, userType } from "../../lambda/scim/resource-types.ts";
import { user } from "./fixture.ts";

const ofUsers = (text: string) => narrowFilter(userType, checkFilter(userType, parseFilter(text)));
const ofGroups = (text: string) => narrowFilter(groupType, checkFilter(groupType, parseFilter(text)));
const users = (text: string) => checkFilter(userType, parseFilter(text));

describe("narrowFilter", () => {
  it.each([
    ['meta.resourceType eq "User"', true, false],
    ['META.RESOURCETYPE eq "Group"', false, true],
    ['meta.resourceType ne "User"', false, true],
    ['(meta.resourceType eq "User") or (meta.resourceType eq "Group")', true, true],
    ['meta.resourceType eq "User" and meta.resourceType eq "Group"', false, false],
    ["meta.resourceType pr", true, true],
    ['not (meta.resourceType sw "U")', false, true],
    ["nonsense pr", false, false],
    ["nonsense eq null", true, true],
    ['nonsense ne "x"', true, true],
    ['nonsense[a eq "x"]', false, false],
    ['members pr and userName eq "x"', false, false],
    ["password pr", false, false],
  ])("[97, 105] decides %s: users %s, groups %s", (text, all, allGroups) => {
    expect([ofUsers(text), ofGroups(text)]).toEqual([all, allGroups]);
  });

  it.each([
    ['meta.resourceType eq "User" and title pr', "title pr"],
    ['title pr and (meta.resourceType eq "User" and active eq true)', "title pr and active eq true"],
    ["title pr or members pr", "title pr"],
    ['not (title pr or meta.resourceType eq "Group")', "not (title pr)"],
    ['userName eq "x" or active eq true', 'userName eq "x" or active eq true'],
    ['meta.created gt "2026-01-01T00:00:00Z"', 'meta.created gt "2026-01-01T00:00:00Z"'],
  ])("leaves of %s, for users, %s", (text, remaining) => {
    expect(ofUsers(text)).toEqual(users(remaining));
  });

  it("is false for a type that has none of the attributes, so that it need not be read", () => {
    expect(ofGroups('userName eq "x"')).toBe(false);
    expect(ofUsers('members.value eq "x"')).toBe(false);
  });

  it("decides as matching would", () => {
    const someone = user({ title: "T" });
    for (const text of [
      'meta.resourceType eq "User" and title pr',
      'not (nonsense pr) and title eq "X"',
      'meta.resourceType ne "User" or title sw "t"',
      "nonsense pr or (nonsense eq null and active pr)",
    ]) {
      const narrowed = ofUsers(text);
      const decision = typeof narrowed === "boolean" ? narrowed : matches(narrowed, someone);
      expect(decision, text).toBe(matches(users(text), someone));
    }
  });
});
