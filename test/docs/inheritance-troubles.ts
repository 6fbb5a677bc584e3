/** Connections that inherit, and what their projects cannot take. */

import { addMembers, group, patch, replace, teamUser, user } from "../service/scim-messages.ts";
import type { Chapter, Trouble } from "./page.ts";
import { answers, briefly, refuses } from "./scene.ts";

const chapter: Chapter = {
  title: "Projects that inherit",
  introduction: `A child connection has the settings, users and groups of its parent, which is in another project. \`child\` is what the product or you send to
the child's project, where \`…\` stands for that one and \`{child}\` for its connection; \`admin\` is the parent's project. What the IdP sends, it
sends to the parent, and the answer tells of the parent alone: whether a child could take it stands in the child's own project.

- **Ask the child's \`GET …/sync-failures\`.** The parent's \`GET …/connections/{c}/children\` tells which children are \`degraded\`, and by how many failures.
- **Mend the cause in the child's project; nobody has to send anything again.** Seconds later what failed is tried again by itself.`,
};

const seats: Trouble = {
  title: "No seat is free at a child",
  chapter,
  isCarried: true,
  seen: [
    ["IdP", "201 or 200, and the person is not there, or as before, in another project"],
    ["sync failure", "`quota_exceeded`, at the child, `replace`"],
    ["product", 'the child\'s `sync: {state: "degraded"`'],
  ],
  async play(scene) {
    const { idp } = scene;
    await scene.provision("ada", user("ada@acme.example"));
    const child = await scene.inherit({ quotas: { readers: 1 } });
    await scene.stage.carry();

    scene.tell(`The parent's project has a seat for the new person, the child's has none: each project has its own quotas. The IdP is told of
      nothing, and no other child is concerned.`);
    await idp("POST", "/Users", user("bob@acme.example"), answers(201));
    await scene.carry();
    const degraded = { sync: { state: "degraded", failures: 1 } };
    await child.admin("GET", child.path, undefined, answers(200, degraded));
    await child.failure("quota_exceeded", {
      identifier: "bob@acme.example",
      detail:
        'No seat is free: the project\'s quota "readers" is 1 and all of it is in use. Deactivate someone who holds such a seat, ' +
        "or raise the quota, and the user is applied by itself.",
    });

    scene.tell(`**Do.** Raise the child's quota, or free a seat there: deactivate or delete one of its own people, or have the IdP
      deactivate somebody at the parent, which frees a seat in every child. Whoever waits for the seat gets it by itself.`);
    await child.admin("PATCH", "", { quotas: { readers: 2 } }, answers(200, { usage: { readers: 1 } }));
    await scene.carry();
    await child.noFailure();
    const copied = { items: [{ managedBy: { connectionId: child.id, inherited: true } }] };
    await child.admin("GET", "/members?q=bob@", undefined, answers(200, copied));
    const settled = { sync: { state: "in_sync", failures: 0 } };
    await child.admin("GET", child.path, undefined, answers(200, settled));
  },
};

const otherType: Trouble = {
  title: "Already at the child, with the other type",
  chapter,
  isCarried: true,
  seen: [["sync failure", "`role_conflict`, at the child"]],
  async play(scene) {
    const { idp } = scene;
    const child = await scene.inherit();
    await scene.stage.carry();
    const { id } = await child.product.addMember({
      userName: "ada@acme.example",
      type: "user",
      access: "write",
    });
    scene.name("ada", id);

    scene.tell(`The child's project had Ada before its parent had her, as a team account, and the IdP says that she is a reader. She is
      left as she is.`);
    await idp("POST", "/Users", user("ada@acme.example"), answers(201));
    await scene.carry();
    await child.failure("role_conflict", {
      identifier: "ada@acme.example",
      detail:
        'User already available in the project as a user: userName "ada@acme.example". Change its type in the product to the one ' +
        "that the user has at the parent; then it is linked by itself.",
    });
    await child.admin("GET", `/members/${id}`, undefined, answers(200, { type: "user", managedBy: null }));

    scene.tell(`**Do.** Change her type in the child's project, which costs her the role and keeps the access. If it is the IdP that is wrong, map
      \`isTeamAccount\` there: then she is linked as she is, and the copies in other projects are converted.`);
    const reader = { type: "reader", role: null, access: "write" };
    await child.admin("PATCH", `/members/${id}`, { type: "reader" }, answers(200, reader));
    await scene.carry();
    await child.noFailure();
    const linked = { ...reader, managedBy: { connectionId: child.id, inherited: true } };
    await child.admin("GET", `/members/${id}`, undefined, answers(200, linked));
  },
};

