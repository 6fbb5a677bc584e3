import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { seedFromEnvironment } from "../support/seeded-random.ts";
import type { ServiceResponse, TestConnection, TestService } from "../support/service.ts";
import { startTable, type TestTable } from "../support/table.ts";
import { startCheckedService } from "./checked-service.ts";
import { expectScimError, productOf } from "./product.ts";
import {
  activation,
  type BulkOperation,
  bulk,
  type Fields,
  type PatchOperation,
  patch,
  replace,
  urns,
  user,
  workEmail,
} from "./scim-messages.ts";

// That each entry of each answer has what it must have (155), checked-service.ts looks at.

let table: TestTable;
let service: TestService;
let connection: TestConnection;
const time = Date.parse("2026-01-01T00:00:00.000Z");
beforeAll(async () => {
  table = await startTable();
  // Time stands still: however slow the machine, no request uses up its time.
  service = await startCheckedService({ table, sleep: async () => {}, clock: () => time });
});
beforeEach(async () => {
  connection = await service.createConnection();
});
afterAll(() => table.stop());

/** What an answer says of one operation; untyped, for tests to reach into. */
// biome-ignore lint/suspicious/noExplicitAny: every test would narrow the same answers again
type Entry = any;

const send = (body: unknown, to = connection): Promise<ServiceResponse> => to.scim("POST", "/Bulk", { body });

async function perform(operations: readonly BulkOperation[], more: Fields = {}): Promise<readonly Entry[]> {
  const response = await send({ ...bulk(...operations).body, ...more });
  expect([response.status, response.body.schemas]).toEqual([200, [urns.bulkResponse]]);
  return response.body.Operations;
}

const statuses = (entries: readonly Entry[]) => entries.map(({ status }) => Number(status));
const idIn = ({ location }: Entry): string => location.slice(location.lastIndexOf("/") + 1);
const get = async (path: string) => (await connection.scim("GET", path)).body;
const create = async (userName: string, fields: Fields = {}): Promise<string> =>
  (await connection.scim("POST", "/Users", user(userName, fields))).body.id;
const userNames = async (): Promise<readonly string[]> =>
  (await get("/Users?count=500")).Resources.map((found: { userName: string }) => found.userName).sort();

const post = (bulkId: string, fields: Fields = {}): BulkOperation => ({
  method: "POST",
  path: "/Users",
  bulkId,
  data: user(bulkId, fields).body,
});
const managedBy = (value: unknown): Fields => ({ [urns.enterprise]: { manager: value } });
const managerOf = async (id: string) => (await get(`/Users/${id}`))[urns.enterprise]?.manager?.value;
const change = (path: string, ...operations: readonly PatchOperation[]): BulkOperation => ({
  method: "PATCH",
  path,
  data: patch(...operations).body,
});
const remove = (path: string): BulkOperation => ({ method: "DELETE", path });

function expectEntryError(entry: Entry, status: number, scimType?: string): void {
  expect(entry).toMatchObject({ status: String(status), response: { status: String(status) } });
  expect(entry.response.scimType).toBe(scimType);
}

