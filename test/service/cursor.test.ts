/** Pages by cursor (RFC 9865). */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ScimRequest, ServiceResponse, TestConnection, TestService } from "../support/service.ts";
import { startCheckedService } from "./checked-service.ts";
import { expectScimError } from "./product.ts";
import { user } from "./scim-messages.ts";

const userCount = 25;

let time = Date.parse("2026-03-01T12:00:00Z");
let service: TestService;
let connection: TestConnection;
/** In natural order. */
let ids: readonly string[];
beforeAll(async () => {
  service = await startCheckedService({ clock: () => time, sleep: async () => {} });
  connection = await connectionWith(userCount);
  ids = idsIn(await get("/Users?count=500"));
});
afterAll(() => service.stop());

/** Every second has a title; names fall while the users rise. */
async function connectionWith(count: number): Promise<TestConnection> {
  const made = await service.createConnection();
  for (let index = 0; index < count; index++) await addUser(made, index);
  return made;
}

async function addUser(to: TestConnection, index: number): Promise<string> {
  const fields = index % 2 === 0 ? { title: "Even" } : {};
  const { status, body } = await to.scim("POST", "/Users", user(`user-${500 - index}@x.example`, fields));
  expect(status).toBe(201);
  return body.id;
}

async function get(path: string, from = connection): Promise<ServiceResponse["body"]> {
  const { status, body } = await from.scim("GET", path);
  expect([path, status, body.detail]).toEqual([path, 200, undefined]);
  return body;
}
const idsIn = (page: { Resources: { id: string }[] }): string[] => page.Resources.map(({ id }) => id);

/** All pages of a query, of whose path the cursor is still missing. */
async function walk(path: string, between?: (page: number) => Promise<void>, from = connection) {
  const pages = [];
  for (let cursor: string | undefined = ""; cursor !== undefined; ) {
    const page = await get(`${path}${path.includes("?") ? "&" : "?"}cursor=${cursor}`, from);
    pages.push(page);
    await between?.(pages.length);
    cursor = page.nextCursor;
    expect(pages.length).toBeLessThan(100);
  }
  return pages;
}

