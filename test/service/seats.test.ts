import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { ServiceResponse, TestConnection, TestService } from "../support/service.ts";
import { startCheckedService } from "./checked-service.ts";
import { expectProblem, expectScimError, type Product, productOf } from "./product.ts";
import { activation, asTeam, conversion, patch, teamUser, urns, user } from "./scim-messages.ts";

let service: TestService;
let connection: TestConnection;
let product: Product;
beforeAll(async () => {
  service = await startCheckedService();
});
/** One seat of each kind, all taken by people made by hand: `holder-users`, `holder-reviewers`, `holder-readers`. */
let holders: Readonly<Record<string, { readonly id: string }>>;
beforeEach(async () => {
  connection = await service.createConnection();
  product = productOf(service, connection.project);
  holders = {
    users: await product.addMember({ userName: "holder-users", type: "user" }),
    reviewers: await product.addMember({ userName: "holder-reviewers", type: "user", role: "reviewer" }),
    readers: await product.addMember({ userName: "holder-readers", type: "reader" }),
  };
});
afterAll(() => service.stop());

const full = { users: 1, reviewers: 1, readers: 1 };
const close = () => product.setQuotas(full);
/** A seat of this kind becomes free. */
const free = (kind: string) => product.admin("DELETE", `/members/${holders[kind]!.id}`);

const scim = (method: string, path: string, request: { readonly body: unknown }) =>
  connection.scim(method, path, request);
const createUser = async (request: { readonly body: unknown }) =>
  (await scim("POST", "/Users", request)).body;

interface Door {
  readonly name: string;
  readonly kind: "users" | "reviewers" | "readers";
  /** Runs while seats are unlimited; returns what asks for the seat. */
  readonly prepare: () => Promise<() => Promise<ServiceResponse>>;
}

const reviewerUser = async (userName: string) => {
  const { id } = await createUser(teamUser(userName));
  await product.admin("PATCH", `/members/${id}`, { role: "reviewer" });
  return id as string;
};

/** Possible only while SCIM is off; the identity provider does not hear of it. */
async function deleteInProduct(id: string): Promise<void> {
  const path = `/connections/${connection.connection.id}`;
  await product.admin("PATCH", path, { scimEnabled: false });
  expect((await product.admin("DELETE", `/members/${id}`)).status).toBe(204);
  await product.admin("PATCH", path, { scimEnabled: true });
}

const providerDoors: readonly Door[] = [
  { name: "create a user", kind: "users", prepare: async () => () => scim("POST", "/Users", teamUser("x")) },
  { name: "create a reader", kind: "readers", prepare: async () => () => scim("POST", "/Users", user("x")) },
  {
    name: "reactivate a user",
    kind: "users",
    prepare: async () => {
      const { id } = await createUser(teamUser("x", { active: false }));
      return () => scim("PATCH", `/Users/${id}`, activation(true));
    },
  },
  {
    name: "reactivate a reviewer",
    kind: "reviewers",
    prepare: async () => {
      const id = await reviewerUser("x");
      await scim("PATCH", `/Users/${id}`, activation(false));
      return () => scim("PATCH", `/Users/${id}`, activation(true));
    },
  },
  {
    name: "reactivate by PUT",
    kind: "readers",
    prepare: async () => {
      const { id } = await createUser(user("x", { active: false }));
      return () => scim("PUT", `/Users/${id}`, user("x", { active: true }));
    },
  },
  {
    name: "reactivate by removing active",
    kind: "readers",
    prepare: async () => {
      const { id } = await createUser(user("x", { active: false }));
      return () => scim("PATCH", `/Users/${id}`, patch({ op: "remove", path: "active" }));
    },
  },
  {
    name: "convert a reader to a user",
    kind: "users",
    prepare: async () => {
      const { id } = await createUser(user("x"));
      return () => scim("PATCH", `/Users/${id}`, conversion(true));
    },
  },
  {
    name: "convert a user to a reader",
    kind: "readers",
    prepare: async () => {
      const { id } = await createUser(teamUser("x"));
      return () => scim("PATCH", `/Users/${id}`, conversion(false));
    },
  },
  {
    name: "convert a reviewer to a reader by PUT",
    kind: "readers",
    prepare: async () => {
      const id = await reviewerUser("x");
      return () => scim("PUT", `/Users/${id}`, user("x", { [urns.account]: { isTeamAccount: false } }));
    },
  },
  {
    name: "link an inactive member",
    kind: "readers",
    prepare: async () => {
      const { id } = await product.addMember({ userName: "x", type: "reader" });
      await product.admin("PATCH", `/members/${id}`, { status: "inactive" });
      return () => scim("POST", "/Users", user("x"));
    },
  },
  {
    name: "create again after a DELETE",
    kind: "users",
    prepare: async () => {
      const { id } = await createUser(teamUser("x"));
      await connection.scim("DELETE", `/Users/${id}`);
      return () => scim("POST", "/Users", teamUser("x"));
    },
  },
  {
    name: "create again after a DELETE, as the other type",
    kind: "readers",
    prepare: async () => {
      const { id } = await createUser(teamUser("x"));
      await connection.scim("DELETE", `/Users/${id}`);
      return () => scim("POST", "/Users", user("x"));
    },
  },
  {
    name: "create again after a DELETE, a reviewer as before",
    kind: "reviewers",
    prepare: async () => {
      await connection.scim("DELETE", `/Users/${await reviewerUser("x")}`);
      return () => scim("POST", "/Users", teamUser("x"));
    },
  },
  {
    name: "link an inactive reviewer made by hand",
    kind: "reviewers",
    prepare: async () => {
      const { id } = await product.addMember({ userName: "x", type: "user", role: "reviewer" });
      await product.admin("PATCH", `/members/${id}`, { status: "inactive" });
      return () => scim("POST", "/Users", teamUser("x"));
    },
  },
  {
    name: "take over an inactive user of a connection with SCIM off",
    kind: "users",
    prepare: async () => {
      const other = await service.createConnection({}, connection.project);
      await other.scim("POST", "/Users", teamUser("x", { active: false }));
      await product.admin("PATCH", `/connections/${other.connection.id}`, { scimEnabled: false });
      return () => scim("POST", "/Users", teamUser("x"));
    },
  },
  {
    name: "restore a member deleted in the product, by PUT",
    kind: "readers",
    prepare: async () => {
      const { id } = await createUser(user("x"));
      await deleteInProduct(id);
      return () => scim("PUT", `/Users/${id}`, user("x"));
    },
  },
  {
    name: "restore a member deleted in the product, by an activating PATCH, a reviewer as before",
    kind: "reviewers",
    prepare: async () => {
      const id = await reviewerUser("x");
      await deleteInProduct(id);
      return () => scim("PATCH", `/Users/${id}`, activation(true));
    },
  },
  {
    name: "restore a member deleted in the product as the other type",
    kind: "users",
    prepare: async () => {
      const { id } = await createUser(user("x"));
      await deleteInProduct(id);
      return () => scim("PUT", `/Users/${id}`, teamUser("x"));
    },
  },
];

