import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";

/**
 * A replay fixture: what one identity provider sends, in its own shapes, and what it needs back.
 *
 * `{{name}}` in any string stands for a captured value; `{{run}}` is new in each run, so that fixtures can be repeated
 * on one connection; `{{n}}` counts the rounds of a `repeat`, from 1. In a round of an `each`, `{{each}}` is the value
 * whose turn it is and `{{n}}` its place in the collection, from 1. In a body, sent or expected,
 * `{"<each>": "ids", "from": 1, "to": 100, "as": {"value": "{{each}}"}}` is an array with an element for each value.
 *
 * Expected bodies are partial: members not named are free, arrays have exactly the elements named, and these strings
 * match by kind: `<any-string>`, `<integer>`, `<absent>`; `{"<length>": 3}` matches any array of three, and
 * `{"<in-any-order>": […]}` any order of exactly these elements.
 */
export interface Fixture {
  readonly id: string;
  readonly title: string;
  /** Where the shapes come from. */
  readonly source: string;
  /** Fields of `POST …/connections`. */
  readonly connection: Readonly<Record<string, unknown>>;
  /** Of every request, next to `Authorization`. `Content-Type` goes only with a body. */
  readonly headers: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
}

export type Step = RequestStep | RepeatStep | EachStep | AssertStep;

export interface RequestStep {
  readonly name: string;
  /** `throttle`: the table answers nothing but throttling during this step. */
  readonly fault?: "throttle" | undefined;
  readonly request: {
    readonly method: string;
    /** Raw, below the SCIM base URL. */
    readonly path: string;
    readonly headers?: Readonly<Record<string, string>> | undefined;
    /** Name of a captured resource that is sent back, with the members of `body` put over it. */
    readonly echo?: string | undefined;
    readonly body?: unknown;
  };
  readonly expect: {
    readonly status: number;
    readonly headers?: Readonly<Record<string, string>> | undefined;
    readonly body?: unknown;
    /** Variable → dotted path in the body; `.` is the whole body. */
    readonly capture?: Readonly<Record<string, string>> | undefined;
    /** Name of a collection → dotted path, where `*` stands for each element. */
    readonly collect?: Readonly<Record<string, string>> | undefined;
  };
}

export interface RepeatStep {
  readonly name: string;
  readonly repeat: number;
  readonly steps: readonly Step[];
}

/** Some of what `collect` has gathered, by place: both ends count from 1 and are included. By default, all. */
export interface Range {
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

/** Plays its steps for each value that `collect` has gathered under a name. */
export interface EachStep extends Range {
  readonly name: string;
  readonly each: string;
  readonly steps: readonly Step[];
}

/** Counts what `collect` has gathered: so many in all, no two equal. */
export interface AssertStep {
  readonly name: string;
  readonly collected: string;
  readonly distinct: number;
}

const stringMap = z.record(z.string(), z.string());
const rangeShape = {
  from: z.number().int().positive().optional(),
  to: z.number().int().positive().optional(),
};

/** An array with an element for each value of a collection, in a body that is sent or expected. */
export const eachValueSchema = z.strictObject({ "<each>": z.string(), ...rangeShape, as: z.unknown() });

// Strict, so that a misspelt expectation does not pass by expecting nothing.
const stepSchema: z.ZodType<Step> = z.lazy(() =>
  z.union([
    z.strictObject({
      name: z.string(),
      fault: z.literal("throttle").optional(),
      request: z.strictObject({
        method: z.string(),
        path: z.string(),
        headers: stringMap.optional(),
        echo: z.string().optional(),
        body: z.unknown().optional(),
      }),
      expect: z.strictObject({
        status: z.number().int(),
        headers: stringMap.optional(),
        body: z.unknown().optional(),
        capture: stringMap.optional(),
        collect: stringMap.optional(),
      }),
    }),
    z.strictObject({ name: z.string(), repeat: z.number().int().positive(), steps: z.array(stepSchema) }),
    z.strictObject({ name: z.string(), each: z.string(), ...rangeShape, steps: z.array(stepSchema) }),
    z.strictObject({ name: z.string(), collected: z.string(), distinct: z.number().int() }),
  ]),
);

const fixtureSchema: z.ZodType<Fixture> = z.strictObject({
  id: z.string(),
  title: z.string(),
  source: z.string(),
  connection: z.record(z.string(), z.unknown()),
  headers: stringMap,
  steps: z.array(stepSchema).min(1),
});

/** All fixtures of `test/fixtures/replay`, by file name, E2 before E10. */
export function loadFixtures(): Fixture[] {
  const folder = join(import.meta.dirname, "../fixtures/replay");
  return readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .sort((a, b) => a.localeCompare(b, "en", { numeric: true }))
    .map((name) => {
      const parsed = fixtureSchema.safeParse(JSON.parse(readFileSync(join(folder, name), "utf8")));
      if (!parsed.success) throw new Error(`${name}: ${z.prettifyError(parsed.error)}`);
      return parsed.data;
    });
}

export function needsFaults(fixture: Fixture): boolean {
  const hasFault = (step: Step): boolean =>
    "steps" in step ? step.steps.some(hasFault) : "fault" in step && step.fault !== undefined;
  return fixture.steps.some(hasFault);
}
