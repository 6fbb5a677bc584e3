export interface SeededRandom {
  readonly seed: number;
  /** At least 0, less than 1. */
  next(): number;
  /** An integer of at least 0 and less than `below`. */
  below(below: number): number;
  pick<T>(items: readonly T[]): T;
  shuffle<T>(items: readonly T[]): T[];
  /** In place of `crypto.randomBytes`, where ids must be the same in each replay. */
  bytes(length: number): Buffer;
}

/** The same numbers for the same seed: mulberry32 (public domain, Tommy Ettinger), good enough for schedules. */
export function createSeededRandom(seed: number): SeededRandom {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(next() * limit);

  return {
    seed,
    next,
    below,
    pick: (items) => items[below(items.length)] as (typeof items)[number],
    shuffle(items) {
      const shuffled = [...items];
      for (let i = shuffled.length - 1; i > 0; i--) {
        const j = below(i + 1);
        [shuffled[i], shuffled[j]] = [
          shuffled[j] as (typeof items)[number],
          shuffled[i] as (typeof items)[number],
        ];
      }
      return shuffled;
    },
    bytes: (length) => Buffer.from(Array.from({ length }, () => below(256))),
  };
}

/** `SEED` from the environment, or a new one; printed, so that a failure can be replayed with `SEED=… npm test`. */
export function seedFromEnvironment(): number {
  const given = process.env["SEED"];
  const seed = given ? Number(given) >>> 0 : Math.floor(Math.random() * 2 ** 32);
  console.log(`SEED=${seed}${given ? " (from the environment)" : ""}`);
  return seed;
}
