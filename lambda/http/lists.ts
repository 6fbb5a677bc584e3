/** Lists: GET of a collection or of the root, and POST of `.search` on either (RFC 7644 §3.4.2, §3.4.3). */

import { attempt, unwrapped } from "../domain/attempt.ts";
import { listResources, type ResourceCollection } from "../domain/resource-list.ts";
import { parseJson } from "../scim/json.ts";
import { listResponse } from "../scim/messages.ts";
import { type ListQuery, readListQuery } from "../scim/query.ts";
import { readSearchRequest } from "../scim/search-request.ts";
import { assertJsonBody } from "./media-type.ts";
import { boundedBody } from "./request.ts";
import type { HttpResponse } from "./response.ts";
import { refuseMethod, type ScimCall, type ScimEndpoint, scimAnswer } from "./scim-router.ts";

/** What is listed, for one call. */
export type Collections = (call: ScimCall) => readonly ResourceCollection[];

/** As an endpoint's name, and in the place of an id. */
const search = ".search";

/** The root, for all resources together (RFC 7644 §3.4.2.1), and `.search` there. */
export function rootEndpoints(collections: Collections): readonly ScimEndpoint[] {
  return [
    {
      name: "",
      serve: (call) =>
        call.request.method === "GET" ? answerList(call, collections) : refuseMethod(call, ["GET"]),
    },
    { name: search, serve: (call) => answerSearch(call, collections) },
  ];
}

/** Whether `.search` stands where an id would: it is never one. */
export function isSearch(id: string): boolean {
  return id.toLowerCase() === search;
}

export async function answerList(call: ScimCall, collections: Collections): Promise<HttpResponse> {
  return answer(call, collections, () => readListQuery(call.request.query));
}

export async function answerSearch(call: ScimCall, collections: Collections): Promise<HttpResponse> {
  if (call.request.method !== "POST") {
    return refuseMethod(call, ["POST"]);
  }
  return answer(call, collections, () => {
    assertJsonBody(call.request);
    return readSearchRequest(parseJson(boundedBody(call.request)));
  });
}

async function answer(
  call: ScimCall,
  collections: Collections,
  read: () => ListQuery,
): Promise<HttpResponse> {
  const query = attempt(read);
  const { totalResults, resources, nextCursor } = await listResources(
    call.runtime.context,
    call.caller,
    collections(call),
    () => unwrapped(query),
  );
  const { cursor, startIndex } = unwrapped(query);
  const body = listResponse({
    totalResults,
    startIndex: cursor === undefined ? startIndex : undefined,
    itemsPerPage: resources.length,
    resources,
    nextCursor,
  });
  return scimAnswer(call, 200, body);
}
