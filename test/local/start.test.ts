import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, request as httpRequest } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterEach, describe, expect, test } from "vitest";
import { startEmbeddedDynamoDb } from "../../bin/local/embedded-dynamodb.ts";
import {
  type LocalProcess,
  repositoryRoot,
  runLocalProcess,
  startLocalProcess,
  startThroughNpm,
} from "../support/local-process.ts";

const run = promisify(execFile);
const onlyOneLine = /^rollcall: [^\n]+\n$/;
const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function start(args: string[] = [], environment: Record<string, string> = {}): Promise<LocalProcess> {
  const local = await startLocalProcess(args, environment);
  cleanUps.push(() => endNow(local));
  return local;
}

async function endNow(local: LocalProcess): Promise<void> {
  local.child.kill("SIGKILL");
  await local.ended;
}

function makeDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), "rollcall-"));
  cleanUps.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(10);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // Killed and not yet collected by its parent.
    return process.platform !== "linux" || !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}

/** Kills what would end the engine with its server: the rest of its process group. */
async function killGuardsOf(enginePid: number): Promise<void> {
  const { stdout } = await run("ps", ["-A", "-o", "pid=,pgid="]);
  const processes = stdout
    .trim()
    .split("\n")
    .map((line) => line.trim().split(" ").filter(Boolean).map(Number));
  const group = processes.find(([pid]) => pid === enginePid)?.[1];
  // The guard, the youngest, before the supervisor: at whose end the server lets go of what the guard listens to.
  for (const [pid, itsGroup] of processes.reverse()) {
    if (pid !== undefined && itsGroup === group && pid !== enginePid) process.kill(pid, "SIGKILL");
  }
}

/** A Node option that runs `script` first. */
function preload(script: string): string {
  return `--import=data:text/javascript,${encodeURIComponent(script)}`;
}

/** What the ready text says to paste. */
function demoOf(local: LocalProcess): {
  scimBaseUrl: string;
  token: string;
  curl: string;
  membersCurl: string;
} {
  const after = (label: string): string => {
    const line = local
      .output()
      .split("\n")
      .find((each) => each.includes(label));
    return line?.slice(line.indexOf(label) + label.length).trim() ?? "";
  };
  const commands = local.output().split("\n  curl ");
  const command = (i: number): string => `curl -sS ${commands[i]?.split("\n\n")[0] ?? ""}`;
  return {
    scimBaseUrl: after("SCIM base URL"),
    token: after("Bearer token"),
    curl: command(1),
    membersCurl: command(2),
  };
}

