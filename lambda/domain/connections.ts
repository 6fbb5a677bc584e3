/** Connections and their tokens, as the admin API sees them. */

import { notFound } from "../scim/error.ts";
import {
  connectionsIn,
  deleteConnection as deletion,
  insertConnection,
  readConnection,
  replaceConnection,
} from "../table/connections.ts";
import { replaceProject } from "../table/projects.ts";
import { overtaken } from "../table/retry.ts";
import { purgeFailures } from "../table/sync-failures.ts";
import type { Connection, ConnectionDefaults, ConnectionSettings, Token } from "./connection.ts";
import { projectIdOf } from "./connection.ts";
import { type Context, now } from "./context.ts";
import { isConnectionId, newConnectionId, randomCharacters } from "./ids.ts";
import { inheritedSetting, newChild, unlinking } from "./inheritance.ts";
import { connectionsPerProjectMax, liveTokensMax } from "./limits.ts";
import { newCursorSecret } from "./list-cursor.ts";
import { changing } from "./member-change.ts";
import type { Project } from "./project.ts";
import { openProject } from "./projects.ts";
import { conflict, validationFailed } from "./refusals.ts";
import { liveTokens, newToken } from "./token.ts";

export type SettingsPatch = {
  readonly [setting in Exclude<keyof ConnectionSettings, "defaults">]?:
    | ConnectionSettings[setting]
    | undefined;
} & {
  readonly defaults?:
    | { readonly [name in keyof ConnectionDefaults]?: ConnectionDefaults[name] | undefined }
    | undefined;
};

const standardDefaults: ConnectionDefaults = {
  role: "contributor",
  userAccess: "none",
  readerAccess: "none",
  groupAccess: "none",
};

export async function createConnection(
  context: Context,
  projectId: string,
  wanted: SettingsPatch & { readonly name: string; readonly inheritsFrom?: string | null | undefined },
): Promise<Connection> {
  const { inheritsFrom: parentId, ...settings } = wanted;
  if (typeof parentId === "string") {
    assertNameAlone(settings);
  }
  return changing(context, async () => {
    const project = await openProject(context, projectId);
    if (project.connectionCount >= connectionsPerProjectMax) {
      throw conflict(
        "too_many_connections",
        `A project has at most ${connectionsPerProjectMax} connections; delete one that is no longer used.`,
      );
    }
    const at = now(context);
    if (typeof parentId === "string") {
      const made = await newChild(context, project, { name: wanted.name, parentId });
      const counted = countedProject(made.project, 1);
      const outcome = await context.store.transact([
        ...made.writes,
        replaceProject(project, counted, context.actor),
      ]);
      return outcome === "done" ? made.child : overtaken();
    }
    const provider = wanted.provider ?? "other";
    const connection: Connection = {
      id: newConnectionId(projectId, context.randomBytes),
      ...withSettings(
        {
          name: wanted.name,
          provider,
          scimEnabled: true,
          onDelete: "deactivate",
          jit: false,
          // Entra matches groups by name and fails an object with two matches (idp-traffic §1.6).
          uniqueGroupNames: provider === "entra",
          defaults: standardDefaults,
        },
        settings,
      ),
      tokens: [],
      inheritance: undefined,
      childCount: 0,
      heirsSince: 0,
      markedSince: 0,
      syncEpoch: 0,
      cursorSecret: newCursorSecret(context.randomBytes),
      createdAt: at,
      updatedAt: at,
      revision: 1,
    };
    const counted = countedProject(project, 1);
    const outcome = await context.store.transact([
      insertConnection(connection, context.actor),
      replaceProject(project, counted, context.actor),
    ]);
    return outcome === "done" ? connection : overtaken();
  });
}

function countedProject(project: Project, change: 1 | -1): Project {
  return {
    ...project,
    connectionCount: project.connectionCount + change,
    revision: project.revision + 1,
  };
}

/** 409 `inherited_setting` for anything but the name. */
function assertNameAlone(wanted: SettingsPatch): void {
  const set = Object.entries(wanted).flatMap(([name, value]) =>
    name === "name" || value === undefined ? [] : [name],
  );
  if (set.length > 0) {
    throw inheritedSetting(set.join(", "));
  }
}

