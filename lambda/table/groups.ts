/** Groups: the row, and what is kept beside it so that it is found by displayName and by externalId. */

import * as z from "zod";
import { type FormerGroup, type Group, newGroup } from "../domain/group.ts";
import { groupOwner } from "../domain/ids.ts";
import { formerGroupSeconds } from "../domain/limits.ts";
import { accesses } from "../domain/member.ts";
import { invalidValue, type RequestError } from "../scim/error.ts";
import { foldCase } from "../scim/fold.ts";
import {
  copiedAttribute,
  formerGroupIdOf,
  formerGroupKey,
  groupExternalIdKey,
  groupExternalIdPrefix,
  groupKey,
  groupNameKey,
  groupsPartition,
  isIndexable,
  type Key,
  notedAttribute,
  referencesPartition,
} from "./keys.ts";
import { overtaken } from "./retry.ts";
import { absent, type Condition, type Item, present, type Store, type Write } from "./store.ts";

/** Kept as epoch milliseconds, as in a member's row. */
const time = z.number().transform((milliseconds) => new Date(milliseconds).toISOString());

const groupItem = z.object({
  displayName: z.string(),
  externalId: z.string().optional(),
  access: z.enum(accesses),
  connectionId: z.string().optional(),
  generation: z.string(),
  size: z.number(),
  wideChanges: z.number(),
  aside: z.object({ generation: z.string(), removableFrom: z.number() }).optional(),
  hidden: z.boolean().default(false),
  copied: z.number().optional(),
  copiedGeneration: z.string().optional(),
  createdAt: time,
  lastModified: time.optional(),
  updatedAt: time.optional(),
  version: z.number(),
  revision: z.number(),
});

export function parseGroup(projectId: string, item: Item): Group {
  const row = groupItem.parse(item);
  const fields = {
    projectId,
    id: String(item["sk"]),
    displayName: row.displayName,
    externalId: row.externalId,
    access: row.access,
    connectionId: row.connectionId,
  };
  const lastModified = row.lastModified ?? row.createdAt;
  return {
    ...newGroup(fields, row.createdAt),
    generation: row.generation,
    size: row.size,
    wideChanges: row.wideChanges,
    aside: row.aside,
    hidden: row.hidden,
    sourceRevision: row.copied,
    sourceGeneration: row.copiedGeneration,
    lastModified,
    updatedAt: row.updatedAt ?? lastModified,
    version: row.version,
    revision: row.revision,
  };
}

export function keyOfGroup({ projectId, id }: Group): Key {
  return groupKey(projectId, id);
}

/** The item of a group, for seeding a table without a transaction a group, too. `actor`: who made its last change. */
export function groupRowItem(group: Group, actor: string): Item {
  return {
    ...keyOfGroup(group),
    displayName: group.displayName,
    ...(group.externalId !== undefined && { externalId: group.externalId }),
    access: group.access,
    ...(group.connectionId !== undefined && { connectionId: group.connectionId }),
    generation: group.generation,
    size: group.size,
    wideChanges: group.wideChanges,
    ...(group.aside !== undefined && { aside: { ...group.aside } }),
    ...(group.hidden && { hidden: true }),
    ...(group.sourceRevision !== undefined && { [copiedAttribute]: group.sourceRevision }),
    ...(group.sourceGeneration !== undefined && { copiedGeneration: group.sourceGeneration }),
    createdAt: Date.parse(group.createdAt),
    ...(group.lastModified !== group.createdAt && { lastModified: Date.parse(group.lastModified) }),
    ...(group.updatedAt !== group.lastModified && { updatedAt: Date.parse(group.updatedAt) }),
    version: group.version,
    revision: group.revision,
    actor,
  };
}

/** The group's row, hidden or not. */
export async function readGroupRow(
  store: Store,
  projectId: string,
  groupId: string,
): Promise<Group | undefined> {
  const key = groupKey(projectId, groupId);
  const item = (await store.read([key])).get(key);
  return item && parseGroup(projectId, item);
}

/** The rows at these ids that are there and shown, in the order of the ids. */
export async function readGroups(
  store: Store,
  projectId: string,
  groupIds: readonly string[],
): Promise<readonly Group[]> {
  const keys = groupIds.map((id) => groupKey(projectId, id));
  const items = keys.length > 0 ? await store.read(keys) : undefined;
  return keys.flatMap((key) => shown(projectId, items?.get(key)));
}

export interface GroupRange {
  /** Of one connection, or of none; every group of the project when undefined. */
  readonly owner?: string | undefined;
  /** Begin behind this id. */
  readonly after?: string | undefined;
  readonly limit?: number;
}

/** Groups in the order of their ids: by owner, then by age. One Query for each megabyte of rows. */
export async function queryGroups(
  store: Store,
  projectId: string,
  { owner, after, limit }: GroupRange,
): Promise<readonly Group[]> {
  const items = await store.query({
    pk: groupsPartition(projectId),
    ...(owner !== undefined && { prefix: owner }),
    ...(after !== undefined && { after }),
    ...(limit !== undefined && { limit }),
  });
  return items.flatMap((item) => shown(projectId, item));
}

