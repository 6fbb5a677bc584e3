import { once } from "node:events";
import { createServer, request as httpRequest } from "node:http";

export interface ForgetfulProxy {
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  /** Answers lost so far. */
  readonly lost: number;
  /** Loses nothing any more. */
  recover(): void;
  stop(): Promise<void>;
}

/**
 * Passes requests on, and loses every third answer to a write, one half before the server has heard of the request, one
 * half after it was answered. It begins with the first look-up, so that what comes before can be relied on.
 */
export async function startForgetfulProxy(target: string): Promise<ForgetfulProxy> {
  let isForgetful = false;
  let isOver = false;
  let writes = 0;
  let lost = 0;
  const server = createServer((request, response) => {
    const isWrite = request.method === "POST" || request.method === "PATCH";
    if (request.method === "GET") isForgetful = !isOver;
    const loses = isForgetful && isWrite && ++writes % 3 === 0;
    if (loses) lost++;
    if (loses && lost % 2 === 0) {
      request.socket.destroy();
      return;
    }
    // `Host` stays as it came: the service makes its URLs of it.
    const { method, headers } = request;
    const onward = httpRequest(target + request.url, { method, headers }, (incoming) => {
      if (loses) {
        incoming.resume();
        incoming.on("end", () => request.socket.destroy());
        return;
      }
      response.writeHead(incoming.statusCode ?? 502, incoming.headers);
      incoming.pipe(response);
    });
    onward.on("error", () => request.socket.destroy());
    request.pipe(onward);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a TCP server has a TCP address");

  return {
    origin: `http://127.0.0.1:${address.port}`,
    get lost() {
      return lost;
    },
    recover() {
      isForgetful = false;
      isOver = true;
    },
    async stop() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
