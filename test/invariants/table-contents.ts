/**
 * What a whole table holds, sorted by tenant, for the auditor (`check-table.ts`, `check-groups.ts`). Written apart from
 * `lambda/table`, of which it takes only the sizes of things: it reads DynamoDB's own attribute values and takes keys to
 * pieces itself, so that a mistake in the code that writes is not repeated by the code that checks.
 */

import type {
  AttributeValue,
  DynamoDBClient,
  ScanCommandInput,
  ScanCommandOutput,
} from "@aws-sdk/client-dynamodb";
import { copiedAttribute, heirsSinceAttribute, membersPerBlock } from "../../lambda/table/keys.ts";
import { slotsPerPage, stripes } from "../../lambda/table/numbers.ts";
import { askEngine } from "../support/engine-client.ts";

export type RawItem = Readonly<Record<string, AttributeValue>>;
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };
export type JsonObject = { readonly [name: string]: Json };

/** Every item of a table, read strongly; with a filter, those it lets pass. */
export async function scanTable(
  client: DynamoDBClient,
  tableName: string,
  filter: Pick<ScanCommandInput, "FilterExpression" | "ExpressionAttributeValues"> = {},
): Promise<readonly RawItem[]> {
  const items: RawItem[] = [];
  let startKey: Record<string, AttributeValue> | undefined;
  do {
    const request = { ...filter, TableName: tableName, ConsistentRead: true, ExclusiveStartKey: startKey };
    // As on the wire, where attribute values look as the SDK shows them, but for binary ones, of which we have none.
    const page = (await askEngine(client, "Scan", request)) as ScanCommandOutput;
    for (const item of page.Items ?? []) items.push(seenBefore(item));
    startKey = page.LastEvaluatedKey;
  } while (startKey !== undefined);
  return items;
}

/** By their text; what is worked out of an item once need not be when the next scan meets it again. */
const seen = new Map<string, RawItem>();
const seenMax = 20_000;

function seenBefore(item: RawItem): RawItem {
  const text = JSON.stringify(item);
  const known = seen.get(text);
  if (known !== undefined) return known;
  if (seen.size >= seenMax) seen.clear();
  seen.set(text, Object.freeze(item));
  return item;
}

const bitsPerChunk = 120;
const chunksPerPage = Math.ceil(slotsPerPage / bitsPerChunk);
export const projectIdLength = 16;
/** In place of a connection's id, for what belongs to the product alone. */
export const product = "the product";

/** All that was found under one project id. */
export interface Tenant {
  readonly id: string;
  project: JsonObject | undefined;
  readonly connections: Map<string, JsonObject>;
  readonly formerConnections: Map<string, JsonObject>;
  /** By stripe. */
  readonly pools: Map<number, JsonObject>;
  readonly rows: Map<number, JsonObject>;
  /** By sort key. */
  readonly claims: Map<string, JsonObject>;
  readonly emailPointers: Map<string, JsonObject>;
  /** By connection id and sort key. */
  readonly externalIds: Map<string, JsonObject>;
  /** Of members that signed in and are no users yet. By connection id and sort key. */
  readonly signInSubjects: Map<string, JsonObject>;
  /** Connection id (or `product`), `reader` or `user`, and number, of every bit set. */
  readonly rosterBits: Set<string>;
  /** The numbers that left, by the connection they left. */
  readonly departed: Map<string, Set<number>>;
  /** Connections that have items under `C#`. */
  readonly connectionsNamed: Set<string>;
  readonly groups: Map<string, JsonObject>;
  readonly groupPages: GroupPage[];
  /** What is still known of deleted ones. */
  readonly formerGroups: Map<string, JsonObject>;
  /** Of the activity trail, by sort key. */
  readonly activity: Map<string, JsonObject>;
  /** Group ids, by sort key. */
  readonly groupNames: Map<string, readonly string[]>;
  /** By connection id and sort key. */
  readonly groupExternalIds: Map<string, JsonObject>;
  /** By sort key. */
  readonly failures: Map<string, JsonObject>;
  readonly derived: Derived;
  /** What is still to be copied to the project's children connections, by connection id. */
  readonly jobs: Map<string, JsonObject>;
  /** A parent's word of its children: by its own id and the child's. */
  readonly links: Map<string, JsonObject>;
}