describe("a walk", () => {
  test.each(["cursor", "cursor=", "CURSOR="])("[166] ?%s asks for the first page", async (parameter) => {
    const page = await get(`/Users?${parameter}&count=10`);
    expect(page).toMatchObject({ totalResults: userCount, itemsPerPage: 10 });
    expect(idsIn(page)).toEqual(ids.slice(0, 10));
    expect(page.nextCursor).toMatch(/^[0-9A-Za-z_-]+$/);
  });

  test.each([
    [1, 25],
    [5, 5],
    [10, 3],
    [24, 2],
    [25, 1],
    [100, 1],
  ])("[166, 172] pages of %i: nextCursor on all but the last", async (count, pages) => {
    const walked = await walk(`/Users?count=${count}`);
    expect(walked).toHaveLength(pages);
    expect(walked.flatMap(idsIn)).toEqual(ids);
    for (const page of walked) expect(page.totalResults).toBe(userCount);
    for (const page of walked.slice(0, -1)) expect(page.itemsPerPage).toBe(count);
  });

  test("[167] no page has a previousCursor, or an index", async () => {
    for (const page of await walk("/Users?count=10")) {
      expect(Object.keys(page).filter((name) => name !== "nextCursor")).toEqual([
        "schemas",
        "totalResults",
        "itemsPerPage",
        "Resources",
      ]);
    }
  });

  test("a page can be asked for twice", async () => {
    const first = await get("/Users?cursor&count=10");
    const second = await get(`/Users?cursor=${first.nextCursor}&count=10`);
    expect(await get(`/Users?cursor=${first.nextCursor}&count=10`)).toEqual(second);
  });

  test("[101] with a filter, and a projection", async () => {
    const path = `/Users?filter=${encodeURIComponent("title pr")}&attributes=userName&count=4`;
    const walked = await walk(path);
    expect(walked.map(({ itemsPerPage }) => itemsPerPage)).toEqual([4, 4, 4, 1]);
    for (const page of walked) {
      expect(page.totalResults).toBe(13);
      for (const resource of page.Resources) {
        expect(Object.keys(resource).sort()).toEqual(["id", "schemas", "userName"]);
      }
    }
  });

  test("with a filter that names a key", async () => {
    const filter = encodeURIComponent('userName eq "user-490@x.example"');
    const page = await get(`/Users?filter=${filter}&cursor&count=1`);
    expect(page).toMatchObject({ totalResults: 1, itemsPerPage: 1 });
    expect(page).not.toHaveProperty("nextCursor");
  });

  test("[175] sorted, up and down", async () => {
    const up = (await walk("/Users?sortBy=userName&count=7")).flatMap(({ Resources }) => Resources);
    const names = up.map(({ userName }) => userName);
    expect(names).toEqual([...names].sort());
    expect(names).toHaveLength(userCount);
    const down = await walk("/Users?sortBy=userName&sortOrder=descending&count=7");
    expect(down.flatMap(idsIn)).toEqual(up.map(({ id }) => id).reverse());
  });

  test("[77] count 0 or less: only totalResults, and no cursor to walk in circles with", async () => {
    for (const count of [0, -1]) {
      const page = await get(`/Users?cursor&count=${count}`);
      expect(page).toMatchObject({ totalResults: userCount, itemsPerPage: 0, Resources: [] });
      expect(page).not.toHaveProperty("nextCursor");
    }
  });

  test("[78] a count above the largest page is that page's", async () => {
    const first = await get("/Users?cursor&count=501");
    expect(first.itemsPerPage).toBe(userCount);
  });

  test("nobody there: one page, which is the last", async () => {
    const page = await get("/Users?cursor", await service.createConnection());
    expect(page).toMatchObject({ totalResults: 0, itemsPerPage: 0, Resources: [] });
    expect(page).not.toHaveProperty("nextCursor");
  });
});

describe("which method", () => {
  test("[171] neither parameter: by index, without a cursor", async () => {
    const page = await get("/Users?count=10");
    expect(page).toMatchObject({ startIndex: 1, itemsPerPage: 10 });
    expect(page).not.toHaveProperty("nextCursor");
  });

  test.each(["1", "11", "x"])("[166] beside a cursor, startIndex %s is not looked at", async (startIndex) => {
    const first = await get(`/Users?cursor&startIndex=${startIndex}&count=10`);
    expect(idsIn(first)).toEqual(ids.slice(0, 10));
    const second = await get(`/Users?startIndex=${startIndex}&cursor=${first.nextCursor}&count=10`);
    expect(idsIn(second)).toEqual(ids.slice(10, 20));
  });

  test("[174] announced", async () => {
    expect((await get("/ServiceProviderConfig")).pagination).toEqual({
      cursor: true,
      index: true,
      defaultPaginationMethod: "index",
      defaultPageSize: 100,
      maxPageSize: 500,
      cursorTimeout: 3_600,
    });
  });
});

