/**
 * `npm start`: both APIs on 127.0.0.1, by the handlers that are deployed, over an embedded DynamoDB.
 * Wiring only; the parts are in `bin/local/`.
 */
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBStreamsClient } from "@aws-sdk/client-dynamodb-streams";
import { createActivityHandler } from "../lambda/handlers/activity.ts";
import * as admin from "../lambda/handlers/admin.ts";
import * as bulk from "../lambda/handlers/bulk.ts";
import * as discovery from "../lambda/handlers/discovery.ts";
import * as fallback from "../lambda/handlers/fallback.ts";
import * as groups from "../lambda/handlers/groups.ts";
import * as propagation from "../lambda/handlers/propagation.ts";
import * as users from "../lambda/handlers/users.ts";
import { routes } from "../lambda/http/routes.ts";
import { publishingTo } from "../lambda/runtime/event-bus.ts";
import { runtimeFromEnvironment } from "../lambda/runtime/runtime.ts";
import { activityMapping, propagationMapping } from "../lambda/stream/stream-mapping.ts";
import { tableNameVariable } from "../lambda/table/table-definition.ts";
import { createTable } from "./local/create-table.ts";
import { type DataDirectory, openDataDirectory } from "./local/data-directory.ts";
import { describeDemo, seedDemo } from "./local/demo.ts";
import { type EmbeddedDynamoDb, startEmbeddedDynamoDb } from "./local/embedded-dynamodb.ts";
import { trimStreamRecords } from "./local/engine-stream.ts";
import { createEventLog, type EventLog, servingEvents } from "./local/event-log.ts";
import { describeCause, LocalFailure } from "./local/failure.ts";
import { createGateway } from "./local/gateway.ts";
import { helpText, parseOptions, type StartOptions } from "./local/options.ts";
import { startLocalServer } from "./local/server.ts";
import type { StreamPump } from "./local/stream-pump.ts";
import { startStreamPumps } from "./local/stream-pumps.ts";

const tableNameDefault = "rollcall";
/** The embedded engine writes one transaction after the other; a crowd at its door would only overtake itself. */
const requestsAtOnceMax = 16;

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2), process.env);
  if (options.kind === "help") console.log(helpText);
  else await start(options);
}

async function start(options: StartOptions): Promise<void> {
  // A reader such as `head` may go away; that is no reason to stop, least of all without draining.
  process.stdout.on("error", () => {});
  let directory: DataDirectory | undefined;
  let engine: EmbeddedDynamoDb | undefined;
  try {
    if (options.store.kind === "directory") directory = await openDataDirectory(options.store.path);
    if (options.store.kind !== "endpoint") {
      engine = await startEmbeddedDynamoDb({
        stream: true,
        ...(directory && { databasePath: directory.databasePath, pidFile: directory.enginePidFile }),
      });
    }
    await serve(options, directory, engine);
  } catch (cause) {
    await engine?.stop();
    directory?.release();
    throw cause;
  }
}

