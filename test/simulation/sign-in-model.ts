/** What signing in does, by API.md §3. */

import {
  type Attributes,
  type Connection,
  connectionAt,
  emailByHand,
  emailOf,
  isActive,
  isSameName,
  liveMembers,
  type Member,
  newIdentity,
  type Project,
  withEntry,
} from "./model.ts";
import { done, type Outcome, refused } from "./outcome.ts";
import { missingSeat } from "./provider-model.ts";
import type { Label, ProductRequest } from "./steps.ts";

type SignInRequest = Extract<ProductRequest, { readonly kind: "sign in" }>;

export function outcomesOfSignIn(project: Project, request: SignInRequest, label: Label): readonly Outcome[] {
  const connection = connectionAt(project, request.slot);
  if (connection === undefined) return [refused(project, { status: 404, code: "not_found" })];
  const named = findByName(project, connection, request);
  if (named !== undefined) return [decide(project, noted(project, connection, named, request))];
  const marked = findByMark(project, connection, request);
  if (marked !== undefined) {
    return [decide(project, noted(project, connection, renamed(project, marked, request), request))];
  }
  const namesake = liveMembers(project).find(({ attributes }) =>
    isSameName(attributes.userName, nameFor(request)),
  );
  return [namesake === undefined ? make(project, connection, request, label) : decide(project, namesake)];
}

/** By externalId among the connection's users, where one alone has it; then by userName, then by email. */
function findByName(
  project: Project,
  connection: Connection,
  { externalId, userName, email }: SignInRequest,
): Member | undefined {
  const live = liveMembers(project);
  const users = live.filter(
    (member) =>
      member.user !== undefined &&
      member.connection === connection.identity.label &&
      externalId !== undefined &&
      member.attributes.externalId === externalId,
  );
  if (users.length === 1) return users[0];
  return (
    live.find(({ attributes }) => isSameName(attributes.userName, userName)) ??
    live.find(({ attributes }) => isSameName(emailOf(attributes), email))
  );
}

/** Whom a sign-in at this connection has made, until SCIM links it. */
function findByMark(
  project: Project,
  connection: Connection,
  { externalId, subject }: SignInRequest,
): Member | undefined {
  const marked = liveMembers(project).filter(
    ({ signIn }) => signIn?.connection === connection.identity.label,
  );
  return (
    marked.find(({ signIn }) => externalId !== undefined && signIn!.externalId === externalId) ??
    marked.find(({ signIn }) => signIn!.subject === subject)
  );
}

function decide(project: Project, member: Member): Outcome {
  const known = project.members.get(member.identity.label)!;
  if (!isActive(known)) {
    return done(project, 200, {
      kind: "sign-in",
      decision: { decision: "deny", reason: "inactive", member: known },
    });
  }
  const next = { ...project, members: withEntry(project.members, member.identity.label, member) };
  return done(next, 200, { kind: "sign-in", decision: { decision: "allow", member, created: false } });
}

/** By an externalId that is told later than at first, it is known from then on, unless that tells somebody else already. */
function noted(
  project: Project,
  connection: Connection,
  member: Member,
  { externalId }: SignInRequest,
): Member {
  const { signIn } = member;
  if (signIn?.connection !== connection.identity.label || externalId === undefined) return member;
  const isAnothers = liveMembers(project).some(
    (other) =>
      other.identity !== member.identity &&
      other.signIn?.connection === connection.identity.label &&
      other.signIn.externalId === externalId,
  );
  if (isAnothers || isShared(project, connection, externalId)) return member;
  return { ...member, signIn: { ...signIn, externalId } };
}

/** An externalId that a user of the connection has tells nobody else. */
function isShared(project: Project, connection: Connection, externalId: string): boolean {
  return liveMembers(project).some(
    (member) =>
      member.user !== undefined &&
      member.connection === connection.identity.label &&
      member.attributes.externalId === externalId,
  );
}

/** Gets the new names that nobody else has; a userName that was the email goes with it. */
function renamed(project: Project, member: Member, request: SignInRequest): Member {
  const { attributes } = member;
  const email = emailOf(attributes);
  const isFree = (name: string, nameOf: (of: Attributes) => string | undefined) =>
    !liveMembers(project).some(
      (other) => other.identity !== member.identity && isSameName(nameOf(other.attributes), name),
    );
  const wanted =
    request.userName ??
    (request.email !== undefined && isSameName(attributes.userName, email) ? request.email : undefined);
  const newEmail = request.email !== undefined && isFree(request.email, emailOf) ? request.email : undefined;
  return {
    ...member,
    attributes: {
      ...attributes,
      ...(wanted !== undefined && isFree(wanted, ({ userName }) => userName) && { userName: wanted }),
      ...(newEmail !== undefined && newEmail !== email && { emails: [emailByHand(newEmail)] }),
      ...(request.displayName !== undefined && { displayName: request.displayName }),
    },
  };
}

function nameFor({ userName, email, subject }: SignInRequest): string {
  return userName ?? email ?? subject;
}

/** An unmanaged reader, whom SCIM may take over as either type. */
function make(project: Project, connection: Connection, request: SignInRequest, label: Label): Outcome {
  const deny = (reason: string) =>
    done(project, 200, { kind: "sign-in", decision: { decision: "deny", reason, member: undefined } });
  if (!connection.jit) return deny("unknown");
  const { subject, externalId, email, displayName } = request;
  const isUsers = externalId !== undefined && isShared(project, connection, externalId);
  const member: Member = {
    identity: { ...newIdentity(label), home: undefined },
    user: undefined,
    connection: undefined,
    former: undefined,
    attributes: {
      userName: nameFor(request),
      ...(displayName !== undefined && { displayName }),
      ...(email !== undefined && { emails: [emailByHand(email)] }),
      active: true,
      team: false,
    },
    role: null,
    access: connection.defaults.readerAccess,
    signIn: {
      connection: connection.identity.label,
      subject,
      externalId: isUsers ? undefined : externalId,
    },
    isTypeOpen: true,
    deleted: false,
    revision: 0,
  };
  if (missingSeat(project, undefined, member) !== undefined) return deny("quota_exceeded");
  const { named } = project;
  const next = {
    ...project,
    members: withEntry(project.members, label, member),
    named: { ...named, members: withEntry(named.members, label, member.identity) },
  };
  return done(next, 200, { kind: "sign-in", decision: { decision: "allow", member, created: true } });
}
