/**
 * Lists of members for the admin API. Three ways lead through them: the sorted names for a prefix, the roster of one
 * connection, or simply all rows in the order of their numbers. Each is walked in batches from a cursor until the page
 * is full or enough rows were passed over.
 */

import { foldCase } from "../scim/fold.ts";
import { connectionsIn } from "../table/connections.ts";
import {
  blockOf,
  memberSortKey,
  membersPartition,
  membersPerBlock,
  namePrefix,
  namesPartition,
} from "../table/keys.ts";
import { readMembers } from "../table/member-reads.ts";
import { parseClaim, parseMemberRow } from "../table/members.ts";
import { readRoster } from "../table/roster.ts";
import { numbersBelow, readSeatPools } from "../table/seat-pools.ts";
import type { Item } from "../table/store.ts";
import type { Context } from "./context.ts";
import { isConnectionId } from "./ids.ts";
import { isIndexable } from "./indexable.ts";
import { rowsPerAdminListMax } from "./limits.ts";
import {
  emailOf,
  type Member,
  type MemberStatus,
  type MemberType,
  statusOf,
  typeOf,
  userNameOf,
} from "./member.ts";
import { changing } from "./member-change.ts";
import type { MemberView } from "./members.ts";
import { openProject } from "./projects.ts";
import { validationFailed } from "./refusals.ts";

export interface MemberQuery {
  readonly type?: MemberType | undefined;
  /** Without it, all but the deleted. */
  readonly status?: MemberStatus | undefined;
  readonly managed?: boolean | undefined;
  readonly connectionId?: string | undefined;
  /** Prefix of userName or email, in any case. */
  readonly q?: string | undefined;
  readonly limit: number;
  /** Where the page before ended. */
  readonly after?: string | undefined;
}

export interface MemberPage {
  readonly items: readonly MemberView[];
  /** Where to go on; undefined on the last page. */
  readonly after: string | undefined;
}

/** A member passed on the way, and the place right behind it. */
interface Step {
  readonly member: Member;
  readonly place: string;
}

/** The next members behind a place, in the walk's order; `end` when there are none behind these. */
interface Stretch {
  readonly steps: readonly Step[];
  /** Right behind everything looked at, members or not. */
  readonly place: string;
  readonly end: boolean;
}

type Walk = (after: string | undefined) => Promise<Stretch>;

/** Rows read at a time. */
const stretchLength = 250;

export async function listMembers(
  context: Context,
  projectId: string,
  query: MemberQuery,
): Promise<MemberPage> {
  const [, connections] = await Promise.all([
    openProject(context, projectId),
    connectionsIn(context.store, projectId),
  ]);
  const enabled = new Set(connections.filter(({ scimEnabled }) => scimEnabled).map(({ id }) => id));
  const walk = await walkFor(context, projectId, query);
  const found: { readonly view: MemberView; readonly place: string }[] = [];
  let after = query.after;
  for (let passed = 0; passed < rowsPerAdminListMax; passed += stretchLength) {
    const stretch = await walk(after);
    for (const { member, place } of stretch.steps) {
      const managedBy =
        member.connectionId !== undefined &&
        enabled.has(member.connectionId) &&
        member.deletedAt === undefined
          ? member.connectionId
          : undefined;
      const view = { member, managedBy };
      if (isWanted(view, query)) {
        found.push({ view, place });
      }
      // One more than asked for tells whether there is another page.
      if (found.length > query.limit) {
        return { items: views(found).slice(0, query.limit), after: found[query.limit - 1]!.place };
      }
    }
    if (stretch.end) {
      return { items: views(found), after: undefined };
    }
    after = stretch.place;
  }
  return { items: views(found), after };
}

function views(found: readonly { readonly view: MemberView }[]): readonly MemberView[] {
  return found.map(({ view }) => view);
}

function isWanted({ member, managedBy }: MemberView, query: MemberQuery): boolean {
  const status = statusOf(member);
  return (
    (query.status === undefined ? status !== "deleted" : status === query.status) &&
    (query.type === undefined || query.type === typeOf(member.attributes)) &&
    (query.managed === undefined || query.managed === (managedBy !== undefined)) &&
    (query.connectionId === undefined || query.connectionId === member.connectionId)
  );
}

