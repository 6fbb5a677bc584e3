/** The product's own comparison (`lambda/domain/compare.ts`) over a whole table: beside the auditor, whose findings it should share. */

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import {
  type CompareOptions,
  type ComparePlace,
  type Comparison,
  compareProject,
  comparisonStart,
} from "../../lambda/domain/compare.ts";
import { type Finding, isDifference } from "../../lambda/domain/compare-finding.ts";
import type { Context } from "../../lambda/domain/context.ts";
import { usageOf } from "../../lambda/domain/seats.ts";
import { createRuntime } from "../../lambda/runtime/runtime.ts";
import { projectsAfter } from "../../lambda/table/projects.ts";
import { readSeatPools } from "../../lambda/table/seat-pools.ts";

const projectsPerRead = 100;

export interface CompareAllOptions extends CompareOptions {
  /** Only so many projects, spread over all, and none with more seats in use: where all would take too long. Default: all. */
  readonly projectsMax?: number;
  readonly seatsMax?: number;
}

/**
 * What differs in any project, a line each; nothing where all is in order. What is under way is no difference. `trailing: false`
 * leaves out what the stream carries, for tables whose stream nobody has carried to its end.
 */
export async function compareAll(
  { client, tableName }: { readonly client: DynamoDBClient; readonly tableName: string },
  { projectsMax = Number.POSITIVE_INFINITY, seatsMax, ...options }: CompareAllOptions = {},
): Promise<readonly string[]> {
  const { context } = createRuntime({ client, tableName, sleep: async () => {} });
  const ids = await projectIds(context);
  const stride = Math.max(1, Math.ceil(ids.length / projectsMax));
  const lines: string[] = [];
  for (const id of ids.filter((_, index) => index % stride === 0)) {
    if (seatsMax !== undefined && (await seatsUsed(context, id)) > seatsMax) continue;
    lines.push(...(await findingsIn(context, id, options)).filter(isDifference).map(printFinding));
  }
  return lines;
}

/** Of those that are not on their way out. */
async function projectIds({ store }: Context): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let after: string | undefined, isEnd = false; !isEnd; ) {
    const projects = await projectsAfter(store, after, projectsPerRead);
    ids.push(...projects.filter(({ deleting }) => !deleting).map(({ id }) => id));
    after = projects.at(-1)?.id;
    isEnd = projects.length < projectsPerRead;
  }
  return ids;
}

async function seatsUsed({ store }: Context, projectId: string): Promise<number> {
  const { users, reviewers, readers } = usageOf(await readSeatPools(store, projectId));
  return users + reviewers + readers;
}

/** Of one project, to the end of the walk. */
export async function findingsIn(
  context: Context,
  projectId: string,
  options: CompareOptions = {},
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (let place: ComparePlace | undefined = comparisonStart; place !== undefined; ) {
    const part: Comparison = await compareProject(context, projectId, place, options);
    findings.push(...part.findings);
    place = part.next;
  }
  return findings;
}

function printFinding({ kind, projectId, connectionId, resourceId, what }: Finding): string {
  return `${kind}: ${what} (${[resourceId, connectionId].filter((id) => id !== undefined).join(" of ")}, project ${projectId})`;
}
