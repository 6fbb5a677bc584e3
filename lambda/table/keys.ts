/**
 * The key design, and the only module that knows it. Every key names its tenant first (DESIGN §1, walls).
 *
 * | item | pk | sk |
 * | --- | --- | --- |
 * | project | `PROJECTS` | project id |
 * | connection, with its tokens | `P#project` | `CONNECTION#connection` |
 * | word of a deleted connection | `P#project` | `FORMER#connection` |
 * | word of a deleted group | `P#project` | `FORMERGROUP#group` |
 * | seat pool and number counter, one a stripe | `P#project#SEATS` | stripe |
 * | claim on a userName or email | `P#project#NAMES` | `userName#folded␟!`, `email#folded␟!` |
 * | a further email value | `P#project#NAMES` | `email#folded␟number` |
 * | externalId of a user, or of who signed in so far; of a further user | `C#connection#REFERENCES` | `externalId#value␟!`; `externalId#value␟number` |
 * | externalId of a group | `C#connection#REFERENCES` | `groupExternalId#value␟group` |
 * | subject of who signed in so far | `C#connection#REFERENCES` | `signInSubject#value␟!` |
 * | member | `M#project#block` | number |
 * | the groups a member is in, derived | `P#project#MEMBERSHIPS#block` | number |
 * | roster page | `C#connection#ROSTER`, `P#project#ROSTER` | `present#page#half`, `departed#page` |
 * | groups of a name in a connection, or made by hand | `P#project#GROUPNAMES` | `folded␟owner` |
 * | group | `G#project` | group id |
 * | page of a group's members | `G#project#group` | `S#page#generation`, `H#page` |
 * | what of a group has been carried to its members | `P#project#MIRROR` | `group#` and the page it mirrors |
 * | link of a parent to a child | `C#connection#CHILDREN` | child |
 * | what is still to be copied to a child | `J#child` | `JOB` |
 * | open sync failure | `F#project` | `connection#type#hash of the identifier` |
 * | entry of the activity trail; again, for a member | `A#project` | `ALL#time#resource#revision`; `OF#member#time#resource#revision` |
 *
 * Why members live in blocks, and rosters and counters in stripes: docs/decisions/002-keys-and-numbers.md; why groups lie
 * as they do: docs/decisions/010-groups.md.
 */

export interface Key {
  readonly pk: string;
  readonly sk: string;
}

/** Ends a value inside a sort key, so that a prefix search for `a` cannot meet `ab` as an equal. */
const valueEnd = "\u001f";
const claimMark = "!";
const numberDigits = 12;
/** A page holds 4,096 numbers of one stripe of 16, so these are as many as twelve digits of numbers need. */
const pageDigits = 9;
const membersStart = "M#";
const failuresStart = "F#";
export const jobsStart = "J#";
const connectionPrefix = "CONNECTION#";
const formerPrefix = "FORMER#";
const formerGroupPrefix = "FORMERGROUP#";

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
  return { pk: `P#${projectId}`, sk: `${connectionPrefix}${connectionId}` };
}

