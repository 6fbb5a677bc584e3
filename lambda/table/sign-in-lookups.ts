/** Whom that leads to which an identity provider tells of somebody who signs in. One trip. */

import { foldCase } from "../scim/fold.ts";
import { claimKey, externalIdKey, type Key, sharedExternalIdKey, signInSubjectKey } from "./keys.ts";
import { externalIdLookup } from "./member-lookups.ts";
import { type PointedAt, parsePointer } from "./member-pointers.ts";
import { parseClaim } from "./members.ts";
import type { Item, Store } from "./store.ts";

export interface SignInWords {
  readonly subject: string;
  readonly externalId: string | undefined;
  /** What a member made now would have. */
  readonly userName: string;
  readonly email: string | undefined;
}

/** Member numbers. */
export interface SignInTraces {
  /** Users of the connection with the externalId; of several, two. */
  readonly users: readonly number[];
  /** The member with the externalId that was made by signing in. */
  readonly signedInWithExternalId: number | undefined;
  readonly signedInAsSubject: number | undefined;
  holderOf(kind: "userName" | "email", name: string): number | undefined;
}

/** A member that signed in so far, and two users. */
const externalIdItemsMax = 3;

export async function readSignInTraces(
  store: Store,
  projectId: string,
  connectionId: string,
  { subject, externalId, userName, email }: SignInWords,
): Promise<SignInTraces> {
  const subjectKey = signInSubjectKey(connectionId, subject);
  const nameKeys = [
    claimKey(projectId, "userName", foldCase(userName)),
    ...(email === undefined ? [] : [claimKey(projectId, "email", foldCase(email))]),
  ];
  const [items, pointed] = await Promise.all([
    store.read([subjectKey, ...nameKeys]),
    externalId === undefined ? [] : readExternalId(store, connectionId, externalId),
  ]);
  return {
    users: pointed.flatMap((pointer) => (pointer.as === "user" ? [pointer.number] : [])),
    signedInWithExternalId: pointed.find(({ as }) => as === "signIn")?.number,
    signedInAsSubject: parsePointer(items.get(subjectKey))?.number,
    holderOf: (kind, name) => parseClaim(items.get(claimKey(projectId, kind, foldCase(name)))).holder,
  };
}

/** In one Query, so that who turns from one that signed in into a user meanwhile is seen as either. */
async function readExternalId(
  store: Store,
  connectionId: string,
  externalId: string,
): Promise<readonly PointedAt[]> {
  const lookup = externalIdLookup(connectionId, externalId);
  if (lookup.kind !== "range") {
    return [];
  }
  const items = await store.query({ ...lookup.range, limit: externalIdItemsMax });
  return items.flatMap((item) => {
    const pointer = parsePointer(item);
    return pointer && isOf(connectionId, externalId, pointer, item) ? [pointer] : [];
  });
}

/** A range by prefix may hold what belongs to a longer externalId: one with the character in it that ends values in keys. */
function isOf(connectionId: string, externalId: string, { number }: PointedAt, item: Item): boolean {
  const keys: readonly Key[] = [
    externalIdKey(connectionId, externalId),
    sharedExternalIdKey(connectionId, externalId, number),
  ];
  return keys.some(({ sk }) => sk === item["sk"]);
}
