import { Stack } from "aws-cdk-lib";
import type { RestApi } from "aws-cdk-lib/aws-apigateway";
import { Alarm, type IMetric, MathExpression, TreatMissingData } from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import { type ITable, Operation } from "aws-cdk-lib/aws-dynamodb";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import { Construct } from "constructs";
import { quotaNearlyUsedPercent } from "../lambda/domain/limits.ts";
import { type StreamFunctionName, streamFunctionTimeoutSeconds } from "../lambda/stream/stream-mapping.ts";
import { addDashboard } from "./dashboard.ts";
import {
  eventsNotPublished,
  iteratorAge,
  metricPeriod as period,
  quotaNearlyUsed,
  tableMetric,
} from "./metrics.ts";
import { functionTimeoutSeconds } from "./rollcall-function.ts";
import type { StreamConsumer } from "./stream-consumer.ts";

/** What is watched of a function that the table's stream calls. */
export type WatchedConsumer = Pick<StreamConsumer, "functionName" | "function" | "failureQueue">;

export interface RollcallMonitoringProps {
  readonly restApi: RestApi;
  /** Those that API Gateway calls, by the name that the alarms and the dashboard shall show. */
  readonly functions: Readonly<Record<string, IFunction>>;
  readonly table: ITable;
  /** None where the table has no stream. */
  readonly streamConsumers: readonly WatchedConsumer[];
  /** Where alarms go; without it they only change state. */
  readonly topic?: ITopic;
}

/** Sections of docs/runbook.md, by the anchor of their heading. A test keeps both lists equal. */
export type RunbookSection =
  | "api-server-errors"
  | "api-client-errors"
  | "function-errors"
  | "function-throttles"
  | "function-slow"
  | `${StreamFunctionName}-${"errors" | "behind" | "parked"}`
  | "events-not-published"
  | "table-throttles"
  | "table-system-errors"
  | "quota-nearly-used";

interface AlarmDefinition {
  readonly id: string;
  readonly section: RunbookSection;
  readonly meaning: string;
  readonly metric: IMetric;
  /** Rings when the metric reaches this. */
  readonly threshold: number;
  /** Periods in a row; 1 when absent. */
  readonly periods?: number;
}

/**
 * Where an alarm rings. Every number is our choice, to be moved once a deployment knows its own traffic; what they
 * aim at is that one alarm means one thing for a human to do.
 */
const thresholds = {
  /** Single 5xx are retried by every IdP we know (idp-traffic.md); a handful in five minutes is not single. */
  serverErrorsPerPeriod: 5,
  /** Entra quarantines a connection most of whose requests fail; half, kept up, is well before that. */
  clientErrorPercent: 50,
  /** Below this many requests a percentage says nothing. */
  clientErrorRequestsMin: 20,
  /** A quarter of an hour, so that an operator trying out a token stays quiet. */
  clientErrorPeriods: 3,
  /** Handlers answer every refusal and trouble themselves: an invocation that ends in an error is a crash or a timeout. */
  functionErrorsPerPeriod: 1,
  /** The account's concurrency is used up, whoever used it. */
  functionThrottlesPerPeriod: 1,
  /** Four fifths of the timeout. When all is well, no request takes one. */
  functionSlowMilliseconds: functionTimeoutSeconds * 1_000 * 0.8,
  /** A failed batch is split and tried again: single failures mend themselves. */
  streamErrorsPerPeriod: 5,
  /** A change is carried, or recorded, within seconds; a first sync of a large directory may take minutes to work off. */
  streamBehindMilliseconds: 15 * 60_000,
  /** Each message is changes that nobody will carry, or record, any more by themselves. */
  streamParked: 1,
  /** Each has been tried five times by then; one that stays is counted again whenever its batch comes again. */
  eventsNotPublishedPerPeriod: 5,
  /** The SDK and the handlers retry; a few a minute never reach a client. */
  tableThrottlesPerPeriod: 25,
  tableSystemErrorsPerPeriod: 5,
  /** Rings anew after each pause in which nobody took such a seat: whoever buys seats has been told by the first. */
  quotaNearlyUsedPerPeriod: 1,
} as const;

/** What the functions call (`function-permissions.ts`, transactions by their own names); a metric exists for each. */
const tableOperations = [
  Operation.GET_ITEM,
  Operation.BATCH_GET_ITEM,
  Operation.QUERY,
  Operation.TRANSACT_GET_ITEMS,
  Operation.TRANSACT_WRITE_ITEMS,
  Operation.UPDATE_ITEM,
];

/** The alarms, each of which names its section of the runbook, and the dashboard to look at when one rings. */
export class RollcallMonitoring extends Construct {
  readonly alarms: readonly Alarm[];