describe("users that come and go between two pages", () => {
  test("[172] nobody who stays is skipped or met twice, and totalResults keeps up", async () => {
    const own = await connectionWith(20);
    const there = idsIn(await get("/Users?count=500", own));
    const gone = new Set<string>();
    let next = 20;
    const remove = async (id: string | undefined) => {
      if (id === undefined || gone.has(id)) return;
      expect((await own.scim("DELETE", `/Users/${id}`)).status).toBe(204);
      gone.add(id);
    };
    const added: string[] = [];
    const walked = await walk(
      "/Users?count=4",
      async (page) => {
        if (page > 4) return;
        // One met already, the one on the border, the next one, one further on; and somebody new.
        for (const index of [page * 4 - 4, page * 4 - 1, page * 4, page * 4 + 5]) await remove(there[index]);
        added.push(await addUser(own, next++));
      },
      own,
    );
    const met = walked.flatMap(idsIn);
    expect(new Set(met).size).toBe(met.length);
    for (const id of there.filter((one) => !gone.has(one))) expect(met).toContain(id);
    const left = idsIn(await get("/Users?count=500", own));
    expect(left).toHaveLength(there.length - gone.size + added.length);
    expect(walked.at(-1).totalResults).toBe(left.length);
  });

  test("with a filter, too", async () => {
    const own = await connectionWith(12);
    const there = idsIn(await get(`/Users?filter=${encodeURIComponent("title pr")}`, own));
    expect(there).toHaveLength(6);
    const walked = await walk(
      `/Users?filter=${encodeURIComponent("title pr")}&count=2`,
      async (page) => {
        if (page === 1) for (const id of [there[0], there[1]]) await own.scim("DELETE", `/Users/${id}`);
      },
      own,
    );
    expect(walked.flatMap(idsIn)).toEqual(there);
    expect(walked.map(({ totalResults }) => totalResults)).toEqual([6, 4, 4]);
  });

  test("all that were to come are gone: an empty last page", async () => {
    const own = await connectionWith(4);
    const first = await get("/Users?cursor&count=2", own);
    for (const id of idsIn(await get("/Users?startIndex=3", own))) await own.scim("DELETE", `/Users/${id}`);
    const last = await get(`/Users?cursor=${first.nextCursor}&count=2`, own);
    expect(last).toMatchObject({ totalResults: 2, itemsPerPage: 0, Resources: [] });
    expect(last).not.toHaveProperty("nextCursor");
  });
});

