import { DynamoDBClient, TransactionCanceledException } from "@aws-sdk/client-dynamodb";
import {
  BatchGetCommand,
  DynamoDBDocumentClient,
  QueryCommand,
  TransactWriteCommand,
} from "@aws-sdk/lib-dynamodb";
import { mockClient } from "aws-sdk-client-mock";
import "aws-sdk-client-mock-vitest/extend";
import { beforeEach, describe, expect, test } from "vitest";
import { createUsersHandler } from "../../lambda/handlers/users.ts";
import { createRuntime } from "../../lambda/runtime/runtime.ts";
import { eventOf, lambdaContext, type Request, requestId } from "./event.ts";
import {
  authorization,
  claimItem,
  connectionId,
  connectionItem,
  now,
  rosterItemsOf,
  seatPoolItems,
  tableName,
  userId,
  userItem,
} from "./stored.ts";

const table = mockClient(DynamoDBDocumentClient);
beforeEach(() => table.reset());

const handler = createUsersHandler(
  createRuntime({
    client: new DynamoDBClient({ region: "us-east-1" }),
    tableName,
    clock: () => now,
    sleep: async () => {},
  }),
);

async function call(request: Omit<Request, "route" | "parameters">, id?: string) {
  const response = await handler(
    eventOf({
      route: `/scim/v2/{connectionId}/Users${id === undefined ? "" : "/{id}"}`,
      parameters: { connectionId, ...(id !== undefined && { id }) },
      headers: authorization,
      ...request,
    }),
    lambdaContext,
  );
  return { ...response, json: response.body === "" ? undefined : JSON.parse(response.body) };
}

const getAnn = () => call({}, userId);
const createAnn = () => call({ method: "POST", body: { userName: "ann@example.com" } });
const patchAnn = () =>
  call(
    {
      method: "PATCH",
      body: {
        schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        Operations: [{ op: "replace", path: "title", value: "Dr" }],
      },
    },
    userId,
  );

const found = (...items: readonly object[]) => ({
  Responses: { [tableName]: items as Record<string, unknown>[] },
});
const cancelled = (code: string) =>
  new TransactionCanceledException({
    message: `Transaction cancelled [${code}]`,
    CancellationReasons: [{ Code: "None" }, { Code: code }],
    $metadata: {},
  });

describe("success", () => {
  test("GET reads the credential and the user in one strong batch, and writes nothing", async () => {
    table.on(BatchGetCommand).resolves(found(connectionItem, userItem));

    const response = await getAnn();

    expect(response.statusCode).toBe(200);
    expect(response.headers).toMatchObject({ "Content-Type": "application/scim+json", ETag: 'W/"1"' });
    expect(response.json).toMatchObject({ id: userId, userName: "ann@example.com", active: true });
    expect(table).toHaveReceivedCommandTimes(BatchGetCommand, 1);
    expect(table).toHaveReceivedCommandWith(BatchGetCommand, {
      RequestItems: { [tableName]: expect.objectContaining({ ConsistentRead: true }) },
    });
    expect(table).not.toHaveReceivedCommand(TransactWriteCommand);
  });

  test("POST writes row, claim, roster and seat in one transaction, each under a condition", async () => {
    table.on(BatchGetCommand).resolves(found(connectionItem));
    table.on(QueryCommand).resolves({ Items: seatPoolItems() as Record<string, unknown>[] });
    table.on(TransactWriteCommand).resolves({});

    const response = await createAnn();

    expect(response.statusCode).toBe(201);
    expect(response.headers?.["Location"]).toBe(
      `https://scim.example.com/scim/v2/${connectionId}/Users/${response.json.id}`,
    );
    const [written] = table.commandCalls(TransactWriteCommand);
    const actions = written!.args[0].input.TransactItems!.flatMap((item) => Object.values(item));
    expect(actions.length).toBeGreaterThanOrEqual(4);
    for (const action of actions) expect(action).toHaveProperty("ConditionExpression");
  });
});

