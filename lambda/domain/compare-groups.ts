/**
 * What has to agree about a group: its row, what it is found by, the pages of its members, and what of them was carried to
 * the members. Pure, from either side.
 */

import { departedAmong, departedOf, presentIn, presentOf } from "../table/compare-reads.ts";
import { keyOfConnection } from "../table/connections.ts";
import { pageChunks, setIn } from "../table/group-members.ts";
import { carriedGeneration, memberGroupsAttributes } from "../table/group-mirror.ts";
import { nameKeyOf, parseGroup, parseNameHolders } from "../table/groups.ts";
import {
  blockOf,
  formerConnectionKey,
  groupExternalIdKey,
  groupKey,
  groupPagesPartition,
  type Key,
  type MembershipKind,
  memberGroupsKey,
  memberGroupsPartition,
  memberSortKey,
  membersPerBlock,
  mirrorHeadKey,
  mirrorPartition,
  mirrorPrefix,
  placeOfGroupPage,
  rosterPartition,
} from "../table/keys.ts";
import { parseMemberGroups } from "../table/member-groups.ts";
import {
  countOf,
  difference,
  type NumberPages,
  numbersOn,
  type PageChunks,
  union,
} from "../table/numbers.ts";
import type { Item } from "../table/store.ts";
import type { Finding, FindingKind } from "./compare-finding.ts";
import type { CompareGround } from "./compare-ground.ts";
import type { Check, Sight } from "./compare-looking.ts";
import { firstGeneration, type Group } from "./group.ts";
import { groupOwner, projectOfConnection } from "./ids.ts";
import { idsNamedMax } from "./limits.ts";
import { memberIdsOf } from "./member-id.ts";

export function groupAt(sight: Sight, projectId: string, groupId: string): Group | undefined {
  const row = sight.subject(groupKey(projectId, groupId));
  return row && parseGroup(projectId, row);
}

/** Row, names, externalId and pages: all of them change together. */
export function groupCheck(ground: CompareGround, groupId: string): Check {
  const { projectId } = ground;
  const about = { projectId, connectionId: undefined, resourceId: groupId };
  return {
    trailing: false,
    about,
    look(sight) {
      const group = groupAt(sight, projectId, groupId);
      if (group === undefined) {
        return [];
      }
      const { connectionId } = group;
      const say = (kind: FindingKind, what: string): Finding => ({ ...about, kind, connectionId, what });
      const isKnown =
        connectionId === undefined ||
        sight.item(keyOfConnection(connectionId)) !== undefined ||
        sight.item(formerConnectionKey(projectOfConnection(connectionId), connectionId)) !== undefined;
      const isOwn = groupId.startsWith(groupOwner(connectionId));
      const isNamed = parseNameHolders(sight.item(nameKeyOf(group))).includes(groupId);
      return [
        ...(isKnown && isOwn
          ? []
          : [
              say(
                "group",
                `it belongs to connection ${connectionId ?? "(none)"}, its id to another or to none`,
              ),
            ]),
        ...(isNamed ? [] : [say("group_name", "it is not found by its displayName")]),
        ...(isFoundByExternalId(sight, group)
          ? []
          : [say("group_name", "it is not found by its externalId")]),
        ...pageFindings(sight, ground, group, say),
      ];
    },
  };
}

function isFoundByExternalId(sight: Sight, { id, connectionId, externalId }: Group): boolean {
  return (
    connectionId === undefined ||
    externalId === undefined ||
    sight.item(groupExternalIdKey(connectionId, externalId, id))?.["group"] === id
  );
}

