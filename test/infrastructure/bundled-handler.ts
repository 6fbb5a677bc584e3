import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";

/** Something to bundle: small, and with the AWS SDK in it. */
export const handler = async (): Promise<number> =>
  Object.keys(
    await new DynamoDBClient().send(new GetItemCommand({ TableName: process.env["TABLE_NAME"], Key: {} })),
  ).length;
