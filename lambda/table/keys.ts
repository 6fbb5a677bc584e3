/**
 * The key design, and the only module that knows it. Every key names its tenant first (DESIGN §1, walls).
 *
 * | item | pk | sk |
 * | --- | --- | --- |
 * | project | `PROJECTS` | project id |
 * | connection, with its tokens | `P#project` | `CONNECTION#connection` |
 * | word of a deleted connection | `P#project` | `FORMER#connection` |
 * | seat pool and number counter, one a stripe | `P#project#SEATS` | stripe |
 * | claim on a userName or email | `P#project#NAMES` | `userName#folded␟!`, `email#folded␟!` |
 * | a further email value | `P#project#NAMES` | `email#folded␟number` |
 * | externalId | `C#connection#REFERENCES` | `externalId#value␟number` |
 * | member | `P#project#M#block` | number |
 * | roster page | `C#connection#ROSTER` | page |
 *
 * Why members live in blocks, and rosters and counters in stripes: docs/decisions/002-keys-and-numbers.md.
 */

export interface Key {
  readonly pk: string;
  readonly sk: string;
}

/** Ends a value inside a sort key, so that a prefix search for `a` cannot meet `ab` as an equal. */
const valueEnd = "\u001f";
const claimMark = "!";
const numberDigits = 12;
const formerPrefix = "FORMER#";

/** Numbers whose rows share a partition: at 1.2 KB a row about 5 MB, read 100 to a Query. */
export const membersPerBlock = 4_096;

/** A sort key holds 1,024 bytes (AWS quota); what is left for the value beside prefix, mark and number. */
export const indexedValueBytesMax = 900;

/** Whether a value, folded where its kind is, can be part of a key: if not, nothing is stored under it. */
export function isIndexable(value: string): boolean {
  return Buffer.byteLength(value) <= indexedValueBytesMax;
}

export type NameKind = "userName" | "email";

const printNumber = (number: number): string => String(number).padStart(numberDigits, "0");

export const projectsPartition = "PROJECTS";

export function projectKey(projectId: string): Key {
  return { pk: projectsPartition, sk: projectId };
}

/** A connection id begins with its project's id, so the row is found without knowing the project. */
export function connectionKey(projectId: string, connectionId: string): Key {
  return { pk: `P#${projectId}`, sk: `CONNECTION#${connectionId}` };
}

export function connectionsOf(projectId: string): { readonly pk: string; readonly prefix: string } {
  return { pk: `P#${projectId}`, prefix: "CONNECTION#" };
}

/** What a deleted connection leaves behind under its own id is found by this when the project goes. */
export function formerConnectionKey(projectId: string, connectionId: string): Key {
  return { pk: `P#${projectId}`, sk: `${formerPrefix}${connectionId}` };
}

export function formerConnectionsOf(projectId: string): { readonly pk: string; readonly prefix: string } {
  return { pk: `P#${projectId}`, prefix: formerPrefix };
}

export function formerConnectionIdOf(item: { readonly sk?: unknown }): string {
  return String(item.sk).slice(formerPrefix.length);
}

export function seatPoolKey(projectId: string, stripe: number): Key {
  return { pk: seatsPartition(projectId), sk: String(stripe) };
}

export function seatsPartition(projectId: string): string {
  return `P#${projectId}#SEATS`;
}

export function namesPartition(projectId: string): string {
  return `P#${projectId}#NAMES`;
}

/** The unique claim of a live member on a case-folded userName or email. */
export function claimKey(projectId: string, kind: NameKind, folded: string): Key {
  return { pk: namesPartition(projectId), sk: `${kind}#${folded}${valueEnd}${claimMark}` };
}

/** A case-folded email value of a member that is not the member's email: found by key, not unique. */
export function emailPointerKey(projectId: string, folded: string, number: number): Key {
  return { pk: namesPartition(projectId), sk: `email#${folded}${valueEnd}${printNumber(number)}` };
}

/** Everyone with this email value: the claim and the pointers. */
export function emailValuePrefix(folded: string): string {
  return `email#${folded}${valueEnd}`;
}

/** Claims and pointers whose value begins so. */
export function namePrefix(kind: NameKind, foldedPrefix: string): string {
  return `${kind}#${foldedPrefix}`;
}

export function referencesPartition(connectionId: string): string {
  return `C#${connectionId}#REFERENCES`;
}

export function externalIdKey(connectionId: string, externalId: string, number: number): Key {
  return {
    pk: referencesPartition(connectionId),
    sk: `${externalIdPrefix(externalId)}${printNumber(number)}`,
  };
}

export function externalIdPrefix(externalId: string): string {
  return `externalId#${externalId}${valueEnd}`;
}

export function memberKey(projectId: string, number: number): Key {
  return { pk: membersPartition(projectId, blockOf(number)), sk: memberSortKey(number) };
}

export function membersPartition(projectId: string, block: number): string {
  return `P#${projectId}#M#${block}`;
}

export const memberSortKey = printNumber;

export function blockOf(number: number): number {
  return Math.floor(number / membersPerBlock);
}

export function rosterPartition(connectionId: string): string {
  return `C#${connectionId}#ROSTER`;
}

export function rosterPageKey(connectionId: string, page: number): Key {
  return { pk: rosterPartition(connectionId), sk: String(page).padStart(6, "0") };
}
