/**
 * A service of which every single answer is held against the rules that all answers share: the OpenAPI document for the
 * admin API, RFC 7644 for SCIM. A test that looks at one thing so notices another that is wrong. And what is left in the table
 * when it stops is compared, but for what the stream carries (`lambda/domain/compare.ts`).
 */

import { compareAll } from "../invariants/compare-all.ts";
import type { ServiceOptions, ServiceResponse, TestConnection, TestService } from "../support/service.ts";
import { startService } from "../support/service.ts";
import { isTime, schemaFaults } from "./json-schema.ts";
import { urns } from "./scim-messages.ts";

export interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
}

export interface OpenApiOperation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: unknown }>> };
  readonly responses: Readonly<
    Record<
      string,
      { readonly description: string; readonly content?: Readonly<Record<string, { schema: unknown }>> }
    >
  >;
}

export interface CheckedServiceOptions extends ServiceOptions {
  /** Default: true. Not where a test has put items into the table that belong to nothing. */
  readonly comparesAtEnd?: boolean;
}

export async function startCheckedService({
  comparesAtEnd = true,
  ...options
}: CheckedServiceOptions = {}): Promise<TestService> {
  const service = await startService(options);
  const document = (await service.admin("GET", "/openapi.json")).body as OpenApiDocument;

  const scim: TestService["scim"] = async (method, path, request) => {
    const accept = request?.headers?.["Accept"];
    const byCursor = asksByCursor(path, request?.body);
    return assertFaultless(
      `${method} ${path}`,
      scimFaults(method, await service.scim(method, path, request), accept, byCursor),
    );
  };
  const within = (connection: TestConnection): TestConnection => ({
    ...connection,
    scim: (method, path, request) =>
      scim(method, connection.baseUrl + path, { token: connection.token, ...request }),
  });
  return {
    ...service,
    scim,
    async admin(method, path, body) {
      const response = await service.admin(method, path, body);
      return assertFaultless(
        `${method} /admin/v1${path}`,
        path === "/openapi.json" ? [response, []] : adminFaults(document, method, path, response),
      );
    },
    createConnection: async (fields, project) => within(await service.createConnection(fields, project)),
    adopt: (connection) => within(service.adopt(connection)),
    async stop() {
      const comparing = comparesAtEnd ? compareAll(service.table, comparedAtEnd) : [];
      const differences = await Promise.resolve(comparing).finally(() => service.stop());
      if (differences.length > 0) throw new Error(`what was left does not agree:\n${differences.join("\n")}`);
    },
  };
}

/** Of a table that a file leaves: enough to notice what its tests break, in a tenth of a second. */
const comparedAtEnd = { trailing: false, projectsMax: 8, seatsMax: 300 };

function asksByCursor(path: string, body: unknown): boolean {
  const members = typeof body === "object" && body !== null ? Object.keys(body) : [];
  const names = [...new URLSearchParams(path.split("?")[1]).keys(), ...members];
  return names.some((name) => name.toLowerCase() === "cursor");
}

type Checked = readonly [ServiceResponse, readonly string[]];

function assertFaultless(request: string, [response, faults]: Checked): ServiceResponse {
  if (faults.length === 0) return response;
  const answer = `${response.status} ${JSON.stringify(response.headers)} ${JSON.stringify(response.body)}`;
  throw new Error(
    `${request} broke a rule of all answers:\n${faults.join("\n")}\nanswer: ${answer.slice(0, 2_000)}`,
  );
}

/** The documented operation of a request: a literal segment beats a parameter. */
export function operationAt(
  document: OpenApiDocument,
  method: string,
  path: string,
): OpenApiOperation | undefined {
  const segments = path.split("?")[0]!.split("/");
  const template = Object.keys(document.paths)
    .filter((candidate) => {
      const parts = candidate.split("/");
      return (
        parts.length === segments.length &&
        parts.every((part, index) => part.startsWith("{") || part === segments[index])
      );
    })
    .sort((a, b) => a.split("{").length - b.split("{").length)[0];
  return template === undefined ? undefined : document.paths[template]?.[method.toLowerCase()];
}

