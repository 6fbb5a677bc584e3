import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { countCalls } from "../support/counting-client.ts";
import type { ServiceResponse, TestConnection, TestService } from "../support/service.ts";
import { startTable, type TestTable } from "../support/table.ts";
import { startCheckedService } from "./checked-service.ts";
import { expectProblem, expectScimError, type Product, productOf } from "./product.ts";
import { addMembers, group, patch, replace, user } from "./scim-messages.ts";

// Who may come in: tokens, their life, and connections with SCIM disabled.

let table: TestTable;
let service: TestService;
let connection: TestConnection;
let product: Product;
let time = Date.parse("2026-01-01T00:00:00.000Z");
beforeAll(async () => {
  table = await startTable();
  service = await startCheckedService({ table, clock: () => time });
  connection = await service.createConnection();
  product = productOf(service, connection.project);
});
afterAll(() => table.stop());

const tokensPath = (of: TestConnection) => `/connections/${of.connection.id}/tokens`;
const list = (of: TestConnection, token: string) => of.scim("GET", "/Users?count=1", { token });
const status = async (of: TestConnection, token: string) => (await list(of, token)).status;
const withAuthorization = (Authorization: string) =>
  service.scim("GET", `${connection.baseUrl}/Users`, { headers: { Authorization } });

function expectUnauthorized(response: ServiceResponse): void {
  expectScimError(response, 401);
  expect(response.headers["www-authenticate"]).toMatch(/^Bearer realm="[^"]+", error="invalid_token"$/);
}

describe("[1, 2] 401 with WWW-Authenticate and a SCIM body", () => {
  test("without credentials: the bare challenge (RFC 6750 §3.1)", async () => {
    const response = await service.scim("GET", `${connection.baseUrl}/Users`);
    expectScimError(response, 401);
    expect(response.headers["www-authenticate"]).toBe('Bearer realm="Rollcall SCIM"');
  });

  test.each([
    ["Basic", "Basic dXNlcjpwYXNz"],
    ["no scheme", "abc"],
    ["an empty token", "Bearer "],
    ["a foreign token", "Bearer eyJhbGciOiJub25lIn0.e30."],
    ["hostile characters", "Bearer rollcall_\u00e9\u0000%"],
  ])("for %s", async (_, header) => {
    const response = await withAuthorization(header);
    expectScimError(response, 401);
  });

  test("the scheme is taken in any case, and blanks around the token", async () => {
    expect((await withAuthorization(`bEARER  ${connection.token} `)).status).toBe(200);
  });

  test("another connection's token, of the same project and of another", async () => {
    for (const project of [connection.project, undefined]) {
      const other = await service.createConnection({}, project);
      expectUnauthorized(await list(connection, other.token));
      expectUnauthorized(await list(other, connection.token));
    }
  });

  test("a connection that does not exist, or is none at all", async () => {
    const { token } = connection;
    for (const id of ["00000000000000000000000z", "nonsense", "%20", "Users"]) {
      expectUnauthorized(await service.scim("GET", `/scim/v2/${id}/Users`, { token }));
    }
  });

  test("on every endpoint and method, before anything is said about the request", async () => {
    for (const [method, path] of [
      ["POST", "/Users"],
      ["GET", "/Users/x"],
      ["PUT", "/Users/x"],
      ["PATCH", "/Users/x"],
      ["DELETE", "/Users/x"],
      ["OPTIONS", "/Users"],
      ["POST", "/Groups"],
      ["GET", "/Groups/x"],
      ["PUT", "/Groups/x"],
      ["PATCH", "/Groups/x"],
      ["DELETE", "/Groups/x"],
      ["OPTIONS", "/Groups"],
      ["POST", "/Groups/.search"],
      ["GET", "/ServiceProviderConfig"],
      ["POST", "/Schemas"],
      ["GET", "/ResourceTypes"],
      ["GET", "/Me"],
      ["GET", "/Nothing"],
      ["GET", "/Users?filter=nonsense"],
      ["GET", "/Groups?filter=nonsense"],
    ] as const) {
      const token = `${connection.token.slice(0, -1)}!`;
      const request = { token, ...(method === "POST" && { body: "{" }) };
      expect([method, path, (await connection.scim(method, path, request)).status]).toEqual([
        method,
        path,
        401,
      ]);
    }
  });

  test("a well-formed token that was never given out", async () => {
    const stranger = await startCheckedService({ table, random: (bytes) => Buffer.alloc(bytes, 7) });
    // The same connection id, other secret bits, a right checksum: only the table can tell.
    const { connection: forged } = connection;
    const { newToken } = await import("../../lambda/domain/token.ts");
    const { token } = newToken(forged.id, (count) => Buffer.alloc(count, 9));
    expectUnauthorized(await list(stranger.adopt(connection), token));
  });
});

