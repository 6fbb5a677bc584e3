import type { RestApi } from "aws-cdk-lib/aws-apigateway";
import {
  type Alarm,
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  type IMetric,
  type IWidget,
} from "aws-cdk-lib/aws-cloudwatch";
import type { ITable } from "aws-cdk-lib/aws-dynamodb";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import type { Construct } from "constructs";
import { iteratorAge, metricPeriod as period, tableMetric } from "./metrics.ts";
import type { WatchedConsumer } from "./monitoring.ts";

interface DashboardContents {
  readonly restApi: RestApi;
  readonly functions: Readonly<Record<string, IFunction>>;
  readonly table: ITable;
  readonly streamConsumers: readonly WatchedConsumer[];
  readonly alarms: readonly Alarm[];
}

/** Three widgets a row; CloudWatch's grid is 24 wide. */
const widgetWidth = 8;

/** One page, read from the top: is anything wrong, what do callers see, which function, do changes get carried, is it the table. */
export function addDashboard(scope: Construct, contents: DashboardContents): Dashboard {
  const { restApi, table, streamConsumers, alarms } = contents;
  const functions = {
    ...contents.functions,
    ...Object.fromEntries(streamConsumers.map((consumer) => [consumer.functionName, consumer.function])),
  };
  const ofEachFunction = (metric: (target: IFunction, label: string) => IMetric): IMetric[] =>
    Object.entries(functions).map(([name, target]) => metric(target, name));

  return new Dashboard(scope, "Dashboard", {
    widgets: [
      [new AlarmStatusWidget({ title: "Alarms", alarms: [...alarms], width: 24 })],
      [
        graph("Requests", [restApi.metricCount({ period, label: "requests" })]),
        graph("Refused and failed requests", [
          restApi.metricClientError({ statistic: "Sum", period, label: "4xx" }),
          restApi.metricServerError({ statistic: "Sum", period, label: "5xx" }),
        ]),
        graph("Time to answer (ms)", [
          restApi.metricLatency({ statistic: "p50", period, label: "p50" }),
          restApi.metricLatency({ statistic: "p99", period, label: "p99" }),
        ]),
      ],
      [
        graph(
          "Function duration, p99 (ms)",
          ofEachFunction((target, label) => target.metricDuration({ statistic: "p99", period, label })),
        ),
        graph(
          "Function errors",
          ofEachFunction((target, label) => target.metricErrors({ period, label })),
        ),
        graph(
          "Functions running at once",
          ofEachFunction((target, label) =>
            target.metric("ConcurrentExecutions", { statistic: "Maximum", period, label }),
          ),
        ),
      ],
      ...streamConsumers.map(streamRow),
      [
        graph("Table capacity used", [
          table.metricConsumedReadCapacityUnits({ statistic: "Sum", period, label: "read units" }),
          table.metricConsumedWriteCapacityUnits({ statistic: "Sum", period, label: "write units" }),
        ]),
        graph("Table throttles", [
          tableMetric(table, "ReadThrottleEvents"),
          tableMetric(table, "WriteThrottleEvents"),
        ]),
        // Transactions that met another on the same item and were repeated: many are a hot spot in the key design.
        graph("Transaction conflicts", [tableMetric(table, "TransactionConflict")]),
      ],
    ],
  });
}

function streamRow({ functionName, function: target, failureQueue }: WatchedConsumer): IWidget[] {
  return [
    graph(`Changes late for ${functionName} (ms)`, [iteratorAge(target)]),
    graph(`Batches of changes for ${functionName}`, [
      target.metricInvocations({ period, label: "begun" }),
      target.metricErrors({ period, label: "failed" }),
    ]),
    graph(`Changes given up by ${functionName}`, [
      failureQueue.metricApproximateNumberOfMessagesVisible({
        statistic: "Maximum",
        period,
        label: "batches parked",
      }),
    ]),
  ];
}

function graph(title: string, metrics: IMetric[]): IWidget {
  return new GraphWidget({ title, left: metrics, width: widgetWidth });
}