  constructor(scope: Construct, id: string, props: RollcallMonitoringProps) {
    super(scope, id);
    const definitions = [
      ...apiAlarms(props.restApi),
      ...Object.entries(props.functions).flatMap(([name, target]) => functionAlarms(name, target)),
      ...props.streamConsumers.flatMap(streamAlarms),
      ...(props.streamConsumers.length > 0 ? [eventsAlarm] : []),
      ...tableAlarms(props.table),
      quotaAlarm,
    ];
    this.alarms = definitions.map((definition) => this.#addAlarm(definition, props.topic));
    addDashboard(this, { ...props, alarms: this.alarms });
  }

  #addAlarm(definition: AlarmDefinition, topic: ITopic | undefined): Alarm {
    const alarm = new Alarm(this, definition.id, {
      // Named, since the name is the subject of the mail.
      alarmName: `${Stack.of(this).stackName}-${definition.id}`,
      alarmDescription: `${definition.meaning} Runbook: docs/runbook.md#${definition.section}`,
      metric: definition.metric,
      threshold: definition.threshold,
      evaluationPeriods: definition.periods ?? 1,
      // Metrics are written only when something happens; silence is the normal state.
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    if (topic !== undefined) {
      alarm.addAlarmAction(new SnsAction(topic));
      alarm.addOkAction(new SnsAction(topic));
    }
    return alarm;
  }
}

function apiAlarms(api: RestApi): readonly AlarmDefinition[] {
  return [
    {
      id: "ApiServerErrors",
      section: "api-server-errors",
      meaning: "Requests were answered 5xx.",
      metric: api.metricServerError({ statistic: "Sum", period }),
      threshold: thresholds.serverErrorsPerPeriod,
    },
    {
      id: "ApiClientErrors",
      section: "api-client-errors",
      meaning: "Most requests were answered 4xx for a quarter of an hour.",
      metric: new MathExpression({
        label: "4xx, % of requests",
        expression: `IF(requests >= ${thresholds.clientErrorRequestsMin}, 100 * refused / requests, 0)`,
        usingMetrics: {
          requests: api.metricCount({ period }),
          refused: api.metricClientError({ statistic: "Sum", period }),
        },
        period,
      }),
      threshold: thresholds.clientErrorPercent,
      periods: thresholds.clientErrorPeriods,
    },
  ];
}

function functionAlarms(name: string, target: IFunction): readonly AlarmDefinition[] {
  const prefix = `Function${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  return [
    {
      id: `${prefix}Errors`,
      section: "function-errors",
      meaning: `The function ${name} crashed or timed out.`,
      metric: target.metricErrors({ period }),
      threshold: thresholds.functionErrorsPerPeriod,
    },
    throttleAlarm(name, target),
    {
      id: `${prefix}Slow`,
      section: "function-slow",
      meaning: `A request to the function ${name} came close to its timeout of ${functionTimeoutSeconds} s.`,
      metric: target.metricDuration({ statistic: "Maximum", period }),
      threshold: thresholds.functionSlowMilliseconds,
    },
  ];
}

function throttleAlarm(name: string, target: IFunction): AlarmDefinition {
  return {
    id: `Function${name.charAt(0).toUpperCase()}${name.slice(1)}Throttles`,
    section: "function-throttles",
    meaning: `The function ${name} was not started: the account's concurrency is used up.`,
    metric: target.metricThrottles({ period }),
    threshold: thresholds.functionThrottlesPerPeriod,
  };
}

/** What each of them does to a change. */
const done: Readonly<Record<StreamFunctionName, string>> = {
  propagation: "carried",
  activity: "recorded in the activity trail and published",
};

function streamAlarms({
  functionName: name,
  function: target,
  failureQueue,
}: WatchedConsumer): readonly AlarmDefinition[] {
  const prefix = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  return [
    throttleAlarm(name, target),
    {
      id: `${prefix}Errors`,
      section: `${name}-errors`,
      meaning: `Changes could not be ${done[name]}, or took longer than ${streamFunctionTimeoutSeconds} s, and are tried again.`,
      metric: target.metricErrors({ period }),
      threshold: thresholds.streamErrorsPerPeriod,
    },
    {
      id: `${prefix}Behind`,
      section: `${name}-behind`,
      meaning: `Changes are ${done[name]} ${thresholds.streamBehindMilliseconds / 60_000} minutes late or more.`,
      metric: iteratorAge(target),
      threshold: thresholds.streamBehindMilliseconds,
    },
    {
      id: `${prefix}Parked`,
      section: `${name}-parked`,
      meaning: `Changes were given up; an operator has to have them ${done[name]} within a day.`,
      metric: failureQueue.metricApproximateNumberOfMessagesVisible({ statistic: "Maximum", period }),
      threshold: thresholds.streamParked,
    },
  ];
}

function tableAlarms(table: ITable): readonly AlarmDefinition[] {
  return [
    {
      id: "TableThrottles",
      section: "table-throttles",
      meaning: "DynamoDB throttled reads or writes.",
      metric: new MathExpression({
        label: "throttled reads and writes",
        expression: "reads + writes",
        usingMetrics: {
          reads: tableMetric(table, "ReadThrottleEvents"),
          writes: tableMetric(table, "WriteThrottleEvents"),
        },
        period,
      }),
      threshold: thresholds.tableThrottlesPerPeriod,
    },
    {
      id: "TableSystemErrors",
      section: "table-system-errors",
      meaning: "DynamoDB answered 5xx.",
      metric: table.metricSystemErrorsForOperations({ operations: tableOperations, period }),
      threshold: thresholds.tableSystemErrorsPerPeriod,
    },
  ];
}

const eventsAlarm: AlarmDefinition = {
  id: "EventsNotPublished",
  section: "events-not-published",
  meaning: "The event bus does not take events; they are tried again.",
  metric: eventsNotPublished(),
  threshold: thresholds.eventsNotPublishedPerPeriod,
};

const quotaAlarm: AlarmDefinition = {
  id: "QuotaNearlyUsed",
  section: "quota-nearly-used",
  meaning: `A seat was taken in a project that has used ${quotaNearlyUsedPercent} % of a quota or more.`,
  metric: quotaNearlyUsed(),
  threshold: thresholds.quotaNearlyUsedPerPeriod,
};
