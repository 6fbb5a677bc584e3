import { Duration } from "aws-cdk-lib";
import { Metric } from "aws-cdk-lib/aws-cloudwatch";
import type { ITable } from "aws-cdk-lib/aws-dynamodb";

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
