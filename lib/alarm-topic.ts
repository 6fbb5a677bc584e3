import { Stack } from "aws-cdk-lib";
import { ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Topic } from "aws-cdk-lib/aws-sns";
import { EmailSubscription } from "aws-cdk-lib/aws-sns-subscriptions";
import { Construct } from "constructs";

export interface AlarmTopicProps {
  /** Gets one mail to confirm, then one for every alarm and every all-clear. */
  readonly email: string;
}

/** Where the alarms go when the team has no topic of its own. */
export class AlarmTopic extends Construct {
  readonly topic: Topic;

  constructor(scope: Construct, id: string, props: AlarmTopicProps) {
    super(scope, id);
    this.topic = new Topic(this, "Topic", { displayName: "Rollcall alarms", enforceSSL: true });
    // Demanding TLS puts a policy in place of SNS's default one, which had let the account's own alarms publish.
    this.topic.grantPublish(
      new ServicePrincipal("cloudwatch.amazonaws.com", {
        conditions: { StringEquals: { "aws:SourceAccount": Stack.of(this).account } },
      }),
    );
    this.topic.addSubscription(new EmailSubscription(props.email));
  }
}
