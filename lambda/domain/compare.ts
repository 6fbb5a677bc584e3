/**
 * Compares what a project holds, item by item, with what it has to hold, and changes nothing: its members, seats, names,
 * rosters and groups; and what it and its parents or children owe one another (API.md §5).
 *
 * A walk in bounded steps, each from the place where the one before ended: a stretch of members, some groups, some copies. So any
 * number of them can be compared, by as many requests as it takes, and at no time more than a stretch is in memory.
 */

import { memberBlocks, type RawStretch, readNumbers, readStretch } from "../table/compare-reads.ts";
import { readConnection } from "../table/connections.ts";
import { childrenOf, readCopyJob, readLink } from "../table/copy-jobs.ts";
import {
  failuresPartition,
  failuresPrefix,
  groupNamesPartition,
  groupsPartition,
  type Key,
  mirrorPartition,
  namesPartition,
  referencesPartition,
} from "../table/keys.ts";
import { isNumberPlace } from "../table/member-walks.ts";
import { parseMemberRow } from "../table/members.ts";
import { copyOfNumber, numbersPerInheritance, stripes } from "../table/numbers.ts";
import { readRoster } from "../table/roster.ts";
import { snapshotProject, snapshotSeatPools } from "../table/seat-pools.ts";
import type { Item } from "../table/store.ts";
import { sortKeyBytesMax, stretchLength } from "../table/walk.ts";
import { childCountCheck, connectionsCheck, failureCheck, formerCheck } from "./compare-connections.ts";
import {
  copiedGroupCheck,
  copyCheck,
  copyingOf,
  inheritedFailureCheck,
  isDone,
  linkCheck,
  type Pair,
  strayCopyCheck,
  underWay,
} from "./compare-copies.ts";
import type { Finding } from "./compare-finding.ts";
import { type CompareGround, inheritancesOf, readCompareGround } from "./compare-ground.ts";
import {
  asideCheck,
  groupCheck,
  groupNameCheck,
  lostMirrorCheck,
  mirrorCheck,
  mirrorsOf,
  wordsChecks,
} from "./compare-groups.ts";
import { type Check, examine, seenItems } from "./compare-looking.ts";
import { memberCheck, nameCheck, referenceCheck } from "./compare-members.ts";
import {
  counted,
  countFindings,
  noSeatsCounted,
  poolFindings,
  type SeatCount,
  sameCounts,
} from "./compare-seats.ts";
import type { Context } from "./context.ts";
import { groupOwner, projectOfConnection } from "./ids.ts";
import { compareBudgetMs, groupsPerCompareStepMax, seatCountsMax } from "./limits.ts";
import type { Member } from "./member.ts";
import { changing } from "./member-change.ts";
import { openProject } from "./projects.ts";
import { usageOf } from "./seats.ts";

/** In this order. */
export const comparePhases = [
  "project",
  "members",
  "names",
  "references",
  "groups",
  "groupNames",
  "mirrors",
  "failures",
  "children",
  "copies",
  "copiedGroups",
] as const;
export type ComparePhase = (typeof comparePhases)[number];

/** How far a walk has come. */
export interface ComparePlace {
  readonly phase: ComparePhase;
  /** What of the phase, or of the connection, was looked at last: a number, or a key. */
  readonly after?: string | undefined;
  /** The project's own. */
  readonly connectionId?: string | undefined;
  /** Of that connection, or itself. */
  readonly childId?: string | undefined;
  readonly seats?: SeatCount | undefined;
}

/** Whether a text from outside can be where a walk has come to in this phase. */
export function isComparePlace(phase: ComparePhase, after: string): boolean {
  switch (phase) {
    case "members":
    case "copies":
      return isNumberPlace(after);
    default:
      return after !== "" && Buffer.byteLength(after) <= sortKeyBytesMax - groupOwner(undefined).length;
  }
}

/** How many were looked at. */
export interface Compared {
  readonly members: number;
  readonly groups: number;
  readonly children: number;
}

export interface Comparison {
  readonly findings: readonly Finding[];
  readonly checked: Compared;
  /** Undefined at the end. */
  readonly next: ComparePlace | undefined;
}

export interface CompareOptions {
  /** Whether what the stream carries is compared, too: it has to be running. Default: true. */
  readonly trailing?: boolean;
}

const nothingCompared: Compared = { members: 0, groups: 0, children: 0 };
export const comparisonStart: ComparePlace = { phase: "project" };

