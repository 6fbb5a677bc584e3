/**
 * What one tenant has been answered so far, and so what the service has to hold. A request whose answer never came leaves
 * its object unsure: either state is right from then on.
 */

import type { ScimUser } from "./messages.ts";

export interface KnownUser {
  readonly id: string;
  /** As it was last answered, but for `groups`, which may trail (API.md §3). */
  answered: ScimUser;
  /** A change of it was not answered. */
  unsure: boolean;
  /** A change of it is under way. An IdP changes one object after the other, so nobody else does meanwhile. */
  changing: boolean;
  /** Changes begun, for whoever reads it to know whether one came in between. */
  changes: number;
}

export interface Membership {
  /** As the last answered change of it left it. */
  isMember: boolean;
  unsure: boolean;
  changing: boolean;
}

export interface KnownGroup {
  readonly id: string;
  readonly displayName: string;
  /** By user id; who is not in it was never heard of. */
  readonly memberships: Map<string, Membership>;
}

export interface Ledger {
  readonly users: KnownUser[];
  /** userNames of creations that were not answered: each may be there or not. */
  readonly perhapsCreated: Set<string>;
  readonly groups: KnownGroup[];
  /** Answers that were wrong as they came. */
  readonly wrong: string[];
}

export function createLedger(): Ledger {
  return { users: [], perhapsCreated: new Set(), groups: [], wrong: [] };
}

export function noteCreated(ledger: Ledger, user: ScimUser): KnownUser {
  const known = { id: user.id, answered: user, unsure: false, changing: false, changes: 0 };
  ledger.users.push(known);
  return known;
}

export function membershipOf(group: KnownGroup, userId: string): Membership {
  const known = group.memberships.get(userId);
  if (known !== undefined) return known;
  const fresh = { isMember: false, unsure: false, changing: false };
  group.memberships.set(userId, fresh);
  return fresh;
}
