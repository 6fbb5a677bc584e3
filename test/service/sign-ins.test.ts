import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { checkTable } from "../invariants/check-table.ts";
import { scanTable } from "../invariants/table-contents.ts";
import type { ServiceResponse, TestConnection, TestService } from "../support/service.ts";
import { startCheckedService } from "./checked-service.ts";
import { expectProblem, expectScimError, type Product, productOf } from "./product.ts";
import { activation, asTeam, type Fields, filtered, teamUser, user, workEmail } from "./scim-messages.ts";

let service: TestService;
/** Makes a member at first sign-in, with `read` access. */
let connection: TestConnection;
let product: Product;
beforeAll(async () => {
  service = await startCheckedService();
});
beforeEach(async () => {
  connection = await service.createConnection({ jit: true, defaults: { readerAccess: "read" } });
  product = productOf(service, connection.project);
});
afterAll(async () => {
  expect(await checkTable(service.table)).toEqual([]);
  await service.stop();
});

const ask = (body: Fields, by = connection): Promise<ServiceResponse> =>
  product.admin("POST", `/connections/${by.connection.id}/sign-ins`, body);
const signIn = async (body: Fields, by = connection) => {
  const answer = await ask(body, by);
  expect(answer, JSON.stringify(body)).toMatchObject({ status: 200 });
  return answer.body;
};
const settings = (fields: Fields) =>
  product.admin("PATCH", `/connections/${connection.connection.id}`, fields);
const post = (request: { readonly body: unknown }, to = connection) => to.scim("POST", "/Users", request);
const memberCount = async () => (await product.admin("GET", "/members")).body.items.length;
const who = { subject: "s-ann", externalId: "e-ann", userName: "ann", email: "ann@x.example" };

describe("somebody unknown", () => {
  test("without jit: denied, and nobody is made", async () => {
    await settings({ jit: false });
    expect(await signIn(who)).toEqual({ decision: "deny", reason: "unknown", created: false });
    expect(await memberCount()).toBe(0);
  });

  test("with jit: an unmanaged reader with the connection's access, made once", async () => {
    const first = await signIn({ ...who, displayName: "Ann" });
    expect(first).toEqual({
      decision: "allow",
      created: true,
      member: expect.objectContaining({
        userName: "ann",
        email: "ann@x.example",
        displayName: "Ann",
        type: "reader",
        role: null,
        status: "active",
        access: "read",
        seat: "readers",
        managedBy: null,
      }),
    });
    expect(await product.member(first.member.id)).toEqual({ ...first.member, groups: [] });
    expect(await signIn(who)).toEqual({ decision: "allow", created: false, member: first.member });
    expect(await product.usage()).toEqual({ users: 0, reviewers: 0, readers: 1 });
  });

  test.each([
    ["the userName", { subject: "s", userName: "u", email: "e@x.example" }, "u"],
    ["else the email", { subject: "s", userName: "", email: "e@x.example" }, "e@x.example"],
    ["else the subject", { subject: "s", userName: null, email: null, displayName: null }, "s"],
  ])("is called by %s", async (_, told, userName) => {
    expect((await signIn(told)).member.userName).toBe(userName);
    expect(await signIn(told)).toMatchObject({ decision: "allow", created: false });
  });

  test("no seat free: denied, nothing changed; let in as soon as one is", async () => {
    await product.setQuotas({ readers: 1 });
    const { id } = await product.addMember({ userName: "holder", type: "reader" });
    expect(await signIn(who)).toEqual({ decision: "deny", reason: "quota_exceeded", created: false });
    expect(await memberCount()).toBe(1);
    await product.admin("DELETE", `/members/${id}`);
    expect(await signIn(who)).toMatchObject({ decision: "allow", created: true });
  });

  test("is none of the connection's users for SCIM, by no key and in no list", async () => {
    const { member } = await signIn(who);
    for (const filter of ['userName eq "ann"', 'externalId eq "e-ann"', 'emails.value eq "ann@x.example"']) {
      expect((await connection.scim("GET", filtered(filter))).body.totalResults).toBe(0);
    }
    expect((await connection.scim("GET", "/Users")).body.totalResults).toBe(0);
    expectScimError(await connection.scim("GET", `/Users/${member.id}`), 404);
  });
});