const productDoors: readonly Door[] = [
  {
    name: "create a user by hand",
    kind: "users",
    prepare: async () => () => product.admin("POST", "/members", { userName: "x", type: "user" }),
  },
  {
    name: "create a reviewer by hand",
    kind: "reviewers",
    prepare: async () => () =>
      product.admin("POST", "/members", { userName: "x", type: "user", role: "reviewer" }),
  },
  {
    name: "create a reader by hand",
    kind: "readers",
    prepare: async () => () => product.admin("POST", "/members", { userName: "x", type: "reader" }),
  },
  {
    name: "reactivate by hand",
    kind: "readers",
    prepare: async () => {
      const { id } = await product.addMember({ userName: "x", type: "reader" });
      await product.admin("PATCH", `/members/${id}`, { status: "inactive" });
      return () => product.admin("PATCH", `/members/${id}`, { status: "active" });
    },
  },
  {
    name: "change the type by hand",
    kind: "users",
    prepare: async () => {
      const { id } = await product.addMember({ userName: "x", type: "reader" });
      return () => product.admin("PATCH", `/members/${id}`, { type: "user" });
    },
  },
  {
    name: "role to reviewer, of a managed user",
    kind: "reviewers",
    prepare: async () => {
      const { id } = await createUser(teamUser("x"));
      return () => product.admin("PATCH", `/members/${id}`, { role: "reviewer" });
    },
  },
  {
    name: "role from reviewer to contributor",
    kind: "users",
    prepare: async () => {
      const id = await reviewerUser("x");
      return () => product.admin("PATCH", `/members/${id}`, { role: "contributor" });
    },
  },
];

/** Everything of the project a refusal must leave as it was. */
async function whole() {
  const all = ["", "?status=deleted"].map((query) => product.admin("GET", `/members${query}`));
  const users = await connection.scim("GET", "/Users");
  return { members: (await Promise.all(all)).map(({ body }) => body.items), users: users.body };
}

describe.each(providerDoors)("$name, no seat of $kind free", ({ kind, prepare }) => {
  test("403 naming the quota and its limit, nothing changed; done once a seat is free", async () => {
    const ask = await prepare();
    const used = await product.usage();
    await product.setQuotas({ ...used, [kind]: 1 });
    const before = await whole();
    const refused = await ask();
    expectScimError(refused, 403);
    expect(refused.body.detail).toContain(`"${kind}"`);
    expect(refused.body.detail).toMatch(/\b1\b/);
    expect(await whole()).toEqual(before);
    expect(await product.usage()).toEqual(used);

    await free(kind);
    expect((await ask()).status).toBeLessThan(300);
    expect((await product.usage())[kind]).toBe(1);
  });
});

