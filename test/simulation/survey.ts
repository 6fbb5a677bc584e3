/** Everything the public lists and reads show, against the model. */

import type { SeededRandom } from "../support/seeded-random.ts";
import {
  compareConnection,
  compareGroup,
  compareList,
  compareMember,
  compareProject,
  compareScimGroup,
  compareUser,
} from "./compare-answer.ts";
import { connectionPath, scimRoot } from "./messages.ts";
import {
  type Connection,
  connectionAt,
  emailOf,
  fold,
  type Group,
  isLive,
  liveMembers,
  liveTokens,
  type Member,
  managerOfMember,
  membersOf,
  type Project,
  typeOf,
  userAt,
} from "./model.ts";
import { usersAt } from "./provider-model.ts";
import { type Slot, slots } from "./steps.ts";
import { nameOf, nameOfGroup, show } from "./words.ts";
import type { World } from "./world.ts";

type Looked = Pick<World, "service" | "projectId">;

// biome-ignore lint/suspicious/noExplicitAny: answers are reached into, as in other tests
type Body = any;

export async function survey(
  world: Looked,
  project: Project,
  random: SeededRandom,
): Promise<readonly string[]> {
  return [
    ...(await surveyProduct(world, project, random)),
    ...(await surveyProvider(world, project, "okta", random)),
    ...(await surveyProvider(world, project, "entra", random)),
  ];
}

async function surveyProduct(world: Looked, project: Project, random: SeededRandom): Promise<string[]> {
  const get = (path: string) => getAtProduct(world, path);
  const all = (path: string) => listAtProduct(world, path);
  const live = liveMembers(project);
  const deleted = [...project.members.values()].filter((member) => !isLive(member));
  const groups = [...project.groups.values()];
  const listed = (body: Body, expected: readonly Member[]) =>
    compareList(
      body,
      expected,
      ({ identity }) => identity,
      nameOf,
      (member, item) => compareMember(project, member, item),
    );
  const differences = [
    ...compareProject(project, await get("")),
    ...listed(await all("/members"), live),
    ...listed(await all("/members?status=deleted"), deleted),
    ...compareList(
      await all("/groups"),
      groups,
      ({ identity }) => identity,
      nameOfGroup,
      (group, item) => compareGroup(project, group, item),
    ),
  ];
  for (const group of groups) {
    differences.push(...listed(await all(`/groups/${group.identity.id}/members`), membersOf(project, group)));
  }
  for (const slot of slots) {
    const connection = connectionAt(project, slot);
    if (connection === undefined) continue;
    const path = connectionPath(project, slot);
    differences.push(...compareConnection(connection, await get(path)));
    const { items } = await get(`${path}/tokens`);
    for (const { identity } of liveTokens(project, connection)) {
      if (identity.id !== undefined && !items.some(({ id }: Body) => id === identity.id)) {
        differences.push(`tokens of ${slot}: the one made by ${identity.label} is live, and not listed`);
      }
    }
  }
  const [query, isWanted] = random.pick(memberQueries(project, random));
  const found = listed(await all(`/members?${query}`), live.filter(isWanted));
  return [...differences, ...found.map((difference) => `members?${query}: ${difference}`)];
}

function memberQueries(project: Project, random: SeededRandom) {
  const slot = random.pick(slots);
  const connection = connectionAt(project, slot);
  const letter = random.pick(["a", "B", "c"]);
  const managed = random.next() < 0.5;
  const type = random.pick(["user", "reader"]);
  return [
    [`q=${letter}`, ({ attributes }: Member) => isNamed(attributes, letter)],
    [`managed=${managed}`, (member: Member) => (managerOfMember(project, member) !== undefined) === managed],
    [`type=${type}`, (member: Member) => typeOf(member) === type],
    [
      `connectionId=${connection?.identity.id ?? "nobodys"}`,
      (member: Member) => connection !== undefined && member.connection === connection.identity.label,
    ],
  ] as const;
}