describe("[155] one entry for each operation, in the order of the request", () => {
  test("of every method, with what it led to", async () => {
    const [put, patched, deleted] = [await create("put"), await create("patched"), await create("deleted")];
    const entries = await perform([
      post("created", { displayName: "C" }),
      { method: "PUT", path: `/Users/${put}`, bulkId: "mine", data: user("put", { displayName: "P" }).body },
      change(`/Users/${patched}`, replace("displayName", "D")),
      remove(`/Users/${deleted}`),
    ]);
    const location = (id: string) => expect.stringMatching(new RegExp(`${connection.baseUrl}/Users/${id}$`));
    expect(entries).toEqual([
      { method: "POST", bulkId: "created", location: location(".+"), version: 'W/"1"', status: "201" },
      { method: "PUT", bulkId: "mine", location: location(put), version: 'W/"2"', status: "200" },
      { method: "PATCH", location: location(patched), version: 'W/"2"', status: "200" },
      { method: "DELETE", location: location(deleted), status: "204" },
    ]);
    expect(await get(`/Users/${idIn(entries[0])}`)).toMatchObject({ userName: "created", displayName: "C" });
    expect(await get(`/Users/${put}`)).toMatchObject({ displayName: "P", meta: { version: 'W/"2"' } });
    expect(await get(`/Users/${patched}`)).toMatchObject({ displayName: "D" });
    expect(await userNames()).toEqual(["created", "patched", "put"]);
  });

  test("errors with the body a single request would get", async () => {
    await create("taken");
    const entries = await perform([
      post("taken"),
      change("/Users/nobody", replace("displayName", "D")),
      post("bad", { active: 7 }),
      post("good"),
    ]);
    expect(statuses(entries)).toEqual([409, 404, 400, 201]);
    expectEntryError(entries[0], 409, "uniqueness");
    const single = await connection.scim("POST", "/Users", user("taken"));
    expect(entries[0].response).toEqual(single.body);
    expect(entries[0]).not.toHaveProperty("location");
    expect(entries[1].location).toMatch(/\/Users\/nobody$/);
    expect(entries[2].response.detail).toContain("active");
  });

  test("of a hundred at once; sent again, nothing happens twice", async () => {
    const names = Array.from({ length: 100 }, (_, index) => `many-${index}`);
    const first = await perform(names.map((name) => post(name)));
    expect(first.map(({ bulkId }) => bulkId)).toEqual(names);
    expect(new Set(statuses(first))).toEqual(new Set([201]));
    const second = await perform(names.map((name) => post(name)));
    expect(new Set(statuses(second))).toEqual(new Set([409]));
    expect(await userNames()).toEqual(names.toSorted());
  });

  test("on one resource in their order", async () => {
    const id = await create("one");
    const titles = Array.from({ length: 12 }, (_, index) => String(index));
    const entries = await perform(titles.map((title) => change(`/Users/${id}`, replace("title", title))));
    expect(entries.map(({ version }) => version)).toEqual(titles.map((_, index) => `W/"${index + 2}"`));
    expect(await get(`/Users/${id}`)).toMatchObject({ title: "11" });
  });
});

describe("[156] errors", () => {
  const wrong = { method: "GET", path: "/Users" };
  const operations = [post("a"), wrong, post("b"), remove("/Users/nobody"), post("c")];

  test("without failOnErrors everything is tried", async () => {
    expect(statuses(await perform(operations))).toEqual([201, 400, 201, 404, 201]);
  });

  test.each([
    [1, [201, 400], ["a"]],
    [2, [201, 400, 201, 404], ["a", "b"]],
    [3, [201, 400, 201, 404, 201], ["a", "b", "c"]],
  ])("failOnErrors %i: the rest is neither processed nor told of", async (failOnErrors, expected, names) => {
    expect(statuses(await perform(operations, { failOnErrors }))).toEqual(expected);
    expect(await userNames()).toEqual(names);
  });
});

describe("[157] references to what the request creates", () => {
  test("backward and forward, as the manager's value, as a plain string and in a list", async () => {
    const entries = await perform([
      post("forward", managedBy({ value: "bulkId:boss" })),
      post("boss"),
      post("backward", managedBy("bulkId:boss")),
      post("listed", managedBy([{ value: "bulkId:boss" }])),
      post("qualified", { [`${urns.enterprise}:manager`]: "bulkId:boss" }),
    ]);
    expect(statuses(entries)).toEqual([201, 201, 201, 201, 201]);
    const boss = idIn(entries[1]);
    for (const index of [0, 2, 3, 4]) expect(await managerOf(idIn(entries[index]))).toBe(boss);
  });

  test("in the values of PATCH and in PUT", async () => {
    const [a, b] = [await create("a"), await create("b")];
    const entries = await perform([
      change(`/Users/${a}`, replace(`${urns.enterprise}:manager`, "bulkId:boss")),
      { method: "PUT", path: `/Users/${b}`, data: user("b", managedBy({ value: "bulkId:boss" })).body },
      post("boss"),
    ]);
    expect(statuses(entries)).toEqual([200, 200, 201]);
    expect([await managerOf(a), await managerOf(b)]).toEqual([idIn(entries[2]), idIn(entries[2])]);
  });

  test("in paths, in the given order on the one resource", async () => {
    const entries = await perform([
      change("/Users/bulkId:a", replace("title", "first")),
      post("a", { title: "none" }),
      change("/Users/bulkId:a", replace("title", "second")),
      post("b"),
      remove("/Users/bulkId:b"),
    ]);
    expect(statuses(entries)).toEqual([200, 201, 200, 201, 204]);
    expect(new Set([0, 1, 2].map((index) => idIn(entries[index])))).toEqual(new Set([idIn(entries[1])]));
    expect(await get(`/Users/${idIn(entries[1])}`)).toMatchObject({ title: "second" });
    expect(await userNames()).toEqual(["a"]);
  });

  test("to no POST: 400 of who refers, naming the bulkId", async () => {
    const entries = await perform([
      post("a", managedBy("bulkId:nobody")),
      change("/Users/bulkId:nobody", replace("title", "T")),
      post("b"),
    ]);
    expect(statuses(entries)).toEqual([400, 400, 201]);
    for (const entry of entries.slice(0, 2)) {
      expectEntryError(entry, 400, "invalidValue");
      expect(entry.response.detail).toContain('"bulkId:nobody"');
    }
  });

  test("to a POST that failed: 400 of who refers, and of who refers to that one", async () => {
    await create("taken");
    const entries = await perform([
      post("c", managedBy("bulkId:b")),
      post("b", managedBy("bulkId:taken")),
      post("taken"),
      remove("/Users/bulkId:taken"),
    ]);
    expect(statuses(entries)).toEqual([400, 400, 409, 400]);
    expect(entries[1].response.detail).toContain('"bulkId:taken"');
    expect(await userNames()).toEqual(["taken"]);
  });

  test("to somebody who was there before: he is the one", async () => {
    const product = productOf(service, connection.project);
    await product.addMember({ userName: "old", type: "reader" });
    const entries = await perform([post("new", managedBy("bulkId:old")), post("old")]);
    expect(statuses(entries)).toEqual([201, 201]);
    expect(await managerOf(idIn(entries[0]))).toBe(idIn(entries[1]));
  });
});

