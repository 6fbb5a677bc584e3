/** The stream handler's other work: what changes of rows have to tell is kept in the activity trail. */

import { activityItems } from "../table/activity.ts";
import { type Key, projectKey } from "../table/keys.ts";
import { parseProject } from "../table/projects.ts";
import { rowChangeOf } from "../table/row-changes.ts";
import type { Item } from "../table/store.ts";
import type { ActivityEntry } from "./activity-entry.ts";
import { activityOf } from "./activity-of-change.ts";
import type { Context } from "./context.ts";
import { healWhatFailed } from "./healing.ts";

/** A change of an item as its stream record shows it: history is what the record says, whatever the item is by now. */
export interface ItemChange {
  readonly key: Key;
  readonly before: Item | undefined;
  readonly after: Item | undefined;
}

/** What a change has to tell. Throws for one that cannot be understood. */
export function tellActivity({ key, before, after }: ItemChange): readonly ActivityEntry[] {
  const told = rowChangeOf(key, before, after);
  return told === undefined ? [] : activityOf(told.origin, told.change);
}

/**
 * Keeps entries; again and in any order, they are the same ones under the same keys. Not those of a project that is gone:
 * whether it is is asked afterwards, since a project that goes in between would not know of them.
 */
export async function keepActivity(context: Context, entries: readonly ActivityEntry[]): Promise<void> {
  const { store } = context;
  const items = new Map(
    entries.flatMap((entry) =>
      activityItems(entry).map((item) => [JSON.stringify([item["pk"], item["sk"]]), { entry, item }]),
    ),
  );
  await store.place([...items.values()].map(({ item }) => item));
  const keys = [...new Set(entries.map(({ projectId }) => projectId))].map(projectKey);
  const projects = await store.read(keys);
  const open = keys
    .map((key) => projects.get(key))
    .filter((item) => item !== undefined)
    .map(parseProject)
    .filter(({ deleting }) => !deleting);
  const isThere = new Set(open.map(({ id }) => id));
  await store.purge(
    [...items.values()].filter(({ entry }) => !isThere.has(entry.projectId)).map(({ item }) => keyOf(item)),
  );
  await healWhatFailed(context, open, entries);
}

function keyOf({ pk, sk }: Item): Key {
  return { pk: String(pk), sk: String(sk) };
}
