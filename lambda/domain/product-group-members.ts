/**
 * Who is in a group, as the admin API sees it. Two sets make it: the connection's users, as its IdP put them in, and those
 * put in by hand, by the number they were first given. A group is edited by hand only while it is unmanaged.
 */

import { connectionsIn } from "../table/connections.ts";
import {
  handPlace,
  type MembersPlace,
  membersWrites,
  readGroupPages,
  readGroupSets,
} from "../table/group-members.ts";
import { noteHandMembership, noteMembership } from "../table/groups.ts";
import { readMembers, readMembersByHome } from "../table/member-reads.ts";
import { isNumberPlace, type MemberStep, walkNumbers } from "../table/member-walks.ts";
import {
  difference,
  hasNumber,
  type NumberPages,
  type NumberSet,
  noNumbers,
  numbersOn,
  slotOf,
  union,
  withNumbers,
} from "../table/numbers.ts";
import { overtaken } from "../table/retry.ts";
import { readDeparted } from "../table/roster.ts";
import type { Write } from "../table/store.ts";
import type { Connection } from "./connection.ts";
import { type Context, now } from "./context.ts";
import { placeOf } from "./group-changes.ts";
import { assertSettled } from "./groups.ts";
import { managerOf, managersAmong, owningConnection, stillUnmanaged } from "./management.ts";
import type { Member } from "./member.ts";
import { changing } from "./member-change.ts";
import { type MemberView, openMember } from "./members.ts";
import { openProductGroup } from "./product-groups.ts";
import { managedByIdp } from "./refusals.ts";
import { type Page, type PageWish, walkedPage } from "./walked-page.ts";

/** Inactive members are in it like any others, deleted ones are not. */
export async function listGroupMembers(
  context: Context,
  projectId: string,
  groupId: string,
  page: PageWish,
): Promise<Page<MemberView>> {
  const [sets, connections] = await Promise.all([
    changing(context, () => readSets(context, projectId, groupId)),
    connectionsIn(context.store, projectId),
  ]);
  const managedBy = managersAmong(connections);
  const walk = walkNumbers(numbersOn(union(sets.users, sets.hand)), (numbers) =>
    membersAt(context, projectId, sets, numbers),
  );
  return walkedPage({ walk, isPlace: isNumberPlace }, page, {
    look: ({ member }) => ({ member, managedBy: managedBy(member) }),
  });
}

interface Sets {
  readonly connectionId: string | undefined;
  /** By present number, without the departed. */
  readonly users: NumberPages;
  /** By first number, the deleted among them. */
  readonly hand: NumberPages;
}

async function readSets(context: Context, projectId: string, groupId: string): Promise<Sets> {
  const { store } = context;
  const group = await openProductGroup(context, projectId, groupId);
  const { connectionId } = group;
  const [{ users, hand }, departed] = await Promise.all([
    readGroupSets(store, { ...group, groupId }),
    connectionId === undefined ? noNumbers : readDeparted(store, connectionId),
  ]);
  await assertSettled(context, group);
  return { connectionId, users: difference(users, departed), hand };
}

/**
 * The members behind these numbers, each in the place of its number in the list: its present one if it is there as the
 * connection's user, so that nobody comes twice; else its first.
 */
async function membersAt(
  context: Context,
  projectId: string,
  { connectionId, users, hand }: Sets,
  numbers: NumberSet,
): Promise<readonly MemberStep[]> {
  const rows = await readMembers(context.store, projectId, numbers);
  const present = new Map(rows.map((member) => [member.number, member]));
  const moved = numbers.filter((number) => hasNumber(hand, number) && !present.has(number));
  const followed = await readMembersByHome(context.store, projectId, moved);
  const isUser = (member: Member) =>
    member.connectionId !== undefined &&
    member.connectionId === connectionId &&
    hasNumber(users, member.number);
  return [...numbers].flatMap((number) => {
    const member = present.get(number) ?? followed.get(number);
    const isHere =
      member !== undefined &&
      member.deletedAt === undefined &&
      (isUser(member) ? member.number === number : hasNumber(hand, number));
    return isHere ? [{ member, place: String(number) }] : [];
  });
}

