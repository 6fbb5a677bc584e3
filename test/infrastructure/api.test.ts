import { Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { AccountRootPrincipal, Role } from "aws-cdk-lib/aws-iam";
import { describe, expect, test } from "vitest";
import { routes } from "../../lambda/http/routes.ts";
import { functionPermissions } from "../../lib/function-permissions.ts";
import { joined, rollcallApp, synthesize } from "./synthesized.ts";

const { service } = synthesize();
const restApi = service.only("AWS::ApiGateway::RestApi").Properties;
const stage = service.only("AWS::ApiGateway::Stage").Properties;
const resources = service.ofType("AWS::ApiGateway::Resource");

function pathOf(resourceId: { Ref?: string }): string {
  const resource = resourceId.Ref === undefined ? undefined : resources[resourceId.Ref];
  return resource === undefined
    ? ""
    : `${pathOf(resource.Properties.ParentId)}/${resource.Properties.PathPart}`;
}

/** The handler's construct name, out of the ARN that the integration calls. */
function functionOf(uri: unknown): string {
  const [, name] = /<(\w+)Function[0-9A-F]{8}\.Arn>\/invocations$/.exec(joined(uri)) ?? [];
  return (name ?? "").toLowerCase();
}

const methods = Object.values(service.ofType("AWS::ApiGateway::Method")).map(({ Properties }) => ({
  path: pathOf(Properties.ResourceId),
  method: Properties.HttpMethod,
  functionName: functionOf(Properties.Integration.Uri),
  authorization:
    Properties.AuthorizationType === "AWS_IAM" ? "iam" : Properties.AuthorizationType.toLowerCase(),
}));

describe("the API's methods", () => {
  test("are the routes table, no more and no less", () => {
    const byPath = (a: { path: string }, b: { path: string }) => (a.path < b.path ? -1 : 1);
    expect(methods.toSorted(byPath)).toEqual([...routes].toSorted(byPath));
  });

  test("want an AWS signature everywhere on the admin API, and nowhere else", () => {
    const admin = methods.filter(({ path }) => path.startsWith("/admin"));
    expect(admin.length).toBeGreaterThan(0);
    for (const method of admin) expect(method.authorization).toBe("iam");
    for (const method of methods) {
      if (!admin.includes(method)) expect(method.authorization).toBe("none");
    }
  });

  test("hand requests to Lambda as they came", () => {
    for (const { Properties } of Object.values(service.ofType("AWS::ApiGateway::Method"))) {
      expect(Properties.Integration).toMatchObject({ Type: "AWS_PROXY", IntegrationHttpMethod: "POST" });
    }
  });

  test("are all that may invoke a function: this stage, that path, no console test", () => {
    const permissions = Object.values(service.ofType("AWS::Lambda::Permission"));
    expect(permissions).toHaveLength(routes.length);
    for (const { Properties } of permissions) {
      expect(Properties).toMatchObject({
        Action: "lambda:InvokeFunction",
        Principal: "apigateway.amazonaws.com",
      });
      expect(joined(Properties.SourceArn)).toMatch(
        /:<ApiRestApi\w+>\/<ApiRestApiDeploymentStageprod\w+>\/(\*|GET)\/(scim\/|admin\/v1\/|healthz$)/,
      );
    }
  });
});

describe("the API", () => {
  test("keeps its logical id, for another id is another API, and IdPs have been given the URL", () => {
    expect(Object.keys(service.ofType("AWS::ApiGateway::RestApi"))).toEqual(["ApiRestApiE35FEAFE"]);
  });

  test("[5] is Regional and takes TLS 1.2 or better", () => {
    expect(restApi.EndpointConfiguration).toEqual({ Types: ["REGIONAL"] });
    expect(restApi.SecurityPolicy).toBe("SecurityPolicy_TLS13_1_2_2021_06");
    expect(restApi.EndpointAccessMode).toBe("STRICT");
  });

  test("compresses answers of 1 KB and more, and takes every body as text", () => {
    expect(restApi.MinimumCompressionSize).toBe(1_024);
    expect(restApi).not.toHaveProperty("BinaryMediaTypes");
  });

  test("throttles as configured, logs errors without their data, traces nothing", () => {
    expect(stage.MethodSettings).toEqual([
      {
        HttpMethod: "*",
        ResourcePath: "/*",
        ThrottlingRateLimit: 500,
        ThrottlingBurstLimit: 1_000,
        LoggingLevel: "ERROR",
        DataTraceEnabled: false,
        MetricsEnabled: false,
      },
    ]);
    expect(stage.TracingEnabled ?? false).toBe(false);
    const throttled = synthesize({ "rollcall:throttleRatePerSecond": "40", "rollcall:throttleBurst": "80" });
    expect(throttled.service.only("AWS::ApiGateway::Stage").Properties.MethodSettings).toMatchObject([
      { ThrottlingRateLimit: 40, ThrottlingBurstLimit: 80 },
    ]);
  });

  test("says where it is", () => {
    expect(joined(service.outputs["ScimBaseUrl"]?.Value)).toMatch(
      /^https:\/\/<ApiRestApi\w+>\.execute-api\.<AWS::Region>\.<AWS::URLSuffix>\/<\w+>\/scim\/v2\/\{connectionId\}$/,
    );
    expect(joined(service.outputs["AdminApiUrl"]?.Value)).toMatch(/\/admin\/v1$/);
  });
});

test("a role that may administer may call the admin API, and no other path", () => {
  const { app, service: stack } = rollcallApp();
  const theirs = new Stack(app, "Theirs");
  stack.api.grantAdmin(new Role(theirs, "Operator", { assumedBy: new AccountRootPrincipal() }));
  const [policy] = Object.values(Template.fromStack(theirs).findResources("AWS::IAM::Policy"));
  const [statement, ...others] = policy!["Properties"].PolicyDocument.Statement;
  expect(others).toEqual([]);
  expect(statement).toMatchObject({ Effect: "Allow", Action: "execute-api:Invoke" });
  expect(joined(statement.Resource)).toMatch(
    /:execute-api:<AWS::Region>:<AWS::AccountId>:<.+ApiRestApi\w+>\/<.+Stageprod\w+>\/\*\/admin\/v1\/\*$/,
  );
});

describe("the logs of the API", () => {
  test("hold in each line only what cannot name a person or a secret", () => {
    // Against the list: `$context.path` has what the client put in place of an id, `identity.*` has names of people's
    // sessions, `error.message` repeats them, and `requestOverride`, query strings and headers are the client's own text.
    const harmless = [
      "$context.error.responseType",
      "$context.extendedRequestId",
      "$context.httpMethod",
      "$context.identity.sourceIp",
      "$context.integration.latency",
      "$context.integration.status",
      "$context.requestId",
      "$context.requestTimeEpoch",
      "$context.resourcePath",
      "$context.responseLatency",
      "$context.responseLength",
      "$context.status",
      "$context.tlsVersion",
    ];
    const format: Record<string, string> = JSON.parse(stage.AccessLogSetting.Format);
    expect(Object.values(format).toSorted()).toEqual(harmless);
  });

  test("are kept for the configured time, the execution log included, which must be there before the stage", () => {
    const { service: kept } = synthesize({ "rollcall:logRetentionDays": "90" });
    const groups = Object.entries(kept.ofType("AWS::Logs::LogGroup"));
    // One for each function, and the gateway's two.
    expect(groups).toHaveLength(Object.keys(functionPermissions).length + 2);
    for (const [, group] of groups) expect(group.Properties.RetentionInDays).toBe(90);

    const execution = groups.find(([, group]) => group.Properties.LogGroupName !== undefined)!;
    expect(joined(execution[1].Properties.LogGroupName)).toMatch(
      /^API-Gateway-Execution-Logs_<ApiRestApi\w+>\/prod$/,
    );
    expect(kept.only("AWS::ApiGateway::Stage").DependsOn).toContain(execution[0]);
  });

  test("are written by a role of ours, or by the account's own", () => {
    expect(service.ofType("AWS::ApiGateway::Account")).not.toEqual({});
    const { service: shared } = synthesize({ "rollcall:logRole": "existing" });
    expect(shared.ofType("AWS::ApiGateway::Account")).toEqual({});
    expect(Object.keys(shared.ofType("AWS::IAM::Role"))).toHaveLength(
      Object.keys(functionPermissions).length,
    );
  });
});
