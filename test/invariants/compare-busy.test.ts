/**
 * A comparison of what changes all the while finds nothing: people are created, renamed, switched off and on, deleted and
 * created again, and put into groups, at a parent and in its child, while walk follows upon walk. SEED replays the choices.
 */

import { afterAll, beforeAll, expect, test } from "vitest";
import type { StreamPump } from "../../bin/local/stream-pump.ts";
import { isDifference } from "../../lambda/domain/compare-finding.ts";
import { createRuntime } from "../../lambda/runtime/runtime.ts";
import { type Product, productOf } from "../service/product.ts";
import { activation, addMembers, conversion, group, patch, replace, user } from "../service/scim-messages.ts";
import { createSeededRandom, seedFromEnvironment } from "../support/seeded-random.ts";
import { startService, type TestConnection, type TestService } from "../support/service.ts";
import { startPumps } from "../support/stream.ts";
import { startTable, type TestTable } from "../support/table.ts";
import { compareAll, findingsIn } from "./compare-all.ts";

const peopleCount = 8;
const requestsAtOnce = 2;
/** Of each project, while the requests go on. */
const walks = 1;

const random = createSeededRandom(seedFromEnvironment());

let table: TestTable;
let service: TestService;
let pump: StreamPump;
let parent: TestConnection;
let child: Product;
beforeAll(async () => {
  table = await startTable({ stream: true });
  service = await startService({ table });
  pump = await startPumps(table);
  parent = await service.createConnection({}, await service.createProject({ quotas: { readers: 6 } }));
  child = productOf(service, await service.createProject({ quotas: { readers: 5 } }));
  await child.admin("POST", "/connections", { name: "Child", inheritsFrom: parent.connection.id });
});
afterAll(async () => {
  await pump?.stop();
  await service?.stop();
  await table?.stop();
});

const nameOf = (person: number) => `person-${person}`;

/** SCIM ids, as last heard. */
const ids = new Map<number, string>();
const groupIds: string[] = [];

async function ask(): Promise<void> {
  const person = random.below(peopleCount);
  const id = ids.get(person);
  if (random.next() < 0.1) return changeChild(person);
  if (id === undefined) {
    const emails = [{ value: `${nameOf(person)}@x.test` }, { value: `${nameOf(person)}@home.test` }];
    const request = user(nameOf(person), { externalId: `e-${person}`, emails });
    const { status, body } = await parent.scim("POST", "/Users", request);
    if (status === 201) ids.set(person, body.id);
    return;
  }
  const path = `/Users/${id}`;
  const memberships = () =>
    parent.scim("PATCH", `/Groups/${random.pick(groupIds)}`, patch(random.pick(membershipChanges(id))));
  await random.pick([
    () => parent.scim("PATCH", path, activation(random.next() < 0.5)),
    () => parent.scim("PATCH", path, conversion(random.next() < 0.5)),
    () => parent.scim("PATCH", path, patch(replace("userName", `${nameOf(person)}-${random.below(3)}`))),
    () => parent.scim("PATCH", path, patch(replace("title", String(random.below(100))))),
    memberships,
    memberships,
    async () => {
      ids.delete(person);
      await parent.scim("DELETE", path);
    },
  ])();
}

const membershipChanges = (id: string) => [
  addMembers(id),
  { op: "remove", path: `members[value eq "${id}"]` },
  replace("displayName", `Group ${random.below(3)}`),
];

/** The child's own people, and its quota: some copies fail, and heal. */
async function changeChild(person: number): Promise<void> {
  const quotas = { readers: 3 + random.below(5) };
  await random.pick([
    () => child.admin("PATCH", "", { quotas }),
    () => child.admin("POST", "/members", { userName: `own-${person}`, type: "reader" }),
  ])();
}

/** Requests wait for it while the stream catches up. */
let pause: Promise<void> = Promise.resolve();

/** In place of a wait of the comparison: as in a deployed service, the stream is not behind for as long as looks go on. */
async function catchUp(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  pause = promise;
  await pump.drain();
  resolve();
}

test("walks while requests go on find nothing, nor does one afterwards", async () => {
  for (const displayName of ["Group 0", "Group 1"]) {
    groupIds.push((await parent.scim("POST", "/Groups", group(displayName, []))).body.id);
  }
  let isWalked = false;
  let requests = 0;
  const asking = Array.from({ length: requestsAtOnce }, async () => {
    for (; !isWalked; requests++) {
      await pause;
      await ask();
    }
  });
  const { client, tableName } = table;
  const { context } = createRuntime({ client, tableName, sleep: catchUp });
  const found: unknown[] = [];
  try {
    for (let walk = 0; walk < walks; walk++) {
      for (const projectId of [parent.project.id, child.project.id]) {
        found.push(...(await findingsIn(context, projectId)).filter(isDifference));
      }
    }
  } finally {
    isWalked = true;
    await Promise.all(asking);
  }
  expect(found).toEqual([]);
  expect(requests).toBeGreaterThan(20);
  await pump.drain();
  expect(pump.parked).toEqual([]);
  expect(await compareAll(table)).toEqual([]);
});