describe("[158] circles", () => {
  test("two who are each other's managers, with all else that they have", async () => {
    const fields = (value: unknown) => ({
      ...workEmail(`reports-to-${value}@x.example`),
      [urns.enterprise]: { department: "D", manager: { value, displayName: "ignored" } },
    });
    const entries = await perform([post("a", fields("bulkId:b")), post("b", fields("bulkId:a"))]);
    expect(statuses(entries)).toEqual([201, 201]);
    const [a, b] = entries.map(idIn) as [string, string];
    expect([await managerOf(a), await managerOf(b)]).toEqual([b, a]);
    const whole = await get(`/Users/${a}`);
    expect(whole).toMatchObject({ userName: "a", [urns.enterprise]: { department: "D" } });
    expect(whole.emails).toHaveLength(1);
    // The version is that of the user as it is in the end.
    expect(entries[0].version).toBe(whole.meta.version);
  });

  test("one who is his own manager, and three in a row", async () => {
    const entries = await perform([
      { ...post("self", managedBy("bulkId:self")), version: 'W/"7"' }, // of no meaning in a POST
      post("a", managedBy("bulkId:b")),
      post("b", managedBy("bulkId:c")),
      post("c", managedBy("bulkId:a")),
    ]);
    expect(statuses(entries)).toEqual([201, 201, 201, 201]);
    const [self, a, b, c] = entries.map(idIn) as [string, string, string, string];
    expect(await Promise.all([self, a, b, c].map(managerOf))).toEqual([self, b, c, a]);
  });

  test("that break because one of them fails: 409 for who stays incomplete, saying what is there", async () => {
    const entries = await perform([
      post("a", { title: "T", ...managedBy("bulkId:b") }),
      post("b", { active: 7, ...managedBy("bulkId:a") }),
    ]);
    expect(statuses(entries)).toEqual([409, 400]);
    expectEntryError(entries[0], 409);
    const [a] = (await get("/Users")).Resources;
    expect(a).toMatchObject({ userName: "a", title: "T" });
    expect(entries[0].response.detail).toContain(a.id);
    expect(entries[0].response.detail).toContain(`${urns.enterprise}:manager`);
    expect(entries[0].response.detail).toContain('"bulkId:b"');
  });

  test("that cannot be completed, for what they would be then: 409 with the reason", async () => {
    const emails = Array.from({ length: 41 }, (_, index) => ({
      value: `${index}@x.example`,
      type: `t${index}`,
    }));
    const entries = await perform([post("a", { emails: [...emails, { value: "bulkId:a" }] }), post("b")]);
    expect(statuses(entries)).toEqual([409, 201]);
    expect(entries[0].response.detail).toMatch(/emails.*40/);
    expect(await userNames()).toEqual(["a", "b"]);
  });

  test("that nothing can break: 409 for all in them", async () => {
    const entries = await perform([
      { method: "POST", path: "/Users", bulkId: "a", data: { userName: "bulkId:b" } },
      { method: "POST", path: "/Users", bulkId: "b", data: { userName: "bulkId:a" } },
      post("c", managedBy("bulkId:a")),
    ]);
    expect(statuses(entries)).toEqual([409, 409, 400]);
    for (const entry of entries.slice(0, 2)) expectEntryError(entry, 409);
    expect(await userNames()).toEqual([]);
  });
});

