/** What the service holds and answers, against what the model says: every difference is a line. */

import { type Json, type JsonObject, objectOf } from "../invariants/table-contents.ts";
import type { ServiceResponse } from "../support/service.ts";
import { compareAnswer, learnFrom } from "./compare-answer.ts";
import {
  type Connection,
  emailOf,
  failureKey,
  type Group,
  isLive,
  isSameName,
  liveTokens,
  type Member,
  type Project,
  usageOf,
  usersOf,
} from "./model.ts";
import type { Seen, SeenFailure, SeenGroup, SeenMember } from "./seen.ts";
import type { StepOutcome } from "./step-outcomes.ts";
import { seatKinds } from "./steps.ts";
import { type Comparison, nameOf, nameOfGroup, show } from "./words.ts";

/** Also notes, in the outcome, the ids that the service has given to what is new in it. */
export function compareOutcome(
  outcome: StepOutcome,
  answers: readonly ServiceResponse[],
  seen: Seen,
): Comparison & { readonly project: Project } {
  for (const [index, reply] of outcome.replies.entries()) learnFrom(reply, answers[index]!);
  const isAlone = outcome.replies.length === 1;
  const compared = outcome.replies.map((reply, index) => compareAnswer(reply, answers[index]!, isAlone));
  const project = withFailuresAsSeen(outcome, seen);
  return {
    project,
    differences: [...compared.flatMap(({ differences }) => differences), ...compareState(project, seen)],
    told: compared.flatMap(({ told }) => told),
  };
}

/** Those that are not settled are what they are seen to be. */
function withFailuresAsSeen({ project, unsettled }: StepOutcome, seen: Seen): Project {
  if (unsettled.size === 0) return project;
  const failures = new Map(project.failures);
  for (const key of unsettled) failures.delete(key);
  for (const [key, failure] of failuresByKey(project, seen)) {
    const { resourceType, operation, httpStatus: status, reason } = failure;
    const [connection] = [...project.connections.values()].filter(
      ({ identity }) => identity.id === failure.connectionId,
    );
    if (!unsettled.has(key) || connection === undefined) continue;
    failures.set(key, {
      ...failure,
      connection: connection.identity.label,
      resourceType: resourceType === "User" ? "User" : "Group",
      operation: operations.find((each) => each === operation)!,
      refusals: [{ status, reason }],
    });
  }
  return { ...project, failures };
}

export const operations = ["create", "replace", "modify", "delete"] as const;

export function failuresByKey(project: Project, seen: Seen): ReadonlyMap<string, SeenFailure> {
  const labels = new Map(
    [...project.connections.values()].map(({ identity }) => [identity.id, identity.label]),
  );
  return new Map(
    seen.failures.map((failure) => [
      failureKey(labels.get(failure.connectionId), failure.resourceType, failure.identifier),
      failure,
    ]),
  );
}

function compareFailures(project: Project, seen: Seen): readonly string[] {
  const differences: string[] = [];
  const found = new Map(failuresByKey(project, seen));
  for (const [key, { refusals, operation, attempts }] of project.failures) {
    const failure = found.get(key);
    found.delete(key);
    if (failure === undefined) {
      differences.push(`sync failure of ${key}: expected, not found`);
      continue;
    }
    const isOneOf = refusals.some(
      ({ status, reason }) => status === failure.httpStatus && reason === failure.reason,
    );
    if (!isOneOf || operation !== failure.operation || attempts !== failure.attempts) {
      differences.push(
        `sync failure of ${key}: expected ${show({ refusals, operation, attempts })}, found ${show(failure)}`,
      );
    }
  }
  for (const [key, failure] of found) {
    differences.push(`sync failure of ${key}: found, not expected: ${show(failure)}`);
  }
  return differences;
}

function compareTokens(connection: Connection, project: Project, row: JsonObject): readonly string[] {
  const live = liveTokens(project, connection).map(
    ({ identity, endsAt }) => `${identity.id} until ${endsAt}`,
  );
  const found = (row["tokens"] as readonly Json[]).map(objectOf).flatMap(({ id, expiresAt }) => {
    const endsAt = typeof expiresAt === "string" ? Date.parse(expiresAt) : Number.POSITIVE_INFINITY;
    return project.now < endsAt ? `${id} until ${endsAt}` : [];
  });
  return live.sort().join() === found.sort().join()
    ? []
    : [`tokens of ${connection.slot}: expected ${show(live)}, found ${show(found)}`];
}

