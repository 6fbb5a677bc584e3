import { resolve } from "node:path";
import { LocalFailure } from "./failure.ts";

export type LocalOptions = { readonly kind: "help" } | StartOptions;

export interface StartOptions {
  readonly kind: "start";
  /** 0 picks a free one. */
  readonly port: number;
  readonly demo: boolean;
  readonly store:
    | { readonly kind: "memory" }
    | { readonly kind: "directory"; readonly path: string }
    | { readonly kind: "endpoint"; readonly url: string };
}

export const helpText = `Usage: npm start -- [options]

  --port N     listen on 127.0.0.1:N (default: PORT or 3000; 0 picks a free one)
  --data DIR   keep the data in DIR (default: temporary, gone when the server stops)
  --no-demo    seed no demo project
  --help       print this

DYNAMODB_ENDPOINT=URL uses that DynamoDB-compatible server instead of the embedded one.`;

const portDefault = 3000;

/** Reads the command line and the environment; throws a LocalFailure with exit code 2 that names what is wrong. */
export function parseOptions(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): LocalOptions {
  let portText = environment["PORT"];
  let portSource = "PORT";
  let directory: string | undefined;
  let demo = true;

  const rest = [...args];
  while (rest.length > 0) {
    const argument = rest.shift() as string;
    const equals = argument.startsWith("--") ? argument.indexOf("=") : -1;
    const name = equals < 0 ? argument : argument.slice(0, equals);
    const inlineValue = equals < 0 ? undefined : argument.slice(equals + 1);
    switch (name) {
      case "--port":
        portText = requireValue(name, inlineValue ?? rest.shift());
        portSource = name;
        break;
      case "--data":
        directory = requireValue(name, inlineValue ?? rest.shift());
        break;
      case "--no-demo":
        refuseValue(name, inlineValue);
        demo = false;
        break;
      case "--help":
      case "-h":
        refuseValue(name, inlineValue);
        return { kind: "help" };
      default:
        throw new LocalFailure(`unknown option ${JSON.stringify(argument)}; --help lists them`, 2);
    }
  }

  return {
    kind: "start",
    port: portText ? parsePort(portText, portSource) : portDefault,
    demo,
    store: chooseStore(directory, environment["DYNAMODB_ENDPOINT"]),
  };
}

function requireValue(name: string, value: string | undefined): string {
  if (!value || value.startsWith("--")) throw new LocalFailure(`${name} needs a value; see --help`, 2);
  return value;
}

function refuseValue(name: string, value: string | undefined): void {
  if (value !== undefined) throw new LocalFailure(`${name} takes no value; see --help`, 2);
}

function parsePort(text: string, source: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535 || text.trim() === "") {
    throw new LocalFailure(`${source} must be a port from 0 to 65535, not ${JSON.stringify(text)}`, 2);
  }
  return port;
}

function chooseStore(directory: string | undefined, endpoint: string | undefined): StartOptions["store"] {
  if (endpoint) {
    if (directory !== undefined) {
      throw new LocalFailure(
        "--data belongs to the embedded DynamoDB and DYNAMODB_ENDPOINT replaces it; give only one",
        2,
      );
    }
    const protocol = URL.parse(endpoint)?.protocol;
    if (protocol !== "http:" && protocol !== "https:") {
      throw new LocalFailure(
        `DYNAMODB_ENDPOINT must be a URL such as http://127.0.0.1:8000, not ${JSON.stringify(endpoint)}`,
        2,
      );
    }
    return { kind: "endpoint", url: endpoint };
  }
  return directory === undefined ? { kind: "memory" } : { kind: "directory", path: resolve(directory) };
}
