/**
 * Pointers: items that lead to a member from what it is looked up by and need not be its own alone, further email values
 * and the externalId; and from what a member made by signing in is known again by.
 *
 * An externalId leads to its first user by one key, whatever that user's number; only a further one has a key of its own,
 * and its row tells so. Thus who creates a user and who signs in with the same externalId meet on one item.
 */

import { emailOf, externalIdOf, type Member } from "../domain/member.ts";
import { foldCase } from "../scim/fold.ts";
import { emailValues } from "../scim/member-email.ts";
import type { ScimAttributes } from "../scim/resource.ts";
import { emailPointerKey, externalIdKey, type Key, sharedExternalIdKey, signInSubjectKey } from "./keys.ts";
import { overtaken } from "./retry.ts";
import { absent, type Item, present, type Write } from "./store.ts";

/** Whom a pointer leads to. */
export interface PointedAt {
  readonly number: number;
  /** A user of the connection, or a member that only signed in so far and is none of SCIM's. */
  readonly as: "user" | "signIn";
}

export function parsePointer(item: Item | undefined): PointedAt | undefined {
  const { number, signIn } = item ?? {};
  if (typeof number === "number") {
    return { number, as: "user" };
  }
  return typeof signIn === "number" ? { number: signIn, as: "signIn" } : undefined;
}

/** Every write of pointers that turns `before` (nothing, for a new member) into `after`. */
export function pointerWrites(before: Member | undefined, after: Member): readonly Write[] {
  const had = new Map(before ? pointersOf(before).map((pointer) => [identity(pointer), pointer]) : []);
  const gets = new Map(pointersOf(after).map((pointer) => [identity(pointer), pointer]));
  return [
    ...[...had]
      .filter(([id]) => !gets.has(id))
      .map(([, { pk, sk }]): Write => ({ delete: { pk, sk }, when: present })),
    ...[...gets]
      .filter(([id, pointer]) => !leadsAlike(had.get(id), pointer))
      .map(([id, pointer]): Write => ({ put: { ...pointer }, when: had.has(id) ? present : absent })),
  ];
}

/** Where the externalId among these attributes leads to whoever had it first; none without one. */
export function externalIdKeysOf(connectionId: string, attributes: ScimAttributes): readonly Key[] {
  const externalId = externalIdOf(attributes);
  return externalId === undefined ? [] : [externalIdKey(connectionId, externalId)];
}

/** Where the externalId of `after` leads to it first, if the change from `before` is what gives it that. */
export function externalIdKeyGained(before: Member | undefined, after: Member): Key | undefined {
  const [had, gets] = [before && firstExternalIdKey(before), firstExternalIdKey(after)];
  return gets !== undefined && (had === undefined || identity(had) !== identity(gets)) ? gets : undefined;
}

/**
 * The member, told whether it shares its externalId. `holderAt`: who has an externalId first, by its key; asked for the one
 * gained alone.
 */
export function withExternalIdPlace(
  before: Member | undefined,
  after: Member,
  holderAt: (key: Key) => PointedAt | undefined,
): Member {
  if (firstExternalIdKey(after) === undefined) {
    return { ...after, sharesExternalId: false };
  }
  const gained = externalIdKeyGained(before, after);
  if (gained === undefined) {
    return after;
  }
  const isHeld = holderAt(gained) !== undefined;
  // Who signs in with an externalId that somebody has is that somebody.
  return isHeld && after.connectionId === undefined ? overtaken() : { ...after, sharesExternalId: isHeld };
}

export interface Pointer extends Key {
  readonly number?: number;
  readonly signIn?: number;
}

/** SCIM looks up live members of its connection; a sign-in, beside them, those that were made by one. */
export function pointersOf(member: Member): readonly Pointer[] {
  const { number, connectionId, signIn } = member;
  if (member.deletedAt !== undefined) {
    return [];
  }
  const first = firstExternalIdKey(member);
  if (connectionId === undefined) {
    return [
      ...(first === undefined ? [] : [{ ...first, signIn: number }]),
      ...(signIn === undefined
        ? []
        : [{ ...signInSubjectKey(signIn.connectionId, signIn.subject), signIn: number }]),
    ];
  }
  const claimed = foldCase(emailOf(member.attributes) ?? "");
  const furtherEmails = new Set(emailValues(member.attributes).map(foldCase));
  furtherEmails.delete(claimed);
  const externalId = externalIdOf(member.attributes);
  const shared =
    externalId !== undefined && member.sharesExternalId
      ? sharedExternalIdKey(connectionId, externalId, number)
      : undefined;
  const externalIdAt = shared ?? first;
  return [
    ...[...furtherEmails].map((folded) => ({ ...emailPointerKey(member.projectId, folded, number), number })),
    ...(externalIdAt === undefined ? [] : [{ ...externalIdAt, number }]),
  ];
}

/** Where its externalId leads to it, as long as it shares it with no one. */
function firstExternalIdKey({ deletedAt, connectionId, attributes, signIn }: Member): Key | undefined {
  const owner = connectionId ?? signIn?.connectionId;
  const externalId = connectionId === undefined ? signIn?.externalId : externalIdOf(attributes);
  return deletedAt !== undefined || owner === undefined || externalId === undefined
    ? undefined
    : externalIdKey(owner, externalId);
}

function leadsAlike(a: Pointer | undefined, b: Pointer): boolean {
  return a !== undefined && a.number === b.number && a.signIn === b.signIn;
}

/** An externalId in another connection is another item, though its sort key be the same. */
function identity({ pk, sk }: Key): string {
  return `${pk}\n${sk}`;
}