async function serve(
  options: StartOptions,
  directory: DataDirectory | undefined,
  engine: EmbeddedDynamoDb | undefined,
): Promise<void> {
  const endpoint = options.store.kind === "endpoint" ? options.store.url : (engine?.endpoint ?? "");
  const tableName = configureHandlers(endpoint, engine !== undefined);
  const { streamArn } = await createTable(tableClient(), tableName, endpoint, { stream: true });
  const events = createEventLog(process.env["AWS_REGION"] ?? "");
  const pump = await pumpStream(streamArn, events);

  const api = createGateway({
    routes,
    concurrencyMax: requestsAtOnceMax,
    handlers: {
      users: users.handler,
      groups: groups.handler,
      bulk: bulk.handler,
      discovery: discovery.handler,
      fallback: fallback.handler,
      admin: admin.handler,
    },
  });
  const gateway = servingEvents(events, api);
  const demo = options.demo ? await seedDemo(gateway, directory?.demoFile) : undefined;
  const server = await startLocalServer(gateway, options.port);

  let stopping = false;
  const stop = async (signal: string): Promise<void> => {
    // npm passes Ctrl-C on to a process that the terminal has told already.
    if (stopping) return;
    stopping = true;
    console.log(`\n${signal}: finishing the requests that have begun`);
    await server.drain();
    await pump?.stop();
    await engine?.stop();
    if (pump !== undefined) forgetHandledRecords(directory, pump);
    directory?.release();
    process.exit(0);
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  void engine?.ended.then((how) => {
    if (stopping) return;
    console.error(`rollcall: the embedded DynamoDB ended by itself: ${how}`);
    process.exit(1);
  });

  console.log(`Rollcall is ready on ${server.origin}`);
  console.log(describeData(options));
  if (pump === undefined) {
    console.log("Nothing is carried on after a change: that DynamoDB has no streams");
  }
  console.log(`Admin API: ${server.origin}/admin/v1 (described in /admin/v1/openapi.json)`);
  console.log(`Events that were published: ${server.origin}/admin/v1/events`);
  if (demo !== undefined) console.log(`\n${describeDemo(demo, server.origin)}`);
  console.log("\nCtrl-C stops it.");
}

/** The deployed handlers read all this from their environment. Returns the table's name. */
function configureHandlers(endpoint: string, isEmbedded: boolean): string {
  const tableName = process.env[tableNameVariable] || tableNameDefault;
  process.env[tableNameVariable] = tableName;
  process.env["AWS_ENDPOINT_URL_DYNAMODB"] = endpoint;
  process.env["AWS_ENDPOINT_URL_DYNAMODB_STREAMS"] = endpoint;
  // Would make the SDK overlook the lines above, and write to a real account.
  delete process.env["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"];
  process.env["AWS_REGION"] ||= "us-east-1";
  // One line for each request is for CloudWatch; here warnings and errors are enough.
  process.env["POWERTOOLS_LOG_LEVEL"] ??= "WARN";
  process.env["POWERTOOLS_METRICS_DISABLED"] ??= "true";
  if (isEmbedded || !(process.env["AWS_ACCESS_KEY_ID"] || process.env["AWS_PROFILE"])) {
    // Any key will do: the engine wants a signature of the right shape and checks no more.
    delete process.env["AWS_PROFILE"];
    delete process.env["AWS_SESSION_TOKEN"];
    process.env["AWS_ACCESS_KEY_ID"] = "local";
    process.env["AWS_SECRET_ACCESS_KEY"] = "local";
  }
  return tableName;
}

/** Configured as the handlers are, but quicker to give up: an endpoint that does not answer at start will not soon. */
function tableClient(): DynamoDBClient {
  return new DynamoDBClient({
    maxAttempts: 1,
    requestHandler: { connectionTimeout: 2_000, requestTimeout: 5_000, throwOnRequestTimeout: true },
  });
}

/** Undefined where the table's server has no streams. */
async function pumpStream(
  streamArn: string | undefined,
  { publish }: EventLog,
): Promise<StreamPump | undefined> {
  if (streamArn === undefined) return undefined;
  const activity = createActivityHandler(publishingTo(publish, runtimeFromEnvironment()));
  try {
    return await startStreamPumps({ client: new DynamoDBStreamsClient(), streamArn }, [
      { mapping: propagationMapping, handler: propagation.handler },
      { mapping: activityMapping, handler: activity },
    ]);
  } catch (cause) {
    console.error(`rollcall: the table's stream cannot be read: ${describeCause(cause)}`);
    return undefined;
  }
}

/** So that the next start does not handle again what this one has, unless something of it was given up. */
function forgetHandledRecords(directory: DataDirectory | undefined, pump: StreamPump): void {
  if (directory === undefined || pump.parked.length > 0) return;
  try {
    trimStreamRecords(directory.databasePath, pump.positions);
  } catch (cause) {
    console.error(`rollcall: handled changes will be handled again: ${describeCause(cause)}`);
  }
}

function describeData(options: StartOptions): string {
  switch (options.store.kind) {
    case "memory":
      return "Data: temporary, gone when the server stops (npm start -- --data DIR keeps it)";
    case "directory":
      return `Data: ${options.store.path}`;
    case "endpoint":
      return `Data: the DynamoDB at ${options.store.url}`;
  }
}

main().catch((cause: unknown) => {
  if (cause instanceof LocalFailure) {
    console.error(`rollcall: ${cause.message}`);
    process.exit(cause.exitCode);
  }
  console.error("rollcall: could not start", cause);
  process.exit(1);
});
