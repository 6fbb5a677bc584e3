import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { scanTable } from "../invariants/table-contents.ts";
import type { ScimRequest, TestConnection, TestService } from "../support/service.ts";
import { startCheckedService } from "./checked-service.ts";
import { expectProblem, type Product, productOf } from "./product.ts";
import {
  activation,
  addMembers,
  bulk,
  conversion,
  type Fields,
  group,
  patch,
  replace,
  teamUser,
  urns,
  user,
  workEmail,
} from "./scim-messages.ts";

let service: TestService;
let connection: TestConnection;
let product: Product;
let now = Date.parse("2026-03-01T08:00:00.000Z");
beforeAll(async () => {
  service = await startCheckedService({ clock: () => now });
});
beforeEach(async () => {
  connection = await service.createConnection();
  product = productOf(service, connection.project);
});
afterAll(() => service.stop());

const scim = (method: string, path: string, request?: ScimRequest) => connection.scim(method, path, request);
/** Fails unless the request is answered so; returns the body. */
const answered = async (status: number, method: string, path: string, request?: ScimRequest) => {
  const response = await scim(method, path, request);
  expect(response, `${method} ${path}`).toMatchObject({ status });
  return response.body;
};
const created = async (path: "/Users" | "/Groups", request: ScimRequest) =>
  (await answered(201, "POST", path, request)).id as string;
const failures = async (query = "") => (await product.admin("GET", `/sync-failures${query}`)).body.items;
const open = async () =>
  (await failures()).map(({ resourceType, identifier, reason, attempts }: Fields) => [
    resourceType,
    identifier,
    reason,
    attempts,
  ]);
/** The items that are kept of them. */
const stored = async () =>
  (await scanTable(service.table.client, service.table.tableName)).filter(
    ({ pk }) => pk?.S === `F#${connection.project.id}`,
  );
const close = (quotas: Fields) => product.setQuotas(quotas);