/** As many steps as one request has time for, at least one. 404 for a project that is not there. */
export async function compareProject(
  context: Context,
  projectId: string,
  from: ComparePlace = comparisonStart,
  { trailing = true }: CompareOptions = {},
): Promise<Comparison> {
  const deadline = context.clock() + compareBudgetMs;
  const [ground] = await Promise.all([
    readCompareGround(context, projectId, trailing),
    openProject(context, projectId),
  ]);
  const findings: Finding[] = [];
  let checked = nothingCompared;
  let place: ComparePlace | undefined = from;
  do {
    const step: Step = await phaseStep(context, ground, place);
    findings.push(...step.findings);
    checked = sum(checked, { ...nothingCompared, ...step.checked });
    place = step.next;
  } while (place !== undefined && context.clock() < deadline);
  if (findings.length > 0) {
    // What is on its way out agrees with nothing.
    await openProject(context, projectId);
  }
  return { findings, checked, next: place };
}

export function sum(a: Compared, b: Compared): Compared {
  return {
    members: a.members + b.members,
    groups: a.groups + b.groups,
    children: a.children + b.children,
  };
}

interface Step {
  readonly findings: readonly Finding[];
  readonly checked?: Partial<Compared>;
  readonly next: ComparePlace | undefined;
}

async function phaseStep(context: Context, ground: CompareGround, place: ComparePlace): Promise<Step> {
  const { projectId, trailing } = ground;
  switch (place.phase) {
    case "project":
      return { findings: await projectFindings(context, ground), next: startOf("members") };
    case "members":
      return membersStep(context, ground, place);
    case "names":
      return stretchStep(context, place, { pk: namesPartition(projectId) }, startOf("references"), (key) => [
        nameCheck(ground, key),
      ]);
    case "references":
      return referencesStep(context, ground, place);
    case "groups":
      return groupsStep(context, ground, place);
    case "groupNames":
      return stretchStep(
        context,
        place,
        { pk: groupNamesPartition(projectId) },
        startOf("mirrors"),
        (key) => [groupNameCheck(ground, key)],
      );
    case "mirrors":
      return stretchStep(context, place, { pk: mirrorPartition(projectId) }, startOf("failures"), (key) =>
        trailing ? [lostMirrorCheck(ground, key)] : [],
      );
    case "failures":
      return stretchStep(context, place, { pk: failuresPartition(projectId) }, startOf("children"), (key) => [
        failureCheck(projectId, key),
        ...inheritedFailureChecks(ground, key),
      ]);
    case "children":
      return childrenStep(context, ground, place);
    case "copies":
    case "copiedGroups":
      return pairStep(context, ground, place);
  }
}

function startOf(phase: ComparePhase): ComparePlace {
  return { phase };
}

/** A stretch of the items of a partition, each with its checks. */
async function stretchStep(
  context: Context,
  place: ComparePlace,
  range: { readonly pk: string },
  next: ComparePlace,
  checksOf: (key: Key) => readonly Check[],
): Promise<Step> {
  const { items, after } = await readStretch(context.store, range, place.after, stretchLength);
  const checks = items.flatMap((item) => checksOf(keyOf(item)));
  const findings = await examine(context, checks, seenItems(items));
  return { findings, next: after === undefined ? next : { ...place, after } };
}

function keyOf({ pk, sk }: Item): Key {
  return { pk: String(pk), sk: String(sk) };
}

/** Of a failure of a child that is there. */
function inheritedFailureChecks({ connections, trailing }: CompareGround, key: Key): readonly Check[] {
  const child = connections.find(({ id }) => key.sk.startsWith(failuresPrefix(id)));
  const { id: childId, parentId, ordinal } = child ?? {};
  return !trailing || childId === undefined || parentId === undefined || ordinal === undefined
    ? []
    : [inheritedFailureCheck({ parentId, childId, ordinal }, key)];
}

/** Counts of connections, and pools. */
async function projectFindings(context: Context, ground: CompareGround): Promise<readonly Finding[]> {
  const { projectId, connections } = ground;
  const { project, pools } = await changing(context, () => snapshotProject(context.store, projectId));
  const former = connections.filter(({ isThere, ordinal }) => !isThere && ordinal !== undefined);
  return [
    ...(project === undefined ? [] : poolFindings(project, pools, stripes)),
    ...(await examine(context, [connectionsCheck(projectId), ...former.map(({ id }) => formerCheck(id))])),
  ];
}

/** Everybody there is, was, or is said to be; and the seats that they hold. */
async function membersStep(context: Context, ground: CompareGround, place: ComparePlace): Promise<Step> {
  const { store } = context;
  const { projectId, rosters } = ground;
  const blocks = await changing(context, () => memberBlocks(store, projectId, inheritancesOf(ground)));
  const from = place.after === undefined ? undefined : Number(place.after);
  const stretch = await readNumbers(store, projectId, { blocks, rosters }, from, stretchLength);
  const members = stretch.rows.flatMap((item) => memberIn(projectId, item));
  const seats = counted(place.seats ?? noSeatsCounted, members);
  const isFirstWalk = seats.walk === 1;
  const checks = isFirstWalk ? stretch.numbers.map((number) => memberCheck(ground, number)) : [];
  const seen = seenItems([...stretch.rows, ...stretch.memberGroups, ...stretch.pages], stretch.pageKeys);
  const findings = await examine(context, checks, seen);
  const checked = { members: isFirstWalk ? members.length : 0 };
  if (stretch.after !== undefined) {
    return { findings, checked, next: { phase: "members", after: String(stretch.after), seats } };
  }
  const end = await endOfCount(context, projectId, seats);
  return { findings: [...findings, ...end.findings], checked, next: end.next };
}

