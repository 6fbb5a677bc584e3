import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  planSeats,
  quotaOf,
  type SeatChange,
  type SeatCounts,
  type SeatPool,
  seatKinds,
  splitQuotas,
  usageOf,
} from "../../lambda/domain/seats.ts";

const poolCount = 8;
const counts = fc.array(fc.nat(20), { minLength: poolCount, maxLength: poolCount });
const quota = fc.option(fc.nat(200), { nil: null });

function poolsOf(used: readonly SeatCounts[], quotas: Parameters<typeof splitQuotas>[1]): SeatPool[] {
  const shares = splitQuotas(used, quotas);
  return used.map((pool, stripe) => ({ stripe, split: 1, next: 0, used: pool, share: shares[stripe]! }));
}

/** What the conditional writes of a plan do; throws where a condition would not hold. */
function carriedOut(pools: readonly SeatPool[], change: SeatChange, random: () => number) {
  const plan = planSeats(pools, change, random);
  if (plan.kind !== "steps") {
    return { plan, pools };
  }
  const after = pools.map((pool) => {
    const step = plan.steps.find((candidate) => candidate.pool.stripe === pool.stripe);
    if (!step) {
      return pool;
    }
    const used = { ...pool.used };
    if (step.release) {
      expect(used[step.release]).toBeGreaterThan(step.releaseOnlyOver ? pool.share[step.release]! : 0);
      used[step.release]--;
    }
    if (step.take) {
      const share = pool.share[step.take];
      expect(share === null || used[step.take] < share).toBe(true);
      used[step.take]++;
    }
    return { ...pool, used, next: step.ordinal === undefined ? pool.next : step.ordinal + 1 };
  });
  return { plan, pools: after };
}

const usedOf = (users: readonly number[]) =>
  users.map((count) => ({ users: count, reviewers: 0, readers: 0 }));

describe("splitting a quota", () => {
  it("shares sum to the quota, whatever is in use; null stays unlimited", () => {
    fc.assert(
      fc.property(counts, quota, (users, limit) => {
        const shares = splitQuotas(usedOf(users), { users: limit, reviewers: 0, readers: null });
        const sum = shares.reduce((total, share) => total + (share.users ?? 0), 0);
        expect(sum).toBe(limit ?? 0);
        expect(shares.every((share) => share.readers === null && share.reviewers === 0)).toBe(true);
      }),
    );
  });

  it("within the quota every pool keeps what it uses; above it no pool has room", () => {
    fc.assert(
      fc.property(counts, fc.nat(200), (users, limit) => {
        const usage = users.reduce((sum, count) => sum + count, 0);
        const shares = splitQuotas(usedOf(users), { users: limit, reviewers: null, readers: null });
        for (const [pool, share] of shares.entries()) {
          expect(share.users).toBeGreaterThanOrEqual(0);
          if (usage <= limit) {
            expect(share.users).toBeGreaterThanOrEqual(users[pool]!);
          } else {
            expect(share.users).toBeLessThanOrEqual(users[pool]!);
          }
        }
      }),
    );
  });

  it("deals room out evenly, so that parallel creates spread", () => {
    const none = usedOf(Array.from({ length: poolCount }, () => 0));
    expect(splitQuotas(none, { users: 10, reviewers: 0, readers: 0 }).map((share) => share.users)).toEqual([
      2, 2, 1, 1, 1, 1, 1, 1,
    ]);
  });
});

