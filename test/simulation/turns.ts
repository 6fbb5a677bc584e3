/** Two requests at once, in an order of their calls to DynamoDB that chance decides and a seed repeats. */

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { SeededRandom } from "../support/seeded-random.ts";

export type Party = 0 | 1;

/** One call at a time: each waits for its turn, and the next turn comes when whoever had it wants more, or is done. */
export class Turns {
  readonly #random: SeededRandom;
  /** Calls that wait for their turn. */
  readonly #waiting: readonly [(() => void)[], (() => void)[]] = [[], []];
  readonly #done: [boolean, boolean] = [false, false];
  /** How likely it is that whoever had a turn has the next one, too, without asking chance. */
  readonly #staying: number;
  #last: Party | undefined;
  #calling = false;

  constructor(random: SeededRandom, staying = 0) {
    this.#random = random;
    this.#staying = staying;
  }

  async call<T>(party: Party, perform: () => Promise<T>): Promise<T> {
    await new Promise<void>((resolve) => {
      this.#waiting[party].push(resolve);
      this.#next();
    });
    try {
      return await perform();
    } finally {
      this.#calling = false;
      this.#next();
    }
  }

  finish(party: Party): void {
    this.#done[party] = true;
    this.#next();
  }

  /** Waits until both have shown what they want, so that it does not depend on who is faster. */
  #next(): void {
    const parties = ([0, 1] as const).filter((party) => !this.#done[party]);
    if (this.#calling || parties.length === 0) return;
    if (parties.some((party) => this.#waiting[party].length === 0)) return;
    this.#calling = true;
    this.#last = this.#stays() ? this.#last! : this.#random.pick(parties);
    this.#waiting[this.#last].shift()!();
  }

  #stays(): boolean {
    const isBusy = this.#last !== undefined && !this.#done[this.#last];
    return this.#staying > 0 && isBusy && this.#random.next() < this.#staying;
  }
}

/** Calls of a client take their turn while there is anything to take turns in. */
export function takeTurns(client: DynamoDBClient, party: Party, turns: () => Turns | undefined): void {
  client.middlewareStack.add((next) => async (args) => turns()?.call(party, () => next(args)) ?? next(args), {
    step: "deserialize",
    priority: "high",
    name: "takeTurns",
  });
}