const elsewhere: Trouble = {
  title: "At the child another connection manages the person",
  chapter,
  isCarried: true,
  seen: [
    ["sync failure", "`managed_elsewhere`, at the child"],
    ["sync failure", "`duplicate`, of a User, at the child"],
  ],
  async play(scene) {
    const { idp } = scene;
    const child = await scene.inherit();
    const entra = await scene.stage.service.createConnection({ name: "Entra" }, child.product.project);
    scene.name("entra", entra.connection.id);
    const ada = await scene.provision("ada", teamUser("ada@acme.example"), entra);
    await scene.stage.carry();

    scene.tell(`The child's project has an IdP of its own, or inherits from a second parent, and that one came first. A person has one
      owner.`);
    await idp("POST", "/Users", teamUser("ada@acme.example"), answers(201));
    await scene.carry();
    await child.failure("managed_elsewhere", {
      identifier: "ada@acme.example",
      detail:
        `userName "ada@acme.example" belongs to a member managed by another connection of this project, "Entra" (${entra.connection.id}). ` +
        "Remove the user from that identity provider, or disable SCIM on that connection, then retry.",
    });

    scene.tell(`**Do.** Decide who shall own the person, and unassign it at the other one, or disable SCIM there. (With \`duplicate\` it is a stranger who has the
      userName or the email in the child's project: give that one another name, as in
      [userName and email of two people](#username-and-email-of-two-people).)`);
    await scene.speaker("Entra", entra)("DELETE", `/Users/${ada}`, undefined, answers(204));
    await scene.carry();
    await child.noFailure();
    const linked = { status: "active", managedBy: { connectionId: child.id, inherited: true } };
    await child.admin("GET", `/members/${ada}`, undefined, answers(200, linked));
  },
};

const settings: Trouble = {
  title: "A setting changed at a child",
  chapter,
  seen: [["product", "`inherited_setting` (409) when a connection is changed, or made with `inheritsFrom`"]],
  async play(scene) {
    const child = await scene.inherit();
    const parent = `/connections/${scene.connection.connection.id}`;

    scene.tell("A child has its parent's settings, all but the name, and so has none that could be changed.");
    const inherited = (what: string) =>
      refuses(409, "inherited_setting", `${what} of this connection is inherited`);
    await child.admin("PATCH", child.path, { jit: true }, inherited("jit"));
    const link = { name: "Second", inheritsFrom: scene.connection.connection.id, onDelete: "delete" };
    await child.admin("POST", "/connections", link, inherited("onDelete"));

    scene.tell(`**Do.** Change it at the parent, where it holds for every child from the next request on. A project that needs another setting
      needs a connection of its own.`);
    await scene.admin("PATCH", parent, { jit: true }, answers(200, { jit: true, childCount: 1 }));
    await child.admin("GET", child.path, undefined, answers(200, { jit: true }));
    await child.admin("PATCH", child.path, { name: "North" }, answers(200, { name: "North" }));
  },
};

