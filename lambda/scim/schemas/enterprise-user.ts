import type { Schema } from "../schema.ts";
import { attribute } from "./attribute.ts";

/** RFC 7643 §4.3 and §8.7.1. */
export const enterpriseUserSchema: Schema = {
  id: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
  name: "EnterpriseUser",
  description: "Enterprise User",
  attributes: [
    attribute({ name: "employeeNumber", description: "Number given to the person by the organization." }),
    attribute({ name: "costCenter", description: "Cost center." }),
    attribute({ name: "organization", description: "Organization." }),
    attribute({ name: "division", description: "Division." }),
    attribute({ name: "department", description: "Department." }),
    attribute({
      name: "manager",
      type: "complex",
      description: "The user's manager, stored without checking that it exists.",
      subAttributes: [
        attribute({ name: "value", caseExact: true, description: "The manager's id." }),
        attribute({
          name: "$ref",
          type: "reference",
          referenceTypes: ["User"],
          caseExact: true,
          description: "URI of the manager.",
        }),
        attribute({ name: "displayName", mutability: "readOnly", description: "The manager's name." }),
      ],
    }),
  ],
};
