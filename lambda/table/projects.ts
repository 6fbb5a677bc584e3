/** Projects: one item each, all in one partition, read and written by the admin API alone. */

import * as z from "zod";
import type { Project } from "../domain/project.ts";
import { type Key, projectKey, projectsPartition } from "./keys.ts";
import { absent, type Expression, type Item, type Store, type Write } from "./store.ts";

const quota = z.number().nullable();

const projectItem = z.object({
  id: z.string(),
  name: z.string(),
  quotas: z.object({ users: quota, reviewers: quota, readers: quota }),
  connectionCount: z.number(),
  inheritanceCount: z.number().default(0),
  deleting: z.boolean(),
  numbersBelow: z.number(),
  createdAt: z.string(),
  updatedAt: z.string(),
  revision: z.number(),
});

export async function readProject(store: Store, projectId: string): Promise<Project | undefined> {
  const key = projectKey(projectId);
  const item = (await store.read([key])).get(key);
  return item && parseProject(item);
}

/** By id; what is not there is absent. */
export async function readProjects(
  store: Store,
  projectIds: readonly string[],
): Promise<ReadonlyMap<string, Project>> {
  const items = await store.read([...new Set(projectIds)].map(projectKey));
  return new Map(
    projectIds.flatMap((id) => {
      const item = items.get(projectKey(id));
      return item ? [[id, parseProject(item)] as const] : [];
    }),
  );
}

export function parseProject(item: Item): Project {
  return projectItem.parse(item);
}

/** A page of projects after the given id, oldest first. */
export async function projectsAfter(
  store: Store,
  after: string | undefined,
  limit: number,
): Promise<readonly Project[]> {
  // A blank sorts below every id character, so `id + " "` is the smallest key after `id`.
  const items = await store.query({ pk: projectsPartition, from: after ? `${after} ` : "0", limit });
  return items.map(parseProject);
}

/** The row tells who made its last change. */
export function insertProject(project: Project, actor: string): Write {
  return { put: { ...keyOf(project), ...project, actor }, when: absent };
}

export function replaceProject(before: Project, after: Project, actor: string): Write {
  return { put: { ...keyOf(after), ...after, actor }, when: unchanged(before) };
}

export function deleteProject(project: Project): Write {
  return { delete: keyOf(project), when: unchanged(project) };
}

/** Lets a transaction hold only while the project is there, and not on its way out. */
export function projectOpen(projectId: string): Write {
  return { check: projectKey(projectId), when: { expression: "deleting = :no", values: { ":no": false } } };
}

function keyOf(project: Project): Key {
  return projectKey(project.id);
}

function unchanged(project: Project): Expression {
  return { expression: "revision = :seenRevision", values: { ":seenRevision": project.revision } };
}