function adminFaults(
  document: OpenApiDocument,
  method: string,
  path: string,
  response: ServiceResponse,
): Checked {
  const { status, headers, body } = response;
  const faults: string[] = [];
  const type = headers["content-type"];
  if (status >= 400) {
    const problem = { $ref: "#/components/schemas/Problem" };
    if (type !== "application/problem+json") faults.push(`Content-Type of a problem is ${type}`);
    faults.push(...schemaFaults(document, problem, body));
    if (body?.status !== status) faults.push(`status in the problem is ${body?.status}`);
    if (body?.type === "" || body?.title === "" || body?.detail === "") faults.push("a member is empty");
  }
  const operation = operationAt(document, method, path);
  if (operation === undefined) {
    if (status !== 404 && status !== 405) faults.push("the operation is not in the OpenAPI document");
    return [response, faults];
  }
  const documented = operation.responses[String(status)];
  if (documented === undefined && status < 400) faults.push(`status ${status} is not documented`);
  if (status === 409 && !documented?.description.split(", ").includes(body?.code)) {
    faults.push(`409 ${body?.code} is not documented for ${operation.operationId}`);
  }
  const content = documented?.content?.["application/json"];
  if (content) {
    if (type !== "application/json") faults.push(`Content-Type is ${type}`);
    faults.push(...schemaFaults(document, content.schema, body));
  } else if (status < 400 && body !== undefined) {
    faults.push("a body that is not documented");
  }
  return [response, faults];
}

/** RFC 7644 §3.12 table 9; with another status only what §3.3 and §7.5.2 allow. */
const scimTypesOf400 = new Set([
  "invalidFilter",
  "tooMany",
  "uniqueness",
  "mutability",
  "invalidSyntax",
  "invalidPath",
  "noTarget",
  "invalidValue",
  "invalidVers",
  "invalidCursor",
  "expiredCursor",
  "invalidCount",
]);

/** By the URN that tells an answer of the type. */
const resourceTypes = [
  { name: "User", endpoint: "/Users", urn: urns.user },
  { name: "Group", endpoint: "/Groups", urn: urns.group },
];

function scimFaults(
  method: string,
  response: ServiceResponse,
  accept: string | undefined,
  byCursor: boolean,
): Checked {
  const { status, headers, body } = response;
  const faults: string[] = [];
  const rule = (holds: boolean, fault: string) => {
    if (!holds) faults.push(fault);
  };
  const type = accept === "application/json" ? "application/json" : "application/scim+json";
  if (body === undefined) {
    rule(status === 204 || status === 304 || method === "HEAD", "a body is missing");
    return [response, faults];
  }
  rule(status !== 204 && status !== 304, "a body where none may be");
  rule(headers["content-type"] === type, `[9] Content-Type is ${headers["content-type"]}`);
  rule(Array.isArray(body.schemas) && body.schemas.length > 0, "[27] no schemas");
  rule(new Set(body.schemas).size === body.schemas?.length, "[28] schemas repeats a URN");
  if (status >= 400) {
    rule(JSON.stringify(body.schemas) === JSON.stringify([urns.error]), "[162] not the Error URN");
    rule(body.status === String(status), `[162] status in the error is ${JSON.stringify(body.status)}`);
    rule(typeof body.detail === "string" && body.detail.length > 0, "[162] no detail");
    rule(
      body.scimType === undefined ||
        (status === 400 && scimTypesOf400.has(body.scimType)) ||
        (status === 409 && body.scimType === "uniqueness"),
      `[162] scimType ${body.scimType} with ${status}`,
    );
    rule(
      Object.keys(body).every((name) => ["schemas", "status", "scimType", "detail"].includes(name)),
      "[162] the error has further members",
    );
    rule(status !== 401 || /^Bearer /.test(headers["www-authenticate"] ?? ""), "[1] no challenge with 401");
    rule(status !== 405 || headers["allow"] !== undefined, "no Allow with 405");
    rule((status !== 429 && status !== 503) || Number(headers["retry-after"]) > 0, "[165] no Retry-After");
    return [response, faults];
  }
  if (body.schemas?.includes(urns.bulkResponse)) {
    return [response, body.Operations.flatMap(bulkFaults)];
  }
  if (body.schemas?.includes(urns.listResponse)) {
    for (const name of ["totalResults", "itemsPerPage"]) {
      rule(Number.isInteger(body[name]), `[74] ${name} is ${body[name]}`);
    }
    rule(
      body.startIndex === undefined ? byCursor : Number.isInteger(body.startIndex),
      `[74] startIndex is ${body.startIndex}`,
    );
    rule(body.nextCursor === undefined || byCursor, "[171] nextCursor without having asked for it");
    rule(body.previousCursor === undefined, "[167] a previousCursor");
    rule(Array.isArray(body.Resources), "Resources is always there");
    rule(body.itemsPerPage === body.Resources?.length, "[78] itemsPerPage is what was returned");
    for (const resource of body.Resources ?? []) faults.push(...resourceFaults(resource));
    return [response, faults];
  }
  faults.push(...resourceFaults(body));
  const served = resourceTypes.find(({ urn }) => body.schemas?.includes(urn));
  if (served !== undefined) {
    const {
      resourceType = served.name,
      location = headers["location"],
      version = headers["etag"],
    } = body.meta ?? {};
    rule(headers["location"]?.endsWith(`${served.endpoint}/${body.id}`) === true, "no Location");
    rule(headers["etag"]?.startsWith('W/"') === true, "[149] no weak ETag");
    rule(headers["location"] === location, "[44] Location is not meta.location");
    rule(headers["etag"] === version, "[45, 149] ETag is not meta.version");
    rule(resourceType === served.name, "[43] meta.resourceType is another type's");
  }
  return [response, faults];
}

