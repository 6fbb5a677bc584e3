/**
 * Members: the row, and everything kept beside it so that it is found: claims on its names, pointers from further email
 * values and the externalId, its bit in the connection's roster. All of these are derived from the row, so a change is
 * written as the difference of what the member had and what it gets, in one transaction.
 */

import * as z from "zod";
import { inheritedActor, providerActor } from "../domain/context.ts";
import { accesses, emailOf, lastConnectionOf, type Member, roles, userNameOf } from "../domain/member.ts";
import { foldCase } from "../scim/fold.ts";
import type { ScimAttributes } from "../scim/resource.ts";
import { claimKey, heirsAttribute, type Key, memberKey, type NameKind } from "./keys.ts";
import { parsePointer, pointerWrites } from "./member-pointers.ts";
import { overtaken } from "./retry.ts";
import { departureWrite, type KnownConnection, rosterWrites } from "./roster.ts";
import { absent, type Condition, type Item, type Store, type Write } from "./store.ts";

/** Who holds a name, and whom each connection had under it when it, or the product, deleted the member. */
export interface Claim {
  readonly holder: number | undefined;
  /** Member numbers by connection id. */
  readonly former: Readonly<Record<string, number>>;
}

export const unclaimed: Claim = { holder: undefined, former: {} };

/** What stands at a member's key: the member, word that it lives under another number now, or that there never was one. */
export type MemberRow =
  | { readonly kind: "member"; readonly member: Member }
  | { readonly kind: "moved"; readonly to: number; readonly from: number | undefined }
  /** A copy that was not made before its source was gone, at that `version` of it. */
  | { readonly kind: "never"; readonly goneAtVersion: number };

/** Kept as epoch milliseconds: a third of the bytes, and a row of up to a kilobyte costs half of a larger one. */
const time = z.number().transform((milliseconds) => new Date(milliseconds).toISOString());

const memberItem = z.object({
  attributes: z.custom<ScimAttributes>(),
  homeNumber: z.number().optional(),
  role: z.enum(roles).optional(),
  access: z.enum(accesses),
  connectionId: z.string().optional(),
  formerConnectionId: z.string().optional(),
  signIn: z
    .object({
      connectionId: z.string(),
      subject: z.string(),
      externalId: z.string().optional(),
      typeIsOpen: z.boolean(),
    })
    .transform(({ externalId, ...mark }) => ({ ...mark, externalId }))
    .optional(),
  sharesExternalId: z.boolean().default(false),
  deletedAt: time.optional(),
  copyOf: z.number().optional(),
  heirs: z.union([z.number(), z.string()]).optional(),
  movedFrom: z.number().optional(),
  createdAt: time,
  lastModified: time.optional(),
  updatedAt: time.optional(),
  version: z.number(),
  revision: z.number(),
});

const movedItem = z.object({ movedTo: z.number(), movedFrom: z.number().optional() });
const neverItem = z.object({ goneAtVersion: z.number() });
const claimItem = z.object({
  holder: z.number().optional(),
  former: z.record(z.string(), z.number()).default({}),
});

export function parseMemberRow(projectId: string, item: Item): MemberRow {
  const moved = movedItem.safeParse(item);
  if (moved.success) {
    return { kind: "moved", to: moved.data.movedTo, from: moved.data.movedFrom };
  }
  const never = neverItem.safeParse(item);
  if (never.success) {
    return { kind: "never", goneAtVersion: never.data.goneAtVersion };
  }
  const row = memberItem.parse(item);
  const number = Number(item["sk"]);
  const lastModified = row.lastModified ?? row.createdAt;
  return {
    kind: "member",
    member: {
      projectId,
      number,
      homeNumber: row.homeNumber ?? number,
      attributes: row.attributes,
      role: row.role ?? null,
      access: row.access,
      connectionId: row.connectionId,
      formerConnectionId: row.formerConnectionId,
      signIn: row.signIn,
      sharesExternalId: row.sharesExternalId,
      deletedAt: row.deletedAt,
      sourceVersion: row.copyOf,
      hasHeirs: typeof row.heirs === "number",
      heirsSince: row.heirs === undefined ? undefined : Number(row.heirs),
      movedFrom: row.movedFrom,
      createdAt: row.createdAt,
      lastModified,
      updatedAt: row.updatedAt ?? lastModified,
      version: row.version,
      revision: row.revision,
    },
  };
}

export function parseClaim(item: Item | undefined): Claim {
  return item === undefined ? unclaimed : { holder: undefined, ...claimItem.parse(item) };
}

/** The member number a claim or a pointer leads SCIM to; none for a claim that only remembers, nor for who only signed in. */
export function numberAt(item: Item): number | undefined {
  const pointer = parsePointer(item);
  if (pointer === undefined) {
    return parseClaim(item).holder;
  }
  return pointer.as === "user" ? pointer.number : undefined;
}

/**
 * The item of a member, for seeding a table without a transaction a member (`BatchWriteItem`), too. `actor`: who made its
 * last change. Rows tell it only where it was not the identity provider: most are theirs, and keep below a kilobyte.
 */
