import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";
import { gunzipSync, inflateSync } from "node:zlib";
import { eachValueSchema, type Fixture, type Range, type RequestStep, type Step } from "./fixture.ts";
import { differences, isObject, valuesAt } from "./match.ts";

/** A connection that a fixture is played to. */
export interface Target {
  /** With `https:` or `http:`, as pasted into an IdP. */
  readonly scimBaseUrl: string;
  readonly token: string;
  /** Makes the table throttle during `operation`; absent where that cannot be had. */
  readonly whileThrottled?: <T>(operation: () => Promise<T>) => Promise<T>;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

/** Names and values a fixture has captured so far. */
interface Memory {
  readonly variables: Map<string, unknown>;
  readonly collections: Map<string, unknown[]>;
}

/** Plays a fixture over HTTP; throws at the first answer that is not what the IdP needs. Returns the requests made. */
export async function playFixture(fixture: Fixture, target: Target): Promise<number> {
  const memory: Memory = {
    variables: new Map<string, unknown>([["run", randomBytes(4).toString("hex")]]),
    collections: new Map(),
  };
  return playSteps(fixture, fixture.steps, target, memory);
}

async function playSteps(
  fixture: Fixture,
  steps: readonly Step[],
  target: Target,
  memory: Memory,
): Promise<number> {
  let requests = 0;
  for (const step of steps) {
    if ("repeat" in step) {
      for (let n = 1; n <= step.repeat; n++) {
        memory.variables.set("n", n);
        requests += await playSteps(fixture, step.steps, target, memory);
      }
    } else if ("each" in step) {
      for (const [n, value] of collected(step.each, step, memory)) {
        memory.variables.set("n", n);
        memory.variables.set("each", value);
        requests += await playSteps(fixture, step.steps, target, memory);
      }
    } else if ("collected" in step) {
      const values = memory.collections.get(step.collected) ?? [];
      const distinct = new Set(values).size;
      if (values.length !== step.distinct || distinct !== step.distinct) {
        throw new Error(
          `${fixture.id}, ${step.name}: expected ${step.distinct} different ${step.collected}, ` +
            `got ${values.length}, of which ${distinct} different`,
        );
      }
    } else {
      await playRequest(fixture, step, target, memory);
      requests++;
    }
  }
  return requests;
}

/** Values with their places, from 1. A range beyond the collection is a mistake in the fixture. */
function collected(
  name: string,
  range: Range,
  memory: Memory,
): readonly (readonly [place: number, value: unknown])[] {
  const values = memory.collections.get(name) ?? [];
  const { from = 1, to = values.length } = range;
  if (from > to || to > values.length) {
    throw new Error(`${name} has ${values.length} values, not those from ${from} to ${to}`);
  }
  return values.slice(from - 1, to).map((value, index) => [from + index, value]);
}

async function playRequest(
  fixture: Fixture,
  step: RequestStep,
  target: Target,
  memory: Memory,
): Promise<void> {
  const send = () => sendRequest(fixture, step, target, memory);
  if (step.fault !== undefined && target.whileThrottled === undefined) {
    throw new Error(`${fixture.id}, ${step.name}: this target cannot be made to throttle`);
  }
  const answer = step.fault === undefined ? await send() : await target.whileThrottled?.(send);
  if (answer === undefined) return;

  const wrong = [
    ...differences(step.expect.status, answer.status, "status"),
    ...differences(substitute(step.expect.headers ?? {}, memory), answer.headers, "headers"),
    ...differences(substitute(step.expect.body ?? {}, memory), answer.body ?? {}, "body"),
    ...checkEveryAnswer(fixture, step, answer),
  ];
  if (wrong.length > 0) {
    throw new Error(
      `${fixture.id}, ${step.name} (${step.request.method} ${step.request.path}):\n  ${wrong.join("\n  ")}\n  ` +
        `the answer was ${answer.status} ${JSON.stringify(answer.body)?.slice(0, 2_000)}`,
    );
  }
  for (const [name, path] of Object.entries(step.expect.capture ?? {})) {
    memory.variables.set(name, valuesAt(answer.body, path)[0]);
  }
  for (const [name, path] of Object.entries(step.expect.collect ?? {})) {
    memory.collections.set(name, [...(memory.collections.get(name) ?? []), ...valuesAt(answer.body, path)]);
  }
}

/** What every IdP needs of every answer. */
function checkEveryAnswer(fixture: Fixture, step: RequestStep, answer: Answer): string[] {
  const { status, headers, body } = answer;
  if (status === 204) return differences("<absent>", body, "body of 204");
  if (!isObject(body)) return ["body: expected a JSON object"];

  const accept = { ...fixture.headers, ...step.request.headers }["Accept"];
  const contentType = accept === "application/json" ? "application/json" : "application/scim+json";
  const wrong = differences(contentType, headers["content-type"], "Content-Type");
  if (status >= 400) {
    const error = {
      schemas: ["urn:ietf:params:scim:api:messages:2.0:Error"],
      status: String(status),
      detail: "<any-string>",
    };
    return [...wrong, ...differences(error, body)];
  }
  const meta = body["meta"];
  if (isObject(meta) && (meta["resourceType"] === "User" || meta["resourceType"] === "Group")) {
    // RFC 7644 §3.14 and §3.1: the header and the attribute say the same.
    wrong.push(...differences(meta["version"], headers.etag, "ETag"));
    wrong.push(...differences(meta["location"], headers.location, "Location"));
    wrong.push(...differences("<absent>", body["password"], "body.password"));
  }
  return wrong;
}

async function sendRequest(
  fixture: Fixture,
  step: RequestStep,
  target: Target,
  memory: Memory,
): Promise<Answer> {
  const content = bodyOf(step, memory);
  const headers: Record<string, string> = {
    Authorization: `Bearer ${target.token}`,
    ...fixture.headers,
    ...step.request.headers,
  };
  if (content === undefined) delete headers["Content-Type"];
  else headers["Content-Length"] = String(Buffer.byteLength(content));

  const base = new URL(target.scimBaseUrl);
  const request = (base.protocol === "https:" ? httpsRequest : httpRequest)({
    protocol: base.protocol,
    hostname: base.hostname,
    port: base.port,
    method: step.request.method,
    // Not resolved against the base: doubled slashes and empty queries must go out as they stand.
    path: base.pathname + substituteText(step.request.path, memory),
    headers,
  });
  request.end(content);
  const [response] = await once(request, "response");
  const text = decompress(Buffer.concat(await response.toArray()), response.headers["content-encoding"]);
  return {
    status: response.statusCode,
    headers: response.headers,
    body: text === "" ? undefined : JSON.parse(text),
  };
}

function bodyOf(step: RequestStep, memory: Memory): string | undefined {
  const own = substitute(step.request.body, memory);
  if (step.request.echo === undefined) return own === undefined ? undefined : JSON.stringify(own);
  const echoed = memory.variables.get(step.request.echo);
  return JSON.stringify({ ...(echoed as object), ...(own as object | undefined) });
}

function decompress(body: Buffer, encoding: string | undefined): string {
  if (encoding === "gzip") return gunzipSync(body).toString("utf8");
  if (encoding === "deflate") return inflateSync(body).toString("utf8");
  return body.toString("utf8");
}

/** Puts captured values into every string of a JSON value, member names included. */
function substitute(value: unknown, memory: Memory): unknown {
  if (typeof value === "string") return substituteText(value, memory);
  if (Array.isArray(value)) return value.map((element) => substitute(element, memory));
  if (!isObject(value)) return value;
  if ("<each>" in value) return substituteEach(value, memory);
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [substituteText(name, memory), substitute(each, memory)]),
  );
}

function substituteEach(value: Record<string, unknown>, memory: Memory): unknown[] {
  const { "<each>": name, as: element, ...range } = eachValueSchema.parse(value);
  return collected(name, range, memory).map(([n, each]) => {
    const variables = new Map([...memory.variables, ["n", n], ["each", each]]);
    return substitute(element, { ...memory, variables });
  });
}

function substituteText(text: string, memory: Memory): string {
  return text.replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const value = memory.variables.get(name);
    if (typeof value !== "string" && typeof value !== "number")
      throw new Error(`{{${name}}} was not captured`);
    return String(value);
  });
}