export interface GroupPage {
  readonly group: string;
  readonly kind: string;
  readonly page: number;
  readonly generation: string;
  readonly numbers: readonly number[];
  /** It is as a parent's page is, whoever of its users the child has. */
  readonly isCopy: boolean;
}

/** What the stream handler has made of the rest. */
export interface Derived {
  /** The groups of members, by number. */
  readonly memberGroups: Map<number, JsonObject>;
  /** Group id and sort key, and the numbers that were carried. */
  readonly mirrors: Map<string, readonly number[]>;
}

export type Report = (finding: string) => void;

export function sortOut(items: readonly RawItem[], report: Report): Map<string, Tenant> {
  const tenants = new Map<string, Tenant>();
  const tenantOf = (id: string): Tenant => {
    const known = tenants.get(id) ?? emptyTenant(id);
    tenants.set(id, known);
    return known;
  };
  for (const raw of items) {
    const pk = raw["pk"]?.S ?? "";
    const sk = raw["sk"]?.S ?? "";
    const [scope = "", id = "", part] = pk.split("#");
    const tenant = pk === "PROJECTS" ? tenantOf(sk) : tenantOf(id.slice(0, projectIdLength));
    const take = {
      PROJECTS: () => takeProject(tenant, raw),
      P: () => takeOfProject(tenant, pk, sk, raw, report),
      M: () => takeMember(tenant, part, sk, raw, report),
      F: () => part === undefined && takeFailure(tenant, sk, raw),
      A: () => part === undefined && takeActivity(tenant, sk, raw),
      C: () => takeOfConnection(tenant, id, part, sk, raw, report),
      G: () => takeOfGroups(tenant, part, sk, raw, report),
      J: () => part === undefined && takeOfCopying(tenant, id, sk, raw),
    }[scope];
    if (!take?.()) report(`stray: ${pk} / ${sk} is no item of ours`);
  }
  return tenants;
}

function emptyTenant(id: string): Tenant {
  return {
    id,
    project: undefined,
    connections: new Map(),
    formerConnections: new Map(),
    pools: new Map(),
    rows: new Map(),
    claims: new Map(),
    emailPointers: new Map(),
    externalIds: new Map(),
    signInSubjects: new Map(),
    rosterBits: new Set(),
    departed: new Map(),
    connectionsNamed: new Set(),
    groups: new Map(),
    groupPages: [],
    formerGroups: new Map(),
    activity: new Map(),
    groupNames: new Map(),
    groupExternalIds: new Map(),
    failures: new Map(),
    derived: { memberGroups: new Map(), mirrors: new Map() },
    jobs: new Map(),
    links: new Map(),
  };
}

function takeProject(tenant: Tenant, raw: RawItem): true {
  tenant.project = plainItem(raw);
  return true;
}

/** Takes an item of a partition `P#…`; false for one that is none of ours. */
function takeOfProject(tenant: Tenant, pk: string, sk: string, raw: RawItem, report: Report): boolean {
  const [, , part, further = ""] = pk.split("#");
  const item = plainItem(raw);
  switch (part) {
    case undefined: {
      const [kind, ownId = ""] = sk.split("#");
      if (kind === "CONNECTION") tenant.connections.set(ownId, item);
      else if (kind === "FORMER") tenant.formerConnections.set(ownId, item);
      else if (kind === "FORMERGROUP") tenant.formerGroups.set(ownId, item);
      else return false;
      return true;
    }
    case "SEATS":
      tenant.pools.set(Number(sk), item);
      return true;
    case "NAMES":
      if (isClaimKey(sk)) tenant.claims.set(sk, item);
      else if (isEmailPointerKey(sk)) tenant.emailPointers.set(sk, item);
      else return false;
      return true;
    case "MEMBERSHIPS":
      if (!isNumberKey(sk)) return false;
      checkBlock(sk, further, report);
      tenant.derived.memberGroups.set(Number(sk), item);
      return true;
    case "ROSTER":
      return takeRosterPage(tenant, product, sk, raw, report);
    case "GROUPNAMES":
      tenant.groupNames.set(sk, (item["groups"] as readonly string[] | undefined) ?? []);
      return true;
    case "MIRROR": {
      const [group = "", ...place] = sk.split("#");
      if (place[0] !== "HEAD") {
        const { page } = partsOfPageKey(place.join("#"));
        const mirrored = numbersOnPage(page, raw, "b", `mirror ${sk}`, report);
        tenant.derived.mirrors.set(`${group} ${place.join("#")}`, mirrored);
      }
      return true;
    }
    default:
      return false;
  }
}

