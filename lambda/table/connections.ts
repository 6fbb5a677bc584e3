/** Connections, their settings and tokens: one item each. */

import * as z from "zod";
import {
  type Connection,
  type ConnectionSettings,
  defaultRoles,
  deletePolicies,
  type Inheritance,
  providers,
} from "../domain/connection.ts";
import { projectOfConnection } from "../domain/ids.ts";
import { accesses } from "../domain/member.ts";
import {
  connectionKey,
  connectionsOf,
  formerConnectionIdOf,
  formerConnectionKey,
  formerConnectionsOf,
  heirsAttribute,
  type Key,
} from "./keys.ts";
import { absent, assignments, type Expression, type Item, removal, type Store, type Write } from "./store.ts";

const access = z.enum(accesses);

const rootItem = z
  .object({
    id: z.string(),
    name: z.string(),
    provider: z.enum(providers),
    scimEnabled: z.boolean(),
    onDelete: z.enum(deletePolicies),
    jit: z.boolean(),
    uniqueGroupNames: z.boolean(),
    defaults: z.object({
      role: z.enum(defaultRoles),
      userAccess: access,
      readerAccess: access,
      groupAccess: access,
    }),
    tokens: z.array(
      z.object({
        id: z.string(),
        hash: z.string(),
        label: z.string().nullable(),
        hint: z.string(),
        createdAt: z.string(),
        expiresAt: z.string().nullable(),
      }),
    ),
    /** By token id. Apart from `tokens`, so that noting a use neither meets nor overwrites a change of settings. */
    tokenUse: z.record(z.string(), z.string()),
    cursorSecret: z.string(),
    childCount: z.number().default(0),
    heirsSince: z.number().default(0),
    markedSince: z.number().default(0),
    syncEpoch: z.number().default(0),
    createdAt: z.string(),
    updatedAt: z.string(),
    revision: z.number(),
  })
  .transform(
    ({ tokenUse, tokens, ...connection }): Connection => ({
      ...connection,
      tokens: tokens.map((token) => ({ ...token, lastUsedAt: tokenUse[token.id] ?? null })),
      inheritance: undefined,
    }),
  );

/** A child keeps its name, and from whom it has all the rest. */
const childItem = z.object({
  id: z.string(),
  name: z.string(),
  parentId: z.string(),
  ordinal: z.number(),
  createdAt: z.string(),
  updatedAt: z.string(),
  revision: z.number(),
});

export function keyOfConnection(connectionId: string): Key {
  return connectionKey(projectOfConnection(connectionId), connectionId);
}

/** The id of the parent that a row names; undefined for a root's. */
export function parentIdOf(item: Item): string | undefined {
  const child = childItem.safeParse(item);
  return child.success ? child.data.parentId : undefined;
}

/** A row as it is by itself: of a child without its settings, which its parent has. */
export function parseConnection(item: Item): Connection {
  return parentIdOf(item) === undefined ? rootItem.parse(item) : inheriting(item, settingsElsewhere);
}

/** Settings of a child whose parent was not looked at: nothing that anybody could do anything by. */
const settingsElsewhere: ConnectionSettings & { readonly revision: number } = {
  name: "",
  provider: "other",
  scimEnabled: false,
  onDelete: "deactivate",
  jit: false,
  uniqueGroupNames: false,
  defaults: { role: "contributor", userAccess: "none", readerAccess: "none", groupAccess: "none" },
  revision: Number.NaN,
};

function inheriting(item: Item, parent: ConnectionSettings & { readonly revision: number }): Connection {
  const { parentId, ordinal, ...own } = childItem.parse(item);
  const { provider, scimEnabled, onDelete, jit, uniqueGroupNames, defaults } = parent;
  return {
    ...own,
    provider,
    scimEnabled,
    onDelete,
    jit,
    uniqueGroupNames,
    defaults,
    tokens: [],
    cursorSecret: "",
    inheritance: { parentId, parentRevision: parent.revision, ordinal },
    childCount: 0,
    heirsSince: 0,
    markedSince: 0,
    syncEpoch: 0,
  };
}

