import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestConnection, TestService } from "../support/service.ts";
import { startCheckedService } from "./checked-service.ts";
import { expectProblem, type Product, productOf } from "./product.ts";
import { asTeam, user, workEmail } from "./scim-messages.ts";

/**
 * 220 members, number n among them:
 * n < 120 provisioned by `first`, n < 160 by `second`, whose SCIM is disabled afterwards, the rest made by hand.
 * Every fourth is a user, every fifth inactive; the last 10 by hand are deleted.
 */
const memberCount = 220;
const liveCount = 210;

let service: TestService;
let product: Product;
let first: TestConnection;
let second: TestConnection;
beforeAll(async () => {
  service = await startCheckedService({ sleep: async () => {} });
  const project = await service.createProject();
  product = productOf(service, project);
  first = await service.createConnection({}, project);
  second = await service.createConnection({}, project);
  for (let start = 0; start < memberCount; start += 5) {
    await Promise.all(Array.from({ length: 5 }, (_, index) => make(start + index)));
  }
  await product.admin("PATCH", `/connections/${second.connection.id}`, { scimEnabled: false });
});
afterAll(() => service.stop());

const userNameOf = (number: number) =>
  `${number % 2 === 0 ? "Even" : "odd"}-${String(number).padStart(3, "0")}`;
const isUser = (number: number) => number % 4 === 0;
const isInactive = (number: number) => number % 5 === 0;
const isDeleted = (number: number) => number >= liveCount;

async function make(number: number): Promise<void> {
  const email = `Mail-${number}@x.example`;
  if (number < 160) {
    const connection = number < 120 ? first : second;
    const fields = { active: !isInactive(number), ...(isUser(number) && asTeam), ...workEmail(email) };
    await connection.scim("POST", "/Users", user(userNameOf(number), fields));
    return;
  }
  const type = isUser(number) ? "user" : "reader";
  const { id } = await product.addMember({ userName: userNameOf(number), email, type });
  if (isDeleted(number)) await product.admin("DELETE", `/members/${id}`);
  else if (isInactive(number)) await product.admin("PATCH", `/members/${id}`, { status: "inactive" });
}

interface Listed {
  readonly id: string;
  readonly userName: string;
}

/** All pages; each but the last has exactly `limit` items, or none of them if the walk gave up early. */
async function walk(path: string, query: string, limit: number): Promise<Listed[]> {
  const items: Listed[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < 300; page++) {
    const more = cursor === undefined ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const { status, body } = await product.admin("GET", `${path}?limit=${limit}${query}${more}`);
    expect(status).toBe(200);
    items.push(...body.items);
    expect(body.items.length).toBeLessThanOrEqual(limit);
    if (body.nextCursor === undefined) return items;
    expect(body.items).toHaveLength(limit);
    cursor = body.nextCursor;
  }
  throw new Error("the list has no end");
}
const namesOf = (members: readonly Listed[]) => members.map(({ userName }) => userName).sort();
const expected = (wanted: (number: number) => boolean) =>
  Array.from({ length: memberCount }, (_, number) => number)
    .filter(wanted)
    .map(userNameOf)
    .sort();

