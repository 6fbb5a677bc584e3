/**
 * What has to agree about a member: its row in itself, and what is kept beside it so that it is found, the claims on its
 * names, pointers, its bits in rosters, and what was carried to it of its groups. Pure, from either side.
 */

import { standingIn } from "../table/compare-reads.ts";
import { keyOfConnection } from "../table/connections.ts";
import { pageChunks } from "../table/group-members.ts";
import { keyOfMirror } from "../table/group-mirror.ts";
import { parseGroup } from "../table/groups.ts";
import {
  formerConnectionKey,
  groupExternalIdKey,
  groupKey,
  type Key,
  type MembershipKind,
  memberGroupsKey,
  memberKey,
  productRosterPartition,
  rosterPartition,
} from "../table/keys.ts";
import { parseMemberGroups } from "../table/member-groups.ts";
import { type Pointer, parsePointer, pointersOf } from "../table/member-pointers.ts";
import { claimKeysOf, type MemberRow, parseClaim, parseMemberRow } from "../table/members.ts";
import { hasNumber, numbersPerInheritance, slotOf } from "../table/numbers.ts";
import type { Finding, FindingKind } from "./compare-finding.ts";
import type { CompareGround } from "./compare-ground.ts";
import type { Check, Sight } from "./compare-looking.ts";
import { projectOfConnection } from "./ids.ts";
import { lastConnectionOf, type Member, typeOf } from "./member.ts";
import { memberIdOf, memberIdOfMember } from "./member-id.ts";

type Say = (kind: FindingKind, what: string) => Finding;

/** What stands at a number, and everything that is kept of it. */
export function memberCheck(ground: CompareGround, number: number): Check {
  const { projectId } = ground;
  const about = { projectId, connectionId: undefined, resourceId: memberIdOf(projectId, number) };
  return {
    trailing: false,
    about,
    look(sight) {
      const item = sight.subject(memberKey(projectId, number));
      const row = item && parseMemberRow(projectId, item);
      const say: Say = (kind, what) =>
        row?.kind === "member"
          ? {
              kind,
              projectId,
              connectionId: lastConnectionOf(row.member),
              resourceId: memberIdOfMember(row.member),
              what,
            }
          : { kind, ...about, what };
      return [
        ...(row?.kind === "member" ? memberFindings(sight, row.member, say) : []),
        ...(row?.kind === "moved" ? moveFindings(sight, projectId, number, say) : []),
        ...rosterFindings(sight, ground, number, row, say),
        ...carriedFindings(sight, projectId, number, say),
      ];
    },
  };
}

function memberFindings(sight: Sight, member: Member, say: Say): readonly Finding[] {
  const { projectId, attributes, role, deletedAt, number, homeNumber } = member;
  const type = typeOf(attributes);
  const connectionId = lastConnectionOf(member);
  return [
    ...((type === "user") === (role === null)
      ? [say("member", `type is ${type}, role is ${role ?? "null"}`)]
      : []),
    ...(deletedAt !== undefined && attributes["active"] !== false
      ? [say("member", "status is deleted, attribute active is not false")]
      : []),
    ...(connectionId !== undefined && !wasEver(sight, connectionId)
      ? [say("member", `it belongs to connection ${connectionId}, which never was one of the project`)]
      : []),
    ...(homeNumber !== number && endOf(sight, projectId, homeNumber) !== number
      ? [say("member", `its id does not lead to its row, which lies at ${memberIdOf(projectId, number)}`)]
      : []),
    ...claimFindings(sight, member, say),
    ...pointerFindings(sight, member, say),
  ];
}

/** There, or gone. */
function wasEver(sight: Sight, connectionId: string): boolean {
  return (
    sight.item(keyOfConnection(connectionId)) !== undefined ||
    sight.item(formerConnectionKey(projectOfConnection(connectionId), connectionId)) !== undefined
  );
}

/** A member that is linked anew moves on; one that did so oftener than this has more rows than anybody reads. */
const movesMax = 100;

/** The number at which somebody lives who has this one; undefined where nobody does. */
export function endOf(sight: Sight, projectId: string, start: number): number | undefined {
  let number = start;
  for (let moves = 0; moves < movesMax; moves++) {
    const item = sight.item(memberKey(projectId, number));
    const row = item && parseMemberRow(projectId, item);
    if (row?.kind !== "moved") {
      return row?.kind === "member" ? number : undefined;
    }
    number = row.to;
  }
  return undefined;
}

function moveFindings(sight: Sight, projectId: string, number: number, say: Say): readonly Finding[] {
  return endOf(sight, projectId, number) === undefined
    ? [say("member", "word of where it moved to leads to no member")]
    : [];
}

const claimedNames = ["userName", "email"] as const;

