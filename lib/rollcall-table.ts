import { RemovalPolicy } from "aws-cdk-lib";
import { AttributeType, BillingMode, StreamViewType, Table } from "aws-cdk-lib/aws-dynamodb";
import { Construct } from "constructs";
import { tableDefinition } from "../lambda/table/table-definition.ts";

/** Days a deleted or spoilt item can be brought back. 35 is the most DynamoDB keeps, and the price is the same. */
const recoveryPeriodDays = 35;

/**
 * The one table. Its keys are in `lambda/table/keys.ts`; no index, since every read on the SCIM path is strong (DESIGN §1.3)
 * and a global index is read eventually.
 *
 * Contributor Insights stays off: it publishes the most used keys, and keys here hold userNames and emails (DESIGN §1.8).
 *
 * `Table` and not `TableV2`: Rollcall lives in one Region, and an `AWS::DynamoDB::Table` can also be created by the
 * emulators in use for deploy rehearsals. Replicas would break "read your writes" anyway.
 */
export class RollcallTable extends Construct {
  readonly table: Table;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.table = new Table(this, "Table", {
      partitionKey: { name: tableDefinition.partitionKey, type: AttributeType.STRING },
      sortKey: { name: tableDefinition.sortKey, type: AttributeType.STRING },
      // IdPs are idle for 40 minutes and then send a sync as fast as they are answered; nobody could provision that.
      billingMode: BillingMode.PAY_PER_REQUEST,
      timeToLiveAttribute: tableDefinition.timeToLiveAttribute,
      stream: StreamViewType[tableDefinition.streamView],
      // `encryption` is left out on purpose, which means encrypted at rest with a key that DynamoDB owns: no charge and no
      // KMS call, with KMS's own throttle, behind requests. A team whose rules ask for its own key sets it here and
      // grants its use to the functions' roles.
      pointInTimeRecoverySpecification: {
        pointInTimeRecoveryEnabled: true,
        recoveryPeriodInDays: recoveryPeriodDays,
      },
      // Two locks on the data: DynamoDB refuses to delete the table, and CloudFormation lets go of it without trying.
      deletionProtection: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
  }
}
