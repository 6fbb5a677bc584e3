/** The OpenAPI 3.1 document, from the very schemas that validate (OpenAPI 3.1 takes JSON Schema 2020-12 as it is). */

import * as z from "zod";
import { version } from "../../runtime/version.ts";
import type { Operation } from "./operation.ts";
import { problem } from "./schemas.ts";

type Json = Record<string, unknown>;

export function openApiDocument(operations: readonly Operation[], baseUrl: string): Json {
  const components: Json = {};
  const paths: Record<string, Json> = {};
  for (const operation of operations) {
    paths[operation.path] = {
      ...paths[operation.path],
      [operation.method.toLowerCase()]: describe(operation, components),
    };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Rollcall admin API",
      version,
      description:
        "Projects, connections, tokens, members and groups. Deployed, every request is signed (AWS SigV4). " +
        "Events are published on EventBridge; the local service alone has the last 1,000 at GET /events.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: `${baseUrl}/admin/v1` }],
    security: [{ sigv4: [] }],
    paths,
    components: {
      schemas: components,
      securitySchemes: {
        sigv4: {
          type: "apiKey",
          in: "header",
          name: "Authorization",
          description: "AWS Signature Version 4 (IAM). Locally no credentials are asked for.",
          "x-amazon-apigateway-authtype": "awsSigv4",
        },
      },
    },
  };
}

function describe(operation: Operation, components: Json): Json {
  const parameters = [...pathParameters(operation), ...queryParameters(operation, components)];
  const refused = (description: string) => ({
    description,
    content: { "application/problem+json": { schema: schemaOf(problem, "output", components) } },
  });
  return {
    operationId: operation.id,
    summary: operation.summary,
    ...(parameters.length > 0 && { parameters }),
    ...(operation.body && {
      requestBody: {
        required: true,
        content: { "application/json": { schema: schemaOf(operation.body, "input", components) } },
      },
    }),
    responses: {
      [operation.status]: {
        description: operation.answer ? "Done" : "Done; no content",
        ...(operation.answer && {
          content: { "application/json": { schema: schemaOf(operation.answer, "output", components) } },
        }),
      },
      400: refused("validation_failed"),
      404: refused("not_found"),
      ...(operation.refusals.length > 0 && { 409: refused(operation.refusals.join(", ")) }),
      default: refused("Any other trouble: throttled (429, Retry-After), unavailable (503), internal (500)"),
    },
  };
}

function pathParameters({ path }: Operation): readonly Json[] {
  return path
    .split("/")
    .filter((part) => part.startsWith("{"))
    .map((part) => ({ name: part.slice(1, -1), in: "path", required: true, schema: { type: "string" } }));
}

function queryParameters({ query }: Operation, components: Json): readonly Json[] {
  const shape: Readonly<Record<string, z.core.$ZodType>> = query?.shape ?? {};
  return Object.entries(shape).map(([name, schema]) => ({
    name,
    in: "query",
    required: false,
    schema: schemaOf(schema, "input", components),
  }));
}

/** JSON Schema, with the schemas that have an `id` put among the components and referred to. */
function schemaOf(schema: z.core.$ZodType, io: "input" | "output", components: Json): Json {
  const {
    $defs,
    $schema: _,
    ...own
  } = z.toJSONSchema(schema, {
    io,
    unrepresentable: "any",
    reused: "inline",
  }) as Json;
  const defined = JSON.parse(
    JSON.stringify({ own, $defs: $defs ?? {} }).replaceAll('"#/$defs/', '"#/components/schemas/'),
  ) as { own: Json; $defs: Json };
  for (const [name, definition] of Object.entries(defined.$defs)) {
    const { $schema: _, id: __, ...rest } = definition as Json;
    components[name] = rest;
  }
  const id = typeof own["id"] === "string" ? own["id"] : undefined;
  if (id === undefined) {
    return defined.own;
  }
  const { id: _id, ...rest } = defined.own;
  components[id] = rest;
  return { $ref: `#/components/schemas/${id}` };
}
