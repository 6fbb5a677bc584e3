import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { createHttpClient } from "./http-client.ts";

let server: Server | undefined;
const client = createHttpClient();
afterEach(async () => {
  server?.closeAllConnections();
  server?.close();
});

/** Where `answer` answers the n-th request, from 1. */
async function serve(answer: (response: ServerResponse, n: number) => void): Promise<string> {
  let n = 0;
  server = createServer((_, response) => answer(response, ++n));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
}

const throttle = (response: ServerResponse) => response.writeHead(429, { "Retry-After": "0" }).end("{}");

describe("what comes of a request", () => {
  it("is sent again after 429", async () => {
    const url = await serve((response, n) =>
      n < 3 ? throttle(response) : response.writeHead(201).end('{"a":1}'),
    );
    const outcome = await client.send({ method: "POST", url, body: {} });
    expect(outcome).toEqual({ kind: "answered", status: 201, body: { a: 1 }, resent: true });
    expect(client.statuses.get(429)).toBe(2);
    expect(client.resends).toBe(2);
  });

  it("is unknown after ten 429s, a 5xx, or no answer", async () => {
    const throttled = await client.send({ method: "GET", url: await serve(throttle) });
    expect(throttled).toEqual({ kind: "unknown", why: "answered 429 10 times" });
    const failed = await client.send({
      method: "GET",
      url: await serve((response) => response.writeHead(503).end("{}")),
    });
    expect(failed).toEqual({ kind: "unknown", why: "answered 503" });
    const lost = await client.send({ method: "GET", url: await serve((response) => response.destroy()) });
    expect(lost).toMatchObject({ kind: "unknown" });
    expect(client.lost).toBe(1);
  });
});
