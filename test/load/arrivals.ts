/** When which request of the load is due: the load model of docs/idp-traffic.md §13, drawn from a seed. Pure. */

import type { SeededRandom } from "../support/seeded-random.ts";

/** What an IdP does, and how much of it: idp-traffic.md §13. */
const mix = {
  lookUp: 0.55,
  create: 0.2,
  patchUser: 0.1,
  patchMembership: 0.1,
  read: 0.05,
} as const;

export type ArrivalKind = keyof typeof mix;

/** How many times the rate during a burst: idp-traffic.md §13. */
const burstFactor = 4;

export interface LoadShape {
  readonly tenants: number;
  /** Requests per second and tenant, outside a burst. */
  readonly rate: number;
  readonly seconds: number;
  /** How long all tenants are in a burst at once, in the middle of the run. */
  readonly burstSeconds: number;
}

export interface Arrival {
  /** Milliseconds after the start. */
  readonly at: number;
  readonly tenant: number;
  readonly kind: ArrivalKind;
  /** A seed of its own, so that what one request draws moves none of the others. */
  readonly seed: number;
}

/** All arrivals in their order. Independent of each other (Poisson): IdPs do not agree with each other on a beat. */
export function planArrivals(shape: LoadShape, random: SeededRandom): readonly Arrival[] {
  return Array.from({ length: shape.tenants }, (_, tenant) => arrivalsOf(tenant, shape, random))
    .flat()
    .sort((a, b) => a.at - b.at);
}

function arrivalsOf(tenant: number, shape: LoadShape, random: SeededRandom): Arrival[] {
  const arrivals: Arrival[] = [];
  for (let at = 0; ; ) {
    at += (-Math.log(1 - random.next()) * 1_000) / rateAt(at, shape);
    if (at >= shape.seconds * 1_000) return arrivals;
    arrivals.push({ at, tenant, kind: drawKind(random.next()), seed: random.below(2 ** 32) });
  }
}

function rateAt(at: number, { rate, seconds, burstSeconds }: LoadShape): number {
  const begins = ((seconds - burstSeconds) / 2) * 1_000;
  return at >= begins && at < begins + burstSeconds * 1_000 ? rate * burstFactor : rate;
}

function drawKind(share: number): ArrivalKind {
  let left = share;
  for (const kind of Object.keys(mix) as ArrivalKind[]) {
    if (left < mix[kind]) return kind;
    left -= mix[kind];
  }
  // The shares add up to one but for rounding.
  return "read";
}
