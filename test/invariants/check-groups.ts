/** The auditor's part on groups: their rows, their members, the names and externalIds they are found by. */

import { inheritanceOf } from "./check-inheritances.ts";
import type { TableCheck } from "./check-table.ts";
import {
  foldForCheck,
  type GroupPage,
  type JsonObject,
  objectOf,
  printKey,
  product,
  projectIdLength,
  type Report,
  type Tenant,
  textOf,
} from "./table-contents.ts";

/** A group as its row tells. */
interface GroupRow {
  readonly id: string;
  readonly displayName: string;
  readonly externalId: string | undefined;
  readonly connectionId: string | undefined;
  /** The end of its connection's id, or as many zeros: begins its id, and ends the key of its name. */
  readonly owner: string;
  readonly generation: string;
  readonly aside: string | undefined;
  readonly size: number;
  readonly hidden: boolean;
}

export function checkGroups(tenant: Tenant, check: TableCheck, report: Report): void {
  const groups = new Map([...tenant.groups].map(([id, item]) => [id, groupRowOf(id, item)]));
  for (const group of groups.values()) checkRow(tenant, group, check, report);
  checkPages(tenant, groups, check, report);
  checkGroupNames(tenant, groups, check, report);
  checkExternalIds(tenant, groups, report);
  checkFormer(tenant, report);
}

/** Word of a deleted group is of one that is gone, and goes by itself a year later. */
function checkFormer(tenant: Tenant, report: Report): void {
  for (const [id, { displayName, at, expiresAtSeconds }] of tenant.formerGroups) {
    if (tenant.groups.has(id)) report(`groups: ${id} is both there and gone`);
    const isKept = Number(expiresAtSeconds) >= Number(at) / 1_000 + 365 * 86_400;
    if (typeof displayName !== "string" || !isKept) report(`groups: word of ${id} does not tell its name`);
  }
}

function groupRowOf(id: string, item: JsonObject): GroupRow {
  const connectionId = textOf(item["connectionId"]);
  return {
    id,
    displayName: String(item["displayName"]),
    externalId: textOf(item["externalId"]),
    connectionId,
    owner: connectionId?.slice(projectIdLength) ?? "00000000",
    generation: String(item["generation"]),
    aside: textOf(objectOf(item["aside"])["generation"]),
    size: Number(item["size"]),
    hidden: item["hidden"] === true,
  };
}

function checkRow(tenant: Tenant, group: GroupRow, check: TableCheck, report: Report): void {
  const { id, connectionId, owner, aside, generation, hidden } = group;
  if (!id.startsWith(owner)) report(`groups: ${id} is one of ${connectionId ?? product}, its id is not`);
  const isKnown =
    connectionId === undefined ||
    tenant.connections.has(connectionId) ||
    tenant.formerConnections.has(connectionId);
  if (!isKnown) report(`groups: ${id} belongs to connection ${connectionId}, which never was`);
  if (hidden !== (aside === generation)) report(`groups: ${id} is hidden, or has its own set aside`);
  if (!check.tidyingPending && (hidden || aside !== undefined)) report(`groups: ${id} is to be tidied up`);
}

function checkPages(
  tenant: Tenant,
  groups: ReadonlyMap<string, GroupRow>,
  check: TableCheck,
  report: Report,
): void {
  const sizes = new Map<string, number>();
  for (const page of tenant.groupPages) {
    const where = `${page.kind} page ${page.page} of ${page.group}`;
    const group = groups.get(page.group);
    // A copy of nobody is word of which version it is.
    if (page.numbers.length === 0 && !page.isCopy) report(`groups: ${where} holds nobody`);
    if (group === undefined) {
      if (!check.tidyingPending) report(`groups: ${where} is left of a group that is gone`);
    } else if (page.kind === "S") {
      if (page.generation === group.generation) {
        sizes.set(group.id, (sizes.get(group.id) ?? 0) + page.numbers.length);
      } else if (page.generation !== group.aside) {
        report(`groups: ${where} is of generation ${page.generation}, which nothing leads to`);
      }
      checkUsers(tenant, group, page, report);
    } else {
      for (const number of page.numbers) {
        if (!tenant.rows.has(number)) report(`groups: ${where} holds ${number}, which is no one`);
      }
    }
  }
  for (const { id, size, hidden } of groups.values()) {
    const held = sizes.get(id) ?? 0;
    if (size !== held && !hidden) report(`groups: ${id} has ${held} members, its row says ${size}`);
  }
}

