/**
 * What is still to be copied from a parent connection to a child: one item each, which says how far it has come. Each of its
 * updates rings the stream handler again, which takes the next slice, until all is done.
 */

import * as z from "zod";
import { type CopyJob, copyPhases } from "../domain/copy-job.ts";
import { childLinkKey, childrenPartition, copyJobKey } from "./keys.ts";
import { absent, assignments, type Item, present, removal, type Store, type Write } from "./store.ts";

const jobItem = z.object({
  childId: z.string(),
  parentId: z.string(),
  epoch: z.number(),
  phase: z.enum(copyPhases),
  place: z.string().optional(),
  usersDone: z.number(),
  usersTotal: z.number(),
  groupsDone: z.number(),
  groupsTotal: z.number(),
  healWanted: z.number(),
  healDone: z.number(),
  healPlace: z.string().optional(),
  startedAt: z.string(),
  finishedAt: z.string().optional(),
  revision: z.number(),
});

export function parseCopyJob(item: Item): CopyJob {
  return { place: undefined, finishedAt: undefined, healPlace: undefined, ...jobItem.parse(item) };
}

export async function readCopyJob(store: Store, childId: string): Promise<CopyJob | undefined> {
  const key = copyJobKey(childId);
  const item = (await store.read([key])).get(key);
  return item && parseCopyJob(item);
}

/** By child; what is not there is absent. */
export async function readCopyJobs(
  store: Store,
  childIds: readonly string[],
): Promise<ReadonlyMap<string, CopyJob>> {
  const items = await store.read(childIds.map(copyJobKey));
  return new Map(
    childIds.flatMap((childId) => {
      const item = items.get(copyJobKey(childId));
      return item ? [[childId, parseCopyJob(item)] as const] : [];
    }),
  );
}

export function insertCopyJob(job: CopyJob): Write {
  return { put: copyJobItem(job), when: absent };
}

/** How far it has come, under the condition that nobody else has noted that; what was asked for meanwhile stays asked for. */
export function replaceCopyJob(before: CopyJob, after: CopyJob): Write {
  const { childId, parentId: _, healWanted: __, ...fields } = { ...after, revision: before.revision + 1 };
  const { set, removed, names, values } = assignments(fields);
  return {
    update: copyJobKey(childId),
    change: { expression: `SET ${set}${removal(removed)}`, names, values },
    when: { expression: "revision = :seenRevision", values: { ":seenRevision": before.revision } },
  };
}

/** Whatever state it is in. */
export function deleteCopyJob(childId: string): Write {
  return { delete: copyJobKey(childId), when: present };
}

function copyJobItem(job: CopyJob): Item {
  return { ...copyJobKey(job.childId), ...job };
}

/** A parent's word of a child: all that copying has to know of it. */
export interface ChildLink {
  readonly childId: string;
  readonly ordinal: number;
  /** Whether there may be open sync failures of it. */
  readonly failing: boolean;
}

export function linkChild(parentId: string, { childId, ordinal }: Omit<ChildLink, "failing">): Write {
  return { put: { ...childLinkKey(parentId, childId), ordinal }, when: absent };
}

/** Before a failure is noted: so whoever succeeds afterwards looks for it. */
export async function noteFailing(store: Store, parentId: string, childId: string): Promise<void> {
  await store.update(
    childLinkKey(parentId, childId),
    { expression: "SET failing = :yes", values: { ":yes": true } },
    present,
  );
}

export function unlinkChild(parentId: string, childId: string): Write {
  return { delete: childLinkKey(parentId, childId), when: present };
}

const linkItem = z.object({ sk: z.string(), ordinal: z.number(), failing: z.boolean().default(false) });

export async function readLink(
  store: Store,
  parentId: string,
  childId: string,
): Promise<ChildLink | undefined> {
  const key = childLinkKey(parentId, childId);
  const item = (await store.read([key])).get(key);
  return item && linkIn(item);
}

function linkIn(item: Item): ChildLink {
  const { sk, ordinal, failing } = linkItem.parse(item);
  return { childId: sk, ordinal, failing };
}

/** Asks for a look at what failed; nothing where the child has gone. */
export async function wantHealing(store: Store, childId: string): Promise<void> {
  await store.update(
    copyJobKey(childId),
    { expression: "ADD healWanted :one", values: { ":one": 1 } },
    present,
  );
}

/** A parent's children, in the order of their ids, from behind the one given; all of them without a limit. */
export async function childrenOf(
  store: Store,
  parentId: string,
  page: { readonly after?: string | undefined; readonly limit?: number } = {},
): Promise<readonly ChildLink[]> {
  const items = await store.query({
    pk: childrenPartition(parentId),
    ...(page.after !== undefined && { after: page.after }),
    ...(page.limit !== undefined && { limit: page.limit }),
  });
  return items.map(linkIn);
}
