import type { FunctionName } from "../lambda/http/routes.ts";
import type { StreamFunctionName } from "../lambda/stream/stream-mapping.ts";

/** Every deployed function: those that a route calls, and those that the table's stream calls. */
export type DeployedFunctionName = FunctionName | StreamFunctionName;

/**
 * What each function may do to the table: these actions, on this one table, and nothing else in AWS but its own log
 * (those that the stream calls also read it: `stream-consumer.ts`).
 *
 * Transactions have no actions of their own: TransactGetItems is authorised by `GetItem`, TransactWriteItems by
 * `PutItem`, `UpdateItem`, `DeleteItem` and `ConditionCheckItem` (DynamoDB developer guide, "IAM and transactions").
 * `Scan` is in no list: every access is by key (DESIGN §3), so a function that needs one has a design error.
 */
export type TableAction =
  | "dynamodb:BatchGetItem"
  | "dynamodb:BatchWriteItem"
  | "dynamodb:ConditionCheckItem"
  | "dynamodb:DeleteItem"
  | "dynamodb:GetItem"
  | "dynamodb:PutItem"
  | "dynamodb:Query"
  | "dynamodb:UpdateItem";

const read: readonly TableAction[] = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"];
const transact: readonly TableAction[] = [
  "dynamodb:ConditionCheckItem",
  "dynamodb:DeleteItem",
  "dynamodb:PutItem",
  "dynamodb:UpdateItem",
];

export const functionPermissions: Readonly<Record<DeployedFunctionName, readonly TableAction[]>> = {
  users: [...read, ...transact],
  /** Members that fit no transaction are written aside, and removed, in batches. */
  groups: [...read, ...transact, "dynamodb:BatchWriteItem"],
  /** Whatever `users` and `groups` do, in one request. */
  bulk: [...read, ...transact, "dynamodb:BatchWriteItem"],
  /** Forgives doubled and trailing slashes, so it ends up doing whatever `users`, `groups` and `bulk` do. */
  fallback: [...read, ...transact, "dynamodb:BatchWriteItem"],
  /** As users, and removes what a deleted project leaves, in batches. */
  admin: [...read, ...transact, "dynamodb:BatchWriteItem"],
  /** Reads the connection to check the token, and notes the token's last use. */
  discovery: ["dynamodb:BatchGetItem", "dynamodb:UpdateItem"],
  /** Reads what has changed, and writes what is derived from it; its stream and its queue are in `stream-consumer.ts`. */
  propagation: [...read, ...transact, "dynamodb:BatchWriteItem"],
  /**
   * Puts entries of the trail, in batches, and removes those of a project that turns out to be gone; asks for another look at
   * what a child could not take.
   */
  activity: ["dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:Query", "dynamodb:UpdateItem"],
};
