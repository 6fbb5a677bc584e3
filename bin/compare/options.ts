import { isProjectId } from "../../lambda/domain/ids.ts";
import { tableNameVariable } from "../../lambda/table/table-definition.ts";
import { LocalFailure } from "../local/failure.ts";

export type CompareCommand = { readonly kind: "help" } | CompareCommandOptions;

export interface CompareCommandOptions {
  readonly kind: "compare";
  readonly projectId: string;
  readonly tableName: string;
  /** Undefined: AWS, by the credentials and the region of the environment. */
  readonly endpoint: string | undefined;
}

const tableNameDefault = "rollcall";

export const helpText = `Usage: npm run compare -- --project ID [options]

Compares what a project holds with what it has to hold, and with its parents and its children. Changes nothing.

  --project ID     the project
  --table NAME     the table (default: ${tableNameVariable} or ${tableNameDefault})
  --endpoint URL   a DynamoDB-compatible server (default: DYNAMODB_ENDPOINT; without either, AWS by your credentials)
  --help           print this

Exit code: 0 no difference, 1 differences, 2 a wrong command line or no such project, 3 it could not be compared.`;

const names = ["--project", "--table", "--endpoint"] as const;
type Name = (typeof names)[number];

/** Reads the command line and the environment; throws a LocalFailure with exit code 2 that names what is wrong. */
export function parseCompareOptions(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): CompareCommand {
  if (args.includes("--help") || args.includes("-h")) {
    return { kind: "help" };
  }
  const values = new Map<Name, string>();
  const rest = [...args];
  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    const equals = argument.startsWith("--") ? argument.indexOf("=") : -1;
    const given = equals < 0 ? argument : argument.slice(0, equals);
    const name = names.find((one) => one === given);
    if (name === undefined) {
      throw new LocalFailure(`unknown option ${JSON.stringify(argument)}; --help lists them`, 2);
    }
    const value = equals < 0 ? rest.shift() : argument.slice(equals + 1);
    if (!value || value.startsWith("--")) {
      throw new LocalFailure(`${name} needs a value; see --help`, 2);
    }
    values.set(name, value);
  }
  return {
    kind: "compare",
    projectId: projectOf(values.get("--project")),
    tableName: values.get("--table") ?? (environment[tableNameVariable] || tableNameDefault),
    endpoint: endpointOf(values.get("--endpoint") ?? (environment["DYNAMODB_ENDPOINT"] || undefined)),
  };
}

function projectOf(id: string | undefined): string {
  if (id === undefined) {
    throw new LocalFailure("--project is missing; see --help", 2);
  }
  if (!isProjectId(id)) {
    throw new LocalFailure(`--project must be the id of a project, not ${JSON.stringify(id)}`, 2);
  }
  return id;
}

function endpointOf(url: string | undefined): string | undefined {
  const protocol = url === undefined ? undefined : URL.parse(url)?.protocol;
  if (url !== undefined && protocol !== "http:" && protocol !== "https:") {
    throw new LocalFailure(
      `--endpoint must be a URL such as http://127.0.0.1:8000, not ${JSON.stringify(url)}`,
      2,
    );
  }
  return url;
}
