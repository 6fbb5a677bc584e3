/** The seat pools of a project, one item a stripe: counters of seats in use, shares of the quotas, the next number. */

import * as z from "zod";
import type { Project } from "../domain/project.ts";
import { type PoolStep, type Quotas, type SeatPool, seatKinds, splitQuotas } from "../domain/seats.ts";
import { type Key, projectKey, seatPoolKey, seatsPartition } from "./keys.ts";
import { numberOf, stripes } from "./numbers.ts";
import { parseProject } from "./projects.ts";
import { overtaken } from "./retry.ts";
import { absent, type Item, type ItemsByKey, present, type Store, type Write } from "./store.ts";

const share = z
  .number()
  .optional()
  .transform((value) => value ?? null);

const poolItem = z
  .object({
    sk: z.string(),
    quotaSplit: z.number(),
    next: z.number(),
    usersUsed: z.number(),
    reviewersUsed: z.number(),
    readersUsed: z.number(),
    usersShare: share,
    reviewersShare: share,
    readersShare: share,
  })
  .transform(
    (item): SeatPool => ({
      stripe: Number(item.sk),
      split: item.quotaSplit,
      next: item.next,
      used: { users: item.usersUsed, reviewers: item.reviewersUsed, readers: item.readersUsed },
      share: { users: item.usersShare, reviewers: item.reviewersShare, readers: item.readersShare },
    }),
  );

/** All pools by one strong Query: exact one by one, not as one instant. None for a project that is gone. */
export async function readSeatPools(store: Store, projectId: string): Promise<readonly SeatPool[]> {
  return sameSplit(await store.query({ pk: seatsPartition(projectId) }));
}

/** All pools as they stood at one instant, which "full" is said from. */
export async function snapshotSeatPools(store: Store, projectId: string): Promise<readonly SeatPool[]> {
  return poolsIn(await store.snapshot(poolKeys(projectId)), projectId);
}

/** A project and its pools as they stood together at one instant: quotas, and what of them is in use. */
export async function snapshotProject(
  store: Store,
  projectId: string,
): Promise<{ readonly project: Project | undefined; readonly pools: readonly SeatPool[] }> {
  const items = await store.snapshot([projectKey(projectId), ...poolKeys(projectId)]);
  const item = items.get(projectKey(projectId));
  return { project: item && parseProject(item), pools: poolsIn(items, projectId) };
}

/**
 * Lets a transaction hold only while the project is there: its pools go with it. Of one stripe, by `spread` in [0, 1), since a
 * single item would be where all of them meet.
 */
export function projectIsThere(projectId: string, spread: number): Write {
  return { check: seatPoolKey(projectId, Math.floor(spread * stripes)), when: present };
}

function poolKeys(projectId: string): readonly Key[] {
  return Array.from({ length: stripes }, (_, stripe) => seatPoolKey(projectId, stripe));
}

function poolsIn(items: ItemsByKey, projectId: string): readonly SeatPool[] {
  return sameSplit(
    poolKeys(projectId)
      .map((key) => items.get(key))
      .filter((item) => item !== undefined),
  );
}

/** Pools of two different splits must not be planned with together (see `domain/seats.ts`). */
function sameSplit(items: readonly Item[]): readonly SeatPool[] {
  const pools = items.map((item) => poolItem.parse(item));
  return pools.every((pool) => pool.split === pools[0]!.split) ? pools : overtaken();
}

/** The pools of a new project. */
export function createSeatPools(projectId: string, quotas: Quotas): readonly Write[] {
  const none = { users: 0, reviewers: 0, readers: 0 };
  return splitQuotas(
    Array.from({ length: stripes }, () => none),
    quotas,
  ).map((shares, stripe) => ({
    put: {
      ...seatPoolKey(projectId, stripe),
      quotaSplit: 1,
      next: 0,
      usersUsed: 0,
      reviewersUsed: 0,
      readersUsed: 0,
      ...Object.fromEntries(
        seatKinds.flatMap((kind) => (shares[kind] === null ? [] : [[`${kind}Share`, shares[kind]]])),
      ),
    },
    when: absent,
  }));
}

/** New shares for all pools, under the condition that no seat was taken or given back since they were read. */
export function resplitSeatPools(
  projectId: string,
  pools: readonly SeatPool[],
  quotas: Quotas,
): readonly Write[] {
  const shares = splitQuotas(
    pools.map(({ used }) => used),
    quotas,
  );
  return pools.map((pool, index) => {
    const limited = seatKinds.filter((kind) => shares[index]![kind] !== null);
    const unlimited = seatKinds.filter((kind) => shares[index]![kind] === null);
    const sets = ["quotaSplit = :nextSplit", ...limited.map((kind) => `${kind}Share = :${kind}Share`)];
    const removes = unlimited.map((kind) => `${kind}Share`);
    return {
      update: seatPoolKey(projectId, pool.stripe),
      change: {
        expression: `SET ${sets.join(", ")}${removes.length > 0 ? ` REMOVE ${removes.join(", ")}` : ""}`,
        values: {
          ":nextSplit": pool.split + 1,
          ...Object.fromEntries(limited.map((kind) => [`:${kind}Share`, shares[index]![kind]])),
        },
      },
      when: {
        expression: ["quotaSplit = :split", ...seatKinds.map((kind) => `${kind}Used = :${kind}Used`)].join(
          " AND ",
        ),
        values: {
          ":split": pool.split,
          ...Object.fromEntries(seatKinds.map((kind) => [`:${kind}Used`, pool.used[kind]])),
        },
      },
    };
  });
}

/** One step of a seat plan as a conditional write. */
export function seatWrite(projectId: string, step: PoolStep): Write {
  const { pool, take, release, releaseOnlyOver, ordinal } = step;
  const adds: string[] = [];
  const conditions = ["quotaSplit = :split"];
  const values: Record<string, number> = { ":split": pool.split };
  if (take !== undefined) {
    adds.push(`${take}Used :one`);
    values[":one"] = 1;
    const limit = pool.share[take];
    if (limit !== null) {
      conditions.push(`${take}Used < :limit`);
      values[":limit"] = limit;
    }
  }
  if (release !== undefined) {
    adds.push(`${release}Used :minusOne`);
    values[":minusOne"] = -1;
    conditions.push(`${release}Used > :floor`);
    values[":floor"] = releaseOnlyOver ? (pool.share[release] ?? 0) : 0;
  }
  if (ordinal !== undefined) {
    conditions.push("#next = :seenNext");
    values[":seenNext"] = pool.next;
    values[":next"] = ordinal + 1;
  }
  const changes = [
    ...(ordinal !== undefined ? ["SET #next = :next"] : []),
    ...(adds.length > 0 ? [`ADD ${adds.join(", ")}`] : []),
  ];
  return {
    update: seatPoolKey(projectId, pool.stripe),
    change: {
      expression: changes.join(" "),
      values,
      ...(ordinal !== undefined && { names: { "#next": "next" } }),
    },
    when: { expression: conditions.join(" AND ") },
  };
}

/** Every number given out so far lies below this. */
export function numbersBelow(pools: readonly SeatPool[]): number {
  return Math.max(0, ...pools.map(({ stripe, next }) => (next === 0 ? 0 : numberOf(stripe, next - 1) + 1)));
}
