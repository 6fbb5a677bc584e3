/**
 * A storm: thirty requests at a time on thirty people, through every door by which seats are taken, moved and given back,
 * over several instances. Usage equals the seats held and never passes a quota, at every moment: DESIGN §1, invariant 1.
 *
 * Three watch: `GET /projects/{p}`, again and again; an audit of the whole table, every so many answers (the embedded engine
 * scans a small table at one instant); and the table's stream, afterwards, write by write. SEED replays a storm, `run-seeds.ts`
 * makes many, THOROUGH=1 makes longer ones.
 */

import { afterEach, describe, expect, test } from "vitest";
import { seedFromEnvironment } from "../support/seeded-random.ts";
import type { ServiceResponse, TestConnection, TestService } from "../support/service.ts";
import { checkTable } from "./check-table.ts";
import { accountUrn, patchOf } from "./operations.ts";
import { type Calm, countStatuses, type Ground, insist, openGround, sampleUsage } from "./race-ground.ts";
import {
  type Passage,
  readSeatHistory,
  type SeatHistory,
  type SeatKind,
  type Seats,
  seatKinds,
} from "./seat-history.ts";

const seed = seedFromEnvironment();
const thorough = process.env["THOROUGH"] !== undefined;

const peopleCount = 30;
/** Of them, those that were there before the storm. */
const idleCount = 12;
const requestsAtOnce = 30;
const requestsMin = thorough ? 5_000 : 600;
/** What a storm is prolonged by that has not been everywhere yet, and how often at most. */
const requestsMore = 200;
const prolongedMax = 10;
/** A hundred times what a request takes on an idle machine. */
const timeoutMs = requestsMin * 800;
/** Answers from one audit to the next. */
const auditEvery = 40;
/** For thirty people: most doors are found shut now and then, and open now and then. */
const quotas: Readonly<Record<SeatKind, number>> = { users: 7, reviewers: 3, readers: 8 };

let ground: Ground;
afterEach(() => ground.stop());

interface Person {
  readonly userName: string;
  /** SCIM ids, as last heard. */
  readonly ids: Map<TestConnection, string>;
  /** As last heard. */
  memberId: string | undefined;
  type: "user" | "reader" | undefined;
  role: string | undefined;
}

interface Storm {
  readonly people: readonly Person[];
  /** Whose SCIM DELETE deactivates, and whose deletes. */
  readonly connections: readonly TestConnection[];
  /** More of the former kind, which are switched off and on: those that nobody has just switched off. */
  readonly switchedOn: Set<TestConnection>;
  /** One request at some instance: repeated while it is told to, and noted. */
  ask(request: (instance: TestService) => Promise<ServiceResponse>): Promise<ServiceResponse>;
}

type Door = (storm: Storm) => Promise<unknown>;

const chance = (share: number): boolean => ground.random.next() < share;

/** Mostly of the type it has, since another one is a role conflict where the member is to be linked. */
function attributesOf({ userName, type }: Person): object {
  const isTeamAccount = type === undefined || chance(0.3) ? chance(0.5) : type === "user";
  return {
    userName,
    externalId: `x-${userName}`,
    emails: [{ value: userName, type: "work", primary: true }],
    [accountUrn]: { isTeamAccount },
  };
}

const setActive = (value: boolean) => ({ op: "replace", path: "active", value });
const setTeamAccount = (value: boolean) => ({ op: "replace", path: `${accountUrn}:isTeamAccount`, value });

/** Somebody of whom this is so; undefined where it is so of nobody. */
function somebody({ people }: Storm, like: (person: Person) => boolean): Person | undefined {
  const found = people.filter(like);
  return found.length > 0 ? ground.random.pick(found) : undefined;
}

/** What an answer tells of a person. */
function note(person: Person, { status, body }: ServiceResponse): void {
  if (status >= 300 || body === undefined) return;
  const fromProduct = body.managedBy !== undefined;
  const isUser = fromProduct ? body.type === "user" : body[accountUrn]?.isTeamAccount === true;
  person.type = isUser ? "user" : "reader";
  if (fromProduct) person.role = body.role;
}

/** Asks SCIM for something of a user that it knows. */
async function askScim(storm: Storm, method: string, bodyOf?: (person: Person) => object): Promise<void> {
  const person = somebody(storm, ({ ids }) => ids.size > 0);
  if (person === undefined) return post(storm);
  const [connection, id] = ground.random.pick([...person.ids]);
  const body = bodyOf?.(person);
  const answer = await storm.ask((instance) =>
    instance.adopt(connection).scim(method, `/Users/${id}`, { body }),
  );
  note(person, answer);
  if (answer.status === 404 || answer.status === 204) person.ids.delete(connection);
}

/** A new member, one that is there, or one that comes back. */
async function post(storm: Storm): Promise<void> {
  const connection = ground.random.pick([...storm.connections, ...storm.switchedOn]);
  const person = somebody(storm, ({ ids }) => !ids.has(connection)) ?? ground.random.pick(storm.people);
  const body = attributesOf(person);
  const answer = await storm.ask((instance) => instance.adopt(connection).scim("POST", "/Users", { body }));
  note(person, answer);
  if (answer.status !== 201) return;
  person.ids.set(connection, answer.body.id);
  if (answer.body.meta.version === 'W/"1"') person.memberId = answer.body.id;
}