export function memberRowItem(member: Member, actor: string): Item {
  return {
    ...memberKey(member.projectId, member.number),
    attributes: member.attributes,
    ...(member.homeNumber !== member.number && { homeNumber: member.homeNumber }),
    ...(member.role !== null && { role: member.role }),
    access: member.access,
    ...(member.connectionId !== undefined && { connectionId: member.connectionId }),
    ...(member.formerConnectionId !== undefined && { formerConnectionId: member.formerConnectionId }),
    ...(member.signIn !== undefined && { signIn: member.signIn }),
    ...(member.sharesExternalId && { sharesExternalId: true }),
    ...(member.deletedAt !== undefined && { deletedAt: Date.parse(member.deletedAt) }),
    ...(member.sourceVersion !== undefined && { copyOf: member.sourceVersion }),
    ...(member.heirsSince !== undefined && {
      [heirsAttribute]: member.hasHeirs ? member.heirsSince : String(member.heirsSince),
    }),
    ...(member.movedFrom !== undefined && { movedFrom: member.movedFrom }),
    createdAt: Date.parse(member.createdAt),
    ...(member.lastModified !== member.createdAt && { lastModified: Date.parse(member.lastModified) }),
    ...(member.updatedAt !== member.lastModified && { updatedAt: Date.parse(member.updatedAt) }),
    version: member.version,
    revision: member.revision,
    ...(actor !== usualActor(member.sourceVersion !== undefined) && { actor }),
  };
}

/** Tells a row since when its connection has children, under the condition that it is as it was read. */
export async function markMember(
  store: Store,
  { projectId, number, revision }: Member,
  heirsSince: number,
): Promise<boolean> {
  return store.update(
    memberKey(projectId, number),
    {
      expression: "SET #heirs = :since ADD revision :one",
      names: { "#heirs": heirsAttribute },
      values: { ":since": String(heirsSince), ":one": 1 },
    },
    { expression: "revision = :seenRevision", values: { ":seenRevision": revision } },
  );
}

/** Who changes a member mostly: not stored. */
function usualActor(isCopy: boolean): string {
  return isCopy ? inheritedActor : providerActor;
}

/** Who made the last change of the row that this item is. */
export function actorOfMember(item: Item): string {
  const { actor } = item;
  return typeof actor === "string" ? actor : usualActor(item["copyOf"] !== undefined);
}

export interface NeverCopied {
  readonly projectId: string;
  readonly connectionId: string;
  readonly number: number;
  readonly goneAtVersion: number;
}

/**
 * Leaves word that a copy shall not be made any more, at a number where nothing is, or where that was said (`seen`) of an
 * earlier version. Nobody is there: it stands among the departed.
 */
export function neverWrites(
  { projectId, connectionId, number, goneAtVersion }: NeverCopied,
  seen: number | undefined,
): readonly Write[] {
  const put = { ...memberKey(projectId, number), goneAtVersion };
  return seen === undefined
    ? [{ put, when: absent }, departureWrite(connectionId, number)]
    : [{ put, when: { expression: "goneAtVersion = :seen", values: { ":seen": seen } } }];
}

/** The keys under which the names of a member are claimed. */
export function claimKeysOf(projectId: string, attributes: ScimAttributes): readonly Key[] {
  return namesOf(attributes).map(([kind, folded]) => claimKey(projectId, kind, folded));
}

/** The claims a change from `before` to `after` writes, and therefore has to know. */
export function claimKeysTouched(before: Member | undefined, after: Member): readonly Key[] {
  const wantedBefore = before ? claimsWanted(before) : new Map<string, ClaimWanted>();
  const wantedAfter = claimsWanted(after);
  return [...new Set([...wantedBefore.keys(), ...wantedAfter.keys()])]
    .filter((id) => !sameWant(wantedBefore.get(id), wantedAfter.get(id)))
    .map((id) => (wantedBefore.get(id) ?? wantedAfter.get(id)!).key);
}

export interface MemberArrival {
  readonly before: Member | undefined;
  /** Of a copy: that it comes back to the number it is given, which it had left for another. */
  readonly returns?: boolean;
  /** Of somebody new to a connection: the connection, as the change was decided by. */
  readonly arrivesAt?: KnownConnection | undefined;
}

/** Every write that turns `before` (nothing, for a new member) into `after`, but for seats. */
export function memberWrites(
  { before, returns = false, arrivesAt }: MemberArrival,
  after: Member,
  claimAt: (key: Key) => Claim,
  actor: string,
): readonly Write[] {
  return [
    ...rowWrites(before, after, actor),
    ...claimWrites(before, after, claimAt),
    ...pointerWrites(before, after),
    ...rosterWrites(before, after, { returnsTo: returns ? after.number : undefined, arrivesAt }),
  ];
}

