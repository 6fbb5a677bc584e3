/**
 * The stream handler's work: a changed item rings, and what is derived from it is brought to what it says now. Nothing is
 * taken from the record but its key, so that records may be lost for a while, come twice, late or in any order.
 *
 * Derived are the groups each member is in (`carried-memberships.ts`) and the copies that children have of their parent's
 * users and groups (`copying.ts`).
 */

import { childOfJobKey, connectionOfKey, groupOfKey, type Key, memberOfKey } from "../table/keys.ts";
import { carryGroup, carryPage } from "./carried-memberships.ts";
import { type Context, inheritedActor } from "./context.ts";
import { resumeCopying, resumeJob } from "./copy-jobs.ts";
import { carryGroupsEnd, carryGroupToHeirs, carryMemberToHeirs } from "./copying.ts";

/**
 * Carries one changed item to whatever is derived from it. The key is all that is known of the change: what there is to
 * do is decided by what the item, and what has been carried before, look like now. So it does no harm to be called twice,
 * late, in any order, or for a key that nothing is derived from.
 *
 * Throws what kept it from being done; it is then called again.
 */
export async function carryChange(caller: Context, key: Key): Promise<void> {
  const context = { ...caller, actor: inheritedActor };
  const member = memberOfKey(key);
  if (member !== undefined) {
    return carryMemberToHeirs(context, member.projectId, member.number);
  }
  const childId = childOfJobKey(key);
  if (childId !== undefined) {
    return resumeJob(context, childId);
  }
  const connectionId = connectionOfKey(key);
  if (connectionId !== undefined) {
    return resumeCopying(context, connectionId);
  }
  const changed = groupOfKey(key);
  if (changed === undefined) {
    return;
  }
  const { projectId, groupId, page } = changed;
  if (page === undefined) {
    const group = await carryGroup(context, projectId, groupId);
    // Of copies but their end rings: one that is there again may not have been finished.
    return group === undefined || group.sourceRevision !== undefined
      ? carryGroupsEnd(context, projectId, groupId)
      : carryGroupToHeirs(context, projectId, groupId);
  }
  const isThere = await carryPage(context, { projectId, groupId, kind: page.kind, page: page.page });
  if (!isThere) {
    // Put there by a writer that did not know yet, and did not live to remove it.
    await context.store.purge([key]);
  } else if (page.kind === "S") {
    await carryGroupToHeirs(context, projectId, groupId, page.page);
  }
}
