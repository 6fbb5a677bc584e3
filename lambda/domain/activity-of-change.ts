/** What a change of a row has to tell the activity trail. Pure: the change alone decides, so telling it again says the same. */

import { canonicalText, isObject, type JsonValue } from "../scim/json.ts";
import type { ScimAttributes } from "../scim/resource.ts";
import type { ActivityAction, ActivityEntry } from "./activity-entry.ts";
import type { Connection, Token } from "./connection.ts";
import type { FormerGroup, Group } from "./group.ts";
import { textLengthMax } from "./limits.ts";
import { type Member, statusOf, userNameOf } from "./member.ts";
import { memberIdOfMember } from "./member-id.ts";
import type { Project } from "./project.ts";
import type { SyncFailure } from "./sync-failure.ts";

/** A change that somebody made, as the rows before and after it show. `before` undefined: it was not there. */
export type RowChange =
  | { readonly kind: "member"; readonly before: Member | undefined; readonly after: Member }
  | { readonly kind: "group"; readonly before: Group | undefined; readonly after: Group }
  | { readonly kind: "groupDeleted"; readonly group: FormerGroup; readonly revision: number }
  | { readonly kind: "connection"; readonly before: Connection | undefined; readonly after: Connection }
  | {
      readonly kind: "connectionDeleted";
      readonly connectionId: string;
      readonly name: string;
      readonly revision: number;
    }
  | { readonly kind: "project"; readonly before: Project | undefined; readonly after: Project }
  | { readonly kind: "failureOpened"; readonly failure: SyncFailure };

/** Where a change was made, by whom and when. */
export interface ChangeOrigin {
  readonly projectId: string;
  readonly actor: string;
  readonly at: string;
}

/** None for a change that shows nowhere; of a connection's tokens, one for each. */
export function activityOf(origin: ChangeOrigin, change: RowChange): readonly ActivityEntry[] {
  const told = tellings(change, origin.at);
  return told.map((telling) => ({ ...origin, ...telling, changes: telling.changes.toSorted() }));
}

type Telling = Omit<ActivityEntry, keyof ChangeOrigin>;

function tellings(change: RowChange, at: string): readonly Telling[] {
  switch (change.kind) {
    case "member":
      return ofMember(change.before, change.after);
    case "group":
      return ofGroup(change.before, change.after);
    case "groupDeleted":
      return [ofDeletedGroup(change.group, change.revision)];
    case "connection":
      return ofConnection(change.before, change.after, at);
    case "connectionDeleted":
      return [
        {
          action: "connection.deleted",
          resourceType: "Connection",
          resourceId: change.connectionId,
          identifier: change.name,
          connectionId: change.connectionId,
          changes: [],
          revision: change.revision,
        },
      ];
    case "project":
      return ofProject(change.before, change.after);
    case "failureOpened":
      return [ofFailure(change.failure)];
  }
}

function ofMember(before: Member | undefined, after: Member): readonly Telling[] {
  const changes = differences(before && fieldsOf(before), fieldsOf(after));
  const action = memberAction(before, after, changes);
  if (action === undefined) {
    return [];
  }
  return [
    {
      action,
      resourceType: "Member",
      resourceId: memberIdOfMember(after),
      identifier: userNameOf(after.attributes),
      connectionId: connectionConcerned(before, after),
      changes,
      revision: after.revision,
    },
  ];
}

/**
 * One action a change, the first that holds: that somebody is gone, or back, says more than by whose hand; that says more
 * than the status, and the status more than anything else.
 */
function memberAction(
  before: Member | undefined,
  after: Member,
  changes: readonly string[],
): ActivityAction | undefined {
  if (before === undefined) {
    // Somebody known, under another number: taken over again by a connection (`adopted` in `users.ts`).
    return after.version === 1 ? "member.provisioned" : "member.linked";
  }
  if ((before.deletedAt === undefined) !== (after.deletedAt === undefined)) {
    return after.deletedAt === undefined ? "member.restored" : "member.deleted";
  }
  if (before.connectionId !== after.connectionId) {
    return after.connectionId === undefined ? "member.unlinked" : "member.linked";
  }
  const [was, is] = [statusOf(before), statusOf(after)];
  if (was !== is) {
    return is === "active" ? "member.reactivated" : "member.deactivated";
  }
  return changes.length > 0 ? "member.updated" : undefined;
}

/** The one that has it, or had it until this change; of a new member also the one by which it signed in. */
function connectionConcerned(before: Member | undefined, after: Member): string | undefined {
  const last = before === undefined ? after.signIn : before;
  return after.connectionId ?? last?.connectionId;
}

type Fields = { readonly [name: string]: JsonValue };

function fieldsOf({ attributes, role, access }: Member): Fields {
  return { ...flattened(attributes), ...(role !== null && { role }), access };
}

/** Attributes of extensions by their own names, as an admin knows them. */
function flattened(attributes: ScimAttributes): Fields {
  return Object.fromEntries(
    Object.entries(attributes).flatMap(([name, value]) =>
      name.startsWith("urn:") && isObject(value) ? Object.entries(value) : [[name, value] as const],
    ),
  );
}

