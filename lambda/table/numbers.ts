/**
 * Member numbers: how a number is split into a stripe, a page and a slot, and how a set of numbers is kept.
 *
 * A project hands out numbers from `stripes` counters at once, so that parallel creates seldom meet on one item:
 * the n-th number of stripe s is `n * stripes + s`. Numbers therefore rise roughly with time, which is the order of
 * lists. A number is never given twice.
 *
 * A set of numbers is one item per page that has any. A page is 4,096 consecutive numbers *of one stripe*, so that
 * parallel creates touch different pages. Its bits are kept in DynamoDB numbers of 120 bits, one attribute each: a bit
 * is set or cleared by `ADD ±2^k` without reading it first. That is exact (DynamoDB numbers keep 38 digits, 2^120 has
 * 37), and safe because each bit changes only in a transaction whose condition on the member's row proves its state.
 */

import * as z from "zod";

/** Counters a project hands out numbers from. At 100 creates/s of 20 ms each, about one in ten meets another. */
export const stripes = 16;
/** Numbers on one page. 4,096 bits as DynamoDB numbers are 0.8 KB: one write unit. */
export const slotsPerPage = 4_096;
/** 2^120 has 37 digits; DynamoDB keeps 38 (AWS quota on number precision). */
const bitsPerChunk = 120;
export const chunksPerPage = Math.ceil(slotsPerPage / bitsPerChunk);

export interface Slot {
  readonly page: number;
  readonly slot: number;
}

/** The n-th number of a stripe, n from 0. */
export function numberOf(stripe: number, ordinal: number): number {
  return ordinal * stripes + stripe;
}

export function slotOf(number: number): Slot {
  const stripe = number % stripes;
  const ordinal = Math.floor(number / stripes);
  return { page: Math.floor(ordinal / slotsPerPage) * stripes + stripe, slot: ordinal % slotsPerPage };
}

/**
 * Numbers of each inheritance. A parent would have to have had so many users; 2^39 (`member-id.ts`) hold 2,047
 * inheritances in a project's life.
 */
export const numbersPerInheritance = 2 ** 28;

/**
 * The number of the copy of a parent's user: slot for slot as in the parent, on pages of the inheritance's own (`ordinal`,
 * from 1). So a set of the parent's numbers is copied page by page, and no look-up leads from a user to its copy.
 */
export function copyOfNumber(ordinal: number, number: number): number {
  return ordinal * numbersPerInheritance + number;
}

/** The page that a parent's page is copied to. */
export function copyOfPage(ordinal: number, page: number): number {
  return (ordinal * numbersPerInheritance) / slotsPerPage + page;
}

/** Where a slot's bit is: in which chunk of 120, and its value there. */
export function bitOf(slot: number): { readonly chunk: number; readonly amount: bigint } {
  return { chunk: Math.floor(slot / bitsPerChunk), amount: 1n << BigInt(slot % bitsPerChunk) };
}

/** An ascending list of numbers. */
export type NumberSet = Float64Array;

/** A set of numbers as it is kept: chunks by page, 120 bits each, those without a bit left out. */
export type NumberPages = ReadonlyMap<number, PageChunks>;
export type PageChunks = ReadonlyMap<number, bigint>;

export const noNumbers: NumberPages = new Map();

/** Whether the set holds a number. */
export function hasNumber(pages: NumberPages, number: number): boolean {
  const { page, slot } = slotOf(number);
  const { chunk, amount } = bitOf(slot);
  return ((pages.get(page)?.get(chunk) ?? 0n) & amount) !== 0n;
}

/** The set of these numbers. */
export function pagesOf(numbers: Iterable<number>): NumberPages {
  return withNumbers(noNumbers, numbers, []);
}

/** The set with some numbers put in and others taken out. */
export function withNumbers(pages: NumberPages, put: Iterable<number>, taken: Iterable<number>): NumberPages {
  const changed = new Map<number, Map<number, bigint>>();
  const each = (numbers: Iterable<number>, change: (chunk: bigint, bit: bigint) => bigint) => {
    for (const number of numbers) {
      const { page, slot } = slotOf(number);
      const chunks = changed.get(page) ?? new Map(pages.get(page));
      changed.set(page, chunks);
      const { chunk, amount } = bitOf(slot);
      chunks.set(chunk, change(chunks.get(chunk) ?? 0n, amount));
    }
  };
  each(put, (chunk, bit) => chunk | bit);
  each(taken, (chunk, bit) => chunk & ~bit);
  return new Map([...pages, ...changed]);
}

