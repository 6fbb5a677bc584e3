/** The product's comparison: a table in order has no differences, each way of breaking one by hand is found as what it is, and nothing is ever written. */

import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Finding, isDifference } from "../../lambda/domain/compare-finding.ts";
import { memberNumberOf } from "../../lambda/domain/member-id.ts";
import { identifierHash } from "../../lambda/domain/sync-failure.ts";
import { createRuntime } from "../../lambda/runtime/runtime.ts";
import { copyOfNumber } from "../../lambda/table/numbers.ts";
import { startCheckedService } from "../service/checked-service.ts";
import { startTable, type TestTable } from "../support/table.ts";
import { compareAll, findingsIn } from "./compare-all.ts";
import { type Child, type CompareGround, openCompareGround } from "./compare-ground.ts";
import { type RawItem, scanTable } from "./table-contents.ts";
import { restoreTable } from "./table-copy.ts";

let ground: CompareGround;
/** In order, as it was read. */
let sound: readonly RawItem[];
/** A table for what is broken, where no stream mends it. */
let broken: TestTable;
let present: readonly RawItem[] = [];
beforeAll(async () => {
  ground = await openCompareGround();
  sound = await scanTable(ground.table.client, ground.table.tableName);
  broken = await startTable();
});
afterAll(async () => {
  await broken?.stop();
  await ground?.stop();
});

test("a table in order has no differences, and nothing under way", async () => {
  expect(await compareAll(ground.table)).toEqual([]);
  const { context } = createRuntime(ground.table);
  for (const product of [ground.home, ground.child.product, ground.tight.product, ground.former.product]) {
    expect(await findingsIn(context, product.project.id)).toEqual([]);
  }
});

/** The items, with one of them, or some, changed or taken away. */
class Damage {
  private items: readonly RawItem[] = sound;

  find(pk: string, sk: string): RawItem {
    const found = this.items.filter((item) => item["pk"]!.S === pk && item["sk"]!.S!.startsWith(sk));
    if (found.length !== 1) throw new Error(`there are ${found.length} of ${pk} / ${sk}`);
    return found[0]!;
  }

  row(projectId: string, userName: string): RawItem {
    const found = this.items.find(
      ({ pk, attributes }) =>
        pk!.S!.startsWith(`M#${projectId}#`) && attributes?.M?.["userName"]?.S === userName,
    );
    if (found === undefined) throw new Error(`there is no ${userName}`);
    return found;
  }

  group(projectId: string, displayName: string): RawItem {
    return this.items.find(
      (item) => item["pk"]!.S === `G#${projectId}` && item["displayName"]!.S === displayName,
    )!;
  }

  remove(item: RawItem): this {
    this.items = this.items.filter((one) => one !== item);
    return this;
  }

  put(item: RawItem): this {
    this.items = [...this.items, item];
    return this;
  }

  set(item: RawItem, changes: Readonly<Record<string, AttributeValue | undefined>>): this {
    const changed = Object.entries({ ...item, ...changes }).filter(([, value]) => value !== undefined);
    return this.remove(item).put(Object.fromEntries(changed) as RawItem);
  }

  /** Sets or clears a number's bit, whichever it was not. */
  flip(item: RawItem, prefix: string, number: number): this {
    const slot = Math.floor(number / 16) % 4_096;
    const name = `${prefix}${Math.floor(slot / 120)}`;
    return this.set(item, {
      [name]: { N: String(BigInt(item[name]?.N ?? "0") ^ (1n << BigInt(slot % 120))) },
    });
  }

  all(): readonly RawItem[] {
    return this.items;
  }
}

const projectOf = ({ product }: Child) => product.project.id;
const homeId = () => ground.home.project.id;
const parentId = () => ground.parent.connection.id;
const page = (number: number) =>
  String(Math.floor(Math.floor(number / 16) / 4_096) * 16 + (number % 16)).padStart(9, "0");
const numberAtHome = (userName: string) => memberNumberOf(homeId(), ground.users.get(userName)!)!;
const copyOf = (userName: string) => copyOfNumber(1, numberAtHome(userName));
const teamIn = (child: Child) => child.id.slice(16) + ground.teamId.slice(8);
const namesOf = (projectId: string) => `P#${projectId}#NAMES`;
const connectionRow = (damage: Damage, projectId: string, id: string) =>
  damage.find(`P#${projectId}`, `CONNECTION#${id}`);
