import type { Schema } from "../schema.ts";
import { attribute, multiValued } from "./attribute.ts";

/** RFC 7643 §4.1 and §8.7.1. The types listed let Entra's schema test find `emails[type eq "work"].value` and the like. */
export const userSchema: Schema = {
  id: "urn:ietf:params:scim:schemas:core:2.0:User",
  name: "User",
  description: "User Account",
  attributes: [
    attribute({
      name: "userName",
      required: true,
      uniqueness: "server",
      description: "Unique name of the user, compared without case. REQUIRED.",
    }),
    attribute({
      name: "name",
      type: "complex",
      description: "The components of the user's name.",
      subAttributes: [
        attribute({ name: "formatted", description: "The full name, formatted for display." }),
        attribute({ name: "familyName", description: "The family name, or last name." }),
        attribute({ name: "givenName", description: "The given name, or first name." }),
        attribute({ name: "middleName", description: "The middle names." }),
        attribute({ name: "honorificPrefix", description: "Titles before the name, such as Ms." }),
        attribute({ name: "honorificSuffix", description: "Suffixes after the name, such as III." }),
      ],
    }),
    attribute({ name: "displayName", description: "The name shown to others." }),
    attribute({ name: "nickName", description: "The casual way to address the user." }),
    attribute({
      name: "profileUrl",
      type: "reference",
      referenceTypes: ["external"],
      description: "URL of the user's online profile.",
    }),
    attribute({ name: "title", description: "Job title, such as Vice President." }),
    attribute({ name: "userType", description: "Relationship to the organization, such as Contractor." }),
    attribute({
      name: "preferredLanguage",
      description: "Preferred written or spoken language, such as en_US.",
    }),
    attribute({
      name: "locale",
      description: "Default location for currency, dates and numbers, such as en-US.",
    }),
    attribute({ name: "timezone", description: "Time zone, such as America/Los_Angeles." }),
    attribute({
      name: "active",
      type: "boolean",
      description: "Whether the user may sign in. An inactive user keeps everything else.",
    }),
    attribute({
      name: "password",
      mutability: "writeOnly",
      returned: "never",
      caseExact: true,
      description: "Accepted and never stored: Rollcall signs nobody in by password.",
    }),
    multiValued({
      name: "emails",
      description: "E-mail addresses.",
      value: { description: "The e-mail address." },
      types: ["work", "home", "other"],
    }),
    multiValued({
      name: "phoneNumbers",
      description: "Phone numbers.",
      value: { description: "The phone number." },
      types: ["work", "home", "mobile", "fax", "pager", "other"],
    }),
    multiValued({
      name: "ims",
      description: "Instant messaging addresses.",
      value: { description: "The address." },
      types: ["aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"],
    }),
    multiValued({
      name: "photos",
      description: "URLs of photos.",
      value: {
        type: "reference",
        referenceTypes: ["external"],
        caseExact: true,
        description: "URL of the photo.",
      },
      types: ["photo", "thumbnail"],
    }),
    attribute({
      name: "addresses",
      type: "complex",
      multiValued: true,
      description: "Postal addresses.",
      subAttributes: [
        attribute({ name: "formatted", description: "The full address, formatted for display." }),
        attribute({ name: "streetAddress", description: "Street, house number and the like." }),
        attribute({ name: "locality", description: "City or locality." }),
        attribute({ name: "region", description: "State or region." }),
        attribute({ name: "postalCode", description: "Postal code." }),
        attribute({ name: "country", description: "Country." }),
        attribute({
          name: "type",
          canonicalValues: ["work", "home", "other"],
          description: "A label that says what the address is for.",
        }),
        // Missing in the printed schema, but RFC 7643 §2.4 has it for every multi-valued attribute and IdPs send it.
        attribute({
          name: "primary",
          type: "boolean",
          description: "Whether this address is the preferred one; true at most once.",
        }),
      ],
    }),
    attribute({
      name: "groups",
      type: "complex",
      multiValued: true,
      mutability: "readOnly",
      description: "Groups the user belongs to; changed through the groups.",
      subAttributes: [
        attribute({ name: "value", caseExact: true, mutability: "readOnly", description: "The group's id." }),
        attribute({
          name: "$ref",
          type: "reference",
          referenceTypes: ["User", "Group"],
          caseExact: true,
          mutability: "readOnly",
          description: "URI of the group.",
        }),
        attribute({ name: "display", mutability: "readOnly", description: "The group's name." }),
        attribute({
          name: "type",
          mutability: "readOnly",
          canonicalValues: ["direct", "indirect"],
          description: "Whether the membership is direct.",
        }),
      ],
    }),
    multiValued({
      name: "entitlements",
      description: "Entitlements of the user.",
      value: { description: "The entitlement." },
    }),
    multiValued({
      name: "roles",
      description: "Roles of the user at the identity provider.",
      value: { description: "The role." },
    }),
    multiValued({
      name: "x509Certificates",
      description: "Certificates of the user.",
      value: { type: "binary", caseExact: true, description: "A DER certificate in base64." },
    }),
  ],
};
