/**
 * Brings a child's copy of one user of its parent to what that user is now (API.md §5): the plan (`copy-plan.ts`) applied.
 * Whoever is there already in the child's project is met as by a SCIM request that creates a user.
 */

import { RequestError } from "../scim/error.ts";
import { readConnection } from "../table/connections.ts";
import { type Key, memberKey } from "../table/keys.ts";
import { externalIdKeysOf } from "../table/member-pointers.ts";
import { readWhereItMoved } from "../table/member-reads.ts";
import { claimKeysOf, neverWrites, parseMemberRow } from "../table/members.ts";
import { copyOfNumber, numbersPerInheritance } from "../table/numbers.ts";
import { overtaken } from "../table/retry.ts";
import { projectIsThere, readSeatPools } from "../table/seat-pools.ts";
import type { Item, ItemsByKey } from "../table/store.ts";
import { type Connection, projectIdOf } from "./connection.ts";
import { type Context, now } from "./context.ts";
import { type CopyAt, ended, lastVersion, planCopy, type Source } from "./copy-plan.ts";
import { lastConnectionOf, type Member, userNameOf } from "./member.ts";
import {
  type ChangeGround,
  changing,
  commit,
  groundOf,
  type MemberChange,
  readGround,
  takenName,
} from "./member-change.ts";
import { conflict, quotaExceeded } from "./refusals.ts";
import { adopted, newcomer, whoIsThere } from "./users.ts";

/** A child as its link has it: with its parent's settings. */
export interface Heir {
  readonly parent: Connection;
  readonly child: Connection;
  /** Its number among the inheritances of its project. */
  readonly ordinal: number;
  /** Whether there may be open sync failures of it. */
  readonly failing: boolean;
}

/** What was read of the user that is copied. */
export interface SeenSource {
  /** Under which it lives now. */
  readonly number: number;
  /** Undefined where there is no such user any more. */
  readonly userName: string | undefined;
  readonly version: number;
}

export type CopyOutcome = "unchanged" | "changed";

export interface CopyOptions {
  /** Hears of each state of the source that is acted upon, the last of them last. */
  readonly tell?: (source: SeenSource) => unknown;
  /** The source's item as it was read shortly before; should it be older than the copy, it is read again. */
  readonly known?: Item;
  /** Users whose copying waits for this one's. */
  readonly underWay?: ReadonlySet<number>;
}

/**
 * Copies the user that has this number at the parent. Throws the refusal (`RequestError`) of what the child cannot take; then
 * the copy is as it was.
 */
export function copyUser(
  context: Context,
  heir: Heir,
  number: number,
  { tell, known, underWay = new Set() }: CopyOptions = {},
): Promise<CopyOutcome> {
  const { parent, child, ordinal } = heir;
  const [fromProject, toProject] = [projectIdOf(parent), projectIdOf(child)];
  const place = copyOfNumber(ordinal, number);
  const keys = [memberKey(fromProject, number), memberKey(toProject, place)] as const;

  let attempts = 0;
  return changing(context, async () => {
    const isFirst = attempts++ === 0;
    if (!isFirst && (await hasEnded(context, heir))) {
      return "unchanged";
    }
    const items = await readBoth(context, keys, isFirst ? known : undefined);
    const source = await sourceAt(context, parent, items.get(keys[0]));
    const at = copyAt(toProject, child, items.get(keys[1]));
    if (source.kind === "moved") {
      return copyMoved(context, heir, { number, to: source.to, at }, { ...(tell && { tell }), underWay });
    }
    tell?.(
      source.kind === "user"
        ? { number, userName: userNameOf(source.member.attributes), version: source.member.version }
        : { number, userName: undefined, version: source.version },
    );
    try {
      return await carriedOut(context, heir, { number, source, at, underWay });
    } catch (error) {
      // Refused, but perhaps only because another run has done it meanwhile.
      if (error instanceof RequestError && (await hasChanged(context, keys, items))) {
        overtaken();
      }
      throw error;
    }
  });
}

interface Move {
  readonly number: number;
  readonly to: number;
  /** What was found of the copy under the number that was left. */
  readonly at: CopyAt;
}

