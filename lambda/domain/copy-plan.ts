/**
 * What has to become of a child's copy of its parent's user, from how the two are now. Pure; applied by `copy-user.ts`.
 *
 * The gate: a copy says which version of its source it was brought to, and moves forward only. Where there is no copy, and
 * shall be none any more, word of that is left with the version. So it does not matter how often, how late, or in which
 * order changes are carried.
 */

import { sameAttributes } from "../scim/resource.ts";
import { type Connection, defaultsFor } from "./connection.ts";
import { type Member, typeOf, withActive } from "./member.ts";

/** A parent's user as it is at present. */
export type Source =
  | { readonly kind: "user"; readonly member: Member }
  /** No user of the parent any more, or under this number no more; since which version of it. */
  | { readonly kind: "gone"; readonly version: number };

/** What is at the place of the copy. */
export type CopyAt =
  | { readonly kind: "copy"; readonly member: Member }
  /** Somebody was: a member that left, for another connection or by hand. */
  | { readonly kind: "left" }
  | { readonly kind: "never"; readonly goneAtVersion: number }
  | { readonly kind: "nothing" };

export type CopyPlan =
  | { readonly kind: "nothing" }
  /** What was read of the source is older than what the copy was brought to: read again. */
  | { readonly kind: "stale" }
  /** The copy changes where it is. */
  | { readonly kind: "change"; readonly after: Member }
  /** The child's project gets the user: linked if it is there, else made. */
  | { readonly kind: "take"; readonly member: Member }
  /** There is no copy, and shall be none. */
  | { readonly kind: "never"; readonly version: number };

/** Nothing comes after it: a number that was left for another is never the source's again. */
export const lastVersion = Number.MAX_SAFE_INTEGER;

export function planCopy(source: Source, copy: CopyAt, child: Connection, at: string): CopyPlan {
  const version = source.kind === "user" ? source.member.version : source.version;
  if (seenVersion(copy) > version) {
    return { kind: "stale" };
  }
  const linked = copy.kind === "copy" && copy.member.connectionId === child.id ? copy.member : undefined;
  if (source.kind === "gone") {
    return linked === undefined
      ? planAbsence(copy, version)
      : { kind: "change", after: ended(linked, child, version, at) };
  }
  if (linked !== undefined) {
    const after = followed(linked, source.member, child, at);
    const same =
      linked.sourceVersion === version &&
      linked.deletedAt === undefined &&
      after.deletedAt === undefined &&
      sameAttributes(linked.attributes, after.attributes);
    const bothDeleted = linked.deletedAt !== undefined && source.member.deletedAt !== undefined;
    return same || (bothDeleted && linked.sourceVersion === version)
      ? { kind: "nothing" }
      : { kind: "change", after };
  }
  return source.member.deletedAt === undefined
    ? { kind: "take", member: source.member }
    : planAbsence(copy, version);
}

function planAbsence(copy: CopyAt, version: number): CopyPlan {
  const isNew = copy.kind === "nothing" || (copy.kind === "never" && copy.goneAtVersion < version);
  return isNew ? { kind: "never", version } : { kind: "nothing" };
}

function seenVersion(copy: CopyAt): number {
  switch (copy.kind) {
    case "copy":
      return copy.member.sourceVersion ?? 0;
    case "never":
      return copy.goneAtVersion;
    case "left":
    case "nothing":
      return 0;
  }
}

/** userName, email, names, type and status follow the parent; role and access are the child's own, the role while the type is the same. */
function followed(copy: Member, source: Member, child: Connection, at: string): Member {
  const { attributes } = source;
  const type = typeOf(attributes);
  const isDeleted = source.deletedAt !== undefined;
  return {
    ...copy,
    attributes: isDeleted ? withActive(attributes, false) : attributes,
    role: type === typeOf(copy.attributes) ? copy.role : defaultsFor(child, type).role,
    deletedAt: isDeleted ? (copy.deletedAt ?? at) : undefined,
    sourceVersion: source.version,
    ...risen(copy, at),
  };
}

/** As its parent's user ended: by the policy of the connection. */
export function ended(copy: Member, child: Connection, version: number, at: string): Member {
  return {
    ...copy,
    attributes: withActive(copy.attributes, false),
    connectionId: undefined,
    formerConnectionId: child.id,
    deletedAt: copy.deletedAt ?? (child.onDelete === "delete" ? at : undefined),
    sourceVersion: version,
    ...risen(copy, at),
  };
}

function risen(copy: Member, at: string) {
  return { lastModified: at, updatedAt: at, version: copy.version + 1, revision: copy.revision + 1 };
}
