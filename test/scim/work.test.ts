import { afterEach, describe, expect, it, vi } from "vitest";
import { parseFilter } from "../../lambda/scim/filter.ts";
import type { JsonObject, JsonValue } from "../../lambda/scim/json.ts";
import { checkFilter, matches } from "../../lambda/scim/match.ts";
import { applyPatch, readPatch } from "../../lambda/scim/patch.ts";
import { createAttributes } from "../../lambda/scim/read-resource.ts";
import { groupType, userType } from "../../lambda/scim/resource-types.ts";
import { Work } from "../../lambda/scim/work.ts";
import { expectError, patchOp, user } from "./fixture.ts";

const tooMuch = { status: 413, detail: "2500000 times (elementLooksMax); split it" };

const listOf = <T>(length: number, make: (index: number) => T) => Array.from({ length }, (_, i) => make(i));

const withRoles = (count: number, make: (index: number) => JsonObject) => ({
  userName: "u",
  roles: listOf(count, make),
});

const patch = (before: { [name: string]: JsonValue }, operations: readonly unknown[]) =>
  applyPatch(userType, before, readPatch(userType, patchOp(...operations)));

/** One name in every mixture of cases, so that it can be the key of many entries of one object. */
const spellings = (name: string, count: number) =>
  listOf(count, (i) =>
    [...name].map((letter, at) => ((i >> at) & 1 ? letter.toUpperCase() : letter)).join(""),
  );

const anyOf = (count: number, compare: string) => listOf(count, (i) => `${compare} "é${i}"`).join(" or ");

afterEach(() => {
  vi.restoreAllMocks();
});

describe("the work of a request", () => {
  it("is counted: looks at elements, more at long ones", () => {
    const long = { value: "x".repeat(640) };
    new Work().look(
      listOf(1_000, () => ({ value: "x" })),
      2_500,
    );
    expectError(
      () =>
        new Work().look(
          listOf(1_001, () => ({ value: "x" })),
          2_500,
        ),
      tooMuch,
    );
    expectError(
      () =>
        new Work().look(
          listOf(100, () => long),
          2_500,
        ),
      tooMuch,
    );
    const work = new Work();
    work.look(["x"], 2_500_000);
    work.look([], 1);
    expectError(() => work.look(["x"], 1), tooMuch);
  });

  it("folds no stored text twice", () => {
    const normalize = vi.spyOn(String.prototype, "normalize");
    patch(
      withRoles(100, (i) => ({ value: `Ü${i}` })),
      listOf(50, (i) => ({
        op: "replace",
        path: `roles[value eq "ü${i}" or value eq "x"].display`,
        value: `d${i}`,
      })),
    );
    // Each folding normalises twice; 100 values and 50 literals.
    expect(normalize).toHaveBeenCalledTimes(2 * (100 + 50));
  });

  it("is bounded over filters × elements", () => {
    const filters = listOf(200, () => ({ op: "remove", path: `roles[${anyOf(60, "value co")}]` }));
    expectError(
      () =>
        patch(
          withRoles(500, (i) => ({ value: `r${i}` })),
          filters,
        ),
      tooMuch,
    );
  });

  it("is bounded over characters sought in long values", () => {
    const filters = listOf(400, () => ({ op: "remove", path: `roles[${anyOf(60, "value co")}].display` }));
    expectError(
      () =>
        patch(
          withRoles(1, () => ({ value: "ab".repeat(100_000) })),
          filters,
        ),
      tooMuch,
    );
  });

  it("is bounded over characters of long literals", () => {
    const half = "a".repeat(1_000);
    const filters = listOf(200, () => ({ op: "remove", path: `roles[value co "${half}b${half}"].display` }));
    expectError(
      () =>
        patch(
          withRoles(1, () => ({ value: "a".repeat(200_000) })),
          filters,
        ),
      tooMuch,
    );
  });

  it("is bounded over lists of differently shaped removals × elements", () => {
    const names = ["formatted", "streetAddress", "locality", "region", "postalCode", "country", "type"];
    const named = (bits: number, value: string) =>
      Object.fromEntries(names.filter((_, at) => (bits >> at) & 1).map((name) => [name, value]));
    const before = { userName: "u", addresses: listOf(500, (i) => named(127, `${i}`)) };
    const removal = { op: "remove", path: "addresses", value: listOf(127, (i) => named(i + 1, "q")) };
    expect(patch(before, [removal])).toBe(before);
    expectError(() => patch(before, Array(80).fill(removal)), tooMuch);
  });

  it("is bounded over rewritten elements, before a long value is copied into all of them", () => {
    const before = withRoles(500, (i) => ({ value: `r${i}` }));
    const display = (value: string) => ({
      op: "replace",
      value: Object.fromEntries(spellings("roles.display", 32).map((key, i) => [key, `${value}${i}`])),
    });
    expect(patch(before, [display("d")])["roles"]).toHaveLength(500);
    expectError(
      () =>
        patch(
          before,
          listOf(40, (i) => display(`d${i}`)),
        ),
      tooMuch,
    );
    const long = { op: "replace", path: "roles.display", value: "x".repeat(30_000) };
    expectError(() => patch(before, [long]), tooMuch);
  });

  it("is bounded over additions × elements", () => {
    const before = withRoles(499, (i) => ({ value: `${i}`.padEnd(400) }));
    const additions = listOf(50, () => ({
      op: "add",
      value: Object.fromEntries(
        spellings("roles", 32).map((key, i) => [key, { value: "q", display: `${i}` }]),
      ),
    }));
    expectError(() => patch(before, additions), tooMuch);
  });

  it("is bounded in POST and PUT too, where value paths may be keys", () => {
    const paths = listOf(200, (i) => [`roles[${anyOf(60, "value eq")} or value eq "${i}"].display`, null]);
    const body = { ...withRoles(500, (i) => ({ value: `r${i}` })), ...Object.fromEntries(paths) };
    expectError(() => createAttributes(userType, body), tooMuch);
  });
});

