import type { Route } from "../../lambda/http/routes.ts";

export interface RouteMatch {
  readonly route: Route;
  /** Percent-decoded, as API Gateway hands them over; null when the route has none. */
  readonly pathParameters: Readonly<Record<string, string>> | null;
}

interface CompiledRoute {
  readonly route: Route;
  readonly segments: readonly string[];
}

export type RouteMatcher = (method: string, path: string) => RouteMatch | undefined;

/**
 * Matches raw paths (still percent-encoded, without query) the way API Gateway does: `{name}` is one segment that is
 * not empty, `{name+}` the whole rest, the most specific path wins, and only then the method decides.
 */
export function createRouteMatcher(routes: readonly Route[]): RouteMatcher {
  const compiled = routes
    .map((route): CompiledRoute => ({ route, segments: route.path.split("/").slice(1) }))
    .sort(compareSpecificity);

  return (method, path) => {
    const segments = path.split("/").slice(1);
    const candidates = compiled.filter((candidate) => matches(candidate.segments, segments));
    const mostSpecificPath = candidates[0]?.route.path;
    const found = candidates.find(
      ({ route }) => route.path === mostSpecificPath && (route.method === "ANY" || route.method === method),
    );
    return found && { route: found.route, pathParameters: readParameters(found.segments, segments) };
  };
}

function isGreedy(segment: string): boolean {
  return segment.startsWith("{") && segment.endsWith("+}");
}

function isParameter(segment: string): boolean {
  return segment.startsWith("{");
}

/** Literal before parameter before greedy, from the left. */
function compareSpecificity(a: CompiledRoute, b: CompiledRoute): number {
  const rank = (segment: string | undefined): number => {
    if (segment === undefined) return 3;
    return isGreedy(segment) ? 2 : isParameter(segment) ? 1 : 0;
  };
  for (let i = 0; i < Math.max(a.segments.length, b.segments.length); i++) {
    const difference = rank(a.segments[i]) - rank(b.segments[i]);
    if (difference !== 0) return difference;
  }
  return 0;
}

function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  const last = pattern.length - 1;
  if (isGreedy(pattern[last] as string)) {
    const rest = segments.slice(last);
    return rest.some((segment) => segment !== "") && matchesEach(pattern.slice(0, last), segments);
  }
  return pattern.length === segments.length && matchesEach(pattern, segments);
}

function matchesEach(pattern: readonly string[], segments: readonly string[]): boolean {
  return pattern.every((expected, i) => {
    const segment = segments[i];
    return isParameter(expected) ? segment !== undefined && segment !== "" : segment === expected;
  });
}

function readParameters(
  pattern: readonly string[],
  segments: readonly string[],
): Record<string, string> | null {
  const parameters = pattern.flatMap((expected, i): [string, string][] => {
    if (isGreedy(expected)) return [[expected.slice(1, -2), decodePath(segments.slice(i).join("/"))]];
    if (isParameter(expected)) return [[expected.slice(1, -1), decodePath(segments[i] ?? "")]];
    return [];
  });
  return parameters.length === 0 ? null : Object.fromEntries(parameters);
}

/** A malformed escape is left as it came, for the handler to refuse. */
function decodePath(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
