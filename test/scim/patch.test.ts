import { describe, expect, it } from "vitest";
import type { JsonValue } from "../../lambda/scim/json.ts";
import { applyPatch, checkId, membershipChange, readPatch } from "../../lambda/scim/patch.ts";
import type { ScimAttributes } from "../../lambda/scim/resource.ts";
import { groupType, userType } from "../../lambda/scim/resource-types.ts";
import type { ResourceType } from "../../lambda/scim/schema.ts";
import { attribute } from "../../lambda/scim/schemas/attribute.ts";
import { expectError, patchOp } from "./fixture.ts";

const syntax = (detail: string) => ({ status: 400, scimType: "invalidSyntax", detail });

describe("the PatchOp message", () => {
  it.each<[JsonValue, string]>([
    [[], "object"],
    [null, "object"],
    ["x", "object"],
    [{}, "Operations"],
    [{ title: "x" }, "Operations"],
    [{ schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"], Operations: [] }, "Operations"],
    [{ schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"] }, "Operations"],
    [patchOp(), "Operations"],
    [{ ...(patchOp() as object), Operations: null }, "Operations"],
    [{ ...(patchOp() as object), Operations: { op: "add" } }, "Operations"],
    [patchOp("x"), "Operations[0]"],
    [patchOp({ path: "title", value: "x" }), "Operations[0].op"],
    [patchOp({ op: "add", path: "title", value: "x" }, { op: 1 }), "Operations[1].op"],
  ])("[115, 116] refuses %j", (body, detail) => {
    expectError(() => readPatch(userType, body), syntax(detail));
  });

  // RFC 7644 §3.5.2 demands the URN and checklist 115 refuses without it; but API.md §4 binds: "`schemas` may be wrong or
  // incomplete if the body says enough otherwise", and an array of operations does.
  it.each<[string, JsonValue | undefined]>([
    ["missing", undefined],
    ["null", null],
    ["empty", []],
    ["a string", "urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    ["another message's", ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"]],
    ["the resource's", ["urn:ietf:params:scim:schemas:core:2.0:User"]],
  ])("[115] takes operations whose schemas is %s", (_, schemas) => {
    const operations = [{ op: "add", path: "title", value: "T" }];
    const body = { ...(schemas !== undefined && { schemas }), Operations: operations };
    expect(readPatch(userType, body)).toEqual(readPatch(userType, patchOp(...operations)));
  });

  it("[31, 116] takes URN, keys and op in any case", () => {
    const body = {
      SCHEMAS: ["URN:ietf:params:scim:api:messages:2.0:patchop"],
      operations: [{ OP: "ADD", Path: "TITLE", Value: "T" }],
    };
    expect(applyPatch(userType, { userName: "u" }, readPatch(userType, body))).toEqual({
      userName: "u",
      title: "T",
    });
  });

  it("refuses a path that is no string", () => {
    expectError(() => readPatch(userType, patchOp({ op: "add", path: 5, value: "x" })), {
      status: 400,
      scimType: "invalidPath",
      detail: "Operations[0].path",
    });
  });

  it("names the limits", () => {
    const title = { op: "add", path: "title", value: "x" };
    const pathless = {
      op: "add",
      value: { title: "x", nickName: "x", displayName: "x", locale: "x", timezone: "x", userType: "x" },
    };
    const members = {
      op: "add",
      path: "members",
      value: Array.from({ length: 20_000 }, (_, i) => String(i)),
    };
    const tooLarge = (detail: string) => ({ status: 413, detail });
    expect(readPatch(userType, patchOp(...Array(1_000).fill(title)))).toHaveLength(1_000);
    expectError(
      () => readPatch(userType, patchOp(...Array(1_001).fill(title))),
      tooLarge("patchOperationsMax"),
    );
    expectError(
      () => readPatch(userType, patchOp(...Array(900).fill(pathless))),
      tooLarge("attributeChangesMax"),
    );
    expect(readPatch(groupType, patchOp(members))).toHaveLength(1);
    expectError(
      () => readPatch(groupType, patchOp(members, { op: "add", path: "members", value: ["x"] })),
      tooLarge("membersPerRequestMax"),
    );
  });
});

describe("applyPatch", () => {
  const before = { userName: "u", emails: [{ value: "a", type: "work", primary: true }], active: true };
  const patch = (...operations: readonly unknown[]) =>
    applyPatch(userType, before, readPatch(userType, patchOp(...operations)));

  it("[123] returns the very object when nothing changes", () => {
    for (const operations of [
      [{ op: "replace", path: "active", value: "TRUE" }],
      [{ op: "replace", path: "userName", value: "u" }],
      [{ op: "add", path: "emails", value: { primary: true, type: "work", value: "a" } }],
      [{ op: "replace", path: "emails", value: [{ primary: "true", type: "work", value: "a" }] }],
      [{ op: "remove", path: "title" }],
      [
        { op: "add", path: "title", value: "x" },
        { op: "remove", path: "title" },
      ],
      [{ op: "replace", value: {} }],
      [{ op: "replace", path: "urn:x:2.0:User:foo", value: 1 }],
    ]) {
      expect(patch(...operations)).toBe(before);
    }
  });

  it("[123] sees no change in another order of keys", () => {
    const stored = { active: true, emails: [{ type: "work", primary: true, value: "a" }], userName: "u" };
    const operations = readPatch(
      userType,
      patchOp({ op: "add", path: "emails", value: [{ value: "a", type: "work", primary: true }] }),
    );
    expect(applyPatch(userType, stored, operations)).toBe(stored);
  });

  it("[117] works on the result of the operation before", () => {
    expect(
      patch(
        { op: "add", path: "emails", value: { value: "b", type: "home" } },
        { op: "replace", path: 'emails[value eq "b"].type', value: "other" },
        { op: "remove", path: 'emails[type eq "home"]' },
      ),
    ).toEqual({
      ...before,
      emails: [
        { value: "a", type: "work", primary: true },
        { value: "b", type: "other" },
      ],
    });
  });

  it("[117] changes nothing when the last operation fails", () => {
    const snapshot = structuredClone(before);
    expectError(
      () => patch({ op: "replace", path: "title", value: "x" }, { op: "remove", path: "userName" }),
      {
        status: 400,
        scimType: "mutability",
        detail: "userName",
      },
    );
    expect(before).toEqual(snapshot);
  });

  it("[121] gives an immutable attribute its first value, and no other", () => {
    const badge = attribute({ name: "badge", description: "", mutability: "immutable" });
    const type: ResourceType = { ...userType, schema: { ...userType.schema, attributes: [badge] } };
    const change = (stored: ScimAttributes, operation: object) =>
      applyPatch(type, stored, readPatch(type, patchOp({ path: "badge", ...operation })));
    expect(change({}, { op: "add", value: "1" })).toEqual({ badge: "1" });
    expect(change({ badge: "1" }, { op: "replace", value: "1" })).toEqual({ badge: "1" });
    for (const operation of [
      { op: "add", value: "2" },
      { op: "replace", value: "2" },
      { op: "replace", value: null },
      { op: "remove" },
    ]) {
      const refusal = { status: 400, scimType: "mutability", detail: "badge" };
      expectError(() => change({ badge: "1" }, operation), refusal);
    }
  });

  it("bounds the values of an attribute and the size of the resource", () => {
    const roles = Array.from({ length: 500 }, (_, i) => ({ value: String(i) }));
    expectError(
      () =>
        patch(
          { op: "add", path: "roles", value: roles },
          { op: "add", path: "roles", value: { value: "x" } },
        ),
      {
        status: 413,
        detail: "valuesPerAttributeMax",
      },
    );
    expectError(() => patch({ op: "add", path: "title", value: "é".repeat(131_072) }), {
      status: 413,
      detail: "resourceBytesMax",
    });
  });

  it("carries out 1,000 operations on 500 elements in no time worth waiting for", () => {
    const roles = Array.from({ length: 500 }, (_, i) => ({ value: `role ${i}`, type: "x" }));
    const operations = Array.from({ length: 999 }, (_, i) => ({
      op: "replace",
      path: `roles[value eq "role ${i % 500}"].display`,
      value: `d${i}`,
    }));
    const after = patch({ op: "add", path: "roles", value: roles }, ...operations);
    expect((after["roles"] as JsonValue[])[0]).toEqual({ value: "role 0", type: "x", display: "d500" });
  });
});

describe("the id in a pathless value", () => {
  const operations = readPatch(groupType, patchOp({ op: "replace", value: { id: "1", displayName: "G" } }));

  it("must be the resource's", () => {
    expect(applyPatch(groupType, { displayName: "F" }, operations, { id: "1" })).toEqual({
      displayName: "G",
    });
    expectError(() => applyPatch(groupType, { displayName: "F" }, operations, { id: "2" }), {
      status: 400,
      scimType: "mutability",
      detail: "id",
    });
    expectError(() => checkId(operations, "2"), { status: 400, scimType: "mutability", detail: "id" });
  });
});

describe("membershipChange", () => {
  const change = (operation: unknown) => readPatch(groupType, patchOp(operation)).map(membershipChange);

  it.each<[unknown, unknown]>([
    [
      { op: "Add", path: "members", value: [{ $ref: null, value: "a" }] },
      { kind: "add", ids: ["a"] },
    ],
    [
      { op: "add", path: "members", value: { value: "a" } },
      { kind: "add", ids: ["a"] },
    ],
    [
      { op: "add", path: "members", value: ["a", "b", "a"] },
      { kind: "add", ids: ["a", "b"] },
    ],
    [
      { op: "add", path: "members", value: "a" },
      { kind: "add", ids: ["a"] },
    ],
    [
      { op: "add", path: "members", value: [] },
      { kind: "add", ids: [] },
    ],
    [
      { op: "add", path: 'members[value eq "a"]' },
      { kind: "add", ids: ["a"] },
    ],
    [
      { op: "add", path: 'members[value eq "a"]', value: { value: "a" } },
      { kind: "add", ids: ["a"] },
    ],
    [
      { op: "add", path: 'members[value eq "a"]', value: { display: "A" } },
      { kind: "add", ids: ["a"] },
    ],
    [
      { op: "add", value: { members: [{ value: "a" }] } },
      { kind: "add", ids: ["a"] },
    ],
    [
      { op: "Remove", path: "members", value: [{ value: "a" }] },
      { kind: "remove", ids: ["a"] },
    ],
    [
      { op: "remove", path: "members", value: { value: "a" } },
      { kind: "remove", ids: ["a"] },
    ],
    [
      { op: "remove", path: "members", value: [] },
      { kind: "remove", ids: [] },
    ],
    [{ op: "remove", path: "members" }, { kind: "clear" }],
    [{ op: "remove", path: "members", value: null }, { kind: "clear" }],
    [
      { op: "remove", path: 'members[value eq "a"]' },
      { kind: "remove", ids: ["a"] },
    ],
    [
      { op: "remove", path: 'members[value eq "a" or value eq "b"]' },
      { kind: "remove", ids: ["a", "b"] },
    ],
    [
      { op: "remove", path: 'members[value eq "a" and value eq "b"]' },
      { kind: "remove", ids: [] },
    ],
    [
      { op: "remove", path: 'members[value eq "a" or value eq "b"]', value: ["b", "c"] },
      { kind: "remove", ids: ["b"] },
    ],
    [
      { op: "remove", path: 'urn:ietf:params:scim:schemas:core:2.0:Group:members[value eq "a"]' },
      { kind: "remove", ids: ["a"] },
    ],
    [
      { op: "replace", path: "members", value: [{ value: "a" }] },
      { kind: "replace", ids: ["a"] },
    ],
    [{ op: "replace", path: "members", value: [] }, { kind: "clear" }],
    [{ op: "replace", path: "members", value: null }, { kind: "clear" }],
    [
      { op: "replace", value: { members: [{ value: "a" }] } },
      { kind: "replace", ids: ["a"] },
    ],
    [
      { op: "replace", path: 'members[value eq "a"]', value: "" },
      { kind: "remove", ids: ["a"] },
    ],
    [
      { op: "replace", path: 'members[value eq "a"]', value: { value: "a" } },
      { kind: "add", ids: ["a"] },
    ],
    [{ op: "replace", path: "displayName", value: "x" }, undefined],
  ])("%j", (operation, expected) => {
    expect(change(operation)).toEqual([expected]);
  });

  it("needs a value to add or replace without a filter", () => {
    for (const op of ["add", "replace"]) {
      expectError(() => change({ op, path: "members" }), {
        status: 400,
        scimType: "invalidValue",
        detail: "members",
      });
    }
  });
});
