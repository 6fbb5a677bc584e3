import { randomUUID } from "node:crypto";
import { type ChangeEvent, eventSource, type Publish } from "../../lambda/domain/event.ts";
import type { Gateway, GatewayResponse } from "./gateway.ts";

/** API.md §6. */
export const eventsKeptMax = 1_000;
/** Of the local service alone: deployed, events are on the bus, and there is nothing here. */
const eventsPath = "/admin/v1/events";
/** What ARNs and events of the emulation say of the account (`gateway-event.ts`). */
const account = "000000000000";

/** An event as EventBridge hands it to a rule's target. */
export interface DeliveredEvent {
  readonly version: "0";
  readonly id: string;
  readonly "detail-type": string;
  readonly source: string;
  readonly account: string;
  /** To the second, as EventBridge's. */
  readonly time: string;
  readonly region: string;
  readonly resources: readonly string[];
  readonly detail: Omit<ChangeEvent, "type">;
}

export interface EventLog {
  /** Takes events as the bus does. */
  readonly publish: Publish;
  /** The last `eventsKeptMax`, oldest first. One that was published twice is there twice. */
  readonly items: readonly DeliveredEvent[];
}

/** In place of the bus: in memory, until the service ends. */
export function createEventLog(region: string): EventLog {
  let items: readonly DeliveredEvent[] = [];
  return {
    async publish(events) {
      items = [...items, ...events.map((event) => delivered(event, region))].slice(-eventsKeptMax);
      return [];
    },
    get items() {
      return items;
    },
  };
}

function delivered({ type, ...detail }: ChangeEvent, region: string): DeliveredEvent {
  return {
    version: "0",
    // The bus's own, which differs each time: repetitions are known by `detail.id`.
    id: randomUUID(),
    "detail-type": type,
    source: eventSource,
    account,
    time: `${detail.at.slice(0, "2026-01-01T00:00:00".length)}Z`,
    region,
    resources: [],
    detail,
  };
}

/** A gateway that serves what was published, and hands on everything else. Whoever may ask is the server's business. */
export function servingEvents(log: EventLog, gateway: Gateway): Gateway {
  return {
    async invoke(request) {
      const [path] = request.path.split("?");
      if (path !== eventsPath) return gateway.invoke(request);
      if (request.method === "GET" || request.method === "HEAD") {
        return answer(200, "application/json", { items: log.items });
      }
      const problem = {
        type: "about:blank",
        title: "Method Not Allowed",
        status: 405,
        detail: `Events can be read by GET, and made by nobody: ${request.method} is not served here.`,
        code: "method_not_allowed",
      };
      return answer(405, "application/problem+json", problem, [["Allow", "GET, HEAD"]]);
    },
  };
}

function answer(
  status: number,
  type: string,
  body: unknown,
  headers: GatewayResponse["headers"] = [],
): GatewayResponse {
  return {
    status,
    headers: [
      ["x-amzn-RequestId", randomUUID()],
      ["Content-Type", type],
      // What is there is looked at again and again.
      ["Cache-Control", "no-store"],
      ...headers,
    ],
    body: Buffer.from(JSON.stringify(body)),
  };
}
