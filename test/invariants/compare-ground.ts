/** A table with all that a comparison knows of: a parent, children that could take all or not, and people who came, moved and went. */

import { startCheckedService } from "../service/checked-service.ts";
import { type Product, productOf } from "../service/product.ts";
import {
  addMembers,
  asTeam,
  type Fields,
  group,
  patch,
  replace,
  teamUser,
  user,
  workEmail,
} from "../service/scim-messages.ts";
import type { ServiceResponse, TestConnection, TestService } from "../support/service.ts";
import { startPumps } from "../support/stream.ts";
import { startTable, type TestTable } from "../support/table.ts";

export interface Child {
  readonly product: Product;
  /** The connection's. */
  readonly id: string;
}

export interface CompareGround {
  readonly table: TestTable;
  readonly service: TestService;
  readonly parent: TestConnection;
  /** The parent's project. */
  readonly home: Product;
  /** Takes all of its parent. */
  readonly child: Child;
  /** Has too few seats, and people that are in the way. */
  readonly tight: Child;
  /** Took all of its parent, and was deleted. */
  readonly former: Child;
  /** SCIM ids at the parent, by userName. */
  readonly users: ReadonlyMap<string, string>;
  readonly teamId: string;
  stop(): Promise<void>;
}

export async function openCompareGround(): Promise<CompareGround> {
  const table = await startTable({ stream: true });
  const service = await startCheckedService({ table, sleep: async () => {} });
  const pump = await startPumps(table);
  const settle = async () => {
    await pump.drain();
    if (pump.parked.length > 0) throw new Error("the stream's handlers gave something up");
  };

  const home = productOf(service, await service.createProject({ quotas: { users: 20, readers: null } }));
  const parent = await service.createConnection({ name: "Parent", jit: true }, home.project);
  const users = new Map<string, string>();
  const create = async (userName: string, request: { readonly body: Fields }) => {
    users.set(userName, done(await parent.scim("POST", "/Users", request)).body.id);
  };
  const idsOf = (...names: readonly string[]) => names.map((name) => users.get(name)!);
  const emails = [{ value: "ada@x.test", primary: true }, { value: "ada@home.test" }];
  await create("ada", user("ada", { externalId: "e-ada", emails }));
  await create("bob", teamUser("bob", workEmail("bob@x.test")));
  await create("cyd", user("cyd", { active: false }));
  for (const name of ["dora", "eve", "fay", "gus", "hal", "ivy"]) await create(name, user(name));
  const teamId: string = done(
    await parent.scim("POST", "/Groups", {
      body: { ...group("Team", idsOf("ada", "bob", "cyd", "dora", "gus", "hal")).body, externalId: "g-team" },
    }),
  ).body.id;
  done(await parent.scim("POST", "/Groups", group("Nobody", [])));
  await signInSomebody(home, parent);

  const child = await childOf(service, parent, {});
  const tight = await childOf(service, parent, { quotas: { readers: 4 } });
  const former = await childOf(service, parent, {});
  await child.product.addMember({ userName: "eve", type: "reader" });
  await tight.product.addMember({ userName: "bob", type: "reader" });
  const elsewhere = await service.createConnection({ name: "Elsewhere" }, tight.product.project);
  done(await elsewhere.scim("POST", "/Users", user("dora")));
  await settle();

  // Somebody comes back under another number, somebody goes for good, and somebody is unlinked.
  done(await parent.scim("DELETE", `/Users/${users.get("gus")}`));
  await create("gus", user("gus"));
  done(await home.admin("PATCH", `/connections/${parent.connection.id}`, { onDelete: "delete" }));
  done(await parent.scim("DELETE", `/Users/${users.get("hal")}`));
  done(await home.admin("PATCH", `/connections/${parent.connection.id}`, { onDelete: "deactivate" }));
  done(await parent.scim("DELETE", `/Users/${users.get("fay")}`));
  await settle();
  done(await former.product.admin("DELETE", `/connections/${former.id}`));
  done(await parent.scim("PATCH", `/Users/${users.get("ada")}`, patch(replace("title", "Countess"))));
  done(await parent.scim("PATCH", `/Groups/${teamId}`, patch(addMembers(...idsOf("eve", "gus")))));

  // The product's own things, and another connection that is switched off.
  const quiet = await service.createConnection({ name: "Quiet" }, home.project);
  done(await quiet.scim("POST", "/Users", user("quinn", { externalId: "e-ada", ...asTeam })));
  done(await home.admin("PATCH", `/connections/${quiet.connection.id}`, { scimEnabled: false }));
  const own = await home.addMember({ userName: "own", type: "user", role: "reviewer" });
  const board = await home.addGroup("Board");
  await home.put(board.id, own.id);
  await home.put(board.id, (await home.memberNamed("ada")).id);
  await settle();
  // Carried to its end: from now on the table stands still.
  await pump.stop();
  return {
    table,
    service,
    parent,
    home,
    child,
    tight,
    former,
    users,
    teamId,
    async stop() {
      await service.stop();
      await table.stop();
    },
  };
}

async function childOf(service: TestService, parent: TestConnection, fields: Fields): Promise<Child> {
  const product = productOf(service, await service.createProject(fields));
  const wish = { name: "Child", inheritsFrom: parent.connection.id };
  const id: string = done(await product.admin("POST", "/connections", wish)).body.id;
  return { product, id };
}

async function signInSomebody(home: Product, { connection }: TestConnection): Promise<void> {
  const body = { subject: "s-sia", externalId: "e-sia", userName: "sia" };
  done(await home.admin("POST", `/connections/${connection.id}/sign-ins`, body));
}

function done(answer: ServiceResponse): ServiceResponse {
  if (answer.status >= 300) throw new Error(`answered ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer;
}