function rowWrites(before: Member | undefined, after: Member, actor: string): readonly Write[] {
  const moves = before !== undefined && before.number !== after.number;
  const row = memberRowItem(moves ? { ...after, movedFrom: before.number } : after, actor);
  if (before === undefined) {
    const { projectId, number, homeNumber } = after;
    const arrived: Write = { put: row, when: placeFree(after) };
    return number === homeNumber
      ? [arrived]
      : [arrived, { put: { ...memberKey(projectId, homeNumber), movedTo: number }, when: absent }];
  }
  const unchanged = { expression: "revision = :seenRevision", values: { ":seenRevision": before.revision } };
  if (!moves) {
    return [{ put: row, when: unchanged }];
  }
  const left: Write = {
    put: {
      ...memberKey(before.projectId, before.number),
      movedTo: after.number,
      ...(before.movedFrom !== undefined && { movedFrom: before.movedFrom }),
    },
    when: unchanged,
  };
  const moved: Write = { put: row, when: placeFree(after) };
  if (before.number === before.homeNumber || after.number === before.homeNumber) {
    return [moved, left];
  }
  const home: Write = {
    put: { ...memberKey(before.projectId, before.homeNumber), movedTo: after.number },
    when: { expression: "movedTo = :seenMovedTo", values: { ":seenMovedTo": before.number } },
  };
  return [moved, left, home];
}

/**
 * Nothing is at a number that is given for the first time. That of a copy follows from its source's, and is nobody's first:
 * it may hold word of an earlier end of the source, or of where an earlier copy went.
 */
function placeFree({ sourceVersion }: Member): Condition {
  return sourceVersion === undefined
    ? absent
    : {
        expression: "attribute_not_exists(pk) OR attribute_exists(movedTo) OR goneAtVersion < :sourceVersion",
        values: { ":sourceVersion": sourceVersion },
      };
}

interface ClaimWanted {
  readonly key: Key;
  /** Holds the name, or is remembered under it by a connection. */
  readonly as: "holder" | { readonly formerOf: string };
  readonly number: number;
}

/** A live member holds its names; one that a connection had and that was deleted is remembered, so that it may return. */
function claimsWanted(member: Member): ReadonlyMap<string, ClaimWanted> {
  const connectionId = lastConnectionOf(member);
  if (member.deletedAt !== undefined && connectionId === undefined) {
    return new Map();
  }
  const as = member.deletedAt === undefined ? "holder" : { formerOf: connectionId! };
  return new Map(
    claimKeysOf(member.projectId, member.attributes).map((key) => [
      key.sk,
      { key, as, number: member.number },
    ]),
  );
}

function sameWant(a: ClaimWanted | undefined, b: ClaimWanted | undefined): boolean {
  return a?.number === b?.number && formerOf(a) === formerOf(b) && (a === undefined) === (b === undefined);
}

function formerOf(wanted: ClaimWanted | undefined): string | undefined {
  return wanted === undefined || wanted.as === "holder" ? undefined : wanted.as.formerOf;
}

function claimWrites(
  before: Member | undefined,
  after: Member,
  claimAt: (key: Key) => Claim,
): readonly Write[] {
  const wantedBefore = before ? claimsWanted(before) : undefined;
  const wantedAfter = claimsWanted(after);
  return claimKeysTouched(before, after).map((key) => {
    const seen = claimAt(key);
    const given = withoutClaim(seen, wantedBefore?.get(key.sk));
    return claimWrite(key, seen, withClaim(given, wantedAfter.get(key.sk)));
  });
}

function withoutClaim(claim: Claim, had: ClaimWanted | undefined): Claim {
  const connectionId = formerOf(had);
  if (had?.as === "holder" && claim.holder === had.number) {
    return { ...claim, holder: undefined };
  }
  if (connectionId !== undefined && claim.former[connectionId] === had?.number) {
    const { [connectionId]: _, ...former } = claim.former;
    return { ...claim, former };
  }
  return claim;
}

function withClaim(claim: Claim, gets: ClaimWanted | undefined): Claim {
  if (gets?.as === "holder") {
    return claim.holder === undefined ? { ...claim, holder: gets.number } : overtaken();
  }
  const connectionId = formerOf(gets);
  return gets === undefined || connectionId === undefined
    ? claim
    : { ...claim, former: { ...claim.former, [connectionId]: gets.number } };
}

function claimWrite(key: Key, seen: Claim, next: Claim): Write {
  const when = claimUnchanged(seen);
  const remembers = Object.keys(next.former).length > 0;
  if (next.holder === undefined && !remembers) {
    return { delete: key, when };
  }
  return {
    put: {
      ...key,
      ...(next.holder !== undefined && { holder: next.holder }),
      ...(remembers && { former: next.former }),
    },
    when,
  };
}

function claimUnchanged({ holder, former }: Claim): Condition {
  const remembered = Object.keys(former).length > 0;
  return {
    expression: [
      holder === undefined ? "attribute_not_exists(holder)" : "holder = :seenHolder",
      remembered ? "former = :seenFormer" : "attribute_not_exists(former)",
    ].join(" AND "),
    values: {
      ...(holder !== undefined && { ":seenHolder": holder }),
      ...(remembered && { ":seenFormer": former }),
    },
  };
}

function namesOf(attributes: ScimAttributes): readonly (readonly [NameKind, string])[] {
  const email = emailOf(attributes);
  return [
    ["userName", foldCase(userNameOf(attributes))],
    ...(email === undefined ? [] : [["email", foldCase(email)] as const]),
  ];
}
