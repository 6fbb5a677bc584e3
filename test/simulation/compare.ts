/** What the service holds and answers, against what the model says: every difference is a line. */

import type { ServiceResponse } from "../support/service.ts";
import { compareAnswer } from "./compare-answer.ts";
import { emailOf, type Group, isLive, isSameName, type Member, type Project, usageOf, usersOf } from "./model.ts";
import type { StepOutcome } from "./outcomes.ts";
import type { Seen, SeenGroup, SeenMember } from "./seen.ts";
import { seatKinds } from "./steps.ts";
import { type Comparison, nameOf, nameOfGroup, show } from "./words.ts";

/** Also notes, in the outcome, the ids that the service has given to what is new in it. */
export function compareOutcome(
  outcome: StepOutcome,
  answers: readonly ServiceResponse[],
  seen: Seen,
): Comparison {
  const compared = outcome.replies.map((reply, index) => compareAnswer(reply, answers[index]!));
  return {
    differences: [
      ...compared.flatMap(({ differences }) => differences),
      ...compareState(outcome.project, seen),
    ],
    told: compared.flatMap(({ told }) => told),
  };
}

function compareState(project: Project, seen: Seen): readonly string[] {
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
    if (deleted || row === undefined) continue;
    for (const name of ["scimEnabled", "onDelete", "jit", "uniqueGroupNames", "defaults"] as const) {
      differ(`connection ${slot}: ${name}`, connection[name], row[name]);
    }
  }
  const usage = usageOf(project);
  for (const kind of seatKinds) {
    differ(`usage of ${kind}`, usage[kind], seen.usage[kind]);
    differ(`quota of ${kind}`, project.quotas[kind], seen.quotas[kind]);
  }
  return differences;
}

/** Somebody new is known by the name that nobody else may have. */
function rowOf(
  { identity, attributes, deleted }: Member,
  rows: readonly SeenMember[],
  project: Project,
): SeenMember | undefined {
  if (identity.home !== undefined) return rows.find(({ home }) => home === identity.home);
  if (deleted !== undefined) return undefined;
  const known = new Set([...project.members.values()].map((member) => member.identity.home));
  return rows.find(
    (row) => !row.deleted && !known.has(row.home) && isSameName(row.userName, attributes.userName),
  );
}
