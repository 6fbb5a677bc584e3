import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestConnection, TestService } from "../support/service.ts";
import { startCheckedService } from "./checked-service.ts";
import { expectScimError } from "./product.ts";
import { teamUser, urns, user, workEmail } from "./scim-messages.ts";

let service: TestService;
let connection: TestConnection;
// biome-ignore lint/suspicious/noExplicitAny: a resource, for tests to reach into
let full: any;
beforeAll(async () => {
  service = await startCheckedService();
  connection = await service.createConnection();
  const fields = {
    externalId: "full-1",
    displayName: "Full User",
    name: { givenName: "Full", familyName: "User", formatted: "Full User" },
    [urns.enterprise]: { department: "Sales", employeeNumber: "7", manager: { value: "m1" } },
    ...workEmail("full@x.example"),
  };
  full = (await connection.scim("POST", "/Users", teamUser("full@x.example", fields))).body;
});
afterAll(() => service.stop());

const get = (query = "", headers: Record<string, string> = {}) =>
  connection.scim("GET", `/Users/${full.id}${query}`, { headers });

describe("GET /Users/{id} answers", () => {
  test("[70] 200 with Location, ETag and the resource as it was created", async () => {
    const { status, headers, body } = await get();
    expect([status, headers["location"], headers["etag"]]).toEqual([200, full.meta.location, 'W/"1"']);
    expect(body).toEqual(full);
  });

  test.each([
    ["unknown", "00000000-0000-0000-0000-000000000000"],
    ["not of our form", "42"],
    ["with hostile characters", "%00%2e%2e%2f%F0%9F%98%80"],
    ["a malformed escape", "%ZZ"],
  ])("[70] 404 for an id that is %s", async (_, id) => {
    expectScimError(await connection.scim("GET", `/Users/${id}`), 404);
  });

  test("[40] 404 for an id in upper case: ids are case-exact", async () => {
    expectScimError(await connection.scim("GET", `/Users/${full.id.toUpperCase()}`), 404);
  });

  test("[72] 404 for a user of another connection, of the same project and of another", async () => {
    for (const project of [connection.project, undefined]) {
      const stranger = await service.createConnection({}, project);
      expectScimError(await stranger.scim("GET", `/Users/${full.id}`), 404);
      const body = user("full@x.example").body;
      expectScimError(await stranger.scim("PUT", `/Users/${full.id}`, { body }), 404);
      expectScimError(await stranger.scim("DELETE", `/Users/${full.id}`), 404);
    }
    expect((await get()).body).toEqual(full);
  });
});

describe("the projection", () => {
  const namesIn = async (query: string) => Object.keys((await get(query)).body).sort();

  test("[59, 63] attributes: the minimum and exactly the named ones", async () => {
    expect(await namesIn("?attributes=userName,DISPLAYNAME")).toEqual([
      "displayName",
      "id",
      "schemas",
      "userName",
    ]);
  });

  test("[59] sub-attributes, extension paths, a whole extension and URNs of the core", async () => {
    const query = `?attributes=name.familyName,${urns.enterprise}:department,${urns.account},${urns.user}:userName`;
    const { body } = await get(query);
    expect(body).toEqual({
      schemas: full.schemas,
      id: full.id,
      userName: "full@x.example",
      name: { familyName: "User" },
      [urns.enterprise]: { department: "Sales" },
      [urns.account]: { isTeamAccount: true },
    });
  });

  test("[56, 60] excludedAttributes: the default less the named, but never id", async () => {
    const { body } = await get("?excludedAttributes=emails,id,schemas,name.formatted,meta");
    const { emails: _, meta: __, ...rest } = full;
    expect(body).toEqual({ ...rest, name: { givenName: "Full", familyName: "User" } });
  });

  test("[62] attributes wins over excludedAttributes", async () => {
    expect(await namesIn("?attributes=userName&excludedAttributes=userName")).toEqual([
      "id",
      "schemas",
      "userName",
    ]);
  });

  test("[64] unknown names are ignored; an empty list is none", async () => {
    expect(await namesIn("?attributes=nonsense,userName,__proto__")).toEqual(["id", "schemas", "userName"]);
    expect((await get("?attributes=")).body).toEqual(full);
    expect((await get("?excludedAttributes=nope")).body).toEqual(full);
  });

  test("[46] meta can be asked for in part", async () => {
    const { body } = await get("?attributes=meta.location");
    expect(body.meta).toEqual({ location: full.meta.location });
  });

  test("[149] Location and ETag stay, whatever is projected away", async () => {
    const { headers } = await get("?attributes=userName");
    expect(headers).toMatchObject({ location: full.meta.location, etag: full.meta.version });
  });
});

describe("If-None-Match", () => {
  test.each(['W/"1"', '"1"', "*", '"7", W/"1"'])("[150] %s: 304 without body, with the ETag", async (tag) => {
    const { status, headers, body } = await get("", { "If-None-Match": tag });
    expect([status, headers["etag"], body]).toEqual([304, 'W/"1"', undefined]);
  });

  test("another tag: 200", async () => {
    expect((await get("", { "if-none-match": 'W/"2"' })).status).toBe(200);
  });
});

describe("list parameters on a single user", () => {
  // Defect: they are read, and refused, where they mean nothing.
  test.each(["?count=abc", "?startIndex=x", "?sortOrder=sideways", "?filter="])(
    "[10] %s are no parameters of this request, and ignored",
    async (query) => {
      expect((await get(query)).status).toBe(200);
    },
  );
});
