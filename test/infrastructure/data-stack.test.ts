import { describe, expect, test } from "vitest";
import { tableDefinition } from "../../lambda/table/table-definition.ts";
import { synthesize } from "./synthesized.ts";

const { data } = synthesize();
const table = data.only("AWS::DynamoDB::Table");

describe("the data stack", () => {
  test("holds the table and nothing else", () => {
    expect(Object.values(data.template.toJSON()["Resources"])).toHaveLength(1);
  });

  test("keeps the table's logical id, for another id is another, empty table", () => {
    expect(Object.keys(data.ofType("AWS::DynamoDB::Table"))).toEqual(["Table710B521B"]);
  });

  test("gives the table the keys that the code uses, and no index", () => {
    expect(table.Properties.KeySchema).toEqual([
      { AttributeName: tableDefinition.partitionKey, KeyType: "HASH" },
      { AttributeName: tableDefinition.sortKey, KeyType: "RANGE" },
    ]);
    expect(table.Properties.AttributeDefinitions).toEqual([
      { AttributeName: tableDefinition.partitionKey, AttributeType: "S" },
      { AttributeName: tableDefinition.sortKey, AttributeType: "S" },
    ]);
    expect(table.Properties).not.toHaveProperty("GlobalSecondaryIndexes");
    expect(table.Properties).not.toHaveProperty("LocalSecondaryIndexes");
    expect(table.Properties.BillingMode).toBe("PAY_PER_REQUEST");
  });

  test("can go back to any second of the last 35 days", () => {
    expect(table.Properties.PointInTimeRecoverySpecification).toEqual({
      PointInTimeRecoveryEnabled: true,
      RecoveryPeriodInDays: 35,
    });
  });

  test("cannot lose the table by a deployment or by its deletion", () => {
    expect(table.Properties.DeletionProtectionEnabled).toBe(true);
    expect(table.DeletionPolicy).toBe("Retain");
    expect(table.UpdateReplacePolicy).toBe("Retain");
  });

  test("streams both images, and expires items by the attribute that the code writes", () => {
    expect(table.Properties.StreamSpecification).toEqual({ StreamViewType: tableDefinition.streamView });
    expect(table.Properties.TimeToLiveSpecification).toEqual({
      AttributeName: tableDefinition.timeToLiveAttribute,
      Enabled: true,
    });
  });

  test("keeps Contributor Insights off, which would publish keys that hold userNames and emails", () => {
    expect(table.Properties).not.toHaveProperty("ContributorInsightsSpecification");
  });

  test("tells the table's name", () => {
    expect(data.outputs).toHaveProperty("TableName");
  });
});
