/** DESIGN §2 for groups, at 5,000 users; `npm run bench` asserts the same at 100,000. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GroupGround, type MeasuredOperation, openGroupGround } from "./group-budgets.ts";

describe("budgets of groups at 5,000 users, and 2,000 who have left", () => {
  let ground: GroupGround;
  const spent: MeasuredOperation[] = [];

  beforeAll(async () => {
    ground = await openGroupGround(5_000, { departed: 2_000 });
  });

  afterAll(async () => {
    console.table(spent.map(({ name, members, cost }) => ({ operation: name, members, ...cost })));
    await ground.stop();
  });

  it.each([1, 1_000, 4_999])("a group of %i members", async (members) => {
    const measured = await ground.measure(members);
    spent.push(...measured);
    for (const { name, cost, budget } of measured) {
      expect(cost.trips, `${name}: trips`).toBeLessThanOrEqual(budget.trips);
      expect(cost.rcu, `${name}: RCU`).toBeLessThanOrEqual(budget.rcu);
      expect(cost.wcu, `${name}: WCU`).toBeLessThanOrEqual(budget.wcu);
    }
    const whole = measured.find(({ name }) => name === "GET whole");
    expect(whole?.answer.body.members).toHaveLength(members);
  });
});
