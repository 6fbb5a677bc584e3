/** Circles of references between the POSTs of a bulk request (RFC 7644 §3.7.1). */

import type { AskedOperation, BulkOperation } from "./bulk.ts";
import { partReferring, shownReference } from "./bulk-references.ts";
import { RequestError } from "./error.ts";
import { groupType } from "./resource-types.ts";
import { findAttribute } from "./schema.ts";

/** A POST and the POSTs it refers to, all by their index in the request. */
export interface Referring {
  readonly operation: AskedOperation;
  readonly needs: ReadonlyMap<number, BulkOperation>;
}

/**
 * What has to change so that no circle is left: a POST's index → which of its needs to postpone until it is created, or
 * 409 for one in a circle that cannot be resolved so.
 *
 * A circle is broken at the first of its POSTs, in the given order, that can be created without the attributes that refer.
 * Not without a required one; nor is a group postponed for a group, since only users can be members (API.md §4).
 */
export function breakCircles(
  posts: ReadonlyMap<number, Referring>,
): ReadonlyMap<number, ReadonlySet<number> | RequestError> {
  const broken = new Map<number, ReadonlySet<number> | RequestError>();
  const open = new Map(
    [...posts].map(([index, { needs }]) => [
      index,
      new Set([...needs.keys()].filter((need) => posts.has(need))),
    ]),
  );
  const close = (index: number) => {
    open.delete(index);
    for (const needs of open.values()) needs.delete(index);
  };
  while (open.size > 0) {
    const free = [...open.keys()].find((index) => open.get(index)?.size === 0);
    if (free !== undefined) {
      close(free);
      continue;
    }
    const circle = circleIn(open);
    const first = circle.find((index) => canPostpone(posts.get(index)!, open.get(index)!));
    if (first !== undefined) {
      broken.set(first, new Set(open.get(first)));
      close(first);
      continue;
    }
    const error = unresolvable(circle.map((index) => posts.get(index)!.operation));
    for (const index of circle) {
      broken.set(index, error);
      close(index);
    }
  }
  return broken;
}

/** Where each needs another one. Each of the circle needs the next, and the last the first; told in the given order. */
function circleIn(open: ReadonlyMap<number, ReadonlySet<number>>): readonly number[] {
  const way = new Set<number>();
  let [at] = open.keys();
  while (at !== undefined && !way.has(at)) {
    way.add(at);
    [at] = open.get(at) ?? [];
  }
  const stations = [...way];
  return stations.slice(stations.indexOf(at!)).sort((a, b) => a - b);
}

function canPostpone({ operation, needs }: Referring, postponed: ReadonlySet<number>): boolean {
  const { type } = operation.target;
  const referred = [...postponed].map((index) => needs.get(index)!);
  const { later } = partReferring(operation.data, bulkIdsOf(referred));
  return (
    !(type === groupType && referred.some(({ target }) => target?.type === groupType)) &&
    Object.keys(later).every((key) => !findAttribute(type, undefined, key)?.attribute.required)
  );
}

export function bulkIdsOf(operations: readonly BulkOperation[]): ReadonlySet<string> {
  return new Set(operations.flatMap(({ bulkId }) => bulkId ?? []));
}

/** bulkIds in a message: enough to recognise a circle by. */
const circleShownMax = 5;

function unresolvable(circle: readonly BulkOperation[]): RequestError {
  const shown = circle.slice(0, circleShownMax).map(({ bulkId }) => shownReference(bulkId ?? ""));
  return new RequestError({
    status: 409,
    code: "circular_reference",
    detail:
      `${shown.join(", ")}${circle.length > shown.length ? " and others" : ""} refer to each other in a circle that ` +
      "cannot be resolved; create them without these references and add what is possible afterwards.",
  });
}
