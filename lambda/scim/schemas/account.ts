import type { Schema } from "../schema.ts";
import { attribute } from "./attribute.ts";

/** API.md §4, "User type": what an identity provider sets to make someone a team account instead of a reader. */
export const accountSchema: Schema = {
  id: "urn:ietf:params:scim:schemas:extension:document360:2.0:User",
  name: "Account",
  description: "Kind of account in the product",
  attributes: [
    attribute({
      name: "isTeamAccount",
      type: "boolean",
      description: "true: a team account with the connection's default role; false or absent: a reader.",
    }),
  ],
};
