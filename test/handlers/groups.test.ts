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
import { createGroupsHandler } from "../../lambda/handlers/groups.ts";
import { createRuntime } from "../../lambda/runtime/runtime.ts";
import { eventOf, lambdaContext, type Request, requestId } from "./event.ts";
import {
  authorization,
  connectionId,
  connectionItem,
  groupId,
  groupItem,
  groupItemsOf,
  groupNameItem,
  groupPageItems,
  groupPages,
  groupRows,
  now,
  tableName,
  userId,
  userItem,
} from "./stored.ts";

const table = mockClient(DynamoDBDocumentClient);
beforeEach(() => {
  table.reset();
  // Nobody has departed, and nothing else is there, but for what a test says.
  table.on(QueryCommand).resolves({ Items: [] });
});

const handler = createGroupsHandler(
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
      route: `/scim/v2/{connectionId}/Groups${id === undefined ? "" : "/{id}"}`,
      parameters: { connectionId, ...(id !== undefined && { id }) },
      headers: authorization,
      ...request,
    }),
    lambdaContext,
  );
  return { ...response, json: response.body === "" ? undefined : JSON.parse(response.body) };
}

const getReaders = (query: Record<string, string> = {}) => call({ query }, groupId);
const patchReaders = (...Operations: readonly object[]) => {
  const schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"];
  return call({ method: "PATCH", body: { schemas, Operations } }, groupId);
};
const addAnn = { op: "Add", path: "members", value: [{ value: userId }] };
const removeAnn = { op: "remove", path: `members[value eq "${userId}"]` };

const items = (given: readonly object[]) => given.map((item) => ({ ...item }));
const found = (...given: readonly object[]) => ({ Responses: { [tableName]: items(given) } });
/** The group and who is in it. */
const stored = (members: readonly object[] = groupPageItems) => {
  table.on(BatchGetCommand).resolves(found(connectionItem, groupItem, userItem));
  const pages = { ExpressionAttributeValues: { ":pk": groupPages } };
  table.on(QueryCommand, pages, false).resolves({ Items: items(members) });
};
const actionsOf = (index: number) =>
  table
    .commandCalls(TransactWriteCommand)
    [index]!.args[0].input.TransactItems!.flatMap((item) => Object.entries(item));
const cancelled = (code: string) =>
  new TransactionCanceledException({
    message: `Transaction cancelled [${code}]`,
    CancellationReasons: [{ Code: "None" }, { Code: code }],
    $metadata: {},
  });