describe("a refusal of our own", () => {
  test("a mistyped token: 401, and the table is not asked", async () => {
    const response = await call({ headers: { Authorization: "Bearer rollcall_mistyped" } }, userId);
    expect(response.statusCode).toBe(401);
    expect(response.headers?.["WWW-Authenticate"]).toMatch(/^Bearer /);
    expect(table).not.toHaveReceivedAnyCommand();
  });

  test("no seat free: 403, and nothing is written", async () => {
    const pools = seatPoolItems({ readers: 0 });
    table.on(BatchGetCommand).resolves(found(connectionItem));
    table.on(QueryCommand).resolves({ Items: pools as Record<string, unknown>[] });
    // "Full" is said from one instant only.
    const { TransactGetCommand } = await import("@aws-sdk/lib-dynamodb");
    table.on(TransactGetCommand).resolves({ Responses: pools.map((Item) => ({ Item })) });

    const response = await createAnn();

    expect(response.statusCode).toBe(403);
    expect(response.json.detail).toContain('"readers" is 0');
    expect(table).not.toHaveReceivedCommand(TransactWriteCommand);
  });
});

describe("a throttled table", () => {
  const throttled = Object.assign(new Error("Throughput exceeds the current capacity of your table"), {
    name: "ProvisionedThroughputExceededException",
  });

  test("on a read: 429 with Retry-After", async () => {
    table.on(BatchGetCommand).rejects(throttled);

    const response = await getAnn();

    expect(response.statusCode).toBe(429);
    expect(response.headers?.["Retry-After"]).toBe("2");
    expect(response.json).toEqual({
      schemas: ["urn:ietf:params:scim:api:messages:2.0:Error"],
      status: "429",
      detail: expect.not.stringContaining("Throughput"),
    });
  });

  test("on a write: the transaction is repeated under its token, then 429", async () => {
    table.on(BatchGetCommand).resolves(found(connectionItem, userItem));
    table.on(TransactWriteCommand).rejects(cancelled("ThrottlingError"));

    const response = await patchAnn();

    expect(response.statusCode).toBe(429);
    const tokens = table
      .commandCalls(TransactWriteCommand)
      .map(({ args }) => args[0].input.ClientRequestToken);
    expect(tokens.length).toBeGreaterThan(1);
    expect(new Set(tokens).size).toBe(1);
  });

  test("in part: what was not read is read again", async () => {
    table
      .on(BatchGetCommand)
      .resolvesOnce({
        ...found(connectionItem),
        UnprocessedKeys: { [tableName]: { Keys: [{ pk: userItem["pk"], sk: userItem["sk"] }] } },
      })
      .resolves(found(userItem));

    expect((await getAnn()).statusCode).toBe(200);
    expect(table).toHaveReceivedCommandTimes(BatchGetCommand, 2);
  });
});

describe("a cancelled transaction", () => {
  test("ConditionalCheckFailed: read again, decided anew: done", async () => {
    table.on(BatchGetCommand).resolves(found(connectionItem, userItem));
    table.on(TransactWriteCommand).rejectsOnce(cancelled("ConditionalCheckFailed")).resolves({});

    expect((await patchAnn()).statusCode).toBe(200);
    // The row twice, and once whether a sync failure of the user is open.
    expect(table).toHaveReceivedCommandTimes(BatchGetCommand, 3);
    expect(table).toHaveReceivedCommandTimes(TransactWriteCommand, 2);
  });

  test("ConditionalCheckFailed: read again, decided anew: somebody else took the name meanwhile", async () => {
    table.on(QueryCommand).resolves({ Items: seatPoolItems() as Record<string, unknown>[] });
    table
      .on(BatchGetCommand)
      .resolvesOnce(found(connectionItem))
      .resolves(found(connectionItem, claimItem, userItem));
    table.on(TransactWriteCommand).rejects(cancelled("ConditionalCheckFailed"));

    const response = await createAnn();

    expect(response.statusCode).toBe(409);
    expect(response.json.scimType).toBe("uniqueness");
    expect(table).toHaveReceivedCommandTimes(TransactWriteCommand, 1);
  });

  test("TransactionConflict until the attempts are exhausted: 429 with Retry-After, never 500", async () => {
    table.on(BatchGetCommand).resolves(found(connectionItem, userItem));
    table.on(TransactWriteCommand).rejects(cancelled("TransactionConflict"));

    const response = await patchAnn();

    expect(response.statusCode).toBe(429);
    expect(response.headers?.["Retry-After"]).toBe("2");
    expect(table.commandCalls(TransactWriteCommand).length).toBeGreaterThan(10);
  });
});

