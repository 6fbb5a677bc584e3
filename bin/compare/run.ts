import {
  type ComparePlace,
  type Comparison,
  compareProject,
  comparisonStart,
  sum,
} from "../../lambda/domain/compare.ts";
import { type Finding, isDifference, remedyFor } from "../../lambda/domain/compare-finding.ts";
import type { Context } from "../../lambda/domain/context.ts";

/** Walks a project to its end, and prints a line for each finding as it comes, then a summary. True without a difference. */
export async function runComparison(
  context: Context,
  projectId: string,
  print: (line: string) => void,
): Promise<boolean> {
  let checked = { members: 0, groups: 0, children: 0 };
  let differences = 0;
  let underWay = 0;
  for (let place: ComparePlace | undefined = comparisonStart; place !== undefined; ) {
    const part: Comparison = await compareProject(context, projectId, place);
    for (const finding of part.findings) {
      print(lineOf(finding));
      if (isDifference(finding)) differences++;
      else underWay++;
    }
    checked = sum(checked, part.checked);
    place = part.next;
  }
  const { members, groups, children } = checked;
  print(
    `Compared ${members} members, ${groups} groups, ${children} links of project ${projectId}: ` +
      `${differences} differences, ${underWay} under way.`,
  );
  return differences === 0;
}

function lineOf(finding: Finding): string {
  const { kind, projectId, connectionId, resourceId, what } = finding;
  const whose = [
    ...(resourceId === undefined ? [] : [resourceId]),
    ...(connectionId === undefined ? [] : [`connection ${connectionId}`]),
    `project ${projectId}`,
  ];
  return `${kind}: ${whose.join(", ")}: ${what}. ${remedyFor(kind)}`;
}
