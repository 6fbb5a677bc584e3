/** Somebody is there already when the identity provider creates a user. */

import { conversion, filtered, patch, replace, teamUser, user } from "../service/scim-messages.ts";
import type { Trouble } from "./page.ts";
import { answers, closing, refuses } from "./scene.ts";

const otherType: Trouble = {
  title: "Already there, with the other type",
  seen: [
    ["IdP", "409 `User already available in the project as a user` (or `as a reader`)"],
    ["sync failure", "`role_conflict`"],
  ],
  async play(scene) {
    const { idp } = scene;
    const fields = { type: "user", role: "admin", access: "write" };
    const ada = await scene.add("ada", { userName: "ada@acme.example", ...fields });
    const bob = await scene.add("bob", { userName: "bob@acme.example", ...fields });

    scene.tell(`The project has somebody with this userName or email who is a team account (a \`user\`), and the IdP sends a
      reader; or the other way round, and the detail says \`as a reader\`. Taking the member over would change its
      role and its seat unasked.`);
    const conflict = refuses(409, "uniqueness", "User already available in the project as a user");
    await idp("POST", "/Users", user("ada@acme.example"), conflict);
    await scene.failure("role_conflict", { identifier: "ada@acme.example" });

    scene.tell(`**Do.** If the product is right, map \`isTeamAccount\` in the IdP. If the IdP is right, change the type in
      the product and let the IdP send the user again, as for Bob below. Where nobody can edit the member, take the detour, as for
      Ada: send the type that she has, then the one that is wanted. The access stays; the role goes, as a reader has none.`);
    const taken = closing("ada@acme.example", answers(201));
    await idp("POST", "/Users", teamUser("ada@acme.example"), taken);
    await scene.admin("GET", `/members/${ada}`, undefined, answers(200, { ...fields, seat: "users" }));
    await idp("PATCH", `/Users/${ada}`, conversion(false), answers(200));
    const converted = { type: "reader", role: null, access: "write", seat: "readers" };
    await scene.admin("GET", `/members/${ada}`, undefined, answers(200, converted));
    await scene.quietly(409, "POST", "/Users", user("bob@acme.example"));
    await scene.admin("PATCH", `/members/${bob}`, { type: "reader" }, answers(200, converted));
    await idp("POST", "/Users", user("bob@acme.example"), closing("bob@acme.example", answers(201)));
  },
};

const twoPeople: Trouble = {
  title: "userName and email of two people",
  seen: [
    ["IdP", "409 `belongs to member` … `and email` … `to another one`"],
    ["sync failure", "`duplicate`, of a User"],
  ],
  async play(scene) {
    const { idp } = scene;
    const eve = { userName: "eve@acme.example", type: "reader" };
    await scene.add("eve", eve);
    const other = await scene.add("e.smith", {
      ...eve,
      userName: "e.smith",
      email: "eve.smith@acme.example",
    });

    scene.tell(`The IdP sends one person, and the project has two: one with this userName, one with this email. Mostly
      they are the same person with an old account; which of the two to take over, only you can know.`);
    const request = user("eve@acme.example", { emails: [{ value: "eve.smith@acme.example" }] });
    const refusal = refuses(409, "uniqueness", 'userName "eve@acme.example" belongs to member');
    await idp("POST", "/Users", request, refusal);
    await scene.failure("duplicate", { identifier: "eve@acme.example" });

    scene.tell(`**Do.** Look at both members in the product. Take the email from the one that shall not be linked (or the
      userName, by giving it another), or correct the user in the IdP; then let the IdP send it again.`);
    await scene.admin("PATCH", `/members/${other}`, { email: null }, answers(200, { email: null }));
    await idp("POST", "/Users", request, closing("eve@acme.example", answers(201)));
  },
};

