/** Makes of a history that fails a short one that fails: no step of it can be left out, or told in fewer words. */

import type { Failure } from "./history.ts";
import type { Project } from "./model.ts";
import { type History, labelOf, type NumberedStep, type Step } from "./steps.ts";
import { kindOf } from "./words.ts";

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

  // Guesses first: each leaves out most of what does not matter, in one go.
  const related = [1, 2].map((depth) => relatedTo(best.history, failure.project, depth));
  for (const guess of [...related, best.history.filter(({ step }) => !isLooking(step))]) {
    if (!hasTime() || (guess.length < best.history.length && (await attempt(guess)))) break;
  }
  let size = Math.ceil(best.history.length / 2);
  while (hasTime()) {
    const before = best.history;
    // From the end: what came last depends on what came first, so that it goes more easily.
    for (let end = before.length; end > 0 && hasTime(); end -= size) {
      const kept = best.history.filter((step) => !before.slice(Math.max(0, end - size), end).includes(step));
      if (kept.length < best.history.length && kept.includes(best.history.at(-1)!)) await attempt(kept);
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
          again = hasTime() && (await attempt(best.history.with(index, { number, step })));
          isSimpler ||= again;
          if (again) break;
        }
      }
    }
    return isSimpler;
  }
}

/** So that it does not end up with another failure, of which there may be many. */
function isOfAKind(a: Failure, b: Failure): boolean {
  const kinds = new Set(a.differences.map(kindOf));
  return b.differences.some((difference) => kinds.has(kindOf(difference)));
}

function upTo(history: History, { at }: Failure): NumberedStep[] {
  const end = history.findIndex(({ number }) => number === at.number);
  return history.slice(0, end + 1);
}

/** The steps that speak of whom the last one speaks of, or of whom those speak of; and those that concern everybody. */
function relatedTo(history: History, project: Project, depth: number): History {
  const last = history.at(-1)!;
  const subjects = new Set(subjectsOf(last, project));
  const isRelated = (each: NumberedStep) =>
    each === last ||
    concernsEverybody(each) ||
    (!isLooking(each.step) && subjectsOf(each, project).some((subject) => subjects.has(subject)));
  for (let level = 1; level < depth; level++) {
    for (const each of history.filter(isRelated)) {
      for (const subject of subjectsOf(each, project)) subjects.add(subject);
    }
  }
  return history.filter(isRelated);
}

function isLooking({ kind }: Step): boolean {
  return /survey|audit|end|read|find/.test(kind);
}

function concernsEverybody({ step }: NumberedStep): boolean {
  return /connection|token|quotas/.test(step.kind);
}

/** Whom a step makes and whom it mentions, each by one name. */
function subjectsOf({ number, step }: NumberedStep, { named }: Project): readonly string[] {
  const mentioned = JSON.stringify(step).match(/(?<=")\d+[ab]?(?=")/g) ?? [];
  return [labelOf(number), labelOf(number, "a"), labelOf(number, "b"), ...mentioned].map(
    (label) => named.members.get(label)?.label ?? label,
  );
}

/** The same with something left out: each is tried, the boldest first. */
function simplerSteps(step: Step): readonly Step[] {
  switch (step.kind) {
    case "crash":
      return [step.request, ...simplerSteps(step.request).map((request) => ({ ...step, request }) as Step)];
    case "at once": {
      const [first, second] = step.requests;
      return [
        first,
        second,
        ...simplerSteps(first).map((each) => ({ ...step, requests: [each, second] }) as Step),
        ...simplerSteps(second).map((each) => ({ ...step, requests: [first, each] }) as Step),
      ];
    }
    default:
      return withLess(step) as readonly Step[];
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
    ...(neverLeftOut.has(name) ? [] : [omit(value, name)]),
    ...withLess(each).map((less) => ({ ...value, [name]: less })),
  ]);
}

/** Without these a step is none. */
const neverLeftOut: ReadonlySet<string> = new Set([
  ...["kind", "at", "slot", "body", "fields", "settings", "provider", "quotas", "changes", "user", "users"],
  ...["member", "members", "group", "userName", "type", "displayName", "by", "value", "set", "to", "add"],
  ...["remove", "wrong", "subject", "email", "seconds"],
]);

function omit(value: object, name: string): object {
  return Object.fromEntries(Object.entries(value).filter(([other]) => other !== name));
}