describe("success", () => {
  test("GET reads credential and row in one strong batch, the members by Query, and writes nothing", async () => {
    stored();

    const response = await getReaders();

    expect(response.statusCode).toBe(200);
    expect(response.headers).toMatchObject({ "Content-Type": "application/scim+json", ETag: 'W/"1"' });
    expect(response.json).toMatchObject({
      id: groupId,
      displayName: "Readers",
      members: [{ value: userId, display: "ann@example.com", type: "User" }],
    });
    expect(table).toHaveReceivedNthCommandWith(BatchGetCommand, 1, {
      RequestItems: { [tableName]: expect.objectContaining({ ConsistentRead: true }) },
    });
    expect(table).not.toHaveReceivedCommand(TransactWriteCommand);
  });

  test("GET without members reads none", async () => {
    stored();

    const response = await getReaders({ excludedAttributes: "members" });

    expect(response.json).not.toHaveProperty("members");
    expect(table).toHaveReceivedCommandTimes(BatchGetCommand, 1);
    expect(table).not.toHaveReceivedCommand(QueryCommand);
  });

  test("GET of a version the client has reads no members", async () => {
    stored();

    const response = await call({ headers: { ...authorization, "If-None-Match": 'W/"1"' } }, groupId);

    expect([response.statusCode, response.body]).toEqual([304, ""]);
    expect(table).not.toHaveReceivedCommand(QueryCommand);
  });

  test("GET of the members' ids alone reads no user", async () => {
    stored();

    const response = await getReaders({ attributes: "members.value" });

    expect(response.json.members).toEqual([{ value: userId }]);
    // The group's row, before its members and after.
    expect(table).toHaveReceivedCommandTimes(BatchGetCommand, 2);
  });

  test("POST writes the row, its name and its members in one transaction, each under a condition", async () => {
    table.on(BatchGetCommand).resolves(found(connectionItem, userItem));
    table.on(TransactWriteCommand).resolves({});

    const response = await call({
      method: "POST",
      body: { displayName: "Readers", members: [{ value: userId }] },
    });

    expect(response.statusCode).toBe(201);
    expect(response.headers?.["Location"]).toBe(
      `https://scim.example.com/scim/v2/${connectionId}/Groups/${response.json.id}`,
    );
    expect(table).toHaveReceivedCommandTimes(TransactWriteCommand, 1);
    expect(actionsOf(0).length).toBeGreaterThanOrEqual(3);
    for (const [, action] of actionsOf(0)) expect(action).toHaveProperty("ConditionExpression");
  });

  test("PATCH that adds one member writes one page and the row, whatever the group's size", async () => {
    stored([]);
    table.on(TransactWriteCommand).resolves({});

    const response = await patchReaders(addAnn);

    expect([response.statusCode, response.headers?.["ETag"]]).toEqual([200, 'W/"2"']);
    expect(response.json.members).toMatchObject([{ value: userId }]);
    expect(actionsOf(0).map(([kind]) => kind)).toEqual(["Put", "Update"]);
  });

  test("PATCH that adds who is there writes nothing", async () => {
    stored();

    const response = await patchReaders(addAnn);

    expect([response.statusCode, response.headers?.["ETag"]]).toEqual([200, 'W/"1"']);
    expect(table).not.toHaveReceivedCommand(TransactWriteCommand);
  });
});

describe("a refusal of our own", () => {
  test("a mistyped token: 401, and the table is not asked", async () => {
    const response = await call({ headers: { Authorization: "Bearer rollcall_mistyped" } }, groupId);
    expect(response.statusCode).toBe(401);
    expect(table).not.toHaveReceivedAnyCommand();
  });

  test("a member who does not exist: 400 naming it, and nothing is written", async () => {
    table.on(BatchGetCommand).resolves(found(connectionItem, groupItem));

    const response = await patchReaders(addAnn);

    expect([response.statusCode, response.json.scimType]).toEqual([400, "invalidValue"]);
    expect(response.json.detail).toContain(userId);
    expect(table).not.toHaveReceivedCommand(TransactWriteCommand);
  });

  test("a name that another group has, where names are unique: 409, and nothing is written", async () => {
    const unique = { ...connectionItem, uniqueGroupNames: true };
    table.on(BatchGetCommand).resolves(found(unique, groupItem, groupNameItem));

    const response = await call({ method: "POST", body: { displayName: "READERS" } });

    expect([response.statusCode, response.json.scimType]).toEqual([409, "uniqueness"]);
    expect(response.json.detail).toContain(groupId);
    expect(table).not.toHaveReceivedCommand(TransactWriteCommand);
  });
});

