/**
 * What may happen to a project, as plain data that can be printed, kept and run again. People and groups are named by the
 * label of the step that made them; a label that names nobody, since its step was left out, is somebody unknown.
 */

/** The two places a project has for connections; each may hold one connection after the other. */
export const slots = ["okta", "entra"] as const;
export type Slot = (typeof slots)[number];

export type Label = string;

export const seatKinds = ["users", "reviewers", "readers"] as const;
export type SeatKind = (typeof seatKinds)[number];
export type MemberType = "user" | "reader";
export type Role = "admin" | "contributor" | "reviewer";
export type Access = "none" | "read" | "write";

/** What a request carries: the newest live token, one that has ended, the other connection's, or nothing. */
export type Credential = "live" | "ended" | "other" | "none";

interface ToScim {
  readonly at: Slot;
  /** Default: `live`. */
  readonly credential?: Credential;
}

export interface Email {
  readonly value: string;
  readonly type?: string;
  readonly primary?: boolean;
}

/** Something wrong with a body, whatever else it says. */
export type WrongUser = "no userName" | "a number for userName" | "a word for active" | "two primary emails";

export interface UserBody {
  readonly userName: string;
  readonly externalId?: string;
  readonly displayName?: string;
  readonly title?: string;
  readonly emails?: readonly Email[];
  readonly active?: boolean;
  /** `isTeamAccount`. */
  readonly team?: boolean;
  /** Booleans go out as "True" and "False" (Entra). */
  readonly asText?: true;
  readonly wrong?: WrongUser;
}

export type UserText = "externalId" | "displayName" | "title";

/** How an operation goes out; all of them mean the same. */
export type Form = "path" | "pathless" | "qualified" | "add" | "text";

export type UserChange =
  | { readonly set: "userName" | UserText; readonly to: string; readonly form?: Form }
  | { readonly set: "active" | "team"; readonly to: boolean; readonly form?: Form }
  | { readonly set: "emails"; readonly to: readonly Email[]; readonly form?: Form }
  | { readonly set: "work email"; readonly to: string }
  | { readonly add: "email"; readonly email: Email }
  | { readonly remove: "userName" | UserText | "emails" | "active" | "team" }
  | { readonly wrong: "another id" | "a path to nothing" | "a number for userName" | "a word for active" };

export type GroupChange =
  | { readonly set: "displayName" | "externalId"; readonly to: string; readonly form?: Form }
  | { readonly remove: "externalId" | "displayName" | "members" }
  | {
      readonly members: "add" | "remove" | "replace";
      readonly users: readonly Label[];
      readonly form?: "pathless";
    }
  /** `members[value eq "…"]` as the path. */
  | { readonly member: "add" | "remove"; readonly user: Label }
  | {
      readonly wrong: "another id" | "a path to nothing" | "a number for displayName" | "a group as a member";
    };

export interface GroupBody {
  readonly displayName: string;
  readonly externalId?: string;
  /** Absent: the body does not speak of members. */
  readonly users?: readonly Label[];
  readonly wrong?: "no displayName" | "a number for displayName" | "a number for members";
}

export type ProviderRequest = ToScim &
  (
    | { readonly kind: "create user"; readonly body: UserBody }
    | {
        readonly kind: "replace user";
        readonly user: Label;
        readonly body: UserBody;
        readonly ifMatch?: true;
      }
    | {
        readonly kind: "patch user";
        readonly user: Label;
        readonly changes: readonly UserChange[];
        readonly ifMatch?: true;
      }
    | { readonly kind: "delete user"; readonly user: Label; readonly ifMatch?: true }
    | { readonly kind: "read user"; readonly user: Label }
    | {
        readonly kind: "find users";
        readonly by: "userName" | "externalId" | "work email" | "any email" | "active" | "team";
        readonly value: string;
      }
    | { readonly kind: "create group"; readonly body: GroupBody }
    | {
        readonly kind: "replace group";
        readonly group: Label;
        readonly body: GroupBody;
        readonly ifMatch?: true;
      }
    | {
        readonly kind: "patch group";
        readonly group: Label;
        readonly changes: readonly GroupChange[];
        readonly ifMatch?: true;
      }
    | { readonly kind: "delete group"; readonly group: Label; readonly ifMatch?: true }
    | { readonly kind: "read group"; readonly group: Label }
    | { readonly kind: "find groups"; readonly by: "displayName" | "externalId"; readonly value: string }
    | { readonly kind: "find groups"; readonly by: "member"; readonly user: Label }
  );

