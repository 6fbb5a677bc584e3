/** Chance chooses what happens next, knowing how things stand: so that most requests mean somebody who is there. */

import type { SeededRandom } from "../support/seeded-random.ts";
import {
  type Connection,
  connectionAt,
  type Group,
  liveMembers,
  liveTokens,
  type Member,
  type Project,
} from "./model.ts";
import { usersAt } from "./provider-model.ts";
import {
  type Access,
  type ConnectionSettings,
  type Credential,
  type Email,
  type Form,
  type GroupBody,
  type GroupChange,
  type Label,
  type MemberFields,
  type NumberedStep,
  type Request,
  type Role,
  type Slot,
  type Step,
  seatKinds,
  slots,
  type UserBody,
  type UserChange,
} from "./steps.ts";
import { usableToken } from "./survey.ts";

/** Few, so that they are wanted by several at once; the same for userNames and emails, so that one may be the other's. */
const names = [
  "ann@x.example",
  "bob@x.example",
  "cy@x.example",
  "dee@x.example",
  "eve@x.example",
  "fay@x.example",
  "gil@x.example",
  "hal@x.example",
  "ida@x.example",
  "jan@x.example",
  "kim@x.example",
  "zo\u00eb@x.example",
];
const externalIds = ["e1", "e2", "e3", "E1", "00ab", "ann@x.example"];
const subjects = ["s1", "s2", "s3", "kim@x.example"];
const groupNames = ["Staff", "Sales", "Board", "Crew", "Club", "Stra\u00dfe"];
const accesses: readonly Access[] = ["none", "read", "write"];
const roles: readonly Role[] = ["admin", "contributor", "reviewer"];
const nobody: Label = "nobody";

export const surveyedEvery = 25;
export const auditedEvery = 100;

export type Chooser = (project: Project) => NumberedStep | undefined;

/** A new history of `length` steps, at the end of which everything is looked at once more. */
export function chooser(random: SeededRandom, length: number): Chooser {
  let number = 0;
  let last: Step | undefined;
  return (project) => {
    number++;
    const ending = endings[number - length - 1];
    if (number > length && ending === undefined) return undefined;
    if (ending !== undefined) last = ending;
    else if (number % auditedEvery === 0) last = { kind: "audit" };
    else if (number % surveyedEvery === 0) last = { kind: "survey" };
    else last = repeated(random, last) ?? new Choice(project, random).step();
    return { number, step: last };
  };
}

/** One step of a project, by chance alone: a request, or several, or time that passes. */
export function chooseStep(project: Project, random: SeededRandom): Step {
  return new Choice(project, random).step();
}

/** What makes something that nothing else would tell of, were the answer lost: nor can a slot hold two connections. */
function isToldOnce({ kind }: { readonly kind: string }): boolean {
  return kind === "create connection" || kind.includes("token");
}

const endings: readonly Step[] = [{ kind: "survey" }, { kind: "audit" }, { kind: "end" }];

/** A request whose answer was lost is mostly sent again, and now and then one whose answer came. */
function repeated(random: SeededRandom, last: Step | undefined): Step | undefined {
  switch (last?.kind) {
    case undefined:
    case "wait":
    case "survey":
    case "audit":
    case "end":
      return undefined;
    case "at once":
      return random.next() < 0.2 ? random.pick(last.requests) : undefined;
    case "crash":
      return random.next() < 0.7 ? last.request : undefined;
    default:
      return random.next() < 0.04 && !isToldOnce(last!) ? last : undefined;
  }
}

/** How often something is chosen, and what it then is. */
type Weighed<T> = readonly [number, () => T];

class Choice {
  readonly project: Project;
  readonly random: SeededRandom;

  constructor(project: Project, random: SeededRandom) {
    this.project = project;
    this.random = random;
  }

