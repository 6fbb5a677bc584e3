/** Plays a history to the service and to the model, step by step, until they differ or it ends. */

import { checkMemberships } from "../invariants/check-memberships.ts";
import { checkItems } from "../invariants/check-table.ts";
import { compareAll } from "../invariants/compare-all.ts";
import type { RawItem } from "../invariants/table-contents.ts";
import { compareOutcome, compareState } from "../simulation/compare.ts";
import { learnIds } from "../simulation/history.ts";
import { type Connection, connectionAt, type Project } from "../simulation/model.ts";
import { type Seen, seenIn } from "../simulation/seen.ts";
import { outcomesOfStep, type StepOutcome } from "../simulation/step-outcomes.ts";
import { labelOf, type NumberedStep as OwnStep, type Step } from "../simulation/steps.ts";
import { survey, surveyMemberships } from "../simulation/survey.ts";
import { show } from "../simulation/words.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import type { ServiceResponse } from "../support/service.ts";
import { compareHeir, compareSync } from "./converged.ts";
import { inherit } from "./inherit.ts";
import {
  emptyState,
  heirAt,
  heirsOf,
  newHeir,
  type State,
  withConnection,
  withProject,
  withSettingsInherited,
} from "./state.ts";
import { type Act, type History, type NumberedStep, type Place, places } from "./steps.ts";
import type { Ground, Worker, World } from "./world.ts";

export interface Failure {
  readonly at: NumberedStep;
  readonly differences: readonly string[];
  /** Numbers of steps that were refused: mostly they do not matter. */
  readonly idle: ReadonlySet<number>;
}

export interface Run {
  readonly history: History;
  readonly failure: Failure | undefined;
  /** How many steps of a kind came to what. */
  readonly tally: ReadonlyMap<string, number>;
}

/** The next step, which may depend on how things stand; undefined at the end. */
export type NextStep = (state: State) => NumberedStep | undefined;

const startsAt = Date.UTC(2026, 0, 1, 12);

type Count = (what: string) => void;

export async function playHistory(ground: Ground, seed: number, next: NextStep): Promise<Run> {
  const world = await ground.openWorld(seed, startsAt);
  const history: NumberedStep[] = [];
  const tally = new Map<string, number>();
  const idle = new Set<number>();
  let state = emptyState(startsAt);
  for (let step = next(state); step !== undefined; step = next(state)) {
    history.push(step);
    const count = (what: string) => {
      tally.set(what, (tally.get(what) ?? 0) + 1);
      if (/(?:read|find|: 4)/.test(what) && !what.startsWith("meet")) idle.add(step!.number);
    };
    const played = await playStep(world, state, step, count).catch((error: unknown) => ({
      state,
      differences: [`the service failed: ${error instanceof Error ? (error.stack ?? error.message) : error}`],
    }));
    if (played.differences.length > 0) {
      return { history, failure: { at: step, differences: played.differences, idle }, tally };
    }
    state = withSettingsInherited(played.state);
  }
  return { history, failure: undefined, tally };
}

interface Settled {
  readonly state: State;
  readonly differences: readonly string[];
}

async function playStep(world: World, state: State, numbered: NumberedStep, count: Count): Promise<Settled> {
  const { number, step } = numbered;
  world.setTime(state.parent.now);
  switch (step.kind) {
    case "pass":
      return { state: later(state, step.seconds), differences: [] };
    case "quiet":
      count("quiet");
      return quiet(world, state, number);
    case "meet": {
      await world.readStream();
      const answers = await world.atOnce(
        step.turns,
        () => perform(world, world.workers[0], state, step.acts[0], number),
        async () => {
          const answer = await perform(world, world.workers[1], state, step.acts[1], number);
          if (step.afterwards !== undefined) {
            await world.readStream();
            await world.workers[1].deliver(step.afterwards);
          }
          return answer;
        },
      );
      for (const [index, act] of step.acts.entries()) count(`meet: ${told(act, answers[index]!)}`);
      return settle(
        world,
        state,
        [
          { act: step.acts[0], answer: answers[0], label: "a" },
          { act: step.acts[1], answer: answers[1], label: "b" },
        ],
        number,
      );
    }
    default: {
      await world.readStream();
      const [answer] = await world.atOnce(
        number,
        () => perform(world, world.workers[0], state, step, number),
        async () => {},
      );
      count(told(step, answer));
      return settle(world, state, [{ act: step, answer, label: "" }], number);
    }
  }
}

function told(act: Act, { answers, died }: Answer): string {
  const what =
    act.kind === "request" ? `${act.in === "parent" ? "parent" : "child"}: ${act.step.kind}` : act.kind;
  return `${what}: ${died ? "died" : answers.map(({ status }) => status).join(" and ")}`;
}

function later(state: State, seconds: number): State {
  const now = state.parent.now + seconds * 1_000;
  return Object.fromEntries(places.map((place) => [place, { ...state[place], now }])) as unknown as State;
}