describe("a refused request is an open failure", () => {
  test("with everything an operator needs", async () => {
    const id = await created("/Users", user("ada"));
    const { detail } = await answered(409, "POST", "/Users", user("Ada"));
    const [failure, ...others] = await failures();
    expect(others).toEqual([]);
    expect(failure).toEqual({
      id: expect.any(String),
      connectionId: connection.connection.id,
      resourceType: "User",
      identifier: "Ada",
      operation: "create",
      httpStatus: 409,
      scimType: "uniqueness",
      reason: "duplicate",
      detail,
      remedy: expect.stringContaining("another userName or email"),
      attempts: 1,
      firstFailedAt: new Date(now).toISOString(),
      lastFailedAt: new Date(now).toISOString(),
    });
    expect(detail).toContain(id);
    expect(JSON.stringify(failure.id).toLowerCase()).not.toContain("ada");
  });

  test("one for each identifier, in any case; attempts are counted, and the latest one is told", async () => {
    await product.addMember({ userName: "ada", type: "user" });
    await answered(409, "POST", "/Users", user("ada"));
    const firstFailedAt = new Date(now).toISOString();
    now += 60_000;
    await close({ users: 1, readers: 0 });
    await answered(400, "POST", "/Users", user("ADA", { active: "perhaps" }));
    await answered(409, "POST", "/Users", user("Ada"));
    expect(await failures()).toMatchObject([
      {
        identifier: "Ada",
        reason: "role_conflict",
        attempts: 3,
        firstFailedAt,
        lastFailedAt: new Date(now).toISOString(),
      },
    ]);
  });

  test("for every reason a user can be refused", async () => {
    const other = await service.createConnection({}, connection.project);
    await other.scim("POST", "/Users", user("elsewhere"));
    await product.addMember({ userName: "team", type: "user" });
    const deleted = await created("/Users", user("deleted"));
    await answered(204, "DELETE", `/Users/${deleted}`);
    await created("/Users", user("taken"));
    const renamed = await created("/Users", user("renamed"));
    await close({ users: 1, readers: 3 });

    await answered(409, "POST", "/Users", user("elsewhere"));
    await answered(409, "POST", "/Users", user("team"));
    await answered(404, "PATCH", `/Users/${deleted}`, activation(true));
    await answered(409, "PATCH", `/Users/${renamed}`, patch(replace("userName", "taken")));
    await answered(403, "POST", "/Users", user("full"));
    await answered(400, "POST", "/Users", user("invalid", { emails: "x" }));
    expect((await open()).toSorted()).toEqual([
      ["User", "deleted", "resource_deleted", 1],
      ["User", "elsewhere", "managed_elsewhere", 1],
      ["User", "full", "quota_exceeded", 1],
      ["User", "invalid", "validation", 1],
      ["User", "renamed", "duplicate", 1],
      ["User", "team", "role_conflict", 1],
    ]);
  });

  test("for every reason a group can be refused", async () => {
    const entra = await service.createConnection({ provider: "entra" }, connection.project);
    await entra.scim("POST", "/Groups", group("Twice"));
    await entra.scim("POST", "/Groups", group("twice"));
    const deleted = await created("/Groups", group("Deleted"));
    expect((await product.admin("DELETE", `/groups/${deleted}?force=true`)).status).toBe(204);
    const id = await created("/Groups", group("Invalid"));

    await answered(400, "POST", "/Groups", group("Unknown", ["nobody"]));
    const { detail } = await answered(404, "PATCH", `/Groups/${deleted}`, patch(addMembers("nobody")));
    expect(detail).toContain("unlink");
    await answered(400, "PATCH", `/Groups/${id}`, patch(replace("displayName", 5)));
    expect((await open()).toSorted()).toEqual([
      ["Group", "Deleted", "resource_deleted", 1],
      ["Group", "Invalid", "validation", 1],
      ["Group", "Unknown", "unknown_member", 1],
      ["Group", "twice", "duplicate", 1],
    ]);
    const [{ remedy }] = (await failures()).filter(({ identifier }: Fields) => identifier === "Deleted");
    expect(remedy).toContain("unlink the group");
  });

  test("by its id where no name is known, for thirty days", async () => {
    await answered(404, "PATCH", "/Users/nobody", activation(false));
    await answered(404, "PUT", "/Users/nobody", user("named"));
    await answered(400, "POST", "/Users", { body: { externalId: "x-1" } });
    await answered(400, "POST", "/Users", { body: workEmail("a@x.example") });
    expect((await open()).toSorted()).toEqual([
      ["User", "a@x.example", "validation", 1],
      ["User", "named", "resource_deleted", 1],
      ["User", "nobody", "resource_deleted", 1],
      ["User", "x-1", "validation", 1],
    ]);
    const expiring = (await stored()).filter(
      ({ expiresAtSeconds }) => Number(expiresAtSeconds?.N) === now / 1_000 + 30 * 24 * 3_600,
    );
    expect(expiring.map(({ identifier }) => identifier?.S).toSorted()).toEqual([
      "a@x.example",
      "nobody",
      "x-1",
    ]);
  });

  test("of whatever length its name is", async () => {
    const long = "x".repeat(100_000);
    await answered(400, "POST", "/Users", user(long));
    await answered(400, "POST", "/Users", user(long, { active: "x" }));
    const [failure, ...others] = await failures();
    expect(others).toEqual([]);
    expect(failure).toMatchObject({ attempts: 2, identifier: `${"x".repeat(899)}…` });
    expect(failure.detail.length).toBeLessThanOrEqual(2_000);
    expect((await product.admin("DELETE", `/sync-failures/${failure.id}`)).status).toBe(204);
    expect(await failures()).toEqual([]);
  });

  test("in a bulk request, too", async () => {
    await created("/Users", user("ada"));
    const { Operations } = await answered(
      200,
      "POST",
      "/Bulk",
      bulk(
        { method: "POST", path: "/Users", bulkId: "a", data: user("ada").body },
        { method: "POST", path: "/Users", bulkId: "b", data: user("bob").body },
      ),
    );
    expect(Operations.map(({ status }: Fields) => status)).toEqual(["409", "201"]);
    expect(await open()).toEqual([["User", "ada", "duplicate", expect.any(Number)]]);
  });

  test("of a bulk operation that refers to one that failed, too", async () => {
    await created("/Users", user("ada"));
    await answered(
      200,
      "POST",
      "/Bulk",
      bulk(
        { method: "POST", path: "/Users", bulkId: "a", data: user("ada").body },
        { method: "POST", path: "/Groups", bulkId: "g", data: group("Engineers", ["bulkId:a"]).body },
      ),
    );
    expect((await open()).toSorted()).toEqual([
      ["Group", "Engineers", "validation", 1],
      ["User", "ada", "duplicate", expect.any(Number)],
    ]);
  });

  test.each([
    ["without a token", async () => scim("POST", "/Users", { ...user("ada"), token: "" }), 401],
    [
      "with another connection's token",
      async () =>
        scim("POST", "/Users", {
          ...user("ada", { active: "no" }),
          token: (await service.createConnection()).token,
        }),
      401,
    ],
    [
      "while SCIM is disabled",
      async () => {
        await product.admin("PATCH", `/connections/${connection.connection.id}`, { scimEnabled: false });
        return scim("POST", "/Users", user("ada", { active: "no" }));
      },
      403,
    ],
    ["that only reads", () => scim("GET", "/Users/nobody"), 404],
    ["that deletes what is not there", () => scim("DELETE", "/Users/nobody"), 404],
    ["that names nothing", () => scim("POST", "/Users", { body: "{" }), 400],
    ["by a wrong method", () => scim("PUT", "/Users", user("ada")), 405],
  ])("but not one %s", async (_, send, status) => {
    expect(await send()).toMatchObject({ status });
    expect(await failures()).toEqual([]);
  });
});