async function postUser(
  demo: { scimBaseUrl: string; token: string },
  userName: string,
): Promise<{ status: number; id: string }> {
  const response = await fetch(`${demo.scimBaseUrl}/Users`, {
    method: "POST",
    headers: { Authorization: `Bearer ${demo.token}`, "Content-Type": "application/scim+json" },
    body: JSON.stringify({ schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"], userName }),
  });
  const body = (await response.json()) as { id: string };
  return { status: response.status, id: body.id };
}

async function getUser(demo: { scimBaseUrl: string; token: string }, id: string): Promise<number> {
  const response = await fetch(`${demo.scimBaseUrl}/Users/${id}`, {
    headers: { Authorization: `Bearer ${demo.token}` },
  });
  await response.arrayBuffer();
  return response.status;
}

describe("npm start", () => {
  test("answers /healthz once it says it is ready, and what it prints works as printed", async () => {
    const local = await start();
    expect((await fetch(`${local.origin}/healthz`)).status).toBe(200);

    const demo = demoOf(local);
    expect(demo.scimBaseUrl).toContain(`${local.origin}/scim/v2/`);
    const created = await run("bash", ["-c", demo.curl]);
    expect(created.stdout).toMatch(/^HTTP\/1.1 201 /);
    expect(created.stdout).toContain(`Location: ${demo.scimBaseUrl}/Users/`);

    const members = await run("bash", ["-c", demo.membersCurl]);
    expect(JSON.parse(members.stdout).items).toHaveLength(1);
    expect((await fetch(`${local.origin}/admin/v1/openapi.json`)).status).toBe(200);

    const events = local.output().split("Events that were published: ")[1]?.split("\n")[0] ?? "";
    let published: readonly unknown[] = [];
    while (published.length === 0) {
      published = ((await (await fetch(events)).json()) as { items: unknown[] }).items;
    }
    const { id: resourceId } = JSON.parse(members.stdout).items[0];
    expect(published).toMatchObject([{ "detail-type": "member.provisioned", detail: { resourceId } }]);
  });

  test("through npm, Ctrl-C reaches everything at once and all of it ends well", async () => {
    const local = await startThroughNpm(["--no-demo"]);
    cleanUps.push(() => endNow(local));
    expect(local.output()).not.toContain("Bearer token");
    process.kill(-(local.child.pid ?? 0), "SIGINT");
    expect((await local.ended).code).toBe(0);
    await expect(fetch(`${local.origin}/healthz`)).rejects.toThrow();
  });

  test("Ctrl-C, twice as npm passes it on, lets a request that has begun finish", async () => {
    const local = await start();
    const demo = demoOf(local);
    const body = JSON.stringify({ userName: "in-flight@example.com" });
    const url = new URL(demo.scimBaseUrl);
    const socket = connect(Number(url.port), "127.0.0.1");
    cleanUps.push(() => socket.destroy());
    socket.setEncoding("utf8");
    let received = "";
    socket.on("data", (text: string) => {
      received += text;
    });
    socket.write(
      `POST ${url.pathname}/Users HTTP/1.1\r\nHost: ${url.host}\r\nAuthorization: Bearer ${demo.token}\r\n` +
        `Content-Type: application/scim+json\r\nContent-Length: ${body.length}\r\nExpect: 100-continue\r\n\r\n`,
    );
    await until(() => received.includes("100 Continue"));

    local.child.kill("SIGINT");
    await local.printed("finishing");
    local.child.kill("SIGINT");
    socket.write(body);
    await once(socket, "close");
    expect(received).toContain("HTTP/1.1 201 ");
    expect(received.toLowerCase()).toContain("connection: close");
    expect((await local.ended).code).toBe(0);
  });

  test("SIGTERM ends it too", async () => {
    const local = await start(["--no-demo"]);
    local.child.kill("SIGTERM");
    expect((await local.ended).code).toBe(0);
  });

  test("the admin API refuses foreign Host and Origin", async () => {
    const local = await start(["--no-demo"]);
    const status = async (path: string, header: string): Promise<string> => {
      const url = `${local.origin}/admin/v1${path}`;
      return (await run("curl", ["-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", header, url])).stdout;
    };
    for (const path of ["/projects", "/events"]) {
      expect(await status(path, "Host: evil.example")).toBe("403");
      expect(await status(path, "Origin: http://evil.example")).toBe("403");
      expect(await status(path, `Origin: ${local.origin}`)).toBe("200");
    }
  });

  test("ends with a reason when the engine ends by itself", async () => {
    const directory = makeDirectory();
    const local = await start(["--no-demo", "--data", directory]);
    process.kill(Number(readFileSync(join(directory, "engine.pid"), "utf8")), "SIGKILL");
    const ending = await local.ended;
    expect(ending.code).toBe(1);
    expect(ending.stderr).toMatch(onlyOneLine);
    expect(ending.stderr).toContain("embedded DynamoDB");
  });
});

describe("trouble at the start is one clear line and a code other than 0", () => {
  test("port in use", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    cleanUps.push(() => taken.close());
    await once(taken, "listening");
    const { port } = taken.address() as { port: number };
    const ending = await runLocalProcess(["--port", String(port)]);
    expect(ending.code).toBe(1);
    expect(ending.stderr).toMatch(onlyOneLine);
    expect(ending.stderr).toContain(`port ${port}`);
  });

  test("no engine for this machine", async () => {
    const otherMachine = preload('Object.defineProperty(process, "arch", { value: "sparc" })');
    const ending = await runLocalProcess(["--port", "0"], { NODE_OPTIONS: otherMachine });
    expect(ending.code).toBe(1);
    expect(ending.stderr).toMatch(onlyOneLine);
    expect(ending.stderr).toContain("DYNAMODB_ENDPOINT");
  });

  test("an endpoint that cannot be reached", async () => {
    const endpoint = "http://127.0.0.1:1";
    const ending = await runLocalProcess(["--port", "0"], { DYNAMODB_ENDPOINT: endpoint });
    expect(ending.code).toBe(1);
    expect(ending.stderr).toMatch(onlyOneLine);
    expect(ending.stderr).toContain(endpoint);
  });

  test.each([200, 404, 500])("an endpoint that is no DynamoDB and answers %i", async (status) => {
    const page = createServer((_, response) => {
      response.writeHead(status, { "Content-Type": "text/html" }).end("<html>\nhello\n</html>");
    }).listen(0, "127.0.0.1");
    cleanUps.push(() => page.close());
    await once(page, "listening");
    const endpoint = `http://127.0.0.1:${(page.address() as { port: number }).port}`;
    const ending = await runLocalProcess(["--port", "0"], { DYNAMODB_ENDPOINT: endpoint });
    expect(ending.code).toBe(1);
    expect(ending.stderr).toMatch(onlyOneLine);
    expect(ending.stderr).toContain(endpoint);
  });

  test("an option that does not exist", async () => {
    const ending = await runLocalProcess(["--nonsense"]);
    expect(ending.code).toBe(2);
    expect(ending.stderr).toMatch(onlyOneLine);
  });

  test("a data directory that is a file", async () => {
    const file = join(makeDirectory(), "file");
    writeFileSync(file, "");
    const ending = await runLocalProcess(["--port", "0", "--data", file]);
    expect(ending.code).toBe(1);
    expect(ending.stderr).toMatch(onlyOneLine);
  });

  test("a Node that is too old", async () => {
    const oldNode = preload('Object.defineProperty(process, "versions", { value: { node: "20.1.0" } })');
    const checked = run(process.execPath, [oldNode, "bin/check-node.mjs"], { cwd: repositoryRoot });
    await expect(checked).rejects.toMatchObject({ code: 1, stderr: expect.stringMatching(onlyOneLine) });
  });

  test("--help is no trouble", async () => {
    const ending = await runLocalProcess(["--help"]);
    expect(ending.code).toBe(0);
    expect(ending.stdout).toContain("--data DIR");
  });
});

describe("--data", () => {
  test("keeps the users and the demo's token over a restart", async () => {
    const directory = makeDirectory();
    const first = await start(["--data", directory]);
    const { id, status } = await postUser(demoOf(first), "kept@example.com");
    expect(status).toBe(201);
    expect(statSync(join(directory, "demo.json")).mode & 0o077).toBe(0);
    first.child.kill("SIGINT");
    expect((await first.ended).code).toBe(0);

    const second = await start(["--data", directory]);
    expect(demoOf(second).token).toBe(demoOf(first).token);
    expect(await getUser(demoOf(second), id)).toBe(200);
    expect((await run("bash", ["-c", demoOf(second).curl])).stdout).toMatch(/^HTTP\/1.1 201 /);
  });

  test("makes another token when the one it remembers no longer works", async () => {
    const directory = makeDirectory();
    const first = await start(["--data", directory]);
    await endNow(first);
    const remembered = JSON.parse(readFileSync(join(directory, "demo.json"), "utf8"));
    writeFileSync(join(directory, "demo.json"), JSON.stringify({ ...remembered, token: "spoilt" }));

    const second = await start(["--data", directory]);
    expect(demoOf(second).scimBaseUrl.endsWith(remembered.connectionId)).toBe(true);
    expect((await postUser(demoOf(second), "a@example.com")).status).toBe(201);
  });

  test("loses nothing that was answered when killed in the middle of writing", async () => {
    const directory = makeDirectory();
    const first = await start(["--data", directory]);
    const enginePid = Number(readFileSync(join(directory, "engine.pid"), "utf8"));
    const answered: string[] = [];
    const demo = demoOf(first);
    const writeUntilRefused = async (lane: number): Promise<void> => {
      for (let i = 0; ; i++) {
        const { status, id } = await postUser(demo, `lane${lane}.${i}@example.com`);
        expect(status).toBe(201);
        answered.push(id);
        if (answered.length === 40) first.child.kill("SIGKILL");
      }
    };
    const lanes = await Promise.allSettled([1, 2, 3, 4].map(writeUntilRefused));
    // Each lane ends with the connection that broke, none with an answer that was wrong.
    for (const lane of lanes)
      expect(lane).toMatchObject({ status: "rejected", reason: expect.any(TypeError) });
    await first.ended;
    await until(() => !isAlive(enginePid));

    const second = await start(["--data", directory]);
    const statuses = await Promise.all(answered.map((id) => getUser(demoOf(second), id)));
    expect(answered.length).toBeGreaterThanOrEqual(40);
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
  });

  test("an engine that was left behind is ended, and what it wrote is there", async () => {
    const directory = makeDirectory();
    const first = await start(["--data", directory]);
    const { id } = await postUser(demoOf(first), "kept@example.com");
    const enginePid = Number(readFileSync(join(directory, "engine.pid"), "utf8"));
    await killGuardsOf(enginePid);
    await endNow(first);
    expect(isAlive(enginePid)).toBe(true);
    cleanUps.push(() => isAlive(enginePid) && process.kill(enginePid, "SIGKILL"));

    const second = await start(["--data", directory]);
    expect(isAlive(enginePid)).toBe(false);
    expect(await getUser(demoOf(second), id)).toBe(200);
  });

  test("a stale process id that belongs to someone else by now is left alone", async () => {
    const directory = makeDirectory();
    const bystander = execFile("sleep", ["600"]);
    cleanUps.push(() => bystander.kill());
    writeFileSync(join(directory, "engine.pid"), `${bystander.pid}\n`);
    writeFileSync(join(directory, "server.pid"), `${bystander.pid}\n`);
    const local = await start(["--no-demo", "--data", directory]);
    expect((await fetch(`${local.origin}/healthz`)).status).toBe(200);
    expect(isAlive(bystander.pid ?? 0)).toBe(true);
  });

  test("a second server on the same directory is refused and does not disturb the first", async () => {
    const directory = makeDirectory();
    const first = await start(["--data", directory]);
    const ending = await runLocalProcess(["--port", "0", "--data", directory]);
    expect(ending.code).toBe(1);
    expect(ending.stderr).toMatch(onlyOneLine);
    expect(ending.stderr).toContain(`process ${first.child.pid}`);
    expect((await postUser(demoOf(first), "a@example.com")).status).toBe(201);
  });
});

test("a server killed at once leaves no engine behind", async () => {
  const directory = makeDirectory();
  const local = await start(["--no-demo", "--data", directory]);
  const enginePid = Number(readFileSync(join(directory, "engine.pid"), "utf8"));
  await endNow(local);
  await until(() => !isAlive(enginePid));
});

test("DYNAMODB_ENDPOINT: servers share one demo project there, each with a token that works", async () => {
  const engine = await startEmbeddedDynamoDb();
  cleanUps.push(() => engine.stop());
  const environment = { DYNAMODB_ENDPOINT: engine.endpoint };
  const servers = [await start([], environment), await start([], environment), await start([], environment)];
  const demos = servers.map(demoOf);
  const connections = new Set(
    demos.map(({ scimBaseUrl }) => scimBaseUrl.slice(scimBaseUrl.lastIndexOf("/"))),
  );
  expect(connections.size).toBe(1);
  // A connection has at most two tokens: the oldest gave way.
  expect((await postUser(demos[1] as (typeof demos)[number], "b@example.com")).status).toBe(201);
  expect((await postUser(demos[2] as (typeof demos)[number], "c@example.com")).status).toBe(201);
  const projects = await fetch(`${servers[0]?.origin}/admin/v1/projects`);
  expect(((await projects.json()) as { items: unknown[] }).items).toHaveLength(1);
});

test("DYNAMODB_ENDPOINT: a server without streams serves all the same, and one line says what is missing", async () => {
  const engine = await startEmbeddedDynamoDb();
  cleanUps.push(() => engine.stop());
  const withoutStreams = createServer(async (request, response) => {
    const target = String(request.headers["x-amz-target"]);
    if (target.startsWith("DynamoDBStreams_") || target.endsWith(".UpdateTable")) {
      const body = { __type: "com.amazonaws.dynamodb.v20120810#UnknownOperationException" };
      response.writeHead(400, { "Content-Type": "application/x-amz-json-1.0" }).end(JSON.stringify(body));
      return;
    }
    const { method = "POST", headers } = request;
    const forwarded = httpRequest(engine.endpoint, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    request.pipe(forwarded);
  }).listen(0, "127.0.0.1");
  cleanUps.push(() => withoutStreams.close());
  await once(withoutStreams, "listening");
  const { port } = withoutStreams.address() as { port: number };

  const local = await start([], { DYNAMODB_ENDPOINT: `http://127.0.0.1:${port}` });
  expect(local.output()).toMatch(/^Nothing is carried on after a change: that DynamoDB has no streams$/m);
  expect((await postUser(demoOf(local), "a@example.com")).status).toBe(201);
  local.child.kill("SIGINT");
  expect(await local.ended).toMatchObject({ code: 0, stderr: "" });
});