describe("somebody who is there", () => {
  test("is found by externalId among the connection's users, whatever else was told", async () => {
    const other = await product.addMember({ userName: "other", email: "other@x.example", type: "reader" });
    await post(user("ann", { externalId: "e-ann" }));
    const told = { subject: "s", externalId: "e-ann", userName: "other", email: "other@x.example" };
    const { member } = await signIn(told);
    expect(member.userName).toBe("ann");
    expect(member.managedBy).toEqual({
      connectionId: connection.connection.id,
      badge: "SSO-SCIM",
      inherited: false,
    });
    expect(member.id).not.toBe(other.id);
  });

  test("by the externalId of another connection's user nobody is found", async () => {
    const other = await service.createConnection({}, connection.project);
    await post(user("ann", { externalId: "e-ann" }), other);
    expect(await signIn({ subject: "s", externalId: "e-ann" })).toMatchObject({ created: true });
  });

  test("then by userName, then by email, in any case", async () => {
    const first = await product.addMember({ userName: "Straße", type: "reader" });
    const second = await product.addMember({ userName: "b", email: "B@x.example", type: "user" });
    const both = { subject: "s", externalId: "e", userName: "STRASSE", email: "b@X.example" };
    expect((await signIn(both)).member.id).toBe(first.id);
    expect((await signIn({ ...both, userName: "nobody" })).member.id).toBe(second.id);
    expect(await memberCount()).toBe(2);
  });

  test("and in the end by the userName that a new member would get", async () => {
    const { id } = await product.addMember({ userName: "Ann@x.example", type: "reader" });
    expect((await signIn({ subject: "s", email: "ann@x.example" })).member.id).toBe(id);
    expect((await signIn({ subject: "ann@X.example" })).member.id).toBe(id);
  });

  test("of another connection, which manages it", async () => {
    const other = await service.createConnection({}, connection.project);
    await post(teamUser("ann"), other);
    const { member } = await signIn(who);
    expect(member.managedBy.connectionId).toBe(other.connection.id);
  });

  test("inactive: denied, and shown; jit makes no second one", async () => {
    const { id } = (await post(user("ann", { externalId: "e-ann" }))).body;
    await connection.scim("PATCH", `/Users/${id}`, activation(false));
    for (const told of [who, { subject: "s", externalId: "e-ann", userName: "new" }]) {
      const answer = await signIn(told);
      expect(answer).toMatchObject({ decision: "deny", reason: "inactive", created: false });
      expect(answer.member).toMatchObject({ userName: "ann", status: "inactive" });
    }
    expect(await memberCount()).toBe(1);
  });

  test("whether SCIM is enabled does not matter", async () => {
    await post(user("ann", { externalId: "e-ann" }));
    await settings({ scimEnabled: false });
    const { decision, member } = await signIn({ subject: "s", externalId: "e-ann" });
    expect([decision, member.userName, member.managedBy]).toEqual(["allow", "ann", null]);
    expect((await signIn({ subject: "new" })).created).toBe(true);
  });

  test("an externalId that several users share tells none of them", async () => {
    for (const userName of ["ann", "ben", "cas"]) await post(user(userName, { externalId: "same" }));
    const told = { subject: "s", externalId: "same" };
    expect((await signIn({ ...told, userName: "ben" })).member.userName).toBe("ben");
    const { created, member } = await signIn({ ...told, userName: "dee" });
    expect(created).toBe(true);
    // Known again all the same, by the subject.
    expect((await signIn({ ...told, userName: "dora" })).member.id).toBe(member.id);
    const found = await connection.scim("GET", filtered('externalId eq "same"'));
    expect(found.body.totalResults).toBe(3);
  });

  test("the last of those who shared an externalId is found by it, and who comes new is", async () => {
    const ids: string[] = [];
    for (const userName of ["ann", "ben"]) {
      ids.push((await post(user(userName, { externalId: "same" }))).body.id);
    }
    await connection.scim("DELETE", `/Users/${ids[0]}`);
    expect((await signIn({ subject: "s", externalId: "same" })).member.userName).toBe("ben");
    await connection.scim("DELETE", `/Users/${ids[1]}`);
    await post(user("cas", { externalId: "same" }));
    expect((await signIn({ subject: "s", externalId: "same" })).member.userName).toBe("cas");
  });

  test("an externalId changed by SCIM leads to its user from then on", async () => {
    const { id } = (await post(user("ann", { externalId: "old" }))).body;
    await connection.scim("PUT", `/Users/${id}`, user("ann", { externalId: "new" }));
    expect((await signIn({ subject: "s", externalId: "new" })).member.userName).toBe("ann");
    expect((await signIn({ subject: "t", externalId: "old" })).created).toBe(true);
  });

  test("an externalId with the character that ends values in keys is not taken for its beginning", async () => {
    await post(user("ann", { externalId: "e\u001fx" }));
    expect((await signIn({ subject: "s", externalId: "e" })).created).toBe(true);
    expect((await signIn({ subject: "t", externalId: "e\u001fx" })).member.userName).toBe("ann");
  });
});

