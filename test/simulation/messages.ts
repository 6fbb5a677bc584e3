/** The HTTP requests that steps stand for. */

import { urns } from "../service/scim-messages.ts";
import type { ServiceResponse, TestService } from "../support/service.ts";
import { lastConnectionAt, liveTokens, nobodysId, type Project } from "./model.ts";
import { tokenOf } from "./provider-model.ts";
import {
  type GroupBody,
  type GroupChange,
  isProviderRequest,
  type Label,
  type ProductRequest,
  type ProviderRequest,
  type Request,
  type Slot,
  type UserBody,
  type UserChange,
} from "./steps.ts";

interface Message {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
}

export function send(
  service: TestService,
  projectId: string,
  project: Project,
  request: Request,
): Promise<ServiceResponse> {
  if (!isProviderRequest(request)) {
    const { method, path, body } = messageToProduct(project, request);
    return service.admin(method, `/projects/${projectId}${path}`, body);
  }
  const { method, path, body } = messageToProvider(project, request);
  const token = tokenOf(project, request)?.identity.secret;
  const etag = etagFor(project, request);
  return service.scim(method, scimRoot(project, request.at) + path, {
    ...(body !== undefined && { body }),
    ...(token !== undefined && { token }),
    ...(etag !== undefined && { headers: { "If-Match": etag } }),
  });
}

/** Of a connection that is gone, if there is none any more. */
export function scimRoot(project: Project, slot: Slot): string {
  return `/scim/v2/${lastConnectionAt(project, slot)?.identity.id ?? nobodysId}`;
}

function etagFor(project: Project, request: ProviderRequest): string | undefined {
  if (!("ifMatch" in request) || !request.ifMatch) return undefined;
  const { users, groups } = project.named;
  const identity = "user" in request ? users.get(request.user) : groups.get(request.group);
  return identity?.seen?.etag;
}

function userId(project: Project, label: Label): string {
  return project.named.users.get(label)?.id ?? nobodysId;
}

function groupId(project: Project, label: Label): string {
  return project.named.groups.get(label)?.id ?? nobodysId;
}

function memberId(project: Project, label: Label): string {
  return project.named.members.get(label)?.id ?? nobodysId;
}

function messageToProvider(project: Project, request: ProviderRequest): Message {
  switch (request.kind) {
    case "create user":
      return { method: "POST", path: "/Users", body: userBody(request.body) };
    case "replace user":
      return {
        method: "PUT",
        path: `/Users/${userId(project, request.user)}`,
        body: userBody(request.body),
      };
    case "patch user":
      return {
        method: "PATCH",
        path: `/Users/${userId(project, request.user)}`,
        body: patchBody(request.changes.map(userOperation)),
      };
    case "delete user":
      return { method: "DELETE", path: `/Users/${userId(project, request.user)}` };
    case "read user":
      return { method: "GET", path: `/Users/${userId(project, request.user)}` };
    case "find users":
      return { method: "GET", path: filtered("/Users", userFilter(request.by, request.value)) };
    case "create group":
      return { method: "POST", path: "/Groups", body: groupBody(project, request.body) };
    case "replace group":
      return {
        method: "PUT",
        path: `/Groups/${groupId(project, request.group)}`,
        body: groupBody(project, request.body),
      };
    case "patch group":
      return {
        method: "PATCH",
        path: `/Groups/${groupId(project, request.group)}`,
        body: patchBody(request.changes.map((change) => groupOperation(project, change))),
      };
    case "delete group":
      return { method: "DELETE", path: `/Groups/${groupId(project, request.group)}` };
    case "read group":
      return { method: "GET", path: `/Groups/${groupId(project, request.group)}` };
    case "find groups": {
      const [attribute, value] =
        request.by === "member"
          ? ["members.value", userId(project, request.user)]
          : [request.by, request.value];
      return { method: "GET", path: filtered("/Groups", `${attribute} eq ${JSON.stringify(value)}`) };
    }
  }
}

function filtered(path: string, filter: string): string {
  return `${path}?filter=${encodeURIComponent(filter)}`;
}

function userFilter(by: string, value: string): string {
  switch (by) {
    case "work email":
      return `emails[type eq "work"].value eq ${JSON.stringify(value)}`;
    case "any email":
      return `emails.value eq ${JSON.stringify(value)}`;
    case "active":
      return `active eq ${value}`;
    case "team":
      return `${urns.account}:isTeamAccount eq ${value}`;
    default:
      return `${by} eq ${JSON.stringify(value)}`;
  }
}

function userBody(body: UserBody): object {
  const { userName, externalId, displayName, title, emails, active, team, asText, wrong } = body;
  const shown = (value: boolean) => (asText ? (value ? "True" : "False") : value);
  return {
    schemas: [urns.user, urns.account],
    userName,
    ...(externalId !== undefined && { externalId }),
    ...(displayName !== undefined && { displayName }),
    ...(title !== undefined && { title }),
    ...(emails !== undefined && { emails }),
    ...(active !== undefined && { active: shown(active) }),
    ...(team !== undefined && { [urns.account]: { isTeamAccount: shown(team) } }),
    ...(wrong === "no userName" && { userName: undefined }),
    ...(wrong === "a number for userName" && { userName: 7 }),
    ...(wrong === "a word for active" && { active: "maybe" }),
    ...(wrong === "two primary emails" && {
      emails: ["one@x.example", "two@x.example"].map((value) => ({ value, primary: true })),
    }),
  };
}

interface Operation {
  readonly op: string;
  readonly path?: string;
  readonly value?: unknown;
}

function patchBody(operations: readonly Operation[]): object {
  return { schemas: [urns.patchOp], Operations: operations };
}

const teamPath = `${urns.account}:isTeamAccount`;

