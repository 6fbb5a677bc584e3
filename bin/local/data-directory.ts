import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { describeCause, LocalFailure } from "./failure.ts";

/** A `--data` directory, held by this process alone until `release` or its end. */
export interface DataDirectory {
  /** The engine's database file. */
  readonly databasePath: string;
  /** Where the engine's process id is noted while it runs. */
  readonly enginePidFile: string;
  /** Holds what the demo needs to print the same token after a restart. */
  readonly demoFile: string;
  release(): void;
}

/** How long an engine left behind may take to end, first when asked and then when killed. */
const endMillisecondsMax = 5_000;

/**
 * Makes and locks a data directory, and ends an engine that a killed server left behind in it.
 * Throws a LocalFailure when another server has it, or when it cannot be used.
 */
export async function openDataDirectory(path: string): Promise<DataDirectory> {
  const serverPidFile = join(path, "server.pid");
  const enginePidFile = join(path, "engine.pid");
  const databasePath = join(path, "rollcall.db");

  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    writeFileSync(join(path, ".writable"), "");
    rmSync(join(path, ".writable"));
  } catch (cause) {
    throw new LocalFailure(`cannot use --data ${path}: ${describeCause(cause)}`, 1, { cause });
  }

  const lock = takeLock(join(path, "server.lock"));
  if (lock === "taken") {
    const pid = readPid(serverPidFile);
    throw new LocalFailure(
      `another Rollcall server${pid === undefined ? "" : ` (process ${pid})`} uses ${path}; stop it or choose another --data`,
    );
  }
  writeFileSync(serverPidFile, `${process.pid}\n`);
  try {
    await endLeftoverEngine(enginePidFile, databasePath);
  } catch (cause) {
    lock.close();
    throw cause;
  }

  return {
    databasePath,
    enginePidFile,
    demoFile: join(path, "demo.json"),
    release() {
      rmSync(enginePidFile, { force: true });
      rmSync(serverPidFile, { force: true });
      lock.close();
    },
  };
}

/**
 * A lock that the system releases whatever way this process ends, so that a stale one cannot exist. Node has no file
 * locks of its own; an open SQLite transaction holds one.
 */
function takeLock(path: string): DatabaseSync | "taken" {
  const database = new DatabaseSync(path);
  try {
    database.exec("BEGIN EXCLUSIVE");
    return database;
  } catch (cause) {
    database.close();
    if (cause instanceof Error && cause.message.includes("locked")) return "taken";
    throw new LocalFailure(`cannot lock ${path}: ${describeCause(cause)}`, 1, { cause });
  }
}

/** Call only while holding the lock: then an engine that runs on this database has lost its server. */
async function endLeftoverEngine(pidFile: string, databasePath: string): Promise<void> {
  const pid = readPid(pidFile);
  if (pid !== undefined) {
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      const deadline = Date.now() + endMillisecondsMax;
      if (isOurEngine(pid, databasePath)) signalProcess(pid, signal);
      while (isOurEngine(pid, databasePath) && Date.now() < deadline) await sleep(20);
    }
    if (isOurEngine(pid, databasePath)) {
      throw new LocalFailure(
        `process ${pid} still uses ${databasePath} and does not end; stop it and start again`,
      );
    }
  }
  rmSync(pidFile, { force: true });
}

/** Process ids are reused, so a pid alone proves nothing: its command line must name the engine and this very file. */
function isOurEngine(pid: number, databasePath: string): boolean {
  const words = commandLine(pid);
  return words.includes("dynoxide") && words.includes(databasePath);
}

/** "" when there is no such process, or none that may be looked at. A zombie has an empty one too. */
function commandLine(pid: number): string {
  if (process.platform === "linux") {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
    } catch {
      return "";
    }
  }
  try {
    return execFileSync("ps", ["-ww", "-o", "command=", "-p", String(pid)], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
  } catch {
    return "";
  }
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself in between.
  }
}

function readPid(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(path, "utf8"));
    return Number.isInteger(pid) && pid > 1 ? pid : undefined;
  } catch {
    return undefined;
  }
}
