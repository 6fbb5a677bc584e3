/** What a request makes of a set of members, before anything of the set is known. Pure. */

import type { MembershipChange } from "../scim/membership-change.ts";

export interface MembershipWish {
  /** Whether everybody not named goes. */
  readonly whole: boolean;
  /** SCIM ids that shall be members. */
  readonly put: ReadonlySet<string>;
  /** SCIM ids that shall not. */
  readonly taken: ReadonlySet<string>;
}

export const noWish: MembershipWish = { whole: false, put: new Set(), taken: new Set() };

/** Each change works on what the one before left (RFC 7644 §3.5.2). */
export function wishOf(changes: readonly MembershipChange[]): MembershipWish {
  let whole = false;
  const put = new Set<string>();
  const taken = new Set<string>();
  for (const change of changes) {
    if (change.kind === "clear" || change.kind === "replace") {
      whole = true;
      put.clear();
      taken.clear();
    }
    const ids = change.kind === "clear" ? [] : change.ids;
    const [joins, leaves] = change.kind === "remove" ? [taken, put] : [put, taken];
    for (const id of ids) {
      joins.add(id);
      leaves.delete(id);
    }
  }
  return { whole, put, taken };
}
