import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";

export interface LocalProcess {
  readonly child: ChildProcess;
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  /** What it has printed so far. */
  output(): string;
  /** Resolves when its output contains `text`; rejects when it ends without. */
  printed(text: string): Promise<void>;
  readonly ended: Promise<Ending>;
}

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export const repositoryRoot = join(import.meta.dirname, "../..");

/** What one start has compiled the next ones need not: half the work of a process that only starts and ends. */
const compileCache = join(repositoryRoot, "node_modules/.cache/rollcall-compiled");

const readyLine = "Rollcall is ready on ";

/** Starts `bin/local.ts` as a process of its own on a free port, and resolves once it says that it is ready. */
export async function startLocalProcess(
  args: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<LocalProcess> {
  return untilReady(launch(process.execPath, ["bin/local.ts", "--port", "0", ...args], environment, false));
}

/** The same through `npm start`, as a process group of its own, so that a test can press Ctrl-C on all of it. */
export async function startThroughNpm(args: readonly string[]): Promise<LocalProcess> {
  return untilReady(launch("npm", ["start", "--", "--port", "0", ...args], {}, true));
}

/** For starts that must fail, or print and end. */
export async function runLocalProcess(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Ending> {
  return launch(process.execPath, ["bin/local.ts", ...args], environment, false).ended;
}

type Launched = Omit<LocalProcess, "origin">;

async function untilReady(launched: Launched): Promise<LocalProcess> {
  // The last line that is printed, so that all others are there too.
  await launched.printed("Ctrl-C stops it.");
  const line = launched
    .output()
    .split("\n")
    .find((each) => each.startsWith(readyLine));
  return { ...launched, origin: line?.slice(readyLine.length) ?? "" };
}

function launch(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  ownGroup: boolean,
): Launched {
  const { DYNAMODB_ENDPOINT: _, PORT: __, ...inherited } = process.env;
  const child = spawn(command, args, {
    cwd: repositoryRoot,
    env: { NODE_COMPILE_CACHE: compileCache, ...inherited, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
    detached: ownGroup,
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Ending>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  const printed = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (stdout.includes(text)) resolve();
      };
      child.stdout.on("data", look);
      look();
      ended.then(() => {
        look();
        reject(new Error(`it ended without printing ${JSON.stringify(text)}:\n${stdout}${stderr}`));
      }, reject);
    });
  return { child, output: () => stdout, printed, ended };
}