export async function getConnection(
  context: Context,
  projectId: string,
  connectionId: string,
): Promise<Connection> {
  const connection = isConnectionId(connectionId)
    ? await readConnection(context.store, connectionId)
    : undefined;
  if (!connection || projectIdOf(connection) !== projectId) {
    throw noSuchConnection(projectId, connectionId);
  }
  return connection;
}

export function noSuchConnection(projectId: string, connectionId: string) {
  return notFound(`Connection ${connectionId} does not exist in project ${projectId}.`);
}

export async function listConnections(context: Context, projectId: string): Promise<readonly Connection[]> {
  const [, connections] = await Promise.all([
    openProject(context, projectId),
    connectionsIn(context.store, projectId),
  ]);
  return connections;
}

export async function patchConnection(
  context: Context,
  projectId: string,
  connectionId: string,
  patch: SettingsPatch,
): Promise<Connection> {
  return changing(context, async () => {
    const before = await getConnection(context, projectId, connectionId);
    if (before.inheritance !== undefined) {
      assertNameAlone(patch);
    }
    const settings = withSettings(before, patch);
    if (JSON.stringify(settings) === JSON.stringify(withSettings(before, {}))) {
      return before;
    }
    const at = now(context);
    // While SCIM was off nothing was carried to the children: they have to look at everything again.
    const returns = settings.scimEnabled && !before.scimEnabled && before.childCount > 0;
    const after = {
      ...before,
      ...settings,
      syncEpoch: before.syncEpoch + (returns ? 1 : 0),
      updatedAt: at,
      revision: before.revision + 1,
    };
    const note = { actor: context.actor, at };
    const outcome = await context.store.transact([replaceConnection(before, after, note)]);
    return outcome === "done" ? after : overtaken();
  });
}

/**
 * Its members stay, unmanaged: a member is managed only while its connection is there. Its open sync failures go, since
 * nothing will close them.
 */
export async function deleteConnection(
  context: Context,
  projectId: string,
  connectionId: string,
): Promise<void> {
  await changing(context, async () => {
    const [project, connection] = await Promise.all([
      openProject(context, projectId),
      getConnection(context, projectId, connectionId),
    ]);
    if (connection.childCount > 0) {
      throw conflict(
        "has_children",
        `${connection.childCount} connection(s) inherit from this one; delete them first. GET …/children lists them.`,
      );
    }
    const { inheritance } = connection;
    const links = inheritance === undefined ? [] : await unlinking(context, connection, inheritance);
    const note = { actor: context.actor, at: now(context) };
    const outcome = await context.store.transact([
      ...deletion(connection, note),
      ...links,
      replaceProject(project, countedProject(project, -1), context.actor),
    ]);
    if (outcome === "overtaken") {
      overtaken();
    }
  });
  try {
    await purgeFailures(context.store, projectId, connectionId);
  } catch (cause) {
    // They are not shown any more, and go with the project.
    context.warn("The sync failures of a deleted connection could not be removed", cause);
  }
}

/** 409 `inherited_setting` for a child: its parent has the tokens. */
async function getRootConnection(
  context: Context,
  projectId: string,
  connectionId: string,
): Promise<Connection> {
  const connection = await getConnection(context, projectId, connectionId);
  if (connection.inheritance !== undefined) {
    throw inheritedSetting("SCIM access");
  }
  return connection;
}

export interface IssuedToken {
  /** The token itself, this once. */
  readonly token: string;
  readonly record: Token;
}

export interface TokenWish {
  readonly label?: string | undefined;
  /** RFC 3339. */
  readonly expiresAt?: string | undefined;
}

/** 409 `too_many_tokens` beyond two live ones. */
export async function createToken(
  context: Context,
  projectId: string,
  connectionId: string,
  wish: TokenWish,
): Promise<IssuedToken> {
  return issue(context, projectId, connectionId, wish, (live) => live);
}

/** A new token; every older one ends after the overlap, at once when it is 0. However many are live, it is never refused. */
export async function rotateTokens(
  context: Context,
  projectId: string,
  connectionId: string,
  wish: { readonly label?: string | undefined; readonly overlapSeconds: number },
): Promise<IssuedToken> {
  const end = new Date(context.clock() + wish.overlapSeconds * 1_000).toISOString();
  return issue(context, projectId, connectionId, { label: wish.label }, (live) =>
    wish.overlapSeconds === 0
      ? []
      : lastInUse(live).map((token) => ({ ...token, expiresAt: earlier(token.expiresAt, end) })),
  );
}

