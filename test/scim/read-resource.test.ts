import { describe, expect, it } from "vitest";
import { type JsonValue, parseJson } from "../../lambda/scim/json.ts";
import { createAttributes, readResource, replaceAttributes } from "../../lambda/scim/read-resource.ts";
import { buildResource } from "../../lambda/scim/resource.ts";
import { groupType, userType } from "../../lambda/scim/resource-types.ts";
import type { ResourceType } from "../../lambda/scim/schema.ts";
import { attribute } from "../../lambda/scim/schemas/attribute.ts";
import { account, common, enterprise, expectError, user } from "./fixture.ts";

describe("readResource", () => {
  it("[37] ignores keys of every object's prototype", () => {
    const body = parseJson(
      '{"userName":"u","__proto__":{"title":"x"},"constructor":{"prototype":1},"toString":"x","name":{"__proto__":{"givenName":"x"}}}',
    );
    expect(readResource(userType, body)).toEqual({ userName: "u" });
  });

  it("[29] takes from an extension's object what the extension has, and from the top what the base has", () => {
    const body = {
      userName: "u",
      department: "core",
      [enterprise]: { department: "D", title: "T", userName: "v", isTeamAccount: true },
    };
    expect(readResource(userType, body)).toEqual({ userName: "u", [enterprise]: { department: "D" } });
  });

  it("[39] refuses an object where a simple value belongs", () => {
    const bodies: JsonValue[] = [
      { userName: { value: "u" } },
      { userName: "u", name: { givenName: { value: "x" } } },
      { userName: "u", emails: [{ value: { value: "x" } }] },
      { userName: "u", [enterprise]: { manager: { value: { value: "x" } } } },
    ];
    for (const body of bodies) {
      const refusal = { status: 400, scimType: "invalidValue", detail: "string" };
      expectError(() => readResource(userType, body), refusal);
    }
  });

  it("[34] knows one unassigned state", () => {
    const body = {
      userName: "u",
      title: null,
      nickName: "",
      emails: [],
      name: {},
      roles: [null, {}],
      addresses: [{ locality: "" }],
      [enterprise]: { department: null, manager: { value: "" } },
    };
    expect(readResource(userType, body)).toEqual({ userName: "u" });
  });

  it("[41, 49, 50, 54] ignores what is read-only and the password, whatever its type", () => {
    const body = {
      userName: "u",
      id: "1",
      meta: { version: "x" },
      groups: [{ value: "g" }],
      password: "p",
      [enterprise]: { manager: { value: "1", displayName: "B" } },
    };
    expect(readResource(userType, body)).toEqual({
      userName: "u",
      [enterprise]: { manager: { value: "1" } },
    });
  });

  it("[42] keeps externalId as sent", () => {
    expect(readResource(userType, { userName: "u", externalId: " 00U " })).toEqual({
      userName: "u",
      externalId: " 00U ",
    });
  });

  it("[26] demands a required extension and what is required in it", () => {
    const strict: ResourceType = {
      ...userType,
      extensions: [
        {
          schema: {
            id: "urn:x:2.0:User",
            name: "X",
            description: "",
            attributes: [
              attribute({ name: "level", type: "integer", description: "", required: true }),
              attribute({ name: "score", type: "decimal", description: "" }),
              attribute({ name: "since", type: "dateTime", description: "" }),
            ],
          },
          required: true,
        },
      ],
    };
    const read = (extension: JsonValue) =>
      readResource(strict, { userName: "u", "urn:x:2.0:User": extension });
    expect(read({ level: 3, score: 1.5, since: "2026-01-01T00:00:00Z" })).toBeDefined();
    const refused: JsonValue[] = [
      null,
      {},
      { score: 1 },
      { level: 1.5 },
      { level: "1" },
      { level: 1, score: "x" },
      { level: 1, since: "2026" },
    ];
    for (const extension of refused) {
      expectError(() => read(extension), { status: 400, scimType: "invalidValue", detail: "urn:x:2.0:User" });
    }
  });

  it("[35] takes base64 with and without padding, in both alphabets", () => {
    for (const value of ["MIID", "MIIDQw==", "MIIDQw", "-_-_"]) {
      expect(readResource(userType, { userName: "u", x509Certificates: [{ value }] })).toMatchObject({
        x509Certificates: [{ value }],
      });
    }
    for (const value of ["M", "MIID=QQQ", "MIID====", "MI D"]) {
      expectError(() => readResource(userType, { userName: "u", x509Certificates: [{ value }] }), {
        status: 400,
        scimType: "invalidValue",
        detail: "x509Certificates[0].value",
      });
    }
  });

  it("names its limits", () => {
    const roles = (count: number) => Array.from({ length: count }, (_, i) => ({ value: String(i) }));
    expect(readResource(userType, { userName: "u", roles: roles(500) })).toBeDefined();
    expectError(() => readResource(userType, { userName: "u", roles: roles(501) }), {
      status: 413,
      detail: "valuesPerAttributeMax",
    });
    expectError(() => readResource(userType, { userName: "u".repeat(262_144) }), {
      status: 413,
      detail: "resourceBytesMax",
    });
    expect(readResource(groupType, { displayName: "g", members: roles(20_000) })["members"]).toHaveLength(
      20_000,
    );
    expectError(() => readResource(groupType, { displayName: "g", members: roles(20_001) }), {
      status: 413,
      detail: "membersPerRequestMax",
    });
    const keys = Array.from({ length: 5_000 }, (_, i) => [`roles[value eq "${i}"].display`, "x"]);
    expectError(() => readResource(userType, { userName: "u", ...Object.fromEntries(keys) }), {
      status: 413,
      detail: "attributeChangesMax",
    });
  });
});

