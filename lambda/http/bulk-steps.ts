/** The steps of a bulk request, each served as a request of its own would be. */

import { noteRefusal } from "../domain/provisioning.ts";
import { conflict, notImplemented, unavailable } from "../domain/refusals.ts";
import type { AskedOperation, BulkOperation } from "../scim/bulk.ts";
import {
  type BulkStep,
  type CompleteStep,
  creatorsOf,
  type PerformStep,
  type RefuseStep,
} from "../scim/bulk-plan.ts";
import { partReferring, referenceIn, resolveReferences, shownReference } from "../scim/bulk-references.ts";
import type { BulkTarget } from "../scim/bulk-target.ts";
import { invalidValue, type RequestError } from "../scim/error.ts";
import { isObject, type JsonObject, type JsonValue } from "../scim/json.ts";
import { errorBody } from "../scim/messages.ts";
import type { Outcome, Outcomes } from "./bulk-run.ts";
import { tellable } from "./error-response.ts";
import { askedResource } from "./provisioned.ts";
import type { HttpResponse } from "./response.ts";
import type { ScimCall, ScimEndpoint } from "./scim-router.ts";

export class BulkSteps {
  readonly #call: ScimCall;
  /** By the resource types' paths, such as `/Users`. */
  readonly #endpoints: ReadonlyMap<string, ScimEndpoint>;
  readonly #operations: readonly BulkOperation[];
  /** bulkId → index of its POST. */
  readonly #creators: ReadonlyMap<string, number>;

  constructor(call: ScimCall, endpoints: readonly ScimEndpoint[], operations: readonly BulkOperation[]) {
    this.#call = call;
    this.#endpoints = new Map(endpoints.map((endpoint) => [`/${endpoint.name}`, endpoint]));
    this.#operations = operations;
    this.#creators = creatorsOf(operations);
  }

  /** Every error is an outcome. */
  async take(step: BulkStep, outcomes: Outcomes): Promise<Outcome> {
    switch (step.kind) {
      case "refuse":
        return this.#refuse(step);
      case "perform":
        return this.#perform(step, outcomes);
      case "complete":
        return this.#complete(step, outcomes);
    }
  }

  /** 503 for an operation that nobody has begun. */
  leave({ operation }: PerformStep, outcomes: Outcomes): Outcome {
    const target = this.#resolved(operation.target, outcomes);
    return this.#refusal(target, notProcessed("The request has used up its time."));
  }

