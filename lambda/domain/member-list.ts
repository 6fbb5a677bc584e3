/**
 * Lists of members for the admin API: a walk through them by whatever is known (a prefix of a name, a connection), passing
 * by whoever is not wanted, until the page is full or enough were passed.
 */

import { foldCase } from "../scim/fold.ts";
import { connectionsIn } from "../table/connections.ts";
import { isIndexable } from "../table/keys.ts";
import {
  emptyWalk,
  isEmailPlace,
  isNamePlace,
  isNumberPlace,
  stretchLength,
  type Walk,
  walkByName,
  walkByNumber,
  walkByRoster,
} from "../table/member-walks.ts";
import type { Context } from "./context.ts";
import { isConnectionId, projectOfConnection } from "./ids.ts";
import { rowsPerAdminListMax } from "./limits.ts";
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
import { validationFailed } from "./refusals.ts";

export interface MemberQuery {
  readonly type?: MemberType | undefined;
  /** Without it, all but the deleted. */
  readonly status?: MemberStatus | undefined;
  readonly managed?: boolean | undefined;
  readonly connectionId?: string | undefined;
  /** Prefix of userName or email, in any case. */
  readonly q?: string | undefined;
  readonly limit: number;
  /** Where the page before ended. */
  readonly after?: string | undefined;
}

export interface MemberPage {
  readonly items: readonly MemberView[];
  /** Where to go on; undefined on the last page. */
  readonly after: string | undefined;
}

/** 400 for an `after` that no list with the same `q` gave. */
export async function listMembers(
  context: Context,
  projectId: string,
  query: MemberQuery,
): Promise<MemberPage> {
  const [, connections] = await Promise.all([
    openProject(context, projectId),
    connectionsIn(context.store, projectId),
  ]);
  const enabled = new Set(connections.filter(({ scimEnabled }) => scimEnabled).map(({ id }) => id));
  const prefix = foldCase(query.q ?? "");
  const { walk, isPlace } = await walkFor(context, projectId, prefix, query);
  if (query.after !== undefined && !isPlace(query.after)) {
    throw validationFailed("cursor is not one that this list gave out.", [
      { path: "cursor", message: "send nextCursor of the page before, with the same q, or leave it out" },
    ]);
  }
  const found: { readonly view: MemberView; readonly place: string }[] = [];
  let after = query.after;
  for (let passed = 0; passed < rowsPerAdminListMax; passed += stretchLength) {
    const stretch = await walk(after);
    for (const { member, place } of stretch.steps) {
      const view = viewOf(member, enabled);
      if (isWanted(view, prefix, place, query)) {
        found.push({ view, place });
      }
      // One more than asked for tells whether there is another page.
      if (found.length > query.limit) {
        return { items: views(found).slice(0, query.limit), after: found[query.limit - 1]!.place };
      }
    }
    if (stretch.end) {
      return { items: views(found), after: undefined };
    }
    after = stretch.place;
  }
  return { items: views(found), after };
}

interface Way {
  readonly walk: Walk;
  readonly isPlace: (text: string) => boolean;
}

async function walkFor(
  context: Context,
  projectId: string,
  prefix: string,
  { connectionId, status }: MemberQuery,
): Promise<Way> {
  const { store } = context;
  const byNumber = (walk: Walk): Way => ({ walk, isPlace: isNumberPlace });
  if (!isIndexable(prefix) || (connectionId !== undefined && !belongsTo(projectId, connectionId))) {
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

function belongsTo(projectId: string, connectionId: string): boolean {
  return isConnectionId(connectionId) && projectOfConnection(connectionId) === projectId;
}

function viewOf(member: Member, enabled: ReadonlySet<string>): MemberView {
  const { connectionId, deletedAt } = member;
  const isManaged = connectionId !== undefined && enabled.has(connectionId) && deletedAt === undefined;
  return { member, managedBy: isManaged ? connectionId : undefined };
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

function views(found: readonly { readonly view: MemberView }[]): readonly MemberView[] {
  return found.map(({ view }) => view);
}
