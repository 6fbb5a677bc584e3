/** The numbers under a key: who has this userName, this email value, this externalId. */

import { foldCase } from "../scim/fold.ts";
import {
  claimKey,
  emailValuePrefix,
  externalIdPrefix,
  isIndexable,
  type Key,
  namesPartition,
  referencesPartition,
} from "./keys.ts";
import { numberAt } from "./members.ts";
import type { ItemsByKey, RangeQuery, Store } from "./store.ts";

/** A look-up is one key, which can be read along with others, or one range. Neither: nothing can be stored under it. */
export type MemberLookup =
  | { readonly kind: "key"; readonly key: Key }
  | {
      readonly kind: "range";
      readonly range: RangeQuery;
      /** Where an item of the range may have moved while it was read; looked at again before "nobody" is said. */
      readonly again?: Key;
    }
  | { readonly kind: "none" };

export function userNameLookup(projectId: string, userName: string): MemberLookup {
  const folded = foldCase(userName);
  return isIndexable(folded)
    ? { kind: "key", key: claimKey(projectId, "userName", folded) }
    : { kind: "none" };
}

export function emailLookup(projectId: string, email: string): MemberLookup {
  const folded = foldCase(email);
  const range = { pk: namesPartition(projectId), prefix: emailValuePrefix(folded) };
  // An email that becomes the member's own turns from a pointer into a claim, which comes first in the range.
  const again = claimKey(projectId, "email", folded);
  return isIndexable(folded) ? { kind: "range", range, again } : { kind: "none" };
}

export function externalIdLookup(connectionId: string, externalId: string): MemberLookup {
  const range = { pk: referencesPartition(connectionId), prefix: externalIdPrefix(externalId) };
  return isIndexable(externalId) ? { kind: "range", range } : { kind: "none" };
}

/** The keys to read along for a look-up. */
export function keysOf(lookup: MemberLookup): readonly Key[] {
  return lookup.kind === "key" ? [lookup.key] : [];
}

/** Numbers found, ascending, `max` at most: from what was read along, and from the range. */
export async function numbersUnder(
  store: Store,
  lookup: MemberLookup,
  readAlong: Promise<ItemsByKey>,
  max: number,
): Promise<readonly number[]> {
  const range = lookup.kind === "range" ? store.query({ ...lookup.range, limit: max }) : [];
  const [along, ranged] = await Promise.all([readAlong, range]);
  let items = [...keysOf(lookup).map((key) => along.get(key)), ...ranged].filter(
    (item) => item !== undefined,
  );
  if (items.length === 0 && lookup.kind === "range" && lookup.again !== undefined) {
    const moved = (await store.read([lookup.again])).get(lookup.again);
    items = moved === undefined ? [] : [moved];
  }
  const numbers = new Set(items.map(numberAt).filter((number) => number !== undefined));
  return [...numbers].sort((a, b) => a - b);
}
