/**
 * Audits a whole table, item by item, against the invariants of DESIGN §1: seats, names, and that everything kept beside
 * a member's or a group's row says what the row says. Written apart from `lambda/table` (see `table-contents.ts`), so that
 * a mistake in the code that writes is not repeated by the code that checks.
 */

import { createHash } from "node:crypto";
import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { base32 } from "../../lambda/domain/ids.ts";
import { stripes } from "../../lambda/table/numbers.ts";
import { checkActivity } from "./check-activity.ts";
import { checkDerived, checkGroups } from "./check-groups.ts";
import { checkInheritances, inheritanceOf } from "./check-inheritances.ts";
import {
  foldForCheck,
  type Json,
  type JsonObject,
  objectOf,
  printKey,
  printNumber,
  product,
  type RawItem,
  type Report,
  scanTable,
  sortOut,
  type Tenant,
  textOf,
} from "./table-contents.ts";

export interface TableCheck {
  /** Where a quota was lowered below its usage, usage may stand above it: it evicts no one (API.md §3). */
  readonly quotaWasLowered?: boolean;
  /** Whether a note of the use of a token that is gone is let pass. */
  readonly tokensWereRevoked?: boolean;
  /** Whether what a writer that died left aside of a group is let pass, since it has not been tidied up yet. */
  readonly tidyingPending?: boolean;
  /** Where group names became unique after there had been equal ones, those remain. */
  readonly groupNamesWereFree?: boolean;
}

/** What is wrong with the table, a line each; empty for a table that is in order. */
export async function checkTable(
  { client, tableName }: { readonly client: DynamoDBClient; readonly tableName: string },
  check: TableCheck = {},
): Promise<readonly string[]> {
  return checkItems(await scanTable(client, tableName), check);
}

export function checkItems(items: readonly RawItem[], check: TableCheck = {}): readonly string[] {
  const findings: string[] = [];
  const tenants = sortOut(items, (finding) => findings.push(finding));
  for (const tenant of tenants.values()) checkTenant(tenant, check, findings);
  checkInheritances(tenants, (finding) => findings.push(finding));
  return findings;
}

const accountUrn = "urn:ietf:params:scim:schemas:extension:document360:2.0:User";
const seatKinds = ["users", "reviewers", "readers"] as const;
type SeatKind = (typeof seatKinds)[number];

/** A member as its row tells. */
interface Row {
  readonly number: number;
  readonly homeNumber: number;
  readonly attributes: JsonObject;
  readonly role: Json;
  readonly isUser: boolean;
  readonly connectionId: string | undefined;
  readonly formerConnectionId: string | undefined;
  readonly signIn: JsonObject | undefined;
  readonly sharesExternalId: boolean;
  readonly deleted: boolean;
  readonly seat: SeatKind | undefined;
  readonly userName: string;
  readonly email: string | undefined;
}

function checkTenant(tenant: Tenant, check: TableCheck, findings: string[]): void {
  const report = (finding: string): void => {
    findings.push(`${finding} (project ${tenant.id})`);
  };
  if (tenant.project === undefined) {
    report("stray: items of a project that does not exist");
    return;
  }
  if (tenant.project["deleting"] === true) {
    // Closed, and cut off while its items were going: whatever could let somebody in, or count him, must be gone.
    if (tenant.connections.size + tenant.pools.size > 0) report("stray: a closed project lets in");
    return;
  }
  const rows = new Map<number, Row>();
  for (const [number, item] of tenant.rows) {
    if (item["movedTo"] === undefined && !isNever(item)) rows.set(number, rowOf(number, item));
  }
  checkConnections(tenant, check, report);
  checkRows(tenant, rows, report);
  checkNumbers(tenant, report);
  checkSeats(tenant, rows, check, report);
  checkNames(tenant, rows, report);
  checkPointers(tenant, rows, report);
  checkRosters(tenant, rows, report);
  checkGroups(tenant, check, report);
  checkDerived(tenant, report);
  checkFailures(tenant, report);
  checkActivity(tenant, report);
}

/** Word that there shall be no copy of a user that its parent has not any more. */
function isNever(item: JsonObject): boolean {
  return item["goneAtVersion"] !== undefined;
}