function takeActivity(tenant: Tenant, sk: string, raw: RawItem): boolean {
  tenant.activity.set(sk, plainItem(raw));
  return sk.startsWith("ALL#") || sk.startsWith("OF#");
}

function takeMember(
  tenant: Tenant,
  block: string | undefined,
  sk: string,
  raw: RawItem,
  report: Report,
): boolean {
  if (!isNumberKey(sk)) return false;
  checkBlock(sk, block, report);
  tenant.rows.set(Number(sk), plainItem(raw));
  return true;
}

/** The job of a child, and word of groups that are not to be copied to it any more. */
function takeOfCopying(tenant: Tenant, childId: string, sk: string, raw: RawItem): boolean {
  tenant.connectionsNamed.add(childId);
  if (sk === "JOB") tenant.jobs.set(childId, plainItem(raw));
  return sk === "JOB" || (sk.startsWith("ENDED#") && raw["expiresAtSeconds"]?.N !== undefined);
}

function takeFailure(tenant: Tenant, sk: string, raw: RawItem): true {
  tenant.failures.set(sk, plainItem(raw));
  return true;
}

function checkBlock(sk: string, block: string | undefined, report: Report): void {
  if (Math.floor(Number(sk) / membersPerBlock) !== Number(block)) {
    report(`rows: ${sk} lies in block ${block}`);
  }
}

function takeOfConnection(
  tenant: Tenant,
  connectionId: string,
  part: string | undefined,
  sk: string,
  raw: RawItem,
  report: Report,
): boolean {
  tenant.connectionsNamed.add(connectionId);
  if (part === "ROSTER") return takeRosterPage(tenant, connectionId, sk, raw, report);
  if (part === "CHILDREN") {
    tenant.links.set(`${connectionId} ${sk}`, plainItem(raw));
    return true;
  }
  if (part !== "REFERENCES") return false;
  const [kind] = sk.split("#");
  if (kind === "externalId") tenant.externalIds.set(`${connectionId} ${sk}`, plainItem(raw));
  else if (kind === "signInSubject") tenant.signInSubjects.set(`${connectionId} ${sk}`, plainItem(raw));
  else if (kind === "groupExternalId") tenant.groupExternalIds.set(`${connectionId} ${sk}`, plainItem(raw));
  else return false;
  return true;
}

/** `present#page#half` with the readers and the users of half a page, `departed#page` with those who left. */
function takeRosterPage(tenant: Tenant, owner: string, sk: string, raw: RawItem, report: Report): boolean {
  const [kind, pageText = "", half, ...rest] = sk.split("#");
  if (pageText.length !== 9 || rest.length > 0) return false;
  const page = Number(pageText);
  const where = `roster ${owner} ${sk}`;
  if (kind === "departed" && half === undefined && owner !== product) {
    const left = tenant.departed.get(owner) ?? new Set();
    tenant.departed.set(owner, left);
    for (const number of numbersOnPage(page, raw, "d", where, report)) left.add(number);
    return true;
  }
  if (kind !== "present" || (half !== "0" && half !== "1")) return false;
  for (const name of Object.keys(raw)) {
    const isLower = Number(name.slice(1)) < chunksPerPage / 2;
    if (!notOfSets.has(name) && isLower !== (half === "0")) {
      report(`rosters: ${where} has ${name}, which is of the other half`);
    }
  }
  const sets = setsOnPage(page, raw, "ru", where, report);
  for (const number of sets.get("r")!) tenant.rosterBits.add(`${owner} reader ${number}`);
  for (const number of sets.get("u")!) tenant.rosterBits.add(`${owner} user ${number}`);
  return true;
}