/**
 * What the user is now is copied to where it is now, the copy from here if need be. If that one did not come along, it
 * ends: the user it is of was deleted before it came back, which is as much as the child can take in any case.
 */
async function copyMoved(
  context: Context,
  heir: Heir,
  { number, to, at }: Move,
  options: CopyOptions,
): Promise<CopyOutcome> {
  const endWhatStayed = async () => {
    if (linkedTo(heir.child, at) !== undefined) {
      await endCopyOf(context, heir, number);
    }
  };
  try {
    const outcome = await copyUser(context, heir, to, options);
    await endWhatStayed();
    return outcome;
  } catch (error) {
    if (isTheChilds(error)) {
      await endWhatStayed();
    }
    throw error;
  }
}

function linkedTo(child: Connection, copy: CopyAt): Member | undefined {
  return copy.kind === "copy" && copy.member.connectionId === child.id ? copy.member : undefined;
}

async function endCopyOf(context: Context, { child, ordinal }: Heir, number: number): Promise<void> {
  const projectId = projectIdOf(child);
  const key = memberKey(projectId, copyOfNumber(ordinal, number));
  await changing(context, async () => {
    const copy = linkedTo(child, copyAt(projectId, child, (await context.store.read([key])).get(key)));
    if (copy !== undefined) {
      await replaceCopy(context, copy, ended(copy, child, lastVersion, now(context)));
    }
  });
}

async function readBoth(
  { store }: Context,
  keys: readonly [Key, Key],
  known: Item | undefined,
): Promise<ItemsByKey> {
  const [, copyKey] = keys;
  const items = await store.read(known === undefined ? keys : [copyKey]);
  return known === undefined ? items : { get: (key) => (key === copyKey ? items.get(key) : known) };
}

interface Ground {
  readonly number: number;
  readonly source: Source;
  readonly at: CopyAt;
  readonly underWay: ReadonlySet<number>;
}

async function carriedOut(
  context: Context,
  heir: Heir,
  { number, source, at, underWay }: Ground,
): Promise<CopyOutcome> {
  const { child, ordinal } = heir;
  const place = copyOfNumber(ordinal, number);
  const plan = planCopy(source, at, child, now(context));
  switch (plan.kind) {
    case "nothing":
      return "unchanged";
    case "stale":
      return overtaken();
    case "never":
      return leaveWord(context, child, place, plan.version, at);
    case "change": {
      const before = at.kind === "copy" ? at.member : overtaken();
      return change(context, heir, { before, after: plan.after, newNumber: false }, { underWay, number });
    }
    case "take": {
      const returning = at.kind === "copy" ? at.member : await formerCopy(context, heir, plan.member);
      const hasLeft = at.kind === "left" || at.kind === "never";
      return take(context, heir, plan.member, { place, returning, hasLeft }, underWay);
    }
  }
}

async function hasChanged({ store }: Context, keys: readonly Key[], seen: ItemsByKey): Promise<boolean> {
  const items = await store.read(keys);
  return keys.some((key) => items.get(key)?.["revision"] !== seen.get(key)?.["revision"]);
}

/** Whether there is nothing to be carried any more: the child has gone, or SCIM was switched off. */
export async function hasEnded({ store }: Context, { child }: Heir): Promise<boolean> {
  return (await readConnection(store, child.id))?.scimEnabled !== true;
}

type SourceRead = Source | { readonly kind: "moved"; readonly to: number };

async function sourceAt(context: Context, parent: Connection, item: Item | undefined): Promise<SourceRead> {
  const projectId = projectIdOf(parent);
  const row = item && parseMemberRow(projectId, item);
  if (row?.kind === "member") {
    const { member } = row;
    return member.connectionId === parent.id
      ? { kind: "user", member }
      : { kind: "gone", version: member.version };
  }
  if (row?.kind === "moved") {
    const now = await readWhereItMoved(context.store, projectId, row.to);
    return now?.connectionId === parent.id
      ? { kind: "moved", to: now.number }
      : { kind: "gone", version: lastVersion };
  }
  return { kind: "gone", version: lastVersion };
}