function rowOf(number: number, item: JsonObject): Row {
  const attributes = objectOf(item["attributes"]);
  const isUser = objectOf(attributes[accountUrn])["isTeamAccount"] === true;
  const deleted = item["deletedAt"] !== undefined;
  const active = !deleted && attributes["active"] !== false;
  const seat = isUser ? (item["role"] === "reviewer" ? "reviewers" : "users") : "readers";
  return {
    number,
    homeNumber: typeof item["homeNumber"] === "number" ? item["homeNumber"] : number,
    attributes,
    role: item["role"] ?? null,
    isUser,
    connectionId: textOf(item["connectionId"]),
    formerConnectionId: textOf(item["formerConnectionId"]),
    signIn: item["signIn"] === undefined ? undefined : objectOf(item["signIn"]),
    sharesExternalId: item["sharesExternalId"] === true,
    deleted,
    seat: active ? seat : undefined,
    userName: String(attributes["userName"]),
    email: emailsOf(attributes)[0],
  };
}

/** The member's email first: the primary one, else the first of type work, else the first (API.md §4). */
function emailsOf(attributes: JsonObject): string[] {
  const list = Array.isArray(attributes["emails"]) ? (attributes["emails"] as readonly Json[]) : [];
  const emails = list.map(objectOf).filter((email) => typeof email["value"] === "string");
  const chosen =
    emails.find((email) => email["primary"] === true) ??
    emails.find((email) => String(email["type"]).toLowerCase() === "work") ??
    emails[0];
  return (chosen === undefined ? [] : [chosen, ...emails]).map((email) => String(email["value"]));
}

function checkConnections(tenant: Tenant, check: TableCheck, report: Report): void {
  if (tenant.project!["connectionCount"] !== tenant.connections.size) {
    report(
      `connections: ${tenant.project!["connectionCount"]} counted, ${tenant.connections.size} are there`,
    );
  }
  for (const id of tenant.connectionsNamed) {
    if (!tenant.connections.has(id) && !tenant.formerConnections.has(id)) {
      report(`stray: items of connection ${id}, which never was`);
    }
  }
  for (const [id, connection] of tenant.connections) {
    if (tenant.formerConnections.has(id)) report(`connections: ${id} is both there and gone`);
    // A child has no tokens.
    if (connection["parentId"] !== undefined) continue;
    const tokens = (connection["tokens"] as readonly Json[]).map(objectOf);
    for (const token of tokens) {
      const hash = String(token["hash"]);
      if (hash.length !== 64 || Object.keys(token).includes("token")) {
        report(`connections: token ${token["id"]} of ${id} is not kept as a hash`);
      }
    }
    for (const used of Object.keys(objectOf(connection["tokenUse"]))) {
      if (!check.tokensWereRevoked && !tokens.some((token) => token["id"] === used)) {
        report(`stray: ${id} notes the use of token ${used}, which it has not`);
      }
    }
  }
}

function checkRows(tenant: Tenant, rows: ReadonlyMap<number, Row>, report: Report): void {
  for (const row of rows.values()) {
    if (row.isUser === (row.role === null))
      report(`rows: ${row.number} is a ${row.isUser ? "user" : "reader"} of role ${row.role}`);
    if (row.deleted && row.attributes["active"] !== false)
      report(`rows: ${row.number} is deleted and active`);
    if (row.connectionId !== undefined) {
      const known =
        tenant.connections.has(row.connectionId) || tenant.formerConnections.has(row.connectionId);
      if (!known) report(`rows: ${row.number} belongs to connection ${row.connectionId}, which never was`);
    }
    if (row.homeNumber !== row.number && endOf(tenant, row.homeNumber) !== row.number) {
      report(`moves: home ${row.homeNumber} does not lead to ${row.number}`);
    }
  }
  for (const [number, item] of tenant.rows) {
    if (item["movedTo"] !== undefined && !rows.has(endOf(tenant, number) ?? Number.NaN)) {
      report(`moves: ${number} leads nowhere`);
    }
  }
}

