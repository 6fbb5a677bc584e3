/**
 * Looking at a table that changes meanwhile. A check is a pure function of what it sees; what it asks for and has not been
 * read yet is read, for many checks at a time, and the check is asked again.
 *
 * Items read one after the other may never have stood so together, and what the stream derives trails by a second. So what
 * a check finds is looked at again before it is believed (`confirmed`): again and again, until it is gone, or until it has stayed
 * the same in several looks in a row, during which what the check is about has not been changed by anybody. All that must
 * agree with a row changes together with it: while the row stands still, so does the rest.
 */

import type { Key } from "../table/keys.ts";
import type { Item, RangeQuery } from "../table/store.ts";
import type { Finding } from "./compare-finding.ts";
import { sameFinding } from "./compare-finding.ts";
import type { Context } from "./context.ts";
import { looksAlikeMin, looksAlikeTrailingMin, looksMax } from "./limits.ts";

/** What a check may look at. */
export interface Sight {
  item(key: Key): Item | undefined;
  /** An item that the check is about: what is found counts only while this stays as it is. */
  subject(key: Key): Item | undefined;
  range(range: RangeQuery): readonly Item[];
}

export interface Check {
  /** Whether it is about what the stream carries, and so may be behind. */
  readonly trailing: boolean;
  readonly look: (sight: Sight) => readonly Finding[];
  /** Of what the check is, should it turn out not to be readable. */
  readonly about: Pick<Finding, "projectId" | "connectionId" | "resourceId">;
}

/** What has been read so far. A key that was read and is not there has its place, too. */
export interface Seen {
  readonly items: Map<string, Item | undefined>;
  readonly ranges: Map<string, readonly Item[]>;
}

export function nothingSeen(): Seen {
  return { items: new Map(), ranges: new Map() };
}

/** Items that were met on the way, so that they need not be read again; of `keys`, those that are not among them are not there. */
export function seenItems(items: readonly Item[], keys: readonly Key[] = []): Seen {
  const seen = nothingSeen();
  for (const key of keys) {
    seen.items.set(identity(key), undefined);
  }
  for (const item of items) {
    seen.items.set(identity({ pk: String(item["pk"]), sk: String(item["sk"]) }), item);
  }
  return seen;
}

/** What the checks find and go on finding. `seen`: of the first look alone. */
export async function examine(
  context: Context,
  checks: readonly Check[],
  seen: Seen = nothingSeen(),
): Promise<readonly Finding[]> {
  const looks = await lookAt(context, checks, seen);
  const suspects = looks.filter(({ findings }) => findings.length > 0);
  return suspects.length === 0 ? [] : confirmed(context, suspects);
}

interface Look {
  readonly check: Check;
  readonly findings: readonly Finding[];
  /** What the check is about, as it was seen. */
  readonly subjects: string;
}

async function confirmed(
  { backoff, ...context }: Context,
  first: readonly Look[],
): Promise<readonly Finding[]> {
  const found: Finding[] = [];
  let open = first.map((look) => ({ ...look, alike: 1 }));
  for (let looks = 1; looks < looksMax && open.length > 0; looks++) {
    await backoff(longestWaits);
    const again = await lookAt(
      { ...context, backoff },
      open.map(({ check }) => check),
      nothingSeen(),
    );
    open = open.flatMap((before, index) => {
      const look = again[index]!;
      if (look.subjects !== before.subjects) {
        return look.findings.length > 0 ? [{ ...look, alike: 1 }] : [];
      }
      const findings = before.findings.filter((one) => look.findings.some((two) => sameFinding(one, two)));
      const alike = before.alike + 1;
      if (alike < (look.check.trailing ? looksAlikeTrailingMin : looksAlikeMin)) {
        return findings.length > 0 ? [{ ...before, findings, alike }] : [];
      }
      found.push(...findings);
      return [];
    });
  }
  return found;
}

/** Up to 400 ms each, 200 on average (`retry.ts`). */
const longestWaits = 20;

/** Every check once, on what is read for all of them. */
async function lookAt({ store }: Context, checks: readonly Check[], seen: Seen): Promise<readonly Look[]> {
  const looks = new Map<Check, Look>();
  while (looks.size < checks.length) {
    const wanted: Wanted = { keys: new Map(), ranges: new Map() };
    for (const check of checks) {
      const look = looks.has(check) ? undefined : tryLook(check, seen, wanted);
      if (look !== undefined) {
        looks.set(check, look);
      }
    }
    await fetch(store, wanted, seen);
  }
  return checks.map((check) => looks.get(check)!);
}

interface Wanted {
  readonly keys: Map<string, Key>;
  readonly ranges: Map<string, RangeQuery>;
}

/** Undefined where it asked for something that has not been read. */
function tryLook(check: Check, seen: Seen, wanted: Wanted): Look | undefined {
  const subjects: unknown[] = [];
  let isWhole = true;
  const item = (key: Key): Item | undefined => {
    const id = identity(key);
    if (!seen.items.has(id)) {
      isWhole = false;
      wanted.keys.set(id, key);
    }
    return seen.items.get(id);
  };
  const sight: Sight = {
    item,
    subject(key) {
      const there = item(key);
      subjects.push(there ?? null);
      return there;
    },
    range(range) {
      const id = JSON.stringify(range);
      const items = seen.ranges.get(id);
      if (items === undefined) {
        isWhole = false;
        wanted.ranges.set(id, range);
      }
      return items ?? [];
    },
  };
  let findings: readonly Finding[];
  try {
    findings = check.look(sight);
  } catch {
    const what = "an item of it does not hold what it should, so that nothing can be said of it";
    findings = [{ kind: "unreadable", ...check.about, what }];
  }
  return isWhole
    ? { check, findings, subjects: findings.length === 0 ? "" : JSON.stringify(subjects, plain) }
    : undefined;
}

/** The same for equal items, whose attributes come in no order; chunks of sets are bigints, and ids of groups lie in sets. */
function plain(_: string, value: unknown): unknown {
  if (typeof value === "bigint") {
    return String(value);
  }
  if (value instanceof Set) {
    return [...value].sort();
  }
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value;
}

async function fetch(store: Context["store"], { keys, ranges }: Wanted, seen: Seen): Promise<void> {
  const [items] = await Promise.all([
    keys.size > 0 ? store.read([...keys.values()]) : undefined,
    Promise.all(
      [...ranges].map(async ([id, range]) => {
        seen.ranges.set(id, await store.query(range));
      }),
    ),
  ]);
  for (const [id, key] of keys) {
    seen.items.set(id, items!.get(key));
  }
}

/** `pk` holds no line feed: it is made of our own ids alone. */
function identity({ pk, sk }: Key): string {
  return `${pk}\n${sk}`;
}
