/** Every kind of change that a parent's identity provider makes and a child has to follow. */

import { memberIdOf } from "../../lambda/domain/member-id.ts";
import {
  activation,
  addMembers,
  conversion,
  type Fields,
  group,
  patch,
  replace,
  urns,
} from "../service/scim-messages.ts";
import { seededAttributes, seededUserName } from "../support/seed-users.ts";
import type { ServiceResponse, TestConnection, TestService } from "../support/service.ts";

/** Where changes are made, one after the other. */
export interface ChangePlace {
  readonly connection: TestConnection;
  readonly largeGroupId: string;
  /** What earlier changes have made, by the name they gave it. */
  readonly ids: Map<string, string>;
}

export interface Change {
  readonly name: string;
  readonly act: (place: ChangePlace) => Promise<ServiceResponse>;
}

/** Each begins where the last one ended. The connection has the seeded users from 0 on, but not `newcomerIndex`. */
export function changesOf(service: TestService): readonly Change[] {
  const deletingBy = (onDelete: string): Change => ({
    name: `(onDelete ${onDelete})`,
    act: ({ connection: { project, connection } }) =>
      service.admin("PATCH", `/projects/${project.id}/connections/${connection.id}`, { onDelete }),
  });
  return [
    ...userChanges,
    ...departures("deactivate"),
    deletingBy("delete"),
    ...departures("delete"),
    ...groupChanges,
  ];
}

/** Of the user that the changes are about. */
const newcomerIndex = 900_001;
const workEmailPath = 'emails[type eq "work"].value';

const creation = (name: string): Change => ({
  name,
  act: (place) =>
    created(place, "user", "/Users", { schemas: [urns.user], ...seededAttributes(newcomerIndex) }),
});

const userPatch = (name: string, request: { readonly body: Fields }): Change => ({
  name,
  act: (place) => place.connection.scim("PATCH", `/Users/${idOf(place, "user")}`, request),
});

const userChanges: readonly Change[] = [
  creation("create user"),
  userPatch("PATCH user, no seat or name changes", patch(replace("title", "Editor"))),
  userPatch("PATCH active false", activation(false)),
  userPatch("PATCH active true", activation(true)),
  userPatch("PATCH user type", conversion(true)),
  userPatch("PATCH user type, back", conversion(false)),
  userPatch("rename userName", patch(replace("userName", "renamed@example.com"))),
  userPatch("rename email", patch(replace(workEmailPath, "mail.renamed@example.com"))),
  userPatch(
    "rename both, back",
    patch(
      replace("userName", seededUserName(newcomerIndex)),
      replace(workEmailPath, `mail.${seededUserName(newcomerIndex)}`),
    ),
  ),
];

const departures = (onDelete: string): readonly Change[] => [
  {
    name: `DELETE user (${onDelete})`,
    act: (place) => place.connection.scim("DELETE", `/Users/${idOf(place, "user")}`),
  },
  creation(`return of a user (${onDelete})`),
];

const groupCreation = (name: string, numbers: readonly number[]): Change => ({
  name: `create group of ${numbers.length}`,
  act: (place) => {
    const members = numbers.map((number) => memberIdOf(place.connection.project.id, number));
    return created(place, name, "/Groups", group(name, members).body);
  },
});

const groupDeletion = (name: string, size: number): Change => ({
  name: `delete group of ${size}`,
  act: (place) => place.connection.scim("DELETE", `/Groups/${idOf(place, name)}`),
});

/** Somebody on a page of numbers that the group has members on already, as in any large group. */
const joiningNumber = 18;

function membership(name: string, groupOf: (place: ChangePlace) => string): readonly Change[] {
  const patchOf = (place: ChangePlace, request: { readonly body: Fields }) =>
    place.connection.scim("PATCH", `/Groups/${groupOf(place)}`, request);
  const idIn = ({ connection }: ChangePlace) => memberIdOf(connection.project.id, joiningNumber);
  return [
    { name: `add a member, ${name}`, act: (place) => patchOf(place, patch(addMembers(idIn(place)))) },
    {
      name: `remove a member, ${name}`,
      act: (place) => patchOf(place, patch({ op: "remove", path: `members[value eq "${idIn(place)}"]` })),
    },
  ];
}

const groupChanges: readonly Change[] = [
  groupCreation("nobody", []),
  groupCreation("one", [2]),
  ...membership("group of 1", (place) => idOf(place, "one")),
  ...membership("group of 5,000", ({ largeGroupId }) => largeGroupId),
  {
    name: "rename group",
    act: (place) =>
      place.connection.scim(
        "PATCH",
        `/Groups/${idOf(place, "one")}`,
        patch(replace("displayName", "Renamed")),
      ),
  },
  groupDeletion("nobody", 0),
  groupDeletion("one", 1),
];

async function created(
  place: ChangePlace,
  name: string,
  path: string,
  body: Fields,
): Promise<ServiceResponse> {
  const answer = await place.connection.scim("POST", path, { body });
  place.ids.set(name, answer.body.id);
  return answer;
}

function idOf({ ids }: ChangePlace, name: string): string {
  const id = ids.get(name);
  if (id === undefined) throw new Error(`${name} is not there yet`);
  return id;
}