export function connectionsOf(projectId: string): { readonly pk: string; readonly prefix: string } {
  return { pk: `P#${projectId}`, prefix: connectionPrefix };
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

/** What is still known of a group that was deleted. */
export function formerGroupKey(projectId: string, groupId: string): Key {
  return { pk: `P#${projectId}`, sk: `${formerGroupPrefix}${groupId}` };
}

export function formerGroupsOf(projectId: string): { readonly pk: string; readonly prefix: string } {
  return { pk: `P#${projectId}`, prefix: formerGroupPrefix };
}

export function formerGroupIdOf(item: { readonly sk?: unknown }): string {
  return String(item.sk).slice(formerGroupPrefix.length);
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

/** The first user of a connection to have an externalId; until there is one, the member made by a sign-in with it. */
export function externalIdKey(connectionId: string, externalId: string): Key {
  return { pk: referencesPartition(connectionId), sk: `${externalIdPrefix(externalId)}${claimMark}` };
}

/** A further user with an externalId that another one has already. */
export function sharedExternalIdKey(connectionId: string, externalId: string, number: number): Key {
  return {
    pk: referencesPartition(connectionId),
    sk: `${externalIdPrefix(externalId)}${printNumber(number)}`,
  };
}

export function externalIdPrefix(externalId: string): string {
  return `externalId#${externalId}${valueEnd}`;
}

/** Whom the identity provider calls so at sign-in; kept for members that were made by it, until SCIM links them. */
export function signInSubjectKey(connectionId: string, subject: string): Key {
  return { pk: referencesPartition(connectionId), sk: `signInSubject#${subject}${valueEnd}${claimMark}` };
}

export function memberKey(projectId: string, number: number): Key {
  return { pk: membersPartition(projectId, blockOf(number)), sk: memberSortKey(number) };
}

export function membersPartition(projectId: string, block: number): string {
  return `${membersStart}${projectId}#${block}`;
}

export const memberSortKey = printNumber;

/** Whose row a key is; undefined for any other key. */
export function memberOfKey({
  pk,
  sk,
}: Key): { readonly projectId: string; readonly number: number } | undefined {
  return pk.startsWith(membersStart)
    ? { projectId: pk.slice(membersStart.length).split("#")[0]!, number: Number(sk) }
    : undefined;
}

/** Which connection's row a key is; undefined for any other key. */
export function connectionOfKey({ sk }: Key): string | undefined {
  return sk.startsWith(connectionPrefix) ? sk.slice(connectionPrefix.length) : undefined;
}

export function blockOf(number: number): number {
  return Math.floor(number / membersPerBlock);
}

/** The users of a connection. */
export function rosterPartition(connectionId: string): string {
  return `C#${connectionId}#ROSTER`;
}

/** The live members that belong to no connection. */
export function productRosterPartition(projectId: string): string {
  return `P#${projectId}#ROSTER`;
}

/** Half a page, since each of its numbers may stand in one of two sets: so an item stays below a kilobyte. */
export function rosterPageKey(partition: string, page: number, half: number): Key {
  return { pk: partition, sk: `${presentPrefix}${printPage(page)}#${half}` };
}

/** A page of the numbers that were a connection's users once. */
export function departedPageKey(partition: string, page: number): Key {
  return { pk: partition, sk: `${departedPrefix}${printPage(page)}` };
}

export const presentPrefix = "present#";
export const departedPrefix = "departed#";

export function pageOfRosterKey(sk: string): number {
  return Number(sk.split("#")[1]);
}

const printPage = (page: number): string => String(page).padStart(pageDigits, "0");

/**
 * Of rows of members and connections: that there are children to carry a change to. Of a member's, a number: since when they
 * are there; the same as a string tells that to whoever changes the row, and rings nobody.
 */
export const heirsAttribute = "heirs";

/** Of pages of rosters: since when there are children, for whoever has not been told yet. */
export const heirsSinceAttribute = "heirsSince";

/** Of rows and pages of groups: that they are copies, and of which revision of their source. Such changes ring nobody. */
export const copiedAttribute = "copied";

/** Of rows of groups: that a change of members alone was noted. Whom it concerns is told by the page, which rings as well. */
export const notedAttribute = "noted";

/** All items that propagation is rung by lie in partitions that begin so; nothing it writes itself does. */
export const ringingPrefix = "G#";

export function groupsPartition(projectId: string): string {
  return `${ringingPrefix}${projectId}`;
}

export function groupKey(projectId: string, groupId: string): Key {
  return { pk: groupsPartition(projectId), sk: groupId };
}

export function groupPagesPartition(projectId: string, groupId: string): string {
  return `${ringingPrefix}${projectId}#${groupId}`;
}

/**
 * Whose numbers a page holds: `S`, of the group's own connection's users, as SCIM put them in; `H`, of any members, by
 * the number they were first given, put in by hand.
 */
export type MembershipKind = "S" | "H";

/** Pages of `S` are of a generation: a set too large for one transaction is written aside under a new one. */
export function groupPageKey(
  projectId: string,
  groupId: string,
  place: { readonly kind: MembershipKind; readonly page: number; readonly generation: string },
): Key {
  return {
    pk: groupPagesPartition(projectId, groupId),
    sk: `${groupPagePrefix(place.kind, place.page)}${place.generation}`,
  };
}

/** One page, in all generations there are. */
export function groupPagePrefix(kind: MembershipKind, page: number): string {
  return `${groupPagesPrefix(kind)}${printPage(page)}#`;
}

export function groupPagesPrefix(kind: MembershipKind): string {
  return `${kind}#`;
}

export interface GroupPagePlace {
  readonly kind: MembershipKind;
  readonly page: number;
  readonly generation: string;
}

export function placeOfGroupPage(sk: string): GroupPagePlace {
  const [kind, page, generation = ""] = sk.split("#");
  return { kind: kind === "H" ? "H" : "S", page: Number(page), generation };
}

/** What an item that rang the bell is: a group's row or one of its pages. Undefined for anything else. */
export function groupOfKey({
  pk,
  sk,
}: Key):
  | { readonly projectId: string; readonly groupId: string; readonly page: GroupPagePlace | undefined }
  | undefined {
  if (!pk.startsWith(ringingPrefix)) {
    return undefined;
  }
  const [projectId = "", groupId] = pk.slice(ringingPrefix.length).split("#");
  return groupId === undefined
    ? { projectId, groupId: sk, page: undefined }
    : { projectId, groupId, page: placeOfGroupPage(sk) };
}

export function groupNamesPartition(projectId: string): string {
  return `P#${projectId}#GROUPNAMES`;
}

/** The ids of the groups that share a case-folded name. `owner`: see `groupOwner` in `domain/ids.ts`. */
export function groupNameKey(projectId: string, folded: string, owner: string): Key {
  return { pk: groupNamesPartition(projectId), sk: `${folded}${valueEnd}${owner}` };
}

export function groupExternalIdKey(connectionId: string, externalId: string, groupId: string): Key {
  return {
    pk: referencesPartition(connectionId),
    sk: `${groupExternalIdPrefix(externalId)}${groupId}`,
  };
}

export function groupExternalIdPrefix(externalId: string): string {
  return `groupExternalId#${externalId}${valueEnd}`;
}

/** The groups a member is in, as far as they have been carried there. Apart from the rows, which are read more often. */
export function memberGroupsKey(projectId: string, number: number): Key {
  return { pk: memberGroupsPartition(projectId, blockOf(number)), sk: memberSortKey(number) };
}

export function memberGroupsPartition(projectId: string, block: number): string {
  return `P#${projectId}#MEMBERSHIPS#${block}`;
}

/** Mirrors of all groups lie in one partition, so that they are found when the group itself is gone. */
export function mirrorPartition(projectId: string): string {
  return `P#${projectId}#MIRROR`;
}

export function mirrorPrefix(groupId: string): string {
  return `${groupId}#`;
}

/** What has been carried of one page of a group's members. */
export function mirrorPageKey(projectId: string, groupId: string, kind: MembershipKind, page: number): Key {
  return {
    pk: mirrorPartition(projectId),
    sk: `${mirrorPrefix(groupId)}${groupPagePrefix(kind, page)}`,
  };
}

/** Which generation of a group's set has been carried as a whole. */
export function mirrorHeadKey(projectId: string, groupId: string): Key {
  return { pk: mirrorPartition(projectId), sk: `${mirrorPrefix(groupId)}HEAD` };
}

/** By a parent's id. */
export function childrenPartition(parentId: string): string {
  return `C#${parentId}#CHILDREN`;
}

export function childLinkKey(parentId: string, childId: string): Key {
  return { pk: childrenPartition(parentId), sk: childId };
}

/** A partition each, so that several are worked on at once: what lies in one comes to the stream handler in order. */
export function copyJobKey(childId: string): Key {
  return { pk: `${jobsStart}${childId}`, sk: "JOB" };
}

export function childOfJobKey({ pk }: Key): string | undefined {
  return pk.startsWith(jobsStart) ? pk.slice(jobsStart.length) : undefined;
}

export function failuresPartition(projectId: string): string {
  return `${failuresStart}${projectId}`;
}

/** `hash`: of what the failure is known by, which may be longer than a key. */
export function failureKey(
  projectId: string,
  failure: { readonly connectionId: string; readonly resourceType: string; readonly hash: string },
): Key {
  const { connectionId, resourceType, hash } = failure;
  return { pk: failuresPartition(projectId), sk: `${failuresPrefix(connectionId)}${resourceType}#${hash}` };
}

export function failuresPrefix(connectionId: string): string {
  return `${connectionId}#`;
}

/** Entries of the activity trail, each as often as there are lists that it is found in. */
export function activityPartition(projectId: string): string {
  return `A#${projectId}`;
}

/** The entries of a project, or those of a member alone, each followed by its time. */
export function activityPrefix(memberId: string | undefined): string {
  return memberId === undefined ? "ALL#" : `OF#${memberId}#`;
}

/** Made of what the entry tells and nothing else: told again, it is the same one. */
export function activityKey(
  projectId: string,
  memberId: string | undefined,
  entry: { readonly at: string; readonly resourceId: string; readonly revision: number },
): Key {
  const { at, resourceId, revision } = entry;
  return {
    pk: activityPartition(projectId),
    sk: `${activityPrefix(memberId)}${at}#${resourceId}#${revision}`,
  };
}

/** What of the stream the activity trail is told by: keys that begin so. Nothing that it writes itself is among them. */
export const toldBy = {
  member: { pk: membersStart },
  /** The pages of its members have keys of this beginning, too. */
  group: { pk: ringingPrefix },
  project: { pk: projectsPartition },
  connection: { pk: "P#", sk: connectionPrefix },
  formerConnection: { pk: "P#", sk: formerPrefix },
  formerGroup: { pk: "P#", sk: formerGroupPrefix },
  failure: { pk: failuresStart },
} as const;

/** The kind of an item that the activity trail is told by, and its project; undefined for any other. */
export function toldItemOf(
  key: Key,
): { readonly kind: keyof typeof toldBy; readonly projectId: string } | undefined {
  const kinds = Object.keys(toldBy) as (keyof typeof toldBy)[];
  const kind = kinds.find((one) => {
    const { pk, sk = "" }: { readonly pk: string; readonly sk?: string } = toldBy[one];
    return key.pk.startsWith(pk) && key.sk.startsWith(sk);
  });
  const [, projectId = "", further] = key.pk.split("#");
  // Members lie in blocks; what else goes on behind the project is something else, such as a page of a group.
  if (kind === undefined || (kind !== "member" && further !== undefined)) {
    return undefined;
  }
  return { kind, projectId: kind === "project" ? key.sk : projectId };
}
