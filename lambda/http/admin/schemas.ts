/** The admin API's messages (API.md §3): what validates requests is what the OpenAPI document is made of. */

import * as z from "zod";
import { activityActions, activityResourceTypes } from "../../domain/activity-entry.ts";
import { findingKinds } from "../../domain/compare-finding.ts";
import { defaultRoles, deletePolicies, providers } from "../../domain/connection.ts";
import {
  nameLengthMax,
  overlapSecondsMax,
  pageLimitDefault,
  pageLimitMax,
  quotaMax,
  textLengthMax,
} from "../../domain/limits.ts";
import { accesses, memberStatuses, memberTypes, roles } from "../../domain/member.ts";
import { seatKinds } from "../../domain/seats.ts";
import { denyReasons } from "../../domain/sign-ins.ts";
import { provisionedTypes, provisioningOperations, syncFailureReasons } from "../../domain/sync-failure.ts";

const name = z.string().trim().min(1).max(nameLengthMax);
const time = z.string().meta({ format: "date-time", description: "RFC 3339, UTC, milliseconds" });
const id = z.string();
const text = z.string().max(textLengthMax);
const access = z.enum(accesses);
const role = z.enum(roles);
const memberType = z.enum(memberTypes);

const quota = z.int().min(0).max(quotaMax).nullable().meta({ description: "Seats; null is unlimited" });
const quotaWishes = z.strictObject({
  users: quota.optional(),
  reviewers: quota.optional(),
  readers: quota.optional(),
});
const freeSeats = z.int().min(0).nullable().meta({ description: "Free seats; null is unlimited" });
const seatCounts = z.object({ users: z.int(), reviewers: z.int(), readers: z.int() });

export const projectCreate = z.strictObject({ name, quotas: quotaWishes.optional() });
export const projectPatch = z.strictObject({ name: name.optional(), quotas: quotaWishes.optional() });
export const project = z
  .object({
    id,
    name: z.string(),
    quotas: z.object({ users: quota, reviewers: quota, readers: quota }),
    usage: seatCounts,
    seatsLeft: z
      .object({ users: freeSeats, reviewers: freeSeats, readers: freeSeats })
      .meta({ description: "Never below 0, even where usage is above a lowered quota" }),
    createdAt: time,
    updatedAt: time,
  })
  .meta({ id: "Project" });

const defaults = z.object({
  role: z.enum(defaultRoles),
  userAccess: access,
  readerAccess: access,
  groupAccess: access,
});

const settings = {
  provider: z.enum(providers).optional(),
  scimEnabled: z.boolean().optional(),
  onDelete: z
    .enum(deletePolicies)
    .optional()
    .meta({ description: "What a SCIM DELETE of a user does to the member" }),
  jit: z.boolean().optional().meta({ description: "Create a member at first sign-in when SCIM has not" }),
  uniqueGroupNames: z.boolean().optional(),
  defaults: z.strictObject(defaults.partial().shape).optional(),
};

export const connectionCreate = z.strictObject({
  name,
  ...settings,
  inheritsFrom: id.nullable().optional().meta({
    description:
      "Id of a connection of another project that inherits from none itself. With it, everything but the name is inherited",
  }),
});
export const connectionPatch = z.strictObject({ name: name.optional(), ...settings });
export const sync = z.object({
  state: z.enum(["backfilling", "in_sync", "degraded"]).meta({
    description: "`degraded`: all was copied but for what the open sync failures name",
  }),
  usersDone: z
    .int()
    .meta({ description: "Of the last copying of everything, as the other counts and times" }),
  usersTotal: z.int(),
  groupsDone: z.int(),
  groupsTotal: z.int(),
  failures: z.int().meta({ description: "Open sync failures of now: what the child could not take" }),
  startedAt: time,
  finishedAt: time.nullable(),
});
export const connection = z
  .object({
    id,
    projectId: id,
    name: z.string(),
    provider: z.enum(providers),
    scimEnabled: z.boolean(),
    scimBaseUrl: z.string().nullable().meta({ description: "Null of a child: it has no SCIM access" }),
    onDelete: z.enum(deletePolicies),
    jit: z.boolean(),
    uniqueGroupNames: z.boolean(),
    defaults,
    inheritsFrom: z.object({ connectionId: id, projectId: id }).nullable(),
    childCount: z.int(),
    sync: sync.optional().meta({ description: "Of a child alone" }),
    createdAt: time,
    updatedAt: time,
  })
  .meta({ id: "Connection" });

