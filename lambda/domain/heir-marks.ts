/**
 * What is decided before a connection has its first child may be written after that, and then tells nobody of it. So before
 * anything is copied to a first child, all that such a change can be written by is marked: the rows of users, so that who
 * has read one before starts over; and the pages of the roster, so that nobody arrives on one unless by a change that
 * knows of the child. What is written from then on is carried to children; what was written until then is there to be copied.
 */

import { noteMarked } from "../table/connections.ts";
import { markRosterPage } from "../table/heir-marks.ts";
import { readMemberRow, readMemberRows } from "../table/member-reads.ts";
import { markMember } from "../table/members.ts";
import { copiedNumbersOf, pagesFor } from "../table/number-ranges.ts";
import { numbersOn, union } from "../table/numbers.ts";
import { overtaken } from "../table/retry.ts";
import { everybodyIn, readDeparted, readRosterByType } from "../table/roster.ts";
import { numbersBelow, readSeatPools } from "../table/seat-pools.ts";
import { type Connection, projectIdOf } from "./connection.ts";
import type { Context } from "./context.ts";
import { copiesAtOnceMax, membersMarkedMax } from "./limits.ts";
import type { Member } from "./member.ts";
import { changing } from "./member-change.ts";
import { sideBySide } from "./side-by-side.ts";

/** What a row that is written says of children; overtaken where it has been told of some that the connection, read earlier, had not. */
export function tellingHeirs(
  connection: Connection,
  before: Member | undefined,
): Pick<Member, "hasHeirs" | "heirsSince"> {
  if (before?.heirsSince !== undefined && before.heirsSince > connection.revision) {
    return overtaken();
  }
  return connection.childCount > 0
    ? { hasHeirs: true, heirsSince: connection.heirsSince }
    : { hasHeirs: false, heirsSince: undefined };
}

export function isMarked({ heirsSince, markedSince }: Connection): boolean {
  return markedSince === heirsSince;
}

/** One step: from behind `place`, a number; all anew without. What to go on from, or undefined when all is marked. */
export async function markStep(
  context: Context,
  parent: Connection,
  place: string | undefined,
): Promise<string | undefined> {
  const { store } = context;
  if (place === undefined) {
    await markRoster(context, parent);
  }
  const [roster, departed] = await Promise.all([
    readRosterByType(store, parent.id),
    readDeparted(store, parent.id),
  ]);
  const from = Number(place ?? -1);
  // Those deleted in the product come back by a change of their row.
  const behind = numbersOn(union(everybodyIn(roster), departed)).filter((number) => number > from);
  const slice = behind.subarray(0, membersMarkedMax);
  const rows = await readMemberRows(store, projectIdOf(parent), [...slice]);
  await sideBySide([...slice], copiesAtOnceMax, async (number) => {
    const row = rows.get(number);
    if (row?.kind === "member") {
      await mark(context, parent, row.member);
    }
  });
  if (slice.length < behind.length) {
    return String(slice.at(-1));
  }
  await noteMarked(store, parent);
  return undefined;
}

async function markRoster({ store }: Context, parent: Connection): Promise<void> {
  const projectId = projectIdOf(parent);
  const [pools, copied] = await Promise.all([
    readSeatPools(store, projectId),
    copiedNumbersOf(store, projectId),
  ]);
  const own = { from: 0, below: Math.max(1, numbersBelow(pools)) };
  const pages = [own, ...copied].flatMap(pagesFor);
  await sideBySide(pages, copiesAtOnceMax, (page) => markRosterPage(store, parent, page));
}

async function mark(context: Context, parent: Connection, seen: Member): Promise<void> {
  const { store } = context;
  const { projectId, number } = seen;
  const isDue = ({ connectionId, heirsSince }: Member) =>
    connectionId === parent.id && heirsSince !== parent.heirsSince;
  let isRead = true;
  await changing(context, async () => {
    const row = isRead ? undefined : await readMemberRow(store, projectId, number);
    isRead = false;
    const member = row === undefined ? seen : row.kind === "member" ? row.member : undefined;
    if (member !== undefined && isDue(member) && !(await markMember(store, member, parent.heirsSince))) {
      overtaken();
    }
  });
}
