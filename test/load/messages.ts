/** What of the service's answers the load looks at. */

import * as z from "zod";

const metaSchema = z.looseObject({ resourceType: z.string(), version: z.string() });
const referenceSchema = z.looseObject({ value: z.string() });

export const patchOpUrn = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
export const userUrn = "urn:ietf:params:scim:schemas:core:2.0:User";
export const groupUrn = "urn:ietf:params:scim:schemas:core:2.0:Group";
export const accountUrn = "urn:ietf:params:scim:schemas:extension:document360:2.0:User";

/** The whole resource is kept, to compare it with what is read later. */
export const userSchema = z.looseObject({
  id: z.string(),
  userName: z.string(),
  externalId: z.string().optional(),
  active: z.boolean().optional(),
  emails: z.array(referenceSchema).optional(),
  groups: z.array(referenceSchema).optional(),
  [accountUrn]: z.object({ isTeamAccount: z.boolean() }).optional(),
  meta: metaSchema,
});
export type ScimUser = z.output<typeof userSchema>;

export function isTeamAccount(user: ScimUser): boolean {
  return user[accountUrn]?.isTeamAccount ?? false;
}

export const groupSchema = z.looseObject({
  id: z.string(),
  displayName: z.string(),
  members: z.array(referenceSchema).optional(),
  meta: metaSchema,
});
export type ScimGroup = z.output<typeof groupSchema>;

export const userListSchema = z.looseObject({ totalResults: z.int(), Resources: z.array(userSchema) });
export const groupListSchema = z.looseObject({ totalResults: z.int(), Resources: z.array(groupSchema) });

export const projectSchema = z.looseObject({
  id: z.string(),
  usage: z.object({ users: z.int(), reviewers: z.int(), readers: z.int() }),
});
export const connectionSchema = z.looseObject({ id: z.string(), scimBaseUrl: z.string() });
export const tokenSchema = z.looseObject({ token: z.string() });
