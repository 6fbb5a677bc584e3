/** DESIGN §2: what one change of a parent may cost in one child, and that it costs nothing where there is none. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { activation, patch, replace } from "../service/scim-messages.ts";
import { seededAttributes } from "../support/seed-users.ts";
import { budgetOf, type InheritanceGround, openInheritanceGround } from "./inheritance-budgets.ts";

describe("budgets of inheritance", () => {
  let ground: InheritanceGround;

  beforeAll(async () => {
    ground = await openInheritanceGround();
  });
  afterAll(() => ground.stop());

  it("a parent's change applied to one child", async () => {
    const measured = await ground.measure();
    console.table(
      measured.map(({ name, cost, alone, request, requestAlone }) => ({
        change: name,
        RCU: cost.rcu,
        WCU: cost.wcu,
        "without a child": `${alone.rcu} / ${alone.wcu}`,
        "its request": `${request.rcu} / ${request.wcu}`,
        "the request without a child": `${requestAlone.rcu} / ${requestAlone.wcu}`,
      })),
    );
    for (const change of measured) {
      const { name, cost } = change;
      const budget = budgetOf(change);
      expect(cost.rcu, `${name}: RCU`).toBeLessThanOrEqual(budget.rcu);
      expect(cost.wcu, `${name}: WCU`).toBeLessThanOrEqual(budget.wcu);
    }
  });

  it("a change of users where there is no child invokes nothing", async () => {
    const { lone, service } = ground;
    const { project, connection, scim } = lone;
    const { body: user } = await scim("POST", "/Users", { body: seededAttributes(900_002) });
    const connections = `/projects/${project.id}/connections`;
    const changes = [
      () => scim("POST", "/Users", { body: seededAttributes(900_003) }),
      () => scim("PATCH", `/Users/${user.id}`, patch(replace("userName", "renamed-alone@example.com"))),
      () => scim("PATCH", `/Users/${user.id}`, activation(false)),
      () => scim("DELETE", `/Users/${user.id}`),
      () => service.admin("PATCH", `${connections}/${connection.id}`, { jit: true }),
      () => service.admin("POST", `${connections}/${connection.id}/tokens`, {}),
      () => service.admin("PATCH", `/projects/${project.id}`, { name: "Renamed" }),
    ];
    for (const change of changes) expect(await ground.invocationsFor(change)).toBe(0);
  });

  it("so does what a child's project changes for itself", async () => {
    const { childProject, service } = ground;
    const members = `/projects/${childProject.id}/members`;
    const { body } = await service.admin("GET", `${members}?managed=true&limit=1`);
    const [copy] = body.items;
    expect(copy.managedBy).toMatchObject({ inherited: true });
    const changes = [
      () => service.admin("PATCH", `${members}/${copy.id}`, { access: "write" }),
      () => service.admin("POST", members, { userName: "own@example.com", type: "user" }),
    ];
    for (const change of changes) expect(await ground.invocationsFor(change)).toBe(0);
  });
});
