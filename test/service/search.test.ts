/** `.search` on users, groups and the root, and GET of the root (RFC 7644 §3.4.2.1, §3.4.3). */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type CallCounter, countCalls } from "../support/counting-client.ts";
import type { ServiceResponse, TestConnection, TestService } from "../support/service.ts";
import { startTable, type TestTable } from "../support/table.ts";
import { startCheckedService } from "./checked-service.ts";
import { expectScimError } from "./product.ts";
import { type Fields, urns, user } from "./scim-messages.ts";

const userCount = 12;
const groupCount = 5;
const total = userCount + groupCount;
const groupUrn = "urn:ietf:params:scim:schemas:core:2.0:Group";

let table: TestTable;
let service: TestService;
let counter: CallCounter;
let connection: TestConnection;
let userIds: readonly string[];
let groupIds: readonly string[];
beforeAll(async () => {
  table = await startTable();
  const client = table.newClient();
  counter = countCalls(client);
  service = await startCheckedService({ table, client, sleep: async () => {} });
  connection = await service.createConnection();
  for (let index = 0; index < userCount; index++) {
    const fields = { externalId: `e-${index % 4}`, displayName: `Name ${index}`, active: index % 3 !== 0 };
    await created("/Users", user(`user-${String(index).padStart(2, "0")}@x.example`, fields));
  }
  userIds = idsIn((await connection.scim("GET", "/Users")).body);
  for (let index = 0; index < groupCount; index++) {
    const members = userIds.slice(0, index).map((value) => ({ value }));
    const fields = { displayName: `Name ${index}`, externalId: `e-${index}`, members };
    await created("/Groups", { body: { schemas: [groupUrn], ...fields } });
  }
  groupIds = idsIn((await connection.scim("GET", "/Groups")).body);
  expect([userIds.length, groupIds.length]).toEqual([userCount, groupCount]);
});
afterAll(async () => {
  await service.stop();
  await table.stop();
});

async function created(path: string, request: { readonly body: Fields }): Promise<void> {
  const { status, body } = await connection.scim("POST", path, request);
  expect([status, body.detail]).toEqual([201, undefined]);
}
const idsIn = (page: { Resources: { id: string }[] }): string[] => page.Resources.map(({ id }) => id);

const get = (path: string): Promise<ServiceResponse> => connection.scim("GET", path);
const search = (endpoint: string, parameters: Fields = {}): Promise<ServiceResponse> =>
  connection.scim("POST", `${endpoint}/.search`, { body: { schemas: [urns.searchRequest], ...parameters } });

