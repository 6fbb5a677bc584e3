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

/** Bytes of a single resource in an answer, counted likewise. What Lambda answers (AWS quota: 6 MB), less headers and envelope. */
export const answerBytesMax = 5.5 * 1024 * 1024;

/** Live tokens of a connection. API.md §3. */
export const liveTokensMax = 2;

/** Connections of a project. Our choice: all are listed by one Query, and no customer has that many IdPs. */
export const connectionsPerProjectMax = 200;

/** Rows one admin list request may pass over while it looks for `limit` matches; the cursor goes on from there. */
export const rowsPerAdminListMax = 2_000;

/**
 * Groups one admin list request may count the members of, since only the counts tell the type; the cursor goes on from there.
 * More than a page (`pageLimitMax`). Each costs a Query of its pages and a read of its row.
 */
export const groupsCountedMax = 400;

/** Groups counted side by side. Our choice: a large one is half a megabyte in memory. */
export const groupsCountedAtOnceMax = 16;

/** Bytes of a request body. DESIGN §4; the largest user an IdP sends is a few kilobytes. */
export const bodyBytesMax = 1024 * 1024;

/**
 * Bytes of the body of a bulk request, or of a write of a group. Lambda takes 6 MB in one synchronous invocation (AWS
 * quota), and the body is a string in its event, so every quote in it takes two: no more than this can be relied on.
 */
export const largeBodyBytesMax = 5 * 1024 * 1024;

/** Operations of one bulk request under way at once. Our choice: they wait for the table most of their time; more would only crowd it. */
export const bulkOperationsAtOnceMax = 8;

/**
 * Milliseconds after which a bulk request begins no further operation. A function has 25 s (`functionTimeoutSeconds`),
 * and the last to begin may need the nine seconds after which a call to the table gives up.
 */
export const bulkBudgetMs = 15_000;

/** Characters of a name or label in the admin API. Our choice. */
export const nameLengthMax = 200;

/** Characters of a userName, email or part of a name in the admin API; keys hold 900 bytes (`indexedValueBytesMax`). */
export const textLengthMax = 900;

/** Seconds a replaced token may live on: seven days. API.md §3. */
export const overlapSecondsMax = 604_800;

/** The largest quota. Our choice: far beyond any licence, and exact in every number type. */
export const quotaMax = 1_000_000_000;

/** Percent of a quota from which on operators are told that it runs out. Our choice: time enough to buy seats before anybody is refused one. */
export const quotaNearlyUsedPercent = 90;

/** Items on a page of the admin API. API.md §3. */
export const pageLimitDefault = 50;
export const pageLimitMax = 200;

/** Members of a group that a PATCH is answered with the resource; above it 204 (API.md §4). */
export const membersInPatchAnswerMax = 1_000;

/** Members of a group that are shown with `$ref` and `type`. Our choice: above it only `value`, so that 100,000 fit one answer. */
export const membersWithReferenceMax = 1_000;

/** Members of a group that a read of it shows by name. Our choice: each costs a read of the member's row. */
export const membersWithDisplayMax = 100;

/** Groups of a user that a read of it shows by name. Our choice: each costs a read of the group's row. */
export const groupsWithDisplayMax = 20;

/** Ids of members that are checked by reading the member; more by reading the roster, some 6 read units at 100,000 users. */
export const memberRowsCheckedMax = 4;

/** Unknown member ids that an error names. Our choice: enough to see what they are. */
export const unknownMembersNamedMax = 10;

/** Writes in one transaction (AWS quota). A larger change of a group is written aside first. */
export const transactionWritesMax = 100;

/** Milliseconds after which whoever began to write a set aside cannot be at work any more: functions end after 25 s. */
export const asideLifetimeMs = 60_000;

/** Groups a filter without a key, or a sort, may have to read. At some 0.3 KB each 3 MB; with a look at members, a read each. */
export const groupsScannedMax = 10_000;

/** Groups of a connection that can be listed: each page reads their rows, 0.3 KB each, to count them. Our choice: 1,500 read units. */
export const groupsListedMax = 20_000;

/** Members that a filter on more than their ids may have to look at, over all groups. Our choice: a second of a core's time. */
export const membersScannedMax = 500_000;

/** Members carried in one transaction: its 100 writes (AWS quota), less the mirror's and some to spare. */
export const membersCarriedMax = 90;

/** Members carried at once after meeting another transaction. Our choice: few enough to slip by. */
export const membersCarriedAgainMax = 8;

/** Open sync failures of a project that one list sorts: at 0.8 KB each 16 MB and 2,000 read units. Our choice; an IdP whose every user fails opens as many as it has users. */
export const failuresListedMax = 20_000;

/**
 * Seconds for which the name of a deleted group is still known: a year. Our choice: an identity provider that goes on
 * pushing a group has been noticed by then.
 */
export const formerGroupSeconds = 365 * 24 * 3_600;

/** Days for which an entry of the activity trail is kept. API.md §3. */
export const activityDays = 90;

/** Events in one call to the bus (AWS quota). Ten of ours are some 5 KB, of the 256 KB that one call may have. */
export const eventsPerPublishMax = 10;

/** Attempts of one such call, the AWS SDK's own not counted. Our choice: a second or two; then the whole batch comes again. */
export const publishAttemptsMax = 5;

/** Characters that are kept of a sync failure's detail. Our choice: ours are some 300; what a value adds to them may be a megabyte. */
export const failureDetailLengthMax = 2_000;

/** Children of a connection. DESIGN §2: 1,000 a parent. */
export const childrenMax = 1_000;

/** Inheritances in a project's life: its member numbers have room for so many beside its own (`table/numbers.ts`). */
export const inheritancesPerProjectMax = 2_000;

/**
 * Copies that are made at once in one child. Measured against a table that answers in 4 ms and commits in 15: of 8 at once one
 * in ten meets another, of 32 one in three.
 */
export const copiesAtOnceMax = 8;

/** Children to which one change is carried at once. They never meet; measured as above, 64 take 180 ms by 8, 58 ms by 32. */
export const heirsAtOnceMax = 32;

/** How long one step of a copying job goes on taking more. Our choice: of a function's 120 s, so that others' steps get their turn. */
export const copyStepMs = 5_000;

/** Users, groups or failures that such a step takes at a time. Our choice: less than a second of work. */
export const copiesPerSliceMax = 64;

/** Users that are told at a time that there are children. Our choice: a second of work. */
export const membersMarkedMax = 500;

/** Groups that one step of a comparison looks at. Our choice: a few hundred kilobytes of their members. */
export const groupsPerCompareStepMax = 32;

/** Milliseconds after which an answer with a comparison begins no further step: each takes a second or two, and five more to be sure of what it finds; a function has 25 s. */
export const compareBudgetMs = 8_000;

/** Looks at what seems wrong, 200 ms apart on average, and how many of them in a row have to be alike: of what changes in one transaction, and of what the stream carries, mostly within a second. Our choice. */
export const looksMax = 24;
export const looksAlikeMin = 4;
export const looksAlikeTrailingMin = 16;

/** Times that all members are counted before it is said that seats are taken and given back without pause. Our choice. */
export const seatCountsMax = 4;

/** Ids that a finding names. Our choice: enough to see who they are. */
export const idsNamedMax = 5;