function shown(projectId: string, item: Item | undefined): readonly Group[] {
  const group = item && parseGroup(projectId, item);
  return group === undefined || group.hidden ? [] : [group];
}

/** Lets a transaction hold only while the row is as it was read. */
export function groupUnchanged(group: Group): Condition {
  return { expression: "revision = :seenRevision", values: { ":seenRevision": group.revision } };
}

/**
 * What a change of some members does to the row, whatever else happens to the group meanwhile; but not if the set has been
 * replaced or changed widely since it was read. `at` undefined: nothing of it is to be seen, so version and times stay.
 */
export function noteMembership(
  group: Group,
  { at, growth, wide }: { readonly at: string | undefined; readonly growth: number; readonly wide: boolean },
  actor: string,
): Write {
  const counts = `revision :one, #size :growth${wide ? ", wideChanges :one" : ""}`;
  return {
    update: keyOfGroup(group),
    change: {
      expression:
        at === undefined
          ? `SET #noted = :one ADD ${counts}`
          : `SET #noted = :one, lastModified = :at, actor = :actor REMOVE updatedAt ADD version :one, ${counts}`,
      names: { "#size": "size", "#noted": notedAttribute },
      values: {
        ...(at !== undefined && { ":at": Date.parse(at), ":actor": actor }),
        ":one": 1,
        ":growth": growth,
      },
    },
    when: sameSet(group),
  };
}

/** What a change of who is in the group by hand does to the row: nothing of it is SCIM's, so the version stays. */
export function noteHandMembership(group: Group, at: string, actor: string): Write {
  return {
    update: keyOfGroup(group),
    change: {
      expression: "SET #noted = :one, updatedAt = :at, actor = :actor ADD revision :one",
      names: { "#noted": notedAttribute },
      values: { ":at": Date.parse(at), ":actor": actor, ":one": 1 },
    },
    when: sameSet(group),
  };
}

function sameSet({ generation, wideChanges }: Group): Condition {
  return {
    expression: "generation = :seenGeneration AND wideChanges = :seenWideChanges",
    values: { ":seenGeneration": generation, ":seenWideChanges": wideChanges },
  };
}

/** Every write that turns `before` (nothing, for a new group) into `after` (nothing, for one that goes), but for its members. */
export function groupWrites(
  before: Group | undefined,
  after: Group | undefined,
  holdersAt: (key: Key) => NameHolders,
  actor: string,
): readonly Write[] {
  return [
    ...rowWrite(before, after, actor),
    ...nameWrites(before, after, holdersAt),
    ...externalIdWrites(before, after),
  ];
}

/** What of a row somebody is rung for. */
function tells({ displayName, generation, aside, hidden }: Group): string {
  return JSON.stringify([displayName, generation, aside, hidden]);
}

function rowWrite(before: Group | undefined, after: Group | undefined, actor: string): readonly Write[] {
  if (after !== undefined) {
    // Of members alone their pages tell.
    const isNoted = before !== undefined && tells(before) === tells(after);
    return [
      {
        put: { ...groupRowItem(after, actor), ...(isNoted && { [notedAttribute]: 1 }) },
        when: before === undefined ? absent : groupUnchanged(before),
      },
    ];
  }
  return before === undefined ? [] : [{ delete: keyOfGroup(before), when: groupUnchanged(before) }];
}

const formerGroupItem = z.object({
  displayName: z.string(),
  connectionId: z.string().optional(),
  at: time,
  revision: z.number(),
});

/**
 * Leaves word of a group that goes, in the transaction in which it goes: the activity trail is told by it, and whoever still
 * pushes the group is answered with its name. `revision` is the one that the group would have had next.
 */
export function rememberGroup(group: Group, actor: string, at: string): Write {
  return {
    put: {
      ...formerGroupKey(group.projectId, group.id),
      displayName: group.displayName,
      ...(group.connectionId !== undefined && { connectionId: group.connectionId }),
      at: Date.parse(at),
      revision: group.revision + 1,
      actor,
      expiresAtSeconds: Math.ceil(Date.parse(at) / 1_000) + formerGroupSeconds,
    },
    when: absent,
  };
}

/** Takes that word back: a copy that was deleted by hand is there again. */
export function forgetFormerGroup(projectId: string, groupId: string): Write {
  return { delete: formerGroupKey(projectId, groupId), when: present };
}

/** Undefined for a group that is there, one that never was, and one that was deleted long ago. */
export async function readFormerGroup(
  store: Store,
  projectId: string,
  groupId: string,
): Promise<FormerGroup | undefined> {
  const key = formerGroupKey(projectId, groupId);
  const item = (await store.read([key])).get(key);
  return item && parseFormerGroup(item);
}

export function parseFormerGroup(item: Item): FormerGroup {
  const { at, ...former } = formerGroupItem.parse(item);
  return { connectionId: undefined, ...former, id: formerGroupIdOf(item), deletedAt: at };
}