const plusOne = (value: AttributeValue | undefined) => ({ N: String(Number(value?.N) + 1) });

interface Case {
  readonly name: string;
  /** Whether it is alone in its table: what it breaks is something for others, too. Most are broken side by side, which takes a tenth of the time. */
  readonly alone?: boolean;
  /** Whose comparison finds it. */
  readonly at: () => string;
  readonly damage: (damage: Damage) => Damage;
  /** Kinds, and how what they say begins. */
  readonly finds: readonly (readonly [string, string])[];
}

const inChild = () => projectOf(ground.child);

const cases: readonly Case[] = [
  {
    name: "a copy that is missing",
    alone: true,
    at: homeId,
    damage: (d) => d.remove(d.row(inChild(), "ada")),
    finds: [["copy", "there is no copy of user"]],
  },
  {
    name: "an attribute of a copy that differs",
    at: homeId,
    damage: (d) => {
      const row = d.row(inChild(), "ada");
      return d.set(row, { attributes: { M: { ...row["attributes"]!.M, title: { S: "Baroness" } } } });
    },
    finds: [["copy", "attributes title differ from those of its source"]],
  },
  {
    name: "a copy that is active, though its source is not",
    at: homeId,
    damage: (d) => {
      const row = d.row(inChild(), "cyd");
      return d.set(row, { attributes: { M: { ...row["attributes"]!.M, active: { BOOL: true } } } });
    },
    finds: [["copy", "status is active, that of its source, "]],
  },
  {
    name: "a copy of an older version of its source",
    at: homeId,
    damage: (d) => d.set(d.row(inChild(), "ada"), { copyOf: { N: "1" } }),
    finds: [["copy", "version of its source is 1, that of its source"]],
  },
  {
    name: "a copy whose source is not there",
    alone: true,
    at: inChild,
    damage: (d) => d.remove(d.row(homeId(), "ivy")),
    finds: [["copy", "it is there as a copy, its source, user "]],
  },
  {
    name: "a user that a child lacks, and no failure that says so",
    at: homeId,
    damage: (d) => {
      const failures = d
        .all()
        .filter(({ pk, identifier }) => pk!.S === `F#${projectOf(ground.tight)}` && identifier!.S === "dora");
      return d.remove(failures[0]!);
    },
    finds: [["copy", "there is no copy of user"]],
  },
  {
    name: "a membership bit that a child's page lacks",
    at: homeId,
    damage: (d) =>
      d.flip(
        d.find(`G#${inChild()}#${teamIn(ground.child)}`, `S#${page(copyOf("ada"))}`),
        "b",
        copyOf("ada"),
      ),
    finds: [["copied_group", "it lacks members "]],
  },
  {
    name: "a membership bit that a child's page has too many",
    at: homeId,
    damage: (d) => {
      const ivy = copyOf("ivy");
      const pages = d
        .all()
        .filter(
          ({ pk, sk }) =>
            pk!.S === `G#${inChild()}#${teamIn(ground.child)}` && sk!.S!.startsWith(`S#${page(ivy)}`),
        );
      const item = pages[0] ?? {
        pk: { S: `G#${inChild()}#${teamIn(ground.child)}` },
        sk: { S: `S#${page(ivy)}#0` },
      };
      return d.flip(item, "b", ivy);
    },
    finds: [["copied_group", "it has members "]],
  },
  {
    name: "the name of a copied group that differs",
    at: homeId,
    damage: (d) => d.set(d.group(inChild(), "Team"), { displayName: { S: "Crew" } }),
    finds: [["copied_group", "attribute displayName differs from that of its source"]],
  },
  {
    name: "a group that a child lacks",
    alone: true,
    at: homeId,
    damage: (d) => d.remove(d.group(inChild(), "Team")),
    finds: [["copied_group", "there is no copy of group"]],
  },
  {
    name: "a group of a child whose source is not there",
    alone: true,
    at: inChild,
    damage: (d) => d.remove(d.group(homeId(), "Nobody")),
    finds: [["copied_group", "it is there as a copy, its source, group "]],
  },
  {
    name: "a seat counter off by one",
    at: homeId,
    damage: (d) => {
      const pool = d.find(`P#${homeId()}#SEATS`, "3");
      return d.set(pool, { readersUsed: plusOne(pool["readersUsed"]) });
    },
    finds: [["seats", "usage of readers is 7, 6 active members hold one"]],
  },
  {
    name: "shares that do not sum to the quota",
    at: homeId,
    damage: (d) => {
      const pool = d.find(`P#${homeId()}#SEATS`, "3");
      return d.set(pool, { usersShare: plusOne(pool["usersShare"]) });
    },
    finds: [["seats", "shares of users sum to 21, the quota is 20"]],
  },
  {
    name: "a claim that leads to somebody else",
    at: homeId,
    damage: (d) =>
      d.set(d.find(namesOf(homeId()), "userName#ivy\u001f!"), { holder: { N: String(numberAtHome("bob")) } }),
    finds: [
      ["claim", "the claim on its userName is that of member "],
      ["claim", "a claim on another userName is its own"],
    ],
  },
  {
    name: "a claim that is missing",
    at: homeId,
    damage: (d) => d.remove(d.find(namesOf(homeId()), "email#bob@x.test\u001f!")),
    finds: [["claim", "the claim on its email is nobody's"]],
  },
  {
    name: "a claim of nobody",
    at: homeId,
    damage: (d) => d.put({ pk: { S: namesOf(homeId()) }, sk: { S: "userName#zoe\u001f!" } }),
    finds: [["claim", "there is a claim on a userName that is nobody's"]],
  },
  {
    name: "a roster bit that is missing",
    at: homeId,
    damage: (d) => {
      const bob = numberAtHome("bob");
      return d.flip(d.find(`C#${parentId()}#ROSTER`, `present#${page(bob)}#0`), "u", bob);
    },
    finds: [
      ["roster", "the roster of connection "],
      ["group", "its pages hold who never was a user of its connection: "],
    ],
  },
  {
    name: "a roster bit of nobody",
    at: homeId,
    damage: (d) => {
      const ivy = numberAtHome("ivy");
      return d.flip(d.find(`C#${parentId()}#ROSTER`, `present#${page(ivy)}#0`), "u", ivy + 16);
    },
    finds: [["roster", "the roster of connection "]],
  },
  {
    name: "one who left and is not among the departed",
    at: homeId,
    damage: (d) => {
      const fay = numberAtHome("fay");
      return d.flip(d.find(`C#${parentId()}#ROSTER`, `departed#${page(fay)}`), "d", fay);
    },
    finds: [["roster", "the roster of connection "]],
  },
  {
    name: "an externalId that leads to somebody else",
    at: homeId,
    damage: (d) =>
      d.set(d.find(`C#${parentId()}#REFERENCES`, "externalId#e-ada"), {
        number: { N: String(numberAtHome("bob")) },
      }),
    finds: [
      ["pointer", "the pointer from its externalId leads to member "],
      ["pointer", "a pointer from another externalId leads to it"],
    ],
  },
  {
    name: "a further email that leads nowhere",
    at: homeId,
    damage: (d) => d.remove(d.find(namesOf(homeId()), "email#ada@home.test")),
    finds: [["pointer", "the pointer from its further email leads nowhere"]],
  },
  {
    name: "the subject of a sign-in that leads nowhere",
    at: homeId,
    damage: (d) => d.remove(d.find(`C#${parentId()}#REFERENCES`, "signInSubject#")),
    finds: [["pointer", "the pointer from its subject of sign-ins leads nowhere"]],
  },
  {
    name: "a mirror that is missing",
    at: homeId,
    damage: (d) =>
      d.remove(d.find(`P#${homeId()}#MIRROR`, `${ground.teamId}#S#${page(numberAtHome("ada"))}`)),
    finds: [
      ["membership", `it names group `],
      ["membership", "members do not name it in their groups: "],
    ],
  },
  {
    name: "a member that does not name its group",
    at: homeId,
    damage: (d) => {
      const sk = String(numberAtHome("bob")).padStart(12, "0");
      return d.remove(d.find(`P#${homeId()}#MEMBERSHIPS#0`, sk));
    },
    finds: [["membership", "1 members that it was carried to do not name it in their groups: "]],
  },
  {
    name: "a mirror of a group that is gone",
    at: homeId,
    damage: (d) => d.put({ pk: { S: `P#${homeId()}#MIRROR` }, sk: { S: `${"z".repeat(24)}#S#000000000#` } }),
    finds: [["membership", "it is gone, yet members still name it in their groups"]],
  },
  {
    name: "a group whose row counts other than its pages",
    at: homeId,
    damage: (d) => d.set(d.group(homeId(), "Team"), { size: { N: "99" } }),
    finds: [["group", "its row counts 99 members, its pages hold "]],
  },
  {
    name: "a group that is not found by its name",
    at: homeId,
    damage: (d) => d.remove(d.find(`P#${homeId()}#GROUPNAMES`, "nobody\u001f")),
    finds: [["group_name", "it is not found by its displayName"]],
  },
  {
    name: "a group that is not found by its externalId",
    at: homeId,
    damage: (d) => d.remove(d.find(`C#${parentId()}#REFERENCES`, "groupExternalId#g-team")),
    finds: [["group_name", "it is not found by its externalId"]],
  },
  {
    name: "a name that leads to a group which does not have it",
    at: homeId,
    damage: (d) => {
      const item = d.find(`P#${homeId()}#GROUPNAMES`, "team\u001f");
      return d.put({ ...item, sk: { S: item["sk"]!.S!.replace("team", "crew") } });
    },
    finds: [["group_name", "a displayName that it does not have leads to it"]],
  },
  {
    name: "a user without a role",
    at: homeId,
    damage: (d) => d.set(d.row(homeId(), "bob"), { role: undefined }),
    finds: [["member", "type is user, role is null"]],
  },
  {
    name: "a number that was left and leads nowhere",
    alone: true,
    at: homeId,
    damage: (d) => {
      const stub = d
        .all()
        .find(({ pk, movedTo }) => pk!.S!.startsWith(`M#${homeId()}#`) && movedTo !== undefined)!;
      return d.set(stub, { movedTo: { N: "4000" } });
    },
    finds: [
      ["member", "its id does not lead to its row"],
      ["member", "word of where it moved to leads to no member"],
    ],
  },
  {
    name: "connections counted wrongly",
    at: homeId,
    damage: (d) => {
      const project = d.find("PROJECTS", homeId());
      return d.set(project, { connectionCount: plusOne(project["connectionCount"]) });
    },
    finds: [["connection", "the project counts 3 connections, 2 are there"]],
  },
  {
    name: "a connection that is both there and gone",
    alone: true,
    at: inChild,
    damage: (d) => {
      const { ordinal } = connectionRow(d, inChild(), ground.child.id);
      const sk = { S: `FORMER#${ground.child.id}` };
      return d.put({ pk: { S: `P#${inChild()}` }, sk, name: { S: "Child" }, ordinal: ordinal! });
    },
    finds: [["connection", "it is both there and gone"]],
  },
  {
    name: "children counted wrongly",
    at: homeId,
    damage: (d) => d.set(connectionRow(d, homeId(), parentId()), { childCount: { N: "5" } }),
    finds: [["link", "childCount is 5, it has links to 2 children"]],
  },
  {
    name: "a link to nobody",
    alone: true,
    at: homeId,
    damage: (d) => {
      const link = d.find(`C#${parentId()}#CHILDREN`, ground.child.id);
      return d.put({ ...link, sk: { S: ground.former.id } });
    },
    finds: [
      ["link", "childCount is 2, it has links to 3 children"],
      ["link", "its parent "],
    ],
  },
  {
    name: "a child that its parent does not know of",
    alone: true,
    at: inChild,
    damage: (d) => d.remove(d.find(`C#${parentId()}#CHILDREN`, ground.child.id)),
    finds: [["link", "it inherits from "]],
  },
  {
    name: "a child that nothing is copied to",
    alone: true,
    at: inChild,
    damage: (d) => d.remove(d.find(`J#${ground.child.id}`, "JOB")),
    finds: [["link", "there is no job that copies its parent's users and groups to it"]],
  },
  {
    name: "an open failure of a connection that is gone",
    at: () => projectOf(ground.former),
    damage: (d) => {
      const failure = d.all().find(({ pk }) => pk!.S === `F#${projectOf(ground.tight)}`)!;
      const text = { S: ground.former.id };
      const [, type, hash] = failure["sk"]!.S!.split("#");
      const key = {
        pk: { S: `F#${projectOf(ground.former)}` },
        sk: { S: `${ground.former.id}#${type}#${hash}` },
      };
      return d.put({ ...failure, ...key, connectionId: text });
    },
    finds: [["sync_failure", "it is an open failure of connection "]],
  },
  {
    name: "an open failure of a copy that is as it should be",
    at: inChild,
    damage: (d) => {
      const other = d.all().find(({ pk }) => pk!.S === `F#${projectOf(ground.tight)}`)!;
      const hash = identifierHash(`inherited ${numberAtHome("ada")}`);
      const source = { M: { ...other["source"]!.M, number: { N: String(numberAtHome("ada")) } } };
      const key = { pk: { S: `F#${inChild()}` }, sk: { S: `${ground.child.id}#User#${hash}` } };
      return d.put({ ...other, ...key, connectionId: { S: ground.child.id }, source });
    },
    finds: [["sync_failure", "it is open, yet the copy of user "]],
  },
  {
    name: "an item that cannot be read",
    at: homeId,
    damage: (d) => d.set(d.find(namesOf(homeId()), "userName#own\u001f!"), { holder: { S: "own" } }),
    finds: [
      ["unreadable", "an item of it does not hold what it should"],
      ["unreadable", "an item of it does not hold what it should"],
    ],
  },
];

