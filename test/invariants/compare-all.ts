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
import { createRuntime } from "../../lambda/runtime/runtime.ts";
import { projectsAfter } from "../../lambda/table/projects.ts";

const projectsPerRead = 100;

/**
 * What differs in any project, a line each; nothing where all is in order. What is under way is no difference. `trailing: false`
 * leaves out what the stream carries, for tables whose stream nobody has carried to its end.
 */
export async function compareAll(
  { client, tableName }: { readonly client: DynamoDBClient; readonly tableName: string },
  options: CompareOptions = {},
): Promise<readonly string[]> {
  const { context } = createRuntime({ client, tableName, sleep: async () => {} });
  const lines: string[] = [];
  for (let after: string | undefined, isEnd = false; !isEnd; ) {
    const projects = await projectsAfter(context.store, after, projectsPerRead);
    for (const { id, deleting } of projects) {
      if (!deleting)
        lines.push(...(await findingsIn(context, id, options)).filter(isDifference).map(printFinding));
    }
    after = projects.at(-1)?.id;
    isEnd = projects.length < projectsPerRead;
  }
  return lines;
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
