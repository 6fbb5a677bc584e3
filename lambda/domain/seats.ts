/**
 * Seats. A quota is split over a project's seat pools, one per stripe, so that parallel creates seldom meet: each pool
 * has a share of every quota and counts what of it is in use. A seat belongs to nobody's pool: it may be taken from
 * one and given back to another.
 *
 * What makes it exact: shares always sum to the quota; a seat is taken only where `used < share`, by a conditional
 * write; and while usage is above a lowered quota no pool has room, because seats given back go first to the pools
 * that are over their share. Every seat write names the `split` it was planned under, so that none works with the
 * shares of another quota.
 */

import { quotaNearlyUsedPercent } from "./limits.ts";

export const seatKinds = ["users", "reviewers", "readers"] as const;
export type SeatKind = (typeof seatKinds)[number];

export type SeatCounts = Readonly<Record<SeatKind, number>>;
/** Null is unlimited. */
export type Quotas = Readonly<Record<SeatKind, number | null>>;

export interface SeatPool {
  readonly stripe: number;
  /** Which splitting of the quotas its shares are of. */
  readonly split: number;
  /** The next ordinal of this stripe's member numbers. */
  readonly next: number;
  readonly used: SeatCounts;
  readonly share: Quotas;
}

/** How far a quota is used up. */
export interface QuotaUse {
  readonly kind: SeatKind;
  readonly used: number;
  readonly quota: number;
}

export interface SeatChange {
  readonly release?: SeatKind | undefined;
  readonly take?: SeatKind | undefined;
  /** Whether a new member number is wanted, too. */
  readonly newNumber: boolean;
}

/** What one pool's item must do; conditions follow from it: see `lambda/table/seat-pools.ts`. */
export interface PoolStep {
  readonly pool: SeatPool;
  readonly release?: SeatKind;
  /** The released seat must come from a pool that is over its share. */
  readonly releaseOnlyOver?: boolean;
  readonly take?: SeatKind;
  /** Where a new number is wanted: which one of the stripe's. */
  readonly ordinal?: number;
}

export type SeatPlan =
  | { readonly kind: "steps"; readonly steps: readonly PoolStep[] }
  | { readonly kind: "full"; readonly seat: SeatKind; readonly quota: number }
  /** The pools were read while they changed, and contradict the change asked for: read again. */
  | { readonly kind: "stale" };

/** Which pools to touch for a change, at most two of them. `choice` is in [0, 1). */
export function planSeats(pools: readonly SeatPool[], change: SeatChange, choice: () => number): SeatPlan {
  const { newNumber } = change;
  // Within one kind nothing moves.
  const [take, release] = change.take === change.release ? [] : [change.take, change.release];
  const takers = take === undefined ? pools : pools.filter((pool) => roomIn(pool, take) > 0);
  const releasers = release === undefined ? [] : releasable(pools, release);
  if (release !== undefined && releasers.length === 0) {
    return { kind: "stale" };
  }
  if (take !== undefined && takers.length === 0) {
    return { kind: "full", seat: take, quota: quotaOf(pools, take) ?? 0 };
  }
  // One pool that can do both saves a write.
  const both = releasers.filter((pool) => takers.includes(pool));
  const taker =
    take === undefined && !newNumber
      ? undefined
      : pick(newNumber ? leastFilled(takers, pools) : both.length > 0 ? both : takers, choice);
  const releaser = taker !== undefined && releasers.includes(taker) ? taker : pick(releasers, choice);
  const steps = [taker, releaser]
    .filter((pool) => pool !== undefined)
    .filter((pool, index, all) => all.indexOf(pool) === index)
    .map(
      (pool): PoolStep => ({
        pool,
        ...(pool === releaser &&
          release !== undefined && { release, releaseOnlyOver: isOver(pool, release) }),
        ...(pool === taker && take !== undefined && { take }),
        ...(pool === taker && newNumber && { ordinal: nextOrdinal(pool, pools) }),
      }),
    );
  return { kind: "steps", steps };
}

/** Shares of new quotas that keep the promises above, given what each pool has in use. */
export function splitQuotas(used: readonly SeatCounts[], quotas: Quotas): readonly Quotas[] {
  const shares = seatKinds.map((kind) =>
    splitQuota(
      used.map((counts) => counts[kind]),
      quotas[kind],
    ),
  );
  return used.map((_, pool) => ({
    users: shares[0]![pool]!,
    reviewers: shares[1]![pool]!,
    readers: shares[2]![pool]!,
  }));
}

