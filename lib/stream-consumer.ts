import { fileURLToPath } from "node:url";
import { Duration, Validations } from "aws-cdk-lib";
import type { ITable } from "aws-cdk-lib/aws-dynamodb";
import type { IEventBus } from "aws-cdk-lib/aws-events";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import {
  EventSourceMapping,
  FilterCriteria,
  type IEventSourceDlq,
  type IFunction,
  StartingPosition,
} from "aws-cdk-lib/aws-lambda";
import type { RetentionDays } from "aws-cdk-lib/aws-logs";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { eventBusVariable } from "../lambda/runtime/event-bus-variable.ts";
import {
  type StreamFunctionName,
  type StreamMapping,
  streamFunctionTimeoutSeconds,
} from "../lambda/stream/stream-mapping.ts";
import { functionPermissions } from "./function-permissions.ts";
import { RollcallFunction } from "./rollcall-function.ts";

export interface StreamConsumerProps {
  /** Names the function, too. */
  readonly mapping: StreamMapping;
  /** One sentence for whoever meets the function in the console. */
  readonly description: string;
  readonly table: ITable;
  /** Of that table's stream. */
  readonly streamArn: string;
  readonly logRetention: RetentionDays;
  /** Where what changes is published: `RollcallEventBus`, or one of your own. Without it nothing is. Only `activity` publishes. */
  readonly eventBus?: IEventBus;
}

/** A whole core (Lambda developer guide): with hundreds of children a change is as fast as the CPU carries it (docs/scale.md). */
const wholeCoreMegabytes = 1_769;

/** The most that SQS keeps a message. The stream itself forgets after a day, so there is no reason to hurry it out. */
const failureRetentionDays = 14;

/** What the table's stream rings: a function, the mapping that invokes it, and the queue for what it could not do. */
export class StreamConsumer extends Construct {
  readonly functionName: StreamFunctionName;
  readonly function: IFunction;
  /** One message for each batch that was given up. It says which records of the stream, not what is in them. */
  readonly failureQueue: Queue;

  constructor(scope: Construct, id: string, props: StreamConsumerProps) {
    super(scope, id);
    const { mapping } = props;
    this.functionName = mapping.functionName;
    this.function = new RollcallFunction(this, "Handler", {
      entry: fileURLToPath(new URL(`../lambda/handlers/${mapping.functionName}.ts`, import.meta.url)),
      description: props.description,
      table: props.table,
      tableActions: functionPermissions[mapping.functionName],
      timeoutSeconds: streamFunctionTimeoutSeconds,
      logRetention: props.logRetention,
      ...(mapping.functionName === "propagation" && { memoryMegabytes: wholeCoreMegabytes }),
      ...(props.eventBus && { environment: { [eventBusVariable]: props.eventBus.eventBusArn } }),
    }).function;

    this.failureQueue = new Queue(this, "FailureQueue", {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(failureRetentionDays),
    });
    Validations.of(this.failureQueue).acknowledge({
      id: "AwsSolutions-SQS3",
      reason:
        "This is the dead-letter queue: nothing consumes it but an operator, whom an alarm calls at the first message.",
    });

    this.#permit(props.streamArn);
    props.eventBus?.grantPutEventsTo(this.function);
    new EventSourceMapping(this, "Mapping", {
      target: this.function,
      eventSourceArn: props.streamArn,
      // At its creation, and after the stream was replaced: nothing that the stream still has is left out, and twice does no harm.
      startingPosition: StartingPosition.TRIM_HORIZON,
      filters: mapping.filters.map((filter) => FilterCriteria.filter(filter)),
      batchSize: mapping.batchSize,
      maxBatchingWindow: Duration.seconds(mapping.batchingWindowSeconds),
      parallelizationFactor: mapping.parallelizationFactor,
      retryAttempts: mapping.retryAttempts,
      maxRecordAge: Duration.seconds(mapping.recordAgeSecondsMax),
      bisectBatchOnError: true,
      reportBatchItemFailures: true,
      onFailure: sendTo(this.failureQueue),
    });
  }

  /** The mapping acts by the function's role. */
  #permit(streamArn: string): void {
    this.function.addToRolePolicy(
      new PolicyStatement({
        actions: ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"],
        resources: [streamArn],
      }),
    );
    this.function.addToRolePolicy(
      new PolicyStatement({ actions: ["dynamodb:ListStreams"], resources: ["*"] }),
    );
    this.function.addToRolePolicy(
      new PolicyStatement({ actions: ["sqs:SendMessage"], resources: [this.failureQueue.queueArn] }),
    );
    Validations.of(this).acknowledge({
      id: "AwsSolutions-IAM5[Resource::*]",
      reason:
        "dynamodb:ListStreams cannot be limited to a resource (Service Authorization Reference); it tells names, no data. " +
        "Lambda wants it of every mapping on a stream.",
    });
  }
}

/** As CDK's SqsDlq, which would also let the function ask for the queue's URL and attributes. */
function sendTo(queue: Queue): IEventSourceDlq {
  return { bind: () => ({ destination: queue.queueArn }) };
}
