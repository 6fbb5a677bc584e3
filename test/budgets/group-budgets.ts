/**
 * DESIGN §2, the rows that concern groups, measured by what DynamoDB itself reports, at a group size of one's choice. Members
 * are spread over all of the connection's users, which is what costs most: every page of numbers has some.
 */

import { type Member, newMember } from "../../lambda/domain/member.ts";
import { memberIdOf } from "../../lambda/domain/member-id.ts";
import { createRuntime } from "../../lambda/runtime/runtime.ts";
import { rosterItems } from "../../lambda/table/roster.ts";
import { type CallCounter, countCalls } from "../support/counting-client.ts";
import { seedUsers } from "../support/seed-users.ts";
import {
  type ServiceResponse,
  startService,
  type TestConnection,
  type TestService,
} from "../support/service.ts";
import { startTable, type TestTable } from "../support/table.ts";

export interface Cost {
  readonly trips: number;
  readonly rcu: number;
  readonly wcu: number;
}

/** DESIGN §2. */
export const groupBudgets = {
  addOrRemove: { trips: 4, rcu: 8, wcu: 6 },
  withoutMembers: { trips: 2, rcu: 4, wcu: 0 },
  whole: { trips: 6, rcu: 60, wcu: 0 },
  put: { trips: 6, rcu: 60, wcu: 120 },
} satisfies Record<string, Cost>;

export interface MeasuredOperation {
  readonly name: string;
  readonly members: number;
  readonly budget: Cost;
  readonly cost: Cost;
  readonly answer: ServiceResponse;
}

export interface GroupGround {
  readonly connection: TestConnection;
  /** Operations on a group of this many members, one after the other. */
  measure(members: number): Promise<readonly MeasuredOperation[]>;
  stop(): Promise<void>;
}

/** Members named in one request, at most (`membersPerRequestMax`). */
const membersPerRequest = 20_000;

/** Whether it cost no more than DESIGN allows. */
export function isWithinBudget({ cost, budget }: MeasuredOperation): boolean {
  return cost.trips <= budget.trips && cost.rcu <= budget.rcu && cost.wcu <= budget.wcu;
}

/** A connection with as many seeded users; groups are built through the API. */
export async function openGroupGround(
  users: number,
  { departed = 0 }: { readonly departed?: number } = {},
): Promise<GroupGround> {
  const table: TestTable = await startTable();
  const client = table.newClient();
  const counter: CallCounter = countCalls(client);
  const service: TestService = await startService({ table, client });
  const project = await service.createProject();
  const connection = await service.createConnection({}, project);
  await seedUsers({
    client: table.client,
    tableName: table.tableName,
    projectId: project.id,
    connectionId: connection.connection.id,
    count: users,
    rowsOnly: true,
  });
  const { context } = createRuntime({ client: table.client, tableName: table.tableName });
  await context.store.place(rosterItems(departedMembers(connection, users, departed)));
  // A token's last use is noted at most every 15 minutes; not part of any operation's budget.
  await connection.scim("GET", "/Users?count=0");

  const idOf = (number: number) => memberIdOf(project.id, number);
  const patch = (path: string, ...Operations: readonly object[]) =>
    connection.scim("PATCH", path, { body: { Operations } });

  return {
    connection,
    async measure(members) {
      // The last user is kept out, to be added.
      const step = (users - 1) / members;
      const numbers = Array.from({ length: members }, (_, index) => Math.floor(index * step));
      const ids = numbers.map(idOf);
      const { body: group } = await succeeded(
        connection.scim("POST", "/Groups", { body: { displayName: `Group of ${members}` } }),
      );
      const path = `/Groups/${group.id}`;
      for (let start = 0; start < members; start += membersPerRequest) {
        const value = ids.slice(start, start + membersPerRequest).map((id) => ({ value: id }));
        await succeeded(patch(`${path}?attributes=id`, { op: "add", path: "members", value }));
      }
      const newcomer = idOf(users - 1);
      const measured: MeasuredOperation[] = [];
      const measure = async (name: string, budget: Cost, operation: () => Promise<ServiceResponse>) => {
        const { result, tally } = await counter.measure(() => succeeded(operation()));
        const cost = { trips: tally.trips, rcu: tally.readCapacity, wcu: tally.writeCapacity };
        measured.push({ name, members, budget, cost, answer: result });
      };
      await measure("add one member", groupBudgets.addOrRemove, () =>
        patch(path, { op: "Add", path: "members", value: [{ value: newcomer }] }),
      );
      await measure("add a present member", groupBudgets.addOrRemove, () =>
        patch(path, { op: "Add", path: "members", value: [{ value: newcomer }] }),
      );
      await measure("remove one member", groupBudgets.addOrRemove, () =>
        patch(path, { op: "remove", path: `members[value eq "${newcomer}"]` }),
      );
      await measure("GET without members", groupBudgets.withoutMembers, () =>
        connection.scim("GET", `${path}?excludedAttributes=members`),
      );
      await measure("GET whole", groupBudgets.whole, () => connection.scim("GET", path));
      await measure("PUT", groupBudgets.put, () =>
        connection.scim("PUT", path, {
          body: {
            displayName: group.displayName,
            // Other ones than before, on every page.
            members: numbers.slice(0, membersPerRequest).map((number) => ({ value: idOf(number + 1) })),
          },
        }),
      );
      await measure("remove all", groupBudgets.put, () => patch(path, { op: "remove", path: "members" }));
      return measured;
    },
    async stop() {
      await service.stop();
      await table.stop();
    },
  };
}

/** Who were users of the connection, under the numbers behind those who are. */
function departedMembers(
  { project, connection }: TestConnection,
  firstNumber: number,
  count: number,
): readonly Member[] {
  const fields = { attributes: { userName: "left" }, role: null, access: "none" } as const;
  return Array.from({ length: count }, (_, index) => ({
    ...newMember({ ...fields, projectId: project.id, connectionId: undefined }, "2026-01-01T00:00:00.000Z"),
    formerConnectionId: connection.id,
    number: firstNumber + index,
  }));
}

async function succeeded(answer: Promise<ServiceResponse>): Promise<ServiceResponse> {
  const response = await answer;
  if (response.status >= 300) {
    throw new Error(`answered ${response.status} ${JSON.stringify(response.body)}`);
  }
  return response;
}
