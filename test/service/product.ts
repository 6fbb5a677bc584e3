/** The product's side of a test: what it asks the admin API, and what it sees there. */

import { expect } from "vitest";
import type { ServiceResponse, TestProject, TestService } from "../support/service.ts";
import type { Fields } from "./scim-messages.ts";

/** A member as the admin API shows it; untyped, for tests to reach into. */
// biome-ignore lint/suspicious/noExplicitAny: every test would narrow the same answers again
export type MemberAnswer = any;

/** A group as the admin API shows it; untyped likewise. */
// biome-ignore lint/suspicious/noExplicitAny: as above
export type GroupAnswer = any;

export interface Product {
  readonly project: TestProject;
  /** `path` comes after `/admin/v1/projects/{projectId}`. */
  admin(method: string, path: string, body?: unknown): Promise<ServiceResponse>;
  /** Creates an unmanaged member; fails unless 201. */
  addMember(fields: Fields): Promise<MemberAnswer>;
  /** The single GET, deleted ones included; fails unless 200. */
  member(id: string): Promise<MemberAnswer>;
  /** The live member of this userName, by list; undefined when there is none. */
  memberNamed(userName: string): Promise<MemberAnswer>;
  /** Creates an unmanaged group; fails unless 201. */
  addGroup(displayName: string, fields?: Fields): Promise<GroupAnswer>;
  /** The single GET; fails unless 200. */
  group(id: string): Promise<GroupAnswer>;
  /** userNames of a group's members in the order of the list, page by page. */
  namesIn(groupId: string, limit?: number): Promise<readonly string[]>;
  /** Puts a member into a group; fails unless 204. */
  put(groupId: string, memberId: string): Promise<void>;
  /** Takes a member out of a group; fails unless 204. */
  takeOut(groupId: string, memberId: string): Promise<void>;
  usage(): Promise<{ readonly users: number; readonly reviewers: number; readonly readers: number }>;
  setQuotas(quotas: Fields): Promise<void>;
}

export function productOf(service: TestService, project: TestProject): Product {
  const admin: Product["admin"] = (method, path, body) =>
    service.admin(method, `/projects/${project.id}${path}`, body);
  const expecting = async (status: number, method: string, path: string, body?: unknown) => {
    const response = await admin(method, path, body);
    expect(response, `${method} ${path}`).toMatchObject({ status });
    return response.body;
  };
  return {
    project,
    admin,
    addMember: (fields) => expecting(201, "POST", "/members", fields),
    member: (id) => expecting(200, "GET", `/members/${id}`),
    async memberNamed(userName) {
      const { items } = await expecting(200, "GET", `/members?q=${encodeURIComponent(userName)}`);
      return items.find((member: { userName: string }) => member.userName === userName);
    },
    addGroup: (displayName, fields) => expecting(201, "POST", "/groups", { displayName, ...fields }),
    group: (id) => expecting(200, "GET", `/groups/${id}`),
    async namesIn(groupId, limit = 200) {
      const names: string[] = [];
      let cursor = "";
      for (;;) {
        const path = `/groups/${groupId}/members?limit=${limit}${cursor}`;
        const { items, nextCursor } = await expecting(200, "GET", path);
        names.push(...items.map(({ userName }: MemberAnswer) => userName));
        if (nextCursor === undefined) return names;
        cursor = `&cursor=${nextCursor}`;
      }
    },
    put: (groupId, memberId) => expecting(204, "PUT", `/groups/${groupId}/members/${memberId}`),
    takeOut: (groupId, memberId) => expecting(204, "DELETE", `/groups/${groupId}/members/${memberId}`),
    usage: async () => (await expecting(200, "GET", "")).usage,
    setQuotas: (quotas) => expecting(200, "PATCH", "", { quotas }),
  };
}

export function expectScimError(response: ServiceResponse, status: number, scimType?: string): void {
  expect(response.body).toMatchObject({ status: String(status), ...(scimType && { scimType }) });
  if (scimType === undefined) expect(response.body).not.toHaveProperty("scimType");
  expect(response.status).toBe(status);
}

export function expectProblem(response: ServiceResponse, status: number, code: string): void {
  expect(response.body).toMatchObject({ status, code });
  expect(response.status).toBe(status);
}

/** Who is managed, and which groups there are with whom. */
export async function standing(product: Product): Promise<unknown> {
  const { items } = (await product.admin("GET", "/members?managed=true&limit=200")).body;
  const groups = (await product.admin("GET", "/groups")).body.items;
  return {
    members: items
      .map(({ userName, email, displayName, status, type }: Fields) => [
        userName,
        email,
        displayName,
        status,
        type,
      ])
      .sort(),
    groups: (
      await Promise.all(
        groups.map(async ({ id, displayName }: { readonly id: string; readonly displayName: string }) => [
          displayName,
          (await product.namesIn(id)).toSorted(),
        ]),
      )
    ).sort(),
  };
}
