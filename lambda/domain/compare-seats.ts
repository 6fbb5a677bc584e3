/**
 * Whether usage equals the seats held. Nobody can count 100,000 members at one instant; but a member's revision rises with
 * each write, so two counts in a row that met the same revisions tell what was so from the end of the one to the beginning of the
 * other, and that is when the pools are read, all at one instant. While seats come and go without pause, nothing is said.
 */

import { createHash } from "node:crypto";
import type { Finding } from "./compare-finding.ts";
import { type Member, seatOf } from "./member.ts";
import type { Project } from "./project.ts";
import { type SeatCounts, type SeatPool, seatKinds, usageOf } from "./seats.ts";

/** Seats counted on a walk over all members, as far as it has come. */
export interface SeatCount {
  /** Which of the walks it is, from 1. */
  readonly walk: number;
  readonly held: SeatCounts;
  /** Of whom was met, at which revision. */
  readonly digest: string;
  /** What the walk before this one met, and what the pools said after it. */
  readonly before: { readonly digest: string; readonly usage: SeatCounts } | undefined;
}

export const noSeatsCounted: SeatCount = {
  walk: 1,
  held: { users: 0, reviewers: 0, readers: 0 },
  digest: "",
  before: undefined,
};

export function counted(count: SeatCount, members: readonly Member[]): SeatCount {
  const held = { ...count.held };
  for (const member of members) {
    const seat = seatOf(member);
    if (seat !== undefined) {
      held[seat]++;
    }
  }
  const hash = createHash("sha256").update(count.digest);
  for (const { number, revision } of members) {
    hash.update(` ${number}:${revision}`);
  }
  return { ...count, held, digest: hash.digest("hex").slice(0, digestLength) };
}

/** 64 bits: it need only differ where something has changed. */
export const digestLength = 16;

export function sameCounts(a: SeatCounts, b: SeatCounts): boolean {
  return seatKinds.every((kind) => a[kind] === b[kind]);
}

/** What the walk that ended, and the one before it, show for certain: usage as it was in between, and who held seats then. */
export function countFindings(projectId: string, { held, digest, before }: SeatCount): readonly Finding[] {
  if (before === undefined || before.digest !== digest) {
    return [];
  }
  return seatKinds
    .filter((kind) => before.usage[kind] !== held[kind])
    .map((kind) =>
      seatFinding(
        projectId,
        `usage of ${kind} is ${before.usage[kind]}, ${held[kind]} active members hold one`,
      ),
    );
}

export function seatFinding(projectId: string, what: string): Finding {
  return { kind: "seats", projectId, connectionId: undefined, resourceId: undefined, what };
}

/** What the pools have to keep among themselves (`seats.ts`), as they and the project stood at one instant. */
export function poolFindings(
  { id, quotas }: Project,
  pools: readonly SeatPool[],
  stripes: number,
): readonly Finding[] {
  const say = (what: string) => seatFinding(id, what);
  if (pools.length !== stripes) {
    return [say(`there are ${pools.length} seat pools instead of ${stripes}`)];
  }
  const usage = usageOf(pools);
  return seatKinds.flatMap((kind) => {
    const quota = quotas[kind];
    const shares = pools.map(({ share }) => share[kind]);
    const shared = shares.reduce<number>((sum, share) => sum + (share ?? 0), 0);
    const limited = shares.filter((share) => share !== null).length;
    const over = pools.reduce(
      (sum, { used, share }) => sum + Math.max(0, used[kind] - (share[kind] ?? used[kind])),
      0,
    );
    const isNegative = pools.some(({ used }) => used[kind] < 0);
    const isOverWanted = quota === null ? 0 : Math.max(0, usage[kind] - quota);
    return [
      ...(isNegative ? [say(`a seat pool counts fewer than no ${kind}`)] : []),
      ...(limited !== (quota === null ? 0 : stripes)
        ? [
            say(
              `${limited} of ${stripes} seat pools have a share of ${kind}, whose quota is ${quota ?? "unlimited"}`,
            ),
          ]
        : shared !== (quota ?? 0)
          ? [say(`shares of ${kind} sum to ${shared}, the quota is ${quota}`)]
          : over !== isOverWanted
            ? [say(`seat pools are ${over} ${kind} over their shares, usage is ${usage[kind]} of ${quota}`)]
            : []),
    ];
  });
}
