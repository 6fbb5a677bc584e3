/** An operation of the admin API: one entry of the table that dispatch and the OpenAPI document share. */

import type * as z from "zod";
import type { Context } from "../../domain/context.ts";

export interface Call<Body, Query> {
  readonly context: Context;
  /** Path parameters by name. */
  readonly path: Readonly<Record<string, string>>;
  readonly body: Body;
  readonly query: Query;
  /** `https://host/stage` */
  readonly baseUrl: string;
}

export interface Operation {
  readonly id: string;
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Under `/admin/v1`; `{name}` is one segment. */
  readonly path: string;
  readonly summary: string;
  readonly body: z.ZodType | undefined;
  readonly query: z.ZodObject | undefined;
  readonly status: 200 | 201 | 202 | 204;
  readonly answer: z.ZodType | undefined;
  /** Codes of the refusals beyond 400 `validation_failed` and 404 `not_found`. */
  readonly refusals: readonly string[];
  handle(call: Call<unknown, unknown>): Promise<unknown>;
}

interface OperationFields<Body extends z.ZodType, Query extends z.ZodObject, Answer extends z.ZodType> {
  readonly id: string;
  readonly method: Operation["method"];
  readonly path: string;
  readonly summary: string;
  readonly body?: Body;
  readonly query?: Query;
  readonly status?: Operation["status"];
  readonly answer?: Answer;
  readonly refusals?: readonly string[];
  handle(
    call: Call<z.output<Body>, z.output<Query>>,
  ): Promise<[Answer] extends [never] ? void : z.input<Answer>>;
}

/** Checks that handler and messages agree; `handle` is called with what its schemas let through and nothing else. */
export function operation<
  Body extends z.ZodType = never,
  Query extends z.ZodObject = never,
  Answer extends z.ZodType = never,
>(fields: OperationFields<Body, Query, Answer>): Operation {
  const { body, query, answer, status = answer ? 200 : 204, refusals = [], ...rest } = fields;
  return { ...rest, body, query, answer, status, refusals } as Operation;
}