describe("the next success closes it", () => {
  /** Opens a failure of `ada`, who is there as `id`. */
  const failing = async () => {
    const id = await created("/Users", user("ada"));
    await answered(400, "PATCH", `/Users/${id}`, patch(replace("active", "perhaps")));
    expect(await open()).toEqual([["User", "ada", "validation", 1]]);
    return id;
  };

  test.each<readonly [string, (id: string) => Promise<unknown>]>([
    ["a PATCH", (id) => answered(200, "PATCH", `/Users/${id}`, activation(false))],
    ["a PATCH that changes nothing", (id) => answered(200, "PATCH", `/Users/${id}`, activation(true))],
    ["a PUT", (id) => answered(200, "PUT", `/Users/${id}`, user("ADA", { displayName: "Ada" }))],
    ["a rename", (id) => answered(200, "PATCH", `/Users/${id}`, patch(replace("userName", "countess")))],
    ["a DELETE", (id) => answered(204, "DELETE", `/Users/${id}`)],
    ["a conversion", (id) => answered(200, "PATCH", `/Users/${id}`, conversion(true))],
    [
      "a bulk operation",
      (id) =>
        answered(
          200,
          "POST",
          "/Bulk",
          bulk({ method: "PATCH", path: `/Users/${id}`, data: activation(false).body }),
        ),
    ],
  ])("%s", async (_, succeed) => {
    await succeed(await failing());
    expect(await failures()).toEqual([]);
  });

  test("a read does not", async () => {
    const id = await failing();
    await answered(200, "GET", `/Users/${id}`);
    await answered(200, "GET", `/Users?filter=${encodeURIComponent('userName eq "ada"')}`);
    expect(await open()).toHaveLength(1);
  });

  test("a POST, once its cause is gone", async () => {
    await close({ readers: 0 });
    await answered(403, "POST", "/Users", user("ada"));
    await close({ readers: null });
    await created("/Users", user("ADA"));
    expect(await failures()).toEqual([]);
  });

  test("a rename to the name", async () => {
    await product.addMember({ userName: "team", type: "user" });
    await answered(409, "POST", "/Users", user("team"));
    const id = await created("/Users", user("ada"));
    await product.admin("DELETE", `/members/${(await product.memberNamed("team")).id}`);
    await answered(200, "PATCH", `/Users/${id}`, patch(replace("userName", "Team")));
    expect(await failures()).toEqual([]);
  });

  test("a DELETE of who has been deleted already", async () => {
    const id = await created("/Users", user("ada"));
    await answered(204, "DELETE", `/Users/${id}`);
    await answered(404, "PATCH", `/Users/${id}`, activation(false));
    expect(await open()).toEqual([["User", "ada", "resource_deleted", 1]]);
    await answered(404, "DELETE", `/Users/${id}`);
    expect(await failures()).toEqual([]);
  });

  test("a group pushed again after it was deleted in the product", async () => {
    const id = await created("/Groups", group("Engineers"));
    await product.admin("DELETE", `/groups/${id}?force=true`);
    await answered(404, "PUT", `/Groups/${id}`, group("Engineers"));
    await answered(404, "PATCH", `/Groups/${id}`, patch(addMembers()));
    expect(await open()).toEqual([["Group", "Engineers", "resource_deleted", 2]]);
    await created("/Groups", group("engineers"));
    expect(await failures()).toEqual([]);
  });

  test("a group's members, once they are there", async () => {
    const id = await created("/Groups", group("Engineers"));
    await answered(400, "PATCH", `/Groups/${id}`, patch(addMembers("nobody")));
    expect(await open()).toEqual([["Group", "Engineers", "unknown_member", 1]]);
    await answered(200, "PATCH", `/Groups/${id}`, patch(addMembers(await created("/Users", user("ada")))));
    expect(await failures()).toEqual([]);
  });

  test("of that type and connection alone", async () => {
    const other = await service.createConnection({}, connection.project);
    await answered(400, "POST", "/Users", user("same", { active: "x" }));
    await other.scim("POST", "/Users", user("same", { active: "x" }));
    await answered(400, "POST", "/Groups", group("same", ["nobody"]));
    expect(await open()).toHaveLength(3);
    await created("/Users", user("same"));
    expect(
      (await failures()).map(({ resourceType, connectionId }: Fields) => [resourceType, connectionId]),
    ).toEqual(
      expect.arrayContaining([
        ["Group", connection.connection.id],
        ["User", other.connection.id],
      ]),
    );
    expect(await open()).toHaveLength(2);
  });
});