const inProject = ({ ask }: Storm, method: string, path: string, body?: object): Promise<ServiceResponse> =>
  ask((instance) => instance.admin(method, `/projects/${ground.project.id}${path}`, body));

/** Asks the product for something of a member that it knows. */
async function askProduct(
  storm: Storm,
  method: string,
  body?: object,
  like: (person: Person) => boolean = () => true,
): Promise<void> {
  const person = somebody(storm, (one) => one.memberId !== undefined && like(one));
  if (person === undefined) return post(storm);
  const answer = await inProject(storm, method, `/members/${person.memberId}`, body);
  note(person, answer);
  if (answer.status === 404 || answer.status === 204) person.memberId = undefined;
}

const doors: Readonly<Record<string, Door>> = {
  post,
  activate: (storm) => askScim(storm, "PATCH", () => patchOf(setActive(true))),
  deactivate: (storm) => askScim(storm, "PATCH", () => patchOf(setActive(false))),
  convert: (storm) => askScim(storm, "PATCH", ({ type }) => patchOf(setTeamAccount(type !== "user"))),
  put: (storm) => askScim(storm, "PUT", (person) => ({ ...attributesOf(person), active: chance(0.8) })),
  end: (storm) => askScim(storm, "DELETE"),
  async createByHand(storm) {
    const person = somebody(storm, ({ memberId }) => memberId === undefined);
    if (person === undefined) return post(storm);
    const type = chance(0.6) ? { type: "user" } : { type: "reader" };
    const answer = await inProject(storm, "POST", "/members", { userName: person.userName, ...type });
    note(person, answer);
    if (answer.status === 201) person.memberId = answer.body.id;
  },
  makeReviewer: (storm) => askProduct(storm, "PATCH", { role: "reviewer" }, ({ type }) => type === "user"),
  makeContributor: (storm) =>
    askProduct(
      storm,
      "PATCH",
      { role: "contributor" },
      ({ type, role }) => type === "user" && role === "reviewer",
    ),
  activateByHand: (storm) => askProduct(storm, "PATCH", { status: "active" }),
  convertByHand: (storm) => askProduct(storm, "PATCH", { type: chance(0.5) ? "user" : "reader" }),
  deleteByHand: (storm) => askProduct(storm, "DELETE"),
  restore,
};

/** Deleted in the product while SCIM is off, then updated by the identity provider, which did not hear of it. */
async function restore(storm: Storm): Promise<void> {
  const [connection] = ground.random.shuffle([...storm.switchedOn]);
  const person = somebody(storm, ({ ids, memberId }) => memberId !== undefined && ids.has(connection!));
  if (connection === undefined || person === undefined) return post(storm);
  const { ids, memberId } = person;
  const path = `/Users/${ids.get(connection)}`;
  const settings = `/connections/${connection.connection.id}`;
  storm.switchedOn.delete(connection);
  await inProject(storm, "PATCH", settings, { scimEnabled: false });
  await inProject(storm, "DELETE", `/members/${memberId}`);
  await inProject(storm, "PATCH", settings, { scimEnabled: true });
  storm.switchedOn.add(connection);
  const { method, body } = chance(0.5)
    ? { method: "PATCH", body: patchOf(setActive(true)) }
    : { method: "PUT", body: attributesOf(person) };
  note(person, await storm.ask((instance) => instance.adopt(connection).scim(method, path, { body })));
}

/** Made by hand and inactive, so that who links it needs a seat. */
async function addIdle(person: Person): Promise<void> {
  const members = `/projects/${ground.project.id}/members`;
  person.type = chance(0.5) ? "user" : "reader";
  const { userName, type } = person;
  const { body } = await ground.observer.admin("POST", members, { userName, type });
  person.memberId = body.id;
  await ground.observer.admin("PATCH", `${members}/${body.id}`, { status: "inactive" });
}

/** The doors, each as often as its share asks for. */
const choices = Object.entries({
  post: 8,
  activate: 4,
  deactivate: 3,
  convert: 3,
  put: 2,
  end: 3,
  createByHand: 3,
  makeReviewer: 4,
  makeContributor: 3,
  activateByHand: 1,
  convertByHand: 1,
  deleteByHand: 1,
  restore: 6,
}).flatMap(([name, share]) => Array.from({ length: share }, () => doors[name]!));

const weathers: readonly (readonly [name: string, disturbance: Calm])[] = [
  ["on a calm table", {}],
  ["amid conflicts, throttling and torn reads", { conflicts: 0.1, throttled: 0.06, torn: 0.15 }],
];

/** Each run takes the weather that its seed chooses. */
const chosen = thorough ? weathers : [weathers[seed % weathers.length]!];

