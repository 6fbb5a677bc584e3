/** What a request may come to. Where API.md leaves a choice, there are several outcomes, and any of them is right. */

import type { Connection, Group, Identity, Member, Project, Token } from "./model.ts";

/** Where several reasons hold at once, API.md does not say which is told: any of them is right. */
export interface Refusal {
  readonly status: number;
  readonly scimType?: string;
  /** Of a problem of the admin API. */
  readonly code?: string;
  /** Of the sync failure that it becomes. */
  readonly reason?: string;
  /** What the detail must say, in any place. */
  readonly says?: readonly string[];
}

/** What an answer shows, as it is in `Outcome.project` or was when the request took effect. */
export type Shown =
  | { readonly kind: "nothing" }
  | { readonly kind: "user"; readonly member: Member }
  | { readonly kind: "users"; readonly members: readonly Member[] }
  | { readonly kind: "SCIM group"; readonly group: Group }
  | { readonly kind: "SCIM groups"; readonly groups: readonly Group[] }
  | { readonly kind: "member"; readonly member: Member }
  | { readonly kind: "group"; readonly group: Group }
  | { readonly kind: "connection"; readonly connection: Connection }
  | { readonly kind: "token"; readonly token: Token }
  | { readonly kind: "sign-in"; readonly decision: SignIn }
  | { readonly kind: "project" };

export type SignIn =
  | { readonly decision: "allow"; readonly member: Member; readonly created: boolean }
  | { readonly decision: "deny"; readonly reason: string; readonly member: Member | undefined };

export type Reply =
  | { readonly kind: "refused"; readonly refusals: readonly Refusal[] }
  | {
      readonly kind: "done";
      readonly status: number;
      readonly shown: Shown;
      /** The project in which `shown` is as it is shown. */
      readonly project: Project;
    };

export interface Outcome {
  readonly project: Project;
  readonly reply: Reply;
}

export function refused(project: Project, ...refusals: readonly Refusal[]): Outcome {
  return { project, reply: { kind: "refused", refusals } };
}

export function done(project: Project, status: number, shown: Shown = { kind: "nothing" }): Outcome {
  return { project, reply: { kind: "done", status, shown, project } };
}

/** A condition on a version that the service told, where it told one. */
export function isStale(identity: Identity | undefined, revision: number): boolean {
  return identity?.seen !== undefined && identity.seen.revision !== revision;
}