interface BulkEntry {
  readonly method?: string;
  readonly bulkId?: string;
  readonly location?: string;
  readonly version?: string;
  readonly status: string;
  readonly response?: {
    readonly schemas: readonly string[];
    readonly status: string;
    readonly detail: string;
  };
}

function bulkFaults(entry: BulkEntry): string[] {
  const faults: string[] = [];
  const rule = (holds: boolean, fault: string) => {
    if (!holds) faults.push(`[155] ${fault}: ${JSON.stringify(entry).slice(0, 500)}`);
  };
  const { method, bulkId, location, version, status, response } = entry;
  const failed = Number(status) >= 400;
  rule(typeof status === "string" && Number(status) >= 200 && Number(status) < 600, "the status is no code");
  rule(!failed || (response?.status === status && response.detail !== ""), "an error without its body");
  rule(!failed || JSON.stringify(response?.schemas) === JSON.stringify([urns.error]), "not an Error body");
  rule(!failed || version === undefined, "a version of what failed");
  rule(failed || response === undefined, "a body with a success");
  rule(failed || location?.startsWith("http") === true, "a success without location");
  rule(failed || method === "DELETE" || version !== undefined, "a success without version");
  rule(!failed || method !== "POST" || location === undefined, "the location of a POST that failed");
  rule(failed || method !== "POST" || bulkId !== undefined, "a POST without its bulkId");
  const known = ["method", "bulkId", "location", "version", "status", "response"];
  rule(
    Object.keys(entry).every((name) => known.includes(name)),
    "further members",
  );
  return faults;
}

function resourceFaults(resource: { [name: string]: never }): string[] {
  const { schemas, id, meta } = resource as unknown as {
    schemas?: string[];
    id?: string;
    meta?: { resourceType?: string; created?: string; lastModified?: string; version?: string };
  };
  const faults: string[] = [];
  if (!Array.isArray(schemas) || schemas.length === 0) faults.push("[63] a resource without schemas");
  const hasId = typeof id === "string" && id !== "";
  if (!hasId && (schemas?.includes(urns.user) || schemas?.includes(urns.group))) {
    faults.push("[40] a resource without id");
  }
  if (Object.keys(resource).some((name) => name.toLowerCase() === "password")) {
    faults.push("[49] a password in an answer");
  }
  for (const urn of [urns.enterprise, urns.account]) {
    // An extension projected away stays in schemas (RFC 7644 §3.9 keeps schemas as it is), the other way round is wrong.
    if (Object.hasOwn(resource, urn) && !schemas?.includes(urn)) faults.push(`[28] ${urn} not in schemas`);
  }
  for (const time of [meta?.created, meta?.lastModified]) {
    if (time !== undefined && !isTime(time)) faults.push(`[43] ${time} is no time`);
  }
  return faults;
}
