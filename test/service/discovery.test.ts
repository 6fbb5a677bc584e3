import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestConnection, TestService } from "../support/service.ts";
import { startCheckedService } from "./checked-service.ts";
import { expectScimError } from "./product.ts";
import { filtered, group, teamUser, urns, user, workEmail } from "./scim-messages.ts";

let service: TestService;
let connection: TestConnection;
beforeAll(async () => {
  service = await startCheckedService();
  connection = await service.createConnection();
});
afterAll(() => service.stop());

const get = async (path: string) => {
  const { status, body } = await connection.scim("GET", path);
  expect([path, status]).toEqual([path, 200]);
  return body;
};
const baseUrl = () => `http://localhost${connection.baseUrl}`;
const endpoints = [
  "/ServiceProviderConfig",
  "/Schemas",
  "/ResourceTypes",
  `/Schemas/${urns.user}`,
  "/ResourceTypes/User",
  `/Schemas/${urns.group}`,
  "/ResourceTypes/Group",
];

interface SchemaBody {
  readonly id: string;
  readonly attributes: readonly AttributeBody[];
}
interface AttributeBody {
  readonly name: string;
  readonly type: string;
  readonly subAttributes?: readonly AttributeBody[];
  readonly [characteristic: string]: unknown;
}

describe("ServiceProviderConfig", () => {
  test("[13] a single object with all its parts", async () => {
    expect(await get("/ServiceProviderConfig")).toMatchObject({
      schemas: ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
      patch: { supported: true },
      bulk: { supported: true, maxOperations: 1_000, maxPayloadSize: 5 * 1024 * 1024 },
      filter: { supported: true, maxResults: 500 },
      changePassword: { supported: false },
      sort: { supported: true },
      etag: { supported: true },
      meta: {
        resourceType: "ServiceProviderConfig",
        location: `${baseUrl()}/ServiceProviderConfig`,
      },
    });
  });

  test("[14] each authentication scheme has type, name and description", async () => {
    for (const scheme of (await get("/ServiceProviderConfig")).authenticationSchemes) {
      expect(["oauth", "oauth2", "oauthbearertoken", "httpbasic", "httpdigest"]).toContain(scheme.type);
      expect([typeof scheme.name, typeof scheme.description]).toEqual(["string", "string"]);
    }
  });

  test("[16, 153] what it announces is true", async () => {
    const config = await get("/ServiceProviderConfig");
    const sent = { displayName: "A", ...workEmail("spc@x.example") };
    const { body, headers } = await connection.scim("POST", "/Users", user("spc@x.example", sent));
    const path = `/Users/${body.id}`;

    const patched = { schemas: [urns.patchOp], Operations: [{ op: "replace", path: "title", value: "T" }] };
    const stale = { body: patched, headers: { "If-Match": headers["etag"]! } };
    expect((await connection.scim("PATCH", path, stale)).status === 200).toBe(config.patch.supported);
    expect((await connection.scim("PATCH", path, stale)).status === 412).toBe(config.etag.supported);

    const password = { op: "replace", path: "password", value: "secret" };
    const changed = await connection.scim("PATCH", path, { body: { ...patched, Operations: [password] } });
    expect(changed.body.meta.version !== 'W/"2"').toBe(config.changePassword.supported);

    expect((await get(filtered('displayName eq "a"'))).totalResults === 1).toBe(config.filter.supported);
    await connection.scim("POST", "/Users", user("aaa@x.example"));
    const [first] = (await get("/Users?sortBy=userName")).Resources;
    expect(first.userName === "aaa@x.example").toBe(config.sort.supported);

    const bulk = await connection.scim("POST", "/Bulk", { body: {} });
    expect(bulk.status === 501).toBe(!config.bulk.supported);
    expect(config.pagination).toMatchObject({ index: true, defaultPageSize: 100, maxPageSize: 500 });
    expect(config.filter.maxResults).toBe(config.pagination.maxPageSize);
  });
});