/** Takes the word of a set aside from the row, once that set is removed; nothing if another one is aside by now. */
export function forgetAside(group: Group, generation: string): Write {
  return {
    update: keyOfGroup(group),
    change: { expression: "REMOVE aside ADD revision :one", values: { ":one": 1 } },
    when: isAside(generation),
  };
}

/** Notes that nobody is at work any more on a set aside, nor can make it the present one; nothing if that has happened. */
export function abandonAside(group: Group, generation: string, at: number): Write {
  return {
    update: keyOfGroup(group),
    change: {
      expression: "SET aside.removableFrom = :at REMOVE #noted ADD revision :one",
      names: { "#noted": notedAttribute },
      values: { ":at": at, ":one": 1 },
    },
    when: isAside(generation),
  };
}

function isAside(generation: string): Condition {
  return { expression: "aside.generation = :generation", values: { ":generation": generation } };
}

/** The groups that have a name, in one connection or made by hand. */
export type NameHolders = readonly string[];

const nameItem = z.object({ groups: z.custom<ReadonlySet<string>>().optional() });

export function parseNameHolders(item: Item | undefined): NameHolders {
  return item === undefined ? [] : [...(nameItem.parse(item).groups ?? [])].sort();
}

export function nameKeyOf(group: Group): Key {
  return nameKey(group.projectId, group.connectionId, group.displayName);
}

export function nameKey(projectId: string, connectionId: string | undefined, displayName: string): Key {
  return groupNameKey(projectId, foldCase(displayName), groupOwner(connectionId));
}

/** The key by which groups of a name are looked up; undefined for a name that no group can have. */
export function nameLookup(
  projectId: string,
  connectionId: string | undefined,
  displayName: string,
): Key | undefined {
  return isIndexable(foldCase(displayName)) ? nameKey(projectId, connectionId, displayName) : undefined;
}

/** Groups of one name in one connection: what one item of 400 KB (AWS quota) holds, with room to spare. */
export const groupsPerNameMax = 10_000;

/** The name items a change writes, and therefore has to know. */
export function nameKeysTouched(before: Group | undefined, after: Group | undefined): readonly Key[] {
  const [left, taken] = [before && nameKeyOf(before), after && nameKeyOf(after)];
  return left?.sk === taken?.sk ? [] : [left, taken].filter((key) => key !== undefined);
}

function nameWrites(
  before: Group | undefined,
  after: Group | undefined,
  holdersAt: (key: Key) => NameHolders,
): readonly Write[] {
  const id = (before ?? after)!.id;
  const [left, taken] = [before && nameKeyOf(before), after && nameKeyOf(after)];
  return nameKeysTouched(before, after).map((key) => {
    const seen = holdersAt(key);
    if (key.sk === taken?.sk && seen.length >= groupsPerNameMax) {
      throw tooManyOfOneName(after!.displayName);
    }
    const next = key.sk === taken?.sk ? [...seen, id] : seen.filter((holder) => holder !== id);
    if (key.sk === left?.sk && next.length === seen.length) {
      overtaken();
    }
    return nameWrite(key, seen, next);
  });
}

function tooManyOfOneName(displayName: string): RequestError {
  const limit = `${groupsPerNameMax} (groupsPerNameMax)`;
  return invalidValue(
    `"displayName" ${JSON.stringify(displayName)} is already the name of ${limit} groups.`,
    [{ path: "displayName", message: "choose another name, or delete groups that have this one" }],
  );
}

function nameWrite(key: Key, seen: NameHolders, next: NameHolders): Write {
  const when: Condition =
    seen.length === 0
      ? absent
      : { expression: "#groups = :seen", names: { "#groups": "groups" }, values: { ":seen": new Set(seen) } };
  return next.length === 0 ? { delete: key, when } : { put: { ...key, groups: new Set(next) }, when };
}

function externalIdWrites(before: Group | undefined, after: Group | undefined): readonly Write[] {
  const [left, taken] = [before && externalIdKeyOf(before), after && externalIdKeyOf(after)];
  if (left?.sk === taken?.sk) {
    return [];
  }
  return [
    ...(left === undefined ? [] : [{ delete: left, when: present }]),
    ...(taken === undefined ? [] : [{ put: { ...taken, group: after!.id }, when: absent }]),
  ];
}

function externalIdKeyOf({ connectionId, externalId, id }: Group): Key | undefined {
  return connectionId === undefined || externalId === undefined
    ? undefined
    : groupExternalIdKey(connectionId, externalId, id);
}

/** Ids of the groups with this externalId, case-exact. */
export async function groupIdsByExternalId(
  store: Store,
  connectionId: string,
  externalId: string,
): Promise<readonly string[]> {
  if (!isIndexable(externalId)) {
    return [];
  }
  const prefix = groupExternalIdPrefix(externalId);
  const items = await store.query({ pk: referencesPartition(connectionId), prefix });
  return items.map((item) => String(item["sk"]).slice(prefix.length));
}
