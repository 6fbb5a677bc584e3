/**
 * DESIGN §2, "one parent change applied to one child", measured by what DynamoDB itself reports of all that the propagation
 * function does for one change. The same change is made at a connection without children, too: what carrying costs there
 * (the groups that each member is in, decision 013) is no part of inheritance.
 */

import { randomBytes } from "node:crypto";
import { inheritedActor } from "../../lambda/domain/context.ts";
import { copyOfGroupId } from "../../lambda/domain/copy-group.ts";
import { firstGeneration, newGroup } from "../../lambda/domain/group.ts";
import { placeOf } from "../../lambda/domain/group-changes.ts";
import { newGroupId } from "../../lambda/domain/ids.ts";
import { createPropagationHandler } from "../../lambda/handlers/propagation.ts";
import { createRuntime } from "../../lambda/runtime/runtime.ts";
import { membersItems } from "../../lambda/table/group-members.ts";
import { groupWrites } from "../../lambda/table/groups.ts";
import { copiedAttribute, mirrorPageKey, placeOfGroupPage } from "../../lambda/table/keys.ts";
import { copyOfNumber, pagesOf } from "../../lambda/table/numbers.ts";
import { countCalls, type Tally } from "../support/counting-client.ts";
import { seedUsers } from "../support/seed-users.ts";
import {
  type ServiceResponse,
  startService,
  type TestConnection,
  type TestProject,
  type TestService,
} from "../support/service.ts";
import { startPump } from "../support/stream.ts";
import { startTable, type TestTable } from "../support/table.ts";
import { type ChangePlace, changesOf } from "./inheritance-changes.ts";

export interface Units {
  readonly rcu: number;
  readonly wcu: number;
}

/** DESIGN §2. */
const appliedBudget: Units = { rcu: 8, wcu: 14 };

/** What is more than one change for the child. */
const namedBudgets: Readonly<Record<string, Units>> = {
  // An end undone and a move at once: rows under two numbers, names that were remembered and are held again.
  "return of a user (deactivate)": { rcu: 10, wcu: 20 },
  "return of a user (delete)": { rcu: 10, wcu: 20 },
  // Row and page of the source ring, each by itself; the copy and its page are made one after the other.
  "create group of 1": { rcu: 12, wcu: 14 },
  // A copy's own end rings as any group's does, for the members' groups; and is looked at, for it may have been by hand.
  "delete group of 0": { rcu: 12, wcu: 14 },
  "delete group of 1": { rcu: 22, wcu: 14 },
};

export function budgetOf({ name }: MeasuredChange): Units {
  return namedBudgets[name] ?? appliedBudget;
}

export function isWithinBudget(measured: MeasuredChange): boolean {
  const budget = budgetOf(measured);
  return measured.cost.rcu <= budget.rcu && measured.cost.wcu <= budget.wcu;
}

export interface MeasuredChange {
  readonly name: string;
  /** What the propagation function does where there is a child, beyond what it does where there is none. */
  readonly cost: Units;
  /** What it does where there is none. */
  readonly alone: Units;
  /** What the request takes, where there is a child and where there is none. */
  readonly request: Units;
  readonly requestAlone: Units;
}

export interface InheritanceGround {
  readonly service: TestService;
  /** A connection without children. */
  readonly lone: TestConnection;
  readonly childProject: TestProject;
  /** Every kind of change, at the parent of one child. */
  measure(): Promise<readonly MeasuredChange[]>;
  /** How often the propagation function is invoked for what this changes. */
  invocationsFor(act: () => Promise<ServiceResponse>): Promise<number>;
  stop(): Promise<void>;
}

const users = 20;
const largeGroupMembers = 5_000;
const quotas = { users: 9_000, reviewers: 9_000, readers: 9_000 };

