import { CfnOutput, Stack } from "aws-cdk-lib";
import { EventBus } from "aws-cdk-lib/aws-events";
import { Construct } from "constructs";

/**
 * The bus that changes of members and groups are published to (API.md §6), apart from the account's default one: whoever may
 * put events there could pass for Rollcall.
 *
 * Without an archive, which would keep for money what the activity trail keeps for 90 days; who wants to replay archives on the
 * bus by a rule of his own. Without a dead-letter queue: a bus uses one only for events that it cannot decrypt. What a target does
 * not take is a matter of its rule (docs/examples/event-consumer has one), what the bus itself does not take waits in the stream.
 */
export class RollcallEventBus extends Construct {
  readonly bus: EventBus;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.bus = new EventBus(this, "Bus", {
      // Named, since the rules of others name it.
      eventBusName: `${Stack.of(this).stackName}-events`,
      description: "Rollcall: changes of members and groups",
    });
    new CfnOutput(Stack.of(this), "EventBusName", { value: this.bus.eventBusName });
    new CfnOutput(Stack.of(this), "EventBusArn", { value: this.bus.eventBusArn });
  }
}
