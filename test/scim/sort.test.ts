import { describe, expect, it } from "vitest";
import type { ScimAttributes, ScimResource } from "../../lambda/scim/resource.ts";
import { userType } from "../../lambda/scim/resource-types.ts";
import { compareBy } from "../../lambda/scim/sort.ts";
import { enterprise, expectError, user } from "./fixture.ts";

function sorted(sortBy: string, order: "ascending" | "descending", ...all: ScimAttributes[]): unknown[] {
  const resources = all.map((attributes, n) => ({ ...user({ n }), ...attributes }));
  return (resources as ScimResource[])
    .sort(compareBy([userType], sortBy, order))
    .map((resource) => resource["n"]);
}

describe("compareBy", () => {
  it("[83] compares strings by case-exactness", () => {
    expect(sorted("userName", "ascending", { userName: "b" }, { userName: "A" }, { userName: "C" })).toEqual([
      1, 0, 2,
    ]);
    expect(
      sorted("externalId", "ascending", { externalId: "b" }, { externalId: "A" }, { externalId: "C" }),
    ).toEqual([1, 2, 0]);
  });

  it("[82] puts missing values last ascending, first descending", () => {
    const all: ScimAttributes[] = [{}, { title: "b" }, {}, { title: "a" }];
    expect(sorted("title", "ascending", ...all)).toEqual([3, 1, 0, 2]);
    expect(sorted("title", "descending", ...all)).toEqual([0, 2, 1, 3]);
  });

  it("[83] takes the primary value of a multi-valued attribute, else the first", () => {
    const all: ScimAttributes[] = [
      { emails: [{ value: "c" }, { value: "a" }] },
      { emails: [{ value: "z" }, { value: "b", primary: true }] },
    ];
    expect(sorted("emails", "ascending", ...all)).toEqual([1, 0]);
    expect(sorted("emails.value", "ascending", ...all)).toEqual([1, 0]);
  });

  it("[83] compares booleans and sub-attributes, also of extensions", () => {
    expect(sorted("active", "ascending", { active: true }, { active: false })).toEqual([1, 0]);
    expect(
      sorted("name.familyName", "ascending", { name: { familyName: "b" } }, { name: { familyName: "a" } }),
    ).toEqual([1, 0]);
    expect(
      sorted(
        `${enterprise}:department`,
        "ascending",
        { [enterprise]: { department: "b" } },
        { [enterprise]: { department: "a" } },
      ),
    ).toEqual([1, 0]);
  });

  it("[94] compares times as times", () => {
    const at = (created: string) => ({ meta: { resourceType: "User", created } });
    expect(
      sorted("meta.created", "ascending", at("2026-01-01T01:00:00Z"), at("2026-01-01T01:30:00+01:00")),
    ).toEqual([1, 0]);
  });

  it("[83] wants a sub-attribute of a complex attribute", () => {
    expectError(() => compareBy([userType], "name", "ascending"), {
      status: 400,
      scimType: "invalidValue",
      detail: "name",
    });
  });

  it("keeps the order for an attribute the type does not know, and for the password", () => {
    for (const sortBy of ["nope", "name.nope", "password", "a b", "__proto__"]) {
      expect(sorted(sortBy, "descending", { title: "b" }, { title: "a" })).toEqual([0, 1]);
    }
  });
});
