/** Connections, their settings and tokens: one item each. */

import * as z from "zod";
import { type Connection, defaultRoles, deletePolicies, providers } from "../domain/connection.ts";
import { projectOfConnection } from "../domain/ids.ts";
import { accesses } from "../domain/member.ts";
import {
  connectionKey,
  connectionsOf,
  formerConnectionIdOf,
  formerConnectionKey,
  formerConnectionsOf,
  type Key,
} from "./keys.ts";
import { absent, type Expression, type Item, type Store, type Write } from "./store.ts";

const access = z.enum(accesses);

const connectionItem = z
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
    createdAt: z.string(),
    updatedAt: z.string(),
    revision: z.number(),
  })
  .transform(
    ({ tokenUse, tokens, ...connection }): Connection => ({
      ...connection,
      tokens: tokens.map((token) => ({ ...token, lastUsedAt: tokenUse[token.id] ?? null })),
    }),
  );

export function keyOfConnection(connectionId: string): Key {
  return connectionKey(projectOfConnection(connectionId), connectionId);
}

export function parseConnection(item: Item): Connection {
  return connectionItem.parse(item);
}

export async function readConnection(store: Store, connectionId: string): Promise<Connection | undefined> {
  const key = keyOfConnection(connectionId);
  const item = (await store.read([key])).get(key);
  return item && parseConnection(item);
}

/** All connections of a project; few, so one Query. */
export async function connectionsIn(store: Store, projectId: string): Promise<readonly Connection[]> {
  return (await store.query(connectionsOf(projectId))).map(parseConnection);
}

/** The ids of all connections that a project has or had: members of one that is gone still stand in its roster. */
export async function connectionIdsEver(store: Store, projectId: string): Promise<readonly string[]> {
  const [present, former] = await Promise.all([
    connectionsIn(store, projectId),
    store.query(formerConnectionsOf(projectId)),
  ]);
  return [...present.map(({ id }) => id), ...former.map(formerConnectionIdOf)];
}

/** Who made a change, and when. The row tells it of its last one: of a change of tokens nothing else would. */
export interface ChangeNote {
  readonly actor: string;
  readonly at: string;
}

export function insertConnection(connection: Connection, actor: string): Write {
  return {
    put: {
      ...keyOfConnection(connection.id),
      ...connection,
      tokens: storedTokens(connection),
      tokenUse: {},
      ...noted({ actor, at: connection.createdAt }),
    },
    when: absent,
  };
}

/** Settings and tokens anew, under the condition that nobody changed them since `before` was read. */
export function replaceConnection(before: Connection, after: Connection, note: ChangeNote): Write {
  const { id: _, tokens: __, cursorSecret: ___, createdAt: ____, ...settings } = after;
  const values: Item = { ...settings, ...noted(note) };
  const names = Object.keys(values);
  const gone = before.tokens.filter((token) => !after.tokens.some(({ id }) => id === token.id));
  const change: Expression = {
    expression:
      `SET ${names.map((name) => `#${name} = :${name}`).join(", ")}, tokens = :tokens` +
      (gone.length > 0 ? ` REMOVE ${gone.map((_, index) => `tokenUse.#gone${index}`).join(", ")}` : ""),
    names: {
      ...Object.fromEntries(names.map((name) => [`#${name}`, name])),
      ...Object.fromEntries(gone.map((token, index) => [`#gone${index}`, token.id])),
    },
    values: {
      ...Object.fromEntries(names.map((name) => [`:${name}`, values[name]])),
      ":tokens": storedTokens(after),
    },
  };
  return { update: keyOfConnection(before.id), change, when: unchanged(before) };
}

function noted({ actor, at }: ChangeNote): Item {
  return { actor, changedAt: at };
}

/**
 * The connection goes, with its tokens; a word of it stays. Its roster and pointers stay as well: members that another
 * connection takes over are taken out of them one by one, and the rest goes with the project.
 */
export function deleteConnection(connection: Connection, note: ChangeNote): readonly Write[] {
  const { id, name, revision } = connection;
  const word = {
    ...formerConnectionKey(projectOfConnection(id), id),
    name,
    revision: revision + 1,
    ...noted(note),
  };
  return [
    { delete: keyOfConnection(id), when: unchanged(connection) },
    { put: word, when: absent },
  ];
}

/** Lets a transaction hold only while the connection is as it was read; undefined: while there is none. */
export function connectionUnchanged(connectionId: string, seen: Connection | undefined): Write {
  return { check: keyOfConnection(connectionId), when: seen ? unchanged(seen) : absent };
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

function unchanged(connection: Connection): Expression {
  return { expression: "revision = :seenRevision", values: { ":seenRevision": connection.revision } };
}
