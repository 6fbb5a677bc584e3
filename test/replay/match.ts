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
      return Array.isArray(actual) && actual.length === expected["<length>"] ? [] : differs;
    }
    if (!isObject(actual)) return differs;
    return Object.entries(expected).flatMap(([name, value]) =>
      differences(value, Object.hasOwn(actual, name) ? actual[name] : undefined, `${place}.${name}`),
    );
  }
  return expected === actual ? [] : differs;
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