/**
 * As many live tokens as a new one leaves room for: those used last, of equals the newer; the others end at once. So the one
 * that the identity provider has lives through the overlap, even if a rotation is repeated because its answer, or the
 * token in it, was lost: that one has never been used.
 */
function lastInUse(live: readonly Token[]): readonly Token[] {
  const usedLastFirst = live.toReversed().sort((a, b) => usedAtMs(b) - usedAtMs(a));
  const kept = new Set(usedLastFirst.slice(0, liveTokensMax - 1));
  return live.filter((token) => kept.has(token));
}

function usedAtMs({ lastUsedAt }: Token): number {
  return lastUsedAt === null ? 0 : Date.parse(lastUsedAt);
}

export async function listTokens(
  context: Context,
  projectId: string,
  connectionId: string,
): Promise<readonly Token[]> {
  const connection = await getRootConnection(context, projectId, connectionId);
  return liveTokens(connection.tokens, context.clock());
}

/** Refused from the next request on: every request reads the connection strongly. */
export async function deleteToken(
  context: Context,
  projectId: string,
  connectionId: string,
  tokenId: string,
): Promise<void> {
  await changing(context, async () => {
    const connection = await getRootConnection(context, projectId, connectionId);
    const kept = connection.tokens.filter(({ id }) => id !== tokenId);
    if (kept.length === connection.tokens.length) {
      throw notFound(`Token ${tokenId} does not exist on this connection; it may have ended already.`);
    }
    await replaceTokens(context, connection, kept);
  });
}

async function issue(
  context: Context,
  projectId: string,
  connectionId: string,
  wish: TokenWish,
  keep: (live: readonly Token[]) => readonly Token[],
): Promise<IssuedToken> {
  return changing(context, async () => {
    const connection = await getRootConnection(context, projectId, connectionId);
    const kept = keep(liveTokens(connection.tokens, context.clock()));
    if (kept.length >= liveTokensMax) {
      throw conflict(
        "too_many_tokens",
        `A connection has at most ${liveTokensMax} live tokens; delete one, or rotate them.`,
      );
    }
    const expiresAt = wish.expiresAt === undefined ? null : new Date(wish.expiresAt).toISOString();
    if (expiresAt !== null && Date.parse(expiresAt) <= context.clock()) {
      throw validationFailed("expiresAt has passed already.", [
        { path: "expiresAt", message: "send a time to come, or leave it out for a token without end" },
      ]);
    }
    const { token, hash, hint } = newToken(connectionId, context.randomBytes);
    const record: Token = {
      id: randomCharacters(16, context.randomBytes),
      hash,
      label: wish.label ?? null,
      hint,
      createdAt: now(context),
      expiresAt,
      lastUsedAt: null,
    };
    await replaceTokens(context, connection, [...kept, record]);
    return { token, record };
  });
}

async function replaceTokens(context: Context, before: Connection, tokens: readonly Token[]): Promise<void> {
  const after = { ...before, tokens, revision: before.revision + 1 };
  const note = { actor: context.actor, at: now(context) };
  if ((await context.store.transact([replaceConnection(before, after, note)])) === "overtaken") {
    overtaken();
  }
}

function earlier(expiresAt: string | null, end: string): string {
  return expiresAt !== null && Date.parse(expiresAt) < Date.parse(end) ? expiresAt : end;
}

function withSettings(settings: ConnectionSettings, patch: SettingsPatch): ConnectionSettings {
  const { name, provider, scimEnabled, onDelete, jit, uniqueGroupNames, defaults } = settings;
  return {
    name: patch.name ?? name,
    provider: patch.provider ?? provider,
    scimEnabled: patch.scimEnabled ?? scimEnabled,
    onDelete: patch.onDelete ?? onDelete,
    jit: patch.jit ?? jit,
    uniqueGroupNames: patch.uniqueGroupNames ?? uniqueGroupNames,
    defaults: {
      role: patch.defaults?.role ?? defaults.role,
      userAccess: patch.defaults?.userAccess ?? defaults.userAccess,
      readerAccess: patch.defaults?.readerAccess ?? defaults.readerAccess,
      groupAccess: patch.defaults?.groupAccess ?? defaults.groupAccess,
    },
  };
}
