/** The identity provider does not get in, or is not let near what it manages. */

import { group, user } from "../service/scim-messages.ts";
import type { TestConnection } from "../support/service.ts";
import type { Trouble } from "./page.ts";
import { answers, briefly, refuses, type Scene } from "./scene.ts";

const settingsOf = ({ connection }: Scene) => `/connections/${connection.connection.id}`;
const refused = (detail: string) => refuses(401, undefined, detail);
const noLonger = refused("This token is not, or no longer, valid for this connection");

const unauthorized: Trouble = {
  title: "The token is refused",
  seen: [
    [
      "IdP",
      "401 `This token is not, or no longer, valid`, `is not a complete Rollcall token` or `belongs to another connection`",
    ],
    ["IdP", "401 `Send the connection's SCIM token`, or `The URL names no connection`"],
    ["sync failure", "none"],
  ],
  async play(scene) {
    const { idp, connection } = scene;
    const tokens = `${settingsOf(scene)}/tokens`;
    const other = await scene.connect("other connection", {});
    scene.name("other connection's token", other.token);
    const mistyped = scene.name(
      "mistyped token",
      connection.token.replace(/.$/, (last) => (last === "0" ? "1" : "0")),
    );

    scene.tell(`The detail says what is wrong. First, what can be told from the token's form: it was cut or mistyped, belongs to
      another connection, or is not sent at all; and a base URL that is not this connection's.`);
    const incomplete = refused("This is not a complete Rollcall token");
    await idp("GET", "/Users?count=1", { token: mistyped }, incomplete);
    const belongs = refused("This token belongs to another connection than the one in the URL");
    await idp("GET", "/Users?count=1", { token: other.token }, belongs);
    const basic = { headers: { Authorization: "Basic xyz" } };
    const { anonymous, atRoot } = strays(scene);
    await anonymous("GET", "/Users?count=1", basic, refused("The Authorization header must be of the form"));
    await anonymous("GET", "/Users?count=1", undefined, refused("Send the connection's SCIM token"));
    const request = { token: connection.token };
    await atRoot("GET", "/scim/v2/Users", request, refused("The URL names no connection"));

    scene.tell(`Then what only the table knows: the token has expired, was deleted, or the key was regenerated. All read the same, and
      hold from the next request on.`);
    const { body: short } = await scene.product.admin("POST", tokens, { expiresAt: "2026-03-01T04:00:00Z" });
    scene.name("expired token", short.token);
    scene.wait(3_600, "at its expiresAt");
    await idp("GET", "/Users?count=1", { token: short.token }, noLonger);
    const { body: deleted } = await scene.product.admin("POST", tokens, {});
    scene.name("deleted token", deleted.token);
    scene.name("id of that one", deleted.id);
    await scene.admin("DELETE", `${tokens}/${deleted.id}`, undefined, answers(204));
    await idp("GET", "/Users?count=1", { token: deleted.token }, noLonger);
    const { body } = await scene.admin("POST", `${tokens}/rotate`, {}, answers(201));
    const fresh = scene.name("new token", body.token);
    await idp("GET", "/Users?count=1", { token: connection.token }, noLonger);
    await scene.noFailure();

    scene.tell(`**Do.** See what the connection has: \`hint\` is a token's last four characters, \`lastUsedAt\` tells whether the IdP uses it. If
      the IdP's is not among them, make a new one and paste it there, whole. A 401 is no sync failure, and nothing is lost: the IdP
      sends again what it could not; in Entra, "Restart provisioning" also ends the quarantine.`);
    scene.name("last four", `"${body.hint}"`);
    await idp("GET", "/Users?count=1", { token: fresh }, answers(200));
    const used = { hint: body.hint, lastUsedAt: "2026-03-01T04:00:00.000Z", expiresAt: null };
    await scene.admin("GET", tokens, undefined, answers(200, { items: [used] }));
  },
};

/** Without a token of its own: at the connection's base URL, and above it. */
function strays(scene: Scene) {
  const { connection, stage } = scene;
  const at = (baseUrl: string): TestConnection => ({
    ...connection,
    scim: (method, path, request) => stage.service.scim(method, baseUrl + path, request),
  });
  return {
    anonymous: scene.speaker("IdP", at(connection.baseUrl)),
    atRoot: scene.speaker("IdP", at("")),
  };
}

