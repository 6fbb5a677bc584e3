import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { newConnectionId, newProjectId } from "../../lambda/domain/ids.ts";
import { newToken } from "../../lambda/domain/token.ts";

// What tokens open, and when they end: test/service/access.test.ts.

const newConnection = () => newConnectionId(newProjectId(Date.now(), randomBytes), randomBytes);

describe("what docs/runbook.md tells secret scanners", () => {
  const runbook = readFileSync(new URL("../../docs/runbook.md", import.meta.url), "utf8");
  const [expression = "", ...others] = runbook.match(/rollcall_\[[^'\n]+/g) ?? [];

  test("is one expression, wherever it is written down", () => {
    expect(expression).not.toBe("");
    expect(new Set(others)).toEqual(new Set([expression]));
  });

  test("every token is found, whole, wherever it stands", () => {
    for (let round = 0; round < 200; round++) {
      const { token } = newToken(newConnection(), randomBytes);
      for (const text of [token, `Bearer ${token}`, `"${token}",`, `token=${token}&x`, `x${token}\n`]) {
        expect(text.match(new RegExp(expression, "g"))).toEqual([token]);
      }
    }
  });

  test("what is no token is not: examples in documents, ids, a token cut short", () => {
    const connectionId = newConnection();
    const { token } = newToken(connectionId, randomBytes);
    for (const text of [
      "rollcall_…",
      `rollcall_${connectionId}_`,
      connectionId,
      token.slice(0, -1),
      token.toUpperCase(),
    ]) {
      expect(text).not.toMatch(new RegExp(expression));
    }
  });
});