describe("a renamed person never becomes a second one", () => {
  const renamed = { userName: "anna", email: "anna@x.example", displayName: "Anna" };

  test.each([
    ["externalId", { subject: "s-new", externalId: "e-ann", ...renamed }],
    ["subject", { subject: "s-ann", ...renamed }],
  ])("known by %s, the member gets the new names, and leaves the old ones", async (_, told) => {
    const { member } = await signIn(who);
    const again = await signIn(told);
    expect(again).toMatchObject({ decision: "allow", created: false, member: { id: member.id, ...renamed } });
    expect(await product.member(member.id)).toMatchObject(renamed);
    await product.addMember({ userName: "ann", email: "ann@x.example", type: "reader" });
  });

  test("what is not told stays; a userName that was the email goes with it", async () => {
    await signIn({ subject: "s", email: "ann@x.example", displayName: "Ann" });
    const { member } = await signIn({ subject: "s", email: "anna@x.example" });
    expect(member).toMatchObject({ userName: "anna@x.example", email: "anna@x.example", displayName: "Ann" });
    await signIn({ subject: "t", userName: "tom", email: "tom@x.example" });
    const { member: tom } = await signIn({ subject: "t", email: "thomas@x.example" });
    expect(tom).toMatchObject({ userName: "tom", email: "thomas@x.example" });
  });

  test("a name that somebody else has is left, and the person let in", async () => {
    // The userName that would go with the email is taken.
    const { member } = await signIn({ subject: "s", email: "ann@x.example" });
    await product.addMember({ userName: "anna@x.example", type: "reader" });
    const again = await signIn({ subject: "s", email: "anna@x.example", displayName: "Anna" });
    expect(again.member).toMatchObject({
      id: member.id,
      userName: "ann@x.example",
      email: "anna@x.example",
      displayName: "Anna",
    });
  });

  test("an externalId first told later is known by from then on", async () => {
    const { member } = await signIn({ subject: "s", userName: "ann" });
    await signIn({ subject: "s", userName: "anna", externalId: "e" });
    const { member: again } = await signIn({ subject: "t", userName: "annette", externalId: "e" });
    expect(again).toMatchObject({ id: member.id, userName: "annette" });
  });

  test("nothing new: nothing is written", async () => {
    const { member } = await signIn({ subject: "s", displayName: "S" });
    await product.admin("PATCH", `/members/${member.id}`, { userName: "kept" });
    const before = await product.member(member.id);
    expect((await signIn({ subject: "s", displayName: "S" })).member).toEqual({
      ...before,
      groups: undefined,
    });
  });

  test("by another connection, or in another project, the same words are somebody else's", async () => {
    await signIn(who);
    const other = await service.createConnection({ jit: true }, connection.project);
    expect((await signIn({ ...who, ...renamed }, other)).created).toBe(true);
    const elsewhere = await service.createConnection({ jit: true });
    const path = `/projects/${elsewhere.project.id}/connections/${elsewhere.connection.id}/sign-ins`;
    expect((await service.admin("POST", path, who)).body.created).toBe(true);
  });

  test("inactive, and renamed: still denied, under the old names", async () => {
    const { member } = await signIn(who);
    await product.admin("PATCH", `/members/${member.id}`, { status: "inactive" });
    const again = await signIn({ ...who, ...renamed });
    expect(again).toMatchObject({ decision: "deny", reason: "inactive", member: { userName: "ann" } });
    expect(await memberCount()).toBe(1);
  });

  test("deleted: somebody unknown", async () => {
    const { member } = await signIn(who);
    await product.admin("DELETE", `/members/${member.id}`);
    const again = await signIn(who);
    expect(again.created).toBe(true);
    expect(again.member.id).not.toBe(member.id);
  });
});

