/**
 * Lists of resources: of one type, or of all of them at the server's root (RFC 7644 §3.4.2, §3.4.2.1), by index or by
 * cursor (RFC 9865). What a list holds, and how it is read, is each `ResourceCollection`'s business; filter, order, page,
 * size and cursor are done here, once for all of them.
 */

import { type Filter, parseFilter } from "../scim/filter.ts";
import { type CheckedFilter, checkFilter, looksAt, matches } from "../scim/match.ts";
import { narrowFilter } from "../scim/narrow-filter.ts";
import { type Projection, project } from "../scim/projection.ts";
import { type ListQuery, queryIdentity } from "../scim/query.ts";
import type { ScimResource } from "../scim/resource.ts";
import type { ResourceType } from "../scim/schema.ts";
import { compareBy, ordersBy } from "../scim/sort.ts";
import type { Key } from "../table/keys.ts";
import { bytesInAnswer, fitting } from "./answer-size.ts";
import { attempt, unwrapped } from "./attempt.ts";
import type { Context } from "./context.ts";
import { listBytesMax } from "./limits.ts";
import { openCursor, sealCursor } from "./list-cursor.ts";
import { type Caller, credentialOf, type OpenedConnection, openConnection } from "./provider-access.ts";

/** One resource of a list, before what is expensive (a group's members, a user's groups) has been read. */
export interface Listed {
  /** Sorts by code units in the natural order of its collection, oldest first; stays with the resource. Opaque outside. */
  readonly position: string;
  /** Complete enough to be filtered and ordered. */
  readonly resource: ScimResource;
}

/** Resources in order, of which only stretches are read. */
export interface Sequence<Row> {
  readonly length: number;
  /** The position at an index below `length`. */
  positionAt(index: number): string;
  /** How many there are up to and with that position; what stood there may be gone. */
  countThrough(position: string): number;
  /** Those from an index on, `count` at most; fewer too where some have just been deleted. */
  read(start: number, count: number): Promise<readonly Row[]>;
}

/**
 * The resources of one type that a connection has. Made for one request. `opened` is the caller being let in, at the same
 * time: a first read, small whoever asks, may start beside it; everything else waits for it.
 */
export interface ResourceCollection<Row extends Listed = Listed> {
  readonly type: ResourceType;
  /** Keys that `candidates` wants read along with the connection, so that a look-up by key needs no trip of its own. */
  keysFor(filter: CheckedFilter): readonly Key[];
  /**
   * Whatever the filter can match and perhaps more, oldest first: by key where the filter names one, else by reading
   * all, a part at a time, since most is let go again. 400 `tooMany` beyond the limits for that.
   */
  candidates(sought: Sought, opened: Promise<OpenedConnection>): AsyncIterable<Row>;
  /** All of them, oldest first. */
  all(opened: Promise<OpenedConnection>): Promise<Sequence<Row>>;
  /**
   * The rows of a page as resources, one for each and in that order, with everything the projection can show; undefined
   * for one that has gone by now. Nobody asks for more once the page is full, so what is expensive is best read a few at a
   * time.
   */
  complete(page: readonly Row[], projection: Projection): AsyncIterable<ScimResource | undefined>;
}

/** What a list looks at in every resource. */
export interface Sought {
  readonly filter: CheckedFilter | undefined;
  /** Whether the filter, or the order, looks at a base attribute such as "members": then every candidate needs it. */
  looksAt(attributeName: string): boolean;
  /** Whether the order does. */
  ordersBy(attributeName: string): boolean;
}

export interface ResourcePage {
  /** Matches on all pages. */
  readonly totalResults: number;
  /** As the projection shows them. */
  readonly resources: readonly ScimResource[];
  /** Absent on the last page, and on pages by index. */
  readonly nextCursor?: string;
}

/**
 * A page of what the collections hold together: one collection after the other, each oldest first, unless ordered.
 * `query` is a thunk because whoever may not come in hears of nothing else.
 */
