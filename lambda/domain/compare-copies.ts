/**
 * What a parent and a child owe one another (API.md §5): the link, seen from both, and each user and group of the parent
 * with its copy in the child, or with an open sync failure that names it. Pure.
 */

import { type ScimAttributes, sameAttributes } from "../scim/resource.ts";
import { accountSchema } from "../scim/schemas/account.ts";
import { presentIn, presentOf } from "../table/compare-reads.ts";
import { keyOfConnection, parentIdOf, parseConnection } from "../table/connections.ts";
import { parseCopyJob } from "../table/copy-jobs.ts";
import { setIn } from "../table/group-members.ts";
import {
  childLinkKey,
  copyJobKey,
  groupPagesPartition,
  type Key,
  memberKey,
  rosterPartition,
} from "../table/keys.ts";
import { parseMemberRow } from "../table/members.ts";
import {
  copyOfNumber,
  copyOfPage,
  countOf,
  difference,
  intersection,
  type NumberPages,
} from "../table/numbers.ts";
import { failureKeyOf, parseFailure } from "../table/sync-failures.ts";
import type { Finding } from "./compare-finding.ts";
import { groupAt, printNumbers } from "./compare-groups.ts";
import type { Check, Sight } from "./compare-looking.ts";
import { endOf } from "./compare-members.ts";
import type { Connection } from "./connection.ts";
import { type CopyJob, restarted } from "./copy-job.ts";
import { groupOwner, projectOfConnection } from "./ids.ts";
import { type Member, statusOf, typeOf } from "./member.ts";
import { memberIdOf, memberIdOfMember } from "./member-id.ts";
import { sourceIdentifier } from "./sync-failure.ts";

/** A parent, and one of its children. */
export interface Pair {
  readonly parentId: string;
  readonly childId: string;
  /** As the child's row has it, or where there is none, the link. */
  readonly ordinal: number;
}

/** The link and what hangs on it, which are made and removed in one transaction. */
export function linkCheck({ parentId, childId }: Pick<Pair, "parentId" | "childId">): Check {
  const about = { projectId: projectOfConnection(childId), connectionId: childId, resourceId: undefined };
  return {
    trailing: false,
    about,
    look(sight) {
      const child = sight.subject(keyOfConnection(childId));
      const link = sight.subject(childLinkKey(parentId, childId));
      const job = sight.item(copyJobKey(childId));
      const parent = sight.item(keyOfConnection(parentId));
      const isChild = child !== undefined && parentIdOf(child) === parentId;
      const say = (what: string): Finding => ({ kind: "link", ...about, what });
      if (!isChild) {
        return link === undefined
          ? []
          : [say(`its parent ${parentId} has a link to it, it is not there or inherits from another`)];
      }
      return [
        ...(parent === undefined ? [say(`it inherits from ${parentId}, which is not there`)] : []),
        ...(link === undefined ? [say(`it inherits from ${parentId}, which has no link to it`)] : []),
        ...(link !== undefined && link["ordinal"] !== child["ordinal"]
          ? [
              say(
                `its numbers are of inheritance ${child["ordinal"]}, its parent's link says ${link["ordinal"]}`,
              ),
            ]
          : []),
        ...(job === undefined
          ? [say("there is no job that copies its parent's users and groups to it")]
          : []),
        ...(job !== undefined && job["parentId"] !== parentId
          ? [say(`the job that copies to it copies from ${job["parentId"]}, it inherits from ${parentId}`)]
          : []),
      ];
    },
  };
}

/** How far copying has come; undefined where nothing is copied, and so nothing owed: SCIM is off, or the link is cut. */
export function copyingOf(
  parent: Connection | undefined,
  isLinked: boolean,
  job: CopyJob | undefined,
): CopyJob | undefined {
  if (!parent?.scimEnabled || !isLinked || job === undefined) {
    return undefined;
  }
  return job.epoch < parent.syncEpoch ? restarted(job, parent.syncEpoch, job.startedAt) : job;
}

export function isDone({ phase, healWanted, healDone }: CopyJob): boolean {
  return phase === "done" && healWanted <= healDone;
}

export function underWay(
  { childId }: Pick<Pair, "childId">,
  { usersDone, usersTotal, groupsDone, groupsTotal }: CopyJob,
): Finding {
  return {
    kind: "under_way",
    projectId: projectOfConnection(childId),
    connectionId: childId,
    resourceId: undefined,
    what: `its parent is being copied to it, or what failed is tried again: ${usersDone} of ${usersTotal} users, ${groupsDone} of ${groupsTotal} groups`,
  };
}