export const child = z
  .object({ connectionId: id, projectId: id, projectName: z.string(), name: z.string(), sync })
  .meta({ id: "ChildConnection" });

const label = z.string().trim().max(nameLengthMax);

export const tokenCreate = z.strictObject({
  label: label.optional(),
  expiresAt: z.iso.datetime({ offset: true }).optional().meta({ description: "RFC 3339" }),
});
export const tokenRotate = z.strictObject({
  overlapSeconds: z.int().min(0).max(overlapSecondsMax).default(0),
  label: label.optional(),
});
const tokenFields = {
  id,
  label: z.string().nullable(),
  hint: z.string().meta({ description: "The token's last characters" }),
  createdAt: time,
  expiresAt: time.nullable(),
};
export const issuedToken = z
  .object({ ...tokenFields, token: z.string().meta({ description: "Shown this once" }) })
  .meta({ id: "IssuedToken" });
export const token = z.object({ ...tokenFields, lastUsedAt: time.nullable() }).meta({ id: "Token" });

const nameParts = z.strictObject({
  formatted: text.optional(),
  familyName: text.optional(),
  givenName: text.optional(),
  middleName: text.optional(),
  honorificPrefix: text.optional(),
  honorificSuffix: text.optional(),
});

const userName = text.min(1);
const profile = {
  email: text.nullable().optional(),
  displayName: text.nullable().optional(),
  name: nameParts.nullable().optional(),
};

export const memberCreate = z.strictObject({
  userName,
  ...profile,
  type: memberType,
  role: role.nullable().optional(),
  access: access.optional(),
});
export const memberPatch = z.strictObject({
  userName: userName.optional(),
  ...profile,
  type: memberType.optional(),
  role: role.nullable().optional(),
  status: z.enum(["active", "inactive"]).optional(),
  access: access.optional(),
});
const managedBy = z
  .object({ connectionId: id, badge: z.literal("SSO-SCIM"), inherited: z.boolean() })
  .nullable();
export const member = z
  .object({
    id,
    userName: z.string(),
    email: z.string().nullable(),
    displayName: z.string().nullable(),
    name: z.record(z.string(), z.unknown()).nullable(),
    type: memberType,
    role: role.nullable(),
    status: z.enum(memberStatuses),
    access,
    seat: z.enum(seatKinds).nullable(),
    managedBy,
    createdAt: time,
    updatedAt: time,
  })
  .meta({ id: "Member" });
export const memberWithGroups = member
  .extend({ groups: z.array(z.object({ id, displayName: z.string() })) })
  .meta({ id: "MemberWithGroups" });

export const signInRequest = z.strictObject({
  subject: text.min(1).meta({ description: "By what the IdP names the person: NameID, or `sub`" }),
  externalId: text.nullable().optional(),
  userName: text.nullable().optional(),
  email: text.nullable().optional(),
  displayName: text.nullable().optional(),
});
export const signIn = z
  .object({
    decision: z.enum(["allow", "deny"]),
    reason: z.enum(denyReasons).optional().meta({ description: "Of a deny" }),
    member: member.optional().meta({ description: "Who it is; absent where that is nobody" }),
    created: z.boolean(),
  })
  .meta({ id: "SignIn" });

const groupName = text.min(1);

export const groupCreate = z.strictObject({ displayName: groupName, access: access.optional() });
export const groupPatch = z.strictObject({ displayName: groupName.optional(), access: access.optional() });
export const group = z
  .object({
    id,
    displayName: z.string(),
    access,
    counts: z
      .object({ users: z.int(), readers: z.int() })
      .meta({ description: "Members by type, inactive ones included" }),
    managedBy,
    createdAt: time,
    updatedAt: time,
  })
  .meta({ id: "Group" });

