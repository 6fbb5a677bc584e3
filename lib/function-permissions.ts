import type { FunctionName } from "../lambda/http/routes.ts";

/**
 * What each function may do to the table: these actions, on this one table, and nothing else in AWS but its own log.
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

export const functionPermissions: Readonly<Record<FunctionName, readonly TableAction[]>> = {
  users: [...read, ...transact],
  /** Forgives doubled and trailing slashes, so it ends up doing whatever `users` does. */
  fallback: [...read, ...transact],
  /** As users, and removes what a deleted project leaves, in batches. */
  admin: [...read, ...transact, "dynamodb:BatchWriteItem"],
  /** Reads the connection to check the token, and notes the token's last use. */
  discovery: ["dynamodb:BatchGetItem", "dynamodb:UpdateItem"],
};