/** Where a number that moved on leads in the end; undefined in a circle or at nothing. */
function endOf(tenant: Tenant, start: number): number | undefined {
  let number = start;
  for (let steps = 0; steps <= tenant.rows.size; steps++) {
    const to = tenant.rows.get(number)?.["movedTo"];
    if (typeof to !== "number") return tenant.rows.has(number) ? number : undefined;
    number = to;
  }
  return undefined;
}

/** No row lies at or beyond its stripe's counter. Below it some may be missing: a stripe that catches up leaves numbers out. */
function checkNumbers(tenant: Tenant, report: Report): void {
  for (const number of tenant.rows.keys()) {
    // A copy's number is made of its source's.
    if (inheritanceOf(number) > 0) continue;
    const next = Number(tenant.pools.get(number % stripes)?.["next"]);
    if (!(Math.floor(number / stripes) < next)) report(`numbers: ${number} was never given`);
  }
}

function checkSeats(tenant: Tenant, rows: ReadonlyMap<number, Row>, check: TableCheck, report: Report): void {
  const pools = [...tenant.pools.values()];
  if (pools.length !== stripes) report(`seats: ${pools.length} pools instead of ${stripes}`);
  if (new Set(pools.map((pool) => pool["quotaSplit"])).size > 1) report("seats: pools of different splits");
  const quotas = objectOf(tenant.project!["quotas"]);
  for (const kind of seatKinds) {
    const held = [...rows.values()].filter(({ seat }) => seat === kind).length;
    const used = pools.map((pool) => Number(pool[`${kind}Used`]));
    const usage = used.reduce((sum, count) => sum + count, 0);
    if (usage !== held) report(`seats: ${usage} ${kind} counted, ${held} active members hold one`);
    if (used.some((count) => !(count >= 0))) report(`seats: a pool counts ${Math.min(...used)} ${kind}`);
    const shares = pools.map((pool) => pool[`${kind}Share`]);
    const quota = quotas[kind];
    if (quota === null) {
      if (shares.some((share) => share !== undefined))
        report(`seats: ${kind} are unlimited, yet have shares`);
      continue;
    }
    const shared = shares.reduce<number>((sum, share) => sum + Number(share), 0);
    if (shared !== quota) report(`seats: shares of ${kind} sum to ${shared}, the quota is ${quota}`);
    const over = used.reduce((sum, count, pool) => sum + Math.max(0, count - Number(shares[pool])), 0);
    if (over !== Math.max(0, usage - Number(quota))) {
      report(`seats: pools are ${over} ${kind} over their shares, with ${usage} in use of ${quota}`);
    }
    if (usage > Number(quota)) {
      if (!check.quotaWasLowered) report(`seats: ${usage} ${kind} in use, the quota is ${quota}`);
      if (used.some((count, pool) => count < Number(shares[pool]))) {
        report(`seats: ${kind} are over the quota, yet a pool has room`);
      }
    }
  }
}

function checkNames(tenant: Tenant, rows: ReadonlyMap<number, Row>, report: Report): void {
  const holders = new Map<string, number>();
  for (const row of rows.values()) {
    if (row.deleted) continue;
    for (const key of claimsOf(row)) {
      const other = holders.get(key);
      if (other !== undefined) report(`names: ${printKey(key)} is a name of both ${other} and ${row.number}`);
      holders.set(key, row.number);
      const holder = tenant.claims.get(key)?.["holder"];
      if (holder !== row.number) {
        report(`names: ${printKey(key)} is a name of ${row.number}, claimed by ${holder ?? "no one"}`);
      }
    }
  }
  for (const [key, { holder, former }] of tenant.claims) {
    if (holder === undefined && former === undefined) report(`stray: claim ${printKey(key)} of no one`);
    if (holder !== undefined && holders.get(key) !== holder) {
      report(`names: ${printKey(key)} is claimed by ${holder}, no name of it`);
    }
    for (const [connectionId, number] of Object.entries((former ?? {}) as Record<string, unknown>)) {
      const last = rows.get(Number(number));
      if (!(last?.deleted && claimsOf(last).includes(key))) {
        report(`names: ${printKey(key)} remembers ${number}, which was not deleted with that name`);
      }
      if (last !== undefined && (last.connectionId ?? last.formerConnectionId) !== connectionId) {
        report(`names: ${printKey(key)} remembers ${number} for ${connectionId}, which never had it`);
      }
    }
  }
}

