/**
 * Large groups, and who may be in them, without the rows of as many users: the same items the service writes, made by its
 * own item builders. Members without a row are shown by their ids alone, and can be put into groups five or more at a time.
 */

import { randomBytes } from "node:crypto";
import { providerActor } from "../../lambda/domain/context.ts";
import { type Group, newGroup } from "../../lambda/domain/group.ts";
import { placeOf } from "../../lambda/domain/group-changes.ts";
import { newGroupId } from "../../lambda/domain/ids.ts";
import { newMember } from "../../lambda/domain/member.ts";
import { createRuntime } from "../../lambda/runtime/runtime.ts";
import { membersItems } from "../../lambda/table/group-members.ts";
import { groupWrites, nameKey } from "../../lambda/table/groups.ts";
import { pagesOf } from "../../lambda/table/numbers.ts";
import { rosterItems } from "../../lambda/table/roster.ts";
import type { Item } from "../../lambda/table/store.ts";
import type { TestConnection, TestProject } from "./service.ts";
import type { TestTable } from "./table.ts";

const at = "2026-01-01T00:00:00.000Z";

/** Members by number. They, and no others, are the users of the connection then. */
export async function seedRoster(
  table: TestTable,
  { project, connection }: TestConnection,
  numbers: Iterable<number>,
): Promise<void> {
  const fields = { role: null, access: "none", connectionId: connection.id } as const;
  const attributes = { userName: "seeded" };
  const member = newMember({ projectId: project.id, attributes, ...fields }, at);
  const members = Array.from(numbers, (number) => ({ ...member, number, homeNumber: number }));
  await storeOf(table).place(rosterItems(members));
}

/** A group with members of these numbers; its id. */
export async function seedGroup(
  table: TestTable,
  { project, connection }: TestConnection,
  displayName: string,
  numbers: readonly number[],
): Promise<string> {
  const id = newGroupId(connection.id, Date.parse(at), randomBytes);
  const owner = { connectionId: connection.id, externalId: undefined, access: "none" } as const;
  const group = {
    ...newGroup({ projectId: project.id, id, displayName, ...owner }, at),
    size: numbers.length,
  };
  await storeOf(table).place([...itemsOf(group), ...membersItems(placeOf(group), pagesOf(numbers))]);
  return id;
}

/** Groups made by hand, nobody in them; of these names, all different. */
export async function seedProductGroups(
  table: TestTable,
  project: TestProject,
  displayNames: readonly string[],
): Promise<void> {
  const owner = { connectionId: undefined, externalId: undefined, access: "none" } as const;
  const groups = displayNames.map((displayName) => {
    const id = newGroupId(undefined, Date.parse(at), randomBytes);
    return newGroup({ projectId: project.id, id, displayName, ...owner }, at);
  });
  await storeOf(table).place(groups.flatMap(itemsOf));
}

/** As if so many groups had that name: nothing else of them is there. */
export async function seedGroupName(
  table: TestTable,
  { project, connection }: TestConnection,
  displayName: string,
  count: number,
): Promise<void> {
  const ids = Array.from({ length: count }, () => newGroupId(connection.id, Date.parse(at), randomBytes));
  await storeOf(table).place([{ ...nameKey(project.id, connection.id, displayName), groups: new Set(ids) }]);
}

/** The row, and what its name is found by. */
function itemsOf(group: Group): readonly Item[] {
  return groupWrites(undefined, group, () => [], providerActor).flatMap((write) =>
    "put" in write ? [write.put] : [],
  );
}

function storeOf({ client, tableName }: TestTable) {
  return createRuntime({ client, tableName }).context.store;
}