function copyAt(projectId: string, child: Connection, item: Item | undefined): CopyAt {
  const row = item && parseMemberRow(projectId, item);
  switch (row?.kind) {
    case undefined:
      return { kind: "nothing" };
    case "moved":
      return { kind: "left" };
    case "never":
      return row;
    case "member":
      return lastConnectionOf(row.member) === child.id
        ? { kind: "copy", member: row.member }
        : { kind: "left" };
  }
}

/** The copy under the number that a user had before it returned to its parent under another one. */
async function formerCopy(
  context: Context,
  { parent, child, ordinal }: Heir,
  source: Member,
): Promise<Member | undefined> {
  const [fromProject, toProject] = [projectIdOf(parent), projectIdOf(child)];
  // Who was a copy itself in between may have been at one number more than once.
  const seen = new Set<number>();
  for (let number = source.movedFrom; number !== undefined && !seen.has(number); ) {
    seen.add(number);
    const [fromKey, key] = [
      memberKey(fromProject, number),
      memberKey(toProject, copyOfNumber(ordinal, number)),
    ];
    const items = await context.store.read([fromKey, key]);
    const at = copyAt(toProject, child, items.get(key));
    if (at.kind === "copy") {
      return at.member;
    }
    const item = items.get(fromKey);
    const stub = item && parseMemberRow(fromProject, item);
    number = stub?.kind === "moved" ? stub.from : undefined;
  }
  return undefined;
}

interface Place {
  readonly place: number;
  readonly returning: Member | undefined;
  /** The place stands among the departed: somebody was there and went, or nobody was to come any more. */
  readonly hasLeft: boolean;
}

async function take(
  context: Context,
  heir: Heir,
  source: Member,
  at: Place,
  underWay: ReadonlySet<number>,
): Promise<CopyOutcome> {
  const { returning } = at;
  if (returning === undefined) {
    return arrive(context, heir, source, at, underWay);
  }
  const { child } = heir;
  const after = copied(adopted(returning, child, source.attributes, now(context)), source, at.place);
  const back = { before: returning, after, newNumber: false, returns: at.hasLeft };
  const names = claimKeysOf(projectIdOf(child), source.attributes);
  const ground = await readGround(context, back, names);
  const holders = names.map((key) => ground.claimAt(key).holder).filter((holder) => holder !== undefined);
  const isElsewhere = returning.number !== at.place;
  if (isElsewhere && holders.length > 0 && !holders.includes(returning.number)) {
    // As a request that creates a user, it meets whoever has its names by now.
    return arrive(context, heir, source, at, underWay);
  }
  return change(context, heir, back, { underWay, number: source.number, ground });
}

function copied(member: Member, { version }: Member, place: number): Member {
  return { ...member, number: place, sourceVersion: version };
}

/** The user is linked to the member that is there already, or made. */
async function arrive(
  context: Context,
  heir: Heir,
  source: Member,
  { place, hasLeft }: Place,
  underWay: ReadonlySet<number>,
): Promise<CopyOutcome> {
  const { child } = heir;
  const projectId = projectIdOf(child);
  const { attributes } = source;
  const at = now(context);
  const keys = [...claimKeysOf(projectId, attributes), ...externalIdKeysOf(child.id, attributes)];
  const [items, pools] = await Promise.all([
    context.store.read(keys),
    readSeatPools(context.store, projectId),
  ]);
  const ground = groundOf(items, pools);
  for (const key of claimKeysOf(projectId, attributes)) {
    await standAside(context, heir, ground.claimAt(key).holder, underWay, source.number);
  }
  const met = await whoIsThere(context, child, attributes, ground);
  if (met === undefined) {
    const after = copied(newcomer(child, attributes, at), source, place);
    // Its first number is one of the project's own, and leads to it for ever, wherever it goes from here.
    const arrival = { before: undefined, after, newNumber: true, place, returns: hasLeft };
    await commit(context, arrival, ground, quotaExceeded.toHeir);
    return "changed";
  }
  const after = copied(adopted(met.member, child, attributes, at), source, place);
  const adoption = { before: met.member, after, newNumber: false, returns: hasLeft };
  const touched = await readGround(context, adoption);
  await commit(context, adoption, touched, quotaExceeded.toHeir, met.checks);
  return "changed";
}

