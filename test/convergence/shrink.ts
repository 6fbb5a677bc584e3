/** Makes of a history that fails a short one that fails: no step of it can be left out, or told in fewer words. */

import { kindOf } from "../simulation/words.ts";
import type { Failure } from "./history.ts";
import {
  type Act,
  type ConvergenceStep,
  children,
  type History,
  type NumberedStep,
  type Place,
} from "./steps.ts";

export interface Shrunk {
  readonly history: History;
  readonly failure: Failure;
  /** Whether it was cut short by the time allowed. */
  readonly isFinished: boolean;
}

/** `fails` plays a history anew, as often as `hasTime` allows. */
export async function shrink(
  history: History,
  failure: Failure,
  fails: (history: History) => Promise<Failure | undefined>,
  hasTime: () => boolean,
): Promise<Shrunk> {
  let best = { history: upTo(history, failure), failure };
  const attempt = async (candidate: History): Promise<boolean> => {
    const found = await fails(candidate);
    if (found === undefined || !isOfAKind(found, failure)) return false;
    best = { history: upTo(candidate, found), failure: found };
    return true;
  };
  // Guesses first: each leaves out much, in one go.
  const last = best.history.at(-1)!;
  for (const isLeftOut of guesses(failure)) {
    const kept = best.history.filter((each) => each === last || !isLeftOut(each));
    if (hasTime() && kept.length < best.history.length) await attempt(kept);
  }
  // Halves of what is short are mostly both needed.
  for (let size = Math.ceil(best.history.length / (best.history.length > 12 ? 2 : 6)); hasTime(); ) {
    const before = best.history;
    // From the end: what came last depends on what came first, so that it goes more easily.
    for (let end = before.length - 1; end > 0 && hasTime(); end -= size) {
      const left = new Set(before.slice(Math.max(0, end - size), end));
      const kept = best.history.filter((step) => !left.has(step));
      if (kept.length < best.history.length) await attempt(kept);
    }
    if (size > 1) size = Math.ceil(size / 2);
    else if (best.history.length === before.length && !(await simplify())) break;
  }
  return { ...best, isFinished: hasTime() };

  async function simplify(): Promise<boolean> {
    let isSimpler = false;
    for (const { number } of best.history) {
      for (let again = true; again && hasTime(); ) {
        again = false;
        const index = best.history.findIndex((each) => each.number === number);
        if (index < 0) break;
        for (const step of simplerSteps(best.history[index]!.step)) {
          if (!hasTime()) break;
          again = await attempt(best.history.with(index, { number, step }));
          isSimpler ||= again;
          if (again) break;
        }
      }
    }
    return isSimpler;
  }
}

type Guess = (each: NumberedStep) => boolean;

function guesses({ idle }: Failure): readonly Guess[] {
  const isOf =
    (kind: string): Guess =>
    ({ step }) =>
      step.kind === kind;
  const isIn =
    (place: Place): Guess =>
    ({ step }) =>
      "in" in step && step.in === place;
  return [
    ({ number }) => idle.has(number),
    isOf("quiet"),
    isOf("deliver"),
    ...children.map(isIn),
    isOf("meet"),
    isOf("pass"),
    ({ step }) => step.kind === "deliver" && step.to === "activity",
    ({ step }) => step.kind === "deliver" && (step.old ?? step.lost ?? step.crash) !== undefined,
  ];
}

/** So that it does not end up with another failure, of which there may be many. */
function isOfAKind(a: Failure, b: Failure): boolean {
  const kinds = new Set(a.differences.map(kindOfThese));
  return b.differences.some((difference) => kinds.has(kindOfThese(difference)));
}

/** Whoever is concerned, and wherever. */
function kindOfThese(difference: string): string {
  const [what = ""] = difference.replace(/^(parent|first|second|third): /, "").split(/[;\n]/);
  return kindOf(what)
    .split(/: (?:open|expected)/)[0]!
    .replaceAll(/\S*[\d@]\S*/g, "-");
}

function upTo(history: History, { at }: Failure): NumberedStep[] {
  const end = history.findIndex(({ number }) => number === at.number);
  return history.slice(0, end + 1);
}

/** The same with something left out: each is tried, the boldest first. */
function simplerSteps(step: ConvergenceStep): readonly ConvergenceStep[] {
  switch (step.kind) {
    case "meet": {
      const [first, second] = step.acts;
      return [
        first,
        second,
        ...(step.afterwards === undefined ? [] : [omit(step, "afterwards") as ConvergenceStep]),
        ...simplerActs(first).map((each): ConvergenceStep => ({ ...step, acts: [each, second] })),
        ...simplerActs(second).map((each): ConvergenceStep => ({ ...step, acts: [first, each] })),
      ];
    }
    case "pass":
    case "quiet":
      return [];
    default:
      return simplerActs(step);
  }
}

function simplerActs(act: Act): readonly Act[] {
  if (act.kind === "deliver") {
    return (["crash", "torn", "lost", "old", "shuffled", "late", "newest"] as const)
      .filter((name) => act[name] !== undefined)
      .map((name) => omit(act, name) as Act);
  }
  if (act.kind !== "request") return [];
  const { step } = act;
  switch (step.kind) {
    case "crash":
      return [{ ...act, step: step.request }];
    case "at once":
      return step.requests.map((request) => ({ ...act, step: request }));
    default:
      return withLess(step).map((less) => ({ ...act, step: less as typeof step }));
  }
}

/** A value with one member or element of it left out, at any depth. */
function withLess(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) {
    return [
      ...value.map((_, index) => value.toSpliced(index, 1)),
      ...value.flatMap((each, index) => withLess(each).map((less) => value.with(index, less))),
    ];
  }
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, each]) => [
    ...(mayBeLeftOut.has(name) ? [omit(value, name)] : []),
    ...withLess(each).map((less) => ({ ...value, [name]: less })),
  ]);
}

/** Without others a request is none. */
const mayBeLeftOut: ReadonlySet<string> = new Set([
  ...[
    "externalId",
    "displayName",
    "title",
    "emails",
    "active",
    "team",
    "asText",
    "form",
    "ifMatch",
    "primary",
  ],
  ...["type", "role", "access", "status", "onDelete", "jit", "uniqueGroupNames", "defaults", "users"],
  ...["reviewers", "readers", "userAccess", "readerAccess", "groupAccess", "credential"],
]);

function omit(value: object, name: string): object {
  return Object.fromEntries(Object.entries(value).filter(([other]) => other !== name));
}
