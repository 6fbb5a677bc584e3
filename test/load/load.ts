/**
 * `npm run load`: the load model of docs/idp-traffic.md §13 against a whole service, and then a comparison of what the
 * service holds with what it has answered. Open loop: requests are due when the clock says so, whether or not earlier
 * ones have been answered, and latency counts from then.
 */

import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { startLocalProcess } from "../support/local-process.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { type Arrival, type LoadShape, planArrivals } from "./arrivals.ts";
import { compareTenant } from "./compare.ts";
import { createHttpClient, type HttpClient } from "./http-client.ts";
import { type Connection, createConnection, fillTenant, type Tenant } from "./tenant.ts";
import { sendArrival, type TrafficKind } from "./traffic.ts";

export type LoadTarget =
  /** The local service, started for the run. */
  | { readonly kind: "started" }
  /** One that runs already, with its admin API: the tenants are made there, and stay. */
  | { readonly kind: "service"; readonly origin: string }
  /** A single connection: one tenant, of which nobody knows who else is in it. */
  | { readonly kind: "connection"; readonly scimBaseUrl: string; readonly token: string };

export interface LoadOptions extends LoadShape {
  readonly target: LoadTarget;
  /** Users of each tenant before the load begins, all of them in the hot group. */
  readonly population: number;
  readonly seed: number;
  /** Between the load and the comparison. */
  readonly beforeComparison?: (tenants: readonly Tenant[]) => Promise<void>;
}

export interface LoadReport {
  readonly requests: number;
  /** From the start to the last answer. */
  readonly seconds: number;
  /** Requests that were due but not answered when the last one was due. */
  readonly waitingAtEnd: number;
  /** Milliseconds from when each request was due, by kind. */
  readonly latencies: ReadonlyMap<TrafficKind, readonly number[]>;
  /** Milliseconds by which this process was late in sending: large ones say that it was itself overloaded. */
  readonly lateness: readonly number[];
  /** Of the load alone. */
  readonly statuses: ReadonlyMap<number, number>;
  readonly resends: number;
  readonly lost: number;
  readonly users: number;
  /** Members of the largest group. */
  readonly hotMembers: number;
  readonly differences: readonly string[];
  /** What a service that was started for the run has complained of. */
  readonly complaints: string;
}

export async function runLoad(options: LoadOptions): Promise<LoadReport> {
  const { target } = options;
  if (target.kind !== "started") return { ...(await loadAndCompare(options, target)), complaints: "" };
  const server = await startLocalProcess(["--no-demo"]);
  try {
    const report = await loadAndCompare(options, { kind: "service", origin: server.origin });
    server.child.kill("SIGTERM");
    const { code, stderr } = await server.ended;
    const complaints = code === 0 ? stderr : `${stderr}ended with ${code}`;
    return { ...report, complaints };
  } finally {
    server.child.kill("SIGKILL");
  }
}

type RunningTarget = Exclude<LoadTarget, { readonly kind: "started" }>;

async function loadAndCompare(
  options: LoadOptions,
  target: RunningTarget,
): Promise<Omit<LoadReport, "complaints">> {
  const client = createHttpClient();
  try {
    const tenants = await createTenants(client, target, options);
    const random = createSeededRandom(options.seed);
    const arrivals = planArrivals({ ...options, tenants: tenants.length }, random);
    const filled = copyCounts(client);
    const times = await sendArrivals(tenants, arrivals);
    const counts = countsSince(filled, client);
    await options.beforeComparison?.(tenants);
    const differences = serverErrors(counts);
    for (const tenant of tenants) differences.push(...(await compareTenant(tenant)));
    return {
      ...times,
      ...counts,
      requests: arrivals.length,
      users: tenants.reduce((sum, { ledger }) => sum + ledger.users.length, 0),
      hotMembers: Math.max(...tenants.map(hotMembersOf)),
      differences,
    };
  } finally {
    client.close();
  }
}

async function createTenants(
  client: HttpClient,
  target: RunningTarget,
  { tenants, population }: LoadOptions,
): Promise<readonly Tenant[]> {
  // New in each run, also of the same seed: what an earlier one has left at the target has other names.
  const name = `load-${randomBytes(4).toString("hex")}`;
  const created: Tenant[] = [];
  for (let index = 0; index < (target.kind === "connection" ? 1 : tenants); index++) {
    const connection: Connection =
      target.kind === "connection" ? target : await createConnection(client, target.origin, `Load ${index}`);
    created.push(await fillTenant(client, connection, `${name}-${index}`, population));
  }
  return created;
}

type Times = Pick<LoadReport, "seconds" | "waitingAtEnd" | "latencies" | "lateness">;

/** Resolves when all are answered for good. */
async function sendArrivals(tenants: readonly Tenant[], arrivals: readonly Arrival[]): Promise<Times> {
  const start = performance.now();
  const latencies = new Map<TrafficKind, number[]>();
  const lateness: number[] = [];
  let waiting = 0;
  const send = async (arrival: Arrival): Promise<void> => {
    const tenant = tenants[arrival.tenant];
    if (tenant === undefined) return;
    lateness.push(performance.now() - start - arrival.at);
    waiting++;
    const kind = await sendArrival(tenant, arrival);
    waiting--;
    const ofKind = latencies.get(kind) ?? [];
    ofKind.push(performance.now() - start - arrival.at);
    latencies.set(kind, ofKind);
  };
  const sent: Promise<void>[] = [];
  for (const arrival of arrivals) {
    await until(start + arrival.at);
    const sending = send(arrival);
    // A failure is for the end, when all are awaited; until then it must not count as unhandled.
    sending.catch(() => {});
    sent.push(sending);
  }
  const waitingAtEnd = waiting;
  await Promise.all(sent);
  return { seconds: (performance.now() - start) / 1_000, waitingAtEnd, latencies, lateness };
}

async function until(time: number): Promise<void> {
  const left = time - performance.now();
  if (left > 0) await sleep(left);
}

type Counts = Pick<LoadReport, "statuses" | "resends" | "lost">;

function copyCounts({ statuses, resends, lost }: HttpClient): Counts {
  return { statuses: new Map(statuses), resends, lost };
}

function countsSince(before: Counts, now: Counts): Counts {
  return {
    statuses: new Map(
      [...now.statuses].map(([status, count]) => [status, count - (before.statuses.get(status) ?? 0)]),
    ),
    resends: now.resends - before.resends,
    lost: now.lost - before.lost,
  };
}

function serverErrors({ statuses }: Counts): string[] {
  return [...statuses]
    .filter(([status, count]) => status >= 500 && count > 0)
    .map(([status, count]) => `${count} requests were answered ${status}`);
}

function hotMembersOf({ ledger: { groups } }: Tenant): number {
  return Math.max(
    ...groups.map(({ memberships }) => [...memberships.values()].filter(({ isMember }) => isMember).length),
  );
}