function claimsOf({ userName, email }: Row): string[] {
  return [
    `userName#${foldForCheck(userName)}\u001f!`,
    ...(email === undefined ? [] : [`email#${foldForCheck(email)}\u001f!`]),
  ];
}

function checkPointers(tenant: Tenant, rows: ReadonlyMap<number, Row>, report: Report): void {
  const emails = new Map<string, JsonObject>();
  const externalIds = new Map<string, JsonObject>();
  for (const row of rows.values()) {
    if (row.deleted || row.connectionId === undefined) continue;
    const [email, ...others] = emailsOf(row.attributes).map(foldForCheck);
    for (const other of others) {
      if (other !== email)
        emails.set(`email#${other}\u001f${printNumber(row.number)}`, { number: row.number });
    }
    const externalId = row.attributes["externalId"];
    if (typeof externalId === "string") {
      const end = row.sharesExternalId ? printNumber(row.number) : "!";
      externalIds.set(`${row.connectionId} externalId#${externalId}\u001f${end}`, { number: row.number });
    }
  }
  const subjects = new Map<string, JsonObject>();
  checkSignIns(rows, externalIds, subjects, report);
  comparePointers("email", emails, tenant.emailPointers, report);
  comparePointers("externalId", externalIds, tenant.externalIds, report);
  comparePointers("subject", subjects, tenant.signInSubjects, report);
}

/** Who was made by signing in is marked so, until SCIM links him: by subject, and externalId where one was told. */
function checkSignIns(
  rows: ReadonlyMap<number, Row>,
  externalIds: Map<string, JsonObject>,
  subjects: Map<string, JsonObject>,
  report: Report,
): void {
  for (const { number, deleted, connectionId, signIn, sharesExternalId, attributes } of rows.values()) {
    const isUser = !deleted && connectionId !== undefined;
    if (sharesExternalId && !(isUser && typeof attributes["externalId"] === "string")) {
      report(`pointers: ${number} is said to share an externalId, and has none to be found by`);
    }
    if (signIn === undefined) continue;
    if (deleted || isUser)
      report(`rows: ${number} is marked as signed in, and is ${deleted ? "deleted" : "a user"}`);
    const owner = String(signIn["connectionId"]);
    subjects.set(`${owner} signInSubject#${signIn["subject"]}\u001f!`, { signIn: number });
    const externalId = signIn["externalId"];
    if (externalId === undefined) continue;
    const key = `${owner} externalId#${externalId}\u001f!`;
    if (externalIds.has(key)) report(`pointers: externalId ${printKey(key)} has two holders`);
    externalIds.set(key, { signIn: number });
  }
}

function comparePointers(
  what: string,
  wanted: ReadonlyMap<string, JsonObject>,
  found: ReadonlyMap<string, JsonObject>,
  report: Report,
): void {
  for (const [key, { number, signIn }] of wanted) {
    const there = found.get(key);
    if (there?.["number"] !== number || there?.["signIn"] !== signIn) {
      report(`pointers: ${what} ${printKey(key)} is missing`);
    }
  }
  for (const key of found.keys()) {
    if (!wanted.has(key)) report(`pointers: ${what} ${printKey(key)} leads to no such user`);
  }
}

/** Every live member stands in exactly one roster, its connection's or the product's, under its type. */
function checkRosters(tenant: Tenant, rows: ReadonlyMap<number, Row>, report: Report): void {
  const wanted = new Set<string>();
  for (const { number, connectionId, isUser, deleted } of rows.values()) {
    if (!deleted) wanted.add(`${connectionId ?? product} ${isUser ? "user" : "reader"} ${number}`);
  }
  for (const bit of wanted) {
    if (!tenant.rosterBits.has(bit)) report(`rosters: ${bit} is live, yet not in the roster`);
  }
  for (const bit of tenant.rosterBits) {
    if (!wanted.has(bit)) report(`rosters: ${bit} is in the roster, yet not there`);
  }
  checkDeparted(tenant, rows, report);
}

