/** The groups members are in, as the stream handler has carried them there (`group-mirror.ts`): trailing, but cheap to read. */

import * as z from "zod";
import { type Key, memberGroupsKey } from "./keys.ts";
import type { Item, Store } from "./store.ts";

export interface MemberGroups {
  /** Ids of groups of a connection, kept under the number its user had there. */
  readonly groups: readonly string[];
  /** Ids of groups it was put in by hand, kept under its home number. */
  readonly handGroups: readonly string[];
}

export const noGroups: MemberGroups = { groups: [], handGroups: [] };

const ids = z
  .custom<ReadonlySet<string>>()
  .optional()
  .transform((set) => [...(set ?? [])].sort());

const memberGroupsItem = z.object({ groups: ids, handGroups: ids });

export function parseMemberGroups(item: Item | undefined): MemberGroups {
  return item === undefined ? noGroups : memberGroupsItem.parse(item);
}

/** What is kept under each of the numbers: a read unit and more each, one round trip. */
export async function readMemberGroups(
  store: Store,
  projectId: string,
  numbers: readonly number[],
): Promise<ReadonlyMap<number, MemberGroups>> {
  const keys = new Map<number, Key>(numbers.map((number) => [number, memberGroupsKey(projectId, number)]));
  const items = keys.size > 0 ? await store.read([...keys.values()]) : undefined;
  return new Map([...keys].map(([number, key]) => [number, parseMemberGroups(items?.get(key))]));
}
