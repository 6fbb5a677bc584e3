/** `/Bulk` (RFC 7644 §3.7): many operations in one request, each served as it would be by itself. */

import { bytesInAnswer } from "../domain/answer-size.ts";
import { attempt, unwrapped } from "../domain/attempt.ts";
import type { Context } from "../domain/context.ts";
import {
  answerBytesMax,
  bulkBudgetMs,
  bulkOperationsAtOnceMax,
  largeBodyBytesMax,
} from "../domain/limits.ts";
import { openConnection } from "../domain/provider-access.ts";
import { throttled } from "../domain/refusals.ts";
import { type BulkOperation, type BulkRequest, bulkResponse, readBulkRequest } from "../scim/bulk.ts";
import { planBulk } from "../scim/bulk-plan.ts";
import { notFound } from "../scim/error.ts";
import { type JsonObject, parseJson } from "../scim/json.ts";
import { type Outcome, type Outcomes, runBulk } from "./bulk-run.ts";
import { BulkSteps } from "./bulk-steps.ts";
import { assertJsonBody } from "./media-type.ts";
import { boundedBody } from "./request.ts";
import { refuseMethod, type ScimCall, type ScimEndpoint, scimAnswer } from "./scim-router.ts";

/** Operations are served by these endpoints, in this process; where theirs is not among them: 501. */
export function bulkEndpoint(endpoints: readonly ScimEndpoint[]): ScimEndpoint {
  return {
    name: "Bulk",
    async serve(call) {
      if (call.request.method !== "POST") {
        return refuseMethod(call, ["POST"]);
      }
      const { context } = call.runtime;
      const startedAt = context.clock();
      const expired = () => context.clock() - startedAt >= bulkBudgetMs;
      const read = attempt(() => readBody(call));
      await openConnection(context, call.caller);
      const { operations, failOnErrors } = unwrapped(read);
      const bulk = new BulkSteps(hurrying(call, expired), endpoints, operations);
      const outcomes = await runBulk(planBulk(operations), {
        take: (step, before) => bulk.take(step, before),
        leave: (step, before) => bulk.leave(step, before),
        // With a limit strictly one after the other, so that nothing begins beside the last error allowed.
        atOnceMax: failOnErrors === undefined ? bulkOperationsAtOnceMax : 1,
        errorsMax: failOnErrors ?? Number.POSITIVE_INFINITY,
        expired,
      });
      return scimAnswer(call, 200, answerOf(operations, outcomes));
    },
  };
}

function readBody({ request, caller, rest }: ScimCall): BulkRequest {
  if (rest.length > 0) {
    throw notFound("There is one Bulk endpoint; POST to it without an id.");
  }
  assertJsonBody(request);
  const body = parseJson(boundedBody(request, largeBodyBytesMax));
  return readBulkRequest(body, `/scim/v2/${caller.connectionId}`);
}

/** The same call, but that once the time is up a change overtaken by others gives up instead of trying again. */
function hurrying(call: ScimCall, expired: () => boolean): ScimCall {
  const { runtime } = call;
  const backoff: Context["backoff"] = async (attempt) => {
    if (expired()) {
      throw throttled("Too many changes meet here at once; nothing was changed, send the operation again.");
    }
    await runtime.context.backoff(attempt);
  };
  return { ...call, runtime: { ...runtime, context: { ...runtime.context, backoff } } };
}

/** In the order of the request. */
function answerOf(operations: readonly BulkOperation[], outcomes: Outcomes): JsonObject {
  const results = operations.flatMap((operation, index) => {
    const outcome = outcomes.get(index);
    return outcome ? [{ operation, ...outcome }] : [];
  });
  const answer = bulkResponse(results);
  return bytesInAnswer(answer) <= answerBytesMax
    ? answer
    : bulkResponse(results.map((result) => ({ ...result, ...shortened(result) })));
}

/** Characters left of each detail where all of them would not fit: with the longest ids and bulkIds, 1,000 then do. */
const detailLengthMin = 100;

function shortened({ response }: Outcome): Pick<Outcome, "response"> {
  const detail = response?.["detail"];
  return typeof detail === "string" && detail.length > detailLengthMin
    ? { response: { ...response, detail: `${detail.slice(0, detailLengthMin).toWellFormed()}…` } }
    : { response };
}
