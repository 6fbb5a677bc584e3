/** No seat is free. */

import { activation, conversion, user } from "../service/scim-messages.ts";
import type { Trouble } from "./page.ts";
import { answers, briefly, closing, refuses } from "./scene.ts";

const noSeat: Trouble = {
  title: "No seat is free",
  seen: [
    ["IdP", '403 `No seat is free: the project\'s quota "readers" is`'],
    ["sync failure", "`quota_exceeded`"],
    ["product", "`quota_exceeded` (409) when a member is added, activated or converted by hand"],
  ],
  async play(scene) {
    const { idp } = scene;
    await scene.product.setQuotas({ readers: 2, users: 0 });
    const ada = await scene.provision("ada", user("ada@acme.example"));
    const bob = await scene.provision("bob", user("bob@acme.example"));
    await scene.quietly(200, "PATCH", `/Users/${bob}`, activation(false));
    const cy = await scene.provision("cy", user("cy@acme.example"));

    scene.tell(`A create, a reactivation or a conversion needs a licence seat, and the quota has none left. Nothing was
      changed: whoever was not created is not there, whoever was not reactivated is inactive as before.`);
    const full = (quota: string) => refuses(403, undefined, `No seat is free: the project's quota ${quota}`);
    await idp("POST", "/Users", user("dee@acme.example"), full('"readers" is 2'));
    await scene.failure("quota_exceeded", { identifier: "dee@acme.example" });
    await idp("PATCH", `/Users/${bob}`, activation(true), full('"readers" is 2'));
    await idp("PATCH", `/Users/${ada}`, conversion(true), full('"users" is 0'));
    const project = {
      usage: { users: 0, reviewers: 0, readers: 2 },
      seatsLeft: { users: 0, reviewers: null, readers: 0 },
    };
    await scene.admin("GET", "", undefined, answers(200, project));

    scene.tell(`**Do.** Free a seat by deactivating somebody, in the IdP or (an unmanaged member) in the product; or raise
      the quota. Inactive members hold none. Then let the IdP send again what failed; the conversion moves its seat
      from one quota to the other.`);
    await idp("PATCH", `/Users/${cy}`, activation(false), answers(200));
    await idp("POST", "/Users", user("dee@acme.example"), closing("dee@acme.example", answers(201)));
    await scene.admin("PATCH", "", { quotas: { readers: 3, users: 1 } }, answers(200));
    await idp("PATCH", `/Users/${bob}`, activation(true), closing("bob@acme.example", answers(200)));
    await idp("PATCH", `/Users/${ada}`, conversion(true), closing("ada@acme.example", answers(200)));
  },
};

const loweredQuota: Trouble = {
  title: "A quota below its usage",
  seen: [["product", "`usage` above the quota, `seatsLeft` 0, and nobody was evicted"]],
  async play(scene) {
    const { idp } = scene;
    const ada = await scene.provision("ada", user("ada@acme.example"));
    const bob = await scene.provision("bob", user("bob@acme.example"));
    await scene.provision("cy", user("cy@acme.example"));

    scene.tell(
      `Somebody has lowered a quota below what is in use. Nobody loses a seat; there are no new ones until usage has fallen below it.`,
    );
    const over = { usage: { readers: 3 }, seatsLeft: { readers: 0 } };
    await scene.admin("PATCH", "", { quotas: { readers: 2 } }, answers(200, over));
    const full = briefly(refuses(403, undefined, 'No seat is free: the project\'s quota "readers" is 2'));
    await idp("PATCH", `/Users/${ada}`, activation(false), answers(200));
    await idp("POST", "/Users", user("dee@acme.example"), full);
    await scene.failure("quota_exceeded", { identifier: "dee@acme.example" });

    scene.tell(`**Do.** Deactivate as many as are above the quota and one more for each newcomer, or raise the quota again.
      To see who holds seats: \`GET …/members?type=reader&status=active\`.`);
    await idp("PATCH", `/Users/${bob}`, activation(false), answers(200));
    await idp("POST", "/Users", user("dee@acme.example"), closing("dee@acme.example", answers(201)));
    await scene.admin(
      "GET",
      "",
      undefined,
      answers(200, { usage: { readers: 2 }, seatsLeft: { readers: 0 } }),
    );
  },
};

export const seatTroubles: readonly Trouble[] = [noSeat, loweredQuota];
