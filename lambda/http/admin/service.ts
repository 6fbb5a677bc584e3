/** Dispatch of the admin API: finds the operation, validates path, query and body by its schemas, answers JSON. */

import type * as z from "zod";
import { adminActor } from "../../domain/context.ts";
import { methodNotAllowed, validationFailed } from "../../domain/refusals.ts";
import { invalidSyntax, notFound } from "../../scim/error.ts";
import { parseJson } from "../../scim/json.ts";
import type { Service } from "../lambda-function.ts";
import { boundedBody, type HttpRequest } from "../request.ts";
import type { HttpResponse } from "../response.ts";
import { openApiDocument } from "./openapi.ts";
import type { Operation } from "./operation.ts";
import { operations } from "./operations.ts";

export const adminService: Service = async (request, runtime) => {
  const [, , ...segments] = request.segments;
  if (segments.length === 1 && segments[0] === "openapi.json") {
    if (request.method !== "GET") {
      throw methodNotAllowed(request.method, ["GET"]);
    }
    return json(200, openApiDocument(operations, request.baseUrl));
  }
  const here = operations.flatMap((operation) => {
    const path = match(operation.path, segments);
    return path ? [{ operation, path }] : [];
  });
  // A literal segment beats a parameter: `tokens/rotate` is no token.
  const best = Math.min(...here.map(({ path }) => Object.keys(path).length));
  const candidates = here.filter(({ path }) => Object.keys(path).length === best);
  if (candidates.length === 0) {
    throw notFound(`There is nothing at /${segments.join("/")}; GET /admin/v1/openapi.json lists what is.`);
  }
  const found = candidates.find(({ operation }) => operation.method === request.method);
  if (!found) {
    throw methodNotAllowed(
      request.method,
      candidates.map(({ operation }) => operation.method),
    );
  }
  const { operation, path } = found;
  const answer = await operation.handle({
    context: { ...runtime.context, actor: actorOf(request) },
    path,
    query: operation.query && queryOf(operation.query, request),
    body: operation.body && bodyOf(operation.body, request),
    baseUrl: request.baseUrl,
  });
  return operation.answer
    ? json(operation.status, answer)
    : { status: operation.status, headers: {}, body: undefined };
};

/** By what the activity trail tells this caller from others. */
function actorOf({ principal }: HttpRequest): string {
  return principal === undefined ? adminActor : `${adminActor}:${principal}`;
}

function json(status: number, body: unknown): HttpResponse {
  return { status, headers: { "Content-Type": "application/json" }, body };
}

function match(
  template: Operation["path"],
  segments: readonly string[],
): Readonly<Record<string, string>> | undefined {
  const parts = template.split("/").slice(1);
  if (parts.length !== segments.length) {
    return undefined;
  }
  const parameters: Record<string, string> = {};
  for (const [index, part] of parts.entries()) {
    const segment = segments[index]!;
    if (part.startsWith("{")) {
      parameters[part.slice(1, -1)] = segment;
    } else if (part !== segment) {
      return undefined;
    }
  }
  return parameters;
}

function bodyOf(schema: z.ZodType, request: HttpRequest): unknown {
  const text = boundedBody(request).trim();
  // A POST whose fields are all optional may come without a body.
  return validated(schema, text === "" ? {} : parsed(text), "body");
}

function parsed(text: string): unknown {
  try {
    return parseJson(text);
  } catch (cause) {
    throw cause instanceof Error ? validationFailed(cause.message) : invalidSyntax("The body is not JSON.");
  }
}

/** Parameters this list does not know are ignored; of a repeated one the last counts. */
function queryOf(schema: z.ZodObject, request: HttpRequest): unknown {
  const known = new Set(Object.keys(schema.shape));
  return validated(schema, Object.fromEntries(request.query.filter(([name]) => known.has(name))), "query");
}

function validated(schema: z.ZodType, value: unknown, where: string): unknown {
  const result = schema.safeParse(value);
  if (result.success) {
    return result.data;
  }
  const errors = result.error.issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => ({
          path: [...issue.path, key].join("."),
          message: "unknown field; leave it out",
        }))
      : [{ path: issue.path.join("."), message: issue.message }],
  );
  const [first] = errors;
  throw validationFailed(
    `The ${where} is not valid: ${first?.path ? `${first.path}: ` : ""}${first?.message ?? "see errors"}.`,
    errors,
  );
}
