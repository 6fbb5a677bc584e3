import { type Project, plus } from "./model.ts";
import type { Outcome, Reply } from "./outcome.ts";
import { outcomesAtProduct } from "./product-model.ts";
import { outcomesAtProvider } from "./provider-model.ts";
import { isProviderRequest, type Label, labelOf, type NumberedStep, type Request } from "./steps.ts";

/** What a step may come to: a project, and what is answered to each of its requests. */
export interface StepOutcome {
  readonly project: Project;
  readonly replies: readonly Reply[];
  /**
   * Keys of sync failures that may be open or closed. They are noted and closed after the change itself, so that a process may
   * die in between; and one noted while a success was under way stays or goes, as if one of the two had come first.
   */
  readonly unsettled: ReadonlySet<string>;
}

const settled: ReadonlySet<string> = new Set();

export function outcomesOf(project: Project, request: Request, label: Label): readonly Outcome[] {
  return isProviderRequest(request)
    ? outcomesAtProvider(project, request, label)
    : outcomesAtProduct(project, request, label);
}

/**
 * `died`: whether the process was killed while it worked on the request. `letter`: where the step is one of several that
 * have a number together.
 */
export function outcomesOfStep(
  project: Project,
  { number, step }: NumberedStep,
  died: boolean,
  letter: "" | "a" | "b" = "",
): readonly StepOutcome[] {
  switch (step.kind) {
    case "wait":
      return [
        {
          project: { ...project, now: project.now + step.seconds * 1_000 },
          replies: [],
          unsettled: settled,
        },
      ];
    case "survey":
    case "audit":
    case "end":
      return [{ project, replies: [], unsettled: settled }];
    case "crash": {
      const outcomes = outcomesOf(project, step.request, labelOf(number, letter));
      if (!died) return outcomes.map(({ project: next, reply }) => alone(next, reply));
      return [project, ...outcomes.map((outcome) => outcome.project)].map((next) => ({
        project: next,
        replies: [],
        unsettled: changedFailures(project, next),
      }));
    }
    case "at once": {
      const [first, second] = step.requests;
      const [a, b] = [labelOf(number, "a"), labelOf(number, "b")];
      return [
        ...inTurn(project, [first, a], [second, b]),
        ...inTurn(project, [second, b], [first, a]).map(({ replies, ...rest }) => ({
          ...rest,
          replies: replies.toReversed(),
        })),
      ];
    }
    default:
      return outcomesOf(project, step, labelOf(number, letter)).map(({ project: next, reply }) =>
        alone(next, reply),
      );
  }
}

function alone(project: Project, reply: Reply): StepOutcome {
  return { project, replies: [reply], unsettled: settled };
}

function changedFailures(before: Project, after: Project): ReadonlySet<string> {
  const keys = [...before.failures.keys(), ...after.failures.keys()];
  return new Set(keys.filter((key) => before.failures.get(key) !== after.failures.get(key)));
}

type Labelled = readonly [Request, Label];

function inTurn(project: Project, first: Labelled, second: Labelled): readonly StepOutcome[] {
  return outcomesOf(project, ...first).flatMap((before) =>
    outcomesOf(before.project, ...second).map((after) => ({
      project: after.project,
      replies: [before.reply, after.reply],
      unsettled:
        before.reply.kind === after.reply.kind
          ? settled
          : plus(changedFailures(project, before.project), changedFailures(before.project, after.project)),
    })),
  );
}
