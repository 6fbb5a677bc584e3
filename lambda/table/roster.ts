/** The users of a connection, as a set of member numbers (see `numbers.ts`). */

import * as z from "zod";
import { rosterPartition } from "./keys.ts";
import { type NumberSet, numbersOnPages } from "./numbers.ts";
import type { Item, Store } from "./store.ts";

/** `b0`, `b1`, …: numbers beyond 2^53 arrive as bigint. */
const chunk = z.union([z.number(), z.bigint()]).transform(BigInt);

/** All numbers in the roster, ascending. 100,000 users are 25 pages of under a kilobyte: one Query, 5 read units. */
export async function readRoster(store: Store, connectionId: string): Promise<NumberSet> {
  const items = await store.query({ pk: rosterPartition(connectionId) });
  return numbersOnPages(items.map(page));
}

function page(item: Item) {
  const chunks = new Map<number, bigint>();
  for (const [name, value] of Object.entries(item)) {
    if (name.startsWith("b")) {
      chunks.set(Number(name.slice(1)), chunk.parse(value));
    }
  }
  return { page: Number(item["sk"]), chunks };
}
