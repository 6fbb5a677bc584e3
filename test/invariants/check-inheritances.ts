/** The auditor's part on inheritance: what a parent and its children say of one another, and where copies may be. */

import { numbersPerInheritance } from "../../lambda/table/numbers.ts";
import { type Report, type Tenant, textOf } from "./table-contents.ts";

/** Which inheritance of its project a number belongs to; 0 for the project's own. */
export function inheritanceOf(number: number): number {
  return Math.floor(number / numbersPerInheritance);
}

export function checkInheritances(tenants: ReadonlyMap<string, Tenant>, report: Report): void {
  const links = new Map([...tenants.values()].flatMap((tenant) => [...tenant.links]));
  const linked = new Set<string>();
  const counts = new Map<string, number>();
  for (const tenant of tenants.values()) {
    for (const [id, connection] of tenant.connections) {
      const parentId = textOf(connection["parentId"]);
      if (parentId === undefined) continue;
      const link = links.get(`${parentId} ${id}`);
      linked.add(`${parentId} ${id}`);
      counts.set(parentId, (counts.get(parentId) ?? 0) + 1);
      if (link === undefined) report(`inheritances: ${parentId} has no word of its child ${id}`);
      else if (link["ordinal"] !== connection["ordinal"]) {
        report(`inheritances: ${id} is number ${connection["ordinal"]}, its parent says ${link["ordinal"]}`);
      }
      const job = tenant.jobs.get(id);
      if (job?.["childId"] !== id || job["parentId"] !== parentId) report(`inheritances: ${id} has no job`);
    }
    for (const id of tenant.jobs.keys()) {
      if (tenant.connections.get(id)?.["parentId"] === undefined)
        report(`inheritances: a job of ${id}, no child`);
    }
    checkOrdinals(tenant, report);
  }
  for (const key of links.keys()) {
    if (!linked.has(key)) report(`inheritances: a word of a child that is none: ${key}`);
  }
  for (const tenant of tenants.values()) {
    for (const [id, { childCount = 0 }] of tenant.connections) {
      const count = counts.get(id) ?? 0;
      if (childCount !== count) report(`inheritances: ${id} counts ${childCount} children, has ${count}`);
    }
  }
}

/** Each inheritance has numbers of its own, and its copies lie among them. */
function checkOrdinals(tenant: Tenant, report: Report): void {
  const owners = new Map<number, string>();
  for (const [id, { ordinal }] of [...tenant.connections, ...tenant.formerConnections]) {
    if (ordinal === undefined) continue;
    if (owners.has(Number(ordinal)))
      report(`inheritances: ${id} shares its numbers with ${owners.get(Number(ordinal))}`);
    owners.set(Number(ordinal), id);
  }
  const given = Number(tenant.project?.["inheritanceCount"] ?? 0);
  if (Math.max(0, ...owners.keys()) > given)
    report(`inheritances: ${tenant.id} has given ${given} numbers out`);
  for (const [number, row] of tenant.rows) {
    const owner = owners.get(inheritanceOf(number));
    if (inheritanceOf(number) > 0 && owner === undefined) report(`inheritances: ${number} is of none`);
    const connectionId = textOf(row["connectionId"]);
    const isLinked = connectionId !== undefined && [...owners.values()].includes(connectionId);
    if (isLinked && connectionId !== owner) {
      report(`inheritances: ${number} is a user of ${connectionId}, not among its numbers`);
    }
    if (isLinked && row["copyOf"] === undefined) report(`inheritances: ${number} has no version`);
  }
}
