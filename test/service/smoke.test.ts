import { afterAll, beforeAll, expect, it } from "vitest";
import { startService, type TestService } from "../support/service.ts";
let service: TestService;
beforeAll(async () => { service = await startService(); });
afterAll(() => service.stop());
it("smoke", async () => {
  const c = await service.createConnection();
  const created = await c.scim("POST", "/Users", { body: { userName: "A@b.c", externalId: "x1", emails: [{ value: "a@b.c", type: "work", primary: true }, { value: "d@e.f", type: "home" }], name: { givenName: "A" } } });
  console.log(created.status, created.headers, JSON.stringify(created.body));
  for (const f of ['userName eq "a@B.c"', 'externalId eq "x1"', 'emails[type eq "work"].value eq "A@b.c"', 'emails.value eq "d@e.f"', `id eq "${created.body.id}"`, 'name.givenName eq "A"', 'userName eq "nobody"']) {
    const r = await c.scim("GET", `/Users?filter=${encodeURIComponent(f)}`);
    console.log(f, r.status, r.body.totalResults, r.body.Resources?.length, r.body.detail);
  }
  console.log((await c.scim("GET", "/Users?startIndex=1&count=2")).body);
  console.log((await c.scim("PATCH", `/Users/${created.body.id}`, { body: { schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], Operations: [{ op: "Replace", path: "active", value: "False" }] } })).body);
  console.log((await c.scim("POST", "/Users", { body: { userName: "a@b.c" } })).body);
  console.log((await c.scim("DELETE", `/Users/${created.body.id}`)).status);
  console.log((await c.scim("GET", `/Users/${created.body.id}`)).body);
  const again = await c.scim("POST", "/Users", { body: { userName: "a@b.c" , "urn:ietf:params:scim:schemas:extension:document360:2.0:User": {isTeamAccount: "True"}} });
  console.log(again.status, again.body);
  console.log((await service.admin("GET", `/projects/${c.project.id}/members`)).body.items);
  console.log((await service.admin("GET", `/projects/${c.project.id}`)).body);
  console.log((await service.admin("GET", `/projects/${c.project.id}/members?q=A@&limit=1`)).body);
  console.log(JSON.stringify((await service.admin("GET", `/openapi.json`)).body).slice(0, 3000));
  console.log((await service.admin("POST", `/projects`, {nam: 1})).body);
  expect(created.status).toBe(201);
});