describe.each(productDoors)("$name, no seat of $kind free", ({ kind, prepare }) => {
  test("409 quota_exceeded, nothing changed; done once a seat is free", async () => {
    const ask = await prepare();
    const used = await product.usage();
    await product.setQuotas({ ...used, [kind]: 1 });
    const before = await whole();
    expectProblem(await ask(), 409, "quota_exceeded");
    expect(await whole()).toEqual(before);
    expect(await product.usage()).toEqual(used);

    await free(kind);
    expect((await ask()).status).toBeLessThan(300);
    expect((await product.usage())[kind]).toBe(1);
  });
});

describe("what needs no seat is done though none is free", () => {
  test("creating inactive, deactivating, renaming, deleting, changing the access", async () => {
    const { id } = await createUser(user("renamed"));
    await product.setQuotas({ users: 0, reviewers: 0, readers: 0 });
    expect((await scim("POST", "/Users", user("idle", { active: false }))).status).toBe(201);
    expect((await scim("POST", "/Users", teamUser("idle-2", { active: "False" }))).status).toBe(201);
    expect((await scim("PUT", `/Users/${id}`, user("renamed-2", { title: "T" }))).status).toBe(200);
    expect((await product.admin("PATCH", `/members/${id}`, { access: "read" })).status).toBe(200);
    expect((await scim("PATCH", `/Users/${id}`, activation(false))).status).toBe(200);
    expect((await connection.scim("DELETE", `/Users/${id}`)).status).toBe(204);
  });

  test("linking an active member of the same type", async () => {
    await close();
    expect((await scim("POST", "/Users", user("holder-readers"))).status).toBe(201);
    expect((await scim("POST", "/Users", teamUser("holder-reviewers"))).status).toBe(201);
    expect(await product.usage()).toEqual(full);
  });

  test("converting an inactive user", async () => {
    const { id } = await createUser(user("sleeper", { active: false }));
    await close();
    expect((await scim("PATCH", `/Users/${id}`, conversion(true))).status).toBe(200);
  });
});

describe("quotas", () => {
  test("null is unlimited; 0 admits no one", async () => {
    await product.setQuotas({ users: 0, readers: null });
    expectScimError(await scim("POST", "/Users", teamUser("x")), 403);
    for (const userName of ["a", "b", "c"])
      expect((await scim("POST", "/Users", user(userName))).status).toBe(201);
  });

  test("lowering a quota below its usage evicts no one; it refuses new seats until usage falls", async () => {
    const readers = [];
    for (const userName of ["a", "b", "c", "d"]) readers.push((await createUser(user(userName))).id);
    await product.setQuotas({ readers: 2 });
    expect((await product.usage()).readers).toBe(5);
    const statuses = [];
    for (const id of readers) {
      const refused = await scim("POST", "/Users", user("x"));
      expectScimError(refused, 403);
      expect(refused.body.detail).toContain("2");
      await connection.scim("DELETE", `/Users/${id}`);
      statuses.push((await product.usage()).readers);
    }
    expect(statuses).toEqual([4, 3, 2, 1]);
    expect((await scim("POST", "/Users", user("x"))).status).toBe(201);
    expectScimError(await scim("POST", "/Users", user("y")), 403);
  });

  test("raising a quota admits exactly as many more", async () => {
    await close();
    await product.setQuotas({ readers: 11 });
    for (let number = 0; number < 10; number++) {
      expect((await scim("POST", "/Users", user(`more-${number}`))).status).toBe(201);
    }
    expectScimError(await scim("POST", "/Users", user("one-too-many")), 403);
    expect((await product.usage()).readers).toBe(11);
  });

  // Through all doors at once, at thirtyfold concurrency: test/invariants/storm.test.ts.
  test("never one seat over, whatever runs at once", async () => {
    await product.setQuotas({ readers: 4 });
    const statuses = await Promise.all(
      Array.from(
        { length: 10 },
        async (_, index) => (await scim("POST", "/Users", user(`race-${index}`))).status,
      ),
    );
    expect(statuses.filter((status) => status === 201)).toHaveLength(3);
    expect(statuses.filter((status) => status === 403)).toHaveLength(7);
    expect((await product.usage()).readers).toBe(4);
  });

  test("a new user is counted under users; made reviewer by an admin, under reviewers", async () => {
    const { id } = await createUser(teamUser("counted", asTeam));
    expect(await product.usage()).toMatchObject({ users: 2, reviewers: 1 });
    await product.admin("PATCH", `/members/${id}`, { role: "reviewer" });
    expect(await product.usage()).toMatchObject({ users: 1, reviewers: 2 });
  });
});
