/** How a project's items go: first, in one transaction, all that lets anything new come; then the rest, in batches. */

import type { Project } from "../domain/project.ts";
import { parseNameHolders } from "./groups.ts";
import {
  activityPartition,
  failuresPartition,
  formerConnectionIdOf,
  formerConnectionKey,
  formerConnectionsOf,
  formerGroupsOf,
  groupNamesPartition,
  groupPagesPartition,
  groupsPartition,
  type Key,
  memberGroupsPartition,
  membersPartition,
  mirrorPartition,
  namesPartition,
  productRosterPartition,
  referencesPartition,
  rosterPartition,
  seatPoolKey,
} from "./keys.ts";
import { blocksIn, copiedNumbersOf } from "./number-ranges.ts";
import { deleteProject, replaceProject } from "./projects.ts";
import { overtaken } from "./retry.ts";
import { numbersBelow, readSeatPools } from "./seat-pools.ts";
import type { Item, Store } from "./store.ts";

/** Marks the project and takes its seat pools away, without which no member can be made. */
export async function closeProject(store: Store, project: Project, actor: string): Promise<Project> {
  const pools = await readSeatPools(store, project.id);
  const closed: Project = {
    ...project,
    deleting: true,
    numbersBelow: numbersBelow(pools),
    revision: project.revision + 1,
  };
  const outcome = await store.transact([
    replaceProject(project, closed, actor),
    ...pools.map((pool) => ({
      delete: seatPoolKey(project.id, pool.stripe),
      when: {
        expression: "#next = :seenNext",
        names: { "#next": "next" },
        values: { ":seenNext": pool.next },
      },
    })),
  ]);
  return outcome === "done" ? closed : overtaken();
}

/**
 * Removes what is left of a closed project; the project's own item last, so that this can be taken up again. False when
 * `expired` said stop before the end.
 */
export async function purgeProject(store: Store, project: Project, expired: () => boolean): Promise<boolean> {
  // What is carried of groups to their members goes before the members, lest it be carried to somebody who is gone.
  if (!(await purgeGroups(store, project.id, expired))) {
    return false;
  }
  const former = (await store.query(formerConnectionsOf(project.id))).map(formerConnectionIdOf);
  const own = { from: 0, below: project.numbersBelow + 1 };
  const blocks = [own, ...(await copiedNumbersOf(store, project.id))].flatMap(blocksIn);
  const partitions = [
    ...blocks.flatMap((block) => [
      membersPartition(project.id, block),
      memberGroupsPartition(project.id, block),
    ]),
    namesPartition(project.id),
    productRosterPartition(project.id),
    failuresPartition(project.id),
    activityPartition(project.id),
    ...former.flatMap((connectionId) => [rosterPartition(connectionId), referencesPartition(connectionId)]),
  ];
  for (const range of [...partitions.map((pk) => ({ pk })), formerGroupsOf(project.id)]) {
    if (!(await purgeRange(store, range, expired))) {
      return false;
    }
  }
  await store.purge(former.map((connectionId) => formerConnectionKey(project.id, connectionId)));
  await store.transact([deleteProject(project)]);
  return true;
}

/**
 * First the rows, without which nothing of a group can change any more, and what has been carried of them; then their
 * pages, found by their names; the names last, so that this can be taken up again.
 */
async function purgeGroups(store: Store, projectId: string, expired: () => boolean): Promise<boolean> {
  for (const pk of [groupsPartition(projectId), mirrorPartition(projectId)]) {
    if (!(await purgeRange(store, { pk }, expired))) {
      return false;
    }
  }
  while (!expired()) {
    const names = await store.query({ pk: groupNamesPartition(projectId), limit: namesPerChunk });
    const groupIds = names.flatMap(parseNameHolders);
    const partitions = groupIds.map((groupId) => groupPagesPartition(projectId, groupId));
    for (let start = 0; start < partitions.length; start += partitionsAtOnce) {
      const slice = partitions.slice(start, start + partitionsAtOnce);
      const gone = await Promise.all(slice.map((pk) => purgeRange(store, { pk }, expired)));
      if (gone.includes(false)) {
        return false;
      }
    }
    await store.purge(names.map(keyOf));
    if (names.length < namesPerChunk) {
      return true;
    }
  }
  return false;
}

/** Names of groups at a time: few, since one may be that of thousands. */
const namesPerChunk = 100;
/** Partitions emptied side by side. Most hold an item or none. */
const partitionsAtOnce = 32;

/** Items read, then removed, at a time. */
const purgeChunk = 1_000;

async function purgeRange(
  store: Store,
  range: { readonly pk: string; readonly prefix?: string },
  expired: () => boolean,
): Promise<boolean> {
  while (!expired()) {
    const items = await store.query({ ...range, limit: purgeChunk });
    await store.purge(items.map(keyOf));
    if (items.length < purgeChunk) {
      return true;
    }
  }
  return false;
}

function keyOf(item: Item): Key {
  return { pk: String(item["pk"]), sk: String(item["sk"]) };
}
