import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { indexStreamRecords } from "./engine-stream.ts";
import { describeCause, LocalFailure } from "./failure.ts";

export interface EmbeddedDynamoDb {
  /** `http://127.0.0.1:<port>` */
  readonly endpoint: string;
  /** Resolves with one line that says how, once the engine has ended: by `stop`, or by itself. */
  readonly ended: Promise<string>;
  /** Resolves when the engine has ended. May be called more than once. */
  stop(): Promise<void>;
}

export interface EngineOptions {
  /** Absolute path of the database file; without it the data lives in memory. */
  readonly databasePath?: string;
  /** Where to note the engine's process id while it runs. */
  readonly pidFile?: string;
  /** For tables with streams: no write takes longer for the records there are already. */
  readonly stream?: boolean;
}

/** Another process may take the free port between our look and the engine's bind. */
const startAttemptsMax = 5;
/** Measured: 6 to 9 ms; the rest is for loaded machines and large write-ahead logs. */
const startMillisecondsMax = 20_000;
/** The engine ends within milliseconds of SIGTERM; past this it is killed, which loses nothing that was answered. */
const stopMillisecondsMax = 5_000;

/**
 * Starts dynoxide, a DynamoDB-compatible engine, as a process of its own on 127.0.0.1 and resolves once it answers.
 * It is detached, so that Ctrl-C in a terminal reaches only the server, which stops it after draining; and supervised
 * (`supervise-engine.sh`), so that it ends with the server even on kill -9. Throws a LocalFailure.
 */
export async function startEmbeddedDynamoDb(options: EngineOptions = {}): Promise<EmbeddedDynamoDb> {
  if (!options.stream) return launchOnFreePort(options);
  if (options.databasePath !== undefined) {
    const engine = await launchOnFreePort(options);
    quickenStreams(options.databasePath);
    return engine;
  }
  // What is to be quickened is reached through a file; nobody else gets to see it.
  const directory = mkdtempSync(join(tmpdir(), "rollcall-engine-"));
  try {
    const databasePath = join(directory, "rollcall.db");
    const engine = await launchOnFreePort({ ...options, databasePath });
    quickenStreams(databasePath);
    // Where a file in use cannot be removed, as on Windows.
    void engine.ended.then(() => remove(directory));
    return engine;
  } finally {
    // The engine has it open, and holds the last of it: gone with the engine, whatever way that ends.
    remove(directory);
  }
}

function quickenStreams(databasePath: string): void {
  try {
    indexStreamRecords(databasePath);
  } catch (cause) {
    console.error(`rollcall: writes will get slower with each stream record: ${describeCause(cause)}`);
  }
}

function remove(directory: string): void {
  try {
    rmSync(directory, { recursive: true, force: true });
  } catch {
    // In use: tried again when the engine has ended.
  }
}

async function launchOnFreePort(options: EngineOptions): Promise<EmbeddedDynamoDb> {
  const binary = findEngine(process.platform, process.arch);
  for (let attempt = 1; ; attempt++) {
    const outcome = await launch(binary, await findFreePort(), options);
    if (outcome.kind === "running") return outcome.engine;
    if (!outcome.message.includes("already in use") || attempt === startAttemptsMax) {
      throw new LocalFailure(`the embedded DynamoDB did not start: ${outcome.message}`);
    }
  }
}

/** The engine's executable for a platform, from the optional dependency that carries it. */
export function findEngine(platform: string, architecture: string): string {
  const packageName = `@dynoxide/${platform}-${architecture}`;
  try {
    const manifest = createRequire(import.meta.url).resolve(`${packageName}/package.json`);
    return join(dirname(manifest), platform === "win32" ? "dynoxide.exe" : "dynoxide");
  } catch (cause) {
    throw new LocalFailure(
      `no embedded DynamoDB for this machine (${packageName} is not installed): run "npm ci" without --omit=optional, ` +
        "or set DYNAMODB_ENDPOINT to the URL of a DynamoDB-compatible server",
      1,
      { cause },
    );
  }
}

type LaunchOutcome =
  | { readonly kind: "running"; readonly engine: EmbeddedDynamoDb }
  | { readonly kind: "failed"; readonly message: string };

async function launch(binary: string, port: number, options: EngineOptions): Promise<LaunchOutcome> {
  const child = spawn(
    "sh",
    [
      join(import.meta.dirname, "supervise-engine.sh"),
      options.pidFile ?? "",
      binary,
      "--host",
      "127.0.0.1",
      "--port",
      String(port),
      ...(options.databasePath === undefined ? [] : ["--db-path", options.databasePath]),
    ],
    { detached: true, stdio: ["pipe", "ignore", "pipe"] },
  );
  // A supervisor that ends by itself resets the pipe.
  child.stdin.on("error", () => {});

  let lastLine = "";
  let reportListening = (): void => {};
  const listening = new Promise<void>((resolve) => {
    reportListening = resolve;
  });
  createInterface({ input: child.stderr }).on("line", (line) => {
    if (line.includes("listening on")) reportListening();
    else if (line !== "") lastLine = line;
  });
  const ended = new Promise<string>((resolve) => {
    child.once("error", (cause) => resolve(describeCause(cause)));
    // "close" comes after the last line of its output, "exit" may come before.
    child.once("close", (code, signal) => {
      const how = signal ?? `exit code ${code}`;
      resolve(lastLine === "" ? how : `${lastLine} (${how})`);
    });
  });

  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<"late">((resolve) => {
    timer = setTimeout(resolve, startMillisecondsMax, "late");
  });
  // The line comes from our own process, so that another server on that port cannot be taken for it.
  const first = await Promise.race([listening.then(() => "listening" as const), ended, tooLate]);
  clearTimeout(timer);
  if (first === "late") {
    await stop(child, ended);
    return { kind: "failed", message: `no answer within ${startMillisecondsMax / 1000} s` };
  }
  if (first !== "listening") return { kind: "failed", message: first };

  // Neither the process nor its pipes keep the server's event loop alive: the server ends by its own decision.
  child.unref();
  // Node's types hide that the pipes of a child process are sockets.
  for (const pipe of [child.stdin, child.stderr]) (pipe as unknown as Socket).unref();
  return {
    kind: "running",
    engine: { endpoint: `http://127.0.0.1:${port}`, ended, stop: () => stop(child, ended) },
  };
}

async function stop(child: ChildProcess, ended: Promise<string>): Promise<void> {
  child.stdin?.end("stop\n");
  child.ref();
  const timer = setTimeout(() => {
    if (child.pid !== undefined) killGroup(child.pid);
  }, stopMillisecondsMax);
  await ended;
  clearTimeout(timer);
}

/** Supervisor, guard and engine. */
function killGroup(leader: number): void {
  try {
    process.kill(-leader, "SIGKILL");
  } catch {
    // They ended at this very moment.
  }
}

async function findFreePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (address === null || typeof address === "string") throw new Error("a TCP server has a TCP address");
  return address.port;
}
