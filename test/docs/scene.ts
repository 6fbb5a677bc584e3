/**
 * One section of docs/troubleshooting.md while it is played: what is told, what was sent and answered, and symbols for
 * what differs from run to run. Whatever is shown has been asserted.
 */

import { expect } from "vitest";
import { type Product, productOf } from "../service/product.ts";
import { type Fields, urns } from "../service/scim-messages.ts";
import type { ScimRequest, ServiceResponse, TestConnection, TestService } from "../support/service.ts";

/** What a request must be answered. */
export interface Expected {
  readonly status: number;
  /** `scimType` of SCIM, `code` of the admin API; undefined where there shall be none. */
  readonly code?: string;
  /** How the detail of a refusal begins. */
  readonly detail?: string;
  /** Whether another section tells how it goes on. */
  readonly isToldElsewhere?: boolean;
  /** Identifier of the sync failure that it closes. */
  readonly closes?: string;
  /** Of the body: asserted, and shown so far. */
  readonly body?: Fields;
  readonly headers?: Readonly<Record<string, string>>;
}

export const answers = (status: number, body?: Fields): Expected => ({ status, ...(body && { body }) });

export const refuses = (status: number, code: string | undefined, detail: string): Expected => ({
  status,
  detail,
  ...(code !== undefined && { code }),
});

/** Succeeds, and so closes the sync failure of this identifier, which is open until then. */
export const closing = (identifier: string, expected: Expected): Expected => ({
  ...expected,
  closes: identifier,
});

/** A refusal of which only the expected beginning is shown. */
export const briefly = (refusal: Expected): Expected => ({ ...refusal, isToldElsewhere: true });

/** Sends a SCIM request of a connection, asserts its answer and shows both; resolves with the answer. */
export type Speaker = (
  method: string,
  path: string,
  request: ScimRequest | undefined,
  expected: Expected,
) => Promise<ServiceResponse>;

export interface ExpectedFailure {
  readonly identifier: string;
  readonly attempts?: number;
  readonly resourceType?: "User" | "Group";
  /** Default: what the latest refusal told the identity provider. */
  readonly detail?: string;
}

/** Where scenes are played, one after the other. */
export interface Stage {
  readonly service: TestService;
  /** What the service takes for the time, epoch milliseconds. */
  readonly clock: { now: number };
  /** Has everything written so far carried by the stream's handlers. */
  carry(): Promise<void>;
}

interface Text {
  readonly kind: "text";
  readonly text: string;
}

interface Call {
  readonly kind: "call";
  readonly who: string;
  readonly request: string;
  readonly answer: string;
  /** Each a line of its own under the answer. */
  readonly notes?: readonly string[];
}

interface Pause {
  readonly kind: "pause";
  readonly text: string;
}

/** Whose admin requests are shown as whose. */
export interface Side {
  readonly who: string;
  readonly product: Product;
}

/** The side of a connection that inherits. */
export interface Heir extends Side {
  readonly id: string;
  /** Of the connection, within its project. */
  readonly path: string;
  readonly admin: (
    method: string,
    path: string,
    body: Fields | undefined,
    expected: Expected,
  ) => Promise<ServiceResponse>;
  readonly failure: (reason: string, expected: ExpectedFailure) => Promise<{ readonly id: string }>;
  readonly noFailure: () => Promise<void>;
}

export class Scene {
  readonly stage: Stage;
  readonly connection: TestConnection;
  readonly product: Product;
  readonly #own: Side;
  readonly #others: Product[] = [];
  /** The identity provider of `connection`. */
  readonly idp: Speaker;
  readonly #parts: (Text | Call | Pause)[] = [];
  readonly #symbols = new Map<string, string>();
  #lastDetail: string | undefined;
  /** How details went on after the beginning that was expected. */
  readonly #toldRests = new Set<string>();

  constructor(stage: Stage, connection: TestConnection) {
    this.stage = stage;
    this.connection = connection;
    this.product = productOf(stage.service, connection.project);
    this.#own = { who: "admin", product: this.product };
    this.name("p", connection.project.id);
    this.name("c", connection.connection.id);
    this.name("token", connection.token);
    this.idp = this.speaker("IdP", connection);
  }

