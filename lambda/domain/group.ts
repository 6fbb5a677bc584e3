/** A group: its row. Who is in it is kept apart, as sets of member numbers (`lambda/table/group-members.ts`). */

import type { Access } from "./member.ts";

export interface Group {
  readonly projectId: string;
  readonly id: string;
  readonly displayName: string;
  readonly externalId: string | undefined;
  readonly access: Access;
  /** The connection whose IdP provisions it, also when that is gone; none for a group made by hand. */
  readonly connectionId: string | undefined;
  /** Which of the sets written under it is its present one. */
  readonly generation: string;
  /** Numbers in the set of its connection's users; the departed among them are no members any more. */
  readonly size: number;
  /** Rises with each change of members that touches more than one item: a read across it is made again. */
  readonly wideChanges: number;
  /** A set that is written and is not the present one: not yet, or no more. */
  readonly aside: Aside | undefined;
  /** Not there yet: it appears together with its first members. */
  readonly hidden: boolean;
  /** Of a copy that a child has of its parent's group: which `revision` of that it was last brought to. */
  readonly sourceRevision: number | undefined;
  /** Of a copy: the `generation` of its source that all its pages were brought to. */
  readonly sourceGeneration: string | undefined;
  readonly createdAt: string;
  /** When the SCIM resource last changed (`meta.lastModified`). */
  readonly lastModified: string;
  /** When anything of the group last changed. */
  readonly updatedAt: string;
  /** `meta.version`: rises when the SCIM resource changes. */
  readonly version: number;
  /** Rises at each write; the condition of the next. */
  readonly revision: number;
}

export interface Aside {
  readonly generation: string;
  /** Epoch milliseconds from which on nobody can be at work on it any more, so that it is to be removed. */
  readonly removableFrom: number;
}

export type NewGroupFields = Pick<
  Group,
  "projectId" | "id" | "displayName" | "externalId" | "access" | "connectionId"
>;

export const firstGeneration = "0";

export function newGroup(fields: NewGroupFields, at: string): Group {
  return {
    ...fields,
    generation: firstGeneration,
    size: 0,
    wideChanges: 0,
    aside: undefined,
    hidden: false,
    sourceRevision: undefined,
    sourceGeneration: undefined,
    createdAt: at,
    lastModified: at,
    updatedAt: at,
    version: 1,
    revision: 1,
  };
}

/** What is still known of a group that was deleted, for a year. */
export interface FormerGroup {
  readonly id: string;
  readonly displayName: string;
  /** The connection that it belonged to; none for a group made by hand. */
  readonly connectionId: string | undefined;
  readonly deletedAt: string;
  /** Of its deletion: the one after its last. */
  readonly revision: number;
}
