/** The sync itself is in trouble: behind, throttled, broken, badly mapped or too large. */

import { addMembers, group, patch, replace, urns, user } from "../service/scim-messages.ts";
import { injectFaults } from "../support/faulty-client.ts";
import { startService } from "../support/service.ts";
import type { Trouble } from "./page.ts";
import { answers, closing, refuses, type Scene } from "./scene.ts";

const drifted: Trouble = {
  title: "A drifted sync",
  seen: [
    ["product", "a person's names, status or groups are not what the IdP says, and no failure is open"],
    ["product", "`groups` of a member lack one that it was just put into"],
  ],
  isCarried: true,
  async play(scene) {
    const { idp } = scene;
    const ada = await scene.provision("ada", user("ada@acme.example"));
    const bob = await scene.provision("bob", user("bob@acme.example"));
    const writers = await scene.push("writers", group("Writers"));

    scene.tell(`First wait a second. A group's members are exact at once; the \`groups\` of a person (in the product, and in SCIM) are
      carried there behind it, which mostly takes less than a second.`);
    await idp("PATCH", `/Groups/${writers}`, patch(addMembers(ada)), answers(200));
    const counts = { counts: { users: 0, readers: 1 } };
    await scene.admin("GET", `/groups/${writers}`, undefined, answers(200, counts));
    await scene.admin("GET", `/members/${ada}`, undefined, answers(200, { groups: [] }));
    await scene.carry();
    const groups = [{ id: writers, displayName: "Writers" }];
    await scene.admin("GET", `/members/${ada}`, undefined, answers(200, { groups }));
    scene.tell(`If they stay behind, the stream is: see the runbook, [Propagation behind](runbook.md#propagation-behind). If a group's
      members themselves, a name or a status is wrong, see whether something was refused (\`GET …/sync-failures\`), and else who changed
      it last:`);
    await drift(scene, writers, ada);
    const actor = "admin:arn:aws:iam::000000000000:user/local";
    const trail = {
      items: [
        { action: "connection.updated", identifier: "Okta", changes: ["scimEnabled"], actor },
        { action: "group.membership", identifier: "Writers", changes: ["members"] },
      ],
    };
    await scene.admin("GET", "/activity?limit=2", undefined, answers(200, trail));

    scene.tell(`**Do.** The IdP sends differences, and knows of none. Make it send everything: Okta, the group's "Push now", and for a user
      unassign and assign; Entra, "Restart provisioning". A PUT of the whole heals whatever stood there. An IdP that only adds does not
      notice who is too many in a group: delete the group in the product and have it pushed anew
      ([A group deleted by hand](#a-group-deleted-by-hand)).`);
    await idp("PUT", `/Groups/${writers}`, group("Writers", [ada, bob]), answers(200));
    const healed = { counts: { users: 0, readers: 2 } };
    await scene.admin("GET", `/groups/${writers}`, undefined, answers(200, healed));
  },
};

/** SCIM is off for a moment, and somebody edits a group. */
async function drift(scene: Scene, groupId: string, memberId: string): Promise<void> {
  const { product, connection, stage } = scene;
  const settings = `/connections/${connection.connection.id}`;
  for (const [method, path, body] of [
    ["PATCH", settings, { scimEnabled: false }],
    ["DELETE", `/groups/${groupId}/members/${memberId}`],
    ["PATCH", settings, { scimEnabled: true }],
  ] as const) {
    stage.clock.now += 60_000;
    await product.admin(method, path, body);
  }
  await stage.carry();
}

/** Another instance of the service, whose table fails as is asked for. */
async function disturbed({ stage, connection }: Scene) {
  const { table } = stage.service;
  // The SDK's own retries would only take their time.
  const client = table.newClient({ maxAttempts: 1 });
  const options = { table, client, clock: () => stage.clock.now, sleep: async () => {} };
  const service = await startService(options);
  return { client, faults: injectFaults(client), connection: service.adopt(connection) };
}

