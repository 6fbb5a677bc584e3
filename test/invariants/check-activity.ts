/** The auditor's part on the activity trail: what each entry is made of, and that it stands in every list it belongs to. */

import { type JsonObject, type Report, type Tenant, textOf } from "./table-contents.ts";

const names = new Set([
  "pk",
  "sk",
  "at",
  "actor",
  "action",
  "resourceType",
  "resourceId",
  "identifier",
  "connectionId",
  "changes",
  "revision",
  "expiresAtSeconds",
]);
const secondsKept = 90 * 86_400;

export function checkActivity(tenant: Tenant, report: Report): void {
  for (const [key, entry] of tenant.activity) {
    const where = `activity: ${key}`;
    const unknown = Object.keys(entry).filter((name) => !names.has(name));
    if (unknown.length > 0) report(`${where} holds ${unknown.join()}`);
    const expected = key.startsWith("ALL#") ? ownKey(entry) : memberKey(entry);
    if (key !== expected) report(`${where} lies under the key of another`);
    checkWords(where, entry, report);
    checkCopy(tenant, key, entry, report);
    const connectionId = textOf(entry["connectionId"]);
    if (
      connectionId !== undefined &&
      !tenant.connections.has(connectionId) &&
      !tenant.formerConnections.has(connectionId)
    ) {
      report(`${where} is of connection ${connectionId}, which never was`);
    }
  }
}

function ownKey({ at, resourceId, revision }: JsonObject): string {
  return `ALL#${at}#${resourceId}#${revision}`;
}

function memberKey({ at, resourceId, revision }: JsonObject): string {
  return `OF#${resourceId}#${at}#${resourceId}#${revision}`;
}

const typeOfAction: Readonly<Record<string, string>> = {
  member: "Member",
  group: "Group",
  sync: "SyncFailure",
  connection: "Connection",
  token: "Token",
  project: "Project",
};

function checkWords(where: string, entry: JsonObject, report: Report): void {
  const { at, actor, action, resourceType, identifier, changes, expiresAtSeconds } = entry;
  if (typeOfAction[String(action).split(".")[0]!] !== resourceType) {
    report(`${where} is a ${resourceType}'s, its action ${action}`);
  }
  if (!textOf(actor) || !textOf(identifier)) report(`${where} does not tell who or whom`);
  const isName = (name: unknown) => /^[A-Za-z$][\w$-]*$/.test(String(name));
  const list = Array.isArray(changes) ? changes : [undefined];
  if (!list.every(isName) || [...list].sort().join() !== list.join()) {
    report(`${where} has changes ${JSON.stringify(changes)}, which are no sorted names`);
  }
  const written = Date.parse(String(at));
  if (new Date(written).toISOString() !== at) report(`${where} has no time`);
  if (expiresAtSeconds !== Math.ceil(written / 1_000) + secondsKept) report(`${where} is not kept 90 days`);
}

/** The project's list and a member's own tell the same. */
function checkCopy(tenant: Tenant, key: string, entry: JsonObject, report: Report): void {
  if (entry["resourceType"] !== "Member") return;
  const copy = tenant.activity.get(key.startsWith("ALL#") ? memberKey(entry) : ownKey(entry));
  const told = (item: JsonObject | undefined) => JSON.stringify(Object.entries({ ...item, sk: "" }).sort());
  if (told(copy) !== told(entry)) report(`activity: ${key} is not told alike in both lists`);
}
