/** `/Users`, `/Users/{id}` and `/Users/.search` (RFC 7644 §3.2). */

import { attempt, unwrapped } from "../domain/attempt.ts";
import type { Member } from "../domain/member.ts";
import type { GroupReference } from "../domain/member-groups.ts";
import { memberIdOf } from "../domain/member-id.ts";
import type { Watch } from "../domain/provisioning.ts";
import type { ResourceCollection } from "../domain/resource-list.ts";
import { userCollection } from "../domain/user-list.ts";
import {
  changeUser,
  createUser,
  deleteUser,
  type GroupsWanted,
  getUser,
  type OpenedUser,
  type UserChange,
} from "../domain/users.ts";
import { matchesVersion, versionOf } from "../domain/version.ts";
import { type JsonValue, parseJson } from "../scim/json.ts";
import { applyPatch, readPatch } from "../scim/patch.ts";
import { type Projection, project, readProjection, wants } from "../scim/projection.ts";
import { createAttributes, replaceAttributes } from "../scim/read-resource.ts";
import { buildResource, type ScimResource } from "../scim/resource.ts";
import { userType } from "../scim/resource-types.ts";
import { answerList, answerSearch, type Collections, isSearch } from "./lists.ts";
import { assertJsonBody } from "./media-type.ts";
import { askedResource, provisioned } from "./provisioned.ts";
import { boundedBody } from "./request.ts";
import type { HttpResponse } from "./response.ts";
import { refuseMethod, type ScimCall, type ScimEndpoint, scimAnswer } from "./scim-router.ts";

export const usersEndpoint: ScimEndpoint = {
  name: "Users",
  serve(call) {
    const [id] = call.rest;
    if (id === undefined) {
      return serveCollection(call);
    }
    return isSearch(id) ? answerSearch(call, listedUsers) : serveUser(call, id);
  },
};

/** The users as a list has them. */
export function usersOf(call: ScimCall): ResourceCollection {
  return userCollection(call.runtime.context, call.caller.connectionId, (member, groups) =>
    representation(call, member, groups),
  );
}

const listedUsers: Collections = (call) => [usersOf(call)];

async function serveCollection(call: ScimCall): Promise<HttpResponse> {
  switch (call.request.method) {
    case "GET":
      return answerList(call, listedUsers);
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
      const asked = askedResource(body, "userName", id);
      return provisioned(call, { resourceType: "User", operation: "replace", asked }, (watch) =>
        change(call, id, "PUT", (stored) => replaceAttributes(userType, stored, unwrapped(body)), watch),
      );
    }
    case "PATCH": {
      const operations = attempt(() => readPatch(userType, bodyOf(call)));
      const apply: UserChange["apply"] = (stored) =>
        applyPatch(userType, stored, unwrapped(operations), { id });
      return provisioned(
        call,
        { resourceType: "User", operation: "modify", asked: { name: undefined, id } },
        (watch) => change(call, id, "PATCH", apply, watch),
      );
    }
    case "DELETE":
      return provisioned(
        call,
        { resourceType: "User", operation: "delete", asked: { name: undefined, id } },
        async (watch) => {
          const ifMatch = call.request.headers.get("if-match");
          await deleteUser(call.runtime.context, call.caller, id, ifMatch, watch);
          return scimAnswer(call, 204, undefined);
        },
      );
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
  watch: Watch,
): Promise<HttpResponse> {
  const projection = attempt(() => projectionOf(call));
  const request: UserChange = {
    method,
    wantsGroups: projection.ok && wants(projection.value, "groups"),
    ifMatch: call.request.headers.get("if-match"),
    apply: (stored) => {
      unwrapped(projection);
      return apply(stored);
    },
  };
  const opened = await changeUser(call.runtime.context, call.caller, id, request, watch);
  return userAnswer(call, 200, opened, unwrapped(projection));
}

async function create(call: ScimCall): Promise<HttpResponse> {
  const projection = attempt(() => projectionOf(call));
  const body = attempt(() => bodyOf(call));
  const attributes = () => {
    unwrapped(projection);
    return createAttributes(userType, unwrapped(body));
  };
  return provisioned(
    call,
    { resourceType: "User", operation: "create", asked: askedResource(body, "userName") },
    async (watch) => {
      const opened = await createUser(call.runtime.context, call.caller, attributes, watch);
      return userAnswer(call, 201, opened, unwrapped(projection));
    },
  );
}

async function read(call: ScimCall, id: string): Promise<HttpResponse> {
  const projection = attempt(() => projectionOf(call));
  const groupsWanted = projection.ok ? groupsIn(projection.value) : "none";
  const opened = await getUser(call.runtime.context, call.caller, id, groupsWanted);
  const ifNoneMatch = call.request.headers.get("if-none-match");
  return ifNoneMatch !== undefined && matchesVersion(ifNoneMatch, opened.member)
    ? scimAnswer(call, 304, undefined, resourceHeaders(representation(call, opened.member)))
    : userAnswer(call, 200, opened, unwrapped(projection));
}

/** Names are looked up for who asks for them by `attributes`, so that any other read costs the same however many groups. */
function groupsIn(projection: Projection): GroupsWanted {
  if (!wants(projection, "groups")) {
    return "none";
  }
  return projection.kind === "only" && wants(projection, "groups", "display") ? "named" : "ids";
}

/** A single user, with the headers every single-resource answer has (API.md §4). */
function userAnswer(
  call: ScimCall,
  status: number,
  { member, groups }: OpenedUser,
  projection: Projection,
): HttpResponse {
  const resource = representation(call, member, groups);
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

function representation(
  call: ScimCall,
  member: Member,
  groups: readonly GroupReference[] = [],
): ScimResource {
  const id = memberIdOf(member.projectId, member.number);
  const attributes =
    groups.length === 0
      ? member.attributes
      : { ...member.attributes, groups: groups.map((group) => groupElement(call, group)) };
  return buildResource(userType, attributes, {
    id,
    created: member.createdAt,
    lastModified: member.lastModified,
    location: `${call.scimBaseUrl}/Users/${id}`,
    version: versionOf(member),
  });
}

/** RFC 7643 §4.1.2. There are no nested groups, so all are direct. */
function groupElement({ scimBaseUrl }: ScimCall, { id, displayName }: GroupReference): JsonValue {
  return {
    value: id,
    $ref: `${scimBaseUrl}/Groups/${id}`,
    ...(displayName !== undefined && { display: displayName }),
    type: "direct",
  };
}

function bodyOf(call: ScimCall): JsonValue {
  assertJsonBody(call.request);
  return parseJson(boundedBody(call.request));
}
