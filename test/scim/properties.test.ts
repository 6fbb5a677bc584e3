import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AttributeName } from "../../lambda/scim/attribute-name.ts";
import { type CompareOperator, type Filter, parseFilter, printFilter } from "../../lambda/scim/filter.ts";
import { foldCase } from "../../lambda/scim/fold.ts";
import type { JsonObject, JsonValue } from "../../lambda/scim/json.ts";
import { checkFilter, matches } from "../../lambda/scim/match.ts";
import { applyPatch, readPatch } from "../../lambda/scim/patch.ts";
import { parsePath, printPath } from "../../lambda/scim/path.ts";
import { project, readProjection } from "../../lambda/scim/projection.ts";
import { readResource, replaceAttributes } from "../../lambda/scim/read-resource.ts";
import { buildResource, type ScimAttributes } from "../../lambda/scim/resource.ts";
import { userType } from "../../lambda/scim/resource-types.ts";
import { account, common, enterprise, patchOp } from "./fixture.ts";

const word = fc.constantFrom("a", "A", "b", "ab", "aB", "x@y.z", "Ü");
const type = fc.constantFrom("work", "home", "other");

const emails = fc.uniqueArray(
  fc.record({ value: word, type, primary: fc.boolean(), display: word }, { requiredKeys: ["value"] }),
  { maxLength: 4, selector: (email) => `${email.value} ${email.type}` },
);

/** Bodies of users that are accepted, at most one primary e-mail. */
const userBody: fc.Arbitrary<JsonObject> = fc
  .record(
    {
      userName: word,
      externalId: word,
      title: word,
      active: fc.boolean(),
      name: fc.record({ givenName: word, familyName: word }, { requiredKeys: [] }),
      emails,
      addresses: fc.array(
        fc.record({ type, locality: word, country: word }, { requiredKeys: ["locality"] }),
        { maxLength: 3 },
      ),
      [enterprise]: fc.record(
        { department: word, manager: fc.record({ value: word, $ref: word }, { requiredKeys: ["value"] }) },
        { requiredKeys: [] },
      ),
      [account]: fc.record({ isTeamAccount: fc.boolean() }, { requiredKeys: [] }),
    },
    { requiredKeys: ["userName"] },
  )
  .map((body) => withOnePrimary(body as JsonObject));

function withOnePrimary(body: JsonObject): JsonObject {
  const given = (body["emails"] ?? []) as JsonObject[];
  const first = given.findIndex((email) => email["primary"] === true);
  return {
    ...body,
    emails: given.map((email, at) =>
      at > first && email["primary"] === true ? { ...email, primary: false } : email,
    ),
  };
}

const attributes = userBody.map((body) => readResource(userType, body));

const email = fc.record({ value: word, type }, { requiredKeys: ["value"] });
const selection = fc.constantFrom(
  'emails[type eq "work"]',
  'emails[value eq "a"]',
  'emails[type eq "home" and value eq "b"]',
  'emails[value sw "a"]',
);
const single = fc.constantFrom(
  "title",
  "externalId",
  "name.givenName",
  `${enterprise}:department`,
  `${enterprise}:manager.value`,
);

const setting = (op: string): fc.Arbitrary<object> =>
  fc.oneof(
    fc.record({ op: fc.constant(op), path: single, value: word }),
    fc.record({
      op: fc.constant(op),
      path: fc.constant("active"),
      value: fc.constantFrom(true, false, "True", "false"),
    }),
    fc.record({ op: fc.constant(op), path: fc.constant("emails"), value: fc.array(email, { maxLength: 3 }) }),
    fc.record({ op: fc.constant(op), path: fc.constant("name"), value: fc.record({ givenName: word }) }),
    fc.record({
      op: fc.constant(op),
      path: fc.constant(`${enterprise}:manager`),
      value: fc.oneof(word, fc.constant("")),
    }),
    fc.record({ op: fc.constant(op), path: selection.map((path) => `${path}.display`), value: word }),
    fc.record({
      op: fc.constant(op),
      value: fc.record(
        { title: word, "name.familyName": word, emails: fc.array(email, { maxLength: 2 }) },
        { requiredKeys: [] },
      ),
    }),
  );

const removal: fc.Arbitrary<object> = fc.record({
  op: fc.constant("remove"),
  path: fc.oneof(
    single,
    selection,
    fc.constantFrom("emails", "name", enterprise, "active", "addresses", 'emails[type eq "work"].display'),
  ),
});

const operation = fc.oneof(setting("add"), setting("replace"), removal);

const patched = (before: ScimAttributes, ...operations: readonly object[]): ScimAttributes =>
  applyPatch(userType, before, readPatch(userType, patchOp(...operations)));

