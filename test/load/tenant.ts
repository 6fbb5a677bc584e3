/** One tenant: a connection that an IdP provisions, with the users and groups it begins with. */

import type * as z from "zod";
import { seededAttributes } from "../support/seed-users.ts";
import type { HttpClient, Outcome, Request } from "./http-client.ts";
import { createLedger, type Ledger, membershipOf, noteCreated } from "./ledger.ts";
import {
  connectionSchema,
  groupSchema,
  groupUrn,
  projectSchema,
  tokenSchema,
  userSchema,
  userUrn,
} from "./messages.ts";

export interface Tenant {
  readonly ledger: Ledger;
  /** Absent where only a connection and its token were given: then nobody knows who else is in it. */
  readonly projectUrl: string | undefined;
  /** `path` comes after the SCIM base URL. */
  scim(method: Request["method"], path: string, body?: unknown): Promise<Outcome>;
  admin(method: Request["method"], url: string, body?: unknown): Promise<Outcome>;
  /** A name that nothing has had before. */
  newName(): string;
}

export interface Connection {
  readonly scimBaseUrl: string;
  readonly token: string;
  readonly projectUrl?: string;
}

/** Groups beside the hot one, which share what it leaves. Our choice. */
const otherGroups = 9;
/** Requests at once while a tenant is filled or looked through: as many as the local service has in its handlers. */
const requestsAtOnce = 16;

/** A project with one connection, by the admin API at `origin`. */
export async function createConnection(
  client: HttpClient,
  origin: string,
  name: string,
): Promise<Connection> {
  const post = async <T extends z.ZodType>(schema: T, path: string, body: unknown): Promise<z.output<T>> =>
    answered(await client.send({ method: "POST", url: `${origin}/admin/v1${path}`, body }), 201, schema);
  const project = await post(projectSchema, "/projects", { name });
  const connection = await post(connectionSchema, `/projects/${project.id}/connections`, { name });
  const { token } = await post(
    tokenSchema,
    `/projects/${project.id}/connections/${connection.id}/tokens`,
    {},
  );
  return {
    scimBaseUrl: connection.scimBaseUrl,
    token,
    projectUrl: `${origin}/admin/v1/projects/${project.id}`,
  };
}

/** `name` begins all names. The first group is the hot one; all users of the beginning are in it. */
export async function fillTenant(
  client: HttpClient,
  connection: Connection,
  name: string,
  population: number,
): Promise<Tenant> {
  const { scimBaseUrl, token, projectUrl } = connection;
  let names = 0;
  const tenant: Tenant = {
    ledger: createLedger(),
    projectUrl,
    scim: (method, path, body) => client.send({ method, url: scimBaseUrl + path, token, body }),
    admin: (method, url, body) => client.send({ method, url, body }),
    newName: () => `${name}-${++names}`,
  };
  const { ledger } = tenant;
  await eachAtOnce(Array.from({ length: population }), async () => {
    const outcome = await tenant.scim("POST", "/Users", newUserBody(tenant.newName()));
    noteCreated(ledger, answered(outcome, 201, userSchema));
  });
  for (let index = 0; index <= otherGroups; index++) {
    const members = index === 0 ? ledger.users.map(({ id }) => ({ value: id })) : [];
    const body = { schemas: [groupUrn], displayName: tenant.newName(), members };
    const { id, displayName } = answered(await tenant.scim("POST", "/Groups", body), 201, groupSchema);
    const group = { id, displayName, memberships: new Map() };
    ledger.groups.push(group);
    for (const { value } of members) membershipOf(group, value).isMember = true;
  }
  return tenant;
}

/** About a kilobyte, as IdPs send them. */
export function newUserBody(name: string) {
  return {
    ...seededAttributes(0),
    schemas: [userUrn],
    userName: `${name}@example.com`,
    externalId: name,
    emails: [{ value: `mail.${name}@example.com`, type: "work", primary: true }],
  };
}

/** The body of an answer that everything else depends on. */
export function answered<T extends z.ZodType>(outcome: Outcome, status: number, schema: T): z.output<T> {
  if (outcome.kind === "unknown") throw new Error(outcome.why);
  if (outcome.status !== status) {
    throw new Error(`expected ${status}, got ${outcome.status} ${JSON.stringify(outcome.body)}`);
  }
  return schema.parse(outcome.body);
}

export async function eachAtOnce<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const worker = async () => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: requestsAtOnce }, worker));
}
