/** The service and its stream functions over an embedded table: a parent's project and its children's. */

import type { DynamoDBRecord } from "aws-lambda";
import { createActivityHandler } from "../../lambda/handlers/activity.ts";
import { createPropagationHandler } from "../../lambda/handlers/propagation.ts";
import { createLog } from "../../lambda/runtime/log.ts";
import { createRuntime } from "../../lambda/runtime/runtime.ts";
import type { StreamFunction } from "../../lambda/stream/stream-function.ts";
import { type StreamFunctionName, streamFunctionNames } from "../../lambda/stream/stream-mapping.ts";
import { streamContext } from "../handlers/stream-event.ts";
import { disturb } from "../invariants/disturbed-client.ts";
import type { RawItem } from "../invariants/table-contents.ts";
import { restoreTable } from "../invariants/table-copy.ts";
import { startCheckedService } from "../service/checked-service.ts";
import { send } from "../simulation/messages.ts";
import type { Project } from "../simulation/model.ts";
import { scanQuickly } from "../simulation/scan.ts";
import type { Request } from "../simulation/steps.ts";
import { type Party, Turns, takeTurns } from "../simulation/turns.ts";
import { injectFaults } from "../support/faulty-client.ts";
import { createSeededRandom, type SeededRandom } from "../support/seeded-random.ts";
import { type ServiceResponse, startService, type TestService } from "../support/service.ts";
import { newStreamsClient } from "../support/stream.ts";
import { startTable, type TestTable } from "../support/table.ts";
import { Deliveries, keyOf } from "./deliveries.ts";
import type { Delivery, Place } from "./steps.ts";
import { places } from "./steps.ts";

/** Somebody at work, whose calls to DynamoDB can be made to wait and to fail. */
export interface Worker {
  readonly service: TestService;
  send(place: Place, project: Project, request: Request): Promise<ServiceResponse>;
  /** Whether the function lived to tell. */
  deliver(delivery: Delivery): Promise<boolean>;
}

export interface World {
  readonly table: TestTable;
  readonly projectIds: Readonly<Record<Place, string>>;
  /** Its calls are not disturbed: for looking at what came of a step. */
  readonly service: TestService;
  readonly workers: readonly [Worker, Worker];
  /** From now on, in epoch milliseconds. */
  setTime(now: number): void;
  /** One call after the other: the same in each replay. `first` and `second` go on until both are done. */
  atOnce<A, B>(turns: number, first: () => Promise<A>, second: () => Promise<B>): Promise<[A, B]>;
  /** The process dies at that call of the first worker's; undefined where it did. */
  dying<T>(
    crash: { readonly call: number; readonly when: "before" | "after" },
    work: () => Promise<T>,
  ): Promise<T | undefined>;
  /** The whole table. */
  scan(): Promise<readonly RawItem[]>;
  /** What `seenIn` looks at. */
  look(): Promise<readonly RawItem[]>;
  /** Has what was written so far waiting to be delivered. */
  readStream(): Promise<void>;
  /** Delivers everything, what is written by that included; tells what cannot be done. */
  drain(): Promise<readonly string[]>;
}

export interface Ground {
  openWorld(seed: number, startsAt: number): Promise<World>;
  stop(): Promise<void>;
}

/** The activity trail, names, references and what the stream derives are most of the table, and the auditor's. */
const unseen = ["#NAMES", "#GROUPNAMES", "#REFERENCES", "#MEMBERSHIPS#", "#MIRROR", "#CHILDREN"];
const lookedAt = {
  FilterExpression: `NOT begins_with(pk, :trail) AND NOT begins_with(pk, :jobs)${unseen.map((_, index) => ` AND NOT contains(pk, :part${index})`).join("")}`,
  ExpressionAttributeValues: {
    ":trail": { S: "A#" },
    ":jobs": { S: "J#" },
    ...Object.fromEntries(unseen.map((part, index) => [`:part${index}`, { S: part }])),
  },
};

/** Decides what is disturbed, while anything is. */
class Tearing implements SeededRandom {
  random: SeededRandom | undefined;

  get seed(): number {
    return this.random?.seed ?? 0;
  }
  next(): number {
    return this.random?.next() ?? 1;
  }
  below(below: number): number {
    return Math.floor(this.next() * below);
  }
  pick<T>(items: readonly T[]): T {
    return this.random!.pick(items);
  }
  shuffle<T>(items: readonly T[]): T[] {
    return this.random!.shuffle(items);
  }
  bytes(length: number): Buffer {
    return this.random!.bytes(length);
  }
}

/** Turn by turn, or one party does much while the other one stands still. */
const stayings = [0, 0.8, 0.97];

/** Invocations until nothing is left: a quiet needs some tens. */
const invocationsMax = 1_000;
/** Of one batch, when nothing disturbs it. */
const attemptsMax = 5;
const recordsPerInvocation = 100;

