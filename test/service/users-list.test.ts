import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestConnection, TestService } from "../support/service.ts";
import { startCheckedService } from "./checked-service.ts";
import { expectScimError, productOf } from "./product.ts";
import { activation, asTeam, filtered, urns, user } from "./scim-messages.ts";

const userCount = 250;

let service: TestService;
let connection: TestConnection;
/** Ids in the order of lists. */
let ids: readonly string[];
beforeAll(async () => {
  service = await startCheckedService({ sleep: async () => {} });
  connection = await service.createConnection();
  const numbers = Array.from({ length: userCount }, (_, index) => index);
  // A few at a time: more only meet each other.
  for (let start = 0; start < userCount; start += 5) {
    await Promise.all(
      numbers.slice(start, start + 5).map((index) => connection.scim("POST", "/Users", numbered(index))),
    );
  }
  ids = await idsOf("/Users?count=500");
});
afterAll(() => service.stop());

/** Every fifth is inactive, every tenth a team account; externalIds fall while userNames rise. */
function numbered(index: number) {
  const number = String(index).padStart(3, "0");
  return user(`User-${number}@x.example`, {
    externalId: `e-${String(userCount - index).padStart(3, "0")}`,
    displayName: index % 2 === 0 ? "Even" : "odd",
    active: index % 5 !== 0,
    emails: [
      { value: `Work-${number}@mail.example`, type: "work", primary: true },
      { value: `home-${number}@mail.example`, type: "home" },
    ],
    ...(index % 3 === 0 && { title: `T${index % 9}` }),
    ...(index % 10 === 0 && asTeam),
  });
}

const list = async (path: string) => {
  const { status, body } = await connection.scim("GET", path);
  expect([path, status]).toEqual([path, 200]);
  return body;
};
const idsOf = async (path: string): Promise<string[]> =>
  (await list(path)).Resources.map(({ id }: { id: string }) => id);
const namesOf = async (path: string): Promise<string[]> =>
  (await list(path)).Resources.map(({ userName }: { userName: string }) => userName);

describe("a page by index", () => {
  test("[74] page size: default 100", async () => {
    expect(await list("/Users")).toMatchObject({
      schemas: [urns.listResponse],
      totalResults: userCount,
      startIndex: 1,
      itemsPerPage: 100,
    });
  });

  test("[78] page size: at most 500", async () => {
    expect((await list("/Users?count=501")).itemsPerPage).toBe(userCount);
  });

  test.each([
    [1, 5],
    [6, 5],
    [101, 100],
    [201, 100],
    [250, 1],
    [246, 10],
  ])("[76, 78, 79] startIndex %i, count %i", async (startIndex, count) => {
    const body = await list(`/Users?startIndex=${startIndex}&count=${count}`);
    const expected = ids.slice(startIndex - 1, startIndex - 1 + count);
    expect(body).toMatchObject({ totalResults: userCount, startIndex, itemsPerPage: expected.length });
    expect(body.Resources.map(({ id }: { id: string }) => id)).toEqual(expected);
  });

  test("walking all pages meets everyone once (Okta import)", async () => {
    const met: string[] = [];
    for (let startIndex = 1; startIndex <= userCount; startIndex += 100) {
      met.push(...(await idsOf(`/Users?startIndex=${startIndex}&count=100`)));
    }
    expect(met).toEqual(ids);
    expect(new Set(met).size).toBe(userCount);
  });

  test("a stable order, by age", async () => {
    const { Resources } = await list("/Users?count=500&attributes=meta.created,id");
    const created = Resources.map(({ meta }: { meta: { created: string } }) => Date.parse(meta.created));
    // Numbers rise with time but for creates that ran at the same moment.
    expect(created[200] - created[0]).toBeGreaterThan(0);
    expect(await idsOf("/Users?count=500")).toEqual(ids);
  });

  test.each(["0", "-1", "-99999999999999999999"])(
    "[76] startIndex %s is treated as 1",
    async (startIndex) => {
      const body = await list(`/Users?startIndex=${startIndex}&count=2`);
      expect(body).toMatchObject({ startIndex: 1, itemsPerPage: 2 });
      expect(body.Resources[0].id).toBe(ids[0]);
    },
  );

  test.each(["0", "-1"])("[77] count %s: only totalResults, Resources empty", async (count) => {
    expect(await list(`/Users?count=${count}`)).toMatchObject({
      totalResults: userCount,
      itemsPerPage: 0,
      Resources: [],
    });
  });

  test.each([251, 100_000, 2_147_483_648])(
    "[79] startIndex %i past the end is echoed",
    async (startIndex) => {
      expect(await list(`/Users?startIndex=${startIndex}`)).toMatchObject({
        totalResults: userCount,
        startIndex,
        itemsPerPage: 0,
        Resources: [],
      });
    },
  );

  test.each(["startIndex=x", "count=ten", "count=1.5", "startIndex=", "count=1e2", "sortOrder=sideways"])(
    "[80] %s: 400 invalidValue naming the parameter",
    async (query) => {
      const refused = await connection.scim("GET", `/Users?${query}`);
      expectScimError(refused, 400, "invalidValue");
      expect(refused.body.detail).toContain(query.split("=")[0]);
    },
  );

  test("[79] the index counts matches when there is a filter", async () => {
    const even = filtered('displayName eq "EVEN"', "&startIndex=121&count=10");
    expect(await list(even)).toMatchObject({ totalResults: 125, startIndex: 121, itemsPerPage: 5 });
  });
});

