/**
 * The stream handler's other work: what changes of rows have to tell is kept in the activity trail, and published as events.
 * First the one, then the other, and both again where either fails: an entry that is kept again is the same one, and so is an
 * event, by its id.
 */

import { activityItems } from "../table/activity.ts";
import { type Key, projectKey } from "../table/keys.ts";
import { parseProject } from "../table/projects.ts";
import { removedGroupOf, rowChangeOf } from "../table/row-changes.ts";
import type { Item } from "../table/store.ts";
import type { ActivityEntry } from "./activity-entry.ts";
import { activityOf } from "./activity-of-change.ts";
import type { Context } from "./context.ts";
import type { ChangeEvent } from "./event.ts";
import { eventOfRemoval, eventsOf } from "./events-of-change.ts";
import { healWhatFailed } from "./healing.ts";

/** A change of an item as its stream record shows it: history is what the record says, whatever the item is by now. */
export interface ItemChange {
  readonly key: Key;
  readonly before: Item | undefined;
  readonly after: Item | undefined;
  /** When the stream had it, to the second: RFC 3339. */
  readonly seenAt: string;
}

/** What a change has to tell. */
export interface Told {
  readonly entries: readonly ActivityEntry[];
  readonly events: readonly ChangeEvent[];
  /** The project that has to be open still, or this was part of its end and tells nothing. */
  readonly onlyWhileOpen: string | undefined;
}

/** Throws for a change that cannot be understood. */
export function tellChange({ key, before, after, seenAt }: ItemChange): Told {
  const told = rowChangeOf(key, before, after);
  if (told !== undefined) {
    const entries = activityOf(told.origin, told.change);
    return { entries, events: eventsOf(told.change, entries), onlyWhileOpen: undefined };
  }
  const removed = removedGroupOf(key, before, after);
  return {
    entries: [],
    events: removed === undefined ? [] : [eventOfRemoval(removed, seenAt)],
    onlyWhileOpen: removed?.projectId,
  };
}

/** Keeps what is for the trail, and returns for each the events that are to be published. */
export async function keepTold(
  context: Context,
  told: readonly Told[],
): Promise<readonly (readonly ChangeEvent[])[]> {
  const entries = told.flatMap((one) => one.entries);
  const asked = told.flatMap(({ onlyWhileOpen }) => (onlyWhileOpen === undefined ? [] : [onlyWhileOpen]));
  const open = await keepActivity(context, entries, asked);
  return told.map(({ events, onlyWhileOpen }) =>
    onlyWhileOpen === undefined || open.has(onlyWhileOpen) ? events : [],
  );
}

/**
 * Keeps entries; again and in any order, they are the same ones under the same keys. Not those of a project that is gone:
 * whether it is is asked afterwards, since a project that goes in between would not know of them. `asked`: projects that are
 * asked for along with theirs. Returns those that are open.
 */
async function keepActivity(
  context: Context,
  entries: readonly ActivityEntry[],
  asked: readonly string[],
): Promise<ReadonlySet<string>> {
  const { store } = context;
  const items = new Map(
    entries.flatMap((entry) =>
      activityItems(entry).map((item) => [JSON.stringify([item["pk"], item["sk"]]), { entry, item }]),
    ),
  );
  if (items.size > 0) {
    await store.place([...items.values()].map(({ item }) => item));
  }
  const keys = [...new Set([...entries.map(({ projectId }) => projectId), ...asked])].map(projectKey);
  if (keys.length === 0) {
    return new Set();
  }
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
  return isThere;
}

function keyOf({ pk, sk }: Item): Key {
  return { pk: String(pk), sk: String(sk) };
}
