import type { ResourceType } from "./schema.ts";
import { accountSchema } from "./schemas/account.ts";
import { enterpriseUserSchema } from "./schemas/enterprise-user.ts";
import { groupSchema } from "./schemas/group.ts";
import { userSchema } from "./schemas/user.ts";

/** RFC 7643 §6. No extension is required: identity providers send them as their administrators map them. */
export const userType: ResourceType = {
  name: "User",
  endpoint: "/Users",
  description: "User Account",
  schema: userSchema,
  extensions: [
    { schema: enterpriseUserSchema, required: false },
    { schema: accountSchema, required: false },
  ],
};

export const groupType: ResourceType = {
  name: "Group",
  endpoint: "/Groups",
  description: "Group",
  schema: groupSchema,
  extensions: [],
};
