/** Somebody comes in by SSO: refused, renamed, or there twice. */

import { activation, patch, replace, teamUser, user } from "../service/scim-messages.ts";
import type { Trouble } from "./page.ts";
import { answers, closing, refuses, type Scene } from "./scene.ts";

const signInsOf = ({ connection }: Scene) => `/connections/${connection.connection.id}/sign-ins`;
const settingsOf = ({ connection }: Scene) => `/connections/${connection.connection.id}`;

const unknown: Trouble = {
  title: "Sign-in denied, nobody known",
  seen: [["product", 'sign-in answered `decision: "deny", reason: "unknown"` or `"quota_exceeded"`']],
  async play(scene) {
    const { idp } = scene;
    const ada = { subject: "ada", externalId: "00u1", userName: "ada@acme.example" };
    const bob = { subject: "bob", externalId: "00u2", userName: "bob@acme.example" };

    scene.tell(`The IdP lets the person in, and Rollcall knows nobody by this externalId, userName or email: not assigned for
      provisioning, not provisioned yet, or refused (then there is a sync failure of this name).`);
    const denied = { decision: "deny", reason: "unknown", created: false };
    await scene.admin("POST", signInsOf(scene), ada, answers(200, denied));

    scene.tell(
      "**Do.** Assign the person in the IdP, or mend the sync failure, and let the person try again.",
    );
    const { body } = await idp("POST", "/Users", user(ada.userName, { externalId: "00u1" }), answers(201));
    scene.name("ada", body.id);
    const known = { decision: "allow", created: false, member: { id: body.id } };
    await scene.admin("POST", signInsOf(scene), ada, answers(200, known));

    scene.tell(`Or let people in without SCIM: with \`jit\` the first sign-in makes an unmanaged reader, if a seat is free, whom
      SCIM takes over later as whichever type it sends.`);
    await scene.admin("PATCH", settingsOf(scene), { jit: true }, answers(200));
    await scene.product.setQuotas({ readers: 1 });
    await scene.admin("POST", signInsOf(scene), bob, answers(200, { ...denied, reason: "quota_exceeded" }));
    await scene.admin("PATCH", "", { quotas: { readers: 2 } }, answers(200));
    const made = { decision: "allow", created: true, member: { type: "reader", managedBy: null } };
    const { body: signIn } = await scene.admin("POST", signInsOf(scene), bob, answers(200, made));
    scene.name("bob", signIn.member.id);
    await idp("POST", "/Users", teamUser(bob.userName), answers(201, { id: signIn.member.id }));
    await scene.admin("GET", `/members/${signIn.member.id}`, undefined, answers(200, { type: "user" }));
  },
};

const inactive: Trouble = {
  title: "Sign-in denied, inactive",
  seen: [["product", 'sign-in answered `decision: "deny", reason: "inactive"`']],
  async play(scene) {
    const { idp } = scene;
    const ada = await scene.provision("ada", user("ada@acme.example", { externalId: "00u1" }));
    const { settings, signIns } = { settings: settingsOf(scene), signIns: signInsOf(scene) };

    scene.tell(`The person is known and inactive: deactivated by the IdP or by hand, or deleted by the IdP with
      \`onDelete: deactivate\`. Nobody inactive becomes active by coming in, whatever \`jit\` says.`);
    await scene.admin("PATCH", settings, { jit: true }, answers(200));
    await idp("PATCH", `/Users/${ada}`, activation(false), answers(200));
    const denied = { decision: "deny", reason: "inactive", created: false, member: { id: ada } };
    const request = { subject: "ada", externalId: "00u1" };
    await scene.admin("POST", signIns, request, answers(200, denied));

    scene.tell("**Do.** Assign or activate the person in the IdP; an unmanaged member, in the product.");
    await idp("PATCH", `/Users/${ada}`, activation(true), answers(200));
    await scene.admin("POST", signIns, request, answers(200, { decision: "allow", created: false }));
  },
};

const renamed: Trouble = {
  title: "A renamed login",
  seen: [
    ["IdP", "409 `is already used by another member of the project`"],
    ["product", "a person is there twice, once `SSO-SCIM` and once not"],
    ["sync failure", "`duplicate`, of a User, `modify`"],
  ],
  async play(scene) {
    const { idp } = scene;
    const ada = await scene.provision("ada", user("ada@acme.example", { externalId: "00u1" }));
    const bob = await scene.provision("bob", user("bob@acme.example", { externalId: "00u2" }));
    await scene.product.admin("PATCH", settingsOf(scene), { jit: true });
    const rename = (userName: string) => patch(replace("userName", userName));

    scene.tell(`Ada has a new name, and signs in before the IdP's next cycle. The product tells her externalId, by which she is found,
      so that she does not become two although the connection has \`jit\` and her new name is nobody's yet. Then SCIM renames her.`);
    const signIn = { subject: "ada", externalId: "00u1", userName: "ada.byron@acme.example" };
    const same = { decision: "allow", created: false, member: { id: ada, userName: "ada@acme.example" } };
    await scene.admin("POST", signInsOf(scene), signIn, answers(200, same));
    await idp("PATCH", `/Users/${ada}`, rename(signIn.userName), answers(200, { id: ada }));

    scene.tell(`Bob has one, too, but the product asks without externalId: a second Bob is made, and the IdP's rename meets him. Or the
      new name is really somebody else's.`);
    const unnamed = { subject: "s-1777", userName: "bob.gauss@acme.example" };
    const { body } = await scene.admin("POST", signInsOf(scene), unnamed, answers(200, { created: true }));
    const second = scene.name("second", body.member.id);
    const taken = `userName "${unnamed.userName}" is already used by another member`;
    await idp("PATCH", `/Users/${bob}`, rename(unnamed.userName), refuses(409, "uniqueness", taken));
    await scene.failure("duplicate", { identifier: "bob@acme.example" });
    const managedBy = { badge: "SSO-SCIM" };
    await scene.admin("GET", `/members/${bob}`, undefined, answers(200, { managedBy }));
    await scene.admin("GET", `/members/${second}`, undefined, answers(200, { managedBy: null }));

    scene.tell(`**Do.** If the second one is the same person, delete it in the product; if it is a stranger, give one of them another name.
      Let the IdP send the change again. Have the product send \`externalId\` with every sign-in.`);
    await scene.admin("DELETE", `/members/${second}`, undefined, answers(204));
    await idp("PATCH", `/Users/${bob}`, rename(unnamed.userName), closing("bob@acme.example", answers(200)));
    const found = { decision: "allow", created: false, member: { id: bob } };
    await scene.admin("POST", signInsOf(scene), { ...unnamed, externalId: "00u2" }, answers(200, found));
  },
};

export const signInTroubles: readonly Trouble[] = [unknown, inactive, renamed];