describe("limit and cursor", () => {
  test.each([1_000, 200, 70, 19])("all members, %i a page, each once", async (limit) => {
    const members = await walk("/members", "", Math.min(limit, 200));
    expect(namesOf(members)).toEqual(expected((number) => !isDeleted(number)));
    expect(new Set(members.map(({ id }) => id)).size).toBe(liveCount);
  });

  test("limit defaults to 50; nextCursor is absent on the last page", async () => {
    const { body } = await product.admin("GET", "/members");
    expect(body.items).toHaveLength(50);
    expect(body.nextCursor).toEqual(expect.any(String));
    expect((await product.admin("GET", "/members?type=user&limit=200")).body).not.toHaveProperty(
      "nextCursor",
    );
  });

  test("a page that is exactly full and the last has no nextCursor", async () => {
    const { body } = await product.admin("GET", "/members?status=deleted&limit=10");
    expect(body.items).toHaveLength(10);
    expect(body).not.toHaveProperty("nextCursor");
  });

  test.each(["0", "201", "-1", "x", "1.5", ""])(
    "limit %j: 400 validation_failed with its path",
    async (limit) => {
      for (const path of ["/members", "/connections"]) {
        const refused = await product.admin("GET", `${path}?limit=${limit}`);
        expectProblem(refused, 400, "validation_failed");
        expect(refused.body.errors[0].path).toBe("limit");
      }
    },
  );

  test.each(["junk", "MXh4", "MQ", "%00", "1", "bnVsbA", "x".repeat(3_000)])(
    "a junk cursor: 400 validation_failed with its path: %s",
    async (cursor) => {
      const paths = [
        "/members?",
        "/members?q=even&",
        `/members?connectionId=${first.connection.id}&`,
        "/connections?",
      ];
      for (const path of paths) {
        const refused = await product.admin("GET", `${path}cursor=${cursor}`);
        expectProblem(refused, 400, "validation_failed");
        expect(refused.body.errors[0].path).toBe("cursor");
      }
      expectProblem(await service.admin("GET", `/projects?cursor=${cursor}`), 400, "validation_failed");
    },
  );

  // Defect: BETWEEN with its bounds turned round is a ValidationException of DynamoDB, answered 500.
  test("a cursor of another prefix: 400, or what is behind it; never a 5xx", async () => {
    const { nextCursor } = (await product.admin("GET", "/members?q=odd&limit=1")).body;
    const { status } = await product.admin("GET", `/members?q=even&cursor=${nextCursor}`);
    expect(status).toBeLessThan(500);
  });

  test("pages go on where they ended, though members come and go", async () => {
    const query = "&status=active&managed=false";
    const start = (await product.admin("GET", `/members?limit=5${query}`)).body;
    const added = await product.addMember({ userName: "came-later", type: "reader" });
    const rest = `&cursor=${start.nextCursor}`;
    const members = [...start.items, ...(await walk("/members", query + rest, 200))];
    expect(new Set(members.map(({ id }: Listed) => id)).size).toBe(members.length);
    expect(members.map(({ id }: Listed) => id)).toContain(added.id);
    // Not to be met by the other tests, not even among the deleted: a project forgets nobody.
    await product.admin("PATCH", `/members/${added.id}`, { userName: "Even-came-later" });
    await product.admin("DELETE", `/members/${added.id}`);
  });

  test("connections page as well", async () => {
    const own = productOf(service, await service.createProject());
    for (const name of ["A", "B", "C"]) await own.admin("POST", "/connections", { name });
    const met: string[] = [];
    let query = "?limit=2";
    for (;;) {
      const { body } = await own.admin("GET", `/connections${query}`);
      met.push(...body.items.map(({ name }: { name: string }) => name));
      if (body.nextCursor === undefined) break;
      query = `?limit=2&cursor=${body.nextCursor}`;
    }
    expect(met.sort()).toEqual(["A", "B", "C"]);
  });

  test("projects page as well, oldest first", async () => {
    const made: string[] = [];
    for (let number = 0; number < 5; number++) made.push((await service.createProject()).id);
    const met: string[] = [];
    let query = "?limit=2";
    for (;;) {
      const { body } = await service.admin("GET", `/projects${query}`);
      met.push(...body.items.map(({ id }: { id: string }) => id));
      if (body.nextCursor === undefined) break;
      query = `?limit=2&cursor=${body.nextCursor}`;
    }
    expect(new Set(met).size).toBe(met.length);
    expect(met).toEqual(expect.arrayContaining([...made, product.project.id]));
    expect(met).toEqual([...met].sort());
  });
});

describe("filters", () => {
  const wasAdded = (member: Listed) => member.userName === "Even-came-later";
  test.each<[string, string, (number: number) => boolean]>([
    ["type=user", "&type=user", (n) => isUser(n) && !isDeleted(n)],
    ["type=reader", "&type=reader", (n) => !isUser(n) && !isDeleted(n)],
    ["status=active", "&status=active", (n) => !isInactive(n) && !isDeleted(n)],
    ["status=inactive", "&status=inactive", (n) => isInactive(n) && !isDeleted(n)],
    ["status=deleted", "&status=deleted", isDeleted],
    ["managed=true: SCIM of the connection enabled", "&managed=true", (n) => n < 120],
    ["managed=false: by hand, or SCIM disabled", "&managed=false", (n) => n >= 120 && !isDeleted(n)],
    ["type and status", "&type=user&status=inactive", (n) => isUser(n) && isInactive(n) && !isDeleted(n)],
    [
      "type, status and managed",
      "&type=reader&status=active&managed=true",
      (n) => n < 120 && !isUser(n) && !isInactive(n),
    ],
    ["deleted users", "&status=deleted&type=user", (n) => isDeleted(n) && isUser(n)],
    ["no one", "&status=deleted&managed=true", () => false],
  ])("%s", async (_, query, wanted) => {
    const names = namesOf((await walk("/members", query, 30)).filter((member) => !wasAdded(member)));
    expect(names).toEqual(expected(wanted));
  });

  test("connectionId: its users, whether its SCIM is enabled or not", async () => {
    const of = async (connection: TestConnection, more = "") =>
      namesOf(await walk("/members", `&connectionId=${connection.connection.id}${more}`, 30));
    expect(await of(first)).toEqual(expected((n) => n < 120));
    expect(await of(second)).toEqual(expected((n) => n >= 120 && n < 160));
    expect(await of(second, "&managed=true")).toEqual([]);
    expect(await of(first, "&type=user&status=inactive")).toEqual(
      expected((n) => n < 120 && isUser(n) && isInactive(n)),
    );
    expect(await of(first, "&q=even-00")).toEqual(expected((n) => n < 10 && n % 2 === 0));
  });

  test("connectionId of another project, or of none: no one", async () => {
    const other = await service.createConnection();
    await other.scim("POST", "/Users", user("elsewhere"));
    for (const id of [other.connection.id, "nonsense", "x".repeat(3_000)]) {
      expect((await product.admin("GET", `/members?connectionId=${id}`)).body).toEqual({ items: [] });
    }
  });

  test.each(["type=admin", "status=gone", "managed=yes", "managed=1", "type="])(
    "%s: 400 validation_failed with its path",
    async (query) => {
      const refused = await product.admin("GET", `/members?${query}`);
      expectProblem(refused, 400, "validation_failed");
      expect(refused.body.errors[0].path).toBe(query.split("=")[0]);
    },
  );

  test("parameters it does not know are ignored", async () => {
    expect((await product.admin("GET", "/members?foo=bar&limit=1")).body.items).toHaveLength(1);
  });
});

