/**
 * How many members of each type a group has, inactive ones included, deleted ones not. The type is not read member by
 * member but told by the rosters, in which everybody who is live stands among the users or the readers.
 */

import { connectionIdsEver } from "../table/connections.ts";
import { type GroupSets, readGroupSets } from "../table/group-members.ts";
import { readGroupRow } from "../table/groups.ts";
import { readMembersByHome } from "../table/member-reads.ts";
import {
  countOf,
  difference,
  intersection,
  type NumberPages,
  numbersOn,
  pagesOf,
  union,
} from "../table/numbers.ts";
import { overtaken } from "../table/retry.ts";
import { everybodyIn, type Roster, readProductRoster, readRosterByType } from "../table/roster.ts";
import type { Context } from "./context.ts";
import type { Group } from "./group.ts";
import { isSameSet } from "./groups.ts";
import { type MemberType, typeOf } from "./member.ts";
import { changing } from "./member-change.ts";

export interface GroupCounts {
  readonly users: number;
  readonly readers: number;
}

export interface CountedGroup {
  readonly group: Group;
  readonly counts: GroupCounts;
}

/** The rosters of a project, each read when it is first needed, and once. */
export interface Rosters {
  ofConnection(connectionId: string): Promise<Roster>;
  /** Every live member of the project. */
  ofProject(): Promise<Roster>;
}

export function rostersOf({ store }: Context, projectId: string): Rosters {
  const connections = new Map<string, Promise<Roster>>();
  let project: Promise<Roster> | undefined;
  const ofConnection = (connectionId: string) => {
    const roster = connections.get(connectionId) ?? readRosterByType(store, connectionId);
    connections.set(connectionId, roster);
    return roster;
  };
  const read = async (): Promise<Roster> => {
    const ids = await connectionIdsEver(store, projectId);
    const rosters = await Promise.all([readProductRoster(store, projectId), ...ids.map(ofConnection)]);
    return {
      user: rosters.map(({ user }) => user).reduce(union),
      reader: rosters.map(({ reader }) => reader).reduce(union),
    };
  };
  return {
    ofConnection,
    ofProject() {
      project ??= read();
      return project;
    },
  };
}

/** The group as it is by now, and its members as they stood together. Undefined when it has gone. */
export async function countMembers(
  context: Context,
  rosters: Rosters,
  read: Group,
): Promise<CountedGroup | undefined> {
  let group = read;
  return changing(context, async () => {
    const { store } = context;
    const sets = await readGroupSets(store, { ...group, groupId: group.id });
    const counts = await countsIn(context, rosters, group, sets);
    const again = await readGroupRow(store, group.projectId, group.id);
    if (again === undefined) {
      return undefined;
    }
    if (!isSameSet(again, group)) {
      group = again;
      overtaken();
    }
    return { group, counts };
  });
}

async function countsIn(
  context: Context,
  rosters: Rosters,
  { projectId, connectionId }: Group,
  { users, hand }: GroupSets,
): Promise<GroupCounts> {
  const own =
    connectionId === undefined || users.size === 0
      ? []
      : [among(users, await rosters.ofConnection(connectionId))];
  const byHand =
    hand.size === 0 ? [] : await typesByHand(context, projectId, hand, await rosters.ofProject());
  const all = [...own, ...byHand];
  const user = all.map((roster) => roster.user).reduce(union, new Map());
  const reader = all.map((roster) => roster.reader).reduce(union, new Map());
  // Who is converted between two reads may be seen as both.
  return { users: countOf(user), readers: countOf(difference(reader, user)) };
}

function among(numbers: NumberPages, { user, reader }: Roster): Roster {
  return { user: intersection(numbers, user), reader: intersection(numbers, reader) };
}

/** First numbers that stand in no roster are those of members who moved on, or are deleted: each is looked up. */
async function typesByHand(
  context: Context,
  projectId: string,
  hand: NumberPages,
  roster: Roster,
): Promise<readonly Roster[]> {
  const elsewhere = numbersOn(difference(hand, everybodyIn(roster)));
  const followed = await readMembersByHome(context.store, projectId, elsewhere);
  const live = [...followed.values()].filter(({ deletedAt }) => deletedAt === undefined);
  const ofType = (type: MemberType) =>
    pagesOf(live.filter(({ attributes }) => typeOf(attributes) === type).map(({ number }) => number));
  return [among(hand, roster), { user: ofType("user"), reader: ofType("reader") }];
}
