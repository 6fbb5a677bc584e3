/** Pages of any collections, under any comings and goings: over collections in memory. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Context } from "../../lambda/domain/context.ts";
import { listBytesMax } from "../../lambda/domain/limits.ts";
import {
  type Listed,
  listResources,
  type ResourceCollection,
  type ResourcePage,
  sequenceOf,
} from "../../lambda/domain/resource-list.ts";
import { readListQuery } from "../../lambda/scim/query.ts";
import { buildResource, type ScimAttributes } from "../../lambda/scim/resource.ts";
import { groupType, userType } from "../../lambda/scim/resource-types.ts";
import type { ResourceType } from "../../lambda/scim/schema.ts";
import { authorization, connectionId, connectionItem, now } from "../handlers/stored.ts";
import { expectError } from "../scim/fixture.ts";

const caller = { connectionId, authorization: authorization.Authorization };

/** A table that holds the connection alone. */
const context = {
  store: { read: async () => ({ get: () => connectionItem }) },
  clock: () => now,
} as unknown as Context; // all of it that a list needs

interface Kept {
  readonly type: ResourceType;
  readonly attributes: ReadonlyMap<number, ScimAttributes>;
  /** Counted when the list begins, gone when its row is read. */
  readonly vanishing?: ReadonlySet<number>;
  readonly reads?: string[];
}

function collectionOf({ type, attributes, vanishing, reads }: Kept): ResourceCollection {
  const rows = (): Listed[] =>
    [...attributes]
      .sort(([a], [b]) => a - b)
      .map(([number, of]) => ({
        position: String(number).padStart(4, "0"),
        resource: buildResource(type, of, {
          id: `${type.name}-${number}`,
          created: "2026-01-01T00:00:00.000Z",
          lastModified: "2026-01-01T00:00:00.000Z",
          location: `https://example.com${type.endpoint}/${number}`,
          version: 'W/"1"',
        }),
      }));
  const note = (what: string) => reads?.push(`${type.name} ${what}`);
  return {
    type,
    keysFor: () => [],
    async *candidates(_, opened) {
      await opened;
      note("candidates");
      yield* rows();
    },
    async all(opened) {
      await opened;
      note("all");
      const sequence = sequenceOf(rows());
      return {
        ...sequence,
        read: async (start, count) => {
          const read = await sequence.read(start, count);
          return read.filter(({ position }) => !vanishing?.has(Number(position)));
        },
      };
    },
    async *complete(page) {
      note(`complete ${page.length}`);
      yield* page.map(({ resource }) => resource);
    },
  };
}

const titled = (numbers: Iterable<number>): ReadonlyMap<number, ScimAttributes> =>
  new Map([...numbers].map((number) => [number, { displayName: `n${number % 3}` }]));

function list(kept: readonly Kept[], query: string): Promise<ResourcePage> {
  return listResources(context, caller, kept.map(collectionOf), () =>
    readListQuery(new URLSearchParams(query)),
  );
}

const idsOf = ({ resources }: ResourcePage) => resources.map(({ id }) => id);

const numbers = fc.uniqueArray(fc.nat(60), { maxLength: 30 });
const queries = fc.constantFrom("", "&filter=displayName%20ne%20%22n1%22");