/**
 * Departed are the numbers whose member a connection had last and has no more, and those that its members left behind when
 * they moved. Which connection's such a number was, its stub does not tell; it was one's alone.
 */
function checkDeparted(tenant: Tenant, rows: ReadonlyMap<number, Row>, report: Report): void {
  for (const { number, connectionId, formerConnectionId, deleted } of rows.values()) {
    const last = connectionId ?? formerConnectionId;
    const isLiveUser = connectionId !== undefined && !deleted;
    if (last !== undefined && !isLiveUser && !tenant.departed.get(last)?.has(number)) {
      report(`rosters: ${number} left ${last}, yet is not among the departed`);
    }
  }
  const leftBehind = new Map<number, number>();
  for (const [connectionId, numbers] of tenant.departed) {
    for (const number of numbers) {
      const row = rows.get(number);
      const last = row && (row.connectionId ?? row.formerConnectionId);
      const isLiveUser = row?.connectionId !== undefined && !row.deleted;
      if (row === undefined) leftBehind.set(number, (leftBehind.get(number) ?? 0) + 1);
      else if (last !== connectionId || isLiveUser) {
        report(`rosters: ${number} is among the departed of ${connectionId}, which it has not left`);
      }
    }
  }
  for (const [number, count] of leftBehind) {
    const item = tenant.rows.get(number);
    const isStub = item?.["movedTo"] !== undefined;
    // Nor may anybody be: a copy that was never made.
    if (!isStub && !(item !== undefined && isNever(item))) {
      report(`rosters: ${number} is among the departed, yet was no one`);
    }
    if (count > 1) report(`rosters: ${number} is among the departed of ${count} connections`);
  }
  for (const [number, item] of tenant.rows) {
    if (item["movedTo"] !== undefined && !leftBehind.has(number) && !wasLeftForChild(tenant, number)) {
      report(`rosters: ${number} was left behind, yet is not among the departed`);
    }
  }
}

/** A member that was nobody's user moves when it becomes a child's, and a copy that is made has never been at its first number. */
function wasLeftForChild(tenant: Tenant, number: number): boolean {
  const numbers = numbersBackFrom(tenant, endOf(tenant, number));
  const next = numbers[numbers.indexOf(number) - 1] ?? numbers.at(-1);
  return next !== undefined && inheritanceOf(next) > 0;
}

/** Where a member is, was before that, and so on. */
function numbersBackFrom(tenant: Tenant, end: number | undefined): readonly number[] {
  const numbers = new Set<number>();
  for (let number: unknown = end; typeof number === "number" && !numbers.has(number); ) {
    numbers.add(number);
    number = tenant.rows.get(number)?.["movedFrom"];
  }
  return [...numbers];
}

/** Open sync failures: of a connection that is, or was, under its identifier's hash, and with what an operator is told. */
function checkFailures(tenant: Tenant, report: Report): void {
  for (const [key, failure] of tenant.failures) {
    const [connectionId = "", resourceType = "", hash = ""] = key.split("#");
    const isKnown = tenant.connections.has(connectionId) || tenant.formerConnections.has(connectionId);
    if (!isKnown) report(`failures: ${printKey(key)} is of connection ${connectionId}, which never was`);
    if (failure["connectionId"] !== connectionId || failure["resourceType"] !== resourceType) {
      report(`failures: ${printKey(key)} lies under the key of another`);
    }
    const { number: source } = objectOf(failure["source"]);
    const subject =
      source === undefined ? foldForCheck(String(failure["identifier"])) : `inherited ${source}`;
    const digest = createHash("sha256").update(subject).digest();
    const isWhole = String(failure["identifier"]).length < 900;
    if (isWhole && hash !== base32(digest.subarray(0, 16)))
      report(`failures: ${printKey(key)} is not its hash`);
    const { attempts, firstFailedAt, lastFailedAt, remedy, detail } = failure;
    if (!(Number(attempts) >= 1) || !(String(firstFailedAt) <= String(lastFailedAt)) || !remedy || !detail) {
      report(`failures: ${printKey(key)} tells ${JSON.stringify({ attempts, firstFailedAt, lastFailedAt })}`);
    }
  }
}
