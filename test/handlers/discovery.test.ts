import {
  BatchGetCommand,
  DynamoDBDocumentClient,
  TransactWriteCommand,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import { mockClient } from "aws-sdk-client-mock";
import "aws-sdk-client-mock-vitest/extend";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { eventOf, lambdaContext, requestId } from "./event.ts";
import { authorization, connectionId, connectionItem, tableName } from "./stored.ts";

// The function as it is deployed: configured by its environment. Its clock is the real one.
vi.stubEnv("TABLE_NAME", tableName);
vi.stubEnv("AWS_REGION", "us-east-1");
const { handler } = await import("../../lambda/handlers/discovery.ts");

const table = mockClient(DynamoDBDocumentClient);
beforeEach(() => table.reset());

async function get(endpoint: string, method = "GET") {
  const response = await handler(
    eventOf({
      method,
      route: `/scim/v2/{connectionId}${endpoint}`,
      parameters: { connectionId },
      headers: authorization,
    }),
    lambdaContext,
  );
  return { ...response, json: JSON.parse(response.body) };
}

const found = { Responses: { [tableName]: [connectionItem as Record<string, unknown>] } };

describe("success", () => {
  test("GET /ServiceProviderConfig reads the credential, and notes its use", async () => {
    table.on(BatchGetCommand).resolves(found);
    table.on(UpdateCommand).resolves({});

    const response = await get("/ServiceProviderConfig");

    expect(response.statusCode).toBe(200);
    expect(response.json).toMatchObject({ patch: { supported: true } });
    expect(table).toHaveReceivedCommandTimes(BatchGetCommand, 1);
    expect(table).toHaveReceivedCommandExactlyOnceWith(UpdateCommand, { TableName: tableName });
    expect(table).not.toHaveReceivedCommand(TransactWriteCommand);
  });

  test("that the use could not be noted is no reason to refuse", async () => {
    table.on(BatchGetCommand).resolves(found);
    table.on(UpdateCommand).rejects(Object.assign(new Error("slow down"), { name: "ThrottlingException" }));
    expect((await get("/Schemas")).statusCode).toBe(200);
  });

  test("GET /healthz asks neither for a token nor the table", async () => {
    const response = await handler(eventOf({ route: "/healthz" }), lambdaContext);
    expect(JSON.parse(response.body)).toMatchObject({ status: "ok" });
    expect(table).not.toHaveReceivedAnyCommand();
  });
});

test("another method: 405 with Allow, once it is known who asks", async () => {
  table.on(BatchGetCommand).resolves(found);
  const response = await get("/ResourceTypes", "POST");
  expect([response.statusCode, response.headers?.["Allow"]]).toEqual([405, "GET"]);
  expect(table).toHaveReceivedCommandTimes(BatchGetCommand, 1);
});

test("a connection that is not there: 401", async () => {
  table.on(BatchGetCommand).resolves({ Responses: { [tableName]: [] } });
  expect((await get("/Schemas")).statusCode).toBe(401);
});

test("a throttled table: 429 with Retry-After", async () => {
  table.on(BatchGetCommand).rejects(Object.assign(new Error("slow down"), { name: "ThrottlingException" }));
  const response = await get("/Schemas");
  expect([response.statusCode, response.headers?.["Retry-After"]]).toEqual([429, "2"]);
});

test.each([{ code: "ECONNREFUSED" }, { name: "TimeoutError" }])(
  "an unreachable table (%j): 503 with Retry-After",
  async (fields) => {
    table.on(BatchGetCommand).rejects(Object.assign(new Error("no answer"), fields));
    const response = await get("/Schemas");
    expect([response.statusCode, response.headers?.["Retry-After"]]).toEqual([503, "5"]);
  },
);

test("an unknown error: 500 with the request id, and nothing of the cause", async () => {
  table.on(BatchGetCommand).rejects(new Error("secret"));
  const response = await get("/Me");
  expect(response.statusCode).toBe(500);
  expect(response.json.detail).toContain(requestId);
  expect(response.body).not.toContain("secret");
});