describe("a list", () => {
  it("by index is a stretch of all collections, one after the other", async () => {
    await fc.assert(
      fc.asyncProperty(
        numbers,
        numbers,
        fc.nat(65),
        fc.nat(12),
        queries,
        async (users, groups, startIndex, count, query) => {
          const kept = [
            { type: userType, attributes: titled(users) },
            { type: groupType, attributes: titled(groups) },
          ];
          const all = idsOf(await list(kept, `count=500${query}`));
          const page = await list(kept, `startIndex=${startIndex}&count=${count}${query}`);
          expect(page.totalResults).toBe(all.length);
          const from = Math.max(0, startIndex - 1);
          expect(idsOf(page)).toEqual(all.slice(from, from + count));
          expect(page).not.toHaveProperty("nextCursor");
        },
      ),
    );
  });

  it("by cursor meets everyone who stays just once, whoever comes, goes, or vanishes meanwhile", async () => {
    const changes = fc.array(fc.record({ gone: numbers, come: numbers, vanishing: numbers }), {
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(
        numbers,
        numbers,
        fc.integer({ min: 1, max: 7 }),
        queries,
        changes,
        async (users, groups, count, query, changing) => {
          let there = { users: new Set(users), groups: new Set(groups) };
          const matching = async (kept: typeof there) =>
            idsOf(
              await list(
                [
                  { type: userType, attributes: titled(kept.users) },
                  { type: groupType, attributes: titled(kept.groups) },
                ],
                `count=500${query}`,
              ),
            );
          let staying = new Set(await matching(there));
          const met: string[] = [];
          let cursor: string | undefined = "";
          for (let page = 0; cursor !== undefined; page++) {
            const vanishing = new Set(changing[page]?.vanishing);
            const kept = [
              { type: userType, attributes: titled(there.users), vanishing },
              { type: groupType, attributes: titled(there.groups), vanishing },
            ];
            const answer: ResourcePage = await list(kept, `cursor=${cursor}&count=${count}${query}`);
            met.push(...idsOf(answer));
            cursor = answer.nextCursor;
            expect(page).toBeLessThan(130);
            const { gone = [], come = [] } = changing[page] ?? {};
            const away = new Set([...gone, ...vanishing]);
            there = {
              users: new Set([...there.users, ...come].filter((number) => !away.has(number))),
              groups: new Set([...there.groups, ...come].filter((number) => !away.has(number))),
            };
            const left = new Set(await matching(there));
            staying = new Set([...staying].filter((id) => left.has(id)));
          }
          // One who went and came back under the same number may be met again; here nobody is told from who stayed.
          const returned = new Set(changing.flatMap(({ come }) => come));
          const once = met.filter((id) => !returned.has(Number(id.split("-")[1])));
          expect(new Set(once).size).toBe(once.length);
          for (const id of staying) expect(met).toContain(id);
        },
      ),
    );
  });

  it("ends a page early that would be too large for an answer, and its cursor goes on there", async () => {
    const title = "x".repeat(listBytesMax / 5);
    const attributes = new Map(Array.from({ length: 11 }, (_, number) => [number, { title }]));
    for (const order of ["", "&sortBy=title"]) {
      const met: string[] = [];
      let cursor: string | undefined = "";
      for (let pages = 0; cursor !== undefined; pages++) {
        const page: ResourcePage = await list([{ type: userType, attributes }], `cursor=${cursor}${order}`);
        expect(page.totalResults).toBe(11);
        met.push(...idsOf(page));
        cursor = page.nextCursor;
        expect(pages).toBeLessThan(4);
      }
      expect(met).toEqual([...attributes.keys()].map((number) => `User-${number}`));
    }
  });

  it("shows one resource larger than a page, but not one larger than an answer: 400 tooMany with the way out", async () => {
    const large = (bytes: number) => [
      { type: groupType, attributes: new Map([[1, { displayName: "x".repeat(bytes) }]]) },
    ];
    expect(idsOf(await list(large(listBytesMax + 1), ""))).toEqual(["Group-1"]);
    const tooLarge = list(large(6 * 1024 * 1024), "");
    const refused = await tooLarge.catch((error: unknown) => error);
    expectError(
      () => {
        throw refused;
      },
      { status: 400, scimType: "tooMany", detail: "excludedAttributes" },
    );
    expect(idsOf(await list(large(6 * 1024 * 1024), "attributes=id"))).toEqual(["Group-1"]);
  });

  it("completes no more than it shows, slice by slice, and reads nothing of a type that cannot match", async () => {
    const reads: string[] = [];
    const kept = [
      { type: userType, attributes: titled(Array(250).keys()), reads },
      { type: groupType, attributes: titled(Array(20).keys()), reads },
    ];
    await list(kept, "startIndex=41&count=215");
    expect(reads.splice(0)).toEqual([
      "User all",
      "Group all",
      "User complete 100",
      "User complete 100",
      "User complete 10",
      "Group complete 5",
    ]);
    await list(kept, "filter=members%20pr&count=3");
    expect(reads.splice(0)).toEqual(["Group candidates"]);
    await list(kept, "filter=meta.resourceType%20eq%20%22User%22&count=3");
    expect(reads.splice(0)).toEqual(["User all", "User complete 3"]);
  });

  it("reads nothing for a caller who may not come in, or comes with a forged cursor", async () => {
    const reads: string[] = [];
    const collections = [collectionOf({ type: userType, attributes: titled([1]), reads })];
    const stranger = { connectionId, authorization: `${caller.authorization.slice(0, -1)}0` };
    const query = (text: string) => () => readListQuery(new URLSearchParams(text));
    await expect(listResources(context, stranger, collections, query(""))).rejects.toMatchObject({
      status: 401,
    });
    await expect(listResources(context, caller, collections, query("cursor=forged"))).rejects.toMatchObject({
      scimType: "invalidCursor",
    });
    await expect(
      listResources(context, caller, collections, query("cursor=forged&filter=displayName%20pr")),
    ).rejects.toMatchObject({ scimType: "invalidCursor" });
    expect(reads).toEqual([]);
  });
});