function pageFindings(
  sight: Sight,
  { projectId, connections }: CompareGround,
  { id, connectionId, generation, aside, hidden, size }: Group,
  say: (kind: FindingKind, what: string) => Finding,
): readonly Finding[] {
  const pages = sight.range({ pk: groupPagesPartition(projectId, id) });
  const members = setIn(pages, "S", generation);
  const count = countOf(members);
  const lost = pages.filter(({ sk }) => {
    const place = placeOfGroupPage(String(sk));
    return place.kind === "S" && place.generation !== generation && place.generation !== aside?.generation;
  });
  const isCopied = connections.some((one) => one.id === connectionId && one.ordinal !== undefined);
  const strangers =
    connectionId === undefined
      ? members
      : isCopied
        ? new Map()
        : difference(members, everUsers(sight, connectionId));
  return [
    ...(size === count || hidden
      ? []
      : [say("group", `its row counts ${size} members, its pages hold ${count}`)]),
    ...(lost.length === 0 ? [] : [say("group", `${lost.length} pages are of a set that nothing leads to`)]),
    ...(countOf(strangers) === 0
      ? []
      : [
          say(
            "group",
            `its pages hold who never was a user of its connection: ${printNumbers(projectId, strangers)}`,
          ),
        ]),
  ];
}

/** Those that are, and those that were. */
function everUsers(sight: Sight, connectionId: string): NumberPages {
  const roster = rosterPartition(connectionId);
  return union(presentIn(sight.range(presentOf(roster))), departedAmong(sight.range(departedOf(roster))));
}

export function printNumbers(projectId: string, numbers: NumberPages): string {
  const all = numbersOn(numbers);
  const named = memberIdsOf(projectId, all.subarray(0, idsNamedMax));
  return `${named.join(", ")}${all.length > named.length ? ` and ${all.length - named.length} more` : ""}`;
}

const kinds = ["S", "H"] as const;

/** Pages, against their mirrors: what the stream has carried of them. */
export function mirrorCheck({ projectId }: CompareGround, groupId: string): Check {
  const about = { projectId, connectionId: undefined, resourceId: groupId };
  return {
    trailing: true,
    about,
    look(sight) {
      const group = groupAt(sight, projectId, groupId);
      if (group === undefined || group.hidden) {
        return [];
      }
      const { connectionId, generation } = group;
      const pages = sight.range({ pk: groupPagesPartition(projectId, groupId) });
      const mirrors = sight.range(mirrorsOf(projectId, groupId));
      const head = carriedGeneration(sight.item(mirrorHeadKey(projectId, groupId))) ?? firstGeneration;
      const say = (what: string): Finding => ({ kind: "membership", ...about, connectionId, what });
      const findings = kinds.flatMap((kind) => {
        const present = setIn(pages, kind, kind === "S" ? generation : "");
        const mirrored = mirroredIn(mirrors, groupId, kind);
        const [due, over] = [difference(present, mirrored), difference(mirrored, present)];
        return [
          ...(countOf(due) === 0
            ? []
            : [say(`members do not name it in their groups: ${printNumbers(projectId, due)}`)]),
          ...(countOf(over) === 0
            ? []
            : [
                say(
                  `it is named in their groups by who is no member of it: ${printNumbers(projectId, over)}`,
                ),
              ]),
        ];
      });
      const isCarried = head === generation;
      return isCarried
        ? findings
        : [...findings, say("its set of members was replaced, and has not been carried as a whole")];
    },
  };
}

/** What a writer of many members left aside goes within minutes. */
export function asideCheck({ projectId }: CompareGround, groupId: string): Check {
  const about = { projectId, connectionId: undefined, resourceId: groupId };
  return {
    trailing: true,
    about,
    look(sight) {
      const group = groupAt(sight, projectId, groupId);
      const what = "a set of members lies aside, written or replaced as a whole, and is to be removed";
      return group?.aside === undefined
        ? []
        : [{ kind: "under_way", ...about, connectionId: group.connectionId, what }];
    },
  };
}

export function mirrorsOf(projectId: string, groupId: string) {
  return { pk: mirrorPartition(projectId), prefix: mirrorPrefix(groupId) };
}

function mirroredIn(mirrors: readonly Item[], groupId: string, kind: MembershipKind): NumberPages {
  const set = new Map<number, PageChunks>();
  for (const item of mirrors) {
    const place = placeOfMirror(String(item["sk"]), groupId);
    if (place?.kind === kind) {
      set.set(place.page, pageChunks(item));
    }
  }
  return set;
}

