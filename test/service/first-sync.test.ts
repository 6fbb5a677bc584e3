import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { TestConnection, TestService } from "../support/service.ts";
import { startCheckedService } from "./checked-service.ts";
import { expectScimError, type Product, productOf } from "./product.ts";
import {
  activation,
  asTeam,
  conversion,
  type Fields,
  filtered,
  teamUser,
  urns,
  user,
  workEmail,
} from "./scim-messages.ts";

let service: TestService;
let connection: TestConnection;
let product: Product;
beforeAll(async () => {
  service = await startCheckedService();
});
beforeEach(async () => {
  connection = await service.createConnection();
  product = productOf(service, connection.project);
});
afterAll(() => service.stop());

const post = (request: { readonly body: unknown }, to = connection) => to.scim("POST", "/Users", request);

describe("an unmanaged member with the same userName or email, type equal, is linked (201)", () => {
  test("by userName, in any case", async () => {
    const member = await product.addMember({ userName: "Ann@x.example", type: "reader" });
    const { status, body } = await post(user("aNN@X.example", { externalId: "e1", displayName: "Ann" }));
    expect(status).toBe(201);
    expect(await product.member(member.id)).toMatchObject({
      userName: "aNN@X.example",
      displayName: "Ann",
      managedBy: { connectionId: connection.connection.id, badge: "SSO-SCIM", inherited: false },
    });
    expect((await connection.scim("GET", filtered('externalId eq "e1"'))).body.Resources[0].id).toBe(body.id);
    expect((await product.admin("GET", "/members")).body.items).toHaveLength(1);
  });

  test("by email, in any case; the userName it had is free again", async () => {
    const fields = { userName: "local-ann", email: "Ann@Mail.example", type: "reader" };
    const member = await product.addMember(fields);
    expect((await post(user("ann@idp.example", workEmail("aNN@mail.example")))).status).toBe(201);
    expect(await product.member(member.id)).toMatchObject({ userName: "ann@idp.example" });
    await product.addMember({ userName: "local-ann", type: "reader" });
  });

  test.each([
    ["a letter that folds to two", "Stra\u00dfe@x.example", "STRASSE@X.example"],
    ["another Unicode form", "Rene\u0301@x.example", "REN\u00c9@x.example"],
    ["wide letters", "\uff21\uff4e\uff4e@x.example", "ann@x.example"],
  ])("by userName or email in other letters: %s", async (_, theirs, sent) => {
    const byName = await product.addMember({ userName: theirs, type: "reader" });
    expect((await post(user(sent))).status).toBe(201);
    expect(await product.member(byName.id)).toMatchObject({ userName: sent, status: "active" });
    const byEmail = await product.addMember({ userName: "local", email: theirs, type: "reader" });
    expect((await post(user("idp", workEmail(sent)))).status).toBe(201);
    expect(await product.member(byEmail.id)).toMatchObject({ userName: "idp", email: sent });
    expect((await product.admin("GET", "/members")).body.items).toHaveLength(2);
  });

  test.each([
    [
      "the primary",
      [
        { value: "a@x", type: "work" },
        { value: "Met@x", primary: true },
      ],
      1,
    ],
    ["else the first of type work", [{ value: "a@x" }, { value: "Met@x", type: "Work" }], 1],
    ["else the first", [{ value: "Met@x" }, { value: "a@x" }], 1],
    // Nobody's own: two may share it, and whoever came first would get the other's role and access.
    [
      "a further value: nobody",
      [
        { value: "a@x", primary: true },
        { value: "met@x", type: "work" },
      ],
      2,
    ],
  ])("the email by which it is met: %s", async (_, emails, count) => {
    await product.addMember({ userName: "there", email: "met@x", type: "reader", access: "write" });
    expect((await post(user("sent", { emails }))).status).toBe(201);
    const { items } = (await product.admin("GET", "/members")).body;
    expect(items).toHaveLength(count);
    expect((await product.memberNamed("sent")).access).toBe(count === 1 ? "write" : "none");
    for (const { value } of emails) {
      const found = await connection.scim("GET", filtered(`emails.value eq "${value}"`));
      expect(found.body.Resources.map(({ userName }: { userName: string }) => userName)).toEqual(["sent"]);
    }
  });

  test("keeping role and access, whatever the connection's defaults", async () => {
    const defaults = { role: "admin", userAccess: "write" };
    const own = await service.createConnection({ defaults }, connection.project);
    const fields = { userName: "bob@x.example", type: "user", role: "reviewer", access: "read" };
    const member = await product.addMember(fields);
    const before = await product.usage();
    expect((await post(teamUser("bob@x.example"), own)).status).toBe(201);
    expect(await product.member(member.id)).toMatchObject({
      type: "user",
      role: "reviewer",
      access: "read",
      seat: "reviewers",
    });
    expect(await product.usage()).toEqual(before);
  });

  test("an inactive one becomes as active as the IdP says, its seat with it", async () => {
    const member = await product.addMember({ userName: "cas@x.example", type: "reader" });
    await product.admin("PATCH", `/members/${member.id}`, { status: "inactive" });
    await post(user("cas@x.example"));
    expect(await product.member(member.id)).toMatchObject({ status: "active", seat: "readers" });
    expect((await product.usage()).readers).toBe(1);
  });

  test("after the first link isTeamAccount converts it", async () => {
    await product.addMember({ userName: "dee@x.example", type: "reader" });
    const { id } = (await post(user("dee@x.example"))).body;
    expect((await connection.scim("PATCH", `/Users/${id}`, conversion(true))).status).toBe(200);
    expect(await product.memberNamed("dee@x.example")).toMatchObject({ type: "user", role: "contributor" });
  });

  test("linked once, it is a user of this connection: a second POST is 409", async () => {
    await product.addMember({ userName: "eve@x.example", type: "reader" });
    await post(user("eve@x.example"));
    expectScimError(await post(user("eve@x.example")), 409, "uniqueness");
  });

  test("it is counted once in lists, and deactivated and deleted like any user", async () => {
    await product.addMember({ userName: "pia@x.example", type: "reader" });
    const { id } = (await post(user("pia@x.example"))).body;
    expect((await connection.scim("GET", "/Users")).body.totalResults).toBe(1);
    await connection.scim("PATCH", `/Users/${id}`, activation(false));
    expect((await product.usage()).readers).toBe(0);
    expect((await connection.scim("DELETE", `/Users/${id}`)).status).toBe(204);
  });
});

