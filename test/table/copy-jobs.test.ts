import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type CopyJob, newCopyJob, restarted } from "../../lambda/domain/copy-job.ts";
import { createRuntime } from "../../lambda/runtime/runtime.ts";
import {
  deleteCopyJob,
  insertCopyJob,
  readCopyJob,
  replaceCopyJob,
  wantHealing,
} from "../../lambda/table/copy-jobs.ts";
import type { Store } from "../../lambda/table/store.ts";
import { startTable, type TestTable } from "../support/table.ts";

// What jobs do: test/service/inheritance.test.ts. Here, what of one survives whom.

const [childId, parentId] = ["child", "parent"];
const at = "2026-01-01T00:00:00.000Z";

let table: TestTable;
let store: Store;
beforeAll(async () => {
  table = await startTable();
  store = createRuntime({ client: table.client, tableName: table.tableName }).context.store;
});
afterAll(() => table.stop());

let job: CopyJob;
beforeEach(async () => {
  job = newCopyJob({ childId, parentId, epoch: 3 }, at);
  if ((await readCopyJob(store, childId)) !== undefined) await store.transact([deleteCopyJob(childId)]);
  expect(await store.transact([insertCopyJob(job)])).toBe("done");
});

test("what was asked for while a step was under way stays asked for", async () => {
  await wantHealing(store, childId);
  await wantHealing(store, childId);
  const next: CopyJob = { ...job, phase: "groups", usersDone: 4, usersTotal: 4 };
  expect(await store.transact([replaceCopyJob(job, next)])).toBe("done");
  expect(await readCopyJob(store, childId)).toEqual({ ...next, healWanted: 2, revision: 2 });
});

test("of two steps from one state the second notes nothing", async () => {
  const next: CopyJob = { ...job, phase: "users", place: "7" };
  expect(await store.transact([replaceCopyJob(job, next)])).toBe("done");
  expect(await store.transact([replaceCopyJob(job, { ...job, phase: "done" })])).toBe("overtaken");
  expect(await readCopyJob(store, childId)).toEqual({ ...next, revision: 2 });
});

test("begun anew it has come nowhere, and looks at what failed", async () => {
  await wantHealing(store, childId);
  const healed: CopyJob = { ...job, phase: "done", place: "7", healDone: 1, healPlace: "f", finishedAt: at };
  await store.transact([replaceCopyJob(job, healed)]);
  const seen = (await readCopyJob(store, childId))!;
  await store.transact([replaceCopyJob(seen, restarted(seen, 4, at))]);
  expect(await readCopyJob(store, childId)).toEqual({
    ...newCopyJob({ childId, parentId, epoch: 4 }, at),
    healWanted: 1,
    healDone: 0,
    revision: 3,
  });
});

test("nothing is asked of a child that has gone", async () => {
  await store.transact([deleteCopyJob(childId)]);
  await wantHealing(store, childId);
  expect(await readCopyJob(store, childId)).toBeUndefined();
});
