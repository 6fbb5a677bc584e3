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

/** Counters a project hands out numbers from. At 100 creates/s of 20 ms each, about one in ten meets another. */
export const stripes = 16;
/** Numbers on one page. 4,096 bits as DynamoDB numbers are 0.8 KB: one write unit. */
export const slotsPerPage = 4_096;
/** 2^120 has 37 digits; DynamoDB keeps 38 (AWS quota on number precision). */
const bitsPerChunk = 120;

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

/** The attribute and the amount to ADD (or, negated, to take away) for a slot's bit. */
export function bitOf(slot: number): { readonly chunk: string; readonly amount: bigint } {
  return {
    chunk: `b${Math.floor(slot / bitsPerChunk)}`,
    amount: 1n << BigInt(slot % bitsPerChunk),
  };
}

/** An ascending list of numbers. */
export type NumberSet = Uint32Array;

/** The numbers on the pages given, ascending. `chunks` are a page item's `b0`, `b1`, … attributes. */
export function numbersOnPages(
  pages: readonly { readonly page: number; readonly chunks: ReadonlyMap<number, bigint> }[],
): NumberSet {
  const byGroup = new Map<number, Uint8Array[]>();
  for (const { page, chunks } of pages) {
    const group = Math.floor(page / stripes);
    const columns = byGroup.get(group) ?? Array.from({ length: stripes }, () => new Uint8Array(0));
    columns[page % stripes] = slotFlags(chunks);
    byGroup.set(group, columns);
  }
  const numbers: number[] = [];
  for (const group of [...byGroup.keys()].sort((a, b) => a - b)) {
    const columns = byGroup.get(group)!;
    for (let slot = 0; slot < slotsPerPage; slot++) {
      for (let stripe = 0; stripe < stripes; stripe++) {
        if (columns[stripe]![slot] === 1) {
          numbers.push(numberOf(stripe, group * slotsPerPage + slot));
        }
      }
    }
  }
  return Uint32Array.from(numbers);
}

/** One byte per slot, 1 where the bit is set. */
function slotFlags(chunks: ReadonlyMap<number, bigint>): Uint8Array {
  const flags = new Uint8Array(slotsPerPage);
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