async function findingsWith(damage: Damage, projectId: string): Promise<readonly Finding[]> {
  const items = damage.all();
  await restoreTable(broken, items, present);
  present = items;
  const { client, tableName } = broken;
  const { context } = createRuntime({ client, tableName, sleep: async () => {} });
  return findingsIn(context, projectId);
}

const together = cases.filter(({ alone }) => !alone);
/** By project. */
const batches = new Map<string, Promise<readonly string[]>>();

/** What is found where all of them are broken that a comparison of this project finds. */
function findingsTogether(projectId: string): Promise<readonly string[]> {
  const known = batches.get(projectId) ?? toldWith(together.filter(({ at }) => at() === projectId));
  batches.set(projectId, known);
  return known;
}

async function toldWith(broken: readonly Case[]): Promise<readonly string[]> {
  const damage = broken.reduce((so, { damage }) => damage(so), new Damage());
  const findings = await findingsWith(damage, broken[0]!.at());
  expect(findings.every(isDifference)).toBe(true);
  const expected = broken.flatMap(({ finds }) => finds);
  const told = findings.map(({ kind, what }) => {
    const as = expected.find(([ofKind, start]) => kind === ofKind && what.startsWith(start));
    return printed(as ?? [kind, what]);
  });
  return [...new Set(told)].sort();
}

