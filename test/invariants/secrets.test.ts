/**
 * No token, password, userName, email or name of a group in any line of the log, nor a token or password in any item of the table, and a
 * connection's secret for its cursors in neither a log nor an answer: over every operation, well and failing in every
 * way. DESIGN §1, 8.
 */

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { injectFaults } from "../support/faulty-client.ts";
import type { ServiceResponse, TestService } from "../support/service.ts";
import { dynamoError, noRetries } from "./disturbed-client.ts";
import {
  accountUrn,
  groupName,
  makeWorld,
  nameMark,
  operations,
  password,
  patchOf,
  perform,
  person,
  type World,
} from "./operations.ts";
import { type RawItem, scanTable } from "./table-contents.ts";
import { restoreTable } from "./table-copy.ts";

let world: World;
let client: DynamoDBClient;
let service: TestService;
/** What that call fails with, given what it was sent; calls count from 1. */
let failure: ((input: object) => Error) | undefined;
let failingCall = 1;
let calls = 0;
/** How many calls an operation makes, by its name. */
const callCounts = new Map<string, number>();
let lines: string[] = [];
/** What the table holds now, where that is known. */
let present: readonly RawItem[] | undefined;
/** Tokens answered since the world was made. */
const tokens = new Set<string>();
/** Of every connection there is, or was: they stay in the table, where alone they belong. */
const cursorSecrets = new Set<string>();

beforeAll(async () => {
  world = await makeWorld();
  for (const { token } of Object.values(world.connections)) tokens.add(token);
  rememberSecretsIn(world.items);
  client = world.table.newClient(noRetries);
  client.middlewareStack.add(
    (next) => async (args) => {
      if (++calls === failingCall && failure) throw failure(args.input);
      return next(args);
    },
    { step: "deserialize", priority: "high", name: "fail" },
  );
  // The logger as deployed, at its most talkative: it writes through streams of its own.
  vi.stubEnv("POWERTOOLS_LOG_LEVEL", "DEBUG");
  vi.stubEnv("POWERTOOLS_METRICS_DISABLED", "false");
  const keep = (chunk: unknown): boolean => {
    lines.push(String(chunk));
    return true;
  };
  vi.spyOn(process.stdout, "write").mockImplementation(keep);
  vi.spyOn(process.stderr, "write").mockImplementation(keep);
  for (const level of ["log", "info", "warn", "error", "debug"] as const) {
    vi.spyOn(console, level).mockImplementation((...parts: unknown[]) => {
      lines.push(parts.map(String).join(" "));
    });
  }
  service = await world.open({ client });
});
afterAll(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await world.table.stop();
});
beforeEach(async () => {
  failure = undefined;
  await restoreTable(world.table, world.items, present);
  present = undefined;
  lines = [];
});

function expectSilence(): void {
  expect(lines.length).toBeGreaterThan(0);
  for (const line of lines) {
    for (const secret of secrets()) {
      if (line.toLowerCase().includes(secret.toLowerCase())) expect(line).not.toContain(secret);
    }
  }
}

/** Every userName, email and name of a group holds the mark; of a token the part that is random is enough. */
function secrets(): readonly string[] {
  return [
    nameMark,
    password,
    encodeURIComponent(`@${nameMark}`),
    ...cursorSecrets,
    ...[...tokens].map((token) => token.slice(-59)),
  ];
}

function remember(answer: ServiceResponse): ServiceResponse {
  if (typeof answer.body?.token === "string") tokens.add(answer.body.token);
  expectNoCursorSecret(answer);
  return answer;
}

function rememberSecretsIn(items: readonly RawItem[]): void {
  for (const { cursorSecret } of items) if (cursorSecret?.S) cursorSecrets.add(cursorSecret.S);
}

function expectNoCursorSecret({ headers, body }: ServiceResponse): void {
  const shown = JSON.stringify([headers, body]);
  expect(shown).not.toContain("cursorSecret");
  for (const secret of cursorSecrets) expect(shown.includes(secret)).toBe(false);
}