/** `G#project` holds the rows of groups, `G#project#group` the pages of their members. */
function takeOfGroups(
  tenant: Tenant,
  group: string | undefined,
  sk: string,
  raw: RawItem,
  report: Report,
): boolean {
  if (group === undefined) {
    tenant.groups.set(sk, plainItem(raw));
    return true;
  }
  const place = partsOfPageKey(sk);
  const isOurs = place.kind === "S" ? place.generation !== "" : place.kind === "H" && place.generation === "";
  if (!isOurs || !Number.isInteger(place.page)) return false;
  const numbers = numbersOnPage(place.page, raw, "b", `group ${group} ${sk}`, report);
  tenant.groupPages.push({ group, ...place, numbers, isCopy: raw[copiedAttribute] !== undefined });
  return true;
}

function partsOfPageKey(sk: string) {
  const [kind = "", page = "", generation = ""] = sk.split("#");
  return { kind, page: page.length === 9 ? Number(page) : Number.NaN, generation };
}

function isClaimKey(sk: string): boolean {
  return (sk.startsWith("userName#") || sk.startsWith("email#")) && sk.endsWith("\u001f!");
}

function isEmailPointerKey(sk: string): boolean {
  return sk.startsWith("email#") && sk.at(-13) === "\u001f" && isNumberKey(sk.slice(-12));
}

function isNumberKey(text: string): boolean {
  return text.length === 12 && [...text].every((digit) => digit >= "0" && digit <= "9");
}

export function printNumber(number: number): string {
  return String(number).padStart(12, "0");
}

export function printKey(key: string): string {
  return key.replace("\u001f", " ");
}

/** Numbers as JavaScript's, which is exact for all but the chunks of sets: those are read from the raw item. */
export function plainItem(raw: RawItem): JsonObject {
  const known = plainItems.get(raw);
  if (known !== undefined) return known;
  const item = Object.fromEntries(Object.entries(raw).map(([name, value]) => [name, plain(value)]));
  plainItems.set(raw, item);
  return item;
}

const plainItems = new WeakMap<RawItem, JsonObject>();

function plain(value: AttributeValue): Json {
  if (value.S !== undefined) return value.S;
  if (value.N !== undefined) return Number(value.N);
  if (value.BOOL !== undefined) return value.BOOL;
  if (value.L !== undefined) return value.L.map(plain);
  if (value.M !== undefined) return plainItem(value.M);
  if (value.SS !== undefined) return [...value.SS].sort();
  return null;
}

/** What items of sets say beside them. */
const notOfSets: ReadonlySet<string> = new Set(["pk", "sk", copiedAttribute, heirsSinceAttribute]);

/** The one set that an item holds. */
function numbersOnPage(page: number, raw: RawItem, prefix: string, where: string, report: Report): number[] {
  return setsOnPage(page, raw, prefix, where, report).get(prefix)!;
}

/**
 * The sets that an item holds side by side, by the letter their chunks begin with. Slot k of page p is the number whose
 * ordinal within its stripe (p modulo `stripes`) is k beyond those of earlier pages.
 */
function setsOnPage(
  page: number,
  raw: RawItem,
  prefixes: string,
  where: string,
  report: Report,
): ReadonlyMap<string, number[]> {
  const sets = new Map([...prefixes].map((prefix) => [prefix, [] as number[]]));
  for (const [name, value] of Object.entries(raw)) {
    if (notOfSets.has(name)) continue;
    const numbers = sets.get(name.slice(0, 1));
    const chunk = Number(name.slice(1));
    let bits = BigInt(value.N ?? "-1");
    const isChunk = Number.isInteger(chunk) && chunk >= 0 && chunk < chunksPerPage;
    if (numbers === undefined || !isChunk || bits < 0n || bits >= 1n << 120n) {
      report(`pages: ${where} has ${name} = ${JSON.stringify(value)}`);
      continue;
    }
    for (let bit = 0; bits > 0n; bit++, bits >>= 1n) {
      if (bits % 2n === 1n) {
        const ordinal = Math.floor(page / stripes) * slotsPerPage + chunk * bitsPerChunk + bit;
        numbers.push(ordinal * stripes + (page % stripes));
      }
    }
  }
  return sets;
}

export function textOf(value: Json | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}

export function objectOf(value: Json | undefined): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

/** Enough of case folding for what tests write. */
export function foldForCheck(text: string): string {
  return text.normalize("NFKC").toLowerCase().toUpperCase().toLowerCase().normalize("NFKC");
}