describe("[159] an operation that is wrong is an error of its own", () => {
  const data = { userName: "x" };
  test.each<[string, unknown, string]>([
    ["a POST without bulkId", { method: "POST", path: "/Users", data }, "invalidValue"],
    ["an unknown method", { method: "HEAD", path: "/Users/1" }, "invalidSyntax"],
    ["no method", { path: "/Users/1" }, "invalidSyntax"],
    ["a path to nothing", { method: "POST", path: "/Schemas", bulkId: "x", data }, "invalidValue"],
    ["a path to Bulk itself", { method: "POST", path: "/Bulk", bulkId: "x", data }, "invalidValue"],
    ["a search", { method: "POST", path: "/Users/.search", bulkId: "x", data }, "invalidValue"],
    ["no path", { method: "DELETE" }, "invalidValue"],
    ["no data", { method: "POST", path: "/Users", bulkId: "x" }, "invalidValue"],
    ["a bulkId once more", { method: "POST", path: "/Users", bulkId: "before", data }, "invalidValue"],
    ["a number", 7, "invalidSyntax"],
  ])("%s", async (_, operation, scimType) => {
    const { status, body } = await send({ Operations: [post("before"), operation, post("after")] });
    expect([status, ...statuses(body.Operations)]).toEqual([200, 201, 400, 201]);
    expectEntryError(body.Operations[1], 400, scimType);
    expect(body.Operations[1].response.detail).toContain("Operations[1]");
  });
});

describe("[160] version is an If-Match of its own", () => {
  test("stale: 412 and nothing changed; current, * and none: done", async () => {
    const id = await create("a");
    const versioned = (version: string, title: string) => ({
      ...change(`/Users/${id}`, replace("title", title)),
      version,
    });
    const entries = await perform([
      versioned('W/"1"', "first"),
      versioned('W/"1"', "stale"),
      versioned('W/"2"', "second"),
      versioned("*", "third"),
      { method: "PUT", path: `/Users/${id}`, version: 'W/"1"', data: user("a").body },
      { ...remove(`/Users/${id}`), version: 'W/"3"' },
    ]);
    expect(statuses(entries)).toEqual([200, 412, 200, 200, 412, 412]);
    expect(await get(`/Users/${id}`)).toMatchObject({ title: "third", meta: { version: 'W/"4"' } });
    expect(statuses(await perform([{ ...remove(`/Users/${id}`), version: 'W/"4"' }]))).toEqual([204]);
  });
});

describe("what one operation gives up, one behind it may have", () => {
  const times = Array.from({ length: 12 }, (_, index) => index);

  test("names: of the deleted, of the renamed, all the way along a row", async () => {
    const gone = await Promise.all(times.map((time) => create(`name-${time}`)));
    const entries = await perform(
      times.flatMap((time) => [
        remove(`/Users/${gone[time]}`),
        { ...post(`name-${time}`), bulkId: `b${time}` },
      ]),
    );
    expect(new Set(statuses(entries))).toEqual(new Set([204, 201]));
    const ids = entries.filter(({ method }) => method === "POST").map(idIn);
    const renamed = await perform(
      ids.map((id, time) => change(`/Users/${id}`, replace("userName", `name-${time - 1}`))),
    );
    expect(statuses(renamed)).toEqual(times.map(() => 200));
    expect(await userNames()).toEqual(times.map((time) => `name-${time - 1}`).sort());
  });

  test("seats: of the deleted and of the deactivated", async () => {
    const leaving = await Promise.all(times.map((time) => create(`leaving-${time}`)));
    const product = productOf(service, connection.project);
    await product.setQuotas({ readers: times.length });
    const entries = await perform(
      times.flatMap((time) => {
        const path = `/Users/${leaving[time]}`;
        const leave = time % 2 ? remove(path) : { method: "PATCH", path, data: activation(false).body };
        return [leave, post(`coming-${time}`)];
      }),
    );
    expect(statuses(entries).filter((status) => status >= 400)).toEqual([]);
    expect((await product.usage()).readers).toBe(times.length);
  });

  test("of two with one name the first has it", async () => {
    const entries = await perform(
      times.flatMap((time) => [
        { ...post(`twin-${time}`, { title: "first" }), bulkId: `first-${time}` },
        { ...post(`TWIN-${time}`, { title: "second" }), bulkId: `second-${time}` },
      ]),
    );
    expect(statuses(entries)).toEqual(times.flatMap(() => [201, 409]));
    for (const { title } of (await get("/Users")).Resources) expect(title).toBe("first");
  });
});

