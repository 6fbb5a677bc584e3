/** Several instances of the service over one table, whose calls a seed delays and disturbs, and crowds of requests. */

import { createSeededRandom, type SeededRandom } from "../support/seeded-random.ts";
import {
  type ServiceResponse,
  startService,
  type TestConnection,
  type TestProject,
  type TestService,
} from "../support/service.ts";
import { startTable, type TestTable } from "../support/table.ts";
import { type Disturbance, disturb, retriesWithoutWaiting } from "./disturbed-client.ts";

export interface Ground {
  readonly table: TestTable;
  readonly random: SeededRandom;
  /** Disturbed. Requests of a crowd are spread over them. */
  readonly instances: readonly TestService[];
  /** Its calls are not disturbed: sets up, samples and looks at what came of it. */
  readonly observer: TestService;
  readonly project: TestProject;
  readonly connection: TestConnection;
  /** How often an instance waited before it tried something again. */
  retries(): number;
  stop(): Promise<void>;
}

export type Calm = Omit<Disturbance, "random">;

/** Milliseconds a call may take longer, twice: enough to put calls of a crowd into any order. */
const delayMax = 3;
/** Waits between attempts, shortened: what matters is their order, not their length. */
const waitScale = 0.25;
const instanceCount = 3;

export async function openGround(
  seed: number,
  {
    disturbance = {},
    project: fields = {},
    connection: settings = {},
    stream = false,
  }: {
    readonly disturbance?: Calm;
    readonly project?: object;
    readonly connection?: object;
    readonly stream?: boolean;
  } = {},
): Promise<Ground> {
  const table = await startTable({ stream });
  let retries = 0;
  const random = createSeededRandom(seed);
  // Time stands still, so that no request runs out of it however slow the machine is.
  const now = Date.now();
  const open = (client: TestTable["client"]): Promise<TestService> => {
    const own = createSeededRandom(random.below(2 ** 32));
    return startService({
      table,
      client,
      clock: () => now,
      random: (length) => own.bytes(length),
      sleep: (milliseconds) => {
        retries++;
        return new Promise((resolve) => setTimeout(resolve, milliseconds * waitScale));
      },
    });
  };
  const instances = await Promise.all(
    Array.from({ length: instanceCount }, () => {
      const client = table.newClient(retriesWithoutWaiting);
      disturb(client, { delayMax, ...disturbance, random: createSeededRandom(random.below(2 ** 32)) });
      return open(client);
    }),
  );
  const observer = await open(table.client);
  const project = await observer.createProject({ ...fields });
  const connection = await observer.createConnection({ ...settings }, project);
  return {
    table,
    random,
    instances,
    observer,
    project,
    connection,
    retries: () => retries,
    stop: () => table.stop(),
  };
}

/** Starts all requests at once, each at another instance, and gives their answers in the order of the requests. */
export function crowd(
  ground: Ground,
  count: number,
  request: (instance: TestService, index: number) => Promise<ServiceResponse>,
): Promise<readonly ServiceResponse[]> {
  return Promise.all(
    Array.from({ length: count }, (_, index) =>
      insist(() => request(ground.instances[index % ground.instances.length]!, index)),
    ),
  );
}

/** Repeats what was answered 429, as its Retry-After asks for; the table under test does not stay busy for ever. */
export async function insist(request: () => Promise<ServiceResponse>): Promise<ServiceResponse> {
  for (let attempt = 1; ; attempt++) {
    const answer = await request();
    if (answer.status !== 429 || attempt === 30) return answer;
    if (answer.headers["retry-after"] === undefined) throw new Error("a 429 without Retry-After");
  }
}

/** How many answers had which status. */
export function countStatuses(answers: readonly ServiceResponse[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** Asks for the project again and again until `work` is done; every usage seen, the last one after it was done. */
export async function sampleUsage(
  { observer, project }: Ground,
  work: Promise<unknown>,
): Promise<readonly { readonly users: number; readonly reviewers: number; readonly readers: number }[]> {
  let done = false;
  const finished = work.finally(() => {
    done = true;
  });
  const samples = [];
  for (let last = false; !last; ) {
    last = done;
    const { body } = await observer.admin("GET", `/projects/${project.id}`);
    samples.push(body.usage);
  }
  await finished;
  return samples;
}