describe("an unreachable table: 503 with Retry-After", () => {
  test.each([
    [
      "nobody listens",
      Object.assign(new Error("connect ECONNREFUSED 10.0.0.1:443"), { code: "ECONNREFUSED" }),
    ],
    ["it does not answer", Object.assign(new Error("Request did not complete"), { name: "TimeoutError" })],
    ["its name is unknown", Object.assign(new Error("getaddrinfo ENOTFOUND"), { code: "ENOTFOUND" })],
    [
      "it has an error of its own",
      Object.assign(new Error("Internal"), {
        name: "InternalServerError",
        $metadata: { httpStatusCode: 500 },
      }),
    ],
  ])("%s", async (_, error) => {
    table.on(BatchGetCommand).rejects(error);

    const response = await getAnn();

    expect(response.statusCode).toBe(503);
    expect(response.headers?.["Retry-After"]).toBe("5");
    expect(response.body).not.toContain(error.message);
  });
});

describe("an unknown error", () => {
  test("500 with the request id, and nothing of the cause", async () => {
    table.on(BatchGetCommand).rejects(new Error("secret of arn:aws:dynamodb:eu-west-1:123456789012:table/x"));

    const response = await getAnn();

    expect(response.statusCode).toBe(500);
    expect(response.json).toEqual({
      schemas: ["urn:ietf:params:scim:api:messages:2.0:Error"],
      status: "500",
      detail: expect.stringContaining(requestId),
    });
    expect(response.body).not.toMatch(/secret|arn:aws/);
  });

  test("an item that is not as it should be is no reason to answer something else", async () => {
    table.on(BatchGetCommand).resolves(found(connectionItem, { ...userItem, version: "one" }));
    expect((await getAnn()).statusCode).toBe(500);
  });
});

describe("[81] a connection with more users than one query may read", () => {
  const users = 10_001;
  const stored = () => {
    table
      .on(BatchGetCommand)
      .resolves({ Responses: { [tableName]: [connectionItem as Record<string, unknown>] } });
    table.on(QueryCommand).resolves({ Items: rosterItemsOf(users).map((item) => ({ ...item })) });
  };
  const list = (query: Record<string, string>) => {
    stored();
    return call({ query });
  };

  test.each([
    ["a filter without a key", { filter: 'displayName co "a"' }],
    ["a sort", { sortBy: "displayName" }],
  ])("%s: 400 tooMany that names the limit and the way out, and no user is read", async (_, query) => {
    const response = await list(query);
    expect([response.statusCode, response.json.scimType]).toEqual([400, "tooMany"]);
    expect(response.json.detail).toContain("10000 (usersScannedMax)");
    expect(response.json.detail).toContain("userName");
    expect(table).toHaveReceivedCommandTimes(QueryCommand, 1);
  });

  test("by .search likewise", async () => {
    stored();
    const response = await call({ method: "POST", body: { filter: 'displayName co "a"' } }, ".search");
    expect([response.statusCode, response.json.scimType]).toEqual([400, "tooMany"]);
  });

  test("totalResults is the roster's, without reading a user", async () => {
    const response = await list({ count: "0" });
    expect([response.statusCode, response.json.totalResults]).toEqual([200, users]);
    expect(table).toHaveReceivedCommandTimes(QueryCommand, 1);
  });
});
