/** What the bench sends: one entry per row of its table. */

import { randomUUID } from "node:crypto";
import { seededAttributes } from "../support/seed-users.ts";

export interface BenchUser {
  readonly id: string;
  readonly userName: string;
  readonly externalId: string;
}

export interface BenchRequest {
  readonly method: string;
  /** Under the connection's SCIM root. */
  readonly path: string;
  readonly body?: unknown;
  readonly status: number;
}

export interface BenchOperation {
  readonly name: string;
  /** Requests per second the service is asked for. */
  readonly rate: number;
  /** Whether each request needs a user that no other one has used up. */
  readonly consumes?: boolean;
  request(user: BenchUser, index: number): BenchRequest;
}

const patchOp = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const accountUrn = "urn:ietf:params:scim:schemas:extension:document360:2.0:User";

const filter = (text: string): BenchRequest => ({
  method: "GET",
  path: `/Users?filter=${encodeURIComponent(text)}`,
  status: 200,
});

const patch = (id: string, path: string, value: unknown): BenchRequest => ({
  method: "PATCH",
  path: `/Users/${id}`,
  body: { schemas: [patchOp], Operations: [{ op: "replace", path, value }] },
  status: 200,
});

/** A user of about a kilobyte that nobody has seen before. */
export function newUserBody() {
  const name = randomUUID();
  return {
    ...seededAttributes(0),
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"],
    userName: `${name}@example.com`,
    externalId: name,
    emails: [{ value: `mail.${name}@example.com`, type: "work", primary: true }],
  };
}

export const operations: readonly BenchOperation[] = [
  {
    name: "GET user by id",
    rate: 100,
    request: ({ id }) => ({ method: "GET", path: `/Users/${id}`, status: 200 }),
  },
  {
    name: "filter userName eq, hit",
    rate: 100,
    request: ({ userName }) => filter(`userName eq "${userName}"`),
  },
  {
    name: "filter userName eq, miss",
    rate: 100,
    request: () => filter(`userName eq "${randomUUID()}"`),
  },
  {
    name: "filter externalId eq, hit",
    rate: 100,
    request: ({ externalId }) => filter(`externalId eq "${externalId}"`),
  },
  { name: "list 100", rate: 10, request: () => ({ method: "GET", path: "/Users?count=100", status: 200 }) },
  {
    name: "create user",
    rate: 100,
    request: () => ({ method: "POST", path: "/Users", body: newUserBody(), status: 201 }),
  },
  {
    name: "PATCH user",
    rate: 100,
    request: ({ id }) => patch(id, "title", randomUUID()),
  },
  { name: "PATCH active", rate: 50, request: ({ id }, index) => patch(id, "active", index % 2 === 1) },
  {
    name: "PATCH user type",
    rate: 50,
    request: ({ id }, index) => patch(id, `${accountUrn}:isTeamAccount`, index % 2 === 0),
  },
  {
    name: "rename userName",
    rate: 50,
    request: ({ id }) => patch(id, "userName", `${randomUUID()}@example.com`),
  },
  {
    name: "DELETE user",
    rate: 50,
    consumes: true,
    request: ({ id }) => ({ method: "DELETE", path: `/Users/${id}`, status: 204 }),
  },
];
