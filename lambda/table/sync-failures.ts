/** Open sync failures: one item each, under a key made of what it is a failure of. */

import * as z from "zod";
import { isBase32, isConnectionOf, projectOfConnection } from "../domain/ids.ts";
import { failureDetailLengthMax, textLengthMax } from "../domain/limits.ts";
import { seatKinds } from "../domain/seats.ts";
import {
  type FailureCause,
  type FailureSource,
  type FailureSubject,
  identifierHash,
  identifierHashLength,
  provisionedTypes,
  provisioningOperations,
  type SyncFailure,
  sourceIdentifier,
  syncFailureReasons,
} from "../domain/sync-failure.ts";
import type { ScimType } from "../scim/error.ts";
import { failureKey, failuresPartition, failuresPrefix, type Key } from "./keys.ts";
import { assignments, type Item, removal, type Store, type TransactionOutcome } from "./store.ts";

const failureItem = z.object({
  connectionId: z.string(),
  resourceType: z.enum(provisionedTypes),
  identifier: z.string(),
  operation: z.enum(provisioningOperations),
  httpStatus: z.number(),
  scimType: z.custom<ScimType>().optional(),
  reason: z.enum(syncFailureReasons),
  detail: z.string(),
  remedy: z.string(),
  attempts: z.number(),
  firstFailedAt: z.string(),
  lastFailedAt: z.string(),
  source: z
    .object({ number: z.number(), version: z.number(), seat: z.enum(seatKinds).optional() })
    .transform((source): FailureSource => ({ seat: undefined, ...source }))
    .optional(),
});

/** Of an inherited one, `identifier` says the source: see `sourceIdentifier`. */
export function failureKeyOf({ connectionId, resourceType, identifier }: FailureSubject): Key {
  const hash = identifierHash(identifier);
  return failureKey(projectOfConnection(connectionId), { connectionId, resourceType, hash });
}

/** The id that the admin API shows is the item's sort key, put so that it stands in a URL. */
function failureIdOf(sk: string): string {
  return sk.replaceAll("#", "-");
}

function sortKeyOfId(id: string): string {
  return id.replaceAll("-", "#");
}

function failureKeyOfId(projectId: string, id: string): Key | undefined {
  const [connectionId = "", resourceType = "", hash = "", ...more] = id.split("-");
  const isId =
    more.length === 0 &&
    isConnectionOf(projectId, connectionId) &&
    provisionedTypes.some((type) => type === resourceType) &&
    hash.length === identifierHashLength &&
    isBase32(hash);
  return isId ? failureKey(projectId, { connectionId, resourceType, hash }) : undefined;
}

export function parseFailure(item: Item): SyncFailure {
  const { scimType, source, ...failure } = failureItem.parse(item);
  return { ...failure, scimType, source, id: failureIdOf(String(item["sk"])) };
}

/** Of those without a name: nothing will be provisioned under an id that is not there, so they go by themselves. */
const namelessLifetimeSeconds = 30 * 24 * 3_600;

/**
 * One more failed attempt: opens the failure, or counts on. One write. `closesByItself`: whether a later success can have
 * the same identifier.
 */
export async function noteFailure(
  store: Store,
  subject: FailureSubject,
  cause: FailureCause,
  note: {
    readonly at: string;
    readonly closesByItself: boolean;
    readonly source?: FailureSource;
  },
): Promise<void> {
  const { scimType, ...rest } = cause;
  const { at, closesByItself, source } = note;
  const { set, removed, names, values } = assignments({
    ...subject,
    ...rest,
    // Whatever a request holds is told, as far as a list of them can show it.
    identifier: shortened(subject.identifier, textLengthMax),
    detail: shortened(cause.detail, failureDetailLengthMax),
    scimType,
    ...(source !== undefined && { source: { ...source } }),
    lastFailedAt: at,
    expiresAtSeconds: closesByItself
      ? undefined
      : Math.ceil(Date.parse(at) / 1_000) + namelessLifetimeSeconds,
  });
  await store.update(
    failureKeyOf(
      source === undefined ? subject : { ...subject, identifier: sourceIdentifier(source.number) },
    ),
    {
      expression:
        `SET ${set}, firstFailedAt = if_not_exists(firstFailedAt, :lastFailedAt)` +
        `${removal(removed)} ADD attempts :one`,
      names,
      values: { ...values, ":one": 1 },
    },
    // Whatever stands there is counted on; there is no failure without attempts.
    { expression: "attribute_not_exists(pk) OR attempts >= :one" },
  );
}

function shortened(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1).toWellFormed()}…`;
}

/** Unless it has failed again since it was read. */
export function closeFailure(store: Store, failure: SyncFailure): Promise<TransactionOutcome> {
  return store.transact([
    {
      delete: failureKeyOfId(projectOfConnection(failure.connectionId), failure.id)!,
      when: { expression: "attempts = :seenAttempts", values: { ":seenAttempts": failure.attempts } },
    },
  ]);
}

/** The open failure of the copy that a child has, or has not, of a user of its parent. */
export async function readInheritedFailure(
  store: Store,
  connectionId: string,
  number: number,
): Promise<SyncFailure | undefined> {
  const key = inheritedFailureKey(connectionId, number);
  const item = (await store.read([key])).get(key);
  return item && parseFailure(item);
}

/** Whatever it says by now. */
export async function purgeInheritedFailure(
  store: Store,
  connectionId: string,
  number: number,
): Promise<void> {
  await store.purge([inheritedFailureKey(connectionId, number)]);
}

function inheritedFailureKey(connectionId: string, number: number): Key {
  return failureKeyOf({ connectionId, resourceType: "User", identifier: sourceIdentifier(number) });
}

export async function readFailure(
  store: Store,
  projectId: string,
  id: string,
): Promise<SyncFailure | undefined> {
  const key = failureKeyOfId(projectId, id);
  const item = key && (await store.read([key])).get(key);
  return item && parseFailure(item);
}

/** The open failures of a project, or of one of its connections, in no order; at most `limit`. */
export async function failuresIn(
  store: Store,
  projectId: string,
  connectionId: string | undefined,
  limit: number,
  after?: string,
): Promise<readonly SyncFailure[]> {
  const items = await store.query({
    pk: failuresPartition(projectId),
    limit,
    ...(connectionId !== undefined && { prefix: failuresPrefix(connectionId) }),
    ...(after !== undefined && { after: sortKeyOfId(after) }),
  });
  return items.map(parseFailure);
}

/** Nothing is provisioned by a connection that is gone. */
export async function purgeFailures(store: Store, projectId: string, connectionId: string): Promise<void> {
  const items = await store.query({
    pk: failuresPartition(projectId),
    prefix: failuresPrefix(connectionId),
  });
  await store.purge(items.map(({ pk, sk }) => ({ pk: String(pk), sk: String(sk) })));
}