describe("who may send it, and where", () => {
  const request = bulk(post("a"));

  test("[1] without a valid token: 401 for the whole, whatever is in it", async () => {
    for (const body of [request.body, { Operations: [] }, "{"]) {
      const bare = await service.scim("POST", `${connection.baseUrl}/Bulk`, { body });
      expectScimError(bare, 401);
      const foreign = (await service.createConnection()).token;
      expectScimError(await connection.scim("POST", "/Bulk", { body, token: foreign }), 401);
    }
    expect(await userNames()).toEqual([]);
  });

  test("[3] while SCIM is disabled: 403 for the whole", async () => {
    const path = `/projects/${connection.project.id}/connections/${connection.connection.id}`;
    await service.admin("PATCH", path, { scimEnabled: false });
    expectScimError(await connection.scim("POST", "/Bulk", request), 403);
  });

  test("[4] nobody reaches another connection's users, by id or by URL", async () => {
    const other = await service.createConnection({}, connection.project);
    const { id, meta } = (await other.scim("POST", "/Users", user("theirs"))).body;
    const entries = await perform([remove(`/Users/${id}`), remove(meta.location)]);
    expect(statuses(entries)).toEqual([404, 400]);
    expect((await other.scim("GET", `/Users/${id}`)).status).toBe(200);
  });

  test("paths may be the URLs that the service gave out", async () => {
    const { id, meta } = (await connection.scim("POST", "/Users", user("a"))).body;
    expect(statuses(await perform([change(meta.location, replace("title", "T"))]))).toEqual([200]);
    expect(await get(`/Users/${id}`)).toMatchObject({ title: "T" });
  });

  test.each(["GET", "PUT", "PATCH", "DELETE"])("%s: 405 with Allow", async (method) => {
    const refused = await connection.scim(method, "/Bulk");
    expectScimError(refused, 405);
    expect(refused.headers["allow"]).toBe("POST");
  });

  test("a path that is a little off; there is nothing below", async () => {
    expect((await connection.scim("POST", "//bulk/", request)).status).toBe(200);
    expectScimError(await connection.scim("POST", "/Bulk/1", request), 404);
  });

  test("another media type: 415; one that accepts plain JSON alone gets that", async () => {
    const text = { body: "x", headers: { "Content-Type": "text/plain" } };
    expectScimError(await connection.scim("POST", "/Bulk", text), 415);
    const accepting = { ...request, headers: { Accept: "application/json" } };
    expect((await connection.scim("POST", "/Bulk", accepting)).status).toBe(200);
  });
});

