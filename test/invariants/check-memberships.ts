/**
 * Audits what the stream handler derives from groups: once everything has been carried, each mirror holds what its page
 * holds, and each member's item names exactly the groups whose pages hold its number. Reads DynamoDB's own values and takes
 * keys to pieces itself, as `check-table.ts` does.
 */

import type { RawItem } from "./table-contents.ts";

/** What is wrong, a line each. */
export function checkMemberships(items: readonly RawItem[]): readonly string[] {
  const findings: string[] = [];
  const pages = new Map<string, Map<string, string>>();
  const mirrors = new Map<string, Map<string, string>>();
  const generations = new Map<string, string>();
  const named = new Map<string, Set<string>>();
  for (const item of items) {
    const [pk, sk] = [item["pk"]?.S ?? "", item["sk"]?.S ?? ""];
    const parts = pk.split("#");
    if (parts[0] === "G" && parts.length === 2) {
      if (item["hidden"]?.BOOL !== true) generations.set(`${parts[1]} ${sk}`, item["generation"]?.S ?? "");
    }
  }
  for (const item of items) {
    const [pk, sk] = [item["pk"]?.S ?? "", item["sk"]?.S ?? ""];
    const parts = pk.split("#");
    const [kind, page, generation] = sk.split("#");
    if (parts[0] === "G" && parts.length === 3) {
      const group = `${parts[1]} ${parts[2]}`;
      const isPresent = kind === "H" ? generations.has(group) : generations.get(group) === generation;
      if (isPresent) pages.set(`${group} ${kind}#${page}`, chunksOf(item));
    } else if (parts[2] === "MIRROR") {
      const [group, kind, page] = sk.split("#");
      if (kind === "HEAD") {
        const generation = generations.get(`${parts[1]} ${group}`);
        if (item["generation"]?.S !== generation)
          findings.push(`mirror: HEAD of ${group} is of another generation`);
      } else {
        mirrors.set(`${parts[1]} ${group} ${kind}#${page}`, chunksOf(item));
      }
    } else if (parts[0] === "P" && parts[2] === "MEMBERSHIPS") {
      for (const [attribute, set] of [
        ["groups", "S"],
        ["handGroups", "H"],
      ] as const) {
        for (const id of item[attribute]?.SS ?? []) {
          const key = `${parts[1]} ${id} ${set}`;
          named.set(key, (named.get(key) ?? new Set()).add(String(Number(sk))));
        }
      }
    }
  }
  for (const key of new Set([...pages.keys(), ...mirrors.keys()])) {
    const [page, mirror] = [textOf(pages.get(key)), textOf(mirrors.get(key))];
    if (page !== mirror) findings.push(`mirror: ${key} holds ${mirror}, its page ${page}`);
  }
  const expected = new Map<string, Set<string>>();
  for (const [key, chunks] of pages) {
    const [project, group, place = ""] = key.split(" ");
    const [kind, page] = place.split("#");
    for (const number of numbersOf(Number(page), chunks)) {
      const of = `${project} ${group} ${kind}`;
      expected.set(of, (expected.get(of) ?? new Set()).add(String(number)));
    }
  }
  for (const key of new Set([...expected.keys(), ...named.keys()])) {
    const [have, want] = [sorted(named.get(key)), sorted(expected.get(key))];
    if (have !== want)
      findings.push(`members: ${key} is named by ${have || "nobody"}, has ${want || "nobody"}`);
  }
  return findings;
}

/** As `numbers.ts` lays them out: sixteen stripes, 4,096 slots a page, 120 to a chunk. */
const [stripes, slotsPerPage, bitsPerChunk] = [16, 4_096, 120];

function numbersOf(page: number, chunks: ReadonlyMap<string, string>): number[] {
  const numbers: number[] = [];
  for (const [name, text] of chunks) {
    let bits = BigInt(text);
    for (let bit = 0; bits > 0n; bit++, bits >>= 1n) {
      if (bits % 2n === 0n) continue;
      const ordinal = Math.floor(page / stripes) * slotsPerPage + Number(name.slice(1)) * bitsPerChunk + bit;
      numbers.push(ordinal * stripes + (page % stripes));
    }
  }
  return numbers;
}

function chunksOf(item: RawItem): Map<string, string> {
  return new Map(
    Object.entries(item).flatMap(([name, value]): [string, string][] =>
      name.startsWith("b") && value.N !== undefined && value.N !== "0" ? [[name, value.N]] : [],
    ),
  );
}

function textOf(chunks: ReadonlyMap<string, string> | undefined): string {
  return [...(chunks ?? [])]
    .map(([name, bits]) => `${name}=${bits}`)
    .sort()
    .join(" ");
}

function sorted(set: ReadonlySet<string> | undefined): string {
  return [...(set ?? [])].sort().join(" ");
}
