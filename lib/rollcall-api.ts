import { RemovalPolicy, Size, Stack, Validations } from "aws-cdk-lib";
import {
  AccessLogFormat,
  AuthorizationType,
  type CfnMethod,
  type CfnRestApi,
  EndpointAccessMode,
  EndpointType,
  LambdaIntegration,
  LogGroupLogDestination,
  type Method,
  MethodLoggingLevel,
  RestApi,
} from "aws-cdk-lib/aws-apigateway";
import { Grant, type IGrantable } from "aws-cdk-lib/aws-iam";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import { LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import type { FunctionName, Route } from "../lambda/http/routes.ts";
import { gatewayResponses, scimErrorTemplate, scimMediaType } from "./gateway-responses.ts";

export interface RollcallApiProps {
  /** What is served, and by which function. Nothing else is added to the API. */
  readonly routes: readonly Route[];
  readonly functions: Readonly<Record<FunctionName, IFunction>>;
  /** First segment of every URL of the default endpoint. */
  readonly stageName: string;
  readonly logRetention: RetentionDays;
  /** Requests per second over all callers, and how many may come at once above that; beyond it 429. */
  readonly throttle: { readonly ratePerSecond: number; readonly burst: number };
  /**
   * Whether to create the role by which API Gateway writes logs. It is one setting for the whole account and Region; false
   * where somebody else has set it.
   */
  readonly createLogRole: boolean;
}

/**
 * The lowest policy that asks for TLS 1.2. A Regional API without one accepts TLS 1.0 (API Gateway developer guide,
 * "Supported security policies"). The access log's `tlsVersion` shows whether the clients are ready for a stricter one.
 */
const securityPolicy = "SecurityPolicy_TLS13_1_2_2021_06";

/** Below this gzip wins nothing worth its time: the answer fits one network packet anyway. */
const compressionThreshold = Size.kibibytes(1);

/**
 * One line per request. Only what API Gateway itself knows goes in: no path (a client may put a userName where an id
 * belongs), no query (filters hold userNames and emails), no header, no caller's ARN (session names are emails), and no error
 * message (it repeats them). `resourcePath` is the route's template. The function's log has the ids, under the same requestId.
 */
const accessLogFields = {
  requestId: "$context.requestId",
  extendedRequestId: "$context.extendedRequestId",
  requestTimeEpoch: "$context.requestTimeEpoch",
  httpMethod: "$context.httpMethod",
  resourcePath: "$context.resourcePath",
  status: "$context.status",
  errorResponseType: "$context.error.responseType",
  integrationStatus: "$context.integration.status",
  integrationLatency: "$context.integration.latency",
  responseLatency: "$context.responseLatency",
  responseLength: "$context.responseLength",
  sourceIp: "$context.identity.sourceIp",
  tlsVersion: "$context.tlsVersion",
} as const;

/** The Regional REST API, built from the routes table alone. */
export class RollcallApi extends Construct {
  readonly restApi: RestApi;

  constructor(scope: Construct, id: string, props: RollcallApiProps) {
    super(scope, id);

    const accessLog = new LogGroup(this, "AccessLog", {
      retention: props.logRetention,
      removalPolicy: RemovalPolicy.DESTROY,
    });

    this.restApi = new RestApi(this, "RestApi", {
      // Metrics go by this name, so two deployments in one account must not share it.
      restApiName: Stack.of(this).stackName,
      description: "Rollcall: SCIM 2.0 under /scim/v2/{connectionId}, the admin API under /admin/v1",
      // Regional: an IdP calls from a few data centres, so an edge network in between gains nothing.
      endpointTypes: [EndpointType.REGIONAL],
      // No binary media types: every body is JSON. API Gateway inflates compressed requests and deflates answers as text.
      minCompressionSize: compressionThreshold,
      cloudWatchRole: props.createLogRole,
      deployOptions: {
        stageName: props.stageName,
        throttlingRateLimit: props.throttle.ratePerSecond,
        throttlingBurstLimit: props.throttle.burst,
        accessLogDestination: new LogGroupLogDestination(accessLog),
        accessLogFormat: AccessLogFormat.custom(JSON.stringify(accessLogFields)),
        // Errors of the gateway itself. Data trace would log headers and bodies, tokens and users with them.
        loggingLevel: MethodLoggingLevel.ERROR,
        dataTraceEnabled: false,
        // Metrics per method are charged apiece; the access log answers the same questions.
        metricsEnabled: false,
      },
    });
    this.#requireTls12();
    this.#addRoutes(props.routes, props.functions);
    this.#addGatewayResponses();
    this.#limitExecutionLog(props);
    this.#acknowledgeApi(props);
  }

  /** Lets an identity call the admin API. */
  grantAdmin(identity: IGrantable): Grant {
    return Grant.addToPrincipal({
      grantee: identity,
      actions: ["execute-api:Invoke"],
      resourceArns: [
        this.restApi.arnForExecuteApi("*", "/admin/v1/*", this.restApi.deploymentStage.stageName),
      ],
    });
  }

  #requireTls12(): void {
    // The L2 construct offers neither property yet.
    const api = this.restApi.node.defaultChild as CfnRestApi;
    api.securityPolicy = securityPolicy;
    // Wanted beside such a policy; STRICT also refuses requests whose Host is not the TLS server name.
    api.endpointAccessMode = EndpointAccessMode.STRICT;
  }

  #addRoutes(routes: readonly Route[], functions: RollcallApiProps["functions"]): void {
    for (const route of routes) {
      // The console's "Test" button would call the function past IAM and throttle.
      const integration = new LambdaIntegration(functions[route.functionName], { allowTestInvoke: false });
      const method = this.restApi.root.resourceForPath(route.path).addMethod(route.method, integration, {
        authorizationType: route.authorization === "iam" ? AuthorizationType.IAM : AuthorizationType.NONE,
      });
      acknowledgeMethod(method, route);
    }
  }

  #addGatewayResponses(): void {
    for (const response of gatewayResponses) {
      const template = scimErrorTemplate(response);
      this.restApi.addGatewayResponse(response.type.responseType, {
        type: response.type,
        statusCode: String(response.status),
        responseHeaders: quoteValues({ "Content-Type": scimMediaType, ...response.headers }),
        // How API Gateway chooses among templates is not documented: the same one for all that an IdP may accept.
        templates: { [scimMediaType]: template, "application/json": template },
      });
    }
  }

  /** API Gateway would create this group at the first error, and keep it forever. */
  #limitExecutionLog(props: RollcallApiProps): void {
    const executionLog = new LogGroup(this, "ExecutionLog", {
      logGroupName: `API-Gateway-Execution-Logs_${this.restApi.restApiId}/${props.stageName}`,
      retention: props.logRetention,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.restApi.deploymentStage.node.addDependency(executionLog);
  }

  #acknowledgeApi(props: RollcallApiProps): void {
    Validations.of(this.restApi).acknowledge({
      id: "AwsSolutions-APIG2",
      reason:
        "The handlers validate against the SCIM schemas, with errors in SCIM that name the attribute; API Gateway's " +
        "validators know neither case-insensitive attribute names nor the IdPs' deviations.",
    });
    Validations.of(this.restApi.deploymentStage).acknowledge({
      id: "AwsSolutions-APIG3",
      reason:
        "A web ACL is the owner's choice and charge (docs/deploy.md). IdPs call with a 256-bit token from addresses that change, " +
        "every input is parsed within named limits, and the stage is throttled.",
    });
    if (props.createLogRole) {
      Validations.of(this.restApi).acknowledge({
        id: "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]",
        reason:
          "The role that API Gateway takes to write logs, one for the account and Region: AWS asks for exactly this policy.",
      });
    }
  }
}

function acknowledgeMethod(method: Method, route: Route): void {
  const cfnMethod = method.node.defaultChild as CfnMethod;
  if (route.authorization === "none") {
    const reason = route.path.startsWith("/scim/")
      ? "The handler checks the bearer token, by a strong read at every request, so that a revoked token ends at once. " +
        "An authorizer would cache it, or cost a second function at every request."
      : "The health check: public, and says nothing but that the service answers and its version.";
    Validations.of(cfnMethod).acknowledge({ id: "AwsSolutions-APIG4", reason });
    Validations.of(cfnMethod).acknowledge({ id: "AwsSolutions-COG4", reason });
  } else {
    Validations.of(cfnMethod).acknowledge({
      id: "AwsSolutions-COG4",
      reason:
        "Callers are the team's own services and operators: they have IAM identities, not Cognito users.",
    });
  }
}

/** API Gateway takes a header's fixed value in single quotes. */
function quoteValues(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, `'${value}'`]));
}