interface Answer {
  readonly answers: readonly ServiceResponse[];
  /** The process was killed, and nobody got an answer. */
  readonly died: boolean;
}

const nothing: Answer = { answers: [], died: false };

async function perform(
  world: World,
  worker: Worker,
  state: State,
  act: Act,
  number: number,
): Promise<Answer> {
  switch (act.kind) {
    case "request":
      return request(world, worker, state, act.in, act.step);
    case "deliver":
      return { answers: [], died: !(await worker.deliver(act)) };
    case "link": {
      const parent = connectionAt(state.parent, act.to);
      if (parent === undefined) return nothing;
      const body = { name: `child ${number}`, inheritsFrom: parent.identity.id };
      const path = `/projects/${world.projectIds[act.in]}/connections`;
      return { answers: [await worker.service.admin("POST", path, body)], died: false };
    }
    case "cut": {
      const heir = heirAt(state, act.in, act.from);
      if (heir === undefined) return nothing;
      const path = `/projects/${world.projectIds[act.in]}/connections/${heir.connection.identity.id}`;
      return { answers: [await worker.service.admin("DELETE", path)], died: false };
    }
    case "retry": {
      const path = `/projects/${world.projectIds[act.in]}/sync-failures`;
      const { items } = (await world.service.admin("GET", path)).body;
      if (items.length === 0) return nothing;
      const { id } = items[act.failure % items.length];
      return { answers: [await worker.service.admin("POST", `${path}/${id}/retry`)], died: false };
    }
  }
}

async function request(
  world: World,
  worker: Worker,
  state: State,
  place: Place,
  step: Step,
): Promise<Answer> {
  const project = state[place];
  switch (step.kind) {
    case "wait":
    case "survey":
    case "audit":
    case "end":
      return nothing;
    case "crash": {
      const answer = await world.dying(step, () => worker.send(place, project, step.request));
      return answer === undefined ? { answers: [], died: true } : { answers: [answer], died: false };
    }
    case "at once": {
      const [first, second] = step.requests;
      return {
        answers: await world.atOnce(
          step.turns,
          () => world.workers[0].send(place, project, first),
          () => world.workers[1].send(place, project, second),
        ),
        died: false,
      };
    }
    default:
      return { answers: [await worker.send(place, project, step)], died: false };
  }
}

interface Done {
  readonly act: Act;
  readonly answer: Answer;
  readonly label: "" | "a" | "b";
}

type AllSeen = Readonly<Record<Place, Seen>>;

function lookAt(items: readonly RawItem[], world: World): AllSeen {
  const all = {} as Record<Place, Seen>;
  for (const place of places) {
    const id = world.projectIds[place];
    all[place] = seenIn(
      items.filter(({ pk, sk }) => projectIn(pk!.S!, sk!.S!) === id),
      id,
    );
  }
  return all;
}

function projectIn(pk: string, sk: string): string {
  return pk === "PROJECTS" ? sk : (pk.split("#")[1] ?? "").slice(0, projectIdLength);
}

const projectIdLength = 16;

/** How things stand after what was done, or what differs. */
async function settle(world: World, state: State, done: readonly Done[], number: number): Promise<Settled> {
  const seen = lookAt(await world.look(), world);
  const isCarried = done.some(
    ({ act }) => act.kind === "deliver" || act.kind === "retry" || act.kind === "link" || act.kind === "cut",
  );
  let next = state;
  const differences: string[] = [];
  for (const { act, answer } of done) {
    if (act.kind === "link" || act.kind === "cut") {
      const settled = settleLink(next, act, answer, number);
      differences.push(...settled.differences);
      next = settled.state;
    }
  }
  for (const place of places) {
    const own = done.filter(({ act }) => act.kind === "request" && act.in === place);
    const isInherited = isCarried && place !== "parent";
    const settled = settleProject(next[place], seen[place], own, number, {
      isInherited,
      isMet: done.length > 1,
    });
    differences.push(...settled.differences.map((difference) => `${place}: ${difference}`));
    next = withProject(next, place, settled.project);
    if (differences.length > 0) return { state: next, differences };
    await learnIds({ service: world.service, projectId: world.projectIds[place] }, settled.project);
  }
  return { state: next, differences };
}

interface SettledProject {
  readonly project: Project;
  readonly differences: readonly string[];
}

/** One project, after at most two requests of its own and what the stream brought meanwhile. */
function settleProject(
  project: Project,
  seen: Seen,
  own: readonly Done[],
  number: number,
  { isInherited, isMet }: { readonly isInherited: boolean; readonly isMet: boolean },
): SettledProject {
  if (own.length === 0) {
    const inherited = isInherited ? inherit(project, seen) : { project, differences: [] };
    // Beside another party's work, what was there before is not known.
    const illegal = isMet ? [] : inherited.differences;
    return { ...inherited, differences: [...illegal, ...compareState(inherited.project, seen)] };
  }
  let closest: readonly string[] | undefined;
  for (const outcome of outcomesAmong(project, seen, own, number, isInherited)) {
    const answers = own.flatMap(({ answer }) => answer.answers);
    const { differences, told, project: settled } = compareOutcome(outcome, answers, seen);
    if (differences.length === 0) {
      for (const { identity, ...version } of told) identity.seen = version;
      return { project: settled, differences };
    }
    if (closest === undefined || differences.length < closest.length) closest = differences;
  }
  return { project, differences: closest! };
}