function splitQuota(used: readonly number[], quota: number | null): readonly (number | null)[] {
  if (quota === null) {
    return used.map(() => null);
  }
  const usage = used.reduce((sum, count) => sum + count, 0);
  const shares = [...used];
  // Room is dealt out to, or excess taken from, the pools in turn; only ever one of the two.
  let room = quota - usage;
  const even = Math.floor(Math.max(room, 0) / used.length);
  for (let pool = 0; pool < shares.length; pool++) {
    shares[pool]! += even;
    room -= room > 0 ? even : 0;
  }
  for (let pool = 0; room > 0; pool = (pool + 1) % shares.length, room--) {
    shares[pool]!++;
  }
  for (let pool = 0; room < 0; pool++) {
    const less = Math.min(shares[pool]!, -room);
    shares[pool]! -= less;
    room += less;
  }
  return shares;
}

export function usageOf(pools: readonly SeatPool[]): SeatCounts {
  const sum = (kind: SeatKind) => pools.reduce((total, pool) => total + pool.used[kind], 0);
  return { users: sum("users"), reviewers: sum("reviewers"), readers: sum("readers") };
}

export function quotaOf(pools: readonly SeatPool[], kind: SeatKind): number | null {
  return pools.reduce<number | null>((total, pool) => {
    const share = pool.share[kind];
    return total === null || share === null ? null : total + share;
  }, 0);
}

/** What is in use of a quota once one more seat of it is taken, if that is nearly all; `pools` as they were before. */
export function nearlyUsed(pools: readonly SeatPool[], kind: SeatKind): QuotaUse | undefined {
  const quota = quotaOf(pools, kind);
  if (quota === null) {
    return undefined;
  }
  // A seat that wandered while the pools were read one by one may count twice, yet none is taken above the quota.
  const used = Math.min(usageOf(pools)[kind] + 1, quota);
  return 100 * used >= quotaNearlyUsedPercent * quota ? { kind, used, quota } : undefined;
}

/** Seats still free. None where usage is above a lowered quota; null is unlimited. */
export function seatsLeft(quotas: Quotas, usage: SeatCounts): Quotas {
  const left = (kind: SeatKind) => {
    const quota = quotas[kind];
    return quota === null ? null : Math.max(0, quota - usage[kind]);
  };
  return { users: left("users"), reviewers: left("reviewers"), readers: left("readers") };
}

function roomIn(pool: SeatPool, kind: SeatKind): number {
  const share = pool.share[kind];
  return share === null ? Number.POSITIVE_INFINITY : share - pool.used[kind];
}

function isOver(pool: SeatPool, kind: SeatKind): boolean {
  return roomIn(pool, kind) < 0;
}

/** Pools that can give a seat back: those over their share if there are any, else those with one in use. */
function releasable(pools: readonly SeatPool[], kind: SeatKind): readonly SeatPool[] {
  const over = pools.filter((pool) => isOver(pool, kind));
  return over.length > 0 ? over : pools.filter((pool) => pool.used[kind] > 0);
}

/** A stripe further behind the foremost one than this leaves its numbers out. */
const lagMax = 2;

/**
 * The number a stripe gives next. One that long had no room (a small quota fills some pools only) catches up by leaving
 * numbers out, so that numbers keep rising with time, and lists do not change in their middle.
 */
function nextOrdinal(pool: SeatPool, pools: readonly SeatPool[]): number {
  return Math.max(pool.next, Math.max(...pools.map(({ next }) => next)) - lagMax);
}

/** Those within one number of the least advanced: none runs ahead, and parallel creates still spread. */
function leastFilled(takers: readonly SeatPool[], pools: readonly SeatPool[]): readonly SeatPool[] {
  const least = Math.min(...takers.map((pool) => nextOrdinal(pool, pools)));
  return takers.filter((pool) => nextOrdinal(pool, pools) <= least + 1);
}

function pick(pools: readonly SeatPool[], choice: () => number): SeatPool | undefined {
  return pools[Math.floor(choice() * pools.length)];
}