describe("refused", () => {
  /** The cursor of a second page of ten. */
  const cursorOf = async (path = "/Users?count=10", from = connection): Promise<string> =>
    (await get(`${path}${path.includes("?") ? "&" : "?"}cursor`, from)).nextCursor;
  const ask = (path: string, request: ScimRequest = {}, from = connection) => from.scim("GET", path, request);

  test.each(["x", "%00", "%20", "null", "1", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "%C3%A9"])(
    "[168] a made-up cursor %s: 400 invalidCursor",
    async (forged) => {
      expectScimError(await ask(`/Users?cursor=${forged}&count=10`), 400, "invalidCursor");
    },
  );

  test("[168] a cursor with a character changed, wherever: 400 invalidCursor", async () => {
    const cursor = await cursorOf();
    for (let at = 0; at < cursor.length; at += 5) {
      const other = cursor[at] === "A" ? "B" : "A";
      const forged = cursor.slice(0, at) + other + cursor.slice(at + 1);
      expectScimError(await ask(`/Users?cursor=${forged}&count=10`), 400, "invalidCursor");
    }
  });

  test("[170] another connection's, of the same project or not: 400 invalidCursor, word for word as a forged one", async () => {
    const forged = await ask("/Users?cursor=forged&count=10");
    for (const other of [
      await service.createConnection({}, connection.project),
      await service.createConnection(),
    ]) {
      const refused = await ask(`/Users?cursor=${await cursorOf()}&count=10`, {}, other);
      expectScimError(refused, 400, "invalidCursor");
      expect(refused.body).toEqual(forged.body);
    }
  });

  test.each([
    ["a filter", "/Users?count=10", "/Users?count=10&filter=title%20pr"],
    ["another filter", "/Users?count=10&filter=title%20pr", "/Users?count=10&filter=active%20pr"],
    ["no filter", "/Users?count=10&filter=title%20pr", "/Users?count=10"],
    ["sortBy", "/Users?count=10", "/Users?count=10&sortBy=userName"],
    ["another sortBy", "/Users?count=10&sortBy=userName", "/Users?count=10&sortBy=title"],
    [
      "another sortOrder",
      "/Users?count=10&sortBy=userName",
      "/Users?count=10&sortBy=userName&sortOrder=descending",
    ],
    ["attributes", "/Users?count=10", "/Users?count=10&attributes=userName"],
    [
      "other excludedAttributes",
      "/Users?count=10&excludedAttributes=title",
      "/Users?count=10&excludedAttributes=meta",
    ],
    ["the root's list", "/Users?count=10", "?count=10"],
  ])("[170] changed since the first page: %s: 400 invalidCursor", async (_, first, then) => {
    const refused = await ask(`${then}&cursor=${await cursorOf(first)}`);
    expectScimError(refused, 400, "invalidCursor");
    expect(refused.body.detail).toContain("nextCursor");
  });

  test("[170] not refused: other spelling of names (the RFC's own example), parameters nobody knows", async () => {
    const cursor = await cursorOf(
      "/Users?count=10&filter=userName%20sw%20%22user%22&attributes=userName,title",
    );
    const then = "/Users?COUNT=10&Filter=username%20SW%20%22user%22&attributes=TITLE,userName&foo=bar";
    expect(idsIn(await get(`${then}&cursor=${cursor}`))).toEqual(ids.slice(10, 20));
  });

  test.each(["count=9", "count=11", "count=0", ""])(
    "[169] count changed to %j: 400 invalidCount naming the first",
    async (count) => {
      const refused = await ask(`/Users?cursor=${await cursorOf()}&${count}`);
      expectScimError(refused, 400, "invalidCount");
      expect(refused.body.detail).toContain("count 10");
    },
  );

  test.each(["x", "", "1.5", "1e2"])("[169] count=%s: 400 invalidCount", async (count) => {
    expectScimError(await ask(`/Users?cursor&count=${count}`), 400, "invalidCount");
  });

  test("[169] expired: 400 expiredCursor; each page gives a new hour", async () => {
    let cursor = await cursorOf("/Users?count=5");
    for (let page = 2; page <= 4; page++) {
      time += 3_599_000;
      cursor = (await get(`/Users?count=5&cursor=${cursor}`)).nextCursor;
    }
    time += 3_600_000;
    const refused = await ask(`/Users?count=5&cursor=${cursor}`);
    expectScimError(refused, 400, "expiredCursor");
    expect(refused.body.detail).toContain("cursorTimeout");
  });

  test("[170] a cursor lets nobody in: 401 without the token, or once it is revoked; 403 with SCIM disabled", async () => {
    const own = await connectionWith(3);
    const path = `/Users?count=1&cursor=${await cursorOf("/Users?count=1", own)}`;
    expectScimError(await ask(path, { headers: { Authorization: "" } }, own), 401);
    const admin = `/projects/${own.project.id}/connections/${own.connection.id}`;
    const { body: issued } = await service.admin("POST", `${admin}/tokens`, {});
    await service.admin("PATCH", admin, { scimEnabled: false });
    expectScimError(await ask(path, {}, own), 403);
    await service.admin("PATCH", admin, { scimEnabled: true });
    const [{ id }] = (await service.admin("GET", `${admin}/tokens`)).body.items;
    await service.admin("DELETE", `${admin}/tokens/${id}`);
    expectScimError(await ask(path, {}, own), 401);
    // The connection's other token goes on with it: a rotation interrupts no import.
    expect((await ask(path, { token: issued.token }, own)).status).toBe(200);
  });
});

describe("users so large that one answer cannot carry a page of them", () => {
  test("the page ends early, and its cursor goes on there", async () => {
    const large = await service.createConnection();
    for (let number = 0; number < 19; number++) {
      const title = `${number} ${"x".repeat(230 * 1024)}`;
      expect((await large.scim("POST", "/Users", user(`large-${number}`, { title }))).status).toBe(201);
    }
    for (const query of ["", "&sortBy=userName", "&filter=title%20pr"]) {
      const walked = await walk(`/Users?attributes=title${query}`, undefined, large);
      expect(walked.length).toBe(2);
      expect(new Set(walked.flatMap(idsIn)).size).toBe(19);
    }
  });
});
