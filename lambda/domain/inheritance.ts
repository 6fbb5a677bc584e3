/**
 * Links of children to their parent (API.md §5): made, shown and cut here. What is carried over them: `copying.ts`.
 *
 * A child keeps its name alone. Its settings are its parent's, read with it every time.
 */

import {
  connectionsIn,
  countChild,
  insertConnection,
  readConnection,
  readConnections,
} from "../table/connections.ts";
import {
  childrenOf,
  deleteCopyJob,
  insertCopyJob,
  linkChild,
  readCopyJob,
  readCopyJobs,
  replaceCopyJob,
  unlinkChild,
} from "../table/copy-jobs.ts";
import { readProjects } from "../table/projects.ts";
import { overtaken } from "../table/retry.ts";
import type { Write } from "../table/store.ts";
import { failuresIn } from "../table/sync-failures.ts";
import { type Connection, type Inheritance, projectIdOf } from "./connection.ts";
import { type Context, now } from "./context.ts";
import { type CopyJob, newCopyJob, restarted } from "./copy-job.ts";
import { isConnectionId, newConnectionId, projectOfConnection } from "./ids.ts";
import { childrenMax, failuresListedMax, inheritancesPerProjectMax } from "./limits.ts";
import { changing } from "./member-change.ts";
import type { Project } from "./project.ts";
import { conflict, validationFailed } from "./refusals.ts";
import type { Page, PageWish } from "./walked-page.ts";

/** How far a child is behind its parent. */
export interface Sync
  extends Pick<
    CopyJob,
    "usersDone" | "usersTotal" | "groupsDone" | "groupsTotal" | "startedAt" | "finishedAt"
  > {
  readonly state: "backfilling" | "in_sync" | "degraded";
  /** What the child could not take. */
  readonly failures: number;
}

export interface ChildConnection {
  readonly connection: Connection;
  readonly projectName: string;
  readonly sync: Sync;
}

/** What of a connection a child has from its parent: 409 for whoever would set it here. */
export function inheritedSetting(what: string): Error {
  return conflict(
    "inherited_setting",
    `${what} of this connection is inherited; change it at the parent connection, and it holds here at once.`,
  );
}

/** The child, and what else has to be written for it to be one; 400 for a parent that is none. */
export async function newChild(
  context: Context,
  project: Project,
  { name, parentId }: { readonly name: string; readonly parentId: string },
): Promise<{ readonly child: Connection; readonly project: Project; readonly writes: readonly Write[] }> {
  const { store } = context;
  const [parent, siblings] = await Promise.all([
    isConnectionId(parentId) ? readConnection(store, parentId) : undefined,
    connectionsIn(store, project.id),
  ]);
  assertInheritable(project, parentId, parent, siblings);
  const at = now(context);
  const ordinal = project.inheritanceCount + 1;
  const inheritance: Inheritance = { parentId, parentRevision: parent.revision + 1, ordinal };
  const id = newConnectionId(project.id, context.randomBytes);
  const child: Connection = {
    ...parent,
    id,
    name,
    tokens: [],
    cursorSecret: "",
    inheritance,
    childCount: 0,
    heirsSince: 0,
    markedSince: 0,
    syncEpoch: 0,
    createdAt: at,
    updatedAt: at,
    revision: 1,
  };
  return {
    child,
    project: { ...project, inheritanceCount: ordinal },
    writes: [
      insertConnection(child, context.actor),
      countChild(parent, 1, childrenMax, { actor: context.actor, at }),
      linkChild(parentId, { childId: id, ordinal }),
      insertCopyJob(newCopyJob({ childId: id, parentId, epoch: parent.syncEpoch }, at)),
    ],
  };
}