test("a mistyped token is refused without any DynamoDB call", async () => {
  const client = table.newClient();
  const counter = countCalls(client);
  const counted = (await startCheckedService({ table, client })).adopt(connection);
  const mistyped = connection.token.endsWith("0")
    ? `${connection.token.slice(0, -1)}1`
    : `${connection.token.slice(0, -1)}0`;
  const characters = [...connection.token];
  const at = characters.findIndex((character, index) => index > 40 && character !== characters[index + 1]);
  characters.splice(at, 2, characters[at + 1]!, characters[at]!);
  const others = [mistyped, characters.join(""), connection.token.slice(0, -3), `${connection.token}x`, "x"];
  for (const token of others) {
    counter.reset();
    expectUnauthorized(await list(counted, token));
    expectUnauthorized(await counted.scim("POST", "/Users", { token, ...user("x") }));
    expectUnauthorized(await counted.scim("GET", "/ServiceProviderConfig", { token }));
    expect(counter.tally().commands).toEqual([]);
  }
});

test("a token of another connection is refused after one look at both", async () => {
  const client = table.newClient();
  const counter = countCalls(client);
  const counted = (await startCheckedService({ table, client })).adopt(connection);
  const other = await service.createConnection();
  counter.reset();
  expectUnauthorized(await counted.scim("GET", "/Users/somebody", { token: other.token }));
  expect(counter.tally().commands).toEqual(["BatchGetItem"]);
});

