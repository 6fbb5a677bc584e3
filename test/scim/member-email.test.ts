import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../lambda/scim/json.ts";
import { emailValues, memberEmail } from "../../lambda/scim/member-email.ts";

describe("memberEmail", () => {
  it.each<[JsonObject[], string | undefined]>([
    [[{ value: "a" }, { value: "b", type: "work" }, { value: "c", primary: true }], "c"],
    [[{ value: "a" }, { value: "b", type: "Work" }, { value: "c", primary: false }], "b"],
    [[{ value: "a", type: "home" }, { value: "b" }], "a"],
    [[{ type: "work", primary: true }, { value: "b" }], "b"],
    [[], undefined],
  ])("of %j is %s", (emails, expected) => {
    expect(memberEmail({ userName: "u", emails })).toBe(expected);
  });

  it("is nothing without emails", () => {
    expect(memberEmail({ userName: "u" })).toBeUndefined();
    expect(emailValues({ userName: "u" })).toEqual([]);
  });
});

describe("emailValues", () => {
  it("has each value once, as stored", () => {
    const emails: JsonObject[] = [
      { value: "A@b.c", type: "work" },
      { value: "A@b.c", type: "home" },
      { type: "other" },
      { value: "d@e.f" },
    ];
    expect(emailValues({ emails })).toEqual(["A@b.c", "d@e.f"]);
  });
});
