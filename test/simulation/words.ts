/** How differences are told. */

import type { Group, Identity, Member } from "./model.ts";

/** A version that was told of somebody, to be believed once it is known that this outcome is what happened. */
export interface Told {
  readonly identity: Identity;
  readonly etag: string;
  readonly revision: number;
}

export interface Comparison {
  readonly differences: readonly string[];
  readonly told: readonly Told[];
}

export function nameOf({ identity, attributes }: Member): string {
  return `${attributes.userName} (made by ${identity.label})`;
}

export function nameOfGroup({ identity, displayName }: Group): string {
  return `group ${displayName} (made by ${identity.label})`;
}

/** The same text for the same value: members of objects in one order, those undefined left out. */
export function show(value: unknown): string {
  if (value === undefined) return "nothing";
  return JSON.stringify(value, (_, each: unknown) =>
    typeof each === "object" && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );
}

/** What kind of difference it is, whoever is concerned: of an answer, what was expected and what status came. */
export function kindOf(difference: string): string {
  const [, expected, status] = /^answer: expected (.*), got (\d{3}) /.exec(difference) ?? [];
  if (status !== undefined) return `${expected?.split(" saying")[0]} got ${status}`;
  return difference
    .split(/: (?:expected|found)/)[0]!
    .replaceAll(/\S+ \(made by \w+\)/g, "somebody")
    .replace(/^(sync failure of \w+).*/, "$1");
}