describe("somebody else was faster", () => {
  test("a cancelled transaction: read again, decided anew: done", async () => {
    stored();
    table.on(TransactWriteCommand).rejectsOnce(cancelled("ConditionalCheckFailed")).resolves({});

    const response = await patchReaders(removeAnn);

    expect([response.statusCode, response.json.members]).toEqual([200, undefined]);
    expect(table).toHaveReceivedCommandTimes(TransactWriteCommand, 2);
  });

  test("a set that is replaced while it is read: read again", async () => {
    const replaced = { ...groupItem, generation: "next", wideChanges: 1, version: 2 };
    const [page] = groupPageItems;
    const next = { ...page, sk: String(page!["sk"]).replace(/0$/, "next") };
    table
      .on(BatchGetCommand)
      .resolvesOnce(found(connectionItem, groupItem))
      .resolves(found(connectionItem, replaced, userItem));
    const pages = { ExpressionAttributeValues: { ":pk": groupPages } };
    table.on(QueryCommand, pages, false).resolves({ Items: items([next]) });

    const response = await getReaders();

    expect([response.statusCode, response.headers?.["ETag"]]).toEqual([200, 'W/"2"']);
    expect(response.json.members).toMatchObject([{ value: userId }]);
  });

  test.each([
    [`members eq "${userId}" and displayName sw "read"`, 0],
    [`members eq "${userId}" and displayName sw "writ"`, 1],
    [`not (members eq "${userId}") and displayName sw "writ"`, 0],
  ])("a list sees a new name and new members together or not at all: %s", async (filter, totalResults) => {
    // As the list begins, it is Readers, without Ann; then she comes, and it is Writers.
    const changed = { ...groupItem, displayName: "Writers", wideChanges: 1, version: 2 };
    table.on(BatchGetCommand).resolvesOnce(found(connectionItem)).resolves(found(changed));
    const rows = { ExpressionAttributeValues: { ":pk": groupRows } };
    table.on(QueryCommand, rows, false).resolves({ Items: items([groupItem]) });
    const pages = { ExpressionAttributeValues: { ":pk": groupPages } };
    table.on(QueryCommand, pages, false).resolves({ Items: items(groupPageItems) });

    const response = await call({ query: { filter, attributes: "id" } });

    expect([response.statusCode, response.json.totalResults]).toEqual([200, totalResults]);
  });

  test("TransactionConflict until the attempts are exhausted: 429 with Retry-After, never 500", async () => {
    stored();
    table.on(TransactWriteCommand).rejects(cancelled("TransactionConflict"));

    const response = await patchReaders(removeAnn);

    expect(response.statusCode).toBe(429);
    expect(response.headers?.["Retry-After"]).toBe("2");
    expect(table.commandCalls(TransactWriteCommand).length).toBeGreaterThan(10);
  });
});

describe("a table in trouble", () => {
  test.each([
    [429, Object.assign(new Error("Slow down"), { name: "ProvisionedThroughputExceededException" })],
    [503, Object.assign(new Error("connect ECONNREFUSED 10.0.0.1:443"), { code: "ECONNREFUSED" })],
    [500, new Error("secret of arn:aws:dynamodb:eu-west-1:123456789012:table/x")],
  ])("%i, and nothing of the cause", async (status, error) => {
    stored();
    table.on(QueryCommand).rejects(error);

    const response = await getReaders();

    expect([response.statusCode, response.json.status]).toEqual([status, String(status)]);
    expect(response.body).not.toContain(error.message);
    expect(response.json.detail.includes(requestId)).toBe(status === 500);
  });
});

describe("[81] a query that would have to read too much: 400 tooMany with the limit and the way out", () => {
  const list = (rows: readonly object[], query: Record<string, string>) => {
    table.on(BatchGetCommand).resolves(found(connectionItem));
    table.on(QueryCommand).resolves({ Items: items(rows) });
    return call({ query });
  };
  const expectTooMany = ({ statusCode, json }: Awaited<ReturnType<typeof call>>, limit: string) => {
    expect([statusCode, json.scimType]).toEqual([400, "tooMany"]);
    expect(json.detail).toContain(limit);
    expect(json.detail).toContain("displayName");
  };

  test.each([
    ["a filter without a key", { filter: 'displayName co "a"' }],
    ["a sort", { sortBy: "displayName" }],
    ["a filter on members", { filter: `members.value eq "${userId}"` }],
  ])("10,001 groups: %s", async (_, query) => {
    expectTooMany(await list(groupItemsOf(10_001), query), "groupsScannedMax");
  });

  test("10,001 groups can be counted and paged through", async () => {
    const response = await list(groupItemsOf(10_001), { count: "1", excludedAttributes: "members" });
    expect([response.statusCode, response.json.totalResults]).toEqual([200, 10_001]);
  });

  test.each([
    ["members pr", 500_001, "500000 (membersScannedMax)"],
    [`members.value sw "${userId.slice(0, 8)}"`, 500_001, "500000 (membersScannedMax)"],
    ['members.display co "ann"', 10_001, "10000 (usersScannedMax)"],
  ])("groups of many members: %s", async (filter, size, limit) => {
    expectTooMany(await list([{ ...groupItem, size }], { filter }), limit);
    expect(table).not.toHaveReceivedCommand(TransactWriteCommand);
  });
});
