import { describe, expect, test } from "vitest";
import { routes } from "../../lambda/http/routes.ts";
import { streamFunctionNames } from "../../lambda/stream/stream-mapping.ts";
import { type DeployedFunctionName, functionPermissions } from "../../lib/function-permissions.ts";
import { joined, type Resource, synthesize } from "./synthesized.ts";

const { service } = synthesize();
const functions = service.ofType("AWS::Lambda::Function");
const routed = [...new Set(routes.map((route) => route.functionName))];
const names: readonly DeployedFunctionName[] = [...routed, ...streamFunctionNames];

/** The one resource whose logical id begins with the function's name in the stack. */
function belongingTo(name: DeployedFunctionName, type: string): [logicalId: string, Resource] {
  const prefix = name.charAt(0).toUpperCase() + name.slice(1);
  const found = Object.entries(service.ofType(type)).filter(([logicalId]) => logicalId.startsWith(prefix));
  expect(found).toHaveLength(1);
  return found[0] as [string, Resource];
}

function isOfStream(name: DeployedFunctionName): boolean {
  return streamFunctionNames.some((one) => one === name);
}

test("every function of the routes table is deployed, and the stream's, and no other", () => {
  expect(Object.keys(functions)).toHaveLength(names.length);
  expect(names.toSorted()).toEqual(Object.keys(functionPermissions).toSorted());
});

describe.each(names)("the function %s", (name) => {
  const [, deployed] = belongingTo(name, "AWS::Lambda::Function");
  const [logGroupId, logGroup] = belongingTo(name, "AWS::Logs::LogGroup");
  const [roleId, role] = belongingTo(name, "AWS::IAM::Role");
  const [, policy] = belongingTo(name, "AWS::IAM::Policy");

  test("runs on Node 24 and arm64, and gives up before the gateway does, or where no gateway waits, in two minutes", () => {
    expect(deployed.Properties).toMatchObject({
      Runtime: "nodejs24.x",
      Architectures: ["arm64"],
      Handler: "index.handler",
      MemorySize: name === "propagation" ? 1769 : 1024,
      Timeout: isOfStream(name) ? 120 : 25,
    });
  });

  test("has no concurrency of its own", () => {
    expect(deployed.Properties).not.toHaveProperty("ReservedConcurrentExecutions");
  });

  test("knows its table, and is given no secret", () => {
    const { Variables: variables } = deployed.Properties.Environment;
    expect(joined(variables.TABLE_NAME)).toMatch(/^<RollcallData:ExportsOutputRefTable\w+>$/);
    expect({ ...variables, TABLE_NAME: "…" }).toEqual({
      TABLE_NAME: "…",
      POWERTOOLS_SERVICE_NAME: "rollcall",
      // event-bus.test.ts
      ...(name === "activity" && { EVENT_BUS_ARN: expect.anything() }),
    });
  });

  test("logs JSON to a group of its own, kept for a month and gone with the stack", () => {
    expect(deployed.Properties.LoggingConfig).toEqual({
      LogFormat: "JSON",
      ApplicationLogLevel: "INFO",
      SystemLogLevel: "INFO",
      LogGroup: { Ref: logGroupId },
    });
    expect(logGroup.Properties).toEqual({ RetentionInDays: 30 });
    expect(logGroup.DeletionPolicy).toBe("Delete");
  });

  test("may write its own log and do its listed actions on the one table: nothing else", () => {
    expect(deployed.Properties.Role).toEqual({ "Fn::GetAtt": [roleId, "Arn"] });
    expect(policy.Properties.Roles).toEqual([{ Ref: roleId }]);
    expect(role.Properties).not.toHaveProperty("ManagedPolicyArns");
    expect(role.Properties).not.toHaveProperty("Policies");

    const statements = policy.Properties.PolicyDocument.Statement.map(
      (statement: Record<"Effect" | "Action" | "Resource", unknown>) => ({
        effect: statement.Effect,
        actions: [statement.Action].flat(),
        resource: joined(statement.Resource),
      }),
    );
    // What the stream's functions may do beside these: stream-mapping.test.ts.
    expect(statements.slice(0, 2)).toEqual([
      {
        effect: "Allow",
        actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
        resource: `<${logGroupId}.Arn>`,
      },
      {
        effect: "Allow",
        actions: functionPermissions[name].toSorted(),
        resource: expect.stringMatching(/^<RollcallData:ExportsOutputFnGetAttTable\w+Arn\w+>$/),
      },
    ]);
    if (!isOfStream(name)) expect(statements).toHaveLength(2);
  });
});

test("no function may scan, and no policy of the service has a wildcard but for listing streams", () => {
  const policies = Object.values(service.ofType("AWS::IAM::Policy"));
  expect(JSON.stringify(policies)).not.toContain("Scan");
  const wide = policies
    .flatMap((policy) => policy.Properties.PolicyDocument.Statement as object[])
    .filter((statement) => JSON.stringify(statement).includes("*"));
  // AWS knows no resource for it: it tells the names of streams, and nothing of what is in them.
  expect(wide).toEqual(
    streamFunctionNames.map(() => ({ Effect: "Allow", Action: "dynamodb:ListStreams", Resource: "*" })),
  );
});

test("a table given by name takes the place of the data stack's", () => {
  const restored = synthesize({
    "rollcall:tableName": "restored-table",
    "rollcall:streamArn":
      "arn:aws:dynamodb:eu-west-1:123456789012:table/restored-table/stream/2026-01-01T00:00:00.000",
  });
  expect(Object.keys(restored.service.ofType("AWS::Lambda::Function"))).toHaveLength(names.length);
  for (const deployed of Object.values(restored.service.ofType("AWS::Lambda::Function"))) {
    expect(deployed.Properties.Environment.Variables.TABLE_NAME).toBe("restored-table");
  }
  for (const policy of Object.values(restored.service.ofType("AWS::IAM::Policy"))) {
    const statement = policy.Properties.PolicyDocument.Statement[1];
    expect(joined(statement.Resource)).toMatch(/:table\/restored-table$/);
  }
  expect(JSON.stringify(restored.service.template.toJSON())).not.toContain("ImportValue");
});
