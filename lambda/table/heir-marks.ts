/** Marks, on a connection's roster, of when it got children: see `domain/heir-marks.ts`. */

import type { Connection } from "../domain/connection.ts";
import { heirsSinceAttribute } from "./keys.ts";
import { rosterPageKeys } from "./roster.ts";
import type { Store } from "./store.ts";

/** Marks a page, which need not be there yet. */
export async function markRosterPage(
  store: Store,
  { id, heirsSince }: Pick<Connection, "id" | "heirsSince">,
  page: number,
): Promise<void> {
  const names = { "#heirsSince": heirsSinceAttribute };
  for (const key of rosterPageKeys(id, page)) {
    await store.update(
      key,
      { expression: "SET #heirsSince = :since", names, values: { ":since": heirsSince } },
      { expression: "attribute_not_exists(#heirsSince) OR #heirsSince < :since" },
    );
  }
}
