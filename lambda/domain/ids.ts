/**
 * Ids of projects, connections and tokens: lower-case Crockford base32, so they are URL-safe, hold no underscore
 * (Okta refuses one in a base URL) and sort by the time they were made.
 */

/** Crockford's base32 alphabet, lower case: no i, l, o, u. */
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

export type RandomBytes = (count: number) => Uint8Array;

/** 9 characters hold milliseconds until the year 3084. */
const timeCharacters = 9;
const projectRandomCharacters = 7;
const connectionRandomCharacters = 8;
export const projectIdLength = timeCharacters + projectRandomCharacters;
export const connectionIdLength = projectIdLength + connectionRandomCharacters;
export const groupIdLength = connectionRandomCharacters + projectIdLength;

/** Time, then 35 random bits; that no two are equal is guaranteed by the condition under which the project is put. */
export function newProjectId(now: number, randomBytes: RandomBytes): string {
  let time = "";
  for (let rest = now, i = 0; i < timeCharacters; i++, rest = Math.floor(rest / 32)) {
    time = alphabet[rest % 32] + time;
  }
  return time + randomCharacters(projectRandomCharacters, randomBytes);
}

/** The project's id comes first, so that a connection's rows are found, and kept apart, without a look-up. */
export function newConnectionId(projectId: string, randomBytes: RandomBytes): string {
  const own = randomCharacters(connectionRandomCharacters, randomBytes);
  return own === productOwner ? newConnectionId(projectId, randomBytes) : projectId + own;
}

/** Who provisions a group, in its id: the part of its connection's id that is its own, or this for a group made by hand. */
export const productOwner = "0".repeat(connectionRandomCharacters);

export function groupOwner(connectionId: string | undefined): string {
  return connectionId === undefined ? productOwner : connectionId.slice(projectIdLength);
}

/** The owner comes first, so that a connection's groups lie together, and no other's are met; then time. */
export function newGroupId(connectionId: string | undefined, now: number, randomBytes: RandomBytes): string {
  return groupOwner(connectionId) + newProjectId(now, randomBytes);
}

/** Whether a text has the form of an id of a group of this connection; without one, of any group. */
export function isGroupId(text: string, connectionId?: string): boolean {
  return (
    text.length === groupIdLength &&
    isBase32(text) &&
    (connectionId === undefined || text.startsWith(groupOwner(connectionId)))
  );
}

export function projectOfConnection(connectionId: string): string {
  return connectionId.slice(0, projectIdLength);
}

export function isProjectId(text: string): boolean {
  return text.length === projectIdLength && isBase32(text);
}

export function isConnectionId(text: string): boolean {
  return text.length === connectionIdLength && isBase32(text);
}

/** Whether a text has the form of an id of a connection of this project. */
export function isConnectionOf(projectId: string, text: string): boolean {
  return isConnectionId(text) && projectOfConnection(text) === projectId;
}

export function randomCharacters(count: number, randomBytes: RandomBytes): string {
  return Array.from(randomBytes(count), (byte) => alphabet[byte % 32]).join("");
}

/** Bits of the bytes, five to a character, the last one filled with zeros. */
export function base32(bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet[(value >> bits) & 31];
    }
    value &= (1 << bits) - 1;
  }
  return bits > 0 ? text + alphabet[(value << (5 - bits)) & 31] : text;
}

export function isBase32(text: string): boolean {
  for (const character of text) {
    if (!alphabet.includes(character)) {
      return false;
    }
  }
  return true;
}
