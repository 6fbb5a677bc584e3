/** The EventBridge bus. Imported by the one function that publishes, so that its client is in no other bundle. */

import { EventBridgeClient, PutEventsCommand, type PutEventsRequestEntry } from "@aws-sdk/client-eventbridge";
import * as z from "zod";
import { type ChangeEvent, eventSource, type Publish } from "../domain/event.ts";
import { eventBusVariable } from "./event-bus-variable.ts";
import { type Runtime, runtimeFromEnvironment } from "./runtime.ts";

/** Publishes to one bus, given by its ARN or name. Entries of one call are refused one by one. */
export function createPublisher(client: EventBridgeClient, busName: string): Publish {
  return async (events) => {
    const { Entries: answers = [] } = await client.send(
      new PutEventsCommand({ Entries: events.map((event) => entryOf(event, busName)) }),
    );
    return events.flatMap((event, index) => {
      const answer = answers[index];
      // An event is taken when it has been given an id, and only then.
      return answer?.EventId !== undefined ? [] : [{ event, code: answer?.ErrorCode ?? "NoAnswer" }];
    });
  };
}

function entryOf({ type, ...detail }: ChangeEvent, busName: string): PutEventsRequestEntry {
  return {
    EventBusName: busName,
    Source: eventSource,
    DetailType: type,
    Time: new Date(detail.at),
    Detail: JSON.stringify(detail),
  };
}

/** The same, but that its events go there. */
export function publishingTo(publish: Publish, { context, log }: Runtime): Runtime {
  return { context: { ...context, publish }, log };
}

const environment = z.object({ [eventBusVariable]: z.string().min(1).optional() });

let shared: Runtime | undefined;

/** The runtime of the deployed function that publishes, from its environment. */
export function publishingRuntimeFromEnvironment(): Runtime {
  if (shared === undefined) {
    const busName = environment.parse(process.env)[eventBusVariable];
    const runtime = runtimeFromEnvironment();
    shared = busName === undefined ? runtime : publishingTo(createPublisher(newClient(), busName), runtime);
  }
  return shared;
}

/** One call gives up after some six seconds; attempts beyond that are `publishEvents`'s. */
function newClient(): EventBridgeClient {
  return new EventBridgeClient({
    maxAttempts: 2,
    requestHandler: { connectionTimeout: 1_000, requestTimeout: 3_000, throwOnRequestTimeout: true },
  });
}