/** A child is read with its parent, so that settings changed there hold here at once. */
export async function readConnection(store: Store, connectionId: string): Promise<Connection | undefined> {
  const key = keyOfConnection(connectionId);
  const item = (await store.read([key])).get(key);
  return item && (await withParents(store, [item]))[0];
}

/** Those of these connections that are there, in no order. */
export async function readConnections(
  store: Store,
  connectionIds: readonly string[],
): Promise<readonly Connection[]> {
  const keys = connectionIds.map(keyOfConnection);
  const items = await store.read(keys);
  return withParents(
    store,
    keys.map((key) => items.get(key)).filter((item) => item !== undefined),
  );
}

/** All connections of a project; few, so one Query. */
export async function connectionsIn(store: Store, projectId: string): Promise<readonly Connection[]> {
  return withParents(store, await store.query(connectionsOf(projectId)));
}

async function withParents(store: Store, items: readonly Item[]): Promise<readonly Connection[]> {
  const parentIds = new Set(items.map(parentIdOf).filter((id) => id !== undefined));
  if (parentIds.size === 0) {
    return items.map(parseConnection);
  }
  const parents = await store.read([...parentIds].map(keyOfConnection));
  return items.flatMap((item) => {
    const parentId = parentIdOf(item);
    if (parentId === undefined) {
      return [parseConnection(item)];
    }
    const parent = parents.get(keyOfConnection(parentId));
    // A parent outlives its children. Gone by the second read, it has been deleted after the child was.
    return parent === undefined ? [] : [inheriting(item, parseConnection(parent))];
  });
}

/** The ids of all connections that a project has or had: members of one that is gone still stand in its roster. */
export async function connectionIdsEver(store: Store, projectId: string): Promise<readonly string[]> {
  const { present, former } = await connectionItemsEver(store, projectId);
  return [...present.map((item) => parseConnection(item).id), ...former.map(formerConnectionIdOf)];
}

/** Rows of those that are there, words of those that were. */
async function connectionItemsEver(store: Store, projectId: string) {
  const [present, former] = await Promise.all([
    store.query(connectionsOf(projectId)),
    store.query(formerConnectionsOf(projectId)),
  ]);
  return { present, former };
}

/** The inheritances that a project has or had: the connection, and its number among them. */
export async function inheritancesEver(
  store: Store,
  projectId: string,
): Promise<readonly { readonly connectionId: string; readonly ordinal: number }[]> {
  const { present, former } = await connectionItemsEver(store, projectId);
  return [
    ...present.map((item) => ({ connectionId: String(item["id"]), ordinal: item["ordinal"] })),
    ...former.map((item) => ({ connectionId: formerConnectionIdOf(item), ordinal: item["ordinal"] })),
  ].flatMap(({ connectionId, ordinal }) => (typeof ordinal === "number" ? [{ connectionId, ordinal }] : []));
}

/** Who made a change, and when. The row tells it of its last one: of a change of tokens nothing else would. */
export interface ChangeNote {
  readonly actor: string;
  readonly at: string;
}

export function insertConnection(connection: Connection, actor: string): Write {
  const { id, createdAt, inheritance } = connection;
  const { inheritance: _, ...root } = connection;
  const row =
    inheritance === undefined
      ? { ...root, tokens: storedTokens(connection), tokenUse: {} }
      : { id, createdAt, ...childFields(connection, inheritance) };
  return { put: { ...keyOfConnection(id), ...row, ...noted({ actor, at: createdAt }) }, when: absent };
}

function childFields({ name, updatedAt, revision }: Connection, { parentId, ordinal }: Inheritance): Item {
  return { name, parentId, ordinal, updatedAt, revision };
}

/** Settings and tokens anew, under the condition that nobody changed them since `before` was read. */
export function replaceConnection(before: Connection, after: Connection, note: ChangeNote): Write {
  const { id: _, tokens: __, cursorSecret: ___, createdAt: ____, inheritance, ...settings } = after;
  const fields =
    inheritance === undefined
      ? { ...settings, tokens: storedTokens(after) }
      : childFields(after, inheritance);
  const { set, names, values } = assignments({ ...fields, ...noted(note) });
  const gone = before.tokens.filter((token) => !after.tokens.some(({ id }) => id === token.id));
  const change: Expression = {
    expression: `SET ${set}${removal(gone.map((_, index) => `tokenUse.#gone${index}`))}`,
    names: { ...names, ...Object.fromEntries(gone.map((token, index) => [`#gone${index}`, token.id])) },
    values,
  };
  return { update: keyOfConnection(before.id), change, when: unchanged(before) };
}

