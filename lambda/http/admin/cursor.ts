/** Admin cursors: the place a page ended at, opaque to the client. Nothing secret and nothing of another tenant is in it. */

import { validationFailed } from "../../domain/refusals.ts";

export function cursorOf(place: string | undefined): { readonly nextCursor?: string } {
  return place === undefined ? {} : { nextCursor: Buffer.from(`1${place}`).toString("base64url") };
}

/** 400 for what was never a `nextCursor`. `accepts` tells whether a place is one of this list's. */
export function placeOf(cursor: string | undefined, accepts: (place: string) => boolean): string | undefined {
  if (cursor === undefined) {
    return undefined;
  }
  const decoded = Buffer.from(cursor, "base64url").toString();
  const place = decoded.slice(1);
  if (decoded[0] !== "1" || !accepts(place)) {
    throw validationFailed("cursor is not one that this list gave out.", [
      { path: "cursor", message: "send nextCursor of the page before, unchanged, or leave it out" },
    ]);
  }
  return place;
}

export function isNumber(place: string): boolean {
  return place !== "" && place.length <= 12 && [...place].every((digit) => digit >= "0" && digit <= "9");
}