describe("a role conflict", () => {
  test.each([
    ["user", {}],
    ["reader", asTeam],
  ])("a %s met by the other type: 409 uniqueness, nothing changed", async (type, fields) => {
    const member = await product.addMember({ userName: "fay@x.example", type });
    const refused = await post(user("fay@x.example", fields));
    expectScimError(refused, 409, "uniqueness");
    expect(refused.body.detail).toMatch(/^User already available in the project/);
    expect(await product.member(member.id)).toEqual({ ...member, groups: [] });
  });

  test("by email, too", async () => {
    await product.addMember({ userName: "gil", email: "gil@x.example", type: "user" });
    const refused = await post(user("other", workEmail("GIL@x.example")));
    expectScimError(refused, 409, "uniqueness");
    expect(refused.body.detail).toMatch(/^User already available in the project/);
  });

  test.each([
    ["user", "reader", false],
    ["reader", "user", true],
  ])(
    "its other way out: a %s taken over as it is, then converted to a %s, with its access",
    async (type, other, isTeamAccount) => {
      const fields = { userName: "ivo@x.example", type, access: "write" };
      const { id } = await product.addMember(fields);
      const sent = (asTeamAccount: boolean) =>
        user("ivo@x.example", { [urns.account]: { isTeamAccount: asTeamAccount } });
      const refused = await post(sent(isTeamAccount));
      expectScimError(refused, 409, "uniqueness");
      expect(refused.body.detail).toContain(`isTeamAccount ${!isTeamAccount}`);
      const linked = await post(sent(!isTeamAccount));
      expect(linked.status).toBe(201);
      const path = `/Users/${linked.body.id}`;
      expect((await connection.scim("PATCH", path, conversion(isTeamAccount))).status).toBe(200);
      expect(await product.member(id)).toMatchObject({ type: other, access: "write", status: "active" });
      expect(await product.usage()).toMatchObject({ [`${type}s`]: 0, [`${other}s`]: 1 });
    },
  );

  test("its way out: the type changed in the product, then the IdP retries", async () => {
    const { id } = await product.addMember({ userName: "hal@x.example", type: "user" });
    expectScimError(await post(user("hal@x.example")), 409, "uniqueness");
    await product.admin("PATCH", `/members/${id}`, { type: "reader" });
    expect((await post(user("hal@x.example"))).status).toBe(201);
  });
});

