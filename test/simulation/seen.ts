/** What a table says of its one project, in the words of the model. Takes rows to pieces itself, as the auditor does. */

import { numbersPerInheritance } from "../../lambda/table/numbers.ts";
import {
  type Json,
  type JsonObject,
  objectOf,
  type RawItem,
  sortOut,
  type Tenant,
  textOf,
} from "../invariants/table-contents.ts";
import { urns } from "../service/scim-messages.ts";
import type { Email, SeatKind } from "./steps.ts";

export interface SeenMember {
  /** The number it was given first: it stays with it. */
  readonly home: number;
  /** Where the row is. */
  readonly number: number;
  readonly deleted: boolean;
  /** Of the connection whose user it is. */
  readonly connectionId: string | undefined;
  /** Of the connection that deleted it, where no other has had it since. */
  readonly formerConnectionId: string | undefined;
  readonly userName: string;
  readonly externalId: string | undefined;
  readonly displayName: string | undefined;
  readonly title: string | undefined;
  readonly emails: readonly Email[];
  readonly active: boolean | undefined;
  readonly team: boolean | undefined;
  readonly role: string | undefined;
  readonly access: string | undefined;
}

export interface SeenGroup {
  readonly id: string;
  readonly connectionId: string | undefined;
  readonly displayName: string;
  readonly externalId: string | undefined;
  readonly access: string | undefined;
  /** By home, as in all below: those whom SCIM put in, the departed left out. */
  readonly users: ReadonlySet<number>;
  readonly byHand: ReadonlySet<number>;
}

export interface SeenFailure {
  readonly connectionId: string;
  readonly resourceType: string;
  readonly identifier: string;
  readonly operation: string;
  readonly httpStatus: number;
  readonly reason: string;
  readonly attempts: number;
}

export interface Seen {
  /** By id. */
  readonly connections: ReadonlyMap<string, JsonObject>;
  readonly members: readonly SeenMember[];
  /** Numbers that members left, and which they went to. */
  readonly moved: ReadonlyMap<number, number>;
  readonly groups: readonly SeenGroup[];
  readonly failures: readonly SeenFailure[];
  readonly usage: Readonly<Record<SeatKind, number>>;
  readonly quotas: JsonObject;
}

export function seenIn(items: readonly RawItem[], projectId: string): Seen {
  const tenant = sortOut(items.filter(isLookedAt), () => {}).get(projectId);
  if (tenant === undefined) throw new Error(`the table has nothing of project ${projectId}`);
  const members = [...tenant.rows].flatMap(([number, row]) =>
    row["movedTo"] === undefined && row["goneAtVersion"] === undefined ? [seenMember(number, row)] : [],
  );
  return {
    connections: tenant.connections,
    members,
    moved: new Map(
      [...tenant.rows].flatMap(([number, { movedTo }]) =>
        typeof movedTo === "number" ? [[number, movedTo] as const] : [],
      ),
    ),
    groups: [...tenant.groups].map(([id, row]) => seenGroup(tenant, id, row, members)),
    failures: [...tenant.failures.values()].map(seenFailure),
    usage: usageIn(tenant),
    quotas: objectOf(tenant.project?.["quotas"]),
  };
}

/** Names, references and rosters are the auditor's; what the stream derives, too. */
function isLookedAt({ pk, sk }: RawItem): boolean {
  const [scope, , part] = pk!.S!.split("#");
  return (
    scope === "PROJECTS" ||
    scope === "G" ||
    scope === "M" ||
    scope === "F" ||
    (scope === "P" && (part === undefined || part === "SEATS")) ||
    (scope === "C" && sk!.S!.startsWith("departed#"))
  );
}

function seenMember(number: number, row: JsonObject): SeenMember {
  const attributes = objectOf(row["attributes"]);
  const { emails, active } = attributes;
  const team = objectOf(attributes[urns.account])["isTeamAccount"];
  return {
    home: typeof row["homeNumber"] === "number" ? row["homeNumber"] : number,
    number,
    deleted: row["deletedAt"] !== undefined,
    connectionId: textOf(row["connectionId"]),
    formerConnectionId: textOf(row["formerConnectionId"]),
    userName: String(attributes["userName"]),
    externalId: textOf(attributes["externalId"]),
    displayName: textOf(attributes["displayName"]),
    title: textOf(attributes["title"]),
    emails: Array.isArray(emails) ? (emails as readonly Json[]).map(emailOf) : [],
    active: typeof active === "boolean" ? active : undefined,
    team: typeof team === "boolean" ? team : undefined,
    role: textOf(row["role"]),
    access: textOf(row["access"]),
  };
}

function emailOf(value: Json): Email {
  const { value: address, type, primary } = objectOf(value);
  return {
    value: String(address),
    ...(typeof type === "string" && { type }),
    ...(typeof primary === "boolean" && { primary }),
  };
}

function seenFailure(item: JsonObject): SeenFailure {
  const text = (name: string) => String(item[name]);
  return {
    connectionId: text("connectionId"),
    resourceType: text("resourceType"),
    identifier: text("identifier"),
    operation: text("operation"),
    httpStatus: Number(item["httpStatus"]),
    reason: text("reason"),
    attempts: Number(item["attempts"]),
  };
}

function seenGroup(tenant: Tenant, id: string, row: JsonObject, members: readonly SeenMember[]): SeenGroup {
  const connectionId = textOf(row["connectionId"]);
  const departed = tenant.departed.get(connectionId ?? "") ?? new Set();
  const live = new Set(members.filter(({ deleted }) => !deleted).map(({ home }) => home));
  const pages = tenant.groupPages.filter(({ group }) => group === id);
  const numbersOf = (kind: string, generation?: Json): number[] =>
    pages
      .filter((page) => page.kind === kind && (generation === undefined || page.generation === generation))
      .flatMap(({ numbers }) => numbers);
  return {
    id,
    connectionId,
    displayName: String(row["displayName"]),
    externalId: textOf(row["externalId"]),
    access: textOf(row["access"]),
    users: new Set(
      numbersOf("S", row["generation"])
        .filter((number) => !departed.has(number) && !isOfNobody(tenant, number))
        .map((number) => homeOf(tenant, number)),
    ),
    byHand: new Set(numbersOf("H").filter((home) => live.has(home))),
  };
}

/** A page that was copied from a parent's also names users that the child has not. */
function isOfNobody(tenant: Tenant, number: number): boolean {
  const row = tenant.rows.get(number);
  return number >= numbersPerInheritance && (row === undefined || row["goneAtVersion"] !== undefined);
}

function homeOf(tenant: Tenant, number: number): number {
  const home = tenant.rows.get(number)?.["homeNumber"];
  return typeof home === "number" ? home : number;
}

function usageIn(tenant: Tenant): Record<SeatKind, number> {
  const pools = [...tenant.pools.values()];
  const used = (kind: SeatKind) => pools.reduce((sum, pool) => sum + Number(pool[`${kind}Used`]), 0);
  return { users: used("users"), reviewers: used("reviewers"), readers: used("readers") };
}
