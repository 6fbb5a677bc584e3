/** Groups that the identity provider cannot push. */

import { addMembers, filteredGroups, group, patch, replace, user } from "../service/scim-messages.ts";
import type { Trouble } from "./page.ts";
import { answers, closing, refuses } from "./scene.ts";

const deletedByHand: Trouble = {
  title: "A group deleted by hand",
  seen: [
    ["IdP", "404 `Group {writers} does not exist in this connection`"],
    ["sync failure", "`resource_deleted`, of a Group"],
  ],
  async play(scene) {
    const { idp } = scene;
    const ada = await scene.provision("ada", user("ada@acme.example"));
    const bob = await scene.provision("bob", user("bob@acme.example"));
    const writers = await scene.push("writers", group("Writers", [ada]));

    scene.tell(`Somebody has deleted a pushed group in the product, and the IdP goes on changing it. Nothing brings that group back, not
      even SCIM switched off and on.`);
    const managed = refuses(409, "managed_by_idp", "This group is managed by the identity provider");
    await scene.admin("DELETE", `/groups/${writers}`, undefined, managed);
    await scene.admin("DELETE", `/groups/${writers}?force=true`, undefined, answers(204));
    for (const scimEnabled of [false, true]) {
      await scene.product.admin("PATCH", `/connections/${scene.connection.connection.id}`, { scimEnabled });
    }
    const refusal = refuses(404, undefined, `Group ${writers} does not exist in this connection`);
    await idp("PATCH", `/Groups/${writers}`, patch(addMembers(bob)), refusal);
    await scene.failure("resource_deleted", { identifier: "Writers", resourceType: "Group" });

    scene.tell(`**Do.** In Okta: Push Groups, the group's "Unlink pushed group" with "Leave the group in the target app", then push
      it again by name. Entra looks for the group by its name, finds none and creates it in its next cycle, or after "Restart
      provisioning". The new group has the connection's \`defaults.groupAccess\`: set its access again.`);
    await idp(
      "GET",
      filteredGroups('displayName eq "Writers"'),
      undefined,
      answers(200, { totalResults: 0 }),
    );
    const again = closing("Writers", answers(201));
    const { body } = await idp("POST", "/Groups", group("Writers", [ada, bob]), again);
    scene.name("new writers", body.id);
    await scene.admin("PATCH", `/groups/${body.id}`, { access: "write" }, answers(200, { access: "write" }));
  },
};

const oneName: Trouble = {
  title: "Two groups of one name",
  seen: [
    ["IdP", "409 `is already used by group` … `of this connection`"],
    ["sync failure", "`duplicate`, of a Group"],
    ["product", "two groups with one name, both `SSO-SCIM`"],
  ],
  connection: { name: "Entra", provider: "entra" },
  async play(scene) {
    const { idp } = scene;
    const writers = await scene.push("writers", group("Writers"));
    const okta = await scene.connect("okta", { name: "Okta", provider: "okta" });

    scene.tell(`A connection with \`uniqueGroupNames\` (Entra's by default, since Entra finds groups by their name) takes no second
      group of a name, in whatever case. Groups of another connection, or made by hand, are in nobody's way.`);
    const refusal = refuses(409, "uniqueness", 'displayName "writers" is already used by group');
    await idp("POST", "/Groups", group("writers"), refusal);
    await scene.failure("duplicate", { identifier: "writers", resourceType: "Group" });

    scene.tell(`**Do.** If it is the same group, let the IdP match it: Entra does, once \`displayName\` is a matching attribute of its
      groups. If they are two, rename one in the IdP. If they shall share the name, \`{uniqueGroupNames: false}\` allows it.
      (Failures go by name, so renaming the first one closes that of the second before it is there.)`);
    const rename = patch(replace("displayName", "Editors"));
    await idp("PATCH", `/Groups/${writers}`, rename, closing("writers", answers(200)));
    const { body } = await idp("POST", "/Groups", group("writers"), answers(201));
    scene.name("new writers", body.id);

    scene.tell(`Where names need not be unique, every POST makes a group of its own. A group that was unlinked, left here and pushed again is
      there twice; the one that the IdP does not know any more can go.`);
    const fromOkta = scene.speaker("Okta", okta);
    const first = await fromOkta("POST", "/Groups", group("Writers"), answers(201));
    scene.wait(86_400, "a day later, unlinked and pushed again");
    const second = await fromOkta("POST", "/Groups", group("Writers"), answers(201));
    scene.name("old", first.body.id);
    scene.name("new", second.body.id);
    const listed = [first, second].map(({ body }) => ({ id: body.id, managedBy: { badge: "SSO-SCIM" } }));
    const query = `/groups?q=writers&connectionId=${okta.connection.id}`;
    await scene.admin("GET", query, undefined, answers(200, { items: listed }));
    await scene.admin("DELETE", `/groups/${first.body.id}?force=true`, undefined, answers(204));
  },
};

const unknownMembers: Trouble = {
  title: "A group with unknown members",
  seen: [
    ["IdP", "400 `Attribute members names who is no user of this connection`"],
    ["sync failure", "`unknown_member`"],
    ["product", "a pushed group lacks members, or is not there at all"],
  ],
  async play(scene) {
    const { idp } = scene;
    const ada = await scene.provision("ada", user("ada@acme.example"));
    const bob = await scene.provision("bob", user("bob@acme.example"));
    await scene.quietly(204, "DELETE", `/Users/${bob}`);

    scene.tell(`The IdP puts somebody into a group who is no user of this connection: not assigned to the application, refused for want of a
      seat, deleted since, or a group (nested groups are not supported). The whole request is refused, and nobody is put in.`);
    const refusal = refuses(400, "invalidValue", "Attribute members names who is no user of this connection");
    await idp("POST", "/Groups", group("Writers", [ada, bob]), refusal);
    await scene.failure("unknown_member", { identifier: "Writers", resourceType: "Group" });

    scene.tell(`**Do.** See first whether the missing ones have a sync failure of their own, and mend that. Assign them to the
      application, wait until they are there, push the group again.`);
    const { body } = await idp("POST", "/Users", user("bob@acme.example"), answers(201));
    scene.name("bob's new id", body.id);
    const complete = group("Writers", [ada, body.id]);
    const pushed = await idp("POST", "/Groups", complete, closing("Writers", answers(201)));
    scene.name("writers", pushed.body.id);
    const counts = { counts: { users: 0, readers: 2 } };
    await scene.admin("GET", `/groups/${pushed.body.id}`, undefined, answers(200, counts));
  },
};

export const groupTroubles: readonly Trouble[] = [deletedByHand, oneName, unknownMembers];
