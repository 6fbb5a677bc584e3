import { describe, expect, test } from "vitest";
import { findEngine } from "../../bin/local/embedded-dynamodb.ts";
import { LocalFailure } from "../../bin/local/failure.ts";
import { parseOptions } from "../../bin/local/options.ts";

const failureOf = (act: () => unknown): LocalFailure => {
  try {
    act();
  } catch (error) {
    if (error instanceof LocalFailure) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
};

describe("options", () => {
  test.each([
    [[], {}, { port: 3000, demo: true, store: { kind: "memory" } }],
    [[], { PORT: "8080" }, { port: 8080 }],
    [[], { PORT: "", DYNAMODB_ENDPOINT: "" }, { port: 3000, store: { kind: "memory" } }],
    [["--port", "0"], { PORT: "8080" }, { port: 0 }],
    [["--port=81", "--no-demo"], {}, { port: 81, demo: false }],
    [["--data", "/var/rollcall"], {}, { store: { kind: "directory", path: "/var/rollcall" } }],
    [["--data=x"], {}, { store: { kind: "directory", path: `${process.cwd()}/x` } }],
    [
      [],
      { DYNAMODB_ENDPOINT: "http://localhost:8000" },
      { store: { kind: "endpoint", url: "http://localhost:8000" } },
    ],
    [["--help", "--nonsense"], {}, { kind: "help" }],
  ] as [string[], Record<string, string>, object][])("%j with %j", (args, environment, expected) => {
    expect(parseOptions(args, environment)).toMatchObject(expected);
  });

  test.each([
    [["--nonsense"], {}, "--nonsense"],
    [["extra"], {}, "extra"],
    [["--port"], {}, "--port"],
    [["--port", "--data"], {}, "--port"],
    [["--port", "65536"], {}, "65536"],
    [["--port", "1.5"], {}, "1.5"],
    [["--port", "-1"], {}, "-1"],
    [["--port", " "], {}, "--port"],
    [[], { PORT: "http" }, "PORT"],
    [["--data", ""], {}, "--data"],
    [["--no-demo=yes"], {}, "--no-demo"],
    [[], { DYNAMODB_ENDPOINT: "localhost:8000" }, "DYNAMODB_ENDPOINT"],
    [["--data", "x"], { DYNAMODB_ENDPOINT: "http://localhost:8000" }, "only one"],
  ] as [string[], Record<string, string>, string][])(
    "%j with %j is refused, naming %s",
    (args, environment, named) => {
      const failure = failureOf(() => parseOptions(args, environment));
      expect(failure.exitCode).toBe(2);
      expect(failure.message).toContain(named);
      expect(failure.message).not.toContain("\n");
    },
  );
});

test("a platform without an engine is told the ways out", () => {
  const failure = failureOf(() => findEngine("sunos", "sparc"));
  expect(failure.message).toContain("DYNAMODB_ENDPOINT");
  expect(failure.message).toContain("npm ci");
});
