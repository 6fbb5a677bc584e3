/** Members, as the admin API sees them. */

import { notFound } from "../scim/error.ts";
import type { JsonValue } from "../scim/json.ts";
import { type ScimAttributes, sameAttributes } from "../scim/resource.ts";
import { readMember, readMemberByHome } from "../table/member-reads.ts";
import { overtaken } from "../table/retry.ts";
import type { Write } from "../table/store.ts";
import { type Context, now } from "./context.ts";
import type { Group } from "./group.ts";
import { indexable } from "./indexable.ts";
import { type Manager, managerOf, owningConnection, stillUnmanaged } from "./management.ts";
import {
  type Access,
  emailOf,
  type Member,
  type MemberType,
  newMember,
  type Role,
  type SignInMark,
  statusOf,
  typeOf,
  userNameOf,
  withActive,
  withType,
} from "./member.ts";
import { changing, commit, type MemberChange, readGround, takenName } from "./member-change.ts";
import { groupsOfMember } from "./member-groups.ts";
import { memberIdOfMember, memberNumberOf } from "./member-id.ts";
import { openProject } from "./projects.ts";
import { conflict, managedByIdp, quotaExceeded, validationFailed } from "./refusals.ts";

/** A member and whether SCIM owns it. */
export interface MemberView {
  readonly member: Member;
  /** The connection that manages it: there, and with SCIM enabled. */
  readonly managedBy: Manager | undefined;
}

export interface MemberWithGroups extends MemberView {
  readonly groups: readonly Group[];
}

export type NameWish = { readonly [part: string]: string | undefined };

export interface MemberFields {
  readonly userName?: string | undefined;
  readonly email?: string | null | undefined;
  readonly displayName?: string | null | undefined;
  readonly name?: NameWish | null | undefined;
  readonly type?: MemberType | undefined;
  readonly role?: Role | null | undefined;
  readonly access?: Access | undefined;
}

export type MemberPatch = MemberFields & { readonly status?: "active" | "inactive" | undefined };

/** A user made by hand gets this role unless another is asked for. */
const standardRole: Role = "contributor";

/** 409 `duplicate_member` for a name that is taken, 409 `quota_exceeded` when no seat is free. */
export async function createMember(
  context: Context,
  projectId: string,
  fields: MemberFields & { readonly userName: string; readonly type: MemberType },
): Promise<MemberView> {
  return changing(context, async () => {
    await openProject(context, projectId);
    const fresh = {
      projectId,
      attributes: indexable(withFields({ active: true }, fields)),
      role: roleFor(fields.type, fields.role, undefined),
      access: fields.access ?? "none",
      connectionId: undefined,
    };
    const after = newMember(fresh, now(context));
    const member = await write(context, { before: undefined, after, newNumber: true });
    return { member, managedBy: undefined };
  });
}

export async function getMember(
  context: Context,
  projectId: string,
  memberId: string,
): Promise<MemberWithGroups> {
  const [, member] = await Promise.all([
    openProject(context, projectId),
    memberById(context, projectId, memberId),
  ]);
  if (!member) {
    throw noSuchMember(memberId);
  }
  const [owner, groups] = await Promise.all([
    owningConnection(context, member),
    groupsOfMember(context, member),
  ]);
  return { member, managedBy: managerOf(member, owner), groups };
}

/** Managed: only role and access may change, anything else is 409 `managed_by_idp`. */
export async function patchMember(
  context: Context,
  projectId: string,
  memberId: string,
  patch: MemberPatch,
): Promise<MemberWithGroups> {
  const view = await changing(context, async () => {
    const before = await openMember(context, projectId, memberId);
    const owner = await owningConnection(context, before);
    const managedBy = managerOf(before, owner);
    const attributes = indexable(withFields(before.attributes, patch));
    const changed = changedFields(before, attributes);
    if (managedBy !== undefined && changed.length > 0) {
      throw managedByIdp(managedBy, "member", `${changed.join(", ")} cannot be changed`);
    }
    const attributesChanged = !sameAttributes(before.attributes, attributes);
    const at = now(context);
    const role = roleFor(typeOf(attributes), patch.role, before.role ?? undefined);
    const after: Member = {
      ...before,
      attributes,
      role,
      signIn: markAfter(before, attributes, role),
      access: patch.access ?? before.access,
      lastModified: attributesChanged ? at : before.lastModified,
      version: before.version + (attributesChanged ? 1 : 0),
      updatedAt: at,
      revision: before.revision + 1,
    };
    if (!attributesChanged && after.role === before.role && after.access === before.access) {
      return { member: before, managedBy };
    }
    const checks = managedBy === undefined ? stillUnmanaged(before, owner) : [];
    return { member: await write(context, { before, after, newNumber: false }, checks), managedBy };
  });
  return { ...view, groups: await groupsOfMember(context, view.member) };
}

/** The member is deleted: its seat and its names are free; it is still listed among the deleted. */
export async function deleteMember(context: Context, projectId: string, memberId: string): Promise<void> {
  await changing(context, async () => {
    const before = await openMember(context, projectId, memberId);
    const owner = await owningConnection(context, before);
    const managedBy = managerOf(before, owner);
    if (managedBy !== undefined) {
      throw managedByIdp(managedBy, "member", "it cannot be deleted");
    }
    const at = now(context);
    const after: Member = {
      ...before,
      attributes: withActive(before.attributes, false),
      signIn: undefined,
      deletedAt: at,
      lastModified: at,
      updatedAt: at,
      version: before.version + 1,
      revision: before.revision + 1,
    };
    await write(context, { before, after, newNumber: false }, stillUnmanaged(before, owner));
  });
}

