import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { BatchGetCommand, DynamoDBDocumentClient, TransactWriteCommand } from "@aws-sdk/lib-dynamodb";
import { mockClient } from "aws-sdk-client-mock";
import "aws-sdk-client-mock-vitest/extend";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { createBulkHandler } from "../../lambda/handlers/bulk.ts";
import { bulkEndpoint } from "../../lambda/http/bulk-endpoint.ts";
import { lambdaFunction } from "../../lambda/http/lambda-function.ts";
import { scimService } from "../../lambda/http/scim-router.ts";
import { createLog } from "../../lambda/runtime/log.ts";
import { createRuntime } from "../../lambda/runtime/runtime.ts";
import { eventOf, lambdaContext, type Request, requestId } from "./event.ts";
import { authorization, connectionId, connectionItem, now, tableName, userId, userItem } from "./stored.ts";

const table = mockClient(DynamoDBDocumentClient);
const failure = vi.fn();
beforeEach(() => {
  table.reset();
  failure.mockReset();
});

const runtime = createRuntime({
  client: new DynamoDBClient({ region: "us-east-1" }),
  tableName,
  clock: () => now,
  sleep: async () => {},
  log: { ...createLog(), failure },
});
const handler = createBulkHandler(runtime);

const patchAnn = {
  method: "PATCH",
  path: `/Users/${userId}`,
  data: { Operations: [{ op: "replace", path: "title", value: "Dr" }] },
};

async function call(operations: readonly unknown[], request: Partial<Request> = {}, serve = handler) {
  const response = await serve(
    eventOf({
      method: "POST",
      route: "/scim/v2/{connectionId}/Bulk",
      parameters: { connectionId },
      headers: authorization,
      body: { Operations: operations },
      ...request,
    }),
    lambdaContext,
  );
  return { ...response, json: JSON.parse(response.body) };
}

const found = (...items: readonly object[]) => ({
  Responses: { [tableName]: items as Record<string, unknown>[] },
});

test("each operation reads and writes as a request of its own would", async () => {
  table.on(BatchGetCommand).resolves(found(connectionItem, userItem));
  table.on(TransactWriteCommand).resolves({});

  const response = await call([patchAnn, { method: "DELETE", path: "/Users/nobody" }]);

  expect(response.statusCode).toBe(200);
  expect(response.headers).toMatchObject({ "Content-Type": "application/scim+json" });
  expect(response.json.Operations).toMatchObject([
    {
      method: "PATCH",
      location: `https://scim.example.com/scim/v2/${connectionId}/Users/${userId}`,
      version: 'W/"2"',
      status: "200",
    },
    { method: "DELETE", status: "404", response: { status: "404" } },
  ]);
  const [written] = table.commandCalls(TransactWriteCommand);
  const actions = written!.args[0].input.TransactItems!.flatMap((item) => Object.values(item));
  for (const action of actions) expect(action).toHaveProperty("ConditionExpression");
  expect(table).toHaveReceivedCommandTimes(TransactWriteCommand, 1);
});

describe("refusals", () => {
  test("without a token: 401 for the whole, before anything is read", async () => {
    const response = await call([patchAnn], { headers: {} });
    expect([response.statusCode, response.headers?.["WWW-Authenticate"]]).toEqual([
      401,
      expect.stringContaining("Bearer"),
    ]);
    expect(table).not.toHaveReceivedAnyCommand();
  });

  test("resources that no endpoint serves: 501 for each operation on them", async () => {
    table.on(BatchGetCommand).resolves(found(connectionItem));
    const service = scimService([bulkEndpoint([])]);
    const bare = lambdaFunction({ functionName: "bulk", dialect: "scim", runtime: () => runtime, service });
    const response = await call([patchAnn, { method: "DELETE", path: "/Groups/1" }], {}, bare);
    expect(response.json.Operations).toMatchObject([{ status: "501" }, { status: "501" }]);
  });
});

test("a defect within an operation is told by the request's id, and logged in full", async () => {
  const cause = new Error("secret");
  table.on(BatchGetCommand).resolvesOnce(found(connectionItem)).rejects(cause);
  const response = await call([patchAnn]);
  expect(response.json.Operations).toMatchObject([{ status: "500", response: { status: "500" } }]);
  expect(response.body).toContain(requestId);
  expect(response.body).not.toContain("secret");
  expect(failure).toHaveBeenCalledExactlyOnceWith("internal", cause, requestId);
});

test("a throttled table: 429 for the whole while nothing has begun, then for each operation", async () => {
  const slow = Object.assign(new Error("slow down"), { name: "ThrottlingException" });
  table.on(BatchGetCommand).rejects(slow);
  const refused = await call([patchAnn]);
  expect([refused.statusCode, refused.headers?.["Retry-After"]]).toEqual([429, "2"]);

  table.reset();
  table.on(BatchGetCommand).resolvesOnce(found(connectionItem)).rejects(slow);
  const { json } = await call([patchAnn, { ...patchAnn, path: "/Users/nobody" }]);
  expect(json.Operations).toMatchObject([{ status: "429" }, { status: "429" }]);
});

test("a change that is overtaken gives up once the bulk request has used up its time", async () => {
  let time = now;
  const late = createBulkHandler({ ...runtime, context: { ...runtime.context, clock: () => time } });
  const takes = (seconds: number, error?: Error) => () => {
    time += seconds * 1_000;
    if (error) throw error;
    return {};
  };
  const conflict = Object.assign(new Error("cancelled"), {
    name: "TransactionCanceledException",
    CancellationReasons: [{ Code: "TransactionConflict" }],
  });
  table.on(BatchGetCommand).resolves(found(connectionItem, userItem));
  table.on(TransactWriteCommand).callsFakeOnce(takes(12)).callsFake(takes(4, conflict));
  const { json } = await call([patchAnn, patchAnn, patchAnn], {}, late);
  expect(json.Operations).toMatchObject([{ status: "200" }, { status: "429" }, { status: "503" }]);
  expect(table).toHaveReceivedCommandTimes(TransactWriteCommand, 2);
});
