import { CfnOutput, Stack, type StackProps } from "aws-cdk-lib";
import type { ITable } from "aws-cdk-lib/aws-dynamodb";
import type { Construct } from "constructs";
import { RollcallTable } from "./rollcall-table.ts";

/** What must outlive every deployment. A stack of its own, so that the service can be replaced without touching it. */
export class DataStack extends Stack {
  readonly table: ITable;

  constructor(scope: Construct, id: string, props?: StackProps) {
    super(scope, id, { description: "Rollcall: data", ...props });
    this.table = new RollcallTable(this, "Table").table;
    new CfnOutput(this, "TableName", { value: this.table.tableName });
  }
}
