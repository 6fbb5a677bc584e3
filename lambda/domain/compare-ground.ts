/** A project as a comparison meets it: its connections, there and gone, by which its members, groups and rosters are told apart. */

import { parentIdOf } from "../table/connections.ts";
import {
  connectionsOf,
  formerConnectionIdOf,
  formerConnectionsOf,
  productRosterPartition,
  rosterPartition,
} from "../table/keys.ts";
import type { Item } from "../table/store.ts";
import type { Context } from "./context.ts";
import { projectOfConnection } from "./ids.ts";

export interface ComparedConnection {
  readonly id: string;
  readonly isThere: boolean;
  /** Of a child that is there. */
  readonly parentId: string | undefined;
  /** Of a child, there or gone: its number among the project's inheritances. */
  readonly ordinal: number | undefined;
}

export interface CompareGround {
  readonly projectId: string;
  /** By id. */
  readonly connections: readonly ComparedConnection[];
  /** Those of all of them, and the product's. */
  readonly rosters: readonly string[];
  /** Whether what the stream carries is looked at, too. */
  readonly trailing: boolean;
}

export async function readCompareGround(
  { store }: Context,
  projectId: string,
  trailing: boolean,
): Promise<CompareGround> {
  const [present, former] = await Promise.all([
    store.query(connectionsOf(projectId)),
    store.query(formerConnectionsOf(projectId)),
  ]);
  const connections = comparedConnections(present, former);
  const rosters = [productRosterPartition(projectId), ...connections.map(({ id }) => rosterPartition(id))];
  return { projectId, connections, rosters, trailing };
}

/** By id; of one that is both there and gone, as it may not be, first as it is there. */
export function comparedConnections(
  present: readonly Item[],
  former: readonly Item[],
): readonly ComparedConnection[] {
  return [...present.map(presentConnection), ...former.map(formerConnection)].sort((a, b) => {
    if (a.id === b.id) {
      return Number(b.isThere) - Number(a.isThere);
    }
    return a.id < b.id ? -1 : 1;
  });
}

function presentConnection(item: Item): ComparedConnection {
  const parentId = parentIdOf(item);
  return { id: String(item["id"]), isThere: true, parentId, ordinal: ordinalIn(item) };
}

function formerConnection(item: Item): ComparedConnection {
  return { id: formerConnectionIdOf(item), isThere: false, parentId: undefined, ordinal: ordinalIn(item) };
}

function ordinalIn({ ordinal }: Item): number | undefined {
  return typeof ordinal === "number" ? ordinal : undefined;
}

/** Children that are there, and whose project their parent is of. */
export function inheritancesOf({ connections }: CompareGround) {
  return connections.flatMap(({ parentId, ordinal }) =>
    parentId === undefined || ordinal === undefined
      ? []
      : [{ ordinal, parentProjectId: projectOfConnection(parentId) }],
  );
}