/** The result, or the kind of refusal. */
function outcome(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return { refused: (error as { scimType?: string }).scimType };
  }
}

describe("PATCH laws", () => {
  it("[123] replacing again changes nothing", () => {
    fc.assert(
      fc.property(attributes, setting("replace"), (before, replace) => {
        const once = outcome(() => patched(before, replace));
        if (Object.hasOwn(once as object, "refused")) return;
        expect(patched(once as ScimAttributes, replace)).toBe(once);
      }),
    );
  });

  it("[138] removing again changes nothing", () => {
    fc.assert(
      fc.property(attributes, removal, (before, remove) => {
        const once = patched(before, remove);
        expect(patched(once, remove)).toBe(once);
      }),
    );
  });

  it("[129] adding what is present changes nothing", () => {
    fc.assert(
      fc.property(attributes, (before) => {
        expect(patched(before, { op: "add", value: before })).toBe(before);
        for (const [path, value] of Object.entries(before))
          expect(patched(before, { op: "add", path, value })).toBe(before);
      }),
    );
  });

  it("[117] two operations in one request are two requests", () => {
    fc.assert(
      fc.property(attributes, operation, operation, (before, first, second) => {
        expect(outcome(() => patched(before, first, second))).toEqual(
          outcome(() => patched(patched(before, first), second)),
        );
      }),
    );
  });

  it("[117, 125] is atomic, and what it leaves is a valid resource without empty values", () => {
    fc.assert(
      fc.property(attributes, fc.array(operation, { minLength: 1, maxLength: 5 }), (before, operations) => {
        const snapshot = structuredClone(before);
        const after = outcome(() => patched(before, ...operations)) as ScimAttributes;
        expect(before).toEqual(snapshot);
        if (Object.hasOwn(after, "refused")) return;
        expect(readResource(userType, after)).toEqual(after);
      }),
    );
  });
});

describe("POST, PUT and projection laws", () => {
  it("[109] putting back what a GET gave changes nothing", () => {
    fc.assert(
      fc.property(attributes, (stored) => {
        expect(replaceAttributes(userType, stored, buildResource(userType, stored, common))).toEqual(stored);
      }),
    );
  });

  it("[33] the order of keys has no effect", () => {
    fc.assert(
      fc.property(userBody, (body) => {
        const reversed = Object.fromEntries(Object.entries(body).reverse());
        expect(readResource(userType, reversed)).toEqual(readResource(userType, body));
      }),
    );
  });

  it("[59, 60] attributes and excludedAttributes part a resource", () => {
    const names = fc.uniqueArray(
      fc.constantFrom(
        "userName",
        "title",
        "name.givenName",
        "emails",
        "emails.value",
        "meta",
        enterprise,
        `${enterprise}:department`,
      ),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(attributes, names, (stored, named) => {
        const resource = buildResource(userType, stored, common);
        const only = readProjection({ attributes: named.join(",") });
        const except = readProjection({ excludedAttributes: named.join(",") });
        const shown = project(userType, resource, only);
        expect(project(userType, shown, only)).toEqual(shown);
        const left = project(userType, project(userType, resource, except), only);
        expect(left).toEqual({ schemas: resource.schemas, id: resource.id });
      }),
    );
  });
});

const name = fc.constantFrom<AttributeName>(
  { name: "userName" },
  { name: "externalId" },
  { name: "title" },
  { name: "emails", sub: "value" },
  { name: "emails", sub: "type" },
  { name: "department", urn: enterprise },
  { name: "name", sub: "givenName" },
  { name: "unknown" },
);
const text = fc.oneof(
  word,
  fc.string({ unit: "binary", maxLength: 5 }),
  fc.constantFrom("work", "\u{1f600}", 'q"\\'),
);
const stringOperator = fc.constantFrom<CompareOperator[]>(
  "eq",
  "ne",
  "co",
  "sw",
  "ew",
  "gt",
  "ge",
  "lt",
  "le",
);
const nullOperator = fc.constantFrom<CompareOperator[]>("eq", "ne");

const elementName = fc.constantFrom<AttributeName>({ name: "value" }, { name: "type" }, { name: "display" });