const paging = {
  limit: z.coerce.number().int().min(1).max(pageLimitMax).default(pageLimitDefault),
  cursor: z.string().optional().meta({ description: "`nextCursor` of the page before" }),
};
const flag = z.enum(["true", "false"]).transform((value) => value === "true");

export const pageQuery = z.object(paging);
export const memberQuery = z.object({
  ...paging,
  type: memberType.optional(),
  status: z.enum(memberStatuses).optional(),
  managed: flag.optional(),
  connectionId: z.string().optional(),
  q: text.optional().meta({ description: "Prefix of userName or email, in any case" }),
});

export const groupQuery = z.object({
  ...paging,
  type: memberType
    .optional()
    .meta({ description: "Groups with members of this type; those without any are in `reader`" }),
  connectionId: z.string().optional(),
  q: text.optional().meta({ description: "Prefix of displayName, in any case" }),
});
export const groupDeleteQuery = z.object({
  force: flag.optional().meta({
    description: "Delete it though the IdP manages it; one that is inherited comes back by itself",
  }),
});

export const failureQuery = z.object({ ...paging, connectionId: z.string().optional() });
export const syncFailure = z
  .object({
    id,
    connectionId: id,
    resourceType: z.enum(provisionedTypes),
    identifier: z.string().meta({
      description:
        "userName or displayName, of an inherited one the user's at the parent; where that is not known, what the request named it by",
    }),
    operation: z
      .enum(provisioningOperations)
      .meta({ description: "Of the latest attempt; `replace` where it is inherited" }),
    httpStatus: z.int(),
    scimType: z.string().nullable(),
    reason: z.enum(syncFailureReasons),
    detail: z.string(),
    remedy: z.string().meta({ description: "What to do about it" }),
    attempts: z.int(),
    firstFailedAt: time,
    lastFailedAt: time,
  })
  .meta({ id: "SyncFailure" });

export const activityQuery = z.object({
  ...paging,
  memberId: z.string().optional().meta({ description: "Of this member, whatever became of it" }),
  connectionId: z.string().optional().meta({ description: "Of this connection, there or gone" }),
});
export const activityEntry = z
  .object({
    at: time,
    actor: z.string().meta({
      description:
        "`scim`: the connection's identity provider; `admin:` and the ARN of the IAM principal: whoever called the admin API; " +
        "`inherited`: a child follows its parent; `sign-in`: somebody signed in",
    }),
    action: z.enum(activityActions),
    resourceType: z.enum(activityResourceTypes),
    resourceId: id,
    identifier: z.string().meta({
      description: "userName, displayName, name, label or hint, as it was after the change",
    }),
    connectionId: id.nullable(),
    changes: z
      .array(z.string())
      .meta({ description: "Names of the attributes that changed, never their values" }),
  })
  .meta({ id: "ActivityEntry" });

export const compareQuery = z.object({ cursor: paging.cursor });
const finding = z
  .object({
    kind: z
      .enum(findingKinds)
      .meta({ description: "`under_way` is no difference: something has not come to its end" }),
    projectId: id.meta({ description: "Whose data it is about: of a copy, the child's" }),
    connectionId: id.nullable(),
    resourceId: id.nullable().meta({ description: "Of a member, a group or a sync failure" }),
    what: z.string().meta({ description: "Both sides of what does not agree; ids alone, no names" }),
    remedy: z.string().meta({ description: "What to do about it" }),
  })
  .meta({ id: "Finding" });
export const comparison = z
  .object({
    items: z.array(finding),
    nextCursor: z
      .string()
      .optional()
      .meta({ description: "Absent at the end; pages before it may be empty" }),
    checked: z
      .object({ members: z.int(), groups: z.int(), children: z.int() })
      .meta({ description: "Looked at for this answer" }),
  })
  .meta({ id: "Comparison" });

export function pageOf<Items extends z.ZodType>(item: Items) {
  return z.object({ items: z.array(item), nextCursor: z.string().optional() });
}

export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().meta({ description: "Stable, for programs" }),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: "Problem", description: "RFC 9457" });
