/**
 * What a child could not take heals when its cause is gone: a change in the child's project that may have freed a seat or a
 * name, or changed a type, asks for another look at what failed. The activity handler sees every such change.
 */

import { connectionsIn } from "../table/connections.ts";
import { wantHealing } from "../table/copy-jobs.ts";
import { failuresIn } from "../table/sync-failures.ts";
import type { ActivityEntry } from "./activity-entry.ts";
import type { Context } from "./context.ts";
import type { Project } from "./project.ts";

/** Asks for it in each of these projects where something failed. Two read units for a project that inherits, none for any other. */
export async function healWhatFailed(
  { store }: Context,
  projects: readonly Project[],
  entries: readonly ActivityEntry[],
): Promise<void> {
  const freed = new Set(entries.filter(mayFree).map(({ projectId }) => projectId));
  const concerned = projects.filter(({ id, inheritanceCount }) => inheritanceCount > 0 && freed.has(id));
  for (const { id } of concerned) {
    const children = (await connectionsIn(store, id)).filter(({ inheritance }) => inheritance !== undefined);
    for (const child of children) {
      const [failure] = await failuresIn(store, id, child.id, 1);
      if (failure !== undefined) {
        await wantHealing(store, child.id);
      }
    }
  }
}

/** Names, types and roles are what people stand in one another's way with; so are seats, which quotas make. */
const freeing = new Set(["userName", "emails", "isTeamAccount", "role"]);

function mayFree({ action, changes }: ActivityEntry): boolean {
  switch (action) {
    case "member.deactivated":
    case "member.deleted":
    case "member.unlinked":
    case "project.updated":
    // Others' SCIM was switched off, or they are gone.
    case "connection.updated":
    case "connection.deleted":
      return true;
    case "member.updated":
    case "member.linked":
      return changes.some((name) => freeing.has(name));
    default:
      return false;
  }
}