/** A change that takes no seat and no name, and so is never refused. */
async function replaceCopy(context: Context, before: Member, after: Member): Promise<void> {
  const wanted = { before, after, newNumber: false };
  await commit(context, wanted, await readGround(context, wanted), quotaExceeded.toHeir);
}

/** A refusal for what is the case in the child's project, which may be so for long; all else is tried again. */
export function isTheChilds(error: unknown): error is RequestError {
  return error instanceof RequestError && error.status < 500 && error.status !== 429;
}

async function change(
  context: Context,
  heir: Heir,
  wanted: MemberChange,
  {
    underWay,
    number,
    ground: read,
  }: { underWay: ReadonlySet<number>; number: number; ground?: ChangeGround },
): Promise<CopyOutcome> {
  const ground = read ?? (await readGround(context, wanted));
  const taken = takenName(wanted.after, ground.claimAt, wanted.before?.number);
  if (taken) {
    await standAside(context, heir, taken.holder, underWay, number);
    throw conflict(
      "duplicate_member",
      `${taken.attribute} "${taken.value}" is already used by another member of the project; choose another one.`,
    );
  }
  await commit(context, wanted, ground, quotaExceeded.toHeir);
  return "changed";
}

/**
 * A name that another copy still has is mostly about to be given up: that one is brought up to date first, and then this
 * one looks again. Where names went round in a circle, the one that began gives its own up for as long as that takes.
 */
async function standAside(
  context: Context,
  heir: Heir,
  holder: number | undefined,
  underWay: ReadonlySet<number>,
  number: number,
): Promise<void> {
  const other = holder === undefined ? undefined : sourceNumberOf(heir.ordinal, holder);
  if (other === undefined) {
    return;
  }
  if (other === number) {
    // Made meanwhile, by another run.
    return overtaken();
  }
  if (underWay.has(other)) {
    await giveUpNames(context, heir, other);
    return overtaken();
  }
  if (underWay.size >= waitingMax) {
    return;
  }
  if (await isBroughtUpToDate(context, heir, other, new Set([...underWay, number]))) {
    overtaken();
  }
}

/** False where nothing was to be done, or the child could not take it: a sync failure of that one, when its turn comes. */
async function isBroughtUpToDate(
  context: Context,
  heir: Heir,
  number: number,
  underWay: ReadonlySet<number>,
): Promise<boolean> {
  try {
    return (await copyUser(context, heir, number, { underWay })) === "changed";
  } catch (error) {
    if (isTheChilds(error)) {
      return false;
    }
    throw error;
  }
}

/** Copies that wait for one another's names. Our choice: each is a few reads and a call deeper. */
const waitingMax = 50;

/** The number at the parent of a member of the child's project; undefined for one that is no copy of this inheritance. */
export function sourceNumberOf(ordinal: number, number: number): number | undefined {
  const from = ordinal * numbersPerInheritance;
  return number >= from && number < from + numbersPerInheritance ? number - from : undefined;
}

/** Its copying is under way, and goes on once the others have theirs. */
async function giveUpNames(context: Context, { child, ordinal }: Heir, number: number): Promise<void> {
  const projectId = projectIdOf(child);
  const key: Key = memberKey(projectId, copyOfNumber(ordinal, number));
  const at = copyAt(projectId, child, (await context.store.read([key])).get(key));
  if (at.kind !== "copy") {
    return;
  }
  const before = at.member;
  const { emails: _, ...others } = before.attributes;
  const userName = `${userNameOf(before.attributes)} (being renamed, ${before.number})`;
  await replaceCopy(context, before, {
    ...before,
    attributes: { ...others, userName },
    updatedAt: now(context),
    revision: before.revision + 1,
  });
}

async function leaveWord(
  context: Context,
  child: Connection,
  number: number,
  goneAtVersion: number,
  at: CopyAt,
): Promise<CopyOutcome> {
  const projectId = projectIdOf(child);
  const seen = at.kind === "never" ? at.goneAtVersion : undefined;
  const outcome = await context.store.transact([
    ...neverWrites({ projectId, connectionId: child.id, number, goneAtVersion }, seen),
    projectIsThere(projectId, context.spread()),
  ]);
  return outcome === "done" ? "changed" : overtaken();
}
