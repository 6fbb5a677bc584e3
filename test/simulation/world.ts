/** The service that a history is played to, over an embedded table: healthy, dying, or asked two things at once. */

import { createPropagationHandler } from "../../lambda/handlers/propagation.ts";
import { createRuntime } from "../../lambda/runtime/runtime.ts";
import { ringingPrefix } from "../../lambda/table/keys.ts";
import { streamContext, streamEventOf } from "../handlers/stream-event.ts";
import type { RawItem } from "../invariants/table-contents.ts";
import { restoreTable } from "../invariants/table-copy.ts";
import { startCheckedService } from "../service/checked-service.ts";
import { injectFaults } from "../support/faulty-client.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { type ServiceResponse, startService, type TestService } from "../support/service.ts";
import { startTable, type TestTable } from "../support/table.ts";
import { send } from "./messages.ts";
import type { Project } from "./model.ts";
import { scanQuickly } from "./scan.ts";
import type { Step } from "./steps.ts";
import { Turns, takeTurns } from "./turns.ts";

/** What came of playing a step. */
export interface Played {
  readonly answers: readonly ServiceResponse[];
  /** The process was killed, and nobody got an answer. */
  readonly died: boolean;
}

export interface World {
  readonly projectId: string;
  /** Its calls are not disturbed: for looking at what came of a step. */
  readonly service: TestService;
  play(project: Project, step: Step): Promise<Played>;
  scan(): Promise<readonly RawItem[]>;
  /** Tells the stream's handler of every item seen by a scan that concerns it. */
  carryStream(): Promise<void>;
}

/** A table on which one world after the other is made: far cheaper than a table for each. */
export interface Ground {
  /** A new, empty project. `startsAt` in epoch milliseconds; from then on time is what the project's is. */
  openWorld(seed: number, startsAt: number): Promise<World>;
  stop(): Promise<void>;
}

export async function openGround(): Promise<Ground> {
  const table = await startTable();
  const dyingClient = table.newClient();
  const faults = injectFaults(dyingClient);
  let turns: Turns | undefined;
  const partyClients = ([0, 1] as const).map((party) => {
    const client = table.newClient();
    takeTurns(client, party, () => turns);
    return client;
  });
  return {
    async openWorld(seed, startsAt) {
      await restoreTable(table, []);
      return makeWorld(seed, startsAt);
    },
    stop: () => table.stop(),
  };

  async function makeWorld(seed: number, startsAt: number): Promise<World> {
    const random = createSeededRandom(seed);
    let now = startsAt;
    const options = (client: TestTable["client"]) => {
      const own = createSeededRandom(random.below(2 ** 32));
      return {
        table,
        client,
        clock: () => now,
        random: (length: number) => own.bytes(length),
        sleep: async () => {},
      };
    };
    const service = await startCheckedService(options(table.client));
    const dying = await startService(options(dyingClient));
    const parties = await Promise.all(partyClients.map((client) => startService(options(client))));
    const { tableName } = table;
    const carry = createPropagationHandler(createRuntime({ ...options(table.client), tableName }));
    const { id: projectId } = await service.createProject();
    /** Keys of items whose changes ring, by what they look like when printed. */
    const ringing = new Map<string, { readonly pk: string; readonly sk: string }>();
    return {
      projectId,
      service,
      async play(project, step) {
        now = project.now;
        switch (step.kind) {
          case "wait":
          case "survey":
          case "audit":
          case "end":
            return { answers: [], died: false };
          case "crash": {
            faults.arm({ kind: "crash", when: step.when, call: step.call });
            // The answer of a process that is dead reaches nobody, whatever it says.
            const answer = await send(dying, projectId, project, step.request).catch((error: unknown) => {
              if (faults.hasFired()) return undefined;
              throw error;
            });
            const died = faults.hasFired();
            faults.disarm();
            return { answers: died || answer === undefined ? [] : [answer], died };
          }
          case "at once": {
            const taking = new Turns(createSeededRandom(step.turns));
            turns = taking;
            const answers = await Promise.all(
              ([0, 1] as const).map((party) =>
                send(parties[party]!, projectId, project, step.requests[party]).finally(() =>
                  taking.finish(party),
                ),
              ),
            );
            turns = undefined;
            return { answers, died: false };
          }
          default:
            return { answers: [await send(service, projectId, project, step)], died: false };
        }
      },
      async scan() {
        const items = await scanQuickly(table.endpoint, table.tableName);
        for (const { pk, sk } of items) {
          if (!pk!.S!.startsWith(ringingPrefix)) continue;
          ringing.set(`${pk!.S} ${sk!.S}`, { pk: pk!.S!, sk: sk!.S! });
        }
        return items;
      },
      async carryStream() {
        const keys = [...ringing.values()];
        ringing.clear();
        const { batchItemFailures } = await carry(streamEventOf(...keys), streamContext());
        if (batchItemFailures.length > 0)
          throw new Error("the stream's handler could not do all it was told");
      },
    };
  }
}