describe("userName and email of two different members: 409 naming both, nothing changed", () => {
  test.each(["unmanaged", "the connection's own", "managed by another"])(
    "the second one %s",
    async (which) => {
      const first = await product.addMember({ userName: "ida@x.example", type: "reader" });
      if (which === "unmanaged") {
        await product.addMember({ userName: "jan", email: "jan@x.example", type: "reader" });
      } else {
        const other = await service.createConnection({}, connection.project);
        const owner = which === "managed by another" ? other : connection;
        await post(user("jan", workEmail("jan@x.example")), owner);
      }
      const second = await product.memberNamed("jan");
      const refused = await post(user("IDA@x.example", workEmail("JAN@x.example")));
      expectScimError(refused, 409, "uniqueness");
      for (const part of ["IDA@x.example", first.id, "JAN@x.example", second.id]) {
        expect(refused.body.detail).toContain(part);
      }
      expect(await product.member(first.id)).toEqual({ ...first, groups: [] });
      expect(await product.member(second.id)).toEqual({ ...second, groups: [] });
    },
  );
});

describe("a member of another connection", () => {
  test.each([
    ["userName", user("kim@x.example")],
    ["email", user("kim-2@x.example", workEmail("kim@mail.example"))],
  ])("that manages it, met by %s: 409, and it stays there", async (_, request) => {
    const other = await service.createConnection({}, connection.project);
    await post(user("kim@x.example", workEmail("kim@mail.example")), other);
    expectScimError(await post(request), 409, "uniqueness");
    expect((await product.memberNamed("kim@x.example")).managedBy.connectionId).toBe(other.connection.id);
  });

  test("whose SCIM is disabled: linked, and gone from the other one for good", async () => {
    const other = await service.createConnection({}, connection.project);
    const old = (await post(user("lea@x.example", { externalId: "old" }), other)).body;
    const member = await product.memberNamed("lea@x.example");
    await product.admin("PATCH", `/connections/${other.connection.id}`, { scimEnabled: false });
    expect((await post(user("lea@x.example", { externalId: "new" }))).status).toBe(201);
    expect((await product.member(member.id)).managedBy.connectionId).toBe(connection.connection.id);

    await product.admin("PATCH", `/connections/${other.connection.id}`, { scimEnabled: true });
    expectScimError(await other.scim("GET", `/Users/${old.id}`), 404);
    expect((await other.scim("GET", "/Users")).body.totalResults).toBe(0);
    expect((await other.scim("GET", filtered('externalId eq "old"'))).body.totalResults).toBe(0);
    expect((await connection.scim("GET", "/Users")).body.totalResults).toBe(1);
  });

  test("that was deleted: linked", async () => {
    const other = await service.createConnection({}, connection.project);
    await post(teamUser("max@x.example"), other);
    const member = await product.memberNamed("max@x.example");
    expect((await product.admin("DELETE", `/connections/${other.connection.id}`)).status).toBe(204);
    expect((await product.member(member.id)).managedBy).toBeNull();
    expect((await post(teamUser("max@x.example"))).status).toBe(201);
    expect((await product.member(member.id)).managedBy.connectionId).toBe(connection.connection.id);
  });

  test("that deleted the user, which stayed: met as someone who exists", async () => {
    const other = await service.createConnection({ onDelete: "deactivate" }, connection.project);
    const { id } = (await post(teamUser("ned@x.example"), other)).body;
    const member = await product.memberNamed("ned@x.example");
    await other.scim("DELETE", `/Users/${id}`);
    const refused = await post(user("ned@x.example"));
    expectScimError(refused, 409, "uniqueness");
    expect(refused.body.detail).toMatch(/^User already available in the project/);
    expect((await post(teamUser("ned@x.example"))).status).toBe(201);
    expect(await product.member(member.id)).toMatchObject({ status: "active", seat: "users" });
  });
});

test("members of other projects are nobody to meet", async () => {
  const elsewhere = productOf(service, await service.createProject());
  await elsewhere.addMember({ userName: "oda@x.example", type: "user" });
  expect((await post(user("oda@x.example"))).status).toBe(201);
});

/** Whom the POST of a connection meets: created by it or by another one, or by hand, and what became of him since. */
interface Meeting {
  readonly who: string;
  readonly by?: "this" | "another";
  readonly since?: (place: Place) => Promise<unknown>;
  /** Status of a POST of the same type, and of the other type. */
  readonly same: 201 | 409;
  readonly other: 201 | 409;
  /** Whether it is somebody new that a 201 makes. */
  readonly isNew?: true;
}

interface Place {
  readonly product: Product;
  readonly owner: TestConnection;
  readonly id: string;
  readonly memberId: string;
}

const settingsOf = (owner: TestConnection) => `/connections/${owner.connection.id}`;
const switchScim = ({ product, owner }: Place, scimEnabled: boolean) =>
  product.admin("PATCH", settingsOf(owner), { scimEnabled });
