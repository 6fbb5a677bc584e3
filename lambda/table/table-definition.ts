/**
 * The table's shape as plain data, shared by CDK, the local service and the tests.
 * Keys and what lives under them: `keys.ts`.
 */
export const tableDefinition = {
  partitionKey: "pk",
  sortKey: "sk",
  /** Epoch seconds; DynamoDB deletes the item some time after (AWS: within a few days). */
  timeToLiveAttribute: "expiresAtSeconds",
  /** Both images, so that the stream handler can name the attributes that changed. */
  streamView: "NEW_AND_OLD_IMAGES",
} as const;

/** The environment variable that names the table, read by `lambda/runtime` and set by `lib` and the local service. */
export const tableNameVariable = "TABLE_NAME";
