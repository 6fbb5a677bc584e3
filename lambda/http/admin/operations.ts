/** The admin API, operation by operation (API.md §3). */

import { listActivity } from "../../domain/activity.ts";
import { compareProject } from "../../domain/compare.ts";
import type { Connection } from "../../domain/connection.ts";
import {
  createConnection,
  createToken,
  deleteConnection,
  deleteToken,
  getConnection,
  listConnections,
  listTokens,
  patchConnection,
  rotateTokens,
} from "../../domain/connections.ts";
import type { Context } from "../../domain/context.ts";
import { isConnectionId, isProjectId } from "../../domain/ids.ts";
import { listChildren, syncAgain, syncOf } from "../../domain/inheritance.ts";
import { listMembers } from "../../domain/member-list.ts";
import { createMember, deleteMember, getMember, patchMember } from "../../domain/members.ts";
import { listProductGroups } from "../../domain/product-group-list.ts";
import { listGroupMembers, putGroupMember, removeGroupMember } from "../../domain/product-group-members.ts";
import {
  createProductGroup,
  deleteProductGroup,
  getProductGroup,
  patchProductGroup,
} from "../../domain/product-groups.ts";
import {
  createProject,
  deleteProject,
  getProject,
  listProjects,
  patchProject,
} from "../../domain/projects.ts";
import { signIn } from "../../domain/sign-ins.ts";
import { dismissFailure, listFailures, retryFailure } from "../../domain/sync-failures.ts";
import { compareCursorOf, comparePlaceOf } from "./compare-cursor.ts";
import { cursorOf, isNumber, placeOf } from "./cursor.ts";
import { operation } from "./operation.ts";
import * as schemas from "./schemas.ts";
import {
  activityView,
  childView,
  connectionView,
  findingView,
  groupView,
  issuedTokenView,
  memberView,
  memberWithGroupsView,
  projectView,
  signInView,
  syncFailureView,
  syncView,
  tokenView,
} from "./views.ts";

const project = "/projects/{projectId}";
const connections = `${project}/connections`;
const connection = `${connections}/{connectionId}`;
const tokens = `${connection}/tokens`;
const members = `${project}/members`;
const member = `${members}/{memberId}`;
const groups = `${project}/groups`;
const group = `${groups}/{groupId}`;
const groupMembers = `${group}/members`;
const groupMember = `${groupMembers}/{memberId}`;
const activity = `${project}/activity`;
const syncFailures = `${project}/sync-failures`;
const syncFailure = `${syncFailures}/{failureId}`;