describe("a filter with a key", () => {
  test.each([
    ["[93] userName, in any case", 'userName eq "uSER-007@x.example"'],
    ["externalId", 'externalId eq "e-243"'],
    ["the work email (Entra)", 'emails[type eq "work"].value eq "work-007@MAIL.example"'],
    ["any email value", 'emails.value eq "home-007@mail.example"'],
    ["[31, 86] attribute names and operators in any case", 'USERNAME Eq "user-007@x.example"'],
    ["[32] a URN-qualified name", `${urns.user}:userName eq "user-007@x.example"`],
    ["joined by and", 'externalId eq "e-243" and active eq "True"'],
    ["brackets and a further condition", '(userName eq "user-007@x.example") and not (title pr)'],
  ])("finds the one: %s", async (_, filter) => {
    expect(await namesOf(filtered(filter))).toEqual(["User-007@x.example"]);
  });

  test.each([
    ["nobody", 'userName eq "0b5ab8b6-b2d8-4bd4-9a1b-000000000000"'],
    ["externalId in another case", 'externalId eq "E-243"'],
    ["the home email asked for as work", 'emails[type eq "work"].value eq "home-007@mail.example"'],
    ["the right key, a further condition that fails", 'userName eq "user-007@x.example" and active eq false'],
    ["an id that is none", 'id eq "nonsense"'],
    ["a key longer than any", `userName eq "${"x".repeat(2_000)}"`],
  ])("[75] finds nothing: %s: 200, totalResults 0, Resources empty", async (_, filter) => {
    expect(await list(filtered(filter))).toMatchObject({
      totalResults: 0,
      startIndex: 1,
      itemsPerPage: 0,
      Resources: [],
    });
  });

  test("by id", async () => {
    expect(await idsOf(filtered(`id eq "${ids[3]}"`))).toEqual([ids[3]]);
  });

  test("[85] inactive users are found, and still after they were deactivated", async () => {
    expect(await namesOf(filtered('userName eq "user-010@x.example"'))).toEqual(["User-010@x.example"]);
    const [id] = await idsOf(filtered('userName eq "user-011@x.example"'));
    await connection.scim("PATCH", `/Users/${id}`, activation(false));
    const [found] = (await list(filtered('userName eq "user-011@x.example"'))).Resources;
    expect(found).toMatchObject({ id, active: false });
    await connection.scim("PATCH", `/Users/${id}`, activation(true));
  });
});

