import { textOf } from "./element-text.ts";
import { payloadTooLarge } from "./error.ts";
import { foldCase } from "./fold.ts";
import type { JsonValue } from "./json.ts";
import { charactersPerLook, elementLooksMax } from "./limits.ts";

/**
 * What the operations of one request cost, counted before each is carried out: the same request always costs the same,
 * whatever machine it runs on. One for each request; it also remembers what has been folded, which is the dearest look.
 */
export class Work {
  #looks = 0;
  readonly #folded = new Map<string, string>();

  /** Counts looks at each of the elements; 413 beyond `elementLooksMax`. */
  look(elements: readonly JsonValue[], times: number): void {
    for (const element of elements) {
      this.#looks += times * (1 + Math.floor(textOf(element).length / charactersPerLook));
    }
    if (this.#looks > elementLooksMax) {
      throw payloadTooLarge(
        `The request looks at values of multi-valued attributes more than ${elementLooksMax} times (elementLooksMax); split it.`,
      );
    }
  }

  /** `foldCase`, once for each text. */
  fold(text: string): string {
    let folded = this.#folded.get(text);
    if (folded === undefined) {
      folded = foldCase(text);
      this.#folded.set(text, folded);
    }
    return folded;
  }
}
