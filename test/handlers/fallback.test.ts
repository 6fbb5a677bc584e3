import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { BatchGetCommand, DynamoDBDocumentClient, TransactWriteCommand } from "@aws-sdk/lib-dynamodb";
import { mockClient } from "aws-sdk-client-mock";
import "aws-sdk-client-mock-vitest/extend";
import { beforeEach, describe, expect, test } from "vitest";
import { createFallbackHandler } from "../../lambda/handlers/fallback.ts";
import { createRuntime } from "../../lambda/runtime/runtime.ts";
import { eventOf, lambdaContext, type Request, requestId } from "./event.ts";
import { authorization, connectionId, connectionItem, now, tableName, userId, userItem } from "./stored.ts";

const table = mockClient(DynamoDBDocumentClient);
beforeEach(() => table.reset());

const handler = createFallbackHandler(
  createRuntime({
    client: new DynamoDBClient({ region: "us-east-1" }),
    tableName,
    clock: () => now,
    sleep: async () => {},
  }),
);

/** `path` is what API Gateway could not match: everything after `/scim/`. */
async function call(path: string, request: Partial<Request> = {}) {
  const response = await handler(
    eventOf({
      route: "/scim/{proxy+}",
      parameters: { proxy: path },
      headers: authorization,
      ...request,
    }),
    lambdaContext,
  );
  return { ...response, json: JSON.parse(response.body) };
}

const found = (...items: readonly object[]) => ({
  Responses: { [tableName]: items as Record<string, unknown>[] },
});

describe("success", () => {
  test.each([
    `v2//${connectionId}//Users//${userId}`,
    `v2/${connectionId}/Users/${userId}/`,
    `V2/${connectionId}/users/${userId}`,
  ])("a path a little off is served: %s", async (path) => {
    table.on(BatchGetCommand).resolves(found(connectionItem, userItem));
    const response = await call(path);
    expect(response.statusCode).toBe(200);
    expect(response.json.meta.location).toBe(
      `https://scim.example.com/scim/v2/${connectionId}/Users/${userId}`,
    );
  });
});

describe("refusals", () => {
  test("[71] an unknown endpoint: 404, once it is known who asks", async () => {
    table.on(BatchGetCommand).resolves(found(connectionItem));
    expect((await call(`v2/${connectionId}/Robots`)).statusCode).toBe(404);
    expect((await call(`v2/${connectionId}/Robots`, { headers: {} })).statusCode).toBe(401);
    expect(table).toHaveReceivedCommandTimes(BatchGetCommand, 1);
  });

  test("[11] another version: 400 invalidVers, once it is known who asks", async () => {
    table.on(BatchGetCommand).resolves(found(connectionItem));
    const response = await call(`v1/${connectionId}/Users`);
    expect([response.statusCode, response.json.scimType]).toEqual([400, "invalidVers"]);
    expect((await call(`v1/${connectionId}/Users`, { headers: {} })).statusCode).toBe(401);
  });
});

test("a throttled table: 429 with Retry-After", async () => {
  table.on(BatchGetCommand).rejects(Object.assign(new Error("slow down"), { name: "RequestLimitExceeded" }));
  const response = await call(`v2/${connectionId}/Users/${userId}/`);
  expect([response.statusCode, response.headers?.["Retry-After"]]).toEqual([429, "2"]);
});

test("a transaction that is always overtaken: 429 with Retry-After", async () => {
  table.on(BatchGetCommand).resolves(found(connectionItem, userItem));
  const cancelled = Object.assign(new Error("cancelled"), {
    name: "TransactionCanceledException",
    CancellationReasons: [{ Code: "TransactionConflict" }],
  });
  table.on(TransactWriteCommand).rejects(cancelled);
  const response = await call(`v2/${connectionId}/Users/${userId}/`, {
    method: "PUT",
    body: { userName: "ann@example.com", title: "Dr" },
  });
  expect([response.statusCode, response.headers?.["Retry-After"]]).toEqual([429, "2"]);
});

test.each([{ code: "ECONNREFUSED" }, { name: "TimeoutError" }])(
  "an unreachable table (%j): 503 with Retry-After",
  async (fields) => {
    table.on(BatchGetCommand).rejects(Object.assign(new Error("no answer"), fields));
    const response = await call(`v2/${connectionId}/Users/${userId}/`);
    expect([response.statusCode, response.headers?.["Retry-After"]]).toEqual([503, "5"]);
  },
);

test("an unknown error: 500 with the request id, and nothing of the cause", async () => {
  table.on(BatchGetCommand).rejects(new Error("secret"));
  const response = await call(`v2/${connectionId}/Users/${userId}/`);
  expect(response.statusCode).toBe(500);
  expect(response.json.detail).toContain(requestId);
  expect(response.body).not.toContain("secret");
});
