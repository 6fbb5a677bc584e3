/** What has to agree about a project's connections: their counts, their numbers among its inheritances, and what hangs on them. Pure. */

import { keyOfConnection, parseConnection } from "../table/connections.ts";
import {
  childrenPartition,
  connectionsOf,
  copyJobKey,
  formerConnectionsOf,
  type Key,
  projectKey,
} from "../table/keys.ts";
import { parseProject } from "../table/projects.ts";
import { parseFailure } from "../table/sync-failures.ts";
import type { Finding } from "./compare-finding.ts";
import { type ComparedConnection, comparedConnections } from "./compare-ground.ts";
import type { Check } from "./compare-looking.ts";
import { projectOfConnection } from "./ids.ts";

export function connectionsCheck(projectId: string): Check {
  const about = { projectId, connectionId: undefined, resourceId: undefined };
  return {
    trailing: false,
    about,
    look(sight) {
      const row = sight.subject(projectKey(projectId));
      const present = sight.range(connectionsOf(projectId));
      const former = sight.range(formerConnectionsOf(projectId));
      if (row === undefined) {
        return [];
      }
      const { connectionCount, inheritanceCount } = parseProject(row);
      const connections = comparedConnections(present, former);
      const say = (what: string, connectionId?: string): Finding => ({
        kind: "connection",
        ...about,
        connectionId,
        what,
      });
      return [
        ...(connectionCount === present.length
          ? []
          : [say(`the project counts ${connectionCount} connections, ${present.length} are there`)]),
        ...connections.flatMap(({ id, ordinal, isThere }, index) => [
          ...(ordinal === undefined || isGiven(connections, ordinal, inheritanceCount)
            ? []
            : [say(`its inheritance is number ${ordinal}, which the project never gave or gave twice`, id)]),
          ...(!isThere && connections[index - 1]?.id === id ? [say("it is both there and gone", id)] : []),
        ]),
      ];
    },
  };
}

function isGiven(connections: readonly ComparedConnection[], ordinal: number, count: number): boolean {
  const ids = connections.filter((one) => one.ordinal === ordinal).map(({ id }) => id);
  return ordinal >= 1 && ordinal <= count && new Set(ids).size === 1;
}

/** A connection that is gone has nothing to be copied any more. */
export function formerCheck(connectionId: string): Check {
  const about = { projectId: projectOfConnection(connectionId), connectionId, resourceId: undefined };
  return {
    trailing: false,
    about,
    look(sight) {
      const isLeft =
        sight.subject(copyJobKey(connectionId)) !== undefined &&
        sight.item(keyOfConnection(connectionId)) === undefined;
      return isLeft
        ? [{ kind: "link", ...about, what: "it is gone, the job that copies to it is there" }]
        : [];
    },
  };
}

export function childCountCheck(parentId: string): Check {
  const about = { projectId: projectOfConnection(parentId), connectionId: parentId, resourceId: undefined };
  return {
    trailing: false,
    about,
    look(sight) {
      const row = sight.subject(keyOfConnection(parentId));
      const links = sight.range({ pk: childrenPartition(parentId) });
      if (row === undefined) {
        return [];
      }
      const { childCount } = parseConnection(row);
      return childCount === links.length
        ? []
        : [
            {
              kind: "link",
              ...about,
              what: `childCount is ${childCount}, it has links to ${links.length} children`,
            },
          ];
    },
  };
}

/** The failures of a connection go with it, a moment later. */
export function failureCheck(projectId: string, key: Key): Check {
  const about = { projectId, connectionId: undefined, resourceId: undefined };
  return {
    trailing: true,
    about,
    look(sight) {
      const item = sight.subject(key);
      const failure = item && parseFailure(item);
      if (failure === undefined || sight.item(keyOfConnection(failure.connectionId)) !== undefined) {
        return [];
      }
      const { connectionId, id } = failure;
      const what = `it is an open failure of connection ${connectionId}, which is gone`;
      return [{ kind: "sync_failure", projectId, connectionId, resourceId: id, what }];
    },
  };
}