const throttled: Trouble = {
  title: "Throttled",
  seen: [
    ["IdP", "429 with `retry-after`"],
    ["sync failure", "`throttled`"],
  ],
  async play(scene) {
    const ada = await scene.provision("ada", user("ada@acme.example"));
    const { faults, connection } = await disturbed(scene);
    const idp = scene.speaker("IdP", connection);
    const title = (text: string) => patch(replace("title", text));
    await scene.quietly(200, "PATCH", `/Users/${ada}`, title("Ms"), connection);
    // The last call is the transaction.
    faults.arm({ call: faults.callCount(), when: "before", kind: "throttle", throttledCalls: 1 });

    scene.tell(
      `The table, or one hot project in it, is asked for more than it can serve at once: mostly a first sync. Nothing was changed.`,
    );
    const refusal = refuses(429, undefined, "The table is busier than it can serve");
    await idp("PATCH", `/Users/${ada}`, title("Dr"), { ...refusal, headers: { "retry-after": "2" } });
    await scene.failure("throttled", { identifier: "ada@acme.example" });

    scene.tell(`**Do.** Nothing at first: IdPs obey \`Retry-After\`, and the failure closes when the request comes again. If it lasts, assign
      fewer at a time, and see the runbook, [Table throttles](runbook.md#table-throttles).`);
    scene.wait(2, "two seconds later");
    await idp("PATCH", `/Users/${ada}`, title("Dr"), closing("ada@acme.example", answers(200)));
  },
};

const internal: Trouble = {
  title: "An internal error",
  seen: [
    ["IdP", "500 `Tell the operators of this service the request id`"],
    ["IdP", "503 `The table cannot be reached just now`"],
    ["sync failure", "`internal`"],
  ],
  async play(scene) {
    const ada = await scene.provision("ada", user("ada@acme.example"));
    const { client, faults, connection } = await disturbed(scene);
    const idp = scene.speaker("IdP", connection);
    const change = patch(replace("title", "Dr"));
    let isBroken = true;
    client.middlewareStack.add(
      (next, { commandName }) =>
        async (args) => {
          if (isBroken && commandName === "TransactWriteItemsCommand")
            throw new TypeError("a defect of ours");
          return next(args);
        },
      { step: "initialize", name: "defect" },
    );

    scene.tell(`A 500 is a defect of Rollcall, not of the request; a 503 is DynamoDB not answering, and becomes no sync failure since
      there is nowhere to note it. After either, the change was made as a whole or not at all, and sending it again does no harm.`);
    const refusal = refuses(500, undefined, "Something went wrong here, not in your request");
    const answer = await idp("PATCH", `/Users/${ada}`, change, refusal);
    const requestId = scene.name("request id", answer.headers["x-amzn-requestid"]!);
    const detail = `Something went wrong in Rollcall itself; its log has the cause under request id ${requestId}.`;
    await scene.failure("internal", { identifier: "ada@acme.example", detail });
    faults.arm({ call: 1, when: "before", kind: "network" });
    const outage = refuses(503, undefined, "The table cannot be reached just now");
    await idp("PATCH", `/Users/${ada}`, change, { ...outage, headers: { "retry-after": "5" } });

    scene.tell(`**Do.** Look for the request id in the functions' logs (Logs Insights: \`filter requestId = "{request id}" and level =
      "ERROR"\`). The cause is there in full, with its stack ([how to read it](runbook.md#reading-a-stack-trace)), and nowhere
      else. If it began with a deployment, [go back](deploy.md#going-back). Once it is mended, let the IdP send the user again.`);
    isBroken = false;
    await idp("PATCH", `/Users/${ada}`, change, closing("ada@acme.example", answers(200)));
  },
};

const mapping: Trouble = {
  title: "A mistyped attribute mapping",
  seen: [
    ["IdP", "400 `invalidPath` `names no attribute of User; correct the attribute mapping`"],
    ["IdP", "400 `invalidValue` `Attribute active takes a value of type boolean`"],
    ["sync failure", "`validation`, `400`"],
    ["product", "everybody arrives as a reader, or without some attribute, and nothing is refused"],
  ],
  async play(scene) {
    const { idp } = scene;
    const ada = await scene.provision("ada", user("ada@acme.example"));

    scene.tell(
      "The IdP sends an attribute that does not exist, or a value of the wrong type. The detail names it.",
    );
    const mistyped = patch(replace('emails[type eq "work"].adress', "ada@acme.example"));
    const noSuch = refuses(
      400,
      "invalidPath",
      'Path "emails[type eq \\"work\\"].adress" names no attribute of User',
    );
    await idp("PATCH", `/Users/${ada}`, mistyped, noSuch);
    const wrongType = refuses(400, "invalidValue", "Attribute active takes a value of type boolean");
    await idp("PATCH", `/Users/${ada}`, patch(replace("active", "Enabled")), wrongType);
    await scene.failure("validation", { identifier: "ada@acme.example", attempts: 2 });
    scene.tell(`In the body of a POST or PUT an attribute nobody knows is ignored, as RFC 7644 wants it, so there a mistake shows only in
      what is missing:`);
    const unread = user("bob@acme.example", { [urns.account]: { isTeamAcount: true } });
    const bob = scene.name("bob", (await idp("POST", "/Users", unread, answers(201))).body.id);
    await scene.admin("GET", `/members/${bob}`, undefined, answers(200, { type: "reader", role: null }));

    scene.tell(`**Do.** Correct the mapping in the IdP. What there is, by name and type: \`GET /Schemas\`. The one of team accounts is
      \`${urns.account}:isTeamAccount\`, a boolean, for which "True" and "False" are taken, too.`);
    const active = closing("ada@acme.example", answers(200, { active: true }));
    await idp("PATCH", `/Users/${ada}`, patch(replace("active", "True")), active);
    const corrected = { body: { userName: "bob@acme.example", [urns.account]: { isTeamAccount: "True" } } };
    await idp("PUT", `/Users/${bob}`, corrected, answers(200));
    await scene.admin(
      "GET",
      `/members/${bob}`,
      undefined,
      answers(200, { type: "user", role: "contributor" }),
    );
  },
};

