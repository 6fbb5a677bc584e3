/**
 * What of the groups' members has been carried to the members themselves (`number#GROUPS`, from which `User.groups` is
 * read): for each page of a group a mirror of the bits that were carried. A mirror's bit and the member's word of the group
 * change in one transaction, so they always agree; what is still to do is the difference between page and mirror.
 */

import * as z from "zod";
import { groupMirrorWritesMax } from "../domain/limits.ts";
import { pageChunks, pageWrite } from "./group-members.ts";
import {
  type Key,
  type MembershipKind,
  memberGroupsKey,
  mirrorHeadKey,
  mirrorPageKey,
  mirrorPartition,
  placeOfGroupPage,
} from "./keys.ts";
import { difference, type NumberPages, numbersOn, type PageChunks, withNumbers } from "./numbers.ts";
import type { Item, ItemsByKey, Store, Write } from "./store.ts";

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

/** Everything that is mirrored of a group, by kind. */
export async function mirroredPages(
  store: Store,
  projectId: string,
  groupId: string,
): Promise<readonly MirroredPage[]> {
  const items = await store.query({ pk: mirrorPartition(projectId, groupId) });
  return items
    .map((item) => String(item["sk"]))
    .filter((sk) => sk !== mirrorHeadKey(projectId, groupId).sk)
    .map(placeOfGroupPage)
    .map(({ kind, page }) => ({ projectId, groupId, kind, page }));
}

/**
 * The next of the transactions that bring a mirror to what its page holds; undefined when it is there. `members` are those
 * who join or leave in it.
 */
export function nextCarry(
  place: MirroredPage,
  mirrored: PageChunks,
  wanted: PageChunks,
): { readonly writes: readonly Write[]; readonly after: PageChunks } | undefined {
  const [from, to] = [pageOf(place, mirrored), pageOf(place, wanted)];
  const joining = [...numbersOn(difference(to, from))].slice(0, groupMirrorWritesMax);
  const leaving = [...numbersOn(difference(from, to))].slice(0, groupMirrorWritesMax - joining.length);
  if (joining.length + leaving.length === 0) {
    return undefined;
  }
  const after = withNumbers(from, joining, leaving).get(place.page)!;
  return {
    writes: [
      ...pageWrite(keyOfMirror(place), mirrored, after),
      ...joining.map((number) => memberWrite(place, number, "ADD")),
      ...leaving.map((number) => memberWrite(place, number, "DELETE")),
    ],
    after,
  };
}

function pageOf({ page }: MirroredPage, chunks: PageChunks): NumberPages {
  return new Map([[page, chunks]]);
}

/** Set operations, safe to repeat; that they are due says the mirror's condition in the same transaction. */
function memberWrite(
  { projectId, groupId, kind }: MirroredPage,
  number: number,
  action: "ADD" | "DELETE",
): Write {
  const attribute = memberGroupsAttributes[kind];
  return {
    update: memberGroupsKey(projectId, number),
    change: {
      expression: `${action} #groups :groups`,
      names: { "#groups": attribute },
      values: { ":groups": new Set([groupId]) },
    },
    when:
      action === "ADD"
        ? {
            expression: "attribute_not_exists(#groups) OR size(#groups) < :most",
            names: { "#groups": attribute },
            values: { ":most": groupsPerMemberMax },
          }
        : { expression: "attribute_exists(pk)" },
  };
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
