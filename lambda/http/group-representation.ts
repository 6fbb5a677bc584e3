/** A group as a SCIM resource: what of its members is shown grows with what it costs to show. */

import type { Group } from "../domain/group.ts";
import { attributesOf } from "../domain/groups.ts";
import { membersWithReferenceMax } from "../domain/limits.ts";
import { memberIdsOf } from "../domain/member-id.ts";
import { versionOf } from "../domain/version.ts";
import type { JsonValue } from "../scim/json.ts";
import { buildResource, type ScimResource } from "../scim/resource.ts";
import { groupType } from "../scim/resource-types.ts";

/** Names by member number. */
export type MemberNames = ReadonlyMap<number, string>;

/**
 * `members` are numbers, ascending; undefined: not read. Up to `membersWithReferenceMax` have `$ref` and `type`, more only their
 * `value`; where `names` are given all have everything, `display` included. None at all: left out (API.md §4).
 */
export function groupResource(
  group: Group,
  members: Float64Array | undefined,
  scimBaseUrl: string,
  names?: MemberNames,
): ScimResource {
  const elements = memberElements(group.projectId, members ?? new Float64Array(), scimBaseUrl, names);
  return buildResource(
    groupType,
    { ...attributesOf(group), ...(elements.length > 0 && { members: elements }) },
    {
      id: group.id,
      created: group.createdAt,
      lastModified: group.lastModified,
      location: `${scimBaseUrl}/Groups/${group.id}`,
      version: versionOf(group),
    },
  );
}

function memberElements(
  projectId: string,
  numbers: Float64Array,
  scimBaseUrl: string,
  names: MemberNames | undefined,
): readonly JsonValue[] {
  const ids = memberIdsOf(projectId, numbers);
  if (names === undefined && ids.length > membersWithReferenceMax) {
    return ids.map((value) => ({ value }));
  }
  return ids.map((value, index) => {
    const display = names?.get(numbers[index]!);
    return {
      value,
      $ref: `${scimBaseUrl}/Users/${value}`,
      ...(display !== undefined && { display }),
      type: "User",
    };
  });
}