/** As query parameters. */
function inUrl(parameters: Fields): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`)
    .join("&");
}

describe.each(["/Users", "/Groups", ""])("POST %s/.search", (endpoint) => {
  test.each<[Fields]>([
    [{}],
    [{ count: 2 }],
    [{ startIndex: 3, count: 2 }],
    [{ startIndex: 0, count: -1 }],
    [{ startIndex: 1_000 }],
    [{ count: 0 }],
    [{ filter: 'displayName sw "name"', count: 3 }],
    [{ filter: 'displayName eq "Name 2"' }],
    [{ filter: `id eq "nobody"` }],
    [{ filter: 'externalId eq "e-1" and meta.resourceType pr' }],
    [{ sortBy: "displayName", sortOrder: "descending", startIndex: 2, count: 4 }],
    [{ attributes: ["displayName", "meta.resourceType"] }],
    [{ excludedAttributes: ["members", "meta", "userName"] }],
    [{ filter: "members pr", attributes: "members.value,displayName" }],
  ])("[104, 106] %j: 200, and what GET answers", async (parameters) => {
    const { status, body, headers } = await search(endpoint, parameters);
    expect([status, body.detail]).toEqual([200, undefined]);
    expect(headers["content-type"]).toBe("application/scim+json");
    expect(body).toEqual((await get(`${endpoint}?${inUrl(parameters)}`)).body);
  });

  test("[104] names in any case, no schemas needed, what nobody knows ignored", async () => {
    const request = { FILTER: "displayName pr", COUNT: 1, startindex: 2, filters: "x", count2: "x" };
    const { body } = await connection.scim("POST", `${endpoint}/.search`, { body: request });
    expect(body).toEqual((await get(`${endpoint}?filter=displayName%20pr&count=1&startIndex=2`)).body);
  });

  test.each(["[]", '"filter"', "7", "null", "", "{", '{"filter"'])(
    "[106] the body %j: 400 invalidSyntax",
    async (body) => {
      expectScimError(await connection.scim("POST", `${endpoint}/.search`, { body }), 400, "invalidSyntax");
    },
  );

  test.each<[string, unknown]>([
    ["filter", 7],
    ["sortBy", ["userName"]],
    ["sortOrder", "sideways"],
    ["startIndex", "1"],
    ["count", 1.5],
    ["cursor", true],
    ["attributes", { value: "id" }],
    ["excludedAttributes", [1]],
  ])("[106] %s %j: 400 invalidValue naming it", async (name, value) => {
    const refused = await search(endpoint, { [name]: value });
    expectScimError(refused, 400, "invalidValue");
    expect(refused.body.detail).toContain(name);
  });

  test.each(["", "displayName zz 1", "active gt"])("[98] filter %j: 400 invalidFilter", async (filter) => {
    expectScimError(await search(endpoint, { filter }), 400, "invalidFilter");
  });

  test("[173] by cursor", async () => {
    const met: string[] = [];
    let cursor: string | undefined = "";
    for (let page = 0; cursor !== undefined; page++) {
      const { body }: ServiceResponse = await search(endpoint, { cursor, count: 2 });
      met.push(...idsIn(body));
      cursor = body.nextCursor;
      expect(page).toBeLessThan(20);
    }
    expect(met).toEqual(idsIn((await get(`${endpoint}?count=500`)).body));
    expectScimError(await search(endpoint, { cursor: "forged" }), 400, "invalidCursor");
  });

  test("only POST: 405 naming it; in any case of letters", async () => {
    for (const method of ["GET", "PUT", "PATCH", "DELETE"]) {
      const refused = await connection.scim(
        method,
        `${endpoint}/.Search`,
        method === "GET" ? {} : { body: {} },
      );
      expectScimError(refused, 405);
      expect(refused.headers["allow"]).toBe("POST");
    }
    expect((await connection.scim("POST", `${endpoint}//.SEARCH/`, { body: {} })).status).toBe(200);
  });

  test("whoever may not come in hears of nothing else: 401, 415 only then", async () => {
    const request = { body: "{", headers: { "Content-Type": "text/plain" } };
    const refused = await connection.scim("POST", `${endpoint}/.search`, { ...request, token: "wrong" });
    expectScimError(refused, 401);
    expectScimError(await connection.scim("POST", `${endpoint}/.search`, request), 415);
  });
});

test("a search makes no user and no group", async () => {
  const body = { schemas: [urns.user, groupUrn], userName: "made-by-search", displayName: "Made by search" };
  for (const endpoint of ["/Users", "/Groups"]) {
    expect((await connection.scim("POST", `${endpoint}/.search`, { body })).status).toBe(200);
  }
  expect((await get("?count=0")).body.totalResults).toBe(total);
});

