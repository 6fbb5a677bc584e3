import { urns } from "../service/scim-messages.ts";
import type { ServiceResponse } from "../support/service.ts";
import {
  type Connection,
  emailOf,
  type Group,
  type Identity,
  isActive,
  isLive,
  type Member,
  managerOf,
  managerOfMember,
  membersOf,
  type Project,
  seatOf,
  typeOf,
  usageOf,
  usersOf,
} from "./model.ts";
import type { Refusal, Reply, Shown, SignIn } from "./outcome.ts";
import { seatKinds } from "./steps.ts";
import { type Comparison, nameOf, nameOfGroup, show, type Told } from "./words.ts";

// biome-ignore lint/suspicious/noExplicitAny: answers are reached into, as in other tests
type Body = any;

/**
 * Where another request was under way, a list is of no single instant, and a group may show members that are ahead of its
 * version: whoever relies on that is refused (412).
 */
export function compareAnswer(reply: Reply, answer: ServiceResponse, isAlone: boolean): Comparison {
  const said = `${answer.status} ${show(answer.body)}`;
  if (reply.kind === "refused") {
    if (reply.refusals.some((refusal) => isRefusal(refusal, answer))) return { differences: [], told: [] };
    const expected = reply.refusals.map(printRefusal).join(" or ");
    return { differences: [`answer: expected ${expected}, got ${said}`], told: [] };
  }
  if (answer.status !== reply.status) {
    return { differences: [`answer: expected ${reply.status}, got ${said}`], told: [] };
  }
  const { shown } = reply;
  if (!isAlone && (shown.kind === "users" || shown.kind === "SCIM groups")) {
    return { differences: [], told: [] };
  }
  const told: Told[] = [];
  const isAhead = !isAlone && shown.kind === "SCIM group";
  const differences = [
    ...(isAhead ? [] : compareVersion(shown, answer.headers["etag"], told)),
    ...compareShown(shown, reply.project, answer.body),
  ];
  return { differences: differences.map((difference) => `answer: ${difference}`), told };
}

function isRefusal({ status, scimType, code, says = [] }: Refusal, answer: ServiceResponse): boolean {
  const detail = String(answer.body?.detail).toLowerCase();
  return (
    answer.status === status &&
    (scimType === undefined || answer.body?.scimType === scimType) &&
    (code === undefined || answer.body?.code === code) &&
    says.every((word) => detail.includes(word.toLowerCase()))
  );
}

function printRefusal({ status, scimType = "", code = "", says = [] }: Refusal): string {
  const saying = says.length > 0 ? `saying ${says.join(", ")}` : "";
  return [status, scimType, code, saying].filter((part) => part !== "").join(" ");
}

/** Notes what the service has given to what is new: before anything is compared, for the other answer may speak of it. */
export function learnFrom(reply: Reply, { status, body }: ServiceResponse): void {
  if (reply.kind === "refused" || status !== reply.status) return;
  const { shown } = reply;
  switch (shown.kind) {
    case "user":
      shown.member.user!.id ??= body.id;
      break;
    case "member":
      shown.member.identity.id ??= body.id;
      break;
    case "SCIM group":
    case "group":
      shown.group.identity.id ??= body.id;
      break;
    case "connection":
      shown.connection.identity.id ??= body.id;
      break;
    case "token":
      shown.token.identity.id ??= body.id;
      shown.token.identity.secret ??= body.token;
      break;
    case "sign-in":
      if (shown.decision.member !== undefined) shown.decision.member.identity.id ??= body.member?.id;
      break;
    default:
  }
}

function compareShown(shown: Shown, project: Project, body: Body): readonly string[] {
  switch (shown.kind) {
    case "nothing":
      return body === undefined ? [] : [`expected no body, got ${show(body)}`];
    case "user":
      return compareUser(shown.member, body);
    case "SCIM group":
      return compareScimGroup(project, shown.group, body);
    case "users":
      return compareList(body, shown.members, ({ user }) => user!, nameOf, compareUser);
    case "SCIM groups":
      return compareList(
        body,
        shown.groups,
        ({ identity }) => identity,
        nameOfGroup,
        (group, resource) => compareScimGroup(project, group, resource),
      );
    case "member":
      return compareMember(project, shown.member, body);
    case "group":
      return compareGroup(project, shown.group, body);
    case "connection":
      return compareConnection(shown.connection, body);
    case "token":
      return [];
    case "sign-in":
      return compareSignIn(project, shown.decision, body);
    case "project":
      return compareProject(project, body);
  }
}

function compareSignIn(project: Project, expected: SignIn, body: Body): readonly string[] {
  const { decision, member } = expected;
  return [
    ...comparing((differ) => {
      differ("decision", decision, body.decision);
      differ("reason", decision === "deny" ? expected.reason : undefined, body.reason);
      differ("created", decision === "allow" && expected.created, body.created);
      differ("member", member?.identity.id, body.member?.id);
    }),
    ...(member !== undefined && body.member !== undefined ? compareMember(project, member, body.member) : []),
  ];
}

