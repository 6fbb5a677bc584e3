/**
 * Lets an identity provider in. The connection, with the hashes of its tokens, is read in the same round trip as what
 * the request is about, strongly and on every request: a revoked token is refused from the next one on.
 */

import { keyOfConnection, noteTokenUse, parentIdOf, parseConnection } from "../table/connections.ts";
import type { Key } from "../table/keys.ts";
import type { ItemsByKey } from "../table/store.ts";
import type { Connection, Token } from "./connection.ts";
import type { Context } from "./context.ts";
import { isConnectionId } from "./ids.ts";
import { forbidden, unauthorized } from "./refusals.ts";
import { bearerToken, connectionOfToken, liveTokenOf } from "./token.ts";

export interface Caller {
  /** From the path. */
  readonly connectionId: string;
  /** The Authorization header. */
  readonly authorization: string | undefined;
}

export interface OpenedConnection {
  readonly connection: Connection;
  readonly items: ItemsByKey;
}

/** A token's last use is noted at most this often (DESIGN §3). */
const tokenUseIntervalMs = 15 * 60 * 1_000;

/** 401 for a token that does not open the connection in the path, 403 while SCIM is disabled. */
export async function openConnection(
  context: Context,
  caller: Caller,
  alsoRead: readonly Key[] = [],
): Promise<OpenedConnection> {
  const token = credentialOf(caller);
  if (connectionOfToken(token) !== caller.connectionId) {
    throw await refusalOfOthers(context, caller.connectionId, token);
  }
  const key = keyOfConnection(caller.connectionId);
  const items = await context.store.read([key, ...alsoRead]);
  const item = items.get(key);
  const connection = item && parseConnection(item);
  const live = connection && liveTokenOf(connection, token, context.clock());
  if (!connection || !live) {
    throw unauthorized(
      "This token is not, or no longer, valid for this connection; create a new one and paste it into the identity provider.",
      "invalid_token",
    );
  }
  await noteUse(context, connection, live);
  if (!connection.scimEnabled) {
    throw forbidden(
      "SCIM is disabled on this connection; enable it in the product, then let the identity provider retry.",
    );
  }
  return { connection, items };
}

/** The caller's token, checked by its form alone, before anything is read. */
export function credentialOf(caller: Caller): string {
  if (!isConnectionId(caller.connectionId)) {
    throw unauthorized("The URL names no connection; copy the SCIM base URL again.", "invalid_token");
  }
  return bearerToken(caller.authorization);
}

/** 401, but 403 for whoever opens the parent of the connection in the path: to him it may be said what it is. */
async function refusalOfOthers(context: Context, connectionId: string, token: string): Promise<Error> {
  const [key, ownKey] = [keyOfConnection(connectionId), keyOfConnection(connectionOfToken(token))];
  const items = await context.store.read([key, ownKey]);
  const [item, ownItem] = [items.get(key), items.get(ownKey)];
  const own = ownItem && parseConnection(ownItem);
  const isParents =
    item !== undefined &&
    own !== undefined &&
    parentIdOf(item) === own.id &&
    liveTokenOf(own, token, context.clock()) !== undefined;
  return isParents
    ? forbidden(
        `This connection inherits its users and groups; provision them to its parent, ${own.id}, at whose SCIM base URL ` +
          "this token is valid.",
      )
    : unauthorized(
        "This token belongs to another connection than the one in the URL; check the SCIM base URL and the token.",
        "invalid_token",
      );
}

async function noteUse(context: Context, connection: Connection, token: Token): Promise<void> {
  const notSince = context.clock() - tokenUseIntervalMs;
  if (token.lastUsedAt !== null && Date.parse(token.lastUsedAt) >= notSince) {
    return;
  }
  const at = new Date(context.clock()).toISOString();
  try {
    await noteTokenUse(context.store, connection, token.id, at, new Date(notSince).toISOString());
  } catch (cause) {
    context.warn("A token's last use could not be noted", cause);
  }
}
