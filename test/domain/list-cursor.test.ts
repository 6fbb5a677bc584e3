import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { newCursorSecret, openCursor, sealCursor } from "../../lambda/domain/list-cursor.ts";
import { RequestError, type ScimType } from "../../lambda/scim/error.ts";

const secret = newCursorSecret(randomBytes);
const scope = ["User", "a query"];
const now = Date.parse("2026-01-01T00:00:00Z");
const second = 1_000;
const place = "User 000000000042";

const seal = () => sealCursor(secret, scope, { place, count: 10 }, now);
const open = (cursor: string, { by = secret, within = scope, count = 10, at = now } = {}) =>
  openCursor(by, within, cursor, count, at);

function refusal(run: () => unknown): RequestError {
  try {
    run();
  } catch (error) {
    if (error instanceof RequestError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}
function expectRefusal(run: () => unknown, scimType: ScimType): void {
  const { status, scimType: actual } = refusal(run);
  expect([status, actual]).toEqual([400, scimType]);
}

describe("cursors", () => {
  it("lead back to their place, whatever it is", () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(500), (where, count) => {
        const cursor = sealCursor(secret, scope, { place: where.toWellFormed(), count }, now);
        expect(open(cursor, { count })).toBe(where.toWellFormed());
      }),
    );
  });

  it("[168] are of unreserved characters (RFC 3986 §2.3) and tell nothing", () => {
    const cursor = seal();
    expect(cursor).toMatch(/^[0-9A-Za-z_-]+$/);
    expect(Buffer.from(cursor, "base64url").toString("latin1")).not.toMatch(/User|42|\d{6}/);
    // Neighbouring places have nothing in common.
    const next = sealCursor(secret, scope, { place: "User 000000000043", count: 10 }, now);
    expect(next.slice(0, 8)).not.toBe(cursor.slice(0, 8));
    expect(next.slice(-8)).not.toBe(cursor.slice(-8));
  });

  it("[168] forged ones are refused: any bit changed, cut, prolonged, or made up", () => {
    const cursor = seal();
    const bytes = Buffer.from(cursor, "base64url");
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const forged = Buffer.from(bytes);
      forged[bit >> 3]! ^= 1 << (bit & 7);
      expectRefusal(() => open(forged.toString("base64url")), "invalidCursor");
    }
    for (const forged of [
      cursor.slice(1),
      cursor.slice(0, -1),
      `${cursor}A`,
      `${cursor}AAAA`,
      `${cursor}!`,
    ]) {
      expectRefusal(() => open(forged), "invalidCursor");
    }
    for (const forged of [
      "x",
      "=",
      "A".repeat(22),
      " ",
      `${cursor}=`,
      `${cursor}\n`,
      "é",
      "A".repeat(100_000),
    ]) {
      expectRefusal(() => open(forged), "invalidCursor");
    }
  });

  it("[170] are good for one connection and one query only, and all others look alike", () => {
    const other = newCursorSecret(randomBytes);
    const refusals = [
      () => open(seal(), { by: other }),
      () => open(seal(), { within: ["Group", "a query"] }),
      () => open(seal(), { within: ["User", "another query"] }),
      () => open(seal(), { within: ["User", "a", " query"] }),
      () => open(seal(), { within: ["Usera query"] }),
      () => open("forged"),
    ].map(refusal);
    for (const { scimType, detail } of refusals) {
      expect([scimType, detail]).toEqual(["invalidCursor", refusals[0]!.detail]);
    }
  });

  it("[169] expire after an hour", () => {
    expect(open(seal(), { at: now + 3_599 * second })).toBe(place);
    expectRefusal(() => open(seal(), { at: now + 3_600 * second }), "expiredCursor");
    // Of a foreign one not even that is told.
    expectRefusal(() => open(seal(), { within: ["Group"], at: now + 4_000 * second }), "invalidCursor");
  });

  it("[169] want the count of the first page", () => {
    for (const count of [0, 1, 9, 11, 100]) expectRefusal(() => open(seal(), { count }), "invalidCount");
  });

  it("secrets are 256 random bits", () => {
    expect(Buffer.from(newCursorSecret(randomBytes), "base64url")).toHaveLength(32);
    expect(newCursorSecret(randomBytes)).not.toBe(newCursorSecret(randomBytes));
  });
});
