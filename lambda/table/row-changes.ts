/** Changes of rows as the table's stream shows them, turned into changes of what the rows stand for. */

import * as z from "zod";
import type { ChangeOrigin, RowChange } from "../domain/activity-of-change.ts";
import { inheritedActor, providerActor } from "../domain/context.ts";
import type { Group } from "../domain/group.ts";
import { parseConnection } from "./connections.ts";
import { parseFormerGroup, parseGroup } from "./groups.ts";
import { formerConnectionIdOf, type Key, toldItemOf } from "./keys.ts";
import { actorOfMember, parseMemberRow } from "./members.ts";
import { parseProject } from "./projects.ts";
import type { Item } from "./store.ts";
import { parseFailure } from "./sync-failures.ts";

const noted = z.object({ actor: z.string().default(providerActor) });
/** Of a connection: of a change of its tokens nothing else tells the time. */
const notedConnection = z.object({ actor: z.string(), changedAt: z.string() });
const formerConnection = notedConnection.extend({ name: z.string(), revision: z.number() });

/**
 * Undefined for what is no change of anything that stands by itself. Throws for a row that cannot be understood. `before`
 * and `after`: the item, undefined where it was not there.
 */
export function rowChangeOf(
  key: Key,
  before: Item | undefined,
  after: Item | undefined,
): { readonly origin: ChangeOrigin; readonly change: RowChange } | undefined {
  const told = toldItemOf(key);
  if (told === undefined || after === undefined) {
    return undefined;
  }
  const { kind, projectId } = told;
  const actor = actorOf(kind, after);
  const made = (at: string, change: RowChange) => ({ origin: { projectId, actor, at }, change });
  switch (kind) {
    case "member": {
      const [was, is] = [before && parseMemberRow(projectId, before), parseMemberRow(projectId, after)];
      // Word that somebody lives under another number now: that one's row tells the change.
      if (is.kind !== "member") {
        return undefined;
      }
      const member = was?.kind === "member" ? was.member : undefined;
      return made(is.member.updatedAt, { kind, before: member, after: is.member });
    }
    case "group": {
      const group = parseGroup(projectId, after);
      return made(group.updatedAt, { kind, before: before && parseGroup(projectId, before), after: group });
    }
    case "formerGroup": {
      const group = parseFormerGroup(after);
      return made(group.deletedAt, {
        kind: "groupDeleted",
        group,
        revision: group.revision,
      });
    }
    case "connection":
      return made(notedConnection.parse(after).changedAt, {
        kind,
        before: before && parseConnection(before),
        after: parseConnection(after),
      });
    case "formerConnection": {
      const { name, revision, changedAt } = formerConnection.parse(after);
      const connectionId = formerConnectionIdOf(after);
      return made(changedAt, { kind: "connectionDeleted", connectionId, name, revision });
    }
    case "project": {
      const project = parseProject(after);
      return made(project.updatedAt, { kind, before: before && parseProject(before), after: project });
    }
    case "failure": {
      // It opens once; a further attempt is only counted.
      if (before !== undefined) {
        return undefined;
      }
      const failure = parseFailure(after);
      return made(failure.firstFailedAt, { kind: "failureOpened", failure });
    }
  }
}

/** Nobody but the stream's handler tells of what could not be inherited. */
function actorOf(kind: string, after: Item): string {
  if (kind === "member") {
    return actorOfMember(after);
  }
  return kind === "failure" && after["source"] !== undefined ? inheritedActor : noted.parse(after).actor;
}

/** The group whose row is gone, as it was last; undefined for any other change, and for a group that was never shown. */
export function removedGroupOf(
  key: Key,
  before: Item | undefined,
  after: Item | undefined,
): Group | undefined {
  const told = toldItemOf(key);
  if (told?.kind !== "group" || before === undefined || after !== undefined) {
    return undefined;
  }
  const group = parseGroup(told.projectId, before);
  return group.hidden ? undefined : group;
}