/** The member under a member id, deleted or not. */
async function memberById(
  context: Context,
  projectId: string,
  memberId: string,
): Promise<Member | undefined> {
  const number = memberNumberOf(projectId, memberId);
  return number === undefined ? undefined : readMemberByHome(context.store, projectId, number);
}

/** The live member under a member id; 404 when there is none. */
export async function openMember(context: Context, projectId: string, memberId: string): Promise<Member> {
  const [, member] = await Promise.all([
    openProject(context, projectId),
    memberById(context, projectId, memberId),
  ]);
  if (!member || statusOf(member) === "deleted") {
    throw noSuchMember(memberId);
  }
  return member;
}

async function write(context: Context, change: MemberChange, checks: readonly Write[] = []): Promise<Member> {
  const ground = await readGround(context, change);
  const taken = takenName(change.after, ground.claimAt);
  if (taken) {
    const holder = await readMember(context.store, change.after.projectId, taken.holder);
    throw conflict(
      "duplicate_member",
      `${taken.attribute} "${taken.value}" is already used by member ` +
        `${memberIdOfMember(holder ?? overtaken())}; choose another one.`,
    );
  }
  return commit(context, change, ground, quotaExceeded.toAdmin, checks);
}

function roleFor(type: MemberType, wanted: Role | null | undefined, current: Role | undefined): Role | null {
  if (type === "user") {
    if (wanted === null) {
      throw validationFailed("role of a user cannot be null.", [
        { path: "role", message: "choose admin, contributor or reviewer" },
      ]);
    }
    return wanted ?? current ?? standardRole;
  }
  if (wanted !== undefined && wanted !== null) {
    throw validationFailed("A reader has no role.", [
      { path: "role", message: "leave it out, or set type to user" },
    ]);
  }
  return null;
}

/** Who sets type, role or status decides what a member made by signing in is; by whom it is known stays. */
function markAfter(before: Member, attributes: ScimAttributes, role: Role | null): SignInMark | undefined {
  const decided =
    typeOf(attributes) !== typeOf(before.attributes) ||
    statusOf({ ...before, attributes }) !== statusOf(before) ||
    role !== before.role;
  return before.signIn && decided ? { ...before.signIn, typeIsOpen: false } : before.signIn;
}

/** Attributes with what was given set, each as SCIM would have it; null or "" takes it away. */
export function withFields(attributes: ScimAttributes, fields: MemberPatch): ScimAttributes {
  const { userName, displayName, name, email, type, status } = fields;
  let next = attributes;
  if (userName !== undefined) {
    next = { ...next, userName };
  }
  if (displayName !== undefined) {
    next = assigned(next, "displayName", displayName || undefined);
  }
  if (name !== undefined) {
    next = assigned(next, "name", presentParts(name));
  }
  if (email !== undefined && email !== (emailOf(attributes) ?? null)) {
    next = assigned(next, "emails", withEmail(next, email || null));
  }
  if (type !== undefined) {
    next = withType(next, type);
  }
  return status === undefined ? next : withActive(next, status === "active");
}

function assigned(attributes: ScimAttributes, name: string, value: JsonValue | undefined): ScimAttributes {
  const { [name]: _, ...rest } = attributes;
  return value === undefined ? rest : { ...rest, [name]: value };
}

function presentParts(name: NameWish | null): JsonValue | undefined {
  const parts = Object.entries(name ?? {}).flatMap(([part, value]) =>
    value ? [[part, value] as const] : [],
  );
  return parts.length > 0 ? Object.fromEntries(parts) : undefined;
}

/** The member's email replaced among its values: the new one becomes primary, further values stay. */
function withEmail(attributes: ScimAttributes, email: string | null): JsonValue | undefined {
  if (email === null) {
    return undefined;
  }
  const current = emailOf(attributes);
  const values = attributes["emails"];
  const others = (Array.isArray(values) ? (values as readonly JsonValue[]) : []).flatMap((value) => {
    const { primary: _, ...element } = value as { readonly [name: string]: JsonValue };
    return element["value"] === current || element["value"] === email ? [] : [element];
  });
  return [{ value: email, type: "work", primary: true }, ...others];
}

/** Names of the member's fields that differ, of those that SCIM owns. */
function changedFields(before: Member, attributes: ScimAttributes): readonly string[] {
  const after = { ...before, attributes };
  const differs = (read: (member: Member) => JsonValue | undefined) =>
    JSON.stringify(read(before)) !== JSON.stringify(read(after));
  return [
    ...(differs((member) => userNameOf(member.attributes)) ? ["userName"] : []),
    ...(differs((member) => emailOf(member.attributes)) ? ["email"] : []),
    ...(differs((member) => member.attributes["displayName"]) ? ["displayName"] : []),
    ...(differs((member) => member.attributes["name"]) ? ["name"] : []),
    ...(differs((member) => typeOf(member.attributes)) ? ["type"] : []),
    ...(differs((member) => statusOf(member)) ? ["status"] : []),
  ];
}

function noSuchMember(memberId: string) {
  return notFound(`Member ${memberId} does not exist in this project, or has been deleted.`);
}