export function compareState(project: Project, seen: Seen): readonly string[] {
  const differences: string[] = [];
  const differ = (what: string, expected: unknown, found: unknown) => {
    const [wanted, there] = [show(expected), show(found)];
    if (wanted !== there) differences.push(`${what}: expected ${wanted}, found ${there}`);
  };
  const connectionId = (label: string | undefined) => project.connections.get(label ?? "")?.identity.id;
  const compareMember = (member: Member, row: SeenMember) => {
    const who = nameOf(member);
    const { attributes } = member;
    differ(`${who}: deleted`, !isLive(member), row.deleted);
    if (!isLive(member) && row.deleted) return;
    differ(`${who}: connection`, connectionId(member.connection), row.connectionId);
    for (const name of ["userName", "displayName"] as const) {
      differ(`${who}: ${name}`, attributes[name], row[name]);
    }
    if (member.user !== undefined) {
      for (const name of ["externalId", "title", "active", "team", "emails"] as const) {
        differ(`${who}: ${name}`, attributes[name] ?? (name === "emails" ? [] : undefined), row[name]);
      }
    } else {
      // Nobody but the product sees these, and it sees no more of them.
      differ(`${who}: email`, emailOf(attributes), emailOf(row));
      differ(`${who}: active`, attributes.active !== false, row.active !== false);
      differ(`${who}: team`, attributes.team === true, row.team === true);
    }
    differ(`${who}: role`, member.role ?? undefined, row.role);
    differ(`${who}: access`, member.access, row.access);
  };

  const rows = new Map(seen.members.map((row) => [row.home, row]));
  for (const member of project.members.values()) {
    const row = rowOf(member, seen.members, project);
    if (row === undefined) {
      differences.push(`${nameOf(member)}: expected, not found`);
      continue;
    }
    member.identity.home = row.home;
    rows.delete(row.home);
    compareMember(member, row);
  }
  for (const { userName, deleted, home } of rows.values()) {
    differences.push(`${deleted ? "deleted " : ""}${userName} (number ${home}): found, not expected`);
  }
  const homes = (members: readonly Member[]) =>
    members.map(({ identity }) => identity.home).sort((a, b) => a! - b!);
  const compareGroup = (group: Group, row: SeenGroup) => {
    const which = nameOfGroup(group);
    differ(`${which}: connection`, connectionId(group.connection), row.connectionId);
    differ(`${which}: displayName`, group.displayName, row.displayName);
    differ(`${which}: externalId`, group.externalId, row.externalId);
    differ(`${which}: access`, group.access, row.access);
    differ(
      `${which}: users`,
      homes(usersOf(project, group)),
      [...row.users].sort((a, b) => a - b),
    );
    const byHand = [...project.members.values()].filter(
      (member) => isLive(member) && group.byHand.has(member.identity),
    );
    differ(
      `${which}: members by hand`,
      homes(byHand),
      [...row.byHand].sort((a, b) => a - b),
    );
  };
  const groups = new Map(seen.groups.map((row) => [row.id, row]));
  const known = new Set([...project.groups.values()].map(({ identity }) => identity.id));
  for (const group of project.groups.values()) {
    // One whose answer was lost is the one that nobody knows.
    group.identity.id ??= seen.groups.find(({ id }) => !known.has(id))?.id;
    const row = groups.get(group.identity.id ?? "");
    if (row === undefined) {
      differences.push(`${nameOfGroup(group)}: expected, not found`);
      continue;
    }
    groups.delete(row.id);
    compareGroup(group, row);
  }
  for (const { id, displayName } of groups.values()) {
    differences.push(`group ${displayName} (${id}): found, not expected`);
  }
  for (const connection of project.connections.values()) {
    const { identity, slot, deleted } = connection;
    const row = seen.connections.get(identity.id ?? "");
    differ(`connection ${slot}: deleted`, deleted, row === undefined);
    // Of a child's, the row has nothing but its name.
    if (deleted || row === undefined || connection.inherited) continue;
    differences.push(...compareTokens(connection, project, row));
    for (const name of ["scimEnabled", "onDelete", "jit", "uniqueGroupNames", "defaults"] as const) {
      differ(`connection ${slot}: ${name}`, connection[name], row[name]);
    }
  }
  const usage = usageOf(project);
  for (const kind of seatKinds) {
    differ(`usage of ${kind}`, usage[kind], seen.usage[kind]);
    differ(`quota of ${kind}`, project.quotas[kind], seen.quotas[kind]);
  }
  return [...differences, ...compareFailures(project, seen)];
}

/** Somebody new is known by the name that nobody else may have. */
function rowOf(
  { identity, attributes, deleted }: Member,
  rows: readonly SeenMember[],
  project: Project,
): SeenMember | undefined {
  if (identity.home !== undefined) return rows.find(({ home }) => home === identity.home);
  if (deleted) return undefined;
  const known = new Set([...project.members.values()].map((member) => member.identity.home));
  return rows.find(
    (row) => !row.deleted && !known.has(row.home) && isSameName(row.userName, attributes.userName),
  );
}
