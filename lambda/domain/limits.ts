/** Bounds of the use cases, named, with their origin. Those of the protocol are in `lambda/scim/limits.ts`. */

/**
 * Different email values of one user, each found by key. A transaction holds 100 items (AWS quota); replacing all of
 * them deletes and puts twice as many beside the row, claims, roster and seats.
 */
export const emailValuesMax = 40;

/**
 * Users a filter without a key, or a sort, may have to read. At 1.2 KB each 12 MB and some 3,000 read units, a few
 * seconds; far under the gateway's 29 s (AWS quota). Beyond it: `tooMany`.
 */
export const usersScannedMax = 10_000;

/** Bytes of users that one such query may read. Our choice: a few seconds, and a fraction of a function's memory. */
export const scannedBytesMax = 64 * 1024 * 1024;

/** Bytes of resources in one list answer, as they count in Lambda's result. Lambda answers 6 MB at most (AWS quota); a fuller page ends early. */
export const listBytesMax = 4 * 1024 * 1024;

/** Live tokens of a connection. API.md §3. */
export const liveTokensMax = 2;

/** Connections of a project. Our choice: all are listed by one Query, and no customer has that many IdPs. */
export const connectionsPerProjectMax = 200;

/** Rows one admin list request may pass over while it looks for `limit` matches; the cursor goes on from there. */
export const rowsPerAdminListMax = 2_000;

/** Bytes of a request body. DESIGN §4; the largest user an IdP sends is a few kilobytes. */
export const bodyBytesMax = 1024 * 1024;

/** Characters of a name or label in the admin API. Our choice. */
export const nameLengthMax = 200;

/** Characters of a userName, email or part of a name in the admin API; keys hold 900 bytes (`indexedValueBytesMax`). */
export const textLengthMax = 900;

/** Seconds a replaced token may live on: seven days. API.md §3. */
export const overlapSecondsMax = 604_800;

/** The largest quota. Our choice: far beyond any licence, and exact in every number type. */
export const quotaMax = 1_000_000_000;

/** Items on a page of the admin API. API.md §3. */
export const pageLimitDefault = 50;
export const pageLimitMax = 200;