  step(): Step {
    const needed = this.#needed();
    if (needed !== undefined && this.#chance(this.project.connections.size < slots.length ? 0.9 : 0.6))
      return needed;
    return this.#weighed<Step>([
      [80, () => this.#request()],
      [
        9,
        () => ({
          kind: "crash",
          request: this.#requestBut(isToldOnce),
          call: 1 + this.random.below(7),
          when: this.random.pick(["before", "after"]),
        }),
      ],
      [9, () => this.#atOnce()],
      [2, () => ({ kind: "wait", seconds: this.random.pick([1, 30, 600, 3_600, 7_200]) })],
    ]);
  }

  /** What a project cannot live without for long. */
  #needed(): Request | undefined {
    const { project } = this;
    for (const slot of this.random.shuffle(slots)) {
      const connection = connectionAt(project, slot);
      if (connection === undefined) return this.#newConnection(slot);
      if (!connection.scimEnabled && this.#chance(0.12)) {
        return { kind: "change connection", slot, settings: { scimEnabled: true } };
      }
      if (usableToken(project, connection) === undefined) {
        return liveTokens(project, connection).length < 2
          ? { kind: "create token", slot }
          : { kind: "rotate tokens", slot };
      }
    }
    return undefined;
  }

  #requestBut(isExcluded: (request: Request) => boolean): Request {
    for (;;) {
      const request = this.#request();
      if (!isExcluded(request)) return request;
    }
  }

  /** What concerns connections may end the token that the other request was sent with: which, the model would not know. */
  #atOnce(): Step {
    const of = () => this.#requestBut(({ kind }) => kind.includes("token") || kind.includes("connection"));
    const first = of();
    const second = this.#chance(0.15) ? first : this.#chance(0.5) ? this.#rivalOf(first) : of();
    return { kind: "at once", requests: [first, second], turns: this.random.below(2 ** 31) };
  }

  /** About the same people, where there are any. */
  #rivalOf(first: Request): Request {
    if ("user" in first && "at" in first) {
      return this.#aboutUser(first.at, first.user);
    }
    if ("member" in first) return this.#aboutMember(first.member);
    if ("group" in first && "at" in first) return this.#aboutGroup(first.at, first.group);
    return this.#request();
  }

  #request(): Request {
    return this.#weighed<Request>([
      [18, () => this.#createUser()],
      [
        30,
        () => {
          const slot = this.#slot();
          return this.#aboutUser(slot, this.#user(slot));
        },
      ],
      [4, () => this.#findUsers()],
      [5, () => this.#createGroup()],
      [
        20,
        () => {
          const slot = this.#slot();
          return this.#aboutGroup(slot, this.#scimGroup(slot));
        },
      ],
      [2, () => this.#findGroups()],
      [4, () => this.#addMember()],
      [14, () => this.#aboutMember(this.#member())],
      [1.5, () => this.#addGroup()],
      [6, () => this.#aboutProductGroup(this.#group())],
      [3, () => ({ kind: "set quotas", quotas: this.#quotas() })],
      [5, () => this.#aboutConnection()],
      [3, () => this.#aboutTokens()],
      [6, () => this.#signIn()],
    ]);
  }

  #signIn(): Request {
    const name = this.#name();
    return {
      kind: "sign in",
      slot: this.#slot(),
      subject: this.random.pick(subjects),
      ...this.#maybe(0.5, () => ({ externalId: this.random.pick(externalIds) })),
      ...this.#maybe(0.6, () => ({ userName: name })),
      ...this.#maybe(0.5, () => ({ email: this.#chance(0.6) ? name : this.#name() })),
      ...this.#maybe(0.3, () => ({ displayName: this.#word() })),
    };
  }

  #createGroup(): Request {
    const to = this.#toScim();
    return { kind: "create group", ...to, body: this.#groupBody(to.at) };
  }

  #createUser(): Request {
    return { kind: "create user", ...this.#toScim(), body: this.#userBody() };
  }

  #aboutUser(at: Slot, user: Label): Request {
    const to = this.#toScim(at);
    const ifMatch = this.#chance(0.1) ? { ifMatch: true as const } : {};
    return this.#weighed<Request>([
      [12, () => ({ kind: "replace user", ...to, user, body: this.#userBody(), ...ifMatch })],
      [24, () => ({ kind: "patch user", ...to, user, changes: this.#userChanges(), ...ifMatch })],
      [4, () => ({ kind: "delete user", ...to, user, ...ifMatch })],
      [4, () => ({ kind: "read user", ...to, user })],
    ]);
  }

  #findUsers(): Request {
    const by = this.random.pick([
      "userName",
      "externalId",
      "work email",
      "any email",
      "active",
      "team",
    ] as const);
    const value =
      by === "externalId"
        ? this.random.pick(externalIds)
        : by === "active" || by === "team"
          ? this.random.pick(["true", "false"])
          : this.#name();
    return { kind: "find users", ...this.#toScim(), by, value };
  }

  #aboutGroup(at: Slot, group: Label): Request {
    const to = this.#toScim(at);
    const ifMatch = this.#chance(0.1) ? { ifMatch: true as const } : {};
    return this.#weighed<Request>([
      [4, () => ({ kind: "replace group", ...to, group, body: this.#groupBody(at), ...ifMatch })],
      [12, () => ({ kind: "patch group", ...to, group, changes: this.#groupChanges(at), ...ifMatch })],
      [0.7, () => ({ kind: "delete group", ...to, group, ...ifMatch })],
      [2, () => ({ kind: "read group", ...to, group })],
    ]);
  }

  #findGroups(): Request {
    const to = this.#toScim();
    const by = this.random.pick(["displayName", "externalId", "member"] as const);
    if (by === "member") return { kind: "find groups", ...to, by, user: this.#user(to.at) };
    const value = by === "externalId" ? this.random.pick(externalIds) : this.#groupName();
    return { kind: "find groups", ...to, by, value };
  }

  #addMember(): Request {
    const type = this.random.pick(["user", "reader"] as const);
    return {
      kind: "add member",
      fields: {
        userName: this.#name(),
        type,
        ...this.#maybe(0.6, () => ({ email: this.#name() })),
        ...this.#maybe(0.3, () => ({ displayName: this.#word() })),
        ...this.#maybe(type === "user" ? 0.5 : 0.05, () => ({ role: this.random.pick(roles) })),
        ...this.#maybe(0.3, () => ({ access: this.random.pick(accesses) })),
      },
    };
  }

  #aboutMember(member: Label): Request {
    return this.#weighed<Request>([
      [10, () => ({ kind: "change member", member, fields: this.#memberFields() })],
      [4, () => ({ kind: "delete member", member })],
      [2, () => ({ kind: "put into group", member, group: this.#group() })],
    ]);
  }

  #memberFields(): MemberFields {
    return this.#weighed<MemberFields>([
      [4, () => ({ role: this.random.pick(roles) })],
      [2, () => ({ access: this.random.pick(accesses) })],
      [2, () => ({ type: this.random.pick(["user", "reader"]) })],
      [1, () => ({ type: "user", role: this.random.pick(roles) })],
      [3, () => ({ status: this.random.pick(["active", "inactive"]) })],
      [2, () => ({ userName: this.#name() })],
      [2, () => ({ email: this.#chance(0.2) ? "" : this.#name() })],
      [1, () => ({ displayName: this.#chance(0.2) ? "" : this.#word() })],
      [1, () => ({ userName: this.#name(), email: this.#name(), access: this.random.pick(accesses) })],
    ]);
  }

  #addGroup(): Request {
    return {
      kind: "add group",
      displayName: this.#groupName(),
      ...this.#maybe(0.5, () => ({ access: this.random.pick(accesses) })),
    };
  }

  #aboutProductGroup(group: Label): Request {
    return this.#weighed<Request>([
      [6, () => ({ kind: "put into group", group, member: this.#member() })],
      [4, () => ({ kind: "take out of group", group, member: this.#member() })],
      [
        3,
        () => ({
          kind: "change group",
          group,
          ...this.#maybe(0.6, () => ({ displayName: this.#groupName() })),
          ...this.#maybe(0.6, () => ({ access: this.random.pick(accesses) })),
        }),
      ],
      [1, () => ({ kind: "drop group", group, ...this.#maybe(0.5, () => ({ force: true as const })) })],
    ]);
  }

  #quotas() {
    const most = { users: 8, reviewers: 4, readers: 9 };
    return Object.fromEntries(
      this.random
        .shuffle(seatKinds)
        .slice(0, 1 + this.random.below(3))
        .map((kind) => [kind, this.#chance(0.25) ? null : this.random.below(most[kind])]),
    );
  }

  #aboutConnection(): Request {
    const slot = this.#slot();
    if (this.#chance(0.04)) return { kind: "delete connection", slot };
    const connection = connectionAt(this.project, slot);
    const settings = this.#weighed<ConnectionSettings>([
      [9, () => ({ scimEnabled: !(connection?.scimEnabled ?? true) })],
      [2, () => ({ onDelete: this.random.pick(["deactivate", "delete"]) })],
      [2, () => ({ uniqueGroupNames: this.#chance(0.5) })],
      [2, () => ({ defaults: this.#defaults() })],
      [1, () => ({ jit: this.#chance(0.5) })],
    ]);
    return { kind: "change connection", slot, settings };
  }

  #newConnection(slot: Slot): Request {
    return {
      kind: "create connection",
      slot,
      provider: slot,
      settings: {
        ...this.#maybe(0.5, () => ({ onDelete: this.random.pick(["deactivate", "delete"] as const) })),
        ...this.#maybe(0.3, () => ({ uniqueGroupNames: this.#chance(0.5) })),
        ...this.#maybe(0.3, () => ({ defaults: this.#defaults() })),
        ...this.#maybe(0.5, () => ({ jit: this.#chance(0.5) })),
      },
    };
  }

  #defaults() {
    return {
      ...this.#maybe(0.5, () => ({ role: this.random.pick(["contributor", "admin"] as const) })),
      ...this.#maybe(0.5, () => ({ userAccess: this.random.pick(accesses) })),
      ...this.#maybe(0.5, () => ({ readerAccess: this.random.pick(accesses) })),
      ...this.#maybe(0.5, () => ({ groupAccess: this.random.pick(accesses) })),
    };
  }

  #aboutTokens(): Request {
    const slot = this.#slot();
    return this.#weighed<Request>([
      [2, () => ({ kind: "create token", slot, ...this.#maybe(0.5, () => ({ lastsSeconds: 3_600 })) })],
      [2, () => ({ kind: "rotate tokens", slot, ...this.#maybe(0.5, () => ({ overlapSeconds: 600 })) })],
      [1, () => ({ kind: "revoke token", slot })],
    ]);
  }

  #toScim(at: Slot = this.#slot()): { readonly at: Slot; readonly credential?: Credential } {
    return {
      at,
      ...this.#maybe(0.03, () => ({ credential: this.random.pick(["ended", "other", "none"] as const) })),
    };
  }

  #slot(): Slot {
    return this.random.pick(slots);
  }

  #userBody(): UserBody {
    const userName = this.#name();
    return {
      userName,
      ...this.#maybe(0.5, () => ({ externalId: this.random.pick(externalIds) })),
      ...this.#maybe(0.3, () => ({ displayName: this.#word() })),
      ...this.#maybe(0.2, () => ({ title: this.#word() })),
      ...this.#maybe(0.7, () => ({ emails: this.#emails(userName) })),
      ...this.#maybe(0.3, () => ({ active: this.#chance(0.7) })),
      ...this.#maybe(0.6, () => ({ team: this.#chance(0.6) })),
      ...this.#maybe(0.2, () => ({ asText: true as const })),
      ...this.#maybe(0.03, () => ({
        wrong: this.random.pick([
          "no userName",
          "a number for userName",
          "a word for active",
          "two primary emails",
        ] as const),
      })),
    };
  }

  #emails(userName: string): readonly Email[] {
    const own = this.#chance(0.6) ? userName : this.#name();
    return this.#weighed<readonly Email[]>([
      [6, () => [{ value: own, type: "work", primary: true }]],
      [2, () => [{ value: own }]],
      [
        2,
        () => [
          { value: own, type: "home" },
          { value: this.#name(), type: "work" },
        ],
      ],
      [
        2,
        () => [
          { value: own, type: "work" },
          { value: this.#name(), type: "home", primary: true },
        ],
      ],
      [1, () => []],
    ]);
  }

  #userChanges(): readonly UserChange[] {
    const count = this.#chance(0.75) ? 1 : 2 + this.random.below(2);
    return Array.from({ length: count }, () => this.#userChange());
  }

  #userChange(): UserChange {
    const form = this.random.pick<Form>(["path", "path", "pathless", "qualified", "add", "text"]);
    return this.#weighed<UserChange>([
      [9, () => ({ set: "active", to: this.#chance(0.55), form })],
      [7, () => ({ set: "team", to: this.#chance(0.5), form })],
      [5, () => ({ set: "userName", to: this.#name(), form })],
      [3, () => ({ set: "externalId", to: this.#chance(0.2) ? "" : this.random.pick(externalIds), form })],
      [2, () => ({ set: "displayName", to: this.#chance(0.2) ? "" : this.#word(), form })],
      [1, () => ({ set: "title", to: this.#chance(0.2) ? "" : this.#word(), form })],
      [3, () => ({ set: "work email", to: this.#name() })],
      [2, () => ({ set: "emails", to: this.#emails(this.#name()), form: "path" })],
      [1, () => ({ add: "email", email: { value: this.#name(), type: "other" } })],
      [
        2,
        () => ({
          remove: this.random.pick([
            "externalId",
            "displayName",
            "title",
            "emails",
            "active",
            "team",
            "userName",
          ]),
        }),
      ],
      [
        1,
        () => ({
          wrong: this.random.pick([
            "another id",
            "a path to nothing",
            "a number for userName",
            "a word for active",
          ]),
        }),
      ],
    ]);
  }

  #groupBody(at: Slot): GroupBody {
    return {
      displayName: this.#groupName(),
      ...this.#maybe(0.4, () => ({ externalId: this.random.pick(externalIds) })),
      ...this.#maybe(0.9, () => ({ users: this.#users(at, 6) })),
      ...this.#maybe(0.03, () => ({
        wrong: this.random.pick([
          "no displayName",
          "a number for displayName",
          "a number for members",
        ] as const),
      })),
    };
  }

  #groupChanges(at: Slot): readonly GroupChange[] {
    const count = this.#chance(0.75) ? 1 : 2 + this.random.below(2);
    return Array.from({ length: count }, () => this.#groupChange(at));
  }

  #groupChange(at: Slot): GroupChange {
    const form = this.random.pick<Form>(["path", "pathless", "qualified", "add"]);
    const pathless = this.#maybe(0.2, () => ({ form: "pathless" as const }));
    return this.#weighed<GroupChange>([
      [9, () => ({ members: "add", users: this.#users(at, 4), ...pathless })],
      [3, () => ({ members: "remove", users: this.#users(at, 3) })],
      [2, () => ({ members: "replace", users: this.#users(at, 6), ...pathless })],
      [3, () => ({ member: "remove", user: this.#user(at) })],
      [3, () => ({ member: "add", user: this.#user(at) })],
      [0.5, () => ({ remove: "members" })],
      [3, () => ({ set: "displayName", to: this.#groupName(), form })],
      [1, () => ({ set: "externalId", to: this.#chance(0.2) ? "" : this.random.pick(externalIds), form })],
      [0.5, () => ({ remove: this.random.pick(["externalId", "displayName"]) })],
      [
        0.5,
        () => ({
          wrong: this.random.pick([
            "another id",
            "a path to nothing",
            "a number for displayName",
            "a group as a member",
          ]),
        }),
      ],
    ]);
  }

  /** One unknown among several spoils them all, so that they are mostly there; who is in twice counts once. */
  #users(at: Slot, most: number): readonly Label[] {
    const spoiled = this.#chance(0.15);
    const present = this.#usersAt(at);
    return Array.from({ length: this.random.below(most + 1) }, () =>
      present.length === 0 || spoiled ? this.#user(at) : this.random.pick(present).label,
    );
  }

  #usersAt(at: Slot) {
    const { project } = this;
    const connection = connectionAt(project, at);
    return connection === undefined ? [] : usersAt({ project, connection }).map(({ user }) => user!);
  }

  /** Mostly one who is there; else one who was, one of the other connection, or nobody. */
  #user(at: Slot): Label {
    const { project } = this;
    const connection = connectionAt(project, at);
    const present = this.#usersAt(at);
    // Those deleted in the product may come back.
    const gone = [...project.members.values()].flatMap(({ connection: owner, deleted, user }) =>
      deleted && user !== undefined && owner === connection?.identity.label ? [user] : [],
    );
    if (gone.length > 0 && this.#chance(0.25)) return this.random.pick(gone).label;
    if (present.length > 0 && this.#chance(0.85)) return this.random.pick(present).label;
    const all = [...project.named.users.keys()];
    return all.length > 0 && this.#chance(0.9) ? this.random.pick(all) : nobody;
  }

  #member(): Label {
    const live = liveMembers(this.project);
    // Whom a connection has while its SCIM is off, may be deleted, and come back when it is on again.
    const left = live.filter(({ connection }) => this.#isDisabled(connection));
    if (left.length > 0 && this.#chance(0.5)) return this.random.pick(left).identity.label;
    // What is unmanaged may be changed in more ways.
    const free = live.filter((member: Member) => !this.#isManaged(member.connection));
    if (free.length > 0 && this.#chance(0.5)) return this.random.pick(free).identity.label;
    if (live.length > 0 && this.#chance(0.9)) return this.random.pick(live).identity.label;
    const all = [...this.project.named.members.keys()];
    return all.length > 0 && this.#chance(0.8) ? this.random.pick(all) : nobody;
  }

  #isManaged(owner: Label | undefined): boolean {
    const connection: Connection | undefined = this.project.connections.get(owner ?? "");
    return connection?.scimEnabled === true && !connection.deleted;
  }

  #isDisabled(owner: Label | undefined): boolean {
    const connection = this.project.connections.get(owner ?? "");
    return connection !== undefined && !connection.scimEnabled && !connection.deleted;
  }

  #scimGroup(at: Slot): Label {
    const connection = connectionAt(this.project, at);
    const own = [...this.project.groups.values()].filter(
      (group) => group.connection !== undefined && group.connection === connection?.identity.label,
    );
    return own.length > 0 && this.#chance(0.9) ? this.random.pick(own).identity.label : this.#group();
  }

  #group(): Label {
    const groups: readonly Group[] = [...this.project.groups.values()];
    const free = groups.filter(({ connection }) => !this.#isManaged(connection));
    if (free.length > 0 && this.#chance(0.5)) return this.random.pick(free).identity.label;
    if (groups.length > 0 && this.#chance(0.9)) return this.random.pick(groups).identity.label;
    const all = [...this.project.named.groups.keys()];
    return all.length > 0 && this.#chance(0.8) ? this.random.pick(all) : nobody;
  }

  #name(): string {
    return this.#spelled(this.random.pick(names));
  }

  #groupName(): string {
    return this.#spelled(this.random.pick(groupNames));
  }

  #spelled(name: string): string {
    return this.random.pick([
      name,
      name,
      name.toUpperCase(),
      name[0]!.toUpperCase() + name.slice(1),
      name.normalize("NFD"),
    ]);
  }

  #word(): string {
    return this.random.pick(["Ann", "Bob", "Chief", "Ops", " x "]);
  }

  #chance(share: number): boolean {
    return this.random.next() < share;
  }

  #maybe<T extends object>(share: number, make: () => T): T | Record<never, never> {
    return this.#chance(share) ? make() : {};
  }

  #weighed<T>(choices: readonly Weighed<T>[]): T {
    let left = this.random.next() * choices.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, make] of choices) {
      left -= weight;
      if (left < 0) return make();
    }
    return choices.at(-1)![1]();
  }
}
