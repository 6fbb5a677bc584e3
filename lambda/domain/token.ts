/**
 * Bearer tokens: `rollcall_<connection id>_<256 random bits><checksum>`.
 *
 * The fixed prefix and alphabet let secret scanners find a leaked one (the expression for them is in docs/runbook.md), the
 * checksum lets a mistyped one be refused without a read, and only its SHA-256 is kept: 256 random bits need no salt
 * and no slow hash.
 */

import { createHash, timingSafeEqual } from "node:crypto";
import { crc32 } from "node:zlib";
import type { Connection, Token } from "./connection.ts";
import { base32, connectionIdLength, isBase32, isConnectionId, type RandomBytes } from "./ids.ts";
import { unauthorized } from "./refusals.ts";

const prefix = "rollcall_";
const secretBytes = 32;
const secretLength = 52;
const checksumLength = 7;
const tokenLength = prefix.length + connectionIdLength + 1 + secretLength + checksumLength;
const hintLength = 4;

export interface NewToken {
  /** Shown once, never kept. */
  readonly token: string;
  readonly hash: string;
  readonly hint: string;
}

export function newToken(connectionId: string, randomBytes: RandomBytes): NewToken {
  const body = `${prefix}${connectionId}_${base32(randomBytes(secretBytes))}`;
  const token = body + checksum(body);
  return { token, hash: hashOf(token), hint: token.slice(-hintLength) };
}

/**
 * The bearer token of an Authorization header, once it is known to be one of ours by its form alone. 401 otherwise (RFC
 * 6750 §3.1), before anything is read.
 */
export function bearerToken(authorization: string | undefined): string {
  if (authorization === undefined || authorization.trim() === "") {
    throw unauthorized("Send the connection's SCIM token: Authorization: Bearer rollcall_….");
  }
  const value = authorization.trim();
  const blank = value.indexOf(" ");
  if (blank < 0 || value.slice(0, blank).toLowerCase() !== "bearer") {
    throw unauthorized("The Authorization header must be of the form: Bearer rollcall_….", "invalid_token");
  }
  const token = value.slice(blank + 1).trim();
  if (!isWellFormed(token)) {
    throw unauthorized(
      "This is not a complete Rollcall token; paste it again, whole and without blanks.",
      "invalid_token",
    );
  }
  return token;
}

/** The connection that a token names as its own. */
export function connectionOfToken(token: string): string {
  return token.slice(prefix.length, prefix.length + connectionIdLength);
}

/** The live token of the connection that this is, compared in constant time; undefined when there is none. */
export function liveTokenOf(connection: Connection, token: string, now: number): Token | undefined {
  const hash = Buffer.from(hashOf(token), "hex");
  return liveTokens(connection.tokens, now).find((candidate) =>
    timingSafeEqual(Buffer.from(candidate.hash, "hex"), hash),
  );
}

export function liveTokens(tokens: readonly Token[], now: number): readonly Token[] {
  return tokens.filter(({ expiresAt }) => expiresAt === null || Date.parse(expiresAt) > now);
}

function isWellFormed(token: string): boolean {
  const body = token.slice(0, -checksumLength);
  const connectionEnd = prefix.length + connectionIdLength;
  return (
    token.length === tokenLength &&
    token.startsWith(prefix) &&
    isConnectionId(token.slice(prefix.length, connectionEnd)) &&
    token[connectionEnd] === "_" &&
    isBase32(token.slice(connectionEnd + 1)) &&
    checksum(body) === token.slice(-checksumLength)
  );
}

function checksum(body: string): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(body));
  return base32(bytes);
}

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}