/** A parent with a child, and a connection without; both with the same users and one large group. */
export async function openInheritanceGround(): Promise<InheritanceGround> {
  const table = await startTable({ stream: true });
  const [requestClient, carryClient] = [table.newClient(), table.newClient()];
  const [requests, carries] = [countCalls(requestClient), countCalls(carryClient)];
  const service = await startService({ table, client: requestClient });
  const [parent, lone] = [await openConnection(service, table), await openConnection(service, table)];
  const childProject = await service.createProject({ quotas });
  const { body: child } = await succeeded(
    service.admin("POST", `/projects/${childProject.id}/connections`, {
      name: "Child",
      inheritsFrom: parent.connection.id,
    }),
  );
  const places = [await placeWithLargeGroup(table, parent), await placeWithLargeGroup(table, lone)] as const;
  await placeLargeGroup(table, { project: childProject, connection: child }, places[0].largeGroupId, "copy");

  // Only now, so that all of this is carried when it is complete.
  const handler = createPropagationHandler(
    createRuntime({ client: carryClient, tableName: table.tableName, sleep: async () => {} }),
  );
  let invocations = 0;
  const pump = await startPump(table, (event, context) => {
    invocations++;
    return handler(event, context);
  });
  await pump.drain();

  const carried = async (act: () => Promise<ServiceResponse>) => {
    requests.reset();
    carries.reset();
    invocations = 0;
    await succeeded(act());
    const request = unitsOf(requests.tally());
    await pump.drain();
    if (pump.parked.length > 0) throw new Error("the stream gave up a record");
    return { request, carry: unitsOf(carries.tally()), invocations };
  };

  return {
    service,
    lone,
    childProject,
    async measure() {
      const measured: MeasuredChange[] = [];
      for (const { name, act } of changesOf(service)) {
        const [there, alone] = [await carried(() => act(places[0])), await carried(() => act(places[1]))];
        measured.push({
          name,
          cost: { rcu: there.carry.rcu - alone.carry.rcu, wcu: there.carry.wcu - alone.carry.wcu },
          alone: alone.carry,
          request: there.request,
          requestAlone: alone.request,
        });
      }
      return measured;
    },
    invocationsFor: async (act) => (await carried(act)).invocations,
    async stop() {
      await pump.stop();
      await service.stop();
      await table.stop();
    },
  };
}

async function openConnection(
  service: TestService,
  { client, tableName }: TestTable,
): Promise<TestConnection> {
  const project = await service.createProject({ quotas });
  const opened = await service.createConnection({}, project);
  const connectionId = opened.connection.id;
  await seedUsers({ client, tableName, projectId: project.id, connectionId, count: users });
  // A token's last use is noted at most every 15 minutes; not part of any operation's budget.
  await opened.scim("GET", "/Users?count=0");
  return opened;
}

const at = "2026-01-01T00:00:00.000Z";

async function placeWithLargeGroup(table: TestTable, connection: TestConnection): Promise<ChangePlace> {
  const groupId = newGroupId(connection.connection.id, Date.parse(at), randomBytes);
  await placeLargeGroup(table, connection, groupId, "own");
  return { connection, largeGroupId: groupId, ids: new Map() };
}

/** A group of members without rows, as if it had been carried to them; and to the child, where it is the copy. */
async function placeLargeGroup(
  { client, tableName }: TestTable,
  { project, connection }: Pick<TestConnection, "project" | "connection">,
  groupId: string,
  kind: "own" | "copy",
): Promise<void> {
  const id = kind === "own" ? groupId : copyOfGroupId(connection.id, groupId);
  const owner = { connectionId: connection.id, externalId: undefined, access: "none" } as const;
  const group = {
    ...newGroup({ projectId: project.id, id, displayName: "Large", ...owner }, at),
    size: largeGroupMembers,
    ...(kind === "copy" && { sourceRevision: 1, sourceGeneration: firstGeneration }),
  };
  const numbers = Array.from({ length: largeGroupMembers }, (_, number) =>
    kind === "own" ? number + users : copyOfNumber(1, number + users),
  );
  const pages = membersItems(placeOf(group), pagesOf(numbers));
  const mirrors = pages.map((item) => ({
    ...item,
    ...mirrorPageKey(project.id, id, "S", placeOfGroupPage(String(item["sk"])).page),
  }));
  const rows = groupWrites(undefined, group, () => [], inheritedActor).flatMap((write) =>
    "put" in write ? [write.put] : [],
  );
  const copied = kind === "copy" ? { [copiedAttribute]: 1 } : {};
  const { context } = createRuntime({ client, tableName });
  await context.store.place([...rows, ...pages.map((item) => ({ ...item, ...copied })), ...mirrors]);
}

function unitsOf({ readCapacity, writeCapacity }: Tally): Units {
  return { rcu: readCapacity, wcu: writeCapacity };
}

async function succeeded(answer: Promise<ServiceResponse>): Promise<ServiceResponse> {
  const response = await answer;
  if (response.status >= 300) {
    throw new Error(`answered ${response.status} ${JSON.stringify(response.body)}`);
  }
  return response;
}
