import { DynamoDBClient, TransactionCanceledException } from "@aws-sdk/client-dynamodb";
import {
  BatchGetCommand,
  DynamoDBDocumentClient,
  QueryCommand,
  TransactGetCommand,
  TransactWriteCommand,
} from "@aws-sdk/lib-dynamodb";
import { mockClient } from "aws-sdk-client-mock";
import "aws-sdk-client-mock-vitest/extend";
import { beforeEach, describe, expect, test } from "vitest";
import { createAdminHandler } from "../../lambda/handlers/admin.ts";
import { createRuntime } from "../../lambda/runtime/runtime.ts";
import { eventOf, lambdaContext, requestId } from "./event.ts";
import { claimItem, now, projectId, projectItem, seatPoolItems, tableName, userItem } from "./stored.ts";

const table = mockClient(DynamoDBDocumentClient);
beforeEach(() => table.reset());

const handler = createAdminHandler(
  createRuntime({
    client: new DynamoDBClient({ region: "us-east-1" }),
    tableName,
    clock: () => now,
    sleep: async () => {},
  }),
);

/** `path` comes after `/admin/v1/`. Who may call, API Gateway has decided (IAM). */
async function call(method: string, path: string, body?: unknown) {
  const request = { method, route: "/admin/v1/{proxy+}", parameters: { proxy: path }, body };
  const response = await handler(eventOf(request), lambdaContext);
  return { ...response, json: response.body === "" ? undefined : JSON.parse(response.body) };
}

const found = (...items: readonly object[]) => ({
  Responses: { [tableName]: items as Record<string, unknown>[] },
});
const pools = seatPoolItems() as Record<string, unknown>[];
const cancelled = (code: string) =>
  new TransactionCanceledException({
    message: `Transaction cancelled [${code}]`,
    CancellationReasons: [{ Code: code }],
    $metadata: {},
  });

describe("success", () => {
  test("POST /projects puts the project and its seat pools in one transaction", async () => {
    table.on(TransactWriteCommand).resolves({});

    const response = await call("POST", "projects", { name: "Acme", quotas: { users: 100 } });

    expect(response.statusCode).toBe(201);
    expect(response.headers).toMatchObject({ "Content-Type": "application/json" });
    expect(response.json).toMatchObject({ name: "Acme", quotas: { users: 100, readers: null } });
    expect(table).toHaveReceivedCommandTimes(TransactWriteCommand, 1);
    const [written] = table.commandCalls(TransactWriteCommand);
    for (const item of written!.args[0].input.TransactItems!) {
      expect(item.Put).toMatchObject({ ConditionExpression: "attribute_not_exists(pk)" });
    }
  });

  test("GET /projects/{projectId} tells usage as of one instant", async () => {
    const full = pools.map((pool) => ({ Item: { ...pool, readersUsed: 2 } }));
    table.on(TransactGetCommand).resolves({ Responses: [{ Item: { ...projectItem } }, ...full] });

    const response = await call("GET", `projects/${projectId}`);

    expect(response.json).toMatchObject({
      id: projectId,
      usage: { users: 0, reviewers: 0, readers: 2 * pools.length },
    });
    expect(table).toHaveReceivedCommandTimes(TransactGetCommand, 1);
  });
});

test("a body that is not valid: 400 validation_failed, and the table is not asked", async () => {
  const response = await call("POST", "projects", { name: "", plan: "gold" });
  expect(response.statusCode).toBe(400);
  expect(response.headers?.["Content-Type"]).toBe("application/problem+json");
  expect(response.json).toMatchObject({
    code: "validation_failed",
    errors: [
      { path: "name", message: expect.any(String) },
      { path: "plan", message: expect.any(String) },
    ],
  });
  expect(table).not.toHaveReceivedAnyCommand();
});

describe("a cancelled transaction", () => {
  const createAnn = () =>
    call("POST", `projects/${projectId}/members`, { userName: "ann@example.com", type: "reader" });

  test("ConditionalCheckFailed: read again, decided anew: the name was taken meanwhile", async () => {
    table.on(QueryCommand).resolves({ Items: pools });
    table
      .on(BatchGetCommand)
      .resolvesOnce(found(projectItem))
      .resolvesOnce(found())
      .resolvesOnce(found(projectItem))
      .resolvesOnce(found(claimItem))
      .resolves(found(userItem));
    table.on(TransactWriteCommand).rejects(cancelled("ConditionalCheckFailed"));

    const response = await createAnn();

    expect([response.statusCode, response.json.code]).toEqual([409, "duplicate_member"]);
    expect(table).toHaveReceivedCommandTimes(TransactWriteCommand, 1);
  });

  test("TransactionConflict until the attempts are exhausted: 429 with Retry-After", async () => {
    table.on(QueryCommand).resolves({ Items: pools });
    table.on(BatchGetCommand).resolves(found(projectItem));
    table.on(TransactWriteCommand).rejects(cancelled("TransactionConflict"));

    const response = await createAnn();

    expect([response.statusCode, response.json.code]).toEqual([429, "throttled"]);
    expect(response.headers?.["Retry-After"]).toBe("2");
  });
});

test("a throttled table: 429 with Retry-After", async () => {
  const error = Object.assign(new Error("slow down"), { name: "ProvisionedThroughputExceededException" });
  table.on(QueryCommand).rejects(error);
  const response = await call("GET", "projects");
  expect([response.statusCode, response.headers?.["Retry-After"]]).toEqual([429, "2"]);
  expect(response.json.code).toBe("throttled");
});

test.each([{ code: "ECONNREFUSED" }, { name: "TimeoutError" }])(
  "an unreachable table (%j): 503 with Retry-After",
  async (fields) => {
    table.on(QueryCommand).rejects(Object.assign(new Error("no answer"), fields));
    const response = await call("GET", "projects");
    expect([response.statusCode, response.headers?.["Retry-After"]]).toEqual([503, "5"]);
    expect(response.json.code).toBe("unavailable");
  },
);

test("an unknown error: 500 with the request id, and nothing of the cause", async () => {
  table.on(QueryCommand).rejects(new Error("secret"));
  const response = await call("GET", "projects");
  expect(response.statusCode).toBe(500);
  expect(response.json).toMatchObject({ code: "internal", detail: expect.stringContaining(requestId) });
  expect(response.body).not.toContain("secret");
});
