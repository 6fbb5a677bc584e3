/**
 * Follows the members and groups of all projects: for each, the last that was told of it, and whether it is still there.
 *
 * EventBridge hands over an event at least once and promises no order. Both are made good by one condition: `version` rises
 * with each event of a resource, so what is not newer than what is kept is a repetition, or has been overtaken.
 *
 * An event has names of what changed and no values. Who needs those reads the member or the group from the admin API, and gets
 * them as they are by then.
 */

import { ConditionalCheckFailedException, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, PutCommand } from "@aws-sdk/lib-dynamodb";
import type { EventBridgeEvent } from "aws-lambda";
import * as z from "zod";

export const eventTypes = [
  "member.provisioned",
  "member.updated",
  "member.deactivated",
  "member.reactivated",
  "member.deleted",
  "group.created",
  "group.updated",
  "group.deleted",
  "group.membership",
  "sync.failed",
] as const;

const eventSchema = z.object({
  "detail-type": z.enum(eventTypes),
  detail: z.object({
    id: z.string(),
    projectId: z.string(),
    connectionId: z.string().nullable(),
    resourceId: z.string(),
    version: z.number(),
    at: z.string(),
    changes: z.array(z.string()),
  }),
});

export type Outcome = "kept" | "dropped";

/** What the handler does, over a given table: its keys are `projectId` and `resourceId`. */
export function createHandler(documents: DynamoDBDocumentClient, tableName: string) {
  return async (event: EventBridgeEvent<string, unknown>): Promise<Outcome> => {
    const { "detail-type": type, detail } = eventSchema.parse(event);
    const { projectId, resourceId, connectionId, version, at } = detail;
    try {
      await documents.send(
        new PutCommand({
          TableName: tableName,
          // What is deleted stays, as such: without its version, a late event would bring it back.
          Item: {
            projectId,
            resourceId,
            connectionId,
            version,
            at,
            type,
            isThere: !type.endsWith(".deleted"),
          },
          ConditionExpression: "attribute_not_exists(#version) OR #version < :version",
          ExpressionAttributeNames: { "#version": "version" },
          ExpressionAttributeValues: { ":version": version },
        }),
      );
      return "kept";
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return "dropped";
      // Lambda hands it over again, twice; then it goes to the function's dead-letter queue.
      throw error;
    }
  };
}

let shared: ReturnType<typeof createHandler> | undefined;

export const handler: ReturnType<typeof createHandler> = (event) => {
  shared ??= createHandler(
    DynamoDBDocumentClient.from(new DynamoDBClient({})),
    z.string().parse(process.env["TABLE_NAME"]),
  );
  return shared(event);
};
