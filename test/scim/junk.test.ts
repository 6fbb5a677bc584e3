import fc from "fast-check";
import { describe, it } from "vitest";
import { RequestError } from "../../lambda/scim/error.ts";
import { parseFilter, printFilter } from "../../lambda/scim/filter.ts";
import { type JsonValue, parseJson } from "../../lambda/scim/json.ts";
import { keyLookup } from "../../lambda/scim/key-lookup.ts";
import { checkFilter, matches } from "../../lambda/scim/match.ts";
import { emailValues, memberEmail } from "../../lambda/scim/member-email.ts";
import { errorBody } from "../../lambda/scim/messages.ts";
import { applyPatch, readPatch } from "../../lambda/scim/patch.ts";
import { parsePath, printPath } from "../../lambda/scim/path.ts";
import { project, readProjection } from "../../lambda/scim/projection.ts";
import { readListQuery } from "../../lambda/scim/query.ts";
import { createAttributes, readResource, replaceAttributes } from "../../lambda/scim/read-resource.ts";
import type { ScimResource } from "../../lambda/scim/resource.ts";
import { groupType, userType } from "../../lambda/scim/resource-types.ts";
import { compareBy } from "../../lambda/scim/sort.ts";
import { enterprise, expectOnlyRequestErrors, patchOp, readFixture } from "./fixture.ts";

const resource = readFixture<ScimResource>("rfc/user.json");
const stored = readResource(userType, resource);

const types = [userType, groupType];

const scrap = fc.constantFrom(
  ..."()[]\"\\. :,-$'".split(""),
  ...[
    " and ",
    " or ",
    "not (",
    " eq ",
    " pr",
    " co ",
    '"x"',
    "true",
    "null",
    "1e999",
    "-",
    "\ud800",
    "emails",
    "emails[",
    "].value",
    "type",
    "userName",
    "members",
    "value",
    "__proto__",
    "constructor",
    "urn:",
    enterprise,
    "password",
    "id",
    "meta.created",
    "active",
    "2011-05-13T04:42:34Z",
  ],
);
const scraps = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.array(scrap, { maxLength: 15 }).map((parts) => parts.join("")),
);

const key = fc.oneof(
  fc.constantFrom(
    "userName",
    "emails",
    "name",
    "active",
    "manager",
    "members",
    "value",
    "primary",
    "displayName",
    "groups",
    "id",
    "schemas",
    "meta",
    "password",
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "x509Certificates",
    "roles",
    enterprise,
    `${enterprise}:manager`,
    `emails[type eq "work"].value`,
    "emails[",
    "name.givenName",
  ),
  scraps,
);
const { json } = fc.letrec<{ json: JsonValue }>((tie) => ({
  json: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom<JsonValue[]>(
      null,
      "",
      "True",
      "a@b.c",
      true,
      0,
      -0,
      1e308,
      5e-324,
      "\udc00",
      "__proto__",
    ),
    fc.jsonValue() as fc.Arbitrary<JsonValue>,
    fc.array(tie("json"), { maxLength: 4 }),
    fc.dictionary(key, tie("json"), { maxKeys: 6 }),
  ),
}));

const runs = { numRuns: 1_000 };

function readFilter(text: string): void {
  const tree = parseFilter(text);
  printFilter(tree);
  for (const type of types) {
    const checked = checkFilter(type, tree);
    matches(checked, resource);
    keyLookup(checked);
  }
}

describe("junk makes request errors and nothing else", () => {
  it("as a filter", () => {
    fc.assert(
      fc.property(scraps, (text) => expectOnlyRequestErrors(() => readFilter(text))),
      runs,
    );
  });

  it("as a filter with one character changed", () => {
    const valid = readFixture<{ filter: string }[]>("rfc/filters.json").map(({ filter }) => filter);
    const mutated = fc.tuple(fc.constantFrom(...valid), fc.nat(), scrap).map(([text, at, part]) => {
      const cut = at % (text.length + 1);
      return text.slice(0, cut) + part + text.slice(cut + 1);
    });
    fc.assert(
      fc.property(mutated, (text) => expectOnlyRequestErrors(() => readFilter(text))),
      runs,
    );
  });

  it("as a path", () => {
    fc.assert(
      fc.property(scraps, (text) => {
        for (const type of types) expectOnlyRequestErrors(() => printPath(parsePath(type, text)));
      }),
      runs,
    );
  });

  it("as a body", () => {
    fc.assert(
      fc.property(json, (body) => {
        for (const type of types) {
          expectOnlyRequestErrors(() => readResource(type, body));
          expectOnlyRequestErrors(() => createAttributes(type, body));
          expectOnlyRequestErrors(() => replaceAttributes(type, stored, body));
        }
        expectOnlyRequestErrors(() => memberEmail(readResource(userType, { userName: "u", emails: body })));
        expectOnlyRequestErrors(() => emailValues(readResource(userType, { userName: "u", emails: body })));
      }),
      runs,
    );
  });

  it("as a PATCH message, an operation, a path and a value", () => {
    const op = fc.constantFrom("add", "Remove", "REPLACE");
    const operation = fc.oneof(fc.record({ op, path: key, value: json }, { requiredKeys: ["op"] }), json);
    fc.assert(
      fc.property(json, operation, operation, (body, first, second) => {
        for (const type of types) {
          expectOnlyRequestErrors(() => readPatch(type, body));
          expectOnlyRequestErrors(() =>
            applyPatch(type, stored, readPatch(type, patchOp(first, second)), { id: "1" }),
          );
        }
      }),
      runs,
    );
  });

  it("as text of a body", () => {
    fc.assert(
      fc.property(scraps, (text) => expectOnlyRequestErrors(() => parseJson(text))),
      runs,
    );
  });

  it("as query parameters", () => {
    const parameters = fc.array(
      fc.tuple(
        fc.constantFrom(
          "filter",
          "sortBy",
          "sortOrder",
          "startIndex",
          "count",
          "attributes",
          "excludedAttributes",
          "__proto__",
        ),
        scraps,
      ),
    );
    fc.assert(
      fc.property(parameters, (entries) => {
        expectOnlyRequestErrors(() => project(userType, resource, readListQuery(entries).projection));
      }),
      runs,
    );
    fc.assert(
      fc.property(scraps, (text) => {
        expectOnlyRequestErrors(() => project(userType, resource, readProjection({ attributes: text })));
        expectOnlyRequestErrors(() => compareBy([userType], text, "descending")(resource, { ...resource }));
      }),
      runs,
    );
  });

  it("10,000 levels of JSON, parsed or not", () => {
    const text = `${'{"userName":'.repeat(10_000)}1${"}".repeat(10_000)}`;
    expectOnlyRequestErrors(() => parseJson(text));
    let deep: JsonValue = "x";
    for (let depth = 0; depth < 10_000; depth++) deep = { userName: deep, emails: [deep], junk: [deep] };
    for (const type of types) {
      expectOnlyRequestErrors(() => readResource(type, deep));
      expectOnlyRequestErrors(() =>
        readPatch(type, patchOp({ op: "add", value: deep }, { op: "add", path: "emails", value: deep })),
      );
    }
    let manager: JsonValue = "x";
    for (let depth = 0; depth < 10_000; depth++) manager = [manager];
    expectOnlyRequestErrors(() => readResource(userType, { userName: "u", [enterprise]: { manager } }));
  });

  it("an error body of any error", () => {
    expectOnlyRequestErrors(() => errorBody(new RequestError({ status: 599, code: "x", detail: "\ud800" })));
  });
});
