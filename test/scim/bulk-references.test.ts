import { describe, expect, it } from "vitest";
import { type AskedOperation, readBulkRequest } from "../../lambda/scim/bulk.ts";
import { partReferring, referencesOf, resolveReferences } from "../../lambda/scim/bulk-references.ts";
import { type JsonObject, parseJson } from "../../lambda/scim/json.ts";
import { account, enterprise } from "./fixture.ts";

function asked(method: string, path: string, data: unknown): AskedOperation {
  const body = { Operations: [{ method, path, bulkId: "own", data }] } as JsonObject;
  const [operation] = readBulkRequest(body, "/scim/v2/c1").operations;
  if (operation?.kind !== "asked") throw new Error("the operation is wrong");
  return operation;
}

const idOf = (bulkId: string) => `id of ${bulkId}`;

/** Data before and after. */
function resolved(method: string, data: unknown): unknown {
  const path = method === "POST" ? "/Users" : "/Users/1";
  return resolveReferences(asked(method, path, data), idOf).data;
}

describe("[157] references are found and resolved", () => {
  it.each<[string, string, unknown, unknown]>([
    [
      "members",
      "POST",
      { members: [{ value: "bulkId:a" }, { value: "1" }, "bulkId:b"] },
      { members: [{ value: "id of a" }, { value: "1" }, "id of b"] },
    ],
    [
      "manager",
      "POST",
      { [enterprise]: { manager: { value: "bulkId:a" } } },
      { [enterprise]: { manager: { value: "id of a" } } },
    ],
    [
      "manager as a plain string, and under a qualified key",
      "PUT",
      { [enterprise]: { manager: "bulkId:a" }, [`${enterprise}:manager`]: ["bulkId:b"] },
      { [enterprise]: { manager: "id of a" }, [`${enterprise}:manager`]: ["id of b"] },
    ],
    ["other extensions", "POST", { [account]: { x: "bulkId:a" } }, { [account]: { x: "id of a" } }],
    [
      "values of a PATCH",
      "PATCH",
      {
        Operations: [
          { op: "add", path: "members", value: [{ value: "bulkId:a" }] },
          { op: "add", value: { members: "bulkId:b" } },
        ],
      },
      {
        Operations: [
          { op: "add", path: "members", value: [{ value: "id of a" }] },
          { op: "add", value: { members: "id of b" } },
        ],
      },
    ],
    [
      "paths of a PATCH, names in any case",
      "PATCH",
      { operations: [{ OP: "remove", PATH: 'members[value eq "bulkId:a" or value eq "1"]' }] },
      { operations: [{ OP: "remove", PATH: 'members[value eq "id of a" or value eq "1"]' }] },
    ],
    [
      "escapes in a path's literals",
      "PATCH",
      { Operations: [{ op: "add", path: 'members[value eq "bulkId:\\"\\u0061"].value' }] },
      { Operations: [{ op: "add", path: 'members[value eq "id of \\"a"].value' }] },
    ],
  ])("in %s", (_, method, data, expected) => {
    expect(resolved(method, data)).toEqual(expected);
  });

  it.each<[string, string, unknown]>([
    ["within a text", "POST", { title: "see bulkId:a", note: 'a "bulkId:b"' }],
    ["in another case", "POST", { title: "bulkid:a", note: "BULKID:b" }],
    ["as a key", "POST", { "bulkId:a": { "bulkId:b": 1 } }],
    ["a path outside of quotes", "PATCH", { Operations: [{ op: "add", path: "bulkId:a" }] }],
    ["a path that never closes its quote", "PATCH", { Operations: [{ op: "add", path: '["bulkId:a' }] }],
    ["a value that looks like a path", "PATCH", { Operations: [{ op: "add", value: '["bulkId:a"]' }] }],
    ["a path that is none", "PUT", { Operations: [{ path: '["bulkId:a"]' }] }],
  ])("not %s", (_, method, data) => {
    const operation = asked(method, method === "POST" ? "/Users" : "/Users/1", data);
    expect([...referencesOf(operation)]).toEqual([]);
    expect(resolved(method, data)).toEqual(data);
  });

  it("in the path of the operation", () => {
    const operation = asked("DELETE", "/Groups/bulkId:g", undefined);
    expect([...referencesOf(operation)]).toEqual(["g"]);
    expect(resolveReferences(operation, idOf).target.id).toBe("id of g");
  });

  it("each once, whatever it is called", () => {
    const data = { a: "bulkId:__proto__", b: ["bulkId:__proto__", { c: "bulkId:" }] };
    expect([...referencesOf(asked("POST", "/Users", data))]).toEqual(["__proto__", ""]);
  });

  it("without following a key that names a prototype", () => {
    const data = parseJson('{"__proto__":{"isAdmin":"bulkId:a"},"constructor":{"prototype":"bulkId:b"}}');
    const after = resolved("POST", data) as JsonObject;
    expect(JSON.stringify(after)).toBe(
      '{"__proto__":{"isAdmin":"id of a"},"constructor":{"prototype":"id of b"}}',
    );
    expect(Object.getPrototypeOf(after)).toBe(Object.prototype);
  });
});

describe("[158] partReferring", () => {
  const a = new Set(["a"]);

  it("takes whole attributes, and out of an extension only its own", () => {
    const members = [{ value: "bulkId:a" }, { value: "bulkId:b" }];
    const data = {
      userName: "x",
      members,
      name: { givenName: "bulkId:b" },
      [enterprise]: { department: "D", manager: { displayName: "M", value: "bulkId:a" } },
      [account]: { isTeamAccount: true },
    };
    expect(partReferring(data, a)).toEqual({
      now: {
        userName: "x",
        name: { givenName: "bulkId:b" },
        [enterprise]: { department: "D" },
        [account]: { isTeamAccount: true },
      },
      later: { members, [enterprise]: { manager: { displayName: "M", value: "bulkId:a" } } },
    });
  });

  it("leaves everything where nothing refers", () => {
    const data = { userName: "x", [enterprise]: { manager: "bulkId:b" } };
    expect(partReferring(data, a)).toEqual({ now: data, later: {} });
  });

  it("takes a hostile key for a mere key", () => {
    const { now, later } = partReferring(parseJson('{"__proto__":"bulkId:a","x":1}') as JsonObject, a);
    expect([JSON.stringify(now), JSON.stringify(later)]).toEqual(['{"x":1}', '{"__proto__":"bulkId:a"}']);
  });
});
