/** Writes one change of one member: row, names, roster and seats together, or nothing. */

import { notFound, type RequestError } from "../scim/error.ts";
import { foldCase } from "../scim/fold.ts";
import { claimKey, type Key, memberKey } from "../table/keys.ts";
import {
  externalIdKeyGained,
  type PointedAt,
  parsePointer,
  withExternalIdPlace,
} from "../table/member-pointers.ts";
import { type Claim, claimKeysTouched, memberWrites, parseClaim } from "../table/members.ts";
import { numberOf } from "../table/numbers.ts";
import { overtaken, untilNotOvertaken } from "../table/retry.ts";
import { readSeatPools, seatWrite, snapshotSeatPools } from "../table/seat-pools.ts";
import type { ItemsByKey, Write } from "../table/store.ts";
import type { Connection } from "./connection.ts";
import type { Context } from "./context.ts";
import { emailOf, type Member, seatOf, userNameOf } from "./member.ts";
import {
  nearlyUsed,
  type PoolStep,
  planSeats,
  type SeatChange,
  type SeatKind,
  type SeatPool,
} from "./seats.ts";

export interface MemberChange {
  /** As read; nothing for a new member. */
  readonly before: Member | undefined;
  /** As wanted. Its `number` is of no account where `newNumber` is set. */
  readonly after: Member;
  readonly newNumber: boolean;
  /** Of a new member: where its row shall be, if not at its first number. */
  readonly place?: number;
  /** Of a copy: that it comes back to the number it is given, which it had left for another. */
  readonly returns?: boolean;
  /** Of somebody new to a connection: the connection, as the change was decided by. */
  readonly arrivesAt?: Connection;
}

/** What has to be known before a change can be written. */
export interface ChangeGround {
  readonly claimAt: (key: Key) => Claim;
  /** Whom an externalId leads to first. */
  readonly externalIdAt: (key: Key) => PointedAt | undefined;
  readonly pools: readonly SeatPool[];
}

export type QuotaRefusal = (kind: SeatKind, limit: number) => RequestError;

/** Past this a change that is overtaken again and again gives up; the function itself has 25 s. */
const changeBudgetMs = 10_000;

/** Runs a read-decide-write cycle until it was not overtaken. */
export function changing<T>(context: Context, change: () => Promise<T>): Promise<T> {
  const deadline = context.clock() + changeBudgetMs;
  return untilNotOvertaken(context.backoff, change, () => context.clock() > deadline);
}

/**
 * Reads what the change touches beside the row: claims whose state changes, an externalId it gains, and pools if a seat
 * does; `others` are read along. One trip.
 */
export async function readGround(
  context: Context,
  change: MemberChange,
  others: readonly Key[] = [],
): Promise<ChangeGround> {
  // A number still to be given differs from any there is, so that claims which follow it count as touched.
  const after = change.newNumber ? { ...change.after, number: Number.NaN } : change.after;
  const gained = externalIdKeyGained(change.before, after);
  const touched = [...claimKeysTouched(change.before, after), ...(gained === undefined ? [] : [gained])];
  const isTouched = (key: Key) => touched.some(({ pk, sk }) => pk === key.pk && sk === key.sk);
  const keys = [...touched, ...others.filter((key) => !isTouched(key))];
  const [items, pools] = await Promise.all([
    keys.length > 0 ? context.store.read(keys) : undefined,
    touchesSeats(change) ? readSeatPools(context.store, change.after.projectId) : [],
  ]);
  return groundOf(items, pools);
}

export function groundOf(items: ItemsByKey | undefined, pools: readonly SeatPool[]): ChangeGround {
  return {
    claimAt: (key) => parseClaim(items?.get(key)),
    externalIdAt: (key) => parsePointer(items?.get(key)),
    pools,
  };
}

/**
 * Commits, and returns the member as written. `refuse` words the refusal when no seat is free; `checks` are further
 * conditions under which the change holds.
 */