export async function listResources(
  context: Context,
  caller: Caller,
  collections: readonly ResourceCollection[],
  query: () => ListQuery,
): Promise<ResourcePage> {
  credentialOf(caller);
  const attempted = attempt(() => planOf(collections, query()));
  if (!attempted.ok) {
    await openConnection(context, caller);
  }
  const plan = unwrapped(attempted);
  const admission = admit(context, caller, plan);
  // Both at once: the first read of a list is made beside the one that lets the caller in.
  const [{ connection, place }, listing] = await Promise.all([admission, listingOf(plan, admission)]);
  const { startIndex, count, cursor } = plan.query;
  const start = place !== undefined ? listing.indexAfter(place) : cursor !== undefined ? 0 : startIndex - 1;
  const { resources, end } = await pageFrom(listing, start, count, plan.query.projection);
  const more =
    cursor !== undefined && count > 0 && end !== undefined && listing.indexAfter(end) < listing.length;
  return {
    totalResults: listing.length,
    resources,
    ...(more && {
      nextCursor: sealCursor(connection.cursorSecret, plan.scope, { place: end, count }, context.clock()),
    }),
  };
}

/** What there is to list of one collection: nothing is left out of a plan but what cannot match. */
interface Part {
  readonly collection: ResourceCollection;
  /** What remains of the filter for this type; undefined: all of the collection. */
  readonly filter: CheckedFilter | undefined;
}

interface Plan {
  readonly query: ListQuery;
  readonly parts: readonly Part[];
  readonly order: ((a: ScimResource, b: ScimResource) => number) | undefined;
  /** What a cursor is for, beside the connection: it is good for nothing else. */
  readonly scope: readonly string[];
}

function planOf(collections: readonly ResourceCollection[], query: ListQuery): Plan {
  const { sortBy, sortOrder } = query;
  const types = collections.map(({ type }) => type);
  const filter = query.filter === undefined ? undefined : parseFilter(query.filter);
  return {
    query,
    parts: collections.flatMap((collection) => partOf(collection, filter)),
    order: sortBy === undefined ? undefined : compareBy(types, sortBy, sortOrder),
    scope: [...types.map(({ name }) => name), queryIdentity(query)],
  };
}

function partOf(collection: ResourceCollection, filter: Filter | undefined): readonly Part[] {
  const remaining =
    filter === undefined || narrowFilter(collection.type, checkFilter(collection.type, filter));
  return remaining === false ? [] : [{ collection, filter: remaining === true ? undefined : remaining }];
}

interface Admission extends OpenedConnection {
  /** Where the page begins; undefined: at the beginning, or by index. */
  readonly place: string | undefined;
}

/** Lets the caller in, and his cursor, before anything costly is read for either. */
async function admit(context: Context, caller: Caller, { query, parts, scope }: Plan): Promise<Admission> {
  const keys = parts.flatMap(({ collection, filter }) => (filter ? collection.keysFor(filter) : []));
  const opened = await openConnection(context, caller, keys);
  const { cursor, count } = query;
  const place = cursor
    ? openCursor(opened.connection.cursorSecret, scope, cursor, count, context.clock())
    : undefined;
  return { ...opened, place };
}

/** A resource in its place of the whole list. */
interface Placed {
  readonly collection: ResourceCollection;
  readonly row: Listed;
  /** Where the list goes on behind it. */
  readonly place: string;
}

interface Listing {
  readonly length: number;
  /** How many come up to and with that place. */
  indexAfter(place: string): number;
  placeAt(index: number): string;
  read(start: number, count: number): Promise<readonly Placed[]>;
}

async function listingOf(plan: Plan, opened: Promise<OpenedConnection>): Promise<Listing> {
  const { parts, order, query } = plan;
  if (order) {
    const found = await Promise.all(parts.map((part) => matchesIn(part, query, opened)));
    return inOrder(found.flat().sort((a, b) => order(a.row.resource, b.row.resource)));
  }
  return oneAfterTheOther(
    await Promise.all(
      parts.map(async (part) => ({
        collection: part.collection,
        sequence:
          part.filter === undefined
            ? await part.collection.all(opened)
            : sequenceOf((await matchesIn(part, query, opened)).map(({ row }) => row)),
      })),
    ),
  );
}

interface Found {
  readonly collection: ResourceCollection;
  readonly row: Listed;
}

async function matchesIn(
  { collection, filter }: Part,
  { sortBy }: ListQuery,
  opened: Promise<OpenedConnection>,
): Promise<readonly Found[]> {
  const orders = (name: string) => sortBy !== undefined && ordersBy(collection.type, sortBy, name);
  const sought: Sought = {
    filter,
    looksAt: (name) => (filter !== undefined && looksAt(filter, name)) || orders(name),
    ordersBy: orders,
  };
  const found: Found[] = [];
  for await (const row of collection.candidates(sought, opened)) {
    if (filter === undefined || matches(filter, row.resource)) {
      found.push({ collection, row });
    }
  }
  return found;
}

