/**
 * Ways through the members of a project, a stretch at a time, each from a place where an earlier stretch ended: all rows,
 * the users of one connection, or those whose name begins so. Places are opaque outside, but for `isPlace`.
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
import { readRoster } from "./roster.ts";
import { numbersBelow, readSeatPools } from "./seat-pools.ts";
import type { Store } from "./store.ts";

export interface Step {
  readonly member: Member;
  /** Right behind this member. */
  readonly place: string;
}

export interface Stretch {
  /** In the walk's order. */
  readonly steps: readonly Step[];
  /** Right behind everything looked at, members or not. */
  readonly place: string;
  /** Nothing comes behind. */
  readonly end: boolean;
}

/** The next stretch behind a place, or the first one. */
export type Walk = (after: string | undefined) => Promise<Stretch>;

/** Rows looked at in one stretch. */
export const stretchLength = 250;

/** Nobody. */
export const emptyWalk: Walk = async () => ({ steps: [], place: "", end: true });

/** All members, deleted ones included, in the order of their numbers. */
export async function walkByNumber(store: Store, projectId: string): Promise<Walk> {
  const lastBlock = blockOf(Math.max(0, numbersBelow(await readSeatPools(store, projectId)) - 1));
  return async (after) => {
    const first = after === undefined ? 0 : Number(after) + 1;
    const block = blockOf(first);
    if (block > lastBlock) {
      return emptyWalk(after);
    }
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

/** The users of one connection in the order of their numbers. */
export async function walkByRoster(store: Store, projectId: string, connectionId: string): Promise<Walk> {
  const roster = await readRoster(store, connectionId);
  return async (after) => {
    const start = after === undefined ? 0 : roster.findIndex((number) => number > Number(after));
    if (start < 0 || roster.length === 0) {
      return emptyWalk(after);
    }
    const numbers = roster.subarray(start, start + stretchLength);
    const steps = (await readMembers(store, projectId, numbers)).map(numberStep);
    return { steps, place: String(numbers.at(-1)), end: start + stretchLength >= roster.length };
  };
}

/**
 * Live members whose userName begins so, sorted by it, then those whose email does, in the order of DynamoDB's keys
 * (UTF-8 bytes). Who is there by userName comes again by email: the caller leaves him out.
 */
export function walkByName(store: Store, projectId: string, foldedPrefix: string): Walk {
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
    (Buffer.byteLength(text) <= placeBytesMax &&
      (["userName", "email"] as const).some((kind) => text.startsWith(namePrefix(kind, foldedPrefix))))
  );
}

/** A sort key holds 1,024 bytes (AWS quota). */
const placeBytesMax = 1_024;

function numberStep(member: Member): Step {
  return { member, place: String(member.number) };
}
