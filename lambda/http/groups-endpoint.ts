/** `/Groups` and `/Groups/{id}` (RFC 7644 §3.2). */

import { fitting } from "../domain/answer-size.ts";
import { attempt, unwrapped } from "../domain/attempt.ts";
import type { Group } from "../domain/group.ts";
import { groupCollection } from "../domain/group-list.ts";
import {
  changeGroup,
  createGroup,
  deleteGroup,
  type GroupBody,
  type GroupChange,
  getGroup,
  memberNames,
  type OpenedGroup,
} from "../domain/groups.ts";
import { largeBodyBytesMax } from "../domain/limits.ts";
import { noWish, wishOf } from "../domain/membership.ts";
import type { Watch } from "../domain/provisioning.ts";
import type { ResourceCollection } from "../domain/resource-list.ts";
import { matchesVersion } from "../domain/version.ts";
import { isArray, isObject, type JsonValue, parseJson } from "../scim/json.ts";
import { membersPerRequestMax } from "../scim/limits.ts";
import { applyPatch, membershipChange, readPatch } from "../scim/patch.ts";
import { type Projection, project, readProjection, wants } from "../scim/projection.ts";
import { createAttributes, replaceAttributes } from "../scim/read-resource.ts";
import type { ScimAttributes, ScimResource } from "../scim/resource.ts";
import { groupType } from "../scim/resource-types.ts";
import { groupMembers } from "../scim/schemas/group.ts";
import { groupResource, type MemberNames } from "./group-representation.ts";
import { answerList, answerSearch, type Collections, isSearch } from "./lists.ts";
import { assertJsonBody } from "./media-type.ts";
import { askedResource, provisioned } from "./provisioned.ts";
import { boundedBody } from "./request.ts";
import type { HttpResponse } from "./response.ts";
import { refuseMethod, type ScimCall, type ScimEndpoint, scimAnswer } from "./scim-router.ts";

export const groupsEndpoint: ScimEndpoint = {
  name: "Groups",
  serve(call) {
    const [id] = call.rest;
    if (id === undefined) {
      return serveCollection(call);
    }
    return isSearch(id) ? answerSearch(call, listedGroups) : serveGroup(call, id);
  },
};

/** The groups as a list has them. */
export function groupsOf(call: ScimCall): ResourceCollection {
  return groupCollection(call.runtime.context, call.caller.connectionId, (group, members, names) =>
    groupResource(group, members, call.scimBaseUrl, names),
  );
}

const listedGroups: Collections = (call) => [groupsOf(call)];

async function serveCollection(call: ScimCall): Promise<HttpResponse> {
  switch (call.request.method) {
    case "GET":
      return answerList(call, listedGroups);
    case "POST":
      return create(call);
    default:
      return refuseMethod(call, ["GET", "POST"]);
  }
}

async function serveGroup(call: ScimCall, id: string): Promise<HttpResponse> {
  switch (call.request.method) {
    case "GET":
      return read(call, id);
    case "PUT": {
      const body = attempt(() => bodyOf(call));
      const asked = askedResource(body, "displayName", id);
      return provisioned(call, { resourceType: "Group", operation: "replace", asked }, (watch) =>
        change(call, id, "all", () => splitBody(replaceAttributes(groupType, {}, unwrapped(body))), watch),
      );
    }
    case "PATCH":
      return provisioned(
        call,
        { resourceType: "Group", operation: "modify", asked: { name: undefined, id } },
        (watch) => patch(call, id, watch),
      );
    case "DELETE":
      return provisioned(
        call,
        { resourceType: "Group", operation: "delete", asked: { name: undefined, id } },
        async (watch) => {
          const ifMatch = call.request.headers.get("if-match");
          await deleteGroup(call.runtime.context, call.caller, id, ifMatch, watch);
          return scimAnswer(call, 204, undefined);
        },
      );
    default:
      return refuseMethod(call, ["GET", "PUT", "PATCH", "DELETE"]);
  }
}

async function create(call: ScimCall): Promise<HttpResponse> {
  const projection = attempt(() => projectionOf(call));
  const body = attempt(() => bodyOf(call));
  const wanted = () => {
    unwrapped(projection);
    return splitBody(createAttributes(groupType, unwrapped(body)));
  };
  return provisioned(
    call,
    { resourceType: "Group", operation: "create", asked: askedResource(body, "displayName") },
    async (watch) => {
      const opened = await createGroup(call.runtime.context, call.caller, wanted, watch);
      return groupAnswer(call, 201, opened, unwrapped(projection));
    },
  );
}