describe(`seed ${seed}`, () => {
  test.each(chosen)(
    "usage equals the seats held and stays within the quotas, %s",
    async (name, weather) => {
      const disturbed: Record<string, number> = {};
      const onDisturbed = (kind: string) => {
        disturbed[kind] = (disturbed[kind] ?? 0) + 1;
      };
      ground = await openGround(seed, {
        disturbance: { ...weather, onDisturbed },
        project: { quotas },
        stream: true,
      });
      const { table, observer, random } = ground;
      let asked = 0;
      const answers: ServiceResponse[] = [];
      const audits: Promise<readonly string[]>[] = [];
      const connect = (fields: object) => observer.createConnection({ ...fields }, ground.project);
      const storm: Storm = {
        people: Array.from({ length: peopleCount }, (_, index) => ({
          userName: `p${index}@x.test`,
          ids: new Map(),
          memberId: undefined,
          type: undefined,
          role: undefined,
        })),
        connections: [ground.connection, await connect({ onDelete: "delete" })],
        switchedOn: new Set([await connect({}), await connect({}), await connect({})]),
        async ask(request) {
          asked++;
          const answer = await insist(() => request(random.pick(ground.instances)));
          if (answers.push(answer) % auditEvery === 0) audits.push(checkTable(table));
          return answer;
        },
      };

      // One after the other: each holds a seat for a moment.
      for (const person of storm.people.slice(0, idleCount)) await addIdle(person);

      const samples: Seats[] = [];
      let history: SeatHistory;
      for (let prolonged = 0; ; prolonged++) {
        const requests = requestsMin + prolonged * requestsMore;
        const work = Promise.all(
          Array.from({ length: requestsAtOnce }, async () => {
            while (asked < requests) await random.pick(choices)(storm);
          }),
        );
        samples.push(...(await sampleUsage(ground, work)));
        history = await readSeatHistory(table);
        if (prolonged === prolongedMax || isWhole(history)) break;
      }
      report(name, { answers, samples, audits, history, disturbed });
      for (const answer of answers) expectLawful(answer);
      for (const audit of audits) expect(await audit).toEqual([]);
      for (const kind of seatKinds) {
        for (const sample of samples) expect(sample[kind]).toBeLessThanOrEqual(quotas[kind]);
        // Reached, so that the quota was what held it there; and not passed at any moment.
        expect(history.mostUsed[kind]).toBe(quotas[kind]);
      }
      expect(history.findings).toEqual([]);
      expect(notPassed(history)).toEqual([]);
      expect(await checkTable(table)).toEqual([]);
    },
    timeoutMs,
  );
});

/** Each of these takes a seat, or moves one to another kind. */
const seatTaking: readonly Passage[] = [
  "created",
  "created by hand",
  "linked",
  "taken over",
  "returned",
  "restored",
  "reactivated",
  "made a user",
  "made a reader",
  "made a reviewer",
  "a reviewer no more",
];

/** Through all doors, and up to all quotas. */
function isWhole(history: SeatHistory): boolean {
  return notPassed(history).length === 0 && seatKinds.every((kind) => history.mostUsed[kind] >= quotas[kind]);
}

/** Doors by which nobody has taken a seat yet, or moved to another kind. */
function notPassed({ passages }: SeatHistory): readonly Passage[] {
  return seatTaking.filter((passage) => !passages.get(passage)?.seated);
}

/** Done, or refused for one of the reasons there are here; never an error of the service. */
function expectLawful({ status, body }: ServiceResponse): void {
  expect([200, 201, 204, 400, 403, 404, 409], JSON.stringify(body)).toContain(status);
  if (status === 400) expect(body.detail).toBe("A reader has no role.");
  if (status === 403)
    expect(body.detail).toMatch(/quota "(users" is 7|reviewers" is 3|readers" is 8) |^SCIM is disabled/);
  if (status === 409) {
    expect([body.scimType, body.code]).toBeOneOf([
      ["uniqueness", undefined],
      [undefined, "quota_exceeded"],
      [undefined, "managed_by_idp"],
      [undefined, "duplicate_member"],
    ]);
  }
}

function report(
  weather: string,
  seen: {
    readonly answers: readonly ServiceResponse[];
    readonly samples: readonly unknown[];
    readonly audits: readonly unknown[];
    readonly history: SeatHistory;
    readonly disturbed: Readonly<Record<string, number>>;
  },
): void {
  const { answers, samples, audits, history, disturbed } = seen;
  const passages = [...history.passages].map(
    ([passage, { count, seated }]) => `${passage} ${count} (${seated})`,
  );
  console.log(
    [
      `storm ${weather}: ${answers.length} requests, ${JSON.stringify(countStatuses(answers))}`,
      `watched: ${samples.length} samples, ${audits.length} audits of the table, ${history.writes} writes in its stream`,
      `most in use ${JSON.stringify(history.mostUsed)} of ${JSON.stringify(quotas)}`,
      `retries ${ground.retries()}, disturbed ${JSON.stringify(disturbed)}`,
      `members, in brackets those that took a seat or another: ${passages.sort().join(", ")}`,
    ].join("\n"),
  );
}