function assertInheritable(
  project: Project,
  parentId: string,
  parent: Connection | undefined,
  siblings: readonly Connection[],
): asserts parent is Connection {
  const refuse = (message: string) =>
    validationFailed(`inheritsFrom is not valid: ${message}.`, [{ path: "inheritsFrom", message }]);
  if (parent === undefined) {
    throw refuse("there is no such connection; send the id of a root connection");
  }
  if (parent.inheritance !== undefined) {
    throw refuse(
      `it inherits itself; send the id of its parent, ${parent.inheritance.parentId}, since there is one level only`,
    );
  }
  if (projectIdOf(parent) === project.id) {
    throw refuse("it is of the same project, which has its users already; inherit into another project");
  }
  if (siblings.some(({ inheritance }) => inheritance?.parentId === parentId)) {
    throw conflict(
      "already_inherits",
      "Another connection of this project inherits from the same parent already, and would have the same users; use that one.",
    );
  }
  if (parent.childCount >= childrenMax) {
    throw conflict(
      "too_many_children",
      `A connection has at most ${childrenMax} children; delete one that is no longer used.`,
    );
  }
  if (project.inheritanceCount >= inheritancesPerProjectMax) {
    throw conflict(
      "too_many_connections",
      `A project can have inherited at most ${inheritancesPerProjectMax} times in its life; create another project.`,
    );
  }
}

/** What has to be written beside a child's own deletion. */
export async function unlinking(
  context: Context,
  { id }: Connection,
  { parentId }: Inheritance,
): Promise<readonly Write[]> {
  const parent = await readConnection(context.store, parentId);
  if (parent === undefined) {
    return overtaken();
  }
  const note = { actor: context.actor, at: now(context) };
  return [countChild(parent, -1, childrenMax, note), unlinkChild(parentId, id), deleteCopyJob(id)];
}

/** Of a child; undefined for a root. */
export async function syncOf(context: Context, connection: Connection): Promise<Sync | undefined> {
  if (connection.inheritance === undefined) {
    return undefined;
  }
  const job = await readCopyJob(context.store, connection.id);
  return job && (await syncFrom(context, job));
}

/** Has everything of the parent looked at again, whatever was lost. Of a root: 409, since it has nobody to copy from. */
export async function syncAgain(context: Context, connection: Connection): Promise<Sync> {
  if (connection.inheritance === undefined) {
    throw conflict(
      "not_inherited",
      "This connection inherits from no other; let its identity provider run a full sync instead.",
    );
  }
  const { store } = context;
  const begun = await changing(context, async () => {
    const job = (await readCopyJob(store, connection.id)) ?? overtaken();
    const again = restarted(job, job.epoch, now(context));
    return (await store.transact([replaceCopyJob(job, again)])) === "done" ? again : overtaken();
  });
  return syncFrom(context, begun);
}

async function syncFrom(context: Context, job: CopyJob): Promise<Sync> {
  const { childId, usersDone, usersTotal, groupsDone, groupsTotal, startedAt, finishedAt } = job;
  const projectId = projectOfConnection(childId);
  const failures = (await failuresIn(context.store, projectId, childId, failuresListedMax)).length;
  const settled = failures > 0 ? "degraded" : "in_sync";
  return {
    state: job.phase === "done" ? settled : "backfilling",
    usersDone,
    usersTotal,
    groupsDone,
    groupsTotal,
    failures,
    startedAt,
    finishedAt,
  };
}

/** A page of a parent's children, by the time their projects were made. */
export async function listChildren(
  context: Context,
  parent: Connection,
  { limit, after }: PageWish,
): Promise<Page<ChildConnection>> {
  const { store } = context;
  const links = await childrenOf(store, parent.id, { after, limit: limit + 1 });
  const ids = links.map(({ childId }) => childId);
  const page = ids.slice(0, limit);
  const [connections, jobs, projects] = await Promise.all([
    readConnections(store, page),
    readCopyJobs(store, page),
    readProjects(store, page.map(projectOfConnection)),
  ]);
  const items = await Promise.all(
    connections.map(async (connection) => {
      const job = jobs.get(connection.id);
      const project = projects.get(projectIdOf(connection));
      return job && project
        ? [{ connection, projectName: project.name, sync: await syncFrom(context, job) }]
        : [];
    }),
  );
  return { items: items.flat(), after: ids.length > limit ? page.at(-1) : undefined };
}