const linkRefused: Trouble = {
  title: "A connection that cannot be inherited from",
  chapter,
  seen: [
    [
      "product",
      "`validation_failed` (400) `inheritsFrom is not valid`, or `already_inherits` (409), when a child is made",
    ],
  ],
  async play(scene) {
    const child = await scene.inherit();
    const third = await scene.otherProject("other");
    const parent = scene.connection.connection.id;
    const linking = (inheritsFrom: string) => ({ name: "Branch", inheritsFrom });
    const invalid = (why: string) => refuses(400, "validation_failed", `inheritsFrom is not valid: ${why}`);

    scene.tell(`A parent is a connection that inherits from nobody, in another project; and a project inherits from the same one once. (From two
      different ones it may: who is at both belongs to the one that came first, and is a failure of the other.) \`other\` is a third project.`);
    const post = ["POST", "/connections"] as const;
    await scene.admin(...post, linking(parent), invalid("it is of the same project"));
    await scene.admin(...post, linking(child.id), invalid("it inherits itself"), third);
    await child.admin(
      ...post,
      linking(parent),
      refuses(
        409,
        "already_inherits",
        "Another connection of this project inherits from the same parent already",
      ),
    );

    scene.tell("**Do.** Send the id that the detail names, or use the child that is there.");
    await scene.admin(
      ...post,
      linking(parent),
      answers(201, { inheritsFrom: { connectionId: parent } }),
      third,
    );
  },
};

const noAccess: Trouble = {
  title: "SCIM sent to a child",
  chapter,
  seen: [
    ["IdP", "403 `This connection inherits its users and groups; provision them to its parent`"],
    [
      "product",
      "a child's `scimBaseUrl` is null, and `SCIM access of this connection is inherited` (409) when a token is asked for",
    ],
  ],
  async play(scene) {
    const child = await scene.inherit();
    const { token } = scene.connection;

    scene.tell(
      "A child has no SCIM access: no base URL, no tokens. Whoever puts its id into the URL, and sends the parent's token, is told so.",
    );
    await child.admin(
      "POST",
      `${child.path}/tokens`,
      {},
      refuses(409, "inherited_setting", "SCIM access of this connection is inherited"),
    );
    const inherits = refuses(
      403,
      undefined,
      "This connection inherits its users and groups; provision them to its parent",
    );
    const anywhere = { ...scene.connection, scim: scene.stage.service.scim };
    await scene.speaker("IdP", anywhere)("GET", `/scim/v2/${child.id}/Users?count=1`, { token }, inherits);
    await child.noFailure();

    scene.tell(
      "**Do.** Give the IdP the parent's `scimBaseUrl`. What it provisions there is at the child a second later.",
    );
    const path = `/scim/v2/${scene.connection.connection.id}/Users?count=1`;
    await scene.speaker("IdP", anywhere)("GET", path, { token }, answers(200));
  },
};

const hasChildren: Trouble = {
  title: "A parent that cannot be deleted",
  chapter,
  seen: [
    ["product", "`has_children` (409) when a connection is deleted; `not_empty` (409) when its project is"],
  ],
  async play(scene) {
    const child = await scene.inherit();
    const path = `/connections/${scene.connection.connection.id}`;

    scene.tell("Others have their users from this connection. First they have to let go.");
    await scene.admin(
      "DELETE",
      path,
      undefined,
      refuses(409, "has_children", "1 connection(s) inherit from this one"),
    );
    await scene.admin(
      "DELETE",
      "",
      undefined,
      refuses(409, "not_empty", "The project still has 1 connection(s)"),
    );

    scene.tell(`**Do.** Delete the children, or have their projects' owners do it ([what becomes of their people](#a-child-that-shall-leave)); then
      the parent goes. To stop the provisioning at once and keep everything, disable SCIM at the parent instead.`);
    const children = {
      items: [{ connectionId: child.id, projectId: child.product.project.id, name: "Branch" }],
    };
    await scene.admin("GET", `${path}/children`, undefined, answers(200, children));
    await child.admin("DELETE", child.path, undefined, answers(204));
    await scene.admin("DELETE", path, undefined, answers(204));
  },
};

