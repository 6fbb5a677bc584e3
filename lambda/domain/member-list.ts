/** Lists of members for the admin API, walked by whatever is known: a prefix of a name, a connection, or nothing. */

import { foldCase } from "../scim/fold.ts";
import { connectionsIn } from "../table/connections.ts";
import { isIndexable } from "../table/keys.ts";
import {
  isEmailPlace,
  isNamePlace,
  isNumberPlace,
  type MemberStep,
  walkByName,
  walkByNumber,
  walkByRoster,
} from "../table/member-walks.ts";
import { emptyWalk, type Walk } from "../table/walk.ts";
import type { Context } from "./context.ts";
import { isConnectionOf } from "./ids.ts";
import { managersAmong } from "./management.ts";
import {
  emailOf,
  type Member,
  type MemberStatus,
  type MemberType,
  statusOf,
  typeOf,
  userNameOf,
} from "./member.ts";
import { changing } from "./member-change.ts";
import type { MemberView } from "./members.ts";
import { openProject } from "./projects.ts";
import { type Page, type PageWish, type Way, walkedPage } from "./walked-page.ts";

export interface MemberQuery extends PageWish {
  readonly type?: MemberType | undefined;
  /** Without it, all but the deleted. */
  readonly status?: MemberStatus | undefined;
  readonly managed?: boolean | undefined;
  readonly connectionId?: string | undefined;
  /** Prefix of userName or email, in any case. */
  readonly q?: string | undefined;
}

/** 400 for an `after` that no list with the same `q` gave. */
export async function listMembers(
  context: Context,
  projectId: string,
  query: MemberQuery,
): Promise<Page<MemberView>> {
  const [, connections] = await Promise.all([
    openProject(context, projectId),
    connectionsIn(context.store, projectId),
  ]);
  const managedBy = managersAmong(connections);
  const prefix = foldCase(query.q ?? "");
  const way = await wayTo(context, projectId, prefix, query);
  return walkedPage(way, query, {
    look({ member, place }) {
      const view = { member, managedBy: managedBy(member) };
      return isWanted(view, prefix, place, query) ? view : undefined;
    },
  });
}

async function wayTo(
  context: Context,
  projectId: string,
  prefix: string,
  { connectionId, status }: MemberQuery,
): Promise<Way<MemberStep>> {
  const { store } = context;
  const byNumber = (walk: Walk<MemberStep>) => ({ walk, isPlace: isNumberPlace });
  if (!isIndexable(prefix) || (connectionId !== undefined && !isConnectionOf(projectId, connectionId))) {
    return byNumber(emptyWalk);
  }
  // Names and rosters lead to live members alone.
  if (status === "deleted") {
    return byNumber(await changing(context, () => walkByNumber(store, projectId)));
  }
  if (prefix !== "") {
    return { walk: walkByName(store, projectId, prefix), isPlace: (text) => isNamePlace(text, prefix) };
  }
  if (connectionId !== undefined) {
    return byNumber(await walkByRoster(store, projectId, connectionId));
  }
  return byNumber(await changing(context, () => walkByNumber(store, projectId)));
}

function isWanted(
  { member, managedBy }: MemberView,
  prefix: string,
  place: string,
  query: MemberQuery,
): boolean {
  const status = statusOf(member);
  return (
    (query.status === undefined ? status !== "deleted" : status === query.status) &&
    (query.type === undefined || query.type === typeOf(member.attributes)) &&
    (query.managed === undefined || query.managed === (managedBy !== undefined)) &&
    (query.connectionId === undefined || query.connectionId === member.connectionId) &&
    (prefix === "" || hasName(member, prefix, place))
  );
}

/** By userName or email; on the second half of the walk by name, only by email: the others came in the first. */
function hasName(member: Member, prefix: string, place: string): boolean {
  const byUserName = foldCase(userNameOf(member.attributes)).startsWith(prefix);
  const byEmail = foldCase(emailOf(member.attributes) ?? "").startsWith(prefix);
  return isEmailPlace(place) ? byEmail && !byUserName : byUserName || (byEmail && isNumberPlace(place));
}