describe("a filter without a key", () => {
  test.each([
    ["[95] pr", "title pr", 84],
    ["eq on a boolean", "active eq false", 50],
    ["eq on a boolean string, as Entra writes it", 'active eq "False"', 50],
    ["[96] ne is true for an unassigned attribute", 'title ne "T0"', 222],
    ["sw", 'userName sw "USER-00"', 10],
    ["co", 'userName co "-24"', 10],
    ["ew", 'emails.value ew "9@mail.example"', 25],
    ["gt on strings", 'externalId gt "e-240"', 10],
    ["or", 'title eq "T0" or title eq "T3"', 56],
    [
      "[87] and, not and precedence",
      'not (active eq true) and title pr or userName eq "user-001@x.example"',
      18,
    ],
    ["[100] an extension", `${urns.account}:isTeamAccount eq true`, 25],
    ["[100] meta", 'meta.resourceType eq "User"', userCount],
    ["[100] schemas", `schemas eq "${urns.account}"`, 25],
    ["[89] a value path on one element", 'emails[type eq "home" and value co "-00"]', 10],
    [
      "[90] different elements may match outside brackets",
      'emails.type eq "home" and emails.value sw "work-00"',
      10,
    ],
    ["[97] an attribute no schema has: no value", "nonsense pr", 0],
    ["everyone", "userName pr", userCount],
  ])("%s", async (_, filter, expected) => {
    const { totalResults } = await list(filtered(filter, "&count=0"));
    expect(totalResults).toBe(expected);
  });

  test("[94] by time", async () => {
    const { totalResults } = await list(filtered('meta.created gt "2020-01-01T00:00:00+05:00"', "&count=1"));
    expect(totalResults).toBe(userCount);
  });

  test.each([
    ["", "empty"],
    ["userName", "no operator"],
    ['userName zz "x"', "an unknown operator"],
    ["active gt true", "an order of booleans"],
    ['userName eq "x', "an open string"],
    ['(userName eq "x"', "an open bracket"],
    ["userName eq x", "a bare literal"],
    [`${"(".repeat(10_000)}`, "10,000 brackets"],
    [Array.from({ length: 100 }, () => "title pr").join(" or "), "more than 64 comparisons"],
  ])("[98] 400 invalidFilter, never everyone: %#", async (filter) => {
    const refused = await connection.scim("GET", filtered(filter));
    expectScimError(refused, 400, "invalidFilter");
    expect(refused.body.detail.length).toBeLessThan(400);
  });

  test("[101] a password cannot be probed", async () => {
    expect((await list(filtered("password pr", "&count=1"))).totalResults).toBe(0);
  });
});

describe("sorting", () => {
  const sorted = (values: string[]) => [...values].sort((a, b) => (a < b ? -1 : 1));

  test("[82] by userName, ascending by default, over pages", async () => {
    const all = sorted(await namesOf("/Users?count=500"));
    expect(await namesOf("/Users?sortBy=userName&count=500")).toEqual(all);
    expect(await namesOf("/Users?sortBy=userName&startIndex=101&count=3")).toEqual(all.slice(100, 103));
    const down = await namesOf("/Users?sortBy=USERNAME&sortOrder=Descending&count=500");
    expect(down).toEqual([...all].reverse());
  });

  test("[82] those without a value come last, descending first", async () => {
    const titles = async (order: string) =>
      (await list(`/Users?sortBy=title&sortOrder=${order}&count=500`)).Resources.map(
        ({ title }: { title?: string }) => title ?? "-",
      );
    const up = await titles("ascending");
    expect([up[0], up.at(-1)]).toEqual(["T0", "-"]);
    const down = await titles("descending");
    expect([down[0], down.at(-1)]).toEqual(["-", "T0"]);
  });

  test("[83] by the primary email, and together with a filter", async () => {
    const path = filtered('userName sw "user-01"', "&sortBy=emails.value&sortOrder=descending&count=2");
    expect(await namesOf(path)).toEqual(["User-019@x.example", "User-018@x.example"]);
  });

  test("[83] a complex attribute without sub-attribute: 400 naming it", async () => {
    const refused = await connection.scim("GET", "/Users?sortBy=name");
    expectScimError(refused, 400, "invalidValue");
    expect(refused.body.detail).toContain("name");
  });
});

describe("a list shows", () => {
  test("[61] the projection that was asked for", async () => {
    const { Resources } = await list("/Users?attributes=userName&count=3");
    for (const resource of Resources) {
      expect(Object.keys(resource).sort()).toEqual(["id", "schemas", "userName"]);
    }
    const [rest] = (await list("/Users?excludedAttributes=emails,meta&count=1")).Resources;
    expect(rest).not.toHaveProperty("emails");
    expect(rest).toHaveProperty("displayName");
  });

  test("each user as its own GET shows it", async () => {
    const { Resources } = await list("/Users?startIndex=42&count=3");
    for (const resource of Resources) {
      expect((await connection.scim("GET", `/Users/${resource.id}`)).body).toEqual(resource);
    }
  });

  test("[4] only users of its own connection", async () => {
    const other = await service.createConnection({}, connection.project);
    const stranger = await service.createConnection();
    for (const { scim } of [other, stranger]) {
      for (const path of ["/Users", filtered("userName pr"), filtered('externalId eq "e-243"')]) {
        expect((await scim("GET", path)).body).toMatchObject({ totalResults: 0, Resources: [] });
      }
      const byId = filtered(`id eq "${ids[0]}"`);
      expect((await scim("GET", byId)).body.totalResults).toBe(0);
      const byName = filtered('userName eq "user-007@x.example"');
      expect((await scim("GET", byName)).body.totalResults).toBe(0);
      const byEmail = filtered('emails.value eq "home-007@mail.example"');
      expect((await scim("GET", byEmail)).body.totalResults).toBe(0);
    }
  });

  test("no unmanaged members", async () => {
    await productOf(service, connection.project).addMember({ userName: "by-hand@x.example", type: "reader" });
    expect((await list(filtered('userName eq "by-hand@x.example"'))).totalResults).toBe(0);
    expect((await list("/Users?count=0")).totalResults).toBe(userCount);
  });
});