async function walkFor(context: Context, projectId: string, query: MemberQuery): Promise<Walk> {
  const prefix = foldCase(query.q ?? "");
  if (!isIndexable(prefix) || (query.connectionId !== undefined && !isConnectionId(query.connectionId))) {
    return async () => ({ steps: [], place: "", end: true });
  }
  if (prefix !== "") {
    return byName(context, projectId, prefix);
  }
  if (query.connectionId !== undefined && query.status !== "deleted") {
    return byRoster(context, projectId, await readRoster(context.store, query.connectionId));
  }
  const pools = await changing(context, () => readSeatPools(context.store, projectId));
  return byNumber(context, projectId, blockOf(Math.max(0, numbersBelow(pools) - 1)));
}

/** All rows, block by block. A place is a number. */
function byNumber(context: Context, projectId: string, lastBlock: number): Walk {
  return async (after) => {
    const first = after === undefined ? 0 : Number(after) + 1;
    const block = blockOf(first);
    if (block > lastBlock) {
      return { steps: [], place: after ?? "0", end: true };
    }
    const items = await context.store.query({
      pk: membersPartition(projectId, block),
      from: memberSortKey(first),
      limit: stretchLength,
    });
    const full = items.length === stretchLength;
    const last = full ? Number(items.at(-1)!["sk"]) : (block + 1) * membersPerBlock - 1;
    return { steps: stepsOf(projectId, items), place: String(last), end: !full && block === lastBlock };
  };
}

function stepsOf(projectId: string, items: readonly Item[]): readonly Step[] {
  return items
    .map((item) => parseMemberRow(projectId, item))
    .flatMap((row) =>
      row.kind === "member" ? [{ member: row.member, place: String(row.member.number) }] : [],
    );
}

/** The users of one connection. A place is a number. */
function byRoster(context: Context, projectId: string, roster: Uint32Array): Walk {
  return async (after) => {
    const start = after === undefined ? 0 : roster.findIndex((number) => number > Number(after));
    const numbers = start < 0 ? [] : [...roster.subarray(start, start + stretchLength)];
    const members = await readMembers(context.store, projectId, numbers);
    return {
      steps: members.map((member) => ({ member, place: String(member.number) })),
      place: String(numbers.at(-1) ?? after ?? "0"),
      end: start < 0 || start + stretchLength >= roster.length,
    };
  };
}

/**
 * Those whose userName begins so, sorted by it, then those of whom only the email does. A place is the kind and the
 * sort key of a claim.
 */
function byName(context: Context, projectId: string, prefix: string): Walk {
  return async (after) => {
    const kind = after?.startsWith("email#") ? "email" : "userName";
    const start = after?.startsWith(`${kind}#`) ? after : undefined;
    const range = namePrefix(kind, prefix);
    if (start !== undefined && start !== "email#" && !start.startsWith(range)) {
      throw validationFailed("cursor belongs to another q.", [
        { path: "cursor", message: "send it with the q it was given for, or leave it out" },
      ]);
    }
    const items = await context.store.query({
      pk: namesPartition(projectId),
      // A sort key and one character more is the smallest key behind it.
      from: start === undefined || start === "email#" ? range : `${start}\u0000`,
      // Keys sort by their UTF-8 bytes: nothing comes after the last code point.
      to: `${range}\u{10ffff}`,
      limit: stretchLength,
    });
    const places = new Map<number, string>();
    for (const item of items) {
      const { holder, former } = parseClaim(item);
      for (const number of [holder, former]) {
        if (number !== undefined) {
          places.set(number, String(item["sk"]));
        }
      }
    }
    const numbers = [...places.keys()].sort((a, b) => a - b);
    const members = await readMembers(context.store, projectId, numbers);
    const steps = members
      .filter((member) => kind === "userName" || !foldCase(userNameOf(member.attributes)).startsWith(prefix))
      .filter((member) => nameOf(member, kind).startsWith(prefix))
      .map((member) => ({ member, place: places.get(member.number)! }))
      .sort((a, b) => (a.place < b.place ? -1 : a.place > b.place ? 1 : 0));
    const more = items.length === stretchLength;
    const place = more ? String(items.at(-1)!["sk"]) : "email#";
    return { steps, place, end: !more && kind === "email" };
  };
}

function nameOf(member: Member, kind: "userName" | "email"): string {
  return foldCase(kind === "userName" ? userNameOf(member.attributes) : (emailOf(member.attributes) ?? ""));
}