function isOwed(sight: Sight, { parentId, childId }: Pair): boolean {
  const [parent, job] = [sight.item(keyOfConnection(parentId)), sight.item(copyJobKey(childId))];
  const isLinked = sight.item(childLinkKey(parentId, childId)) !== undefined;
  const copying = copyingOf(parent && parseConnection(parent), isLinked, job && parseCopyJob(job));
  return copying !== undefined && isDone(copying);
}

/** The user that has, or had, this number at the parent. */
export function copyCheck(pair: Pair, number: number): Check {
  const { childId } = pair;
  const toProject = projectOfConnection(childId);
  const resourceId = memberIdOf(toProject, copyOfNumber(pair.ordinal, number));
  return {
    trailing: true,
    about: { projectId: toProject, connectionId: childId, resourceId },
    look(sight) {
      const findings = isOwed(sight, pair) ? owedFindings(sight, pair, number) : [];
      return findings.length > 0 && isExcused(sight, pair, number) ? [] : findings;
    },
  };
}

/** An inherited failure is closed by the next success. */
export function inheritedFailureCheck(pair: Pair, key: Key): Check {
  const { childId } = pair;
  const about = { projectId: projectOfConnection(childId), connectionId: childId, resourceId: undefined };
  return {
    trailing: true,
    about,
    look(sight) {
      const item = sight.subject(key);
      const failure = item && parseFailure(item);
      if (failure?.source === undefined || !isOwed(sight, pair)) {
        return [];
      }
      const { number } = failure.source;
      const source = `user ${memberIdOf(projectOfConnection(pair.parentId), number)} of connection ${pair.parentId}`;
      const what = `it is open, yet the copy of ${source} is as it should be`;
      return owedFindings(sight, pair, number).length > 0
        ? []
        : [{ kind: "sync_failure", ...about, resourceId: failure.id, what }];
    },
  };
}

/** What the copy lacks, or has too much, whether or not a failure says why. */
function owedFindings(
  sight: Sight,
  { parentId, childId, ordinal }: Pair,
  number: number,
): readonly Finding[] {
  const [fromProject, toProject] = [projectOfConnection(parentId), projectOfConnection(childId)];
  const place = copyOfNumber(ordinal, number);
  const source = liveUserAt(sight, fromProject, number, parentId);
  const copy = liveUserAt(sight, toProject, place, childId);
  const resourceId = copy === undefined ? memberIdOf(toProject, place) : memberIdOfMember(copy);
  const say = (what: string): Finding => ({
    kind: "copy",
    projectId: toProject,
    connectionId: childId,
    resourceId,
    what,
  });
  const user = `user ${memberIdOf(fromProject, number)} of connection ${parentId}`;
  if (source === undefined) {
    return copy === undefined ? [] : [say(`it is there as a copy, its source, ${user}, is not`)];
  }
  return copy === undefined
    ? [say(`there is no copy of ${user}, and no open sync failure says why`)]
    : copyFindings(source, copy, user).map((what) => say(what));
}

/** Whether an open failure of the child tells of the user: under this number, or, where it came back under another, under that. */
function isExcused(sight: Sight, { parentId, childId }: Pair, number: number): boolean {
  const present = endOf(sight, projectOfConnection(parentId), number);
  return [number, present].some((one) => one !== undefined && hasFailure(sight, childId, one));
}

function hasFailure(sight: Sight, connectionId: string, number: number): boolean {
  const identifier = sourceIdentifier(number);
  return sight.item(failureKeyOf({ connectionId, resourceType: "User", identifier })) !== undefined;
}

/** A user of the child whose number is that of no source. */
export function strayCopyCheck({ childId }: Pick<Pair, "childId">, number: number): Check {
  const projectId = projectOfConnection(childId);
  const about = { projectId, connectionId: childId, resourceId: memberIdOf(projectId, number) };
  return {
    trailing: false,
    about,
    look(sight) {
      const what = "it is a user of the child, and has a number that no copy has";
      return liveUserAt(sight, projectId, number, childId) === undefined
        ? []
        : [{ kind: "copy", ...about, what }];
    },
  };
}

