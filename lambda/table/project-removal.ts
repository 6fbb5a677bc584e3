/** How a project's items go: first, in one transaction, all that lets anything new come; then the rest, in batches. */

import type { Project } from "../domain/project.ts";
import {
  blockOf,
  formerConnectionIdOf,
  formerConnectionKey,
  formerConnectionsOf,
  type Key,
  membersPartition,
  namesPartition,
  referencesPartition,
  rosterPartition,
  seatPoolKey,
} from "./keys.ts";
import { deleteProject, replaceProject } from "./projects.ts";
import { overtaken } from "./retry.ts";
import { numbersBelow, readSeatPools } from "./seat-pools.ts";
import type { Item, Store } from "./store.ts";

/** Marks the project and takes its seat pools away, without which no member can be made. */
export async function closeProject(store: Store, project: Project): Promise<Project> {
  const pools = await readSeatPools(store, project.id);
  const closed: Project = {
    ...project,
    deleting: true,
    numbersBelow: numbersBelow(pools),
    revision: project.revision + 1,
  };
  const outcome = await store.transact([
    replaceProject(project, closed),
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
  const former = (await store.query(formerConnectionsOf(project.id))).map(formerConnectionIdOf);
  const partitions = [
    ...Array.from({ length: blockOf(project.numbersBelow) + 1 }, (_, block) =>
      membersPartition(project.id, block),
    ),
    namesPartition(project.id),
    ...former.flatMap((connectionId) => [rosterPartition(connectionId), referencesPartition(connectionId)]),
  ];
  for (const pk of partitions) {
    if (!(await purgePartition(store, pk, expired))) {
      return false;
    }
  }
  await store.purge(former.map((connectionId) => formerConnectionKey(project.id, connectionId)));
  await store.transact([deleteProject(project)]);
  return true;
}

/** Items read, then removed, at a time. */
const purgeChunk = 1_000;

async function purgePartition(store: Store, pk: string, expired: () => boolean): Promise<boolean> {
  while (!expired()) {
    const items = await store.query({ pk, limit: purgeChunk });
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
