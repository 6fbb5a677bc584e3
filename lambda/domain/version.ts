/** Versions of SCIM resources as entity tags (RFC 7644 §3.14): weak, since an answer's form may differ. */

import { preconditionFailed } from "../scim/error.ts";

export interface Versioned {
  /** Rises when the SCIM resource changes. */
  readonly version: number;
}

export function versionOf({ version }: Versioned): string {
  return `W/"${version}"`;
}

/** A list of entity tags, or `*`. Weak comparison: `W/"1"` and `"1"` are the same (RFC 9110 §8.8.3.2). */
export function matchesVersion(header: string, resource: Versioned): boolean {
  return header.split(",").some((tag) => {
    const trimmed = tag.trim();
    return trimmed === "*" || trimmed === versionOf(resource) || trimmed === `"${resource.version}"`;
  });
}

/** 412 when `If-Match` was sent and names another version. `what`: "user" or "group". */
export function assertVersion(what: string, resource: Versioned, ifMatch: string | undefined): void {
  if (ifMatch !== undefined && !matchesVersion(ifMatch, resource)) {
    throw preconditionFailed(
      `If-Match is ${ifMatch}, but the ${what} is at version ${versionOf(resource)}; read it again and repeat the change.`,
    );
  }
}