export interface MemberFields {
  readonly userName?: string;
  /** "" clears it. */
  readonly email?: string;
  readonly displayName?: string;
  readonly type?: MemberType;
  readonly role?: Role;
  readonly status?: "active" | "inactive";
  readonly access?: Access;
}

export interface ConnectionSettings {
  readonly scimEnabled?: boolean;
  readonly onDelete?: "deactivate" | "delete";
  readonly jit?: boolean;
  readonly uniqueGroupNames?: boolean;
  readonly defaults?: {
    readonly role?: "contributor" | "admin";
    readonly userAccess?: Access;
    readonly readerAccess?: Access;
    readonly groupAccess?: Access;
  };
}

export type Quotas = Readonly<Partial<Record<SeatKind, number | null>>>;

export type ProductRequest =
  | { readonly kind: "set quotas"; readonly quotas: Quotas }
  | {
      readonly kind: "add member";
      readonly fields: MemberFields & { readonly userName: string; readonly type: MemberType };
    }
  | { readonly kind: "change member"; readonly member: Label; readonly fields: MemberFields }
  | { readonly kind: "delete member"; readonly member: Label }
  | { readonly kind: "add group"; readonly displayName: string; readonly access?: Access }
  | {
      readonly kind: "change group";
      readonly group: Label;
      readonly displayName?: string;
      readonly access?: Access;
    }
  | { readonly kind: "drop group"; readonly group: Label; readonly force?: true }
  | { readonly kind: "put into group"; readonly group: Label; readonly member: Label }
  | { readonly kind: "take out of group"; readonly group: Label; readonly member: Label }
  | {
      readonly kind: "create connection";
      readonly slot: Slot;
      readonly provider: string;
      readonly settings: ConnectionSettings;
    }
  | {
      readonly kind: "sign in";
      readonly slot: Slot;
      readonly subject: string;
      readonly externalId?: string;
      readonly userName?: string;
      readonly email?: string;
      readonly displayName?: string;
    }
  | { readonly kind: "change connection"; readonly slot: Slot; readonly settings: ConnectionSettings }
  | { readonly kind: "delete connection"; readonly slot: Slot }
  | { readonly kind: "create token"; readonly slot: Slot; readonly lastsSeconds?: number }
  | { readonly kind: "rotate tokens"; readonly slot: Slot; readonly overlapSeconds?: number }
  /** The newest that is live. */
  | { readonly kind: "revoke token"; readonly slot: Slot };

export type Request = ProviderRequest | ProductRequest;

export type Step =
  | Request
  | { readonly kind: "wait"; readonly seconds: number }
  /** The process dies at a call to DynamoDB, before or after it takes effect, and the answer is lost. */
  | {
      readonly kind: "crash";
      readonly request: Request;
      readonly call: number;
      readonly when: "before" | "after";
    }
  /** Both under way at once; `turns` decides whose next call to DynamoDB comes first. */
  | { readonly kind: "at once"; readonly requests: readonly [Request, Request]; readonly turns: number }
  /** Everything is looked at through the public lists and reads. */
  | { readonly kind: "survey" }
  /** The stream is brought up to date, and the whole table audited item by item. */
  | { readonly kind: "audit" }
  /** The project is deleted, with all that is in it: nothing of it may be left. */
  | { readonly kind: "end" };

export interface NumberedStep {
  readonly number: number;
  readonly step: Step;
}

export type History = readonly NumberedStep[];

/** What a step makes is named by its number; of several requests of one step, by a letter behind it. */
export function labelOf(number: number, letter: "" | "a" | "b" = ""): Label {
  return `${number}${letter}`;
}

export function isProviderRequest(request: Request): request is ProviderRequest {
  return "at" in request;
}