/** Filters whose strings are drawn from `texts`, and filters for the brackets of `emails[…]`. */
function filtersWith(texts: fc.Arbitrary<string>): {
  filter: fc.Arbitrary<Filter>;
  elementFilter: fc.Arbitrary<Filter>;
} {
  const leaf = (names: fc.Arbitrary<AttributeName>): fc.Arbitrary<Filter> =>
    fc.oneof(
      fc.record({
        kind: fc.constant("compare" as const),
        name: names,
        operator: stringOperator,
        value: texts,
      }),
      fc.record({
        kind: fc.constant("compare" as const),
        name: names,
        operator: nullOperator,
        value: fc.constant(null),
      }),
      fc.record({ kind: fc.constant("present" as const), name: names }),
    );
  const elementFilter = fc.oneof(leaf(elementName), joined(leaf(elementName)));
  const emailsName: fc.Arbitrary<AttributeName> = fc.constant({ name: "emails" });
  const valuePath = fc.record({
    kind: fc.constant("valuePath" as const),
    name: emailsName,
    filter: elementFilter,
  });
  const operand = fc.oneof(leaf(name), valuePath);
  return { filter: fc.oneof(operand, joined(operand), joined(joined(operand))), elementFilter };
}

function joined(operand: fc.Arbitrary<Filter>): fc.Arbitrary<Filter> {
  const operands = fc.array(operand, { minLength: 2, maxLength: 3 });
  return fc.oneof(
    fc.record({ kind: fc.constantFrom("and" as const, "or" as const), filters: operands }),
    fc.record({ kind: fc.constant("not" as const), filter: operand }),
  );
}

const { filter, elementFilter } = filtersWith(text);

describe("print and parse", () => {
  it("[92] parsing a printed filter gives the filter", () => {
    fc.assert(
      fc.property(filter, (tree) => {
        expect(parseFilter(printFilter(tree))).toEqual(tree);
      }),
      { numRuns: 500 },
    );
  });

  it("[119] parsing a printed path gives the path", () => {
    const path = fc.oneof(
      fc.constantFrom(
        "userName",
        "name.givenName",
        enterprise,
        `${enterprise}:manager.value`,
        "urn:x:2.0:User:foo",
      ),
      elementFilter.map((inner) => `EMAILS[${printFilter(inner)}]`),
      elementFilter.map((inner) => `emails[${printFilter(inner)}].Value`),
    );
    fc.assert(
      fc.property(path, (text) => {
        const parsed = parsePath(userType, text);
        expect(parsePath(userType, printPath(parsed))).toEqual(parsed);
      }),
    );
  });
});

/** Filters read straight from their definition, over values that ASCII lower-casing folds. */
function naive(tree: Filter, holder: JsonObject): boolean {
  switch (tree.kind) {
    case "and":
      return !tree.filters.some((inner) => !naive(inner, holder));
    case "or":
      return tree.filters.some((inner) => naive(inner, holder));
    case "not":
      return !naive(tree.filter, holder);
    case "valuePath":
      return ((holder[tree.name.name] ?? []) as JsonObject[]).some((element) => naive(tree.filter, element));
    case "present":
      return naiveValues(tree.name, holder).some((value) => value !== null);
    case "compare": {
      const fold = (value: JsonValue) =>
        typeof value === "string" && tree.name.name !== "externalId" ? value.toLowerCase() : value;
      return naiveValues(tree.name, holder).some((value) =>
        naiveCompare(fold(value), tree.operator, fold(tree.value)),
      );
    }
  }
}

function naiveValues({ urn, name, sub }: AttributeName, holder: JsonObject): JsonValue[] {
  const place = (urn === undefined ? holder : (holder[urn] ?? {})) as JsonObject;
  const value = place[name] ?? null;
  const all = Array.isArray(value) ? value : [value];
  const values = all.map((item: JsonValue) =>
    sub === undefined || item === null ? item : ((item as JsonObject)[sub] ?? null),
  );
  return values.length === 0 ? [null] : values;
}

function naiveCompare(a: JsonValue, operator: string, b: JsonValue): boolean {
  if (operator === "eq") return a === b;
  if (operator === "ne") return a !== b;
  if (typeof a !== "string" || typeof b !== "string") return false;
  const order = a < b ? -1 : a > b ? 1 : 0;
  switch (operator) {
    case "co":
      return a.split(b).length > 1 || b === "";
    case "sw":
      return a.slice(0, b.length) === b;
    case "ew":
      return b === "" || a.slice(-b.length) === b;
    case "gt":
      return order > 0;
    case "ge":
      return order >= 0;
    case "lt":
      return order < 0;
    default:
      return order <= 0;
  }
}

describe("matches", () => {
  it("[86, 87, 90, 93] agrees with a naive reading of the filter", () => {
    const plain = fc.constantFrom("a", "A", "b", "ab", "aB", "work", "x@y.z", "", "z");
    fc.assert(
      fc.property(filtersWith(plain).filter, attributes, (tree, stored) => {
        expect(matches(checkFilter(userType, tree), stored)).toBe(naive(tree, stored as JsonObject));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("foldCase", () => {
  it("[48] is idempotent", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (drawn) => {
        expect(foldCase(foldCase(drawn))).toBe(foldCase(drawn));
      }),
      { numRuns: 1_000 },
    );
  });
});
