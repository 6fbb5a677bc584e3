import { describe, expect, it } from "vitest";
import {
  resourceTypeByName,
  resourceTypeList,
  schemaByUrn,
  schemaList,
  serviceProviderConfig,
} from "../../lambda/scim/discovery.ts";
import { groupType, userType } from "../../lambda/scim/resource-types.ts";
import { expectError } from "./fixture.ts";

const base = "https://example.com/scim/v2/c";
const types = [userType, groupType];
const schemas = schemaList(base, types);
const urns = schemas.map((schema) => schema["id"]);

interface Shown {
  readonly name: string;
  readonly type: string;
  readonly subAttributes?: readonly Shown[];
  readonly referenceTypes?: readonly string[];
  readonly canonicalValues?: readonly string[];
}

function attributesOf(urn: string): Shown[] {
  return schemaByUrn(base, types, urn)["attributes"] as unknown as Shown[];
}

const user = "urn:ietf:params:scim:schemas:core:2.0:User";

describe("ServiceProviderConfig", () => {
  it("[13, 14, 16, 153, 174] announces what there is", () => {
    expect(serviceProviderConfig(base)).toMatchObject({
      schemas: ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
      patch: { supported: true },
      bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
      filter: { supported: true, maxResults: 500 },
      changePassword: { supported: false },
      sort: { supported: true },
      etag: { supported: true },
      pagination: {
        cursor: true,
        index: true,
        defaultPaginationMethod: "index",
        defaultPageSize: 100,
        maxPageSize: 500,
        cursorTimeout: 3_600,
      },
      authenticationSchemes: [{ type: "oauthbearertoken", primary: true }],
      meta: { resourceType: "ServiceProviderConfig", location: `${base}/ServiceProviderConfig` },
    });
    const later = {
      bulk: { maxOperations: 9, maxPayloadSize: 10 },
      documentationUri: "https://x",
    };
    expect(serviceProviderConfig(base, later)).toMatchObject({
      bulk: { supported: true, maxOperations: 9, maxPayloadSize: 10 },
      documentationUri: "https://x",
    });
  });
});

describe("ResourceTypes", () => {
  it("[17, 18, 20] names schemas that are listed", () => {
    const list = resourceTypeList(base, types);
    expect(list.map((type) => type["name"])).toEqual(["User", "Group"]);
    for (const type of list) {
      const extensions = type["schemaExtensions"] as { schema: string; required: boolean }[];
      for (const urn of [type["schema"], ...extensions.map(({ schema }) => schema)])
        expect(urns).toContain(urn);
      for (const { required } of extensions) expect(required).toBe(false);
      expect(resourceTypeByName(base, types, String(type["name"]))).toEqual(type);
    }
  });

  it("[18] has nothing under other names", () => {
    for (const name of ["Group", "__proto__", ""]) {
      expectError(() => resourceTypeByName(base, [userType], name), {
        status: 404,
        detail: "/ResourceTypes",
      });
    }
  });
});

describe("Schemas", () => {
  it("[17, 21, 23] lists all that are used and no messages", () => {
    expect(urns).toEqual([
      user,
      "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
      "urn:ietf:params:scim:schemas:extension:document360:2.0:User",
      "urn:ietf:params:scim:schemas:core:2.0:Group",
      "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig",
      "urn:ietf:params:scim:schemas:core:2.0:ResourceType",
      "urn:ietf:params:scim:schemas:core:2.0:Schema",
    ]);
    expect(schemaList(base, [userType]).map((schema) => schema["id"])).not.toContain(
      "urn:ietf:params:scim:schemas:core:2.0:Group",
    );
  });

  it("[18, 31] finds one by its URN in any case", () => {
    expect(schemaByUrn(base, types, user.toUpperCase())).toEqual(schemas[0]);
    expectError(() => schemaByUrn(base, types, "urn:ietf:params:scim:api:messages:2.0:PatchOp"), {
      status: 404,
      detail: "/Schemas",
    });
  });

  it("[22] gives every characteristic and no nulls", () => {
    const check = (attribute: Shown) => {
      for (const name of [
        "name",
        "type",
        "multiValued",
        "required",
        "caseExact",
        "mutability",
        "returned",
        "uniqueness",
        "description",
      ]) {
        expect(attribute, `${attribute.name}`).toHaveProperty(name);
      }
      expect(attribute.type === "complex", attribute.name).toBe(attribute.subAttributes !== undefined);
      expect(attribute.type === "reference", attribute.name).toBe(attribute.referenceTypes !== undefined);
      attribute.subAttributes?.forEach(check);
    };
    for (const urn of urns) attributesOf(String(urn)).forEach(check);
    expect(JSON.stringify(schemas)).not.toContain("null");
  });

  it("[39] has no complex attribute in another, but in what describes attributes", () => {
    const nested = (urn: string) =>
      attributesOf(urn).flatMap((attribute) =>
        (attribute.subAttributes ?? [])
          .filter(({ type }) => type === "complex")
          .map(({ name }) => `${attribute.name}.${name}`),
      );
    // RFC 7643 §8.7.2 prints that one itself: a schema holds attributes, and those hold sub-attributes.
    expect(urns.flatMap((urn) => nested(String(urn)))).toEqual(["attributes.subAttributes"]);
  });

  it("[25, 47, 49, 50] says of attributes what holds", () => {
    const find = (urn: string, name: string) =>
      attributesOf(urn).find((attribute) => attribute.name === name);
    expect(find("urn:ietf:params:scim:schemas:core:2.0:Group", "displayName")).toMatchObject({
      required: true,
    });
    expect(find(user, "userName")).toMatchObject({ required: true, caseExact: false, uniqueness: "server" });
    expect(find(user, "password")).toMatchObject({ mutability: "writeOnly", returned: "never" });
    expect(find(user, "groups")).toMatchObject({ mutability: "readOnly" });
  });

  it("lets Entra find the targets of its mappings (idp-traffic 1.9)", () => {
    const types = (name: string) =>
      attributesOf(user)
        .find((attribute) => attribute.name === name)
        ?.subAttributes?.find((sub) => sub.name === "type")?.canonicalValues;
    expect(types("emails")).toContain("work");
    expect(types("phoneNumbers")).toContain("mobile");
    expect(types("addresses")).toContain("work");
    expect(
      attributesOf(user)
        .find((attribute) => attribute.name === "roles")
        ?.subAttributes?.map((sub) => sub.name),
    ).toEqual(["value", "display", "type", "primary"]);
  });
});