describe("the life of a token", () => {
  test("revoked: refused from the next request on", async () => {
    const own = await service.createConnection({}, connection.project);
    const [{ id }] = (await product.admin("GET", tokensPath(own))).body.items;
    expect(await status(own, own.token)).toBe(200);
    expect((await product.admin("DELETE", `${tokensPath(own)}/${id}`)).status).toBe(204);
    expectUnauthorized(await list(own, own.token));
    expectProblem(await product.admin("DELETE", `${tokensPath(own)}/${id}`), 404, "not_found");
  });

  test("expired: refused from its expiresAt on", async () => {
    const own = await service.createConnection({}, connection.project);
    const expiresAt = new Date(time + 60_000).toISOString();
    const { token } = (await product.admin("POST", tokensPath(own), { expiresAt })).body;
    time += 59_999;
    expect(await status(own, token)).toBe(200);
    time += 1;
    expectUnauthorized(await list(own, token));
    expect((await product.admin("GET", tokensPath(own))).body.items).toHaveLength(1);
  });

  test("rotated, overlap 0 by default: every older token ends at once", async () => {
    const own = await service.createConnection({}, connection.project);
    const second = (await product.admin("POST", tokensPath(own), {})).body.token;
    const rotated = await product.admin("POST", `${tokensPath(own)}/rotate`, { label: "2027" });
    expect(rotated.status).toBe(201);
    expect(rotated.body).toMatchObject({ label: "2027", expiresAt: null });
    const statuses = [own.token, second, rotated.body.token].map((token) => status(own, token));
    expect(await Promise.all(statuses)).toEqual([401, 401, 200]);
    expect((await product.admin("GET", tokensPath(own))).body.items).toHaveLength(1);
  });

  test("rotated with an overlap: every older token ends after it", async () => {
    const own = await service.createConnection({}, connection.project);
    const rotated = await product.admin("POST", `${tokensPath(own)}/rotate`, { overlapSeconds: 3_600 });
    const { token } = rotated.body;
    expect([await status(own, own.token), await status(own, token)]).toEqual([200, 200]);
    const { items } = (await product.admin("GET", tokensPath(own))).body;
    const ends = items.map(({ expiresAt }: { expiresAt: string | null }) => expiresAt);
    expect(ends).toEqual([new Date(time + 3_600_000).toISOString(), null]);
    time += 3_600_000;
    expect([await status(own, own.token), await status(own, token)]).toEqual([401, 200]);
  });

  test("an overlap does not prolong a token that would end before it", async () => {
    const own = await service.createConnection({}, connection.project);
    const [{ id }] = (await product.admin("GET", tokensPath(own))).body.items;
    const expiresAt = new Date(time + 1_000).toISOString();
    const { token } = (await product.admin("POST", tokensPath(own), { expiresAt })).body;
    await product.admin("DELETE", `${tokensPath(own)}/${id}`);
    await product.admin("POST", `${tokensPath(own)}/rotate`, { overlapSeconds: 604_800 });
    time += 1_000;
    expectUnauthorized(await list(own, token));
  });

  test("at most 2 live tokens: 409 too_many_tokens; an ended one makes room", async () => {
    const own = await service.createConnection({}, connection.project);
    const expiresAt = new Date(time + 1_000).toISOString();
    expect((await product.admin("POST", tokensPath(own), { expiresAt })).status).toBe(201);
    expectProblem(await product.admin("POST", tokensPath(own), {}), 409, "too_many_tokens");
    time += 1_000;
    expect((await product.admin("POST", tokensPath(own), {})).status).toBe(201);
  });

  test.each([
    ["the older one", 0],
    ["the newer one", 1],
    ["neither", undefined],
  ])(
    "rotated with an overlap while two are live, %s used last: that one ends after it (else the newer), the other at once",
    async (_, used) => {
      const own = await service.createConnection({}, connection.project);
      const tokens = [own.token, (await product.admin("POST", tokensPath(own), {})).body.token as string];
      if (used !== undefined) {
        await list(own, tokens[1 - used]!);
        time += 60_000;
        await list(own, tokens[used]!);
      }
      const rotated = await product.admin("POST", `${tokensPath(own)}/rotate`, { overlapSeconds: 60 });
      expect(rotated.status).toBe(201);
      const kept = used ?? 1;
      expect(await status(own, tokens[1 - kept]!)).toBe(401);
      expect(await status(own, tokens[kept]!)).toBe(200);
      expect(await status(own, rotated.body.token)).toBe(200);
      time += 60_000;
      expect(await status(own, tokens[kept]!)).toBe(401);
      expect(await status(own, rotated.body.token)).toBe(200);
    },
  );

  test("a rotation repeated after a lost answer does no harm: the token in use lives on, its end unchanged", async () => {
    const own = await service.createConnection({}, connection.project);
    await list(own, own.token);
    const end = new Date(time + 60_000).toISOString();
    for (let attempt = 0; attempt < 3; attempt++) {
      await product.admin("POST", `${tokensPath(own)}/rotate`, { overlapSeconds: 60 });
      const { items } = (await product.admin("GET", tokensPath(own))).body;
      expect(items.map(({ expiresAt }: { expiresAt: string | null }) => expiresAt)).toEqual([end, null]);
      expect(await status(own, own.token)).toBe(200);
      time += 10_000;
    }
  });

  test("lastUsedAt: null until used, then exact to 15 minutes", async () => {
    const own = await service.createConnection({}, connection.project);
    const lastUsedAt = async () => (await product.admin("GET", tokensPath(own))).body.items[0].lastUsedAt;
    expect(await lastUsedAt()).toBeNull();
    const first = new Date(time).toISOString();
    await list(own, own.token);
    expect(await lastUsedAt()).toBe(first);
    time += 14 * 60_000;
    await list(own, own.token);
    expect(await lastUsedAt()).toBe(first);
    time += 2 * 60_000;
    await list(own, own.token);
    expect(await lastUsedAt()).toBe(new Date(time).toISOString());
  });

  test("its use is noted by one write in 15 minutes, whatever is asked meanwhile", async () => {
    const client = table.newClient();
    const counter = countCalls(client);
    const counted = await startCheckedService({ table, client, clock: () => time });
    const own = counted.adopt(await service.createConnection({}, connection.project));
    const second = (await product.admin("POST", tokensPath(own), {})).body.token as string;
    const notes = async (token: string) => {
      counter.reset();
      await list(own, token);
      await own.scim("GET", "/Users/x", { token });
      await own.scim("GET", "/ServiceProviderConfig", { token });
      return counter.tally().commands.filter((command) => command === "UpdateItem").length;
    };
    expect(await notes(own.token)).toBe(1);
    for (let minutes = 5; minutes <= 15; minutes += 5) {
      time += 5 * 60_000;
      expect(await notes(own.token)).toBe(0);
    }
    time += 1;
    expect(await notes(own.token)).toBe(1);
    // Each token's use is its own.
    expect([await notes(second), await notes(second), await notes(own.token)]).toEqual([1, 0, 0]);
  });

  test("the tokens of a deleted connection open nothing", async () => {
    const own = await service.createConnection({}, connection.project);
    await product.admin("DELETE", `/connections/${own.connection.id}`);
    expectUnauthorized(await list(own, own.token));
  });
});

