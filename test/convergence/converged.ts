/**
 * Once everything has been delivered, a child's members, groups and memberships equal its parent's, but for what its open sync
 * failures name (DESIGN §1.7); and each of those is of what the child really cannot take just now.
 */

import { copyOfNumber } from "../../lambda/table/numbers.ts";
import {
  failureKey,
  type Group,
  isLive,
  type Member,
  type Project,
  type SyncFailure,
  usersOf,
} from "../simulation/model.ts";
import type { Outcome } from "../simulation/outcome.ts";
import { createUser, isSameAttributes, settle, usersAt } from "../simulation/provider-model.ts";
import type { Seen } from "../simulation/seen.ts";
import { nameOf, show } from "../simulation/words.ts";
import type { Heir, State } from "./state.ts";
import type { Place } from "./steps.ts";

/** A user of the parent and what the child has of it. */
interface Pair {
  readonly source: Member;
  readonly copy: Member | undefined;
  /** The copy, where somebody deleted it by hand, while SCIM was off: restored it would be the same member. */
  readonly deletedCopy: Member | undefined;
}

export function compareHeir(
  state: State,
  heir: Heir,
  seen: Readonly<Record<Place, Seen>>,
): readonly string[] {
  const { connection, parent } = heir;
  const child = state[heir.in];
  const sources = usersAt({ project: state.parent, connection: parent });
  const copies = [...child.members.values()].filter(
    (member) => member.connection === connection.identity.label,
  );
  const pairs = pairUp(heir, sources, copies, seen);
  const differences: string[] = [];
  const paired = new Set(pairs.map(({ copy }) => copy));
  for (const copy of copies) {
    if (isLive(copy) && !paired.has(copy))
      differences.push(`copy ${nameOf(copy)}: the parent has no such user`);
  }
  const open = new Map(
    [...child.failures].filter(([, failure]) => failure.connection === connection.identity.label),
  );
  const behind = pairs.filter(
    ({ source, copy }) => copy === undefined || !isSameAttributes(source.attributes, copy.attributes),
  );
  for (const [pair, failure] of failuresOf(behind, heir, open)) {
    differences.push(...compareBehind(child, heir, pair, failure));
  }
  for (const { identifier, refusals } of open.values()) {
    const told = refusals.map(({ reason }) => reason).join();
    differences.push(`failure of ${identifier}: open (${told}), though the child has what the parent has`);
  }
  differences.push(...compareGroups(state, heir, pairs));
  return differences.map((difference) => `${heir.in}: ${difference}`);
}

const nobody = { copy: undefined, deletedCopy: undefined };

/** A copy is where its source's number says; one that was deleted by hand, perhaps where a number that the source had before says. */
function pairUp(
  { in: place, connection }: Heir,
  sources: readonly Member[],
  copies: readonly Member[],
  seen: Readonly<Record<Place, Seen>>,
): readonly Pair[] {
  const ordinal = Number(seen[place].connections.get(connection.identity.id!)?.["ordinal"]);
  const numberAt = (where: Place, { identity }: Member) =>
    seen[where].members.find(({ home }) => home === identity.home)?.number ?? Number.NaN;
  const numbers = new Set(sources.map((source) => numberAt("parent", source)));
  const byNumber = new Map<number, Omit<Pair, "source">>();
  for (const copy of copies) {
    let number = numberAt(place, copy) - copyOfNumber(ordinal, 0);
    if (isLive(copy)) {
      byNumber.set(number, { ...(byNumber.get(number) ?? nobody), copy });
      continue;
    }
    while (!numbers.has(number) && seen.parent.moved.has(number)) number = seen.parent.moved.get(number)!;
    byNumber.set(number, { ...(byNumber.get(number) ?? nobody), deletedCopy: copy });
  }
  return sources.map((source) => ({ source, ...(byNumber.get(numberAt("parent", source)) ?? nobody) }));
}

/** By what it shall be called, or else by what it is called still. Takes them from those that are open. */
function failuresOf(
  behind: readonly Pair[],
  { connection }: Heir,
  open: Map<string, SyncFailure>,
): ReadonlyMap<Pair, SyncFailure | undefined> {
  const found = new Map<Pair, SyncFailure | undefined>(behind.map((pair) => [pair, undefined]));
  for (const which of ["source", "copy"] as const) {
    for (const pair of behind) {
      const name = pair[which]?.attributes.userName;
      const key = name === undefined ? "" : failureKey(connection.identity.label, "User", name);
      if (found.get(pair) !== undefined || !open.has(key)) continue;
      found.set(pair, open.get(key));
      open.delete(key);
    }
  }
  return found;
}

