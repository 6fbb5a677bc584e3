/** Plays a history to the service and to the model, step by step, until they differ or it ends. */

import { checkMemberships } from "../invariants/check-memberships.ts";
import { checkItems } from "../invariants/check-table.ts";
import { compareAll } from "../invariants/compare-all.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { compareOutcome } from "./compare.ts";
import { connectionPath, scimRoot } from "./messages.ts";
import { connectionAt, emptyProject, isLive, liveMembers, type Member, type Project } from "./model.ts";
import { seenIn } from "./seen.ts";
import { outcomesOfStep } from "./step-outcomes.ts";
import { type History, type NumberedStep, slots } from "./steps.ts";
import { survey, surveyMemberships, usableToken } from "./survey.ts";
import type { Ground, World } from "./world.ts";

export interface Failure {
  readonly at: NumberedStep;
  /** As the model had it before that step. */
  readonly project: Project;
  readonly differences: readonly string[];
}

export interface Run {
  readonly history: History;
  readonly failure: Failure | undefined;
  /** How many steps of a kind got which answers, by `kind status`. */
  readonly tally: ReadonlyMap<string, number>;
}

/** The next step, which may depend on how things stand; undefined at the end. */
export type NextStep = (project: Project) => NumberedStep | undefined;

const startsAt = Date.UTC(2026, 0, 1, 12);

export async function playHistory(ground: Ground, seed: number, next: NextStep): Promise<Run> {
  const world = await ground.openWorld(seed, startsAt);
  const history: NumberedStep[] = [];
  const tally = new Map<string, number>();
  let project = emptyProject(startsAt);
  for (let step = next(project); step !== undefined; step = next(project)) {
    if (isImpossible(project, step)) continue;
    history.push(step);
    const settled = await playStep(world, project, step, tally).catch((error: unknown) => [
      `the service failed: ${error instanceof Error ? error.message : error}`,
    ]);
    if (!("members" in settled))
      return { history, failure: { at: step, project, differences: settled }, tally };
    project = settled;
  }
  return { history, failure: undefined, tally };
}

/** Where steps were left out. */
function isImpossible(project: Project, { step }: NumberedStep): boolean {
  return step.kind === "create connection" && connectionAt(project, step.slot) !== undefined;
}

/** The project afterwards, or what differs. */
async function playStep(
  world: World,
  project: Project,
  numbered: NumberedStep,
  tally: Map<string, number>,
): Promise<Project | readonly string[]> {
  const { step } = numbered;
  if (step.kind === "survey" || step.kind === "audit" || step.kind === "end") {
    const look = { survey: surveyed, audit, end }[step.kind];
    const differences = await look(world, project, numbered.number);
    return differences.length > 0 ? differences : project;
  }
  const { answers, died } = await world.play(project, step);
  for (const { status } of answers) count(tally, `${step.kind}: ${status}`);
  if (died) count(tally, "crash: died");
  if (step.kind === "wait") return outcomesOfStep(project, numbered, false)[0]!.project;
  const seen = seenIn(await world.scan(), world.projectId);
  let closest: readonly string[] | undefined;
  for (const outcome of outcomesOfStep(project, numbered, died)) {
    const { differences, told, project: settled } = compareOutcome(outcome, answers, seen);
    if (differences.length === 0) {
      for (const { identity, ...version } of told) identity.seen = version;
      await learnIds(world, settled);
      return settled;
    }
    if (closest === undefined || differences.length < closest.length) closest = differences;
  }
  return closest!;
}

function count(tally: Map<string, number>, what: string): void {
  tally.set(what, (tally.get(what) ?? 0) + 1);
}

/** SCIM does not tell the id of the member that a user is; and an answer that was lost tells nothing. */
export async function learnIds(world: Pick<World, "service" | "projectId">, project: Project): Promise<void> {
  const members = [...project.members.values()];
  const known = new Set(members.map(({ identity }) => identity.id));
  for (const member of members.filter(({ identity }) => identity.id === undefined)) {
    const { userName } = member.attributes;
    // Who came and went between two looks is met as deleted.
    const query = `limit=200&q=${encodeURIComponent(userName)}${isLive(member) ? "" : "&status=deleted"}`;
    const { body } = await world.service.admin("GET", `/projects/${world.projectId}/members?${query}`);
    const items: readonly { readonly id: string; readonly userName: string }[] = body.items;
    const found = items.find((item) => item.userName === userName && !known.has(item.id))?.id;
    member.identity.id = found;
    known.add(found);
  }
  for (const member of liveMembers(project)) {
    if (member.user !== undefined && member.user.id === undefined) await learnUserId(world, project, member);
  }
}

async function learnUserId(
  world: Pick<World, "service">,
  project: Project,
  { user, connection, attributes }: Member,
) {
  const owner = project.connections.get(connection!)!;
  const token = usableToken(project, owner);
  if (connectionAt(project, owner.slot) !== owner || token === undefined) return;
  const filter = encodeURIComponent(`userName eq ${JSON.stringify(attributes.userName)}`);
  const { body } = await world.service.scim(
    "GET",
    `${scimRoot(project, owner.slot)}/Users?filter=${filter}`,
    {
      token,
    },
  );
  user!.id = body.Resources?.[0]?.id;
}

function surveyed(world: World, project: Project, number: number): Promise<readonly string[]> {
  return survey(world, project, createSeededRandom(number));
}

async function end(world: World, project: Project): Promise<readonly string[]> {
  const path = `/projects/${world.projectId}`;
  for (const slot of slots) {
    if (connectionAt(project, slot) === undefined) continue;
    await world.service.admin("DELETE", path + connectionPath(project, slot));
  }
  const { status } = await world.service.admin("DELETE", path);
  if (status !== 204) return [`DELETE of the project: expected 204, got ${status}`];
  await world.carryStream();
  const left = await world.scan();
  return left.map(({ pk, sk }) => `left of the project: ${pk!.S} ${sk!.S}`);
}

async function audit(world: World, project: Project): Promise<readonly string[]> {
  await world.carryStream();
  const items = await world.scan();
  return [
    ...checkItems(items, {
      quotaWasLowered: true,
      tokensWereRevoked: true,
      groupNamesWereFree: true,
    }),
    ...checkMemberships(items),
    ...(await compareAll(world.service.table)),
    ...(await surveyMemberships(world, project)),
  ];
}