describe("ResourceTypes", () => {
  test("[17, 20] a list; each schema it names is served", async () => {
    const { totalResults, Resources } = await get("/ResourceTypes");
    expect(totalResults).toBe(Resources.length);
    for (const type of Resources) {
      expect(type).toMatchObject({
        id: type.name,
        endpoint: expect.stringMatching(/^\//),
        schema: expect.any(String),
      });
      for (const urn of [
        type.schema,
        ...type.schemaExtensions.map(({ schema }: { schema: string }) => schema),
      ]) {
        expect((await get(`/Schemas/${urn}`)).id).toBe(urn);
      }
      for (const { required } of type.schemaExtensions) expect(required).toBe(false);
      expect((await get(type.endpoint)).totalResults).toBeGreaterThanOrEqual(0);
    }
  });

  test("[18] one by its name; an unknown one: 404", async () => {
    const [listed] = (await get("/ResourceTypes")).Resources;
    expect(await get("/ResourceTypes/User")).toEqual(listed);
    expect(listed.meta).toEqual({
      resourceType: "ResourceType",
      location: `${baseUrl()}/ResourceTypes/User`,
    });
    expect(await get("/ResourceTypes/Group")).toMatchObject({
      endpoint: "/Groups",
      schema: urns.group,
      schemaExtensions: [],
    });
    expectScimError(await connection.scim("GET", "/ResourceTypes/Robot"), 404);
    expectScimError(await connection.scim("GET", "/ResourceTypes/constructor"), 404);
  });
});

describe("Schemas", () => {
  test("[17, 21] a list of all that resources use, and of no message", async () => {
    const schemas: SchemaBody[] = (await get("/Schemas")).Resources;
    const ids = schemas.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(expect.arrayContaining([urns.user, urns.enterprise, urns.account, urns.group]));
    expect(ids.filter((id) => id.includes(":api:messages:"))).toEqual([]);
    const full = teamUser("schemas@x.example", { [urns.enterprise]: { department: "D" } });
    for (const urn of (await connection.scim("POST", "/Users", full)).body.schemas)
      expect(ids).toContain(urn);
  });

  test("[23] the schemas of discovery itself, too", async () => {
    const ids = (await get("/Schemas")).Resources.map(({ id }: SchemaBody) => id);
    for (const name of ["ServiceProviderConfig", "ResourceType", "Schema"]) {
      expect(ids).toContain(`urn:ietf:params:scim:schemas:core:2.0:${name}`);
    }
  });

  test("[22] every attribute with all its characteristics", async () => {
    const check = (attribute: AttributeBody, at: string) => {
      for (const name of ["type", "multiValued", "required", "mutability", "returned", "description"]) {
        expect([at, name, Object.hasOwn(attribute, name)]).toEqual([at, name, true]);
      }
      if (attribute.type === "complex") {
        expect([at, attribute.subAttributes?.length === 0]).toEqual([at, false]);
        for (const sub of attribute.subAttributes ?? []) check(sub, `${at}.${sub.name}`);
      } else {
        expect([at, Object.hasOwn(attribute, "caseExact")]).toEqual([at, true]);
      }
      if (attribute.type === "reference") {
        expect([at, Array.isArray(attribute["referenceTypes"])]).toEqual([at, true]);
      }
      // Entra's schema test: no nulls, names without blanks.
      expect(Object.values(attribute)).not.toContain(null);
      expect(attribute.name).toMatch(/^[$a-zA-Z][\w-]*$/);
    };
    for (const schema of (await get("/Schemas")).Resources as SchemaBody[]) {
      for (const attribute of schema.attributes) check(attribute, `${schema.id}:${attribute.name}`);
    }
  });

  test("[18] one by its URN, in any case, as listed; an unknown one: 404", async () => {
    for (const schema of (await get("/Schemas")).Resources) {
      expect(await get(`/Schemas/${schema.id}`)).toEqual(schema);
      expect(schema.meta).toEqual({
        resourceType: "Schema",
        location: `${baseUrl()}/Schemas/${schema.id}`,
      });
    }
    expect((await get(`/Schemas/${urns.user.toUpperCase()}`)).id).toBe(urns.user);
    expect((await get(`/Schemas/${encodeURIComponent(urns.user)}`)).id).toBe(urns.user);
    expectScimError(await connection.scim("GET", "/Schemas/urn:example:none"), 404);
  });

  test("[21, 29] every attribute of an answer is declared", async () => {
    const schemas: SchemaBody[] = (await get("/Schemas")).Resources;
    const declared = (urn: string) =>
      new Set(schemas.find(({ id }) => id === urn)?.attributes.map(({ name }) => name));
    const sent = { name: { givenName: "G" }, title: "T", [urns.enterprise]: { department: "D" } };
    const { body } = await connection.scim("POST", "/Users", teamUser("declared@x.example", sent));
    for (const name of Object.keys(body)) {
      const common = ["schemas", "id", "externalId", "meta"].includes(name);
      expect([
        name,
        common || name in sent || name.startsWith("urn:") || declared(urns.user).has(name),
      ]).toEqual([name, true]);
    }
    for (const urn of [urns.enterprise, urns.account]) {
      for (const name of Object.keys(body[urn])) expect(declared(urn)).toContain(name);
    }
    const made = (await connection.scim("POST", "/Groups", group("Declared", [body.id]))).body;
    expect(made.schemas).toEqual([urns.group]);
    const shown = await get(`/Groups/${made.id}`);
    expect(Object.keys(shown).sort()).toEqual(["schemas", "id", "meta", ...declared(urns.group)].sort());
  });

  test("[22, 25, 51] a group's name is required; of a member only the value is the client's, and immutable", async () => {
    const { attributes } = await get(`/Schemas/${urns.group}`);
    const [displayName, members] = attributes;
    expect(displayName).toMatchObject({ name: "displayName", required: true, caseExact: false });
    expect(members).toMatchObject({ name: "members", type: "complex", multiValued: true, required: false });
    const mutability = members.subAttributes.map((sub: AttributeBody) => [sub.name, sub["mutability"]]);
    expect(mutability).toEqual([
      ["value", "immutable"],
      ["$ref", "readOnly"],
      ["display", "readOnly"],
      ["type", "readOnly"],
    ]);
  });
});

describe.each(endpoints)("%s", (path) => {
  test.each(["POST", "PUT", "PATCH", "DELETE"])("[24] %s: 405 with Allow: GET", async (method) => {
    const refused = await connection.scim(method, path, { body: {} });
    expectScimError(refused, 405);
    expect(refused.headers["allow"]).toBe("GET");
  });

  test("[19, 103] a filter: 403; paging and sorting are ignored", async () => {
    expectScimError(await connection.scim("GET", `${path}?filter=name%20eq%20%22User%22`), 403);
    expect(await get(`${path}?startIndex=2&count=0&sortBy=nonsense&attributes=id`)).toEqual(await get(path));
  });

  test("needs a token like all the rest", async () => {
    expect((await service.scim("GET", connection.baseUrl + path)).status).toBe(401);
  });

  test("application/json where only that is accepted", async () => {
    const { headers } = await connection.scim("GET", path, { headers: { Accept: "application/json" } });
    expect(headers["content-type"]).toBe("application/json");
  });
});

test("there is one ServiceProviderConfig: below it, 404", async () => {
  expectScimError(await connection.scim("GET", "/ServiceProviderConfig/1"), 404);
  expectScimError(await connection.scim("GET", "/Schemas/a/b"), 404);
});
