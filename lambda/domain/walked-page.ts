/** A page of an admin list: a walk passes by whatever is not wanted until the page is full, or enough was passed. */

import { type Step, stretchLength, type Walk } from "../table/walk.ts";
import { rowsPerAdminListMax } from "./limits.ts";
import { validationFailed } from "./refusals.ts";

export interface Page<View> {
  readonly items: readonly View[];
  /** Where to go on; undefined on the last page. */
  readonly after: string | undefined;
}

export interface PageWish {
  readonly limit: number;
  /** Where the page before ended. */
  readonly after?: string | undefined;
}

/** A walk, and what its places look like: only such may be gone on from. */
export interface Way<S extends Step> {
  readonly walk: Walk<S>;
  readonly isPlace: (text: string) => boolean;
}

export interface Looking<S extends Step, View> {
  /** What of a step is shown; nothing for what is not wanted. */
  readonly look: (step: S) => View | undefined | Promise<View | undefined>;
  /** Steps looked at side by side, where a look has to read. */
  readonly atOnce?: number;
  /** Looks of one request; the next page goes on behind the last. */
  readonly looksMax?: number;
}

/** 400 for an `after` that is no place of this way. */
export async function walkedPage<S extends Step, View>(
  { walk, isPlace }: Way<S>,
  { limit, after: start }: PageWish,
  { look, atOnce = stretchLength, looksMax = Number.POSITIVE_INFINITY }: Looking<S, View>,
): Promise<Page<View>> {
  if (start !== undefined && !isPlace(start)) {
    throw validationFailed("cursor is not one that this list gave out.", [
      { path: "cursor", message: "send nextCursor of the page before, with the same q, or leave it out" },
    ]);
  }
  const items: View[] = [];
  let after = start;
  let looks = 0;
  let lastShown: string | undefined;
  for (let passed = 0; passed < rowsPerAdminListMax; passed += stretchLength) {
    const { steps, place, end } = await walk(after);
    for (let first = 0; first < steps.length; first += atOnce) {
      if (looks >= looksMax) {
        return { items, after };
      }
      const slice = steps.slice(first, first + atOnce);
      const views = await Promise.all(slice.map(look));
      for (const [index, view] of views.entries()) {
        // One more than asked for tells whether there is another page.
        if (view !== undefined && items.length === limit) {
          return { items, after: lastShown };
        }
        if (view !== undefined) {
          items.push(view);
          lastShown = slice[index]!.place;
        }
      }
      looks += slice.length;
      after = slice.at(-1)!.place;
    }
    if (end) {
      return { items, after: undefined };
    }
    after = place;
  }
  return { items, after };
}