function liveUserAt(
  sight: Sight,
  projectId: string,
  number: number,
  connectionId: string,
): Member | undefined {
  const item = sight.subject(memberKey(projectId, number));
  const row = item && parseMemberRow(projectId, item);
  const isUser =
    row?.kind === "member" && row.member.connectionId === connectionId && row.member.deletedAt === undefined;
  return isUser ? row.member : undefined;
}

function copyFindings(source: Member, copy: Member, user: string): readonly string[] {
  const sides = (attribute: string, here: string, there: string): readonly string[] =>
    here === there ? [] : [`${attribute} is ${here}, that of its source, ${user}, is ${there}`];
  const told = [
    ...sides("status", statusOf(copy), statusOf(source)),
    ...sides("type", typeOf(copy.attributes), typeOf(source.attributes)),
  ];
  const names = differing(source.attributes, copy.attributes);
  // Both of them follow from attributes.
  const others =
    told.length > 0 ? names.filter((name) => name !== "active" && name !== accountSchema.id) : names;
  return [
    ...told,
    ...(others.length === 0
      ? []
      : [`attributes ${others.join(", ")} differ from those of its source, ${user}`]),
    ...sides("version of its source", String(copy.sourceVersion), String(source.version)),
  ];
}

function differing(a: ScimAttributes, b: ScimAttributes): readonly string[] {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  const only = (attributes: ScimAttributes, name: string): ScimAttributes =>
    attributes[name] === undefined ? {} : { [name]: attributes[name] };
  return [...names].filter((name) => !sameAttributes(only(a, name), only(b, name))).sort();
}

/** The group whose id ends so, at the parent and in the child. */
export function copiedGroupCheck(pair: Pair, idEnd: string): Check {
  const { parentId, childId } = pair;
  const [fromProject, toProject] = [projectOfConnection(parentId), projectOfConnection(childId)];
  const [fromId, toId] = [groupOwner(parentId) + idEnd, groupOwner(childId) + idEnd];
  const about = { projectId: toProject, connectionId: childId, resourceId: toId };
  return {
    trailing: true,
    about,
    look(sight) {
      if (!isOwed(sight, pair)) {
        return [];
      }
      const source = groupAt(sight, fromProject, fromId);
      const copy = groupAt(sight, toProject, toId);
      const say = (what: string): Finding => ({ kind: "copied_group", ...about, what });
      const of = `group ${fromId} of connection ${parentId}`;
      if (source === undefined || source.hidden) {
        return copy === undefined ? [] : [say(`it is there as a copy, its source, ${of}, is not`)];
      }
      return copy === undefined
        ? [say(`there is no copy of ${of}`)]
        : [
            ...(copy.displayName === source.displayName
              ? []
              : [say(`attribute displayName differs from that of its source, ${of}`)]),
            ...memberFindings(sight, pair, {
              from: setIn(
                sight.range({ pk: groupPagesPartition(fromProject, fromId) }),
                "S",
                source.generation,
              ),
              to: setIn(sight.range({ pk: groupPagesPartition(toProject, toId) }), "S", copy.generation),
            }).map((what) => say(`${what} its source, ${of}`)),
          ];
    },
  };
}

/** Only who is there on both sides counts: a page is copied as it is, whoever of its members the child has. */
function memberFindings(
  sight: Sight,
  { parentId, childId, ordinal }: Pair,
  { from, to }: { readonly from: NumberPages; readonly to: NumberPages },
): readonly string[] {
  const there = intersection(mapped(rosterAt(sight, parentId), ordinal), rosterAt(sight, childId));
  const wanted = intersection(mapped(from, ordinal), there);
  const found = intersection(to, there);
  const [missing, extra] = [difference(wanted, found), difference(found, wanted)];
  const print = (numbers: NumberPages) => printNumbers(projectOfConnection(childId), numbers);
  return [
    ...(countOf(missing) === 0 ? [] : [`it lacks members ${print(missing)}, who are in`]),
    ...(countOf(extra) === 0 ? [] : [`it has members ${print(extra)}, who are not in`]),
  ];
}

/** A parent's set in the numbering of the child: page by page. */
function mapped(set: NumberPages, ordinal: number): NumberPages {
  return new Map([...set].map(([page, chunks]) => [copyOfPage(ordinal, page), chunks]));
}

function rosterAt(sight: Sight, connectionId: string): NumberPages {
  return presentIn(sight.range(presentOf(rosterPartition(connectionId))));
}