/** The version rises with every change that SCIM sees, and with nothing else. */
function compareVersion(shown: Shown, etag: string | undefined, told: Told[]): readonly string[] {
  if (shown.kind !== "user" && shown.kind !== "SCIM group") return [];
  if (etag === undefined) return ["expected an ETag, got none"];
  const identity = shown.kind === "user" ? shown.member.user! : shown.group.identity;
  const { revision } = shown.kind === "user" ? shown.member : shown.group;
  told.push({ identity, etag, revision });
  const { seen } = identity;
  if (seen === undefined || (seen.revision === revision) === (seen.etag === etag)) return [];
  return [
    seen.etag === etag
      ? `version: changed since, yet still ${etag}`
      : `version: unchanged since, yet ${etag} instead of ${seen.etag}`,
  ];
}

type Differ = (what: string, expected: unknown, found: unknown) => void;

function comparing(compare: (differ: Differ) => void): readonly string[] {
  const differences: string[] = [];
  compare((what, expected, found) => {
    const [wanted, got] = [show(expected), show(found)];
    if (wanted !== got) differences.push(`${what}: expected ${wanted}, got ${got}`);
  });
  return differences;
}

export function compareUser(member: Member, resource: Body): readonly string[] {
  const { userName, externalId, displayName, title, emails, active, team } = member.attributes;
  return comparing((differ) => {
    const expected = { id: member.user!.id, userName, externalId, displayName, title, emails, active };
    for (const [name, value] of Object.entries(expected)) {
      differ(`${name} of user ${nameOf(member)}`, value, resource[name]);
    }
    differ(`isTeamAccount of user ${nameOf(member)}`, team, resource[urns.account]?.isTeamAccount);
  });
}

export function compareScimGroup(project: Project, group: Group, resource: Body): readonly string[] {
  return comparing((differ) => {
    const which = nameOfGroup(group);
    differ(`id of ${which}`, group.identity.id, resource.id);
    differ(`displayName of ${which}`, group.displayName, resource.displayName);
    differ(`externalId of ${which}`, group.externalId, resource.externalId);
    const expected = usersOf(project, group).map(({ user }) => user!.id);
    const found = resource.members?.map(({ value }: { value: string }) => value) ?? [];
    differ(`members of ${which}`, expected.sort(), found.sort());
    if (expected.length === 0) differ(`empty members of ${which}`, undefined, resource.members);
  });
}

/** In whatever order: each that is expected, and nothing else. */
export function compareList<T>(
  body: Body,
  expected: readonly T[],
  identityOf: (each: T) => Identity,
  name: (each: T) => string,
  compare: (each: T, resource: Body) => readonly string[],
): readonly string[] {
  const resources = new Map<string, Body>(
    (body.Resources ?? body.items).map((resource: Body) => [resource.id, resource]),
  );
  const differences: string[] = [];
  for (const each of expected) {
    const resource = resources.get(identityOf(each).id ?? "");
    if (resource === undefined) differences.push(`list: ${name(each)} is not in it`);
    else differences.push(...compare(each, resource));
    resources.delete(identityOf(each).id ?? "");
  }
  for (const [id, { userName, displayName }] of resources) {
    differences.push(`list: has ${userName ?? displayName} (${id}), who is not expected`);
  }
  return differences;
}

export function compareMember(project: Project, member: Member, body: Body): readonly string[] {
  const { attributes, role, access, identity } = member;
  return comparing((differ) => {
    const expected = {
      id: identity.id,
      userName: attributes.userName,
      email: emailOf(attributes) ?? null,
      displayName: attributes.displayName ?? null,
      type: typeOf(member),
      role,
      status: !isLive(member) ? "deleted" : isActive(member) ? "active" : "inactive",
      access,
      seat: seatOf(member) ?? null,
      managedBy: managedBy(managerOfMember(project, member)),
    };
    for (const [name, value] of Object.entries(expected)) {
      differ(`${name} of ${nameOf(member)}`, value, body[name]);
    }
  });
}

function managedBy(connection: Connection | undefined) {
  if (connection === undefined) return null;
  return {
    connectionId: connection.identity.id,
    badge: "SSO-SCIM",
    inherited: connection.inherited === true,
  };
}

export function compareGroup(project: Project, group: Group, body: Body): readonly string[] {
  const members = membersOf(project, group);
  const users = members.filter((member) => typeOf(member) === "user").length;
  return comparing((differ) => {
    const expected = {
      id: group.identity.id,
      displayName: group.displayName,
      access: group.access,
      counts: { users, readers: members.length - users },
      managedBy: managedBy(managerOf(project, group.connection)),
    };
    for (const [name, value] of Object.entries(expected)) {
      differ(`${name} of ${nameOfGroup(group)}`, value, body[name]);
    }
  });
}

export function compareConnection(connection: Connection, body: Body): readonly string[] {
  return comparing((differ) => {
    const { identity, slot, tokens: _, deleted: __, ...settings } = connection;
    const expected = { id: identity.id, name: slot, inheritsFrom: null, childCount: 0, ...settings };
    for (const [name, value] of Object.entries(expected)) {
      differ(`${name} of connection ${slot}`, value, body[name]);
    }
  });
}

export function compareProject(project: Project, body: Body): readonly string[] {
  return comparing((differ) => {
    differ("quotas", project.quotas, body.quotas);
    const usage = usageOf(project);
    differ("usage", usage, body.usage);
    for (const kind of seatKinds) {
      const quota = project.quotas[kind];
      differ(
        `seats left of ${kind}`,
        quota === null ? null : Math.max(0, quota - usage[kind]),
        body.seatsLeft[kind],
      );
    }
  });
}