function differences(before: Fields | undefined, after: Fields): readonly string[] {
  const names = new Set([...Object.keys(before ?? {}), ...Object.keys(after)]);
  return [...names].filter((name) => !isSame(before?.[name], after[name]));
}

/** In whatever order the table gives the keys of what an attribute holds. */
function isSame(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  return a === undefined || b === undefined ? a === b : canonicalText(a) === canonicalText(b);
}

/** What of a group anybody sees, but for its members. */
function namesOf({ displayName, externalId, access }: Group): Fields {
  return { displayName, ...(externalId !== undefined && { externalId }), access };
}

function ofGroup(before: Group | undefined, after: Group): readonly Telling[] {
  const telling = (action: ActivityAction, changes: readonly string[]): readonly Telling[] => [
    {
      action,
      resourceType: "Group",
      resourceId: after.id,
      identifier: after.displayName,
      connectionId: after.connectionId,
      changes,
      revision: after.revision,
    },
  ];
  if (after.hidden) {
    return [];
  }
  if (before === undefined || before.hidden) {
    return telling("group.created", [
      ...differences(undefined, namesOf(after)),
      ...(after.size > 0 ? ["members"] : []),
    ]);
  }
  const changes = differences(namesOf(before), namesOf(after));
  if (changes.length > 0) {
    return telling("group.updated", [...changes, ...(isRefilled(before, after) ? ["members"] : [])]);
  }
  // Members alone change no name. What nobody sees, such as a set aside, changes neither the version nor the time.
  const isChanged = before.version !== after.version || before.updatedAt !== after.updatedAt;
  return isChanged ? telling("group.membership", ["members"]) : [];
}

/** Whether a change that renames a group changes its members, too: then it is a wide one (`group-changes.ts`). */
function isRefilled(before: Group, after: Group): boolean {
  return before.generation !== after.generation || before.wideChanges !== after.wideChanges;
}

function ofDeletedGroup({ id, displayName, connectionId }: FormerGroup, revision: number): Telling {
  return {
    action: "group.deleted",
    resourceType: "Group",
    resourceId: id,
    identifier: displayName,
    connectionId,
    changes: [],
    revision,
  };
}

function settingsOf(connection: Connection): Fields {
  const { name, provider, scimEnabled, onDelete, jit, uniqueGroupNames, defaults } = connection;
  return { name, provider, scimEnabled, onDelete, jit, uniqueGroupNames, defaults: { ...defaults } };
}

function ofConnection(before: Connection | undefined, after: Connection, at: string): readonly Telling[] {
  const changes = differences(before && settingsOf(before), settingsOf(after));
  const own: Telling = {
    action: before === undefined ? "connection.created" : "connection.updated",
    resourceType: "Connection",
    resourceId: after.id,
    identifier: after.name,
    connectionId: after.id,
    changes,
    revision: after.revision,
  };
  return [...(changes.length > 0 ? [own] : []), ...ofTokens(before, after, at)];
}

function ofTokens(before: Connection | undefined, after: Connection, at: string): readonly Telling[] {
  const telling = (action: ActivityAction, token: Token, changes: readonly string[]): Telling => ({
    action,
    resourceType: "Token",
    resourceId: token.id,
    identifier: token.label ?? token.hint,
    connectionId: after.id,
    changes,
    revision: after.revision,
  });
  const had = before?.tokens ?? [];
  const created = after.tokens.filter((token) => !had.some(({ id }) => id === token.id));
  const ended = had.flatMap((token) => {
    const kept = after.tokens.find(({ id }) => id === token.id);
    if (kept !== undefined) {
      // It lives on through the overlap of a rotation.
      return kept.expiresAt === token.expiresAt ? [] : [telling("token.revoked", token, ["expiresAt"])];
    }
    // One that had ended by itself is merely cleared away.
    const hadEnded = token.expiresAt !== null && Date.parse(token.expiresAt) <= Date.parse(at);
    return hadEnded ? [] : [telling("token.revoked", token, [])];
  });
  return [...created.map((token) => telling("token.created", token, [])), ...ended];
}

/** Its making is none: whoever made it is told its id, without which nobody reads its trail. */
function ofProject(before: Project | undefined, after: Project): readonly Telling[] {
  const settings = ({ name, quotas }: Project): Fields => ({ name, quotas: { ...quotas } });
  const changes = before === undefined ? [] : differences(settings(before), settings(after));
  if (changes.length === 0) {
    return [];
  }
  return [
    {
      action: "project.updated",
      resourceType: "Project",
      resourceId: after.id,
      identifier: after.name,
      connectionId: undefined,
      changes,
      revision: after.revision,
    },
  ];
}

function ofFailure({ id, identifier, connectionId }: SyncFailure): Telling {
  return {
    action: "sync.failed",
    resourceType: "SyncFailure",
    resourceId: id,
    // Whatever an identity provider sent: what was refused is bounded by nothing but the body it came in.
    identifier: identifier.slice(0, textLengthMax),
    connectionId,
    changes: [],
    // Each time one opens it is a new one.
    revision: 1,
  };
}