describe("SCIM takes over whom a sign-in made", () => {
  const expectUser = async (id: string, fields: Fields) =>
    expect(await product.member(id)).toMatchObject({
      ...fields,
      access: "read",
      managedBy: { connectionId: connection.connection.id },
    });

  test("as a reader", async () => {
    const { member } = await signIn(who);
    expect((await post(user("ANN", { externalId: "e-ann" }))).status).toBe(201);
    await expectUser(member.id, { userName: "ANN", type: "reader", role: null, seat: "readers" });
    expect(await product.usage()).toEqual({ users: 0, reviewers: 0, readers: 1 });
  });

  test("as a user, with the connection's default role; the seat moves, the access stays", async () => {
    await settings({ defaults: { role: "admin", userAccess: "write" } });
    const { member } = await signIn(who);
    expect((await post(teamUser("ann"))).status).toBe(201);
    await expectUser(member.id, { type: "user", role: "admin", seat: "users" });
    expect(await product.usage()).toEqual({ users: 1, reviewers: 0, readers: 0 });
  });

  test("as a user, no seat free: 403, nothing changed", async () => {
    await product.setQuotas({ users: 0 });
    const { member } = await signIn(who);
    expectScimError(await post(teamUser("ann")), 403);
    expect(await product.member(member.id)).toEqual({ ...member, groups: [] });
    await product.setQuotas({ users: 1 });
    expect((await post(teamUser("ann"))).status).toBe(201);
  });

  test.each([
    ["user", asTeam],
    ["reader", {}],
  ])("by the externalId alone, all names being new, as a %s", async (type, fields) => {
    const { member } = await signIn(who);
    const renamed = user("anna", { externalId: "e-ann", ...workEmail("anna@x.example"), ...fields });
    expect((await post(renamed)).status).toBe(201);
    await expectUser(member.id, { userName: "anna", email: "anna@x.example", type });
    expect(await memberCount()).toBe(1);
    expect((await connection.scim("GET", filtered('externalId eq "e-ann"'))).body.totalResults).toBe(1);
    expect((await signIn(who)).member.id).toBe(member.id);
  });

  test("by another connection's SCIM, too, as either type, but not by an externalId of this one", async () => {
    const other = await service.createConnection({}, connection.project);
    const { member } = await signIn(who);
    await post(user("somebody", { externalId: "e-ann" }), other);
    expect(await memberCount()).toBe(2);
    expect((await post(teamUser("ann", { externalId: "o-ann" }), other)).status).toBe(201);
    expect(await product.member(member.id)).toMatchObject({
      type: "user",
      managedBy: { connectionId: other.connection.id },
    });
  });

  test("who has one's userName is linked before who signed in with one's externalId", async () => {
    const { member } = await signIn(who);
    const { id } = await product.addMember({ userName: "anna", type: "reader" });
    expect((await post(user("anna", { externalId: "e-ann" }))).status).toBe(201);
    expect((await product.memberNamed("anna")).id).toBe(id);
    expect((await product.member(member.id)).managedBy).toBeNull();
    // The connection's users come first.
    expect((await signIn({ subject: "t", externalId: "e-ann" })).member.id).toBe(id);
    expect((await signIn({ subject: "s-ann" })).member.id).toBe(member.id);
    expect((await connection.scim("GET", filtered('externalId eq "e-ann"'))).body.totalResults).toBe(1);
  });

  test("an externalId that SCIM gives a user later is the user's, though somebody signed in with it", async () => {
    await signIn(who);
    const { id } = (await post(user("ben", { externalId: "e-ben" }))).body;
    expect((await connection.scim("PUT", `/Users/${id}`, user("ben", { externalId: "e-ann" }))).status).toBe(
      200,
    );
    expect((await signIn({ subject: "t", externalId: "e-ann" })).member.userName).toBe("ben");
  });

  test("linked, it is known by what SCIM knows it by, and no more by the subject", async () => {
    await signIn(who);
    await post(user("ann", { externalId: "e-scim" }));
    expect((await signIn({ subject: "t", externalId: "e-scim" })).member.userName).toBe("ann");
    expect((await signIn({ subject: "s-ann", externalId: "e-ann", userName: "x" })).created).toBe(true);
  });
});

