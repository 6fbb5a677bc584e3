/** Messages an identity provider sends, as short as tests want them. */

export const urns = {
  user: "urn:ietf:params:scim:schemas:core:2.0:User",
  group: "urn:ietf:params:scim:schemas:core:2.0:Group",
  enterprise: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
  account: "urn:ietf:params:scim:schemas:extension:document360:2.0:User",
  error: "urn:ietf:params:scim:api:messages:2.0:Error",
  listResponse: "urn:ietf:params:scim:api:messages:2.0:ListResponse",
  searchRequest: "urn:ietf:params:scim:api:messages:2.0:SearchRequest",
  bulkRequest: "urn:ietf:params:scim:api:messages:2.0:BulkRequest",
  bulkResponse: "urn:ietf:params:scim:api:messages:2.0:BulkResponse",
  patchOp: "urn:ietf:params:scim:api:messages:2.0:PatchOp",
} as const;

export type Fields = Readonly<Record<string, unknown>>;

/** A reader. */
export function user(userName: string, fields: Fields = {}): { readonly body: Fields } {
  return { body: { schemas: [urns.user], userName, ...fields } };
}

/** A user with a team account. */
export function teamUser(userName: string, fields: Fields = {}): { readonly body: Fields } {
  return user(userName, { ...asTeam, ...fields });
}

export const asTeam: Fields = { [urns.account]: { isTeamAccount: true } };

/** Members by their ids; without any, the message does not speak of members. */
export function group(
  displayName: string,
  members?: readonly string[],
  fields: Fields = {},
): { readonly body: Fields } {
  return {
    body: { schemas: [urns.group], displayName, ...(members && { members: entries(members) }), ...fields },
  };
}

/** Member entries as most send them. */
export const entries = (ids: readonly string[]) => ids.map((value) => ({ value }));

export function workEmail(value: string): Fields {
  return { emails: [{ value, type: "work", primary: true }] };
}

export interface PatchOperation {
  readonly op: string;
  readonly path?: string;
  readonly value?: unknown;
}

export function patch(...operations: readonly PatchOperation[]): { readonly body: Fields } {
  return { body: { schemas: [urns.patchOp], Operations: operations } };
}

export interface BulkOperation {
  readonly method: string;
  readonly path: string;
  readonly bulkId?: string;
  readonly version?: string;
  readonly data?: unknown;
}

export function bulk(...operations: readonly BulkOperation[]): { readonly body: Fields } {
  return { body: { schemas: [urns.bulkRequest], Operations: operations } };
}

export const replace = (path: string, value: unknown): PatchOperation => ({ op: "replace", path, value });

export const addMembers = (...ids: readonly string[]): PatchOperation => ({
  op: "add",
  path: "members",
  value: entries(ids),
});

export const activation = (active: boolean) => patch(replace("active", active));

/** Turns the user into a team account, or into a reader. */
export const conversion = (isTeamAccount: boolean) =>
  patch(replace(`${urns.account}:isTeamAccount`, isTeamAccount));

export function filtered(filter: string, more = ""): string {
  return `/Users?filter=${encodeURIComponent(filter)}${more}`;
}

export function filteredGroups(filter: string, more = ""): string {
  return `/Groups?filter=${encodeURIComponent(filter)}${more}`;
}