const printed = ([kind, what]: readonly [string, string]) => `${kind}: ${what}`;
const printedOf = (some: readonly Case[]) =>
  [...new Set(some.flatMap(({ finds }) => finds.map(printed)))].sort();

describe("found, and as what it is:", () => {
  test.each(cases)("$name", async (one) => {
    if (one.alone) expect(await toldWith([one])).toEqual(printedOf([one]));
    else expect(await findingsTogether(one.at())).toEqual(expect.arrayContaining(printedOf([one])));
  });

  test("and nothing else is", async () => {
    for (const projectId of new Set(together.map(({ at }) => at()))) {
      const broken = together.filter(({ at }) => at() === projectId);
      expect(await findingsTogether(projectId)).toEqual(printedOf(broken));
    }
  });
});

test("what is still being copied is told as under way, and is no difference", async () => {
  const undone = (changes: Readonly<Record<string, AttributeValue>>) => {
    const damage = new Damage();
    const lost = damage.remove(damage.row(inChild(), "ada"));
    return lost.set(lost.find(`J#${ground.child.id}`, "JOB"), changes);
  };
  for (const [name, value] of [
    ["phase", { S: "users" }],
    ["healWanted", { N: "9" }],
  ] as const) {
    const findings = await findingsWith(undone({ [name]: value }), homeId());
    expect(findings).toMatchObject([{ kind: "under_way", connectionId: ground.child.id }]);
    expect(findings.some(isDifference)).toBe(false);
  }
});