/** Safe to repeat. 404 for a member that is not there, 409 `managed_by_idp` for a managed group. */
export async function putGroupMember(
  context: Context,
  projectId: string,
  groupId: string,
  memberId: string,
): Promise<void> {
  await editMembers(context, projectId, groupId, memberId, ({ standing, owner, member }) => {
    // A user of the group's own connection is what its IdP shall see once it has SCIM again.
    if (owner !== undefined && member.connectionId === owner.id) {
      return { ...standing, asUser: true };
    }
    return standing.asUser ? standing : { ...standing, byHand: true };
  });
}

/** Safe to repeat, as `putGroupMember` is. */
export async function removeGroupMember(
  context: Context,
  projectId: string,
  groupId: string,
  memberId: string,
): Promise<void> {
  await editMembers(context, projectId, groupId, memberId, () => ({ asUser: false, byHand: false }));
}

/** Which of a group's sets a member stands in. */
interface Standing {
  readonly asUser: boolean;
  readonly byHand: boolean;
}

interface EditGround {
  readonly standing: Standing;
  readonly member: Member;
  readonly owner: Connection | undefined;
}

async function editMembers(
  context: Context,
  projectId: string,
  groupId: string,
  memberId: string,
  edit: (ground: EditGround) => Standing,
): Promise<void> {
  await changing(context, async () => {
    const { store } = context;
    const [group, member] = await Promise.all([
      openProductGroup(context, projectId, groupId),
      openMember(context, projectId, memberId),
    ]);
    const [usersAt, handAt] = [placeOf(group), handPlace(projectId, groupId)];
    const [owner, users, hand] = await Promise.all([
      owningConnection(context, group),
      pageAround(context, usersAt, member.number),
      pageAround(context, handAt, member.homeNumber),
    ]);
    const managedBy = managerOf(group, owner);
    if (managedBy !== undefined) {
      throw managedByIdp(managedBy, "group", "its members cannot be changed");
    }
    const linked = group.connectionId !== undefined && member.connectionId === group.connectionId;
    const standing: Standing = {
      // The number of whoever left the connection may stand there still; it means nothing.
      asUser: linked && hasNumber(users, member.number),
      byHand: hasNumber(hand, member.homeNumber),
    };
    const next = edit({ standing, member, owner });
    const userPage = bitWrites(usersAt, users, member.number, standing.asUser, next.asUser);
    const handPage = bitWrites(handAt, hand, member.homeNumber, standing.byHand, next.byHand);
    const pages = [...userPage, ...handPage];
    if (pages.length === 0) {
      return assertSettled(context, group);
    }
    const at = now(context);
    const wide = pages.length > 1;
    const note =
      userPage.length > 0
        ? noteMembership(group, { at, growth: next.asUser ? 1 : -1, wide }, context.actor)
        : noteHandMembership(group, at, context.actor);
    const outcome = await store.transact([note, ...pages, ...stillUnmanaged(group, owner)]);
    if (outcome === "overtaken") {
      overtaken();
    }
  });
}

/** The page of a set that a number has its bit on. */
async function pageAround({ store }: Context, place: MembersPlace, number: number): Promise<NumberPages> {
  const pages = await readGroupPages(store, place, new Set([slotOf(number).page]));
  return pages.of(place.generation);
}

/** The write, if any, that makes `was` of a number in a set to `is`. */
function bitWrites(
  place: MembersPlace,
  set: NumberPages,
  number: number,
  was: boolean,
  is: boolean,
): readonly Write[] {
  return was === is
    ? []
    : membersWrites(place, set, withNumbers(set, is ? [number] : [], is ? [] : [number]));
}
