/** In which order the operations of a bulk request are performed (RFC 7644 §3.7, §3.7.1, §3.7.2). */

import { asciiLower } from "./attribute-name.ts";
import type { AskedOperation, BulkOperation } from "./bulk.ts";
import { breakCircles, bulkIdsOf } from "./bulk-circles.ts";
import { referenceIn, referencesOf, referenceTo, shownReference } from "./bulk-references.ts";
import { invalidValue, RequestError } from "./error.ts";
import { foldCase } from "./fold.ts";
import { foldedKeys } from "./folded-keys.ts";
import { userType } from "./resource-types.ts";

export type BulkStep = RefuseStep | PerformStep | CompleteStep;

interface Step {
  /** Of the operation in the request. */
  readonly index: number;
  /** Earlier steps, by their place in the plan, that must have ended before this one begins. */
  readonly waitsFor: readonly number[];
}

export interface RefuseStep extends Step {
  readonly kind: "refuse";
  readonly error: RequestError;
}

export interface PerformStep extends Step {
  readonly kind: "perform";
  readonly operation: AskedOperation;
  /** bulkIds of all POSTs that it refers to. */
  readonly references: ReadonlySet<string>;
  /** Of a POST in a circle of references: bulkIds it cannot refer to yet. The attributes that do are left out. */
  readonly postponed: ReadonlySet<string>;
}

/** Follows the `perform` step that left attributes out, and adds them. */
export interface CompleteStep extends Step {
  readonly kind: "complete";
  readonly operation: AskedOperation;
  readonly postponed: ReadonlySet<string>;
}

/**
 * The given order, but that an operation which refers to a POST behind it waits for that POST, and whatever comes later
 * for the same resource waits with it.
 *
 * Of POSTs that refer to each other in a circle, one is created without the attributes that close it, and completed as
 * soon as the others are there (`breakCircles`). A reference to a bulkId that no POST has is a 400 `invalidValue` of the
 * operation that refers.
 */
export function planBulk(operations: readonly BulkOperation[]): readonly BulkStep[] {
  return new Planner(operations).plan();
}

/** An operation that has no place in the plan yet. */
interface Waiting {
  readonly operation: AskedOperation;
  /** All that it refers to. */
  readonly references: ReadonlySet<string>;
  /** The POSTs among them, by index, that must have a place before it. */
  readonly needs: Map<number, BulkOperation>;
  /** POSTs, likewise, to which it will refer only when it is completed. */
  readonly postponed: ReadonlyMap<number, BulkOperation>;
  /** What comes before it for the same resource. */
  readonly follows: number | undefined;
}

/** A POST that has a place, and is completed behind those it still needs. */
interface Incomplete {
  readonly operation: AskedOperation;
  readonly postponed: ReadonlySet<string>;
  readonly needs: Set<number>;
}

class Planner {
  /** bulkId → index of its POST. */
  readonly #creators: ReadonlyMap<string, number>;
  /** What has no place yet, in the given order: an error is an operation that will be refused. */
  readonly #waiting: Map<number, Waiting | RequestError>;
  readonly #incomplete = new Map<number, Incomplete>();
  /** Operations with all their steps in the plan. */
  readonly #whole = new Set<number>();
  readonly #steps: BulkStep[] = [];
  /** Index of an operation → place of its first step. */
  readonly #places = new Map<number, number>();
  /** Resource or name → place of the latest step about it. */
  readonly #latest = new Map<string, number>();

  constructor(operations: readonly BulkOperation[]) {
    this.#creators = creatorsOf(operations);
    this.#waiting = withoutCircles(readAll(operations, this.#creators));
  }

  plan(): readonly BulkStep[] {
    while (this.#waiting.size > 0) {
      const [index, waiting] = this.#firstReady();
      if (waiting instanceof RequestError) this.#refuse(index, waiting);
      else this.#perform(index, waiting);
    }
    return this.#steps;
  }

  /** There always is one: no POST waits in a circle any more. */
  #firstReady(): readonly [number, Waiting | RequestError] {
    for (const [index, waiting] of this.#waiting) {
      if (waiting instanceof RequestError || this.#isReady(waiting)) return [index, waiting];
    }
    throw new Error("operations of a bulk request wait for each other");
  }

  #isReady({ needs, follows }: Waiting): boolean {
    return needs.size === 0 && (follows === undefined || this.#whole.has(follows));
  }

