/**
 * Cursors of lists (RFC 9865): where the next page begins, for one connection and one query, for a while. Nothing is kept
 * of them. A cursor is its content under a tag of HMAC-SHA-256, and enciphered, since clients shall not read in it (§5.2)
 * how many members a project has had. The tag covers the content and the query and is the cipher's initial vector as
 * well, so that no two contents are enciphered alike and none needs a random number (AES-SIV's construction, RFC 5297).
 */

import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from "node:crypto";
import { expiredCursor, invalidCount, invalidCursor } from "../scim/error.ts";
import { cursorTimeoutSeconds } from "../scim/limits.ts";
import type { RandomBytes } from "./ids.ts";

/** 128 bits: nobody guesses one, and the cipher takes just as many. */
const tagBytes = 16;
const secretBytes = 32;

export interface CursorContent {
  /** Where the page before ended. */
  readonly place: string;
  /** The count of the first page, to which all others have to keep. */
  readonly count: number;
}

/** A connection's secret for its cursors; nobody but `sealCursor` and `openCursor` has a use for it. */
export function newCursorSecret(randomBytes: RandomBytes): string {
  return Buffer.from(randomBytes(secretBytes)).toString("base64url");
}

/** `scope` says what the cursor is for: the types listed and the query. `now` in epoch milliseconds. */
export function sealCursor(
  secret: string,
  scope: readonly string[],
  { place, count }: CursorContent,
  now: number,
): string {
  const content = Buffer.from(`${now + cursorTimeoutSeconds * 1_000} ${count} ${place}`);
  const tag = tagOf(secret, scope, content);
  const cipher = createCipheriv("aes-256-ctr", derived(secret, "content"), tag);
  return Buffer.concat([tag, cipher.update(content), cipher.final()]).toString("base64url");
}

/**
 * The place in a cursor. 400 `invalidCursor` for one that was not given out for this scope, with no word on why;
 * `expiredCursor` and `invalidCount` for one that was.
 */
export function openCursor(
  secret: string,
  scope: readonly string[],
  cursor: string,
  count: number,
  now: number,
): string {
  const bytes = Buffer.from(cursor, "base64url");
  if (bytes.length <= tagBytes || bytes.toString("base64url") !== cursor) {
    throw notGivenOut();
  }
  const tag = bytes.subarray(0, tagBytes);
  const decipher = createDecipheriv("aes-256-ctr", derived(secret, "content"), tag);
  const content = Buffer.concat([decipher.update(bytes.subarray(tagBytes)), decipher.final()]);
  if (!timingSafeEqual(tag, tagOf(secret, scope, content))) {
    throw notGivenOut();
  }
  const [expiresAt, first, ...place] = content.toString().split(" ");
  if (Number(expiresAt) <= now) {
    throw expiredCursor(
      `The cursor has expired: a next page has to be asked for within ${cursorTimeoutSeconds} seconds ` +
        "(cursorTimeout). Begin again with an empty cursor.",
    );
  }
  if (Number(first) !== count) {
    throw invalidCount(`The first page was asked for with count ${first}; keep to it on all pages.`);
  }
  return place.join(" ");
}

function tagOf(secret: string, scope: readonly string[], content: Buffer): Buffer {
  return createHmac("sha256", derived(secret, "tag"))
    .update(`${JSON.stringify(scope)}\n`)
    .update(content)
    .digest()
    .subarray(0, tagBytes);
}

/** A key for each purpose. */
function derived(secret: string, purpose: "tag" | "content"): Buffer {
  return createHmac("sha256", Buffer.from(secret, "base64url")).update(`rollcall cursor ${purpose}`).digest();
}

function notGivenOut() {
  return invalidCursor(
    "The cursor was not given out for this query. Send nextCursor of the page before, and all other parameters as " +
      "they were; begin again with an empty cursor.",
  );
}
