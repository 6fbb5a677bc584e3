/** The sync failures that SCIM requests open and close, by API.md §3. */

import {
  connectionAt,
  failureKey,
  groupAt,
  nobodysId,
  type Project,
  type SyncFailure,
  userAt,
  withEntry,
} from "./model.ts";
import type { Outcome, Refusal } from "./outcome.ts";
import type { GroupBody, Label, ProviderRequest, UserBody } from "./steps.ts";

/** Each way the outcome may show in the list of failures; where a name is not known for sure, there are several. */
export function withFailures(
  before: Project,
  request: ProviderRequest,
  outcome: Outcome,
): readonly Outcome[] {
  const connection = connectionAt(before, request.at)?.identity.label;
  const operation = operationOf(request);
  if (connection === undefined || operation === undefined) return [outcome];
  const resourceType = request.kind.endsWith("user") ? "User" : "Group";
  const keyOf = (identifier: string) => failureKey(connection, resourceType, identifier);
  const { project, reply } = outcome;
  const isThere = reply.kind === "done" || reply.refusals.some(({ status }) => status !== 404);
  if (reply.kind === "done" || (operation === "delete" && !isThere)) {
    const closings =
      reply.kind === "done"
        ? [namesOfSuccess(before, project, request)]
        : subsets(identifiersOf(before, request));
    return closings.map((names) => ({ reply, project: without(project, names.map(keyOf)) }));
  }
  if (reply.refusals.some(({ reason }) => reason === undefined)) return [outcome];
  const identifiers = identifiersOf(before, request);
  if (identifiers.length === 0) return [outcome];
  return identifiers.map((identifier) => {
    const known = project.failures.get(keyOf(identifier));
    const failure: SyncFailure = {
      connection,
      resourceType,
      identifier,
      operation,
      refusals: reply.refusals.map(({ status, reason }: Refusal) => ({ status, reason: reason! })),
      attempts: (known?.attempts ?? 0) + 1,
    };
    return {
      reply,
      project: { ...project, failures: withEntry(project.failures, keyOf(identifier), failure) },
    };
  });
}

function without(project: Project, keys: readonly string[]): Project {
  const failures = new Map(project.failures);
  for (const key of keys) failures.delete(key);
  return { ...project, failures };
}

/** All of them, some of them, or none. */
function subsets(names: readonly string[]): readonly (readonly string[])[] {
  const [first, ...rest] = names;
  if (first === undefined) return [[]];
  return subsets(rest).flatMap((some) => [some, [first, ...some]]);
}

/** Undefined for reads, which provision nothing. */
function operationOf({ kind }: ProviderRequest): SyncFailure["operation"] | undefined {
  const operations = { create: "create", replace: "replace", patch: "modify", delete: "delete" } as const;
  const verb = kind.split(" ")[0]!;
  return Object.hasOwn(operations, verb) ? operations[verb as keyof typeof operations] : undefined;
}

/** The old and the new name. */
function namesOfSuccess(before: Project, after: Project, request: ProviderRequest): readonly string[] {
  switch (request.kind) {
    case "create user":
      return [request.body.userName];
    case "create group":
      return [request.body.displayName];
    case "replace user":
    case "patch user":
    case "delete user":
      return [before, after].flatMap((project) => userNameOf(project, request.at, request.user) ?? []);
    case "replace group":
    case "patch group":
    case "delete group":
      return [before, after].flatMap((project) => groupAt(project, request.group)?.displayName ?? []);
    default:
      return [];
  }
}

function userNameOf(project: Project, at: ProviderRequest["at"], label: Label): string | undefined {
  const connection = connectionAt(project, at);
  return connection && userAt(project, connection, label)?.attributes.userName;
}

/**
 * Whom a refusal is about: the stored name. Of what is not there any more, the name may be known or not; then it is the one
 * in the body, however wrong the rest of that, or else the id, externalId or email that the request names.
 */
function identifiersOf(project: Project, request: ProviderRequest): readonly string[] {
  switch (request.kind) {
    case "create user":
      return namesInUserBody(request.body);
    case "create group":
      return namesInGroupBody(request.body);
    case "replace user":
    case "patch user":
    case "delete user": {
      const stored = userNameOf(project, request.at, request.user);
      if (stored !== undefined) return [stored];
      const { named, members } = project;
      const former = members.get(named.members.get(request.user)?.label ?? "")?.attributes.userName;
      const sent =
        request.kind === "replace user"
          ? namesInUserBody(request.body)
          : request.kind === "patch user"
            ? request.changes.flatMap((change) =>
                "set" in change && change.set === "userName" ? change.to : [],
              )
            : [];
      return distinct([former, ...sent, named.users.get(request.user)?.id ?? nobodysId]);
    }
    case "replace group":
    case "patch group":
    case "delete group": {
      const group = groupAt(project, request.group);
      if (
        group?.connection !== undefined &&
        group.connection === connectionAt(project, request.at)?.identity.label
      )
        return [group.displayName];
      const { named, formerGroups } = project;
      const sent =
        request.kind === "replace group"
          ? namesInGroupBody(request.body)
          : request.kind === "patch group"
            ? request.changes.flatMap((change) =>
                "set" in change && change.set === "displayName" ? change.to : [],
              )
            : [];
      return distinct([
        formerGroups.get(request.group),
        group?.displayName,
        ...sent,
        named.groups.get(request.group)?.id ?? nobodysId,
      ]);
    }
    default:
      return [];
  }
}

function namesInUserBody(body: UserBody): readonly string[] {
  const { userName, externalId, wrong } = body;
  if (wrong !== "no userName" && wrong !== "a number for userName") return [userName];
  return distinct([externalId, ...(body.emails ?? []).map(({ value }) => value)]);
}

function namesInGroupBody({ displayName, externalId, wrong }: GroupBody): readonly string[] {
  if (wrong !== "no displayName" && wrong !== "a number for displayName") return [displayName];
  return distinct([externalId]);
}

/** TypeScript does not see that nothing undefined is left. */
function distinct(names: readonly (string | undefined)[]): readonly string[] {
  return [...new Set(names.filter((name) => name !== undefined && name !== ""))] as string[];
}
