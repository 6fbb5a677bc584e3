import { Duration } from "aws-cdk-lib";
import { Metric } from "aws-cdk-lib/aws-cloudwatch";
import type { ITable } from "aws-cdk-lib/aws-dynamodb";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import {
  eventsNotPublishedMetric,
  metricNamespace,
  metricService,
  quotaNearlyUsedMetric,
} from "../lambda/runtime/metric-names.ts";

/** What alarms and graphs count over. IdPs sync for minutes; an operator need not hear of trouble sooner. Our choice. */
export const metricPeriod = Duration.minutes(5);

export type TableMetricName = "ReadThrottleEvents" | "WriteThrottleEvents" | "TransactionConflict";

/** A metric of the table as a whole; those that CDK offers are per operation. */
export function tableMetric(table: ITable, metricName: TableMetricName): Metric {
  return new Metric({
    namespace: "AWS/DynamoDB",
    metricName,
    dimensionsMap: { TableName: table.tableName },
    statistic: "Sum",
    period: metricPeriod,
  });
}

/** How long ago the last record of a batch was written when the function got it; nothing while it gets none. */
export function iteratorAge(target: IFunction): Metric {
  return target.metric("IteratorAge", {
    statistic: "Maximum",
    period: metricPeriod,
    label: "age of the last record, ms",
  });
}

/** Seats taken where few of their kind are left. */
export function quotaNearlyUsed(): Metric {
  return ownMetric(quotaNearlyUsedMetric);
}

/** Events that the bus did not take, counted again at each attempt of their batch. */
export function eventsNotPublished(): Metric {
  return ownMetric(eventsNotPublishedMetric);
}

function ownMetric(metricName: string): Metric {
  return new Metric({
    namespace: metricNamespace,
    metricName,
    dimensionsMap: { service: metricService },
    statistic: "Sum",
    period: metricPeriod,
  });
}
