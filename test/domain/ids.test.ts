import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  isConnectionId,
  isProjectId,
  newConnectionId,
  newProjectId,
  projectOfConnection,
} from "../../lambda/domain/ids.ts";
import { memberIdOf, memberNumberOf } from "../../lambda/domain/member-id.ts";
import { bearerToken, newToken } from "../../lambda/domain/token.ts";
import { RequestError } from "../../lambda/scim/error.ts";

const at = Date.parse("2026-11-22T00:00:00Z");

describe("ids of projects and connections", () => {
  it("sort by time, are URL-safe without an underscore, and a connection's begins with its project's", () => {
    const earlier = newProjectId(at, randomBytes);
    const later = newProjectId(at + 1, randomBytes);
    const connection = newConnectionId(later, randomBytes);
    expect(earlier < later).toBe(true);
    expect(connection).toMatch(/^[0-9a-z]{24}$/);
    expect(projectOfConnection(connection)).toBe(later);
    expect([isProjectId(later), isConnectionId(connection)]).toEqual([true, true]);
  });
});

describe("member ids", () => {
  it("[40, 72] lead back to the number within their project, and to nothing in another", () => {
    fc.assert(
      fc.property(fc.nat(2 ** 31 - 1), (number) => {
        const id = memberIdOf("project-a", number);
        expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);
        expect(memberNumberOf("project-a", id)).toBe(number);
        expect(memberNumberOf("project-b", id)).toBeUndefined();
        expect(memberNumberOf("project-a", id.toUpperCase() === id ? "" : id.toUpperCase())).toBeUndefined();
      }),
    );
  });

  it("anything else is no id", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.uuid()), (text) => {
        expect(memberNumberOf("project-a", text)).toBeUndefined();
      }),
    );
  });
});

describe("tokens", () => {
  const connectionId = newConnectionId(newProjectId(at, randomBytes), randomBytes);
  const { token } = newToken(connectionId, randomBytes);

  it("match the documented pattern for secret scanners", () => {
    expect(token).toMatch(/^rollcall_[0-9a-z]{24}_[0-9a-z]{59}$/);
  });

  it("are taken from the header in any case of the scheme, with stray blanks", () => {
    expect(bearerToken(`Bearer ${token}`)).toBe(token);
    expect(bearerToken(` bearer   ${token} `)).toBe(token);
  });

  it("one mistyped character is refused by the checksum alone", () => {
    for (let index = 0; index < token.length; index++) {
      const typo = token.slice(0, index) + (token[index] === "7" ? "8" : "7") + token.slice(index + 1);
      expect(() => bearerToken(`Bearer ${typo}`)).toThrow(RequestError);
    }
  });

  it.each([undefined, "", "Basic abc", "Bearer", "Bearer x", `Bearer ${"x".repeat(10_000)}`])(
    "%j is a 401 with a challenge",
    (header) => {
      expect(() => bearerToken(header)).toThrow(
        expect.objectContaining({
          status: 401,
          headers: expect.objectContaining({ "WWW-Authenticate": expect.stringContaining("Bearer") }),
        }),
      );
    },
  );
});