const leaving: Trouble = {
  title: "A child that shall leave",
  chapter,
  isCarried: true,
  seen: [
    ["product", "after a child was deleted, its people and groups are still there, with `managedBy: null`"],
  ],
  async play(scene) {
    const { idp } = scene;
    const ada = await scene.provision("ada", user("ada@acme.example"));
    await scene.push("writers", group("Writers", [ada]));
    const child = await scene.inherit();
    await scene.stage.carry();
    const copy = (await child.product.memberNamed("ada@acme.example")).id;
    scene.name("ada's copy", copy);

    scene.tell(`A child is deleted like any connection. Its people and groups stay, with role, access and seats, and are the project's own from
      then on. What happens at the parent does not reach them any more.`);
    await child.admin("DELETE", child.path, undefined, answers(204));
    await idp("DELETE", `/Users/${ada}`, undefined, answers(204));
    await scene.carry();
    const left = { status: "active", seat: "readers", managedBy: null };
    await child.admin("GET", `/members/${copy}`, undefined, answers(200, left));
    const groups = { items: [{ displayName: "Writers", managedBy: null, counts: { readers: 1 } }] };
    await child.admin("GET", "/groups", undefined, answers(200, groups));

    scene.tell(`**Do.** Those who shall not stay active are best deactivated at the parent first. Afterwards they are edited, deactivated and
      deleted by hand. Linked again, whoever has the same userName or email and type is taken over with id, role and access; groups are
      made anew, and those that were left lose whom was taken over.`);
    const status = "inactive";
    await child.admin("PATCH", `/members/${copy}`, { status }, answers(200, { status, seat: null }));
  },
};

const groupDeleted: Trouble = {
  title: "An inherited group deleted by hand",
  chapter,
  isCarried: true,
  seen: [
    [
      "product",
      "a group of a child that was deleted with `force=true` is there again, with another `access`",
    ],
  ],
  async play(scene) {
    const ada = await scene.provision("ada", user("ada@acme.example"));
    const writers = await scene.push("parent's writers", group("Writers", [ada]));
    const child = await scene.inherit();
    await scene.stage.carry();
    const { body } = await child.product.admin("GET", "/groups");
    const copy = `/groups/${scene.name("writers", body.items[0].id)}`;
    await child.product.admin("PATCH", copy, { access: "write" });

    scene.tell(`What the parent has, a child has. A copy that is deleted is made again at once, under its id, with its parent's name and members; but
      the \`access\` that it had here is lost, and it gets the connection's \`defaults.groupAccess\`. (A group of a connection of one's own does not
      come back: [A group deleted by hand](#a-group-deleted-by-hand).)`);
    await child.admin(
      "DELETE",
      copy,
      undefined,
      briefly(refuses(409, "managed_by_idp", "This group is managed by the identity provider")),
    );
    await child.admin("DELETE", `${copy}?force=true`, undefined, answers(204));
    await scene.carry();
    const back = {
      displayName: "Writers",
      access: "none",
      counts: { readers: 1 },
      managedBy: { inherited: true },
    };
    await child.admin("GET", copy, undefined, answers(200, back));

    scene.tell(`**Do.** Set its \`access\` again. If it shall not be there, have it deleted at the parent, or take from it what it may do: its
      \`access\` is the child's own.`);
    await child.admin("PATCH", copy, { access: "read" }, answers(200, { access: "read" }));
    await scene.idp("DELETE", `/Groups/${writers}`, undefined, answers(204));
    await scene.carry();
    await child.admin("GET", copy, undefined, refuses(404, "not_found", "Group"));
  },
};

const managed: Trouble = {
  title: "An inherited member edited in the child",
  chapter,
  isCarried: true,
  seen: [["product", "409 `managed_by_idp` when a member or a group of a child is edited by hand"]],
  async play(scene) {
    const ada = await scene.provision("parent's ada", teamUser("ada@acme.example"));
    const writers = await scene.push("parent's writers", group("Writers"));
    const child = await scene.inherit();
    await scene.stage.carry();
    const copy = (await child.product.memberNamed("ada@acme.example")).id;
    const path = `/members/${scene.name("ada", copy)}`;
    const { body } = await child.product.admin("GET", "/groups");
    const copied = `/groups/${scene.name("writers", body.items[0].id)}`;

    scene.tell(`Names, emails, type, status and memberships follow the parent. Role and access are the child's own: they stay through all that comes
      from there (the role until the type changes).`);
    const managedByIdp = (what: string) =>
      refuses(409, "managed_by_idp", `This ${what} is managed by the identity provider (SSO-SCIM)`);
    await child.admin("PATCH", path, { displayName: "Ada" }, managedByIdp("member"));
    await child.admin("DELETE", path, undefined, managedByIdp("member"));
    await child.admin("PUT", `${copied}${path}`, undefined, managedByIdp("group"));
    const own = { role: "reviewer", access: "write" };
    await child.admin("PATCH", path, own, answers(200, { ...own, seat: "reviewers" }));

    scene.tell(
      "**Do.** Have it changed in the IdP. Everybody who inherits gets the change, and this child keeps what is its own.",
    );
    await scene.idp("PATCH", `/Users/${ada}`, patch(replace("displayName", "Ada")), answers(200));
    await scene.idp("PATCH", `/Groups/${writers}`, patch(addMembers(ada)), answers(200));
    await scene.carry();
    const groups = [{ displayName: "Writers" }];
    await child.admin("GET", path, undefined, answers(200, { displayName: "Ada", ...own, groups }));
  },
};

