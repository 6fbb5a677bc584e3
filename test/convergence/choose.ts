/** Chance chooses what happens next to a parent and its children, and to the stream between them. */

import { chooseStep } from "../simulation/choose.ts";
import {
  connectionAt,
  emailOf,
  isLive,
  liveMembers,
  liveTokens,
  type Member,
  typeOf,
  usageOf,
} from "../simulation/model.ts";
import { usersAt } from "../simulation/provider-model.ts";
import {
  labelOf,
  type Request,
  type Slot,
  type Step,
  seatKinds,
  slots,
  type UserBody,
  type UserChange,
} from "../simulation/steps.ts";
import { usableToken } from "../simulation/survey.ts";
import type { SeededRandom } from "../support/seeded-random.ts";
import { heirAt, heirsOf, type State } from "./state.ts";
import {
  type Act,
  type Child,
  type ConvergenceStep,
  children,
  type Delivery,
  type NumberedStep,
  type Place,
} from "./steps.ts";

/** Our choice: some changes pile up between two looks, and a difference is not far from its cause. */
const [quietMin, quietMax] = [8, 50];
/** Our choice: of a child's requests so many speak of people its parent has not. */
const ownNamesShare = 0.4;

export type Chooser = (state: State) => NumberedStep | undefined;

/** A new history of `length` steps, all quiet at the end. */
export function chooser(random: SeededRandom, length: number): Chooser {
  const choice = new Choice(random);
  let number = 0;
  let quietAt = quietMin + random.below(quietMax - quietMin);
  return (state) => {
    number++;
    if (number > length) return undefined;
    if (number === length || number === quietAt) {
      quietAt = number + quietMin + random.below(quietMax - quietMin);
      return { number, step: { kind: "quiet" } };
    }
    return { number, step: choice.next(state, number) };
  };
}

/** How often something is chosen, and what it then is; undefined where there is nothing that it could be. */
type Weighed<T> = readonly [number, () => T | undefined | ""];