  /** The value stands as `{symbol}` on the page. */
  name(symbol: string, value: string): string {
    this.#symbols.set(value, `{${symbol}}`);
    return value;
  }

  /** Another connection of the project; its id stands as `{symbol}`. */
  async connect(symbol: string, fields: Fields): Promise<TestConnection> {
    const other = await this.stage.service.createConnection(fields, this.connection.project);
    this.name(symbol, other.connection.id);
    return other;
  }

  /** A SCIM request that is not shown, for what is there before; resolves with the body. */
  async quietly(status: number, method: string, path: string, request?: ScimRequest, from = this.connection) {
    const response = await from.scim(method, path, request);
    expect(response, `${method} ${path}`).toMatchObject({ status });
    return response.body;
  }

  /** A user that is there already; resolves with its id, `{symbol}`. */
  async provision(symbol: string, request: ScimRequest, from = this.connection): Promise<string> {
    return this.name(symbol, (await this.quietly(201, "POST", "/Users", request, from)).id);
  }

  /** A group that is there already. */
  async push(symbol: string, request: ScimRequest): Promise<string> {
    return this.name(symbol, (await this.quietly(201, "POST", "/Groups", request)).id);
  }

  /** An unmanaged member that is there already. */
  async add(symbol: string, fields: Fields): Promise<string> {
    return this.name(symbol, (await this.product.addMember(fields)).id);
  }

  /** Time passes. */
  wait(seconds: number, told: string): void {
    this.stage.clock.now += seconds * 1_000;
    this.#parts.push({ kind: "pause", text: told });
  }

  /** The stream's handlers have done their work, a second later as a rule. */
  async carry(): Promise<void> {
    await this.stage.carry();
    this.wait(1, "a second later");
  }

  /** One paragraph of Markdown; its lines are broken anew. */
  tell(text: string): void {
    this.#parts.push({ kind: "text", text });
  }

