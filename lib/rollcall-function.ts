import { fileURLToPath } from "node:url";
import { Duration, RemovalPolicy } from "aws-cdk-lib";
import type { ITable } from "aws-cdk-lib/aws-dynamodb";
import { PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import {
  ApplicationLogLevel,
  Architecture,
  type IFunction,
  LoggingFormat,
  Runtime,
  SystemLogLevel,
} from "aws-cdk-lib/aws-lambda";
import { NodejsFunction, OutputFormat } from "aws-cdk-lib/aws-lambda-nodejs";
import { LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { tableNameVariable } from "../lambda/table/table-definition.ts";
import { handlerBuildOptions, handlerExportName } from "./bundling.ts";
import type { TableAction } from "./function-permissions.ts";

export interface RollcallFunctionProps {
  /** Absolute path of the handler's source file, which exports `handler`. */
  readonly entry: string;
  /** One sentence for whoever meets the function in the console. */
  readonly description: string;
  readonly table: ITable;
  readonly tableActions: readonly TableAction[];
  readonly logRetention: RetentionDays;
  /** Default: what the gateway waits for. */
  readonly timeoutSeconds?: number;
  /** Added to what every function gets. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Of which the function gets CPU in proportion. */
  readonly memoryMegabytes?: number;
}

/**
 * API Gateway gives up on an integration after 29 s (its default quota). The function must give up before, cold start
 * included, so that its own log says what took so long.
 */
export const functionTimeoutSeconds = 25;

/**
 * Lambda gives CPU in proportion to memory, a whole core at 1,769 MB (Lambda developer guide). A handler takes 76 MB when
 * loaded (measured, x64); the rest buys the CPU of a cold start, which is most of what a user ever waits for.
 */
const memoryMegabytes = 1_024;

const repositoryRoot = fileURLToPath(new URL("..", import.meta.url));

/** One Lambda function with Rollcall's defaults: its bundle, its log, its role, and the table it works on. */
export class RollcallFunction extends Construct {
  readonly function: IFunction;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: RollcallFunctionProps) {
    super(scope, id);

    // Made here rather than by Lambda at the first log line, which would keep it forever. Logs go with the stack.
    this.logGroup = new LogGroup(this, "Logs", {
      retention: props.logRetention,
      removalPolicy: RemovalPolicy.DESTROY,
    });

    // A role of our own: CDK's default carries AWSLambdaBasicExecutionRole, which may write to every log of the account.
    const role = new Role(this, "Role", { assumedBy: new ServicePrincipal("lambda.amazonaws.com") });
    this.logGroup.grantWrite(role);
    role.addToPolicy(
      new PolicyStatement({ actions: [...props.tableActions], resources: [props.table.tableArn] }),
    );

    this.function = new NodejsFunction(this, "Function", {
      description: props.description,
      entry: props.entry,
      handler: handlerExportName,
      role,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: props.memoryMegabytes ?? memoryMegabytes,
      timeout: Duration.seconds(props.timeoutSeconds ?? functionTimeoutSeconds),
      // No reserved concurrency: it would take that much from everything else in the account even while idle, and cap a
      // sync at a guess. The gateway's throttle is the ceiling; it answers 429 in SCIM, where Lambda's would come out as a 5xx.
      environment: {
        [tableNameVariable]: props.table.tableName,
        POWERTOOLS_SERVICE_NAME: "rollcall",
        ...props.environment,
      },
      // For AWS SDK 2 only; version 3 keeps connections alive by itself.
      awsSdkConnectionReuse: false,
      logGroup: this.logGroup,
      loggingFormat: LoggingFormat.JSON,
      applicationLogLevelV2: ApplicationLogLevel.INFO,
      // Includes the platform's report of each request: duration, memory, cold start.
      systemLogLevelV2: SystemLogLevel.INFO,
      // Both paths are given, so that synthesis does not depend on the working directory.
      projectRoot: repositoryRoot,
      depsLockFilePath: `${repositoryRoot}package-lock.json`,
      bundling: {
        format: OutputFormat.ESM,
        target: handlerBuildOptions.target,
        minify: handlerBuildOptions.minify,
        mainFields: [...handlerBuildOptions.mainFields],
        sourceMap: handlerBuildOptions.sourcemap,
        // The tested SDK rather than whichever one the runtime carries that day; not slower to load.
        bundleAwsSDK: true,
      },
    });
  }
}