/** What is missing or behind is named by one open failure, for a reason that holds. */
function compareBehind(
  child: Project,
  { connection }: Heir,
  { source, copy, deletedCopy }: Pair,
  failure: SyncFailure | undefined,
): readonly string[] {
  const who = copy === undefined ? `${nameOf(source)} is missing` : `${nameOf(source)} is behind`;
  const outcomes = wouldBe(child, connection, source, copy ?? deletedCopy);
  const reasons = outcomes.flatMap(({ reply }) =>
    reply.kind === "refused" ? reply.refusals.map(({ reason }) => reason ?? "") : ["none"],
  );
  const has = copy === undefined ? "nothing" : show(copy.attributes);
  const compared = `wants ${show(source.attributes)}, has ${has}`;
  if (failure === undefined) {
    return [`failure of somebody: expected one, since ${who} (${[...new Set(reasons)]}); ${compared}`];
  }
  if (reasons.every((reason) => reason === "none")) {
    return [`healing: ${who}, though the child can take it now; ${compared}; open is ${show(failure)}`];
  }
  const [told] = failure.refusals;
  return reasons.includes(told!.reason)
    ? []
    : [`reason: ${who} for ${[...new Set(reasons)]}, told is ${told!.reason}; ${compared}`];
}

/** What came of it if the child were to take the user as it is now. */
function wouldBe(
  project: Project,
  connection: Heir["connection"],
  source: Member,
  copy: Member | undefined,
): readonly Outcome[] {
  const at = { project, connection };
  return copy === undefined
    ? createUser(at, source.attributes, "copy")
    : [settle(at, copy, source.attributes, [])];
}

/** Two groups may have one name, so they are compared by all that shows. */
function compareGroups(state: State, { in: place, connection, parent }: Heir, pairs: readonly Pair[]) {
  const child = state[place];
  const copyOf = new Map(pairs.map(({ source, copy }) => [source, copy] as const));
  const print = (displayName: string, homes: readonly (number | undefined)[]) =>
    `${displayName}: ${show(homes.filter((home) => home !== undefined).sort((a, b) => a - b))}`;
  const wanted = groupsOf(state.parent, parent.identity.label).map((group) =>
    print(
      group.displayName,
      usersOf(state.parent, group).map((user) => copyOf.get(user)?.identity.home),
    ),
  );
  const found = groupsOf(child, connection.identity.label).map((group) =>
    print(
      group.displayName,
      usersOf(child, group).map(({ identity }) => identity.home),
    ),
  );
  const names = new Map([...child.members.values()].map((member) => [member.identity.home, nameOf(member)]));
  const told = (all: readonly string[]) =>
    show(
      all
        .toSorted()
        .map((each) => each.replaceAll(/\d+(?=[,\]])/g, (home) => names.get(Number(home)) ?? home)),
    );
  return wanted.toSorted().join("\n") === found.toSorted().join("\n")
    ? []
    : [`groups: expected ${told(wanted)}, found ${told(found)}`];
}

function groupsOf({ groups }: Project, label: string): readonly Group[] {
  return [...groups.values()].filter(({ connection }) => connection === label);
}

/** How the child itself tells how far it is behind. */
export function compareSync(state: State, heir: Heir, sync: Record<string, unknown>): readonly string[] {
  const label = heir.connection.identity.label;
  const failures = [...state[heir.in].failures.values()].filter(
    ({ connection }) => connection === label,
  ).length;
  const expected = { state: failures > 0 ? "degraded" : "in_sync", failures };
  const { state: told, failures: counted, usersDone, usersTotal, groupsDone, groupsTotal, finishedAt } = sync;
  const isDone = usersDone === usersTotal && groupsDone === groupsTotal && finishedAt !== null;
  return show({ state: told, failures: counted }) === show(expected) && isDone
    ? []
    : [`${heir.in}: sync: expected ${show(expected)}, found ${show(sync)}`];
}