  #refuse(index: number, error: RequestError): void {
    this.#add({ kind: "refuse", index, error, waitsFor: [] }, []);
    this.#whole.add(index);
    this.#settle(index);
  }

  #perform(index: number, waiting: Waiting): void {
    const { operation, references } = waiting;
    const postponed = bulkIdsOf([...waiting.postponed.values()]);
    const about = [resourceOf(operation), ...namesOf(operation)];
    const waitsFor = this.#before(references, about);
    this.#add({ kind: "perform", index, operation, references, postponed, waitsFor }, about);
    const needs = new Set([...waiting.postponed.keys()].filter((creator) => !this.#places.has(creator)));
    if (postponed.size > 0) this.#incomplete.set(index, { operation, postponed, needs });
    else this.#whole.add(index);
    this.#settle(index);
  }

  /** Whoever waited for this operation waits no more. */
  #settle(index: number): void {
    this.#waiting.delete(index);
    for (const waiting of this.#waiting.values()) {
      if (!(waiting instanceof RequestError)) waiting.needs.delete(index);
    }
    for (const [creator, { operation, postponed, needs }] of this.#incomplete) {
      needs.delete(index);
      if (needs.size > 0) continue;
      const about = [resourceOf(operation)];
      const waitsFor = this.#before(postponed, about);
      this.#add({ kind: "complete", index: creator, operation, postponed, waitsFor }, about);
      this.#incomplete.delete(creator);
      this.#whole.add(creator);
    }
  }

  #add(step: BulkStep, about: readonly string[]): void {
    const place = this.#steps.push(step) - 1;
    if (step.kind !== "complete") this.#places.set(step.index, place);
    for (const what of about) this.#latest.set(what, place);
  }

  /** Places of the steps so far that create what is referred to, and of the latest about the same. */
  #before(references: ReadonlySet<string>, about: readonly string[]): readonly number[] {
    const places = [
      ...[...references].map((bulkId) => this.#places.get(this.#creators.get(bulkId)!)),
      ...about.map((what) => this.#latest.get(what)),
    ];
    return [...new Set(places.filter((place) => place !== undefined))];
  }
}

/** bulkId → index of its POST. Of several POSTs with one bulkId the first has it; the others are wrong. */
export function creatorsOf(operations: readonly BulkOperation[]): ReadonlyMap<string, number> {
  const creators = new Map<string, number>();
  for (const [index, { method, bulkId }] of operations.entries()) {
    if (method === "POST" && bulkId !== undefined && !creators.has(bulkId)) creators.set(bulkId, index);
  }
  return creators;
}

function readAll(
  operations: readonly BulkOperation[],
  creators: ReadonlyMap<string, number>,
): ReadonlyMap<number, Waiting | RequestError> {
  /** Resource → the latest operation about it. */
  const latest = new Map<string, number>();
  const all = new Map<number, Waiting | RequestError>();
  for (const [index, operation] of operations.entries()) {
    if (operation.kind === "wrong") {
      all.set(index, operation.error);
      continue;
    }
    const references = referencesOf(operation);
    const unknown = [...references].find((bulkId) => !creators.has(bulkId));
    if (unknown !== undefined) {
      all.set(index, unknownReference(unknown));
      continue;
    }
    const indexes = [...references].map((bulkId) => creators.get(bulkId)!);
    const needs = new Map(indexes.map((creator) => [creator, operations[creator]!]));
    const postponed = new Map<number, BulkOperation>();
    const resource = resourceOf(operation);
    if (operation.method === "POST") {
      all.set(index, { operation, references, needs, postponed, follows: undefined });
    } else {
      const follows = latest.get(resource) ?? creators.get(referenceIn(resource) ?? "");
      all.set(index, { operation, references, needs, postponed, follows });
      latest.set(resource, index);
    }
  }
  return all;
}

function withoutCircles(
  all: ReadonlyMap<number, Waiting | RequestError>,
): Map<number, Waiting | RequestError> {
  const posts = new Map<number, Waiting>();
  for (const [index, waiting] of all) {
    if (!(waiting instanceof RequestError) && waiting.operation.method === "POST") posts.set(index, waiting);
  }
  const broken = breakCircles(posts);
  return new Map(
    [...all].map(([index, waiting]) => {
      const change = broken.get(index);
      if (change === undefined || waiting instanceof RequestError) return [index, waiting];
      if (change instanceof RequestError) return [index, change];
      const needs = [...waiting.needs];
      return [
        index,
        {
          ...waiting,
          needs: new Map(needs.filter(([need]) => !change.has(need))),
          postponed: new Map(needs.filter(([need]) => change.has(need))),
        },
      ];
    }),
  );
}

/** One text per resource, as far as it can be told before anything is created. */
function resourceOf({ method, bulkId, target }: AskedOperation): string {
  const { type, id = "" } = target;
  if (method === "POST") return referenceTo(bulkId ?? "");
  return referenceIn(id) === undefined ? `${type.endpoint}/${id}` : id;
}

/** The unique name that an operation gives its resource: of two that want the same one, the first is to get it. */
function namesOf({ method, target: { type }, data }: AskedOperation): readonly string[] {
  if (method !== "POST" && method !== "PUT") return [];
  const attribute = type === userType ? "userName" : "displayName";
  const name = foldedKeys(data).get(asciiLower(attribute));
  return typeof name === "string" ? [`${type.endpoint} ${attribute} ${foldCase(name)}`] : [];
}

function unknownReference(bulkId: string): RequestError {
  return invalidValue(
    `${shownReference(bulkId)} refers to no POST of this request; correct the bulkId, or send the resource's id.`,
  );
}
