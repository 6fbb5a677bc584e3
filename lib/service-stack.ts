import { fileURLToPath } from "node:url";
import { Annotations, CfnOutput, Stack, type StackProps } from "aws-cdk-lib";
import { type ITable, Table } from "aws-cdk-lib/aws-dynamodb";
import type { IEventBus } from "aws-cdk-lib/aws-events";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import type { RetentionDays } from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";
import { type FunctionName, routes } from "../lambda/http/routes.ts";
import { type StreamFunctionName, streamMappings } from "../lambda/stream/stream-mapping.ts";
import { AlarmTopic } from "./alarm-topic.ts";
import { RollcallEventBus } from "./event-bus.ts";
import { functionPermissions } from "./function-permissions.ts";
import { RollcallMonitoring } from "./monitoring.ts";
import { RollcallApi } from "./rollcall-api.ts";
import { RollcallFunction } from "./rollcall-function.ts";
import { StreamConsumer } from "./stream-consumer.ts";

/** A table that is there already, such as a restored one. */
export interface ExistingTable {
  readonly name: string;
  /** Without it nothing is propagated, and no activity recorded or published. */
  readonly streamArn?: string;
}

export interface ServiceStackProps extends StackProps {
  readonly table: ITable | ExistingTable;
  readonly stageName: string;
  readonly logRetention: RetentionDays;
  readonly throttle: { readonly ratePerSecond: number; readonly burst: number };
  readonly createLogRole: boolean;
  readonly alarmEmail?: string;
  /** Default: a bus of its own. */
  readonly eventBus?: IEventBus;
}

const descriptions: Readonly<Record<FunctionName, string>> = {
  users: "Rollcall: SCIM /Users",
  groups: "Rollcall: SCIM /Groups",
  bulk: "Rollcall: SCIM /Bulk",
  discovery: "Rollcall: SCIM discovery, /Me and the health check",
  fallback: "Rollcall: SCIM paths that match no route",
  admin: "Rollcall: the admin API",
};

const streamDescriptions: Readonly<Record<StreamFunctionName, string>> = {
  propagation: "Rollcall: carries changes that the table's stream reports",
  activity:
    "Rollcall: records changes that the table's stream reports in the activity trail, and publishes them",
};

/** Everything that holds no data: functions, API, alarms. */
export class ServiceStack extends Stack {
  readonly api: RollcallApi;

  constructor(scope: Construct, id: string, props: ServiceStackProps) {
    super(scope, id, { description: "Rollcall: service", ...props });
    const table = "name" in props.table ? this.#existingTable(props.table) : props.table;

    const addFunction = (name: FunctionName): IFunction =>
      new RollcallFunction(this, name.charAt(0).toUpperCase() + name.slice(1), {
        entry: fileURLToPath(new URL(`../lambda/handlers/${name}.ts`, import.meta.url)),
        description: descriptions[name],
        table,
        tableActions: functionPermissions[name],
        logRetention: props.logRetention,
      }).function;
    const functions: Readonly<Record<FunctionName, IFunction>> = {
      users: addFunction("users"),
      groups: addFunction("groups"),
      bulk: addFunction("bulk"),
      discovery: addFunction("discovery"),
      fallback: addFunction("fallback"),
      admin: addFunction("admin"),
    };

    this.api = new RollcallApi(this, "Api", {
      routes,
      functions,
      stageName: props.stageName,
      logRetention: props.logRetention,
      throttle: props.throttle,
      createLogRole: props.createLogRole,
    });

    const streamConsumers = this.#addStreamConsumers(table, props);

    const topic =
      props.alarmEmail === undefined
        ? undefined
        : new AlarmTopic(this, "AlarmTopic", { email: props.alarmEmail }).topic;
    new RollcallMonitoring(this, "Monitoring", {
      restApi: this.api.restApi,
      functions,
      table,
      streamConsumers,
      ...(topic === undefined ? {} : { topic }),
    });

    new CfnOutput(this, "ScimBaseUrl", {
      value: this.api.restApi.urlForPath("/scim/v2/{connectionId}"),
      description:
        "Put a connection's id in place of {connectionId}; the admin API shows the result as scimBaseUrl",
    });
    new CfnOutput(this, "AdminApiUrl", { value: this.api.restApi.urlForPath("/admin/v1") });
  }

  #existingTable({ name, streamArn }: ExistingTable): ITable {
    return Table.fromTableAttributes(this, "Table", {
      tableName: name,
      ...(streamArn === undefined ? {} : { tableStreamArn: streamArn }),
    });
  }

  #addStreamConsumers(
    table: ITable,
    { logRetention, eventBus }: Pick<ServiceStackProps, "logRetention" | "eventBus">,
  ): readonly StreamConsumer[] {
    const streamArn = table.tableStreamArn;
    if (streamArn === undefined) {
      Annotations.of(this).addWarningV2(
        "rollcall:noStream",
        "Nothing will be propagated, and no activity recorded or published: the table is given by name and its stream is not. Switch " +
          "the table's stream on and give its ARN in rollcall:streamArn (docs/deploy.md, Restoring the table).",
      );
      return [];
    }
    const bus = eventBus ?? new RollcallEventBus(this, "EventBus").bus;
    return streamMappings.map((mapping) => {
      const name = mapping.functionName.charAt(0).toUpperCase() + mapping.functionName.slice(1);
      const description = streamDescriptions[mapping.functionName];
      const consumer = new StreamConsumer(this, name, {
        mapping,
        description,
        table,
        streamArn,
        logRetention,
        ...(mapping.functionName === "activity" && { eventBus: bus }),
      });
      new CfnOutput(this, `${name}QueueUrl`, {
        value: consumer.failureQueue.queueUrl,
        description: `Where batches that the function ${mapping.functionName} gave up are parked: docs/runbook.md`,
      });
      return consumer;
    });
  }
}