/** What SCIM put in is, or was once, a user of the group's connection. */
function checkUsers(tenant: Tenant, group: GroupRow, { numbers, page }: GroupPage, report: Report): void {
  const { connectionId } = group;
  if (connectionId === undefined) {
    report(`groups: ${group.id} is the product's, yet has members by SCIM`);
    return;
  }
  const ordinal =
    tenant.connections.get(connectionId)?.["ordinal"] ??
    tenant.formerConnections.get(connectionId)?.["ordinal"];
  for (const number of numbers) {
    if (ordinal !== undefined && inheritanceOf(number) === ordinal) continue;
    const isUser = (type: string): boolean => tenant.rosterBits.has(`${connectionId} ${type} ${number}`);
    if (!isUser("reader") && !isUser("user") && !tenant.departed.get(connectionId)?.has(number)) {
      report(`groups: page ${page} of ${group.id} holds ${number}, never a user of ${connectionId}`);
    }
  }
}

function checkGroupNames(
  tenant: Tenant,
  groups: ReadonlyMap<string, GroupRow>,
  check: TableCheck,
  report: Report,
): void {
  const wanted = Map.groupBy(
    groups.values(),
    ({ displayName, owner }) => `${foldForCheck(displayName)}\u001f${owner}`,
  );
  for (const [key, holders] of wanted) {
    const ids = holders.map(({ id }) => id).sort();
    const found = tenant.groupNames.get(key) ?? [];
    if (found.join() !== ids.join()) {
      report(`group names: ${printKey(key)} is the name of ${ids}, kept for ${found}`);
    }
    const connection = tenant.connections.get(holders[0]!.connectionId ?? "");
    if (connection?.["uniqueGroupNames"] === true && ids.length > 1 && !check.groupNamesWereFree) {
      report(`group names: ${printKey(key)} is the name of ${ids}, where names are unique`);
    }
  }
  for (const key of tenant.groupNames.keys()) {
    if (!wanted.has(key)) report(`group names: ${printKey(key)} is the name of no group`);
  }
}

function checkExternalIds(tenant: Tenant, groups: ReadonlyMap<string, GroupRow>, report: Report): void {
  const wanted = new Map<string, string>();
  for (const { id, externalId, connectionId } of groups.values()) {
    if (externalId !== undefined && connectionId !== undefined) {
      wanted.set(`${connectionId} groupExternalId#${externalId}\u001f${id}`, id);
    }
  }
  for (const [key, id] of wanted) {
    if (tenant.groupExternalIds.get(key)?.["group"] !== id) {
      report(`pointers: group ${printKey(key)} is missing`);
    }
  }
  for (const key of tenant.groupExternalIds.keys()) {
    if (!wanted.has(key)) report(`pointers: group ${printKey(key)} leads to no such group`);
  }
}

/**
 * What the stream handler derives. A mirror and the members' own words of their groups change in one transaction, so they
 * agree whenever one looks, also where it has not caught up with the groups.
 */
export function checkDerived({ derived }: Tenant, report: Report): void {
  const wanted = new Map<number, { readonly groups: Set<string>; readonly handGroups: Set<string> }>();
  for (const [key, numbers] of derived.mirrors) {
    const [group = "", sk = ""] = key.split(" ");
    for (const number of numbers) {
      const sets = wanted.get(number) ?? { groups: new Set(), handGroups: new Set() };
      wanted.set(number, sets);
      sets[sk.startsWith("H") ? "handGroups" : "groups"].add(group);
    }
  }
  for (const number of new Set([...wanted.keys(), ...derived.memberGroups.keys()])) {
    for (const name of ["groups", "handGroups"] as const) {
      const found = (derived.memberGroups.get(number)?.[name] as readonly string[] | undefined) ?? [];
      const ids = [...(wanted.get(number)?.[name] ?? [])].sort();
      if (found.join() !== ids.join()) report(`derived: ${number} has ${name} ${found}, mirrored are ${ids}`);
    }
  }
}
