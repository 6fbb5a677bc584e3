/** How `actual` differs from a fixture's partial expectation, one line for each place; empty when it matches. */
export function differences(expected: unknown, actual: unknown, place = "body"): string[] {
  const differs = [`${place}: expected ${show(expected)}, got ${show(actual)}`];

  if (expected === "<absent>") return actual === undefined ? [] : differs;
  if (expected === "<any-string>") return typeof actual === "string" && actual !== "" ? [] : differs;
  if (expected === "<integer>") return isInteger(actual) ? [] : differs;
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) return differs;
    return expected.flatMap((element, i) => differences(element, actual[i], `${place}[${i}]`));
  }
  if (isObject(expected)) {
    if ("<length>" in expected) {
      // A captured number has become a string on its way here.
      return Array.isArray(actual) && actual.length === Number(expected["<length>"]) ? [] : differs;
    }
    if ("<in-any-order>" in expected) return differencesInAnyOrder(expected["<in-any-order>"], actual, place);
    if (!isObject(actual)) return differs;
    return Object.entries(expected).flatMap(([name, value]) =>
      differences(value, Object.hasOwn(actual, name) ? actual[name] : undefined, `${place}.${name}`),
    );
  }
  return expected === actual ? [] : differs;
}

/** Each expected element takes the first one left that matches it, so none may match what another one needs. */
function differencesInAnyOrder(expected: unknown, actual: unknown, place: string): string[] {
  if (!Array.isArray(expected) || !Array.isArray(actual)) {
    return [`${place}: expected ${show(expected)} in any order, got ${show(actual)}`];
  }
  const left = [...actual];
  const missing = expected.filter((element) => {
    const found = left.findIndex((candidate) => differences(element, candidate).length === 0);
    if (found >= 0) left.splice(found, 1);
    return found < 0;
  });
  return [
    ...missing.map((element) => `${place}: nothing matches ${show(element)}`),
    ...left.map((element) => `${place}: nobody expected ${show(element)}`),
  ];
}

/** The values at a dotted path; `*` stands for each element of an array, `.` for the whole. */
export function valuesAt(value: unknown, path: string): unknown[] {
  if (path === ".") return [value];
  let values = [value];
  for (const segment of path.split(".")) {
    values = values.flatMap((each) => {
      if (segment === "*") return Array.isArray(each) ? each : [];
      if (typeof each !== "object" || each === null || !Object.hasOwn(each, segment)) return [];
      return [(each as Record<string, unknown>)[segment]];
    });
  }
  return values;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Header values are strings, JSON numbers are not. */
function isInteger(value: unknown): boolean {
  return Number.isInteger(typeof value === "string" && value !== "" ? Number(value) : value);
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
