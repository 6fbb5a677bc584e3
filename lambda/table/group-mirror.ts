/**
 * What of the groups' members has been carried to the members themselves (from which `User.groups` is read): for each page of a group a mirror of the bits that were carried. A mirror's bit and the member's word of the group
 * change in one transaction, so they always agree; what is still to do is the difference between page and mirror.
 */

import * as z from "zod";
import { pageChunks, pageWrite } from "./group-members.ts";
import {
  type Key,
  type MembershipKind,
  memberGroupsKey,
  mirrorHeadKey,
  mirrorPageKey,
  mirrorPartition,
  mirrorPrefix,
  placeOfGroupPage,
} from "./keys.ts";
import { parseMemberGroups } from "./member-groups.ts";
import { difference, numbersOn, type PageChunks, withNumbers } from "./numbers.ts";
import { type Item, type ItemsByKey, present, type Store, type Write } from "./store.ts";

/** One page of one group's members. */
export interface MirroredPage {
  readonly projectId: string;
  readonly groupId: string;
  readonly kind: MembershipKind;
  readonly page: number;
}

/** Attributes of a member's item: ids of its connection's groups, by present number; of those by hand, by home number. */
export const memberGroupsAttributes = { S: "groups", H: "handGroups" } as const satisfies Record<
  MembershipKind,
  string
>;

export function keyOfMirror({ projectId, groupId, kind, page }: MirroredPage): Key {
  return mirrorPageKey(projectId, groupId, kind, page);
}

export function mirroredChunks(items: ItemsByKey, page: MirroredPage): PageChunks {
  return pageChunks(items.get(keyOfMirror(page)));
}

/** Every page that is mirrored of a group. */
export async function mirroredPages(
  store: Store,
  projectId: string,
  groupId: string,
): Promise<readonly MirroredPage[]> {
  const prefix = mirrorPrefix(groupId);
  const items = await store.query({ pk: mirrorPartition(projectId), prefix });
  return items
    .map((item) => String(item["sk"]))
    .filter((sk) => sk !== mirrorHeadKey(projectId, groupId).sk)
    .map((sk) => placeOfGroupPage(sk.slice(prefix.length)))
    .map(({ kind, page }) => ({ projectId, groupId, kind, page }));
}

/** Members on whom the page and its mirror differ. */
export interface Carry {
  readonly joining: readonly number[];
  readonly leaving: readonly number[];
}

/**
 * Some of those that are still to be carried, `most` of them; undefined when there are none. `spread`, in [0, 1), says
 * where to begin, so that several groups of the same people are not carried through them in step.
 */
export function nextCarry(
  { page }: MirroredPage,
  mirrored: PageChunks,
  wanted: PageChunks,
  most: number,
  spread: number,
): Carry | undefined {
  const [from, to] = [new Map([[page, mirrored]]), new Map([[page, wanted]])];
  const joins = new Set(numbersOn(difference(to, from)));
  const due = [...joins, ...numbersOn(difference(from, to))];
  const start = Math.floor(spread * due.length);
  const chosen = due.length <= most ? due : [...due, ...due].slice(start, start + most);
  return chosen.length === 0
    ? undefined
    : {
        joining: chosen.filter((number) => joins.has(number)),
        leaving: chosen.filter((number) => !joins.has(number)),
      };
}

/**
 * Brings the mirror and the members to what the carry says, under the condition that the mirror is as it was read.
 * `membersAt`: the items of who leaves, where they were read; otherwise they are taken to be there.
 */
export function carryWrites(
  place: MirroredPage,
  mirrored: PageChunks,
  { joining, leaving }: Carry,
  membersAt?: ItemsByKey,
): readonly Write[] {
  const after = withNumbers(new Map([[place.page, mirrored]]), joining, leaving).get(place.page)!;
  return [
    ...pageWrite(keyOfMirror(place), mirrored, after),
    ...joining.map((number) => joinWrite(place, number)),
    ...leaving.flatMap((number) => leaveWrite(place, number, membersAt)),
  ];
}

/** Safe to repeat; that it is due says the mirror's condition in the same transaction. */
function joinWrite({ projectId, groupId, kind }: MirroredPage, number: number): Write {
  const names = { "#groups": memberGroupsAttributes[kind] };
  return {
    update: memberGroupsKey(projectId, number),
    change: { expression: "ADD #groups :group", names, values: { ":group": new Set([groupId]) } },
    when: {
      expression: "attribute_not_exists(#groups) OR size(#groups) < :most",
      names,
      values: { ":most": groupsPerMemberMax },
    },
  };
}

/** Likewise. An item that is gone, with its project, is not brought back; one that names nothing else goes. */
function leaveWrite(
  { projectId, groupId, kind }: MirroredPage,
  number: number,
  membersAt: ItemsByKey | undefined,
): readonly Write[] {
  const key = memberGroupsKey(projectId, number);
  const item = membersAt?.get(key);
  if (membersAt !== undefined && item === undefined) {
    return [];
  }
  const group = new Set([groupId]);
  const names = { "#groups": memberGroupsAttributes[kind] };
  const groups = parseMemberGroups(item);
  if (item !== undefined && groups.groups.length + groups.handGroups.length <= 1) {
    const others = { "#others": memberGroupsAttributes[kind === "S" ? "H" : "S"] };
    return [
      {
        delete: key,
        when: {
          expression: "(attribute_not_exists(#groups) OR #groups = :group) AND attribute_not_exists(#others)",
          names: { ...names, ...others },
          values: { ":group": group },
        },
      },
    ];
  }
  return [
    {
      update: key,
      change: { expression: "DELETE #groups :group", names, values: { ":group": group } },
      when: present,
    },
  ];
}

/** The items of these members. */
export function memberGroupsKeys({ projectId }: MirroredPage, numbers: readonly number[]): readonly Key[] {
  return numbers.map((number) => memberGroupsKey(projectId, number));
}

/** DESIGN §2 asks for 1,000; an item holds some 15,000 ids (AWS quota: 400 KB). */
const groupsPerMemberMax = 10_000;

const headItem = z.object({ generation: z.string() });

/** The generation whose set has been carried as a whole; undefined: the first, page by page. */
export function carriedGeneration(item: Item | undefined): string | undefined {
  return item === undefined ? undefined : headItem.parse(item).generation;
}

/** Notes that a generation has been carried; undefined: that nothing is left to be carried. */
export function noteCarried(
  projectId: string,
  groupId: string,
  seen: string | undefined,
  carried: string | undefined,
): readonly Write[] {
  const key = mirrorHeadKey(projectId, groupId);
  const when =
    seen === undefined
      ? { expression: "attribute_not_exists(pk)" }
      : { expression: "generation = :seen", values: { ":seen": seen } };
  if (carried === undefined) {
    return seen === undefined ? [] : [{ delete: key, when }];
  }
  return [{ put: { ...key, generation: carried }, when }];
}
