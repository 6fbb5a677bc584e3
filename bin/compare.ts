/** `npm run compare`: looks through a project of a table, deployed or local, and tells what does not agree. Wiring only. */

import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { createRuntime } from "../lambda/runtime/runtime.ts";
import { RequestError } from "../lambda/scim/error.ts";
import { type CompareCommandOptions, helpText, parseCompareOptions } from "./compare/options.ts";
import { runComparison } from "./compare/run.ts";
import { describeCause, LocalFailure } from "./local/failure.ts";

async function main(): Promise<void> {
  const options = parseCompareOptions(process.argv.slice(2), process.env);
  if (options.kind === "help") {
    console.log(helpText);
    return;
  }
  const client = clientFor(options);
  try {
    const { context } = createRuntime({ client, tableName: options.tableName });
    const isInOrder = await runComparison(context, options.projectId, (line) => console.log(line));
    process.exitCode = isInOrder ? 0 : 1;
  } finally {
    client.destroy();
  }
}

function clientFor({ endpoint }: CompareCommandOptions): DynamoDBClient {
  if (endpoint === undefined) {
    return new DynamoDBClient();
  }
  // Any key will do there.
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  return new DynamoDBClient({ endpoint, region: process.env["AWS_REGION"] ?? "us-east-1", credentials });
}

main().catch((cause: unknown) => {
  if (cause instanceof LocalFailure) {
    console.error(`rollcall: ${cause.message}`);
    process.exitCode = cause.exitCode;
  } else if (cause instanceof RequestError && cause.code === "not_found") {
    console.error(`rollcall: ${cause.detail}`);
    process.exitCode = 2;
  } else {
    console.error(`rollcall: could not compare: ${describeCause(cause)}`);
    process.exitCode = 3;
  }
});
