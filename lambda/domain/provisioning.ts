/**
 * Watches a provisioning request, so that one that is refused becomes an open sync failure, and one that succeeds closes
 * those of the same identifier (API.md §3). Neither ever makes a request fail: what goes wrong here is logged and left.
 *
 * It costs a request that is refused one write, and one that succeeds one read beside what it does anyway.
 */

import { RequestError } from "../scim/error.ts";
import type { Key } from "../table/keys.ts";
import type { ItemsByKey } from "../table/store.ts";
import { closeFailure, failureKeyOf, noteFailure, parseFailure } from "../table/sync-failures.ts";
import { type Context, now } from "./context.ts";
import {
  type FailureSubject,
  failureCause,
  type ProvisionedType,
  type ProvisioningOperation,
} from "./sync-failure.ts";

export interface ProvisioningRequest {
  readonly connectionId: string;
  readonly resourceType: ProvisionedType;
  readonly operation: ProvisioningOperation;
  /** What the request itself names the resource by, for as long as nothing better is known: a name, or the id in its path. */
  readonly asked: { readonly name: string | undefined; readonly id: string | undefined };
  /** By what the log knows it. */
  readonly requestId: string;
}

/** What a use case tells of its request as it becomes known. */
export interface Watch {
  /** The caller may come in: only from now on is a refusal anything to tell the operators. */
  opened(): void;
  /** The name the resource is known by. Looks at once, beside whatever comes next, whether a failure of it is open. */
  named(identifier: string): void;
  /** The name it shall have from now on. */
  renamed(identifier: string): void;
  /** Keys to be read along with something else, that `seen` may be told of. */
  readonly keys: readonly Key[];
  seen(items: ItemsByKey): void;
}

/** Runs a request and settles what is to be kept of its outcome. */
export async function provisioning<T>(
  context: Context,
  request: ProvisioningRequest,
  run: (watch: Watch) => Promise<T>,
): Promise<T> {
  const watch = new OpenFailures(context, request);
  let result: T;
  try {
    result = await run(watch);
  } catch (error) {
    await (isFulfilled(request, error) ? watch.close() : watch.note(error));
    throw error;
  }
  await watch.close();
  return result;
}

/** Notes a refusal of someone who may come in, where the request was never run. */
export async function noteRefusal(
  context: Context,
  request: ProvisioningRequest,
  error: RequestError,
): Promise<void> {
  const watch = new OpenFailures(context, request);
  watch.opened();
  await watch.note(error);
}

/** Who deletes what is not there has what he wants (and gets his 404): a DELETE repeated after a lost answer, mostly. */
function isFulfilled({ operation }: ProvisioningRequest, error: unknown): boolean {
  return operation === "delete" && error instanceof RequestError && error.code === "not_found";
}

type FailureRead = Promise<ItemsByKey | undefined>;

class OpenFailures implements Watch {
  readonly keys: readonly Key[];
  readonly #context: Context;
  readonly #request: ProvisioningRequest;
  /** By sort key: names that differ in case alone are one. */
  readonly #reads = new Map<string, { readonly key: Key; readonly read: FailureRead }>();
  #isOpened = false;
  #name: string | undefined;
  #newName: string | undefined;

  constructor(context: Context, request: ProvisioningRequest) {
    this.#context = context;
    this.#request = request;
    const { name } = request.asked;
    this.keys = request.operation === "create" && name !== undefined ? [this.#keyOf(name)] : [];
  }

  opened(): void {
    this.#isOpened = true;
  }

  named(identifier: string): void {
    this.#name = identifier;
    const key = this.#keyOf(identifier);
    if (!this.#reads.has(key.sk)) {
      this.#reads.set(key.sk, { key, read: this.#read(key) });
    }
  }

  renamed(identifier: string): void {
    this.#newName = identifier;
  }

  seen(items: ItemsByKey): void {
    for (const key of this.keys) {
      this.#reads.set(key.sk, { key, read: Promise.resolve(items) });
    }
  }

  /** What was open before this request. What was noted meanwhile is another request's, at the same time. */
  async close(): Promise<void> {
    await this.#leaving("Sync failures could not be closed", async () => {
      for (const { key, read } of this.#reads.values()) {
        const item = (await read)?.get(key);
        if (item !== undefined) {
          await closeFailure(this.#context.store, parseFailure(item));
        }
      }
      const unread = this.#newName === undefined ? undefined : this.#keyOf(this.#newName);
      if (unread !== undefined && !this.#reads.has(unread.sk)) {
        // Seldom enough that removing what is mostly not there is cheaper than reading it for every change.
        await this.#context.store.purge([unread]);
      }
    });
  }

  async note(error: unknown): Promise<void> {
    const { asked, resourceType, operation, requestId } = this.#request;
    const refusal = tellable(error, requestId);
    const { connectionId } = this.#request;
    const name = this.#name ?? asked.name;
    const identifier = name ?? asked.id;
    if (!this.#isOpened || identifier === undefined || !isNoted(refusal)) {
      return;
    }
    await this.#leaving("A sync failure could not be noted", () =>
      noteFailure(
        this.#context.store,
        { connectionId, resourceType, identifier },
        failureCause(refusal, resourceType, operation),
        { at: now(this.#context), closesByItself: name !== undefined },
      ),
    );
  }

  #keyOf(identifier: string): Key {
    const { connectionId, resourceType } = this.#request;
    return failureKeyOf({ connectionId, resourceType, identifier } satisfies FailureSubject);
  }

  async #read(key: Key): FailureRead {
    try {
      return await this.#context.store.read([key]);
    } catch (cause) {
      this.#context.warn("Open sync failures could not be read", cause);
      return undefined;
    }
  }

  async #leaving(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (cause) {
      this.#context.warn(what, cause);
    }
  }
}

/** A table that does not answer would not take the note either, and the caller has waited long enough. */
function isNoted({ code }: RequestError): boolean {
  return code !== "unavailable";
}

function tellable(error: unknown, requestId: string): RequestError {
  return error instanceof RequestError
    ? error
    : new RequestError({
        status: 500,
        code: "internal",
        detail: `Something went wrong in Rollcall itself; its log has the cause under request id ${requestId}.`,
      });
}