export async function commit(
  context: Context,
  change: MemberChange,
  ground: ChangeGround,
  refuse: QuotaRefusal,
  checks: readonly Write[] = [],
): Promise<Member> {
  const { before, after } = change;
  const plan = touchesSeats(change) ? await seatPlan(context, change, ground.pools, refuse) : undefined;
  const steps = plan?.steps ?? [];
  const source = steps.find((step) => step.ordinal !== undefined);
  const given = source?.ordinal !== undefined ? numberOf(source.pool.stripe, source.ordinal) : after.number;
  const number = change.place ?? given;
  const numbered: Member = { ...after, number, homeNumber: before ? before.homeNumber : given };
  const member = withExternalIdPlace(before, numbered, ground.externalIdAt);
  const outcome = await context.store.transact([
    ...memberWrites(change, member, ground.claimAt, context.actor),
    ...steps.map((step) => seatWrite(member.projectId, step)),
    ...checks,
  ]);
  if (outcome !== "done") {
    overtaken();
  }
  if (plan !== undefined) {
    tellIfNearlyUsed(context, member.projectId, plan);
  }
  return member;
}

export interface TakenName {
  readonly attribute: "userName" | "email";
  readonly value: string;
  /** The number of the member that holds it. */
  readonly holder: number;
}

/** The first of a live member's names that another one holds. `before`: the number it has held them under itself. */
export function takenName(
  after: Member,
  claimAt: (key: Key) => Claim,
  before: number = after.number,
): TakenName | undefined {
  if (after.deletedAt !== undefined) {
    return undefined;
  }
  const names = { userName: userNameOf(after.attributes), email: emailOf(after.attributes) };
  for (const attribute of ["userName", "email"] as const) {
    const value = names[attribute];
    const holder =
      value === undefined ? undefined : claimAt(claimKey(after.projectId, attribute, foldCase(value))).holder;
    if (value !== undefined && holder !== undefined && holder !== after.number && holder !== before) {
      return { attribute, value, holder };
    }
  }
  return undefined;
}

function touchesSeats(change: MemberChange): boolean {
  const { take, release, newNumber } = seatChange(change);
  return take !== release || newNumber;
}

function seatChange({ before, after, newNumber }: MemberChange): SeatChange {
  return { release: before && seatOf(before), take: seatOf(after), newNumber };
}

interface PlannedSeats {
  readonly steps: readonly PoolStep[];
  /** What they were planned from. */
  readonly seen: readonly SeatPool[];
}

async function seatPlan(
  context: Context,
  change: MemberChange,
  pools: readonly SeatPool[],
  refuse: QuotaRefusal,
): Promise<PlannedSeats> {
  let seen = existing(pools);
  let plan = planSeats(seen, seatChange(change), context.spread);
  if (plan.kind === "full") {
    // Pools read one by one may each look full while a seat wanders between them: only one instant tells.
    seen = existing(await snapshotSeatPools(context.store, change.after.projectId));
    plan = planSeats(seen, seatChange(change), context.spread);
  }
  if (plan.kind === "full") {
    await assertStillSo(context, change.before);
    throw refuse(plan.seat, plan.quota);
  }
  return plan.kind === "steps" ? { steps: plan.steps, seen } : overtaken();
}

/** The last seat may be this very member's by now, given to it by another change since it was read: then start over. */
async function assertStillSo({ store }: Context, before: Member | undefined): Promise<void> {
  if (before === undefined) {
    return;
  }
  const key = memberKey(before.projectId, before.number);
  const item = (await store.read([key])).get(key);
  if (item?.["revision"] !== before.revision) {
    overtaken();
  }
}

/** From the pools as they were read: at worst a seat taken at the same moment is told of with the next one. Never a reason to fail. */
function tellIfNearlyUsed(context: Context, projectId: string, { steps, seen }: PlannedSeats): void {
  const kind = steps.find(({ take }) => take !== undefined)?.take;
  const use = kind && nearlyUsed(seen, kind);
  if (use === undefined) {
    return;
  }
  try {
    context.quotaNearlyUsed({ projectId, ...use });
  } catch (cause) {
    context.warn("That a quota is nearly used could not be told", cause);
  }
}

/** A project without pools is a project that is going. */
function existing(pools: readonly SeatPool[]): readonly SeatPool[] {
  if (pools.length === 0) {
    throw notFound("The project does not exist; it may just have been deleted.");
  }
  return pools;
}