  #refuse({ index, error }: RefuseStep): Outcome {
    const { method, target } = this.#operations[index]!;
    return this.#refusal(method === "POST" ? undefined : target, error);
  }

  async #perform(step: PerformStep, outcomes: Outcomes): Promise<Outcome> {
    const { operation, references, postponed } = step;
    const idOf = (bulkId: string) => this.#idOf(bulkId, outcomes);
    const missing = [...references].find((bulkId) => !postponed.has(bulkId) && idOf(bulkId) === undefined);
    if (missing !== undefined) {
      const target = this.#resolved(operation.target, outcomes);
      return this.#refusal(target, await this.#noted(operation, this.#missing(missing, outcomes)));
    }
    const now = postponed.size === 0 ? operation.data : partReferring(operation.data, postponed).now;
    const resolved = resolveReferences({ ...operation, data: now }, (bulkId) => idOf(bulkId)!);
    try {
      return this.#success(resolved, await this.#serve(resolved));
    } catch (error) {
      return this.#refusal(resolved.target, this.#tellable(error));
    }
  }

  /** An operation that no endpoint gets to see is known to the operators by the name in its body. */
  async #noted({ method, target, data }: AskedOperation, error: RequestError): Promise<RequestError> {
    const isUser = target.type.name === "User";
    const { name } = askedResource({ ok: true, value: data }, isUser ? "userName" : "displayName");
    await noteRefusal(
      this.#call.runtime.context,
      {
        connectionId: this.#call.caller.connectionId,
        resourceType: isUser ? "User" : "Group",
        operation: method === "POST" ? "create" : "replace",
        asked: { name, id: undefined },
        requestId: this.#call.request.requestId,
      },
      error,
    );
    return error;
  }

  async #complete({ index, operation, postponed }: CompleteStep, outcomes: Outcomes): Promise<Outcome> {
    const created = outcomes.get(index)!;
    const { id } = created;
    if (id === undefined) {
      return created;
    }
    const { later } = partReferring(operation.data, postponed);
    const incomplete = (why: string): Outcome => {
      const error = leftIncomplete(operation.target, id, later, why);
      return { ...this.#refusal(operation.target, error), id };
    };
    const missing = [...postponed].find((bulkId) => this.#idOf(bulkId, outcomes) === undefined);
    if (missing !== undefined) {
      return incomplete(`${shownReference(missing)} was not created.`);
    }
    const completion: AskedOperation = {
      ...operation,
      method: "PATCH",
      target: { ...operation.target, id },
      version: undefined,
      data: { Operations: [{ op: "replace", value: later }] },
    };
    try {
      const response = await this.#serve(
        resolveReferences(completion, (bulkId) => this.#idOf(bulkId, outcomes)!),
      );
      return { ...created, version: response.headers["ETag"] ?? created.version };
    } catch (error) {
      return incomplete(this.#tellable(error).detail);
    }
  }

  /** As a request of its own, by the endpoint that would get it. Whose the caller is has been checked, and is again. */
  #serve({ method, target: { type, id }, version, data }: AskedOperation): Promise<HttpResponse> {
    const endpoint = this.#endpoints.get(type.endpoint);
    if (!endpoint) {
      throw notImplemented(`${type.endpoint} is not supported yet; GET /ResourceTypes lists what is.`);
    }
    const { request } = this.#call;
    const rest = id === undefined ? [] : [id];
    return endpoint.serve({
      ...this.#call,
      rest,
      request: {
        ...request,
        method,
        segments: [...request.segments.slice(0, -1), endpoint.name, ...rest],
        query: smallestAnswer,
        headers: new Map([
          ["content-type", "application/scim+json"],
          ...(version === undefined ? [] : [["if-match", version] as const]),
        ]),
        body: method === "DELETE" ? "" : JSON.stringify(data),
      },
    });
  }

  #success({ method, target }: AskedOperation, { status, headers, body }: HttpResponse): Outcome {
    return {
      status,
      location: headers["Location"] ?? this.#locationOf(target),
      version: headers["ETag"],
      response: undefined,
      id: method === "POST" ? idIn(body) : undefined,
    };
  }

  #refusal(target: BulkTarget | undefined, error: RequestError): Outcome {
    return {
      status: error.status,
      location: target && this.#locationOf(target),
      version: undefined,
      response: errorBody(error),
      id: undefined,
    };
  }

  /** None of a resource that is not there: one still to be created, or named by a bulkId without one. */
  #locationOf({ type, id }: BulkTarget): string | undefined {
    return id === undefined || referenceIn(id) !== undefined
      ? undefined
      : `${this.#call.scimBaseUrl}${type.endpoint}/${encodeURIComponent(id)}`;
  }

  #resolved({ type, id }: BulkTarget, outcomes: Outcomes): BulkTarget {
    const bulkId = id === undefined ? undefined : referenceIn(id);
    return bulkId === undefined ? { type, id } : { type, id: this.#idOf(bulkId, outcomes) };
  }

  #tellable(error: unknown): RequestError {
    return tellable(error, this.#call.request.requestId, this.#call.runtime.log);
  }

  #idOf(bulkId: string, outcomes: Outcomes): string | undefined {
    return this.#creation(bulkId, outcomes)?.id;
  }

  #creation(bulkId: string, outcomes: Outcomes): Outcome | undefined {
    const creator = this.#creators.get(bulkId);
    return creator === undefined ? undefined : outcomes.get(creator);
  }

  /** Whoever refers to what could not be created is in no better place than its POST: told to wait, or to correct that. */
  #missing(bulkId: string, outcomes: Outcomes): RequestError {
    const status = this.#creation(bulkId, outcomes)?.status ?? 503;
    return status === 429 || (status >= 500 && status !== 501)
      ? notProcessed(`${shownReference(bulkId)} could not be created now.`)
      : invalidValue(
          `${shownReference(bulkId)} was not created, because its own operation failed; correct that one and send both again.`,
        );
  }
}

/** The answer's resource is not told on: more than its id, such as a group's members, would be read for nothing. */
const smallestAnswer = [["attributes", "id"]] as const;

function notProcessed(why: string): RequestError {
  return unavailable(`${why} This operation was not processed; send it again.`);
}

/** The resource is there, and stays: undoing it could take a member away who was there before. */
function leftIncomplete({ type }: BulkTarget, id: string, later: JsonObject, why: string): RequestError {
  return conflict(
    "circular_reference",
    `${type.name} ${id} was created, but without ${namesIn(later).join(", ")}, which closes a circle of references: ` +
      `${why} Add it by a PATCH of ${type.endpoint}/${id}.`,
  );
}

function namesIn(attributes: JsonObject): readonly string[] {
  return Object.entries(attributes).flatMap(([name, value]) =>
    name.toLowerCase().startsWith("urn:") && isObject(value)
      ? Object.keys(value).map((sub) => `${name}:${sub}`)
      : [name],
  );
}

function idIn(body: unknown): string {
  const id = isObject(body as JsonValue) ? (body as JsonObject)["id"] : undefined; // what endpoints answer is JSON to be
  if (typeof id !== "string") {
    throw new Error("a resource was created, and its answer has no id");
  }
  return id;
}