const rotation: Trouble = {
  title: "A token replaced without a gap",
  seen: [
    ["IdP", "401 at the hour a token's `expiresAt` names"],
    ["sync failure", "none"],
    ["product", "`too_many_tokens` (409) when a token is made"],
  ],
  async play(scene) {
    const { idp, connection } = scene;
    const tokens = `${settingsOf(scene)}/tokens`;
    const expiresAt = "2026-03-01T05:00:00Z";
    const { body: second } = await scene.product.admin("POST", tokens, { expiresAt });
    const ending = scene.name("ending token", second.token);

    scene.tell(`A token that was made with \`expiresAt\` ends by itself, and a connection has two live tokens at most. So replace one by
      rotating, with an overlap in which the IdP can be given the new one: the token that the IdP uses lives on that long.`);
    await idp("GET", "/Users?count=1", { token: ending }, answers(200));
    const many = refuses(409, "too_many_tokens", "A connection has at most 2 live tokens");
    await scene.admin("POST", tokens, {}, many);
    const { body } = await scene.admin("POST", `${tokens}/rotate`, { overlapSeconds: 3_600 }, answers(201));
    const fresh = scene.name("new token", body.token);
    await idp("GET", "/Users?count=1", { token: ending }, answers(200));
    await idp("GET", "/Users?count=1", { token: fresh }, answers(200));
    scene.wait(3_600, "an hour later");
    await idp("GET", "/Users?count=1", { token: ending }, briefly(noLonger));
    await idp("GET", "/Users?count=1", { token: fresh }, answers(200));
    await scene.quietly(401, "GET", "/Users", { token: connection.token });
  },
};

const disabled: Trouble = {
  title: "SCIM is disabled",
  seen: [
    ["IdP", "403 `SCIM is disabled on this connection`"],
    ["sync failure", "none"],
  ],
  async play(scene) {
    const { idp } = scene;
    await scene.product.admin("PATCH", settingsOf(scene), { scimEnabled: false });

    scene.tell(
      "Somebody has switched SCIM off for this connection. The token is fine. Nothing of what comes meanwhile is kept.",
    );
    const refusal = refuses(403, undefined, "SCIM is disabled on this connection");
    await idp("POST", "/Users", user("ada@acme.example"), refusal);
    await scene.noFailure();

    scene.tell(`**Do.** Ask who switched it off and why (\`GET …/activity?connectionId={c}\` names them); switch it on, and let the IdP run a
      full cycle.`);
    await scene.admin("PATCH", settingsOf(scene), { scimEnabled: true }, answers(200));
    await idp("POST", "/Users", user("ada@acme.example"), answers(201));
  },
};

const offAndOn: Trouble = {
  title: "SCIM switched off and on",
  seen: [
    ["product", "409 `managed_by_idp` when a member or a group is edited by hand"],
    ["product", "the badge `SSO-SCIM` has gone, or is back"],
  ],
  async play(scene) {
    const { idp } = scene;
    const ada = await scene.provision("ada", user("ada@acme.example", { displayName: "Ada" }));
    const writers = await scene.push("writers", group("Writers", [ada]));
    const [member, membership] = [`/members/${ada}`, `/groups/${writers}/members/${ada}`];
    const managedBy = { badge: "SSO-SCIM" };

    scene.tell(
      `While SCIM is on, what the IdP provisioned is its own: by hand only \`access\` (and the role of a user) can be changed.`,
    );
    const refusal = (what: string) =>
      refuses(409, "managed_by_idp", `This ${what} is managed by the identity`);
    await scene.admin("PATCH", member, { displayName: "Countess" }, refusal("member"));
    await scene.admin("DELETE", membership, undefined, refusal("group"));
    await scene.admin("PATCH", member, { access: "write" }, answers(200, { access: "write", managedBy }));

    scene.tell(
      "Switched off, it belongs to the product: names, status, type, groups and their members can all be edited, and deleted.",
    );
    await scene.admin("PATCH", settingsOf(scene), { scimEnabled: false }, answers(200));
    const edited = { displayName: "Countess", managedBy: null };
    await scene.admin("PATCH", member, { displayName: "Countess" }, answers(200, edited));
    await scene.admin("DELETE", membership, undefined, answers(204));

    scene.tell(`Switched on again, the same people and groups are managed again, as they are: nothing is restored by itself. What was edited
      stays so until the IdP sends it, and an IdP that sends only differences may never do.`);
    await scene.admin("PATCH", settingsOf(scene), { scimEnabled: true }, answers(200));
    await scene.admin("GET", member, undefined, answers(200, { displayName: "Countess", managedBy }));

    scene.tell("**Do.** Let the IdP send everything: see [A drifted sync](#a-drifted-sync).");
    await idp("PUT", `/Users/${ada}`, user("ada@acme.example", { displayName: "Ada" }), answers(200));
    await idp("PUT", `/Groups/${writers}`, group("Writers", [ada]), answers(200));
    await scene.admin("GET", member, undefined, answers(200, { displayName: "Ada", access: "write" }));
  },
};

export const accessTroubles: readonly Trouble[] = [unauthorized, rotation, disabled, offAndOn];
