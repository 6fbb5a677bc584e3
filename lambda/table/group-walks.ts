/**
 * Ways through the groups of a project: by id, which is by connection and then by age, or by the beginning of their names.
 * Places are opaque outside: of the one a group's id, of the other what `isGroupNamePlace` takes.
 */

import type { Group } from "../domain/group.ts";
import { groupIdLength, groupOwner, isGroupId } from "../domain/ids.ts";
import { parseGroup, parseNameHolders, readGroups } from "./groups.ts";
import { groupNamesPartition, groupsPartition } from "./keys.ts";
import type { Item, Store } from "./store.ts";
import { type Step, sortKeyBytesMax, stretchLength, type Walk } from "./walk.ts";

export interface GroupStep extends Step {
  readonly group: Group;
}

/** All groups, or those of one connection, in the order of their ids. */
export function walkGroups(
  store: Store,
  projectId: string,
  connectionId: string | undefined,
): Walk<GroupStep> {
  return async (after) => {
    const items = await store.query({
      pk: groupsPartition(projectId),
      ...(connectionId !== undefined && { prefix: groupOwner(connectionId) }),
      ...(after !== undefined && { after }),
      limit: stretchLength,
    });
    const steps = items
      .map((item) => parseGroup(projectId, item))
      .filter(({ hidden }) => !hidden)
      .map((group) => ({ group, place: group.id }));
    return { steps, place: String(items.at(-1)?.["sk"] ?? after), end: items.length < stretchLength };
  };
}

/**
 * Those whose name begins so, sorted by it, in the order of DynamoDB's keys (UTF-8 bytes). One name may be that of thousands,
 * so that a stretch may end within it.
 */
export function walkGroupsByName(
  store: Store,
  projectId: string,
  foldedPrefix: string,
  connectionId: string | undefined,
): Walk<GroupStep> {
  const pk = groupNamesPartition(projectId);
  return async (after) => {
    const start = after === undefined ? undefined : namePlaceOf(after);
    const [rest, names] = await Promise.all([
      start && store.read([{ pk, sk: start.sk }]).then((items) => items.get({ pk, sk: start.sk })),
      store.query({
        pk,
        prefix: foldedPrefix,
        ...(start && { after: start.sk }),
        limit: stretchLength,
      }),
    ]);
    const entries = [
      ...(rest === undefined ? [] : entriesOf(rest).filter(({ groupId }) => groupId > start!.groupId)),
      ...names.flatMap(entriesOf),
    ];
    const stretch = entries.slice(0, stretchLength);
    const wanted = stretch.filter(({ groupId }) => isGroupId(groupId, connectionId));
    const groups = new Map(
      (
        await readGroups(
          store,
          projectId,
          // The rest of one name and the next ones are not of one instant: a group renamed meanwhile is in both.
          [...new Set(wanted.map(({ groupId }) => groupId))],
        )
      ).map((group) => [group.id, group]),
    );
    const steps = wanted.flatMap(({ groupId, place }) => {
      const group = groups.get(groupId);
      return group === undefined ? [] : [{ group, place }];
    });
    return {
      steps,
      place: stretch.at(-1)?.place ?? after ?? "",
      end: names.length < stretchLength && entries.length <= stretchLength,
    };
  };
}

interface NamePlace {
  readonly groupId: string;
  /** Of the name. */
  readonly sk: string;
}

function entriesOf(item: Item): readonly (NamePlace & Step)[] {
  const sk = String(item["sk"]);
  return parseNameHolders(item).map((groupId) => ({ groupId, sk, place: groupId + sk }));
}

/** Ids are all of one length. */
function namePlaceOf(place: string): NamePlace {
  return { groupId: place.slice(0, groupIdLength), sk: place.slice(groupIdLength) };
}

/** Whether a text from outside can be a place of the walk by this name. */
export function isGroupNamePlace(text: string, foldedPrefix: string): boolean {
  const { groupId, sk } = namePlaceOf(text);
  return isGroupId(groupId) && sk.startsWith(foldedPrefix) && Buffer.byteLength(sk) <= sortKeyBytesMax;
}
