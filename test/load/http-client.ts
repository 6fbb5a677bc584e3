/** HTTP as an IdP speaks it: many connections kept open, 429 obeyed, a request that is not answered given up. */

import { Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";

export interface Request {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  readonly url: string;
  readonly token?: string | undefined;
  readonly body?: unknown;
}

/** What came of a request, after all the times it was sent. */
export type Outcome =
  | { readonly kind: "answered"; readonly status: number; readonly body: unknown; readonly resent: boolean }
  /** Whether it took effect is unknown. */
  | { readonly kind: "unknown"; readonly why: string };

export interface HttpClient {
  send(request: Request): Promise<Outcome>;
  /** How often each status was answered, those that were followed by a repetition included. */
  readonly statuses: ReadonlyMap<number, number>;
  /** 429s after which the request was sent again. */
  readonly resends: number;
  /** Requests without an answer. */
  readonly lost: number;
  close(): void;
}

/** Connections at once, of all tenants. Our choice: as many as a few IdPs open; more requests wait for one. */
const connectionsMax = 256;
/** Times a request is sent while it is answered 429, then given up: Okta's ten (idp-traffic.md §2). */
const sendsMax = 10;
/** How long Okta and Entra wait for an answer (idp-traffic.md §0). */
const answerMilliseconds = 60_000;
/** Where 429 does not say for how long. Okta would wait five minutes; the run should end before. */
const retryAfterSecondsDefault = 1;

export function createHttpClient(): HttpClient {
  const options = { keepAlive: true, maxSockets: connectionsMax };
  const agents = { http: new HttpAgent(options), https: new HttpsAgent(options) };
  const statuses = new Map<number, number>();
  let resends = 0;
  let lost = 0;

  return {
    statuses,
    get resends() {
      return resends;
    },
    get lost() {
      return lost;
    },
    async send(request) {
      for (let sends = 1; ; sends++) {
        let answer: Answer;
        try {
          answer = await sendOnce(agents, request);
        } catch (cause) {
          lost++;
          return { kind: "unknown", why: `no answer: ${String(cause)}` };
        }
        const { status, body, retryAfterSeconds } = answer;
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (status >= 500) return { kind: "unknown", why: `answered ${status}` };
        if (status !== 429) return { kind: "answered", status, body, resent: sends > 1 };
        if (sends === sendsMax) return { kind: "unknown", why: `answered 429 ${sendsMax} times` };
        resends++;
        await sleep(retryAfterSeconds * 1_000);
      }
    },
    close() {
      agents.http.destroy();
      agents.https.destroy();
    },
  };
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly retryAfterSeconds: number;
}

function sendOnce(
  agents: { readonly http: HttpAgent; readonly https: HttpsAgent },
  { method, url, token, body }: Request,
): Promise<Answer> {
  const content = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  const isHttps = url.startsWith("https:");
  return new Promise((resolve, reject) => {
    const outgoing = (isHttps ? httpsRequest : httpRequest)(
      url,
      {
        method,
        agent: isHttps ? agents.https : agents.http,
        timeout: answerMilliseconds,
        headers: {
          ...(token !== undefined && { Authorization: `Bearer ${token}` }),
          ...(content && { "Content-Type": "application/json", "Content-Length": content.length }),
        },
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("error", reject);
        incoming.on("end", () => {
          try {
            const text = Buffer.concat(chunks).toString("utf8");
            const retryAfter = Number(incoming.headers["retry-after"] ?? Number.NaN);
            resolve({
              status: incoming.statusCode ?? 0,
              body: text === "" ? undefined : JSON.parse(text),
              retryAfterSeconds: Number.isFinite(retryAfter) ? retryAfter : retryAfterSecondsDefault,
            });
          } catch (cause) {
            reject(cause);
          }
        });
      },
    );
    outgoing.on("timeout", () => outgoing.destroy(new Error(`nothing for ${answerMilliseconds} ms`)));
    outgoing.on("error", reject);
    outgoing.end(content);
  });
}