/** `isLost`: of records of the stream that never arrive, for a test of what then becomes of it. */
export async function openGround(
  options: { readonly isLost?: (record: DynamoDBRecord) => boolean } = {},
): Promise<Ground> {
  const table = await startTable({ stream: true });
  const streams = newStreamsClient(table.endpoint);
  const deliveries = new Deliveries(streams, table.streamArn!, options.isLost);
  let turns: Turns | undefined;
  const clients = ([0, 1] as const).map((party: Party) => {
    const client = table.newClient({ maxAttempts: 1 });
    const faults = injectFaults(client);
    const tearing = new Tearing();
    // Outside of the turns: between the two reads that a torn one is made of the other party has its own.
    disturb(client, { random: tearing, torn: 0.3, conflicts: 0.05 });
    takeTurns(client, party, () => turns);
    return { client, faults, tearing };
  });
  return {
    async openWorld(seed, startsAt) {
      await restoreTable(table, []);
      await deliveries.begin();
      return makeWorld(seed, startsAt);
    },
    async stop() {
      streams.destroy();
      await table.stop();
    },
  };

  async function makeWorld(seed: number, startsAt: number): Promise<World> {
    const random = createSeededRandom(seed);
    let now = startsAt;
    const causes: unknown[] = [];
    const log = { ...createLog(), carryFailure: (_: string, cause: unknown) => void causes.push(cause) };
    const ownOptions = (client: TestTable["client"]) => {
      const own = createSeededRandom(random.below(2 ** 32));
      return {
        table,
        client,
        clock: () => now,
        random: (length: number) => own.bytes(length),
        sleep: async () => {},
      };
    };
    const service = await startCheckedService(ownOptions(table.client));
    const projectIds = {} as Record<Place, string>;
    for (const place of places) projectIds[place] = (await service.createProject({ name: place })).id;

    async function newWorker({ client, faults, tearing }: (typeof clients)[number]): Promise<Worker> {
      const own = ownOptions(client);
      const runtime = createRuntime({ ...own, tableName: table.tableName, log });
      const functions: Record<StreamFunctionName, StreamFunction> = {
        propagation: createPropagationHandler(runtime),
        activity: createActivityHandler(runtime),
      };
      const ownService = await startService(own);
      return {
        service: ownService,
        send: (place, project, request) => send(ownService, projectIds[place], project, request),
        async deliver(delivery) {
          const { to, crash, old, lost, torn } = delivery;
          const records = deliveries.choose(delivery);
          if (records.length === 0) return true;
          if (crash !== undefined) faults.arm({ kind: "crash", ...crash });
          tearing.random = torn === undefined ? undefined : createSeededRandom(torn);
          try {
            const { batchItemFailures } = await functions[to]({ Records: [...records] }, streamContext());
            if (faults.hasFired()) return false;
            const [failed] = batchItemFailures.map(({ itemIdentifier }) =>
              records.findIndex(({ dynamodb }) => dynamodb?.SequenceNumber === itemIdentifier),
            );
            const done = records.slice(0, failed);
            if (lost === undefined && old === undefined) deliveries.settle(to, done);
            return done.length === records.length;
          } catch {
            return false;
          } finally {
            if (crash !== undefined) faults.disarm();
            tearing.random = undefined;
          }
        },
      };
    }
    const workers = [await newWorker(clients[0]!), await newWorker(clients[1]!)] as const;

    const world: World = {
      table,
      projectIds,
      service,
      workers,
      setTime(time) {
        now = time;
      },
      async atOnce(seedOfTurns, first, second) {
        const random = createSeededRandom(seedOfTurns);
        const taking = new Turns(random, random.pick(stayings));
        turns = taking;
        try {
          return await Promise.all([
            first().finally(() => taking.finish(0)),
            second().finally(() => taking.finish(1)),
          ]);
        } finally {
          turns = undefined;
        }
      },
      async dying(crash, work) {
        const { faults } = clients[0]!;
        faults.arm({ kind: "crash", ...crash });
        try {
          const answer = await work().catch((error: unknown) => {
            if (faults.hasFired()) return undefined;
            throw error;
          });
          // The answer of a process that is dead reaches nobody, whatever it says.
          return faults.hasFired() ? undefined : answer;
        } finally {
          faults.disarm();
        }
      },
      scan: () => scanQuickly(table.endpoint, table.tableName),
      look: () => scanQuickly(table.endpoint, table.tableName, lookedAt),
      readStream: () => deliveries.read(),
      async drain() {
        let [invocations, attempts] = [0, 0];
        let most = recordsPerInvocation;
        for (;;) {
          await deliveries.read();
          const to = streamFunctionNames.find((name) => deliveries.pendingCount(name) > 0);
          if (to === undefined) return [];
          if (invocations++ === invocationsMax) return ["stream: rings on and on"];
          causes.length = 0;
          const delivery: Delivery = { kind: "deliver", to, most };
          const [isDone] = await world.atOnce(
            0,
            () => workers[0].deliver(delivery),
            async () => {},
          );
          if (isDone) [attempts, most] = [0, recordsPerInvocation];
          else if (most > 1) most = Math.ceil(most / 2);
          else if (++attempts === attemptsMax) {
            const [record] = deliveries.choose(delivery);
            const [cause] = causes;
            const told = cause instanceof Error ? `${cause.stack ?? cause.message}` : String(cause);
            return [`stream: ${to} cannot do ${Object.values(keyOf(record!)).join(" / ")}: ${told}`];
          }
        }
      },
    };
    return world;
  }
}