test("nothing is owed while SCIM is off at the parent", async () => {
  const damage = new Damage();
  const lost = damage.remove(damage.row(inChild(), "ada"));
  const off = lost.set(connectionRow(lost, homeId(), parentId()), { scimEnabled: { BOOL: false } });
  expect(await findingsWith(off, homeId())).toEqual([]);
});

/** One thing of each phase. */
function muchDamage(): Damage {
  const damage = new Damage();
  const pool = damage.find(`P#${homeId()}#SEATS`, "3");
  return damage
    .set(pool, { readersUsed: plusOne(pool["readersUsed"]) })
    .remove(damage.find(namesOf(homeId()), "email#bob@x.test\u001f!"))
    .remove(damage.find(`C#${parentId()}#REFERENCES`, "groupExternalId#g-team"))
    .remove(damage.row(inChild(), "ada"))
    .set(damage.group(inChild(), "Team"), { displayName: { S: "Crew" } });
}

test("an answer ends when its time is up, and the next one goes on where it ended", async () => {
  const whole = await findingsWith(muchDamage(), homeId());
  expect(new Set(whole.map(({ kind }) => kind))).toEqual(
    new Set(["seats", "claim", "group_name", "copy", "copied_group"]),
  );
  let time = Date.parse("2026-01-01T00:00:00.000Z");
  const clock = () => {
    time += 60_000;
    return time;
  };
  const hurried = await startCheckedService({ table: broken, clock, sleep: async () => {} });
  const patient = await startCheckedService({ table: broken, clock: () => time, sleep: async () => {} });
  const path = `/projects/${homeId()}/compare`;
  const all = await patient.admin("GET", path);
  const items: unknown[] = [];
  const checked = { members: 0, groups: 0, children: 0 };
  let answers = 0;
  for (let query: string | undefined = ""; query !== undefined; answers++) {
    const { status, body } = await hurried.admin("GET", path + query);
    expect(status).toBe(200);
    items.push(...body.items);
    for (const name of ["members", "groups", "children"] as const) checked[name] += body.checked[name];
    query = body.nextCursor === undefined ? undefined : `?cursor=${body.nextCursor}`;
  }
  expect(answers).toBeGreaterThan(10);
  expect(all.body.nextCursor).toBeUndefined();
  expect({ items, checked }).toEqual({ items: all.body.items, checked: all.body.checked });
  expect(items).toHaveLength(whole.length);
  expect(checked).toEqual({ members: 12, groups: 3, children: 2 });
  const named = JSON.stringify(items);
  for (const name of ["ada", "bob", "x.test", "Team", "Crew", "g-team"]) expect(named).not.toContain(name);
});

