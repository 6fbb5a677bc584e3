import { createCipheriv, createHash } from "node:crypto";

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

/** The same numbers for the same seed: AES in counter mode, keyed by the seed, over nothing. */
export function createSeededRandom(seed: number): SeededRandom {
  const key = createHash("sha256")
    .update(`seed ${seed >>> 0}`)
    .digest()
    .subarray(0, 16);
  const stream = createCipheriv("aes-128-ctr", key, Buffer.alloc(16));
  const zeros = Buffer.alloc(4_096);
  let numbers = Buffer.alloc(0);
  const next = (): number => {
    if (numbers.length === 0) numbers = stream.update(zeros);
    const value = numbers.readUInt32BE() / 2 ** 32;
    numbers = numbers.subarray(4);
    return value;
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
