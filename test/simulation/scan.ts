/** A table's items as DynamoDB's JSON has them, read past the SDK: five times faster, where each step ends with a scan. */

import { Agent, request } from "node:http";
import * as z from "zod";
import type { RawItem } from "../invariants/table-contents.ts";

const answerSchema = z.object({
  Items: z.array(z.custom<RawItem>()),
  LastEvaluatedKey: z.unknown().optional(),
});

const agent = new Agent({ keepAlive: true });

/** `filter`: as DynamoDB takes it; what does not pass is not sent. */
export async function scanQuickly(
  endpoint: string,
  tableName: string,
  filter: object = {},
): Promise<readonly RawItem[]> {
  const items: RawItem[] = [];
  let startKey: unknown;
  do {
    const page = answerSchema.parse(
      await call(endpoint, "Scan", {
        TableName: tableName,
        ...filter,
        ConsistentRead: true,
        ...(startKey !== undefined && { ExclusiveStartKey: startKey }),
      }),
    );
    items.push(...page.Items);
    startKey = page.LastEvaluatedKey;
  } while (startKey !== undefined);
  return items;
}

function call(endpoint: string, target: string, input: object): Promise<unknown> {
  const headers = {
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amz-Target": `DynamoDB_20120810.${target}`,
    // The engine wants to see both, and checks no signature.
    Authorization:
      "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
    "X-Amz-Date": "20260101T000000Z",
  };
  return new Promise((resolve, reject) => {
    const sent = request(endpoint, { method: "POST", agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => resolve(JSON.parse(Buffer.concat(chunks).toString("utf8"))));
    });
    sent.on("error", reject);
    sent.end(JSON.stringify(input));
  });
}
