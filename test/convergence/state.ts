/** The parent's project and its children's, each in the model of `test/simulation`: a child connection is one more of its connections. */

import {
  type Connection,
  connectionAt,
  emptyProject,
  newIdentity,
  type Project,
  withEntry,
} from "../simulation/model.ts";
import type { Label, Slot } from "../simulation/steps.ts";
import { type Child, children, type Place, places } from "./steps.ts";

export type State = Readonly<Record<Place, Project>>;

/** Of a child connection: where it is, and the parent's label in the parent's project. */
export interface Heir {
  readonly in: Child;
  readonly connection: Connection;
  readonly parent: Connection;
}

export function emptyState(now: number): State {
  return Object.fromEntries(places.map((place) => [place, emptyProject(now)])) as Record<Place, Project>;
}

export function withProject(state: State, place: Place, project: Project): State {
  return { ...state, [place]: project };
}

/** A child has its own connections in the slots there are; what it inherits is in further ones, which no request of its own means. */
export function heirSlot(slot: Slot): Slot {
  return `heir of ${slot}` as Slot;
}

export function heirAt(state: State, place: Child, slot: Slot): Heir | undefined {
  const connection = connectionAt(state[place], heirSlot(slot));
  const parent = connectionAt(state.parent, slot);
  return connection === undefined || parent === undefined ? undefined : { in: place, connection, parent };
}

export function heirsOf(state: State): readonly Heir[] {
  return children.flatMap((place) =>
    (["okta", "entra"] as const).flatMap((slot) => heirAt(state, place, slot) ?? []),
  );
}

/** Settings changed at the parent hold at its children at once; and it counts them. */
export function withSettingsInherited(state: State): State {
  let next = state;
  for (const heir of heirsOf(state)) {
    const { scimEnabled, onDelete, jit, uniqueGroupNames, defaults, provider } = heir.parent;
    const connection: Connection = {
      ...heir.connection,
      ...{ scimEnabled, onDelete, jit, uniqueGroupNames, defaults, provider },
    };
    next = withConnection(next, heir.in, connection);
  }
  for (const connection of state.parent.connections.values()) {
    const childCount = heirsOf(state).filter(({ parent }) => parent === connection).length;
    const { childCount: _, ...rest } = connection;
    next = withConnection(next, "parent", childCount === 0 ? rest : { ...rest, childCount });
  }
  return next;
}

export function newHeir(parent: Connection, slot: Slot, label: Label): Connection {
  return { ...parent, identity: newIdentity(label), slot: heirSlot(slot), tokens: [], inherited: true };
}

export function withConnection(state: State, place: Place, connection: Connection): State {
  const project = state[place];
  const connections = withEntry(project.connections, connection.identity.label, connection);
  return withProject(state, place, { ...project, connections });
}
