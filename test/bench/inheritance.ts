/**
 * What children cost, and how far they are behind: the lag of a parent's changes under load, and the copying of all of a
 * parent to children that are linked at once. In one process, by the handlers that are deployed, carried by the local pumps.
 */

import { setTimeout as sleepFor } from "node:timers/promises";
import type { StreamPump } from "../../bin/local/stream-pump.ts";
import { startStreamPumps } from "../../bin/local/stream-pumps.ts";
import { memberIdOf } from "../../lambda/domain/member-id.ts";
import { createActivityHandler } from "../../lambda/handlers/activity.ts";
import { createPropagationHandler } from "../../lambda/handlers/propagation.ts";
import { createRuntime } from "../../lambda/runtime/runtime.ts";
import { activityMapping, propagationMapping } from "../../lambda/stream/stream-mapping.ts";
import { readCopyJobs } from "../../lambda/table/copy-jobs.ts";
import { type Key, memberKey } from "../../lambda/table/keys.ts";
import { parseMemberRow } from "../../lambda/table/members.ts";
import { copyOfNumber } from "../../lambda/table/numbers.ts";
import type { Item, Store } from "../../lambda/table/store.ts";
import {
  isWithinBudget,
  type MeasuredChange,
  openInheritanceGround,
} from "../budgets/inheritance-budgets.ts";
import { compareAll } from "../invariants/compare-all.ts";
import { activation, patch, replace } from "../service/scim-messages.ts";
import { type CallCounter, countCalls } from "../support/counting-client.ts";
import { seededUserName, seedUsers } from "../support/seed-users.ts";
import { startService, type TestConnection, type TestService } from "../support/service.ts";
import { newStreamsClient } from "../support/stream.ts";
import { startTable, type TestTable } from "../support/table.ts";
import { openLoop, percentile } from "./open-loop.ts";

export interface LagOptions {
  readonly children: number;
  /** Of the parent; each is changed in turn. */
  readonly users: number;
  /** Of the parent's identity provider, a second. */
  readonly rate: number;
  readonly changes: number;
  /** How long records are gathered; deployed: `propagationMapping.batchingWindowSeconds`. */
  readonly windowSeconds: number;
}

export interface LagRow extends LagOptions {
  readonly failures: number;
  /** Milliseconds from the answer to the parent's identity provider until one child shows the change. */
  readonly p50: number;
  readonly p99: number;
}

export interface BackfillOptions {
  readonly children: number;
  readonly users: number;
  /** Children that are linked at once, as by an operator's script. */
  readonly linkedAtOnce: number;
  readonly windowSeconds: number;
}

export interface BackfillRow extends BackfillOptions {
  /** From the first link until the last child is in sync. */
  readonly seconds: number;
  readonly linkedSeconds: number;
  readonly copiesPerSecond: number;
  readonly rcuPerCopy: number;
  readonly wcuPerCopy: number;
  /** Of the activity trail. */
  readonly trailRcuPerCopy: number;
  readonly trailWcuPerCopy: number;
  /** Whether the stream gave up nothing, each project has as many seats taken as the parent, and there are no differences. */
  readonly isExact: boolean;
  /** What the service's own comparison of all projects finds. */
  readonly differences: readonly string[];
}

export interface AppliedRow extends MeasuredChange {
  readonly withinBudget: boolean;
}

/** DESIGN §2's row on inheritance. */
export async function benchApplied(): Promise<readonly AppliedRow[]> {
  const ground = await openInheritanceGround();
  try {
    const measured = await ground.measure();
    return measured.map((change) => ({ ...change, withinBudget: isWithinBudget(change) }));
  } finally {
    await ground.stop();
  }
}

/** How often a child that does not show a change yet is looked at again: finer than what is measured, and little work. */
const lookMilliseconds = 50;

/** Changes of a parent's users, until each child shows them. */
export async function benchLag(options: LagOptions): Promise<LagRow> {
  const { children, users, rate, changes } = options;
  const ground = await openGround(options);
  try {
    const { parent, store, pump } = ground;
    const projects = await linkAll(ground, children, children);
    await pump.drain();
    const lags: number[] = [];
    const load = await openLoop({
      rate,
      requests: changes,
      send: async (index) => {
        const number = index % users;
        const path = `/Users/${memberIdOf(parent.project.id, number)}`;
        const { status, headers } = await parent.scim("PATCH", path, changeOf(index, users));
        if (status !== 200) return false;
        const keys = projects.map((projectId) => memberKey(projectId, copyOfNumber(1, number)));
        lags.push(...(await untilShown(store, keys, versionOf(headers["etag"]))));
        return true;
      },
    });
    lags.sort((a, b) => a - b);
    const failures = load.failures + pump.parked.length;
    return { ...options, failures, p50: percentile(lags, 0.5), p99: percentile(lags, 0.99) };
  } finally {
    await ground.stop();
  }
}

/** Of each user in turn a name or a title, then its status, then the other one, then its status again. */
function changeOf(index: number, users: number) {
  const [number, round] = [index % users, Math.floor(index / users)];
  if (round % 2 === 1) return activation(round % 4 === 3);
  return (number + round / 2) % 2 === 0
    ? patch(replace("title", `Title ${index}`))
    : patch(replace("userName", `${index}.${seededUserName(number)}`));
}

/** Of `W/"12"`. */
function versionOf(tag: string | undefined): number {
  const version = Number(tag?.slice('W/"'.length, -'"'.length));
  if (Number.isNaN(version)) throw new Error(`no version: ${tag}`);
  return version;
}

