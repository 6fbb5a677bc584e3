/** `/Users` and `/Users/{id}` (RFC 7644 §3.2). */

import { attempt, unwrapped } from "../domain/attempt.ts";
import type { Member } from "../domain/member.ts";
import { memberIdOf } from "../domain/member-id.ts";
import { listUsers, type UserQuery } from "../domain/user-list.ts";
import {
  changeUser,
  createUser,
  deleteUser,
  getUser,
  matchesVersion,
  type OpenedUser,
  type UserChange,
  versionOf,
} from "../domain/users.ts";
import { parseFilter } from "../scim/filter.ts";
import { type JsonValue, parseJson } from "../scim/json.ts";
import { checkFilter } from "../scim/match.ts";
import { listResponse } from "../scim/messages.ts";
import { applyPatch, readPatch } from "../scim/patch.ts";
import { type Projection, project, readProjection } from "../scim/projection.ts";
import { type ListQuery, readListQuery } from "../scim/query.ts";
import { createAttributes, replaceAttributes } from "../scim/read-resource.ts";
import { buildResource, type ScimResource } from "../scim/resource.ts";
import { userType } from "../scim/resource-types.ts";
import { compareBy } from "../scim/sort.ts";
import { assertJsonBody } from "./media-type.ts";
import { boundedBody } from "./request.ts";
import type { HttpResponse } from "./response.ts";
import { refuseMethod, type ScimCall, type ScimEndpoint, scimAnswer } from "./scim-router.ts";

export const usersEndpoint: ScimEndpoint = {
  name: "Users",
  serve(call) {
    const [id] = call.rest;
    return id === undefined ? serveCollection(call) : serveUser(call, id);
  },
};

async function serveCollection(call: ScimCall): Promise<HttpResponse> {
  switch (call.request.method) {
    case "GET":
      return list(call);
    case "POST":
      return create(call);
    default:
      return refuseMethod(call, ["GET", "POST"]);
  }
}

async function serveUser(call: ScimCall, id: string): Promise<HttpResponse> {
  switch (call.request.method) {
    case "GET":
      return read(call, id);
    case "PUT": {
      const body = attempt(() => bodyOf(call));
      return change(call, id, "PUT", (stored) => replaceAttributes(userType, stored, unwrapped(body)));
    }
    case "PATCH": {
      const operations = attempt(() => readPatch(userType, bodyOf(call)));
      return change(call, id, "PATCH", (stored) =>
        applyPatch(userType, stored, unwrapped(operations), { id }),
      );
    }
    case "DELETE":
      await deleteUser(call.runtime.context, call.caller, id, call.request.headers.get("if-match"));
      return scimAnswer(call, 204, undefined);
    default:
      return refuseMethod(call, ["GET", "PUT", "PATCH", "DELETE"]);
  }
}

/** What is wrong with body or parameters is said once the caller may come in, and before anything has changed. */
async function change(
  call: ScimCall,
  id: string,
  method: UserChange["method"],
  apply: UserChange["apply"],
): Promise<HttpResponse> {
  const projection = attempt(() => projectionOf(call));
  const opened = await changeUser(call.runtime.context, call.caller, id, {
    method,
    ifMatch: call.request.headers.get("if-match"),
    apply: (stored) => {
      unwrapped(projection);
      return apply(stored);
    },
  });
  return userAnswer(call, 200, opened, unwrapped(projection));
}

async function list(call: ScimCall): Promise<HttpResponse> {
  const query = attempt(() => readListQuery(call.request.query));
  const page = await listUsers(
    call.runtime.context,
    call.caller,
    () => userQuery(unwrapped(query)),
    (member) => representation(call, member),
  );
  const { startIndex, projection } = unwrapped(query);
  const resources = page.resources.map((resource) => project(userType, resource, projection));
  return scimAnswer(
    call,
    200,
    listResponse({
      totalResults: page.totalResults,
      startIndex,
      itemsPerPage: resources.length,
      resources,
    }),
  );
}

function userQuery({ filter, sortBy, sortOrder, startIndex, count }: ListQuery): UserQuery {
  return {
    filter: filter === undefined ? undefined : checkFilter(userType, parseFilter(filter)),
    order: sortBy === undefined ? undefined : compareBy(userType, sortBy, sortOrder),
    startIndex,
    count,
  };
}

async function create(call: ScimCall): Promise<HttpResponse> {
  const projection = attempt(() => projectionOf(call));
  const opened = await createUser(call.runtime.context, call.caller, () => {
    unwrapped(projection);
    return createAttributes(userType, bodyOf(call));
  });
  return userAnswer(call, 201, opened, unwrapped(projection));
}

async function read(call: ScimCall, id: string): Promise<HttpResponse> {
  const opened = await getUser(call.runtime.context, call.caller, id);
  const ifNoneMatch = call.request.headers.get("if-none-match");
  return ifNoneMatch !== undefined && matchesVersion(ifNoneMatch, opened.member)
    ? scimAnswer(call, 304, undefined, resourceHeaders(representation(call, opened.member)))
    : userAnswer(call, 200, opened, projectionOf(call));
}

/** A single user, with the headers every single-resource answer has (API.md §4). */
function userAnswer(
  call: ScimCall,
  status: number,
  { member }: OpenedUser,
  projection: Projection,
): HttpResponse {
  const resource = representation(call, member);
  return scimAnswer(call, status, project(userType, resource, projection), resourceHeaders(resource));
}

function resourceHeaders({ meta }: ScimResource) {
  return { Location: meta.location, ETag: meta.version };
}

/** Of a single resource's parameters only these two mean anything; the others are ignored. */
function projectionOf(call: ScimCall): Projection {
  const parameter = (wanted: string) =>
    call.request.query.find(([name]) => name.toLowerCase() === wanted.toLowerCase())?.[1];
  return readProjection({
    attributes: parameter("attributes"),
    excludedAttributes: parameter("excludedAttributes"),
  });
}

function representation(call: ScimCall, member: Member): ScimResource {
  const id = memberIdOf(member.projectId, member.number);
  return buildResource(userType, member.attributes, {
    id,
    created: member.createdAt,
    lastModified: member.lastModified,
    location: `${call.scimBaseUrl}/Users/${id}`,
    version: versionOf(member),
  });
}

function bodyOf(call: ScimCall): JsonValue {
  assertJsonBody(call.request);
  return parseJson(boundedBody(call.request));
}