describe("an admin's decision", () => {
  test.each([
    ["its type, twice", [{ type: "user" }, { type: "reader" }]],
    ["its status, twice", [{ status: "inactive" }, { status: "active" }]],
    ["its type and role", [{ type: "user", role: "reviewer" }, { type: "reader" }]],
  ])("on %s: SCIM takes it over as what it is alone", async (_, patches) => {
    const { member } = await signIn(who);
    for (const patch of patches) {
      expect((await product.admin("PATCH", `/members/${member.id}`, patch)).status).toBe(200);
    }
    for (const names of [user("ann", asTeam), user("anna", { externalId: "e-ann", ...asTeam })]) {
      const refused = await post(names);
      expectScimError(refused, 409, "uniqueness");
      expect(refused.body.detail).toMatch(/^User already available in the project/);
    }
    // Who it is, nobody has decided anew.
    expect((await signIn({ subject: "s-ann", userName: "anna" })).member.id).toBe(member.id);
    expect((await post(user("annette", { externalId: "e-ann" }))).status).toBe(201);
    expect((await product.memberNamed("annette")).id).toBe(member.id);
  });

  test("on its role, as a user", async () => {
    const { member } = await signIn(who);
    await product.admin("PATCH", `/members/${member.id}`, { type: "user", role: "admin" });
    expectScimError(await post(user("ann")), 409, "uniqueness");
    expect((await post(teamUser("ann"))).status).toBe(201);
    expect(await product.member(member.id)).toMatchObject({ role: "admin" });
  });

  test("on its names and access leaves its type open", async () => {
    const { member } = await signIn(who);
    const patch = { userName: "annie", displayName: "A", access: "write", type: "reader" };
    expect((await product.admin("PATCH", `/members/${member.id}`, patch)).status).toBe(200);
    expect((await post(teamUser("annie"))).status).toBe(201);
    expect(await product.member(member.id)).toMatchObject({ type: "user", access: "write" });
  });
});

describe("what is gone leads nobody astray", () => {
  test("a deleted connection's members stay, unmanaged; its sign-ins are 404", async () => {
    const { member } = await signIn(who);
    await product.admin("DELETE", `/connections/${connection.connection.id}`);
    expectProblem(await ask(who), 404, "not_found");
    expect(await product.member(member.id)).toEqual({ ...member, groups: [] });
    const other = await service.createConnection({ jit: true }, connection.project);
    expect((await signIn(who, other)).member.id).toBe(member.id);
    expect(await signIn({ ...who, userName: "x", email: "" }, other)).toMatchObject({ created: true });
    expect(await checkTable(service.table)).toEqual([]);
  });

  test("a project that is deleted leaves nothing behind", async () => {
    const { member } = await signIn(who);
    await signIn({ subject: "t" });
    await product.admin("PATCH", `/members/${member.id}`, { userName: "anna" });
    await product.admin("DELETE", `/connections/${connection.connection.id}`);
    expect((await product.admin("DELETE", "")).status).toBe(204);
    const { client, tableName } = service.table;
    const left = (await scanTable(client, tableName)).filter(({ pk, sk }) =>
      `${pk!.S} ${sk!.S}`.includes(connection.project.id),
    );
    expect(left).toEqual([]);
  });
});

describe("requests that are not valid", () => {
  test.each([
    ["subject", {}],
    ["subject", { subject: "" }],
    ["subject", { subject: null }],
    ["subject", { subject: "x".repeat(901) }],
    ["subject", { subject: "漢".repeat(301) }],
    ["externalId", { subject: "s", externalId: "漢".repeat(301) }],
    ["userName", { subject: "s", userName: "漢".repeat(301) }],
    ["email", { subject: "s", email: "漢".repeat(301) }],
    ["email", { subject: "s", email: ["a@x.example"] }],
    ["displayName", { subject: "s", displayName: 1 }],
    ["groups", { subject: "s", groups: [] }],
  ])("a wrong %s: 400 validation_failed with its path", async (path, body) => {
    const refused = await ask(body);
    expectProblem(refused, 400, "validation_failed");
    expect(refused.body.errors.map((error: { path: string }) => error.path)).toContain(path);
    expect(await memberCount()).toBe(0);
  });

  test("unknown connections and projects: 404 not_found", async () => {
    const { project, connection: own } = await service.createConnection({ jit: true });
    for (const path of [
      `/projects/${connection.project.id}/connections/${own.id}/sign-ins`,
      `/projects/${project.id}/connections/nonsense/sign-ins`,
      `/projects/${project.id}/connections/${project.id}00000000/sign-ins`,
      `/projects/nonsense/connections/${own.id}/sign-ins`,
    ]) {
      expectProblem(await service.admin("POST", path, who), 404, "not_found");
    }
  });
});
