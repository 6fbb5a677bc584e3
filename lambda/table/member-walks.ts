/**
 * Ways through the members of a project: all rows, those of given numbers, the users of one connection, or those whose name
 * begins so. Places are opaque outside, but for `isPlace`.
 */

import type { Member } from "../domain/member.ts";
import {
  blockOf,
  memberSortKey,
  membersPartition,
  membersPerBlock,
  type NameKind,
  namePrefix,
  namesPartition,
} from "./keys.ts";
import { readMembers } from "./member-reads.ts";
import { numberAt, parseMemberRow } from "./members.ts";
import { blocksIn, copiedNumbersOf } from "./number-ranges.ts";
import type { NumberSet } from "./numbers.ts";
import { readRoster } from "./roster.ts";
import { numbersBelow, readSeatPools } from "./seat-pools.ts";
import type { Store } from "./store.ts";
import { emptyWalk, type Step, sortKeyBytesMax, stretchLength, type Walk } from "./walk.ts";

export interface MemberStep extends Step {
  readonly member: Member;
}

/** All members, deleted ones included, in the order of their numbers: first those of its own, then those of copies. */
export async function walkByNumber(store: Store, projectId: string): Promise<Walk<MemberStep>> {
  const [pools, copied] = await Promise.all([
    readSeatPools(store, projectId),
    copiedNumbersOf(store, projectId),
  ]);
  const own = { from: 0, below: Math.max(1, numbersBelow(pools)) };
  const blocks = [own, ...copied].flatMap(blocksIn);
  const lastBlock = blocks.at(-1)!;
  return async (after) => {
    const wanted = after === undefined ? 0 : Number(after) + 1;
    const block = blocks.find((one) => one >= blockOf(wanted));
    if (block === undefined) {
      return emptyWalk(after);
    }
    const first = Math.max(wanted, block * membersPerBlock);
    const items = await store.query({
      pk: membersPartition(projectId, block),
      from: memberSortKey(first),
      limit: stretchLength,
    });
    const full = items.length === stretchLength;
    const last = full ? Number(items.at(-1)!["sk"]) : (block + 1) * membersPerBlock - 1;
    const steps = items
      .map((item) => parseMemberRow(projectId, item))
      .flatMap((row) => (row.kind === "member" ? [numberStep(row.member)] : []));
    return { steps, place: String(last), end: !full && block === lastBlock };
  };
}

/** The numbers given, ascending; `read` finds the members of a stretch, in whatever order its steps shall have. */
export function walkNumbers(
  numbers: NumberSet,
  read: (numbers: NumberSet) => Promise<readonly MemberStep[]>,
): Walk<MemberStep> {
  return async (after) => {
    const start = after === undefined ? 0 : numbers.findIndex((number) => number > Number(after));
    if (start < 0 || numbers.length === 0) {
      return emptyWalk(after);
    }
    const stretch = numbers.subarray(start, start + stretchLength);
    const end = start + stretchLength >= numbers.length;
    return { steps: await read(stretch), place: String(stretch.at(-1)), end };
  };
}

/** The users of one connection in the order of their numbers. */
export async function walkByRoster(
  store: Store,
  projectId: string,
  connectionId: string,
): Promise<Walk<MemberStep>> {
  return walkNumbers(await readRoster(store, connectionId), async (numbers) =>
    (await readMembers(store, projectId, numbers)).map(numberStep),
  );
}

/**
 * Live members whose userName begins so, sorted by it, then those whose email does, in the order of DynamoDB's keys
 * (UTF-8 bytes). Who is there by userName comes again by email: the caller leaves him out.
 */
export function walkByName(store: Store, projectId: string, foldedPrefix: string): Walk<MemberStep> {
  return async (after) => {
    const kind: NameKind = after?.startsWith(emailStart) ? "email" : "userName";
    const items = await store.query({
      pk: namesPartition(projectId),
      prefix: namePrefix(kind, foldedPrefix),
      limit: stretchLength,
      ...(after !== undefined && after !== emailStart && { after }),
    });
    // Pointers to further email values lie in between; only claims are names.
    const claims = items.flatMap((item) => {
      const number = "holder" in item ? numberAt(item) : undefined;
      return number === undefined ? [] : [{ number, place: String(item["sk"]) }];
    });
    const numbers = claims.map(({ number }) => number).sort((a, b) => a - b);
    const members = new Map(
      (await readMembers(store, projectId, numbers)).map((member) => [member.number, member]),
    );
    const steps = claims.flatMap(({ number, place }) => {
      const member = members.get(number);
      return member === undefined ? [] : [{ member, place }];
    });
    if (items.length === stretchLength) {
      return { steps, place: String(items.at(-1)!["sk"]), end: false };
    }
    return { steps, place: emailStart, end: kind === "email" };
  };
}

const emailStart = namePrefix("email", "");

/** Whether a step of the walk by name was taken by email. */
export function isEmailPlace(place: string): boolean {
  return place.startsWith(emailStart);
}

/** Whether a text from outside can be a place of a walk by number or by roster. */
export function isNumberPlace(text: string): boolean {
  return text !== "" && text.length <= 12 && [...text].every((digit) => digit >= "0" && digit <= "9");
}

/** Whether a text from outside can be a place of the walk by this name. */
export function isNamePlace(text: string, foldedPrefix: string): boolean {
  return (
    text === emailStart ||
    (Buffer.byteLength(text) <= sortKeyBytesMax &&
      (["userName", "email"] as const).some((kind) => text.startsWith(namePrefix(kind, foldedPrefix))))
  );
}

function numberStep(member: Member): MemberStep {
  return { member, place: String(member.number) };
}