test("what is no cursor of a comparison is refused, and so is a project that is not there", async () => {
  const { service } = ground;
  const cursorOf = (place: string) => Buffer.from(`1${place}`).toString("base64url");
  const places = [
    "",
    "{}",
    "12",
    '{"phase":"members","after":"x"}',
    '{"phase":"nothing"}',
    '{"phase":"names","after":""}',
  ];
  for (const cursor of ["x", ...places.map(cursorOf)]) {
    const { status, body } = await service.admin("GET", `/projects/${homeId()}/compare?cursor=${cursor}`);
    expect([status, body.code]).toEqual([400, "validation_failed"]);
  }
  const elsewhere = { phase: "copies", connectionId: parentId(), childId: ground.child.id };
  const path = `/projects/${projectOf(ground.former)}/compare?cursor=${cursorOf(JSON.stringify(elsewhere))}`;
  expect((await service.admin("GET", path)).body).toMatchObject({ items: [], checked: { children: 0 } });
  expect((await service.admin("GET", `/projects/${"0".repeat(16)}/compare`)).status).toBe(404);
});

test("nothing is ever written", async () => {
  await findingsWith(muchDamage(), homeId());
  const client = broken.newClient();
  const commands = new Set<string>();
  client.middlewareStack.add(
    (next, { commandName = "" }) =>
      (args) => {
        commands.add(commandName);
        if (!readingCommands.has(commandName)) throw new Error(`${commandName} is refused`);
        return next(args);
      },
    { step: "initialize", name: "refuseWrites" },
  );
  const { context } = createRuntime({ client, tableName: broken.tableName, sleep: async () => {} });
  for (const projectId of [homeId(), inChild()]) {
    expect(await findingsIn(context, projectId)).not.toEqual([]);
  }
  expect([...commands].sort()).toEqual([...readingCommands].sort());
});

const readingCommands: ReadonlySet<string> = new Set([
  "BatchGetItemCommand",
  "QueryCommand",
  "TransactGetItemsCommand",
]);