function isNamed(attributes: Member["attributes"], letter: string): boolean {
  const names = [attributes.userName, emailOf(attributes)];
  return names.some((name) => name !== undefined && fold(name).startsWith(fold(letter)));
}

async function surveyProvider(
  world: Looked,
  project: Project,
  slot: Slot,
  random: SeededRandom,
): Promise<string[]> {
  const connection = connectionAt(project, slot);
  const token = connection && usableToken(project, connection);
  if (connection === undefined || token === undefined || !connection.scimEnabled) return [];
  const get = async (path: string) => world.service.scim("GET", scimRoot(project, slot) + path, { token });
  const users = usersAt({ project, connection });
  const groups = [...project.groups.values()].filter(
    (group) => group.connection === connection.identity.label,
  );
  const differences = [
    ...compareList((await get("/Users?count=500")).body, users, ({ user }) => user!, nameOf, compareUser),
    ...compareList(
      (await get("/Groups?count=500")).body,
      groups,
      ({ identity }) => identity,
      nameOfGroup,
      (group: Group, item) => compareScimGroup(project, group, item),
    ),
  ];
  const gone = [...project.named.users.values()].filter(({ id, label }) => {
    const member = userAt(project, connection, label);
    return id !== undefined && (member === undefined || !isLive(member));
  });
  for (const identity of random.shuffle(gone).slice(0, goneLookedUp)) {
    const { status } = await get(`/Users/${identity.id}`);
    if (status !== 404) differences.push(`user made by ${identity.label}: expected 404, got ${status}`);
  }
  return differences.map((difference) => `${slot}: ${difference}`);
}

/** Of those who are gone, how many are asked for: they get more and more. */
const goneLookedUp = 2;

export function usableToken(project: Project, connection: Connection): string | undefined {
  return liveTokens(project, connection).findLast(({ identity }) => identity.secret !== undefined)?.identity
    .secret;
}

async function getAtProduct(world: Looked, path: string): Promise<Body> {
  const { status, body } = await world.service.admin("GET", `/projects/${world.projectId}${path}`);
  if (status !== 200) throw new Error(`GET ${path} answered ${status} ${show(body)}`);
  return body;
}

async function listAtProduct(world: Looked, path: string): Promise<Body> {
  const items: Body[] = [];
  let cursor = "";
  do {
    const page = await getAtProduct(world, `${path}${path.includes("?") ? "&" : "?"}limit=200${cursor}`);
    items.push(...page.items);
    cursor = page.nextCursor === undefined ? "" : `&cursor=${page.nextCursor}`;
  } while (cursor !== "");
  return { items };
}

/** Once the stream has been carried, members name exactly the groups they are in. */
export async function surveyMemberships(world: Looked, project: Project): Promise<readonly string[]> {
  const differences: string[] = [];
  const groups = [...project.groups.values()];
  const compare = (who: string, expected: readonly Group[], found: readonly string[]) => {
    const wanted = show(expected.map(({ identity }) => identity.id).sort());
    const got = show([...found].sort());
    if (wanted !== got) differences.push(`groups of ${who}: expected ${wanted}, got ${got}`);
  };
  for (const member of liveMembers(project)) {
    const body = await getAtProduct(world, `/members/${member.identity.id}`);
    const expected = groups.filter((group) => membersOf(project, group).includes(member));
    compare(
      nameOf(member),
      expected,
      body.groups.map(({ id }: Body) => id),
    );
  }
  for (const slot of slots) {
    const connection = connectionAt(project, slot);
    const token = connection && usableToken(project, connection);
    if (connection === undefined || token === undefined || !connection.scimEnabled) continue;
    const { body } = await world.service.scim("GET", `${scimRoot(project, slot)}/Users?count=500`, { token });
    for (const member of usersAt({ project, connection })) {
      const resource = body.Resources.find(({ id }: Body) => id === member.user!.id);
      const expected = groups.filter(
        (group) => group.connection === connection.identity.label && group.users.has(member.user!),
      );
      compare(`user ${nameOf(member)}`, expected, resource?.groups?.map(({ value }: Body) => value) ?? []);
    }
  }
  return differences;
}