/** What is inherited may come before a request, after it, or in its middle. */
function* outcomesAmong(
  project: Project,
  seen: Seen,
  own: readonly Done[],
  number: number,
  isInherited: boolean,
): Generator<StepOutcome> {
  const [{ act, answer, label }] = own as [Done];
  const step = (act as Extract<Act, { kind: "request" }>).step;
  const numbered: OwnStep = { number, step };
  const outcomesOf = (before: Project) => outcomesOfStep(before, numbered, answer.died, label);
  const inheriting = (outcome: StepOutcome): StepOutcome => ({
    ...outcome,
    project: inherit(outcome.project, seen).project,
  });
  if (!isInherited) {
    yield* outcomesOf(project);
    return;
  }
  const after = inherit(project, seen).project;
  yield* outcomesOf(project).map(inheriting);
  yield* outcomesOf(after);
  // Seats were taken and given back meanwhile.
  const { quotas } = project;
  for (const before of [project, after]) {
    const free = { ...before, quotas: { users: null, reviewers: null, readers: null } };
    yield* outcomesOf(free).map((outcome) =>
      inheriting({ ...outcome, project: { ...outcome.project, quotas } }),
    );
  }
  // Refused for what was the case in the meantime.
  const [status] = answer.answers.map((each) => each.status);
  if (status === 403 || status === 409) {
    yield { project: after, replies: [{ kind: "refused", refusals: [{ status }] }], unsettled: new Set() };
  }
}

function settleLink(
  state: State,
  act: Extract<Act, { kind: "link" | "cut" }>,
  { answers }: Answer,
  number: number,
): Settled {
  const [answer] = answers;
  if (answer === undefined) return { state, differences: [] };
  const said = `${answer.status} ${show(answer.body)}`;
  if (act.kind === "link") {
    const parent = connectionAt(state.parent, act.to)!;
    if (heirAt(state, act.in, act.to) !== undefined) {
      const isRefused = answer.status === 409 && answer.body.code === "already_inherits";
      return { state, differences: isRefused ? [] : [`link: expected 409 already_inherits, got ${said}`] };
    }
    if (answer.status !== 201) return { state, differences: [`link: expected 201, got ${said}`] };
    const connection: Connection = newHeir(parent, act.to, labelOf(number));
    connection.identity.id = answer.body.id;
    return { state: withConnection(state, act.in, connection), differences: [] };
  }
  if (answer.status !== 204) return { state, differences: [`cut: expected 204, got ${said}`] };
  const heir = heirAt(state, act.in, act.from)!;
  const { label } = heir.connection.identity;
  const project = state[act.in];
  const failures = new Map([...project.failures].filter(([, failure]) => failure.connection !== label));
  const gone = withConnection(state, act.in, { ...heir.connection, deleted: true });
  return { state: withProject(gone, act.in, { ...gone[act.in], failures }), differences: [] };
}

async function quiet(world: World, state: State, number: number): Promise<Settled> {
  const stuck = await world.drain();
  const items = await world.scan();
  const seen = lookAt(items, world);
  let next = state;
  const differences: string[] = [...stuck];
  for (const place of places) {
    const settled = settleProject(next[place], seen[place], [], number, {
      isInherited: place !== "parent",
      isMet: false,
    });
    differences.push(...settled.differences.map((difference) => `${place}: ${difference}`));
    next = withProject(next, place, settled.project);
    await learnIds({ service: world.service, projectId: world.projectIds[place] }, settled.project);
  }
  for (const heir of heirsOf(next).filter(({ parent }) => parent.scimEnabled)) {
    differences.push(...compareHeir(next, heir, seen));
    const path = `/projects/${world.projectIds[heir.in]}/connections/${heir.connection.identity.id}`;
    const { body } = await world.service.admin("GET", path);
    differences.push(...compareSync(next, heir, body.sync));
  }
  if (differences.length > 0) return { state: next, differences };
  // One of the projects in turn, through everything that the API shows: each look is dozens of requests.
  const place = places[number % places.length]!;
  const looked = { service: world.service, projectId: world.projectIds[place] };
  const found = [
    ...(await survey(looked, next[place], createSeededRandom(number))),
    ...(await surveyMemberships(looked, next[place])),
  ];
  differences.push(...found.map((difference) => `${place}: ${difference}`));
  differences.push(
    ...checkItems(items, { quotaWasLowered: true, tokensWereRevoked: true, groupNamesWereFree: true }),
    ...checkMemberships(items),
    ...(await compareAll(world.table)),
  );
  return { state: next, differences };
}