/** What cannot be read is found by its check, and holds no seat. */
function memberIn(projectId: string, item: Item): readonly Member[] {
  try {
    const row = parseMemberRow(projectId, item);
    return row.kind === "member" ? [row.member] : [];
  } catch {
    return [];
  }
}

/** Where usage and the seats counted differ, they are counted again, until it is certain (`compare-seats.ts`). */
async function endOfCount(context: Context, projectId: string, count: SeatCount): Promise<Step> {
  const next = startOf("names");
  const findings = countFindings(projectId, count);
  if (findings.length > 0) {
    return { findings, next };
  }
  const usage = usageOf(await changing(context, () => snapshotSeatPools(context.store, projectId)));
  if (sameCounts(usage, count.held)) {
    return { findings: [], next };
  }
  if (count.walk < seatCountsMax) {
    const { walk, digest } = count;
    const seats = { ...noSeatsCounted, walk: walk + 1, before: { digest, usage } };
    return { findings: [], next: { phase: "members", seats } };
  }
  const what = "seats are taken and given back so often that they could not be counted";
  const about = { projectId, connectionId: undefined, resourceId: undefined };
  return { findings: [{ kind: "under_way", ...about, what }], next };
}

/** Connection by connection, those that are gone included. */
async function referencesStep(context: Context, ground: CompareGround, place: ComparePlace): Promise<Step> {
  const ids = ground.connections.map(({ id }) => id);
  const connectionId = ids.find((id) => place.connectionId === undefined || id >= place.connectionId);
  if (connectionId === undefined) {
    return { findings: [], next: startOf("groups") };
  }
  const following = ids.find((id) => id > connectionId);
  const next: ComparePlace =
    following === undefined ? startOf("groups") : { phase: "references", connectionId: following };
  const here: ComparePlace = {
    phase: "references",
    connectionId,
    after: connectionId === place.connectionId ? place.after : undefined,
  };
  return stretchStep(context, here, { pk: referencesPartition(connectionId) }, next, (key) => [
    referenceCheck(ground, connectionId, key),
  ]);
}

async function groupsStep(context: Context, ground: CompareGround, place: ComparePlace): Promise<Step> {
  const { projectId, trailing } = ground;
  const { store } = context;
  const pk = groupsPartition(projectId);
  const { items, after } = await readStretch(store, { pk }, place.after, groupsPerCompareStepMax);
  const ids = items.map(({ sk }) => String(sk));
  const derived = (id: string) => (trailing ? [mirrorCheck(ground, id), asideCheck(ground, id)] : []);
  const checks = ids.flatMap((id) => [groupCheck(ground, id), ...derived(id)]);
  const findings = [...(await examine(context, checks, seenItems(items)))];
  const mirrors = await Promise.all(ids.map((id) => store.query(mirrorsOf(projectId, id))));
  const words = ids.flatMap((id, index) => wordsChecks(ground, id, mirrors[index]!));
  for (let start = 0; start < words.length; start += blocksAtOnceMax) {
    findings.push(...(await examine(context, words.slice(start, start + blocksAtOnceMax))));
  }
  const next = after === undefined ? startOf("groupNames") : { ...place, after };
  return { findings, checked: { groups: ids.length }, next };
}

/** Blocks of members of a group in memory at once: up to 4,096 items each, of a tenth of a kilobyte and more. Our choice. */
const blocksAtOnceMax = 16;

