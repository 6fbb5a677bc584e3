/** Projects, as the admin API sees them. */

import { notFound } from "../scim/error.ts";
import { closeProject, purgeProject } from "../table/project-removal.ts";
import { insertProject, projectsAfter, readProject, replaceProject } from "../table/projects.ts";
import { overtaken } from "../table/retry.ts";
import { createSeatPools, readSeatPools, resplitSeatPools, snapshotProject } from "../table/seat-pools.ts";
import { type Context, now } from "./context.ts";
import { isProjectId, newProjectId } from "./ids.ts";
import { changing } from "./member-change.ts";
import type { Project } from "./project.ts";
import { conflict, unavailable } from "./refusals.ts";
import { type Quotas, type SeatCounts, seatKinds, usageOf } from "./seats.ts";

export interface ProjectWithUsage {
  readonly project: Project;
  readonly usage: SeatCounts;
}

export interface ProjectPatch {
  readonly name?: string | undefined;
  readonly quotas?: { readonly [kind in keyof Quotas]?: number | null | undefined } | undefined;
}

/** A removal goes on when the DELETE is repeated; the function itself has 25 s. */
const removalBudgetMs = 18_000;

const unlimited: Quotas = { users: null, reviewers: null, readers: null };

export async function createProject(
  context: Context,
  wanted: ProjectPatch & { readonly name: string },
): Promise<ProjectWithUsage> {
  return changing(context, async () => {
    const at = now(context);
    const project: Project = {
      id: newProjectId(context.clock(), context.randomBytes),
      name: wanted.name,
      quotas: withQuotas(unlimited, wanted.quotas),
      connectionCount: 0,
      inheritanceCount: 0,
      deleting: false,
      numbersBelow: 0,
      createdAt: at,
      updatedAt: at,
      revision: 1,
    };
    const writes = [insertProject(project, context.actor), ...createSeatPools(project.id, project.quotas)];
    if ((await context.store.transact(writes)) === "overtaken") {
      overtaken();
    }
    return { project, usage: { users: 0, reviewers: 0, readers: 0 } };
  });
}

export async function getProject(context: Context, projectId: string): Promise<ProjectWithUsage> {
  const { project, pools } = isProjectId(projectId)
    ? await changing(context, () => snapshotProject(context.store, projectId))
    : { project: undefined, pools: [] };
  if (!project || project.deleting) {
    throw noSuchProject(projectId);
  }
  return { project, usage: usageOf(pools) };
}

export interface ProjectPage {
  readonly items: readonly ProjectWithUsage[];
  /** The id to go on after. */
  readonly after: string | undefined;
}

/** Oldest first. Usage is read pool by pool here; the single project gives it as of one instant. */
export async function listProjects(
  context: Context,
  after: string | undefined,
  limit: number,
): Promise<ProjectPage> {
  const read = await projectsAfter(context.store, after, limit + 1);
  const page = read.slice(0, limit).filter(({ deleting }) => !deleting);
  const items = await Promise.all(
    page.map(async (project) => ({
      project,
      usage: usageOf(await changing(context, () => readSeatPools(context.store, project.id))),
    })),
  );
  return { items, after: read.length > limit ? read[limit - 1]!.id : undefined };
}

/** Lowering a quota below its usage evicts nobody; seats are refused until usage has fallen (API.md §3). */
export async function patchProject(
  context: Context,
  projectId: string,
  patch: ProjectPatch,
): Promise<ProjectWithUsage> {
  return changing(context, async () => {
    const [before, pools] = await Promise.all([
      openProject(context, projectId),
      readSeatPools(context.store, projectId),
    ]);
    const quotas = withQuotas(before.quotas, patch.quotas);
    const resplits = seatKinds.some((kind) => quotas[kind] !== before.quotas[kind]);
    const name = patch.name ?? before.name;
    if (!resplits && name === before.name) {
      return { project: before, usage: usageOf(pools) };
    }
    const project = { ...before, name, quotas, updatedAt: now(context), revision: before.revision + 1 };
    const outcome = await context.store.transact([
      replaceProject(before, project, context.actor),
      ...(resplits ? resplitSeatPools(projectId, pools, quotas) : []),
    ]);
    return outcome === "done" ? { project, usage: usageOf(pools) } : overtaken();
  });
}

/**
 * Removes every trace of a project. One transaction closes it to everyone; the items then go in batches. Cut off in
 * between, the project is gone all the same, and a repeated DELETE removes the rest.
 */
export async function deleteProject(context: Context, projectId: string): Promise<void> {
  const closed = await changing(context, async () => {
    const project = isProjectId(projectId) ? await readProject(context.store, projectId) : undefined;
    if (!project) {
      throw noSuchProject(projectId);
    }
    if (project.deleting) {
      return project;
    }
    if (project.connectionCount > 0) {
      throw conflict(
        "not_empty",
        `The project still has ${project.connectionCount} connection(s); delete them first, then the project.`,
      );
    }
    return closeProject(context.store, project, context.actor);
  });
  const deadline = context.clock() + removalBudgetMs;
  if (!(await purgeProject(context.store, closed, () => context.clock() > deadline))) {
    throw unavailable(
      "The project is closed, and most of what it held may be gone already; repeat the DELETE to remove the rest.",
    );
  }
}

/** 404 for a project that is not there, or is on its way out. */
export async function openProject(context: Context, projectId: string): Promise<Project> {
  const project = isProjectId(projectId) ? await readProject(context.store, projectId) : undefined;
  if (!project || project.deleting) {
    throw noSuchProject(projectId);
  }
  return project;
}

function noSuchProject(projectId: string) {
  return notFound(`Project ${projectId} does not exist.`);
}

function withQuotas(quotas: Quotas, patch: ProjectPatch["quotas"]): Quotas {
  const { users = quotas.users, reviewers = quotas.reviewers, readers = quotas.readers } = patch ?? {};
  return { users, reviewers, readers };
}
