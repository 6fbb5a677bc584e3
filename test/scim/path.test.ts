import { describe, expect, it } from "vitest";
import { parsePath, printPath } from "../../lambda/scim/path.ts";
import { groupType, userType } from "../../lambda/scim/resource-types.ts";
import { enterprise, expectError } from "./fixture.ts";

describe("parsePath", () => {
  it.each([
    ["userName", "userName"],
    ["NAME.GIVENNAME", "name.givenName"],
    ['EMAILS[TYPE eq "work"].VALUE', 'emails[TYPE eq "work"].value'],
    [`${enterprise.toUpperCase()}:MANAGER.value`, `${enterprise}:manager.value`],
    [enterprise.toLowerCase(), enterprise],
    ["urn:ietf:params:scim:schemas:core:2.0:User:name.familyName", "name.familyName"],
    ["urn:ietf:params:scim:schemas:core:2.0:User:externalId", "externalId"],
  ])("[119] %s is %s", (text, canonical) => {
    expect(printPath(parsePath(userType, text))).toBe(canonical);
  });

  it.each([
    "urn:x:2.0:User:foo",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0User:department",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0User",
    "urn:scim:schemas:extension:enterprise:1.0:department",
    "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group:x",
    "urn:x:2.0:User:contacts[primary eq true].value",
  ])("%s is foreign", (text) => {
    expect(parsePath(userType, text)).toEqual({ kind: "foreign", text });
  });

  it("a user's schema is foreign to groups", () => {
    expect(parsePath(groupType, `${enterprise}:department`).kind).toBe("foreign");
  });

  it.each([
    "nope",
    "name.nope",
    "title.x",
    `${enterprise}:nope`,
    "urn:ietf:params:scim:schemas:core:2.0:User:nope",
    "__proto__",
    "constructor.name",
    "1",
    "a b",
    "emails.",
    ".value",
    "emails.value[type eq 1]",
    'emails[type eq "work"]x',
    'emails[type eq "work"].',
    'emails[type eq "work"].value.x',
    'emails[type eq "work"][type eq "home"]',
    "enterprise:department",
    "urn:",
    'userName[value eq "x"]',
  ])("[119] %s is refused", (text) => {
    expectError(() => parsePath(userType, text), { status: 400, scimType: "invalidPath", detail: "Path" });
  });

  it("is bounded by filterLengthMax", () => {
    const long = `title.${"x".repeat(4_096)}`;
    expectError(() => parsePath(userType, long), {
      status: 400,
      scimType: "invalidPath",
      detail: "filterLengthMax",
    });
  });

  it("[119] refuses a bad filter as a filter", () => {
    for (const text of [
      "emails[",
      "emails[]",
      "emails[type eq work]",
      'emails[type eq "x"',
      "emails[primary gt true]",
      "emails[a[b pr]]",
    ]) {
      expectError(() => parsePath(userType, text), {
        status: 400,
        scimType: "invalidFilter",
        detail: "filter",
      });
    }
  });
});