/** The links of the connections that are there, one at a time; behind each that copying has come to its end over, the copies. */
async function childrenStep(context: Context, ground: CompareGround, place: ComparePlace): Promise<Step> {
  const { store } = context;
  const present = ground.connections.filter(({ isThere }) => isThere);
  const own = present.find(({ id }) => place.connectionId === undefined || id >= place.connectionId);
  if (own === undefined) {
    return { findings: [], next: undefined };
  }
  const behind = own.id === place.connectionId ? place.childId : undefined;
  const following = present.find(({ id }) => id > own.id);
  const next = following && { phase: "children" as const, connectionId: following.id };
  const counts =
    own.parentId === undefined && behind === undefined
      ? await examine(context, [childCountCheck(own.id)])
      : [];
  const childId = await nextChild(context, own, behind);
  if (childId === undefined) {
    return { findings: counts, next };
  }
  const parentId = own.parentId ?? own.id;
  const findings = [...counts, ...(await examine(context, [linkCheck({ parentId, childId })]))];
  const here: ComparePlace = { phase: "children", connectionId: own.id, childId };
  const [parent, link, job] = await Promise.all([
    readConnection(store, parentId),
    readLink(store, parentId, childId),
    readCopyJob(store, childId),
  ]);
  const copying = copyingOf(parent, link !== undefined, job);
  const checked = { children: 1 };
  if (copying === undefined || link === undefined || !ground.trailing) {
    return { findings, checked, next: here };
  }
  return isDone(copying)
    ? { findings, checked, next: { ...here, phase: "copies" } }
    : { findings: [...findings, underWay({ childId }, copying)], checked, next: here };
}

/** Of a root, the next of its children; a child is its own. */
async function nextChild(
  { store }: Context,
  { id, parentId }: CompareGround["connections"][number],
  behind: string | undefined,
): Promise<string | undefined> {
  if (parentId !== undefined) {
    return behind === undefined ? id : undefined;
  }
  const [link] = await childrenOf(store, id, { after: behind, limit: 1 });
  return link?.childId;
}

/** The copies of one child. */
async function pairStep(context: Context, ground: CompareGround, place: ComparePlace): Promise<Step> {
  const { connectionId = "", childId = "" } = place;
  const own = ground.connections.find(({ id }) => id === connectionId);
  const parentId = own?.parentId ?? connectionId;
  const link = own && (await readLink(context.store, parentId, childId));
  const next: ComparePlace = { phase: "children", connectionId, childId };
  if (link === undefined) {
    return { findings: [], next };
  }
  const pair = { parentId, childId, ordinal: link.ordinal };
  return place.phase === "copies"
    ? copiesStep(context, pair, place)
    : copiedGroupsStep(context, pair, place, next);
}

/** Users that either side has, in the order of their numbers at the parent. */
async function copiesStep(context: Context, pair: Pair, place: ComparePlace): Promise<Step> {
  const { parentId, childId, ordinal } = pair;
  const [theirs, ours] = await Promise.all([
    readRoster(context.store, parentId),
    readRoster(context.store, childId),
  ]);
  const first = copyOfNumber(ordinal, 0);
  const isCopy = (number: number) => number >= first && number < first + numbersPerInheritance;
  const sources = Float64Array.from(
    new Set([...theirs, ...ours.filter(isCopy).map((number) => number - first)]),
  );
  const from = Number(place.after ?? -1);
  const stretch = sources
    .sort()
    .filter((number) => number > from)
    .subarray(0, stretchLength);
  const strays = place.after === undefined ? ours.filter((number) => !isCopy(number)) : [];
  const findings = await examine(context, [
    ...Array.from(strays, (number) => strayCopyCheck(pair, number)),
    ...Array.from(stretch, (number) => copyCheck(pair, number)),
  ]);
  const next: ComparePlace =
    stretch.length < stretchLength
      ? { ...place, phase: "copiedGroups", after: undefined }
      : { ...place, after: String(stretch.at(-1)) };
  return { findings, next };
}

/** Groups that either side has, in the order of the ends of their ids, which they have in common. */
async function copiedGroupsStep(
  context: Context,
  pair: Pair,
  place: ComparePlace,
  next: ComparePlace,
): Promise<Step> {
  const stretchOf = async (connectionId: string) => {
    const [pk, owner] = [groupsPartition(projectOfConnection(connectionId)), groupOwner(connectionId)];
    const after = place.after === undefined ? undefined : owner + place.after;
    return readStretch(context.store, { pk, prefix: owner }, after, groupsPerCompareStepMax);
  };
  const endsIn = ({ items }: RawStretch, connectionId: string) =>
    items.map(({ sk }) => String(sk).slice(groupOwner(connectionId).length));
  const [theirs, ours] = await Promise.all([stretchOf(pair.parentId), stretchOf(pair.childId)]);
  const [sources, copies] = [endsIn(theirs, pair.parentId), endsIn(ours, pair.childId)];
  // Where one side goes on, the other has been read no further than the one.
  const bounds = [
    ...(theirs.after === undefined ? [] : [sources.at(-1)!]),
    ...(ours.after === undefined ? [] : [copies.at(-1)!]),
  ].sort();
  const bound = bounds[0];
  const ends = [...new Set([...sources, ...copies])].filter((end) => bound === undefined || end <= bound);
  const findings = await examine(
    context,
    ends.map((end) => copiedGroupCheck(pair, end)),
  );
  return { findings, next: bound === undefined ? next : { ...place, after: bound } };
}
