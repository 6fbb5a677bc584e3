/** A connection with users to be put into groups, and what tests of groups ask of it again and again. */

import { expect } from "vitest";
import { memberIdsOf } from "../../lambda/domain/member-id.ts";
import { seedUsers } from "../support/seed-users.ts";
import type { ServiceResponse, TestConnection, TestService } from "../support/service.ts";
import { startTable, type TestTable } from "../support/table.ts";
import { startCheckedService } from "./checked-service.ts";
import { type Product, productOf } from "./product.ts";
import { type Fields, filteredGroups, group, type PatchOperation, patch, user } from "./scim-messages.ts";

/** A group as SCIM shows it; untyped, for tests to reach into. */
// biome-ignore lint/suspicious/noExplicitAny: every test would narrow the same answers again
export type GroupAnswer = any;

export interface GroupGround {
  readonly table: TestTable;
  readonly service: TestService;
  readonly connection: TestConnection;
  readonly product: Product;
  /** Ids of its users, oldest first. */
  readonly users: readonly string[];
  readonly groups: Groups;
  stop(): Promise<void>;
}

/** The clock stands still but for a second after each group created, so that what changed later shows. */
export async function openGroupGround(
  userCount: number,
  connectionFields: Fields = {},
): Promise<GroupGround> {
  let time = Date.parse("2026-01-01T00:00:00.000Z");
  const table = await startTable();
  const service = await startCheckedService({ table, clock: () => time, sleep: async () => {} });
  const connection = await service.createConnection(connectionFields);
  await seedUsers({
    client: table.client,
    tableName: table.tableName,
    projectId: connection.project.id,
    connectionId: connection.connection.id,
    count: userCount,
    rowsOnly: true,
  });
  return {
    table,
    service,
    connection,
    product: productOf(service, connection.project),
    users: memberIdsOf(connection.project.id, Array(userCount).keys()),
    groups: groupsOf(connection, () => {
      time += 1_000;
    }),
    stop: () => table.stop(),
  };
}

export interface Groups {
  /** Fails unless 201. */
  create(displayName: string, members?: readonly string[], fields?: Fields): Promise<GroupAnswer>;
  /** Fails unless 200; `query` with its question mark. */
  read(id: string, query?: string): Promise<GroupAnswer>;
  /** Sorted; none when the group has none. */
  members(id: string): Promise<readonly string[]>;
  patch(id: string, ...operations: readonly PatchOperation[]): Promise<ServiceResponse>;
  put(id: string, request: { readonly body: unknown }, headers?: Fields): Promise<ServiceResponse>;
  /** Names of the groups that the filter finds, in the order of the list; fails unless 200. */
  named(filter: string, more?: string): Promise<readonly string[]>;
}

export function groupsOf(connection: TestConnection, afterCreate = () => {}): Groups {
  const expecting = async (status: number, response: Promise<ServiceResponse>) => {
    const { status: answered, body } = await response;
    expect([answered, answered === status ? "" : body]).toEqual([status, ""]);
    return body;
  };
  const read: Groups["read"] = (id, query = "") =>
    expecting(200, connection.scim("GET", `/Groups/${id}${query}`));
  return {
    read,
    async create(displayName, members, fields) {
      const body = await expecting(
        201,
        connection.scim("POST", "/Groups", group(displayName, members, fields)),
      );
      afterCreate();
      return body;
    },
    members: async (id) => idsIn(await read(id, "?attributes=members.value")),
    patch: (id, ...operations) => connection.scim("PATCH", `/Groups/${id}`, patch(...operations)),
    put: (id, { body }, headers = {}) =>
      connection.scim("PUT", `/Groups/${id}`, { body, headers: headers as Record<string, string> }),
    named: async (filter, more) =>
      (await expecting(200, connection.scim("GET", filteredGroups(filter, more)))).Resources.map(
        ({ displayName }: GroupAnswer) => displayName,
      ),
  };
}

/** The ids of an answer's members, sorted. */
export function idsIn({ members = [] }: GroupAnswer): readonly string[] {
  return members.map(({ value }: { value: string }) => value).sort();
}

export const sorted = (ids: readonly string[]): readonly string[] => [...ids].sort();

/** Creates a user through SCIM; its id. */
export async function createUser(
  connection: TestConnection,
  userName: string,
  fields: Fields = {},
): Promise<string> {
  const { status, body } = await connection.scim("POST", "/Users", user(userName, fields));
  expect([userName, status]).toEqual([userName, 201]);
  return body.id;
}