/** Places are counts: whoever comes or goes between two pages moves the others. */
function inOrder(found: readonly Found[]): Listing {
  const placed = found.map((one, index) => ({ ...one, place: String(index + 1) }));
  return {
    length: placed.length,
    indexAfter: Number,
    placeAt: (index) => placed[index]!.place,
    read: async (start, count) => placed.slice(start, start + count),
  };
}

interface Stretch {
  readonly collection: ResourceCollection;
  readonly sequence: Sequence<Listed>;
}

/** Places are positions, which stay whoever else comes or goes: nobody is shown twice or skipped. */
function oneAfterTheOther(stretches: readonly Stretch[]): Listing {
  const offsets = stretches.map((_, index) =>
    stretches.slice(0, index).reduce((sum, { sequence }) => sum + sequence.length, 0),
  );
  const placeOf = ({ collection }: Stretch, position: string) => `${collection.type.name} ${position}`;
  return {
    length: stretches.reduce((sum, { sequence }) => sum + sequence.length, 0),
    indexAfter(place) {
      const [name, position = ""] = place.split(" ");
      const at = stretches.findIndex(({ collection }) => collection.type.name === name);
      return offsets[at]! + stretches[at]!.sequence.countThrough(position);
    },
    placeAt(index) {
      const at = offsets.findLastIndex((offset) => offset <= index);
      return placeOf(stretches[at]!, stretches[at]!.sequence.positionAt(index - offsets[at]!));
    },
    async read(start, count) {
      const stretchesRead = await Promise.all(
        stretches.map(async (stretch, at) => {
          const from = Math.max(0, start - offsets[at]!);
          const to = Math.min(stretch.sequence.length, start + count - offsets[at]!);
          const rows = from < to ? await stretch.sequence.read(from, to - from) : [];
          const { collection } = stretch;
          return rows.map((row) => ({ collection, row, place: placeOf(stretch, row.position) }));
        }),
      );
      return stretchesRead.flat();
    },
  };
}

/** Rows in memory, in the order of their positions. */
export function sequenceOf<Row extends Listed>(rows: readonly Row[]): Sequence<Row> {
  return {
    length: rows.length,
    positionAt: (index) => rows[index]!.position,
    countThrough(position) {
      const next = rows.findIndex((row) => row.position > position);
      return next < 0 ? rows.length : next;
    },
    read: async (start, count) => rows.slice(start, start + count),
  };
}

/** Rows read at a time, so that large ones are never all in memory at once. */
const sliceLength = 100;

interface Page {
  readonly resources: readonly ScimResource[];
  /** The place of the last one; undefined when there is none. */
  readonly end: string | undefined;
}

/**
 * As many resources as were asked for, or as one answer can carry (`listBytesMax`); `itemsPerPage` tells the client where
 * to go on. One always comes, unless it fills an answer by itself.
 */
async function pageFrom(
  listing: Listing,
  start: number,
  count: number,
  projection: Projection,
): Promise<Page> {
  const last = Math.min(start + count, listing.length);
  const resources: ScimResource[] = [];
  let bytes = 0;
  let end: string | undefined;
  for (let from = start; from < last; from += sliceLength) {
    const slice = await listing.read(from, Math.min(sliceLength, last - from));
    const completed = completing(slice, projection);
    for (const { collection, place } of slice) {
      const resource = await completed(collection);
      if (resource === undefined) {
        continue;
      }
      bytes += bytesInAnswer(resource);
      if (resources.length > 0 && bytes > listBytesMax) {
        return { resources, end };
      }
      const shown = project(collection.type, resource, projection);
      resources.push(resources.length > 0 ? shown : fitting(shown));
      end = place;
    }
  }
  // Of those just deleted there is none to show, yet the list goes on behind them.
  return { resources, end: start < last ? listing.placeAt(last - 1) : undefined };
}

/** Completes the rows of each collection together, and hands them out in the order of the slice. */
function completing(slice: readonly Placed[], projection: Projection) {
  const streams = new Map(
    [...new Set(slice.map(({ collection }) => collection))].map((collection) => {
      const rows = slice.filter((placed) => placed.collection === collection).map(({ row }) => row);
      return [collection, collection.complete(rows, projection)[Symbol.asyncIterator]()] as const;
    }),
  );
  return async (collection: ResourceCollection): Promise<ScimResource | undefined> => {
    const { value, done } = await streams.get(collection)!.next();
    if (done) {
      throw new Error(`fewer ${collection.type.name} resources than rows were completed`);
    }
    return value;
  };
}
