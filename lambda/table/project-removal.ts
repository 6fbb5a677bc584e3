/** How a project's items go: first, in one transaction, all that lets anything new come; then the rest, in batches. */

import type { Project } from "../domain/project.ts";
import {
  blockOf,
  formerConnectionKey,
  type Key,
  membersPartition,
  namesPartition,
  projectPartition,
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

/** Removes what is left of a closed project; the project's own item last, so that this can be taken up again. */
export async function purgeProject(store: Store, project: Project): Promise<void> {
  const blocks = blockOf(project.numbersBelow) + 1;
  for (let block = 0; block < blocks; block++) {
    await purgePartition(store, membersPartition(project.id, block));
  }
  await purgePartition(store, namesPartition(project.id));
  const former = await store.query({ pk: projectPartition(project.id), prefix: "FORMER#" });
  for (const connectionId of former.map(connectionOf)) {
    await purgePartition(store, rosterPartition(connectionId));
    await purgePartition(store, referencesPartition(connectionId));
    await store.purge([formerConnectionKey(project.id, connectionId)]);
  }
  await store.transact([deleteProject(project)]);
}

/** Items read, then removed, at a time. */
const purgeChunk = 500;

async function purgePartition(store: Store, pk: string): Promise<void> {
  for (;;) {
    const items = await store.query({ pk, limit: purgeChunk });
    await store.purge(items.map(keyOf));
    if (items.length < purgeChunk) {
      return;
    }
  }
}

function keyOf(item: Item): Key {
  return { pk: String(item["pk"]), sk: String(item["sk"]) };
}

function connectionOf(item: Item): string {
  return String(item["sk"]).slice("FORMER#".length);
}