describe("createAttributes", () => {
  it("[66] makes a user active when the body does not say", () => {
    expect(createAttributes(userType, { userName: "u" })).toEqual({ userName: "u", active: true });
    expect(createAttributes(userType, { userName: "u", active: "False" })).toEqual({
      userName: "u",
      active: false,
    });
    expect(createAttributes(userType, { userName: "u", active: null })).toEqual({ userName: "u" });
    expect(createAttributes(groupType, { displayName: "g" })).toEqual({ displayName: "g" });
  });
});

describe("replaceAttributes", () => {
  const stored = {
    userName: "u",
    title: "T",
    active: false,
    emails: [{ value: "a" }],
    [enterprise]: { department: "D" },
    [account]: { isTeamAccount: true },
  };

  it("[108, 114] clears what is left out, but for active and isTeamAccount", () => {
    expect(replaceAttributes(userType, stored, { userName: "v" })).toEqual({
      userName: "v",
      active: false,
      [account]: { isTeamAccount: true },
    });
  });

  it("clears those two when they are there and empty", () => {
    expect(
      replaceAttributes(userType, stored, {
        userName: "v",
        active: null,
        [account]: { isTeamAccount: null },
      }),
    ).toEqual({ userName: "v" });
    expect(replaceAttributes(userType, stored, { userName: "v", [account]: null })).toEqual({
      userName: "v",
      active: false,
    });
  });

  it("takes them in any spelling", () => {
    expect(
      replaceAttributes(userType, stored, {
        userName: "v",
        ACTIVE: "true",
        [`${account}:isteamaccount`]: "false",
      }),
    ).toEqual({ userName: "v", active: true, [account]: { isTeamAccount: false } });
  });

  it("[109] takes back what a GET gave", () => {
    const shown = { ...user(stored), groups: [{ value: "g", type: "direct" }] };
    expect(replaceAttributes(userType, stored, shown)).toEqual(stored);
  });

  it("[111] demands required attributes", () => {
    expectError(() => replaceAttributes(userType, stored, { title: "x" }), {
      status: 400,
      scimType: "invalidValue",
      detail: "userName",
    });
  });

  it("[110] keeps an immutable attribute, and refuses another value", () => {
    const badge = attribute({ name: "badge", description: "", mutability: "immutable" });
    const type: ResourceType = {
      ...userType,
      schema: { ...userType.schema, attributes: [...userType.schema.attributes, badge] },
    };
    expect(replaceAttributes(type, { userName: "u", badge: "1" }, { userName: "u", badge: "1" })).toEqual({
      userName: "u",
      badge: "1",
    });
    expect(replaceAttributes(type, { userName: "u", badge: "1" }, { userName: "u" })).toEqual({
      userName: "u",
      badge: "1",
    });
    expect(replaceAttributes(type, { userName: "u" }, { userName: "u", badge: "2" })).toEqual({
      userName: "u",
      badge: "2",
    });
    expectError(() => replaceAttributes(type, { userName: "u", badge: "1" }, { userName: "u", badge: "2" }), {
      status: 400,
      scimType: "mutability",
      detail: "badge",
    });
  });
});

describe("buildResource", () => {
  it("[27, 28, 43] names the schemas in use and the type", () => {
    expect(buildResource(userType, { userName: "u", [enterprise]: { department: "D" } }, common)).toEqual({
      schemas: ["urn:ietf:params:scim:schemas:core:2.0:User", enterprise],
      id: "2819c223",
      userName: "u",
      [enterprise]: { department: "D" },
      meta: {
        resourceType: "User",
        created: "2026-01-01T00:00:00.000Z",
        lastModified: "2026-01-02T00:00:00.000Z",
        location: "https://example.com/scim/v2/c/Users/2819c223",
        version: 'W/"1"',
      },
    });
  });
});