describe("what identity providers send is never too much", () => {
  it("1,000 operations that pick one of 500 elements by a conjunction", () => {
    const after = patch(
      withRoles(500, (i) => ({ value: `role ${i}`, type: "x" })),
      listOf(1_000, (i) => ({
        op: "replace",
        path: `roles[value eq "role ${i % 500}" and type eq "x"].display`,
        value: `d${i}`,
      })),
    );
    expect((after["roles"] as JsonValue[])[499]).toEqual({ value: "role 499", type: "x", display: "d999" });
  });

  it("500 added and 256 removed at once", () => {
    const roles = listOf(500, (i) => ({ value: `role ${i}` }));
    const after = patch({ userName: "u" }, [
      { op: "add", path: "roles", value: roles },
      { op: "remove", path: "roles", value: roles.slice(0, 256) },
    ]);
    expect(after["roles"]).toEqual(roles.slice(256));
  });

  it("authentik's 1,000 operations of one member each, on a group of 20,000", () => {
    const before = { displayName: "g", members: listOf(19_000, (i) => ({ value: `${i}` })) };
    const additions = listOf(999, (i) => ({ op: "add", path: "members", value: [{ value: `n${i}` }] }));
    const removal = { op: "remove", path: 'members[value eq "n0"]' };
    const after = applyPatch(groupType, before, readPatch(groupType, patchOp(...additions, removal)));
    expect(after["members"]).toEqual([...before.members, ...listOf(998, (i) => ({ value: `n${i + 1}` }))]);
  });

  it("one filter of 64 nodes over a list of 10,000 resources is not bounded by this", () => {
    const filter = checkFilter(userType, parseFilter(anyOf(63, "emails.value eq")));
    const resources = listOf(10_000, (i) => user({ emails: [{ value: i % 100 === 0 ? "É62" : "x" }] }));
    expect(resources.filter((resource) => matches(filter, resource))).toHaveLength(100);
  });
});