test("what is logged is seen here", async () => {
  await perform(world, operations[0]!, service);
  expect(lines.some((line) => line.includes('"resource":"/scim/v2/{connectionId}/Users"'))).toBe(true);
  expect(lines.some((line) => line.includes('"Requests"'))).toBe(true);
});

/** Errors of kinds the service does not know, as full of the request as an SDK's may be. */
const failures: Readonly<Record<string, (input: object) => Error>> = {
  "an error of no known kind": () => new TypeError("Cannot read properties of undefined (reading 'S')"),
  "a refusal by DynamoDB": () => dynamoError("ValidationException", "The provided expression is not valid"),
  "a cancelled transaction that carries the items in its way": (input) =>
    Object.assign(dynamoError("TransactionCanceledException", "Transaction cancelled [ValidationError]"), {
      CancellationReasons: [{ Code: "ValidationError", Message: "refused", Item: input }],
    }),
  "an error that carries its request": (input) =>
    Object.assign(new Error("socket hang up"), {
      $metadata: { attempts: 1 },
      $response: { body: JSON.stringify(input) },
      request: { body: input },
    }),
  "an error caused by one that does": (input) =>
    new Error("wrapped", { cause: Object.assign(new Error("inner"), { input }) }),
  throttling: () => dynamoError("ThrottlingException", "Rate exceeded"),
  "a lost connection": () => Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" }),
};

test.each(operations)("$name: no secret in the log, none in the table", async (operation) => {
  calls = 0;
  expect(remember(await perform(world, operation, service)).status).toBe(operation.status);
  callCounts.set(operation.name, calls);
  expectSilence();
  present = await scanTable(world.table.client, world.table.tableName);
  rememberSecretsIn(present);
  const items = JSON.stringify(present);
  for (const secret of [password, ...[...tokens].map((token) => token.slice(-59))]) {
    expect(items.includes(secret)).toBe(false);
  }
  expect(items.toLowerCase()).not.toContain("password");
});

describe.each(Object.entries(failures))("every operation, failing by %s", (_, failing) => {
  test("where most is at stake", async () => {
    for (const operation of operations) {
      calls = 0;
      failure = failing;
      // A read names what it seeks at once; a write, in the end, all that it writes.
      failingCall = operation.method === "GET" ? 1 : callCounts.get(operation.name)!;
      expect((await perform(world, operation, service)).status).toBeGreaterThanOrEqual(200);
    }
    expectSilence();
  });
});