export const operations = [
  operation({
    id: "createProject",
    method: "POST",
    path: "/projects",
    summary: "Create a project",
    body: schemas.projectCreate,
    status: 201,
    answer: schemas.project,
    handle: async ({ context, body }) => projectView(await createProject(context, body)),
  }),
  operation({
    id: "listProjects",
    method: "GET",
    path: "/projects",
    summary: "List projects, oldest first",
    query: schemas.pageQuery,
    answer: schemas.pageOf(schemas.project),
    handle: async ({ context, query }) => {
      const page = await listProjects(context, placeOf(query.cursor, isProjectId), query.limit);
      return { items: page.items.map(projectView), ...cursorOf(page.after) };
    },
  }),
  operation({
    id: "getProject",
    method: "GET",
    path: project,
    summary: "Read a project, its quotas and their usage at this instant",
    answer: schemas.project,
    handle: async ({ context, path }) => projectView(await getProject(context, path["projectId"]!)),
  }),
  operation({
    id: "patchProject",
    method: "PATCH",
    path: project,
    summary: "Change a project's name or quotas; a quota below its usage evicts nobody",
    body: schemas.projectPatch,
    answer: schemas.project,
    handle: async ({ context, path, body }) =>
      projectView(await patchProject(context, path["projectId"]!, body)),
  }),
  operation({
    id: "deleteProject",
    method: "DELETE",
    path: project,
    summary: "Delete a project and every trace of it",
    refusals: ["not_empty"],
    handle: ({ context, path }) => deleteProject(context, path["projectId"]!),
  }),

  operation({
    id: "createConnection",
    method: "POST",
    path: connections,
    summary:
      "Create a connection: the link to one IdP application, or a child that inherits from another project's",
    body: schemas.connectionCreate,
    status: 201,
    answer: schemas.connection,
    refusals: ["too_many_connections", "inherited_setting", "already_inherits", "too_many_children"],
    handle: async ({ context, path, body, baseUrl }) =>
      shownConnection(context, await createConnection(context, path["projectId"]!, body), baseUrl),
  }),
  operation({
    id: "listConnections",
    method: "GET",
    path: connections,
    summary: "List a project's connections",
    query: schemas.pageQuery,
    answer: schemas.pageOf(schemas.connection),
    handle: async ({ context, path, query, baseUrl }) => {
      const all = await listConnections(context, path["projectId"]!);
      const page = pageOfAll(all, query, (item) => item);
      const items = page.items.map((item) => shownConnection(context, item, baseUrl));
      return { ...page, items: await Promise.all(items) };
    },
  }),
  operation({
    id: "getConnection",
    method: "GET",
    path: connection,
    summary: "Read a connection",
    answer: schemas.connection,
    handle: async ({ context, path, baseUrl }) =>
      shownConnection(
        context,
        await getConnection(context, path["projectId"]!, path["connectionId"]!),
        baseUrl,
      ),
  }),
  operation({
    id: "patchConnection",
    method: "PATCH",
    path: connection,
    summary: "Change a connection's settings, which hold for its children at once; of a child only its name",
    body: schemas.connectionPatch,
    answer: schemas.connection,
    refusals: ["inherited_setting"],
    handle: async ({ context, path, body, baseUrl }) =>
      shownConnection(
        context,
        await patchConnection(context, path["projectId"]!, path["connectionId"]!, body),
        baseUrl,
      ),
  }),
  operation({
    id: "deleteConnection",
    method: "DELETE",
    path: connection,
    summary: "Delete a connection; its members and groups stay, unmanaged",
    refusals: ["has_children"],
    handle: ({ context, path }) => deleteConnection(context, path["projectId"]!, path["connectionId"]!),
  }),
  operation({
    id: "listChildren",
    method: "GET",
    path: `${connection}/children`,
    summary: "List the connections that inherit from this one, and how far each of them is",
    query: schemas.pageQuery,
    answer: schemas.pageOf(schemas.child),
    handle: async ({ context, path, query: { cursor, limit } }) => {
      const parent = await getConnection(context, path["projectId"]!, path["connectionId"]!);
      const page = await listChildren(context, parent, { limit, after: placeOf(cursor, isConnectionId) });
      return { items: page.items.map(childView), ...cursorOf(page.after) };
    },
  }),

  operation({
    id: "syncConnection",
    method: "POST",
    path: `${connection}/sync`,
    summary: "Have everything of the parent copied to this child again",
    status: 202,
    answer: schemas.sync,
    refusals: ["not_inherited"],
    handle: async ({ context, path }) => {
      const child = await getConnection(context, path["projectId"]!, path["connectionId"]!);
      return syncView(await syncAgain(context, child));
    },
  }),

  operation({
    id: "createToken",
    method: "POST",
    path: tokens,
    summary: "Create a SCIM token; it is shown this once",
    body: schemas.tokenCreate,
    status: 201,
    answer: schemas.issuedToken,
    refusals: ["too_many_tokens", "inherited_setting"],
    handle: async ({ context, path, body }) =>
      issuedTokenView(await createToken(context, path["projectId"]!, path["connectionId"]!, body)),
  }),
  operation({
    id: "rotateTokens",
    method: "POST",
    path: `${tokens}/rotate`,
    summary: "Create a SCIM token and end every older one after the overlap",
    body: schemas.tokenRotate,
    status: 201,
    answer: schemas.issuedToken,
    refusals: ["inherited_setting"],
    handle: async ({ context, path, body }) =>
      issuedTokenView(await rotateTokens(context, path["projectId"]!, path["connectionId"]!, body)),
  }),
  operation({
    id: "listTokens",
    method: "GET",
    path: tokens,
    summary: "List the live tokens, without the tokens themselves",
    query: schemas.pageQuery,
    answer: schemas.pageOf(schemas.token),
    refusals: ["inherited_setting"],
    handle: async ({ context, path, query }) =>
      pageOfAll(await listTokens(context, path["projectId"]!, path["connectionId"]!), query, tokenView),
  }),
  operation({
    id: "deleteToken",
    method: "DELETE",
    path: `${tokens}/{tokenId}`,
    summary: "Revoke a token; it is refused from the next request on",
    refusals: ["inherited_setting"],
    handle: ({ context, path }) =>
      deleteToken(context, path["projectId"]!, path["connectionId"]!, path["tokenId"]!),
  }),

  operation({
    id: "signIn",
    method: "POST",
    path: `${connection}/sign-ins`,
    summary: "Ask whether somebody who comes in by this connection's SSO may, and who it is",
    body: schemas.signInRequest,
    answer: schemas.signIn,
    handle: async ({ context, path, body }) =>
      signInView(await signIn(context, path["projectId"]!, path["connectionId"]!, body)),
  }),

  operation({
    id: "createMember",
    method: "POST",
    path: members,
    summary: "Create an unmanaged member",
    body: schemas.memberCreate,
    status: 201,
    answer: schemas.member,
    refusals: ["duplicate_member", "quota_exceeded"],
    handle: async ({ context, path, body }) =>
      memberView(await createMember(context, path["projectId"]!, body)),
  }),
  operation({
    id: "listMembers",
    method: "GET",
    path: members,
    summary: "List members; the deleted ones only by status=deleted",
    query: schemas.memberQuery,
    answer: schemas.pageOf(schemas.member),
    handle: async ({ context, path, query: { cursor, ...query } }) => {
      // Which places a list knows depends on its query; `listMembers` looks.
      const after = placeOf(cursor, () => true);
      const page = await listMembers(context, path["projectId"]!, { ...query, after });
      return { items: page.items.map(memberView), ...cursorOf(page.after) };
    },
  }),
  operation({
    id: "getMember",
    method: "GET",
    path: member,
    summary: "Read a member, with its groups",
    answer: schemas.memberWithGroups,
    handle: async ({ context, path }) =>
      memberWithGroupsView(await getMember(context, path["projectId"]!, path["memberId"]!)),
  }),
  operation({
    id: "patchMember",
    method: "PATCH",
    path: member,
    summary: "Change a member; of a managed one only role and access",
    body: schemas.memberPatch,
    answer: schemas.memberWithGroups,
    refusals: ["managed_by_idp", "duplicate_member", "quota_exceeded"],
    handle: async ({ context, path, body }) =>
      memberWithGroupsView(await patchMember(context, path["projectId"]!, path["memberId"]!, body)),
  }),
  operation({
    id: "deleteMember",
    method: "DELETE",
    path: member,
    summary: "Delete an unmanaged member",
    refusals: ["managed_by_idp"],
    handle: ({ context, path }) => deleteMember(context, path["projectId"]!, path["memberId"]!),
  }),

  operation({
    id: "createGroup",
    method: "POST",
    path: groups,
    summary: "Create an unmanaged group",
    body: schemas.groupCreate,
    status: 201,
    answer: schemas.group,
    handle: async ({ context, path, body }) =>
      groupView(await createProductGroup(context, path["projectId"]!, body)),
  }),
  operation({
    id: "listGroups",
    method: "GET",
    path: groups,
    summary: "List groups; one with members of both types is of both",
    query: schemas.groupQuery,
    answer: schemas.pageOf(schemas.group),
    handle: async ({ context, path, query: { cursor, ...query } }) => {
      // As in the list of members.
      const after = placeOf(cursor, () => true);
      const page = await listProductGroups(context, path["projectId"]!, { ...query, after });
      return { items: page.items.map(groupView), ...cursorOf(page.after) };
    },
  }),
  operation({
    id: "getGroup",
    method: "GET",
    path: group,
    summary: "Read a group",
    answer: schemas.group,
    handle: async ({ context, path }) =>
      groupView(await getProductGroup(context, path["projectId"]!, path["groupId"]!)),
  }),
  operation({
    id: "patchGroup",
    method: "PATCH",
    path: group,
    summary: "Change a group; of a managed one only access",
    body: schemas.groupPatch,
    answer: schemas.group,
    refusals: ["managed_by_idp", "duplicate_group"],
    handle: async ({ context, path, body }) =>
      groupView(await patchProductGroup(context, path["projectId"]!, path["groupId"]!, body)),
  }),
  operation({
    id: "deleteGroup",
    method: "DELETE",
    path: group,
    summary: "Delete a group; a managed one only with force",
    query: schemas.groupDeleteQuery,
    refusals: ["managed_by_idp"],
    handle: ({ context, path, query }) =>
      deleteProductGroup(context, path["projectId"]!, path["groupId"]!, query.force ?? false),
  }),
  operation({
    id: "listGroupMembers",
    method: "GET",
    path: groupMembers,
    summary: "List a group's members, inactive ones included",
    query: schemas.pageQuery,
    answer: schemas.pageOf(schemas.member),
    handle: async ({ context, path, query: { cursor, limit } }) => {
      const after = placeOf(cursor, isNumber);
      const page = await listGroupMembers(context, path["projectId"]!, path["groupId"]!, { limit, after });
      return { items: page.items.map(memberView), ...cursorOf(page.after) };
    },
  }),
  operation({
    id: "putGroupMember",
    method: "PUT",
    path: groupMember,
    summary: "Put a member into an unmanaged group; one who is there stays there",
    refusals: ["managed_by_idp"],
    handle: ({ context, path }) =>
      putGroupMember(context, path["projectId"]!, path["groupId"]!, path["memberId"]!),
  }),
  operation({
    id: "removeGroupMember",
    method: "DELETE",
    path: groupMember,
    summary: "Take a member out of an unmanaged group; one who is not there is none after it either",
    refusals: ["managed_by_idp"],
    handle: ({ context, path }) =>
      removeGroupMember(context, path["projectId"]!, path["groupId"]!, path["memberId"]!),
  }),

  operation({
    id: "listSyncFailures",
    method: "GET",
    path: syncFailures,
    summary: "List what could not be provisioned and has not succeeded since, newest first",
    query: schemas.failureQuery,
    answer: schemas.pageOf(schemas.syncFailure),
    handle: async ({ context, path, query: { cursor, ...query } }) => {
      const after = placeOf(cursor, () => true);
      const page = await listFailures(context, path["projectId"]!, { ...query, after });
      return { items: page.items.map(syncFailureView), ...cursorOf(page.after) };
    },
  }),
  operation({
    id: "retrySyncFailure",
    method: "POST",
    path: `${syncFailure}/retry`,
    summary:
      "Try an inherited change again: if that succeeds, the failure is gone; anything else is the identity provider's to send",
    status: 202,
    refusals: ["retry_from_idp"],
    handle: ({ context, path }) => retryFailure(context, path["projectId"]!, path["failureId"]!),
  }),
  operation({
    id: "dismissSyncFailure",
    method: "DELETE",
    path: syncFailure,
    summary: "Take a failure from the list that nothing will close; it comes back if it happens again",
    handle: ({ context, path }) => dismissFailure(context, path["projectId"]!, path["failureId"]!),
  }),
  operation({
    id: "listActivity",
    method: "GET",
    path: activity,
    summary: "List what was changed and by whom, newest first; the last 90 days, seconds behind",
    query: schemas.activityQuery,
    answer: schemas.pageOf(schemas.activityEntry),
    handle: async ({ context, path, query: { cursor, ...query } }) => {
      // As in the list of members.
      const after = placeOf(cursor, () => true);
      const page = await listActivity(context, path["projectId"]!, { ...query, after });
      return { items: page.items.map(activityView), ...cursorOf(page.after) };
    },
  }),
  operation({
    id: "compareProject",
    method: "GET",
    path: `${project}/compare`,
    summary:
      "Compare what the project, its parents and its children hold with what they have to; changes nothing",
    query: schemas.compareQuery,
    answer: schemas.comparison,
    handle: async ({ context, path, query }) => {
      const part = await compareProject(context, path["projectId"]!, comparePlaceOf(query.cursor));
      return {
        items: part.findings.map(findingView),
        ...compareCursorOf(part.next),
        checked: part.checked,
      };
    },
  }),
];

async function shownConnection(context: Context, connection: Connection, baseUrl: string) {
  return connectionView(connection, await syncOf(context, connection), baseUrl);
}

/** A page of what is few enough to be read as a whole; its cursor counts. */
function pageOfAll<Item, View>(
  all: readonly Item[],
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
  view: (item: Item) => View,
): { readonly items: View[]; readonly nextCursor?: string } {
  const start = Number(placeOf(cursor, isNumber) ?? 0);
  const end = start + limit;
  return {
    items: all.slice(start, end).map(view),
    ...cursorOf(end < all.length ? String(end) : undefined),
  };
}
