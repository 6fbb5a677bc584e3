/** Lists of groups for the admin API, walked by id or by the beginning of a name. */

import { foldCase } from "../scim/fold.ts";
import { connectionsIn } from "../table/connections.ts";
import { type GroupStep, isGroupNamePlace, walkGroups, walkGroupsByName } from "../table/group-walks.ts";
import { isIndexable } from "../table/keys.ts";
import { emptyWalk } from "../table/walk.ts";
import type { Context } from "./context.ts";
import type { Group } from "./group.ts";
import { countMembers, type GroupCounts, rostersOf } from "./group-counts.ts";
import { isConnectionOf, isGroupId } from "./ids.ts";
import { groupsCountedAtOnceMax, groupsCountedMax } from "./limits.ts";
import { managersAmong } from "./management.ts";
import type { MemberType } from "./member.ts";
import type { GroupView } from "./product-groups.ts";
import { openProject } from "./projects.ts";
import { type Page, type PageWish, type Way, walkedPage } from "./walked-page.ts";

export interface GroupQuery extends PageWish {
  /** Groups that have members of this type; those that have none at all count as of readers. */
  readonly type?: MemberType | undefined;
  readonly connectionId?: string | undefined;
  /** Prefix of displayName, in any case. */
  readonly q?: string | undefined;
}

/** 400 for an `after` that no list with the same `q` and `connectionId` gave. */
export async function listProductGroups(
  context: Context,
  projectId: string,
  query: GroupQuery,
): Promise<Page<GroupView>> {
  const [, connections] = await Promise.all([
    openProject(context, projectId),
    connectionsIn(context.store, projectId),
  ]);
  const managedBy = managersAmong(connections);
  const rosters = rostersOf(context, projectId);
  const prefix = foldCase(query.q ?? "");
  return walkedPage(wayTo(context, projectId, prefix, query), query, {
    async look({ group: read }) {
      if (!hasName(read, prefix)) {
        return undefined;
      }
      const counted = await countMembers(context, rosters, read);
      return counted !== undefined && isOfType(counted.counts, query.type)
        ? { ...counted, managedBy: managedBy(counted.group) }
        : undefined;
    },
    atOnce: groupsCountedAtOnceMax,
    looksMax: groupsCountedMax,
  });
}

function wayTo(
  { store }: Context,
  projectId: string,
  prefix: string,
  { connectionId }: GroupQuery,
): Way<GroupStep> {
  const isIdPlace = (text: string) => isGroupId(text, connectionId);
  if (!isIndexable(prefix) || (connectionId !== undefined && !isConnectionOf(projectId, connectionId))) {
    return { walk: emptyWalk, isPlace: isIdPlace };
  }
  return prefix === ""
    ? { walk: walkGroups(store, projectId, connectionId), isPlace: isIdPlace }
    : {
        walk: walkGroupsByName(store, projectId, prefix, connectionId),
        isPlace: (text) => isGroupNamePlace(text, prefix),
      };
}

/** Its name may have changed since it was found by it. */
function hasName({ displayName }: Group, prefix: string): boolean {
  return foldCase(displayName).startsWith(prefix);
}

function isOfType({ users, readers }: GroupCounts, type: MemberType | undefined): boolean {
  switch (type) {
    case undefined:
      return true;
    case "user":
      return users > 0;
    case "reader":
      return readers > 0 || users === 0;
  }
}