const managedElsewhere: Trouble = {
  title: "Managed by another connection",
  seen: [
    ["IdP", "409 `belongs to a member managed by another connection`"],
    ["sync failure", "`managed_elsewhere`"],
  ],
  async play(scene) {
    const { idp } = scene;
    const entra = await scene.connect("entra", { name: "Entra", provider: "entra" });
    const ada = await scene.provision("ada", teamUser("ada@acme.example"), entra);

    scene.tell(
      "Two IdPs want the same person. One member has one owner: the connection that came first keeps it.",
    );
    const request = teamUser("ada@acme.example");
    const refusal = refuses(
      409,
      "uniqueness",
      'userName "ada@acme.example" belongs to a member managed by another',
    );
    await idp("POST", "/Users", request, refusal);
    await scene.failure("managed_elsewhere", { identifier: "ada@acme.example" });

    scene.tell(`**Do.** Decide which IdP shall own the person, and unassign it in the other one. With that connection's
      \`onDelete: deactivate\`, the member stays, with its role and access, for the next one to take over; with \`delete\` it is gone, and
      created anew. If the other connection is to go altogether, disable SCIM on it, or delete it: that frees all of its people at once.`);
    const fromEntra = scene.speaker("Entra", entra);
    await fromEntra("DELETE", `/Users/${ada}`, undefined, answers(204));
    await idp("POST", "/Users", request, closing("ada@acme.example", answers(201)));
    const managedBy = { connectionId: scene.connection.connection.id };
    await scene.admin("GET", `/members/${ada}`, undefined, answers(200, { status: "active", managedBy }));
  },
};

const alreadyProvisioned: Trouble = {
  title: "Created twice by the same IdP",
  seen: [
    ["IdP", "409 `is already used by user` … `of this connection`"],
    ["sync failure", "`duplicate`, of a User"],
  ],
  async play(scene) {
    const { idp } = scene;
    const ada = await scene.provision("ada", user("ada@acme.example", { externalId: "00u1" }));

    scene.tell(`The IdP has forgotten that it created this user: its application was set up anew, the matching attribute
      was changed, or the answer to its first request was lost. Nothing is wrong here, and nobody is there twice.`);
    const request = user("ada@acme.example", { externalId: "00u9" });
    const refusal = refuses(409, "uniqueness", 'userName "ada@acme.example" is already used by user');
    await idp("POST", "/Users", request, refusal);
    await scene.failure("duplicate", { identifier: "ada@acme.example" });

    scene.tell(`**Do.** Let the IdP match users by \`userName\` (or email) before it creates them, as Okta and Entra do by
      default, and import or provision the user again. It finds the user and updates it.`);
    const found = answers(200, { totalResults: 1 });
    await idp("GET", filtered('userName eq "ada@acme.example"'), undefined, found);
    const updated = closing("ada@acme.example", answers(200));
    await idp("PATCH", `/Users/${ada}`, patch(replace("externalId", "00u9")), updated);
  },
};

const linked: Trouble = {
  title: "Linked instead of created",
  seen: [
    ["IdP", "201, as if the user were new"],
    ["sync failure", "none"],
    ["product", "a new user has a role and an access that the connection's `defaults` do not give"],
  ],
  connection: { defaults: { role: "contributor", userAccess: "none" } },
  async play(scene) {
    const { idp } = scene;
    const kept = { role: "admin", access: "write" };
    const ada = await scene.add("ada", { userName: "ada@acme.example", type: "user", ...kept });

    scene.tell(`Somebody of the same type with this userName or email was there, unmanaged. The IdP's create has taken that
      member over: its names are the IdP's from now on, its role and access stay what they were. The connection's \`defaults\` are for
      new members alone.`);
    const request = teamUser("ADA@acme.example", { displayName: "Ada" });
    await idp("POST", "/Users", request, answers(201, { id: ada, userName: "ADA@acme.example" }));
    const managedBy = { badge: "SSO-SCIM" };
    await scene.admin("GET", `/members/${ada}`, undefined, answers(200, { ...kept, managedBy }));

    scene.tell(
      "**Do.** Nothing, if they are the same person. Role and access of a managed member remain yours to set:",
    );
    const wanted = { role: "contributor", access: "none" };
    await scene.admin("PATCH", `/members/${ada}`, wanted, answers(200, wanted));
  },
};

export const firstSyncTroubles: readonly Trouble[] = [
  otherType,
  twoPeople,
  managedElsewhere,
  alreadyProvisioned,
  linked,
];