describe("query strings", () => {
  test("decoded as form data: + is a blank, %2B a plus (OneLogin)", async () => {
    await connection.scim("POST", "/Users", user("a+b@x.example"));
    const find = async (query: string) => (await list(`/Users?${query}`)).totalResults;
    expect(await find("filter=userName+eq+%22User-007@x.example%22&")).toBe(1);
    expect(await find('filter=userName%20eq%20"a%2Bb@x.example"')).toBe(1);
    expect(await find('filter=userName%20eq%20"a+b@x.example"')).toBe(0);
    const [id] = await idsOf(filtered('userName eq "a+b@x.example"'));
    await connection.scim("DELETE", `/Users/${id}`);
  });

  test("[10] unknown parameters are ignored; names are taken in any case", async () => {
    const body = await list("/Users?aadOptscim062020&foo=bar&COUNT=2&startindex=3");
    expect(body).toMatchObject({ startIndex: 3, itemsPerPage: 2 });
  });

  test("escapes of UTF-8, and quotes and backslashes in a literal", async () => {
    const { body } = await connection.scim("POST", "/Users", user('Zoë "Z" \\ Müller'));
    expect(await idsOf(filtered('userName eq "zoë \\"z\\" \\\\ m\\u00fcller"'))).toEqual([body.id]);
    await connection.scim("DELETE", `/Users/${body.id}`);
  });
});

describe("users so large that one answer cannot carry a page of them", () => {
  test("the page ends early, itemsPerPage tells, and the next one goes on there", async () => {
    const own = await service.createConnection();
    const large = 19;
    for (let number = 0; number < large; number++) {
      const title = `${number} ${"x".repeat(230 * 1024)}`;
      expect((await own.scim("POST", "/Users", user(`large-${number}`, { title }))).status).toBe(201);
    }
    for (const more of ["", `&filter=${encodeURIComponent('userName sw "large"')}`]) {
      const met: string[] = [];
      for (let pages = 0; met.length < large; pages++) {
        const { body } = await own.scim("GET", `/Users?attributes=title&startIndex=${met.length + 1}${more}`);
        expect(body.totalResults).toBe(large);
        expect(body.itemsPerPage).toBeGreaterThan(0);
        expect(pages).toBeLessThan(4);
        if (pages === 0) expect(body.itemsPerPage).toBeLessThan(large);
        met.push(...body.Resources.map(({ id }: { id: string }) => id));
      }
      expect(new Set(met).size).toBe(large);
    }
  });
});

describe("large users", () => {
  test("a page ends early rather than outgrow an answer, and itemsPerPage tells where to go on", async () => {
    const large = await service.createConnection();
    const count = 14;
    for (let index = 0; index < count; index++) {
      // Quotes count twice in Lambda's result, and four times where they were escaped already.
      const sent = user(`large-${index}@x.example`, { title: '"'.repeat(120_000) });
      expect((await large.scim("POST", "/Users", sent)).status).toBe(201);
    }
    const seen = new Set<string>();
    let pages = 0;
    for (let startIndex = 1; startIndex <= count; pages++) {
      const { status, body } = await large.scim("GET", `/Users?startIndex=${startIndex}&count=500`);
      expect(status).toBe(200);
      expect(Buffer.byteLength(JSON.stringify(JSON.stringify(body)))).toBeLessThan(6 * 1024 * 1024);
      expect(body).toMatchObject({ totalResults: count, itemsPerPage: body.Resources.length });
      expect(body.itemsPerPage).toBeGreaterThan(0);
      for (const { id } of body.Resources) seen.add(id);
      startIndex += body.itemsPerPage;
    }
    expect(seen.size).toBe(count);
    expect(pages).toBeGreaterThan(1);
  });
});