describe("another instance that knows the token well learns of its end with the next request", () => {
  const pathOf = (of: TestConnection) => `/connections/${of.connection.id}`;

  test.each<readonly [string, (own: TestConnection, tokenId: string) => unknown, number]>([
    ["revoked", (own, tokenId) => product.admin("DELETE", `${tokensPath(own)}/${tokenId}`), 401],
    ["rotated", (own) => product.admin("POST", `${tokensPath(own)}/rotate`), 401],
    [
      "expired",
      () => {
        time += 60_000;
      },
      401,
    ],
    ["its connection deleted", (own) => product.admin("DELETE", pathOf(own)), 401],
    ["SCIM disabled", (own) => product.admin("PATCH", pathOf(own), { scimEnabled: false }), 403],
  ])("%s", async (_, end, expected) => {
    const own = await service.createConnection({}, connection.project);
    const there = (await startCheckedService({ table, clock: () => time })).adopt(own);
    const expiresAt = new Date(time + 60_000).toISOString();
    const { id, token } = (await product.admin("POST", tokensPath(own), { expiresAt })).body;
    for (let request = 0; request < 3; request++) expect(await status(there, token)).toBe(200);
    await end(own, id);
    expectScimError(await list(there, token), expected);
    expectScimError(await there.scim("POST", "/Users", { token, ...user("late") }), expected);
  });
});

describe("[2, 3] SCIM disabled: 403 with a detail that says so", () => {
  test("on every endpoint and method; 200 again when it is enabled, with everything as it was", async () => {
    const own = await service.createConnection({}, connection.project);
    const { id } = (await own.scim("POST", "/Users", user("paused@x.example"))).body;
    const { id: groupId } = (await own.scim("POST", "/Groups", group("Paused", [id]))).body;
    const path = `/connections/${own.connection.id}`;
    expect((await product.admin("PATCH", path, { scimEnabled: false })).body.scimEnabled).toBe(false);
    for (const [method, scimPath, request] of [
      ["GET", "/Users", {}],
      ["GET", `/Users/${id}`, {}],
      ["POST", "/Users", user("no@x.example")],
      ["PUT", `/Users/${id}`, user("no@x.example")],
      ["PATCH", `/Users/${id}`, patch(replace("title", "T"))],
      ["DELETE", `/Users/${id}`, {}],
      ["GET", "/Groups", {}],
      ["GET", `/Groups/${groupId}`, {}],
      ["POST", "/Groups", group("No")],
      ["PUT", `/Groups/${groupId}`, group("No")],
      ["PATCH", `/Groups/${groupId}`, patch(addMembers("nobody"))],
      ["DELETE", `/Groups/${groupId}`, {}],
      ["POST", "/Groups/.search", { body: {} }],
      ["GET", "/ServiceProviderConfig", {}],
      ["GET", "/Schemas", {}],
      ["GET", "/Nothing", {}],
      ["GET", "/Users?filter=nonsense", {}],
      ["GET", "/Groups?filter=nonsense", {}],
    ] as const) {
      const refused = await own.scim(method, scimPath, request);
      expectScimError(refused, 403);
      expect(refused.body.detail).toMatch(/SCIM is disabled/);
    }
    // A wrong token is still a wrong token.
    expectUnauthorized(await list(own, connection.token));

    await product.admin("PATCH", path, { scimEnabled: true });
    expect((await own.scim("GET", `/Users/${id}`)).status).toBe(200);
    expect((await own.scim("GET", "/Users")).body.totalResults).toBe(1);
    expect((await own.scim("GET", `/Groups/${groupId}`)).body.members).toMatchObject([{ value: id }]);
  });

  test("its members are unmanaged meanwhile: shown so, and changed by hand", async () => {
    const own = await service.createConnection({}, connection.project);
    await own.scim("POST", "/Users", user("free@x.example"));
    const { id } = await product.memberNamed("free@x.example");
    expectProblem(
      await product.admin("PATCH", `/members/${id}`, { displayName: "X" }),
      409,
      "managed_by_idp",
    );
    await product.admin("PATCH", `/connections/${own.connection.id}`, { scimEnabled: false });
    expect((await product.member(id)).managedBy).toBeNull();
    expect((await product.admin("PATCH", `/members/${id}`, { displayName: "X" })).status).toBe(200);
    await product.admin("PATCH", `/connections/${own.connection.id}`, { scimEnabled: true });
    expect((await product.member(id)).managedBy.connectionId).toBe(own.connection.id);
  });
});
