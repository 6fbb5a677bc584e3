/** What of the stream handler's work concerns the leavings of writers that died: done here for a whole table at once. */

import { purgeMembers, tidyGroup } from "../../lambda/domain/group-changes.ts";
import { createRuntime } from "../../lambda/runtime/runtime.ts";
import { readGroupRow } from "../../lambda/table/groups.ts";
import { groupOfKey, type Key } from "../../lambda/table/keys.ts";
import type { TestTable } from "../support/table.ts";
import { type RawItem, scanTable } from "./table-contents.ts";

/** As of `clock`; what is not due then stays. */
export async function tidyUp(table: TestTable, clock: () => number): Promise<void> {
  const { context } = createRuntime({ ...table, clock, sleep: async () => {} });
  const groups = groupsIn(await scanTable(table.client, table.tableName));
  for (const { projectId, groupId } of groups) {
    const row = await readGroupRow(context.store, projectId, groupId);
    await (row === undefined ? purgeMembers(context, projectId, groupId) : tidyGroup(context, row));
  }
}

/** The keys of the rows of all groups of which anything is there, the row itself or not: what a stream would ring with. */
export function rowKeysOf(items: readonly RawItem[]): readonly Key[] {
  return groupsIn(items).map(({ projectId, groupId }) => ({ pk: `G#${projectId}`, sk: groupId }));
}

function groupsIn(items: readonly RawItem[]) {
  const found = items.flatMap(({ pk, sk }) => groupOfKey({ pk: pk!.S!, sk: sk!.S! }) ?? []);
  return [...new Map(found.map((group) => [group.groupId, group])).values()];
}