describe("[105] the root", () => {
  test.each(["", "/"])("GET %j: users, then groups, each oldest first", async (path) => {
    const { status, body } = await get(path);
    expect(status).toBe(200);
    expect(body).toMatchObject({ totalResults: total, startIndex: 1, itemsPerPage: total });
    expect(idsIn(body)).toEqual([...userIds, ...groupIds]);
  });

  test("each resource as its own GET shows it", async () => {
    for (const resource of (await get(`?startIndex=${userCount}&count=2`)).body.Resources) {
      const { resourceType } = resource.meta;
      expect((await get(`/${resourceType}s/${resource.id}`)).body).toEqual(resource);
    }
  });

  test.each([
    [1, 3],
    [11, 1],
    [12, 2],
    [13, 3],
    [10, 7],
    [17, 1],
    [18, 5],
  ])("a page over the border: startIndex %i, count %i", async (startIndex, count) => {
    const { body } = await get(`?startIndex=${startIndex}&count=${count}`);
    expect(body.totalResults).toBe(total);
    expect(idsIn(body)).toEqual([...userIds, ...groupIds].slice(startIndex - 1, startIndex - 1 + count));
  });

  test.each([
    ['meta.resourceType eq "User"', userCount, 0],
    ['meta.resourceType eq "Group"', 0, groupCount],
    ['(meta.resourceType eq "User") or (meta.resourceType eq "Group")', userCount, groupCount],
    ['not (meta.resourceType eq "User")', 0, groupCount],
    ['displayName eq "name 2"', 1, 1],
    ['externalId eq "e-1"', 3, 1],
    ['meta.resourceType eq "Group" and externalId eq "e-1"', 0, 1],
    ["userName pr", userCount, 0],
    ["members pr", 0, groupCount - 1],
    ["not (userName pr)", 0, groupCount],
    ["active eq false", 4, 0],
    ['active ne "true"', 4, groupCount],
    ["nonsense pr", 0, 0],
    [`schemas eq "${groupUrn}"`, 0, groupCount],
    ['displayName pr and (active eq false or displayName eq "Name 4")', 5, 1],
  ])("[97] filter %s", async (filter, users, groups) => {
    const { body } = await get(`?filter=${encodeURIComponent(filter)}`);
    const types = body.Resources.map(({ meta }: { meta: { resourceType: string } }) => meta.resourceType);
    expect(types).toEqual([...Array(users).fill("User"), ...Array(groups).fill("Group")]);
    expect(body.totalResults).toBe(users + groups);
  });

  test("an id, of whichever type", async () => {
    for (const id of [userIds[2], groupIds[3]]) {
      expect(idsIn((await get(`?filter=${encodeURIComponent(`id eq "${id}"`)}`)).body)).toEqual([id]);
    }
  });

  test("sorted together; what has no value last, first descending", async () => {
    const names = async (query: string) =>
      (await get(`?${query}`)).body.Resources.map(
        ({ userName, displayName }: Fields) => userName ?? displayName,
      );
    const byName: string[] = (await get("?sortBy=displayName")).body.Resources.map(
      ({ displayName }: { displayName: string }) => displayName,
    );
    expect(byName).toEqual([...byName].sort());
    const byUserName = await names("sortBy=userName");
    expect(byUserName.slice(0, userCount)).toEqual([...byUserName.slice(0, userCount)].sort());
    expect(byUserName.slice(userCount)).toEqual([0, 1, 2, 3, 4].map((index) => `Name ${index}`));
    expect((await names("sortBy=userName&sortOrder=descending")).slice(0, groupCount)).toEqual(
      byUserName.slice(userCount),
    );
  });

  test("[61] a projection says for each type what it means there", async () => {
    const { body } = await get("?attributes=userName,displayName,members.value");
    for (const resource of body.Resources) {
      const names = Object.keys(resource).filter((name) => name !== "members");
      const isUser = resource.schemas.includes(urns.user);
      expect(names.sort()).toEqual(["displayName", "id", "schemas", ...(isUser ? ["userName"] : [])]);
    }
  });

  test.each([
    ['meta.resourceType eq "User"', "/Users?count=12"],
    [
      'meta.resourceType eq "User" and userName eq "user-03@x.example"',
      '/Users?filter=userName eq "user-03@x.example"',
    ],
    ['userName eq "user-03@x.example"', '/Users?filter=userName eq "user-03@x.example"'],
    ['meta.resourceType eq "Group"', "/Groups?count=12"],
  ])("%s does not read the other type: it costs no more than %s", async (filter, alone) => {
    const path = `?count=12&filter=${encodeURIComponent(filter)}`;
    // Before, because a token's first use is noted.
    await get(path);
    const { tally } = await counter.measure(() => get(path));
    const { tally: once } = await counter.measure(() => get(encodeURI(alone)));
    expect([tally.commands, tally.readCapacity]).toEqual([once.commands, once.readCapacity]);
  });

  test("[170] a cursor of one collection is none of another", async () => {
    const { nextCursor } = (await get("/Users?cursor&count=2")).body;
    for (const path of ["", "/Groups"]) {
      expectScimError(await get(`${path}?cursor=${nextCursor}&count=2`), 400, "invalidCursor");
    }
    // GET and POST of one collection are the same query.
    const { body } = await search("/Users", { cursor: nextCursor, count: 2 });
    expect(idsIn(body)).toEqual(userIds.slice(2, 4));
  });

  test("[4] nothing of another connection", async () => {
    const other = await service.createConnection({}, connection.project);
    expect((await other.scim("GET", "")).body).toMatchObject({ totalResults: 0, Resources: [] });
    expectScimError(await other.scim("GET", "", { token: connection.token }), 401);
  });

  test("[161] /Me stays 501", async () => {
    expectScimError(await get("/Me"), 501);
  });
});
