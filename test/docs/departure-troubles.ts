/** Somebody was deleted on one side, and lives on the other. */

import { activation, group, patch, replace, teamUser, user } from "../service/scim-messages.ts";
import type { Trouble } from "./page.ts";
import { answers, closing, refuses } from "./scene.ts";

const gone = (id: string) => refuses(404, undefined, `User ${id} does not exist in this connection`);

const createdAgain: Trouble = {
  title: "Deleted in the IdP and created again",
  seen: [
    ["IdP", "404 `does not exist in this connection` for a user that the IdP had deleted"],
    ["sync failure", "`resource_deleted`, of a User"],
    ["product", "a person who came back has the old role and access, and is in none of the old groups"],
  ],
  async play(scene) {
    const { idp } = scene;
    const purging = await scene.connect("c2", { name: "Purging", onDelete: "delete" });
    const ada = await scene.provision("ada", teamUser("ada@acme.example"));
    const kept = { role: "admin", access: "write" };
    await scene.product.admin("PATCH", `/members/${ada}`, kept);
    const writers = await scene.push("writers", group("Writers", [ada]));

    scene.tell(`A DELETE ends the provisioning. With the connection's \`onDelete: deactivate\` (the default) the member stays,
      inactive and unmanaged; to SCIM the user is gone, from its groups too, and whatever is sent to its id is a 404.`);
    await idp("DELETE", `/Users/${ada}`, undefined, answers(204));
    const left = { status: "inactive", seat: null, managedBy: null };
    await scene.admin("GET", `/members/${ada}`, undefined, answers(200, left));
    await idp("PATCH", `/Users/${ada}`, activation(true), gone(ada));
    await scene.failure("resource_deleted", { identifier: "ada@acme.example" });

    scene.tell(`**Do.** Assign the person in the IdP again (unassign first if the IdP believes it is assigned). Created again,
      it is the same member with its old access, and its old role where the type is the same. To SCIM it is a new user: in none of its
      groups; push those again.`);
    const again = closing("ada@acme.example", answers(201));
    const { body } = await idp("POST", "/Users", teamUser("ada@acme.example"), again);
    scene.name("ada's new id", body.id);
    await scene.admin("GET", `/members/${ada}`, undefined, answers(200, { ...kept, status: "active" }));
    const counting = (users: number) => answers(200, { counts: { users, readers: 0 } });
    await scene.admin("GET", `/groups/${writers}`, undefined, counting(0));
    await idp("PUT", `/Groups/${writers}`, group("Writers", [body.id]), answers(200));
    await scene.admin("GET", `/groups/${writers}`, undefined, counting(1));

    scene.tell(
      "With `onDelete: delete` the member is deleted and its names are free, and yet it comes back as the same one:",
    );
    const bob = await scene.provision("bob", user("bob@acme.example"), purging);
    await scene.product.admin("PATCH", `/members/${bob}`, { access: "read" });
    const purge = scene.speaker("IdP", purging);
    await purge("DELETE", `/Users/${bob}`, undefined, answers(204));
    await scene.admin("GET", `/members/${bob}`, undefined, answers(200, { status: "deleted" }));
    await purge("POST", "/Users", user("bob@acme.example"), answers(201));
    const back = { status: "active", access: "read" };
    await scene.admin("GET", `/members/${bob}`, undefined, answers(200, back));
  },
};

const deletedInTheProduct: Trouble = {
  title: "Deleted in the product, updated by the IdP",
  seen: [
    ["IdP", "404 `does not exist in this connection` for a user that the IdP believes to be there"],
    ["sync failure", "`resource_deleted`, of a User"],
  ],
  async play(scene) {
    const { idp } = scene;
    const ada = await scene.provision("ada", user("ada@acme.example"));
    await scene.product.admin("PATCH", `/members/${ada}`, { access: "read" });
    const settings = `/connections/${scene.connection.connection.id}`;

    scene.tell(
      "While SCIM was disabled, somebody deleted the member by hand. Now it is enabled, and the IdP goes on.",
    );
    await scene.admin("PATCH", settings, { scimEnabled: false }, answers(200));
    await scene.admin("DELETE", `/members/${ada}`, undefined, answers(204));
    await scene.admin("PATCH", settings, { scimEnabled: true }, answers(200));
    await idp("PATCH", `/Users/${ada}`, patch(replace("title", "Dr")), gone(ada));
    await scene.failure("resource_deleted", { identifier: "ada@acme.example" });

    scene.tell(`**Do.** If the deletion was meant, unassign the user in the IdP. If not, unassign and assign it, so that
      the IdP sends \`active\` true, or all of the user: a PATCH with that and any PUT restore the member, with its access. A PATCH of
      anything else does not, lest somebody come back by a change of title.`);
    await idp(
      "PATCH",
      `/Users/${ada}`,
      activation(true),
      closing("ada@acme.example", answers(200, { id: ada })),
    );
    const restored = { status: "active", access: "read", managedBy: { badge: "SSO-SCIM" } };
    await scene.admin("GET", `/members/${ada}`, undefined, answers(200, restored));
  },
};

export const departureTroubles: readonly Trouble[] = [createdAgain, deletedInTheProduct];