function claimFindings(sight: Sight, member: Member, say: Say): readonly Finding[] {
  if (member.deletedAt !== undefined) {
    return [];
  }
  return claimKeysOf(member.projectId, member.attributes).flatMap((key, index) => {
    const { holder } = parseClaim(sight.item(key));
    if (holder === member.number) {
      return [];
    }
    const whose =
      holder === undefined ? "nobody's" : `that of member ${memberIdOf(member.projectId, holder)}`;
    return [say("claim", `the claim on its ${claimedNames[index]} is ${whose}`)];
  });
}

function pointerFindings(sight: Sight, member: Member, say: Say): readonly Finding[] {
  return pointersOf(member).flatMap((pointer) => {
    const there = parsePointer(sight.item(pointer));
    if (there !== undefined && leadsAlike(there, pointer)) {
      return [];
    }
    const where = there === undefined ? "nowhere" : `to member ${memberIdOf(member.projectId, there.number)}`;
    return [say("pointer", `the pointer from its ${pointedFrom(pointer)} leads ${where}`)];
  });
}

function leadsAlike(
  there: { readonly number: number; readonly as: "user" | "signIn" },
  { number, signIn }: Pointer,
): boolean {
  return there.as === "user" ? there.number === number : there.number === signIn;
}

/** As the attribute is called: the key's value is nobody's business. */
function pointedFrom({ sk }: Key): string {
  const [kind] = sk.split("#");
  switch (kind) {
    case "email":
      return "further email";
    case "signInSubject":
      return "subject of sign-ins";
    default:
      return "externalId";
  }
}

/** Every live member stands in one roster, its connection's or the product's, under its type; who left a connection, among its departed. */
function rosterFindings(
  sight: Sight,
  { projectId, rosters, connections }: CompareGround,
  number: number,
  row: MemberRow | undefined,
  say: Say,
): readonly Finding[] {
  const member = row?.kind === "member" ? row.member : undefined;
  const isLive = member !== undefined && member.deletedAt === undefined;
  const last = member && lastConnectionOf(member);
  const home = isLive ? rosterOf(projectId, member.connectionId) : undefined;
  const isLeft = last !== undefined && !(isLive && member?.connectionId !== undefined);
  const leftAt = isLeft ? last : row?.kind === "never" ? inheritanceAt(connections, number) : undefined;
  const left = leftAt === undefined ? undefined : rosterPartition(leftAt);
  const all = new Set([
    ...rosters,
    ...(home === undefined ? [] : [home]),
    ...(left === undefined ? [] : [left]),
  ]);
  const findings: Finding[] = [];
  const isStub = row?.kind === "moved";
  let departures = 0;
  for (const roster of all) {
    const standing = standingIn(roster, number, sight.item);
    for (const type of ["user", "reader"] as const) {
      const isDue = roster === home && typeOf(member!.attributes) === type;
      if (standing[type] !== isDue) {
        const side = isDue ? "does not have it" : "has it";
        const row = isDue ? "its row says that it is one there" : "its row does not say that it is one there";
        findings.push(say("roster", `the roster of ${printRoster(roster)} ${side} as a ${type}; ${row}`));
      }
    }
    departures += standing.departed ? 1 : 0;
    if (isStub ? departures > 1 && standing.departed : standing.departed !== (roster === left)) {
      const side = standing.departed ? "has it" : "does not have it";
      findings.push(
        say(
          "roster",
          `the roster of ${printRoster(roster)} ${side} among the departed; its row says otherwise`,
        ),
      );
    }
  }
  // A member that was none of a connection's leaves no trace when a child takes it over.
  const mayLeaveNoTrace = connections.some(({ ordinal }) => ordinal !== undefined);
  if (isStub && departures === 0 && !mayLeaveNoTrace) {
    findings.push(say("roster", "it was left for another id, yet is among the departed of no connection"));
  }
  return findings;
}

/** The child, there or gone, whose copies have numbers about this one: it stands among the departed there, though it was never a copy. */
function inheritanceAt(connections: CompareGround["connections"], number: number): string | undefined {
  const place = Math.floor(number / numbersPerInheritance);
  return connections.find(({ ordinal }) => ordinal === place)?.id;
}

function rosterOf(projectId: string, connectionId: string | undefined): string {
  return connectionId === undefined ? productRosterPartition(projectId) : rosterPartition(connectionId);
}

function printRoster(partition: string): string {
  const [kind, id] = partition.split("#");
  return kind === "C" ? `connection ${id}` : "the product";
}