const deleteByHand = ({ product, memberId }: Place) => product.admin("DELETE", `/members/${memberId}`);
const deleteMeanwhile = async (place: Place) => {
  await switchScim(place, false);
  expect((await deleteByHand(place)).status).toBe(204);
  await switchScim(place, true);
};
const end =
  (onDelete: string) =>
  async ({ product, owner, id }: Place) => {
    await product.admin("PATCH", settingsOf(owner), { onDelete });
    expect((await owner.scim("DELETE", `/Users/${id}`)).status).toBe(204);
  };

const meetings: readonly Meeting[] = [
  { who: "made by hand", same: 201, other: 409 },
  {
    who: "made by hand, inactive",
    since: ({ product, memberId }) => product.admin("PATCH", `/members/${memberId}`, { status: "inactive" }),
    same: 201,
    other: 409,
  },
  { who: "made by hand, deleted", since: deleteByHand, same: 201, other: 201, isNew: true },
  { who: "its own user", by: "this", same: 409, other: 409 },
  { who: "its own, deactivated by a DELETE", by: "this", since: end("deactivate"), same: 201, other: 201 },
  { who: "its own, deleted by a DELETE", by: "this", since: end("delete"), same: 201, other: 201 },
  { who: "its own, deleted in the product", by: "this", since: deleteMeanwhile, same: 201, other: 201 },
  { who: "another one's user", by: "another", same: 409, other: 409 },
  {
    who: "of another one with SCIM off",
    by: "another",
    since: (place) => switchScim(place, false),
    same: 201,
    other: 409,
  },
  {
    who: "left behind by another one",
    by: "another",
    since: ({ product, owner }) => product.admin("DELETE", settingsOf(owner)),
    same: 201,
    other: 409,
  },
  {
    who: "another one's, deactivated by a DELETE",
    by: "another",
    since: end("deactivate"),
    same: 201,
    other: 409,
  },
  {
    who: "another one's, deleted by a DELETE",
    by: "another",
    since: end("delete"),
    same: 201,
    other: 201,
    isNew: true,
  },
  {
    who: "another one's, deleted in the product",
    by: "another",
    since: deleteMeanwhile,
    same: 201,
    other: 201,
    isNew: true,
  },
];

describe.each(meetings)("whoever is met: $who", ({ by, since, same, other, isNew }) => {
  const names = { userName: "pat@x.example", email: "pat@mail.example" };
  const typed = (type: string) => ({ [urns.account]: { isTeamAccount: type === "user" } });

  test.each<readonly [was: string, asked: string, userName: string, emails: Fields]>([
    ["user", "user", "PAT@x.example", {}],
    ["user", "reader", "pat-2", workEmail("PAT@mail.example")],
    ["reader", "reader", "pat-2", workEmail("pat@mail.example")],
    ["reader", "user", "pat@x.example", workEmail("pat@mail.example")],
  ])("a %s, by a POST of a %s", async (was, asked, userName, emails) => {
    const here = await service.createConnection();
    const there = productOf(service, here.project);
    const owner = by === "another" ? await service.createConnection({}, here.project) : here;
    const created =
      by === undefined
        ? await there.addMember({ ...names, type: was })
        : (await post(user(names.userName, { ...workEmail(names.email), ...typed(was) }), owner)).body;
    const { id: memberId } = await there.memberNamed(names.userName);
    const role = was === "user" ? "reviewer" : null;
    await there.admin("PATCH", `/members/${memberId}`, { access: "write", ...(role && { role }) });
    await since?.({ product: there, owner, id: created.id, memberId });

    const answer = await post(user(userName, { ...emails, ...typed(asked) }), here);
    expect(answer.status).toBe(asked === was ? same : other);
    const { items } = (await there.admin("GET", "/members")).body;
    expect(items).toHaveLength(1);
    if (answer.status === 409) {
      expectScimError(answer, 409, "uniqueness");
      expect(items[0]).toMatchObject({ id: memberId, ...names, type: was, role, access: "write" });
      return;
    }
    const standardRole = asked === "user" ? "contributor" : null;
    expect(items[0]).toMatchObject({
      userName,
      type: asked,
      status: "active",
      role: isNew || asked !== was ? standardRole : role,
      access: isNew ? "none" : "write",
      managedBy: { connectionId: here.connection.id },
    });
    expect(items[0].id === memberId).toBe(!isNew);
    expect(await there.usage()).toEqual({ users: 0, reviewers: 0, readers: 0, [items[0].seat]: 1 });
  });
});