describe("the list", () => {
  test("is newest first, by the last attempt, page by page", async () => {
    for (const name of ["a", "b", "c", "a"]) {
      now += 1_000;
      await answered(400, "POST", "/Users", user(name, { active: "x" }));
    }
    const names: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await product.admin("GET", `/sync-failures?limit=1${cursor ? `&cursor=${cursor}` : ""}`);
      names.push(...page.body.items.map(({ identifier }: { identifier: string }) => identifier));
      cursor = page.body.nextCursor;
    } while (cursor !== undefined);
    expect(names).toEqual(["a", "c", "b"]);
  });

  test("is of one connection where asked", async () => {
    const other = await service.createConnection({}, connection.project);
    await answered(400, "POST", "/Users", user("a", { active: "x" }));
    await other.scim("POST", "/Users", user("b", { active: "x" }));
    const identifiers = async (connectionId: string) =>
      (await failures(`?connectionId=${connectionId}`)).map(({ identifier }: Fields) => identifier);
    expect(await identifiers(connection.connection.id)).toEqual(["a"]);
    expect(await identifiers(other.connection.id)).toEqual(["b"]);
    expect(await identifiers("nobody")).toEqual([]);
    expect(await failures()).toHaveLength(2);
  });

  test("of a project that is not there is a 404", async () => {
    expectProblem(await service.admin("GET", "/projects/nobody/sync-failures"), 404, "not_found");
    expectProblem(
      await service.admin("GET", "/projects/nobody/sync-failures?connectionId=x"),
      404,
      "not_found",
    );
  });
});

describe("an open failure", () => {
  const failed = async () => {
    await answered(400, "POST", "/Users", user("ada", { active: "x" }));
    return (await failures())[0].id as string;
  };

  test("is the identity provider's to retry", async () => {
    const id = await failed();
    const refusal = await product.admin("POST", `/sync-failures/${id}/retry`);
    expectProblem(refusal, 409, "retry_from_idp");
    expect(refusal.body.detail).toContain("identity provider");
    expect(await open()).toHaveLength(1);
  });

  test("can be taken from the list, and comes back if it happens again", async () => {
    const id = await failed();
    expect((await product.admin("DELETE", `/sync-failures/${id}`)).status).toBe(204);
    expect(await failures()).toEqual([]);
    expectProblem(await product.admin("DELETE", `/sync-failures/${id}`), 404, "not_found");
    await failed();
    expect(await open()).toEqual([["User", "ada", "validation", 1]]);
  });

  test("is nobody else's", async () => {
    const id = await failed();
    const other = await service.createProject();
    for (const [method, path] of [
      ["POST", `${id}/retry`],
      ["DELETE", id],
    ]) {
      const path_ = `/projects/${other.id}/sync-failures/${path}`;
      expectProblem(await service.admin(method!, path_), 404, "not_found");
    }
    for (const id of ["x", "a-b-c", `${connection.connection.id}-User-x`, "-".repeat(2_000)]) {
      expectProblem(await product.admin("POST", `/sync-failures/${id}/retry`), 404, "not_found");
    }
    expect(await open()).toHaveLength(1);
  });

  test("goes with its connection, and with its project", async () => {
    const doomed = await service.createConnection({}, connection.project);
    await doomed.scim("POST", "/Users", user("b", { active: "x" }));
    await failed();
    const connections = `/connections/${doomed.connection.id}`;
    expect((await product.admin("DELETE", connections)).status).toBe(204);
    expect(await open()).toEqual([["User", "ada", "validation", 1]]);
    expect(await stored()).toHaveLength(1);
    await product.admin("DELETE", `/connections/${connection.connection.id}`);
    await service.admin("DELETE", `/projects/${connection.project.id}`);
    expect(await stored()).toEqual([]);
  });
});

test("thirty refusals of one person at once are one failure of thirty attempts", async () => {
  await product.addMember({ userName: "ada", type: "user" });
  const answers = await Promise.all(Array.from({ length: 30 }, () => scim("POST", "/Users", user("ada"))));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([409]));
  expect(await open()).toEqual([["User", "ada", "role_conflict", 30]]);
});

test("the detour: taken over as a user, then converted", async () => {
  await product.addMember({ userName: "ada", type: "user" });
  await answered(409, "POST", "/Users", user("ada"));
  const id = await created("/Users", teamUser("ada"));
  await answered(200, "PATCH", `/Users/${id}`, patch(replace(`${urns.account}:isTeamAccount`, false)));
  expect(await failures()).toEqual([]);
});