  /** Somebody else who sends SCIM requests: another IdP, or the same in another way. */
  speaker(who: string, connection: TestConnection): Speaker {
    return async (method, path, request, expected) => {
      const { closes } = expected;
      if (closes !== undefined) expect(await this.#openIdentifiers()).toContain(closes);
      const response = await connection.scim(method, path, request);
      if (closes !== undefined) expect(await this.#openIdentifiers()).not.toContain(closes);
      const shown = `${method} ${decodeURIComponent(path)}${shownRequest(request)}`;
      const told = { status: response.status, code: response.body?.scimType, detail: response.body?.detail };
      this.#answered(who, shown, told, response, expected);
      return response;
    };
  }

  /** A request of the product or an operator; `path` comes after `…`, the project's. */
  async admin(
    method: string,
    path: string,
    body: Fields | undefined,
    expected: Expected,
    { who, product }: Side = this.#own,
  ): Promise<ServiceResponse> {
    const response = await product.admin(method, path, body);
    const shown = `${method} …${decodeURIComponent(path)}${body ? ` ${shownValue(body)}` : ""}`;
    const { status } = response;
    const told =
      status < 400 ? { status } : { status, code: response.body.code, detail: response.body.detail };
    this.#answered(who, shown, told, response, expected);
    return response;
  }

  /** The one sync failure that is open: of the latest refusal, which mostly has told its detail already. */
  async failure(
    reason: string,
    expected: ExpectedFailure,
    { who, product }: Side = this.#own,
  ): Promise<{ readonly id: string }> {
    const [failure, ...others] = await openFailures(product);
    expect(others).toEqual([]);
    const { identifier, attempts = 1, resourceType = "User", detail = this.#lastDetail } = expected;
    expect(failure).toMatchObject({ reason, identifier, attempts, resourceType, detail });
    this.#parts.push({
      kind: "call",
      who,
      request: "GET …/sync-failures",
      answer: `200 ${reason}: ${resourceType} "${identifier}", ${failure.operation}, ${failure.httpStatus}, attempts ${attempts}`,
      notes: [...(expected.detail === undefined ? [] : [`detail: ${detail}`]), `remedy: ${failure.remedy}`],
    });
    return failure;
  }

  /** Asserts that no sync failure is open where one could be looked for, and shows that. */
  async noFailure({ who, product }: Side = this.#own): Promise<void> {
    expect(await openFailures(product)).toEqual([]);
    this.#parts.push({ kind: "call", who, request: "GET …/sync-failures", answer: "200, none is open" });
  }

  /** Whatever went wrong has been mended. */
  async end(): Promise<void> {
    for (const product of [this.product, ...this.#others]) expect(await openFailures(product)).toEqual([]);
  }

  /** Another project; `who` asks for things there. */
  async otherProject(who: string, fields: Fields = {}): Promise<Side> {
    const project = await this.stage.service.createProject({ name: "Branch", ...fields });
    this.name(`${who}'s project`, project.id);
    const product = productOf(this.stage.service, project);
    this.#others.push(product);
    return { who, product };
  }

  /** A project with a connection that inherits from `connection`, both there already: its id is `{child}`. */
  async inherit(fields: Fields = {}): Promise<Heir> {
    const side = await this.otherProject("child", fields);
    const link = { name: "Branch", inheritsFrom: this.connection.connection.id };
    const { status, body } = await side.product.admin("POST", "/connections", link);
    expect([status, body.id]).toEqual([201, expect.any(String)]);
    const id = this.name("child", body.id);
    return {
      ...side,
      id,
      path: `/connections/${id}`,
      admin: (method, path, body, expected) => this.admin(method, path, body, expected, side),
      failure: (reason, expected) => this.failure(reason, expected, side),
      noFailure: () => this.noFailure(side),
    };
  }

  markdown(): string {
    const blocks: string[] = [];
    let lines: string[] = [];
    const flush = () => {
      if (lines.length > 0) blocks.push("```text", ...lines, "```");
      lines = [];
    };
    for (const part of this.#parts) {
      if (part.kind === "call") {
        lines.push(...callLines(part, (text) => this.#symbolized(text)));
      } else if (part.kind === "pause") {
        lines.push(`${indent}-- ${part.text} --`);
      } else {
        flush();
        blocks.push(...wrapped(this.#symbolized(part.text).replaceAll(/\s+/g, " "), proseWidth));
      }
    }
    flush();
    return blocks.join("\n");
  }

  #answered(
    who: string,
    request: string,
    told: { readonly status: number; readonly code?: string; readonly detail?: string },
    { body, headers }: ServiceResponse,
    expected: Expected,
  ): void {
    const { status, code, detail } = told;
    // Without a beginning that is expected, there shall be none.
    const begins = detail?.slice(0, expected.detail?.length ?? detail.length);
    expect({ status, code, detail: begins }, request).toEqual({
      status: expected.status,
      code: expected.code,
      detail: expected.detail,
    });
    if (expected.body) expect(body, request).toMatchObject(expected.body);
    if (expected.headers) expect(headers, request).toMatchObject(expected.headers);
    if (detail !== undefined) this.#lastDetail = detail;
    const shownHeaders = Object.keys(expected.headers ?? {}).map((name) => `, ${name}: ${headers[name]}`);
    this.#parts.push({
      kind: "call",
      who,
      request,
      answer: [
        status,
        code && ` ${code}`,
        ...shownHeaders,
        detail && `: ${this.#shownDetail(detail, expected)}`,
        expected.body && ` ${shownValue(pick(body, expected.body))}`,
        expected.closes !== undefined && "; the failure is closed",
      ]
        .filter((part) => part !== false)
        .join(""),
    });
  }

  /** What was told once is not told again. */
  #shownDetail(detail: string, { detail: begins = "", isToldElsewhere = false }: Expected): string {
    const rest = detail.slice(begins.length);
    if (isToldElsewhere || this.#toldRests.has(rest)) return `${begins} …`;
    this.#toldRests.add(rest);
    return detail;
  }

  async #openIdentifiers() {
    const failures = await openFailures(this.product);
    return failures.map(({ identifier }: { readonly identifier: string }) => identifier);
  }

  #symbolized(text: string): string {
    // The longest first: a token has its connection's id in it.
    return [...this.#symbols]
      .toSorted(([a], [b]) => b.length - a.length)
      .reduce((told, [value, symbol]) => told.replaceAll(value, symbol), text);
  }
}

async function openFailures(product: Product) {
  const { body } = await product.admin("GET", "/sync-failures");
  return body.items;
}

/** Columns of a transcript's lines, and of prose. */
const transcriptWidth = 132;
const proseWidth = 140;
const indent = " ".repeat(6);

/** On one line where they fit. */
function callLines(call: Call, symbolized: (text: string) => string): string[] {
  const request = `${call.who.padEnd(indent.length)}${symbolized(call.request)}`;
  const answer = `→ ${symbolized(call.answer)}`;
  const whole = `${request} ${answer}`;
  const hanging = `${indent}  `;
  const broken = (text: string) => wrapped(text, transcriptWidth, hanging);
  return [
    ...(whole.length <= transcriptWidth ? [whole] : [...broken(request), ...broken(`${indent}${answer}`)]),
    ...(call.notes ?? []).flatMap((note) => broken(`${hanging}${symbolized(note)}`)),
  ];
}

/** Broken at blanks; the first line's own indentation stays, `further` is that of the others. */
function wrapped(text: string, width: number, further = ""): string[] {
  const lines: string[] = [];
  let line = /^ */.exec(text)![0];
  let isEmpty = true;
  for (const word of text.trimStart().split(" ")) {
    if (!isEmpty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = further;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line];
}

function shownRequest({ body, token, headers }: ScimRequest = {}): string {
  const credential = token === undefined ? headers?.["Authorization"] : `Bearer ${token}`;
  return [
    body === undefined ? "" : ` ${shownBody(body)}`,
    credential === undefined ? "" : ` (Authorization: ${credential})`,
  ].join("");
}

function shownBody(body: unknown): string {
  const operations = isPlain(body) ? body["Operations"] : undefined;
  return Array.isArray(operations) ? operations.map(shownOperation).join("; ") : shownValue(body);
}

function shownOperation({ op, path, value }: Fields): string {
  const at = typeof path === "string" ? ` ${shortened(path)}` : "";
  return `${op}${at}${value === undefined ? "" : `: ${shownValue(value)}`}`;
}

/** Longer texts and arrays than these are cut: somebody's picture, a very large group. */
const shownTextMax = 60;
const shownElementsMax = 3;

/** JSON without the quotes around names, without `schemas`, and with the extension's attributes among the others. */
function shownValue(value: unknown): string {
  if (Array.isArray(value)) {
    return value.length > shownElementsMax
      ? `[${shownValue(value[0])}, … ${value.length} in all]`
      : `[${value.map(shownValue).join(", ")}]`;
  }
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).flatMap(([name, inner]) =>
      name === urns.account ? Object.entries(inner as Fields) : [[name, inner] as const],
    );
    const shown = entries
      .filter(([name]) => name !== "schemas")
      .map(([name, inner]) => `${name}: ${shownValue(inner)}`);
    return `{${shown.join(", ")}}`;
  }
  return typeof value === "string" && value.length > shownTextMax
    ? `"${value.slice(0, 8)}… (${value.length} characters)"`
    : JSON.stringify(value);
}

function shortened(path: string): string {
  return path.replace(`${urns.account}:`, "");
}

/** As much of an answer as was expected of it. */
function pick(value: unknown, wanted: unknown): unknown {
  if (Array.isArray(wanted) && Array.isArray(value)) {
    return value.map((element, index) => pick(element, wanted[index]));
  }
  if (!isPlain(wanted) || !isPlain(value)) return value;
  return Object.fromEntries(Object.keys(wanted).map((name) => [name, pick(value[name], wanted[name])]));
}

function isPlain(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