test("refused requests, each naming people in its answer", async () => {
  const { deactivate } = world.connections;
  const scim = service.adopt(deactivate).scim;
  const taken = person("ada");
  const ada = `/Users/${world.users["ada"]}`;
  const refused = [
    await scim("POST", "/Users", { body: taken }),
    await scim("POST", "/Users", { body: { ...taken, userName: 7 } }),
    await scim("POST", "/Users", { body: `{"userName": "ada@${nameMark}", "password": "${password}"` }),
    await scim("POST", "/Users", { body: { ...person("una"), [accountUrn]: { isTeamAccount: true } } }),
    await scim("POST", "/Users", { body: { ...taken, userName: `${"x".repeat(1_000)}@${nameMark}` } }),
    await scim("GET", `/Users?filter=${encodeURIComponent(`userName eq "ada@${nameMark}`)}`),
    await scim("GET", `/Users/ada@${nameMark}`),
    await scim("GET", `/Nothing/ada@${nameMark}`),
    await scim("PATCH", ada, {
      body: patchOf({ op: "replace", path: `emails[value eq "x@${nameMark}"`, value: 1 }),
    }),
    await scim("PATCH", ada, { body: patchOf({ op: "replace", path: "userName", value: `cy@${nameMark}` }) }),
    await scim("PATCH", ada, {
      body: patchOf({ op: "replace", path: "title", value: "t" }),
      headers: { "If-Match": `ada@${nameMark}` },
    }),
    await scim("POST", "/Groups", { body: { displayName: groupName("Team") } }),
    await scim("POST", "/Groups", { body: { displayName: groupName("New"), members: [{ value: ada }] } }),
    await scim("POST", "/Groups", { body: `{"displayName": "${groupName("New")}"` }),
    await scim("PUT", `/Groups/${world.groups["Pair"]}`, { body: { displayName: groupName("TEAM") } }),
    await scim("PATCH", `/Groups/${world.groups["Pair"]}`, {
      body: patchOf({ op: "replace", path: "displayName", value: `${"x".repeat(1_000)} ${nameMark}` }),
    }),
    await scim("PATCH", `/Groups/${world.groups["Pair"]}`, {
      body: patchOf({ op: "add", path: `members[display eq "${groupName("Ada")}"]` }),
    }),
    await scim("GET", `/Groups?filter=${encodeURIComponent(`displayName eq "${groupName("Team")}`)}`),
    await scim("GET", `/Groups/${encodeURIComponent(groupName("Team"))}`),
    await scim("GET", "/Users", { token: `${deactivate.token.slice(0, -1)}z` }),
    await scim("GET", "/Users", { token: `ada@${nameMark}` }),
    await scim("GET", "/Users", { headers: { Authorization: `Basic ${deactivate.token}` } }),
    await service.scim("GET", `/scim/v2/ada@${nameMark}/Users`, { token: deactivate.token }),
    await service.admin("POST", `/projects/${world.projectId}/members`, {
      userName: taken.userName,
      type: "user",
    }),
    await service.admin("POST", `/projects/${world.projectId}/members`, { user: taken.userName, password }),
    await service.admin("PATCH", `/projects/${world.projectId}/members/${world.members["ada"]}`, {
      userName: `adele@${nameMark}`,
    }),
    await service.admin("GET", `/projects/ada@${nameMark}`),
    await service.admin("GET", `/projects/${world.projectId}/members?limit=ada@${nameMark}`),
    await service.admin("GET", `/projects/${world.projectId}/members?cursor=ada@${nameMark}`),
  ];
  for (const { status } of refused) {
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
  }
  expectSilence();
});

test("a token's use that could not be noted", async () => {
  const faults = injectFaults(client);
  faults.arm({ call: 2, when: "before", kind: "network" });
  expect((await perform(world, operations.find(({ name }) => name === "read")!, service)).status).toBe(200);
  faults.disarm();
  expect(lines.some((line) => line.includes("WARN"))).toBe(true);
  expectSilence();
});

test("the secret of a connection's cursors: made with it, 256 bits, in no answer that shows or changes it, nor in a cursor", async () => {
  const { project, connection, scim } = service.adopt(world.connections.deactivate);
  expect(cursorSecrets.size).toBeGreaterThanOrEqual(Object.keys(world.connections).length);
  for (const secret of cursorSecrets) expect(Buffer.from(secret, "base64url")).toHaveLength(32);
  const path = `/projects/${project.id}/connections`;
  const answers = [
    await service.admin("POST", path, { name: "New" }),
    await service.admin("GET", path),
    await service.admin("GET", `${path}/${connection.id}`),
    await service.admin("PATCH", `${path}/${connection.id}`, { name: "Renamed" }),
    await service.admin("GET", "/openapi.json"),
    await scim("GET", "/Users?cursor&count=1"),
    await scim("GET", "/Users?cursor=forged"),
    await scim("POST", "/.search", { body: { cursor: "", count: 1 } }),
  ];
  rememberSecretsIn(await scanTable(world.table.client, world.table.tableName));
  answers.forEach(expectNoCursorSecret);
  const { nextCursor } = answers[5]!.body;
  const bytes = Buffer.from(nextCursor, "base64url").toString("hex");
  for (const secret of cursorSecrets) {
    expect(bytes).not.toContain(Buffer.from(secret, "base64url").toString("hex").slice(0, 16));
  }
  expectSilence();
});

test("the secret survives every change of its connection", async () => {
  const { project, connection, scim } = service.adopt(world.connections.deactivate);
  const { nextCursor } = (await scim("GET", "/Users?cursor&count=1")).body;
  const path = `/projects/${project.id}/connections/${connection.id}`;
  await service.admin("PATCH", path, { name: "Renamed", onDelete: "delete" });
  const { token } = (await service.admin("POST", `${path}/tokens/rotate`, {})).body;
  expect((await scim("GET", `/Users?cursor=${nextCursor}&count=1`, { token })).status).toBe(200);
});
