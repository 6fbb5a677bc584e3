/** What tells of a quota before it refuses anybody: `seatsLeft` of a project, and the word to its operators. */

import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { createLog, type Log, type QuotaRecord } from "../../lambda/runtime/log.ts";
import type { TestConnection, TestService } from "../support/service.ts";
import { startCheckedService } from "./checked-service.ts";
import { type Product, productOf } from "./product.ts";
import { activation, conversion, type Fields, teamUser, user } from "./scim-messages.ts";

let told: QuotaRecord[] = [];
let tell: Log["quotaNearlyUsed"];
let warnings: unknown[] = [];

let service: TestService;
let connection: TestConnection;
let product: Product;
beforeAll(async () => {
  const log: Log = {
    ...createLog(),
    quotaNearlyUsed: (record) => tell(record),
    warn: (_, cause) => {
      warnings.push(cause);
    },
  };
  service = await startCheckedService({ log });
});
beforeEach(async () => {
  connection = await service.createConnection({ jit: true });
  product = productOf(service, connection.project);
  tell = (record) => told.push(record);
  told = [];
  warnings = [];
});
afterAll(() => service.stop());

const create = async (name: string, fields: Fields = {}): Promise<string> => {
  const answer = await connection.scim("POST", "/Users", user(name, fields));
  expect(answer.status).toBe(201);
  return answer.body.id;
};
const createReaders = async (count: number) => {
  for (let index = 0; index < count; index++) await create(`r${index}`);
};
const of = (kind: string, used: number, quota: number): QuotaRecord => ({
  projectId: connection.project.id,
  kind,
  used,
  quota,
});

describe("seatsLeft", () => {
  const seatsLeft = async () => (await product.admin("GET", "")).body.seatsLeft;

  test("what of each quota is free; null where it is unlimited", async () => {
    const fields = { quotas: { users: 2, readers: 3 } };
    const { body } = await service.admin("POST", "/projects", { name: "New", ...fields });
    expect(body.seatsLeft).toEqual({ users: 2, reviewers: null, readers: 3 });
    const own = productOf(service, body);
    await own.addMember({ userName: "a", type: "user" });
    await own.addMember({ userName: "b", type: "reader" });
    const left = { users: 1, reviewers: null, readers: 2 };
    expect((await own.admin("GET", "")).body.seatsLeft).toEqual(left);
    expect((await own.admin("PATCH", "", { name: "Newer" })).body.seatsLeft).toEqual(left);
    const { items } = (await service.admin("GET", "/projects?limit=200")).body;
    expect(items.find(({ id }: { id: string }) => id === body.id).seatsLeft).toEqual(left);
  });

  test("none, never less, where a quota was lowered below its usage", async () => {
    await createReaders(3);
    await product.setQuotas({ readers: 1, users: 0 });
    expect(await seatsLeft()).toEqual({ users: 0, reviewers: null, readers: 0 });
    await product.setQuotas({ readers: 4 });
    expect((await seatsLeft()).readers).toBe(1);
  });
});

describe("a quota of which 90 % are used is told of", () => {
  test("by each seat taken from there on, and not before", async () => {
    await product.setQuotas({ readers: 10 });
    await createReaders(8);
    expect(told).toEqual([]);
    await create("ninth");
    expect(told).toEqual([of("readers", 9, 10)]);
    await product.addMember({ userName: "tenth", type: "reader" });
    expect(told).toEqual([of("readers", 9, 10), of("readers", 10, 10)]);
    expect((await connection.scim("POST", "/Users", user("eleventh"))).status).toBe(403);
    expect(told).toHaveLength(2);
  });

  test("not by what takes no seat, gives one back, or changes something else", async () => {
    await product.setQuotas({ readers: 2 });
    const id = await create("first");
    await create("second");
    told = [];
    await create("inactive", { active: false });
    await connection.scim("PUT", `/Users/${id}`, user("renamed", { displayName: "R" }));
    await connection.scim("PATCH", `/Users/${id}`, activation(false));
    expect(told).toEqual([]);
    await connection.scim("PATCH", `/Users/${id}`, activation(true));
    expect(told).toEqual([of("readers", 2, 2)]);
  });

  test("not where it is unlimited, nor 0", async () => {
    await createReaders(2);
    await product.setQuotas({ readers: 0 });
    expect((await connection.scim("POST", "/Users", user("third"))).status).toBe(403);
    await create("inactive", { active: false });
    expect(told).toEqual([]);
  });

  test("by a conversion, of the kind that it takes", async () => {
    await product.setQuotas({ users: 1, readers: 20 });
    const id = await create("ann");
    await connection.scim("PATCH", `/Users/${id}`, conversion(true));
    expect(told).toEqual([of("users", 1, 1)]);
  });

  test("by a role that moves the seat, and by a sign-in", async () => {
    await product.setQuotas({ reviewers: 1, readers: 1 });
    const { id } = await product.addMember({ userName: "ann", type: "user" });
    await product.admin("PATCH", `/members/${id}`, { role: "reviewer" });
    const path = `/connections/${connection.connection.id}/sign-ins`;
    expect((await product.admin("POST", path, { subject: "ben" })).body.created).toBe(true);
    expect(told).toEqual([of("reviewers", 1, 1), of("readers", 1, 1)]);
  });

  test("by a lowered quota's next seat alone", async () => {
    await createReaders(3);
    await product.setQuotas({ readers: 3 });
    expect(told).toEqual([]);
    await product.setQuotas({ readers: 4 });
    await create("fourth");
    expect(told).toEqual([of("readers", 4, 4)]);
  });

  test("by creates in parallel as far as each has seen, never above the quota; the next one tells it all", async () => {
    await product.setQuotas({ users: 21 });
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => connection.scim("POST", "/Users", teamUser(`u${index}`))),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 201));
    for (const record of told) expect([of("users", 19, 21), of("users", 20, 21)]).toContainEqual(record);
    await connection.scim("POST", "/Users", teamUser("next"));
    expect(told.at(-1)).toEqual(of("users", 21, 21));
  });

  test("is never a reason to fail", async () => {
    const trouble = new Error("no log");
    tell = () => {
      throw trouble;
    };
    await product.setQuotas({ readers: 1 });
    await create("ann");
    expect(warnings).toEqual([trouble]);
    expect((await product.usage()).readers).toBe(1);
  });
});

test("the log has a line of it, and a metric of its own", () => {
  vi.stubEnv("POWERTOOLS_LOG_LEVEL", "WARN");
  vi.stubEnv("POWERTOOLS_METRICS_DISABLED", "false");
  const lines: string[] = [];
  const keep = (...parts: unknown[]) => lines.push(parts.join(" "));
  for (const level of ["log", "warn", "info"] as const) vi.spyOn(console, level).mockImplementation(keep);
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, "write").mockImplementation((chunk) => keep(chunk) > 0);
  }
  createLog().quotaNearlyUsed({ projectId: "p", kind: "users", used: 9, quota: 10 });
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  const [line, metric] = lines.map((text) => JSON.parse(text));
  expect(line).toMatchObject({ level: "WARN", message: "quota_nearly_used", projectId: "p", kind: "users" });
  expect(line).toMatchObject({ used: 9, quota: 10 });
  expect(metric).toMatchObject({ QuotaNearlyUsed: 1, service: "rollcall" });
  expect(metric["_aws"].CloudWatchMetrics).toEqual([
    {
      Namespace: "Rollcall",
      Dimensions: [["service"]],
      Metrics: [{ Name: "QuotaNearlyUsed", Unit: "Count" }],
    },
  ]);
});
