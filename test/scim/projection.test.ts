import { describe, expect, it } from "vitest";
import { project, readProjection, wants } from "../../lambda/scim/projection.ts";
import { groupType, userType } from "../../lambda/scim/resource-types.ts";
import { attribute } from "../../lambda/scim/schemas/attribute.ts";
import { enterprise, expectError, user } from "./fixture.ts";

const resource = user({
  title: "T",
  name: { givenName: "A", familyName: "L" },
  emails: [{ value: "a@b.c", type: "work" }, { type: "home" }],
  groups: [{ value: "g", display: "G" }],
  [enterprise]: { department: "D", manager: { value: "1", displayName: "M" } },
});
const { schemas, id } = resource;

const only = (attributes: string | string[]) => project(userType, resource, readProjection({ attributes }));
const except = (excludedAttributes: string | string[]) =>
  project(userType, resource, readProjection({ excludedAttributes }));

describe("attributes", () => {
  it.each<[string, object]>([
    ["userName", { userName: "ada" }],
    ["USERNAME, title", { userName: "ada", title: "T" }],
    ["name.familyName", { name: { familyName: "L" } }],
    ["name.familyName,name", { name: { givenName: "A", familyName: "L" } }],
    ["emails.value", { emails: [{ value: "a@b.c" }] }],
    ["meta.location", { meta: { location: resource.meta.location } }],
    [enterprise, { [enterprise]: resource[enterprise] }],
    [`${enterprise.toUpperCase()}:department`, { [enterprise]: { department: "D" } }],
    [`${enterprise}:manager.value`, { [enterprise]: { manager: { value: "1" } } }],
    ["urn:ietf:params:scim:schemas:core:2.0:User:userName", { userName: "ada" }],
    ["nope,name.nope,title.nope,a b,__proto__", {}],
    ["password", {}],
    ["department", {}],
  ])("[56, 57, 59, 63, 64] %s", (names, shown) => {
    expect(only(names)).toEqual({ schemas, id, ...shown });
  });

  it("[104] takes an array, too", () => {
    expect(only(["userName", "title"])).toEqual({ schemas, id, userName: "ada", title: "T" });
  });

  it("[62] wins over excludedAttributes", () => {
    expect(
      project(userType, resource, readProjection({ attributes: "title", excludedAttributes: "title" })),
    ).toEqual({ schemas, id, title: "T" });
  });

  it("is absent when empty", () => {
    expect(only(" , ")).toEqual(resource);
  });
});

describe("excludedAttributes", () => {
  const { groups: _groups, ...withoutGroups } = resource;
  const { meta: _meta, ...withoutMeta } = resource;
  const { [enterprise]: _extension, ...withoutExtension } = resource;

  it.each<[string, object]>([
    ["groups", withoutGroups],
    ["meta", withoutMeta],
    ["id,schemas", resource],
    ["name.familyName", { ...resource, name: { givenName: "A" } }],
    ["emails.type", { ...resource, emails: [{ value: "a@b.c" }] }],
    [enterprise, withoutExtension],
    [`${enterprise}:manager,${enterprise}:department`, withoutExtension],
    [
      `${enterprise}:manager.displayName`,
      { ...resource, [enterprise]: { department: "D", manager: { value: "1" } } },
    ],
    ["nope", resource],
  ])("[46, 60] %s", (names, shown) => {
    expect(except(names)).toEqual(shown);
  });
});

describe("returned", () => {
  const secret = attribute({ name: "secret", description: "", returned: "never" });
  const onRequest = attribute({ name: "onRequest", description: "", returned: "request" });
  const type = { ...userType, schema: { ...userType.schema, attributes: [secret, onRequest] } };
  const shown = user({ secret: "s", onRequest: "r" });

  it("[57, 58] never is never shown, request only on request", () => {
    expect(project(type, shown, readProjection({}))).not.toHaveProperty("secret");
    expect(project(type, shown, readProjection({}))).not.toHaveProperty("onRequest");
    expect(project(type, shown, readProjection({ attributes: "secret,onRequest" }))).toEqual({
      schemas: shown.schemas,
      id,
      onRequest: "r",
    });
  });
});

describe("wants", () => {
  const group = "urn:ietf:params:scim:schemas:core:2.0:Group";
  it.each<[{ attributes?: string; excludedAttributes?: string }, boolean]>([
    [{}, true],
    [{ attributes: "displayName" }, false],
    [{ attributes: "MEMBERS" }, true],
    [{ attributes: "members.value" }, true],
    [{ attributes: group }, true],
    [{ attributes: `${group}:members` }, true],
    [{ excludedAttributes: "members" }, false],
    [{ excludedAttributes: `${group}:members` }, false],
    [{ excludedAttributes: group }, false],
    [{ excludedAttributes: "members.display" }, true],
    [{ excludedAttributes: "displayName" }, true],
    [{ excludedAttributes: "urn:x:2.0:Group:members" }, true],
  ])("members with %j: %s", (parameters, expected) => {
    expect(wants(readProjection(parameters), "members")).toBe(expected);
    const shown = project(
      groupType,
      { ...resource, displayName: "G", members: [{ value: "1", display: "D" }] },
      readProjection(parameters),
    );
    expect(Object.hasOwn(shown, "members")).toBe(expected);
  });

  it.each<[{ attributes?: string; excludedAttributes?: string }, boolean]>([
    [{}, true],
    [{ attributes: "displayName" }, false],
    [{ attributes: "members" }, true],
    [{ attributes: "members.value,members" }, true],
    [{ attributes: "members.value" }, false],
    [{ attributes: `${group}:Members.DISPLAY` }, true],
    [{ attributes: group }, true],
    [{ excludedAttributes: "members" }, false],
    [{ excludedAttributes: "MEMBERS.Display" }, false],
    [{ excludedAttributes: "members.value" }, true],
    [{ excludedAttributes: "urn:x:2.0:Group:members.display" }, true],
  ])("members.display with %j: %s", (parameters, expected) => {
    expect(wants(readProjection(parameters), "members", "display")).toBe(expected);
    const members = [{ value: "1", display: "D" }];
    const shown = project(groupType, { ...resource, displayName: "G", members }, readProjection(parameters));
    expect(JSON.stringify(shown).includes('"display":"D"')).toBe(expected);
  });
});

describe("bounds", () => {
  it("256 names", () => {
    expect(readProjection({ attributes: Array(256).fill("title") })).toBeDefined();
    expectError(() => readProjection({ attributes: Array(257).fill("title") }), {
      status: 400,
      scimType: "invalidValue",
      detail: "projectionNamesMax",
    });
  });
});