function isAsNew(item: Item | undefined, version: number): boolean {
  const row = item && parseMemberRow("", item);
  return row?.kind === "member" && (row.member.sourceVersion ?? 0) >= version;
}

/** How long each copy took to be brought to that version of its source, in milliseconds from now. */
async function untilShown(store: Store, copies: readonly Key[], version: number): Promise<readonly number[]> {
  const answeredAt = performance.now();
  const lags: number[] = [];
  for (let behind = copies; behind.length > 0; ) {
    const rows = await store.read(behind);
    const still = behind.filter((key) => !isAsNew(rows.get(key), version));
    const lag = performance.now() - answeredAt;
    lags.push(...Array.from({ length: behind.length - still.length }, () => lag));
    behind = still;
    if (behind.length > 0) await sleepFor(lookMilliseconds);
  }
  return lags;
}

/** A parent with users gets children, all at once. */
export async function benchBackfill(options: BackfillOptions): Promise<BackfillRow> {
  const { children, users, linkedAtOnce } = options;
  const ground = await openGround(options);
  try {
    const { service, table, store, pump, propagation, activity } = ground;
    await pump.drain();
    for (const counter of [propagation, activity]) counter.reset();
    const startedAt = performance.now();
    const projects = await linkAll(ground, children, linkedAtOnce);
    const linkedSeconds = (performance.now() - startedAt) / 1_000;
    await untilCopied(store, ground.childIds);
    const seconds = (performance.now() - startedAt) / 1_000;
    await pump.drain();
    const copies = children * users;
    const usages = await Promise.all(
      projects.map(async (id) => (await service.admin("GET", `/projects/${id}`)).body.usage),
    );
    const areSeatsExact = usages.every(({ readers }) => readers === users);
    const differences = await compareAll(table);
    const [copied, trail] = [propagation.tally(), activity.tally()];
    return {
      ...options,
      seconds,
      linkedSeconds,
      copiesPerSecond: copies / seconds,
      rcuPerCopy: copied.readCapacity / copies,
      wcuPerCopy: copied.writeCapacity / copies,
      trailRcuPerCopy: trail.readCapacity / copies,
      trailWcuPerCopy: trail.writeCapacity / copies,
      isExact: pump.parked.length === 0 && areSeatsExact && differences.length === 0,
      differences,
    };
  } finally {
    await ground.stop();
  }
}

/** How often the jobs are looked at; what they wait for is a second's window. */
const jobLookMilliseconds = 100;

async function untilCopied(store: Store, childIds: readonly string[]): Promise<void> {
  for (;;) {
    const jobs = await readCopyJobs(store, childIds);
    if ([...jobs.values()].every(({ phase }) => phase === "done")) return;
    await sleepFor(jobLookMilliseconds);
  }
}

interface Ground {
  readonly table: TestTable;
  readonly store: Store;
  readonly service: TestService;
  readonly parent: TestConnection;
  readonly pump: StreamPump;
  /** Of what each function calls. */
  readonly propagation: CallCounter;
  readonly activity: CallCounter;
  readonly childIds: string[];
  stop(): Promise<void>;
}

/** Seats of every kind, so that they are counted. */
const quotas = { users: 1_000_000, reviewers: 1_000_000, readers: 1_000_000 };

async function openGround({
  users,
  windowSeconds,
}: Pick<LagOptions, "users" | "windowSeconds">): Promise<Ground> {
  const table = await startTable({ stream: true });
  const service = await startService({ table });
  const project = await service.createProject({ quotas });
  const parent = await service.createConnection({}, project);
  const { client, tableName } = table;
  const connectionId = parent.connection.id;
  await seedUsers({ client, tableName, projectId: project.id, connectionId, count: users });
  const [carryClient, trailClient] = [table.newClient(), table.newClient()];
  const runtimeOf = (own: typeof client) => createRuntime({ client: own, tableName });
  const pump = await startStreamPumps(
    { client: newStreamsClient(table.endpoint), streamArn: table.streamArn!, warn: () => {} },
    [
      {
        mapping: { ...propagationMapping, batchingWindowSeconds: windowSeconds },
        handler: createPropagationHandler(runtimeOf(carryClient)),
      },
      {
        mapping: { ...activityMapping, batchingWindowSeconds: windowSeconds },
        handler: createActivityHandler(runtimeOf(trailClient)),
      },
    ],
  );
  return {
    table,
    store: runtimeOf(client).context.store,
    service,
    parent,
    pump,
    propagation: countCalls(carryClient),
    activity: countCalls(trailClient),
    childIds: [],
    async stop() {
      await pump.stop();
      await service.stop();
      await table.stop();
    },
  };
}

/** The projects of so many new children. */
async function linkAll(
  { service, parent, childIds }: Ground,
  count: number,
  atOnce: number,
): Promise<readonly string[]> {
  const projects = await Promise.all(
    Array.from({ length: count }, async () => (await service.createProject({ quotas })).id),
  );
  const rest = projects.values();
  const link = async () => {
    for (const projectId of rest) {
      const answer = await service.admin("POST", `/projects/${projectId}/connections`, {
        name: "Child",
        inheritsFrom: parent.connection.id,
      });
      if (answer.status !== 201) throw new Error(`answered ${answer.status} ${JSON.stringify(answer.body)}`);
      childIds.push(answer.body.id);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, link));
  return projects;
}
