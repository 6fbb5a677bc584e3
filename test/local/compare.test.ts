import { execFile } from "node:child_process";
import { DeleteItemCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseCompareOptions } from "../../bin/compare/options.ts";
import { LocalFailure } from "../../bin/local/failure.ts";
import { claimKey } from "../../lambda/table/keys.ts";
import { startService, type TestConnection, type TestService } from "../support/service.ts";

const id = "0123456789abcdef".replace(/[a-f]/g, "z");

describe("the command line", () => {
  test.each([
    [["--project", id], {}, { projectId: id, tableName: "rollcall", endpoint: undefined }],
    [["--project", id], { TABLE_NAME: "t", DYNAMODB_ENDPOINT: "" }, { tableName: "t", endpoint: undefined }],
    [["--project", id], { DYNAMODB_ENDPOINT: "http://h:1" }, { endpoint: "http://h:1" }],
    [[`--project=${id}`, "--table=u"], { TABLE_NAME: "t" }, { tableName: "u" }],
    [
      ["--project", id, "--endpoint", "https://h"],
      { DYNAMODB_ENDPOINT: "http://h" },
      { endpoint: "https://h" },
    ],
    [["--help", "--nonsense"], {}, { kind: "help" }],
  ] as [string[], Record<string, string>, object][])("%j with %j", (args, environment, expected) => {
    expect(parseCompareOptions(args, environment)).toMatchObject(expected);
  });

  test.each([
    [[], "--project"],
    [["--project"], "--project"],
    [["--project", "--table"], "--project"],
    [["--project", "demo"], "demo"],
    [["--project", id, "--table="], "--table"],
    [["--project", id, "--endpoint", "localhost:8000"], "localhost:8000"],
    [["--project", id, "extra"], "extra"],
  ])("%j is refused, naming %s", (args, named) => {
    const parse = () => parseCompareOptions(args, {});
    expect(parse).toThrow(LocalFailure);
    expect(parse).toThrow(named);
  });
});

describe("the command", () => {
  let service: TestService;
  let connection: TestConnection;
  beforeAll(async () => {
    service = await startService();
    connection = await service.createConnection();
    const body = { userName: "ada", emails: [{ value: "ada@x.test" }] };
    expect((await connection.scim("POST", "/Users", { body })).status).toBe(201);
  });
  afterAll(() => service.stop());

  const run = (...args: readonly string[]): Promise<{ code: unknown; stdout: string; stderr: string }> => {
    const { endpoint, tableName } = service.table;
    const all = ["bin/compare.ts", "--endpoint", endpoint, "--table", tableName, ...args];
    return new Promise((resolve) => {
      execFile(process.execPath, all, (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : error.code, stdout, stderr }),
      );
    });
  };

  test("says what it compared, and by its exit code whether that is in order", async () => {
    const { id: projectId } = connection.project;
    const summary = `Compared 1 members, 0 groups, 0 links of project ${projectId}: `;
    expect(await run("--project", projectId)).toEqual({
      code: 0,
      stdout: `${summary}0 differences, 0 under way.\n`,
      stderr: "",
    });
    const { tableName, client } = service.table;
    const { pk, sk } = claimKey(projectId, "email", "ada@x.test");
    await client.send(new DeleteItemCommand({ TableName: tableName, Key: { pk: { S: pk }, sk: { S: sk } } }));
    const { code, stdout } = await run("--project", projectId);
    expect(code).toBe(1);
    const [line, last] = stdout.split("\n");
    expect(line).toMatch(
      /^claim: [0-9a-f-]{36}, connection \w+, project \w+: the claim on its email is nobody's\. Give /,
    );
    expect(last).toBe(`${summary}1 differences, 0 under way.`);
  });

  test("tells a wrong command line from a table that cannot be read", async () => {
    expect(await run()).toMatchObject({ code: 2, stderr: "rollcall: --project is missing; see --help\n" });
    expect(await run("--project", id)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("does not exist"),
    });
    const { code, stderr } = await run("--project", id, "--table", "nowhere");
    expect({ code, lines: stderr.split("\n").length }).toEqual({ code: 3, lines: 2 });
  });
});
