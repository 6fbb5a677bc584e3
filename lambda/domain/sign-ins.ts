/**
 * Sign-ins: what the product asks when somebody comes in by a connection's SSO (API.md §3).
 *
 * Somebody new becomes a reader, unmanaged, and is marked as made so: by the mark he is known again when all his names are
 * new, and SCIM may take him over as either type. Why: docs/decisions/015-sign-in.md.
 */

import { RequestError } from "../scim/error.ts";
import { foldCase } from "../scim/fold.ts";
import { type ScimAttributes, sameAttributes } from "../scim/resource.ts";
import type { Key } from "../table/keys.ts";
import { readMember } from "../table/member-reads.ts";
import type { Claim } from "../table/members.ts";
import { overtaken } from "../table/retry.ts";
import { readSignInTraces, type SignInTraces, type SignInWords } from "../table/sign-in-lookups.ts";
import { type Connection, defaultsFor, projectIdOf } from "./connection.ts";
import { getConnection, noSuchConnection } from "./connections.ts";
import { type Context, now, signInActor } from "./context.ts";
import { isConnectionOf } from "./ids.ts";
import { assertSignInIndexable, indexable } from "./indexable.ts";
import { managerOf, owningConnection } from "./management.ts";
import {
  emailOf,
  externalIdOf,
  type Member,
  newMember,
  type SignInMark,
  statusOf,
  userNameOf,
} from "./member.ts";
import { changing, commit, readGround, takenName } from "./member-change.ts";
import { type MemberFields, type MemberView, withFields } from "./members.ts";
import { quotaExceeded } from "./refusals.ts";

/** As the identity provider told it; null and "" are as good as nothing. */
export interface SignInFields {
  /** By what it names the person to the product, such as the NameID of SAML or `sub` of OpenID Connect. */
  readonly subject: string;
  readonly externalId?: string | null | undefined;
  readonly userName?: string | null | undefined;
  readonly email?: string | null | undefined;
  readonly displayName?: string | null | undefined;
}

export const denyReasons = ["inactive", "unknown", "quota_exceeded"] as const;
export type DenyReason = (typeof denyReasons)[number];

export type SignIn =
  | { readonly decision: "allow"; readonly view: MemberView; readonly created: boolean }
  | { readonly decision: "deny"; readonly reason: DenyReason; readonly view: MemberView | undefined };

/** 404 for an unknown connection, 400 for what is too long to be looked up; all else is a decision. */
export async function signIn(
  context: Context,
  projectId: string,
  connectionId: string,
  fields: SignInFields,
): Promise<SignIn> {
  const asSignIn: Context = { ...context, actor: signInActor };
  const person = personOf(fields);
  // No key is built of what is no id.
  if (!isConnectionOf(projectId, connectionId)) {
    throw noSuchConnection(projectId, connectionId);
  }
  return changing(asSignIn, async () => {
    const [connection, traces] = await Promise.all([
      getConnection(context, projectId, connectionId),
      readSignInTraces(context.store, projectId, connectionId, person),
    ]);
    const trace = firstTrace(connectionId, person, traces);
    return trace === undefined
      ? decideOnStranger(asSignIn, connection, person, traces)
      : decideOnMember(asSignIn, connection, person, trace);
  });
}

async function decideOnStranger(
  context: Context,
  connection: Connection,
  person: Person,
  traces: SignInTraces,
): Promise<SignIn> {
  if (!connection.jit) {
    return { decision: "deny", reason: "unknown", view: undefined };
  }
  const member = await createdReader(context, connection, person, traces);
  if (member !== undefined) {
    return { decision: "allow", view: { member, managedBy: undefined }, created: true };
  }
  // The last seat may be this person's own by now, taken since nobody was found.
  const again = await readSignInTraces(context.store, projectIdOf(connection), connection.id, person);
  return firstTrace(connection.id, person, again) === undefined
    ? { decision: "deny", reason: "quota_exceeded", view: undefined }
    : overtaken();
}

async function decideOnMember(
  context: Context,
  connection: Connection,
  person: Person,
  trace: Trace,
): Promise<SignIn> {
  const member = await followed(context, projectIdOf(connection), trace);
  if (statusOf(member) !== "active") {
    return { decision: "deny", reason: "inactive", view: await viewOf(context, member, connection) };
  }
  const present = trace.mark ? await broughtUpToDate(context, member, person, trace.mark) : member;
  return { decision: "allow", view: await viewOf(context, present, connection), created: false };
}

interface Person extends SignInWords {
  /** As it was told. */
  readonly toldUserName: string | undefined;
  readonly displayName: string | undefined;
  /** What a member made for it has. */
  readonly attributes: ScimAttributes;
}

function personOf({ subject, ...fields }: SignInFields): Person {
  const externalId = fields.externalId || undefined;
  const toldUserName = fields.userName || undefined;
  const email = fields.email || undefined;
  const displayName = fields.displayName || undefined;
  assertSignInIndexable(subject, externalId, email);
  const userName = toldUserName ?? email ?? subject;
  const attributes = indexable(withFields({ active: true }, { userName, email, displayName }));
  return { subject, externalId, toldUserName, userName, email, displayName, attributes };
}

/** What leads to a member. */
interface Trace {
  readonly number: number;
  /** Whether it still does: members are read after what leads to them. */
  readonly leadsTo: (member: Member) => boolean;
  /** Where the member is known by its mark alone, so that the names told now are new ones: what else is new to the mark. */
  readonly mark?: { readonly externalId: string | undefined };
}