/**
 * Counts a child that comes to a parent, or goes. Only where it had none, or has none then, must the parent be as it was read:
 * so many that are made at once do not stand in one another's way.
 */
export function countChild(parent: Connection, change: 1 | -1, most: number, note: ChangeNote): Write {
  const { id, childCount, revision } = parent;
  const [least, bound] = change > 0 ? [1, most - 1] : [2, most];
  const isEdge = childCount < least;
  const heirs =
    change > 0 ? { [heirsAttribute]: 1, heirsSince: revision + 1 } : { [heirsAttribute]: undefined };
  const { set, removed, names, values } = assignments({ ...noted(note), ...(isEdge && heirs) });
  return {
    update: keyOfConnection(id),
    change: {
      expression: `SET ${set}${removal(removed)} ADD childCount :change, revision :one`,
      names,
      values: { ...values, ":change": change, ":one": 1 },
    },
    when: isEdge
      ? unchanged(parent)
      : {
          expression: "childCount BETWEEN :least AND :most",
          values: { ":least": least, ":most": bound },
        },
  };
}

function noted({ actor, at }: ChangeNote): Item {
  return { actor, changedAt: at };
}

/**
 * The connection goes, with its tokens; a word of it stays. Its roster and pointers stay as well: members that another
 * connection takes over are taken out of them one by one, and the rest goes with the project.
 */
export function deleteConnection(connection: Connection, note: ChangeNote): readonly Write[] {
  const { id, name, revision, inheritance } = connection;
  const word = {
    ...formerConnectionKey(projectOfConnection(id), id),
    name,
    ...(inheritance !== undefined && { ordinal: inheritance.ordinal }),
    revision: revision + 1,
    ...noted(note),
  };
  return [
    { delete: keyOfConnection(id), when: unchanged(connection) },
    { put: word, when: absent },
  ];
}

/** Lets a transaction hold only while the connection, and its parent, are as read; undefined: while there is none. */
export function connectionUnchanged(connectionId: string, seen: Connection | undefined): readonly Write[] {
  const { parentId, parentRevision } = seen?.inheritance ?? {};
  return [
    { check: keyOfConnection(connectionId), when: seen ? unchanged(seen) : absent },
    ...(parentId === undefined
      ? []
      : [{ check: keyOfConnection(parentId), when: unchanged({ revision: parentRevision! }) }]),
  ];
}

/** Notes that all there is has been marked for the children it has; nothing if these are others by now. */
export async function noteMarked(store: Store, { id, heirsSince }: Connection): Promise<void> {
  await store.update(
    keyOfConnection(id),
    { expression: "SET markedSince = :since" },
    { expression: "heirsSince = :since", values: { ":since": heirsSince } },
  );
}

/**
 * Notes that a token was used, unless that was noted since `notSince`, or the connection's tokens or settings have changed
 * since it was read. One write unit; never a reason to fail.
 */
export async function noteTokenUse(
  store: Store,
  connection: Connection,
  tokenId: string,
  at: string,
  notSince: string,
): Promise<void> {
  await store.update(
    keyOfConnection(connection.id),
    { expression: "SET tokenUse.#id = :at", names: { "#id": tokenId }, values: { ":at": at } },
    {
      expression:
        "revision = :seenRevision AND (attribute_not_exists(tokenUse.#id) OR tokenUse.#id < :notSince)",
      values: { ":notSince": notSince, ":seenRevision": connection.revision },
    },
  );
}

function storedTokens(connection: Connection) {
  return connection.tokens.map(({ lastUsedAt: _, ...token }) => token);
}

function unchanged(connection: { readonly revision: number }): Expression {
  return { expression: "revision = :seenRevision", values: { ":seenRevision": connection.revision } };
}