class Choice {
  readonly #random: SeededRandom;
  /** What belongs together goes on, with something else between it now and then. */
  #plan: ConvergenceStep[] = [];

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  next(state: State, number: number): ConvergenceStep {
    const needed = this.#needed(state);
    if (needed !== undefined) return needed;
    if (this.#plan.length > 0 && this.#chance(0.6)) return this.#plan.shift()!;
    return this.#weighed<ConvergenceStep>([
      [40, () => this.#asStep("parent", state)],
      [14, () => this.#asStep(this.#random.pick(children), state)],
      [28, () => this.#delivery()],
      [9, () => this.#meeting(state)],
      [8, () => this.#planned(state, number)],
      [4, () => this.#link(state)],
      [5, () => this.#newcomer(state)],
      [0.6, () => ({ kind: "cut", in: this.#random.pick(children), from: this.#random.pick(slots) })],
      [1.5, () => ({ kind: "retry", in: this.#random.pick(children), failure: this.#random.below(10) })],
    ]);
  }

  /** Without a connection that somebody may use, and a child, there is nothing to inherit. */
  #needed(state: State): ConvergenceStep | undefined {
    const { parent } = state;
    const okta = connectionAt(parent, "okta");
    if (okta === undefined) {
      const settings = this.#chance(0.5) ? {} : { onDelete: "delete" as const };
      return this.#request("parent", { kind: "create connection", slot: "okta", provider: "okta", settings });
    }
    if (liveTokens(parent, okta).length === 0)
      return this.#request("parent", { kind: "create token", slot: "okta" });
    return heirsOf(state).length === 0
      ? { kind: "link", in: this.#random.pick(children), to: "okta" }
      : undefined;
  }

  #newcomer(state: State): Act | undefined {
    const slot = this.#chance(0.8) ? "okta" : "entra";
    const connection = connectionAt(state.parent, slot);
    if (!connection?.scimEnabled || usableToken(state.parent, connection) === undefined) return undefined;
    const users = usersAt({ project: state.parent, connection }).map(({ user }) => user!.label);
    const body = { userName: `new${this.#random.below(8)}@x.example`, team: this.#chance(0.5) };
    return this.#request(
      "parent",
      this.#chance(0.7)
        ? { kind: "create user", at: slot, body }
        : { kind: "create group", at: slot, body: { displayName: `New ${this.#random.below(5)}`, users } },
    );
  }

  #link(state: State): Act | undefined {
    const to = this.#chance(0.7) ? "okta" : "entra";
    const place = this.#random.pick(children);
    const isFree = connectionAt(state.parent, to) !== undefined && heirAt(state, place, to) === undefined;
    return isFree ? { kind: "link", in: place, to } : undefined;
  }

  #request(place: Place, step: Step): Extract<Act, { kind: "request" }> {
    return { kind: "request", in: place, step };
  }

  #asStep(place: Place, state: State): ConvergenceStep {
    const step = this.#stepOf(place, state);
    return step.kind === "wait" ? { kind: "pass", seconds: step.seconds } : this.#request(place, step);
  }

  #stepOf(place: Place, state: State): Step {
    for (;;) {
      const step = chooseStep(state[place], this.#random);
      if (!this.#isWelcome(place, state, step)) continue;
      if (place === "parent" || !this.#chance(ownNamesShare)) return step;
      return JSON.parse(JSON.stringify(step).replaceAll(/x\.example/gi, `${place}.example`)) as Step;
    }
  }

  /** What would only be refused mostly tells nothing here, nor what makes a child's own connections. */
  #isWelcome(place: Place, state: State, step: Step): boolean {
    const text = JSON.stringify(step);
    const isSeldom = this.#chance(0.08);
    if (place === "parent" && text.includes('"delete connection"')) return false;
    if (text.includes('"nobody"') || /"(?:read|find|sign in|wait)/.test(text)) return isSeldom;
    if (place !== "parent" && /"create connection"|token"/.test(text)) return this.#chance(0.02);
    const requests = step.kind === "at once" ? step.requests : [step.kind === "crash" ? step.request : step];
    return (
      isSeldom ||
      requests.every((each) => {
        if (!("at" in each)) return true;
        const connection = connectionAt(state[place], each.at);
        return connection?.scimEnabled === true && usableToken(state[place], connection) !== undefined;
      })
    );
  }

  #delivery(): Delivery {
    const to = this.#chance(0.7) ? "propagation" : "activity";
    return {
      kind: "deliver",
      to,
      most: this.#random.pick([1, 2, 3, 5, 10, 100]),
      ...(this.#chance(0.2) && { late: this.#random.below(100) }),
      ...(this.#chance(0.3) && { shuffled: this.#random.below(2 ** 31) }),
      ...(this.#chance(0.12) && { old: this.#random.below(1_000) }),
      ...(this.#chance(0.12) && { lost: true as const }),
      ...(this.#chance(0.3) && {
        crash: {
          call: 1 + this.#random.below(this.#random.pick([8, 40])),
          when: this.#random.pick(["before", "after"] as const),
        },
      }),
    };
  }

  /** Others are at work, which is trouble enough. */
  #calmDelivery(): Delivery {
    const { crash: _, ...calm } = this.#delivery();
    return { ...calm, ...(this.#chance(0.6) && { torn: this.#random.below(2 ** 31) }) };
  }

  /** At least one of them is of the stream. */
  #meeting(state: State): ConvergenceStep {
    const first = this.#calmDelivery();
    const second = this.#chance(0.35) ? this.#calmDelivery() : this.#metByStream(state);
    const afterwards: Delivery = { kind: "deliver", to: "propagation", most: 100 };
    return {
      kind: "meet",
      acts: [first, second],
      ...(second.kind !== "deliver" && this.#chance(0.5) && { afterwards }),
      turns: this.#random.below(2 ** 31),
    };
  }

  #metByStream(state: State): Act {
    const place = this.#random.pick(children);
    return this.#weighed<Act>([
      [5, () => ({ kind: "cut", in: place, from: this.#random.pick(slots) })],
      [5, () => this.#link(state)],
      [8, () => ({ kind: "retry", in: place, failure: this.#random.below(10) })],
      [50, () => this.#plainRequest("parent", state)],
      [40, () => this.#plainRequest(place, state)],
    ]);
  }

  #plainRequest(place: Place, state: State): Act {
    for (;;) {
      const step = this.#stepOf(place, state);
      if (!["wait", "crash", "at once"].includes(step.kind)) return this.#request(place, step);
    }
  }

  /** The first step of what takes several. */
  #planned(state: State, number: number): ConvergenceStep | undefined {
    const plan = this.#weighed<readonly ConvergenceStep[]>([
      [4, () => this.#overtake(state, number)],
      [3, () => this.#swap(state)],
      [3, () => this.#goAndReturn(state)],
      [3, () => this.#offAndOn(state)],
      [3, () => this.#squeeze(state)],
      [3, () => this.#clash(state)],
      [3, () => this.#dropCopy(state)],
      [2, () => this.#renewLink(state)],
    ]);
    const [first, ...rest] = plan;
    this.#plan = [...rest];
    return first;
  }

  #sources(state: State): readonly { readonly at: Slot; readonly member: Member }[] {
    return slots.flatMap((at) => {
      const connection = connectionAt(state.parent, at);
      const isOpen = connection?.scimEnabled && usableToken(state.parent, connection) !== undefined;
      return isOpen ? usersAt({ project: state.parent, connection }).map((member) => ({ at, member })) : [];
    });
  }

  /** A user changes again, and that is carried, while somebody still carries the last change. */
  #overtake(state: State, number: number): readonly ConvergenceStep[] | undefined {
    const [one] = this.#random.shuffle(this.#sources(state));
    if (one === undefined) return undefined;
    const { at, member } = one;
    const isNew = this.#chance(0.4);
    const user = isNew ? labelOf(number) : member.user!.label;
    const userName = `new${this.#random.below(8)}@x.example`;
    const patch = (changes: readonly UserChange[]): Request => ({ kind: "patch user", at, user, changes });
    const first: Request = isNew
      ? { kind: "create user", at, body: { userName, team: this.#chance(0.5) } }
      : patch([{ set: "title", to: "Chief", form: "path" }]);
    const second = this.#weighed<Request>([
      [2, () => patch([{ set: "title", to: "Bob", form: "path" }])],
      [2, () => patch([{ set: "active", to: this.#chance(0.5), form: "path" }])],
      [1, () => patch([{ set: "team", to: this.#chance(0.5), form: "path" }])],
      [1, () => patch([{ set: "userName", to: `between${this.#random.below(2)}@x.example` }])],
      [3, () => ({ kind: "delete user", at, user })],
    ]);
    const most = this.#random.pick([1, 2, 5]);
    const carried: Delivery = { kind: "deliver", to: "propagation", most, newest: true };
    return [
      this.#request("parent", first),
      {
        kind: "meet",
        acts: [carried, this.#request("parent", second)],
        afterwards: { ...carried, most: 20 },
        turns: this.#random.below(2 ** 31),
      },
    ];
  }

  /** Two users change names through a third one. */
  #swap(state: State): readonly ConvergenceStep[] | undefined {
    const [one, other] = this.#random.shuffle(this.#sources(state));
    if (one === undefined || other === undefined) return undefined;
    const rename = ({ at, member }: typeof one, to: string): ConvergenceStep =>
      this.#request("parent", {
        kind: "patch user",
        at,
        user: member.user!.label,
        changes: [{ set: "userName", to }],
      });
    const [first, second] = [one, other].map(({ member }) => member.attributes.userName);
    return [rename(one, "between@x.example"), rename(other, first!), rename(one, second!)];
  }

  #goAndReturn(state: State): readonly ConvergenceStep[] | undefined {
    const [one] = this.#random.shuffle(this.#sources(state));
    if (one === undefined) return undefined;
    const { at, member } = one;
    const { active: _, ...attributes } = member.attributes;
    const body: UserBody = this.#chance(0.3) ? { ...attributes, team: this.#chance(0.5) } : attributes;
    const to = this.#chance(0.8) ? at : this.#random.pick(slots);
    return [
      this.#request("parent", { kind: "delete user", at, user: member.user!.label }),
      ...(this.#chance(0.5) ? [this.#delivery()] : []),
      this.#request("parent", { kind: "create user", at: to, body }),
    ];
  }

  /** While SCIM is off, parent and children change by hand. */
  #offAndOn(state: State): readonly ConvergenceStep[] {
    const slot = this.#chance(0.8) ? "okta" : "entra";
    const switched = (scimEnabled: boolean): ConvergenceStep =>
      this.#request("parent", { kind: "change connection", slot, settings: { scimEnabled } });
    const off = { ...state.parent, connections: new Map(state.parent.connections) };
    const connection = connectionAt(off, slot);
    if (connection === undefined) return [this.#delivery()];
    off.connections.set(connection.identity.label, { ...connection, scimEnabled: false });
    const heirs = heirsOf(state).filter(({ parent }) => parent === connection);
    const byHand = Array.from({ length: 1 + this.#random.below(4) }, (): ConvergenceStep => {
      const heir = this.#chance(0.5) && heirs.length > 0 ? this.#random.pick(heirs) : undefined;
      return this.#byHand(state, heir?.in ?? "parent", (heir?.connection ?? connection).identity.label);
    });
    return [switched(false), ...byHand, switched(true)];
  }

  #byHand(state: State, place: Place, owner: string): ConvergenceStep {
    const project = state[place];
    const own = liveMembers(project).filter(({ connection }) => connection === owner);
    const groups = [...project.groups.values()].filter(({ connection }) => connection === owner);
    const member = own.length > 0 ? this.#random.pick(own).identity.label : undefined;
    const group = groups.length > 0 ? this.#random.pick(groups).identity.label : undefined;
    const anybody = liveMembers(project);
    const other = anybody.length > 0 ? this.#random.pick(anybody).identity.label : undefined;
    const name = `hand${this.#random.below(3)}@x.example`;
    const request = this.#weighed<Request>([
      [2, () => member && { kind: "delete member", member }],
      [2, () => member && { kind: "change member", member, fields: { userName: name } }],
      [
        2,
        () =>
          member && {
            kind: "change member",
            member,
            fields: { type: this.#random.pick(["user", "reader"]) },
          },
      ],
      [
        1,
        () =>
          member && {
            kind: "change member",
            member,
            fields: { status: this.#random.pick(["active", "inactive"]) },
          },
      ],
      [1, () => member && { kind: "change member", member, fields: { email: name } }],
      [1, () => group && { kind: "drop group", group }],
      [1, () => group && { kind: "change group", group, displayName: this.#random.pick(["Hand", "Staff"]) }],
      [2, () => (group && member ? { kind: "take out of group", group, member } : undefined)],
      [2, () => (group && other ? { kind: "put into group", group, member: other } : undefined)],
      [0.1, () => ({ kind: "add group", displayName: "Own" })],
    ]);
    return this.#request(place, request);
  }

  /** A child has hardly a seat left, or none. */
  #squeeze(state: State): readonly ConvergenceStep[] {
    const place = this.#random.pick(children);
    const usage = usageOf(state[place]);
    const kind = this.#random.pick(seatKinds);
    const quota = Math.max(0, usage[kind] - 1 + this.#random.below(3));
    const set = (to: number | null) => this.#request(place, { kind: "set quotas", quotas: { [kind]: to } });
    return this.#chance(0.6)
      ? [set(quota), this.#delivery(), this.#delivery(), set(this.#random.pick([quota + 1, null]))]
      : [set(quota)];
  }

  /** Somebody in a child has the name of a user of the parent, or his email. */
  #clash(state: State): readonly ConvergenceStep[] | undefined {
    const [one] = this.#random.shuffle(this.#sources(state));
    if (one === undefined) return undefined;
    const { attributes } = one.member;
    const email = emailOf(attributes);
    const place: Child = this.#random.pick(children);
    const type = this.#random.pick(["user", "reader"] as const);
    const fields =
      this.#chance(0.6) || email === undefined
        ? { userName: attributes.userName, type }
        : { userName: `clash${this.#random.below(3)}@x.example`, email, type };
    return [this.#request(place, { kind: "add member", fields })];
  }

  /** A group that is inherited, or the role or access of somebody who is. */
  #dropCopy(state: State): readonly ConvergenceStep[] | undefined {
    const heirs = heirsOf(state);
    if (heirs.length === 0) return undefined;
    const { in: place, connection } = this.#random.pick(heirs);
    const { groups, members } = state[place];
    const isCopy = (each: { readonly connection: string | undefined }) =>
      each.connection === connection.identity.label;
    const [group] = this.#random.shuffle([...groups.values()].filter(isCopy));
    const [member] = this.#random.shuffle(
      [...members.values()].filter((each) => isCopy(each) && isLive(each)),
    );
    const request = this.#weighed<Request | "none">([
      [2, () => group && { kind: "drop group", group: group.identity.label, force: true }],
      [1, () => group && { kind: "change group", group: group.identity.label, access: "write" }],
      [
        2,
        () =>
          member && {
            kind: "change member",
            member: member.identity.label,
            fields:
              typeOf(member) === "user" && this.#chance(0.6)
                ? { role: this.#random.pick(["admin", "contributor", "reviewer"]) }
                : { access: this.#random.pick(["none", "read", "write"]) },
          },
      ],
      [0.1, () => "none"],
    ]);
    return request === "none" ? undefined : [this.#request(place, request)];
  }

  #renewLink(state: State): readonly ConvergenceStep[] | undefined {
    const heirs = heirsOf(state);
    if (heirs.length === 0) return undefined;
    const heir = this.#random.pick(heirs);
    const slot = slots.find((each) => connectionAt(state.parent, each) === heir.parent)!;
    return [
      { kind: "cut", in: heir.in, from: slot },
      { kind: "link", in: heir.in, to: slot },
    ];
  }

  #chance(share: number): boolean {
    return this.#random.next() < share;
  }

  #weighed<T>(choices: readonly Weighed<T>[]): T {
    for (;;) {
      let left = this.#random.next() * choices.reduce((sum, [weight]) => sum + weight, 0);
      for (const [weight, make] of choices) {
        left -= weight;
        if (left >= 0) continue;
        const made = make();
        if (made !== undefined && made !== "") return made;
        break;
      }
    }
  }
}