const retried: Trouble = {
  title: "An inherited failure tried again at once",
  chapter,
  isCarried: true,
  seen: [
    ["product", "`POST …/sync-failures/{failure}/retry` is answered 202, and the failure is still there"],
  ],
  async play(scene) {
    await scene.provision("ada", user("ada@acme.example"));
    const child = await scene.inherit({ quotas: { readers: 0 } });
    await scene.stage.carry();
    const { body } = await child.product.admin("GET", "/sync-failures");
    const retry = `/sync-failures/${scene.name("failure", body.items[0].id)}/retry`;

    scene.tell(`What failed is tried again whenever its cause may have gone. Who does not want to wait for that, or is not sure, tries it by hand: unlike what an
      IdP sent, what is inherited can be had from the parent at any time. The answer says that it was tried; the list says how that went.`);
    await child.admin("POST", retry, undefined, answers(202));
    const detail =
      'No seat is free: the project\'s quota "readers" is 0 and all of it is in use. Deactivate someone who holds such a seat, ' +
      "or raise the quota, and the user is applied by itself.";
    await child.failure("quota_exceeded", { identifier: "ada@acme.example", attempts: 2, detail });

    scene.tell(
      "**Do.** Mend the cause, then try again. A 404 tells that the failure is closed: somebody, or the service itself, was faster.",
    );
    await child.admin("PATCH", "", { quotas: { readers: 1 } }, answers(200));
    await child.admin("POST", retry, undefined, answers(202));
    await child.noFailure();
    await child.admin("POST", retry, undefined, refuses(404, "not_found", "Sync failure"));
  },
};

const waiting: Trouble = {
  title: "A child that stays empty",
  chapter,
  isCarried: true,
  seen: [["product", 'a child stays at `sync: {state: "backfilling"`']],
  async play(scene) {
    await scene.provision("ada", user("ada@acme.example"));
    const parent = `/connections/${scene.connection.connection.id}`;
    await scene.product.admin("PATCH", parent, { scimEnabled: false });
    const child = await scene.inherit();
    await scene.stage.carry();

    scene.tell(`Mostly there is just much to copy, and \`usersDone\` rises from one look to the next. While SCIM is disabled at the parent, nothing is carried
      to its children, and nobody is managed there. Enabled again, each child looks at everything anew, so that it ends as its parent then is.`);
    const empty = { scimEnabled: false, sync: { state: "backfilling", usersDone: 0, finishedAt: null } };
    await child.admin("GET", child.path, undefined, answers(200, empty));

    scene.tell(`**Do.** Enable SCIM at the parent. If it is enabled, and nothing has moved for minutes, see the runbook,
      [A child stays behind](runbook.md#a-child-stays-behind).`);
    await scene.admin("PATCH", parent, { scimEnabled: true }, answers(200));
    await scene.carry();
    const done = { sync: { state: "in_sync", usersDone: 1, usersTotal: 1 } };
    await child.admin("GET", child.path, undefined, answers(200, done));
  },
};

export const inheritanceTroubles: readonly Trouble[] = [
  seats,
  otherType,
  elsewhere,
  retried,
  waiting,
  settings,
  noAccess,
  linkRefused,
  managed,
  groupDeleted,
  hasChildren,
  leaving,
];
