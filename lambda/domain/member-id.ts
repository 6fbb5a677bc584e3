/**
 * A member's public id is its number enciphered: one AES block, printed like a UUID. An id is checked and becomes a key
 * without a read, says nothing about how many members there are, and an id of another project or another kind does
 * not decipher.
 *
 * The key comes from the project's id, not from a secret: ids are names, not credentials. Whoever forged one would
 * still only name a row of the tenant its token opens.
 */

import { createCipheriv, createDecipheriv, createHash } from "node:crypto";
import type { Member } from "./member.ts";

/** The first half of the block. What deciphers to anything else was never an id of ours. */
const tag = Buffer.from("member\0\0", "latin1");
/** Numbers are far below 2^40; a key of twelve digits holds them. */
const numberMax = 2 ** 39;

export function memberIdOf(projectId: string, number: number): string {
  return memberIdsOf(projectId, [number])[0]!;
}

/** `memberIdOf` for many: a group shows 100,000 at once, which takes a tenth of a second this way. */
export function memberIdsOf(projectId: string, numbers: Iterable<number>): readonly string[] {
  const cipher = createCipheriv("aes-128-ecb", keyOf(projectId), null).setAutoPadding(false);
  const block = Buffer.alloc(16);
  tag.copy(block);
  return Array.from(numbers, (number) => {
    block.writeBigUInt64BE(BigInt(number), 8);
    const hex = cipher.update(block).toString("hex");
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
  });
}

/** The id by which the product knows a member, for ever the same. */
export function memberIdOfMember(member: Member): string {
  return memberIdOf(member.projectId, member.homeNumber);
}

/** The number behind an id of this project, or undefined for anything else. */
export function memberNumberOf(projectId: string, id: string): number | undefined {
  return memberNumbersOf(projectId, [id])[0];
}

/** `memberNumberOf` for many: blocks are deciphered apart (ECB), so one decipher serves them all. */
export function memberNumbersOf(projectId: string, ids: Iterable<string>): readonly (number | undefined)[] {
  const decipher = createDecipheriv("aes-128-ecb", keyOf(projectId), null).setAutoPadding(false);
  return Array.from(ids, (id) => {
    const hex = unhyphenated(id);
    if (hex === undefined) {
      return undefined;
    }
    const block = decipher.update(Buffer.from(hex, "hex"));
    const number = Number(block.readBigUInt64BE(8));
    return block.subarray(0, 8).equals(tag) && number < numberMax ? number : undefined;
  });
}

function keyOf(projectId: string): Buffer {
  return createHash("sha256").update("rollcall member id\0").update(projectId).digest().subarray(0, 16);
}

/** Ids are case-exact (RFC 7643 §3.1): only the lower-case form that was given out is taken. */
function unhyphenated(id: string): string | undefined {
  if (id.length !== 36) {
    return undefined;
  }
  let hex = "";
  for (let i = 0; i < 36; i++) {
    const character = id[i]!;
    if (i === 8 || i === 13 || i === 18 || i === 23) {
      if (character !== "-") {
        return undefined;
      }
    } else if ("0123456789abcdef".includes(character)) {
      hex += character;
    } else {
      return undefined;
    }
  }
  return hex;
}