/** A member's word of its groups and the mirrors of what was carried change in one transaction. */
function carriedFindings(sight: Sight, projectId: string, number: number, say: Say): readonly Finding[] {
  const { groups, handGroups } = parseMemberGroups(sight.subject(memberGroupsKey(projectId, number)));
  const { page } = slotOf(number);
  const isMirrored = (groupId: string, kind: MembershipKind): boolean => {
    const mirror = sight.item(keyOfMirror({ projectId, groupId, kind, page }));
    return hasNumber(new Map([[page, pageChunks(mirror)]]), number);
  };
  return [
    ...groups.filter((groupId) => !isMirrored(groupId, "S")),
    ...handGroups.filter((groupId) => !isMirrored(groupId, "H")),
  ].map((groupId) => say("membership", `it names group ${groupId}, which was not carried to it`));
}

/** An item in the partition of names: a claim, or a pointer from a further email. */
export function nameCheck({ projectId }: CompareGround, key: Key): Check {
  const about = { projectId, connectionId: undefined, resourceId: undefined };
  return {
    trailing: false,
    about,
    look(sight) {
      const item = sight.subject(key);
      if (item === undefined) {
        return [];
      }
      const pointed = parsePointer(item);
      if (pointed !== undefined) {
        return strayPointer(sight, about, pointed.number, key, "a further email");
      }
      const { holder, former } = parseClaim(item);
      const name = key.sk.startsWith("userName#") ? "userName" : "email";
      return [
        ...(holder === undefined || hasName(memberAt(sight, projectId, holder), key, undefined)
          ? []
          : [lost(projectId, undefined, holder, "claim", `a claim on another ${name} is its own`)]),
        ...Object.entries(former).flatMap(([connectionId, number]) =>
          hasName(memberAt(sight, projectId, number), key, connectionId)
            ? []
            : [
                lost(
                  projectId,
                  connectionId,
                  number,
                  "claim",
                  `it is remembered under a ${name} it did not have when it was deleted`,
                ),
              ],
        ),
        ...(holder === undefined && Object.keys(former).length === 0
          ? [{ kind: "claim" as const, ...about, what: `there is a claim on a ${name} that is nobody's` }]
          : []),
      ];
    },
  };
}

/** `deletedBy`: the connection that had it last, of one that shall be deleted; else it shall be live. */
function hasName(member: Member | undefined, { sk }: Key, deletedBy: string | undefined): boolean {
  if (
    member === undefined ||
    !claimKeysOf(member.projectId, member.attributes).some((key) => key.sk === sk)
  ) {
    return false;
  }
  return deletedBy === undefined
    ? member.deletedAt === undefined
    : member.deletedAt !== undefined && lastConnectionOf(member) === deletedBy;
}

function memberAt(sight: Sight, projectId: string, number: number): Member | undefined {
  const item = sight.item(memberKey(projectId, number));
  const row = item && parseMemberRow(projectId, item);
  return row?.kind === "member" ? row.member : undefined;
}

/** `from`: what the pointer leads from, if it is not the member's own. */
function strayPointer(
  sight: Sight,
  { projectId, connectionId }: Pick<Finding, "projectId" | "connectionId">,
  number: number,
  { pk, sk }: Key,
  from: string,
): readonly Finding[] {
  const member = memberAt(sight, projectId, number);
  const isIts =
    member !== undefined && pointersOf(member).some((pointer) => pointer.pk === pk && pointer.sk === sk);
  const what = `a pointer from ${from} leads to it`;
  return isIts ? [] : [lost(projectId, connectionId, number, "pointer", what)];
}

function lost(
  projectId: string,
  connectionId: string | undefined,
  number: number,
  kind: FindingKind,
  what: string,
): Finding {
  return { kind, projectId, connectionId, resourceId: memberIdOf(projectId, number), what };
}

/** An item that leads from an externalId or a subject to a member, or from an externalId to a group. */
export function referenceCheck({ projectId }: CompareGround, connectionId: string, key: Key): Check {
  const about = { projectId, connectionId, resourceId: undefined };
  return {
    trailing: false,
    about,
    look(sight) {
      const item = sight.subject(key);
      if (item === undefined) {
        return [];
      }
      const pointed = parsePointer(item);
      if (pointed !== undefined) {
        return strayPointer(sight, about, pointed.number, key, `another ${pointedFrom(key)}`);
      }
      const groupId = String(item["group"]);
      const row = sight.item(groupKey(projectId, groupId));
      const group = row && parseGroup(projectId, row);
      const isIts =
        group?.connectionId === connectionId &&
        group.externalId !== undefined &&
        groupExternalIdKey(connectionId, group.externalId, groupId).sk === key.sk;
      const what = "a pointer from another externalId leads to it";
      return isIts ? [] : [{ kind: "pointer", projectId, connectionId, resourceId: groupId, what }];
    },
  };
}