/**
 * The first that leads to somebody, in the order of API.md §3. An externalId that several users of the connection share
 * tells none of them. In the end, whoever has the userName that a new member would get.
 */
function firstTrace(connectionId: string, person: Person, traces: SignInTraces): Trace | undefined {
  const { subject, externalId, toldUserName, userName, email } = person;
  const { users, holderOf } = traces;
  const byUserName = byName(holderOf("userName", userName), userNameOf, userName);
  return [
    users.length === 1 ? byExternalId(users[0], connectionId, externalId) : undefined,
    toldUserName === undefined ? undefined : byUserName,
    email === undefined ? undefined : byName(holderOf("email", email), emailOf, email),
    byMark(traces.signedInWithExternalId, connectionId, (mark) => mark.externalId === externalId),
    byMark(
      traces.signedInAsSubject,
      connectionId,
      (mark) => mark.subject === subject,
      users.length === 0 ? externalId : undefined,
    ),
    byUserName,
  ].find((trace) => trace !== undefined);
}

function byExternalId(
  number: number | undefined,
  connectionId: string,
  externalId: string | undefined,
): Trace | undefined {
  const leadsTo = (member: Member) =>
    isLive(member) && member.connectionId === connectionId && externalIdOf(member.attributes) === externalId;
  return number === undefined ? undefined : { number, leadsTo };
}

function byName(
  number: number | undefined,
  nameOf: (attributes: ScimAttributes) => string | undefined,
  name: string,
): Trace | undefined {
  const leadsTo = (member: Member) => isLive(member) && sameName(nameOf(member.attributes), name);
  return number === undefined ? undefined : { number, leadsTo };
}

/** `externalId`: one that is new to the mark. */
function byMark(
  number: number | undefined,
  connectionId: string,
  tells: (mark: SignInMark) => boolean,
  externalId?: string,
): Trace | undefined {
  const leadsTo = ({ signIn }: Member) => signIn?.connectionId === connectionId && tells(signIn);
  return number === undefined ? undefined : { number, leadsTo, mark: { externalId } };
}

function isLive(member: Member): boolean {
  return statusOf(member) !== "deleted";
}

function sameName(a: string | undefined, b: string): boolean {
  return a !== undefined && foldCase(a) === foldCase(b);
}

async function followed(context: Context, projectId: string, trace: Trace): Promise<Member> {
  const member = await readMember(context.store, projectId, trace.number);
  return member !== undefined && trace.leadsTo(member) ? member : overtaken();
}

async function viewOf(context: Context, member: Member, connection: Connection): Promise<MemberView> {
  const owner = member.connectionId === connection.id ? connection : await owningConnection(context, member);
  return { member, managedBy: managerOf(member, owner) };
}

/** Undefined when no seat is free. */
async function createdReader(
  context: Context,
  connection: Connection,
  { subject, externalId, attributes }: Person,
  { users }: SignInTraces,
): Promise<Member | undefined> {
  const { role, access } = defaultsFor(connection, "reader");
  const projectId = projectIdOf(connection);
  const after: Member = {
    ...newMember({ projectId, attributes, role, access, connectionId: undefined }, now(context)),
    signIn: {
      connectionId: connection.id,
      subject,
      // One that users share is none to be known by.
      externalId: users.length === 0 ? externalId : undefined,
      typeIsOpen: true,
    },
  };
  const change = { before: undefined, after, newNumber: true };
  const ground = await readGround(context, change);
  try {
    return await commit(context, change, ground, quotaExceeded.toAdmin);
  } catch (error) {
    if (error instanceof RequestError && error.code === "quota_exceeded") {
      return undefined;
    }
    throw error;
  }
}

/** The member with the names told now, but for those that somebody else has. */
async function broughtUpToDate(
  context: Context,
  before: Member,
  person: Person,
  { externalId }: NonNullable<Trace["mark"]>,
): Promise<Member> {
  const at = now(context);
  const signIn = before.signIn && { ...before.signIn, externalId: externalId ?? before.signIn.externalId };
  const renamed = (attributes: ScimAttributes): Member => ({
    ...before,
    attributes,
    signIn,
    lastModified: at,
    updatedAt: at,
    version: before.version + 1,
    revision: before.revision + 1,
  });
  const wishes = namesFor(before, person);
  const whole = renamed(withFields(before.attributes, wishes));
  const ground = await readGround(context, { before, after: whole, newNumber: false });
  const after = renamed(withFreeNames(before, wishes, ground.claimAt));
  const isSame =
    sameAttributes(before.attributes, after.attributes) && signIn?.externalId === before.signIn?.externalId;
  return isSame
    ? before
    : commit(context, { before, after, newNumber: false }, ground, quotaExceeded.toAdmin);
}

/** Where the userName was the email, it goes with it. */
function namesFor(member: Member, { toldUserName, email, displayName }: Person): MemberFields {
  const hadEmail = emailOf(member.attributes);
  const wasEmail = hadEmail !== undefined && sameName(userNameOf(member.attributes), hadEmail);
  return { userName: toldUserName ?? (wasEmail ? email : undefined), email, displayName };
}

function withFreeNames(before: Member, wishes: MemberFields, claimAt: (key: Key) => Claim): ScimAttributes {
  const attributes = withFields(before.attributes, wishes);
  const taken = takenName({ ...before, attributes }, claimAt);
  return taken ? withFreeNames(before, { ...wishes, [taken.attribute]: undefined }, claimAt) : attributes;
}
