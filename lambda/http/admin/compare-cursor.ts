/** The cursor of a comparison: how far the walk has come, and the seats counted so far. Ids and counts, as in any admin cursor. */

import * as z from "zod";
import { type ComparePlace, comparePhases, isComparePlace } from "../../domain/compare.ts";
import { digestLength } from "../../domain/compare-seats.ts";
import { isConnectionId } from "../../domain/ids.ts";
import { cursorOf, placeOf } from "./cursor.ts";

const connectionId = z.string().refine(isConnectionId).optional();
const counts = z.strictObject({ users: z.int(), reviewers: z.int(), readers: z.int() });
const digest = z.string().max(digestLength);
const seats = z
  .strictObject({
    walk: z.int(),
    held: counts,
    digest,
    before: z.strictObject({ digest, usage: counts }).optional(),
  })
  .transform((count) => ({ before: undefined, ...count }));
const comparePlace = z
  .strictObject({
    phase: z.enum(comparePhases),
    after: z.string().optional(),
    connectionId,
    childId: connectionId,
    seats: seats.optional(),
  })
  .refine(({ phase, after }) => after === undefined || isComparePlace(phase, after));

export function compareCursorOf(next: ComparePlace | undefined): { readonly nextCursor?: string } {
  return cursorOf(next && JSON.stringify(next));
}

/** 400 for what was never a `nextCursor` of a comparison; undefined where one begins. */
export function comparePlaceOf(cursor: string | undefined): ComparePlace | undefined {
  const text = placeOf(cursor, (place) => parsed(place) !== undefined);
  return text === undefined ? undefined : parsed(text);
}

function parsed(text: string): ComparePlace | undefined {
  try {
    return comparePlace.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