const tooLarge: Trouble = {
  title: "A request too large",
  seen: [
    ["IdP", "413 `resourceBytesMax`, `membersPerRequestMax` or `bodyBytesMax`"],
    ["sync failure", "`validation`, `413`"],
  ],
  async play(scene) {
    const { idp } = scene;
    const ada = await scene.provision("ada", user("ada@acme.example"));
    const writers = await scene.push("writers", group("Writers"));
    const photo = (length: number) => user("bob@acme.example", { photos: [{ value: "x".repeat(length) }] });
    const members = (count: number) =>
      group(
        "Writers",
        Array.from({ length: count }, () => ada),
      );

    scene.tell(`A user may have 256 KB, a request 1 MB (for a group, or in bulk, 5 MB) and 20,000 members. Mostly somebody has mapped
      pictures, or an IdP puts a very large group at once.`);
    await idp(
      "POST",
      "/Users",
      photo(300_000),
      refuses(413, undefined, "The resource is larger than 262144 bytes"),
    );
    await scene.failure("validation", { identifier: "bob@acme.example" });
    await idp(
      "POST",
      "/Users",
      photo(1_100_000),
      refuses(413, undefined, "The request body is larger than 1048576"),
    );
    const tooMany = refuses(413, undefined, "Attribute members has more than 20000 values");
    await idp("PUT", `/Groups/${writers}`, members(20_001), tooMany);

    scene.tell(`**Do.** Take the picture out of the mapping, or map a link to it. Have a large group pushed in parts, by PATCHes
      that add up to 20,000 members each, as most IdPs do by themselves; a group itself may have 100,000.`);
    const small = user("bob@acme.example", { photos: [{ value: "https://acme.example/bob" }] });
    scene.name(
      "bob",
      (await idp("POST", "/Users", small, closing("bob@acme.example", answers(201)))).body.id,
    );
    await idp("PATCH", `/Groups/${writers}`, patch(addMembers(ada)), closing("Writers", answers(200)));
  },
};

const nothingCloses: Trouble = {
  title: "A failure that nothing will close",
  seen: [
    ["sync failure", "one of somebody who is no longer to be provisioned, or under a name that was wrong"],
  ],
  async play(scene) {
    const { idp } = scene;
    scene.tell(`A failure closes when the same userName or displayName is next provisioned. Where that will not happen, since the user was
      unassigned or its name corrected, it stays. (One that is known by an id or an email alone goes by itself after 30 days.)`);
    const refusal = refuses(400, "invalidValue", "Attribute active takes a value of type boolean");
    await idp("POST", "/Users", user("temp@acme.example", { active: "no longer" }), refusal);
    const { id } = await scene.failure("validation", { identifier: "temp@acme.example" });
    scene.name("failure", id);

    scene.tell(`**Do.** Take it from the list. It cannot be retried from here: Rollcall does not keep what the IdP sent. If it was no leftover,
      it comes back with the next attempt.`);
    const retry = refuses(409, "retry_from_idp", "Only the identity provider can send this again");
    await scene.admin("POST", `/sync-failures/${id}/retry`, undefined, retry);
    await scene.admin("DELETE", `/sync-failures/${id}`, undefined, answers(204));
    await scene.noFailure();
  },
};

export const serviceTroubles: readonly Trouble[] = [
  drifted,
  throttled,
  internal,
  mapping,
  tooLarge,
  nothingCloses,
];
