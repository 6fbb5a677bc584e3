/** Discovery (RFC 7644 §4), and `/Me`, which is not supported (§3.11). A token is needed here, too (API.md §4). */

import { largeBodyBytesMax } from "../domain/limits.ts";
import { openConnection } from "../domain/provider-access.ts";
import { forbidden, methodNotAllowed, notImplemented } from "../domain/refusals.ts";
import {
  type Features,
  resourceTypeByName,
  resourceTypeList,
  schemaByUrn,
  schemaList,
  serviceProviderConfig,
} from "../scim/discovery.ts";
import { notFound } from "../scim/error.ts";
import { isObject, type JsonObject } from "../scim/json.ts";
import { bulkOperationsMax } from "../scim/limits.ts";
import { listResponse } from "../scim/messages.ts";
import { groupType, userType } from "../scim/resource-types.ts";
import { type ScimCall, type ScimEndpoint, scimAnswer } from "./scim-router.ts";

const features: Features = {
  bulk: { maxOperations: bulkOperationsMax, maxPayloadSize: largeBodyBytesMax },
};

/** The resource types served. */
const types = [userType, groupType];

export const discoveryEndpoints: readonly ScimEndpoint[] = [
  discovery("ServiceProviderConfig", ({ scimBaseUrl, rest }) => {
    if (rest.length > 0) {
      throw notFound("There is one ServiceProviderConfig; GET it without an id.");
    }
    return serviceProviderConfig(scimBaseUrl, features);
  }),
  discovery("Schemas", ({ scimBaseUrl, rest: [urn] }) =>
    urn === undefined ? all(schemaList(scimBaseUrl, types)) : schemaByUrn(scimBaseUrl, types, urn),
  ),
  discovery("ResourceTypes", ({ scimBaseUrl, rest: [name] }) =>
    name === undefined
      ? all(resourceTypeList(scimBaseUrl, types))
      : resourceTypeByName(scimBaseUrl, types, name),
  ),
  {
    name: "Me",
    async serve(call) {
      await openConnection(call.runtime.context, call.caller);
      throw notImplemented(
        "/Me is not supported: a token belongs to a connection, not to a person. Use /Users/{id}.",
      );
    },
  },
];

function discovery(name: string, answer: (call: ScimCall) => JsonObject): ScimEndpoint {
  return {
    name,
    async serve(call) {
      const { request, runtime, caller } = call;
      await openConnection(runtime.context, caller);
      if (request.method !== "GET") {
        throw methodNotAllowed(request.method, ["GET"]);
      }
      if (request.query.some(([parameter]) => parameter.toLowerCase() === "filter")) {
        throw forbidden("Discovery endpoints cannot be filtered (RFC 7644 §4); leave the filter out.");
      }
      const body = answer(call);
      return scimAnswer(call, 200, body, locationOf(body));
    },
  };
}

/** A single resource says where it is; a list is nowhere. */
function locationOf({ meta }: JsonObject): Readonly<Record<string, string>> {
  const location = isObject(meta) ? meta["location"] : undefined;
  return typeof location === "string" ? { Location: location } : {};
}

function all(resources: readonly JsonObject[]): JsonObject {
  return listResponse({
    totalResults: resources.length,
    startIndex: 1,
    itemsPerPage: resources.length,
    resources,
  });
}
