/** Chance chooses what happens next to a parent and its children, and to the stream between them. */

import type { StreamFunctionName } from "../../lambda/stream/stream-mapping.ts";
import { chooseStep } from "../simulation/choose.ts";
import { connectionAt } from "../simulation/model.ts";
import { slots, type Step } from "../simulation/steps.ts";
import type { SeededRandom } from "../support/seeded-random.ts";
import { heirAt, type State } from "./state.ts";
import { type Act, type Child, type ConvergenceStep, children, type Delivery, type NumberedStep, type Place } from "./steps.ts";

/** Our choice: some changes pile up between two looks, and a difference is not far from its cause. */
const [quietMin, quietMax] = [8, 60];
/** Far more often the parent's: what is the child's own mostly stands in the way. */
const ownNamesShare = 0.6;

export type Chooser = (state: State) => NumberedStep | undefined;

/** A new history of `length` steps, all quiet at the end. */
export function chooser(random: SeededRandom, length: number): Chooser {
  let number = 0;
  let quietAt = quietMin + random.below(quietMax - quietMin);
  return (state) => {
    number++;
    if (number > length) return undefined;
    if (number === length || number === quietAt) {
      quietAt = number + quietMin + random.below(quietMax - quietMin);
      return { number, step: { kind: "quiet" } };
    }
    return { number, step: chooseNext(state, random) };
  };
}

function chooseNext(state: State, random: SeededRandom): ConvergenceStep {
  const needed = unlinked(state, random);
  if (needed !== undefined && random.next() < 0.25) return needed;
  const dice = random.next() * 100;
  if (dice < 45) return asRequest("parent", state, random);
  if (dice < 62) return asRequest(random.pick(children), state, random);
  if (dice < 89) return delivery(random);
  if (dice < 97.5) return { kind: "meet", acts: twoActs(state, random), turns: random.below(2 ** 31) };
  if (dice < 98.3) return { kind: "cut", in: random.pick(children), from: random.pick(slots) };
  return { kind: "retry", in: random.pick(children), failure: random.below(10) };
}

/** A child that could inherit and does not: the first one of the first slot mostly does, others now and then. */
function unlinked(state: State, random: SeededRandom): Act | undefined {
  const [to, place] = [random.pick(slots), random.pick(children)];
  const isFree = connectionAt(state.parent, to) !== undefined && heirAt(state, place, to) === undefined;
  const isWanted = to === "okta" || random.next() < 0.1;
  return isFree && isWanted ? { kind: "link", in: place, to } : undefined;
}

function asRequest(place: Place, state: State, random: SeededRandom): ConvergenceStep {
  const step = stepOf(place, state, random);
  return step.kind === "wait" ? { kind: "pass", seconds: step.seconds } : { kind: "request", in: place, step };
}

function stepOf(place: Place, state: State, random: SeededRandom): Step {
  for (;;) {
    const step = chooseStep(state[place], random);
    if (place === "parent" && JSON.stringify(step).includes("delete connection")) continue;
    if (place === "parent" || random.next() > ownNamesShare) return step;
    return JSON.parse(JSON.stringify(step).replaceAll(/x\.example/gi, `${place}.example`)) as Step;
  }
}

function delivery(random: SeededRandom): Delivery {
  const to: StreamFunctionName = random.next() < 0.7 ? "propagation" : "activity";
  const chance = (share: number) => random.next() < share;
  return {
    kind: "deliver",
    to,
    most: random.pick([1, 2, 3, 5, 10, 100]),
    ...(chance(0.2) && { late: random.below(100) }),
    ...(chance(0.3) && { shuffled: random.below(2 ** 31) }),
    ...(chance(0.12) && { old: random.below(1_000) }),
    ...(chance(0.12) && { lost: true as const }),
    ...(chance(0.3) && {
      crash: { call: 1 + random.below(random.pick([8, 40])), when: random.pick(["before", "after"] as const) },
    }),
  };
}

/** At least one of them is of the stream. */
function twoActs(state: State, random: SeededRandom): readonly [Act, Act] {
  const [first, second] = [withoutCrash(delivery(random)), withoutCrash(delivery(random))];
  return [first, random.next() < 0.35 ? second : requestAct(state, random)];
}

function withoutCrash({ crash: _, ...calm }: Delivery): Delivery {
  return calm;
}

function requestAct(state: State, random: SeededRandom): Act {
  const dice = random.next();
  if (dice < 0.05) return { kind: "cut", in: random.pick(children), from: random.pick(slots) };
  if (dice < 0.1) return { kind: "retry", in: random.pick(children), failure: random.below(10) };
  const place: Place = dice < 0.6 ? "parent" : random.pick<Child>(children);
  for (;;) {
    const step = stepOf(place, state, random);
    if (!["wait", "crash", "at once"].includes(step.kind)) return { kind: "request", in: place, step };
  }
}