async function read(call: ScimCall, id: string): Promise<HttpResponse> {
  const { context } = call.runtime;
  const projection = attempt(() => projectionOf(call));
  const ifNoneMatch = call.request.headers.get("if-none-match");
  const isKnown = (group: Group) => ifNoneMatch !== undefined && matchesVersion(ifNoneMatch, group);
  const shows = (sub?: string) => projection.ok && wants(projection.value, groupMembers.name, sub);
  const opened = await getGroup(context, call.caller, id, (group) => shows() && !isKnown(group));
  if (isKnown(opened.group)) {
    const { meta } = groupResource(opened.group, undefined, call.scimBaseUrl);
    return scimAnswer(call, 304, undefined, resourceHeaders(meta));
  }
  const names = shows("display") ? await memberNames(context, opened) : undefined;
  return groupAnswer(call, 200, opened, unwrapped(projection), names);
}

/**
 * Without `attributes` and `excludedAttributes`, the answer has the resource for groups that are not large, else no body
 * (API.md §4); with them, it has what they ask for.
 */
async function patch(call: ScimCall, id: string, watch: Watch): Promise<HttpResponse> {
  const projection = attempt(() => projectionOf(call));
  const wanted = projection.ok && projection.value.kind !== "default" ? "all" : "few";
  const body = (): GroupBody => {
    const operations = readPatch(groupType, bodyOf(call));
    const changes = operations.map(membershipChange).filter((one) => one !== undefined);
    const others = operations.filter((operation) => operation.kind !== "members");
    return {
      attributes: (stored) => applyPatch(groupType, stored, others, { id }),
      members: changes.length === 0 ? noWish : wishOf(changes),
    };
  };
  return change(call, id, wanted, body, watch);
}

/** What is wrong with body or parameters is said once the caller may come in, and before anything has changed. */
async function change(
  call: ScimCall,
  id: string,
  membersWanted: "all" | "few",
  body: () => GroupBody,
  watch: Watch,
): Promise<HttpResponse> {
  const projection = attempt(() => projectionOf(call));
  const showsMembers = projection.ok && wants(projection.value, groupMembers.name);
  const wanted = (): GroupChange => {
    unwrapped(projection);
    return {
      ...body(),
      ifMatch: call.request.headers.get("if-match"),
      membersWanted: showsMembers ? membersWanted : "none",
      assertAnswerable(changed) {
        // As many members as one request may name always fit an answer.
        if ((changed.members?.length ?? 0) > membersPerRequestMax) {
          shownGroup(call, changed, unwrapped(projection));
        }
      },
    };
  };
  const opened = await changeGroup(call.runtime.context, call.caller, id, wanted, watch);
  return membersWanted === "few" && opened.members === undefined
    ? scimAnswer(
        call,
        204,
        undefined,
        resourceHeaders(groupResource(opened.group, undefined, call.scimBaseUrl).meta),
      )
    : groupAnswer(call, 200, opened, unwrapped(projection));
}

/** A single group, with the headers every single-resource answer has (API.md §4). */
function groupAnswer(
  call: ScimCall,
  status: number,
  opened: OpenedGroup,
  projection: Projection,
  names?: MemberNames,
): HttpResponse {
  const { resource, shown } = shownGroup(call, opened, projection, names);
  return scimAnswer(call, status, shown, resourceHeaders(resource.meta));
}

/** As the projection shows it; 400 `tooMany` when no answer holds that. */
function shownGroup(
  call: ScimCall,
  { group, members }: OpenedGroup,
  projection: Projection,
  names?: MemberNames,
) {
  const resource = groupResource(group, members, call.scimBaseUrl, names);
  return { resource, shown: fitting(project(groupType, resource, projection)) };
}

function resourceHeaders({ location, version }: ScimResource["meta"]) {
  return { Location: location, ETag: version };
}

function splitBody(attributes: ScimAttributes): GroupBody {
  const { [groupMembers.name]: members, ...others } = attributes;
  const ids = (isArray(members) ? members : []).flatMap((member) =>
    isObject(member) ? [String(member["value"])] : [],
  );
  return { attributes: () => others, members: wishOf([{ kind: "replace", ids }]) };
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

function bodyOf(call: ScimCall): JsonValue {
  assertJsonBody(call.request);
  return parseJson(boundedBody(call.request, largeBodyBytesMax));
}
