/** What an operation of a bulk request is about. */

import { asciiLower } from "./attribute-name.ts";
import { referenceIn } from "./bulk-references.ts";
import { groupType, userType } from "./resource-types.ts";
import type { ResourceType } from "./schema.ts";

export interface BulkTarget {
  readonly type: ResourceType;
  /** From the path; may be a reference, `bulkId:xyz`. */
  readonly id: string | undefined;
}

const types: readonly ResourceType[] = [userType, groupType];

/**
 * An operation's path → its target; undefined for a path that names none. Relative, as RFC 7644 §3.7 has it, or a whole URL
 * under `root`; slashes and case are as forgiving as in a request's own URL.
 */
export function targetOf(path: string, root: string): BulkTarget | undefined {
  const start = path.indexOf(`${root}/`);
  const [name, rest] = firstSegment(start < 0 ? path : path.slice(start + root.length));
  const type = types.find(({ endpoint }) => asciiLower(endpoint) === asciiLower(`/${name}`));
  if (!type) return undefined;
  const tail = withoutLeadingSlashes(rest);
  // A bulkId is the client's own and may hold anything, slashes included.
  if (referenceIn(tail) !== undefined) return { type, id: tail };
  const segments = withoutQuery(tail)
    .split("/")
    .filter((segment) => segment !== "");
  return segments.length > 1 ? undefined : { type, id: segments[0] && decoded(segments[0]) };
}

function firstSegment(path: string): readonly [name: string, rest: string] {
  const trimmed = withoutLeadingSlashes(path);
  const slash = trimmed.indexOf("/");
  return slash < 0 ? [withoutQuery(trimmed), ""] : [trimmed.slice(0, slash), trimmed.slice(slash)];
}

function withoutLeadingSlashes(path: string): string {
  let start = 0;
  while (path[start] === "/") start++;
  return path.slice(start);
}

/** Parameters shape an answer's resource, which is not in a bulk answer. */
function withoutQuery(path: string): string {
  const mark = path.indexOf("?");
  return mark < 0 ? path : path.slice(0, mark);
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