export function union(a: NumberPages, b: NumberPages): NumberPages {
  return combined(a, b, (x, y) => x | y);
}

export function intersection(a: NumberPages, b: NumberPages): NumberPages {
  return combined(a, b, (x, y) => x & y);
}

export function difference(a: NumberPages, b: NumberPages): NumberPages {
  return combined(a, b, (x, y) => x & ~y);
}

function combined(a: NumberPages, b: NumberPages, combine: (x: bigint, y: bigint) => bigint): NumberPages {
  const result = new Map<number, PageChunks>();
  for (const page of new Set([...a.keys(), ...b.keys()])) {
    const [first, second] = [a.get(page), b.get(page)];
    const chunks = new Map<number, bigint>();
    for (const at of new Set([...(first?.keys() ?? []), ...(second?.keys() ?? [])])) {
      const chunk = combine(first?.get(at) ?? 0n, second?.get(at) ?? 0n);
      if (chunk !== 0n) {
        chunks.set(at, chunk);
      }
    }
    if (chunks.size > 0) {
      result.set(page, chunks);
    }
  }
  return result;
}

export function countOf(pages: NumberPages): number {
  let count = 0;
  for (const chunks of pages.values()) {
    for (const chunk of chunks.values()) {
      count += onesIn(chunk);
    }
  }
  return count;
}

function onesIn(chunk: bigint): number {
  let ones = 0;
  for (let rest = chunk; rest > 0n; rest >>= 30n) {
    let bits = Number(rest & 0x3fff_ffffn);
    for (; bits !== 0; bits &= bits - 1) {
      ones++;
    }
  }
  return ones;
}

/** The numbers on the pages given, ascending. */
export function numbersOn(pages: NumberPages): NumberSet {
  const byGroup = new Map<number, Uint8Array[]>();
  for (const [page, chunks] of pages) {
    const group = Math.floor(page / stripes);
    const columns = byGroup.get(group) ?? Array.from({ length: stripes }, () => noFlags);
    columns[page % stripes] = slotFlags(chunks);
    byGroup.set(group, columns);
  }
  const numbers: number[] = [];
  for (const group of [...byGroup.keys()].sort((a, b) => a - b)) {
    const columns = byGroup.get(group)!;
    const last = Math.max(...columns.map((column) => column.length));
    for (let slot = 0; slot < last; slot++) {
      for (let stripe = 0; stripe < stripes; stripe++) {
        if (columns[stripe]![slot] === 1) {
          numbers.push(numberOf(stripe, group * slotsPerPage + slot));
        }
      }
    }
  }
  return Float64Array.from(numbers);
}

const noFlags = new Uint8Array(0);

/** One byte per slot up to the last chunk that has any, 1 where the bit is set. */
function slotFlags(chunks: PageChunks): Uint8Array {
  const flags = new Uint8Array((Math.max(-1, ...chunks.keys()) + 1) * bitsPerChunk);
  for (const [chunk, value] of chunks) {
    const bits = value.toString(2);
    for (let bit = 0; bit < bits.length; bit++) {
      if (bits.charCodeAt(bits.length - 1 - bit) === 49) {
        flags[chunk * bitsPerChunk + bit] = 1;
      }
    }
  }
  return flags;
}

/** A chunk as it is stored: numbers beyond 2^53 arrive as bigint. */
const storedChunk = z.union([z.number(), z.bigint()]).transform(BigInt);

/** The chunks an item keeps as `<prefix>0`, `<prefix>1`, … */
export function chunksIn(item: Readonly<Record<string, unknown>>, prefix: string): PageChunks {
  const chunks = new Map<number, bigint>();
  for (const [name, value] of Object.entries(item)) {
    const chunk = name.startsWith(prefix) ? Number(name.slice(prefix.length)) : Number.NaN;
    const bits = Number.isInteger(chunk) ? storedChunk.parse(value) : 0n;
    if (bits !== 0n) {
      chunks.set(chunk, bits);
    }
  }
  return chunks;
}