describe("q", () => {
  test.each<[string, string, (number: number) => boolean]>([
    ["a prefix of userName, in any case", "eVEN-0", (n) => n % 2 === 0 && n < 100],
    ["of email", "mail-12", (n) => n === 12 || (n >= 120 && n < 130)],
    ["a whole one", "odd-007", (n) => n === 7],
    ["no prefix but the middle", "ven-0", () => false],
    ["everyone's email", "MAIL-", (n) => !isDeleted(n)],
  ])("%s", async (_, q, wanted) => {
    const names = expected(wanted);
    for (const limit of [200, Math.ceil((names.length + 1) / 4)]) {
      expect(namesOf(await walk("/members", `&q=${q}`, limit))).toEqual(names);
    }
  });

  test("with status=deleted: among the deleted", async () => {
    const names = namesOf(await walk("/members", "&q=odd&status=deleted", 2));
    expect(names).toEqual(expected((n) => isDeleted(n) && n % 2 === 1));
  });

  test("empty: everyone", async () => {
    expect(await walk("/members", "&q=", 200)).toHaveLength(liveCount);
  });

  test("sorted by userName", async () => {
    const members = await walk("/members", "&q=odd-1", 200);
    expect(members.map(({ userName }) => userName)).toEqual(namesOf(members));
  });

  test("one whose userName and email both match is listed once", async () => {
    const own = productOf(service, await service.createProject());
    await own.addMember({ userName: "both@x.example", email: "both@x.example", type: "reader" });
    await own.addMember({ userName: "z", email: "both-2@x.example", type: "reader" });
    const pages = [];
    let cursor = "";
    for (;;) {
      const { body } = await own.admin("GET", `/members?q=both&limit=1${cursor}`);
      pages.push(...body.items.map(({ userName }: Listed) => userName));
      if (body.nextCursor === undefined) break;
      cursor = `&cursor=${body.nextCursor}`;
    }
    expect(pages).toEqual(["both@x.example", "z"]);
  });

  test("blanks, wildcards and letters of any script are themselves", async () => {
    const own = productOf(service, await service.createProject());
    for (const userName of ["Zoë Müller", "a*b", "a%b", "漢字", "ŻÓŁW"])
      await own.addMember({ userName, type: "reader" });
    for (const [q, userName] of [
      ["ZOË M", "Zoë Müller"],
      ["a*", "a*b"],
      ["a%", "a%b"],
      ["漢", "漢字"],
      ["żó", "ŻÓŁW"],
    ] as const) {
      const { items } = (await own.admin("GET", `/members?q=${encodeURIComponent(q)}`)).body;
      expect(items.map((member: Listed) => member.userName)).toEqual([userName]);
    }
  });

  // Defect: the range ends at U+FFFF, and DynamoDB sorts by UTF-8 bytes, in which anything beyond comes later.
  test("a name that goes on with an emoji", async () => {
    const own = productOf(service, await service.createProject());
    await own.addMember({ userName: "zoe😀", type: "reader" });
    expect((await own.admin("GET", "/members?q=zoe")).body.items).toHaveLength(1);
  });
});

describe("names in the order of keys", () => {
  test("paging by q passes nobody by, wherever UTF-16 and UTF-8 disagree on the order", async () => {
    const other = productOf(service, await service.createProject());
    const names = ["a\ufe0f1", "a\ufe0f2", "a\u{1f600}1", "a\u{1f600}2", "a", "a\u{10ffff}"];
    for (const userName of names) {
      await other.addMember({ userName, type: "reader" });
    }
    const seen: string[] = [];
    let cursor = "";
    do {
      const { body } = await other.admin("GET", `/members?q=a&limit=1${cursor && `&cursor=${cursor}`}`);
      seen.push(...body.items.map((member: { userName: string }) => member.userName));
      cursor = body.nextCursor ?? "";
    } while (cursor !== "");
    expect(seen.sort()).toEqual([...names].sort());
  });

  test("status=deleted with q finds every deleted member of one name", async () => {
    const other = productOf(service, await service.createProject());
    for (let round = 0; round < 2; round++) {
      const { id } = await other.addMember({ userName: "twice@x.example", type: "reader" });
      await other.admin("DELETE", `/members/${id}`);
    }
    const { body } = await other.admin("GET", "/members?status=deleted&q=TWICE");
    expect(body.items).toHaveLength(2);
  });

  test("a connection of another project is no way into this one: an empty list, without a cursor", async () => {
    const other = productOf(service, await service.createProject());
    const { body } = await other.admin("GET", `/members?connectionId=${first.connection.id}&limit=1`);
    expect(body).toEqual({ items: [] });
  });
});