function userOperation(change: UserChange): Operation {
  if ("wrong" in change) return wrongOperation(change.wrong);
  if ("remove" in change) return { op: "remove", path: change.remove === "team" ? teamPath : change.remove };
  if ("add" in change) return { op: "add", path: "emails", value: [change.email] };
  if (change.set === "work email") {
    return { op: "Replace", path: 'emails[type eq "work"].value', value: change.to };
  }
  const path = change.set === "team" ? teamPath : change.set;
  const value = change.form === "text" && typeof change.to === "boolean" ? textOf(change.to) : change.to;
  return operation(path, value, change.form, urns.user);
}

function textOf(value: boolean): string {
  return value ? "True" : "False";
}

function operation(path: string, value: unknown, form: string | undefined, schema: string): Operation {
  switch (form) {
    case "pathless":
      return { op: "replace", value: { [path]: value } };
    case "qualified":
      return { op: "Replace", path: path.includes(":") ? path : `${schema}:${path}`, value };
    case "add":
      return { op: "Add", path, value };
    default:
      return { op: "replace", path, value };
  }
}

function wrongOperation(wrong: string): Operation {
  switch (wrong) {
    case "another id":
      return { op: "replace", value: { id: "another" } };
    case "a path to nothing":
      return { op: "replace", path: "shoeSize", value: 42 };
    case "a word for active":
      return { op: "replace", path: "active", value: "maybe" };
    case "a number for userName":
      return { op: "replace", path: "userName", value: 7 };
    default:
      return { op: "replace", path: "displayName", value: 7 };
  }
}

function groupBody(project: Project, { displayName, externalId, users, wrong }: GroupBody): object {
  return {
    schemas: [urns.group],
    displayName,
    ...(externalId !== undefined && { externalId }),
    ...(users !== undefined && { members: entries(project, users) }),
    ...(wrong === "no displayName" && { displayName: undefined }),
    ...(wrong === "a number for displayName" && { displayName: 7 }),
    ...(wrong === "a number for members" && { members: 7 }),
  };
}

function entries(project: Project, users: readonly Label[]): readonly object[] {
  return users.map((user) => ({ value: userId(project, user) }));
}

function groupOperation(project: Project, change: GroupChange): Operation {
  if ("wrong" in change) {
    if (change.wrong !== "a group as a member") return wrongOperation(change.wrong);
    return { op: "add", path: "members", value: [{ value: nobodysId, type: "Group" }] };
  }
  if ("remove" in change) return { op: "remove", path: change.remove };
  if ("set" in change) return operation(change.set, change.to, change.form, urns.group);
  if ("member" in change) {
    return { op: change.member, path: `members[value eq "${userId(project, change.user)}"]` };
  }
  const value = entries(project, change.users);
  return change.form === "pathless" && change.members !== "remove"
    ? { op: change.members, value: { members: value } }
    : { op: change.members, path: "members", value };
}

function messageToProduct(project: Project, request: ProductRequest): Message {
  switch (request.kind) {
    case "set quotas":
      return { method: "PATCH", path: "", body: { quotas: request.quotas } };
    case "add member":
      return { method: "POST", path: "/members", body: request.fields };
    case "change member":
      return {
        method: "PATCH",
        path: `/members/${memberId(project, request.member)}`,
        body: request.fields,
      };
    case "delete member":
      return { method: "DELETE", path: `/members/${memberId(project, request.member)}` };
    case "add group":
      return { method: "POST", path: "/groups", body: without(request, "kind") };
    case "change group":
      return {
        method: "PATCH",
        path: `/groups/${groupId(project, request.group)}`,
        body: without(request, "kind", "group"),
      };
    case "drop group": {
      const query = request.force ? "?force=true" : "";
      return { method: "DELETE", path: `/groups/${groupId(project, request.group)}${query}` };
    }
    case "put into group":
    case "take out of group":
      return {
        method: request.kind === "put into group" ? "PUT" : "DELETE",
        path: `/groups/${groupId(project, request.group)}/members/${memberId(project, request.member)}`,
      };
    case "sign in":
      return {
        method: "POST",
        path: `${connectionPath(project, request.slot)}/sign-ins`,
        body: without(request, "kind", "slot"),
      };
    case "create connection":
      return {
        method: "POST",
        path: "/connections",
        body: { name: request.slot, provider: request.provider, ...request.settings },
      };
    case "change connection":
      return { method: "PATCH", path: connectionPath(project, request.slot), body: request.settings };
    case "delete connection":
      return { method: "DELETE", path: connectionPath(project, request.slot) };
    case "create token": {
      const { slot, lastsSeconds } = request;
      const expiresAt =
        lastsSeconds === undefined ? undefined : new Date(project.now + lastsSeconds * 1_000).toISOString();
      return { method: "POST", path: `${connectionPath(project, slot)}/tokens`, body: { expiresAt } };
    }
    case "rotate tokens": {
      const { slot, overlapSeconds } = request;
      return {
        method: "POST",
        path: `${connectionPath(project, slot)}/tokens/rotate`,
        body: { overlapSeconds },
      };
    }
    case "revoke token": {
      const connection = lastConnectionAt(project, request.slot);
      const token = connection && liveTokens(project, connection).at(-1);
      return {
        method: "DELETE",
        path: `${connectionPath(project, request.slot)}/tokens/${token?.identity.id ?? nobodysId}`,
      };
    }
  }
}

export function connectionPath(project: Project, slot: Slot): string {
  return `/connections/${lastConnectionAt(project, slot)?.identity.id ?? nobodysId}`;
}

function without(request: object, ...names: readonly string[]): object {
  return Object.fromEntries(Object.entries(request).filter(([name]) => !names.includes(name)));
}