describe("[154] too much: 413 naming the limit", () => {
  const largeBodyBytesMax = 5 * 1024 * 1024;
  const padded = (bytes: number) => {
    const body = { ...bulk(post("large")).body, padding: "" };
    return { ...body, padding: "x".repeat(bytes - JSON.stringify(body).length) };
  };

  test("1,001 operations", async () => {
    const operations = Array.from({ length: 1_001 }, () => remove("/Users/nobody"));
    const refused = await send(bulk(...operations).body);
    expectScimError(refused, 413);
    expect(refused.body.detail).toContain("bulkOperationsMax");
    expect(refused.body.detail).toContain("1000");
  });

  test("a body of more than 5 MB; one of exactly 5 MB is taken", async () => {
    const refused = await send(padded(largeBodyBytesMax + 1));
    expectScimError(refused, 413);
    expect(refused.body.detail).toContain(`${largeBodyBytesMax} bytes (largeBodyBytesMax)`);
    expect((await send(padded(largeBodyBytesMax))).status).toBe(200);
  });

  test("[16] these are the limits announced", async () => {
    expect((await get("/ServiceProviderConfig")).bulk).toEqual({
      supported: true,
      maxOperations: 1_000,
      maxPayloadSize: largeBodyBytesMax,
    });
  });

  test("a user that is too large by itself is refused by itself", async () => {
    const entries = await perform([
      post("a", { unknown: "x".repeat(1024 * 1024) }),
      post("b", { title: "x".repeat(256 * 1024) }),
      post("c"),
    ]);
    expect(statuses(entries)).toEqual([413, 413, 201]);
    expect(entries[0].response.detail).toContain("(bodyBytesMax)");
    expect(entries[1].response.detail).toContain("resourceBytesMax");
  });

  test("an answer that would not fit has shorter details", async () => {
    const id = await create("a");
    const version = '"'.repeat(15_000);
    const entries = await perform(
      Array.from({ length: 100 }, () => ({ ...remove(`/Users/${id}`), version })),
    );
    expect(new Set(statuses(entries))).toEqual(new Set([412]));
    for (const { response } of entries) {
      expect(response.detail).toMatch(/^If-Match is "/);
      expect(response.detail.length).toBeLessThan(200);
    }
  });
});

describe("trouble behind the service", () => {
  /** Another service over the same table, of which `onCall` hears every call with its input, and may fail it. */
  async function disturbed(
    onCall: (input: string) => void,
    clock: () => number = () => time,
  ): Promise<TestConnection> {
    const client = table.newClient({ maxAttempts: 1 });
    client.middlewareStack.add(
      (next) => (args) => {
        onCall(JSON.stringify(args.input, (_, value) => (typeof value === "bigint" ? String(value) : value)));
        return next(args);
      },
      { step: "initialize", name: "disturbed" },
    );
    return (await startCheckedService({ table, client, clock, sleep: async () => {} })).adopt(connection);
  }

  test("[164] a defect is a 500 of its operation, with the request's id and nothing of the cause", async () => {
    const other = await disturbed((input) => {
      if (input.includes("cursed")) throw new Error("secret");
    });
    const request = bulk(post("a"), post("cursed"), post("b", managedBy("bulkId:a")));
    const response = await other.scim("POST", "/Bulk", request);
    expect(statuses(response.body.Operations)).toEqual([201, 500, 201]);
    const { detail } = response.body.Operations[1].response;
    expect(detail).toContain(response.headers["x-amzn-requestid"]);
    expect(detail).not.toContain("secret");
    expect(await userNames()).toEqual(["a", "b"]);
  });

  test("what there is no time for is left whole, told so with 503, and done when it is sent again", async () => {
    let now = time;
    const other = await disturbed(
      () => {
        now += 1_000;
      },
      () => now,
    );
    const names = Array.from({ length: 20 }, (_, index) => `slow-${index}`);
    const body = {
      ...bulk(
        ...names.map((name) => post(name)),
        change("/Users/bulkId:slow-0", replace("title", "T")),
        change("/Users/bulkId:slow-19", replace("title", "T")),
        { method: "GET", path: "/Users" },
      ).body,
      failOnErrors: 100, // one after the other, so that none is overtaken
    };
    const { Operations } = (await other.scim("POST", "/Bulk", { body })).body;
    const done = statuses(Operations).indexOf(503);
    expect(done).toBeGreaterThan(0);
    expect(statuses(Operations)).toEqual([
      ...names.map((_, index) => (index < done ? 201 : 503)),
      ...[503, 503, 400],
    ]);
    expect(await userNames()).toEqual(names.slice(0, done).sort());
    expect(Operations[20].location).toBe(Operations[0].location);
    for (const { response } of Operations.slice(done, 22)) {
      expect(response.detail).toContain("not processed; send it again");
    }
    const again = await perform(names.slice(done).map((name) => post(name)));
    expect(new Set(statuses(again))).toEqual(new Set([201]));
  });

  test("a POST that could not be tried is no fault of who refers to it: 503", async () => {
    const other = await disturbed((input) => {
      if (input.includes("busy")) throw Object.assign(new Error("slow"), { name: "ThrottlingException" });
    });
    const request = bulk(post("busy"), post("b", managedBy("bulkId:busy")));
    const { Operations } = (await other.scim("POST", "/Bulk", request)).body;
    expect(statuses(Operations)).toEqual([429, 503]);
    expect(Operations[1].response.detail).toContain('"bulkId:busy"');
  });
});

describe("groups", () => {
  const group = (bulkId: string, members: readonly unknown[] = []): BulkOperation => ({
    method: "POST",
    path: "/Groups",
    bulkId,
    data: { schemas: [urns.group], displayName: bulkId, members },
  });
  const membersOf = async (id: string): Promise<readonly string[]> =>
    ((await get(`/Groups/${id}`)).members ?? []).map(({ value }: { value: string }) => value).sort();

  test("[157] members by bulkId, backward and forward, beside such as are there", async () => {
    const there = await create("there");
    const members = [{ value: "bulkId:a" }, "bulkId:b", { value: there }];
    const entries = await perform([group("first", members), post("a"), post("b"), group("last", members)]);
    expect(statuses(entries)).toEqual([201, 201, 201, 201]);
    const expected = [idIn(entries[1]), idIn(entries[2]), there].sort();
    expect(await membersOf(idIn(entries[0]))).toEqual(expected);
    expect(await membersOf(idIn(entries[3]))).toEqual(expected);
  });

  test("[157] PATCH of a group by bulkId, with bulkIds in values and in the path's filter", async () => {
    const entries = await perform([
      change("/Groups/bulkId:g", { op: "add", path: "members", value: [{ value: "bulkId:b" }] }),
      change("/Groups/bulkId:g", { op: "remove", path: 'members[value eq "bulkId:a"]' }),
      change("/Groups/bulkId:g", { op: "add", path: 'members[value eq "bulkId:c"]' }),
      group("g", [{ value: "bulkId:a" }]),
      post("a"),
      post("b"),
      post("c"),
    ]);
    expect(statuses(entries)).toEqual([200, 200, 200, 201, 201, 201, 201]);
    expect(await membersOf(idIn(entries[3]))).toEqual([idIn(entries[5]), idIn(entries[6])].sort());
  });

  test("[157] PUT and DELETE of a group by bulkId", async () => {
    const put = { displayName: "renamed", members: [{ value: "bulkId:a" }] };
    const entries = await perform([
      group("g"),
      { method: "PUT", path: "/Groups/bulkId:g", data: put },
      group("gone"),
      remove("/Groups/bulkId:gone"),
      post("a"),
    ]);
    expect(statuses(entries)).toEqual([201, 200, 201, 204, 201]);
    expect(await get(`/Groups/${idIn(entries[0])}`)).toMatchObject({ displayName: "renamed" });
    expect(await membersOf(idIn(entries[0]))).toEqual([idIn(entries[4])]);
    expect((await connection.scim("GET", `/Groups/${idIn(entries[2])}`)).status).toBe(404);
  });

  test("[157] a group whose member could not be created is not created either", async () => {
    const entries = await perform([group("g", ["bulkId:bad"]), post("bad", { active: 7 }), group("other")]);
    expect(statuses(entries)).toEqual([400, 400, 201]);
    expectEntryError(entries[0], 400, "invalidValue");
    expect((await get("/Groups")).totalResults).toBe(1);
  });

  test("[158] a circle of a group and its user is resolved, one of groups is a 409 of both", async () => {
    const entries = await perform([
      group("g", ["bulkId:a"]),
      post("a", { groups: [{ value: "bulkId:g" }] }),
      group("h", ["bulkId:i"]),
      group("i", ["bulkId:h"]),
    ]);
    expect(statuses(entries)).toEqual([201, 201, 409, 409]);
    expect(await membersOf(idIn(entries[0]))).toEqual([idIn(entries[1])]);
    expect((await get("/Groups")).totalResults).toBe(1);
  });

  test("[160] version is an If-Match of its own", async () => {
    const entries = await perform([
      group("g"),
      { ...change("/Groups/bulkId:g", replace("displayName", "a")), version: 'W/"1"' },
      { ...change("/Groups/bulkId:g", replace("displayName", "b")), version: 'W/"1"' },
    ]);
    expect(statuses(entries)).toEqual([201, 200, 412]);
  });

  test("a directory in one request: hundreds of users and groups that refer forward to them", async () => {
    const people = Array.from({ length: 200 }, (_, index) => `p${index}`);
    const groups = Array.from({ length: 20 }, (_, index) => `g${index}`);
    const entries = await perform([
      ...groups.map((name, index) =>
        group(
          name,
          people.filter((_, person) => person % groups.length === index).map((person) => `bulkId:${person}`),
        ),
      ),
      ...people.map((name) => post(name)),
    ]);
    expect(new Set(statuses(entries))).toEqual(new Set([201]));
    for (const entry of entries.slice(0, groups.length)) {
      expect(await membersOf(idIn(entry))).toHaveLength(people.length / groups.length);
    }
  });
});

describe("junk: nothing but 2xx and 4xx, of the whole and of each operation", () => {
  const seed = seedFromEnvironment();
  const text = fc.oneof(
    fc.string({ maxLength: 10 }),
    fc.constantFrom("POST", "PUT", "patch", "DELETE", "/Users", "/Groups", "/Users/bulkId:a", "/Groups/x"),
    fc.constantFrom("a", "b", "bulkId:a", "bulkId:b", "bulkId:", "add", "remove", "members", "userName"),
    fc.constantFrom('members[value eq "bulkId:a"]', "W/1", "__proto__", "\u0000", "😀"),
  );
  const key = fc.constantFrom(
    ...["method", "path", "bulkId", "data", "version", "Operations", "op", "value", "userName", "members"],
    ...["displayName", "active", "emails", "__proto__", "constructor", urns.enterprise, urns.account, ""],
  );
  const json = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 4 }, text, fc.constantFrom(null, 0, -1, true), tie("list"), tie("object")),
    list: fc.array(tie("value"), { maxLength: 3 }),
    object: fc.dictionary(key, tie("value"), { maxKeys: 5, noNullPrototype: true }),
  })).value;
  const operation = fc.oneof(
    json,
    fc.record(
      {
        method: fc.constantFrom("POST", "PUT", "PATCH", "DELETE"),
        path: fc.constantFrom("/Users", "/Groups", "/Users/1", "/Users/bulkId:a", "/Groups/bulkId:b"),
        bulkId: fc.constantFrom("a", "b", "c"),
        version: fc.oneof(text, json),
        data: fc.oneof(json, fc.dictionary(key, json, { maxKeys: 5, noNullPrototype: true })),
      },
      { requiredKeys: ["method", "path"] },
    ),
  );
  const request = fc.oneof(
    json,
    fc.record(
      {
        schemas: json,
        failOnErrors: fc.constantFrom<unknown>(1, 2, null, "1", 0, -1, 1.5, [], {}, true),
        Operations: fc.oneof(fc.array(operation, { maxLength: 5 }), json),
      },
      { requiredKeys: ["Operations"] },
    ),
  );

  test("bodies", async () => {
    await fc.assert(
      fc.asyncProperty(request, async (body) => {
        const response = await send(body);
        expect([response.status, response.status < 500 ? "" : response.body]).toEqual([response.status, ""]);
        const entries: readonly Entry[] = response.status === 200 ? response.body.Operations : [];
        expect(entries.filter(({ status }) => Number(status) >= 500)).toEqual([]);
      }),
      { seed, numRuns: 150 },
    );
  });

  test("keys that name a prototype are neither stored nor followed", async () => {
    const data = '{"userName":"p","__proto__":{"active":false,"isAdmin":true},"constructor":"bulkId:a"}';
    const operations = [
      `{"method":"POST","path":"/Users","bulkId":"a","__proto__":{"method":"DELETE"},"data":${data}}`,
      `{"method":"PATCH","path":"/Users/bulkId:a","data":{"Operations":[{"op":"add","value":${data}}]}}`,
      '{"method":"POST","path":"/__proto__","bulkId":"b","data":{}}',
      '{"__proto__":{"method":"DELETE","path":"/Users/bulkId:a"}}',
      '{"method":"POST","path":"/Users","bulkId":"__proto__","data":{"userName":"q"}}',
      '{"method":"DELETE","path":"/Users/bulkId:__proto__"}',
    ];
    const body = `{"__proto__":{"failOnErrors":1},"Operations":[${operations.join()}]}`;
    const headers = { "Content-Type": "application/scim+json" };
    const response = await connection.scim("POST", "/Bulk", { body, headers });
    expect(statuses(response.body.Operations)).toEqual([201, 200, 400, 400, 201, 204]);
    const [stored] = (await get("/Users")).Resources;
    expect(stored).toMatchObject({ userName: "p", active: true });
    expect(JSON.stringify(stored)).not.toContain("isAdmin");
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });
});