describe("planning seats", () => {
  it("usage moves by exactly one and never above the quota, in any sequence, also after the quota was lowered", () => {
    const step = fc.record({
      release: fc.option(fc.constantFrom(...seatKinds), { nil: undefined }),
      take: fc.option(fc.constantFrom(...seatKinds), { nil: undefined }),
      newNumber: fc.boolean(),
      dice: fc.double({ min: 0, max: 0.999, noNaN: true }),
    });
    fc.assert(
      fc.property(counts, fc.nat(100), fc.array(step, { maxLength: 60 }), (users, limit, steps) => {
        let pools: readonly SeatPool[] = poolsOf(usedOf(users), {
          users: limit,
          reviewers: 7,
          readers: null,
        });
        for (const { dice, ...change } of steps) {
          const before = usageOf(pools);
          if (change.release && before[change.release] === 0 && change.release !== change.take) {
            continue;
          }
          const outcome = carriedOut(pools, change, () => dice);
          const moved: typeof change =
            change.take === change.release
              ? { newNumber: false, take: undefined, release: undefined }
              : change;
          if (outcome.plan.kind === "full") {
            expect(before[outcome.plan.seat]).toBeGreaterThanOrEqual(quotaOf(pools, outcome.plan.seat)!);
            continue;
          }
          const after = usageOf(outcome.pools);
          for (const kind of seatKinds) {
            const expected = (moved.take === kind ? 1 : 0) - (moved.release === kind ? 1 : 0);
            expect(after[kind] - before[kind]).toBe(expected);
          }
          if (moved.take && quotaOf(pools, moved.take) !== null) {
            expect(after[moved.take]).toBeLessThanOrEqual(quotaOf(pools, moved.take)!);
          }
          pools = outcome.pools;
        }
      }),
    );
  });

  it("fills to the last seat: full is said only when no pool has room", () => {
    let pools: readonly SeatPool[] = poolsOf(usedOf([0, 0, 0, 0, 0, 0, 0, 0]), {
      users: 11,
      reviewers: 0,
      readers: 0,
    });
    for (let seat = 0; seat < 11; seat++) {
      const outcome = carriedOut(pools, { take: "users", newNumber: true }, () => 0.5);
      expect(outcome.plan.kind).toBe("steps");
      pools = outcome.pools;
    }
    expect(planSeats(pools, { take: "users", newNumber: true }, () => 0.5)).toEqual({
      kind: "full",
      seat: "users",
      quota: 11,
    });
  });

  it("a change within one kind touches no pool, and one pool serves both sides where it can", () => {
    const pools = poolsOf(usedOf([1, 1, 1, 1, 1, 1, 1, 1]), { users: 20, reviewers: 8, readers: 8 });
    expect(planSeats(pools, { take: "users", release: "users", newNumber: false }, () => 0)).toEqual({
      kind: "steps",
      steps: [],
    });
    const plan = planSeats(pools, { take: "readers", release: "users", newNumber: false }, () => 0);
    expect(plan.kind === "steps" && plan.steps).toHaveLength(1);
  });

  it("a release that no pool can account for is stale, not lost", () => {
    const pools = poolsOf(usedOf([0, 0, 0, 0, 0, 0, 0, 0]), { users: 20, reviewers: 8, readers: 8 });
    expect(planSeats(pools, { release: "users", newNumber: false }, () => 0)).toEqual({ kind: "stale" });
  });
});

describe("numbers", () => {
  it("a stripe that fell behind catches up by leaving numbers out, so that new users stay at the end of lists", () => {
    const pools = poolsOf(usedOf([0, 0, 0, 0, 0, 0, 0, 0]), { users: 80, reviewers: 0, readers: 0 }).map(
      (pool) => ({ ...pool, next: pool.stripe < 2 ? 500 : 0 }),
    );
    for (const dice of [0, 0.3, 0.6, 0.99]) {
      const plan = planSeats(pools, { take: "users", newNumber: true }, () => dice);
      expect(plan.kind === "steps" && plan.steps[0]!.ordinal).toBeGreaterThanOrEqual(498);
    }
  });

  it("stripes in step leave no number out", () => {
    let pools: readonly SeatPool[] = poolsOf(usedOf([0, 0, 0, 0, 0, 0, 0, 0]), {
      users: null,
      reviewers: null,
      readers: null,
    });
    const given = new Set<number>();
    let last = 0;
    for (let create = 0; create < 800; create++) {
      last = (last + 0.618) % 1;
      const plan = planSeats(pools, { take: "users", newNumber: true }, () => last);
      const step = plan.kind === "steps" ? plan.steps[0]! : undefined;
      given.add(step!.ordinal! * poolCount + step!.pool.stripe);
      pools = pools.map((pool) =>
        pool.stripe === step!.pool.stripe ? { ...pool, next: step!.ordinal! + 1 } : pool,
      );
    }
    expect(given.size).toBe(800);
    expect(Math.max(...given)).toBeLessThan(800 + 3 * poolCount);
  });
});
