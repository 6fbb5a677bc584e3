import type { App } from "aws-cdk-lib";
import { DataStack } from "./data-stack.ts";
import type { DeployOptions } from "./deploy-options.ts";
import { type ExistingTable, ServiceStack } from "./service-stack.ts";

/** The two stacks of a deployment. Neither names an account or Region: the credentials at deployment decide. */
export function addRollcall(
  app: App,
  options: DeployOptions,
): { readonly data: DataStack; readonly service: ServiceStack } {
  const data = new DataStack(app, `${options.stackPrefix}Data`);
  const service = new ServiceStack(app, `${options.stackPrefix}Service`, {
    table: existingTable(options) ?? data.table,
    stageName: options.stageName,
    logRetention: options.logRetentionDays,
    throttle: { ratePerSecond: options.throttleRatePerSecond, burst: options.throttleBurst },
    createLogRole: options.logRole === "create",
    ...(options.alarmEmail === undefined ? {} : { alarmEmail: options.alarmEmail }),
  });
  return { data, service };
}

function existingTable({ tableName, streamArn }: DeployOptions): ExistingTable | undefined {
  if (tableName === undefined) return undefined;
  return { name: tableName, ...(streamArn === undefined ? {} : { streamArn }) };
}
