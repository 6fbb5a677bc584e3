/** A way through many items, a stretch at a time, each from the place where an earlier stretch ended. */

export interface Step {
  /** Right behind what this step came to. Opaque outside. */
  readonly place: string;
}

export interface Stretch<S extends Step> {
  /** In the walk's order. */
  readonly steps: readonly S[];
  /** Right behind everything looked at, steps or not. */
  readonly place: string;
  /** Nothing comes behind. */
  readonly end: boolean;
}

/** The next stretch behind a place, or the first one. */
export type Walk<S extends Step> = (after: string | undefined) => Promise<Stretch<S>>;

/** Items looked at in one stretch. */
export const stretchLength = 250;

/** Nothing. */
export const emptyWalk: Walk<never> = async () => ({ steps: [], place: "", end: true });

/** A sort key holds 1,024 bytes (AWS quota). */
export const sortKeyBytesMax = 1_024;
