/** What may happen to a parent and its children, as plain data that can be printed, kept and run again. */

import type { StreamFunctionName } from "../../lambda/stream/stream-mapping.ts";
import type { Slot, Step } from "../simulation/steps.ts";

/** The children's projects. */
export const children = ["first", "second", "third"] as const;
export type Child = (typeof children)[number];
export const places = ["parent", ...children] as const;
/** A project. */
export type Place = (typeof places)[number];

/** One invocation of a stream function, as a bad day makes it. */
export interface Delivery {
  readonly kind: "deliver";
  readonly to: StreamFunctionName;
  /** Records that it gets at most. */
  readonly most: number;
  /** Chooses a partition whose records are late. */
  readonly late?: number;
  /** The newest come first, as if all others were late. */
  readonly newest?: true;
  /** Chooses another order; for what is history never of one item's records. */
  readonly shuffled?: number;
  /** Chooses records that were done with long ago: they come once more, instead of any others. */
  readonly old?: number;
  /** All is done, and nobody hears of it: everything comes again. */
  readonly lost?: true;
  /**
   * Chooses reads of several items that are of no single instant, and writes that meet another transaction. Told only where
   * another party is at work.
   */
  readonly torn?: number;
  /** The function dies at a call to DynamoDB. */
  readonly crash?: { readonly call: number; readonly when: "before" | "after" };
}

/** What one party does. */
export type Act =
  | { readonly kind: "request"; readonly in: Place; readonly step: Step }
  | Delivery
  /** A connection of a child's project that inherits from the parent's in that slot is made, and goes. */
  | { readonly kind: "link"; readonly in: Child; readonly to: Slot }
  | { readonly kind: "cut"; readonly in: Child; readonly from: Slot }
  /** One of the child's open failures is tried again. */
  | { readonly kind: "retry"; readonly in: Child; readonly failure: number };

export type ConvergenceStep =
  | Act
  /**
   * `turns` decides whose next call to DynamoDB comes first. `afterwards`: what the second one does after its act, as if a third
   * party delivered what that has written, while the first one is still at work.
   */
  | {
      readonly kind: "meet";
      readonly acts: readonly [Act, Act];
      readonly afterwards?: Delivery;
      readonly turns: number;
    }
  | { readonly kind: "pass"; readonly seconds: number }
  /** Everything is delivered until nothing is left, and the children must equal their parent. */
  | { readonly kind: "quiet" };

export interface NumberedStep {
  readonly number: number;
  readonly step: ConvergenceStep;
}

export type History = readonly NumberedStep[];