function placeOfMirror(sk: string, groupId: string) {
  const place = sk.slice(mirrorPrefix(groupId).length);
  return place.startsWith("S#") || place.startsWith("H#") ? placeOfGroupPage(place) : undefined;
}

/** Mirrors of one group, and what the members of one block are told by them. */
export function wordsChecks(
  { projectId }: CompareGround,
  groupId: string,
  mirrors: readonly Item[],
): readonly Check[] {
  return kinds.flatMap((kind) => {
    const blocks = new Set(Array.from(numbersOn(mirroredIn(mirrors, groupId, kind)), blockOf));
    return [...blocks].map((block) => wordsCheck(projectId, groupId, kind, block));
  });
}

function wordsCheck(projectId: string, groupId: string, kind: MembershipKind, block: number): Check {
  const about = { projectId, connectionId: undefined, resourceId: groupId };
  return {
    trailing: false,
    about,
    look(sight) {
      const first = block * membersPerBlock;
      // The row of a group changes with each change of it, so it stands for all of its mirrors.
      const group = groupAt(sight, projectId, groupId);
      const mirrored = mirroredIn(sight.range(mirrorsOf(projectId, groupId)), groupId, kind);
      const numbers = numbersOn(mirrored).filter((number) => blockOf(number) === block);
      const told = numbers.length < numbersReadAloneMax ? undefined : wordsOf(sight, projectId, first);
      const missing = numbers.filter((number) => {
        const item = told === undefined ? sight.item(memberGroupsKey(projectId, number)) : told.get(number);
        return !parseMemberGroups(item)[memberGroupsAttributes[kind]].includes(groupId);
      });
      if (missing.length === 0) {
        return [];
      }
      const named = memberIdsOf(projectId, missing.subarray(0, idsNamedMax)).join(", ");
      const what = `${missing.length} members that it was carried to do not name it in their groups: ${named}`;
      return [{ kind: "membership", ...about, connectionId: group?.connectionId, what }];
    },
  };
}

/** A whole block is read at the price of some fifty of its items. */
const numbersReadAloneMax = 50;

function wordsOf(sight: Sight, projectId: string, first: number): ReadonlyMap<number, Item> {
  const pk = memberGroupsPartition(projectId, blockOf(first));
  const items = sight.range({
    pk,
    from: memberSortKey(first),
    to: memberSortKey(first + membersPerBlock - 1),
  });
  return new Map(items.map((item) => [Number(item["sk"]), item]));
}

/** What is mirrored of a group that is gone has been carried away from its members, too. */
export function lostMirrorCheck({ projectId }: CompareGround, key: Key): Check {
  const [groupId = ""] = key.sk.split("#");
  const about = { projectId, connectionId: undefined, resourceId: groupId };
  return {
    trailing: true,
    about,
    look(sight) {
      const isLost =
        sight.subject(key) !== undefined && sight.item(groupKey(projectId, groupId)) === undefined;
      const what = "it is gone, yet members still name it in their groups, or are counted as doing so";
      return isLost ? [{ kind: "membership", ...about, what }] : [];
    },
  };
}

/** Whom a name leads to. */
export function groupNameCheck({ projectId }: CompareGround, key: Key): Check {
  return {
    trailing: false,
    about: { projectId, connectionId: undefined, resourceId: undefined },
    look(sight) {
      return parseNameHolders(sight.subject(key)).flatMap((groupId) => {
        const row = sight.item(groupKey(projectId, groupId));
        const group = row && parseGroup(projectId, row);
        const what =
          group === undefined
            ? "a displayName leads to it, and it is not there"
            : "a displayName that it does not have leads to it";
        return group !== undefined && nameKeyOf(group).sk === key.sk
          ? []
          : [{ kind: "group_name", projectId, connectionId: group?.connectionId, resourceId: groupId, what }];
      });
    },
  };
}
