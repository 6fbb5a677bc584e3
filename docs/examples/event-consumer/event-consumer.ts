import { fileURLToPath } from "node:url";
import { Duration } from "aws-cdk-lib";
import { AttributeType, BillingMode, Table } from "aws-cdk-lib/aws-dynamodb";
import { type IEventBus, Match, Rule } from "aws-cdk-lib/aws-events";
import { LambdaFunction } from "aws-cdk-lib/aws-events-targets";
import { Architecture, type IFunction, Runtime } from "aws-cdk-lib/aws-lambda";
import { NodejsFunction, OutputFormat } from "aws-cdk-lib/aws-lambda-nodejs";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";

export interface EventConsumerProps {
  /** Rollcall's: `EventBus.fromEventBusName(this, "Rollcall", "RollcallService-events")`, the stack's output `EventBusName`. */
  readonly bus: IEventBus;
}

/** A rule on Rollcall's bus, the function that it hands events to, and the table that the function keeps. */
export class EventConsumer extends Construct {
  readonly function: IFunction;
  /** What could not be handed over, or be kept. */
  readonly deadLetterQueue: Queue;

  constructor(scope: Construct, id: string, { bus }: EventConsumerProps) {
    super(scope, id);
    const table = new Table(this, "Table", {
      partitionKey: { name: "projectId", type: AttributeType.STRING },
      sortKey: { name: "resourceId", type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
    });
    this.deadLetterQueue = new Queue(this, "DeadLetterQueue", {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    this.function = new NodejsFunction(this, "Function", {
      entry: fileURLToPath(new URL("handler.ts", import.meta.url)),
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      environment: { TABLE_NAME: table.tableName },
      // Where the function failed with an event three times; the rule's below is for what never reached it.
      deadLetterQueue: this.deadLetterQueue,
      bundling: { format: OutputFormat.ESM, mainFields: ["module", "main"], minify: true },
    });
    table.grant(this.function, "dynamodb:PutItem");
    new Rule(this, "Rule", {
      eventBus: bus,
      // All of a member or group. Only changes of who is in a group: { detail: { changes: ["members"] } }.
      eventPattern: {
        source: ["rollcall"],
        detailType: Match.anyOf(Match.prefix("member."), Match.prefix("group.")),
      },
      // Tried for 24 hours, EventBridge's default.
      targets: [new LambdaFunction(this.function, { deadLetterQueue: this.deadLetterQueue })],
    });
  }
}
